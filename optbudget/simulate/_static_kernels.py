"""One trial in which every unit owns its money: groups of units by (state, money left); no checks."""

import numpy as np
from numba import njit

from optbudget.simulate._draws_kernels import binomial
from optbudget.simulate._money_kernels import minus_down, over_down
from optbudget.simulate._rollout_kernels import DRAWN, at_stage
from optbudget.simulate._step_kernels import dearest_that_fits, in_order, spread

NEAR = 1e-12
"""Amounts of money that differ by less, relative to the largest, differ by rounding."""


@njit(cache=True, nogil=True)
def level_of(levels, state, money):
    """The highest level whose budget is within the money, and the chance of the one above it."""
    first = levels.first[state]
    low, high = first, first + levels.points[state]
    while high - low > 1:
        middle = (low + high) // 2
        if levels.budget[middle] <= money:
            low = middle
        else:
            high = middle
    begin = levels.budget[low]
    if money <= begin or high == first + levels.points[state]:
        return low - first, 0.0
    return low - first, (money - begin) / (levels.budget[high] - begin)


@njit(cache=True, nogil=True)
def static_pair(world, levels, stage, state, level, money, strict):
    """What a unit that owns `money` does at a level; if strict, at most the dearest it can pay for."""
    pair = levels.pair[levels.first[state] + level]
    if strict:
        slack = minus_down(money, world.least[stage, state])
        if world.extra[stage, pair] > slack:
            return dearest_that_fits(world, stage, state, slack)
    return pair


@njit(cache=True, nogil=True)
def gathered(groups, spare, size):
    """Groups of one state and, to rounding, one amount of money become one with the least, sorted; how many.

    groups and spare are (state, money, units), each of at least `size`; the spare is filled.
    """
    state, money, units = groups
    order = np.empty(size, dtype=np.int64)
    most = 0.0
    for g in range(in_order(state, money, size, order)):
        most = max(most, abs(money[g]))
    last = -1
    for at in range(size):
        g = order[at]
        if last >= 0 and spare[0][last] == state[g] and money[g] - spare[1][last] <= NEAR * most:
            spare[2][last] += units[g]
        else:
            last += 1
            spare[0][last], spare[1][last], spare[2][last] = state[g], money[g], units[g]
    return last + 1


@njit(cache=True, nogil=True)
def as_groups(rows):
    """Rows (state, money, units) as groups of one state and one amount of money, sorted; state as floats."""
    size = rows[0].shape[0]
    groups = (np.empty(size), np.empty(size), np.empty(size, dtype=np.int64))
    size = gathered(rows, groups, size)
    return groups[0][:size], groups[1][:size], groups[2][:size]


@njit(cache=True, nogil=True)
def static_stage(world, levels, stage, groups, strict, key, spend, after):
    """One stage of groups (state, money, units): (value of the stage, groups after it); after (n,) zeros."""
    room = min(groups[2].sum(), 2 * groups[0].shape[0] * after.shape[0])
    reached = (np.empty(room), np.empty(room), np.empty(room, dtype=np.int64))
    filled, reward, ended, spend[stage] = 0, 0.0, 0.0, 0.0
    group, before = 0, -1
    for g in range(groups[0].shape[0]):
        i, money, units = int(groups[0][g]), groups[1][g], groups[2][g]
        group = group if i == before else 0
        before = i
        level, chance = level_of(levels, i, money)
        raised = binomial(units, chance, key, DRAWN, stage, i, group)
        for up in range(2):
            acting = raised if up == 1 else units - raised
            if acting == 0:
                continue
            pair = static_pair(world, levels, stage, i, level + up, money, strict)
            reward += acting * world.reward[pair]
            spend[stage] += acting * world.cost[pair]
            left = over_down(minus_down(money, world.cost[pair]), world.cost_discount)
            spread(world, pair, acting, key, stage, i, group, after)
            group += 1
            row = world.pair_row[pair]
            for entry in range(world.row_ptr[row], world.row_ptr[row + 1]):
                j = world.next_state[entry]
                if world.pair_ptr[j] == world.pair_ptr[j + 1]:
                    ended += after[j] * world.terminal_utility[j]
                elif after[j] > 0:
                    reached[0][filled], reached[1][filled], reached[2][filled] = j, left, after[j]
                    filled += 1
                after[j] = 0
    return reward + world.discount * ended, as_groups(
        (reached[0][:filled], reached[1][:filled], reached[2][:filled])
    )


@njit(cache=True, nogil=True)
def static_last(world, groups):
    """Terminal utility of the groups that are left after the last decision."""
    worth = 0.0
    for g in range(groups[0].shape[0]):
        worth += groups[2][g] * world.terminal_utility[int(groups[0][g])]
    return worth


@njit(cache=True, nogil=True)
def static_trial(world, levels, rows, strict, key, spend):
    """Every unit owns its money and gets no more: rows (state, money, units) are groups; state as floats."""
    groups = as_groups(rows)
    after = np.zeros(world.terminal_utility.shape[0], dtype=np.int64)
    value, weight = 0.0, 1.0
    for stage in range(spend.shape[0]):
        now = at_stage(levels, stage)
        worth, groups = static_stage(world, now, stage, groups, strict, key, spend, after)
        value += weight * worth
        weight *= world.discount
    return value + weight * static_last(world, groups)
