"""That no whole choice of options is worth more than a stated bound: the value function, where it matters.

The value function of the first j groups, :math:`F_j(b)`, the most they are worth at a cost of at most b,
obeys :math:`F_{j+1}(b) = \\max_k v_{jk} + F_j(b - c_{jk})`. It is a staircase, kept as its steps. To prove
:math:`\\mathrm{OPT} \\le T` a step matters only if it can lead above T, and it cannot if

.. math:: v + p\\,(B - c) + \\sum_{\\text{groups to come}} \\max_k (v_{gk} - p\\,c_{gk}) \\le T

at the price p of the answer; so this is also a branch-and-bound, breadth first, whose leaves are the
steps cut off: each option of each step kept is followed or is cut by that inequality, by a step that costs
no more and is worth no less, or because the cheapest choices to come do not fit. Nothing of it needs to be
stored and nothing can be left out of it: the checker makes its own sweep.

Costs and values are whole numbers (`knapsack_units`), so sums, the options that are best at the price, what
they leave to be proved before the first step, and the last comparison are exact. The other cuts are taken in
floating point with a margin above their rounding, which at worst keeps a step too many.

**The margin** does not grow with the number of copies but with what they are worth. Write u = 2^-53,
:math:`S_g = \\max_k (w_{gk} + p\\,k_{gk})` and :math:`M = \\sum_g n_g S_g + p\\,C`, C the capacity. The price
is the double that is used, since the inequality holds at every price.

* A step has value + p cost of at most :math:`\\sum n_g S_g`, so value + p |C - cost| is at most M, and its
  five roundings (value, C - cost, product, two sums) are below 8 u M.
* The target is a whole number. Rounded it is wrong by u times itself, and the room that it leaves once more:
  below 8 u M where it is at most 2 M in size. Beyond 2 M nothing reaches it, below -2 M everything does.
* The penalty of an option is the difference of two numbers w - p k of four roundings each: less than 16 u M.
  What several copies of a group lose together is below 8 u M.

No cut is wrong by more than 32 u M. M is a sum of numbers >= 0, which 10^9 groups would round by a relative
2^-22. `ROUNDING` is 64 u.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.knapsack_units import Whole, WholeKnapsack, whole_knapsack
from optbudget.problems import Knapsack

MOST_STEPS = 20_000_000
"""Steps times options of one group beyond which the checker gives up; that proves nothing."""

ROUNDING = 2.0**-47
"""Margin of the cut, relative to M: 64 units of roundoff."""


class Unproved(Exception):  # noqa: N818 - it never leaves certify
    """The sweep met a choice worth more than the bound, or became too large; the message says which."""


def prove_whole_bound(knapsack: Knapsack, budget: float, price: float, bound: float) -> int:
    """Steps gone through to show that no whole choice within the budget is worth more than `bound`.

    Raises
    ------
    Unproved
        If a choice worth more was found, or the proof would take too many steps.

    Examples
    --------
    >>> problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    >>> prove_whole_bound(problem, 8.0, 1.5, 11.0) > 0
    True
    >>> prove_whole_bound(problem, 8.0, 1.5, 10.9)
    Traceback (most recent call last):
    ...
    optbudget.certify.knapsack_sweep.Unproved: a choice worth 11 is within the budget
    """
    try:
        whole = whole_knapsack(knapsack, budget)
        if whole.capacity < 0:
            return 0
        target = int((Fraction(bound) - whole.base_value) // whole.unit_value) + 1
        return _Sweep(whole, float(Fraction(price) * whole.price_unit), target).run()
    except OverflowError as error:
        raise Unproved(f"numbers too far apart: {error}") from None


class _Sweep:
    """Steps (cost, value) of choices of the groups done, completed by the best options at the price."""

    def __init__(self, whole: WholeKnapsack, price: float, target: int) -> None:
        self.whole, self.price, self.target = whole, price, target
        k, w = whole.cost.astype(np.float64), whole.value.astype(np.float64)
        if not np.isfinite(price * k).all():
            raise OverflowError("prices and costs multiply to more than a double holds")
        reduced = w - price * k
        best = np.maximum.reduceat(reduced, whole.ptr[:-1])
        width = np.diff(whole.ptr)
        self.penalty = np.repeat(best, width) - reduced
        size = np.maximum.reduceat(w + price * k, whole.ptr[:-1])
        self.rest = self._best(np.flatnonzero(self.penalty <= ROUNDING * np.repeat(size, width)))
        copies = [int(n) for n in whole.count]
        self.start_cost = sum(n * int(x) for n, x in zip(copies, whole.cost[self.rest], strict=True))
        self.start_value = sum(n * int(x) for n, x in zip(copies, whole.value[self.rest], strict=True))
        most = float(whole.count.astype(np.float64) @ size) + price * whole.capacity
        if not math.isfinite(most):
            raise OverflowError("values add up to more than a double holds")
        self.margin = ROUNDING * most
        self.room = self._reach(float(self.start_cost), float(self.start_value)) - target

    def _best(self, rivals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of each group the first option of largest value - price * cost, without rounding."""
        whole, (top, bottom) = self.whole, self.price.as_integer_ratio()
        group = np.searchsorted(whole.ptr, rivals, side="right") - 1
        first = np.searchsorted(group, np.arange(whole.count.size + 1))
        best = rivals[first[:-1]]
        for g in np.flatnonzero(np.diff(first) > 1).tolist():
            several = rivals[first[g] : first[g + 1]].tolist()
            best[g] = max(several, key=lambda k: bottom * int(whole.value[k]) - top * int(whole.cost[k]))
        return best

    def _proved_at_once(self) -> bool:
        """Whether the price alone proves the bound, in whole numbers."""
        top, bottom = self.price.as_integer_ratio()
        left = self.whole.capacity - self.start_cost
        return bottom * (self.start_value - self.target) + top * left < 0

    def _reach(self, cost: float, value: float) -> float:
        return value + self.price * (self.whole.capacity - cost) + self.margin

    def run(self) -> int:
        whole, done = self.whole, 1
        if self._proved_at_once():
            return done
        matter = np.add.reduceat((self.penalty <= self.room).astype(np.int64), whole.ptr[:-1])
        closest = np.minimum.reduceat(np.where(self.penalty > 0, self.penalty, np.inf), whole.ptr[:-1])
        open_groups = np.flatnonzero((matter > 1) & (whole.count > 0))
        open_groups = open_groups[np.argsort(closest[open_groups], kind="stable")]
        turns = [
            (g, 1 << j) for g in open_groups.tolist()
            for j in range(int(whole.count[g]).bit_length()) if int(whole.count[g]) >> j & 1
        ]  # fmt: skip
        saves, gains = self._to_come(turns)
        kind = whole.cost.dtype
        cost, value = np.array([self.start_cost], dtype=kind), np.array([self.start_value], dtype=kind)
        for turn, (g, copies) in enumerate(turns):
            more_cost, more_value = self._choices(g, copies)
            if cost.size * more_cost.size > MOST_STEPS:
                raise Unproved(f"the proof takes more than {MOST_STEPS:,} steps at a time")
            parts = [
                self._followed(cost + more, value + won, saves[turn + 1], gains[turn + 1])
                for more, won in zip(more_cost, more_value, strict=True)
            ]
            cost, value = undominated(*(np.concatenate(column) for column in zip(*parts, strict=True)))
            done += cost.size
            self._refuse_better(cost, value)
            if cost.size == 0:
                return done
        self._refuse_better(cost, value)
        return done

    def _followed(self, cost: Whole, value: Whole, saves: int, gains: int) -> tuple[Whole, Whole]:
        """The steps that can still lead above the bound."""
        left = self.whole.capacity - cost
        reach = value.astype(np.float64) + self.price * left.astype(np.float64) + self.margin
        useful = (reach >= self.target) & (left >= saves) & (value >= self.target - gains)
        return cost[useful], value[useful]

    def _refuse_better(self, cost: Whole, value: Whole) -> None:
        better = np.flatnonzero((cost <= self.whole.capacity) & (value >= self.target))
        if better.size:
            worth = self.whole.worth(int(value[better].max()))
            raise Unproved(f"a choice worth {float(worth):.17g} is within the budget")

    def _options(self, g: int) -> tuple[Whole, Whole]:
        """What each option that can matter adds to the best one at the price."""
        span = np.arange(self.whole.ptr[g], self.whole.ptr[g + 1])
        span = span[self.penalty[span] <= self.room]
        rest = self.rest[g]
        return self.whole.cost[span] - self.whole.cost[rest], self.whole.value[span] - self.whole.value[rest]

    def _choices(self, g: int, copies: int) -> tuple[Whole, Whole]:
        """The same for a power of two of copies together."""
        cost, value = self._options(g)
        while copies > 1:
            if cost.size**2 > MOST_STEPS:
                raise Unproved(f"the proof takes more than {MOST_STEPS:,} steps at a time")
            cost, value = undominated((cost[:, None] + cost).ravel(), (value[:, None] + value).ravel())
            lost = self.price * cost.astype(np.float64) - value.astype(np.float64)
            cost, value, copies = cost[lost <= self.room], value[lost <= self.room], copies // 2
        return cost, value

    def _to_come(self, turns: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
        """From each turn on: the least that can be added to the cost and the most to the value."""
        saves, gains = [0], [0]
        for g, copies in reversed(turns):
            cost, value = self._options(g)
            saves.append(saves[-1] + copies * int(cost.min()))
            gains.append(gains[-1] + copies * int(value.max()))
        return saves[::-1], gains[::-1]


def undominated(cost: Whole, value: Whole) -> tuple[Whole, Whole]:
    """Steps of the staircase, by rising cost: each worth more than every one that costs no more."""
    order = np.argsort(-value, kind="stable")
    order = order[np.argsort(cost[order], kind="stable")]
    cost, value = cost[order], value[order]
    best = np.maximum.accumulate(value)
    rises = np.concatenate((np.ones(min(1, value.size), dtype=bool), value[1:] > best[:-1]))
    return cost[rises], value[rises]
