"""Vector rewards: the environment of departments, Pareto Q-learning, and fronts with certificates.

Departments share only money and a regime that none of them moves, so for every weighting of the objectives
the joint problem is a sum of small ones (`optbudget.problems.Departments`), and the front of all trade-offs
is computed with a proof. What is learned from simulation alone is measured against it.

What is named here is imported when it is first used; the environment needs Gymnasium.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbudget.pareto.environment import DepartmentsEnv
    from optbudget.pareto.evaluation import Worth, evaluate, evaluate_lottery

_HOME = {
    "DepartmentsEnv": "environment",
    "Worth": "evaluation",
    "evaluate": "evaluation",
    "evaluate_lottery": "evaluation",
}

__all__ = ["DepartmentsEnv", "Worth", "evaluate", "evaluate_lottery"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'optbudget.pareto' has no attribute {name!r}")
    return getattr(import_module(f"optbudget.pareto.{_HOME[name]}"), name)
