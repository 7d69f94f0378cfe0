"""The one function that runs inside a worker: find the adapter by name and call it."""

from importlib import import_module

from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers.options import Options


def enter(module: str, function: str, program: LinearProgram, method: str, options: Options) -> object:
    """Call a back end's adapter; whatever it returns goes to the audit."""
    return getattr(import_module(module), function)(program, method, options)
