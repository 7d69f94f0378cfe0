"""Compiled loops of splits under limits; arrays in, arrays out, nothing is checked.

A *step* is the part of a segment between what a unit must and what it may be assigned, for all units of a
block. Its *place* is one of `bins` intervals of the price, dearest first: the leading bits of a positive
double rise with it, so no search is needed. Work is cut into a fixed number of chunks, so no result
depends on the number of threads.
"""

import numpy as np
from numba import njit, prange

CHUNKS = 8


@njit(cache=True)
def place_of(price, base, shift, bins):
    """The interval of a price > 0, from 0 for the dearest."""
    step = (np.float64(price).view(np.int64) - base) >> shift
    return bins - 1 - min(max(step, 0), bins - 1)


@njit(cache=True, parallel=True, error_model="numpy")
def weigh(indptr, length, gain, start, state, count, least, most, node, base, shift, money, number):
    """Money of all steps, by node and interval of their price.

    Shapes: indptr (n+1,); length, gain (N,); start (n,); state, count, least, most, node (k,). Added to:
    money (CHUNKS, nodes, bins); number (CHUNKS, nodes, bins) how many steps there are.
    """
    k = state.shape[0]
    bins = money.shape[2]
    for chunk in prange(CHUNKS):
        for i in range(chunk * k // CHUNKS, (chunk + 1) * k // CHUNKS):
            if count[i] == 0:
                continue
            s = state[i]
            low, total, before = start[s], 0.0, np.inf
            for j in range(indptr[s], indptr[s + 1]):
                total += length[j]
                high = start[s] + total
                before = min(gain[j] / length[j], before)
                x0, x1 = max(low, least[i]), min(high, most[i])
                if x1 > x0 and before > 0:
                    place = place_of(before, base, shift, bins)
                    money[chunk, node[i], place] += count[i] * (x1 - x0)
                    number[chunk, node[i], place] += 1
                low = high


@njit(cache=True, parallel=True, error_model="numpy")
def list_steps(
    indptr, length, gain, start, state, count, least, most, node, base, shift, bins, window, at, first, step,
    price, money, low_end, high_end,
):  # fmt: skip
    """Buy the steps above each node's window of intervals, and write out those inside it.

    Shapes: as in `weigh`; window (nodes, 2) first and last interval; at (k,) overwritten by what a unit
    has after the steps above; first (CHUNKS,) where each chunk begins to write; step, price, money, low_end,
    high_end (t,) overwritten: the block, the price, what it costs all units, and the money of one unit
    below and above.
    """
    k = state.shape[0]
    for chunk in prange(CHUNKS):
        slot = first[chunk]
        for i in range(chunk * k // CHUNKS, (chunk + 1) * k // CHUNKS):
            s = state[i]
            at[i] = max(start[s], least[i])
            if count[i] == 0:
                continue
            low, total, before = start[s], 0.0, np.inf
            for j in range(indptr[s], indptr[s + 1]):
                total += length[j]
                high = start[s] + total
                before = min(gain[j] / length[j], before)
                x0, x1 = max(low, least[i]), min(high, most[i])
                if x1 > x0 and before > 0:
                    place = place_of(before, base, shift, bins)
                    if place < window[node[i], 0]:
                        at[i] = x1
                    elif place <= window[node[i], 1]:
                        step[slot], price[slot] = i, before
                        money[slot] = count[i] * (x1 - x0)
                        low_end[slot], high_end[slot] = x0, x1
                        slot += 1
                low = high


@njit(cache=True)
def settle(node, price, money, parent, first, last, order, least, most, total, bought, top, bottom):
    """Buy steps by falling price: what each group must be assigned, inner groups first, then what money is
    left.

    Shapes: node, price, money, bought (t,) steps by falling price, bought overwritten; parent, first,
    last, least, most, total, top, bottom (g+1,) groups and the root, which is the last: the groups inside
    v are those w with first[v] <= first[w] < last[v]; order lists them, inner ones first. `total` holds
    what the blocks of each group alone are assigned, and is overwritten by all its money; top is where a
    most was reached, the price of the first step that it stopped (-1 if none); bottom the price of the last
    step that a least bought (inf if none, 0 if there was none left to buy).
    """
    root = parent.shape[0] - 1
    top[:] = -1.0
    bottom[:] = np.inf
    bought[:] = 0.0
    for v in order:
        if total[v] < least[v]:
            bottom[v] = 0.0
            for t in range(node.shape[0]):
                w = node[t]
                if first[w] < first[v] or first[w] >= last[v] or bought[t] >= money[t]:
                    continue
                deficit = least[v] - total[v]
                rest = min(money[t] - bought[t], deficit)
                amount = _buy(w, v, rest, price[t], parent, most, total, top)
                bought[t] += amount
                if amount >= deficit:
                    bottom[v] = price[t]
                    break
            total[v] = least[v] if bottom[v] >= 0.0 and total[v] < least[v] else total[v]
        if v != root:
            total[parent[v]] += total[v]
    for t in range(node.shape[0]):
        rest = money[t] - bought[t]
        if rest > 0:
            bought[t] += _buy(node[t], -1, rest, price[t], parent, most, total, top)
            if top[root] >= 0:
                break


@njit(cache=True)
def _buy(node, end, rest, price, parent, most, total, top):
    """Buy `rest`, or what the mosts from `node` up to below `end` leave room for; `end` itself has room."""
    amount = rest
    v = node
    while v != end and v >= 0:
        amount = min(amount, most[v] - total[v])
        v = parent[v]
    amount = max(amount, 0.0)
    v = node
    while v >= 0:
        if v != end and amount < rest and most[v] - total[v] <= amount and top[v] < 0:
            top[v] = price
        total[v] = most[v] if v != end and total[v] + amount > most[v] else total[v] + amount
        if v == end:
            break
        v = parent[v]
    return amount


@njit(cache=True, parallel=True, error_model="numpy")
def levels_at(
    indptr, length, gain, start_budget, start_value, state, at, level, low, low_value, high, high_value
):
    """The useful budgets about what a unit of each block is assigned.

    Shapes: state, at (k,); overwritten, (k,): level the last useful budget that is not above, low and
    low_value its money and value, high and high_value those of the next one (NaN where there is none).
    """
    k = state.shape[0]
    for chunk in prange(CHUNKS):
        for i in range(chunk * k // CHUNKS, (chunk + 1) * k // CHUNKS):
            s = state[i]
            money, worth = 0.0, 0.0
            low[i], low_value[i], level[i] = start_budget[s], start_value[s], 0
            high[i], high_value[i] = np.nan, np.nan
            for j in range(indptr[s], indptr[s + 1]):
                money += length[j]
                worth += gain[j]
                if start_budget[s] + money > at[i]:
                    high[i], high_value[i] = start_budget[s] + money, start_value[s] + worth
                    break
                low[i], low_value[i] = start_budget[s] + money, start_value[s] + worth
                level[i] += 1
