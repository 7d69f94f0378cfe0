"""PC-stable's search for the pairs that no set of columns separates, and for the sets that do."""

import numpy as np
from numba import njit

from optbudget.causal._independence_kernels import p_value


@njit(cache=True)
def skeleton(test, alpha, allowed, required, deepest, found):
    """Fill found: adjacent (p, p) bool and tests (p, p), how many were spent on x, y from the side of x.

    allowed[i, j]: i may cause j; required[i, j]: it does, and is not tested. Sets have at most `deepest`
    columns. Returns the size of the largest set that was tried.
    """
    adjacent, tests = found
    p = len(adjacent)
    adjacent[:] = allowed | allowed.T
    candidates, choice, given = np.empty(p, np.int64), np.empty(p, np.int64), np.empty(p, np.int64)
    depth = 0
    while depth <= deepest:
        frozen = adjacent.copy()
        tried = False
        for x in range(p):
            for y in range(p):
                if not adjacent[x, y] or required[x, y] or required[y, x] or (depth == 0 and y < x):
                    continue
                n = possible_parents(frozen, allowed, x, y, candidates)
                if n < depth:
                    continue
                tried = True
                more = first_choice(choice, depth)
                while more:
                    for k in range(depth):
                        given[k] = candidates[choice[k]]
                    tests[x, y] += 1
                    if p_value(test, x, y, given, depth) > alpha:
                        adjacent[x, y] = adjacent[y, x] = False
                        break
                    more = next_choice(choice, depth, n)
        if not tried:
            break
        depth += 1
    return depth - 1


@njit(cache=True)
def separators_with(test, alpha, adjacent, allowed, triple, deepest, tests):
    """How many sets that separate x and y, among possible parents of either, contain z; and do not."""
    x, z, y = triple
    p = len(adjacent)
    candidates, choice, given = np.empty(p, np.int64), np.empty(p, np.int64), np.empty(p, np.int64)
    with_z = without = 0
    for side in range(2):
        one, other = (x, y) if side == 0 else (y, x)
        n = possible_parents(adjacent, allowed, one, other, candidates)
        for depth in range(side, min(n, deepest) + 1):  # The empty set is tried from one side.
            more = first_choice(choice, depth)
            while more:
                inside = False
                for k in range(depth):
                    given[k] = candidates[choice[k]]
                    inside |= given[k] == z
                tests[one, other] += 1
                if p_value(test, one, other, given, depth) > alpha:
                    with_z += inside
                    without += not inside
                more = next_choice(choice, depth, n)
    return with_z, without


@njit(cache=True)
def possible_parents(adjacent, allowed, x, y, candidates):
    """Fill in the neighbours of x, without y, that may cause it; returns how many."""
    n = 0
    for z in range(len(adjacent)):
        if adjacent[x, z] and allowed[z, x] and z != y:
            candidates[n] = z
            n += 1
    return n


@njit(cache=True)
def first_choice(choice, k):
    """The first k of any number."""
    for i in range(k):
        choice[i] = i
    return True


@njit(cache=True)
def next_choice(choice, k, n):
    """The next k of n in lexicographic order; False after the last."""
    i = k - 1
    while i >= 0 and choice[i] == n - k + i:
        i -= 1
    if i < 0:
        return False
    choice[i] += 1
    for j in range(i + 1, k):
        choice[j] = choice[j - 1] + 1
    return True
