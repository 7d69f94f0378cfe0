"""The effects that a graph with open edges leaves possible.

Which set of neighbours causes a decision is open. For each set S of them that makes no new collider at the
decision, the members of the class in which just S causes it share the effect that adjusting for its parents
and S gives, and an outcome among these has none (IDA: Maathuis, Kalisch & Buhlmann 2009). The list holds
every effect that some member has; where background knowledge closed some edges it may hold more.
"""

from collections.abc import Iterator
from itertools import chain, combinations

import numpy as np

from optbudget.problems.causal_graph import CausalGraph

MOST_NEIGHBOURS = 12
"""Open edges at one decision up to which every set of them is looked at."""


def parent_sets(graph: CausalGraph, decision: str) -> Iterator[tuple[str, ...]]:
    """The sets of parents that a decision may have, as far as its neighbours tell.

    Examples
    --------
    >>> graph = CausalGraph.of(("a", "d", "b"), [], [("a", "d"), ("d", "b")])
    >>> list(parent_sets(graph, "d"))
    [(), ('a',), ('b',)]
    """
    fixed, open_ones = graph.parents(decision), graph.neighbours(decision)
    for chosen in chain.from_iterable(combinations(open_ones, k) for k in range(len(open_ones) + 1)):
        if not _new_collider(graph, fixed, chosen):
            yield fixed + chosen


def too_open(graph: CausalGraph, decision: str) -> bool:
    """Whether a decision has more open edges than sets of them can be looked at."""
    return len(graph.neighbours(decision)) > MOST_NEIGHBOURS


def _new_collider(graph: CausalGraph, fixed: tuple[str, ...], chosen: tuple[str, ...]) -> bool:
    """Whether one of the chosen and another parent are not adjacent, though the graph has no collider."""
    where = {name: graph.position(name) for name in fixed + chosen}
    pairs = chain(combinations(chosen, 2), ((a, b) for a in chosen for b in fixed))
    return not all(bool(np.asarray(graph.adjacent)[where[a], where[b]]) for a, b in pairs)
