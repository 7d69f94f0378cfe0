"""Whether a program without an optimum is infeasible or unbounded, proved from its own data.

A back end's word, or its ray, is not taken. Three small programs are solved instead, by any linear back end,
and only what can be checked from the given data counts:

* **Phase 1**: minimise the total violation z of the rows, bounds kept. Its row prices y are checked as a
  Farkas certificate: the bound that y proves on the objective 0 must miss 0 (`proven_bound`).
  If z is 0, its point is a feasible one. Programs with whole columns ask a branch-and-bound back end for
  that point; without one, only the relaxation speaks, and a relaxation that is feasible proves nothing.
* **Ray**: maximise c'r over the directions r that no row and no bound forbids, -1 <= r <= 1. A ray with
  c'r > 0, checked, and a feasible point together prove UNBOUNDED; row prices that keep c'r at 0 prove that
  there is no such ray.

Tolerances: a ray may be wrong by 1e-9 of a row's own terms, and must gain more than 1e-7; a Farkas bound
must miss 0 by 1e-9 of the size of its terms.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optbudget.problems.linear_program import Floats, LinearProgram
from optbudget.solvers.bound import proven_bound, support_size
from optbudget.status import Termination

RAY_TOLERANCE = 1e-9
RAY_GAIN = 1e-7
FARKAS_MARGIN = 1e-9

Engine = Callable[[LinearProgram], tuple[Floats | None, Floats | None]]
"""Solves a program; answers with its point and row prices, unchecked, None where it has none."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was proved.

    Attributes
    ----------
    termination : INFEASIBLE or UNBOUNDED, proved; else UNKNOWN
    message : the proof in words
    farkas : (m,) multipliers that prove infeasibility, or None
    ray : (n,) direction without end that gains, or None
    point : (n,) a feasible point, or None
    bounded : whether it was proved that no ray gains
    """

    termination: Termination = Termination.UNKNOWN
    message: str = ""
    farkas: Floats | None = None
    ray: Floats | None = None
    point: Floats | None = None
    bounded: bool = False


def contradiction(program: LinearProgram) -> str:
    """A row or column that no point at all can keep, in words; "" if there is none."""
    for j in np.flatnonzero(program.lower > program.upper).tolist():
        limits = f"{program.lower[j]:g} > {program.upper[j]:g}"
        return f"column {program.column_name(j)} has its limits crossed: {limits}"
    for j in np.flatnonzero(program.integer & (np.ceil(program.lower) > np.floor(program.upper))).tolist():
        limits = f"[{program.lower[j]:g}, {program.upper[j]:g}]"
        return f"column {program.column_name(j)} must be whole, and {limits} holds no whole number"
    low, high = program.row_lower, program.row_upper
    for i in np.flatnonzero(low > high).tolist():
        return f"row {program.row_name(i)} has its limits crossed: {low[i]:g} > {high[i]:g}"
    empty = np.diff(program.row_ptr) == 0
    for i in np.flatnonzero(empty & ((low > 0) | (high < 0))).tolist():
        return f"row {program.row_name(i)} has no entries and must be in [{low[i]:g}, {high[i]:g}]"
    return ""


def diagnose(program: LinearProgram, engine: Engine, *, tolerance: float = 1e-9) -> Diagnosis:
    """Prove that a program is infeasible or unbounded, or find the point that refutes it.

    Parameters
    ----------
    engine : solves linear programs, and those with whole columns if it can
    tolerance : violation that a point may have and still be called feasible
    """
    if text := contradiction(program):
        return Diagnosis(Termination.INFEASIBLE, text)
    relaxed = replace(program, integer=np.zeros(program.n_columns, dtype=np.bool_))
    point, y = engine(elastic(relaxed))
    if y is not None and (proof := farkas(program, y)) is not None:
        text = "a combination of its rows is a contradiction (Farkas certificate checked)"
        return Diagnosis(Termination.INFEASIBLE, text, farkas=proof)
    if program.is_integer:
        point, _ = engine(elastic(program))
    inside = None if point is None else _inside(program, point[: program.n_columns], tolerance)
    if inside is None:
        return Diagnosis()
    cone = recession(relaxed)
    direction, y = engine(cone)
    if direction is not None and gains(relaxed, direction):
        text = f"along a checked ray the objective gains {abs(program.objective @ direction):.3g} without end"
        return Diagnosis(Termination.UNBOUNDED, text, ray=direction, point=inside)
    bound = np.inf if y is None else abs(proven_bound(cone, y)[0])
    return Diagnosis(point=inside, bounded=bound <= RAY_GAIN)


def elastic(program: LinearProgram) -> LinearProgram:
    """Minimise the total violation of the rows: two more columns per row, bounds kept.

    Its row prices are those of the given rows, so they are a Farkas candidate as they come.
    """
    m, n = program.n_rows, program.n_columns
    rows = np.arange(m)
    row = np.concatenate([program.entry_row, rows, rows])
    order = np.argsort(row, kind="stable")
    column = np.concatenate([program.column, n + rows, n + m + rows])[order]
    coefficient = np.concatenate([program.coefficient, np.ones(m), -np.ones(m)])[order]
    return LinearProgram(
        "min",
        np.concatenate([np.zeros(n), np.ones(2 * m)]),
        program.row_ptr + 2 * np.arange(m + 1),
        column,
        coefficient,
        program.row_lower,
        program.row_upper,
        np.concatenate([program.lower, np.zeros(2 * m)]),
        np.concatenate([program.upper, np.full(2 * m, np.inf)]),
        np.concatenate([program.integer, np.zeros(2 * m, dtype=np.bool_)]),
        name=f"{program.name}: phase 1",
    )


def recession(program: LinearProgram) -> LinearProgram:
    """Maximise (or minimise) c'r over the directions -1 <= r <= 1 that no row and no bound forbids."""

    def side(limits: Floats, finite: float, missing: float) -> Floats:
        return np.where(np.isfinite(limits), finite, missing)

    return replace(
        program,
        offset=0.0,
        row_lower=side(program.row_lower, 0.0, -np.inf),
        row_upper=side(program.row_upper, 0.0, np.inf),
        lower=side(program.lower, 0.0, -1.0),
        upper=side(program.upper, 0.0, 1.0),
        name=f"{program.name}: ray",
    )


def farkas(program: LinearProgram, y: Floats) -> Floats | None:
    """The multipliers, repaired, if they prove that no point is feasible; else None.

    For every feasible x, 0 = 0'x is at most the bound that y proves on the objective 0; a negative bound
    is a contradiction. Both signs of y are tried.
    """
    nothing = np.zeros(program.n_columns)
    sign = 1.0 if program.sense == "max" else -1.0
    for candidate in (y, -y):
        bound, used = proven_bound(program, candidate, objective=nothing)
        if np.isfinite(bound) and sign * bound < -FARKAS_MARGIN * support_size(program, used):
            return used
    return None


def gains(program: LinearProgram, direction: Floats) -> bool:
    """Whether a direction may be followed without end and improves the objective all the way."""
    if not np.isfinite(direction).all():
        return False
    cone = recession(program)
    better = float(program.objective @ direction) * (1.0 if program.sense == "max" else -1.0)
    scale = float(np.abs(direction).max(initial=0.0))
    return scale > 0 and better > RAY_GAIN * scale and cone.violation(direction) <= RAY_TOLERANCE


def _inside(program: LinearProgram, x: Floats, tolerance: float) -> Floats | None:
    """The point, its whole columns rounded and its bounds kept, if it is feasible."""
    x = np.clip(np.where(program.integer, np.round(x), x), program.lower, program.upper)
    return x if program.violation(x) <= tolerance else None
