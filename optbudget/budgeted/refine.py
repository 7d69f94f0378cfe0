"""Which prices to ask for next, until every curve is within the tolerance at every budget.

Between the points of two neighbouring prices the truth lies in a triangle under their lines and over
the chord, so each interval of prices has a certified gap in every state. A smooth piece's triangle
is as high as the square of its width: where the worst gap is e > tolerance, about
:math:`\\sqrt{e / \\text{tolerance}} - 1` prices are placed, geometrically. A triangle's own best next
price is the slope of its chord (at that price either a new vertex appears or the chord is proved to be
an edge; Eisner & Severance 1976), so the prices of an interval are placed between the least and the
greatest slope of the chords that are not good enough. Beyond the outermost finite prices these slopes
are all there is to go by, and they lie between the prices at which anything changes.

It ends: each round splits every interval that is too wide, one whose slopes cannot be told from its
ends is at the limit of rounding and is left alone, and there are finitely many vertices.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.intervals import Bracket, Intervals
from optbudget.budgeted.lines import PriceLines
from optbudget.errors import LimitError
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

Oracle = Callable[[Floats], Mapping[int, PriceLines] | None]
"""Lines of every state, per kept stage, at decreasing finite prices > 0; None if told to stop."""

BATCH = 16
"""Prices are asked for so many at a time, as they travel; more at once would be chosen knowing less."""

REACH = 16.0
"""How far beyond the slopes of their chords the outermost intervals are searched, as a factor.

A chord over much of a curve says little about how steep its first segments are, or how flat its last.
"""

APART = 1e-12
"""Prices closer than this, relatively, are one."""


def refine(
    oracle: Oracle,
    ends: Mapping[int, PriceLines],
    tolerance: float,
    *,
    cap: float | None = None,
    scale: Mapping[int, float] | None = None,
    limits: tuple[float, float] = (0.0, np.inf),
    most_prices: int = 100_000,
    batch: int = BATCH,
    monitor: Monitor | None = None,
) -> tuple[dict[int, PriceLines], Termination | None]:
    """Lines at enough prices for a gap of at most `tolerance` everywhere.

    Parameters
    ----------
    oracle : see `Oracle`; its lines carry the prices of their stage
    ends : per kept stage, the lines at prices inf and 0, and any others in hand
    tolerance : relative gap, >= 0
    cap : money; budgets above it do not count
    scale : per kept stage, what a price is now over what it is then; 1 where left out
    limits : nothing changes below the first price nor above the second, where that is known
    batch : prices asked for at a time, at most

    Returns
    -------
    lines : per stage, all lines asked for
    stopped : None if the tolerance is met; else why not: the monitor's limit, or NUMERICAL where
        rounding allows no better or `most_prices` was reached
    """
    brackets = {stage: Bracket(part, tolerance, cap) for stage, part in ends.items()}
    stopped = until_good(
        HeldHere(oracle, brackets, scale or {}), tolerance,
        limits=limits, most_prices=most_prices, batch=batch, monitor=monitor,
    )  # fmt: skip
    return {stage: part.lines.finish() for stage, part in brackets.items()}, stopped


class Held(Protocol):
    """The lines of every state at the prices asked for so far, wherever they lie."""

    @property
    def price(self) -> Floats:
        """(K,) strictly decreasing, from inf to 0."""
        ...

    def intervals(self, tolerance: float) -> Intervals:
        """Between neighbouring prices, as the chords of all states have it."""
        ...

    def ask(self, prices: Floats) -> bool:
        """Take in the lines at further prices; False if the monitor stopped the work."""
        ...


def until_good(
    held: Held,
    tolerance: float,
    *,
    limits: tuple[float, float],
    batch: int,
    monitor: Monitor | None,
    most_prices: int = 100_000,
) -> Termination | None:
    """Asks for prices until the gap is at most the tolerance; why it stopped before, as `refine` says."""
    first = None
    while True:
        intervals = _searched(held.price, held.intervals(tolerance), limits)
        first = first or max(intervals.worst, tolerance)
        if monitor is not None:
            monitor.progress(
                _done(first, intervals.worst, tolerance), _said(held.price.size, intervals.worst)
            )
        if intervals.worst <= tolerance:
            return None
        stopped = monitor.stop_reason() if monitor is not None else None
        if stopped is not None:
            return stopped
        prices = _next_prices(held.price, intervals, tolerance, batch)
        if prices.size == 0 or held.price.size + prices.size > most_prices:
            return Termination.NUMERICAL
        try:
            going_on = held.ask(prices)
        except LimitError:
            return Termination.MEMORY_LIMIT
        if not going_on:
            return (monitor and monitor.stop_reason()) or Termination.UNKNOWN


@dataclass(frozen=True, eq=False)
class HeldHere:
    """Lines in this process, of stage 0 and all kept stages; `refine` says what the fields are."""

    oracle: Oracle
    brackets: Mapping[int, Bracket]
    scale: Mapping[int, float]

    @property
    def price(self) -> Floats:
        return self.brackets[0].price

    def intervals(self, tolerance: float) -> Intervals:
        """The worst of all stages in each interval of stage 0's prices.

        A stage at which some prices have become 0 or infinite in floating point has fewer; its gap
        counts, but no price is asked for because of it.
        """
        size = self.price.size
        matched = [(k, part.intervals) for k, part in self.brackets.items() if part.price.size == size]
        return Intervals(
            worst=max(part.intervals.worst for part in self.brackets.values()),
            gap=np.max([found.gap for _, found in matched], axis=0),
            low=np.min([found.low * self.scale.get(k, 1.0) for k, found in matched], axis=0),
            high=np.max([found.high * self.scale.get(k, 1.0) for k, found in matched], axis=0),
        )

    def ask(self, prices: Floats) -> bool:
        found = self.oracle(prices)
        if found is not None:
            for stage, part in self.brackets.items():
                part.add(found[stage])
        return found is not None


def _done(first: float, worst: float, tolerance: float) -> float:
    """How far the gap has come, in logarithm, from what it was to the tolerance."""
    if worst <= tolerance or first <= tolerance:
        return 1.0
    return math.log(first / worst) / math.log(first / max(tolerance, 1e-16)) if math.isfinite(first) else 0.0


def _said(count: int, worst: float) -> str:
    return f"{count} prices, gap {worst:.1e}"


def _searched(now: Floats, found: Intervals, limits: tuple[float, float]) -> Intervals:
    """The same, the outermost searched further, and every interval without its own ends."""
    low, high = found.low.copy(), found.high.copy()
    if now.size > 1 and np.isinf(now[0]):
        high[0] = max(high[0], min(high[0] * REACH, limits[1]))
    if now.size > 1 and now[-1] == 0:
        low[-1] = min(low[-1], max(low[-1] / REACH, limits[0]))
    low = np.maximum(low, now[1:] * (1 + APART))
    high = np.minimum(high, np.minimum(now[:-1] * (1 - APART), np.finfo(np.float64).max))
    return Intervals(found.worst, found.gap, low, high)


def _next_prices(price: Floats, intervals: Intervals, tolerance: float, batch: int) -> Floats:
    """At most `batch` prices to ask for, decreasing: the widest gaps first, as if each fell by squares."""
    wide = np.flatnonzero((intervals.gap > tolerance) & (intervals.low <= intervals.high))
    if wide.size == 0:
        return np.empty(0)
    count = np.zeros(wide.size, dtype=np.int64)
    for _ in range(batch):
        count[np.argmax(intervals.gap[wide] / (count + 1.0) ** 2)] += 1
    parts = [
        _inside(intervals.low[k], intervals.high[k], price[k], price[k + 1], int(number))
        for k, number in zip(wide, count, strict=True)
        if number > 0
    ]
    chosen = np.unique(np.concatenate(parts))[::-1]
    return chosen[np.concatenate(([True], chosen[1:] < chosen[:-1] * (1 - APART)))]


def _inside(low: float, high: float, upper: float, lower: float, number: int) -> Floats:
    """So many prices between low and high in equal ratios, spread further if their neighbours are far."""
    if number == 1:
        return np.array([math.sqrt(low) * math.sqrt(high)])
    if math.isfinite(upper) and lower > 0:
        step = (upper / lower) ** (1 / (number + 1))
        low, high = min(low, lower * step), max(high, upper / step)
    share = np.linspace(0.0, 1.0, number)
    return np.asarray(low ** (1 - share) * high**share)
