"""Does a back end say the truth? Known programs, one by one, against its own words.

The kit asks the adapter itself, before any audit: a lie that the audit would catch is still a lie. (What
`solve_program` settles without a back end, such as crossing bounds, is asked of `solve_program`.) What
applies is read off the back end's row in the table (`lp`, `mip`, `duals`), and so are the tolerances:
`infeasibility` for points, `value_error` for objectives, ten times the larger one for single columns and
prices. Nothing here looks at a name.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module

import numpy as np

from optbudget.errors import MissingExtraError, OptBudgetError, ProblemError
from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers import BackEnd, BackEnds, Options, find, missing
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.diagnose import contradiction
from optbudget.status import Solution, Termination
from optbudget.testing.behaviours import BEHAVIOURS, Behaviour
from optbudget.testing.budget_programs import BUDGETS
from optbudget.testing.known import KnownProgram
from optbudget.testing.linear_programs import LINEAR
from optbudget.testing.report import ConformanceReport, Finding, Verdict
from optbudget.testing.scaled_programs import BEYOND, SCALED
from optbudget.testing.whole_programs import WHOLE
from optbudget.workers.spawned import Ended

PROGRAMS: tuple[KnownProgram, ...] = (*LINEAR, *WHOLE, *BUDGETS, *SCALED, *BEYOND)
"""The known programs of the kit."""

USUAL = Options(time_limit=20.0)

CLAIMS = (Termination.OPTIMAL, Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)


class Wrong(Exception):  # noqa: N818 - a finding, caught in this module
    """What contradicts the known answer."""


def check_backend(
    backend: str | BackEnd,
    *,
    programs: Sequence[KnownProgram] = PROGRAMS,
    behaviours: Sequence[Behaviour] = BEHAVIOURS,
    processes: BackEnds | None = None,
) -> ConformanceReport:
    """Hold a back end against the kit's programs and behaviours; `assert_ok` on the report raises.

    Parameters
    ----------
    backend : a name of the table, "pyomo:<solver>", or a row of one's own
    programs, behaviours : the part of the kit to run
    processes : kept processes to use; None for new ones that end with the call

    Raises
    ------
    UsageError
        For an unknown name.
    MissingExtraError
        If it is not installed here.

    Examples
    --------
    >>> from optbudget.testing.linear_programs import FIRST_STEPS
    >>> check_backend("glop", programs=FIRST_STEPS[:5], behaviours=())
    ConformanceReport(glop: 5 passed, 0 failed, 0 unanswered, 0 not applicable)
    """
    row = find(backend) if isinstance(backend, str) else backend
    if why := missing(row):
        raise MissingExtraError(why)
    with BackEnds() if processes is None else nullcontext(processes) as there:
        findings = [_finding(known, row, there) for known in programs]
        findings += [_behaves(behaviour, row, there) for behaviour in behaviours]
    return ConformanceReport(row.name, tuple(findings))


def _finding(known: KnownProgram, row: BackEnd, processes: BackEnds) -> Finding:
    program = known.program()
    if not (row.mip if program.is_integer else row.lp):
        kind = "programs with whole columns" if program.is_integer else "programs without whole columns"
        return Finding(known.name, known.why, Verdict.NOT_APPLICABLE, f"it solves no {kind}")
    try:
        if row.check:
            getattr(import_module(row.module), row.check)(program)
    except ProblemError as error:
        return Finding(known.name, known.why, Verdict.NOT_APPLICABLE, str(error))
    judge = _judged_guarded if known.guarded or contradiction(program) else _judged
    try:
        verdict, detail = judge(known, program, row, processes)
    except Wrong as wrong:
        verdict, detail = Verdict.FAILED, str(wrong)
    return Finding(known.name, known.why, verdict, detail)


def _behaves(behaviour: Behaviour, row: BackEnd, processes: BackEnds) -> Finding:
    if (behaviour.mip and not row.mip) or (behaviour.lp and not row.lp):
        return Finding(behaviour.name, behaviour.why, Verdict.NOT_APPLICABLE, "it solves no such programs")
    wrong = behaviour.check(row, processes)
    verdict = Verdict.FAILED if wrong else Verdict.PASSED
    return Finding(behaviour.name, behaviour.why, verdict, wrong)


def _judged_guarded(
    known: KnownProgram, program: LinearProgram, row: BackEnd, processes: BackEnds
) -> tuple[Verdict, str]:
    """Through the front door: the right number, or none."""
    try:
        solution = processes.solve(program, row, options=known.options or USUAL)
    except MissingExtraError:
        raise
    except OptBudgetError as error:
        return Verdict.PASSED, f"refused: {error}"
    stopped = solution.outcome.termination
    if solution.outcome.solution is Solution.NONE:
        if stopped in (Termination.INFEASIBLE, Termination.UNBOUNDED) and stopped is not known.ends:
            raise Wrong(f"is {known.ends.name} and came back as {stopped.name}")
        return Verdict.PASSED, f"flagged: {stopped.name}, {solution.outcome.message}"
    if known.ends is not Termination.OPTIMAL:
        raise Wrong(f"is {known.ends.name} and came back with a value of {solution.value:.9g}")
    _near("value", solution.value, known.value, row.value_error * _size(program, known))
    return Verdict.PASSED, f"right: {solution.value:.9g}"


def _judged(
    known: KnownProgram, program: LinearProgram, row: BackEnd, processes: BackEnds
) -> tuple[Verdict, str]:
    """The adapter's own words against the known answer."""
    reply = processes.call(row, program, known.options or USUAL)
    if reply.ended is not Ended.RETURNED:
        raise Wrong(f"{reply.ended.value}: {reply.message}")
    raw = reply.result
    if not isinstance(raw, RawAnswer):
        raise Wrong(f"returned a {type(raw).__name__}, not a RawAnswer")
    if raw.unavailable:
        raise MissingExtraError(f"{row.name} is not available: {raw.unavailable}")
    if raw.termination not in CLAIMS:
        return Verdict.UNANSWERED, f"{raw.termination.name} ({raw.claimed}) {raw.message}".strip()
    if known.ends is not Termination.OPTIMAL:
        if raw.termination not in (known.ends, Termination.ILL_POSED):
            raise Wrong(f"is {known.ends.name} and was called {raw.termination.name}")
        return Verdict.PASSED, raw.termination.name
    if raw.termination is not Termination.OPTIMAL:
        raise Wrong(f"has the optimum {known.value:g} and was called {raw.termination.name}")
    for part in (_value, _point, _prices, _bound):
        part(known, program, raw, row)
    return Verdict.PASSED, f"{float(raw.value):.9g}"


def _value(known: KnownProgram, program: LinearProgram, raw: RawAnswer, row: BackEnd) -> None:
    _near("objective", float(raw.value), known.value, row.value_error * _size(program, known))


def _point(known: KnownProgram, program: LinearProgram, raw: RawAnswer, row: BackEnd) -> None:
    if raw.x is None:
        raise Wrong("called optimal, and no point was returned")
    x = _numbers("point", raw.x, program.n_columns)
    if (broken := program.violation(x)) > row.infeasibility:
        raise Wrong(f"its point breaks a row, bound or whole column by {broken:.3g}")
    value_error = row.value_error * _size(program, known)
    _near("objective of its point", program.value(x), known.value, value_error)
    if not known.many_points:
        for j, (found, right) in enumerate(zip(x, known.on_columns(program, known.point), strict=True)):
            _near(f"column {program.column_name(j)}", found, right, _single(row, right))


def _prices(known: KnownProgram, program: LinearProgram, raw: RawAnswer, row: BackEnd) -> None:
    if program.is_integer or not row.duals:
        return
    if raw.row_price is None and program.n_rows:
        raise Wrong("its row says that it returns row prices, and it returned none")
    y = _numbers("row prices", [] if raw.row_price is None else raw.row_price, program.n_rows)
    for i, (found, right) in enumerate(zip(y, known.on_rows(program, known.price), strict=True)):
        if not known.many_prices:
            _near(f"price of row {program.row_name(i)}", found, right, _single(row, right))
        elif _points_nowhere(program, i, found, _single(row, right)):
            raise Wrong(
                f"price of row {program.row_name(i)} is {found:.9g}: the sign belongs to a missing limit"
            )


def _bound(known: KnownProgram, program: LinearProgram, raw: RawAnswer, row: BackEnd) -> None:
    bound = float(raw.bound)
    short = known.value - bound if program.sense == "max" else bound - known.value
    if np.isfinite(bound) and short > 10 * row.value_error * _size(program, known):
        raise Wrong(f"claims the bound {bound:.9g}, which the optimum {known.value:.9g} refutes")


def _points_nowhere(program: LinearProgram, i: int, price: float, allowed: float) -> bool:
    improving = price if program.sense == "max" else -price
    limit = program.row_upper[i] if improving > 0 else program.row_lower[i]
    return abs(price) > allowed and bool(np.isinf(limit))


def _single(row: BackEnd, right: float) -> float:
    return 10 * max(row.infeasibility, row.value_error) * (1.0 + abs(right))


def _size(program: LinearProgram, known: KnownProgram) -> float:
    terms = np.abs(program.objective * known.on_columns(program, known.point)).sum()
    return float(1.0 + abs(program.offset) + terms)


def _near(what: str, found: float, right: float, allowed: float) -> None:
    if not abs(found - right) <= allowed:
        raise Wrong(f"{what} is {found:.9g}, not {right:.9g} (allowed {allowed:.1g})")


def _numbers(what: str, given: object, size: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    with suppress(TypeError, ValueError):
        vector = np.asarray(given, dtype=np.float64)
        if vector.shape == (size,) and np.isfinite(vector).all():
            return vector
    raise Wrong(f"its {what} are not {size} finite numbers")


def reasons(programs: Sequence[KnownProgram] = PROGRAMS) -> Iterator[str]:
    """One line for each program: its name, and why it is in the kit."""
    for known in programs:
        yield f"{known.name}: {known.why}"
