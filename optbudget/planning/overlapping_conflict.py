"""Multipliers that prove that overlapping limits cannot be kept: the duals of the least total violation.

With :math:`y_b` the money of block b, between what its units must and may have,

.. math:: \\min \\sum_G (s_G + t_G) + s_0 \\quad\\text{s.t.}\\quad
          \\sum_{b \\in G} y_b - s_G \\le U_G, \\quad \\sum_{b \\in G} y_b + t_G \\ge L_G, \\quad
          \\sum_b y_b - s_0 \\le B

is 0 just where the limits can be kept. Where it is not, its row prices are multipliers as
`optbudget.certify.farkas` checks; they are small whole ratios, and are rounded to such, so that the check,
which is exact, is not defeated by the last digit of a solver.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import excess
from optbudget.problems import LimitedPopulation, LinearProgram, Multiplier
from optbudget.solvers import solve_program

Floats = NDArray[np.float64]

LARGEST = 1000
"""Denominators of multipliers that are tried."""


def proof_of_conflict(
    units: LimitedPopulation, lower: Floats, budget: float, backend: str
) -> tuple[Multiplier, ...]:
    """Multipliers of groups under which the limits cannot be kept, or () where none were found.

    Parameters
    ----------
    units : blocks, groups and limits; no block must have more than it may have
    lower : (k,) what a unit of each block must have
    budget : money for all, perhaps inf
    backend : a simplex method of the table of back ends
    """
    rows = _rows(units, budget)
    solution = solve_program(_program(units, lower, rows), backend)
    if solution.row_price is None:
        return ()
    price = np.abs(solution.row_price)
    for worth in (_whole(price), [Fraction(x) for x in price.tolist()]):
        found = tuple(
            Multiplier(units.names[g], side, float(limit), float(x))  # type: ignore[arg-type]
            for x, (g, side, limit) in zip(worth, rows, strict=True)
            if g >= 0 and x > 0
        )
        by = excess(units, lower, budget, found)
        if by is not None and by > 0:
            return found
    return ()


def _rows(units: LimitedPopulation, budget: float) -> list[tuple[int, str, float]]:
    """Group, side and money of every limit; group -1 is everybody."""
    rows = [(g, "most", float(x)) for g, x in enumerate(units.group_most) if math.isfinite(x)]
    rows += [(g, "least", float(x)) for g, x in enumerate(units.group_least) if x > 0]
    return rows + ([(-1, "most", budget)] if math.isfinite(budget) else [])


def _program(units: LimitedPopulation, lower: Floats, rows: list[tuple[int, str, float]]) -> LinearProgram:
    """The least total violation, in money of a size that solvers like."""
    served = np.flatnonzero(units.count)
    place = np.full(units.count.size, -1)
    place[served] = np.arange(served.size)
    scale = max([limit for *_, limit in rows] + [1e-300])
    pointer, column, coefficient = [0], list[int](), list[float]()
    for r, (g, side, _) in enumerate(rows):
        members = served if g < 0 else units.members[g]
        inside = place[members]
        inside = inside[inside >= 0]
        column += [*inside.tolist(), served.size + r]
        coefficient += [1.0] * inside.size + [1.0 if side == "least" else -1.0]
        pointer.append(len(column))
    limit = np.array([x / scale for *_, x in rows])
    least = np.array([side == "least" for _, side, _ in rows], dtype=np.bool_)
    count = units.count[served] / scale
    return LinearProgram(
        "min",
        np.concatenate((np.zeros(served.size), np.ones(len(rows)))),
        np.array(pointer), np.array(column, dtype=np.int64), np.array(coefficient),
        np.where(least, limit, -np.inf), np.where(least, np.inf, limit),
        np.concatenate((count * lower[served], np.zeros(len(rows)))),
        np.concatenate((count * units.most[served], np.full(len(rows), np.inf))),
    )  # fmt: skip


def _whole(price: Floats) -> list[Fraction]:
    """The prices as whole multiples of one number, nearly."""
    near = [Fraction(x).limit_denominator(LARGEST) for x in price.tolist()]
    common = math.lcm(*(x.denominator for x in near)) if near else 1
    return [x * common for x in near]
