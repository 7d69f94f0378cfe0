"""Compiled loops of the exact backup: one block of states, one stage; nothing is checked."""

from typing import NamedTuple

import numpy as np
from numba import njit

from optbudget.curves._kernels import Heads, Segments, envelope, merge, prune


class Model(NamedTuple):
    """The arrays of a problem that a backup reads."""

    pair_ptr: np.ndarray
    pair_action: np.ndarray
    pair_row: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    row_ptr: np.ndarray
    next_state: np.ndarray
    probability: np.ndarray
    discount: float
    cost_discount: float


@njit(cache=True)
def merge_rows(model, rows, child_heads, child, heads, segments):
    """The discounted future of each transition row: successors' curves merged by slope.

    rows (q,) are indices of distinct rows; heads and segments are filled in their order, each from the
    place that `heads.begin` gives. Points are without the cost and reward of an action.
    """
    for q in range(rows.shape[0]):
        low, high = model.row_ptr[rows[q]], model.row_ptr[rows[q] + 1]
        which, weight = model.next_state[low:high], model.probability[low:high]
        count, budget, value, variance, error = merge(
            which,
            weight,
            model.cost_discount,
            model.discount / model.cost_discount,
            child_heads,
            child,
            heads.begin[q],
            segments,
        )
        heads.number[q] = count
        heads.budget[q] = model.cost_discount * budget
        heads.value[q] = model.discount * value
        heads.variance[q] = variance
        heads.joined[q], heads.pruned[q] = error, 0.0
        for e in range(low, high):
            share = model.discount * model.probability[e]
            heads.joined[q] += share * child_heads.joined[model.next_state[e]]
            heads.pruned[q] += share * child_heads.pruned[model.next_state[e]]


@njit(cache=True)
def envelopes(model, states, slot, future_heads, future, rules, start, heads, segments):
    """Curves of `states` (low, high): the upper envelope of their actions' curves, then pruned.

    slot (m,) tells where among the merged rows each pair's row is. Writes segments from `start` on,
    closely packed, and stops before a state that might not fit. Returns (states done, end).
    """
    low, high = states
    end = start
    for i in range(low, high):
        first, last = model.pair_ptr[i], model.pair_ptr[i + 1]
        if first == last:
            heads.begin[i] = end
            continue
        which = slot[first:last]
        room = 0
        joined, pruned = 0.0, 0.0
        for row in which:
            room += future_heads.number[row] + 1
            joined = max(joined, future_heads.joined[row])
            pruned = max(pruned, future_heads.pruned[row])
        if end + room > segments.length.shape[0]:
            return i, end
        count, budget, value, variance, action, lost = envelope(
            which,
            model.cost[first:last],
            model.reward[first:last],
            model.pair_action[first:last],
            future_heads,
            future,
            end,
            segments,
        )
        height = 0.0
        if rules[0] >= 0.0 or rules[1] >= 0.0 or rules[2] >= 0.0:
            count, height = prune(end, count, rules, segments)
        heads.begin[i], heads.number[i] = end, count
        heads.budget[i], heads.value[i] = budget, value
        heads.variance[i], heads.action[i] = variance, action
        heads.joined[i], heads.pruned[i] = joined + lost, pruned + height
        end += count
    return high, end


__all__ = ["Heads", "Model", "Segments", "envelopes", "merge_rows"]
