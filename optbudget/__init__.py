"""Budget allocation for Markov decision processes, with certificates.

Nouns and verbs are imported when they are first used, so `import optbudget` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from optbudget import _numba_home

__version__ = "0.1.0"

if TYPE_CHECKING:
    from optbudget.allocation import allocate
    from optbudget.budgeted import solve
    from optbudget.certify import verify
    from optbudget.curves import Curve, Curves
    from optbudget.errors import OptBudgetError, ProblemError
    from optbudget.files import load, save
    from optbudget.planning import explain
    from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Knapsack, Population
    from optbudget.report import plot
    from optbudget.simulate import simulate

_HOME = {
    "Allocation": "problems",
    "BudgetedMDP": "problems",
    "Curve": "curves",
    "Curves": "curves",
    "CurveSet": "problems",
    "Knapsack": "problems",
    "OptBudgetError": "errors",
    "Population": "problems",
    "ProblemError": "errors",
    "allocate": "allocation",
    "explain": "planning",
    "load": "files",
    "plot": "report",
    "save": "files",
    "simulate": "simulate",
    "solve": "budgeted",
    "verify": "certify",
}

__all__ = [
    "Allocation",
    "BudgetedMDP",
    "Curve",
    "CurveSet",
    "Curves",
    "Knapsack",
    "OptBudgetError",
    "Population",
    "ProblemError",
    "allocate",
    "explain",
    "load",
    "plot",
    "save",
    "simulate",
    "solve",
    "verify",
]

_numba_home.prepare()


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'optbudget' has no attribute {name!r}")
    return getattr(import_module(f"optbudget.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
