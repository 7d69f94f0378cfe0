"""Seeded instances of the sizes of the paper's advertiser models, which are not public.

Shaped like models learned from event logs: one transition row per history; action 0 leaves the
history and is free, each other action continues as some other history does. One state in ten is a
conversion, all worth the same.
"""

import numpy as np

from optbudget.problems import BudgetedMDP

CONVERSIONS, WORTH = 0.1, 20.0
"""Share of states that are conversions, and the value of one."""

HOT_SHARE = 0.7
"""Share of successors that are among the few hot states, where there are any."""


def advertiser(
    states: int, *, successors: int, actions: int = 4, horizon: int = 50, hot: bool = True, seed: int = 0
) -> BudgetedMDP:
    """An instance; `hot` draws 70 % of the successors from one state in a hundred, else uniformly."""
    draw = np.random.default_rng(seed)
    next_state = draw.integers(states, size=(states, successors), dtype=np.int32)
    if hot:
        few = draw.choice(states, size=max(states // 100, successors), replace=False).astype(np.int32)
        among = draw.random(next_state.shape) < HOT_SHARE
        next_state[among] = few[draw.integers(few.size, size=int(among.sum()))]
    next_state = _distinct(next_state, states)
    weight = draw.exponential(size=next_state.shape) + 1e-3
    row = draw.integers(states, size=(states, actions), dtype=np.int32)
    row[:, 0] = np.arange(states)
    cost = np.tile(np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0])[:actions], states)
    worth = np.where(draw.random(states) < CONVERSIONS, WORTH, 0.0)
    return BudgetedMDP(
        states=tuple(map(str, range(states))),
        actions=tuple(f"level {a}" for a in range(actions)),
        pair_ptr=np.arange(states + 1) * actions,
        pair_action=np.tile(np.arange(actions), states),
        pair_row=row.ravel(),
        cost=cost,
        utility=np.repeat(worth, actions),
        row_ptr=np.arange(states + 1) * successors,
        next_state=next_state.ravel(),
        probability=(weight / weight.sum(axis=1, keepdims=True)).ravel(),
        terminal_utility=np.zeros(states),
        discount=0.975,
        cost_discount=1.0,
        horizon=horizon,
        title=f"{states} states, {successors} successors, {'hot' if hot else 'uniform'}",
    )


def _distinct(next_state: np.ndarray, states: int) -> np.ndarray:
    """Successors of a row made different from one another by stepping to the next state."""
    next_state = np.sort(next_state, axis=1)
    for column in range(1, next_state.shape[1]):
        next_state[:, column] = np.maximum(next_state[:, column], next_state[:, column - 1] + 1)
    return next_state % states
