"""All departments act for one period. Nothing is checked, nothing is drawn: draws are an argument."""

from typing import NamedTuple

import numpy as np
from numba import njit


class World(NamedTuple):
    """The arrays of departments that a step reads; n states "department/regime|state" and m pairs.

    `pair` (n, A) is what an action comes to in a state, -1 where nothing can be done; `elsewhere` (n, R)
    is the same state of the department in each regime; `own` (n,) counts the states of a department from 0.
    """

    pair: np.ndarray
    pair_action: np.ndarray
    pair_row: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    row_ptr: np.ndarray
    next_state: np.ndarray
    probability: np.ndarray
    elsewhere: np.ndarray
    own: np.ndarray


@njit(cache=True, nogil=True)
def picked(probability, first, last, draw):
    """The entry of first:last that a draw of [0, 1) falls on; the last one takes what rounding leaves."""
    for entry in range(first, last - 1):
        if draw < probability[entry]:
            return entry
        draw -= probability[entry]
    return last - 1


@njit(cache=True, nogil=True)
def act(world, regime, draw, at, action, seen, spend, reward):
    """Every department acts, and the next period's regime is `regime`.

    draw (D,) in [0, 1); at (D,) the state of each department, moved on; action (D,) becomes what was taken;
    seen (D,), spend (D,) and reward (D, K) are filled.
    """
    for d in range(at.size):
        i = at[d]
        pair = world.pair[i, action[d]]
        if pair >= 0:
            action[d] = world.pair_action[pair]
            spend[d] = world.cost[pair]
            reward[d] = world.reward[pair]
            row = world.pair_row[pair]
            entry = picked(world.probability, world.row_ptr[row], world.row_ptr[row + 1], draw[d])
            i = world.next_state[entry]
        else:
            spend[d] = 0.0
            reward[d] = 0.0
        at[d] = world.elsewhere[i, regime]
        seen[d] = world.own[i]
