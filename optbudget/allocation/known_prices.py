"""Which prices under limits are the only ones: then what a limit is worth is exact, and not only a bound.

The value is concave in the limits, so what an optimal multiplier promises is never exceeded, and is kept at
first where it is the only optimal one. With a column for each limit that is met (the budget among them), and
a row for each block with a unit between two useful budgets, which says which of these limits it is under,
prices are known as far as the rows span them: the worth of a group's limit is exact if they span its unit
vector, that of a unit if they span its row.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import Allocation, LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Side = Literal["least", "most"]

SAME = 1e-9
"""Relative difference up to which a sum of doubles is a limit."""

SEVERAL = 1000
"""Met limits, and kinds of blocks, up to which it is decided which prices are known."""

CELLS = 20_000_000
"""The same for the table of met limits by blocks."""


class KnownPrices:
    """Which prices the blocks that are served in part leave no choice about."""

    def __init__(self, answer: Allocation, units: LimitedPopulation) -> None:
        money = units.count * assigned_to(answer, units)
        for b, aside in answer.set_aside:
            money[b] += float(aside)
        priced = {(one.group, one.side) for one in answer.multipliers}
        columns = list[NDArray[np.bool_]]()
        self._place: dict[tuple[str, str], int] = {}
        total = float(money.sum())
        if answer.price > 0 or total >= answer.budget - SAME * abs(answer.budget):
            columns.append(np.ones(money.size, dtype=np.bool_))
        for g, name in enumerate(units.names):
            has = float(money[units.members[g]].sum())
            inside = np.zeros(money.size, dtype=np.bool_)
            inside[units.members[g]] = True
            least, most = float(units.group_least[g]), float(units.group_most[g])
            low, high = least > 0 and has <= least * (1 + SAME), has >= most * (1 - SAME)
            met: tuple[tuple[Side, bool], ...] = (("least", low), ("most", high))
            for side, here in met:
                if here or (name, side) in priced:
                    self._place[name, side] = len(columns)
                    columns.append(inside)
        self._table = columns if len(columns) * money.size <= CELLS else columns[:0]
        self._met = len(columns)
        rows = self._rows(_between(answer, units))
        self._span = np.zeros((0, rows.shape[1]))
        if rows.size and max(rows.shape) <= SEVERAL:
            _, size, right = np.linalg.svd(rows, full_matrices=False)
            self._span = right[size > SAME * size.max()]

    def group(self, name: str, side: Side) -> bool:
        """Whether the multiplier of a limit of a group is the only one."""
        unit = np.zeros((1, len(self._table)))
        if self._table:
            unit[0, self._place[name, side]] = 1.0
        return self._spanned(unit)

    def blocks(self, at: Integers) -> bool:
        """Whether there is only one price for each of these blocks."""
        return self._spanned(self._rows(at))

    def _rows(self, at: Integers) -> Floats:
        """Which met limits blocks are under, each kind once."""
        kinds = {tuple(row) for row in np.array([one[at] for one in self._table]).T.tolist()}
        return np.array(sorted(kinds), dtype=np.float64).reshape(len(kinds), len(self._table))

    def _spanned(self, rows: Floats) -> bool:
        if not rows.size:
            return self._met == 0
        return bool(np.abs(rows - rows @ self._span.T @ self._span).max() < SAME)


def assigned_to(answer: Allocation, units: LimitedPopulation) -> Floats:
    """Mean money that a unit of each block is assigned, (k,)."""
    money = answer.count * answer.probability * answer.unit_budget
    spend = np.bincount(_block(answer, units), money, minlength=units.count.size)
    return np.maximum(spend / np.maximum(units.count, 1), units.least)


def _between(answer: Allocation, units: LimitedPopulation) -> Integers:
    """Blocks with a unit that is between two useful budgets and at no limit of its own."""
    drawn = (answer.probability > 0) & (answer.probability < 1)
    weight = answer.count[drawn] * answer.probability[drawn]
    block = _block(answer, units)[drawn]
    number = np.bincount(block, weight, minlength=units.count.size)
    money = np.bincount(block, weight * answer.unit_budget[drawn], minlength=units.count.size)
    mean = money / np.where(number > 0, number, 1.0)
    inside = (mean > units.least * (1 + SAME)) & (mean < units.most * (1 - SAME))
    return np.flatnonzero((number > 0) & inside)


def _block(answer: Allocation, units: LimitedPopulation) -> Integers:
    """The block of each row."""
    assert answer.unit is not None
    block = answer.state.copy()
    single, named = np.flatnonzero(answer.unit >= 0), units.unit[units.unit >= 0]
    block[single] = units.state.size - named.size + np.searchsorted(named, answer.unit[single])
    return block
