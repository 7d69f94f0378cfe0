"""A few problems small enough to solve by hand, for doctests and first steps."""

import numpy as np

from optbudget.problems.budgeted_mdp import BudgetedMDP


def two_action_example(horizon: int | None = None) -> BudgetedMDP:
    """One state; action a costs 1 and is worth 10, b is free and worth 1; everything discounted 0.9.

    Source: Boutilier & Lu 2016, section 2.2.3. Over an infinite horizon its curve is one edge from
    (0, 10) to (10, 100), so a budget of 1.9 is worth 27.1.
    """
    return BudgetedMDP(
        states=("s",), actions=("a", "b"),
        pair_ptr=np.array([0, 2]), pair_action=np.array([0, 1]), pair_row=np.array([0, 0]),
        cost=np.array([1.0, 0.0]), utility=np.array([10.0, 1.0]),
        row_ptr=np.array([0, 1]), next_state=np.array([0]), probability=np.array([1.0]),
        terminal_utility=np.array([0.0]),
        discount=0.9, cost_discount=0.9, horizon=horizon, reward="gross",
        title="Two actions", source="Boutilier & Lu 2016, section 2.2.3",
    )  # fmt: skip


def retry_example(horizon: int = 2) -> BudgetedMDP:
    """A customer who says yes to an ad for 1 with probability 1/2; a yes is worth 4 and ends it.

    Undiscounted, so the spend is the number of ads: :math:`P(S = s) = 2^{-s}` below the horizon.
    """
    return BudgetedMDP(
        states=("open", "won"), actions=("wait", "ad"),
        pair_ptr=np.array([0, 2, 2]), pair_action=np.array([0, 1]), pair_row=np.array([0, 1]),
        cost=np.array([0.0, 1.0]), utility=np.array([0.0, 0.0]),
        row_ptr=np.array([0, 1, 3]), next_state=np.array([0, 0, 1]), probability=np.array([1.0, 0.5, 0.5]),
        terminal_utility=np.array([0.0, 4.0]),
        discount=1.0, cost_discount=1.0, horizon=horizon, reward="gross", title="Try again",
    )  # fmt: skip
