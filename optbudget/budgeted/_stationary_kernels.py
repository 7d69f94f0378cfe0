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


class Position(NamedTuple):
    """Where a walk over prices stands; all arrays are overwritten.

    choice (n,), value (n,), spend (n,), inverse (n, n) of identity - discount * P_choice
    """

    choice: NDArray[np.int32]
    value: NDArray[np.float64]
    spend: NDArray[np.float64]
    inverse: NDArray[np.float64]


class Path(NamedTuple):
    """What a walk writes down: one row for each price it stopped at.

    price (S,), choice (S, n), value (S, n), spend (S, n)
    """

    price: NDArray[np.float64]
    choice: NDArray[np.int32]
    value: NDArray[np.float64]
    spend: NDArray[np.float64]


@njit(cache=True, nogil=True)
def next_switch(chain, discount, reward, cost, price, here, slack):
    """The pair that is first to win when the price falls: (price there, state, pair, gains of both).

    A pair wins at the price where what it adds in value equals the price of what it adds in spend.
    Differences below `slack` times the terms they come from count as 0.
    """
    best_price, best_state, best_pair, best_value, best_spend = 0.0, -1, -1, 0.0, 0.0
    for i in range(here.value.shape[0]):
        for pair in range(chain.pair_ptr[i], chain.pair_ptr[i + 1]):
            if pair == here.choice[i]:
                continue
            row = chain.pair_row[pair]
            more_value, more_spend = reward[pair] - here.value[i], cost[pair] - here.spend[i]
            size_value, size_spend = abs(reward[pair]) + abs(here.value[i]), cost[pair] + here.spend[i]
            for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                j = chain.next_state[e]
                p = discount * chain.probability[e]
                more_value += p * here.value[j]
                more_spend += p * here.spend[j]
                size_value += p * abs(here.value[j])
                size_spend += p * here.spend[j]
            if more_value <= slack * size_value:
                continue
            if more_spend > slack * size_spend:
                crossing = min(price, more_value / more_spend)
            elif more_value - price * more_spend > slack * (size_value + price * size_spend):
                crossing = price
            else:
                continue
            if crossing > best_price:
                best_price, best_state, best_pair = crossing, i, pair
                best_value, best_spend = more_value, more_spend
    return best_price, best_state, best_pair, best_value, best_spend


@njit(cache=True, nogil=True)
def switch(chain, discount, state, pair, here):
    """Change one state's pair: update the inverse by a rank-one term and return its new column."""
    n = here.value.shape[0]
    change = np.zeros(n)
    for sign, row in ((-1.0, chain.pair_row[here.choice[state]]), (1.0, chain.pair_row[pair])):
        for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
            p = sign * discount * chain.probability[e]
            j = chain.next_state[e]
            for k in range(n):
                change[k] += p * here.inverse[j, k]
    column = here.inverse[:, state] / (1.0 - change[state])
    for i in range(n):
        if column[i] != 0.0:
            for k in range(n):
                here.inverse[i, k] += column[i] * change[k]
    here.choice[state] = pair
    return column


@njit(cache=True, nogil=True)
def refine(chain, discount, gain, choice, inverse, x):
    """One step of iterative refinement of x = gain + discount * P_choice x by an approximate inverse."""
    n = x.shape[0]
    left = np.zeros(n)
    for i in range(n):
        if choice[i] >= 0:
            row = chain.pair_row[choice[i]]
            left[i] = gain[choice[i]] - x[i]
            for e in range(chain.row_ptr[row], chain.row_ptr[row + 1]):
                left[i] += discount * chain.probability[e] * x[chain.next_state[e]]
    for i in range(n):
        if choice[i] >= 0:
            total = 0.0
            for k in range(n):
                total += inverse[i, k] * left[k]
            x[i] += total


@njit(cache=True, nogil=True)
def walk(chain, discount, reward, cost, price, here, slack, path):
    """Follow the best policy while the price falls, until nothing more is to be won or the path is full.

    Returns the number of rows written, and the price reached: 0 at the end. Switches at prices equal
    to 1e-12 are one row: the policy after the last of them.
    """
    rows = 0
    steps = 0
    while steps < path.price.shape[0]:
        at, state, pair, more_value, more_spend = next_switch(
            chain, discount, reward, cost, price, here, slack
        )
        if state < 0:
            return rows, 0.0
        column = switch(chain, discount, state, pair, here)
        here.value[:] += more_value * column
        here.spend[:] += more_spend * column
        refine(chain, discount, reward, here.choice, here.inverse, here.value)
        refine(chain, discount, cost, here.choice, here.inverse, here.spend)
        if rows == 0 or at < path.price[rows - 1] * (1 - 1e-12):
            path.price[rows] = at
            price = at
            rows += 1
        path.choice[rows - 1] = here.choice
        path.value[rows - 1] = here.value
        path.spend[rows - 1] = here.spend
        steps += 1
    return rows, price
