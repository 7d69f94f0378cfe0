"""Learned models against the plain twin, logs cut into batches, and what must hold of contexts."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_twin import (
    held_out_likelihood,
    histories,
    learned_model,
    longest_suffix,
    stored_contexts,
    suffix_counts,
)

from optbudget import load
from optbudget.errors import ProblemError
from optbudget.files import load_population
from optbudget.learn import (
    EventBatch,
    EventRules,
    Gap,
    ModelOptions,
    context_tree,
    count_histories,
    held_out_score,
    learn_model,
    standing,
    update,
)
from optbudget.learn.counting import held_out
from optbudget.learn.units import by_unit, unit_hashes
from optbudget.problems.history_counts import FIRST_EVENT, GramTable, Packing
from tests.commands import run

NAMES = ("mail", "visit", "call", "buy")


def random_log(seed, *, names=NAMES, units=6, longest=12):
    """Rows (unit, time, event, value) of a small random log, units mixed, with ties in time."""
    draw = np.random.default_rng(seed)
    waiting = []
    for unit in range(int(draw.integers(1, units + 1))):
        length = int(draw.integers(1, longest + 1))
        times = np.cumsum(draw.integers(0, 4, size=length)).tolist()
        liked = draw.choice(len(names), size=2)
        rows = []
        for time in times:
            name = names[int(draw.choice(liked) if draw.random() < 0.6 else draw.integers(len(names)))]
            rows.append((unit, time, name, float(draw.integers(0, 4)) / 2 if name == "buy" else 0.0))
        waiting.append(rows[::-1])
    mixed = []
    while waiting := [rows for rows in waiting if rows]:
        mixed.append(waiting[int(draw.integers(len(waiting)))].pop())
    return mixed


def batch_of(rows, text=False):
    """The rows as a batch."""
    unit, time, event, value = zip(*rows, strict=True)
    unit = [f"u{u}" for u in unit] if text else unit
    return EventBatch.of(list(unit), list(time), list(event), value=list(value))


def moves_of(problem):
    """{(state, action): {next: probability}} of a problem."""
    first, entry = problem.pair_entries
    found = {}
    for a in range(problem.cost.size):
        part = entry[first[a] : first[a + 1]]
        key = problem.states[problem.pair_state[a]], problem.actions[problem.pair_action[a]]
        nexts = [problem.states[j] for j in problem.next_state[part]]
        found[key] = dict(zip(nexts, problem.probability[part].tolist(), strict=True))
    return found


@pytest.mark.parametrize("seed", range(200))
def test_a_learned_model_is_that_of_the_plain_twin(seed):
    draw = np.random.default_rng(10_000 + seed)
    rows = [*random_log(seed), (99, 0, "mail", 0.5), (99, 1, "mail", 0.5)]
    present = sorted({event for _, _, event, _ in rows})
    actions = [name for name in present if draw.random() < 0.6] or present[:1]
    order = int(draw.integers(0, 5))
    given = {
        "min_count": int(draw.integers(1, 5)),
        "prune_ratio": float(draw.choice([0.0, 0.0, 0.731])),
        "smoothing": float(draw.choice([0.0, 0.0, 1.5])),
    }
    cuts = {}
    if draw.random() < 0.4:
        cuts["gap"] = int(draw.integers(1, 4))
    if draw.random() < 0.3:
        cuts["terminal"] = (present[0],)
    if draw.random() < 0.5:
        given["in_place_of"] = tuple(name for name in present if draw.random() < 0.5)
    given["withheld"] = bool(set(present) - set(actions)) and draw.random() < 0.5
    if draw.random() < 0.5:
        cuts["cut_off"] = True
    rules = EventRules(
        gap=Gap.parse(cuts["gap"]) if "gap" in cuts else None,
        terminal=cuts.get("terminal", ()),
        duplicates="keep",
    )
    counts = count_histories([batch_of(rows)], order=max(order, 1), rows=rules)
    costs = {name: 1.0 + k for k, name in enumerate(actions)}
    options = ModelOptions(
        actions=actions, costs=costs, order=order, cut_off=cuts.get("cut_off", False), **given
    )
    learned = learn_model(counts, options)
    states, moves, utility, initial = learned_model(rows, order=order, actions=actions, **given, **cuts)
    problem = learned.problem
    assert set(problem.states) == states
    found = moves_of(problem)
    assert found.keys() == moves.keys()
    exact = not (given["smoothing"] or given["withheld"])
    for key, row in moves.items():
        assert found[key].keys() == row.keys(), key
        for name, p in row.items():
            assert found[key][name] == (p if exact else pytest.approx(p, rel=1e-12)), key
    for a in range(problem.cost.size):
        assert problem.utility[a] == pytest.approx(utility[problem.states[problem.pair_state[a]]], rel=1e-12)
        assert problem.cost[a] == {"none": 0.0, **costs}[problem.actions[problem.pair_action[a]]]
    begun = zip(problem.initial_state.tolist(), problem.initial_probability.tolist(), strict=True)
    assert {problem.states[i]: p for i, p in begun} == initial


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 60), max_size=5), st.booleans(), st.booleans())
def test_any_split_into_batches_gives_the_same_counts(seed, cuts, text, strict):
    rows = random_log(seed)
    if strict:
        rows = list({row[:3]: row for row in rows}.values())
    rules = EventRules(gap=Gap.parse(2), duplicates="drop")
    whole = count_histories([batch_of(rows, text)], order=3, rows=rules, held_out=0.3)
    at = sorted({min(c, len(rows)) for c in cuts} | {0, len(rows)})
    parts = [batch_of(rows[a:b], text) for a, b in pairwise(at)]
    assert_same(whole, count_histories(parts, order=3, rows=rules, held_out=0.3))
    grown = count_histories(parts[:1], order=3, rows=rules, held_out=0.3)
    for part in parts[1:]:
        grown = update(grown, [part])
    assert_same(whole, grown)


def assert_same(one, other):
    """Equal to the bit."""
    assert one.names == other.names and one.rule == other.rule and one.seen == other.seen
    for table in ("kept", "held"):
        for column in ("words", "count", "value"):
            a, b = (getattr(getattr(counts, table), column) for counts in (one, other))
            assert a.shape == b.shape and (a == b).all()
    assert one.units.id.equals(other.units.id)
    for column in ("history", "time", "value", "tied_ptr", "tied_event"):
        a, b = (getattr(counts.units, column) for counts in (one, other))
        assert a.shape == b.shape and (a == b).all(), column
    assert (one.times == other.times).all() and (one.cost == other.cost).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.5, 2.0]))
def test_contexts_are_closed_and_rows_are_distributions(seed, least, ratio):
    rows = random_log(seed)
    counts = count_histories([batch_of(rows)], order=4, rows=EventRules(duplicates="keep"))
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=least, prune_ratio=ratio)
    stored = {tuple(label.split(">")) for label in tree.labels[1:]}
    for context in stored - {("start",)}:
        assert len(context) == 1 or {context[1:], context[:-1]} <= stored
    assert (np.add.reduceat(tree.times, tree.row_ptr[:-1]) == tree.count).all()
    # The state after any events is the longest stored suffix of all of them.
    draw = np.random.default_rng(seed)
    node, past = 1, ()
    for _ in range(60):
        span = slice(int(tree.row_ptr[node]), int(tree.row_ptr[node + 1]))
        entry = int(draw.integers(span.start, span.stop))
        if tree.following[entry] < 0:
            node, past = 1, ()
            continue
        node = int(tree.following[entry])
        past = (*past, counts.names[tree.row_symbol[entry] - FIRST_EVENT])
        assert tree.labels[node] == ">".join(longest_suffix(past, stored))


@pytest.mark.parametrize("kinds, order", [(70, 10), (3, 30), (1100, 5), (2, 40)])
def test_histories_of_several_words_are_those_of_the_twin(kinds, order):
    names = tuple(f"e{k}" for k in range(kinds))
    draw = np.random.default_rng(kinds)
    motif = draw.integers(kinds, size=15)
    rows = [(9, t, name, 0.0) for t, name in enumerate(names)]
    for unit in range(5):
        for t in range(40):
            code = int(motif[t % 15]) if draw.random() < 0.85 else int(draw.integers(kinds))
            rows.append((unit, t, names[code], float(code == 0)))
    counts = count_histories([batch_of(rows[:70]), batch_of(rows[70:])], order=order)
    assert counts.packing.words == 2
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=2)
    seen, _, after = suffix_counts(rows, order)
    assert {tuple(label.split(">")) for label in tree.labels[1:]} == stored_contexts(seen, after, 2)
    assert [seen[tuple(label.split(">"))] for label in tree.labels[1:]] == tree.count[1:].tolist()


def test_a_context_seen_exactly_often_enough_is_stored():
    rows = [(u, t, e, 1.0) for u in range(3) for t, e in enumerate(("mail", "visit"))]
    counts = count_histories([batch_of(rows)], order=2)
    for least, there in ((3, True), (4, False)):
        tree = context_tree(counts.kept, counts.names, counts.packing, min_count=least)
        assert ("mail>visit" in tree.labels) is there


def test_one_unit_with_one_event():
    counts = count_histories([batch_of([(7, 3, "mail", 2.0)])], order=3)
    problem = learn_model(counts, ModelOptions(actions=["mail"], costs={"mail": 1})).problem
    assert problem.states == ("start", "mail", "end")
    assert moves_of(problem)["mail", "none"] == {"end": 1.0}
    assert moves_of(problem)["start", "none"] == {"mail": 1.0}
    assert moves_of(problem)["start", "mail"] == {"end": 1.0}


def test_held_out_scores_are_those_of_the_twin():
    rows = [row for seed in range(12) for row in ((100 * seed + r[0], *r[1:]) for r in random_log(seed))]
    counts = count_histories([batch_of(rows)], order=3, rows=EventRules(duplicates="keep"), held_out=0.3)
    import pyarrow as pa

    ids = sorted({row[0] for row in rows})
    out = held_out(unit_hashes(pa.array(ids))[0], 0.3)
    others = {u for u, o in zip(ids, out.tolist(), strict=True) if o}
    assert 0 < len(others) < len(ids)
    kept, held = ([r for r in rows if (r[0] in others) is side] for side in (False, True))
    tree = context_tree(counts.kept, counts.names, counts.packing, min_count=2)
    for smoothing in (0.0, 2.5):
        score = held_out_score(tree, counts.held, counts.packing, smoothing=smoothing)
        for order in range(4):
            total, zeros = held_out_likelihood(kept, held, order, 2, smoothing or 1.0)
            assert score.log_likelihood[order] * score.events == pytest.approx(total, rel=1e-12)
            assert score.never[order] == zeros
    assert int(score.weight.sum()) > 0
    happened = np.nansum(score.happened * score.weight)
    assert happened <= score.events


def test_units_are_grouped_in_the_order_of_the_log():
    import pyarrow as pa

    draw = np.random.default_rng(0)
    ids = draw.integers(0, 3000, size=60_000)
    for array in (
        pa.array(ids),
        pa.array(ids).cast(pa.string()),
        pa.array(ids).cast(pa.string()).dictionary_encode(),
    ):
        rows = by_unit(array)
        assert (rows.hash[1:] > rows.hash[:-1]).all() and rows.hash.size == np.unique(ids).size
        for u in range(0, rows.hash.size, 97):
            part = rows.row[rows.ptr[u] : rows.ptr[u + 1]]
            assert (np.diff(part) > 0).all() and np.unique(ids[part]).size == 1
        assert sorted(rows.row.tolist()) == list(range(ids.size))


def test_repacking_keeps_symbols_and_order():
    narrow, wide = Packing(5, 3), Packing(5, 11)
    draw = np.random.default_rng(1)
    symbols = draw.integers(0, 8, size=(50, 6))
    words = np.zeros((50, narrow.words), dtype=np.uint64)
    for position in range(6):
        word, shift = narrow.place(position)
        words[:, word] |= symbols[:, position].astype(np.uint64) << np.uint64(shift)
    again = narrow.repacked(words, wide)
    for position in range(6):
        assert (wide.symbol(again, position) == symbols[:, position]).all()
    assert (np.lexsort(words.T[::-1]) == np.lexsort(again.T[::-1])).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"actions": ["mial"]}, "'mial' never occurs in the log.*did you mean 'mail'"),
        ({"actions": []}, "no action is named"),
        ({"actions": ["none"]}, "'none' is there without being named"),
        ({"actions": ["mail", "mail"]}, "named twice"),
        ({"actions": ["mail"], "costs": {"cal": 1}}, "cost is given for 'cal', which is no action"),
        ({"actions": ["mail"], "costs": {"mail": -1}}, "must be a number >= 0"),
        ({"actions": ["mail"]}, "what 'mail' costs is not known.*--cost mail=C"),
        ({"actions": ["mail"], "costs": {"mail": 1}, "in_place_of": ["bye"]}, "in place of 'bye'.*'buy'"),
        ({"actions": ["mail"], "costs": {"mail": 1}, "order": 9}, "order is 9"),
        ({"actions": ["mail"], "costs": {"mail": 1}, "order": -1}, "order is -1"),
        ({"actions": ["mail"], "costs": {"mail": 1}, "min_count": 0}, "min_count is 0"),
        ({"actions": ["mail"], "costs": {"mail": 1}, "smoothing": math.nan}, "smoothing is nan"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    counts = count_histories([batch_of([(1, 1, "mail", 0.0), (1, 2, "buy", 1.0)])], order=2)
    with pytest.raises(ProblemError, match=message):
        learn_model(counts, ModelOptions(**options))


def test_a_log_without_values_is_refused():
    counts = count_histories([batch_of([(1, 1, "mail", 0.0)])], order=2)
    with pytest.raises(ProblemError, match=r"nothing to gain.*--conversion event=V"):
        learn_model(counts, ModelOptions(actions=["mail"], costs={"mail": 1}))


@pytest.mark.parametrize(
    "value, message", [(1e-9, "from a millionth"), (1e12, "from a millionth"), (-2e12, "from a millionth")]
)
def test_values_beyond_millionths_are_refused(value, message):
    with pytest.raises(ProblemError, match=message):
        count_histories([batch_of([(1, 1, "mail", value)])], order=2)


def test_values_that_add_up_to_too_much_are_refused():
    parts = [batch_of([(u, 1, "buy", 9e9) for u in range(k, k + 200)]) for k in (0, 200)]
    count_histories(parts[:1], order=1)
    with pytest.raises(ProblemError, match="'value' adds up to more than"):
        count_histories(parts, order=1)


def test_counts_that_do_not_belong_to_the_units_are_refused():
    first = count_histories([batch_of([(1, 1, "mail", 1.0)])], order=2)
    from dataclasses import replace

    forged = replace(first, kept=GramTable.empty(1))
    with pytest.raises(ProblemError, match="do not belong together"):
        update(forged, [batch_of([(1, 2, "mail", 1.0)])])


def test_units_must_stay_of_one_kind():
    with pytest.raises(ProblemError, match="must be of one kind"):
        count_histories(
            [batch_of([(1, 1, "mail", 1.0)]), batch_of([(1, 1, "mail", 1.0)], text=True)], order=2
        )


def test_models_are_made_of_the_units_held_out_too():
    rows = random_log(3)
    both = [
        learn_model(
            count_histories([batch_of(rows)], order=2, rows=EventRules(duplicates="keep"), held_out=share),
            ModelOptions(actions=["buy"], costs={"buy": 1}, min_count=1),
        ).problem
        for share in (0.0, 0.5)
    ]
    assert both[0].states == both[1].states and (both[0].probability == both[1].probability).all()


def test_units_stand_where_the_twin_puts_them():
    rows = [row for seed in range(30) for row in ((100 * seed + r[0], *r[1:]) for r in random_log(seed))]
    counts = count_histories(
        [batch_of(rows)], order=4, rows=EventRules(duplicates="keep", terminal=("call",)), held_out=0.3
    )
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=3, cut_off=True)
    learned = learn_model(counts, options)
    found = standing(learned)
    stored = {tuple(name.split(">")) for name in learned.problem.states}
    expected = {}
    for unit in {row[0] for row in rows}:
        past = histories([row for row in rows if row[0] == unit], terminal=("call",))[-1]
        if past[-1][0] != "call":
            expected[unit] = ">".join(longest_suffix(tuple(event for event, _ in past)[-4:], stored))
    where = [learned.problem.states[k] for k in found.unit_state.tolist()]
    assert dict(zip(found.unit.tolist(), where, strict=True)) == expected
    assert len(expected) < len({row[0] for row in rows}) and max(name.count(">") for name in where) >= 2
    assert found.count.sum() == len(expected)


def test_a_log_that_was_cut_off_has_no_ends_and_withheld_rows_no_actions():
    """By hand: of two visits one is followed by mail, the other ends the log."""
    rows = [(1, 1, "visit", 1.0), (1, 2, "mail", 0.0), (1, 3, "visit", 1.0), (2, 1, "visit", 1.0),
            (2, 2, "buy", 9.0), (2, 3, "visit", 1.0)]  # fmt: skip
    counts = count_histories([batch_of(rows)], order=1)
    given = {"actions": ["mail"], "costs": {"mail": 1}, "min_count": 1}
    as_logged = moves_of(learn_model(counts, ModelOptions(**given)).problem)
    assert as_logged["visit", "none"] == {"end": 0.5, "mail": 0.25, "buy": 0.25}
    cut = moves_of(learn_model(counts, ModelOptions(cut_off=True, **given)).problem)
    assert cut["visit", "none"] == {"mail": 0.5, "buy": 0.5}
    alone = learn_model(counts, ModelOptions(cut_off=True, withheld=True, in_place_of=["visit"], **given))
    moves = moves_of(alone.problem)
    assert moves["visit", "none"] == {"buy": 1.0} and moves["visit", "mail"] == {"visit": 1.0}
    assert ("buy", "mail") not in moves and ("mail", "mail") not in moves


def test_nothing_but_actions_is_refused():
    counts = count_histories([batch_of([(1, 1, "mail", 1.0), (1, 2, "mail", 1.0)])], order=1)
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, withheld=True, cut_off=True)
    with pytest.raises(ProblemError, match="nothing but actions follows"):
        learn_model(counts, options)


def test_learn_writes_where_the_units_stand(tmp_path):
    """An update moves them; ids that a spreadsheet takes for formulas come back as they were."""
    log = tmp_path / "log.csv"
    log.write_text("unit,time,event,value\nann,1,visit,1\nann,2,visit,1\n=bob,1,mail,0\n=bob,2,visit,1\n")
    given = ["--actions", "mail", "--cost", "mail=1", "--order", "2", "--min-count", "1"]
    given += ["--in-place-of", "visit", "--withhold", "--cut-off"]
    found = json.loads(run("learn", str(log), *given, "--out", str(tmp_path / "m"), "--json").stdout)
    assert found["units"] == 2
    problem = load(tmp_path / "m")
    mail = problem.states.index("mail")
    assert problem.pair_ptr[mail + 1] - problem.pair_ptr[mail] == 1

    def standing_of():
        units = load_population(tmp_path / "m", problem)
        return {str(u): problem.states[k] for u, k in zip(units.unit, units.unit_state, strict=True)}

    assert standing_of() == {"ann": "visit", "=bob": "visit"}
    log.write_text("unit,time,event,value\nann,3,mail,0\n")
    run("learn", str(log), "--update", "--out", str(tmp_path / "m"))
    problem = load(tmp_path / "m")
    assert standing_of()["ann"].endswith("mail")
    assert json.loads((tmp_path / "m" / "learned.json").read_text())["options"]["cut_off"] is True


@pytest.mark.parametrize("column", ["value", "cost"])
@pytest.mark.parametrize("first", [True, False])
def test_money_that_only_some_batches_have_is_refused_or_0(column, first):
    money = {"value": [1.0, 2.0], "cost": [0.5, 0.0]}
    whole = EventBatch.of([1, 1], [1, 2], ["mail", "buy"], **money)
    part = EventBatch.of([2, 2], [1, 2], ["mail", "buy"], **{k: v for k, v in money.items() if k != column})
    batches = [whole, part] if first else [part, whole]
    with pytest.raises(ProblemError, match=f"the log began with other columns: {column}"):
        count_histories(batches, order=2)
    known = count_histories(batches[:1], order=2)
    with pytest.raises(ProblemError, match=f"the log began with other columns: {column}"):
        update(known, batches[1:])
    filled = EventBatch.of([2, 2], [1, 2], ["mail", "buy"], **{**money, column: [0.0, 0.0]})
    zeros = count_histories([filled if batch is part else batch for batch in batches], order=2)
    assert_same(zeros, count_histories(batches, order=2, missing_as_zero=True))
    assert_same(zeros, update(known, batches[1:], missing_as_zero=True))
    assert zeros.money == {"value", "cost"}


def test_a_conversion_does_not_hide_that_values_are_missing():
    first = EventBatch.of([1], [1], ["visit"], value=[3.0])
    more = EventBatch.of([1, 1], [2, 3], ["visit", "buy"])
    known = count_histories([first, EventBatch.of([9], [1], ["buy"], value=[0.0])],
                            order=2, rows=EventRules(conversion={"buy": 20.0}))  # fmt: skip
    with pytest.raises(ProblemError, match="other columns: value"):
        update(known, [more])


def test_withheld_start_is_without_actions_and_units_come_as_observed():
    rows = [
        (1, 1, "mail", 0.0),
        (1, 2, "buy", 1.0),
        (2, 1, "visit", 0.0),
        (2, 2, "mail", 0.0),
        (3, 1, "buy", 1.0),
    ]
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=1, withheld=True)
    learned = learn_model(count_histories([batch_of(rows)], order=2), options)
    found = moves_of(learned.problem)
    assert found["start", "none"] == {"visit": 0.5, "buy": 0.5}
    begun = {learned.problem.states[i] for i in learned.problem.initial_state.tolist()}
    assert begun == {"mail", "visit", "buy"}
    only = learn_model(count_histories([batch_of(rows[:2])], order=2), options)
    assert moves_of(only.problem)["start", "none"] == {"buy": 0.5, "end": 0.5}
