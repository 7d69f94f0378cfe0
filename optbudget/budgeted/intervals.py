"""The intervals between neighbouring prices: how wide their gap is, and where inside to look next.

Between the points of two neighbouring prices the truth lies in a triangle under their lines and over
the chord. A triangle depends on its two prices alone, so what is known of an interval stays true until
a price falls inside it: a round looks at new intervals only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _bracket_kernels as kernels
from optbudget.budgeted.bracket import lift_of
from optbudget.budgeted.lines import GrowingLines, PriceLines

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """The intervals between neighbouring prices, from high to low.

    Attributes
    ----------
    worst : the largest gap of all, of stages whose prices cannot be matched as well
    gap : (K-1,) worst certified gap over all states and kept stages
    low, high : (K-1,) least and greatest price worth asking for inside; low > high where there is none
    """

    worst: float
    gap: Floats
    low: Floats
    high: Floats


class Bracket:
    """Lines that keep coming, and the intervals between them.

    Parameters
    ----------
    first : the lines in hand
    tolerance : gap from which on a chord's slope is worth knowing
    cap : money; budgets above it do not count
    """

    def __init__(self, first: PriceLines, tolerance: float, cap: float | None) -> None:
        self.lines = GrowingLines(first)
        self._tolerance, self._cap = tolerance, np.inf if cap is None else cap
        self.intervals = _known(*self._measured(np.arange(len(first) - 1)))

    @property
    def price(self) -> Floats:
        """(K,) strictly decreasing."""
        return self.lines.price

    def finish(self) -> "PriceLines | GrowingLines":
        """All lines in one piece, or as they came where a second copy of them would be large."""
        return self.lines if self.lines.large else self.lines.finish()

    def add(self, more: PriceLines) -> None:
        """Take in further lines."""
        before, known = self.price, self.intervals
        self.lines.add(more)
        place = np.searchsorted(-before, -self.price)
        new = ~np.isin(self.price, before)
        split = new[:-1] | new[1:]
        gap, low, high = self._measured(np.flatnonzero(split))
        same = place[:-1][~split]
        self.intervals = _known(
            _merged(split, known.gap[same], gap),
            _merged(split, known.low[same], low),
            _merged(split, known.high[same], high),
        )

    def _measured(self, which: NDArray[np.integer]) -> tuple[Floats, Floats, Floats]:
        """Gap, low and high of some of the intervals, from the lines at their ends."""
        ends = np.union1d(which, which + 1)
        price, field, vector = self.price[ends], self.lines.table, self.lines.vector
        lift = lift_of(price, vector("spend_error")[ends], vector("value_error")[ends])
        shape = (kernels.CHUNKS, max(0, ends.size - 1))
        gap, low, high = np.empty(shape), np.empty(shape), np.empty(shape)
        kernels.interval_gaps(
            price, np.arange(ends.size), field("spend", ends), field("value", ends),
            field("intercept", ends), lift, self._tolerance, self._cap, gap, low, high,
        )  # fmt: skip
        wanted = np.searchsorted(ends, which)
        return gap[:, wanted].max(axis=0), low[:, wanted].min(axis=0), high[:, wanted].max(axis=0)


def _known(gap: Floats, low: Floats, high: Floats) -> Intervals:
    return Intervals(float(gap.max(initial=0.0)), gap, low, high)


def _merged(split: NDArray[np.bool_], same: Floats, fresh: Floats) -> Floats:
    """One number per interval: of those that are as they were, and of those that are new."""
    merged = np.empty(split.size)
    merged[split], merged[~split] = fresh, same
    return merged
