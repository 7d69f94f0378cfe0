"""Infinite horizon as a whole: methods agree, limits are honest, certificates are accepted."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bench.instances import advertiser
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.budgeted import infinite
from optbudget.budgeted.infinite import stationary_solve
from optbudget.certify import verify
from optbudget.errors import UsageError
from optbudget.problems.examples import two_action_example
from optbudget.status import Termination
from optbudget.workers import Monitor

from reference import concave_points, stationary_points

MEDIUM = replace(advertiser(120, successors=4, hot=False), horizon=None, cost_discount=0.975)


@given(plain_models(), st.sampled_from(["walk", "sweep"]))
@settings(max_examples=30)
def test_curves_are_the_hulls_of_all_policies(plain, method):
    plain = plain | {"discount": Fraction(3, 4), "cost_discount": Fraction(3, 4), "horizon": None}
    answer = stationary_solve(problem_of(plain), method=method, tolerance=1e-9)
    assert answer.gap <= 1e-9
    for curve, points in zip(answer.curves, stationary_points(plain), strict=True):
        vertices = np.array(concave_points(points), dtype=float)
        assert curve.start_budget == pytest.approx(vertices[0, 0], abs=1e-9)
        middle = np.concatenate((vertices[1:, 0], (vertices[1:, 0] + vertices[:-1, 0]) / 2))
        exact = np.interp(middle, vertices[:, 0], vertices[:, 1])
        np.testing.assert_allclose(curve.value(middle), exact, rtol=1e-7, atol=1e-7)


@given(plain_models(), st.sampled_from(["walk", "sweep"]))
@settings(max_examples=20)
def test_the_checker_accepts(plain, method):
    plain = plain | {"discount": Fraction(3, 4), "cost_discount": Fraction(3, 4), "horizon": None}
    found = verify(stationary_solve(problem_of(plain), method=method))
    assert found.ok, str(found)


def test_walk_and_sweep_agree_on_a_medium_problem():
    walked, swept = (stationary_solve(MEDIUM, method=method) for method in ("walk", "sweep"))
    assert walked.gap <= 1e-9 and walked.outcome.termination is Termination.OPTIMAL
    assert swept.gap <= 1e-4 and swept.outcome.termination is Termination.TOLERANCE
    for exact, near in zip(walked.curves, swept.curves, strict=True):
        at = np.linspace(exact.start_budget, exact.largest_useful_budget, 50)[1:]
        above = (exact.value(at) - near.value(at)) / (1 + np.abs(near.value(at)))
        assert above.min() >= -1e-9 and above.max() <= swept.gap + 1e-9


def test_auto_walks_few_states_and_sweeps_many(monkeypatch):
    assert stationary_solve(MEDIUM).method == "walk"
    monkeypatch.setattr(infinite, "WALKED_STATES", 100)
    assert stationary_solve(MEDIUM, tolerance=1e-2).method == "sweep"
    assert stationary_solve(MEDIUM, tolerance=1e-8).method == "walk"


@pytest.mark.parametrize("method", ["walk", "sweep"])
def test_a_limit_leaves_what_is_in_hand(method):
    answer = stationary_solve(MEDIUM, method=method, monitor=Monitor(time_limit=0))
    assert answer.outcome.termination is Termination.TIME_LIMIT
    assert np.isfinite(answer.gap) and answer.gap > 1e-4
    exact = stationary_solve(MEDIUM)
    for near, curve in zip(answer.curves, exact.curves, strict=True):
        assert near.start_budget == pytest.approx(curve.start_budget, abs=1e-9)
        assert near.value(curve.largest_useful_budget + 1e-6) == pytest.approx(curve.values[-1], rel=1e-9)


@pytest.mark.parametrize("method", ["walk", "sweep"])
def test_kept_policy_is_best_at_its_prices(method):
    """At every price between two of its own, the policy's value less priced spend is on the lines."""
    answer = stationary_solve(MEDIUM, method=method, tolerance=1e-6, keep_policy=True)
    lines = answer.intercept
    for price in np.geomspace(answer.prices[1] * 0.9, answer.prices[-2] * 1.1, 7):
        choice = np.empty(MEDIUM.n_states, dtype=int)
        for i in range(MEDIUM.n_states):
            action = answer.policy.action_at(MEDIUM.states[i], 0, price)
            pairs = range(MEDIUM.pair_ptr[i], MEDIUM.pair_ptr[i + 1])
            choice[i] = next(k for k in pairs if MEDIUM.actions[MEDIUM.pair_action[k]] == action)
        matrix = np.eye(MEDIUM.n_states)
        for i, pair in enumerate(choice):
            row = MEDIUM.pair_row[pair]
            for e in range(MEDIUM.row_ptr[row], MEDIUM.row_ptr[row + 1]):
                matrix[i, MEDIUM.next_state[e]] -= MEDIUM.discount * MEDIUM.probability[e]
        w = np.linalg.solve(matrix, MEDIUM.pair_reward[choice] - price * MEDIUM.cost[choice])
        spend = answer.curves
        dual = np.array([np.max(curve.values - price * curve.budgets) for curve in spend])
        tolerance = 1e-9 if method == "walk" else 2e-2
        np.testing.assert_array_less(np.abs(w - dual) / (1 + np.abs(w)), tolerance)
    assert lines.shape == (MEDIUM.n_states, answer.prices.size)


def test_budget_cap_cuts_the_curves():
    answer = stationary_solve(replace(two_action_example(), budget_cap=4.0))
    assert answer["s"].largest_useful_budget == pytest.approx(4.0)
    assert answer["s"].values[-1] == pytest.approx(46.0)


def test_nothing_to_decide():
    plain = {
        "pairs": [[], []],
        "terminal": [3, -1],
        "discount": 1,
        "cost_discount": 1,
        "horizon": None,
        "net": True,
    }
    answer = stationary_solve(problem_of(plain))
    assert [curve.start_value for curve in answer.curves] == [3, -1]
    assert answer.outcome.termination is Termination.OPTIMAL


@pytest.mark.parametrize("options", [{"tolerance": -1.0}])
def test_refusals(options):
    with pytest.raises(UsageError):
        stationary_solve(two_action_example(), **options)
    with pytest.raises(UsageError, match="finite"):
        stationary_solve(two_action_example(horizon=3))
