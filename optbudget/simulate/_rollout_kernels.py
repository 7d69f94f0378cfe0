"""One trial of a policy from the first stage to the last, in counts of units; nothing is checked.

Every kernel fills `spend` (T,), money as it is paid at each stage, and returns the discounted value.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from optbudget.simulate._draws_kernels import binomial, uniforms
from optbudget.simulate._money_kernels import over_down
from optbudget.simulate._step_kernels import (
    in_order,
    last_worth,
    move,
    occupied,
    paid,
    serve,
    slack_of,
)

LOTTERY = 0xFFFFFFFF
"""The place of the draw that decides the level of a randomised unit."""

DRAWN = 0xFFFFFF
"""The entry of draws that decide how many units of a group are raised."""

START = 0xFFFFFFFF
"""The stage of draws before the first."""

MANY = 1 << 24
"""Added to the group of a lottery that many units draw from, away from those of the rows."""


class Levels(NamedTuple):
    """The curves of all stages, as those read them who act by budgets.

    segment_ptr (T+1,): segments of stage k in order of purchase, of `state` and `length` each. first, points
    (T, n): where in budget and pair the breakpoints of a state at a stage begin, and their number.
    """

    segment_ptr: np.ndarray
    state: np.ndarray
    length: np.ndarray
    first: np.ndarray
    points: np.ndarray
    budget: np.ndarray
    pair: np.ndarray


class StageLevels(NamedTuple):
    """The curves of one stage, as `Levels` has them; states that nobody is in need none.

    state, length (N,): segments in order of purchase; first, points (n,).
    """

    state: np.ndarray
    length: np.ndarray
    first: np.ndarray
    points: np.ndarray
    budget: np.ndarray
    pair: np.ndarray


@njit(cache=True, nogil=True)
def at_stage(levels, stage):
    """The curves of one of the stages."""
    begin, end = levels.segment_ptr[stage], levels.segment_ptr[stage + 1]
    return StageLevels(
        levels.state[begin:end], levels.length[begin:end],
        levels.first[stage], levels.points[stage], levels.budget, levels.pair,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def bought(levels, counts, money, level, place):
    """Levels that money buys to all units of a state, and (marginal state or -1, units of it one level up).

    The units are a whole number and a fraction, the chance of one more. `place` (n,) says when a state was
    last raised, -1 is never.
    """
    for i in range(counts.shape[0]):
        level[i], place[i] = 0, -1
        if counts[i] > 0:
            money -= counts[i] * levels.budget[levels.first[i]]
    for s in range(levels.state.shape[0]):
        i = levels.state[s]
        if counts[i] == 0:
            continue
        need = counts[i] * levels.length[s]
        if need > money:
            return i, min(max(0.0, money / levels.length[s]), float(counts[i]))
        money -= need
        level[i] += 1
        place[i] = s
    return -1, 0.0


@njit(cache=True, nogil=True)
def by_place(counts, place):
    """The states that units are in, by their place, then by themselves."""
    there = np.flatnonzero(counts)
    rank, order = place[there], np.empty(there.shape[0], dtype=np.int64)
    in_order(rank, rank, there.shape[0], order)
    return there[order]


@njit(cache=True, nogil=True)
def reallocated(world, levels, stage, counts, money, key, taken):
    """The money left is split anew; units act in the order of their price while it lasts; adds to taken (m,).

    The least feasible budgets come first, the units raised at the margin last, the randomised one at the end.
    """
    n = counts.shape[0]
    level, place = np.empty(n, dtype=np.int64), np.empty(n)
    marginal, raised = bought(levels, counts, money, level, place)
    slack = slack_of(world, stage, counts, money)
    whole = math.floor(raised)
    lot = raised > whole
    for i in by_place(counts, place):
        units = counts[i]
        if i == marginal:
            units -= whole + int(lot)
        if units > 0:
            pair = levels.pair[levels.first[i] + level[i]]
            if pair >= 0:
                slack = serve(world, stage, i, pair, units, slack, taken)
    if marginal >= 0:
        at = levels.first[marginal] + level[marginal]
        if whole > 0:
            slack = serve(world, stage, marginal, levels.pair[at + 1], whole, slack, taken)
        if lot:
            up = uniforms(key, LOTTERY, stage, marginal, 0)[0] < raised - whole
            serve(world, stage, marginal, levels.pair[at + int(up)], 1, slack, taken)


@njit(cache=True, nogil=True)
def reallocating_stage(world, levels, stage, counts, money, key, spend, taken):
    """One stage of reallocation, counts (1, n) as they are after it: (value of the stage, money left)."""
    reallocated(world, levels, stage, counts[0], money, key, taken[0])
    money = over_down(paid(world, taken[0], money), world.cost_discount)
    reward, spend[stage], ended = move(world, taken, key, stage, counts)
    return reward + world.discount * ended, money


@njit(cache=True, nogil=True)
def reallocating_trial(world, levels, start, money, key, spend):
    """Dynamic reallocation: what is left is split anew at every stage, and never exceeded; start (1, n)."""
    counts = start.copy()
    taken = np.zeros((1, world.cost.shape[0]), dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        now = at_stage(levels, stage)
        worth, money = reallocating_stage(world, now, stage, counts, money, key, spend, taken)
        value += weight * worth
        weight *= world.discount
    return value + weight * last_worth(world, counts)


@njit(cache=True, nogil=True)
def following_trial(world, wanted, start, key, spend):
    """Every unit keeps the price it has drawn: label l takes wanted[l, stage, state]; start (L, n)."""
    counts = start.copy()
    taken = np.zeros((start.shape[0], world.cost.shape[0]), dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        for i in occupied(counts):
            for label in range(counts.shape[0]):
                if counts[label, i] > 0:
                    taken[label, wanted[label, stage, i]] += counts[label, i]
        reward, spend[stage], ended = move(world, taken, key, stage, counts)
        value += weight * (reward + world.discount * ended)
        weight *= world.discount
    return value + weight * last_worth(world, counts)


@njit(cache=True, nogil=True)
def index_trial(world, wanted, index, start, money, key, spend):
    """As `following_trial`, while money lasts: the highest index (T, m) of what is wanted is served first."""
    labels, n = start.shape
    counts, total = start.copy(), np.empty(n, dtype=np.int64)
    taken = np.zeros((labels, world.cost.shape[0]), dtype=np.int64)
    rank, group = np.empty(labels * n), np.empty(labels * n, dtype=np.int64)
    order = np.empty(labels * n, dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        groups = 0
        for i in range(n):
            total[i] = 0
            for label in range(labels):
                total[i] += counts[label, i]
                if counts[label, i] > 0:
                    rank[groups] = -index[stage, wanted[label, stage, i]]
                    group[groups] = label * n + i
                    groups += 1
        slack = slack_of(world, stage, total, money)
        for at in range(in_order(rank, rank, groups, order)):
            g = order[at]
            label, i = group[g] // n, group[g] % n
            pair = np.int64(wanted[label, stage, i])
            slack = serve(world, stage, i, pair, counts[label, i], slack, taken[label])
        for label in range(labels):
            money = paid(world, taken[label], money)
        money = over_down(money, world.cost_discount)
        reward, spend[stage], ended = move(world, taken, key, stage, counts)
        value += weight * (reward + world.discount * ended)
        weight *= world.discount
    return value + weight * last_worth(world, counts)


@njit(cache=True, nogil=True)
def drawn_rows(state, count, probability, key, units):
    """Units of each row of an allocation, (r,): those of the two rows of a lottery draw one of them each."""
    r, place, last = 0, 0, -1
    while r < count.shape[0]:
        units[r] = count[r]
        if probability[r] < 1.0:
            place = place + 1 if state[r] == last else 0
            last = state[r]
            if count[r] == 1:
                first = int(uniforms(key, LOTTERY, START, state[r], place)[0] < probability[r])
            else:
                first = binomial(count[r], probability[r], key, DRAWN, START, state[r], MANY + place)
            units[r], units[r + 1] = first, count[r] - first
            r += 1
        r += 1
