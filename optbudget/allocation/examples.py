"""Curves small enough to allocate by hand, for doctests and first steps."""

import numpy as np

from optbudget.curves import Curves
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import Outcome


def two_state_curves() -> CurveSet:
    """One decision: an e-mail costs 1 and is worth 3 to a warm customer, 2 and 4 to a cold one.

    The curves are one segment each, (0, 0) to (1, 3) and (0, 0) to (2, 4). Their lines at the prices
    3, 2 and 0 have the intercepts max(0, 3 - price) and max(0, 4 - 2 price).
    """
    problem = BudgetedMDP(
        states=("warm", "cold"), actions=("wait", "email"),
        pair_ptr=np.array([0, 2, 4]), pair_action=np.array([0, 1, 0, 1]), pair_row=np.array([0, 0, 1, 1]),
        cost=np.array([0.0, 1.0, 0.0, 2.0]), utility=np.array([0.0, 3.0, 0.0, 4.0]),
        row_ptr=np.array([0, 1, 2]), next_state=np.array([0, 1]), probability=np.ones(2),
        terminal_utility=np.zeros(2), discount=1.0, cost_discount=1.0, horizon=1, reward="gross",
        title="Two customers",
    )  # fmt: skip
    return CurveSet(
        problem,
        Curves(np.zeros(2), np.zeros(2), np.arange(3), np.array([1.0, 2.0]), np.array([3.0, 4.0])),
        spend_variance=np.zeros(4), first_action=np.array([0, 1, 0, 1], dtype=np.int32),
        prices=np.array([3.0, 2.0, 0.0]), gap=0.0, state_gap=np.zeros(2), rounding=0.0, method="exact",
        tolerance=1e-9, outcome=Outcome.certified(gap=0.0),
        intercept=np.array([[0.0, 1.0, 3.0], [0.0, 0.0, 4.0]]),
    )  # fmt: skip
