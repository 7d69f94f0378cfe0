"""The variance of what stationary policies spend, each with a bound on its error.

A policy's spend b and its second moment z solve

.. math:: b = c_\\pi + \\gamma_c P_\\pi b, \\qquad
          z = c_\\pi^2 + 2 c_\\pi \\gamma_c P_\\pi b + \\gamma_c^2 P_\\pi z,

and the variance is :math:`z - b^2`. Both are solved here, from nothing but the problem and the policy.
With m as in :mod:`optbudget.certify.stationary`, whatever leaves residuals :math:`\\epsilon_b` and
:math:`\\epsilon_z` is off by at most :math:`\\delta = \\epsilon_b m` and
:math:`(\\epsilon_z + 2 \\delta \\max c) m`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.rows import Rows
from optbudget.problems import BudgetedMDP, StationaryWitness

Floats = NDArray[np.float64]

DENSE = 200
"""Up to so many states the equations are solved as they stand; beyond, by iteration."""

BATCH = 32
"""Policies looked at together."""

WORK = 1 << 31
"""Products after which no further policies are looked at: a spread of them has to do."""

ACCURACY = 1e-11
"""Relative error at which an iteration stops."""

WIDEST = 1e-5
"""Share of a policy's largest second moment beyond which a bound on the error says nothing."""


def stationary_variances(
    problem: BudgetedMDP, rows: Rows, witness: StationaryWitness, m: Floats
) -> tuple[Floats, Floats]:
    """Variance of each policy of a witness in each state, (n, K), and by how much it may be off, (K,).

    `m` (n,) bounds the discounted number of decisions to come. The error is inf where nothing is known.
    The room also covers a variance worked out from the spends of the witness instead of exact ones.
    """
    n, size = problem.n_states, witness.price.size
    variance, room = np.zeros((n, size)), np.full(size, np.inf)
    if problem.cost.size == 0:
        return variance, np.zeros(size)
    rate = problem.cost_discount * rows.largest_sum
    steps = math.log(1 / ACCURACY) * (min(1 / -math.log(rate), m.max()) if 0 < rate < 1 else m.max(initial=0))
    steps = 2.0 if n <= DENSE else max(2.0, 2 * steps)
    likely = min(steps, 2 + steps / 4)
    most = int(WORK / (2 * likely * max(1, problem.next_state.size) + (n**3 if n <= DENSE else 0)))
    if most < 1:
        return variance, room
    chosen = np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64))
    for begin in range(0, chosen.size, BATCH):
        k = chosen[begin : begin + BATCH]
        variance[:, k], room[k] = _solved(problem, rows, witness, k, m, int(steps))
    return variance, room


def _solved(
    problem: BudgetedMDP, rows: Rows, witness: StationaryWitness, k: NDArray[np.int64], m: Floats, steps: int
) -> tuple[Floats, Floats]:
    """The same for a few policies."""
    policy = np.maximum(witness.policy[k].T, 0)
    going = ((m > 0) & ~problem.is_terminal)[:, None]
    cost = np.where(going, problem.cost[policy], 0.0)
    row = problem.pair_row[policy]
    place = row * k.size + np.arange(k.size)
    rate = problem.cost_discount

    def ahead(x: Floats) -> Floats:
        return np.where(going, np.take(rows.expect(x), place), 0.0)

    if problem.n_states <= DENSE:
        spend, second = _dense(problem, rows, row, cost, going)
    else:
        spend = np.where(going, witness.spend[k].T, 0.0)
        second = spend**2
    longest, dearest = m.max(initial=0.0), cost.max(axis=0)
    for _ in range(steps):
        next_spend = ahead(spend) * rate
        next_second = cost * (cost + 2 * next_spend) + rate**2 * ahead(second)
        next_spend += cost
        left_b = np.abs(next_spend - spend).max(axis=0)
        left_z = np.abs(next_second - second).max(axis=0)
        spend, second = next_spend, next_second
        if (left_b * longest <= ACCURACY * spend.max(axis=0)).all() and (
            left_z * longest <= ACCURACY * second.max(axis=0)
        ).all():
            break
    most_b, most_z = spend.max(axis=0), second.max(axis=0)
    unit = 4 * (rows.widest + 8) * ROUNDOFF
    off_b = (left_b + unit * (dearest + 2 * most_b)) * longest
    off_z = (left_z + 2 * dearest * off_b + unit * (dearest * (dearest + 2 * most_b) + 2 * most_z)) * longest
    stated = np.abs(np.where(going, witness.spend[k].T, 0.0) - spend).max(axis=0)
    room = off_z + off_b * (2 * most_b + off_b) + 8 * most_b * stated * longest
    room = np.where(room <= WIDEST * most_z, room, np.where(most_z == 0, 0.0, np.inf))
    return np.maximum(second - spend**2, 0.0), room


def _dense(
    problem: BudgetedMDP, rows: Rows, row: NDArray[np.integer], cost: Floats, going: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Spend and second moment of each policy by linear equations."""
    n, rate = problem.n_states, problem.cost_discount
    table = np.zeros((rows.count, n))
    owner = np.repeat(np.arange(rows.count), np.diff(problem.row_ptr))
    np.add.at(table, (owner, problem.next_state), problem.probability)
    spend, second = np.empty_like(cost), np.empty_like(cost)
    for j in range(cost.shape[1]):
        step = np.where(going & going.T, table[row[:, j]], 0.0)
        own = cost[:, j]
        spend[:, j] = np.linalg.solve(np.eye(n) - rate * step, own)
        moment = own * (2 * spend[:, j] - own)
        second[:, j] = np.linalg.solve(np.eye(n) - rate**2 * step, moment)
    return spend, second
