"""Solve a program by a back end of the table: spawned, limited, audited.

The back end runs in a kept process of its family. It is told the limits, and stopped by force a little after
them. Whatever happens there, the caller gets a `LinearSolution` that says so: a crash, an endless loop, too
much memory or an answer that contradicts the program each have their own outcome and message.
"""

import atexit
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from types import TracebackType

import numpy as np

from optbudget.errors import MissingExtraError, ProblemError, UsageError
from optbudget.problems.linear_program import Floats, LinearProgram, LinearSolution
from optbudget.solvers import table
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.audit import WITHOUT_OPTIMUM, audit, verdict
from optbudget.solvers.diagnose import Engine, contradiction, diagnose
from optbudget.solvers.entry import enter, warm
from optbudget.solvers.options import Options
from optbudget.solvers.scaling import farthest, prepare
from optbudget.solvers.table import BackEnd
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers.spawned import Ended, Reply, SpawnedWorker

IMPORT_LIMIT = 120.0
"""Seconds that importing a solver may take; it does not count as solving."""


def solve_program(
    program: LinearProgram, backend: str | BackEnd = "highs", *, options: Options | None = None
) -> LinearSolution:
    """Solve a program by one back end; the processes are kept for the next call.

    Parameters
    ----------
    backend : a name of the table (`optbudget.solvers.names`), "pyomo:<solver>", or a row of one's own

    Raises
    ------
    UsageError
        For an unknown name (with the nearest), or a back end that cannot solve this kind of program.
    MissingExtraError
        If it is not installed; the message ends in the command that installs it.
    ProblemError
        If the back end would drop or misread a number of the program, naming it (`optbudget.solvers.scaling`,
        and for whole-number solvers `optbudget.solvers.cp_sat`).

    Examples
    --------
    >>> from math import inf
    >>> program = LinearProgram("max", [1.0, 1.0], [0, 2], [0, 1], [1.0, 2.0], [-inf], [3.0],
    ...                         [0.0, 0.0], [inf, 1.0])
    >>> solution = solve_program(program, "glop")
    >>> solution, solution.row_price
    (LinearSolution(glop: OPTIMAL, CERTIFIED, value 3, bound 3), array([1.]))
    """
    return _kept().solve(program, backend, options=options)


def solve_programs(
    jobs: Iterable[tuple[LinearProgram, str | BackEnd]], *, options: Options | None = None
) -> Iterator[LinearSolution]:
    """Solve many programs one after another in kept processes; answers come in the order of the jobs."""
    with BackEnds() as processes:
        for program, backend in jobs:
            yield processes.solve(program, backend, options=options)


class BackEnds:
    """The kept processes, one per family; end them by `close` or `with`."""

    def __init__(self) -> None:
        self._workers: dict[str, SpawnedWorker] = {}
        self._warm: set[tuple[int | None, str]] = set()
        self._lock = threading.Lock()

    def solve(
        self, program: LinearProgram, backend: str | BackEnd = "highs", *, options: Options | None = None
    ) -> LinearSolution:
        """As `solve_program`, in these processes."""
        if not isinstance(program, LinearProgram):
            raise UsageError(
                f"a {type(program).__name__} is no LinearProgram; from_pyomo and from_mathopt make one of a "
                "model, and optbudget.formulations.declared one of a problem"
            )
        row = backend if isinstance(backend, BackEnd) else table.find(backend)
        options = options or Options()
        table.require(row)
        _require_kind(program, row)
        if text := contradiction(program):
            outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, text)
            return LinearSolution(program, outcome, backend=row.name)
        if program.n_columns == 0:
            return _nothing_to_choose(program, row)
        if row.check:
            getattr(import_module(row.module), row.check)(program)
        scaled = prepare(program, smallest=row.smallest, infinite=row.infinite, backend=row.name)
        reply = self.call(row, scaled.program, options)
        if reply.ended is not Ended.RETURNED:
            return _ended(program, row, reply)
        raw = reply.result
        if isinstance(raw, RawAnswer) and raw.unavailable:
            raise MissingExtraError(f"{row.name} is not available: {raw.unavailable}")
        solution = audit(program, scaled.unscale(raw), row, options, memory=reply.memory)
        if solution.outcome.termination is Termination.BACKEND_FAILED and (number := farthest(program)):
            text = f"{solution.outcome.message}; no number is farther from 1 than {number}"
            return replace(solution, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))
        if solution.x is None and isinstance(raw, RawAnswer) and raw.termination in WITHOUT_OPTIMUM:
            return verdict(solution, raw.termination, diagnose(program, self._engine(options)))
        return solution

    def _engine(self, options: Options) -> Engine:
        """What diagnoses are made with: the first linear and the first mixed back end that are installed."""

        def engine(program: LinearProgram) -> tuple[Floats | None, Floats | None]:
            wanted = ("highs", "scip") if program.is_integer else ("highs-simplex", "glop")
            for row in map(table.find, wanted):
                if table.missing(row):
                    continue
                with suppress(ProblemError):
                    scaled = prepare(program, smallest=row.smallest, infinite=row.infinite, backend=row.name)
                    reply = self.call(row, scaled.program, options)
                    found = audit(program, scaled.unscale(reply.result), row, options)
                    if found.x is not None:
                        return found.x, found.row_price
            return None, None

        return engine

    def call(self, row: BackEnd, program: LinearProgram, options: Options) -> Reply:
        """Run a back end's adapter in its family's process; what it answers is not checked."""
        with self._lock:
            worker = self._workers.setdefault(row.family, SpawnedWorker())
        limit = options.time_limit
        if (worker.process_id, row.module) not in self._warm:
            reply = worker.call(warm, row.module, time_limit=IMPORT_LIMIT)
            if reply.ended is not Ended.RETURNED:
                return reply
            self._warm.add((worker.process_id, row.module))
        return worker.call(
            enter, row.module, row.function, program, row.method, options,
            time_limit=None if limit is None else limit + max(1.0, 0.1 * limit),
            memory_limit=options.memory_limit,
        )  # fmt: skip

    def close(self) -> None:
        """End the processes; the next call starts new ones."""
        for worker in self._workers.values():
            worker.close()

    def __enter__(self) -> "BackEnds":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_KEPT: list[BackEnds] = []


def _kept() -> BackEnds:
    if not _KEPT:
        _KEPT.append(BackEnds())
        atexit.register(close_processes)
    return _KEPT[0]


def close_processes() -> None:
    """End the processes that `solve_program` keeps; the next call starts new ones."""
    for processes in _KEPT:
        processes.close()


_OUTCOME = {
    Ended.RAISED: Termination.BACKEND_FAILED,
    Ended.CRASHED: Termination.BACKEND_FAILED,
    Ended.GARBAGE: Termination.BACKEND_FAILED,
    Ended.TIME_LIMIT: Termination.TIME_LIMIT,
    Ended.MEMORY_LIMIT: Termination.MEMORY_LIMIT,
}


def _ended(program: LinearProgram, row: BackEnd, reply: Reply) -> LinearSolution:
    said = {Ended.RAISED: "raised ", Ended.CRASHED: "crashed: "}.get(reply.ended, "")
    if reply.ended is Ended.GARBAGE:
        said = "returned garbage: "
    outcome = Outcome(_OUTCOME[reply.ended], Solution.NONE, f"{row.name} {said}{reply.message}")
    return LinearSolution(
        program, outcome, backend=row.name, solve_seconds=reply.seconds, memory=reply.memory
    )


def _nothing_to_choose(program: LinearProgram, row: BackEnd) -> LinearSolution:
    """The empty point: where no row rules it out it is the only one. Some back ends return none."""
    outcome = Outcome.certified(gap=0.0, message="no columns, so no back end was asked")
    return LinearSolution(
        program, outcome, x=np.zeros(0), row_price=np.zeros(program.n_rows), bound=program.offset,
        backend=row.name, solve_seconds=0.0,
    )  # fmt: skip


def _require_kind(program: LinearProgram, row: BackEnd) -> None:
    if program.is_integer and not row.mip:
        able = ", ".join(other.name for other in table.TABLE if other.mip)
        raise UsageError(f"{row.name} solves no programs with whole columns; these do: {able}")
    if not row.lp and not program.integer.all():
        j = int((~program.integer).argmax())
        text = f"{row.name} solves programs of whole columns only, and {program.column_name(j)} is not"
        raise UsageError(text)
