"""Order of purchase by one sort of all segments (Boutilier & Lu 2016, figure 5)."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.ending import Holding, Order, Purchase, where_money_ends
from optbudget.curves import Curves

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def segment_prices(curves: Curves) -> Floats:
    """Price of each segment, (N,): the least gain / length up to it in its curve."""
    price = curves.gain / curves.length
    rises = np.flatnonzero(np.diff(price) > 0) + 1
    curve = np.searchsorted(curves.indptr, rises, side="right") - 1
    for i in np.unique(curve[curves.indptr[curve] != rises]):
        span = slice(curves.indptr[i], curves.indptr[i + 1])
        price[span] = np.minimum.accumulate(price[span])
    return price


def order_of_purchase(curves: Curves, count: Integers) -> Order:
    """All segments worth buying, by falling price, then state, then segment."""
    price = segment_prices(curves)
    state = np.repeat(np.arange(len(curves)), curves.segments)
    wanted = np.flatnonzero((price > 0) & (count[state] > 0))
    segment = wanted[np.argsort(-price[wanted], kind="stable")]
    return Order(segment, state[segment], price[segment], count[state[segment]] * curves.length[segment])


def purchase(curves: Curves, count: Integers, money: Fraction | None, least: Fraction) -> Purchase:
    """What `money`, at least the `least` feasible total, buys whole, and the first segment it does not."""
    order = order_of_purchase(curves, count)
    left = np.inf if money is None else float(money - least)
    return where_money_ends(curves, count, money, Holding.nothing(len(curves)), order, left)
