"""A proof that limits of groups, which may overlap, cannot be kept together: multipliers (Farkas 1902).

Let :math:`y_b` be the money of the :math:`n_b` units of block b, each of whom must have :math:`\\ell_b` and
may have :math:`u_b`. For any multipliers :math:`\\pi, \\mu_G, \\nu_G \\ge 0` of the budget, the mosts and the
leasts, with :math:`c_b = \\pi + \\sum_{G \\ni b} (\\mu_G - \\nu_G)`, every split that keeps all limits has

.. math:: \\sum_b \\min(c_b n_b \\ell_b, c_b n_b u_b) \\;\\le\\; \\sum_b c_b y_b
          \\;\\le\\; \\pi B + \\sum_G (\\mu_G U_G - \\nu_G L_G) .

Where the left side exceeds the right, there is none. Both are exact sums of the doubles. The excess is
concave and piecewise linear in :math:`\\pi`, with corners where some :math:`c_b` is 0, so the best
:math:`\\pi` is found here, and only the multipliers of groups are stated.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.knapsack_bound import exact_sum
from optbudget.problems import LimitedPopulation, Multiplier

Floats = NDArray[np.float64]


def excess(
    units: LimitedPopulation, lower: Floats, budget: float, multipliers: Sequence[Multiplier]
) -> Fraction | None:
    """By how much what units must have exceeds what the limits allow, weighted; above 0 it is a proof.

    Parameters
    ----------
    units : blocks, groups and their limits
    lower : (k,) what a unit of each block cannot do without, a proved bound
    budget : money for all, perhaps inf
    multipliers : of groups; each names one side of a limit that there is

    Returns
    -------
    Fraction or None
        None where the multipliers are none, or prove nothing whatever the budget's own.

    Examples
    --------
    Each of two units must have at least 2, and both together may have 3:

    >>> one = np.ones(1, dtype=int)
    >>> pair = LimitedPopulation(0 * one, 2 * one, -one, np.array([2.0]), np.array([np.inf]), ("both",),
    ...                          np.array([0.0]), np.array([3.0]), (0 * one,))
    >>> excess(pair, pair.least, np.inf, [Multiplier("both", "most", 3.0, 1.0)])
    Fraction(1, 1)
    """
    if not _of_the_limits(units, multipliers):
        return None
    code, extra = units.prices(0.0, multipliers)
    served = units.count > 0
    must: list[Fraction] = []
    may: list[Fraction | None] = []
    for k in range(len(extra)):
        mine = served & (code == k)
        must.append(exact_sum(units.count[mine], lower[mine]))
        most = units.most[mine]
        may.append(None if np.isinf(most).any() else exact_sum(units.count[mine], most))
    allowed = sum(
        (
            Fraction(one.value) * Fraction(one.limit) * (1 if one.side == "most" else -1)
            for one in multipliers
        ),
        Fraction(0),
    )
    corners = {Fraction(0)}
    if math.isfinite(budget):
        corners |= {-c for c in extra if c < 0}
    found = [_excess(pi, extra, must, may) for pi in corners]
    money = Fraction(budget) if math.isfinite(budget) else Fraction(0)
    proved = [
        total - pi * money - allowed for pi, total in zip(corners, found, strict=True) if total is not None
    ]
    return max(proved, default=None)


def _excess(
    pi: Fraction, extra: list[Fraction], must: list[Fraction], may: list[Fraction | None]
) -> Fraction | None:
    """The left side at a multiplier of the budget; None where it is endless below."""
    total = Fraction(0)
    for c, least, most in zip(extra, must, may, strict=True):
        if pi + c >= 0:
            total += (pi + c) * least
        elif most is None:
            return None
        else:
            total += (pi + c) * most
    return total


def _of_the_limits(units: LimitedPopulation, multipliers: Sequence[Multiplier]) -> bool:
    """Whether every multiplier is >= 0 and of one side of a limit that there is, and none is listed twice."""
    limits = {
        (name, side): float(amount)
        for side, amounts in (("least", units.group_least), ("most", units.group_most))
        for name, amount in zip(units.names, amounts, strict=True)
    }
    sides = [(one.group, one.side) for one in multipliers]
    return len(set(sides)) == len(sides) and all(
        0 <= one.value < math.inf
        and math.isfinite(one.limit)
        and one.limit == limits.get((one.group, one.side))
        for one in multipliers
    )
