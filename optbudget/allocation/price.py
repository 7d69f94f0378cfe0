"""Where the money ends, by bisection on the price; no global sort.

A sample of segments brackets the price at which the money ends. One pass over all segments takes those
above the bracket and counts those inside; these are listed, and the list is narrowed by samples of
itself until it is short enough to sort. Sums that decide what may be dropped carry a margin far above
their rounding, so the place where the money ends stays on the list, and the exact search that follows
is the same as after a full sort: the answers of both methods are equal to the bit.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import _kernels, greedy
from optbudget.allocation.ending import Holding, Order, Purchase, where_money_ends
from optbudget.curves import Curves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLE = 16384
"""Segments looked at to place the first bracket."""

SHORT = 4096
"""A list of so many segments is sorted; also the sample that narrows a longer one."""

SPREAD = 1.25
"""Half width of a bracket, in root sample sizes: two and a half standard errors of a median."""

MARGIN = 1e-9
"""Relative margin of sums that decide; their rounding is below 1e-11 for 1e7 segments."""

LEAST_PRICE = 5e-324


@dataclass(frozen=True, eq=False)
class _Screened:
    """What one pass over all segments found: see the kernel."""

    holding: Holding
    near: NDArray[np.int32]
    spend: Floats
    found: Integers

    @property
    def taken(self) -> float:
        """Rounded money for everything above the bracket."""
        return float(self.spend[:, 0].sum())

    @property
    def reached(self) -> float:
        """Rounded money for everything above and inside the bracket."""
        return float(self.spend[:, 1].sum())


def purchase(curves: Curves, count: Integers, money: Fraction | None, least: Fraction) -> Purchase:
    """What `money`, at least the `least` feasible total, buys whole, and the first segment it does not."""
    left = np.inf if money is None else float(money - least)
    doubt = 0.0 if money is None else MARGIN * float(money + least)
    low, high = _bracket(*_sample(curves, count), left)
    screened = _screen(curves, count, low, high)
    while True:
        over = screened.taken > left - doubt and high < np.inf
        under = screened.reached < left + doubt and low > LEAST_PRICE
        if not (over or under):
            break
        low, high = (LEAST_PRICE if under else low), (np.inf if over else high)
        screened = _screen(curves, count, low, high)
    if screened.found[:, 1].any():
        return greedy.purchase(curves, count, money, least)
    listed, left = _narrowed(curves, screened, _listed(curves, count, screened), left - screened.taken, doubt)
    order = listed[np.argsort(-listed.price, kind="stable")]
    return where_money_ends(curves, count, money, screened.holding, order, left)


def _narrowed(
    curves: Curves, screened: _Screened, listed: Order, left: float, doubt: float
) -> tuple[Order, float]:
    """A short part of the list in which the money ends, what comes before it bought; the money left."""
    while listed.price.size > SHORT:
        size = listed.price.size
        pick = np.linspace(0, size - 1, SHORT).astype(np.int64)
        low, high = _bracket(listed.price[pick], listed.cost[pick] * (size / SHORT), left)
        reached, dear = listed.price >= low, listed.price > high
        if float(listed.cost[reached].sum()) < left + doubt:
            reached[:] = True
        dear_cost = float(listed.cost[dear].sum())
        if dear_cost <= left - doubt:
            screened.holding.buy(curves, listed[dear])
            left -= dear_cost
            reached &= ~dear
        listed = listed[reached]
        if listed.price.size == size:
            break
    return listed, left


def _listed(curves: Curves, count: Integers, screened: _Screened) -> Order:
    """The segments inside the bracket, in the order of the curves."""
    size = screened.found[:, 0]
    total = int(size.sum())
    segment, state = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    price, cost = np.empty(total), np.empty(total)
    _kernels.list_near(
        curves.indptr, curves.length, curves.gain, count, screened.holding.level, screened.near,
        np.cumsum(size) - size, segment, state, price, cost,
    )  # fmt: skip
    return Order(segment, state, price, cost)


def _sample(curves: Curves, count: Integers) -> tuple[Floats, Floats]:
    """Prices of evenly drawn segments, and the money that each stands for."""
    total = curves.length.size
    draws = min(total, SAMPLE)
    # A golden-ratio sequence spreads evenly without falling into step with curves of one length.
    pick = np.sort((np.arange(draws) * 0.6180339887498949 % 1.0 * total).astype(np.int64))
    state = np.searchsorted(curves.indptr, pick, side="right") - 1
    length = curves.length[pick]
    return curves.gain[pick] / length, count[state] * length * (total / max(draws, 1))


def _bracket(price: Floats, cost: Floats, left: float) -> tuple[float, float]:
    """Prices on both sides of where `left` ends in a sample; the ends if the sample does not say."""
    order = np.argsort(-price)
    here = int(np.searchsorted(np.cumsum(cost[order]), left))
    width = int(SPREAD * np.sqrt(price.size)) + 1
    low = price[order[here + width]] if here + width < price.size else LEAST_PRICE
    high = price[order[here - width]] if here >= width else np.inf
    return max(float(low), LEAST_PRICE), float(high)


def _screen(curves: Curves, count: Integers, low: float, high: float) -> _Screened:
    n = len(curves)
    holding = Holding(np.empty(n, dtype=np.int64), np.empty(n), np.empty(n))
    near = np.empty(n, dtype=np.int32)
    spend = np.zeros((_kernels.CHUNKS, 2))
    found = np.zeros((_kernels.CHUNKS, 2), dtype=np.int64)
    _kernels.screen(
        curves.indptr, curves.length, curves.gain, count, low, high,
        holding.level, near, holding.length, holding.gain, spend, found,
    )  # fmt: skip
    return _Screened(holding, near, spend, found)
