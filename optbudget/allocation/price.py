"""Where the money ends, by bisection on the price; no global sort.

A sample of segments brackets the price at which the money ends. One pass over all segments takes those
above the bracket and lists those inside; the list is narrowed by samples of itself until it is short
enough to sort. Sums that decide what may be dropped carry a margin far above their rounding, so the
place where the money ends is always on the list, and the exact search that follows is the same as
after a full sort: the answers of both methods are equal to the bit.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import _kernels
from optbudget.allocation.ending import Purchase, where_money_ends
from optbudget.curves import Curves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAMPLE = 8192
"""Segments looked at to place a bracket."""

SHORT = 4096
"""A list of so many segments is sorted."""

MARGIN = 1e-9
"""Relative margin of sums that decide; their rounding is below 1e-11 for 1e7 segments."""

LEAST_PRICE = 5e-324


def purchase(curves: Curves, count: Integers, money: Fraction) -> Purchase:
    """What `money` buys whole, and the first segment that it does not."""
    start = float(np.dot(count.astype(np.float64), curves.start_budget))
    left = float(money) - start
    doubt = MARGIN * (float(money) + start)
    low, high = _bracket(*_sample(curves, count), left)
    while True:
        level, taken, listed, segment, state, price = _screen(curves, count, low, high)
        above = taken > left - doubt and high < np.inf
        below = taken + listed < left + doubt and low > LEAST_PRICE
        if not (above or below):
            break
        low, high = (LEAST_PRICE if below else low), (np.inf if above else high)
    cost = count[state] * curves.length[segment]
    while segment.size > SHORT:
        size = segment.size
        pick = np.linspace(0, size - 1, SHORT).astype(np.int64)
        low, high = _bracket(price[pick], cost[pick] * (size / SHORT), left - taken)
        dear, cheap = price > high, price < low
        dear_cost = float(cost[dear].sum())
        keep = np.ones(size, dtype=np.bool_)
        if taken + dear_cost <= left - doubt:
            level += np.bincount(state[dear], minlength=level.size)
            taken += dear_cost
            keep &= ~dear
        if taken + float(cost[keep & ~cheap].sum()) >= left + doubt:
            keep &= ~cheap
        if keep.all():
            break
        segment, state, price, cost = segment[keep], state[keep], price[keep], cost[keep]
    order = np.argsort(-price, kind="stable")
    return where_money_ends(
        curves, count, money, level, state[order], cost[order], price[order], left - taken
    )


def _sample(curves: Curves, count: Integers) -> tuple[Floats, Floats]:
    """Prices of evenly drawn segments, and the money that each stands for."""
    total = curves.length.size
    if total == 0:
        return np.empty(0), np.empty(0)
    # A golden-ratio sequence spreads evenly without falling into step with curves of one length.
    draws = min(total, SAMPLE)
    pick = np.sort((np.arange(draws) * 0.6180339887498949 % 1.0 * total).astype(np.int64))
    state = np.searchsorted(curves.indptr, pick, side="right") - 1
    length = curves.length[pick]
    return curves.gain[pick] / length, count[state] * length * (total / draws)


def _bracket(price: Floats, cost: Floats, left: float) -> tuple[float, float]:
    """Prices about four standard errors to both sides of where `left` ends in the sample."""
    order = np.argsort(-price)
    running = np.cumsum(cost[order])
    here = np.searchsorted(running, left)
    width = 2 * int(np.sqrt(price.size)) + 1
    low = price[order[here + width]] if here + width < price.size else LEAST_PRICE
    high = price[order[here - width]] if here >= width else np.inf
    return float(low), float(high)


def _screen(
    curves: Curves, count: Integers, low: float, high: float
) -> tuple[Integers, float, float, Integers, Integers, Floats]:
    """Levels above the bracket with their money, and the listed segments with theirs."""
    n, total = len(curves), curves.length.size
    level = np.empty(n, dtype=np.int64)
    segment, state = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    price = np.empty(total)
    spend = np.zeros((_kernels.CHUNKS, 2))
    size = np.zeros(_kernels.CHUNKS, dtype=np.int64)
    _kernels.screen(
        curves.indptr, curves.length, curves.gain, count, low, high, level, spend, segment, state, price, size
    )
    taken, listed = spend.sum(axis=0)
    first = curves.indptr[np.arange(_kernels.CHUNKS) * n // _kernels.CHUNKS]
    spans = [slice(f, f + k) for f, k in zip(first.tolist(), size.tolist(), strict=True)]

    def gather(array: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([array[span] for span in spans])

    return level, float(taken), float(listed), gather(segment), gather(state), gather(price)  # type: ignore[return-value]
