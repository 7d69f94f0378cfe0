"""The checker against exact arithmetic: its lines hold, it has no false alarms, it passes nothing false."""

import os
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of
from truth import (
    after_action,
    false_breakpoint,
    scale_of,
    stated_points,
    supremum,
    true_curves,
    true_gap,
    value_at,
)

from optbudget.allocation import allocate
from optbudget.budgeted import exact_backup, price_sweep, solve, stationary_solve, walk
from optbudget.certify import support, verify
from optbudget.certify.exact import ONE, exact_support
from optbudget.curves import Curve, Curves
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.examples import two_action_example
from optbudget.status import Outcome, Solution, Termination

MANY = int(os.environ.get("OPTBUDGET_CASES", "10000"))
TINY = Fraction(1, 10**11)


@st.composite
def models(draw, **limits):
    """Small problems; some with numbers that are no binary fractions, or of very different sizes."""
    plain = draw(plain_models(**limits))
    problem = problem_of(plain)
    kind = draw(st.sampled_from(["whole", "whole", "tenths", "wide"]))
    if kind == "whole":
        return problem
    if kind == "tenths":
        return replace(problem, cost=problem.cost * 0.1, utility=problem.utility * 0.3, discount=0.975)
    power = draw(st.lists(st.integers(-6, 9), min_size=problem.cost.size, max_size=problem.cost.size))
    size = 10.0 ** np.array(power, dtype=np.float64)
    return replace(problem, cost=problem.cost * size, utility=problem.utility * size)


prices = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 3.7, 1e3, np.inf]), min_size=1, max_size=5)
solvers = st.sampled_from([exact_backup, walk, lambda p: price_sweep(p, tolerance=1e-2)])


@given(models(), prices, st.sampled_from(["strict", "least", "most"]))
def test_lines_are_above_and_points_are_achieved(problem, some, ties):
    lines, truth = support(problem, some, ties=ties), true_curves(problem)
    size = scale_of(truth)
    for s, points in enumerate(truth):
        for k, price in enumerate(some):
            spend, value = Fraction(lines.spend[s, k]), Fraction(lines.value[s, k])
            error_b = spend * Fraction(lines.spend_rounding) + Fraction(lines.spend_error[s])
            error_v = Fraction(lines.value_error[s, k])
            assert error_b <= TINY * size and error_v <= TINY * size
            best = value_at(points, spend + error_b)
            assert best is not None and value - error_v <= best
            if np.isinf(price):
                assert abs(spend - points[0][0]) <= error_b
                assert lines.intercept[s, k] == np.inf
            elif ties == "strict":
                top = Fraction(lines.intercept[s, k])
                assert supremum(points, price) <= top
                assert top <= supremum(points, price) + TINY * size * (1 + Fraction(price))


@given(models(max_horizon=3), prices)
def test_exact_lines_and_points_are_within_a_hair(problem, some):
    truth = true_curves(problem)
    for ties in ("strict", "least", "most"):
        found = exact_support(problem, some, ties=ties)
        for s, points in enumerate(truth):
            for k, price in enumerate(some):
                spend, value = Fraction(int(found.spend[s, k]), ONE), Fraction(int(found.value[s, k]), ONE)
                best = value_at(points, spend)
                assert best is not None and value <= best
                if price == np.inf:
                    assert Fraction(int(found.least[s]), ONE) <= points[0][0] <= spend
                else:
                    top = Fraction(int(found.line[s, k]), ONE)
                    above = top - supremum(points, price)
                    assert 0 <= above <= Fraction(20, 1 << 100) * (1 + Fraction(price))


def counts_of(draw, problem):
    numbers = draw(st.lists(st.integers(0, 3), min_size=problem.n_states, max_size=problem.n_states))
    return Population(problem.labels, np.array(numbers))


def failures(verification):
    return [str(check) for check in verification.checks if not check.ok]


def honest(data, problem, solve):
    """An answer, and an allocation of it with one of the methods."""
    curves = solve(problem)
    people = counts_of(data.draw, problem)
    budget = data.draw(st.sampled_from([0.0, 0.37, 1.13, 2.71, 7.3, 41.9, 1.1e6, np.inf]))
    method = data.draw(st.sampled_from(["greedy", "price", "uniform"]))
    return curves, allocate(curves, people, budget, method=method)


def no_false_alarm(data, problem, solve):
    curves, allocation = honest(data, problem, solve)
    if curves.outcome.solution is not Solution.CERTIFIED or not np.isfinite(curves.gap):
        assert curves.outcome.termination not in (Termination.OPTIMAL, Termination.TOLERANCE)
        return
    assert failures(verify(curves)) == []
    if allocation.outcome.termination is Termination.INFEASIBLE or np.isfinite(allocation.bound):
        assert failures(verify(allocation)) == []


@settings(max_examples=300)
@given(st.data(), models(), solvers)
def test_honest_answers_pass(data, problem, solve):
    no_false_alarm(data, problem, solve)


@pytest.mark.nightly
@settings(max_examples=MANY)
@given(st.data(), models(max_states=4, max_horizon=5), solvers)
def test_honest_answers_pass_many(data, problem, solve):
    no_false_alarm(data, problem, solve)


@settings(max_examples=40)
@given(st.data(), models(max_horizon=3), solvers)
def test_honest_answers_pass_in_exact_mode(data, problem, solve):
    curves, allocation = honest(data, problem, solve)
    for everything in (False, True):
        assert failures(verify(curves, exact=True, all_prices=everything)) == []
        assert failures(verify(allocation, exact=True, all_prices=everything)) == []


@settings(max_examples=60)
@given(st.data(), plain_models(max_horizon=1, max_actions=2))
def test_honest_answers_pass_over_an_infinite_horizon(data, plain):
    plain["discount"] = data.draw(st.sampled_from([Fraction(1, 2), Fraction(3, 4)]))
    plain["cost_discount"] = data.draw(st.sampled_from([plain["discount"], Fraction(1, 2)]))
    curves = stationary_solve(problem_of(plain, horizon=None), tolerance=1e-3)
    people = counts_of(data.draw, curves.problem)
    allocation = allocate(curves, people, data.draw(st.sampled_from([0.37, 2.71])))
    assert failures(verify(curves)) == []
    assert failures(verify(allocation)) == []
    assert failures(verify(allocation, exact=True, all_prices=True)) == []


@settings(max_examples=60)
@given(models(max_horizon=4))
def test_every_kept_stage_is_checked(problem):
    answer = exact_backup(problem, keep_stages=True)
    assert failures(verify(answer)) == []
    if not answer.stages:
        return
    kept = answer.stages[-1]
    raised = Curves(kept.curves.start_budget, kept.curves.start_value + 0.125, *_segments(kept.curves))
    forged = replace(answer, stages=(*answer.stages[:-1], replace(kept, curves=raised)))
    assert f"stage {kept.stage}: curves achievable" in " ".join(failures(verify(forged)))


def _segments(curves):
    return curves.indptr, curves.length, curves.gain


@settings(max_examples=300)
@given(st.data(), models(max_horizon=3), solvers)
def test_what_passes_is_true(data, problem, solve):
    """Change one stated number at random; whatever still passes is true in exact arithmetic."""
    answer = solve(problem)
    truth = true_curves(problem)
    curves = answer.curves
    state = data.draw(st.integers(0, len(curves) - 1))
    by = data.draw(st.sampled_from([1e-14, 1e-12, 1e-9, 1e-4, 0.1, 1.0])) * float(scale_of(truth))
    names = ("start_budget", "start_value", "length", "gain")
    arrays = {name: getattr(curves, name).copy() for name in names}
    kind = data.draw(st.sampled_from(["start_budget", "start_value", "length", "gain", "gap"]))
    sign = data.draw(st.sampled_from([-1.0, 1.0]))
    changed = answer
    if kind == "gap":
        share = data.draw(st.sampled_from([0.0, 0.5, 0.99, 0.999999]))
        gap = answer.state_gap * share
        changed = replace(answer, state_gap=gap, gap=float(gap.max()), outcome=_said(gap.max(), answer))
    else:
        array = arrays[kind]
        place = state if kind.startswith("start") else data.draw(st.integers(0, max(0, array.size - 1)))
        if array.size:
            array[place] += sign * by
        if (arrays["length"] <= 0).any() or (arrays["gain"] <= 0).any():
            return
        changed = replace(answer, curves=Curves(indptr=curves.indptr, **arrays))
    if verify(changed).ok:
        assert_true(changed, truth)


def _said(gap, answer):
    return Outcome.certified(gap=float(gap), tolerance=answer.tolerance)


def assert_true(answer, truth):
    """Every breakpoint is achieved to the stated rounding, every gap holds, no least budget is too high."""
    for s, points in enumerate(truth):
        size = max([Fraction(1)] + [abs(x) for point in points for x in point])
        room = TINY * scale_of(truth)
        stated = stated_points(answer.curves[s])
        steepest = max([Fraction(0)] + [(v2 - v1) / (b2 - b1) for (b1, v1), (b2, v2) in pairwise(points)])
        slack = Fraction(answer.rounding) + room * (1 + steepest)
        for b, v in stated:
            assert not false_breakpoint(points, b, v, slack)
        assert stated[0][0] <= points[0][0] + room
        gap = true_gap(points, stated)
        assert gap <= Fraction(answer.state_gap[s]) + TINY * size
        assert answer.gap >= answer.state_gap[s]


def one_step():
    """One decision: 1 for nothing or 10 for 1; and its honest answer."""
    return exact_backup(two_action_example(horizon=1))


BROKEN = {
    "no prices": lambda a: replace(a, prices=np.empty(0)),
    "prices that rise": lambda a: replace(a, prices=a.prices[::-1]),
    "a price that is not a number": lambda a: replace(a, prices=np.array([np.inf, np.nan, 0.0])),
    "without the price 0": lambda a: replace(a, prices=a.prices[:-1]),
    "a curve too few": lambda a: replace(a, curves=Curves.from_curves([])),
    "a gap that is not a number": lambda a: replace(a, state_gap=np.array([np.nan])),
    "a gap below that of a state": lambda a: replace(a, gap=0.0, state_gap=np.array([1e-12])),
    "a variance too few": lambda a: replace(a, spend_variance=np.zeros(1)),
    "a negative variance": lambda a: replace(a, spend_variance=np.array([0.0, -1.0])),
    "another variance": lambda a: replace(a, spend_variance=np.array([0.0, 0.5])),
    "an action that does not exist": lambda a: replace(a, first_action=np.array([7, 0], dtype=np.int32)),
    "another action": lambda a: replace(a, first_action=np.array([1, 1], dtype=np.int32)),
    "OPTIMAL with a wide gap": lambda a: replace(a, gap=1e-3, outcome=Outcome.certified(gap=0.0)),
    "a curve that is not concave": lambda a: replace(
        a, curves=Curves.from_curves([Curve(0.0, 1.0, [0.1, 0.1], [0.1, 0.2])]),
        spend_variance=np.zeros(3), first_action=np.zeros(3, dtype=np.int32),
    ),
    "no certificate": lambda a: replace(a, outcome=Outcome(Termination.TIME_LIMIT, Solution.FEASIBLE)),
    "a beginning that is too late": lambda a: replace(
        a, curves=Curves.from_curves([Curve(0.5, 5.5, [0.5], [4.5])])
    ),
}  # fmt: skip


NAMED = {
    "prices that rise": "certificate readable",
    "a gap below that of a state": "gap",
    "a negative variance": "spend variance",
    "another action": "first actions",
    "OPTIMAL with a wide gap": "outcome",
    "a curve that is not concave": "curves well formed",
    "no certificate": "certificate",
    "a beginning that is too late": "least budgets",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_do_not_pass(name):
    answer = one_step()
    assert verify(answer).ok
    found = verify(BROKEN[name](answer))
    failed = [check.name for check in found.checks if not check.ok]
    assert failed
    if name in NAMED:
        assert NAMED[name] in failed


def test_an_exact_gap_is_zero_where_the_optimum_is_stored():
    answer = allocate(one_step(), Population.at(two_action_example(horizon=1), {"s": 4}), 2.0)
    checks = {check.name: check for check in verify(answer, exact=True).checks}
    assert checks["exact bound"].ok and "exact gap 0" in checks["exact bound"].detail


def test_only_answers_are_checked():
    with pytest.raises(UsageError):
        verify(two_action_example())
    with pytest.raises(UsageError):
        support(two_action_example(), [1.0])
    with pytest.raises(UsageError):
        support(two_action_example(horizon=1), [-1.0])


def lottery():
    """Two ways from s to spend 1 on average: for sure, or 2 with probability 1/2; both are worth 5."""
    return BudgetedMDP(
        states=("s", "rich", "poor"), actions=("sure", "drawn", "pay", "rest"),
        pair_ptr=np.array([0, 2, 3, 4]), pair_action=np.array([0, 1, 2, 3]), pair_row=np.array([0, 1, 0, 0]),
        cost=np.array([1.0, 0.0, 2.0, 0.0]), utility=np.array([5.0, 5.0, 0.0, 0.0]),
        row_ptr=np.array([0, 1, 3]), next_state=np.array([2, 1, 2]), probability=np.array([1.0, 0.5, 0.5]),
        terminal_utility=np.zeros(3), discount=1.0, cost_discount=1.0, horizon=2, reward="gross",
    )  # fmt: skip


def test_a_variance_is_compared_only_where_it_is_the_only_one():
    answer = exact_backup(lottery())
    place = int(np.flatnonzero(answer.curves.breakpoints()[1] == 5.0)[0])
    for variance in (0.0, 1.0):
        stored = answer.spend_variance.copy()
        stored[place] = variance
        assert verify(replace(answer, spend_variance=stored)).ok


@settings(max_examples=40)
@given(models(max_horizon=3), st.sampled_from(["walk", "sweep"]), st.integers(0, 1000))
def test_policies_by_price(problem, method, pick):
    answer = solve(problem, method=method, tolerance=1e-2 if method == "sweep" else 1e-9, keep_policy=True)
    assert failures(verify(answer)) == []
    policy = answer.policy
    if policy.state.size == 0:
        return
    row = pick % policy.state.size
    state = int(policy.state[row])
    for other in problem.pair_action[problem.pair_ptr[state] : problem.pair_ptr[state + 1]]:
        action = policy.action.copy()
        action[row] = other
        forged = replace(answer, policy=replace(policy, action=action))
        low, stage = policy.price_low[row], int(policy.stage[row])
        if np.isfinite(low) and loses(problem, state, int(other), low, stage):
            assert "policy" in " ".join(failures(verify(forged)))


def loses(problem, state, action, price, stage):
    """Whether an action is worse at a price than another, exactly, by a millionth of all there is."""
    later = replace(problem, horizon=problem.horizon - stage)
    money = Fraction(price) * (Fraction(problem.cost_discount) / Fraction(problem.discount)) ** stage
    best = supremum(true_curves(later)[state], money)
    mine = supremum(after_action(later, state, action), money)
    return best - mine > scale_of(true_curves(later)) * (1 + money) / 10**6
