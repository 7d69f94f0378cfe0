"""Back ends that solve linear and mixed-integer programs: one table, spawned processes, audited answers."""

from optbudget.solvers.extract import from_mathopt, from_pyomo
from optbudget.solvers.file_names import MOST_NAMED
from optbudget.solvers.model_files import write_program
from optbudget.solvers.options import Options
from optbudget.solvers.run import BackEnds, close_processes, solve_program, solve_programs
from optbudget.solvers.survey import Finding, survey
from optbudget.solvers.table import BackEnd, find, missing, names

__all__ = [
    "MOST_NAMED",
    "BackEnd",
    "BackEnds",
    "Finding",
    "Options",
    "close_processes",
    "find",
    "from_mathopt",
    "from_pyomo",
    "missing",
    "names",
    "solve_program",
    "solve_programs",
    "survey",
    "write_program",
]
