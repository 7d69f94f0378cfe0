"""The two ends of every curve, by plain dynamic programming that shares nothing with the solvers.

Finite horizon: one backward recursion each. Infinite horizon: policy iteration with dense linear algebra,
for discounts below 1 and up to `DENSE` states; otherwise None.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]

DENSE = 300
TIED = 1e-12
"""Costs that differ by less than this, relatively, are equal."""


def unlimited(problem: BudgetedMDP) -> Floats | None:
    """Value of every state with money without end, (n,).

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> unlimited(two_action_example(horizon=2)).round(9), unlimited(two_action_example()).round(9)
    (array([19.]), array([100.]))
    """
    if problem.horizon is None:
        return _stationary(problem)
    value = problem.terminal_utility.copy()
    for _ in range(problem.horizon):
        worth = problem.pair_reward + problem.discount * _expected(problem, value)
        value = _best(problem, worth, problem.terminal_utility)
    return value


def cheapest(problem: BudgetedMDP) -> tuple[Floats, Floats] | None:
    """Least expected spend of every state, and the most value that it allows, each (n,)."""
    if problem.horizon is None:
        return None
    spend, value = np.zeros(problem.n_states), problem.terminal_utility.copy()
    for _ in range(problem.horizon):
        needs = problem.cost + problem.cost_discount * _expected(problem, spend)
        worth = problem.pair_reward + problem.discount * _expected(problem, value)
        spend = -_best(problem, -needs, np.zeros(problem.n_states))
        least = spend[problem.pair_state]
        allowed = needs <= least + TIED * (1.0 + np.abs(least))
        value = _best(problem, np.where(allowed, worth, -np.inf), problem.terminal_utility)
    return spend, value


def _stationary(problem: BudgetedMDP) -> Floats | None:
    if problem.discount >= 1 or problem.n_states > DENSE:
        return None
    transition = np.zeros((problem.cost.size, problem.n_states))
    for pair, row in enumerate(problem.pair_row):
        entries = slice(int(problem.row_ptr[row]), int(problem.row_ptr[row + 1]))
        transition[pair, problem.next_state[entries]] = problem.probability[entries]
    acting = np.flatnonzero(~problem.is_terminal)
    choice = problem.pair_ptr[acting].copy()
    for _ in range(1000):
        matrix, right = np.eye(problem.n_states), problem.terminal_utility.copy()
        matrix[acting] -= problem.discount * transition[choice]
        right[acting] = problem.pair_reward[choice]
        value = np.linalg.solve(matrix, right)
        worth = problem.pair_reward + problem.discount * (transition @ value)
        best = _best(problem, worth, problem.terminal_utility)
        if (best <= value + TIED * (1.0 + np.abs(value))).all():
            return np.asarray(value)
        for k, i in enumerate(acting):
            pairs = slice(int(problem.pair_ptr[i]), int(problem.pair_ptr[i + 1]))
            choice[k] = problem.pair_ptr[i] + int(np.argmax(worth[pairs]))
    return None


def _expected(problem: BudgetedMDP, of_state: Floats) -> Floats:
    rows = np.repeat(np.arange(problem.row_ptr.size - 1), np.diff(problem.row_ptr))
    by_row = np.bincount(rows, problem.probability * of_state[problem.next_state], problem.row_ptr.size - 1)
    return np.asarray(by_row[problem.pair_row])


def _best(problem: BudgetedMDP, of_pair: Floats, if_terminal: Floats) -> Floats:
    best = np.full(problem.n_states, -np.inf)
    np.maximum.at(best, problem.pair_state, of_pair)
    return np.where(problem.is_terminal, if_terminal, best)
