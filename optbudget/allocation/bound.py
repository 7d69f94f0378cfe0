"""What no policy can beat: one price and one supporting line per state.

For any price :math:`\\lambda \\ge 0` with :math:`V(s, b) \\le w_s + \\lambda b` for all b, every policy,
joint or not, whose expected spend is at most B is worth at most

.. math:: \\lambda B + \\sum_s C_s w_s .

The joint problem with recourse separates at a price and linear duality closes the gap, so this
bounds more than the split it was made for. The lines come from the model, not from the curves, which
are only an inner approximation. Where a unit may have no more than a cap, the lines need hold only up
to it and are lower (`optbudget.certify.capped_intercepts`). The sum is exact and rounded up.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation import exact
from optbudget.certify import capped_intercepts
from optbudget.problems import CurveSet
from optbudget.problems.curve_set import StationaryWitness

Floats = NDArray[np.float64]

NEIGHBOURS = 2
"""Certificate prices looked at on each side of a wanted one, where lines must first be computed."""


TAIL_ROOM = 1 + 2.0**-30
"""By how much the tail of a cut-off horizon is widened, for whoever computes it in another order."""


class Ceiling:
    """The bound as a function of the budget, over the certificate's finite prices.

    Parameters
    ----------
    curves : certified curves
    count : (n,) int64; units per state
    near : prices at which money is expected to end. Lines in memory are all used; lines that must first
        be computed (curves read from disk) are computed next to these only.

    Notes
    -----
    The minimum over some prices is a bound just as that over all is; only its width differs.
    """

    def __init__(self, curves: CurveSet, count: NDArray[np.int64], *, near: ArrayLike) -> None:
        cap = curves.problem.budget_cap
        wanted = near if cap is None else curves.prices  # the slopes at a cap are anywhere among them
        self.prices, lines = lines_near(curves, np.atleast_1d(np.asarray(wanted, dtype=np.float64)))
        if cap is not None:
            lines = capped_intercepts(self.prices, lines, cap)
        occupied = np.flatnonzero(count)
        self._count = count[occupied]
        self._lines = lines[occupied] if occupied.size < count.size else lines
        self._rounded = self._count.astype(np.float64) @ self._lines
        self._exact: dict[int, Fraction] = {}

    def at(self, budget: float) -> float:
        """Least bound on the total value of any policy with this budget, rounded up; NaN without lines."""
        with np.errstate(invalid="ignore"):
            cost = np.where(self.prices > 0, self.prices * budget, 0.0)
        if self.prices.size == 0:
            return np.nan
        best = int(np.argmin(cost + self._rounded))
        if not np.isfinite(cost[best] + self._rounded[best]):
            return np.nan
        if best not in self._exact:
            self._exact[best] = exact.dot(self._count, np.ascontiguousarray(self._lines[:, best]))
        price = Fraction(float(self.prices[best]))
        return exact.round_up(self._exact[best] + (price * Fraction(budget) if price else 0))


def lines_near(curves: CurveSet, near: Floats) -> tuple[Floats, Floats]:
    """Finite prices (K,) and the intercepts (n, K) of their lines, rounding included."""
    if curves.intercept is not None:
        prices, lines = curves.prices, curves.intercept
    elif curves.witness is not None and curves.witness.horizon is not None:
        prices, lines = _of_truncation(curves, curves.witness, near)
    elif curves.witness is not None:
        prices, lines = curves.witness.price, curves.witness.intercept.T
    elif curves.problem.horizon is None:
        return np.empty(0), np.empty((len(curves), 0))
    else:
        from optbudget.certify import support

        prices = _next_to(curves.prices[np.isfinite(curves.prices)], near)
        lines = support(curves.problem, prices, decisions=curves.problem.horizon - curves.stage).intercept
    finite = np.isfinite(prices)
    return prices[finite], lines[:, finite]


def _of_truncation(curves: CurveSet, witness: StationaryWitness, near: Floats) -> tuple[Floats, Floats]:
    """Lines of a horizon that was cut off: its witness has the ends only, the others are computed."""
    from optbudget.certify import support

    problem, (_, _, won) = curves.problem, witness.tails
    ended = problem.is_terminal
    finite = replace(
        problem, horizon=witness.horizon, terminal_utility=np.where(ended, problem.terminal_utility, 0.0)
    )
    inner = _next_to(curves.prices[np.isfinite(curves.prices) & (curves.prices > 0)], near)
    lines = support(finite, inner).intercept
    raised = lines + np.where(ended, 0.0, won * TAIL_ROOM)[:, None]
    raised = np.where(raised > lines, raised + 2.0**-52 * np.abs(raised), lines)
    return np.append(inner, witness.price), np.hstack([raised, witness.intercept.T])


def _next_to(prices: Floats, near: Floats) -> Floats:
    """The decreasing prices that are at most NEIGHBOURS places from where one of `near` belongs."""
    place = np.searchsorted(-prices, -near)
    chosen = place[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS)
    return prices[np.unique(chosen[(chosen >= 0) & (chosen < prices.size)])]
