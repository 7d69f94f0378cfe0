"""Compiled loops of the price sweep: arrays in, outputs filled, nothing checked.

Prices travel together as the innermost axis of every array, LANES of them, so a transition row is
read once for all of them, and no number depends on which prices share a batch. Parallel loops cut
states and rows into chunks that only write what is their own: no number depends on the threads.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange

LANES = 16
"""Prices per batch: eight doubles fill a vector register, and two of them are in flight."""

SPEND, VALUE, VARIANCE, SIZE = 0, 1, 2, 3
"""Middle axis of every table of futures. SIZE, the sum of absolute rewards, is kept at the ends only."""

LEAST, MOST = 0, 1
"""The two lanes of a pass at the ends: price infinity (least spend) and price 0 (most value)."""

UNIT = 2.0**-53


class Rows(NamedTuple):
    """The distinct transition rows, as in `BudgetedMDP`."""

    ptr: np.ndarray
    state: np.ndarray
    probability: np.ndarray


class Pairs(NamedTuple):
    """The state-action pairs, as in `BudgetedMDP`; `action` is the name's index."""

    ptr: np.ndarray
    row: np.ndarray
    action: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    terminal: np.ndarray


class Rates(NamedTuple):
    """Scalars of the recursion.

    sum_high : no less than the largest row sum
    rounding : relative rounding of one backup, of value and of spend
    nearest : relative difference of two computed spends that may be equal, per stage to go
    """

    discount: float
    cost_discount: float
    sum_high: float
    rounding: float
    nearest: float
    cost_high: float
    reward_high: float


@njit(cache=True, error_model="numpy")
def row_products(low, high, rows, future, product):
    """Expectation over each row of everything that is kept of the future.

    Shapes: future (n, C, lanes), product (R, C, lanes). The variance is that of the mixture,
    sum p (var' + (b' - m)^2) with m = sum p b', computed around m.
    """
    parts, lanes = future.shape[1], future.shape[2]
    total = np.empty((parts, lanes))
    for row in range(low, high):
        total[:] = 0.0
        for entry in range(rows.ptr[row], rows.ptr[row + 1]):
            state, p = rows.state[entry], rows.probability[entry]
            for part in range(parts):
                if part != VARIANCE:
                    for lane in range(lanes):
                        total[part, lane] += p * future[state, part, lane]
        for entry in range(rows.ptr[row], rows.ptr[row + 1]):
            state, p = rows.state[entry], rows.probability[entry]
            for lane in range(lanes):
                away = future[state, SPEND, lane] - total[SPEND, lane]
                total[VARIANCE, lane] += p * (future[state, VARIANCE, lane] + away * away)
        for part in range(parts):
            for lane in range(lanes):
                product[row, part, lane] = total[part, lane]


@njit(cache=True, error_model="numpy")
def choose(low, high, pairs, rates, weights, product, present, chosen, peak):
    """Best pair of each state against each price; of equally good ones, the one that spends least.

    Shapes: weights (2, lanes), the factors of value and spend, the larger of them 1; product
    (R, 3, lanes); present (n, 3, lanes) and chosen (n, lanes), the pair, are filled; peak
    (2, lanes) is raised to the largest |spend| and |value| in [low, high).

    Two pairs are compared by the signs of differences, alpha (v - v*) against beta (b - b*), as
    a crossing of prices is computed, so that walking never meets a crossing it has passed.
    """
    lanes = present.shape[2]
    best = np.empty((3, lanes))
    pick = np.empty(lanes, dtype=np.int32)
    for state in range(low, high):
        first = pairs.ptr[state]
        if pairs.ptr[state + 1] == first:
            for lane in range(lanes):
                best[SPEND, lane] = 0.0
                best[VALUE, lane] = pairs.terminal[state]
                best[VARIANCE, lane] = 0.0
                pick[lane] = -1
        for pair in range(first, pairs.ptr[state + 1]):
            row, cost, reward = pairs.row[pair], pairs.cost[pair], pairs.reward[pair]
            for lane in range(lanes):
                spend = cost + rates.cost_discount * product[row, SPEND, lane]
                value = reward + rates.discount * product[row, VALUE, lane]
                more = spend - best[SPEND, lane]
                gain = value - best[VALUE, lane]
                worth = weights[0, lane] * gain - weights[1, lane] * more
                better = (
                    (pair == first) | (worth > 0) | ((worth == 0) & ((more < 0) | ((more == 0) & (gain > 0))))
                )
                best[SPEND, lane] = spend if better else best[SPEND, lane]
                best[VALUE, lane] = value if better else best[VALUE, lane]
                best[VARIANCE, lane] = product[row, VARIANCE, lane] if better else best[VARIANCE, lane]
                pick[lane] = pair if better else pick[lane]
        square = rates.cost_discount * rates.cost_discount
        for lane in range(lanes):
            present[state, SPEND, lane] = best[SPEND, lane]
            present[state, VALUE, lane] = best[VALUE, lane]
            present[state, VARIANCE, lane] = square * best[VARIANCE, lane]
            chosen[state, lane] = pick[lane]
            peak[0, lane] = max(peak[0, lane], abs(best[SPEND, lane]))
            peak[1, lane] = max(peak[1, lane], abs(best[VALUE, lane]))


@njit(cache=True, error_model="numpy")
def crossings(pairs, rates, product, present, chosen, scale, tie, below):
    """Raise `below` (lanes,) to the highest price under which another pair is better somewhere.

    `scale` is the price at this stage over the price now; spends closer than `tie` times the
    larger are one. Only pairs that spend more can win at a lower price.
    """
    for state in range(present.shape[0]):
        for pair in range(pairs.ptr[state], pairs.ptr[state + 1]):
            row = pairs.row[pair]
            for lane in range(present.shape[2]):
                if chosen[state, lane] == pair:
                    continue
                spend = pairs.cost[pair] + rates.cost_discount * product[row, SPEND, lane]
                gain = (
                    pairs.reward[pair]
                    + rates.discount * product[row, VALUE, lane]
                    - present[state, VALUE, lane]
                )
                more = spend - present[state, SPEND, lane]
                if gain > 0 and more > tie * spend and gain > below[lane] * scale * more:
                    below[lane] = gain / more / scale


@njit(cache=True, error_model="numpy")
def choose_at_ends(low, high, pairs, rates, slack, product, present, chosen, peak, turn, scale):
    """Lexicographic choices: least spend, then most value; and most value, then least spend.

    Shapes: product (R, 4, 2), present (n, 4, 2), chosen (n, 2), peak (3, 2): largest |spend| and
    |value|, and the most that was given up of the first aim for the second. Spends are sums of
    nonnegative terms, so those that are equal differ by at most `slack` times their size when
    computed; values by `slack` times the sum of absolute rewards (SIZE).

    turn (2,): raised to the highest price at which something else beats least spend, and lowered
    to the lowest at which something cheaper beats most value.
    """
    square = rates.cost_discount * rates.cost_discount
    for state in range(low, high):
        first, last = pairs.ptr[state], pairs.ptr[state + 1]
        if first == last:
            for lane in range(2):
                present[state, SPEND, lane] = 0.0
                present[state, VALUE, lane] = pairs.terminal[state]
                present[state, VARIANCE, lane] = 0.0
                present[state, SIZE, lane] = abs(pairs.terminal[state])
                chosen[state, lane] = -1
                peak[1, lane] = max(peak[1, lane], abs(pairs.terminal[state]))
            continue
        least, most, largest = np.inf, -np.inf, 0.0
        for pair in range(first, last):
            row = pairs.row[pair]
            least = min(least, pairs.cost[pair] + rates.cost_discount * product[row, SPEND, LEAST])
            value = pairs.reward[pair] + rates.discount * product[row, VALUE, MOST]
            most = max(most, value)
            largest = max(largest, abs(pairs.reward[pair]) + rates.discount * product[row, SIZE, MOST])
        for lane in range(2):
            pick, best_spend, best_value = -1, np.inf, -np.inf
            for pair in range(first, last):
                row = pairs.row[pair]
                spend = pairs.cost[pair] + rates.cost_discount * product[row, SPEND, lane]
                value = pairs.reward[pair] + rates.discount * product[row, VALUE, lane]
                if lane == LEAST:
                    if spend <= least * (1 + slack) and (
                        value > best_value or (value == best_value and spend < best_spend)
                    ):
                        pick, best_spend, best_value = pair, spend, value
                elif value >= most - slack * largest and (
                    spend < best_spend or (spend == best_spend and value > best_value)
                ):
                    pick, best_spend, best_value = pair, spend, value
            row = pairs.row[pick]
            present[state, SPEND, lane] = best_spend
            present[state, VALUE, lane] = best_value
            present[state, VARIANCE, lane] = square * product[row, VARIANCE, lane]
            present[state, SIZE, lane] = abs(pairs.reward[pick]) + rates.discount * product[row, SIZE, lane]
            chosen[state, lane] = pick
            peak[0, lane] = max(peak[0, lane], best_spend)
            peak[1, lane] = max(peak[1, lane], abs(best_value))
            peak[2, lane] = max(peak[2, lane], best_spend - least if lane == LEAST else most - best_value)
            for pair in range(first, last):
                row = pairs.row[pair]
                spend = pairs.cost[pair] + rates.cost_discount * product[row, SPEND, lane]
                value = pairs.reward[pair] + rates.discount * product[row, VALUE, lane]
                if lane == LEAST and value > best_value and spend > best_spend * (1 + 2 * slack):
                    turn[LEAST] = max(turn[LEAST], (value - best_value) / (spend - best_spend) / scale)
                if lane == MOST and value < best_value and spend < best_spend * (1 - 2 * slack):
                    turn[MOST] = min(turn[MOST], (best_value - value) / (best_spend - spend) / scale)


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_blocks(pairs, rows, rates, weights, scale, tie, slot, kept, kept_pair, peak, below):
    """All stages for several batches, one thread per batch: for problems that stay in the cache.

    Shapes: weights (T, 2, blocks, LANES); scale, tie (T,); slot (T,), where in `kept` a stage goes
    or -1; kept (blocks, slots, n, 3, LANES), kept_pair (blocks, slots, n, LANES), peak
    (blocks, T+1, 2, LANES) and below (blocks, LANES) are filled. With an empty `tie` no
    crossings are looked for.
    """
    stages, blocks, lanes = weights.shape[0], weights.shape[2], weights.shape[3]
    n, count = pairs.ptr.shape[0] - 1, rows.ptr.shape[0] - 1
    for block in prange(blocks):
        future = np.zeros((n, 3, lanes))
        present = np.empty((n, 3, lanes))
        product = np.empty((count, 3, lanes))
        chosen = np.empty((n, lanes), dtype=np.int32)
        for state in range(n):
            for lane in range(lanes):
                future[state, VALUE, lane] = pairs.terminal[state]
                peak[block, stages, 1, lane] = max(peak[block, stages, 1, lane], abs(pairs.terminal[state]))
        for stage in range(stages - 1, -1, -1):
            row_products(0, count, rows, future, product)
            choose(0, n, pairs, rates, weights[stage, :, block], product, present, chosen, peak[block, stage])
            if tie.shape[0] > 0:
                crossings(pairs, rates, product, present, chosen, scale[stage], tie[stage], below[block])
            if slot[stage] >= 0:
                kept[block, slot[stage]] = present
                kept_pair[block, slot[stage]] = chosen
            future, present = present, future


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_rows(chunks, rows, future, product):
    """`row_products` of every row, cut into `chunks` pieces."""
    count = rows.ptr.shape[0] - 1
    for chunk in prange(chunks):
        row_products(chunk * count // chunks, (chunk + 1) * count // chunks, rows, future, product)


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_states(chunks, pairs, rates, weights, product, present, chosen, peak):
    """`choose` for every state, cut into `chunks` pieces; peak (2, lanes) is filled."""
    n = pairs.ptr.shape[0] - 1
    each = np.zeros((chunks, 2, peak.shape[1]))
    for chunk in prange(chunks):
        choose(
            chunk * n // chunks, (chunk + 1) * n // chunks,
            pairs, rates, weights, product, present, chosen, each[chunk],
        )  # fmt: skip
    for chunk in range(chunks):
        for part in range(2):
            for lane in range(peak.shape[1]):
                peak[part, lane] = max(peak[part, lane], each[chunk, part, lane])


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_ends(chunks, pairs, rates, slack, product, present, chosen, peak, turn, scale):
    """`choose_at_ends` for every state, cut into `chunks` pieces; peak (3, 2) and turn (2,) are updated."""
    n = pairs.ptr.shape[0] - 1
    each = np.zeros((chunks, 3, 2))
    turns = np.empty((chunks, 2))
    turns[:, LEAST] = 0.0
    turns[:, MOST] = np.inf
    for chunk in prange(chunks):
        choose_at_ends(
            chunk * n // chunks, (chunk + 1) * n // chunks,
            pairs, rates, slack, product, present, chosen, each[chunk], turns[chunk], scale,
        )  # fmt: skip
    for chunk in range(chunks):
        for part in range(3):
            for lane in range(2):
                peak[part, lane] = max(peak[part, lane], each[chunk, part, lane])
        turn[LEAST] = max(turn[LEAST], turns[chunk, LEAST])
        turn[MOST] = min(turn[MOST], turns[chunk, MOST])
