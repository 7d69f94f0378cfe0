"""Loops of set-valued learning: tables that move with what is seen, and sets of vectors made from them.

State 0 is the end, worth the vector 0; state 1 is what comes before the first observation; others follow.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from optbudget.pareto._point_kernels import non_dominated, on_hull, slack_of

HULL, SAMPLED, DETERMINISTIC = 0, 1, 2
DONE, FULL, SECOND_SUCCESSOR = -1, -2, -3


class Tables(NamedTuple):
    """What is stored for S states, A actions, K objectives, D successors and sets of up to C vectors."""

    visits: np.ndarray
    """(S, A) how often the action was taken"""
    reward: np.ndarray
    """(S, A, K) mean reward, by the learning rates"""
    successor: np.ndarray
    """(S, A, D) states that followed, -1 where there are no more"""
    share: np.ndarray
    """(S, A, D) how often, by the learning rates; they sum to 1 if the first rate is 1"""
    q: np.ndarray
    """(S, A, C, K) vectors that are expected from the action on"""
    q_size: np.ndarray
    """(S, A) how many; 0 before the first visit"""
    v: np.ndarray
    """(S, C, K) vectors that are expected from the state on"""
    v_size: np.ndarray
    """(S,)"""
    v_action: np.ndarray
    """(S, C) the action that each begins with, -1 if nothing is known"""


class Settings(NamedTuple):
    """What does not change while it is learned."""

    rule: int
    discount: float
    tolerance: float
    first: float
    power: float
    shift: float


@njit(cache=True, error_model="numpy")
def pruned(points, rule, tolerance):
    """The rows that are kept, by the rule's idea of what is needed."""
    kept = np.empty(points.shape[0], dtype=np.bool_)
    if rule == DETERMINISTIC:
        non_dominated(points, max(tolerance, slack_of(points)), kept)
    else:
        on_hull(points, tolerance, kept, np.empty(points.shape))
    return np.flatnonzero(kept)


@njit(cache=True, error_model="numpy")
def sums(a, b):
    """All sums of a row of a and a row of b."""
    found = np.empty((a.shape[0] * b.shape[0], a.shape[1]))
    for i in range(a.shape[0]):
        found[i * b.shape[0] : (i + 1) * b.shape[0]] = a[i] + b
    return found


@njit(cache=True, error_model="numpy")
def move(tables, s, a, reward, following, rate):
    """Move the mean reward and the shares of (s, a) towards what was seen; returns DONE, or FULL."""
    successor, share = tables.successor[s, a], tables.share[s, a]
    place = 0
    while place < successor.size and successor[place] >= 0 and successor[place] != following:
        place += 1
    if place == successor.size:
        return FULL
    successor[place] = following
    share *= 1.0 - rate
    share[place] += rate
    tables.reward[s, a] += rate * (reward - tables.reward[s, a])
    return DONE


@njit(cache=True, error_model="numpy")
def expected(tables, s, a, discount, rule, tolerance):
    """Mean reward plus, for every successor, its share of any of its vectors: all sums that are needed."""
    number = 0
    while number < tables.successor.shape[2] and tables.successor[s, a, number] >= 0:
        number += 1
    total = tables.reward[s, a].copy().reshape(1, -1)
    for d in range(number):
        j = tables.successor[s, a, d]
        total = sums(total, discount * tables.share[s, a, d] * tables.v[j, : tables.v_size[j]])
        if d:
            total = total[pruned(total, rule, tolerance / number)]
    return total


@njit(cache=True, error_model="numpy")
def averaged(tables, s, a, reward, following, settings, rate):
    """The framework's rule: old vectors, moved towards reward plus discounted vectors of what followed."""
    old = (1.0 - rate) * tables.q[s, a, : tables.q_size[s, a]]
    new = settings.discount * tables.v[following, : tables.v_size[following]]
    for i in range(new.shape[0]):
        new[i] = rate * (reward + new[i])
    total = sums(old, new)
    return total[pruned(total, settings.rule, rate * settings.tolerance / 2.0)]


@njit(cache=True, error_model="numpy")
def keep(tables, s, a, points):
    """Store the vectors of (s, a); returns DONE, or FULL."""
    if points.shape[0] > tables.q.shape[2]:
        return FULL
    tables.q[s, a, : points.shape[0]] = points
    tables.q_size[s, a] = points.shape[0]
    return DONE


@njit(cache=True, error_model="numpy")
def join(tables, s, rule, tolerance):
    """Store the vectors of s that are needed of all its actions'; returns DONE, or FULL."""
    size = tables.q_size[s]
    if size.sum() == 0:
        return DONE
    points = np.empty((size.sum(), tables.q.shape[3]))
    action = np.empty(size.sum(), dtype=np.int64)
    number = 0
    for a in range(size.size):
        points[number : number + size[a]] = tables.q[s, a, : size[a]]
        action[number : number + size[a]] = a
        number += size[a]
    kept = pruned(points, rule, tolerance)
    if kept.size > tables.v.shape[1]:
        return FULL
    tables.v[s, : kept.size] = points[kept]
    tables.v_action[s, : kept.size] = action[kept]
    tables.v_size[s] = kept.size
    return DONE


@njit(cache=True, error_model="numpy")
def back_up(tables, s, a, settings):
    """Make the sets of (s, a) and of s from what is stored; returns DONE, or FULL."""
    discount = 1.0 if s == 1 else settings.discount
    half = settings.tolerance / 2.0
    if keep(tables, s, a, expected(tables, s, a, discount, settings.rule, half)) == FULL:
        return FULL
    return join(tables, s, settings.rule, half)


@njit(cache=True, error_model="numpy")
def count_in(tables, moments, rewards, settings):
    """Move tables by moments (N, 3), each a state, an action and what followed, with rewards (N, K).

    Returns where it stopped, DONE if nowhere, and why. What it stopped at was not counted.
    """
    for i in range(moments.shape[0]):
        s, a, j = moments[i]
        if settings.rule == DETERMINISTIC and tables.visits[s, a] and tables.successor[s, a, 0] != j:
            return i, SECOND_SUCCESSOR
        n = tables.visits[s, a] + 1
        rate = settings.first * ((1.0 + settings.shift) / (n + settings.shift)) ** settings.power
        if s == 1:
            rate = 1.0 / n
        if move(tables, s, a, rewards[i], j, rate) == FULL:
            return i, FULL
        tables.visits[s, a] = n
    return DONE, DONE


@njit(cache=True, error_model="numpy")
def back_up_seen(tables, moments, settings):
    """Back up every pair of the moments once, the last seen first; returns DONE, or FULL."""
    seen = np.zeros(tables.visits.shape, dtype=np.bool_)
    for i in range(moments.shape[0] - 1, -1, -1):
        s, a = moments[i, 0], moments[i, 1]
        if not seen[s, a]:
            seen[s, a] = True
            if back_up(tables, s, a, settings) == FULL:
                return FULL
    return DONE


@njit(cache=True, error_model="numpy")
def average_in(tables, moments, rewards, settings):
    """Move the sets of each moment's pair in turn, as the framework's rule does; returns as `count_in`."""
    for i in range(moments.shape[0]):
        s, a, j = moments[i]
        n = tables.visits[s, a] + 1
        rate = settings.first * ((1.0 + settings.shift) / (n + settings.shift)) ** settings.power
        if keep(tables, s, a, averaged(tables, s, a, rewards[i], j, settings, rate)) == FULL:
            return i, FULL
        tables.visits[s, a] = n
        if join(tables, s, settings.rule, settings.tolerance / 2.0) == FULL:
            return i + 1, FULL
    return DONE, DONE


@njit(cache=True, error_model="numpy")
def apart(a, b):
    """The largest distance, in the worst objective, of a row of either set from the nearest of the other."""
    worst = 0.0
    for some, other in ((a, b), (b, a)):
        for i in range(some.shape[0]):
            least = np.inf
            for j in range(other.shape[0]):
                least = min(least, np.abs(some[i] - other[j]).max())
            worst = max(worst, least)
    return worst


@njit(cache=True, error_model="numpy")
def sweep(tables, settings):
    """Back up every pair that was seen, last found states first; returns the largest change, or FULL."""
    change = 0.0
    for s in range(tables.visits.shape[0] - 1, 0, -1):
        before = tables.v[s, : tables.v_size[s]].copy()
        for a in range(tables.visits.shape[1]):
            if tables.visits[s, a] and back_up(tables, s, a, settings) == FULL:
                return float(FULL)
        change = max(change, apart(before, tables.v[s, : tables.v_size[s]]))
    return change


@njit(cache=True, error_model="numpy")
def novelty(tables, discount, sweeps, found):
    """found (S, A): 1 if never taken, else the best that follows, discounted; the end leads to the start."""
    best = np.zeros(found.shape[0])
    for _ in range(sweeps):
        best[0] = best[1]
        for s in range(found.shape[0] - 1, 0, -1):
            best[s] = 0.0
            for a in range(found.shape[1] if s > 1 else 1):
                total = 0.0 if tables.visits[s, a] else 1.0
                for d in range(tables.successor.shape[2]):
                    if tables.successor[s, a, d] >= 0:
                        total += discount * tables.share[s, a, d] * best[tables.successor[s, a, d]]
                found[s, a] = total
                best[s] = max(best[s], total)
