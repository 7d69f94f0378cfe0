"""Is a budget worth a value? Yes, no, or too close to call.

The answer at the budget is achieved up to the rounding of its evaluation, and its bound is proved:

* **yes** if the value, less a bound on that rounding, is at least what is asked for;
* **no** if the proved bound is below it, or no policy keeps the budget;
* **undecided** between the two. A comparison of two rounded numbers would always answer, and be wrong
  there half of the time.

Rounding: a policy of T decisions with at most d successors, rewards up to r, terminal utility up to w and
costs up to c is evaluated with an error of at most :math:`e(r, w) = 4 T (d + 8) 2^{-53} (T r + w)` per
unit, and uses at most :math:`e(c, 0)` more money than is said, which at price :math:`\\lambda` is worth
:math:`\\lambda e(c, 0)`; an infinite horizon counts as :math:`1/(1-\\gamma)` decisions. Knapsacks are added
up exactly and have no such margin.
"""

import math
from enum import Enum
from fractions import Fraction

import numpy as np

from optbudget.problems import Allocation, KnapsackAllocation
from optbudget.status import Solution, Termination


class Reach(Enum):
    """Whether a value is reached."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


def reaches(answer: Allocation | KnapsackAllocation, value: float) -> Reach:
    """Whether the budget of an answer is worth at least `value`, as far as that is proved.

    Parameters
    ----------
    answer : of `allocate` or `allocate_knapsack`; an answer without a bound never says no

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.allocation import allocate
    >>> from optbudget.problems import Knapsack, Population
    >>> from optbudget.allocation.knapsack import allocate_knapsack
    >>> third = allocate_knapsack(Knapsack.from_arrays([0, 2], [0, 3], [0, 1]), 1.0)
    >>> reaches(third, 0.3), reaches(third, 0.4), reaches(third, 1 / 3)
    (<Reach.YES: 'yes'>, <Reach.NO: 'no'>, <Reach.UNDECIDED: 'undecided'>)
    """
    if answer.outcome.termination is Termination.INFEASIBLE:
        return Reach.NO
    if answer.outcome.solution is Solution.NONE or math.isnan(value):
        return Reach.UNDECIDED
    if isinstance(answer, KnapsackAllocation):
        sure = answer.exact_value()
    else:
        sure = Fraction(answer.value) - Fraction(rounding(answer))
    if Fraction(value) <= sure if math.isfinite(value) else value < 0:
        return Reach.YES
    return Reach.NO if answer.bound < value else Reach.UNDECIDED


def rounding(answer: Allocation) -> float:
    """By how much the value of an allocation can be off because its policies were evaluated in doubles."""
    problem = answer.curves.problem
    decisions = float(problem.horizon or 0)
    if problem.horizon is None:
        rate = max(problem.discount, problem.cost_discount)
        decisions = 1.0 / (1.0 - rate) if rate < 1 else math.inf
    if decisions == math.inf:
        return math.inf
    width = int(np.diff(problem.row_ptr).max(initial=1))

    def error(each: float, last: float) -> float:
        return 4.0 * (1 + decisions) * (width + 8) * 2.0**-53 * (decisions * each + last)

    reward = float(np.abs(problem.utility).max(initial=0.0)) + float(problem.cost.max(initial=0.0))
    worth = error(reward, float(np.abs(problem.terminal_utility).max(initial=0.0)))
    money = error(float(problem.cost.max(initial=0.0)), 0.0)
    units = float(answer.population.size)
    price = answer.price if math.isfinite(answer.price) else 0.0
    return units * (worth + price * money) * (1.0 + 2.0**-20)
