"""What runs inside a worker: find the adapter by name and call it."""

from importlib import import_module

from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers.options import Options


def enter(module: str, function: str, program: LinearProgram, method: str, options: Options) -> object:
    """Call a back end's adapter; whatever it returns goes to the audit."""
    return getattr(import_module(module), function)(program, method, options)


def warm(module: str) -> None:
    """Import an adapter's solver ahead of the first solve, so that no time limit pays for it."""
    getattr(import_module(module), "warm", bool)()
