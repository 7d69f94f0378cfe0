"""Vector rewards: the environment of departments, Pareto Q-learning, and fronts with certificates.

Departments share only money and a regime that none of them moves, so for every weighting of the objectives
the joint problem is a sum of small ones (`optbudget.problems.Departments`), and the front of all trade-offs
is computed with a proof. What is learned from simulation alone is measured against it.

The environment is imported when it is first used, and needs Gymnasium.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbudget.pareto.environment import DepartmentsEnv

__all__ = ["DepartmentsEnv"]


def __getattr__(name: str) -> object:
    if name == "DepartmentsEnv":
        return getattr(import_module("optbudget.pareto.environment"), name)
    raise AttributeError(f"module 'optbudget.pareto' has no attribute {name!r}")
