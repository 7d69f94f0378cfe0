"""That no choice of whole units within nested limits is worth more than a stated bound.

The value function of a group, :math:`F_G(e)`, the most that its units are worth when it is assigned at most
e, is a staircase: that of a block of n units is the n-fold sum of its options', a group's is the sum of what
is in it, cut to :math:`\\max(L_G, e) \\le U_G`. To prove :math:`\\mathrm{OPT} \\le T` a step matters only if
it can lead above T. With a price :math:`p_G \\ge 0` of money in each group (that of all units together is p,
around which there is 0) every choice is worth at most

.. math:: D = \\sum_i n_i \\max_k (v_{ik} - p_i a_{ik}) + \\sum_G \\bigl( (p_G - p_{around})^+ U_G
          - (p_{around} - p_G)^+ L_G \\bigr),

and less by what it *loses*: each unit against the best at its price, each group by :math:`p_G (e_G - \\sum
e_{child}) + (p_G - p_{around})^+ (U_G - e_G) + (p_{around} - p_G)^+ (e_G - L_G)`. Losses are never negative
and only add up, so a step that has lost more than D - T, less what groups that are done lose at least, cannot
lead above T. That inequality, what a group may be assigned, and steps that cost no more and are worth no less
are the only cuts.

Costs and values are whole numbers (`optbudget.certify.limited_units`), and a loss is computed from them anew
at every step. With u = 2^-53 and M the sum of :math:`n_i \\max_k (v + p a)` and of the prices times limits,
each of its parts is below M and is rounded a few times; `ROUNDING` M is 256 u M, and can only keep a step too
many.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.knapsack_sweep import MOST_STEPS, Unproved, undominated
from optbudget.certify.limited_units import WholeLimits, options_of, whole_limits
from optbudget.curves import Curves
from optbudget.problems import LimitedPopulation, Multiplier

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROUNDING = 2.0**-45
"""Margin of the cut, relative to M: 256 units of roundoff."""

NEAR = 2.0**-40
"""Relative difference of two reduced values below which exact arithmetic decides which is larger."""


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A staircase: cost and value of its steps, and `due`, the most it could be worth at its price."""

    cost: Integers
    value: Integers
    due: Fraction


def dual_within(
    curves: Curves,
    units: LimitedPopulation,
    budget: float,
    price: float,
    multipliers: Sequence[Multiplier],
) -> Fraction:
    """What no whole units within the limits are worth more than, exactly, at a price and multipliers.

    Groups may overlap. All prices of blocks must be >= 0, and a price needs a budget.
    """
    options = options_of(curves, units)
    code, exactly = units.prices(price, multipliers)
    total = Fraction(price) * Fraction(budget) if price else Fraction(0)
    for one in multipliers:
        total += Fraction(one.value) * Fraction(one.limit) * (1 if one.side == "most" else -1)
    near = np.array([float(p) for p in exactly])[code]
    for j, b in enumerate(options.block.tolist()):
        span = slice(int(options.ptr[j]), int(options.ptr[j + 1]))
        money, value, p = options.assigned[span], options.value[span], exactly[code[b]]
        spend = near[b] * money
        reduced, size = value - spend, float((np.abs(value) + spend).max(initial=0.0))
        rivals = np.flatnonzero(reduced >= reduced.max(initial=-math.inf) - NEAR * size)
        best = max(Fraction(float(value[k])) - p * Fraction(float(money[k])) for k in rivals.tolist())
        total += int(units.count[b]) * best
    return total


def prove_limited_bound(
    curves: Curves,
    units: LimitedPopulation,
    budget: float,
    price: float,
    multipliers: Sequence[Multiplier],
    bound: float,
) -> int:
    """Steps gone through to show that no choice of whole units is worth more than `bound`.

    Raises
    ------
    Unproved
        If a choice worth more was found, or the proof would take too many steps.

    Examples
    --------
    Two units at 0 or at 1.5 each for 3; all may have 2:

    >>> curves = Curves(np.zeros(1), np.zeros(1), np.array([0, 1]), np.array([1.5]), np.array([3.0]))
    >>> units = LimitedPopulation(
    ...     np.array([0]), np.array([2]), np.array([-1]), np.zeros(1), np.array([np.inf]), ("all",),
    ...     np.zeros(1), np.array([2.0]), (np.array([0]),))
    >>> prove_limited_bound(curves, units, 9.0, 0.0, [Multiplier("all", "most", 2.0, 2.0)], 3.0) > 0
    True
    """
    try:
        whole = whole_limits(curves, units, budget)
        target = int((Fraction(bound) - whole.base_value) // whole.unit_value) + 1
        return _Sweep(whole, whole.prices(units, price, multipliers), target).run()
    except OverflowError as error:
        raise Unproved(f"numbers too far apart: {error}") from None


class _Sweep:
    def __init__(self, whole: WholeLimits, price: list[float], target: int) -> None:
        self.whole, self.price, self.target = whole, price, target
        self.room_of, self.need = whole.rooms(), whole.needs()
        self.done = 0
        node = np.empty(whole.count.size, dtype=np.int64)
        for v, blocks in enumerate(whole.inside):
            node[blocks] = v
        width = np.diff(whole.options.ptr)
        at = np.repeat(np.array(price)[node], width)
        value, spend = whole.value.astype(np.float64), at * whole.cost.astype(np.float64)
        reduced = value - spend
        best = np.maximum.reduceat(reduced, whole.options.ptr[:-1])
        self.penalty: Floats = np.repeat(best, width) - reduced
        copies = whole.count.astype(np.float64)
        self.due = [Fraction(x) for x in (copies * best).tolist()]
        size = float(copies @ np.maximum.reduceat(value + spend, whole.options.ptr[:-1]))
        self.slope, total = [0.0] * len(price), sum(self.due, Fraction(0))
        self.limit = [Fraction(0)] * len(price)
        for v, around in enumerate(whole.parent):
            change = price[v] - (price[around] if around >= 0 else 0.0)
            limit = whole.most[v] if change > 0 else whole.least[v]
            if change and limit is None:
                raise Unproved("a price above 0 proves nothing where there is no limit")
            self.limit[v] = Fraction(change) * (limit or 0)
            size += float(abs(self.limit[v]))
            total += self.limit[v]
        if not math.isfinite(size):
            raise OverflowError("values add up to more than a double holds")
        self.margin = ROUNDING * size
        self.room = float(total - target) + self.margin
        self.proved = total < target

    def run(self) -> int:
        if self.proved:
            return 1
        found: dict[int, Steps] = {}
        lost = dict[int, float]()
        for v in self.whole.inner_first:
            inner = [w for w, around in enumerate(self.whole.parent) if around == v]
            room = self.room - sum(lost[w] for w in found if w not in inner)
            parts = [(lost.pop(w), found.pop(w)) for w in inner]
            found[v], lost[v] = self._cut(v, self._together(v, parts, room), room)
        last = found[self.whole.inner_first[-1]]
        if last.value.size and int(last.value.max()) >= self.target:
            worth = self.whole.worth(int(last.value.max()))
            raise Unproved(f"a choice worth {float(worth):.17g} keeps all limits")
        return max(1, self.done)

    def _together(self, v: int, inner: list[tuple[float, Steps]], room: float) -> Steps:
        """All that is directly in a node, the smallest staircases first; `room` is what they may lose."""
        whole = self.whole
        room -= sum(least for least, _ in inner)
        parts = inner + [(0.0, self._copies(v, j, room)) for j in whole.inside[v].tolist()]
        steps = Steps(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), Fraction(0))
        need = sum(int(part.cost.min(initial=0)) for _, part in parts)
        for least, part in sorted(parts, key=lambda part: part[1].cost.size):
            need, room = need - int(part.cost.min(initial=0)), room + least
            steps = self._merged(v, steps, part, room, need)
        return steps

    def _merged(self, v: int, one: Steps, other: Steps, room: float, need: int = 0) -> Steps:
        """The sum of two staircases, as far as it matters; `need` is what is still to come."""
        if one.cost.size * other.cost.size > MOST_STEPS:
            raise Unproved(f"the proof takes more than {MOST_STEPS:,} steps at a time")
        lost = self._lost(v, one)[:, None] + self._lost(v, other)
        i, j = np.nonzero(lost <= room)
        cost, value = one.cost[i] + other.cost[j], one.value[i] + other.value[j]
        limit = self.room_of[v]
        if limit is not None:
            fits = cost <= limit - need
            cost, value = cost[fits], value[fits]
        steps = Steps(*undominated(cost, value), one.due + other.due)
        self.done += steps.cost.size
        return steps

    def _lost(self, v: int, steps: Steps) -> Floats:
        return np.asarray(
            float(steps.due)
            - (steps.value.astype(np.float64) - self.price[v] * steps.cost.astype(np.float64))
        )

    def _copies(self, v: int, j: int, room: float) -> Steps:
        """What the units of a block can have together: powers of two of them, doubled."""
        whole, ptr = self.whole, self.whole.options.ptr
        span = np.arange(ptr[j], ptr[j + 1])
        span = span[self.penalty[span] <= room]
        n = int(whole.count[j])
        each = Steps(whole.cost[span], whole.value[span], self.due[j] / n)
        total: Steps | None = None
        while n:
            if n & 1:
                total = each if total is None else self._merged(v, total, each, room)
            n >>= 1
            each = self._merged(v, each, each, room) if n else each
        assert total is not None
        return Steps(total.cost, total.value, self.due[j])

    def _cut(self, v: int, steps: Steps, room: float) -> tuple[Steps, float]:
        """Steps of a node within its limits, its money priced as around it; and the least that one loses."""
        cost = np.maximum(steps.cost, self.whole.least[v])
        due = steps.due + self.limit[v]
        around = self.whole.parent[v]
        p = self.price[around] if around >= 0 else 0.0
        lost = float(due) - (steps.value.astype(np.float64) - p * cost.astype(np.float64))
        kept = lost <= room
        limit = self.room_of[v]
        if limit is not None:
            kept &= cost <= limit
        least = max(0.0, float(lost[kept].min(initial=math.inf)) - self.margin)
        return Steps(*undominated(cost[kept], steps.value[kept]), due), least
