"""Whole units under nested limits in whole numbers, without rounding.

A unit of a block takes one useful budget c of its curve, at most its own most u, and is assigned :math:`a =
\\max(c, \\ell)`: what a least keeps for it beyond c stays unspent. Inside a group money is added up, and the
group is assigned

.. math:: e_G = \\max(L_G, \\sum e_{child} + \\sum a) \\le U_G,

all units together at most B. Costs and values are counted from those of each block's first option, in the
largest units that divide them all (`optbudget.certify.knapsack_units`), so that no rounding decides what
keeps the limits or what is worth more. Where sums in these units are beyond 2^60, coarser ones are taken,
costs and leasts rounded down and values up: then every choice that keeps the limits still does, and is worth
no less, so what bounds the whole numbers bounds the choices.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.bracket import breakpoints
from optbudget.certify.knapsack_bound import exact_sum
from optbudget.certify.knapsack_units import FITS, Whole, counted
from optbudget.curves import Curves
from optbudget.problems import LimitedPopulation, Multiplier

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What one unit of each block with units may take, by block and rising budget.

    Attributes
    ----------
    block : (m,) int64; blocks of the limited population
    ptr : (m+1,) int64; options ptr[j]:ptr[j+1] are of block[j]
    level : (N,) int64; which useful budget of its state's curve
    assigned, value : (N,) money and value of one unit; both rise within a block
    """

    block: Integers
    ptr: Integers
    level: Integers
    assigned: Floats
    value: Floats


def options_of(curves: Curves, units: LimitedPopulation) -> Options:
    """The options of every block with units; one that may have less than its least feasible budget has none.

    Examples
    --------
    >>> zero, half = np.zeros(1), np.array([0.5])
    >>> curves = Curves(zero, zero, np.array([0, 2]), np.array([1.0, 2.0]), np.array([3.0, 2.0]))
    >>> units = LimitedPopulation(np.array([0]), np.array([4]), np.array([-1]), half, np.array([2.0]))
    >>> options_of(curves, units).assigned, options_of(curves, units).level
    (array([0.5, 1. ]), array([0, 1]))
    """
    block, size = np.flatnonzero(units.count > 0), [0]
    parts: list[tuple[Integers, Floats, Floats]] = []
    for b in block.tolist():
        s = int(units.state[b])
        at, least = breakpoints(curves, s, s + 1), float(units.least[b])
        first = max(0, int(np.searchsorted(at.budget, least, side="right")) - 1)
        level = np.arange(first, int(np.searchsorted(at.budget, units.most[b], side="right")))
        money, value = np.maximum(at.budget[level], least), at.value[level]
        rises = np.ones(level.size, dtype=np.bool_)
        if level.size:
            rises[1:] = (value[1:] > np.maximum.accumulate(value)[:-1]) & (np.diff(money) > 0)
        parts.append((level[rises], money[rises], value[rises]))
        size.append(int(rises.sum()))
    level, money, value = (
        (np.concatenate(column) for column in zip(*parts, strict=True))
        if parts
        else (np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    )
    return Options(block, np.cumsum(size), level, money, value)


@dataclass(frozen=True, slots=True, eq=False)
class WholeLimits:
    """Whole units under nested limits; node g, after the g groups, is all units together.

    Attributes
    ----------
    options : what units may take
    cost, value : (N,) int64 >= 0, above the first option of the block
    exact : whether nothing was rounded
    count : (m,) units of each block
    inside : positions of the blocks that are directly in each node
    parent : node around each, -1 for the last
    inner_first : nodes, each after those inside it
    least, most : of each node, above what its blocks cost at first; most None where there is none
    base_value, unit_value : value where all take their first option, and of one unit of value
    price_unit : multiply a price by it to have units of value per unit of cost
    """

    options: Options
    cost: Integers
    value: Integers
    exact: bool
    count: Integers
    inside: tuple[Integers, ...]
    parent: tuple[int, ...]
    inner_first: tuple[int, ...]
    least: tuple[int, ...]
    most: tuple[int | None, ...]
    base_value: Fraction
    unit_value: Fraction
    price_unit: Fraction

    def worth(self, value: int) -> Fraction:
        """The total value of so many units of value above the first options."""
        return self.base_value + value * self.unit_value

    def needs(self) -> list[int]:
        """The least that each node must be assigned, in units of cost."""
        need = [0] * len(self.parent)
        for v in self.inner_first:
            need[v] = max(need[v], self.least[v])
            if self.parent[v] >= 0:
                need[self.parent[v]] += need[v]
        return need

    def rooms(self) -> list[int | None]:
        """The most that each node may be assigned: by those around it too, less what its neighbours need."""
        need, room = self.needs(), list(self.most)
        within = [0] * len(self.parent)
        for v in self.inner_first[:-1]:
            within[self.parent[v]] += need[v]
        for v in self.inner_first[-2::-1]:
            around, mine = room[self.parent[v]], self.most[v]
            if around is not None:
                left = around - within[self.parent[v]] + need[v]
                room[v] = left if mine is None else min(mine, left)
        return room

    def prices(
        self, units: LimitedPopulation, price: float, multipliers: Sequence[Multiplier]
    ) -> list[float]:
        """The price of money in each node, >= 0, in units of value per unit of cost.

        Raises
        ------
        OverflowError
            If one is beyond the largest double.
        """
        place = {name: g for g, name in enumerate(units.names)}
        change = [Fraction(0)] * len(self.parent)
        for one in multipliers:
            change[place[one.group]] += Fraction(one.value) * (1 if one.side == "most" else -1)
        exactly = [Fraction(price)] * len(self.parent)
        for v in self.inner_first[-2::-1]:
            exactly[v] = exactly[self.parent[v]] + change[v]
        found = [max(0.0, float(p * self.price_unit)) for p in exactly]
        for v in self.inner_first[
            -2::-1
        ]:  # What rounding makes of equal prices costs nothing without limits.
            if self.most[v] is None:
                found[v] = min(found[v], found[self.parent[v]])
        return found


def whole_limits(curves: Curves, units: LimitedPopulation, budget: float) -> WholeLimits:
    """Blocks under nested limits that can be kept, and a budget, in whole numbers.

    Raises
    ------
    OverflowError
        If there are more units than whole numbers hold.

    Examples
    --------
    Two units that may have 2 in all, at 0 or at 1.5 each:

    >>> curves = Curves(np.zeros(1), np.zeros(1), np.array([0, 1]), np.array([1.5]), np.array([3.0]))
    >>> units = LimitedPopulation(
    ...     np.array([0]), np.array([2]), np.array([-1]), np.zeros(1), np.array([np.inf]), ("all",),
    ...     np.zeros(1), np.array([2.0]), (np.array([0]),))
    >>> whole = whole_limits(curves, units, 9.0)
    >>> whole.cost, whole.most
    (array([0, 1]), (1, 6))
    """
    options = options_of(curves, units)
    assert units.node is not None
    assert units.parent is not None
    count, used = units.count[options.block], np.ones(options.value.size, dtype=np.bool_)
    groups = len(units.names)
    parent = (*(p if p >= 0 else groups for p in units.parent.tolist()), -1)
    node = np.where(units.node < 0, groups, units.node)[options.block]
    order = (*sorted(range(groups), key=lambda g: (units.members[g].size, -g)), groups)
    base, first = [Fraction(0)] * (groups + 1), options.ptr[:-1]
    inside = tuple(np.flatnonzero(node == v) for v in range(groups + 1))
    for v in order:
        base[v] += exact_sum(count[inside[v]], options.assigned[first[inside[v]]])
        if parent[v] >= 0:
            base[parent[v]] += base[v]
    least = [max(Fraction(0), Fraction(x) - b) for x, b in zip((*units.group_least, 0.0), base, strict=True)]
    most = [None if math.isinf(x) else Fraction(x) - b for x, b in zip((*units.group_most, budget), base,
            strict=True)]  # fmt: skip
    cost, unit = counted(options.assigned, options.ptr, used)
    common = unit
    for x in least:
        common = _common(common, x)
    cost, small = _in_64_bits(cost * int(unit / common), count, options.ptr, sum(least) / common, up=False)
    value, unit_value = counted(options.value, options.ptr, used)
    value, large = _in_64_bits(value, count, options.ptr, Fraction(0), up=True)
    unit, unit_value = common * small, unit_value * large
    return WholeLimits(
        options, cost, value, small == large == 1, count, inside, parent, order,
        tuple(int(x // unit) for x in least), tuple(None if x is None else int(x // unit) for x in most),
        exact_sum(count, options.value[first]), unit_value, unit / unit_value,
    )  # fmt: skip


def _in_64_bits(
    numbers: Whole, count: Integers, ptr: Integers, more: Fraction, *, up: bool
) -> tuple[Integers, int]:
    """The same in units so coarse that all copies and `more` fit; how many old units a new one is."""
    size = int(more) + sum(n * int(x) for n, x in zip(count.tolist(), numbers[ptr[1:] - 1], strict=True))
    unit, copies = 1, int(count.sum())
    while size // unit + copies >= FITS:
        unit *= 2
        if unit > size:
            raise OverflowError("there are too many units")
    whole = -(-numbers // unit) if up else numbers // unit
    return whole.astype(np.int64), unit


def _common(one: Fraction, other: Fraction) -> Fraction:
    """The largest unit that divides both; the other may be 0."""
    bottom = one.denominator * other.denominator
    return Fraction(math.gcd(one.numerator * other.denominator, other.numerator * one.denominator), bottom)


def keeps(options: Options, units: LimitedPopulation, budget: float, taken: Integers) -> bool:
    """Whether a choice of `taken`, (N,), units for each option keeps nested limits, in exact arithmetic."""
    assert units.node is not None
    assert units.parent is not None
    groups = len(units.names)
    entry = np.repeat(options.block, np.diff(options.ptr))
    node = np.where(units.node < 0, groups, units.node)[entry]
    total = [exact_sum(taken[node == v], options.assigned[node == v]) for v in range(groups + 1)]
    for v in sorted(range(groups), key=lambda g: (units.members[g].size, -g)):
        total[v] = max(total[v], Fraction(float(units.group_least[v])))
        if math.isfinite(units.group_most[v]) and total[v] > Fraction(float(units.group_most[v])):
            return False
        total[int(units.parent[v])] += total[v]  # Of those in no other group -1, which is all together.
    return math.isinf(budget) or total[-1] <= Fraction(budget)
