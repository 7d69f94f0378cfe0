"""The best split in which nobody is randomised: every unit at a useful budget of its curve.

The problem is a knapsack whose groups are the states and whose options are their useful budgets (Boutilier
& Lu 2016, section 5.1, the integral problem). Its bound is over such splits alone; what policies can do
within the same budget in expectation is bounded by the relaxation, which the message names.
"""

import math
from fractions import Fraction

import numpy as np

from optbudget.allocation.knapsack import allocate_knapsack
from optbudget.problems import Allocation, CurveSet, Knapsack, Population
from optbudget.status import Outcome, Solution
from optbudget.workers import Monitor


def whole_split(
    curves: CurveSet, population: Population, budget: float, *, monitor: Monitor | None = None
) -> Allocation:
    """The best split of a budget that covers the least feasible ones; see `allocate`, method "ip"."""
    problem = Knapsack.from_curves(curves, population)
    found = allocate_knapsack(problem, budget, method="ip", monitor=monitor)
    certified = curves.outcome.solution is Solution.CERTIFIED
    left = math.inf if math.isinf(budget) else float(Fraction(budget) - found.exact_spend())
    return Allocation(
        curves, population, budget, problem.group_of[found.option], found.count,
        problem.cost[found.option], problem.value[found.option], np.ones(found.option.size),
        curves.first_action[found.option], value=found.value, bound=found.bound, price=found.price,
        spent=found.spent, unspent=left, why_unspent=found.why_unspent, method="ip",
        outcome=found.outcome if certified else Outcome(found.outcome.termination, Solution.FEASIBLE),
    )  # fmt: skip
