"""A policy of one's own over a population, acted out under the same draws as the others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP
from optbudget.simulate import _step_kernels as kernels
from optbudget.simulate._money_kernels import over_down

Integers = NDArray[np.int64]
PopulationPolicy = Callable[[int, Integers, float], ArrayLike]
"""From (stage, units in each state (n,), money left) to units that take each pair (m,)."""


def own_trial(
    problem: BudgetedMDP,
    world: kernels.World,
    policy: PopulationPolicy,
    name: str,
    start: Integers,
    money: float,
    key: tuple[int, int],
    spend: NDArray[np.float64],
) -> float:
    """One trial: fills spend (T,), returns the discounted value. Money left may go below 0."""
    counts = start[None, :].copy()
    value, weight = 0.0, 1.0
    for stage in range(spend.size):
        wanted = policy(stage, counts[0].copy(), money)
        taken = checked_units(problem, wanted, counts[0], f"policy {name!r}, stage {stage}")
        money = over_down(kernels.paid(world, taken, money), problem.cost_discount)
        reward, spend[stage], ended = kernels.move(world, taken[None, :], key, stage, counts)
        value += weight * (reward + problem.discount * ended)
        weight *= problem.discount
    return value + weight * float(kernels.last_worth(world, counts))


def checked_units(problem: BudgetedMDP, wanted: ArrayLike, counts: Integers, where: str) -> Integers:
    """Units that take each pair as int64, (m,).

    Raises
    ------
    UsageError
        Unless they are whole numbers >= 0 that add up, in each state, to the units there.
    """
    given = np.asarray(wanted)
    if given.shape != problem.cost.shape:
        raise UsageError(f"{where}: units by pair must have shape {problem.cost.shape}; got {given.shape}")
    taken = given.astype(np.int64)
    if (taken != given).any() or (taken < 0).any():
        pair = int(np.flatnonzero((taken != given) | (taken < 0))[0])
        state, action = problem.labels[problem.pair_state[pair]], problem.actions[problem.pair_action[pair]]
        raise UsageError(
            f"{where}: {given[pair]} units of {state!r} take {action!r}; a whole number >= 0 is needed"
        )
    acting = np.bincount(problem.pair_state, taken, minlength=problem.n_states).astype(np.int64)
    there = np.where(problem.is_terminal, 0, counts)
    wrong = np.flatnonzero(acting != there)
    if wrong.size:
        i = int(wrong[0])
        raise UsageError(f"{where}: {acting[i]} units act in {problem.labels[i]!r}, and {there[i]} can")
    return taken
