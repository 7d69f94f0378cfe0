"""Mixtures of chains: EM against its plain twin, what must hold of it, and planted mixtures found again."""

from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_twin import em_step, followed

from optbudget.errors import ProblemError
from optbudget.files import load, load_population
from optbudget.learn import (
    EventRules,
    Followed,
    Gap,
    ModelOptions,
    context_tree,
    count_histories,
    fit_mixture,
    held_out_score,
    learn_mixture,
    learn_model,
    mixture_scores,
    unit_histories,
)
from optbudget.learn.mixture_models import component_trees
from optbudget.problems.unit_types import join_types
from tests.commands import run, run_json
from tests.test_learn import NAMES, batch_of, random_log

KEEP = EventRules(duplicates="keep")


def planted(seed, units, stay=0.8):
    """A log of two kinds of units, and the kind of each: one repeats its last event, the other changes it.

    What they do next: with probability `stay` the same (kind 0) or another of two events (kind 1); a third
    one in 10 % of cases; a unit ends with probability 0.1 after each event.
    """
    draw = np.random.default_rng(seed)
    rows, kinds = [], draw.random(units) < 0.35
    for unit in range(units):
        event, t = int(draw.integers(2)), 0
        while True:
            rows.append((unit, t, NAMES[event], float(event == 2)))
            if draw.random() < 0.1:
                break
            same = draw.random() < (1 - stay if kinds[unit] else stay)
            event = 2 if draw.random() < 0.1 else (event % 2 if same else 1 - event % 2)
            t += 1
    return rows, kinds


def in_log_order(histories, by_unit):
    """Values by unit number in the order in which the units of histories go."""
    return np.array([by_unit[u] for u in histories.counts.units.id.to_pylist()])


@pytest.mark.parametrize("seed", range(60))
def test_em_is_that_of_the_plain_twin(seed):
    draw = np.random.default_rng(seed)
    rows = [*random_log(seed), (99, 0, "mail", 0.5), (98, 0, "visit", 0.0)]
    order, least, kinds = int(draw.integers(1, 4)), int(draw.integers(1, 5)), int(draw.integers(1, 4))
    strength = float(draw.choice([0.0, 1.5]))
    cuts = {"gap": 2} if draw.random() < 0.4 else {}
    rules = EventRules(gap=Gap.parse(2) if cuts else None, duplicates="keep")
    histories = unit_histories([batch_of(rows)], order=order, rows=rules)
    tree = context_tree(
        histories.counts.kept, histories.counts.names, histories.counts.packing, min_count=least
    )
    what = followed(rows, order, least, **cuts)
    kinds = min(kinds, len(what))
    member = {unit: draw.dirichlet([2.0] * kinds).tolist() for unit in what}
    start = in_log_order(histories, member)
    if (start.sum(axis=0) < 1.0).any():
        return  # A component of less than one unit is dropped; that is another test.
    fitted = fit_mixture(
        Followed.of(histories, tree), kinds, start=start, smoothing=strength, max_iterations=3, tolerance=0
    )
    for _ in range(len(fitted.trace)):
        likelihood, member = em_step(what, member, strength)
    if fitted.components == kinds:
        assert fitted.log_likelihood == pytest.approx(likelihood, rel=1e-9, abs=1e-9)
        found = in_log_order(histories, member)
        order = np.argsort(-fitted.member.sum(axis=0), kind="stable")
        mine = fitted.member[:, order]
        other = found[:, np.argsort(-found.sum(axis=0), kind="stable")]
        assert np.abs(np.sort(mine, axis=1) - np.sort(other, axis=1)).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 0.3, 2.0]))
def test_the_likelihood_never_falls(seed, kinds, least, strength):
    rows = random_log(seed, units=12)
    histories = unit_histories([batch_of(rows)], order=2, rows=KEEP)
    tree = context_tree(
        histories.counts.kept, histories.counts.names, histories.counts.packing, min_count=least
    )
    what = Followed.of(histories, tree)
    kinds = min(kinds, what.units)
    fitted = fit_mixture(what, kinds, seed=seed, smoothing=strength, starts=3)
    assert all(after >= before - 1e-9 for before, after in pairwise(fitted.trace))
    assert fitted.member.sum(axis=1) == pytest.approx(1.0)
    assert fitted.weight.sum() == pytest.approx(1.0) and (np.diff(fitted.weight) <= 0).all()
    assert fitted.components <= kinds == fitted.asked
    again = fit_mixture(what, kinds, seed=seed, smoothing=strength, starts=3)
    assert again.trace == fitted.trace and (again.member == fitted.member).all()


@pytest.mark.parametrize("seed", range(20))
def test_one_component_is_the_model_without_a_mixture(seed):
    rows = [*random_log(seed, units=10), (99, 0, "mail", 0.5)]
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=1 + seed % 3, smoothing=seed % 2)
    histories = unit_histories([batch_of(rows)], order=3, rows=KEEP, held_out=0.3)
    one = learn_mixture(histories, options, 1).problem
    plain = learn_model(histories.counts, options).problem
    assert one.states == plain.states and set(one.state_type) == {"type1"}
    for name in (
        "pair_row",
        "row_ptr",
        "next_state",
        "probability",
        "utility",
        "cost",
        "initial_probability",
    ):
        assert (getattr(one, name) == getattr(plain, name)).all(), name
    assert (one.initial_state == plain.initial_state).all()


def test_units_that_surely_belong_somewhere_make_the_models_of_their_part_of_the_log():
    rows = random_log(5, units=30, longest=20)
    histories = unit_histories([batch_of(rows)], order=3, rows=KEEP)
    counts = histories.counts
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=2)
    sure = {unit: float(unit % 2) for unit in {row[0] for row in rows}}
    first = in_log_order(histories, sure)
    what = Followed.of(histories, tree)
    parts = component_trees(tree, what, np.stack([1 - first, first], axis=1), 2, histories)
    for k, part in enumerate(parts):
        mine = [row for row in rows if row[0] % 2 == k]
        alone = count_histories([batch_of([(0, 0, n, 0.0) for n in counts.names] + mine)], order=3, rows=KEEP)
        own = count_histories([batch_of(mine)], order=3, rows=KEEP)
        other = context_tree(own.kept, own.names, own.packing, min_count=2)
        assert set(alone.names) == set(counts.names)
        place = {label: i for i, label in enumerate(other.labels)}
        assert set(place) == set(part.labels)
        at = [place[label] for label in part.labels]
        assert (part.count == other.count[at]).all() and (part.value == other.value[at]).all()
        for i, j in enumerate(at):
            mine_row, other_row = (
                {t.names[s - 2] if s > 1 else "end": (n, "" if f < 0 else t.labels[f])
                 for s, n, f in zip(*(c[t.row_ptr[x] : t.row_ptr[x + 1]].tolist()
                                      for c in (t.row_symbol, t.times, t.following)), strict=True)}
                for t, x in ((part, i), (other, j))
            )  # fmt: skip
            assert mine_row == other_row


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 60), max_size=4))
def test_histories_by_unit_do_not_depend_on_batches(seed, cuts):
    rows = list({row[:3]: row for row in random_log(seed)}.values())
    rules = EventRules(gap=Gap.parse(2), duplicates="drop")
    whole = unit_histories([batch_of(rows)], order=3, rows=rules, held_out=0.4)
    at = sorted({min(c, len(rows)) for c in cuts} | {0, len(rows)})
    parts = unit_histories([batch_of(rows[a:b]) for a, b in pairwise(at)], order=3, rows=rules, held_out=0.4)
    for name in ("ptr", "words", "valued", "value", "held"):
        assert (getattr(whole, name) == getattr(parts, name)).all(), name
    words, count = np.unique(whole.words[:, 0], return_counts=True)
    both = {int(w): int(c) for table in (whole.counts.kept, whole.counts.held)
            for w, c in zip(table.words[:, 0], table.count, strict=True)}  # fmt: skip
    assert set(words.tolist()) == set(both) and count.sum() == sum(
        int(table.count.sum()) for table in (whole.counts.kept, whole.counts.held)
    )


def test_a_planted_mixture_is_found_again():
    errors, right = [], []
    for units in (300, 3000, 30_000):
        rows, kinds = planted(1, units)
        histories = unit_histories([batch_of(rows)], order=1, rows=KEEP)
        options = ModelOptions(actions=["mail"], costs={"mail": 1})
        learned = learn_mixture(histories, options, 2, seed=3)
        second = in_log_order(histories, kinds.tolist())
        right.append((learned.mixture.member.argmax(axis=1) == second).mean())
        p = learned.problem
        found = []
        for name, stay in (("type1", 0.8), ("type2", 0.2)):
            row = p.pair_row[p.pair_ptr[p.labels.index(f"{name}/mail")]]
            part = slice(int(p.row_ptr[row]), int(p.row_ptr[row + 1]))
            into = dict(zip((p.labels[j] for j in p.next_state[part]), p.probability[part], strict=True))
            found.append(abs(into[f"{name}/mail"] - 0.9 * 0.9 * stay))
        errors.append(max(found))
        assert learned.mixture.weight[0] == pytest.approx(0.65, abs=4 / units**0.5)
    # Of two thirds of the units the best classifier knows the kind: many have one or two events.
    assert min(right) > 0.80 and errors[-1] < 0.01 < errors[0] < 0.15


def test_units_held_out_choose_the_number_of_components():
    rows, _ = planted(2, 4000)
    histories = unit_histories([batch_of(rows)], order=1, rows=KEEP, held_out=0.25)
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=2)
    scores = mixture_scores(histories, options, 3)
    counts = histories.counts
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=2)
    single = held_out_score(tree, counts.held, counts.packing).log_likelihood[1]
    assert scores[0].log_likelihood == pytest.approx(single, rel=1e-12)
    assert scores[1].log_likelihood > scores[0].log_likelihood + 0.01
    assert scores[2].log_likelihood < scores[1].log_likelihood + 0.001


def test_a_component_of_nobody_is_dropped():
    rows, _ = planted(3, 40)
    histories = unit_histories([batch_of(rows)], order=1, rows=KEEP)
    counts = histories.counts
    what = Followed.of(histories, context_tree(counts.kept, counts.names, counts.packing, min_count=1))
    start = np.full((40, 3), [0.6, 0.39, 0.01])
    fitted = fit_mixture(what, 3, start=start)
    assert (fitted.components, fitted.asked) == (2, 3)
    assert fitted.member.sum(axis=1) == pytest.approx(1.0)


def test_what_cannot_be_is_refused():
    rows, _ = planted(3, 5)
    histories = unit_histories([batch_of(rows)], order=1, rows=KEEP)
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=1)
    with pytest.raises(ProblemError, match="6 components are more than the 5 units"):
        learn_mixture(histories, options, 6)
    with pytest.raises(ProblemError, match="components is 0"):
        learn_mixture(histories, options, 0)
    with pytest.raises(ProblemError, match="no unit is held out"):
        mixture_scores(histories, options, 2)
    with pytest.raises(ProblemError, match="order is 0"):
        learn_mixture(histories, ModelOptions(actions=["mail"], costs={"mail": 1}, order=0), 2)
    one = learn_model(histories.counts, options).problem
    with pytest.raises(ProblemError, match="shares must be >= 0 and sum to 1"):
        join_types([one, one], ["a", "b"], np.array([0.5, 0.6]))
    with pytest.raises(ProblemError, match="listed twice"):
        join_types([one, one], ["a", "a"], np.array([0.5, 0.5]))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("mixed") / "log.csv"
    rows, _ = planted(4, 1500)
    lines = [f"{u},{t},{e},{10 * v:g}" for u, t, e, v in rows]
    path.write_text("\n".join(["unit,time,event,value", *lines]) + "\n")
    return path


ASKED = ["--actions", "mail", "--cost", "mail=1", "--order", "1"]


def test_the_command_writes_types_memberships_and_a_population(log, tmp_path):
    said = run_json("learn", log, *ASKED, "--components", 2, "--seed", 1, "--out", tmp_path / "m")
    assert set(said["mixture"]["weights"]) == {"type1", "type2"} and said["mixture"]["stop"] == "converged"
    members = pq.read_table(tmp_path / "m" / "memberships.parquet")
    assert members.column_names == ["unit", "type", "state", "probability"] and members.num_rows == 3000
    shares = np.asarray(members.column("probability")).reshape(-1, 2)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert shares.mean(axis=0).tolist() == pytest.approx(list(said["mixture"]["weights"].values()), abs=1e-6)
    problem = load(tmp_path / "m")
    assert set(problem.state_type) == {"type1", "type2"} and problem.n_states == said["states"]
    population = load_population(tmp_path / "m", problem)
    assert population.size == 1500
    run("learn", log, *ASKED, "--components", 2, "--seed", 1, "--out", tmp_path / "again")
    for path in (tmp_path / "m").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    (tmp_path / "m" / "README.md").write_text("mine")
    run("learn", log, *ASKED, "--out", tmp_path / "m")
    there = {path.name for path in (tmp_path / "m").iterdir()}
    assert "README.md" in there and "memberships.parquet" not in there
    assert load_population(tmp_path / "m", load(tmp_path / "m")).size == 1500


def test_the_command_takes_the_best_number_of_components(log, tmp_path):
    said = run_json("learn", log, *ASKED, "--components", 3, "--held-out", 0.3, "--out", tmp_path / "m")
    scores = [row["log_likelihood"] for row in said["mixture"]["held_out"]]
    assert len(scores) == 3 and said["mixture"]["components"] == 1 + int(np.argmax(scores)) > 1
    said = run_json("learn", log, *ASKED, "--components", 1, "--out", tmp_path / "one")
    assert said["mixture"]["components"] == 1
    assert not load(tmp_path / "one").state_type


def test_the_command_refuses_to_add_to_a_mixture(log, tmp_path):
    run("learn", log, *ASKED, "--components", 2, "--out", tmp_path / "m")
    refused = run("learn", log, *ASKED, "--update", "--out", tmp_path / "m", code=2)
    assert "learn it again from the whole log" in refused.stderr
    refused = run("learn", log, *ASKED, "--update", "--components", 2, "--out", tmp_path / "m", code=2)
    assert "learn it at once" in refused.stderr
