"""Vector Q-learning of one department: one transition updates every scalarisation and all stages to go.

The scalarisations lie innermost, in blocks: with `lane` of them in a block, the last axis holds
L = stages * lane numbers, those with the fewest stages to go first. So a row (C, L) of a state and action is
contiguous, what k stages to go bootstrap from lies `lane` places to the left, and every inner loop runs over
L numbers without a branch. A block's table is small enough for a core's cache, and the transitions stream
past it. Nothing is checked.

Beside a table (S, A, C, L) a block keeps, while it learns, the scalarised `score` (S, A, L) of every row,
-inf where an action was never taken, the best action `chosen` (S, L), and its components `greedy` (S, C, L).
They follow from the table; only the row of the transition and the state it left are touched.
"""

import numpy as np
from numba import njit, prange


@njit(cache=True, nogil=True)
def rescore(row, aim, score):
    """score (L,) becomes the sum of aim (C, L) * row (C, L) over components, added in their order."""
    for x in range(score.size):
        score[x] = 0.0
    for c in range(row.shape[0]):
        part, weight = row[c], aim[c]
        for x in range(score.size):
            score[x] += weight[x] * part[x]


@njit(cache=True, nogil=True)
def choose(score, best, chosen):
    """chosen (L,) becomes the first action of the largest score (A, L), -1 where all are -inf."""
    for x in range(best.size):
        best[x] = -np.inf
        chosen[x] = -1
    for a in range(score.shape[0]):
        own = score[a]
        for x in range(best.size):
            new, old = own[x], best[x]
            chosen[x] = a if new > old else chosen[x]
            best[x] = new if new > old else old


@njit(cache=True, nogil=True)
def adopt(rows, action, before, chosen, greedy):
    """greedy (C, L) follows `chosen` after the row of one action has changed; rows (A, C, L)."""
    for c in range(greedy.shape[0]):
        part, own = greedy[c], rows[action, c]
        for x in range(chosen.size):
            old, new = part[x], own[x]
            part[x] = new if chosen[x] == action else old
    moved = 0
    for x in range(chosen.size):
        moved += 1 if chosen[x] != before[x] and chosen[x] != action else 0
    if moved:
        for x in range(chosen.size):
            if chosen[x] != before[x] and chosen[x] != action:
                for c in range(greedy.shape[0]):
                    greedy[c, x] = rows[chosen[x], c, x]


@njit(cache=True, nogil=True)
def step(row, ahead, shift, rate, discount, measured):
    """Move a row (C, L) towards measured (C,) + discount (C,) * ahead (C, L) by a rate.

    The first `shift` places have one stage to go, and nothing ahead.
    """
    for c in range(row.shape[0]):
        own, future, gain, factor = row[c], ahead[c], measured[c], discount[c]
        for x in range(shift):
            own[x] += rate * (gain - own[x])
        for x in range(own.size - shift):
            own[x + shift] += rate * ((gain + factor * future[x]) - own[x + shift])


@njit(cache=True, nogil=True)
def learn_block(table, aim, known, shift, discount, state, action, after, rate, measured):
    """Learn from N transitions in their order, for one block of scalarisations.

    table (S, A, C, L) is updated; known (S, A) says which actions were taken before; after is -1 where a run
    ended. What is never known is worth 0 ahead.
    """
    number, actions, components, length = table.shape
    score = np.full((number, actions, length), -np.inf, dtype=table.dtype)
    chosen = np.empty((number, length), dtype=np.int32)
    greedy = np.zeros((number, components, length), dtype=table.dtype)
    best, before = np.empty(length, dtype=table.dtype), np.empty(length, dtype=np.int32)
    nothing = np.zeros((components, length), dtype=table.dtype)
    for s in range(number):
        chosen[s] = -1
        for a in range(actions):
            if known[s, a]:
                rescore(table[s, a], aim, score[s, a])
                before[:] = chosen[s]
                choose(score[s], best, chosen[s])
                adopt(table[s], a, before, chosen[s], greedy[s])
    for i in range(state.size):
        s, a = state[i], action[i]
        ahead = greedy[after[i]] if after[i] >= 0 else nothing
        step(table[s, a], ahead, shift, rate[i], discount, measured[i])
        rescore(table[s, a], aim, score[s, a])
        before[:] = chosen[s]
        choose(score[s], best, chosen[s])
        adopt(table[s], a, before, chosen[s], greedy[s])


@njit(cache=True, parallel=True)
def learn(table, aim, known, shift, discount, state, action, after, rate, measured):
    """`learn_block` for every block: table (B, S, A, C, L), aim (B, C, L)."""
    for b in prange(table.shape[0]):
        learn_block(table[b], aim[b], known, shift, discount, state, action, after, rate, measured)


@njit(cache=True, nogil=True)
def visits(state, action, tried, visit):
    """visit (N,) becomes how often each transition's state and action have come, it included."""
    for i in range(state.size):
        tried[state[i], action[i]] += 1
        visit[i] = tried[state[i], action[i]]


@njit(cache=True, parallel=True)
def greedy_actions(table, aim, known, found):
    """found (B, S, L) becomes the first best action of every state, -1 where none was ever taken."""
    blocks, number, actions, _, length = table.shape
    for b in prange(blocks):
        score = np.empty((actions, length), dtype=table.dtype)
        best, chosen = np.empty(length, dtype=table.dtype), np.empty(length, dtype=np.int32)
        for s in range(number):
            score[:] = -np.inf
            for a in range(actions):
                if known[s, a]:
                    rescore(table[b, s, a], aim[b], score[a])
            choose(score, best, chosen)
            found[b, s] = chosen
