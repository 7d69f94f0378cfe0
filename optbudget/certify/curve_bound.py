"""What curves over an infinite horizon prove about one budget: the least of their lines.

Every finite price :math:`p_i` of a witness proves :math:`V(s, b) \\le w_i(s) + p_i b` for each state and
budget (`optbudget.certify.stationary`), whatever the discounts are. From an initial distribution
:math:`\\alpha` no policy within the budget B is therefore worth more than

.. math:: \\min_i \\sum_s \\alpha_s w_i(s) + p_i B .
"""

import math
from fractions import Fraction

import numpy as np

from optbudget.certify.stationary import stationary_evidence
from optbudget.problems import CurveSet


def curve_bound(answer: CurveSet, budget: float) -> float:
    """What no policy from the initial distribution is worth more than at a budget; rounded up.

    Parameters
    ----------
    answer : curves over an infinite horizon, with their witness
    budget : money, >= 0

    Returns
    -------
    float
        NaN where nothing is proved: the witness is missing or wrong, or it has no finite price.
    """
    checks, evidence = stationary_evidence(answer)
    if evidence is None or not all(check.ok for check in checks) or evidence.lines.price.size == 0:
        return math.nan
    unit, lines = answer.problem, evidence.lines
    share, intercept = unit.initial_probability, lines.intercept[unit.initial_state]
    best = int(np.argmin(share @ intercept + lines.price * budget))
    terms = [*zip(share.tolist(), intercept[:, best].tolist(), strict=True)]
    if lines.price[best] > 0:
        terms.append((float(lines.price[best]), budget))
    if not all(math.isfinite(x) for pair in terms for x in pair):
        return math.nan
    exact = sum((Fraction(p) * Fraction(x) for p, x in terms), Fraction(0))
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)
