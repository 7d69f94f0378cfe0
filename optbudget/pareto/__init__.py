"""Vector rewards: the environment of departments, Pareto Q-learning, and fronts with certificates.

Departments share only money and a regime that none of them moves, so for every weighting of the objectives
the joint problem is a sum of small ones (`optbudget.problems.Departments`), and the front of all trade-offs
is computed with a proof. What is learned from simulation alone is measured against it.

What is named here is imported when it is first used; the environment needs Gymnasium.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbudget.pareto.adaptation import Watch
    from optbudget.pareto.belief import Belief
    from optbudget.pareto.department_learning import DepartmentLearner
    from optbudget.pareto.environment import DepartmentsEnv
    from optbudget.pareto.evaluation import Worth, evaluate, evaluate_lottery
    from optbudget.pareto.front import ExactFront, exact_front
    from optbudget.pareto.front_learning import learn_front, learn_fronts
    from optbudget.pareto.huber import bounded_mean, huber_mean
    from optbudget.pareto.hulls import difference, outer
    from optbudget.pareto.learned_front import LearnedFront
    from optbudget.pareto.metrics.budget_efficiency import least_spend
    from optbudget.pareto.n_step import followed_value
    from optbudget.pareto.policy_enumeration import enumerate_policies
    from optbudget.pareto.rule_comparison import compare_rules
    from optbudget.pareto.set_learning import SetLearner
    from optbudget.pareto.weights import department_weights, weight_points

_HOME = {
    "Belief": "belief",
    "DepartmentLearner": "department_learning",
    "DepartmentsEnv": "environment",
    "ExactFront": "front",
    "LearnedFront": "learned_front",
    "SetLearner": "set_learning",
    "Watch": "adaptation",
    "Worth": "evaluation",
    "bounded_mean": "huber",
    "compare_rules": "rule_comparison",
    "department_weights": "weights",
    "difference": "hulls",
    "enumerate_policies": "policy_enumeration",
    "evaluate": "evaluation",
    "evaluate_lottery": "evaluation",
    "exact_front": "front",
    "followed_value": "n_step",
    "huber_mean": "huber",
    "learn_front": "front_learning",
    "learn_fronts": "front_learning",
    "least_spend": "metrics.budget_efficiency",
    "outer": "hulls",
    "weight_points": "weights",
}

__all__ = [
    "Belief",
    "DepartmentLearner",
    "DepartmentsEnv",
    "ExactFront",
    "LearnedFront",
    "SetLearner",
    "Watch",
    "Worth",
    "bounded_mean",
    "compare_rules",
    "department_weights",
    "difference",
    "enumerate_policies",
    "evaluate",
    "evaluate_lottery",
    "exact_front",
    "followed_value",
    "huber_mean",
    "learn_front",
    "learn_fronts",
    "least_spend",
    "outer",
    "weight_points",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'optbudget.pareto' has no attribute {name!r}")
    return getattr(import_module(f"optbudget.pareto.{_HOME[name]}"), name)
