"""Compiled loop of strict budgets: one stage of the dynamic program over money left; nothing is checked."""

import math

from numba import njit


@njit(cache=True)
def best_within(model, shift, after, work, now, chosen):
    """Best value of each state with each number of steps of money left, and the pair that has it.

    shift (m,): steps that a pair costs; after, now (n, M+1): -inf where some path must overspend;
    work (M+1,); chosen (n, M+1): -1 where nothing can be chosen or nothing fits.
    """
    n, cells = now.shape
    for i in range(n):
        low, high = model.pair_ptr[i], model.pair_ptr[i + 1]
        for m in range(cells):
            now[i, m] = after[i, m] if low == high else -math.inf
            chosen[i, m] = -1
        for pair in range(low, high):
            used, reward, row = shift[pair], model.reward[pair], model.pair_row[pair]
            for m in range(cells - used):
                work[m] = 0.0
            for e in range(model.row_ptr[row], model.row_ptr[row + 1]):
                p, j = model.probability[e], model.next_state[e]
                for m in range(cells - used):
                    work[m] += p * after[j, m]
            for m in range(cells - used):
                value = reward + model.discount * work[m]
                if value > now[i, m + used]:
                    now[i, m + used] = value
                    chosen[i, m + used] = pair
