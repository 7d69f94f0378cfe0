"""From a back end's claim to a `LinearSolution`: nothing is believed that the program can refute.

In order: the answer has the right type and length and is finite; the point breaks no row, bound or
integrality by more than the back end's tolerance; the objective is recomputed and must be the claimed one;
the point must not beat the bound that the back end claims, nor a claimed optimum stay away from it; the
bound is recomputed from the row prices (`optbudget.solvers.bound`). A claim that fails is BACKEND_FAILED
with the numbers. OPTIMAL is given only to a certified gap <= 1e-9, TOLERANCE to one <= `relative_gap`; a
claimed optimum that proves no bound (every branch-and-bound answer) is FEASIBLE with the claim kept.
"""

from dataclasses import replace

import numpy as np

from optbudget.problems.linear_program import Floats, LinearProgram, LinearSolution
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.bound import endless_column, proven_bound
from optbudget.solvers.diagnose import Diagnosis
from optbudget.solvers.options import Options
from optbudget.solvers.table import BackEnd
from optbudget.status import Outcome, Solution, Termination

NEAR = 1e-3
"""Relative distance of a bound from a point's value at which its multipliers are taken to be meant."""

WITHOUT_OPTIMUM = (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)


class Refuted(Exception):  # noqa: N818 - a finding, caught in this package
    """What the program says against an answer."""


def audit(
    program: LinearProgram, raw: object, backend: BackEnd, options: Options, *, memory: float = np.nan
) -> LinearSolution:
    """What of an answer is true of the program. Never raises for anything that an answer may hold.

    Claims without a point (INFEASIBLE, UNBOUNDED) come back as UNKNOWN with the claim kept:
    `optbudget.solvers.diagnose` proves or refutes them.
    """
    if not isinstance(raw, RawAnswer):
        text = f"answered with {type(raw).__name__!r}, not with an answer"
        return failed(program, backend, text, memory=memory)
    try:
        return _judged(program, raw, backend, options, memory)
    except Refuted as found:
        return failed(program, backend, str(found), claimed=str(raw.claimed), memory=memory)
    except (TypeError, ValueError, OverflowError) as error:
        text = f"its answer is not made of numbers: {error}"
        return failed(program, backend, text, claimed=str(raw.claimed), memory=memory)


def failed(
    program: LinearProgram, backend: BackEnd, message: str, *, claimed: str = "", memory: float = np.nan
) -> LinearSolution:
    """BACKEND_FAILED: no point, no number, and the reason."""
    outcome = Outcome(Termination.BACKEND_FAILED, Solution.NONE, f"{backend.name} {message}")
    return LinearSolution(program, outcome, claimed=claimed, backend=backend.name, memory=memory)


def verdict(solution: LinearSolution, claim: Termination, found: Diagnosis) -> LinearSolution:
    """A claim that there is no optimum, against what was proved.

    Proved: INFEASIBLE or UNBOUNDED with the proof. Contradicted: BACKEND_FAILED. Neither: UNKNOWN, with the
    claim kept in `claimed`.
    """
    name, claims = solution.backend, f"{solution.backend} claims {solution.claimed}"
    if found.termination is Termination.UNKNOWN and found.point is None:
        text = f"{claims}; neither proved nor refuted"
        outcome = Outcome(Termination.UNKNOWN, Solution.NONE, text)
    elif found.termination is claim or (
        claim is Termination.ILL_POSED and found.termination is not Termination.UNKNOWN
    ):
        outcome = Outcome(found.termination, Solution.NONE, found.message)
        return replace(solution, outcome=outcome, farkas=found.farkas, ray=found.ray)
    elif found.termination is not Termination.UNKNOWN:
        text = f"{claims}, but the program is {found.termination.name}: {found.message}"
        outcome = Outcome(Termination.BACKEND_FAILED, Solution.NONE, text)
    elif claim is Termination.INFEASIBLE:
        assert found.point is not None
        off = solution.program.violation(found.point)
        text = f"{claims}, but a point breaks no row or bound by more than {off:.3g}"
        outcome = Outcome(Termination.BACKEND_FAILED, Solution.NONE, text)
    elif found.bounded:
        text = f"{claims}, but the program has a feasible point and no ray that gains"
        outcome = Outcome(Termination.BACKEND_FAILED, Solution.NONE, text)
    else:
        outcome = Outcome(Termination.UNKNOWN, Solution.NONE, f"{claims}; neither proved nor refuted")
    return replace(solution, outcome=outcome, backend=name)


def _judged(
    program: LinearProgram, raw: RawAnswer, backend: BackEnd, options: Options, memory: float
) -> LinearSolution:
    claimed_value, claimed_bound = float(raw.value), float(raw.bound)
    x = _point(program, raw, backend, options)
    row_price: Floats | None = None
    bound = np.nan
    if x is not None:
        _check_value(program, x, claimed_value, backend)
        if raw.termination is Termination.OPTIMAL or np.isfinite(claimed_bound):
            _check_claimed_bound(program, x, raw, claimed_bound, backend, options)
    if raw.row_price is not None:
        row_price, bound = _proof(program, raw, x)
    return LinearSolution(
        program,
        _outcome(program, raw, x, bound, options),
        claimed=str(raw.claimed),
        x=x,
        row_price=row_price,
        bound=bound,
        claimed_value=claimed_value,
        claimed_bound=claimed_bound,
        backend=backend.name,
        solve_seconds=float(raw.seconds),
        memory=memory,
    )


def _vector(given: object, size: int, what: str) -> Floats:
    vector = np.array(given, dtype=np.float64)
    if vector.shape != (size,):
        raise Refuted(f"returned {what} of shape {vector.shape}, not ({size},)")
    wrong = np.flatnonzero(~np.isfinite(vector))
    if wrong.size:
        raise Refuted(f"returned {what} with {vector[wrong[0]]} at position {wrong[0]}")
    vector.flags.writeable = False
    return vector


def _point(program: LinearProgram, raw: RawAnswer, backend: BackEnd, options: Options) -> Floats | None:
    if raw.x is None:
        if raw.termination is Termination.OPTIMAL:
            raise Refuted("claims an optimum and returns no point")
        return None
    allowed = max(backend.infeasibility, options.feasibility or 0.0)
    x = _vector(raw.x, program.n_columns, "a point")
    if program.violation(x) > allowed:
        if raw.termination is Termination.OPTIMAL:
            raise Refuted(f"claims an optimum, but its point is infeasible: {worst(program, x)}")
        return None  # A limit was met before a feasible point was; that is no lie.
    rounded = np.clip(np.where(program.integer, np.round(x), x), program.lower, program.upper)
    if (excess := whole_excess(program, rounded)) > allowed:
        if raw.termination is Termination.OPTIMAL:
            raise Refuted(f"claims an optimum, but a row of whole numbers is broken by {excess:.9g}")
        return None
    x = rounded if program.violation(rounded) <= allowed else x
    x.flags.writeable = False
    return x


def whole_excess(program: LinearProgram, x: Floats) -> float:
    """By how much a point breaks a row of whole columns and coefficients: exact, so in the row's own units.

    Relative to terms of 2^31 a solver's tolerance allows thousands; in whole numbers 1 is too much.
    """
    whole = program.integer[program.column] & (program.coefficient == np.round(program.coefficient))
    size = np.bincount(program.entry_row, np.abs(program.coefficient * x[program.column]), program.n_rows)
    exact = (np.bincount(program.entry_row, ~whole, program.n_rows) == 0) & (size < 2.0**53)
    activity = program.activity(x)
    excess = np.maximum(program.row_lower - activity, activity - program.row_upper)
    return float(excess[exact].max(initial=0.0))


def worst(program: LinearProgram, x: Floats) -> str:
    """The row, bound or integrality that a point breaks most, with numbers."""
    terms = np.abs(program.coefficient * x[program.column])
    size = 1.0 + np.bincount(program.entry_row, terms, minlength=program.n_rows)
    activity = program.activity(x)
    rows = np.maximum(program.row_lower - activity, activity - program.row_upper) / size
    bounds = np.maximum(program.lower - x, x - program.upper) / (1.0 + np.abs(x))
    parts = np.where(program.integer, np.abs(x - np.round(x)), 0.0)
    row, column, part = (array.max(initial=-np.inf) for array in (rows, bounds, parts))
    if row >= max(column, part):
        i = int(rows.argmax())
        limits = f"[{program.row_lower[i]:g}, {program.row_upper[i]:g}]"
        return f"row {program.row_name(i)} is {activity[i]:.9g}, outside {limits}"
    if column >= part:
        j = int(bounds.argmax())
        limits = f"[{program.lower[j]:g}, {program.upper[j]:g}]"
        return f"column {program.column_name(j)} is {x[j]:.9g}, outside {limits}"
    j = int(parts.argmax())
    return f"column {program.column_name(j)} is {x[j]:.9g} and must be whole"


def _check_value(program: LinearProgram, x: Floats, claimed: float, backend: BackEnd) -> None:
    value = program.value(x)
    size = 1.0 + abs(program.offset) + float(np.abs(program.objective * x).sum())
    if not abs(value - claimed) <= backend.value_error * size:
        raise Refuted(f"claims the objective {claimed:.9g}, but its point is worth {value:.9g}")


def _check_claimed_bound(
    program: LinearProgram, x: Floats, raw: RawAnswer, bound: float, backend: BackEnd, options: Options
) -> None:
    """The point against the bound that the back end itself claims; a missing bound is no contradiction."""
    if np.isnan(bound):
        return
    value = program.value(x)
    size = 1.0 + abs(value) + abs(program.offset)
    lead = value - bound if program.sense == "max" else bound - value
    if lead > 10 * backend.value_error * size:
        raise Refuted(f"claims the bound {bound:.9g}, and its own point is worth {value:.9g}")
    allowed = max(options.relative_gap, 10 * backend.value_error) * size + options.absolute_gap
    if raw.termination is Termination.OPTIMAL and -lead > allowed:
        raise Refuted(f"claims an optimum of {value:.9g} with a bound of only {bound:.9g}")


def _proof(program: LinearProgram, raw: RawAnswer, x: Floats | None) -> tuple[Floats, float]:
    """The row prices and the bound that they prove.

    Any multipliers may: where only the opposite signs come near the point's value, they are meant.
    """
    row_price = _vector(raw.row_price, program.n_rows, "row prices")
    bound, used = proven_bound(program, row_price)
    if x is not None and not _near(program, x, bound):
        opposite = proven_bound(program, -row_price)
        if _near(program, x, opposite[0]):
            bound, used = opposite
    if not np.isfinite(bound):
        return row_price, np.nan
    used.flags.writeable = False
    return used, bound


def _near(program: LinearProgram, x: Floats, bound: float) -> bool:
    """Whether a bound is about what a point is worth."""
    value = program.value(x)
    return bool(abs(bound - value) <= NEAR * (1.0 + abs(value)))


def _outcome(
    program: LinearProgram, raw: RawAnswer, x: Floats | None, bound: float, options: Options
) -> Outcome:
    if x is None:
        stopped = raw.termination
        if stopped in WITHOUT_OPTIMUM or stopped is Termination.OPTIMAL:
            stopped = Termination.UNKNOWN
        return Outcome(stopped, Solution.NONE, f"no solution ({raw.claimed}) {raw.message}".strip())
    optimum = raw.termination is Termination.OPTIMAL
    if np.isfinite(bound):
        value = program.value(x)
        gap = abs(bound - value) / (1.0 + abs(value))
        stopped = Termination.NUMERICAL if optimum else raw.termination
        outcome = Outcome.certified(gap=gap, tolerance=options.relative_gap, stopped=stopped)
        if outcome.termination is Termination.NUMERICAL and optimum:
            text = f"called optimal, but its row prices prove a gap of {gap:.3g} only"
            return Outcome(outcome.termination, outcome.solution, text)
        return outcome
    stopped = Termination.UNKNOWN if optimum or raw.termination in WITHOUT_OPTIMUM else raw.termination
    why = "called optimal; no bound was proved" if optimum else f"stopped ({raw.claimed})"
    if raw.row_price is not None and (column := endless_column(program, raw.row_price)):
        why += f": {column}"
    return Outcome(stopped, Solution.FEASIBLE, why)
