"""Nested limits on small populations, on coarse grids: for the package, and as plain numbers for its twin."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st
from small_curves import plain_curves

from optbudget.problems import LimitedPopulation


def quarter(draw, most):
    return Fraction(draw(st.integers(0, 4 * most)), 4)


@st.composite
def limited(draw, max_states=4):
    """(points of each state, the blocks under limits, the same as a tree of plain numbers, a budget)."""
    states = draw(plain_curves(max_states))
    n = len(states)
    count = [draw(st.integers(0, 4)) for _ in range(n)]
    groups = draw(st.integers(0, 3))
    parent = [draw(st.integers(-1, g - 1)) for g in range(groups)]
    node = [draw(st.integers(-1, groups - 1)) for _ in range(n)]

    def between(low, high, often):
        least = quarter(draw, low) if draw(st.integers(0, 9)) < often else Fraction(0)
        most = least + quarter(draw, high) if draw(st.integers(0, 9)) < often else None
        return least, most

    own = [between(1, 3, 3) for _ in range(n)]
    total = [between(5, 8, 6) for _ in range(groups)]
    return (states, *built(states, count, parent, node, own, total), quarter(draw, 20))


def built(states, count, parent, node, own, total):
    """The blocks and the tree of groups with these parents, over states in these innermost groups."""
    groups = range(len(parent))

    def inside(at, g):
        while at >= 0 and at != g:
            at = parent[at]
        return at == g

    def tree(g):
        blocks = [(states[i], count[i], *own[i]) for i in range(len(states)) if node[i] == g]
        least, most = (Fraction(0), None) if g < 0 else total[g]
        return least, most, blocks, [tree(inner) for inner in groups if parent[inner] == g]

    units = LimitedPopulation(
        np.arange(len(states)), np.array(count), np.full(len(states), -1), *ends(own), tuple(f"g{g}" for g in
        groups), *ends(total), tuple(np.array([i for i in range(len(states)) if inside(node[i], g)],
        dtype=np.int64) for g in groups),
    )  # fmt: skip
    return units, tree(-1)


def ends(pairs):
    """Leasts and mosts as arrays."""
    least = np.array([float(low) for low, _ in pairs], dtype=np.float64)
    return least, np.array([math.inf if high is None else float(high) for _, high in pairs], dtype=np.float64)
