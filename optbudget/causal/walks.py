"""Walks in a graph whose edges are directed or open: what may cause what, and what is blocked.

A path is *possibly causal* if no edge between any two of its nodes points back. In a graph closed under
Meek's rules it is enough to look at unshielded paths (no edge joins the nodes two steps apart) that have no
edge pointing back along them (Perkovic, Kalisch & Maathuis 2017). In a directed acyclic
graph both are the directed paths.

A node of a path is a *definite* collider if both edges point at it, and a definite non-collider if one of
them points away from it, or if both are open and its neighbours are not adjacent. Given Z, a path of
definite nodes is open if its non-colliders are not in Z and its colliders are in Z or have descendants there.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MixedGraph:
    """Adjacency of p nodes.

    Attributes
    ----------
    directed : (p, p) bool, i -> j
    undirected : (p, p) bool, symmetric, i - j
    """

    directed: Mask
    undirected: Mask

    @cached_property
    def adjacent(self) -> Mask:
        return self.directed | self.directed.T | self.undirected

    @cached_property
    def forward(self) -> Mask:
        """Edges that a possibly causal path may take: i -> j and i - j."""
        return self.directed | self.undirected

    def without(self, nodes: Mask) -> "MixedGraph":
        """The graph with no edge at these nodes."""
        kept = ~(nodes[:, None] | nodes[None, :])
        return MixedGraph(self.directed & kept, self.undirected & kept)

    def reversed(self) -> "MixedGraph":
        return MixedGraph(self.directed.T, self.undirected)

    def possible_descendants(self, start: int) -> Mask:
        """(p,) nodes that a possibly causal path from `start` reaches, with itself."""
        if not self.undirected.any():
            return reached(self.directed, start)
        found = np.zeros(len(self.directed), dtype=bool)
        found[start] = True
        waiting = [(start, first) for first in np.flatnonzero(self.forward[start]).tolist()]
        seen = set(waiting)
        while waiting:
            before, here = waiting.pop()
            found[here] = True
            following = self.forward[here] & ~self.adjacent[before]
            following[before] = False
            for then in np.flatnonzero(following).tolist():
                if (here, then) not in seen:
                    seen.add((here, then))
                    waiting.append((here, then))
        return found

    def possible_ancestors(self, end: int) -> Mask:
        """(p,) nodes from which a possibly causal path reaches `end`, with itself."""
        return self.reversed().possible_descendants(end)

    def connected(self, start: int, end: int, given: Mask) -> bool:
        """Whether a path of definite nodes from `start` to `end` is open given a set."""
        waiting = [(start, first) for first in np.flatnonzero(self.adjacent[start]).tolist()]
        seen = set(waiting)
        while waiting:
            before, here = waiting.pop()
            if here == end:
                return True
            passing = self._passing(before, here, bool(given[here]))
            for then in np.flatnonzero(passing).tolist():
                if (here, then) not in seen:
                    seen.add((here, then))
                    waiting.append((here, then))
        return False

    def _passing(self, before: int, here: int, given: bool) -> Mask:
        """(p,) nodes to which an open walk goes on that comes from `before` to `here`.

        A walk may turn back at a collider in Z: so it passes a collider with a descendant there.
        """
        if given:
            back: Mask = self.directed[:, here] & self.directed[before, here]
            return back
        passing: Mask = self.directed[here].copy()
        if self.directed[here, before]:
            passing |= self.adjacent[here]
        elif self.undirected[here, before]:
            passing |= self.undirected[here] & ~self.adjacent[before]
        passing[before] = False
        return passing


def reached(edges: Mask, start: int) -> Mask:
    """(p,) nodes that a walk along edges comes to, with its start."""
    found = np.zeros(len(edges), dtype=bool)
    found[start] = True
    fresh = found
    while fresh.any():
        fresh = edges[fresh].any(axis=0) & ~found
        found = found | fresh
    return found
