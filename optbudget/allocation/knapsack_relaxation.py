"""The linear relaxation of a knapsack: steps along the hulls of the groups, in order of falling price.

Only options on the upper concave envelope of a group's points (cost, value) can be used by the relaxation,
and it takes the steps between neighbours on it in order of value won per money (Sinha & Zoltners 1979;
Zemel 1984; Boutilier & Lu 2016, figure 5). It stops inside one step of one group: there some copies are at
the upper option and at most one is randomised between the two. Equal prices are taken by rising group.

Method "greedy" sorts all steps; "price" first narrows them by pivots, O(N), and sorts what is left. Where
the money ends is decided in exact arithmetic, so both give the same answer to the bit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import _knapsack_kernels, exact
from optbudget.allocation.dealing import Point, Row, deal
from optbudget.errors import ProblemError
from optbudget.problems import Knapsack

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHORT = 4096
"""So many steps are sorted without more ado; also the sample that a pivot is taken from."""

MARGIN = 1e-9
"""Relative margin of sums that decide what need not be sorted."""


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Where the money ends on the hulls.

    Attributes
    ----------
    option : (n,) the option that every copy of a group has at least, an index into the knapsack's options
    spent : exact cost of those
    group : the group whose next step the rest of the money does not cover for all copies, or -1
    upper : the option that step leads to, or -1
    price : value per money of that step, or 0 where no step is left
    """

    option: Integers
    spent: Fraction
    group: int
    upper: int
    price: float

    def rows(self, knapsack: Knapsack, budget: float) -> list[Row]:
        """Rows of the group in which the money ends, their `level` an option; none where it does not end."""
        if self.group < 0:
            return []
        low, high = (
            Point(k, float(knapsack.cost[k]), float(knapsack.value[k]))
            for k in (int(self.option[self.group]), self.upper)
        )
        return deal(int(knapsack.count[self.group]), low, high, Fraction(budget) - self.spent)


def relax(
    knapsack: Knapsack, budget: float, *, method: str = "greedy", taken: Floats | None = None
) -> Relaxation:
    """The relaxation at a budget that covers the cheapest options; infinity buys every step.

    `taken`, (N,), are copies that take each option in a solution at hand: of steps at one price, those that
    it has are bought first.
    """
    n = len(knapsack.groups)
    kept, size = np.empty(knapsack.cost.size, dtype=np.int64), np.empty(n, dtype=np.int64)
    _knapsack_kernels.hulls(knapsack.ptr, knapsack.cost, knapsack.value, kept, size)
    group, place, price, weight = _steps(knapsack, kept, size)
    first = kept[knapsack.ptr[:-1]]
    total = _adder(knapsack)
    least = total(knapsack.cost[first])
    left = math.inf if math.isinf(budget) else float(Fraction(budget) - least)
    doubt = MARGIN * (left + 2 * float(least)) if left < math.inf else 0.0
    bought, order = _narrowed(price, weight, left, doubt) if method == "price" else _everything(price.size)
    if taken is None:
        order = order[np.argsort(-price[order], kind="stable")]
    else:
        order = order[np.lexsort((-_had(knapsack, kept, group, place, taken)[order], -price[order]))]
    sequence = np.concatenate((bought, order))

    def after(steps: int) -> tuple[Integers, Fraction]:
        """What every copy has after so many steps, and its exact cost."""
        level = np.bincount(group[sequence[:steps]], minlength=n)
        option = kept[knapsack.ptr[:-1] + level]
        return option, total(knapsack.cost[option])

    low, high = bought.size, sequence.size
    running = float(weight[bought].sum()) + np.cumsum(weight[order])
    guess = low + int(np.searchsorted(running, left, side="right"))
    option, spent = after(low)
    for attempt in range(2 * high.bit_length() + 4):
        if low == high:
            break
        wanted = min(max(guess + attempt, low + 1), high) if attempt < 2 else (low + high + 1) // 2
        there, cost = after(wanted)
        if math.isinf(budget) or cost <= Fraction(budget):
            low, option, spent = wanted, there, cost
        else:
            high = wanted - 1
    if low == sequence.size:
        return Relaxation(option, spent, -1, -1, 0.0)
    step = int(sequence[low])
    return Relaxation(option, spent, int(group[step]), int(kept[place[step] + 1]), float(price[step]))


def _steps(knapsack: Knapsack, kept: Integers, size: Integers) -> tuple[Integers, Integers, Floats, Floats]:
    """Every step worth taking: its group, its place in `kept`, its price (never above the one before it in
    its group) and its cost for all copies."""
    steps = np.where(knapsack.count > 0, size - 1, 0)
    group = np.repeat(np.arange(size.size), steps)
    begin = np.cumsum(steps) - steps
    place = knapsack.ptr[group] + np.arange(group.size) - begin[group]
    cost = knapsack.cost[kept[place + 1]] - knapsack.cost[kept[place]]
    with np.errstate(over="ignore"):
        price = (knapsack.value[kept[place + 1]] - knapsack.value[kept[place]]) / cost
    if not np.isfinite(price).all():
        k = int(place[np.argmax(~np.isfinite(price))])
        raise ProblemError(_too_steep(knapsack, int(kept[k]), int(kept[k + 1])))
    rises = np.flatnonzero((np.diff(price) > 0) & (np.diff(group) == 0))
    for g in np.unique(group[rises]).tolist():
        span = slice(int(begin[g]), int(begin[g] + steps[g]))
        price[span] = np.minimum.accumulate(price[span])
    return group, place, price, cost * knapsack.count[group]


def _too_steep(knapsack: Knapsack, lower: int, upper: int) -> str:
    group = knapsack.groups[int(knapsack.group_of[upper])]
    more = float(knapsack.cost[upper] - knapsack.cost[lower])
    won = float(knapsack.value[upper] - knapsack.value[lower])
    return (
        f"option {knapsack.options[upper]!r} of group {group!r} costs {more!r} more than "
        f"{knapsack.options[lower]!r} and is worth {won!r} more: value per money is beyond the largest "
        "number, 1.8e308; state costs in a smaller unit of money, so that they are larger numbers, or as 0"
    )


def _had(knapsack: Knapsack, kept: Integers, group: Integers, place: Integers, taken: Floats) -> Floats:
    """The share of its group's copies that have each step: whose option costs at least its upper end."""
    rank = np.lexsort((-knapsack.cost, knapsack.group_of))
    total = np.cumsum(taken[rank])
    before = np.concatenate(([0.0], total))[knapsack.ptr[:-1]]
    at_least = np.empty(taken.size)
    at_least[rank] = total
    share = (at_least - before[knapsack.group_of]) / np.maximum(knapsack.count, 1)[knapsack.group_of]
    had: Floats = share[kept[place + 1]]
    return had


def _adder(knapsack: Knapsack) -> Callable[[Floats], Fraction]:
    """A function that adds up one cost per copy of every group, exactly."""
    count, cost = knapsack.count.astype(np.float64), knapsack.cost
    if (cost == np.floor(cost)).all() and float(
        count @ np.maximum.reduceat(cost, knapsack.ptr[:-1])
    ) < 2.0**52:
        # Sums of whole numbers below 2^53 are exact in any order.
        return lambda numbers: Fraction(float(count @ numbers))
    return lambda numbers: exact.dot(knapsack.count, numbers)


def _everything(size: int) -> tuple[Integers, Integers]:
    return np.empty(0, dtype=np.int64), np.arange(size)


def _narrowed(price: Floats, weight: Floats, left: float, doubt: float) -> tuple[Integers, Integers]:
    """Steps that are surely bought, and those, in order of their index, among which the money ends."""
    bought, rest = _everything(price.size)
    taken = 0.0
    while rest.size > SHORT:
        sample = price[rest[:: rest.size // SHORT]]
        pivot = float(np.partition(sample, sample.size // 2)[sample.size // 2])
        above = price[rest] > pivot
        cost = float(weight[rest[above]].sum())
        if taken + cost <= left - doubt:
            if above.any():
                bought, rest, taken = np.concatenate((bought, rest[above])), rest[~above], taken + cost
            else:
                break
        elif taken + cost >= left + doubt and above.any():
            rest = rest[above]
        else:
            break
    return bought, rest
