"""Phased Q-learning of one department: the transitions are replayed once for each number of decisions to go.

What is ahead of a phase is finished, so an update is one moving average; and the measured part of it is the
same for all phases and scalarisations. A block's averages of what is ahead, (S, A, C * lane), and the values
ahead, (S, C * lane), fit a core's cache while the transitions stream past. Nothing is checked.
"""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True)
def averages(state, action, measured, tried, rate, mean):
    """mean (S, A, C) of the measurements (N, C), tried (S, A) how often, rate (N,) 1 over the visits yet."""
    for i in range(state.size):
        s, a = state[i], action[i]
        tried[s, a] += 1
        rate[i] = 1.0 / tried[s, a]
        for c in range(mean.shape[2]):
            mean[s, a, c] += rate[i] * (measured[i, c] - mean[s, a, c])


@njit(cache=True, nogil=True)
def approach(row, target, rate):
    """Move row towards target by a rate."""
    for x in range(row.size):
        row[x] += rate * (target[x] - row[x])


@njit(cache=True, nogil=True)
def replay(state, action, after, rate, ahead, mean):
    """mean (S, A, X) becomes the moving averages of ahead (S, X) over where transitions led; ends count 0."""
    mean[:] = 0.0
    nothing = np.zeros(mean.shape[2], dtype=mean.dtype)
    for i in range(state.size):
        target = ahead[after[i]] if after[i] >= 0 else nothing
        approach(mean[state[i], action[i]], target, rate[i])


@njit(cache=True, nogil=True)
def settle(aim, discount, gain, future, tried, chosen, value):
    """chosen (S, lane) becomes the first best action, -1 where none was tried; value (S, C * lane) its row.

    aim (C, lane); gain (S, A, C) what is measured now, future (S, A, C * lane) what is ahead.
    """
    components, lane = aim.shape
    best = np.empty(lane, dtype=aim.dtype)
    row = np.empty((components, lane), dtype=aim.dtype)
    for s in range(chosen.shape[0]):
        value[s] = 0.0
        chosen[s] = -1
        best[:] = -np.inf
        for a in range(tried.shape[1]):
            if tried[s, a] == 0:
                continue
            for c in range(components):
                for w in range(lane):
                    row[c, w] = gain[s, a, c] + discount[c] * future[s, a, c * lane + w]
            for w in range(lane):
                score = aim[0, w] * row[0, w]
                for c in range(1, components):
                    score += aim[c, w] * row[c, w]
                if score > best[w]:
                    best[w] = score
                    chosen[s, w] = a
                    for c in range(components):
                        value[s, c * lane + w] = row[c, w]


@njit(cache=True, parallel=True)
def learn(aim, discount, phases, state, action, after, rate, gain, tried, start, policy, estimate):
    """All phases of every block: policy (B, stages, S, lane), by decisions to go, estimate (B, C * lane).

    aim (B, stages, C, lane); of more phases than stages, the last stage's are repeated.
    """
    blocks, stages, components, lane = aim.shape
    number, actions = tried.shape
    for b in prange(blocks):
        future = np.zeros((number, actions, components * lane), dtype=aim.dtype)
        value = np.zeros((number, components * lane), dtype=aim.dtype)
        for phase in range(phases):
            if phase > 0:
                replay(state, action, after, rate, value, future)
            k = min(phase, stages - 1)
            settle(aim[b, k], discount, gain, future, tried, policy[b, k], value)
        estimate[b] = value[start]
