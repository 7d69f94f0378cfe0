"""Compiled loops of the price sweep: arrays in, outputs filled, nothing checked.

Prices travel together as the innermost axis of every array, a few lanes of them, so a transition row is
read once for all of them, and no number depends on which prices share a batch. Parallel loops cut
states and rows into chunks that only write what is their own: no number depends on the threads.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange

NARROW, WIDE = (0,) * 8, (0,) * 16
"""Lanes that travel together, as tuples of that length: a length that is known when code is compiled.

Eight doubles fill a cache line and a vector register; sixteen are better where memory is what is
waited for, floats above all.
"""

SPEND, VALUE, VARIANCE, SIZE = 0, 1, 2, 3
"""Middle axis of every table of futures. SIZE, the sum of absolute rewards, is kept at the ends only."""

PICK = 3
"""Where a choice is held, as a double, while it is being made."""

TOGETHER = 16
"""Rows, or states, whose memory is asked for before any is worked on; it fits into the first cache."""

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
def row_products(low, high, rows, future, product, width):
    """Expectation over each row of everything that is kept of the future.

    Shapes: future (n, 3, lanes), product (R, 3, lanes). The variance is that of the mixture,
    sum p (var' + (b' - m)^2) with m = sum p b', computed around m. Four successors go at a time, so
    that the running totals are loaded and stored once for the four; terms are added in order.
    """
    lanes = len(width)
    total = np.empty((3, lanes))
    for row in range(low, high):
        total[:] = 0.0
        first, last = rows.ptr[row], rows.ptr[row + 1]
        whole = first + (last - first) // 4 * 4
        for e in range(first, whole, 4):
            i, j = np.uint32(rows.state[e]), np.uint32(rows.state[e + 1])
            k, m = np.uint32(rows.state[e + 2]), np.uint32(rows.state[e + 3])
            p, q = rows.probability[e], rows.probability[e + 1]
            r, s = rows.probability[e + 2], rows.probability[e + 3]
            for x in range(lanes):
                total[SPEND, x] = (
                    total[SPEND, x] + p * future[i, SPEND, x] + q * future[j, SPEND, x]
                    + r * future[k, SPEND, x] + s * future[m, SPEND, x]
                )  # fmt: skip
            for x in range(lanes):
                total[VALUE, x] = (
                    total[VALUE, x] + p * future[i, VALUE, x] + q * future[j, VALUE, x]
                    + r * future[k, VALUE, x] + s * future[m, VALUE, x]
                )  # fmt: skip
        for e in range(whole, last):
            i, p = np.uint32(rows.state[e]), rows.probability[e]
            for x in range(lanes):
                total[SPEND, x] += p * future[i, SPEND, x]
            for x in range(lanes):
                total[VALUE, x] += p * future[i, VALUE, x]
        for e in range(first, whole, 4):
            i, j = np.uint32(rows.state[e]), np.uint32(rows.state[e + 1])
            k, m = np.uint32(rows.state[e + 2]), np.uint32(rows.state[e + 3])
            p, q = rows.probability[e], rows.probability[e + 1]
            r, s = rows.probability[e + 2], rows.probability[e + 3]
            for x in range(lanes):
                mean = total[SPEND, x]
                a, b = future[i, SPEND, x] - mean, future[j, SPEND, x] - mean
                c, d = future[k, SPEND, x] - mean, future[m, SPEND, x] - mean
                total[VARIANCE, x] = (
                    total[VARIANCE, x]
                    + p * (future[i, VARIANCE, x] + a * a) + q * (future[j, VARIANCE, x] + b * b)
                    + r * (future[k, VARIANCE, x] + c * c) + s * (future[m, VARIANCE, x] + d * d)
                )  # fmt: skip
        for e in range(whole, last):
            i, p = np.uint32(rows.state[e]), rows.probability[e]
            for x in range(lanes):
                a = future[i, SPEND, x] - total[SPEND, x]
                total[VARIANCE, x] += p * (future[i, VARIANCE, x] + a * a)
        for part in range(3):
            for x in range(lanes):
                product[row, part, x] = total[part, x]


@njit(cache=True, error_model="numpy")
def choose(low, high, pairs, rates, weights, product, present, chosen, peak, width):
    """Best pair of each state against each price; of equally good ones, the one that spends least.

    Shapes: weights (2, lanes), the factors of value and spend, the larger of them 1; product
    (R, 3, lanes); present (n, 3, lanes) and chosen (n, lanes), the pair, are filled, `chosen`
    only if it is not empty; peak (2, lanes) is raised to the largest |spend| and |value| in [low, high).

    Two pairs are compared by the signs of differences, alpha (v - v*) against beta (b - b*), as
    a crossing of prices is computed, so that walking never meets a crossing it has passed.

    All that the inner loop writes is one array and every operand is read before it, which is what
    lets the compiler turn the choices into selections of whole vectors.
    """
    lanes = len(width)
    best = np.empty((4, lanes))
    weight, top = np.empty((2, lanes)), np.empty((2, lanes))
    for x in range(lanes):
        weight[0, x], weight[1, x] = weights[0, x], weights[1, x]
        top[0, x], top[1, x] = peak[0, x], peak[1, x]
    discount, cost_discount = rates.discount, rates.cost_discount
    square = cost_discount * cost_discount
    for state in range(low, high):
        first = pairs.ptr[state]
        if pairs.ptr[state + 1] == first:
            for x in range(lanes):
                best[SPEND, x] = 0.0
                best[VALUE, x] = pairs.terminal[state]
                best[VARIANCE, x] = 0.0
                best[PICK, x] = -1.0
        for pair in range(first, pairs.ptr[state + 1]):
            row, number = np.uint32(pairs.row[pair]), float(pair)
            cost, reward = pairs.cost[pair], pairs.reward[pair]
            if pair == first:
                for x in range(lanes):
                    best[SPEND, x] = cost + cost_discount * product[row, SPEND, x]
                    best[VALUE, x] = reward + discount * product[row, VALUE, x]
                    best[VARIANCE, x] = product[row, VARIANCE, x]
                    best[PICK, x] = number
                continue
            for x in range(lanes):
                spend = cost + cost_discount * product[row, SPEND, x]
                value = reward + discount * product[row, VALUE, x]
                variance = np.float64(product[row, VARIANCE, x])
                spend_now, value_now = best[SPEND, x], best[VALUE, x]
                variance_now, number_now = best[VARIANCE, x], best[PICK, x]
                more, gain = spend - spend_now, value - value_now
                a, b = weight[0, x] * gain, weight[1, x] * more
                better = (a > b) | ((a == b) & ((more < 0) | ((more == 0) & (gain > 0))))
                best[SPEND, x] = spend if better else spend_now
                best[VALUE, x] = value if better else value_now
                best[VARIANCE, x] = variance if better else variance_now
                best[PICK, x] = number if better else number_now
        for x in range(lanes):
            present[state, SPEND, x] = best[SPEND, x]
        for x in range(lanes):
            present[state, VALUE, x] = best[VALUE, x]
        for x in range(lanes):
            present[state, VARIANCE, x] = square * best[VARIANCE, x]
        if chosen.shape[0] > 0:
            for x in range(lanes):
                chosen[state, x] = np.int32(best[PICK, x])
        for x in range(lanes):
            spend, value = abs(best[SPEND, x]), abs(best[VALUE, x])
            spend_now, value_now = top[0, x], top[1, x]
            top[0, x] = spend if spend > spend_now else spend_now
            top[1, x] = value if value > value_now else value_now
    for x in range(lanes):
        peak[0, x], peak[1, x] = top[0, x], top[1, x]


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


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_blocks(pairs, rows, rates, weights, scale, tie, slot, kept, kept_pair, peak, below, width):
    """All stages for several batches, one thread per batch: for problems that stay in the cache.

    Shapes: weights (T, 2, blocks, lanes); scale, tie (T,); slot (T,), where in `kept` a stage goes
    or -1; kept (blocks, slots, n, 3, lanes), kept_pair (blocks, slots, n, lanes), peak
    (blocks, T+1, 2, lanes) and below (blocks, lanes) are filled. With an empty `tie` no
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
            row_products(0, count, rows, future, product, width)
            choose(
                0, n, pairs, rates, weights[stage, :, block],
                product, present, chosen, peak[block, stage], width,
            )  # fmt: skip
            if tie.shape[0] > 0:
                crossings(pairs, rates, product, present, chosen, scale[stage], tie[stage], below[block])
            if slot[stage] >= 0:
                # Number by number: assigning whole arrays compiles for four seconds more.
                for state in range(n):
                    for lane in range(lanes):
                        kept_pair[block, slot[stage], state, lane] = chosen[state, lane]
                        for part in range(3):
                            kept[block, slot[stage], state, part, lane] = present[state, part, lane]
            future, present = present, future


@njit(cache=True, error_model="numpy")
def touch(index, first, last, table):
    """Read one number of each cache line of the entries that are about to be used; returns their sum.

    Nothing waits for the sum, so many lines are on their way at once; the arithmetic that follows
    would have asked for them a few at a time. Shapes: index ints, table (m, >= 3, any).
    """
    total = 0.0
    for k in range(first, last):
        i = np.uint32(index[k])
        total += table[i, SPEND, 0] + table[i, VALUE, 0] + table[i, VARIANCE, 0]
    return total


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_rows(chunks, rows, future, product, touched, width):
    """`row_products` of every row, cut into `chunks` pieces; touched (chunks,) is of no meaning."""
    count = rows.ptr.shape[0] - 1
    for chunk in prange(chunks):
        last, total = (chunk + 1) * count // chunks, 0.0
        for low in range(chunk * count // chunks, last, TOGETHER):
            high = min(low + TOGETHER, last)
            total += touch(rows.state, rows.ptr[low], rows.ptr[high], future)
            row_products(low, high, rows, future, product, width)
        touched[chunk] = total


@njit(cache=True, error_model="numpy", parallel=True)
def sweep_states(chunks, pairs, rates, weights, product, present, chosen, peak, touched, width):
    """`choose` for every state, cut into `chunks` pieces; peak (2, lanes) is filled."""
    lanes = len(width)
    n = pairs.ptr.shape[0] - 1
    each = np.zeros((chunks, 2, lanes))
    for chunk in prange(chunks):
        last, total = (chunk + 1) * n // chunks, 0.0
        for low in range(chunk * n // chunks, last, TOGETHER):
            high = min(low + TOGETHER, last)
            total += touch(pairs.row, pairs.ptr[low], pairs.ptr[high], product)
            choose(low, high, pairs, rates, weights, product, present, chosen, each[chunk], width)
        touched[chunk] = total
    for chunk in range(chunks):
        for part in range(2):
            for lane in range(lanes):
                peak[part, lane] = max(peak[part, lane], each[chunk, part, lane])
