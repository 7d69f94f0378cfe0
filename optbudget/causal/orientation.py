"""Directions of a skeleton's edges, as far as they follow.

1. *What is known*: tiers, forbidden and required edges leave some edges one direction only.
2. *Colliders*: x - z - y with x, y apart is x -> z <- y where z is in none of the sets that separate x and y
   (conservative), or in less than half of them (majority); in between it is left open and no rule is built on
   it. So it is where an edge x - y is forbidden: no test is spent on that pair. Sets are searched among the
   possible parents of x and of y. Where two colliders ask for opposite directions, the one with the smaller
   share, then with more sets, wins; the other is left open.
3. *Meek's rules*: no further collider, no cycle.

Every step goes only where the edge may, and never closes a cycle, so the directed part is acyclic and no tier
or forbidden edge is violated, whatever the data. Source: Colombo & Maathuis (2014), §4; Meek (1995).
"""

from typing import Literal

import numpy as np

from optbudget.causal import _orientation_kernels as kernels
from optbudget.causal.background import Background
from optbudget.causal.independence import Test
from optbudget.causal.skeleton import Skeleton
from optbudget.problems.causal_graph import Matrix

Colliders = Literal["majority", "conservative"]

ROOM = 1024
"""Colliders that are made room for at first."""


def orient(
    test: Test, skeleton: Skeleton, background: Background, alpha: float, *, colliders: Colliders = "majority"
) -> tuple[Matrix, Matrix]:
    """(directed, undirected), both (p, p) bool, of a skeleton; adds its tests to `skeleton.tests`."""
    adjacent = skeleton.adjacent.copy()
    p = len(adjacent)
    directed, ambiguous = np.zeros((p, p), dtype=bool), np.zeros((p, p, p), dtype=bool)
    kernels.orient_known(adjacent, background.allowed, background.required, directed)
    room, n = ROOM, ROOM + 1
    while n > room:
        room = max(room, n)
        triples, strength = np.empty((room, 3), dtype=np.int64), np.empty((room, 2))
        n = kernels.find_colliders(
            test, alpha, skeleton.deepest, colliders == "conservative",
            (adjacent, background.allowed, directed), (triples, strength, ambiguous, skeleton.tests),
        )  # fmt: skip
    order = np.lexsort((strength[:n, 1], strength[:n, 0]))
    kernels.orient_colliders(triples[order], directed)
    kernels.orient_by_rules(adjacent, ambiguous, directed)
    return directed, adjacent & ~directed & ~directed.T
