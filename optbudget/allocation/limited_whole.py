"""The best whole units under nested limits: staircases added up from the inside out.

Every unit takes one useful budget of its curve. The value function of a group, the most its units are worth
for what it is assigned, is a staircase: the sum of the staircases in it, cut to its least and most. Adding up
all of them is exact and may take too many steps; what keeps them few is

* the split of the relaxation, rounded down, which is a first choice worth z, and its prices: each choice
  *loses* against what the prices promise, D in all, and one that has lost D - z or more is no better
  (`optbudget.certify.limited_sweep` has the inequality, and makes such a sweep of its own);
* what groups that are done lose in any case, which the others cannot lose any more;
* steps that cost no more and are worth no less.

The search is first made with few steps at a time, the most promising ones, then with ever more, at last with
all that matter; what it finds early leaves less to look at. Costs and values are whole numbers
(`optbudget.certify.WholeLimits`), so no rounding decides what is feasible or better. The number of steps has
no bound but the product of what units can take, so a limit ends it, with the best choice so far and the bound
of the prices.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.knapsack_states import Integers
from optbudget.allocation.limited_whole_steps import Staircase, nothing
from optbudget.certify import WholeLimits
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

MEMORY = 2**27
"""Bytes that steps may take where no limit is given."""

WIDTHS = (300, 10_000, 100_000)
"""Steps at a time in the searches before the complete one."""

BYTES_PER_STEP = 200
"""Of a step before it is known whether it is kept."""

DOUBT = 2.0**-45
"""Margin of what is lost, relative to the sum of what it is computed from; see `limited_sweep`."""


@dataclass(frozen=True, eq=False)
class WholeChoice:
    """How many units take each option, (N,); no choice is worth more than `most` (of whole numbers).

    `stopped` is why the search ended, None where it was complete; only then `most` is a bound.
    """

    taken: Integers
    most: int
    stopped: Termination | None


def best_whole_units(
    whole: WholeLimits,
    price: list[float],
    first: Integers,
    kept: Callable[[Integers], bool],
    *,
    monitor: Monitor | None = None,
) -> WholeChoice:
    """The best choice within the limits.

    Parameters
    ----------
    price : of money in each node, in units of `whole`
    first : (N,) how many units take each option in a choice that keeps the limits
    kept : whether a choice keeps the limits, asked where the whole numbers of `whole` are rounded
    monitor : is told of progress, and may end the search by time, by Ctrl-C or by memory
    """
    return _Search(whole, price, first, kept).run(monitor or Monitor())


class _Search:
    def __init__(
        self, whole: WholeLimits, price: list[float], first: Integers, kept: Callable[[Integers], bool]
    ) -> None:
        self.whole, self.price, self.chosen, self.kept = whole, price, first, kept
        self.best = sum(n * int(v) for n, v in zip(first.tolist(), whole.value, strict=True))
        self.rooms = whole.rooms()
        node = np.empty(whole.count.size, dtype=np.int64)
        for v, blocks in enumerate(whole.inside):
            node[blocks] = v
        ptr = whole.options.ptr
        at = np.repeat(np.array(price)[node], np.diff(ptr))
        value, spend = whole.value.astype(np.float64), at * whole.cost.astype(np.float64)
        promised = np.maximum.reduceat(value - spend, ptr[:-1])
        self.penalty: Floats = np.repeat(promised, np.diff(ptr)) - (value - spend)
        self.promised = [Fraction(x) for x in promised.tolist()]
        size = float(whole.count @ np.maximum.reduceat(value + spend, ptr[:-1]))
        self.limits, due = list[Fraction](), Fraction(0)
        for n, x in zip(whole.count.tolist(), self.promised, strict=True):
            due += n * x
        for v, around in enumerate(whole.parent):
            change = price[v] - (price[around] if around >= 0 else 0.0)
            limit = whole.most[v] if change > 0 else whole.least[v]
            self.limits.append(Fraction(change) * (limit or 0))
            due += self.limits[-1]
            size += float(abs(self.limits[-1]))
        self.due, self.doubt = due, DOUBT * size
        self.left_out = False

    @property
    def room(self) -> float:
        """What a better choice may lose."""
        return float(self.due - self.best - 1) + self.doubt

    def run(self, monitor: Monitor) -> WholeChoice:
        limit = (monitor.memory_limit or MEMORY) // BYTES_PER_STEP
        stopped: Termination | None = Termination.MEMORY_LIMIT
        for width in (*(w for w in WIDTHS if w < limit), limit):
            if self.room < 0:
                break
            self.left_out = False
            stopped = self._sweep(width, monitor)
            if stopped is not None or not self.left_out:
                break
            stopped = Termination.MEMORY_LIMIT
        return WholeChoice(self.chosen, self.best, None if self.room < 0 else stopped)

    def _sweep(self, width: int, monitor: Monitor) -> Termination | None:
        """All nodes once, with at most `width` steps at a time; why it ended early, or None."""
        found: dict[int, Staircase] = {}
        lost = dict[int, float]()
        for number, v in enumerate(self.whole.inner_first):
            inner = [w for w, around in enumerate(self.whole.parent) if around == v]
            elsewhere = sum(lost[w] for w in found if w not in inner)
            room = self.room - elsewhere - sum(lost[w] for w in inner)
            parts = [(lost.pop(w), found.pop(w)) for w in inner]
            for j in self.whole.inside[v].tolist():
                if (stopped := monitor.stop_reason()) is not None:
                    return stopped
                parts.append((0.0, self._copies(v, j, width, room)))
            need = sum(int(part.cost.min(initial=0)) for _, part in parts)
            steps = nothing(self.whole.cost.dtype)
            for mine, part in sorted(parts, key=lambda part: part[1].cost.size):
                if (stopped := monitor.stop_reason()) is not None:
                    return stopped
                need, room = need - int(part.cost.min(initial=0)), room + mine
                steps = self._sum(v, steps, part, width, room, need)
            found[v] = self._cut(v, steps, self.room - elsewhere)
            around = self.whole.parent[v]
            loses = found[v].lost(self.price[around] if around >= 0 else 0.0)
            lost[v] = max(0.0, float(loses.min(initial=math.inf)) - self.doubt)
            monitor.progress((number + 1) / len(self.price), f"{steps.cost.size:,} steps")
        last = found[self.whole.inner_first[-1]]
        if last.value.size and int(last.value[-1]) > self.best:
            self._take(last.taken(last.value.size - 1), int(last.value[-1]))
        return None

    def _copies(self, v: int, j: int, width: int, room: float) -> Staircase:
        """What the units of a block can have together."""
        whole, ptr = self.whole, self.whole.options.ptr
        span = np.arange(ptr[j], ptr[j + 1])
        kept = np.flatnonzero(self.penalty[span] <= room)
        n = int(whole.count[j])
        each = Staircase(
            whole.cost[span[kept]], whole.value[span[kept]], self.promised[j], j,
            np.eye(span.size, dtype=np.int64)[kept],
        )  # fmt: skip
        total: Staircase | None = None
        while n:
            if n & 1:
                total = each if total is None else self._sum(v, total, each, width, room)
            n >>= 1
            each = self._sum(v, each, each, width, room) if n else each
        assert total is not None
        return total

    def _sum(
        self, v: int, one: Staircase, other: Staircase, width: int, room: float, need: int = 0
    ) -> Staircase:
        """The sum of two, as far as it matters; `room` is what it may lose, `need` the cost still to come."""
        price, limit = self.price[v], self.rooms[v]
        if one.cost.size > other.cost.size:
            one, other = other, one
        if one.cost.size * other.cost.size > width:
            one = self._promising(one, price, math.isqrt(width))
            other = self._promising(other, price, width // one.cost.size)
        lost = one.lost(price)[:, None] + other.lost(price)
        i, j = np.nonzero(lost <= room)
        cost = one.cost[i] + other.cost[j]
        if limit is not None:
            fits = np.flatnonzero(cost <= limit - need)
            i, j, cost = i[fits], j[fits], cost[fits]
        steps = Staircase(cost, one.value[i] + other.value[j], one.due + other.due)
        if one.block >= 0 and one.block == other.block:
            assert one.options is not None
            assert other.options is not None
            steps = replace(steps, block=one.block, options=one.options[i] + other.options[j])
        else:
            steps = replace(steps, parts=(one, other), source=(i, j))
        return steps.undominated()

    def _promising(self, steps: Staircase, price: float, few: int) -> Staircase:
        """At most so many steps: those that lose least, and some at all costs."""
        if steps.cost.size <= few:
            return steps
        self.left_out = True
        order = np.argsort(steps.lost(price), kind="stable")
        spread = np.linspace(0, steps.cost.size - 1, max(1, few // 3)).astype(np.int64)
        return steps[np.union1d(order[: max(1, few - spread.size)], spread)]

    def _cut(self, v: int, steps: Staircase, room: float) -> Staircase:
        """The steps of a node within its limits, its money priced as around it."""
        cost, limit, around = np.maximum(steps.cost, self.whole.least[v]), self.rooms[v], self.whole.parent[v]
        held = replace(steps, cost=cost, due=steps.due + self.limits[v])
        kept = held.lost(self.price[around] if around >= 0 else 0.0) <= room
        if limit is not None:
            kept &= (cost <= limit).astype(np.bool_)
        return held[np.flatnonzero(kept)].undominated()

    def _take(self, taken: list[tuple[int, Integers]], value: int) -> None:
        ptr = self.whole.options.ptr
        chosen = np.zeros(self.whole.cost.size, dtype=np.int64)
        for j, number in taken:
            chosen[ptr[j] : ptr[j + 1]] += number
        self.best = value
        if self.whole.exact or self.kept(chosen):
            self.chosen = chosen
