"""Which back ends work here: every row of the table solves a program of one column and is heard."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from optbudget.errors import MissingExtraError
from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers import table
from optbudget.solvers.options import Options
from optbudget.solvers.pyomo_bridge import LIKELY
from optbudget.solvers.run import BackEnds
from optbudget.status import Solution

_LIMIT = Options(time_limit=60.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one back end.

    Attributes
    ----------
    name, note : of the table
    version : of its packages, e.g. "highspy 1.15.1"; empty where they are missing
    works : whether it solved the program
    cure : otherwise why not, and the command that installs it where there is one
    """

    name: str
    note: str
    version: str
    works: bool
    cure: str


def survey() -> list[Finding]:
    """Every back end of the table and the likely solvers of Pyomo; takes a few seconds."""
    likely = [table.find(f"pyomo:{solver}") for solver in LIKELY]
    with BackEnds() as processes:
        return [_finding(processes, row) for row in (*table.TABLE, *likely)]


def _finding(processes: BackEnds, row: table.BackEnd) -> Finding:
    one, zero = np.ones(1), np.zeros(1)
    program = LinearProgram(
        "max", one, np.arange(2), zero.astype(int), one, zero, 2 * one, zero, 3 * one, np.array([not row.lp])
    )
    cure = ""
    try:
        solution = processes.solve(program, row, options=_LIMIT)
        if solution.outcome.solution is Solution.NONE or abs(solution.value - 2.0) > 1e-4:
            cure = solution.outcome.message or "answers wrongly"
    except MissingExtraError as error:
        cure = str(error)
    return Finding(row.name, row.note, _versions(row.packages), not cure, cure)


def _versions(packages: tuple[str, ...]) -> str:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
