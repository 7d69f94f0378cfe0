"""A few problems small enough to solve by hand, for doctests and first steps."""

from itertools import product

import numpy as np

from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.departments import Departments


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


def two_departments(horizon: int = 3) -> Departments:
    """Roads and parks, poor or good, in rich and lean years; improving costs money and carries a risk.

    A poor department that improves is good next year for certain in a rich year, and with probability
    1/2 in a lean one; a good one that holds falls back with probability 1/4. Good service is worth 4 a year
    on roads, 2 in parks. Rich and lean years follow each other with probability 1/2.
    """
    regimes, departments, states = ("rich", "lean"), ("roads", "parks"), ("poor", "good")
    acts: list[tuple[object, ...]] = []
    moves: list[tuple[object, ...]] = []
    for department, regime, state in product(departments, regimes, states):
        service = {"roads": 4.0, "parks": 2.0}[department] * (state == "good")
        rise = 1.0 if regime == "rich" else 0.5
        up = {"hold": 0.0 if state == "poor" else 0.75, "improve": rise if state == "poor" else 1.0}
        for action, good in up.items():
            paid = float(action == "improve")
            acts.append((department, regime, state, action, paid, service, paid * 0.5))
            moves += [
                (department, regime, state, action, to, p)
                for to, p in (("poor", 1.0 - good), ("good", good)) if p
            ]  # fmt: skip
    return Departments.from_tables(
        _table("regime next_regime probability", [(r, to, 0.5) for r in regimes for to in regimes]),
        _table("department regime state action next_state probability", moves),
        _table("department regime state action cost service risk", acts),
        {"department": departments, "state": ["poor", "good"]},
        objectives=["service", "-risk"], total_budget=2.0, title="Two departments",
        discount=0.9, cost_discount=1.0, horizon=horizon,
    )  # fmt: skip


def _table(columns: str, rows: list[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(columns.split(), zip(*rows, strict=True), strict=True)}
