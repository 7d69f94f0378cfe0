"""Compiled loops of the infinite horizon; arrays in, arrays filled, nothing is checked.

K policies or prices are the contiguous inner axis. Policies of neighbouring prices agree in most
states, so a sweep works on runs of equal choices and stays vectorised. Indices that start inside a
row are made unsigned: numba would else test each of them for being negative, which stops vectorising.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Chain(NamedTuple):
    """Where the pairs lead; the pairs of state i are pair_ptr[i]:pair_ptr[i+1], none if it has ended.

    pair_ptr (n+1,), pair_row (m,), row_ptr (R+1,), next_state (z,), probability (z,)
    """

    pair_ptr: NDArray[np.int64]
    pair_row: NDArray[np.int32]
    row_ptr: NDArray[np.int64]
    next_state: NDArray[np.int32]
    probability: NDArray[np.float64]


@njit(cache=True, nogil=True)
def sweep(chain, discount, choice, gain, x, backward):
    """One Gauss-Seidel sweep of x = gain + discount * P_choice x, in place; self-loops are solved exactly.

    Shapes: choice, gain, x (n, K). Where choice is -1 x stays.
    """
    n, width = x.shape
    flat = x.reshape(-1)
    total = np.empty(width)
    for step in range(n):
        i = n - 1 - step if backward else step
        low = 0
        while low < width:
            pair = choice[i, low]
            high = low + 1
            while high < width and choice[i, high] == pair:
                high += 1
            if pair >= 0:
                row = chain.pair_row[pair]
                span = high - low
                for k in range(span):
                    total[k] = gain[i, np.uint64(low + k)]
                stay = 0.0
                for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                    j = chain.next_state[e]
                    p = discount * chain.probability[e]
                    if j == i:
                        stay += p
                    else:
                        at = j * width + low
                        for k in range(span):
                            total[k] += p * flat[np.uint64(at + k)]
                scale = 1.0 / (1.0 - stay)
                at = i * width + low
                for k in range(span):
                    flat[np.uint64(at + k)] = total[k] * scale
            low = high


class Memory(NamedTuple):
    """What Anderson's mixing remembers of its last steps x -> y: all (n, K), zero at first.

    left, image : y - x and y of the last step
    left_1, left_2, image_1, image_2 : how much they changed in the last step and the one before
    """

    left: NDArray[np.float64]
    image: NDArray[np.float64]
    left_1: NDArray[np.float64]
    left_2: NDArray[np.float64]
    image_1: NDArray[np.float64]
    image_2: NDArray[np.float64]


@njit(cache=True, nogil=True)
def mix(x, y, steps, memory, moved):
    """Anderson's mixing of depth 2: the affine combination of the last images whose moves nearly cancel.

    Shapes: x, y (n, K), one step's start and image; x is overwritten by the next start; moved (K,) is
    set to the largest |y - x|. steps counts the steps before this one; `memory` is brought up to date.
    """
    n, width = x.shape
    square_1, square_2, cross = np.zeros(width), np.zeros(width), np.zeros(width)
    with_1, with_2 = np.zeros(width), np.zeros(width)
    moved[:] = 0.0
    for i in range(n):
        for k in range(width):
            left = y[i, k] - x[i, k]
            size = abs(left)
            if size > moved[k]:
                moved[k] = size
            if steps > 0:
                memory.left_2[i, k] = memory.left_1[i, k]
                memory.image_2[i, k] = memory.image_1[i, k]
                memory.left_1[i, k] = left - memory.left[i, k]
                memory.image_1[i, k] = y[i, k] - memory.image[i, k]
            memory.left[i, k] = left
            memory.image[i, k] = y[i, k]
            square_1[k] += memory.left_1[i, k] * memory.left_1[i, k]
            square_2[k] += memory.left_2[i, k] * memory.left_2[i, k]
            cross[k] += memory.left_1[i, k] * memory.left_2[i, k]
            with_1[k] += memory.left_1[i, k] * left
            with_2[k] += memory.left_2[i, k] * left
    for k in range(width):
        inner = square_1[k] * square_2[k] - cross[k] * cross[k]
        first, second = 0.0, 0.0
        if inner > 1e-10 * square_1[k] * square_2[k]:
            first = (with_1[k] * square_2[k] - with_2[k] * cross[k]) / inner
            second = (with_2[k] * square_1[k] - with_1[k] * cross[k]) / inner
        elif square_1[k] > 0.0:
            first = with_1[k] / square_1[k]
        with_1[k], with_2[k] = first, second
    for i in range(n):
        for k in range(width):
            x[i, k] = y[i, k] - with_1[k] * memory.image_1[i, k] - with_2[k] * memory.image_2[i, k]


@njit(cache=True, nogil=True)
def improve(chain, discount, reward, cost, price, w, margin, choice, changed):
    """Take in each state a best pair for w where it beats the present one by more than the margin.

    Shapes: reward, cost (m,); price, margin, changed (K,); w, choice (n, K); changed counts states.
    """
    n, width = w.shape
    ahead = np.empty(width)
    best = np.empty(width)
    present = np.empty(width)
    which = np.empty(width, np.int32)
    changed[:] = 0
    for i in range(n):
        last_row = -1
        best[:] = -np.inf
        present[:] = -np.inf
        for pair in range(chain.pair_ptr[i], chain.pair_ptr[i + 1]):
            row = chain.pair_row[pair]
            if row != last_row:
                last_row = row
                ahead[:] = 0.0
                for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                    j = chain.next_state[e]
                    p = discount * chain.probability[e]
                    for k in range(width):
                        ahead[k] += p * w[j, k]
            for k in range(width):
                q = reward[pair] - price[k] * cost[pair] + ahead[k]
                if q > best[k]:
                    best[k] = q
                    which[k] = pair
                if choice[i, k] == pair:
                    present[k] = q
        if last_row >= 0:
            for k in range(width):
                if best[k] > present[k] + margin[k]:
                    choice[i, k] = which[k]
                    changed[k] += 1


@njit(cache=True, nogil=True)
def excess(chain, discount, reward, cost, price, w, worst):
    """Largest reward - price * cost + discount * P w - w over all pairs, per column, into worst (K,)."""
    n, width = w.shape
    ahead = np.empty(width)
    worst[:] = -np.inf
    for i in range(n):
        last_row = -1
        for pair in range(chain.pair_ptr[i], chain.pair_ptr[i + 1]):
            row = chain.pair_row[pair]
            if row != last_row:
                last_row = row
                ahead[:] = 0.0
                for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                    j = chain.next_state[e]
                    p = discount * chain.probability[e]
                    for k in range(width):
                        ahead[k] += p * w[j, k]
            for k in range(width):
                worst[k] = max(worst[k], reward[pair] - price[k] * cost[pair] + ahead[k] - w[i, k])


@njit(cache=True, nogil=True)
def residual(chain, discount, choice, gain, x, worst):
    """Largest |gain + discount * P_choice x - x| of each column, into worst (K,)."""
    n, width = x.shape
    flat = x.reshape(-1)
    total = np.empty(width)
    worst[:] = 0.0
    for i in range(n):
        low = 0
        while low < width:
            pair = choice[i, low]
            high = low + 1
            while high < width and choice[i, high] == pair:
                high += 1
            if pair >= 0:
                row = chain.pair_row[pair]
                span = high - low
                for k in range(span):
                    total[k] = 0.0
                for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                    p = discount * chain.probability[e]
                    at = chain.next_state[e] * width + low
                    for k in range(span):
                        total[k] += p * flat[np.uint64(at + k)]
                for k in range(span):
                    left = abs(gain[i, np.uint64(low + k)] + total[k] - x[i, np.uint64(low + k)])
                    if left > worst[np.uint64(low + k)]:
                        worst[np.uint64(low + k)] = left
            low = high


@njit(cache=True, nogil=True)
def spread(chain, discount, choice, spend, variance_gain):
    """discount^2 * variance of the next state's spend under each choice, (n, K), computed centred."""
    n, width = spend.shape
    for i in range(n):
        for k in range(width):
            variance_gain[i, k] = 0.0
            pair = choice[i, k]
            if pair < 0:
                continue
            row = chain.pair_row[pair]
            mean = 0.0
            weight = 0.0
            for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                mean += chain.probability[e] * spend[chain.next_state[e], k]
                weight += chain.probability[e]
            mean /= weight
            total = 0.0
            for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                away = spend[chain.next_state[e], k] - mean
                total += chain.probability[e] * away * away
            variance_gain[i, k] = discount * discount * total


@njit(cache=True, nogil=True)
def reach(chain, choice, active):
    """Spread active (n, K) bool backward over each policy until it holds all states that can reach it."""
    n, width = active.shape
    backward = True
    moved = True
    while moved:
        moved = False
        for step in range(n):
            i = n - 1 - step if backward else step
            for k in range(width):
                pair = choice[i, k]
                if pair < 0 or active[i, k]:
                    continue
                row = chain.pair_row[pair]
                for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                    if active[chain.next_state[e], k]:
                        active[i, k] = True
                        moved = True
                        break
        backward = not backward


@njit(cache=True)
def fill_matrix(chain, discount, choice, matrix):
    """matrix (n, n) = identity - discount * P_choice for one policy, choice (n,)."""
    n = choice.shape[0]
    matrix[:] = 0.0
    for i in range(n):
        matrix[i, i] = 1.0
        if choice[i] >= 0:
            row = chain.pair_row[choice[i]]
            for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                matrix[i, chain.next_state[e]] -= discount * chain.probability[e]
