"""What no policy within the limits can beat: a price, and a multiplier for each binding limit of a group.

For any :math:`\\lambda, \\mu_G, \\nu_G \\ge 0` every policy, joint or not, that keeps budget and limits in
expectation is worth at most

.. math:: \\lambda B + \\sum_G (\\mu_G U_G - \\nu_G L_G)
          + \\sum_i n_i \\max_{\\ell_i \\le b \\le u_i} (V_i(b) - \\lambda_i b),
          \\qquad \\lambda_i = \\lambda + \\sum_{G \\ni i} (\\mu_G - \\nu_G).

The maxima are bounded by lines from the model (`optbudget.certify.limited_intercepts`); a :math:`\\lambda_i`
that is no double is rounded down, which raises the bound as budgets are not negative. It may be below 0 where
:math:`u_i` is finite: more money for such a unit would help a least to be met. Sums are exact.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.bound import lines_near
from optbudget.certify import limited_intercepts
from optbudget.problems import CurveSet, LimitedPopulation, Multiplier

Floats = NDArray[np.float64]


def limit_bound(
    curves: CurveSet, units: LimitedPopulation, budget: float, price: float, multipliers: Sequence[Multiplier]
) -> float:
    """The bound at a price and multipliers, rounded up; NaN where the lines at hand prove none."""
    if math.isinf(budget) and price > 0:
        return math.nan
    code, exactly = units.prices(price, multipliers)
    at = np.array([exact.round_down(p) for p in exactly])[code]
    served = np.flatnonzero(units.count)
    if ((at[served] < 0) & np.isinf(units.most[served])).any():
        return math.nan
    open_ended = not ((units.least[served] > 0) | np.isfinite(units.most[served])).any()
    prices, lines = lines_near(curves, np.unique(at[served]) if open_ended else curves.prices)
    height = limited_intercepts(
        prices, lines[units.state[served]], at[served], units.least[served], units.most[served]
    )
    if not np.isfinite(height).all():
        return math.nan
    total = exact.dot(units.count[served], height) + (Fraction(price) * Fraction(budget) if price else 0)
    for one in multipliers:
        total += Fraction(one.value) * Fraction(one.limit) * (1 if one.side == "most" else -1)
    return exact.round_up(total)
