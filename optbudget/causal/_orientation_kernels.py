"""Directions of a skeleton's edges: what is known, then colliders, then Meek's rules. No cycle is made."""

import numpy as np
from numba import njit

from optbudget.causal._skeleton_kernels import separators_with


@njit(cache=True)
def orient_known(adjacent, allowed, required, directed):
    """Direct every edge of which only one direction may be; drop one that would then close a cycle."""
    p = len(adjacent)
    for known in (True, False):
        for i in range(p):
            for j in range(p):
                if adjacent[i, j] and not allowed[j, i] and required[i, j] == known and not directed[i, j]:
                    if leads(directed, j, i):
                        adjacent[i, j] = adjacent[j, i] = False
                    else:
                        directed[i, j] = True


@njit(cache=True)
def find_colliders(test, alpha, deepest, unanimous, skeleton, found):
    """Look at every open triple x - z - y whose ends are apart.

    skeleton: adjacent, allowed, directed. found: triples (n, 3), strength (n, 2) (less is stronger),
    ambiguous (p, p, p) and tests (p, p). A triple is a collider where z is in less than half of the sets that
    separate its ends (in none, if `unanimous`), ambiguous where it is in half of them (in some), or where an
    edge of the ends is forbidden, which no test is spent on. Returns how many colliders there are; those
    beyond the room of `triples` are only counted.
    """
    adjacent, allowed, directed = skeleton
    triples, strength, ambiguous, tests = found
    p, n = len(adjacent), 0
    for z in range(p):
        for x in range(p):
            for y in range(x + 1, p):
                if not adjacent[x, z] or not adjacent[y, z] or adjacent[x, y] or x == z or y == z:
                    continue
                if not allowed[x, z] or not allowed[y, z] or (directed[x, z] and directed[y, z]):
                    continue
                if not allowed[x, y] and not allowed[y, x]:  # They are apart because it is said, not seen.
                    ambiguous[x, z, y] = ambiguous[y, z, x] = True
                    continue
                inside, outside = separators_with(test, alpha, adjacent, allowed, (x, z, y), deepest, tests)
                if outside > 0 and (inside == 0 or (inside < outside and not unanimous)):
                    if n < len(triples):
                        triples[n, 0], triples[n, 1], triples[n, 2] = x, z, y
                        strength[n, 0], strength[n, 1] = inside / (inside + outside), -outside
                    n += 1
                elif inside == outside or (outside > 0 and unanimous):
                    ambiguous[x, z, y] = ambiguous[y, z, x] = True
    return n


@njit(cache=True)
def orient_colliders(triples, directed):
    """Direct x -> z <- y for each triple in turn, where nothing said before is against it."""
    for k in range(len(triples)):
        x, z, y = triples[k]
        if directed[z, x] or directed[z, y] or leads(directed, z, x) or leads(directed, z, y):
            continue
        directed[x, z] = directed[y, z] = True


@njit(cache=True)
def orient_by_rules(adjacent, ambiguous, directed):
    """Meek's rules until none applies: no new collider of a clear triple, no cycle."""
    changed = True
    while changed:
        changed = False
        for i in range(len(adjacent)):
            for j in range(len(adjacent)):
                if not adjacent[i, j] or directed[i, j] or directed[j, i]:
                    continue
                if not leads(directed, j, i) and (
                    leads(directed, i, j) or _must(adjacent, ambiguous, directed, i, j)
                ):
                    directed[i, j] = True
                    changed = True


@njit(cache=True)
def _must(adjacent, ambiguous, directed, i, j):
    """Whether rules 1, 3 or 4 ask for i -> j (rule 2, no cycle, is the caller's)."""
    p = len(adjacent)
    for k in range(p):
        if not adjacent[k, i] or k == j:
            continue
        apart = not adjacent[k, j] and not ambiguous[k, i, j]
        if directed[k, i] and apart:
            return True
        if directed[k, i] or directed[i, k]:
            continue
        for other in range(p):
            if other in (i, j, k) or not directed[other, j] or not adjacent[i, other]:
                continue
            open_too = not directed[i, other] and not directed[other, i]
            if directed[k, j] and open_too and not adjacent[k, other] and not ambiguous[k, i, other]:
                return True
            if directed[k, other] and apart:
                return True
    return False


@njit(cache=True)
def leads(directed, start, end):
    """Whether a directed path goes from start to end."""
    p = len(directed)
    seen, stack = np.zeros(p, np.bool_), np.empty(p, np.int64)
    stack[0], n = start, 1
    seen[start] = True
    while n:
        n -= 1
        i = stack[n]
        for j in range(p):
            if directed[i, j] and not seen[j]:
                if j == end:
                    return True
                seen[j] = True
                stack[n] = j
                n += 1
    return False
