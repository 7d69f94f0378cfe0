"""Acting over a population, trial by trial: what policies are worth and spend, beside the bound.

The Gymnasium environment is imported when it is first used, and needs Gymnasium.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from optbudget.simulate.own import PopulationPolicy
from optbudget.simulate.repeated import repeatable, repeated
from optbudget.simulate.simulate import POLICIES, simulate

if TYPE_CHECKING:
    from optbudget.simulate.environment import PopulationEnv

__all__ = ["POLICIES", "PopulationEnv", "PopulationPolicy", "repeatable", "repeated", "simulate"]


def __getattr__(name: str) -> object:
    if name == "PopulationEnv":
        return getattr(import_module("optbudget.simulate.environment"), name)
    raise AttributeError(f"module 'optbudget.simulate' has no attribute {name!r}")
