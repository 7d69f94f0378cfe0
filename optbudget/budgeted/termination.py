"""Whether every policy ends, and how long it can last: what stands for 1 / (1 - discount).

Let m solve, over all pairs of the states that go on,

.. math:: m \\ge 1 + \\gamma P^a m \\text{ for every } a, \\qquad m \\ge 0,

so that m(s) is at least the discounted number of decisions still to come, whatever is done. If a
candidate w is missed by at most :math:`\\rho` in every pair, :math:`r^a + \\gamma P^a w \\le w + \\rho`,
then :math:`w + \\rho m` is missed nowhere, and lies above the value of every policy. Likewise an x with
:math:`|g + \\gamma P_\\pi x - x| \\le \\epsilon` is within :math:`\\epsilon m` of the solution.

With :math:`\\gamma\\sigma < 1`, :math:`\\sigma` the largest row sum, :math:`m = 1/(1 - \\gamma\\sigma)`. With
:math:`\\gamma = 1` it exists only if every policy ends: reaches, with probability 1, a terminal state or
a state at rest, where nothing is earned or spent any more whatever is done. No policy avoids the end
exactly if no set of other states can be kept for ever, each by some pair that leads nowhere else;
then the largest expected number of decisions is found by policy iteration and checked against the
inequality above, with its rounding.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._stationary_kernels import Chain
from optbudget.budgeted.policy_iteration import (
    UNIT,
    first_choice,
    largest_row_sum,
    look_ahead,
    policy_iteration,
    restricted,
    widest_row,
)
from optbudget.errors import IllPosedError
from optbudget.problems import BudgetedMDP
from optbudget.problems.endings import require_termination, resting_states

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def chain_of(problem: BudgetedMDP) -> Chain:
    """Where the pairs of a problem lead."""
    return Chain(problem.pair_ptr, problem.pair_row, problem.row_ptr, problem.next_state, problem.probability)


def longest(problem: BudgetedMDP, discount: float) -> tuple[Floats, Mask]:
    """m >= 1 + discount * P_a m for every pair, proved with rounding, and the states where all has ended.

    Returns
    -------
    m : (n,) bounds the discounted number of decisions to come; 0 in ended states
    ended : (n,) bool; terminal states and, where discount = 1, states at rest

    Raises
    ------
    IllPosedError
        If the discount does not contract and some policy need not end.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> m, ended = longest(two_action_example(), 0.9)
    >>> m.round(9), ended
    (array([10.]), array([False]))
    """
    chain = chain_of(problem)
    rate = discount * largest_row_sum(chain)
    if discount < 1 and rate < 1:
        m = np.full(problem.n_states, 1 / (1 - rate) * (1 + 8 * UNIT))
        return np.where(problem.is_terminal, 0.0, m), problem.is_terminal
    require_termination(problem)
    ended = problem.is_terminal | resting_states(problem)
    live, _ = restricted(chain, ~ended[problem.pair_state])
    choice = first_choice(live, 1)
    m = np.zeros((problem.n_states, 1))
    ones = np.ones(live.pair_row.size)
    policy_iteration(live, discount, ones, np.zeros_like(ones), np.zeros(1), choice, m, np.zeros_like(m))
    found, pairs = m[:, 0], ~ended[problem.pair_state]
    missing = look_ahead(live, discount, ones, found) - found[problem.pair_state[pairs]]
    rounding = (widest_row(live) + 8) * UNIT * (1 + 2 * found.max(initial=0.0))
    slack = max(0.0, float(missing.max(initial=0.0))) + rounding
    if not slack < 0.5:
        raise IllPosedError(
            f"every policy ends, but one may take {found.max():.3g} decisions to do so: too many for "
            "double precision to bound; give a discount below 1"
        )
    return found / (1 - slack) * (1 + 8 * UNIT), ended
