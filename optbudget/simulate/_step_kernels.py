"""Units act and change state, as counts; and who can still be paid for. Nothing is checked."""

from typing import NamedTuple

import numpy as np
from numba import njit

from optbudget.simulate._draws_kernels import binomial
from optbudget.simulate._money_kernels import minus_down, times_up


class World(NamedTuple):
    """The arrays of a unit problem that a roll-out reads.

    `chance` (z,) is, for each entry of a transition row, the probability of its state given that none of the
    row's earlier entries came. `extra` (T, m) is what a pair needs beyond the least of its state, in the
    worst case, and `least` (T, n) that least; see `optbudget.simulate.reserves`.
    """

    pair_ptr: np.ndarray
    pair_row: np.ndarray
    cost: np.ndarray
    reward: np.ndarray
    row_ptr: np.ndarray
    next_state: np.ndarray
    chance: np.ndarray
    terminal_utility: np.ndarray
    extra: np.ndarray
    least: np.ndarray
    discount: float
    cost_discount: float


@njit(cache=True, nogil=True)
def spread(world, pair, units, key, stage, state, group, after):
    """Add the next states of `units` that take a pair to `after` (n,)."""
    row = world.pair_row[pair]
    first, last = world.row_ptr[row], world.row_ptr[row + 1]
    for entry in range(first, last):
        if units == 0:
            return
        come = units
        if entry < last - 1:
            come = binomial(units, world.chance[entry], key, entry - first, stage, state, group)
        after[world.next_state[entry]] += come
        units -= come


@njit(cache=True, nogil=True)
def occupied(counts):
    """The states that units are in, rising; counts (L, n)."""
    there = np.zeros(counts.shape[1], dtype=np.bool_)
    for label in range(counts.shape[0]):
        for i in range(counts.shape[1]):
            if counts[label, i] > 0:
                there[i] = True
    return np.flatnonzero(there)


@njit(cache=True, nogil=True)
def move(world, taken, key, stage, counts):
    """All units act: (reward, spend, terminal utility of those that end); counts (L, n) are those after it.

    taken (L, m) are units by label and pair; they are put down again, all zero. The draws of a group depend
    on its stage, its state and its rank among the groups of that state only, so that policies which do alike
    meet the same chances.
    """
    reward, spend, ended = 0.0, 0.0, 0.0
    acting = occupied(counts)
    for i in acting:
        for label in range(counts.shape[0]):
            counts[label, i] = 0
    for i in acting:
        group = 0
        for label in range(counts.shape[0]):
            for pair in range(world.pair_ptr[i], world.pair_ptr[i + 1]):
                units = taken[label, pair]
                if units == 0:
                    continue
                taken[label, pair] = 0
                reward += units * world.reward[pair]
                spend += units * world.cost[pair]
                spread(world, pair, units, key, stage, i, group, counts[label])
                group += 1
    for i in range(counts.shape[1]):
        if world.pair_ptr[i] == world.pair_ptr[i + 1]:
            for label in range(counts.shape[0]):
                ended += counts[label, i] * world.terminal_utility[i]
                counts[label, i] = 0
    return reward, spend, ended


@njit(cache=True, nogil=True)
def last_worth(world, counts):
    """Terminal utility of the units that are left after the last decision."""
    worth = 0.0
    for i in range(counts.shape[1]):
        for label in range(counts.shape[0]):
            worth += counts[label, i] * world.terminal_utility[i]
    return worth


@njit(cache=True, nogil=True)
def dearest_that_fits(world, stage, state, slack):
    """The dearest pair of a state whose extra need is within the slack, the first of equals."""
    best, found = -1, -1.0
    for pair in range(world.pair_ptr[state], world.pair_ptr[state + 1]):
        extra = world.extra[stage, pair]
        if (extra <= slack or extra <= 0.0) and world.cost[pair] > found:
            best, found = pair, world.cost[pair]
    return best


@njit(cache=True, nogil=True)
def serve(world, stage, state, wanted, units, slack, taken):
    """As many units as the slack pays for take the wanted pair, the others the dearest that fits.

    Adds to taken (m,), and returns what is left of the slack: money beyond the least that all units still
    need.
    """
    pair = wanted
    while units > 0:
        extra = world.extra[stage, pair]
        fit = units
        if extra > 0.0:
            fit = units if slack / extra >= units else max(0, int(slack / extra))
            while fit > 0 and times_up(fit, extra) > slack:
                fit -= 1
            slack = minus_down(slack, times_up(fit, extra))
        taken[pair] += fit
        units -= fit
        if units > 0:
            pair = dearest_that_fits(world, stage, state, slack)
    return slack


@njit(cache=True, nogil=True)
def slack_of(world, stage, counts, money):
    """Money beyond the least that all units need in the worst case, rounded down; counts (n,)."""
    for i in range(counts.shape[0]):
        if counts[i] > 0 and world.least[stage, i] > 0.0:
            money = minus_down(money, times_up(counts[i], world.least[stage, i]))
    return money


@njit(cache=True, nogil=True)
def paid(world, taken, money):
    """What is left of the money after all units acted, rounded down; taken (m,)."""
    for pair in range(taken.shape[0]):
        if taken[pair] > 0:
            money = minus_down(money, times_up(taken[pair], world.cost[pair]))
    return money


@njit(cache=True, nogil=True)
def in_order(first, second, size, order):
    """Fills order with 0, ..., size - 1 by two keys, then by themselves (Shell's sort); returns size."""
    gap = 1
    while gap < size // 3:
        gap = 3 * gap + 1
    for g in range(size):
        order[g] = g
    while gap > 0:
        for right in range(gap, size):
            g, at = order[right], right
            while at >= gap:
                h = order[at - gap]
                if first[h] < first[g] or (first[h] == first[g] and second[h] < second[g]):
                    break
                if first[h] == first[g] and second[h] == second[g] and h < g:
                    break
                order[at] = h
                at -= gap
            order[at] = g
        gap //= 3
    return size
