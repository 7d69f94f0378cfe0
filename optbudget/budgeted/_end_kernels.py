"""Compiled loops of the two lexicographic passes: least spend first, and most value first.

They are computed in doubles, apart from the prices between them: they decide ties by tolerances, and
their tables also hold the size of what a value was added up from.
"""

import numpy as np
from numba import njit, prange

from optbudget.budgeted._sweep_kernels import SIZE, SPEND, TOGETHER, VALUE, VARIANCE, touch

LEAST, MOST = 0, 1
"""The two lanes of a pass at the ends: price infinity (least spend) and price 0 (most value)."""


@njit(cache=True, error_model="numpy")
def products_at_ends(low, high, rows, future, product):
    """`row_products` for the two ends, and of SIZE: future (n, 4, 2), product (R, 4, 2)."""
    total = np.empty((4, 2))
    for row in range(low, high):
        total[:] = 0.0
        for e in range(rows.ptr[row], rows.ptr[row + 1]):
            i, p = np.uint32(rows.state[e]), rows.probability[e]
            for part in range(4):
                for lane in range(2):
                    total[part, lane] += p * future[i, part, lane]
        least, most = total[SPEND, LEAST], total[SPEND, MOST]
        spread_least, spread_most = 0.0, 0.0
        for e in range(rows.ptr[row], rows.ptr[row + 1]):
            i, p = np.uint32(rows.state[e]), rows.probability[e]
            away_least, away_most = future[i, SPEND, LEAST] - least, future[i, SPEND, MOST] - most
            spread_least += p * (away_least * away_least)
            spread_most += p * (away_most * away_most)
        for part in range(4):
            for lane in range(2):
                product[row, part, lane] = total[part, lane]
        product[row, VARIANCE, LEAST] += spread_least
        product[row, VARIANCE, MOST] += spread_most


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
def sweep_rows_at_ends(chunks, rows, future, product, touched):
    """`products_at_ends` of every row, cut into `chunks` pieces; touched (chunks,) is of no meaning."""
    count = rows.ptr.shape[0] - 1
    for chunk in prange(chunks):
        last, total = (chunk + 1) * count // chunks, 0.0
        for low in range(chunk * count // chunks, last, TOGETHER):
            high = min(low + TOGETHER, last)
            total += touch(rows.state, rows.ptr[low], rows.ptr[high], future)
            products_at_ends(low, high, rows, future, product)
        touched[chunk] = total


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
