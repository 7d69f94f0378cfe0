"""Side effects of actions: the formula, what is refused, and what enters a problem."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbudget.causal.paths import path_coefficients, strongest_paths
from optbudget.causal.risk import chance_of_harm, expected_excess, side_effects
from optbudget.errors import NoAnswerError, ProblemError
from optbudget.problems import BudgetedMDP
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import ZERO, Effect, Effects, Estimate
from optbudget.problems.history import History
from optbudget.problems.side_effects import Refusal, SideEffect, SideEffects

from reference import expected_positive_part, worst_harm

small = st.integers(-4, 4).map(float)
errors = st.integers(0, 3).map(float)


def estimate(effect, error):
    return Estimate(effect, error, effect - 2 * error, effect + 2 * error)


def both(decision, outcome, tiers, graph=None, members=()):
    """The two rows of a pair: (effect, se) by the tiers and by the graph, None where not identified."""
    rows = []
    for kind, known in (("tiers", tiers), ("graph", graph if graph is not None or members else tiers)):
        held = tuple(estimate(*one) for one in members) if kind == "graph" else ()
        found = None if known is None else estimate(*known)
        rows.append(
            Effect(decision, outcome, kind, found, "backdoor" if found else "class" if held else "none",
                   reason="" if found else "nothing is known of it", members=held)
        )  # fmt: skip
    return tuple(rows)


def one_decision(amount=2.0, sign=1, weight=3.0, **parts):
    question = CausalQuestion(
        (), ("d",), ("y",), harm={"y": sign}, weights={"y": weight}, actions={"act": {"d": amount}}
    )
    return side_effects(question, Effects(both("d", "y", **parts)))


@given(small, errors)
def test_the_closed_form_is_the_integral(mean, sd):
    assert expected_excess(mean, sd) == pytest.approx(expected_positive_part(mean, sd), abs=1e-5)


@pytest.mark.parametrize(
    ("mean", "sd", "excess", "chance"),
    [(0.0, 1.0, 1 / math.sqrt(2 * math.pi), 0.5), (1.0, 1.0, 1.0833154705876864, 0.8413447460685429),
     (-2.0, 0.0, 0.0, 0.0), (2.0, 0.0, 2.0, 1.0), (0.0, 0.0, 0.0, 0.0), (-40.0, 1.0, 0.0, 0.0),
     (5.0, 1e-320, 5.0, 1.0)],
)  # fmt: skip
def test_known_values_of_the_formula(mean, sd, excess, chance):
    """From tables of the normal law: phi(1) + Phi(1) = 0.24197 + 0.84134."""
    assert expected_excess(mean, sd) == pytest.approx(excess, abs=1e-12)
    assert chance_of_harm(mean, sd) == pytest.approx(chance, abs=1e-12)


@given(small, errors, small, st.sampled_from([-1, 1]), st.integers(0, 4))
def test_one_decision_is_the_design_formula(effect, error, amount, sign, weight):
    found = one_decision(amount, sign, float(weight), tiers=(effect, error))
    if amount == 0:
        assert found.rows == ()
        return
    row = found.rows[0]
    mean, sd = sign * effect * amount, error * abs(amount)
    assert row.risk == pytest.approx(weight * expected_excess(mean, sd), rel=1e-12)
    assert row.mean == pytest.approx(mean)
    assert row.lower == pytest.approx(weight * max(mean - 2 * sd, 0.0))
    assert row.upper == pytest.approx(max(weight * max(mean + 2 * sd, 0.0), row.risk))


@given(
    st.lists(st.tuples(small, errors), min_size=1, max_size=3),
    st.lists(st.tuples(small, errors), min_size=1, max_size=3),
    small.filter(bool), small.filter(bool), st.sampled_from([-1, 1]),
)  # fmt: skip
def test_several_candidates_and_decisions_take_the_worst(first, second, up, down, sign):
    question = CausalQuestion((), ("d", "e"), ("y",), harm={"y": sign}, actions={"act": {"d": up, "e": down}})
    rows = (*both("d", "y", None, None, first), *both("e", "y", None, None, second))
    found = side_effects(question, Effects(rows)).rows[0]
    expected = worst_harm((first, second), (up, down), sign)
    assert found.risk == pytest.approx(expected, abs=1e-3)


def test_an_interval_end_keeps_no_standard_error_of_its_own():
    """Effect 1 +- 0.5 with ends 0 and 2: the ends are certain harms, the risk lies between."""
    row = one_decision(1.0, weight=1.0, tiers=(1.0, 0.5)).rows[0]
    assert (row.lower, row.upper) == (0.0, 2.0)
    assert row.risk == pytest.approx(1.0 * 0.9772498680518208 + 0.5 * 0.05399096651318806)


def test_a_targeted_outcome_is_no_side_effect():
    question = CausalQuestion(
        (), ("d",), ("y",), harm={"y": 1}, targets={"d": ("y",)}, actions={"act": {"d": 1.0}}
    )
    assert side_effects(question, Effects(both("d", "y", (3.0, 1.0)))).rows == ()


def test_a_zero_that_only_the_graph_vouches_for_is_refused():
    rows = (
        Effect("d", "y", "tiers", None, "none", reason="d does not vary"),
        Effect("d", "y", "graph", ZERO, "no path", reason="no path leads from d to y"),
    )
    question = CausalQuestion((), ("d",), ("y",), harm={"y": 1}, actions={"act": {"d": 1.0}})
    found = side_effects(question, Effects(rows))
    assert found.refused == (Refusal("act", "y", "d: d does not vary"),)


def test_an_effect_that_the_graph_calls_confounded_is_refused_whatever_the_tiers_say():
    tiers, graph = (
        both("d", "y", (3.0, 1.0))[0],
        Effect("d", "y", "graph", None, "none", reason="U is hidden"),
    )
    question = CausalQuestion((), ("d",), ("y",), harm={"y": 1}, actions={"act": {"d": 1.0}})
    found = side_effects(question, Effects((tiers, graph)))
    assert found.rows == () and found.refused == (Refusal("act", "y", "d: U is hidden"),)


def unit(actions=("act", "rest"), types=()):
    return BudgetedMDP.from_tables(
        transitions={
            **({"type": types * 2} if types else {}),
            "state": ["s"] * len(actions) * max(1, len(types)),
            "action": list(actions) * max(1, len(types)),
            "next_state": ["s"] * len(actions) * max(1, len(types)),
            "probability": [1.0] * len(actions) * max(1, len(types)),
        },
        actions={
            **({"type": types * 2} if types else {}),
            "state": ["s"] * len(actions) * max(1, len(types)),
            "action": list(actions) * max(1, len(types)),
            "cost": [1.0] * len(actions) * max(1, len(types)),
            "utility": [5.0] * len(actions) * max(1, len(types)),
        },
        discount=1.0, cost_discount=1.0, horizon=1, reward="gross",
    )  # fmt: skip


def test_a_risk_term_changes_the_pairs_of_its_actions_only():
    found = one_decision(tiers=(1.0, 0.0))
    term = found.risk_term(unit(), 0.5)
    assert term.amount.tolist() == [6.0, 0.0]
    assert term.applied(unit()).utility.tolist() == [2.0, 5.0]
    assert found.risk_term(unit(), 1.0, end="upper").amount.tolist() == [6.0, 0.0]


def test_an_action_that_the_model_lacks_is_named():
    with pytest.raises(ProblemError, match=r"'act'.*did you mean 'fact'"):
        one_decision(tiers=(1.0, 0.0)).risk_term(unit(("fact", "rest")), 1.0)


def test_an_unknown_effect_is_refused_with_its_reason_where_its_action_is_used():
    found = one_decision(tiers=None)
    with pytest.raises(ProblemError, match=r"act.*'y'.*nothing is known of it"):
        found.risk_term(unit(), 1.0)


def test_a_state_of_its_own_and_a_state_that_is_not_there():
    row = SideEffect("act", "s", "y", 2.0, 1.0, 3.0, 0.5, 1.0)
    assert SideEffects(("act",), (row,)).amounts(unit()).tolist() == [2.0, 0.0]
    with pytest.raises(ProblemError, match="'t'"):
        SideEffects(("act",), (replace(row, state="t"),)).amounts(unit())


@pytest.mark.parametrize(
    "broken",
    [{"risk": math.nan}, {"lower": 3.0}, {"upper": 1.0}, {"probability": 1.5}, {"action": "acts"}],
)
def test_rows_that_are_none_are_refused(broken):
    row = SideEffect("act", None, "y", 2.0, 1.0, 3.0, 0.5, 1.0)
    with pytest.raises(ProblemError, match=r"risk|declared"):
        SideEffects(("act",), (replace(row, **broken),))
    with pytest.raises(ProblemError, match="twice"):
        SideEffects(("act",), (row, replace(row, state="s")))


def test_reading_an_effect_that_is_not_known_raises():
    row = both("d", "y", None, (1.0, 0.0))[0]
    with pytest.raises(NoAnswerError, match="nothing is known of it"):
        _ = row.known


@given(
    st.lists(st.integers(-3, 3), min_size=10, max_size=10),
    st.sampled_from([1, -1]),
)
def test_the_strongest_path_is_the_best_of_all_paths(weights, sign):
    names = tuple("abcde")
    pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    coefficient = np.zeros((5, 5))
    for (i, j), weight in zip(pairs, weights, strict=True):
        coefficient[i, j] = weight
    graph = CausalGraph.certain(names, coefficient != 0, np.zeros((5, 5)))

    def product(path):
        steps = pairwise(path)
        return math.prod(coefficient[names.index(a), names.index(b)] for a, b in steps)

    products = [product(path) for path in graph.paths("a", "e")]
    best = max((sign * value for value in products if sign * value > 0), default=None)
    found = strongest_paths(graph, coefficient, "a").get(("e", sign))
    assert (None if found is None else sign * product(found)) == best


def test_coefficients_of_paths_are_those_of_the_planted_chain():
    rng = np.random.default_rng(0)
    d = rng.normal(size=400)
    m = 2 * d
    history = History(CausalQuestion((), ("d",), ("m", "y")), np.column_stack((d, m, -m)))
    graph = CausalGraph.of(("d", "m", "y"), [("d", "m"), ("m", "y")])
    assert path_coefficients(history, graph)[[0, 1], [1, 2]] == pytest.approx([1.0, -1.0])
