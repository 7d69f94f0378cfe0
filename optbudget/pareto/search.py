"""The best lottery of known policies for every weight, and the price at which a better one would be found.

For weights ω the support of the front at budget B is, by linear duality,

.. math:: h(\\omega) = \\min_{\\lambda \\ge 0} \\; \\lambda B + \\sum_d w_d(\\omega, \\lambda)
          = \\max \\text{ lotteries of policies } \\; \\omega \\cdot x \\text{ with mean spend } \\le B .

Every policy that is known, at whichever weights it was found, is a point (spend, ω · x) for each of them;
the best lottery mixes the two on either side of B whose chord is highest there. The slope of the chord is
asked as the next price (Dantzig & Wolfe 1960; for one budget, Eisner & Severance 1976): either the pass at
it is worth no more than the chord, and both are optimal, or it yields a policy above the chord. So a round
is one lane for each weight that is still open, and all weights share what is found.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.pareto import _front_kernels as kernels
from optbudget.pareto.passes import ROUNDOFF, Columns, Passes
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

SPARED = 1e-12
"""Share of the budget that a lottery leaves, so that rounding keeps within it."""
SMALLEST = 2.0**-52
STILL = 1e-14
"""A round that brings bound and value no closer than this, relatively, is the last one of its weights."""


class Lotteries(NamedTuple):
    """The best lottery for each of P weights.

    pair : (P, 2) columns, the frugal one first; equal where one is enough
    share : (P,) chance of the second; a multiple of 2^-52
    value : (P,) at the weights
    slope : (P,) of the chord, the price that is asked next; 0 where one column is enough
    """

    pair: NDArray[np.int64]
    share: Floats
    value: Floats
    slope: Floats


@dataclass(frozen=True, eq=False)
class Search:
    """Where the search is.

    Attributes
    ----------
    columns : policies that are known
    weight : (P, K)
    bound : (P,) the least that a price has proved; price : (P,) that price
    lotteries : the best of the columns
    stopped : why it ended, or None
    """

    columns: Columns
    weight: Floats
    bound: Floats
    price: Floats
    lotteries: Lotteries
    stopped: Termination | None = None

    @property
    def gap(self) -> Floats:
        """(bound - value) / (1 + |value|), (P,)."""
        value = self.lotteries.value
        return (self.bound - value) / (1.0 + np.abs(value))

    def joined(self, more: "Search", budget: float) -> "Search":
        """These weights, then those of a search that went on with the same columns."""
        weight = np.concatenate([self.weight, more.weight])
        return Search(
            more.columns, weight, np.append(self.bound, more.bound), np.append(self.price, more.price),
            best(more.columns, weight, budget), more.stopped,
        )  # fmt: skip


def searched(
    passes: Passes,
    known: Columns,
    weight: Floats,
    budget: float,
    *,
    tolerance: float,
    monitor: Monitor | None = None,
) -> Search | None:
    """Lotteries and bounds for each of the weights (P, K); None if the monitor stopped before any bound.

    `known` holds a policy within the budget.
    """
    bound, price = np.full(len(weight), np.inf), np.zeros(len(weight))
    open_ones, asked = np.arange(len(weight)), np.zeros(len(weight))
    columns, stopped = known, None
    value = np.full(len(weight), -np.inf)
    while True:
        found = passes.columns(weight[open_ones], asked, monitor=monitor)
        if found is None:
            stopped = monitor.stop_reason() if monitor is not None else None
            if np.isinf(bound).any():
                return None
            return Search(columns, weight, bound, price, best(columns, weight, budget), stopped)
        columns = columns.joined(found)
        dual = proved(found, budget)
        before, better = bound - value, dual < bound[open_ones]
        bound[open_ones[better]], price[open_ones[better]] = dual[better], asked[better]
        lotteries = best(columns, weight, budget)
        state = Search(columns, weight, bound, price, lotteries)
        value = lotteries.value
        closer = before - (bound - value) > STILL * (1.0 + np.abs(value))
        open_ones = open_ones[closer[open_ones] & (state.gap[open_ones] > tolerance)]
        if monitor is not None:
            monitor.progress(1.0 - open_ones.size / len(weight), f"{len(columns):,} policies")
        if open_ones.size == 0:
            return state
        asked = lotteries.slope[open_ones]


def proved(columns: Columns, budget: float) -> Floats:
    """What the columns' prices prove at the budget and their weights, (J,), rounded up."""
    paid = columns.price * budget
    return columns.top + paid + 4.0 * ROUNDOFF * (np.abs(columns.top) + paid)


def best(columns: Columns, weight: Floats, budget: float) -> Lotteries:
    """The best lottery of columns within the budget, for each of the weights (P, K).

    Of the chords from a frugal column to a lavish one it takes that which is highest at the budget
    (`_front_kernels.best_chords`); what is left of the budget by rounding is left.
    """
    spent, rows = columns.spent, np.arange(len(weight))
    frugal, lavish = np.flatnonzero(spent <= budget), np.flatnonzero(spent > budget)
    worth = weight @ columns.point.T
    left = np.maximum(budget * (1.0 - SPARED) - spent, 0.0)
    pair, steep = np.empty((len(weight), 2), dtype=np.int64), np.empty(len(weight))
    kernels.best_chords(worth, spent, left, frugal, lavish, pair, steep)
    first, second = pair.T
    apart = np.where(second == first, 1.0, spent[second] - spent[first])
    share = np.where(steep > 0, np.floor(left[first] / apart / SMALLEST) * SMALLEST, 0.0)
    value = (1.0 - share) * worth[rows, first] + share * worth[rows, second]
    return Lotteries(pair, share, value, steep)
