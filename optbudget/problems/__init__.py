"""Frozen nouns: each problem beside its answer. They hold and check data; they do not solve."""

from optbudget.problems.allocation import Allocation
from optbudget.problems.arrival_allocation import ArrivalAllocation
from optbudget.problems.arrivals import Arrivals
from optbudget.problems.budget_lines import BudgetLines
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.causal_answer import CausalAnswer
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.certificate import Check, Verification
from optbudget.problems.chance_allocation import ChanceAllocation
from optbudget.problems.constrained_mdp import ConstrainedMDP
from optbudget.problems.curve_band import CurveBand, WorstCase
from optbudget.problems.curve_bracket import CurveBracket
from optbudget.problems.curve_set import CurveSet, StationaryWitness
from optbudget.problems.department_front import DepartmentFront, FrontPoint
from optbudget.problems.department_plan import DepartmentPlan
from optbudget.problems.departments import Departments
from optbudget.problems.effects import Effect, Effects, Estimate
from optbudget.problems.events import EventBatch
from optbudget.problems.front import Front
from optbudget.problems.frontier import DeterministicFrontier
from optbudget.problems.held_risk import HeldRisk, hold_risk, without_risk
from optbudget.problems.history import History
from optbudget.problems.knapsack import Knapsack
from optbudget.problems.knapsack_allocation import KnapsackAllocation
from optbudget.problems.knapsack_totals import Totals
from optbudget.problems.limited_population import LimitedPopulation
from optbudget.problems.limits import GroupLimit, Limits, Multiplier, UnitLimit
from optbudget.problems.linear_program import LinearProgram, LinearSolution
from optbudget.problems.policy import PricePolicy
from optbudget.problems.policy_mixture import Conflict, PolicyMixture
from optbudget.problems.population import Population
from optbudget.problems.risk import RiskTerm
from optbudget.problems.risk_budget import with_risk_budget
from optbudget.problems.rollouts import Rollouts, RolloutSummary
from optbudget.problems.side_effects import SideEffect, SideEffects
from optbudget.problems.spend_law import SpendLaw
from optbudget.problems.spend_risk import SpendRisk
from optbudget.problems.stage_budgets import StageBudgets
from optbudget.problems.strict_curve import StrictCurve
from optbudget.problems.structural_model import StructuralModel
from optbudget.problems.transition_counts import TransitionCounts
from optbudget.problems.transition_intervals import TransitionIntervals

__all__ = [
    "Allocation",
    "BudgetLines",
    "ArrivalAllocation",
    "Arrivals",
    "BudgetedMDP",
    "CausalAnswer",
    "CausalGraph",
    "CausalQuestion",
    "ChanceAllocation",
    "Check",
    "Conflict",
    "ConstrainedMDP",
    "CurveBand",
    "CurveBracket",
    "CurveSet",
    "DepartmentFront",
    "DepartmentPlan",
    "Departments",
    "DeterministicFrontier",
    "Effect",
    "Effects",
    "Estimate",
    "EventBatch",
    "Front",
    "FrontPoint",
    "GroupLimit",
    "HeldRisk",
    "History",
    "Knapsack",
    "KnapsackAllocation",
    "LimitedPopulation",
    "Limits",
    "LinearProgram",
    "LinearSolution",
    "ModelFolder",
    "PolicyMixture",
    "Multiplier",
    "Population",
    "PricePolicy",
    "RiskTerm",
    "StageBudgets",
    "RolloutSummary",
    "Rollouts",
    "SideEffect",
    "SideEffects",
    "SpendLaw",
    "SpendRisk",
    "StationaryWitness",
    "StrictCurve",
    "StructuralModel",
    "Totals",
    "UnitLimit",
    "TransitionCounts",
    "TransitionIntervals",
    "Verification",
    "WorstCase",
    "hold_risk",
    "with_risk_budget",
    "without_risk",
]
