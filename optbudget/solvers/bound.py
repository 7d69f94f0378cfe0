"""What a vector of row multipliers proves, and the small repairs that let it prove something.

For a maximisation, any y and d = c - A'y, every feasible x has c'x <= sum of the supports of y over the
rows' limits and of d over a box that holds every feasible x (`optbudget.problems.linear_program`).
A solver's y is right to rounding or to its tolerance, and a reduced cost of 1e-17 that points to an
infinite side makes that bound infinite. Four steps mend this; each keeps the inequality true:

1. a multiplier that points to the missing side of its row becomes 0 (any y is allowed);
2. a missing side of the box is taken from the rows where they imply one;
3. a reduced cost that cannot be told from 0 in the arithmetic that computed it,
   \\|d_j\\| <= 2^-40 (\\|c_j\\| + sum_i \\|a_ij y_i\\|), counts as 0;
4. otherwise y is moved along a few fixed directions, as far as the worst reduced cost needs: in a
   discounted flow balance the direction "all rows" has A'u = 1 - discount everywhere.

The result is a floating-point number, right to rounding; it is not rounded outward.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.problems.linear_program import Floats, LinearProgram

NOISE = 2.0**-40
_ROUNDS = 4


def proven_bound(
    program: LinearProgram, row_price: ArrayLike, *, objective: ArrayLike | None = None
) -> tuple[float, Floats]:
    """The best bound that these multipliers prove, and the (m,) multipliers as repaired.

    An upper bound of a maximisation, a lower bound of a minimisation; infinite where they prove nothing.
    `row_price` is the change of the best objective per unit of the row's limit. `objective` (n,) takes the
    place of the program's, without its offset: with zeros, a bound on the wrong side of 0 proves that no
    feasible point exists (Farkas).

    Examples
    --------
    >>> program = LinearProgram("max", [1.0, 1.0], [0, 2], [0, 1], [1.0, 3.0], [-np.inf], [3.0],
    ...                         [0.0, 0.0], [np.inf, np.inf])
    >>> proven_bound(program, [1.0 - 1e-16])[0]
    3.0
    """
    sign = 1.0 if program.sense == "max" else -1.0
    cost = sign * (program.objective if objective is None else np.asarray(objective, dtype=np.float64))
    offset = program.offset if objective is None else 0.0
    y = sign * np.asarray(row_price, dtype=np.float64)
    if y.shape != (program.n_rows,) or not np.isfinite(y).all():
        return sign * np.inf, np.full(program.n_rows, np.nan)
    box = implied_box(program)
    best, used = _support_sum(program, cost, y, box), y
    if not np.isfinite(best):
        for direction in _directions(program):
            moved = _moved(program, cost, y, direction, box)
            found = _support_sum(program, cost, moved, box)
            if found < best:
                best, used = found, moved
    return float(offset + sign * best), sign * _one_sided(program, used)


def endless_column(program: LinearProgram, row_price: ArrayLike) -> str:
    """Why multipliers prove no bound: the worst reduced cost that points to a side without a limit; or "".

    Examples
    --------
    >>> program = LinearProgram("min", [1.0], [0, 1], [0], [1.0], [2.0], [np.inf], [-np.inf], [np.inf])
    >>> endless_column(program, [1.25])
    'the reduced cost of x0 is -0.25, and x0 has no limit on that side'
    """
    sign = 1.0 if program.sense == "max" else -1.0
    y = _one_sided(program, sign * np.asarray(row_price, dtype=np.float64))
    d, size = _reduced(program, sign * program.objective, y)
    bad = np.where(_toward_nothing(d, implied_box(program)) & (np.abs(d) > NOISE * size), np.abs(d), 0.0)
    if not bad.any():
        return ""
    j = int(bad.argmax())
    name = program.column_name(j)
    return f"the reduced cost of {name} is {sign * d[j]:.3g}, and {name} has no limit on that side"


def support_size(program: LinearProgram, row_price: ArrayLike) -> float:
    """Sum of the absolute terms in the bound that these multipliers prove on the objective 0."""
    y = np.asarray(row_price, dtype=np.float64) * (1.0 if program.sense == "max" else -1.0)
    d, _ = _reduced(program, np.zeros(program.n_columns), y)
    size = 0.0
    for multiplier, lower, upper in ((y, program.row_lower, program.row_upper), (d, *implied_box(program))):
        side = np.where(multiplier > 0, upper, lower)
        used = (multiplier != 0) & np.isfinite(side)
        size += float(np.abs(multiplier[used] * side[used]).sum())
    return max(size, float(np.abs(y).max(initial=0.0)))


def implied_box(program: LinearProgram) -> tuple[Floats, Floats]:
    """Column bounds (lower, upper), with missing ones filled in where the rows imply them."""
    lower: Floats = program.lower.copy()
    upper: Floats = program.upper.copy()
    row, a = program.entry_row, program.coefficient
    for _ in range(_ROUNDS):
        if np.isfinite(lower).all() and np.isfinite(upper).all():
            break
        ends = lower[program.column], upper[program.column]
        with np.errstate(invalid="ignore"):  # 0 * inf counts as 0.
            largest, least = np.fmax(a * ends[0], a * ends[1]), np.fmin(a * ends[0], a * ends[1])
        high = _other_terms(program, largest, np.inf)
        low = _other_terms(program, least, -np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            from_upper = (program.row_upper[row] - low) / a
            from_lower = (program.row_lower[row] - high) / a
        changed = False
        for side, limits, fill in (
            (upper, np.where(a > 0, from_upper, from_lower), np.fmin),
            (lower, np.where(a > 0, from_lower, from_upper), np.fmax),
        ):
            missing = np.isinf(side[program.column]) & np.isfinite(limits) & (a != 0)
            implied = side.copy()
            fill.at(implied, program.column[missing], limits[missing])
            filled = np.isinf(side) & np.isfinite(implied)
            if filled.any():
                outward = 1.0 if fill is np.fmin else -1.0
                side[filled] = implied[filled] + outward * 1e-12 * (1.0 + np.abs(implied[filled]))
                changed = True
        if not changed:
            break
    return lower, upper


def _other_terms(program: LinearProgram, terms: Floats, infinite: float) -> Floats:
    """Per entry, the sum of the row's other extreme terms; `infinite` where one of them is."""
    terms = np.where(np.isnan(terms), 0.0, terms)  # 0 * inf
    row = program.entry_row
    endless = np.isinf(terms)
    finite = np.where(endless, 0.0, terms)
    total = np.bincount(row, finite, minlength=program.n_rows)[row] - finite
    others = np.bincount(row, endless, minlength=program.n_rows)[row] - endless
    return np.where(others > 0, infinite, total)


def _one_sided(program: LinearProgram, y: Floats) -> Floats:
    nowhere = ((y > 0) & np.isposinf(program.row_upper)) | ((y < 0) & np.isneginf(program.row_lower))
    return np.where(nowhere, 0.0, y)


def _reduced(program: LinearProgram, cost: Floats, y: Floats) -> tuple[Floats, Floats]:
    terms: Floats = program.coefficient * y[program.entry_row]
    reduced: Floats = cost - np.bincount(program.column, terms, minlength=program.n_columns)
    size: Floats = np.abs(cost) + np.bincount(program.column, np.abs(terms), minlength=program.n_columns)
    return reduced, size


def _toward_nothing(reduced: Floats, box: tuple[Floats, Floats]) -> NDArray[np.bool_]:
    return ((reduced > 0) & np.isposinf(box[1])) | ((reduced < 0) & np.isneginf(box[0]))


def _support_sum(program: LinearProgram, cost: Floats, y: Floats, box: tuple[Floats, Floats]) -> float:
    y = _one_sided(program, y)
    d, size = _reduced(program, cost, y)
    d = np.where(_toward_nothing(d, box) & (np.abs(d) <= NOISE * size), 0.0, d)
    total = 0.0
    for multiplier, lower, upper in ((y, program.row_lower, program.row_upper), (d, *box)):
        used = multiplier != 0
        side = np.where(multiplier > 0, upper, lower)
        total += float((multiplier[used] * side[used]).sum())
    return total


def _directions(program: LinearProgram) -> list[Floats]:
    equal = (program.row_lower == program.row_upper).astype(np.float64)
    every = np.ones(program.n_rows)
    return [equal, -equal, every, -every] if not equal.all() else [every, -every]


def _moved(
    program: LinearProgram, cost: Floats, y: Floats, direction: Floats, box: tuple[Floats, Floats]
) -> Floats:
    """y moved along the direction until the worst reduced cost that points to a missing side is mended."""
    y = _one_sided(program, y)
    d, size = _reduced(program, cost, y)
    bad = _toward_nothing(d, box) & (np.abs(d) > NOISE * size)
    change = -_reduced(program, np.zeros(program.n_columns), direction)[0]
    helps = bad & (change * d > 0)
    if not helps.any():
        return y
    return y + direction * float((d[helps] / change[helps]).max()) * (1.0 + 1e-9)
