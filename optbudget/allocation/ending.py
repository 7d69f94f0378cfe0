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

GUESSES = 4
"""Rounded guesses that are tried before the interval is halved instead."""


@dataclass(frozen=True, eq=False)
class Order:
    """Segments in order of purchase, each after its predecessor in its curve.

    Attributes
    ----------
    segment, state : (t,) int64; index of the segment and of its curve
    price : (t,) falling, > 0
    cost : (t,) rounded money that it costs all units of its state
    """

    segment: Integers
    state: Integers
    price: Floats
    cost: Floats

    def __getitem__(self, chosen: NDArray[np.generic] | slice) -> "Order":
        return Order(self.segment[chosen], self.state[chosen], self.price[chosen], self.cost[chosen])


@dataclass(frozen=True, eq=False)
class Holding:
    """What every unit of each state has; changed in place.

    Attributes
    ----------
    level : (n,) int64; segments bought
    length, gain : (n,) sums of theirs, added in the order of the curve as `Curve.budgets` does
    """

    level: Integers
    length: Floats
    gain: Floats

    @classmethod
    def nothing(cls, n: int) -> "Holding":
        """The least feasible budget for everyone."""
        return cls(np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n))

    def buy(self, curves: Curves, order: Order) -> None:
        """Add segments; those of one state in the order of its curve."""
        np.add.at(self.level, order.state, 1)
        np.add.at(self.length, order.state, curves.length[order.segment])
        np.add.at(self.gain, order.state, curves.gain[order.segment])


@dataclass(frozen=True, eq=False)
class Purchase:
    """What is bought whole, and the first segment that is not.

    Attributes
    ----------
    level : (n,) int64; which useful budget every unit of the state has
    budget, value : (n,) money and value of one unit there
    spent : exact total spend
    state : whose next segment does not fit whole; -1 if every useful segment is bought
    price : of that segment, > 0; 0 if there is none
    next_budget, next_value : money and value of one unit of that state, one level up
    """

    level: Integers
    budget: Floats
    value: Floats
    spent: Fraction
    state: int = -1
    price: float = 0.0
    next_budget: float = np.nan
    next_value: float = np.nan


def where_money_ends(
    curves: Curves, count: Integers, money: Fraction | None, holding: Holding, order: Order, left: float
) -> Purchase:
    """Buy in the given order, on top of `holding`, for as long as whole states can be served.

    `money` is exact and covers `holding`, after which about `left` remains; None is unlimited.
    """
    running = np.cumsum(order.cost)
    before = [array[order.state] for array in (holding.level, holding.length, holding.gain)]
    low, high = 0, running.size
    guess = int(np.searchsorted(running, left, side="right"))
    for attempt in range(GUESSES + running.size.bit_length() + 2):
        for array, old in zip((holding.level, holding.length, holding.gain), before, strict=True):
            array[order.state] = old
        holding.buy(curves, order[:guess])
        budget = curves.start_budget + holding.length
        spent = exact.dot(count, budget)
        if money is None:
            break
        rest = money - spent
        if rest >= 0:
            low = guess
            if guess == high or _step_cost(curves, count, holding, order, guess) > rest:
                break
        else:
            high = guess - 1
        if attempt < GUESSES:
            target = float(rest) + (float(running[guess - 1]) if guess else 0.0)
            guess = int(np.searchsorted(running, target, side="right"))
            guess = min(max(guess, low + 1 if rest >= 0 else low), high)
        else:
            guess = (low + high + 1) // 2
    value = curves.start_value + holding.gain
    if guess == running.size:
        return Purchase(holding.level, budget, value, spent)
    segment, state = int(order.segment[guess]), int(order.state[guess])
    return Purchase(
        holding.level, budget, value, spent, state, float(order.price[guess]),
        next_budget=float(curves.start_budget[state] + (holding.length[state] + curves.length[segment])),
        next_value=float(curves.start_value[state] + (holding.gain[state] + curves.gain[segment])),
    )  # fmt: skip


def _step_cost(curves: Curves, count: Integers, held: Holding, order: Order, at: int) -> Fraction:
    """Exact money that the segment at one place of the order costs all units of its state."""
    segment, state = order.segment[at], order.state[at]
    lower = curves.start_budget[state] + held.length[state]
    upper = curves.start_budget[state] + (held.length[state] + curves.length[segment])
    return int(count[state]) * (Fraction(float(upper)) - Fraction(float(lower)))
