"""Compiled loops of passes with prices by stage and resource, K price vectors together; nothing is checked.

Numbers are counted now: rewards of stage t times discount^t, costs times cost_discount^t, so that a backup
adds without a discount. Arrays have the price vectors as their last, contiguous axis.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Model(NamedTuple):
    """The arrays of a problem with several resources that a pass reads."""

    pair_ptr: np.ndarray
    pair_row: np.ndarray
    row_ptr: np.ndarray
    next_state: np.ndarray
    probability: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    terminal: np.ndarray
    value_rate: np.ndarray
    spend_rate: np.ndarray


@njit(cache=True)
def backward(model, weight, price, future, present, expected, chosen):
    """Value of every state at the price vectors, and the pairs that are best.

    weight (K,) multiplies all rewards; price (T, 1 + R, K); future, present (n, K) scratch; expected
    (rows, K) scratch; chosen (T, n, K) is filled, -1 in terminal states. Returns the values now, which are
    one of the two scratch arrays.
    """
    stages, n, count = chosen.shape
    score = np.empty(count)
    for i in range(n):
        for k in range(count):
            future[i, k] = weight[k] * model.value_rate[stages] * model.terminal[i]
    for stage in range(stages - 1, -1, -1):
        for row in range(model.row_ptr.shape[0] - 1):
            for k in range(count):
                expected[row, k] = 0.0
            for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
                p, j = model.probability[e], model.next_state[e]
                for k in range(count):
                    expected[row, k] += p * future[j, k]
        for i in range(n):
            first = model.pair_ptr[i]
            if first == model.pair_ptr[i + 1]:
                for k in range(count):
                    present[i, k] = weight[k] * model.value_rate[stage] * model.terminal[i]
                    chosen[stage, i, k] = -1
            for pair in range(first, model.pair_ptr[i + 1]):
                row, earned = model.pair_row[pair], model.value_rate[stage] * model.reward[pair]
                for k in range(count):
                    score[k] = weight[k] * earned + expected[row, k]
                for r in range(model.cost.shape[0]):
                    paid = model.spend_rate[stage] * model.cost[r, pair]
                    if paid != 0.0:
                        for k in range(count):
                            score[k] -= price[stage, r, k] * paid
                if pair == first:
                    for k in range(count):
                        present[i, k], chosen[stage, i, k] = score[k], pair
                else:
                    for k in range(count):
                        better = score[k] > present[i, k]
                        present[i, k] = score[k] if better else present[i, k]
                        chosen[stage, i, k] = pair if better else chosen[stage, i, k]
        future, present = present, future
    return future


@njit(cache=True)
def forward(model, chosen, start, reached, ahead, mass, value, use):
    """What a population does under K policies: value (K,) and use of resources (T, 1 + R, K) are filled.

    start (n,) units in each state; reached, ahead (n, K) and mass (rows, K) are scratch.
    """
    stages, n, count = chosen.shape
    value[:] = 0.0
    use[:] = 0.0
    for i in range(n):
        for k in range(count):
            reached[i, k] = start[i]
    for stage in range(stages):
        mass[:] = 0.0
        ahead[:] = 0.0
        for i in range(n):
            if model.pair_ptr[i] == model.pair_ptr[i + 1]:
                for k in range(count):
                    value[k] += reached[i, k] * model.value_rate[stage] * model.terminal[i]
                continue
            for k in range(count):
                pair = chosen[stage, i, k]
                number = reached[i, k]
                mass[model.pair_row[pair], k] += number
                value[k] += number * model.value_rate[stage] * model.reward[pair]
                for r in range(model.cost.shape[0]):
                    use[stage, r, k] += number * model.spend_rate[stage] * model.cost[r, pair]
        for row in range(model.row_ptr.shape[0] - 1):
            for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
                p, j = model.probability[e], model.next_state[e]
                for k in range(count):
                    ahead[j, k] += p * mass[row, k]
        reached, ahead = ahead, reached
    for i in range(n):
        for k in range(count):
            value[k] += reached[i, k] * model.value_rate[stages] * model.terminal[i]
