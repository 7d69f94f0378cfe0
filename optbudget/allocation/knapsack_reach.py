"""How far a partial whole choice can reach at one price: the Lagrangian bound, without rounding.

With costs and values in whole numbers the price of the relaxation is the slope m / d of one step of a hull,
both whole. A choice of value v and cost c, in which the groups still to come rest at what the relaxation
gives them, can be completed to no more than

.. math:: v + \\tfrac md (B - c) + \\tfrac sd,

where s adds up by how much what they rest at is less than the best at the price: 0 but for steps whose prices
differ by less than a rounding. All comparisons are made d times larger, in whole numbers. Where those do not
fit 64 bits, floating point decides what it can, and Python's integers the rest.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.knapsack_relaxation import Relaxation
from optbudget.allocation.knapsack_states import Turn, Whole
from optbudget.certify import WholeKnapsack

FITS = 2**61

DOUBT = 2.0**-48
"""Relative error of value - price * cost in floating point: six roundings, with room."""


class Reach:
    """The bound at the price at which the relaxation's money ends.

    Attributes
    ----------
    price : value units per cost unit, rounded
    penalty : (N,) whole numbers >= 0, d times the value that an option loses to the best of its group
    """

    def __init__(self, whole: WholeKnapsack, lower: int, upper: int) -> None:
        """`lower` and `upper` are the entries of the step in which the money ends; -1 where it does not."""
        self.gain, self.run = 0, 1
        if upper >= 0:
            self.gain = int(whole.value[upper] - whole.value[lower])
            self.run = int(whole.cost[upper] - whole.cost[lower])
        self.price = self.gain / self.run
        self.capacity = whole.capacity
        copies = [int(n) for n in whole.count]
        last = whole.ptr[1:] - 1
        dearest = sum(n * int(x) for n, x in zip(copies, whole.cost[last], strict=True))
        worthiest = sum(n * int(x) for n, x in zip(copies, whole.value[last], strict=True))
        largest = self.gain * (dearest + abs(whole.capacity)) + self.run * (worthiest + 1)
        self.fits = whole.cost.dtype == np.int64 and 2 * largest < FITS
        kind = np.int64 if self.fits else np.object_
        gained: Whole = self.run * whole.value.astype(kind)
        spent: Whole = self.gain * whole.cost.astype(kind)
        reduced: Whole = np.subtract(gained, spent)
        best: Whole = np.maximum.reduceat(reduced, whole.ptr[:-1])
        self.penalty: Whole = np.subtract(np.repeat(best, np.diff(whole.ptr)), reduced)
        self.slack = 0

    def rest_at(self, turns: Iterable[Turn]) -> None:
        """Say at which entries groups rest until they are taken up."""
        self.slack = sum(turn.copies * int(self.penalty[turn.rest]) for turn in turns)

    def room(self, cost: int, value: int, best: int) -> int:
        """The largest penalty with which a choice can still be worth more than `best`; negative: none can."""
        return self.run * (value - best - 1) + self.gain * (self.capacity - cost) + self.slack

    def can_exceed(self, cost: Whole, value: Whole, best: int) -> NDArray[np.bool_]:
        """Which choices may be completed to more than `best`."""
        least = self.run * (best + 1) - self.gain * self.capacity - self.slack
        return self._at_least(cost, value, least)

    def within(self, cost: Whole, value: Whole, room: int) -> NDArray[np.bool_]:
        """Which changes of cost and value lose at most `room` at the price."""
        return self._at_least(cost, value, -room)

    def promise(self, cost: Whole, value: Whole) -> NDArray[np.float64]:
        """value - price * cost, rounded: for an order of preference."""
        return value.astype(np.float64) - self.price * cost.astype(np.float64)

    def _at_least(self, cost: Whole, value: Whole, least: int) -> NDArray[np.bool_]:
        """run * value - gain * cost >= least, exactly."""
        if self.fits:
            enough: NDArray[np.bool_] = self.run * value - self.gain * cost >= least
            return enough
        near = _nearest(least, self.run)
        with np.errstate(over="ignore", invalid="ignore"):
            v, money = value.astype(np.float64), self.price * cost.astype(np.float64)
            above = (v - money) - near
            doubt = DOUBT * (np.abs(v) + np.abs(money) + abs(near))
            enough = above > doubt
            open_ones = np.flatnonzero(~enough & ~(above < -doubt))
        if open_ones.size:
            v, c = value[open_ones].astype(np.object_), cost[open_ones].astype(np.object_)
            enough[open_ones] = (self.run * v - self.gain * c >= least).astype(np.bool_)
        return enough


def _nearest(top: int, bottom: int) -> float:
    """The quotient rounded, infinite where no double holds it."""
    try:
        return top / bottom
    except OverflowError:
        return math.inf if top > 0 else -math.inf


def reach_of(whole: WholeKnapsack, relaxed: Relaxation, entry: NDArray[np.int64]) -> Reach:
    """The bound at a relaxation's price; `entry` says where each option of the knapsack is in `whole`."""
    if relaxed.group < 0:
        return Reach(whole, -1, -1)
    return Reach(whole, int(entry[relaxed.option[relaxed.group]]), int(entry[relaxed.upper]))
