"""How much money must be kept back so that no path overspends, whatever chance does.

With `c` the cost of a pair and :math:`J` the states it can lead to, what a unit needs at least in the worst
case is

.. math:: L_k(i) = \\min_a R_k(i, a), \\qquad R_k(i, a) = c_i^a + \\gamma_c \\max_{j \\in J(i, a)} L_{k+1}(j),
          \\qquad L_T = 0.

While the money left is at least :math:`\\sum_i n_i L_k(i)`, all units can go on to the end without
overspending, and a unit may take pair a if what is left beyond that sum covers :math:`R_k(i, a) - L_k(i)`.
Where every state has a free action, L = 0 and R is the cost: a unit may take what the money left pays for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]

ROOM = 1e-12
"""Relative room for rounding in what is kept back; none where nothing is, or sums of costs are exact."""


@dataclass(frozen=True, eq=False)
class Reserves:
    """Worst-case needs, money at each stage.

    Attributes
    ----------
    extra : (T, m) what each pair needs beyond the least of its state, R - L, >= 0
    least : (T, n) L; 0 in terminal states
    pair : (T, n) int64; the pair that needs least, the first of equals; -1 in terminal states
    """

    extra: Floats
    least: Floats
    pair: NDArray[np.int64]


def reserves(problem: BudgetedMDP) -> Reserves:
    """Worst-case needs of every stage of a finite horizon.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> reserves(two_action_example(horizon=2)).extra
    array([[1., 0.],
           [1., 0.]])
    """
    assert problem.horizon is not None
    acting = np.flatnonzero(~problem.is_terminal)
    room = 0.0 if _exact_sums(problem) else ROOM
    extra = np.zeros((problem.horizon, problem.cost.size))
    least = np.zeros((problem.horizon, problem.n_states))
    pair = np.full((problem.horizon, problem.n_states), -1, dtype=np.int64)
    ahead = np.zeros(problem.n_states)
    for stage in reversed(range(problem.horizon)):
        worst = np.maximum.reduceat(ahead[problem.next_state], problem.row_ptr[:-1]) if acting.size else ahead
        need = problem.cost + problem.cost_discount * (1.0 + room) * worst[problem.pair_row]
        if acting.size:
            least[stage, acting] = np.minimum.reduceat(need, problem.pair_ptr[acting])
        extra[stage] = need - least[stage, problem.pair_state]
        kept = (worst[problem.pair_row] > 0) | (least[stage, problem.pair_state] > 0)
        extra[stage, kept] *= 1.0 + room
        lowest = np.flatnonzero(extra[stage] == 0.0)[::-1]
        pair[stage, problem.pair_state[lowest]] = lowest
        ahead = least[stage]
    return Reserves(extra, least, pair)


def _exact_sums(problem: BudgetedMDP) -> bool:
    """Whether sums of costs are exact in doubles: multiples of 2^-20, not discounted, and not too large."""
    steps = problem.cost * 2.0**20
    return problem.cost_discount == 1.0 and bool((steps == np.round(steps)).all() and (steps < 2.0**40).all())
