"""A directed acyclic graph from a graph with open edges.

Dor & Tarsi (1992): a node without outgoing edges, each of whose open neighbours is adjacent to all its other
neighbours, can be last; its open edges are directed into it, it is taken away, and so on. If any acyclic
direction without new colliders exists, this finds one, whichever such node is taken. Where there is no such
node (finite samples give graphs that no direction makes consistent), the node that makes the fewest new
colliders is taken: one without outgoing edges always exists, so the work ends after p steps, with no cycle.
"""

from itertools import combinations

import numpy as np

from optbudget.problems import CausalGraph
from optbudget.problems.causal_graph import Matrix


def extend(graph: CausalGraph) -> CausalGraph:
    """The graph with every open edge directed: no cycle, and no new collider where that can be.

    Frequencies stay as they are: they tell that the direction was open.

    Examples
    --------
    >>> graph = CausalGraph.of("abc", [("a", "b")], [("b", "c")])
    >>> extend(graph).edges
    (('a', 'b'), ('b', 'c'))
    """
    directed, rest, open_ = graph.directed.copy(), graph.directed.copy(), graph.undirected.copy()
    left = np.ones(len(graph.names), dtype=bool)
    while open_.any():
        ends = np.flatnonzero(left & ~rest.any(axis=1)).tolist()
        last = min(ends, key=lambda node: _new_colliders(rest, open_, node))
        directed[:, last] |= open_[:, last]
        left[last] = False
        for matrix in (rest, open_):
            matrix[last] = matrix[:, last] = False
    return CausalGraph(graph.names, directed, open_, graph.frequency, graph.orientation)


def colliders(graph: CausalGraph) -> frozenset[tuple[str, str, str]]:
    """The triples (a, b, c), a -> b <- c with a and c apart, a before c.

    Examples
    --------
    >>> colliders(CausalGraph.of("abc", [("a", "b"), ("c", "b")]))
    frozenset({('a', 'b', 'c')})
    """
    names, adjacent = graph.names, graph.adjacent
    return frozenset(
        (names[i], names[k], names[j])
        for k in range(len(names))
        for i, j in combinations(np.flatnonzero(graph.directed[:, k]).tolist(), 2)
        if not adjacent[i, j]
    )


def _new_colliders(rest: Matrix, open_: Matrix, node: int) -> int:
    """Colliders at a node if its open edges are directed into it."""
    adjacent = rest | rest.T | open_
    around = np.flatnonzero(adjacent[node])
    apart = ~adjacent[np.ix_(open_[node].nonzero()[0], around)]
    return int(apart.sum()) - int(open_[node].sum())
