"""The Lagrangian index of what a unit may do: its advantage by money, at the price of the split.

With the budget priced at :math:`\\lambda`, a unit is worth :math:`w_k(i) = \\max_a Q_k(i, a)`,

.. math:: Q_k(i, a) = r_i^a - \\lambda_k c_i^a + \\gamma \\sum_j p_{ij}^a w_{k+1}(j),
          \\qquad \\lambda_k = \\lambda (\\gamma_c / \\gamma)^k.

The index of a pair is :math:`(Q_k(i, a) - Q_k(i, a_0)) / (R_k(i, a) - R_k(i, a_0))`, with :math:`a_0` the
pair that needs least and R the need of `optbudget.simulate.reserves`: what the last money that is left buys
first.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP
from optbudget.simulate._step_kernels import World

Floats = NDArray[np.float64]


def lagrangian_index(problem: BudgetedMDP, world: World, price: float) -> Floats:
    """(T, m): the index of each pair at each stage, value per money; inf where nothing more is needed."""
    horizon = problem.horizon or 0
    index = np.full((horizon, problem.cost.size), np.inf)
    acting = np.flatnonzero(~problem.is_terminal)
    if acting.size == 0:
        return index
    first = problem.pair_ptr[acting]
    worth = problem.terminal_utility.copy()
    rate = np.log(problem.cost_discount) - np.log(problem.discount)
    for stage in reversed(range(horizon)):
        now = price * np.exp(min(stage * rate, 600.0))
        q = problem.pair_reward - now * problem.cost + problem.discount * problem.expected(worth)
        free = world.extra[stage] <= 0
        base = np.maximum.reduceat(np.where(free, q, -np.inf), first)
        ahead = q - np.repeat(base, np.diff(problem.pair_ptr)[acting])
        np.divide(ahead, world.extra[stage], out=index[stage], where=~free)
        worth = problem.terminal_utility.copy()
        worth[acting] = np.maximum.reduceat(q, first)
    return index
