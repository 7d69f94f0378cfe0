"""Loops over the tree of contexts: built out of sorted grams level by level, linked, pruned, walked.

Nodes are numbered by length, those of a length in the order of their grams, so parents come before
children and the children of a node stand together, by rising symbol. Node 0 is the empty context.
"""

import numpy as np
from numba import njit

BEFORE, END = 0, 1


@njit(cache=True, error_model="numpy")
def children(words, total, node_low, node_high, place, least, found):
    """Runs of equal symbols at one position inside every node's grams, which are children if seen enough.

    total (N+1,): counts summed before each gram; place: word, shift, mask of the symbol; found: parent,
    symbol, low, high of every child, filled; their number is returned. A run of symbol 0 is no child.
    """
    word, shift, mask = place
    parent, symbol, low, high = found
    n = 0
    for node in range(node_low.size):
        i = node_low[node]
        while i < node_high[node]:
            here = (words[i, word] >> shift) & mask
            j = i + 1
            while j < node_high[node] and ((words[j, word] >> shift) & mask) == here:
                j += 1
            if here != BEFORE and total[j] - total[i] >= least:
                parent[n], symbol[n], low[n], high[n] = node, here, i, j
                n += 1
            i = j
    return n


@njit(cache=True, error_model="numpy")
def row_widths(following, low, high, symbols, width):
    """How many different symbols follow each node."""
    last = np.full(symbols, -1, dtype=np.int64)
    for node in range(low.size):
        for i in range(low[node], high[node]):
            if last[following[i]] != node:
                last[following[i]] = node
                width[node] += 1


@njit(cache=True, error_model="numpy")
def fill_rows(following, count, low, high, symbols, ptr, symbol, times):
    """What follows each node and how often, by rising symbol."""
    seen = np.zeros(symbols, dtype=np.int64)
    for node in range(low.size):
        for i in range(low[node], high[node]):
            seen[following[i]] += count[i]
        at = ptr[node]
        # Counts are > 0, so the symbols seen are those of the row.
        what = 0
        while at < ptr[node + 1]:
            if seen[what]:
                symbol[at], times[at] = what, seen[what]
                seen[what] = 0
                at += 1
            what += 1


@njit(cache=True, inline="always")
def find(symbol, begin, end, wanted):
    """Place of a symbol among rising ones, or -1."""
    while begin < end:
        middle = (begin + end) >> 1
        if symbol[middle] < wanted:
            begin = middle + 1
        else:
            end = middle
    return begin if begin < symbol.size and symbol[begin] == wanted else -1


@njit(cache=True, inline="always")
def child_of(child_ptr, symbol, node, wanted):
    """The node of a context with one more event before it, or -1."""
    end = child_ptr[node + 1]
    at = find(symbol, child_ptr[node], end, wanted)
    return at if at < end else -1


@njit(cache=True, error_model="numpy")
def without_recent(parent, symbol, length, child_ptr, found):
    """For each node the one without the most recent event; -1 where it is no node."""
    for node in range(parent.size):
        if length[node] <= 1:
            found[node] = 0
        elif found[parent[node]] < 0:
            found[node] = -1
        else:
            found[node] = child_of(child_ptr, symbol, found[parent[node]], symbol[node])


@njit(cache=True, error_model="numpy")
def link(parent, recent, shorter, row_ptr, row_symbol, following):
    """The longest node that ends each entry's history: goto(node, symbol), -1 for "end".

    following begins with -1. What a node does not have itself it has from its parent, whose row holds all
    symbols of its own.
    """
    for node in range(parent.size):
        if shorter[node] >= 0 and recent[node] > END:
            w = shorter[node]
            at = find(row_symbol, row_ptr[w], row_ptr[w + 1], recent[node])
            if at >= 0 and at < row_ptr[w + 1]:
                following[at] = node
    for node in range(1, parent.size):
        at = row_ptr[parent[node]]
        for i in range(row_ptr[node], row_ptr[node + 1]):
            if following[i] >= 0 or row_symbol[i] == END:
                continue
            while row_symbol[at] < row_symbol[i]:
                at += 1
            following[i] = following[at]


@njit(cache=True, error_model="numpy")
def gains(parent, row_ptr, row_symbol, times, total, found):
    """How many nats better each node's row explains what followed it than its parent's row does."""
    for node in range(1, parent.size):
        p = parent[node]
        at = row_ptr[p]
        for i in range(row_ptr[node], row_ptr[node + 1]):
            while row_symbol[at] < row_symbol[i]:
                at += 1
            own, other = times[i] / total[node], times[at] / total[p]
            found[node] += times[i] * np.log(own / other)


@njit(cache=True, error_model="numpy")
def close(parent, shorter, length, kept):
    """Keep whatever a kept node without its oldest or without its most recent event is."""
    for node in range(parent.size - 1, 0, -1):
        if kept[node]:
            kept[parent[node]] = True
            if length[node] > 1:
                kept[shorter[node]] = True


@njit(cache=True, error_model="numpy")
def altered(parent, symbol, length, child_ptr, start, action, found):
    """For each node the longest node that ends its history with the last event replaced."""
    single = child_of(child_ptr, symbol, 0, action)
    for node in range(1, parent.size):
        p = parent[node]
        if node == start or length[node] == 1:
            found[node] = single
            continue
        found[node] = found[p]
        if length[found[p]] == length[p]:
            child = child_of(child_ptr, symbol, found[p], symbol[node])
            if child >= 0:
                found[node] = child


@njit(cache=True, error_model="numpy")
def smooth(parent, length, rows, ptr, strength, wide):
    """Rows with `strength` counts added in the proportions of the parent's smoothed row.

    rows: row_ptr, row_symbol, times, total, following. Rows of single events, of the start and of the root
    stay as they are; a longer context's row is as wide as that of its most recent event. ptr (n+1,): where
    the wide rows begin; wide: symbol, next node, probability and count of their entries, filled.
    """
    row_ptr, row_symbol, times, total, following = rows
    symbol, after, probability, seen = wide
    for node in range(parent.size):
        at, base = row_ptr[node], ptr[parent[node]]
        add = strength if length[node] > 1 else 0.0
        for k in range(ptr[node + 1] - ptr[node]):
            i = ptr[node] + k
            share = 0.0
            if length[node] > 1:
                symbol[i], after[i], share = symbol[base + k], after[base + k], add * probability[base + k]
            else:
                symbol[i] = row_symbol[at]
            seen[i] = 0
            if at < row_ptr[node + 1] and row_symbol[at] == symbol[i]:
                seen[i], after[i] = times[at], following[at]
                at += 1
            probability[i] = (share + seen[i]) / (total[node] + add)


@njit(cache=True, error_model="numpy")
def score(grams, tree, layout, strength, found):
    """Log-likelihood of what followed, by the longest node of up to K events, for all K at once.

    grams: words, following symbol, count. tree: child_ptr, symbol, start, row_ptr, row_symbol, times,
    total. layout: words and shifts of all positions, mask. found: log-likelihood and how often the row
    had probability 0, per order (K+1,); visits (n,) of the nodes used at order K, and how often each entry
    (z,) of their rows came true.
    """
    words, following, count = grams
    child_ptr, symbol, start, row_ptr, row_symbol, times, total = tree
    word_of, shift_of, mask = layout
    likelihood, never, visits, seen = found
    orders = likelihood.size
    kinds = row_ptr[1] + 1.0
    for i in range(count.size):
        node, length, wanted = 0, 0, following[i]
        # An event nobody saw has the share of one of all kinds.
        p = 1.0 / kinds
        going, there, at = True, False, 0
        for order in range(orders):
            if order > 0 and going:
                position = order - 1
                what = (words[i, word_of[position]] >> shift_of[position]) & mask
                below = -1
                if what != BEFORE:
                    below = child_of(child_ptr, symbol, node, what)
                elif order == 1:
                    below = start
                going = below >= 0 and below != start
                if below >= 0:
                    node = below
                    length += 1
            at = find(row_symbol, row_ptr[node], row_ptr[node + 1], wanted)
            there = at >= 0 and at < row_ptr[node + 1]
            if length == order:
                p = ((times[at] if there else 0.0) + strength * p) / (total[node] + strength)
            likelihood[order] += count[i] * np.log(p)
            if not there:
                never[order] += count[i]
        visits[node] += count[i]
        if there:
            seen[at] += count[i]
