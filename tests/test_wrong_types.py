"""What is handed over in Python and is not of its type: our own errors, with words, and no warnings."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optbudget.allocation import (
    allocate,
    largest_spend_at_marginal_roi,
    largest_spend_at_roi,
    least_budget_for,
    sweet_spot,
)
from optbudget.allocation.examples import two_state_curves
from optbudget.budgeted import solve
from optbudget.errors import ProblemError, UsageError
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.examples import two_action_example

OURS = (ProblemError, UsageError)
CURVES = two_state_curves()
PEOPLE = Population.at(CURVES.problem, {"warm": 10, "cold": 5})


@pytest.mark.parametrize("amount", ["abc", None, 10**400, True, np.True_, [1.0], 1j, b"1", math.nan])
def test_budgets(amount):
    for ask in (allocate, sweet_spot, least_budget_for, largest_spend_at_roi, largest_spend_at_marginal_roi):
        with pytest.raises(OURS, match=r"budget|target|return|range"):
            ask(CURVES, PEOPLE, amount if ask is not sweet_spot else [amount, 1.0])


def test_budgets_that_are_numbers():
    for amount in (15, np.float32(15), np.int64(15)):
        assert allocate(CURVES, PEOPLE, amount).value == 40
    assert allocate(CURVES, PEOPLE, math.inf).value == 50
    with pytest.raises(ProblemError, match=r"'abc'"):
        allocate(CURVES, PEOPLE, "abc")
    with pytest.raises(ProblemError, match=r"True"):
        allocate(CURVES, PEOPLE, True)


@pytest.mark.parametrize("count", ["x", None, math.nan, math.inf, 10**400, True, [1], 0.5, -1])
def test_counts(count):
    with pytest.raises(ProblemError, match=r"state 'warm': count is .*whole number"):
        Population.at(CURVES.problem, {"warm": count})


@pytest.mark.parametrize("count", [3, 3.0, np.int32(3), np.float64(3)])
def test_counts_that_are_whole(count):
    assert Population.at(CURVES.problem, {"warm": count}).size == 3


@pytest.mark.parametrize("counts", [None, "warm", [1, 2], 3])
def test_populations_that_are_no_mapping(counts):
    with pytest.raises(ProblemError, match=r"state"):
        Population.at(CURVES.problem, counts)


@pytest.mark.parametrize("tables", [(None, None), (None, {"state": ["s"]}), ({"state": ["s"]}, None)])
def test_tables_that_are_not_there(tables):
    with pytest.raises(ProblemError, match=r"(transitions|actions) must be a table"):
        BudgetedMDP.from_tables(*tables, discount=1.0, cost_discount=1.0, horizon=1)


def test_a_problem_that_is_a_path():
    for path in ("toll", None):
        with pytest.raises(UsageError, match=r"load"):
            solve(path)
    for tolerance in ("x", None, math.nan):
        with pytest.raises(UsageError, match=r"tolerance"):
            solve(two_action_example(), tolerance=tolerance)


@pytest.mark.parametrize("what", [(None, PEOPLE), ("toll", PEOPLE), (CURVES, None), (CURVES, {"warm": 1})])
def test_curves_and_populations_of_other_types(what):
    for ask in (allocate, sweet_spot, least_budget_for, largest_spend_at_roi, largest_spend_at_marginal_roi):
        with pytest.raises(UsageError, match=r"CurveSet|Population"):
            ask(*what, 1.0)


@pytest.mark.parametrize("label", [99, None, 1.5, ["warm"], ("a", "b")])
def test_labels(label):
    with pytest.raises(ProblemError, match=r"no state is called"):
        CURVES[label]
    with pytest.raises(ProblemError, match=r"no state is called"):
        CURVES.problem.index(label)


def test_indices_that_would_wrap_around():
    whole = two_action_example(horizon=2)
    for wrong in (2**32, -(2**31) - 1):
        with pytest.raises(ProblemError, match=r"next_state holds -?[0-9,]+; indices go up to 2,147,483,647"):
            replace(whole, next_state=np.full(whole.next_state.size, wrong))
