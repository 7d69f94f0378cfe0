"""Equal shares under limits of units: one level for all, and nobody above a most or below a least.

Every unit is assigned :math:`\\min(u, \\max(\\ell, t))`, with its least feasible budget for a least too, at
the one level t at which the money ends,

.. math:: \\sum_i n_i \\min(u_i, \\max(\\ell_i, t)) = B.

Without limits t is the equal share B / M. A total of a group does not say how its units share it, so groups
have no such rule.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.problems import LimitedPopulation

Floats = NDArray[np.float64]


def assigned_at_level(units: LimitedPopulation, start: Floats, money: Fraction | None) -> Floats:
    """What one unit of each block is assigned, (k,), rounded down; the money covers the leasts.

    Parameters
    ----------
    start : (k,) least feasible budget of a unit
    money : for all of them; None is unlimited

    Examples
    --------
    Of 10 for two units and two that may have 1 each, the first have 4 each:

    >>> units = LimitedPopulation(
    ...     np.arange(2), np.array([2, 2]), np.full(2, -1), np.zeros(2), np.array([np.inf, 1.0]))
    >>> assigned_at_level(units, np.zeros(2), Fraction(10))
    array([4., 1.])
    """
    least = np.maximum(units.least, start)
    served = np.flatnonzero(units.count > 0)
    if money is None:
        return units.most.copy()
    low, high = least[served], units.most[served]
    ends = np.unique(np.concatenate((low, high[np.isfinite(high)])))

    def total(level: float) -> Fraction:
        return exact.dot(units.count[served], np.clip(level, low, high))

    below, above = 0, ends.size  # The last end at which no more than the money is assigned.
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if total(float(ends[middle])) <= money else (below, middle)
    if not ends.size:
        return least
    level = Fraction(float(ends[below]))
    open_ones = int(units.count[served][(low <= ends[below]) & (high > ends[below])].sum())
    if open_ones:
        level += max(Fraction(0), (money - total(float(ends[below]))) / open_ones)
    elif below == ends.size - 1:
        level = Fraction(float(ends[-1]))
    return np.asarray(np.clip(exact.round_down(level), least, units.most))
