"""Policy iteration for many prices of money at once, on plain arrays.

For a price :math:`\\lambda` a stationary policy :math:`\\pi` has value and spend

.. math:: v = r_\\pi + \\gamma P_\\pi v, \\qquad b = c_\\pi + \\gamma P_\\pi b,

and is best for that price when no pair improves on :math:`w = v - \\lambda b`:

.. math:: r^a - \\lambda c^a + \\gamma P^a w \\le w \\quad\\text{for all } a.

Policies are evaluated by a dense linear solve where there are few states, else by Gauss-Seidel
sweeps there and back with Anderson's mixing, and by the dense solve again where these are slow. The
stopping rules here only decide when to stop working. What they leave is measured afterwards from
the equations themselves (`optbudget.budgeted.stationary`), so nothing rests on them.

Source: Howard (1960); Puterman & Shin (1978) for evaluations that stop early; Anderson (1965).
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _stationary_kernels as kernels
from optbudget.budgeted._stationary_kernels import Chain

Floats = NDArray[np.float64]
Choice = NDArray[np.int32]

DENSE_STATES = 96
"""Up to here every policy is evaluated by a dense linear solve."""

RESCUE_STATES = 2_500
"""Up to here a policy whose sweeps converge slowly is evaluated by a dense linear solve."""

STEPS_BEFORE_RESCUE = 100
LARGEST_STEPS = 10_000
LARGEST_ROUNDS = 200
COARSE = 1e-4
"""Relative accuracy of evaluations while the policy still changes."""

UNIT = 2.0**-53


def restricted(chain: Chain, keep: NDArray[np.bool_]) -> tuple[Chain, NDArray[np.int64]]:
    """The chain with some of its pairs only, and the index of each kept pair in the old one."""
    kept = np.flatnonzero(keep)
    before = np.concatenate(([0], np.cumsum(keep)))
    return chain._replace(pair_ptr=before[chain.pair_ptr], pair_row=chain.pair_row[kept]), kept


def chosen(table: Floats, choice: Choice) -> Floats:
    """table[choice], and 0 where there is no choice; shape of `choice`."""
    return np.where(choice >= 0, table[np.maximum(choice, 0)] if table.size else 0.0, 0.0)


def look_ahead(chain: Chain, discount: float, gain: Floats, x: Floats) -> Floats:
    """gain + discount * P x of every pair, (m,), for one x (n,)."""
    rows = chain.row_ptr.size - 1
    row_of_entry = np.repeat(np.arange(rows), np.diff(chain.row_ptr))
    ahead = np.bincount(row_of_entry, chain.probability * x[chain.next_state], minlength=rows)
    result: Floats = gain + discount * ahead[chain.pair_row]
    return result


def widest_row(chain: Chain) -> int:
    """Largest number of successors of a pair."""
    return int(np.diff(chain.row_ptr).max(initial=0))


def largest_row_sum(chain: Chain) -> float:
    """An upper bound on the sum of every transition row, its own rounding included."""
    rows = chain.row_ptr.size - 1
    row_of_entry = np.repeat(np.arange(rows), np.diff(chain.row_ptr))
    total = np.bincount(row_of_entry, chain.probability, minlength=rows).max(initial=0.0)
    return float(total) * (1 + (widest_row(chain) + 2) * UNIT)


def first_choice(chain: Chain, width: int) -> Choice:
    """The first pair of each state, -1 where there is none, for `width` policies; (n, width)."""
    first = np.where(np.diff(chain.pair_ptr) > 0, chain.pair_ptr[:-1], -1).astype(np.int32)
    return np.repeat(first[:, None], width, axis=1)


def evaluate(chain: Chain, discount: float, choice: Choice, gain: Floats, x: Floats, accuracy: float) -> None:
    """Solve x = gain + discount * P_choice x, in place; x is the start, and stays where choice is -1.

    Parameters
    ----------
    choice, gain, x : (n, K) arrays
    accuracy : stop when a step moves a column by less than this times its largest entry
    """
    if choice.shape[0] <= DENSE_STATES:
        _solve_dense(chain, discount, choice, gain, x, np.arange(choice.shape[1]))
        return
    rescue = choice.shape[0] <= RESCUE_STATES
    memory = kernels.Memory(*(np.zeros_like(x) for _ in range(6)))
    moved, y = np.empty(x.shape[1]), np.empty_like(x)
    for steps in range(STEPS_BEFORE_RESCUE if rescue else LARGEST_STEPS):
        y[:] = x
        kernels.sweep(chain, discount, choice, gain, y, False)
        kernels.sweep(chain, discount, choice, gain, y, True)
        kernels.mix(x, y, steps, memory, moved)
        moving = moved > max(accuracy, 32 * UNIT) * np.abs(y).max(axis=0)
        if not moving.any():
            x[:] = y
            return
    if rescue:
        _solve_dense(chain, discount, choice, gain, x, np.flatnonzero(moving))


def _solve_dense(
    chain: Chain, discount: float, choice: Choice, gain: Floats, x: Floats, columns: NDArray[np.int64]
) -> None:
    """The same by one linear solve per distinct policy, refined once by its own residual."""
    if columns.size == 0:
        return
    n = choice.shape[0]
    matrix = np.empty((n, n))
    fixed = choice < 0
    groups: dict[bytes, list[int]] = {}
    for k in columns:
        groups.setdefault(np.ascontiguousarray(choice[:, k]).tobytes(), []).append(int(k))
    for group in groups.values():
        kernels.fill_matrix(chain, discount, np.ascontiguousarray(choice[:, group[0]]), matrix)
        right = np.where(fixed[:, group], x[:, group], gain[:, group])
        solved = np.linalg.solve(matrix, right)
        solved += np.linalg.solve(matrix, right - matrix @ solved)
        x[:, group] = np.where(fixed[:, group], x[:, group], solved)


def policy_iteration(
    chain: Chain,
    discount: float,
    reward: Floats,
    cost: Floats,
    price: Floats,
    choice: Choice,
    value: Floats,
    spend: Floats,
    *,
    accuracy: float = 1e-14,
) -> None:
    """Best stationary policies for K finite prices, with their value and spend, all in place.

    Parameters
    ----------
    reward, cost : (m,) per pair
    price : (K,) finite
    choice : (n, K) pairs to start from, -1 in ended states
    value, spend : (n, K) where to start; entries of ended states are what ending there is worth

    Notes
    -----
    Only w = value - price * spend is iterated on, coarsely until the policy stands, then to the
    accuracy; spend and value are solved for once, at the end. A pair must win by more than what the
    evaluation may have left, so exact ties keep the policy they started from and the loop ends.
    Complexity per round: K m d for m pairs of d successors.
    """
    changed = np.empty(price.size, dtype=np.int64)
    width = widest_row(chain)
    w = value - price * spend
    steps = iter((max(accuracy, COARSE), max(accuracy, 4 * (width + 8) * UNIT)))
    accurate = next(steps)
    for _ in range(LARGEST_ROUNDS):
        gain = chosen(reward, choice) - price * chosen(cost, choice)
        scale = np.abs(gain).max(axis=0, initial=0.0) + 2 * np.abs(w).max(axis=0)
        kernels.improve(chain, discount, reward, cost, price, w, accurate * scale, choice, changed)
        if not changed.any():
            accurate = next(steps, 0.0)
            if accurate == 0:
                break
        gain = chosen(reward, choice) - price * chosen(cost, choice)
        evaluate(chain, discount, choice, gain, w, accurate)
    evaluate(chain, discount, choice, chosen(cost, choice), spend, accuracy)
    value[:] = np.where(choice >= 0, w + price * spend, value)
    evaluate(chain, discount, choice, chosen(reward, choice), value, accuracy)
