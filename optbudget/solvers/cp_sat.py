"""CP-SAT, which knows whole numbers only; runs in a worker of the family "ortools".

A row or the objective is multiplied by the least power of two, or of ten, that makes all of it whole. A
power of two is exact for the stored numbers; a power of ten is exact for the shortest decimals that denote
them (0.1 becomes 1, though the stored number is a little more). Either way the answer is held against the
stored numbers by the audit. What does not become whole within 2^53, or could overflow 2^62 in a row, is
refused by name. Columns must be whole; CP-SAT needs no bounds, but sums must stay below 2^62, so a column
without a bound is refused too.
"""

import math
import time
from fractions import Fraction
from typing import Any

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.linear_program import Floats, LinearProgram
from optbudget.solvers.answer import RawAnswer, StatusMap
from optbudget.solvers.bound import implied_box
from optbudget.solvers.options import Options
from optbudget.status import Termination

STATUS: StatusMap = {
    "UNKNOWN": (Termination.TIME_LIMIT, False),
    "MODEL_INVALID": (Termination.BACKEND_FAILED, False),
    "FEASIBLE": (Termination.TIME_LIMIT, True),
    "INFEASIBLE": (Termination.INFEASIBLE, False),
    "OPTIMAL": (Termination.OPTIMAL, True),
}
_WHOLE = 2**53
_SUM = 2**62


def check(program: LinearProgram) -> None:
    """Refuse a program that cannot be stated in whole numbers.

    Raises
    ------
    ProblemError
        Naming the column, or the row and coefficient.

    Examples
    --------
    >>> program = LinearProgram("max", [1.0], [0, 1], [0], [1 / 3], [-np.inf], [1.0], [0.0], [9.0], [True])
    >>> check(program)
    Traceback (most recent call last):
    ...
    optbudget.errors.ProblemError: cp-sat needs whole numbers: row r0, coefficient 0.333... of column x0 ...
    """
    _whole_program(program)


def warm() -> None:
    """Import what `solve` needs."""
    from ortools.sat.python import cp_model  # noqa: F401


def solve(program: LinearProgram, method: str, options: Options) -> RawAnswer:
    """Solve; `method` is not used, there is one."""
    from ortools.sat.python import cp_model

    (lower, upper), rows, objective, factor = _whole_program(program)
    model = cp_model.CpModel()
    columns = [model.new_int_var(a, b, f"x{j}") for j, (a, b) in enumerate(zip(lower, upper, strict=True))]
    for i, (coefficients, low, high) in enumerate(rows):
        span = slice(program.row_ptr[i], program.row_ptr[i + 1])
        terms = cp_model.LinearExpr.weighted_sum(
            [columns[j] for j in program.column[span].tolist()], coefficients
        )
        model.add_linear_expression_in_domain(terms, cp_model.Domain(low, high))
    aim = cp_model.LinearExpr.weighted_sum(columns, objective)
    (model.maximize if program.sense == "max" else model.minimize)(aim)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = options.threads
    solver.parameters.random_seed = options.seed
    solver.parameters.relative_gap_limit = options.relative_gap
    solver.parameters.absolute_gap_limit = options.absolute_gap * factor
    if options.time_limit is not None:
        solver.parameters.max_time_in_seconds = options.time_limit
    begun = time.perf_counter()
    claimed = solver.solve(model).name
    return _answer(program, solver, claimed, columns, factor, time.perf_counter() - begun)


def _answer(
    program: LinearProgram, solver: Any, claimed: str, columns: list[Any], factor: int, seconds: float
) -> RawAnswer:
    termination, may_have = STATUS[claimed]
    if not may_have:
        return RawAnswer(claimed, termination, seconds=seconds)
    x = np.array([solver.value(column) for column in columns], dtype=np.float64)
    value = program.offset + solver.objective_value / factor
    bound = program.offset + solver.best_objective_bound / factor
    return RawAnswer(claimed, termination, x, None, value, bound, "", seconds)


_Row = tuple[list[int], int, int]


def _whole_program(
    program: LinearProgram,
) -> tuple[tuple[list[int], list[int]], list[_Row], list[int], int]:
    fractional = np.flatnonzero(~program.integer)
    if fractional.size:
        raise ProblemError(f"cp-sat needs whole columns: {program.column_name(int(fractional[0]))} is not")
    low, high = implied_box(program)
    for j in np.flatnonzero(~np.isfinite(low) | ~np.isfinite(high)).tolist():
        raise ProblemError(f"cp-sat needs bounds: column {program.column_name(j)} has none")
    lower = [math.ceil(a - 1e-9) if a else 0 for a in low]
    upper = [math.floor(b + 1e-9) if b else 0 for b in high]
    reach = np.maximum(np.abs(low), np.abs(high))
    rows = []
    for i in range(program.n_rows):
        span = slice(program.row_ptr[i], program.row_ptr[i + 1])
        what = f"row {program.row_name(i)}"
        whole, factor = _whole(program, program.coefficient[span], program.column[span], reach, what)
        least = _limit(program.row_lower[i], factor, -_SUM)
        most = _limit(program.row_upper[i], factor, _SUM)
        rows.append(
            (whole, -_SUM if least is None else math.ceil(least), _SUM if most is None else math.floor(most))
        )
    every = np.arange(program.n_columns)
    objective, factor = _whole(program, program.objective, every, reach, "objective")
    return (lower, upper), rows, objective, factor


def _limit(limit: float, factor: int, missing: int) -> Fraction:
    return _decimal(limit) * factor if np.isfinite(limit) else Fraction(missing)


def _decimal(number: float) -> Fraction:
    return Fraction(repr(float(number)))


def _whole(
    program: LinearProgram, numbers: Floats, columns: Any, reach: Floats, what: str
) -> tuple[list[int], int]:
    """The numbers times the least power of two or ten that makes them whole, and that power."""
    decimals = [_decimal(a) for a in numbers]
    need = max((part.denominator for part in decimals), default=1)
    factor = next((10**k for k in range(16) if all(10**k % d.denominator == 0 for d in decimals)), 0)
    if need & (need - 1) == 0 and need <= _WHOLE:
        factor = min(factor or need, need)
    whole = [int(part * factor) for part in decimals]
    if factor == 0 or any(abs(a) > _WHOLE for a in whole):
        size = [d.denominator for d in decimals] if factor == 0 else [abs(a) for a in whole]
        worst = max(range(len(size)), key=size.__getitem__)
        place = (
            f"{what}, coefficient {float(numbers[worst])!r} of column {program.column_name(columns[worst])}"
        )
        why = "has no short binary or decimal form" if factor == 0 else f"times {factor} is above 2^53"
        raise ProblemError(f"cp-sat needs whole numbers: {place} {why}")
    if sum(abs(a) * reach[j] for a, j in zip(whole, columns, strict=True)) >= _SUM:
        raise ProblemError(f"cp-sat needs sums below 2^62: {what} times {factor} can reach more")
    return whole, factor
