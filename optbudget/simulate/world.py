"""A unit problem as the roll-outs read it."""

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP
from optbudget.simulate._step_kernels import World
from optbudget.simulate.reserves import reserves


def world_of(problem: BudgetedMDP) -> World:
    """The arrays of a problem with a finite horizon, with what must be kept back at each stage."""
    kept = reserves(problem)
    return World(
        problem.pair_ptr, problem.pair_row, problem.cost, problem.pair_reward, problem.row_ptr,
        problem.next_state, _chances(problem), problem.terminal_utility, kept.extra, kept.least,
        problem.discount, problem.cost_discount,
    )  # fmt: skip


def _chances(problem: BudgetedMDP) -> NDArray[np.float64]:
    """(z,): probability of each entry of a row given that none before it came; the last has the rest."""
    p, row_ptr = problem.probability, problem.row_ptr
    if p.size == 0:
        return np.empty(0)
    total = np.cumsum(p)
    before = np.concatenate(([0.0], total))[row_ptr]
    rest = np.repeat(before[1:] - before[:-1], np.diff(row_ptr)) - (
        np.concatenate(([0.0], total[:-1])) - np.repeat(before[:-1], np.diff(row_ptr))
    )
    return np.asarray(np.minimum(1.0, p / np.maximum(rest, p)))
