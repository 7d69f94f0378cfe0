"""Compiled loops over the spend of fixed policies; nothing is checked."""

import math

from numba import njit


@njit(cache=True)
def tilted(rows, cost, pairs, cost_discount, theta, after, now):
    """Cumulants of the spend under exponential tilting: one backward pass of a policy.

    rows: (row_ptr, next_state, probability, pair_row); pairs (T, n), -1 where nothing can be chosen.
    after, now (5, n): log E exp(theta S), then the first four cumulants of S under the tilted law.
    The answer is in `after` if T is even, else in `now`.
    """
    row_ptr, next_state, probability, pair_row = rows
    horizon, n = pairs.shape
    after[:, :] = 0.0
    for back in range(horizon):
        k = horizon - 1 - back
        if back % 2 == 0:
            old, new = after, now
        else:
            old, new = now, after
        rate = cost_discount**k
        for i in range(n):
            pair = pairs[k, i]
            if pair < 0:
                for m in range(5):
                    new[m, i] = old[m, i]
                continue
            low, high = row_ptr[pair_row[pair]], row_ptr[pair_row[pair] + 1]
            top = -math.inf
            for e in range(low, high):
                top = max(top, old[0, next_state[e]])
            total, mean = 0.0, 0.0
            for e in range(low, high):
                j = next_state[e]
                q = probability[e] * math.exp(old[0, j] - top)
                total += q
                mean += q * old[1, j]
            mean /= total
            second, third, fourth = 0.0, 0.0, 0.0
            for e in range(low, high):
                j = next_state[e]
                q = probability[e] * math.exp(old[0, j] - top) / total
                d, v, s = old[1, j] - mean, old[2, j], old[3, j]
                second += q * (v + d * d)
                third += q * (s + 3.0 * d * v + d * d * d)
                fourth += q * (old[4, j] + 3.0 * v * v + 4.0 * s * d + 6.0 * v * d * d + d * d * d * d)
            spent = rate * cost[pair]
            new[0, i] = theta * spent + top + math.log(total)
            new[1, i] = spent + mean
            new[2, i] = second
            new[3, i] = third
            new[4, i] = fourth - 3.0 * second * second


@njit(cache=True)
def longest(rows, pairs, shift, after, now):
    """Most steps of the grid that a path from each state can take; in `after` if T is even, else `now`."""
    row_ptr, next_state, _, pair_row = rows
    horizon, n = pairs.shape
    after[:] = 0
    for back in range(horizon):
        k = horizon - 1 - back
        if back % 2 == 0:
            old, new = after, now
        else:
            old, new = now, after
        for i in range(n):
            pair = pairs[k, i]
            new[i] = old[i]
            if pair >= 0:
                most = 0
                for e in range(row_ptr[pair_row[pair]], row_ptr[pair_row[pair] + 1]):
                    most = max(most, old[next_state[e]])
                new[i] = shift[k % shift.shape[0], pair] + most


@njit(cache=True)
def laws(rows, pairs, shift, reach, after, now):
    """Law of the spend of a policy from each state, in steps of the grid: one backward pass.

    shift (T, m) or (1, m): steps that a pair costs at each stage.
    reach (2, n) int64 and after, now (n, K) are filled; the answer is in `after` if T is even, else `now`.
    """
    row_ptr, next_state, probability, pair_row = rows
    horizon, n = pairs.shape
    for i in range(n):
        after[i, 0] = 1.0
        reach[0, i] = 1
    for back in range(horizon):
        k = horizon - 1 - back
        if back % 2 == 0:
            old, new, was, here = after, now, reach[0], reach[1]
        else:
            old, new, was, here = now, after, reach[1], reach[0]
        for i in range(n):
            pair = pairs[k, i]
            if pair < 0:
                here[i] = was[i]
                for s in range(was[i]):
                    new[i, s] = old[i, s]
                continue
            low, high = row_ptr[pair_row[pair]], row_ptr[pair_row[pair] + 1]
            top = 0
            for e in range(low, high):
                top = max(top, was[next_state[e]])
            first = shift[k % shift.shape[0], pair]
            here[i] = top + first
            for s in range(here[i]):
                new[i, s] = 0.0
            for e in range(low, high):
                j, p = next_state[e], probability[e]
                for s in range(was[j]):
                    new[i, first + s] += p * old[j, s]
