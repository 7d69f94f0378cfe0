"""Budget allocation for Markov decision processes, with certificates.

Nouns and verbs are imported when they are first used, so `import optbudget` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from optbudget import _numba_home

__version__ = "0.1.0"

if TYPE_CHECKING:
    from optbudget.allocation import allocate
    from optbudget.budgeted import solve, strict_curve
    from optbudget.certify import verify
    from optbudget.curves import Curve, Curves
    from optbudget.errors import OptBudgetError, ProblemError
    from optbudget.files import load, save
    from optbudget.planning import chance_constrained, explain, mean_variance, spend_risk
    from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Knapsack, Population
    from optbudget.report import plot

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
    "chance_constrained": "planning",
    "explain": "planning",
    "load": "files",
    "mean_variance": "planning",
    "plot": "report",
    "save": "files",
    "solve": "budgeted",
    "spend_risk": "planning",
    "strict_curve": "budgeted",
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
    "chance_constrained",
    "explain",
    "load",
    "mean_variance",
    "plot",
    "save",
    "solve",
    "spend_risk",
    "strict_curve",
    "verify",
]

_numba_home.prepare()


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'optbudget' has no attribute {name!r}")
    return getattr(import_module(f"optbudget.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
