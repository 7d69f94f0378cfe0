"""Infinite horizon with unequal discounts: a finite horizon with bounded tails."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.allocation import allocate
from optbudget.budgeted.infinite import stationary_solve
from optbudget.budgeted.price_sweep import passes
from optbudget.budgeted.truncation import truncate
from optbudget.certify import verify
from optbudget.errors import IllPosedError, UsageError
from optbudget.files import load_result, save
from optbudget.problems import Population
from optbudget.problems.examples import two_action_example

RATES = [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]


@given(plain_models(), st.permutations(RATES), st.sampled_from([8.0, 2.0, 1.0, 0.5, 0.25]))
@settings(max_examples=12)
def test_bracket_holds_against_a_far_longer_horizon(plain, rates, price):
    """A coarse truncation's points and lines, against passes over twice the decisions it needs at 1e-9."""
    problem = problem_of(plain, horizon=None, discount=float(rates[0]), cost_discount=float(rates[1]))
    if not problem.cost.size:
        return
    cut = truncate(problem, 1.0)
    fine = truncate(problem, 1e-9)
    lines = cut.lines(np.array([np.inf, price, 0.0]))
    far = passes(replace(fine.finite, horizon=2 * fine.finite.horizon), [price, 0.0])[0]
    slack = 1e-8
    assert (far.intercept[:, 0] <= lines.intercept[:, 1] + slack).all()
    assert (far.intercept[:, 1] <= lines.intercept[:, 2] + slack).all()
    for k in range(3):
        for p, line in zip(far.price, far.intercept.T, strict=True):
            assert (lines.value[:, k] <= line + p * lines.spend[:, k] + slack).all()


def test_two_actions_with_two_discounts():
    """Paying from decision j on spends 5 * 0.8^j and is worth 10 + 90 * 0.9^j.

    At the k-th decision a unit of today's money buys 9 (0.9/0.8)^k: the latest payments are the best.
    """
    problem = replace(two_action_example(), cost_discount=0.8)
    answer = stationary_solve(problem, tolerance=1e-3)
    assert answer.gap <= 1e-3 and answer.witness.horizon > 1
    curve = answer["s"]
    assert curve.start_budget == 0.0 and curve.start_value == pytest.approx(10.0)
    assert curve.values[-1] == pytest.approx(100.0)
    assert curve.largest_useful_budget == pytest.approx(5.0, rel=1e-9)
    for j in range(6):
        assert curve.value(5 * 0.8**j) == pytest.approx(10 + 90 * 0.9**j, rel=1e-3)


def test_undiscounted_spend_of_a_problem_that_ends():
    """Left with probability 1/4 a step; each pays 1 and wins 2 at discount 1/2: b = 4, v = 2/(1 - 3/8)."""
    plain = {
        "pairs": [[(0, 0, [(1, 1)]), (1, 2, [(0, Fraction(3, 4)), (1, Fraction(1, 4))])], []],
        "terminal": [0, 0], "discount": 0.5, "cost_discount": 1.0, "horizon": None, "net": False,
    }  # fmt: skip
    answer = stationary_solve(problem_of(plain), tolerance=1e-4)
    assert answer.gap <= 1e-4
    curve = answer["s0"]
    assert curve.values[-1] == pytest.approx(3.2, rel=1e-9)
    assert curve.largest_useful_budget == pytest.approx(4.0, rel=1e-9)


def test_forced_spend_keeps_its_exact_least_budget():
    """Every action costs at least 1: the least budget is a stationary policy's, not moved by a tail."""
    base = two_action_example()
    problem = replace(base, cost=np.array([3.0, 1.0]), cost_discount=0.8)
    answer = stationary_solve(problem, tolerance=1e-3)
    assert answer["s"].start_budget == pytest.approx(5.0, rel=1e-12)
    assert answer.gap <= 1e-3 and answer.witness.tails[0] > 0


def test_what_unequal_discounts_do_not_allow():
    problem = replace(two_action_example(), cost_discount=0.5)
    for options in ({"method": "walk"}, {"keep_policy": True}):
        with pytest.raises(UsageError, match="differ"):
            stationary_solve(problem, **options)
    slow = replace(problem, discount=1 - 1e-7)
    with pytest.raises(IllPosedError, match="decisions count"):
        stationary_solve(slow)


def test_the_bound_of_a_split_survives_the_disk(tmp_path):
    """The witness holds the lines of prices inf and 0 only; curves read back need the others too."""
    curves = stationary_solve(replace(two_action_example(), cost_discount=0.8), tolerance=1e-3)
    save(curves, tmp_path / "r")
    crowd = Population.at(curves.problem, {"s": 10})
    here = allocate(curves, crowd, 20.0)
    back = allocate(load_result(tmp_path / "r"), crowd, 20.0)
    assert back.value == here.value and back.outcome == here.outcome
    assert back.bound == pytest.approx(here.bound, rel=1e-9) and verify(back).ok
