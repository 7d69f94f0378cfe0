"""Whether equal shares under limits of units are equal: one level, cut to what each unit must and may have.

The level is found anew, by halving: every unit is due :math:`\\min(u, \\max(\\ell, t))`, its least feasible
budget for a least too, where t is the level at which all dues add up to the budget; and expects to spend
that, or its largest useful budget where it is less.
"""

import math

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.limit_rows import Entries
from optbudget.problems import LimitedPopulation

Floats = NDArray[np.float64]

SAME = 1e-9
"""Relative difference up to which two shares are the same: rounded sums, and what a draw rounds off."""

HALVINGS = 2100
"""More than lie between any two doubles."""


def share_fault(found: Entries) -> str:
    """Units whose share is another than the rule's, or ""."""
    answer, units = found.answer, found.units
    curves = answer.curves.curves
    useful, _ = curves.breakpoints()
    last = useful[curves.indptr[1:] + np.arange(len(curves))][units.state]
    due = np.minimum(dues(units, curves.start_budget[units.state], answer.budget), last)[found.block]
    step = np.abs(answer.unit_budget[found.second] - answer.unit_budget[found.first])
    apart = np.abs(found.money - due) > SAME * (due + step)
    if not apart.any():
        return ""
    e = int(np.flatnonzero(apart)[0])
    label = answer.curves.problem.labels[units.state[found.block[e]]]
    return f"a unit in {label!r} spends {found.money[e]:.9g}, and its equal share is {due[e]:.9g}"


def dues(units: LimitedPopulation, start: Floats, budget: float) -> Floats:
    """What one unit of each block is due, (k,).

    Examples
    --------
    >>> units = LimitedPopulation(
    ...     np.arange(2), np.array([2, 2]), np.full(2, -1), np.zeros(2), np.array([np.inf, 1.0]))
    >>> dues(units, np.zeros(2), 10.0)
    array([4., 1.])
    """
    least = np.maximum(units.least, start)
    served = units.count > 0
    n = units.count[served].astype(np.float64)

    def at(level: float) -> Floats:
        return np.asarray(np.minimum(np.maximum(least, level), units.most))

    low, high = 0.0, budget
    if math.isinf(budget) or float(n @ at(high)[served]) <= budget:
        return at(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if float(n @ at(middle)[served]) <= budget else (low, middle)
    return at(low)
