"""Where the money ends in an order of purchase, in exact arithmetic.

Given segments in the order in which they are bought, find the largest t such that the first t of them,
each for all units of its state, cost no more than the money. A rounded running sum says where to look;
the spend there is then summed exactly and the place moved until it is proved right.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.curves import Curves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PATIENCE = 4
"""Rounded guesses that are tried before the place is halved instead."""


@dataclass(frozen=True, eq=False)
class Purchase:
    """What is bought whole, and the first segment that is not.

    Attributes
    ----------
    level : (n,) int64; segments that every unit of the state has
    budget : (n,) money; the useful budget at that level
    spent : exact total spend
    state : whose next segment does not fit whole; -1 if every useful segment is bought
    price : of that segment, > 0; 0 if there is none
    """

    level: Integers
    budget: Floats
    spent: Fraction
    state: int
    price: float


def place(start: Floats, indptr: Integers, step: Floats, level: Integers) -> Floats:
    """Start plus the first `level` steps of each curve, (n,), with the bits of `Curve.budgets`."""
    if start.size > exact.FEW:
        from optbudget.allocation import _kernels

        point = np.empty(start.size)
        _kernels.place(start, indptr, step, level, point)
        return point
    spans = zip(start.tolist(), indptr[:-1].tolist(), level.tolist(), strict=True)
    return np.array([s + np.cumsum(step[i : i + k])[-1] if k else s for s, i, k in spans], dtype=np.float64)


def where_money_ends(
    curves: Curves,
    count: Integers,
    money: Fraction,
    level: Integers,
    state: Integers,
    cost: Floats,
    price: Floats,
    left: float,
) -> Purchase:
    """Buy in the given order, on top of `level`, for as long as whole states can be served.

    Parameters
    ----------
    money : exact; at least the spend at `level`
    level : (n,) segments that are bought before the order begins
    state : (t,) whose next segment is bought, in order of purchase
    cost : (t,) rounded money for it
    price : (t,) of each
    left : rounded money left at `level`
    """
    running = np.cumsum(cost)
    low, high = 0, state.size
    guess = int(np.searchsorted(running, left, side="right"))
    for attempt in range(2 * state.size.bit_length() + PATIENCE):
        bought = level + np.bincount(state[:guess], minlength=level.size)
        budget = place(curves.start_budget, curves.indptr, curves.length, bought)
        spent = exact.dot(count, budget)
        rest = money - spent
        if rest >= 0:
            low = guess
            if guess == high or step_cost(curves, count, bought, budget, int(state[guess])) > rest:
                break
        else:
            high = guess - 1
        if attempt < PATIENCE:
            target = float(rest) + (running[guess - 1] if guess else 0.0)
            guess = int(np.searchsorted(running, target, side="right"))
            guess = min(max(guess, low + 1 if rest >= 0 else low), high)
        else:
            guess = (low + high + 1) // 2
    if guess == state.size:
        return Purchase(bought, budget, spent, -1, 0.0)
    return Purchase(bought, budget, spent, int(state[guess]), float(price[guess]))


def next_point(curves: Curves, level: Integers, state: int) -> tuple[float, float]:
    """Useful budget and value of a state one level up."""
    first = int(curves.indptr[state])
    span = slice(first, first + int(level[state]) + 1)
    return (
        float(curves.start_budget[state] + np.cumsum(curves.length[span])[-1]),
        float(curves.start_value[state] + np.cumsum(curves.gain[span])[-1]),
    )


def step_cost(curves: Curves, count: Integers, level: Integers, budget: Floats, state: int) -> Fraction:
    """Exact money that raises all units of one state by one level."""
    upper, _ = next_point(curves, level, state)
    return int(count[state]) * (Fraction(upper) - Fraction(float(budget[state])))
