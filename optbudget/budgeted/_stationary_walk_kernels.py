"""Compiled loops of the walk over falling prices, one policy at a time; arrays in, arrays filled.

The policy's inverse is kept up to date by rank-one terms; what that loses is refined away at every stop.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


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
