"""What DoWhy says of the same effects: the same numbers, and its refuters without their traps."""

import itertools
import runpy
from pathlib import Path

import numpy as np
import pytest
from test_examples import installed

from optbudget.causal.adjustment import Adjustments, tiers_set
from optbudget.causal.dowhy_adapter import LinearEffect
from optbudget.causal.effects import estimate_effects
from optbudget.causal.regression import Numbers
from optbudget.problems import CausalGraph, CausalQuestion, History

pytest.importorskip("dowhy")
pytestmark = pytest.mark.filterwarnings("ignore")

QUESTION = CausalQuestion(("sales + tax", "y~x"), ("d 1", "d2"), ("out", "side"))
NAMES = QUESTION.columns
GRAPH = CausalGraph.of(
    NAMES, [(NAMES[0], "d 1"), (NAMES[0], "out"), (NAMES[1], "d2"), ("d 1", "out"), ("d2", "side")]
)


def history(rows=120, seed=0):
    """Two context columns, a decision with two values, one with many; names that are formulas."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    d = (x[:, 0] + rng.normal(size=rows) > 0).astype(float)
    e = x[:, 1] + rng.normal(size=rows)
    out = 2 * d + x[:, 0] + rng.normal(size=rows)
    return History(QUESTION, np.column_stack((x, d, e, out, e - x[:, 1] + rng.normal(size=rows))))


def test_dowhy_gives_the_same_numbers():
    data = history()
    effects = estimate_effects(data, GRAPH, level=0.9, refutations=0)
    numbers = Numbers.from_history(data)
    for row in effects.rows:
        if row.method != "backdoor":
            continue
        theirs = LinearEffect(numbers, row.decision, row.outcome, row.adjusted_for).estimate(0.9)
        for part in ("effect", "std_error", "lower", "upper"):
            assert getattr(theirs, part) == pytest.approx(getattr(row.known, part), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("exponent", [-600, 600])
def test_dowhy_is_given_numbers_whose_squares_are_doubles(exponent):
    data = history()
    values = data.values * np.ldexp(1.0, [0, exponent, 0, exponent, 0, -exponent])
    for decision, outcome, units in (("d2", "out", -exponent), ("d 1", "side", -exponent)):
        adjusted = tiers_set(QUESTION, decision)
        plain, scaled = (
            LinearEffect(Numbers.from_history(each), decision, outcome, adjusted).refutations(3, 0)
            for each in (data, History(QUESTION, values))
        )
        for name in ("placebo", "random_common_cause", "data_subset"):
            assert scaled[name] == pytest.approx(np.ldexp(plain[name], units), rel=1e-6, abs=0)
            assert scaled[f"{name}_p"] == pytest.approx(plain[f"{name}_p"], rel=1e-6)
        assert scaled["robustness"] == pytest.approx(plain["robustness"], rel=1e-6)


@pytest.mark.parametrize("unit", [1.0, 2.0**-600])
def test_refutations_do_not_depend_on_where_a_column_begins(unit):
    data = history()
    adjusted = tiers_set(QUESTION, "d2")
    plain, far = (
        LinearEffect(Numbers.from_history(each), "d2", "out", adjusted).refutations(3, 0)
        for each in (
            data,
            History(
                QUESTION,
                (data.values + np.array([1e9, 0, 0, 1e11, 1e10, 0])) * np.array([1, 1, 1, unit, unit, 1]),
            ),
        )
    )
    for name, value in plain.items():
        assert far[name] == pytest.approx(value, rel=1e-3, abs=1e-4)


def test_refutations_are_repeatable_and_show_what_they_should():
    effect = LinearEffect(Numbers.from_history(history(400)), "d 1", "out", tiers_set(QUESTION, "d 1"))
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - that of DoWhy
    found = effect.refutations(8, seed=3)
    assert found == effect.refutations(8, seed=3)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    known = effect.estimate(0.95)
    assert abs(found["placebo"]) < 2 * known.std_error < abs(known.effect)
    assert found["placebo"] != 0.0
    assert found["random_common_cause"] == pytest.approx(known.effect, abs=known.std_error)
    assert found["data_subset"] == pytest.approx(known.effect, abs=2 * known.std_error)
    assert found["data_subset_p"] > 1e-3
    assert found["doubly_robust"] == pytest.approx(2.0, abs=1.0)
    assert found != effect.refutations(8, seed=4)


def test_the_robustness_value_is_that_of_dowhy():
    from dowhy.causal_refuters.add_unobserved_common_cause import sensitivity_linear_partial_r2

    effect = LinearEffect(Numbers.from_history(history()), "d2", "side", tiers_set(QUESTION, "d2"))
    theirs = sensitivity_linear_partial_r2(
        effect.data, effect.found, [effect.x], frac_strength_treatment=[0.01], frac_strength_outcome=[0.01],
        percent_change_estimate=1.0, benchmark_common_causes=effect.given[:1], significance_level=0.05,
        null_hypothesis_effect=0.0, plot_estimate=False,
    )  # fmt: skip
    assert effect.refutations(2, 0)["robustness"] == pytest.approx(theirs.stats["robustness_value"])


def test_estimate_effects_carries_the_refutations_of_each_row():
    data = history(60)
    effects = estimate_effects(data, GRAPH, refutations=2, seed=1)
    for row in effects.rows:
        assert bool(row.refutations) == (row.method == "backdoor")
    row = effects["d2", "side"].tiers
    assert set(dict(row.refutations)) >= {"placebo", "placebo_p", "data_subset", "robustness"}
    again = estimate_effects(data, GRAPH, refutations=2, seed=1)
    assert [row.refutations for row in effects.rows] == [row.refutations for row in again.rows]


def test_an_effect_without_adjustment_is_refuted_too():
    found = LinearEffect(Numbers.from_history(history()), "d2", "side", ()).refutations(2, 0)
    assert "doubly_robust" not in found
    assert 0 < found["robustness"] < 1


def test_dowhys_own_identification_agrees_on_small_graphs():
    """Every set that DoWhy finds is valid by ours, and ours passes DoWhy's check."""
    import networkx as nx
    from dowhy.causal_identifier.auto_identifier import BackdoorAdjustment, identify_backdoor
    from dowhy.graph import check_valid_backdoor_set

    nodes, rng = tuple("abcde"), np.random.default_rng(8)
    seen = 0
    for _ in range(12):
        edges = [pair for pair in itertools.combinations(nodes, 2) if rng.random() < 0.5]
        graph = nx.DiGraph(edges)
        graph.add_nodes_from(nodes)
        adjustments = Adjustments(CausalGraph.of(nodes, edges))
        for x, y in itertools.combinations(nodes, 2):
            if adjustments.of(x, y).method != "backdoor":
                continue
            seen += 1
            sets = identify_backdoor(
                graph, [x], [y], list(nodes), backdoor_adjustment=BackdoorAdjustment.BACKDOOR_EXHAUSTIVE
            )
            for theirs in sets:
                assert adjustments.is_valid(x, y, theirs.get_adjustment_variables())
            ours = adjustments.of(x, y).variables
            surgery = graph.copy()
            surgery.remove_edges_from(list(graph.out_edges(x)))
            assert check_valid_backdoor_set(graph, [x], [y], set(ours), new_graph=surgery)["is_dseparated"]
    assert seen > 20


@pytest.mark.nightly
def test_workers_refute_as_this_process_does():
    from optbudget.workers.local import LocalCrew

    data = history(60)
    here = estimate_effects(data, GRAPH, refutations=2, seed=1)
    with LocalCrew(2) as crew:
        there = estimate_effects(data, GRAPH, refutations=2, seed=1, crew=crew)
    assert here.rows == there.rows


def test_dowhy_and_we_agree_on_the_job_training_survey():
    if not installed("causaldata"):
        pytest.skip("the data are in causaldata, of the extra dev")
    jobs = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "job_training.py"))
    _, survey = jobs["histories"]()
    theirs = LinearEffect(Numbers.from_history(survey), "treat", "re78", jobs["KNOWN"])
    assert theirs.estimate(0.95).effect == pytest.approx(jobs["linear"](survey).known.effect, rel=1e-9)
    assert theirs.estimate(0.95).effect == pytest.approx(699.13, abs=0.01)
    # It cuts propensities off at 0.01, where nine in ten of these people lie; without that it is near -3,930.
    assert theirs.doubly_robust() == pytest.approx(600, abs=5)
