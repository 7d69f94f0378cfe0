"""Order of purchase by one sort of all segments (Boutilier & Lu 2016, figure 5)."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.ending import Purchase, where_money_ends
from optbudget.curves import Curves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def segment_prices(curves: Curves) -> Floats:
    """Price of each segment, (N,): the least gain / length up to it in its curve."""
    price = curves.gain / curves.length
    rises = np.flatnonzero(np.diff(price) > 0) + 1
    inside = rises[curves.indptr[np.searchsorted(curves.indptr, rises)] != rises]
    for i in np.unique(np.searchsorted(curves.indptr, inside, side="right") - 1):
        span = slice(curves.indptr[i], curves.indptr[i + 1])
        price[span] = np.minimum.accumulate(price[span])
    return price


def order_of_purchase(curves: Curves, count: Integers) -> tuple[Integers, Integers, Floats]:
    """Segments worth buying by falling price, then state, then segment: segment, state, price."""
    price = segment_prices(curves)
    state = np.repeat(np.arange(len(curves)), curves.segments)
    wanted = np.flatnonzero((price > 0) & (count[state] > 0))
    order = wanted[np.argsort(-price[wanted], kind="stable")]
    return order, state[order], price[order]


def purchase(curves: Curves, count: Integers, money: Fraction) -> Purchase:
    """What `money` buys whole, and the first segment that it does not."""
    segment, state, price = order_of_purchase(curves, count)
    return where_money_ends(
        curves,
        count,
        money,
        level=np.zeros(len(curves), dtype=np.int64),
        state=state,
        cost=count[state] * curves.length[segment],
        price=price,
        left=float(money - Fraction(float(np.dot(count.astype(np.float64), curves.start_budget)))),
    )
