"""Strict budgets of one unit: against every path, against the joint program, and between two grids."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import load, solve, strict_curve
from optbudget.budgeted.money_grid import common_step, cost_grid
from optbudget.errors import InterruptedWork, LimitError, NoAnswerError, ProblemError, UsageError
from optbudget.formulations import strict_optimum
from optbudget.problems import Population
from optbudget.problems.examples import retry_example, two_action_example
from optbudget.workers import Monitor
from tests.commands import ROOT

from reference import strict_value

small = plain_models(max_states=2, max_actions=3, max_horizon=3)
budgets = st.sampled_from([Fraction(k, 2) for k in range(19)])


def nearly(exact):
    return pytest.approx(-np.inf if exact is None else float(exact), rel=1e-12, abs=1e-12)


@given(small, budgets)
def test_every_state_and_budget_on_a_grid(plain, budget):
    plain["cost_discount"] = Fraction(1)
    strict = strict_curve(problem_of(plain), 9.0)
    assert strict.exact and strict.error < 1e-12
    for i, label in enumerate(strict.problem.labels):
        assert strict.value(label, float(budget)) == nearly(strict_value(plain, i, budget))


@given(small, budgets)
def test_discounted_costs_lie_between_two_grids(plain, budget):
    plain["cost_discount"] = Fraction(3, 4)
    strict = strict_curve(problem_of(plain), 9.0, step=0.125)
    for i, label in enumerate(strict.problem.labels):
        exact = strict_value(plain, i, budget)
        truth = -np.inf if exact is None else float(exact)
        assert strict.value(label, float(budget)) <= truth + 1e-12
        assert strict.bound(label, float(budget)) >= truth - 1e-12


def test_rounding_by_hand():
    """Two tries spend 1 + 3/4: in steps of 1/2 that is 2 rounded up and 1.5 rounded down."""
    strict = strict_curve(replace(retry_example(2), cost_discount=0.75), 4.0, step=0.5)
    np.testing.assert_array_equal(strict.value("open", [1.0, 1.5, 1.74, 1.75, 2.0]), [2, 2, 2, 2, 3])
    np.testing.assert_array_equal(strict.bound("open", [1.0, 1.49, 1.5, 1.74, 2.0]), [2, 2, 3, 3, 3])


@given(plain_models(max_states=2, max_actions=2, max_horizon=3), budgets)
def test_the_joint_program_of_one_unit_has_the_same_optimum(plain, budget):
    plain["cost_discount"] = Fraction(1)
    problem = problem_of(plain)
    strict = strict_curve(problem, 9.0)
    joint = strict_optimum(problem, Population.at(problem, {"s0": 1}), float(budget))
    assert strict.value("s0", float(budget)) == nearly(joint)


@given(small, budgets)
def test_the_policy_spends_no_more_and_is_worth_as_much(plain, budget):
    plain["cost_discount"] = Fraction(1)
    strict = strict_curve(problem_of(plain), 9.0)
    names = strict.problem.actions

    def act(stage, i, left):
        options = plain["pairs"][i]
        if stage == plain["horizon"] or not options:
            return Fraction(plain["terminal"][i])
        cost, utility, row = options[names.index(strict.action(f"s{i}", stage, float(left)))]
        assert cost <= left
        ahead = sum(p * act(stage + 1, j, left - cost) for j, p in row)
        return utility - plain["net"] * cost + plain["discount"] * ahead

    exact = strict_value(plain, 0, budget)
    if exact is not None:
        assert act(0, 0, budget) == exact
    elif plain["pairs"][0]:
        with pytest.raises(NoAnswerError, match="overspend"):
            strict.action("s0", 0, float(budget))


def test_the_steps_and_the_cost_of_never_overspending_on_synthetic_ad():
    problem = load(ROOT / "models" / "synthetic_ad")
    strict, curves = strict_curve(problem), solve(problem)
    assert strict.exact and strict.step == Fraction(1, 2) and strict.largest_budget == 200
    for label in problem.labels:
        at = np.linspace(0, 40, 161)
        cost = strict.cost_of_never_overspending(curves, label, at)
        assert cost.min() >= -1e-9 and (np.diff(strict.value(label, at)) >= 0).all()
        # With money for the dearest course on every path both are the unconstrained optimum.
        assert strict.value(label, 200) == pytest.approx(curves[label].values[-1], rel=1e-12)
        budgets_there, values = strict.steps(label)
        assert (np.diff(values) > 0).all() and values[0] == strict.value(label, 0)
        if values.size > 1:
            assert strict.value(label, budgets_there[-1] - 0.25) == values[-2]
    assert float(strict.cost_of_never_overspending(curves, "begin", 10.0)) == pytest.approx(10.782, abs=0.001)
    table = strict.to_arrow()
    assert table.column_names == ["state", "budget", "value", "bound"]


def test_a_finer_grid_has_a_smaller_gap():
    problem = replace(load(ROOT / "models" / "synthetic_ad"), cost_discount=0.9, horizon=15)
    gaps = []
    for step in (0.1, 0.02):
        strict = strict_curve(problem, 10.0, step=step)
        assert not strict.exact and "discounted by 0.9" not in strict.why
        gaps.append(float(strict.bound("begin", 8.0) - strict.value("begin", 8.0)))
    assert 0 <= gaps[1] < gaps[0] / 2
    assert "discounted by 0.9" in strict_curve(replace(problem, horizon=3), 5.0).why


def test_costs_are_read_as_they_are_written():
    problem = replace(retry_example(2), cost=np.array([0.0, 0.1]))
    strict = strict_curve(problem, 0.3)
    assert strict.step == Fraction(1, 10)
    # 0.1 + 0.2 is above 0.3 in doubles; as written it is not.
    np.testing.assert_allclose(strict.value("open", [0.1, 0.2, 0.3]), [2.0, 3.0, 3.0])


def test_the_cap_of_a_unit_is_kept():
    strict = strict_curve(replace(retry_example(3), budget_cap=2.0))
    np.testing.assert_array_equal(strict.value("open", [1, 2, 3, np.inf]), [2, 3, 3, 3])


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.sampled_from([1, 2, 5, 10]))
def test_the_step_divides_every_cost_and_is_the_largest(costs, parts):
    step = common_step([cost / parts for cost in costs])
    if not any(costs):
        assert step is None
        return
    multiples = [Fraction(cost, parts) / step for cost in costs]
    assert all(m.denominator == 1 for m in multiples)
    assert np.gcd.reduce([int(m) for m in multiples]) == 1


def test_refusals():
    with pytest.raises(UsageError, match="finite horizon"):
        strict_curve(two_action_example())
    with pytest.raises(UsageError, match="step"):
        strict_curve(retry_example(2), step=0.0)
    with pytest.raises(UsageError, match="budget"):
        strict_curve(retry_example(2), -1.0)
    with pytest.raises(LimitError, match="coarser"):
        strict_curve(retry_example(1000), 1000.0, step=1e-4)
    strict = strict_curve(retry_example(2))
    with pytest.raises(ProblemError, match="strict budget"):
        strict.value("open", -1)
    with pytest.raises(ProblemError, match="stage 2"):
        strict.action("open", 2, 1.0)
    assert strict.action("won", 0, 1.0) is None
    stopping = Monitor()
    stopping.interrupt()
    with pytest.raises(InterruptedWork):
        strict_curve(retry_example(2), monitor=stopping)
    with pytest.raises(LimitError):
        strict_curve(retry_example(2), monitor=Monitor(time_limit=0))
    assert "infinite horizon" in cost_grid(two_action_example())
    assert "more than" in cost_grid(replace(retry_example(2), cost=np.array([1e-9, 1.0])))
