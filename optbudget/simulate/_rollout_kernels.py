"""One trial of a policy from the first stage to the last, in counts of units; nothing is checked.

Every kernel fills `spend` (T,), money as it is paid at each stage, and returns the discounted value.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from optbudget.simulate._draws_kernels import binomial, uniforms
from optbudget.simulate._money_kernels import minus_down, over_down
from optbudget.simulate._step_kernels import (
    dearest_that_fits,
    last_worth,
    move,
    paid,
    serve,
    slack_of,
    spread,
)

LOTTERY = 0xFFFFFFFF
"""The place of the draw that decides the level of a randomised unit."""

DRAWN = 0xFFFFFF
"""The entry of draws that decide how many units of a group are raised."""


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


@njit(cache=True, nogil=True)
def bought(levels, stage, counts, money, level, place):
    """Levels that money buys to all units of a state, and (marginal state or -1, units of it one level up).

    The units are a whole number and a fraction, the chance of one more. `place` (n,) says when a state was
    last raised, -1 is never.
    """
    for i in range(counts.shape[0]):
        level[i], place[i] = 0, -1
        if counts[i] > 0:
            money -= counts[i] * levels.budget[levels.first[stage, i]]
    for s in range(levels.segment_ptr[stage], levels.segment_ptr[stage + 1]):
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
def reallocated(world, levels, stage, counts, money, key, taken):
    """The money left is split anew; units act in the order of their price while it lasts; fills taken (m,).

    The least feasible budgets come first, the units raised at the margin last, the randomised one at the end.
    """
    n = counts.shape[0]
    taken[:] = 0
    level, place = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    marginal, raised = bought(levels, stage, counts, money, level, place)
    slack = slack_of(world, stage, counts, money)
    whole = math.floor(raised)
    lot = raised > whole
    for i in np.argsort(place, kind="mergesort"):
        units = counts[i]
        if i == marginal:
            units -= whole + int(lot)
        if units > 0:
            pair = levels.pair[levels.first[stage, i] + level[i]]
            if pair >= 0:
                slack = serve(world, stage, i, pair, units, slack, taken)
    if marginal >= 0:
        at = levels.first[stage, marginal] + level[marginal]
        if whole > 0:
            slack = serve(world, stage, marginal, levels.pair[at + 1], whole, slack, taken)
        if lot:
            up = uniforms(key, LOTTERY, stage, marginal, 0)[0] < raised - whole
            serve(world, stage, marginal, levels.pair[at + int(up)], 1, slack, taken)


@njit(cache=True, nogil=True)
def reallocating_trial(world, levels, start, money, key, spend):
    """Dynamic reallocation: what is left is split anew at every stage, and never exceeded."""
    counts = np.empty((1, start.shape[0]), dtype=np.int64)
    counts[0] = start
    taken = np.zeros((1, world.cost.shape[0]), dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        reallocated(world, levels, stage, counts[0], money, key, taken[0])
        money = over_down(paid(world, taken[0], money), world.cost_discount)
        reward, spend[stage], ended = move(world, taken, key, stage, counts)
        value += weight * (reward + world.discount * ended)
        weight *= world.discount
    return value + weight * last_worth(world, counts)


@njit(cache=True, nogil=True)
def following_trial(world, wanted, start, key, spend):
    """Every unit keeps the price it has drawn: label l takes wanted[l, stage, state]; start (L, n)."""
    counts = start.copy()
    taken = np.zeros((start.shape[0], world.cost.shape[0]), dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        taken[:] = 0
        for label in range(counts.shape[0]):
            for i in range(counts.shape[1]):
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
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        taken[:] = 0
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
        for g in np.argsort(rank[:groups], kind="mergesort"):
            label, i = group[g] // n, group[g] % n
            pair = wanted[label, stage, i]
            slack = serve(world, stage, i, pair, counts[label, i], slack, taken[label])
        for label in range(labels):
            money = paid(world, taken[label], money)
        money = over_down(money, world.cost_discount)
        reward, spend[stage], ended = move(world, taken, key, stage, counts)
        value += weight * (reward + world.discount * ended)
        weight *= world.discount
    return value + weight * last_worth(world, counts)


@njit(cache=True, nogil=True)
def level_of(levels, stage, state, money):
    """The highest level whose budget is within the money, and the chance of the one above it."""
    first, size = levels.first[stage, state], levels.points[stage, state]
    budgets = levels.budget[first : first + size]
    level = np.searchsorted(budgets, money, side="right") - 1
    if level < 0 or level == size - 1:
        return max(level, 0), 0.0
    return level, (money - budgets[level]) / (budgets[level + 1] - budgets[level])


@njit(cache=True, nogil=True)
def static_pair(world, levels, stage, state, level, money, strict):
    """What a unit that owns `money` does at a level; if strict, at most the dearest it can pay for."""
    pair = levels.pair[levels.first[stage, state] + level]
    if strict:
        slack = minus_down(money, world.least[stage, state])
        if world.extra[stage, pair] > slack:
            return dearest_that_fits(world, stage, state, slack)
    return pair


@njit(cache=True, nogil=True)
def gathered(state, money, units, size, near):
    """Groups of one state and of amounts `near` each other made one, with the least; sorted. Their number."""
    order = np.argsort(money[:size], kind="mergesort")
    order = order[np.argsort(state[:size][order], kind="mergesort")]
    sorted_state, sorted_money, sorted_units = state[order], money[order], units[order]
    last = -1
    for g in range(size):
        alike = last >= 0 and state[last] == sorted_state[g] and sorted_money[g] - money[last] <= near
        if alike:
            units[last] += sorted_units[g]
        else:
            last += 1
            state[last], money[last], units[last] = sorted_state[g], sorted_money[g], sorted_units[g]
    return last + 1


@njit(cache=True, nogil=True)
def static_trial(world, levels, rows, strict, key, spend):
    """Every unit owns its money and gets no more: rows are groups of units by (state, money, units)."""
    state, money, units = rows[0].copy(), rows[1].copy(), rows[2].copy()
    after = np.zeros(world.terminal_utility.shape[0], dtype=np.int64)
    people, near = units.sum(), 1e-12 * money.max()
    value, weight = 0.0, 1.0
    size = gathered(state, money, units, state.shape[0], near)
    for stage in range(spend.shape[0]):
        room = min(people, 2 * size * after.shape[0])
        new_state, new_money = np.empty(room, dtype=np.int64), np.empty(room)
        new_units = np.empty(room, dtype=np.int64)
        filled, reward, ended, spend[stage] = 0, 0.0, 0.0, 0.0
        group, before = 0, -1
        for g in range(size):
            i = state[g]
            group = group if i == before else 0
            before = i
            level, chance = level_of(levels, stage, i, money[g])
            raised = binomial(units[g], chance, key, DRAWN, stage, i, group)
            for up in range(2):
                acting = raised if up else units[g] - raised
                if acting == 0:
                    continue
                pair = static_pair(world, levels, stage, i, level + up, money[g], strict)
                reward += acting * world.reward[pair]
                spend[stage] += acting * world.cost[pair]
                left = over_down(minus_down(money[g], world.cost[pair]), world.cost_discount)
                spread(world, pair, acting, key, stage, i, group, after)
                group += 1
                row = world.pair_row[pair]
                for entry in range(world.row_ptr[row], world.row_ptr[row + 1]):
                    j = world.next_state[entry]
                    if world.pair_ptr[j] == world.pair_ptr[j + 1]:
                        ended += after[j] * world.terminal_utility[j]
                    elif after[j] > 0:
                        new_state[filled], new_money[filled], new_units[filled] = j, left, after[j]
                        filled += 1
                    after[j] = 0
        value += weight * (reward + world.discount * ended)
        weight *= world.discount
        state, money, units = new_state, new_money, new_units
        size = gathered(state, money, units, filled, near)
    for g in range(size):
        value += weight * units[g] * world.terminal_utility[state[g]]
    return value


@njit(cache=True, nogil=True)
def drawn_rows(state, count, probability, key, units):
    """Units of each row of an allocation, (r,): of the two rows of a randomised unit one has it."""
    r = 0
    while r < count.shape[0]:
        units[r] = count[r]
        if probability[r] < 1.0:
            first = uniforms(key, LOTTERY, -1, state[r], 0)[0] < probability[r]
            units[r], units[r + 1] = int(first), 1 - int(first)
            r += 1
        r += 1


@njit(cache=True, nogil=True)
def drawn_labels(state, units, low, high, share, key, start):
    """Adds the units of each row to start (L, n), each at its own draw of two labels."""
    for r in range(state.shape[0]):
        raised = binomial(units[r], share[r], key, DRAWN, -1, state[r], r)
        start[high[r], state[r]] += raised
        start[low[r], state[r]] += units[r] - raised
