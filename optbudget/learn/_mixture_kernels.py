"""Loops over units and what followed their histories: who belongs to which component, and what these do."""

import numpy as np
from numba import njit, prange

from optbudget.learn._context_kernels import BEFORE, child_of, find

CHUNKS = 16
"""Pieces into which parallel loops are cut, whatever the number of threads."""


@njit(cache=True, error_model="numpy")
def places(unit, start, found):
    """Stable counting sort: found[i] is the row that comes i-th by unit; start (U,) is moved on."""
    for row in range(unit.size):
        found[start[unit[row]]] = row
        start[unit[row]] += 1


@njit(cache=True, parallel=True, error_model="numpy")
def longest_nodes(words, tree, layout, found):
    """The longest node that ends each history, (N,). tree: child_ptr, symbol, start; layout as in `score`."""
    child_ptr, symbol, start = tree
    word_of, shift_of, mask = layout
    n = found.size
    for chunk in prange(CHUNKS):
        for i in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            node = 0
            for position in range(word_of.size):
                what = (words[i, word_of[position]] >> shift_of[position]) & mask
                if what == BEFORE:
                    break
                below = child_of(child_ptr, symbol, node, what)
                if below < 0:
                    break
                node = below
            found[i] = node if node else start


@njit(cache=True, parallel=True, error_model="numpy")
def entries(node, following, row_ptr, row_symbol, found):
    """The entry of each node's row that came true, (N,); -1 where the row does not have it."""
    n = found.size
    for chunk in prange(CHUNKS):
        for i in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            end = row_ptr[node[i] + 1]
            at = find(row_symbol, row_ptr[node[i]], end, following[i])
            found[i] = at if at < end else -1


@njit(cache=True, parallel=True, error_model="numpy")
def smoothed_logs(grams, tree, parent, kinds, strength, found):
    """Log-probability of what followed each history by its longest node, shorter ones filling in, (N,).

    As `score` has it for the longest order; grams: node, following; tree: row_ptr, row_symbol, times, total;
    kinds: how many things can follow, one of which has the share of what nobody saw.
    """
    node_of, following = grams
    row_ptr, row_symbol, times, total = tree
    n = found.size
    for chunk in prange(CHUNKS):
        path = np.empty(64, dtype=np.int64)
        for i in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            node, depth = node_of[i], 0
            while node:
                path[depth] = node
                depth += 1
                node = parent[node]
            p = 1.0 / kinds
            for k in range(depth, -1, -1):
                at_node = path[k] if k < depth else 0
                end = row_ptr[at_node + 1]
                at = find(row_symbol, row_ptr[at_node], end, following[i])
                here = times[at] if 0 <= at < end else 0.0
                p = (here + strength * p) / (total[at_node] + strength)
            found[i] = np.log(p)


@njit(cache=True, parallel=True, error_model="numpy")
def expect(ptr, entry, log_probability, log_weight, member, found):
    """The E-step: log-likelihood of each unit, (U,), and how likely it is of each component, (U, K).

    log_probability (z, K), of entries; log_weight (K,). All sums are of logarithms.
    """
    units, kinds = ptr.size - 1, log_weight.size
    for chunk in prange(CHUNKS):
        for u in range(units * chunk // CHUNKS, units * (chunk + 1) // CHUNKS):
            for k in range(kinds):
                member[u, k] = log_weight[k]
            for i in range(ptr[u], ptr[u + 1]):
                row = log_probability[entry[i]]
                for k in range(kinds):
                    member[u, k] += row[k]
            most = member[u, 0]
            for k in range(1, kinds):
                most = max(most, member[u, k])
            total = 0.0
            for k in range(kinds):
                member[u, k] = np.exp(member[u, k] - most) if most > -np.inf else 0.0
                total += member[u, k]
            for k in range(kinds):
                member[u, k] /= total
            found[u] = most + np.log(total)


@njit(cache=True, parallel=True, error_model="numpy")
def weigh(ptr, entry, member, found):
    """The M-step's counts: how often each entry came true, by component, (K, z); found begins with zeros.

    One loop per component, so that sums have one order whatever the number of threads.
    """
    for k in prange(member.shape[1]):
        for u in range(ptr.size - 1):
            share = member[u, k]
            if share == 0.0:
                continue
            for i in range(ptr[u], ptr[u + 1]):
                found[k, entry[i]] += share


@njit(cache=True, error_model="numpy")
def hand_up(parent, row_ptr, row_symbol, times, worth):
    """Add what followed each node (z,), and its worth (n,), to the node without its oldest event."""
    for node in range(parent.size - 1, 0, -1):
        worth[parent[node]] += worth[node]
        at = row_ptr[parent[node]]
        for i in range(row_ptr[node], row_ptr[node + 1]):
            while row_symbol[at] < row_symbol[i]:
                at += 1
            times[at] += times[i]
