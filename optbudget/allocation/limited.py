"""The split of one budget under limits of units and nested groups, on arrays alone.

The curve of a group is the merge of its inner groups' and blocks' curves by price, cut to what the group must
and may be assigned; the curve of a block is its state's, cut to the limits of one unit. At the optimum every
group has a price of its own,

.. math:: \\lambda_G = \\min(\\max(\\lambda_{parent}, a_G), c_G),

:math:`a_G` the price at which the group's curve ends (its most is reached) and :math:`c_G` that at which it
begins (its least is reached); the root's is the price at which the money ends. So a binding most has the
multiplier :math:`\\mu_G = \\lambda_G - \\lambda_{parent}` and a binding least
:math:`\\nu_G = \\lambda_{parent} - \\lambda_G`, both >= 0.

**How.** The segments are weighed in one pass by group and interval of price, and the sums are merged
bottom-up and cut, which leaves one short window of prices per group; only what is inside is sorted and
settled, inner groups first (`optbudget.allocation._limit_kernels.settle`). Floating point decides no more
than *which* limits bind. Each binding limit is then a split of its own: the units that no inner binding limit
holds share what is left of it, and there money is counted without rounding, from doubles that are stored or
given. So every limit is kept in exact arithmetic, with at most one unit randomised for each binding limit of
a group, and each unit whose own limit is between two useful budgets.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.limited_exact import FREE, LEAST, MOST, Steps, settled
from optbudget.allocation.limited_rows import LimitedRows, rows_of
from optbudget.curves import Curves
from optbudget.problems import LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEW = 1 << 15
"""Up to so many segments are sorted at once."""

BINS = 4096
"""Intervals of the price, at most."""

CELLS = 1 << 20
"""Sums by group and interval that are kept, at most."""

SAMPLE = 16384
"""Segments looked at to lay out the intervals."""

MARGIN = 1e-9
"""Relative margin of sums that decide; their rounding is far below."""


@dataclass(frozen=True, eq=False)
class LimitedSplit:
    """Who gets how much under limits.

    Attributes
    ----------
    rows : as in `optbudget.allocation.split.Split`, with the block of each
    price : value of one more unit of money for all units together, >= 0
    group_price : (g,) the same for each group
    side : (g,) which limit binds: LEAST, FREE or MOST
    """

    rows: LimitedRows
    price: float
    group_price: Floats
    side: NDArray[np.int8]


def limited_split(curves: Curves, units: LimitedPopulation, money: Fraction | None) -> LimitedSplit:
    """Split `money` (None: unlimited) over the blocks of a population under nested limits that can be kept.

    Examples
    --------
    Two states; the first may have 1 in all, and so leaves the rest to the other:

    >>> curves = Curves(np.zeros(2), np.zeros(2), np.arange(3), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> units = LimitedPopulation(
    ...     np.arange(2), np.array([2, 2]), np.full(2, -1), np.zeros(2), np.full(2, np.inf), ("first",),
    ...     np.zeros(1), np.ones(1), (np.array([0]),))
    >>> answer = limited_split(curves, units, Fraction(4))
    >>> answer.price, answer.group_price, float(answer.rows.value)
    (2.0, array([3.]), 9.0)
    """
    tree = LimitTree(units, money)
    steps = _steps(curves, tree)
    shared, side = settled(tree, steps, _sides(tree, steps))
    price = shared.prices(tree, side)
    return LimitedSplit(
        rows_of(curves, units, shared.at, shared.marginal), float(price[-1]), price[:-1], side[:-1]
    )


def _steps(curves: Curves, tree: LimitTree) -> Steps:
    """The steps whose purchase is open, after buying those that are certainly bought."""
    from optbudget.allocation import _limit_kernels as kernels

    units, nodes = tree.units, tree.root + 1
    few = curves.length.size <= FEW
    bins = 1 if few else max(64, min(BINS, CELLS // nodes))
    base, shift = (0, 63) if few else _layout(curves, bins)
    given = (curves.indptr, curves.length, curves.gain, curves.start_budget, units.state, units.count,
             units.least, units.most, tree.node, base, shift)  # fmt: skip
    weight = np.zeros((kernels.CHUNKS, nodes, bins))
    number = np.zeros((kernels.CHUNKS, nodes, bins), dtype=np.int32)
    kernels.weigh(*given, weight, number)
    window = np.tile(np.array([0, bins - 1]), (nodes, 1))
    if not few:
        window = _windows(tree, np.maximum(curves.start_budget[units.state], units.least), weight.sum(axis=0))
    inside = (np.arange(bins) >= window[:, :1]) & (np.arange(bins) <= window[:, 1:])
    size = (number * inside).sum(axis=(1, 2))
    total = int(size.sum())
    at, block = np.empty(units.count.size), np.empty(total, dtype=np.int64)
    price, cost, low, high = (np.empty(total) for _ in range(4))
    kernels.list_steps(*given, bins, window, at, np.cumsum(size) - size, block, price, cost, low, high)
    order = np.argsort(-price, kind="stable")
    return Steps(block[order], price[order], cost[order], low[order], high[order], at)


def _layout(curves: Curves, bins: int) -> tuple[int, int]:
    """The least leading bits of a sampled price, and how many bits an interval drops."""
    pick = (np.arange(SAMPLE) * 0.6180339887498949 % 1.0 * curves.length.size).astype(np.int64)
    price = np.maximum(curves.gain[pick] / curves.length[pick], 5e-324)
    low, high = (int(p) for p in np.array([price.min(), price.max()]).view(np.int64))
    return low, max(0, ((high - low) // bins).bit_length())


def _windows(tree: LimitTree, start: Floats, weight: Floats) -> Integers:
    """First and last interval of each node in which its price can be, (g+1, 2)."""
    units, nodes, bins = tree.units, weight.shape[0], weight.shape[1]
    reached = np.zeros((nodes, bins + 1))
    reached[:, 0] = np.bincount(tree.node, units.count * start, minlength=nodes)
    reached[:, 1:] = reached[:, :1] + np.cumsum(weight, axis=1)
    least = np.array([float(x) for x in tree.least])
    most = np.array([np.inf if x is None else float(x) for x in tree.most])
    for v in tree.inner_first[:-1].tolist():
        reached[tree.parent[v]] += np.clip(reached[v], least[v], most[v])
    room = MARGIN * float(reached[-1, -1] + (0 if tree.money is None else tree.money))
    window = np.empty((nodes, 2), dtype=np.int64)
    for v in tree.inner_first[::-1].tolist():
        for end, margin in enumerate((-room, room)):
            over = int(np.searchsorted(reached[v], most[v] + margin, side="right")) - 1
            under = int(np.searchsorted(reached[v], least[v] + margin, side="left")) - 1
            around = over if v == tree.root else int(window[tree.parent[v], end])
            window[v, end] = min(max(around, under), max(over, under))
    return np.stack((np.maximum(window[:, 0], 0), np.minimum(window[:, 1], bins - 1)), axis=1)


def _sides(tree: LimitTree, steps: Steps) -> NDArray[np.int8]:
    """Which limit of each node binds, as far as sums of doubles say."""
    from optbudget.allocation import _limit_kernels as kernels

    units, nodes = tree.units, tree.root + 1
    top, bottom = np.empty(nodes), np.empty(nodes)
    total = np.bincount(tree.node, units.count * steps.at, minlength=nodes)
    kernels.settle(
        tree.node[steps.block], steps.price, steps.money, tree.parent, *tree.interval, tree.inner_first,
        np.array([float(x) for x in tree.least]),
        np.array([np.inf if x is None else float(x) for x in tree.most]),
        total, np.empty(steps.price.size), top, bottom,
    )  # fmt: skip
    side, price = np.full(nodes, FREE, dtype=np.int8), np.zeros(nodes)
    for v in tree.inner_first[::-1].tolist():
        around = 0.0 if v == tree.root else price[tree.parent[v]]
        price[v] = around
        if top[v] > around:
            side[v], price[v] = MOST, top[v]
        elif bottom[v] < around:
            side[v], price[v] = LEAST, bottom[v]
    return side
