"""A common step of money: the largest amount of which every cost is a whole multiple.

Costs are read as they are written, so 0.1 is a tenth and not the double next to it; the step is the greatest
common divisor of these rationals. With a discount of spend below 1 a cost at stage k weighs
:math:`\\gamma_c^k c`, and no useful step divides all of these; then money is counted in steps of one's own
choice, each weighed cost rounded up or down.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP
from optbudget.problems.spend_law import Rounding, as_written

MOST_STEPS = 2**22
"""Steps of a grid that one unit's dearest course may take."""

BEYOND = 2**40
"""Steps that are more than any law or strict budget counts."""


class Grid(NamedTuple):
    """Costs counted in steps of money.

    Attributes
    ----------
    step : money
    shift : (T, m) int64; whole steps that a pair costs at each stage; (1, m) if the same at all
    rounding : what was done to costs between two points of the grid
    """

    step: Fraction
    shift: NDArray[np.int64]
    rounding: Rounding


def common_step(costs: Iterable[float]) -> Fraction | None:
    """Greatest common divisor of amounts as they are written; None if all are 0.

    Examples
    --------
    >>> common_step([0.5, 2.0, 0.0, 3.5]), common_step([0.1, 0.25])
    (Fraction(1, 2), Fraction(1, 20))
    """
    exact = [as_written(cost) for cost in costs if cost]
    if not exact:
        return None
    below = math.lcm(*(amount.denominator for amount in exact))
    above = math.gcd(*(amount.numerator * (below // amount.denominator) for amount in exact))
    return Fraction(above, below)


def cost_grid(problem: BudgetedMDP, pairs: NDArray[np.int64] | None = None) -> Grid | str:
    """The grid on which the costs of a finite problem lie, exactly; or why there is none.

    Parameters
    ----------
    problem : with a finite horizon
    pairs : state-action pairs that matter; default: all. Fewer pairs can have a coarser grid

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> cost_grid(two_action_example(horizon=2))
    'costs are discounted by 0.9 a stage, so spends lie on no common grid'
    """
    if problem.horizon is None:
        return "over an infinite horizon spend has no largest amount"
    chosen = np.arange(problem.cost.size) if pairs is None else pairs
    costs = problem.cost[chosen]
    if problem.cost_discount != 1 and problem.horizon > 1 and costs.any():
        return f"costs are discounted by {problem.cost_discount:g} a stage, so spends lie on no common grid"
    step = common_step(np.unique(costs).tolist()) or Fraction(1)
    steps = [as_written(cost) / step for cost in costs.tolist()]
    if max(steps, default=0) * problem.horizon > MOST_STEPS:
        return (
            f"costs have no common step above {float(step):.3g}, and {problem.horizon:,} decisions then take "
            f"more than {MOST_STEPS:,} steps"
        )
    shift = np.zeros(problem.cost.size, dtype=np.int64)
    shift[chosen] = [int(number) for number in steps]
    return Grid(step, shift[None, :], "none")


def rounded_grid(problem: BudgetedMDP, step: Fraction, rounding: Rounding) -> Grid:
    """Costs of a finite problem, weighed by their discount, moved "up" or "down" to a grid of one's own.

    The quotients are rational, so a cost that lies on the grid stays where it is.
    """
    assert problem.horizon is not None
    costs, place = np.unique(problem.cost, return_inverse=True)
    exact = [as_written(cost) / step for cost in costs.tolist()]
    rate = as_written(problem.cost_discount)
    shift = np.zeros((problem.horizon, costs.size), dtype=np.int64)
    for k in range(problem.horizon):
        up = rounding == "up"
        shift[k] = [min(BEYOND, math.ceil(steps) if up else math.floor(steps)) for steps in exact]
        exact = [steps * rate for steps in exact]
    return Grid(step, shift[:, place], rounding)
