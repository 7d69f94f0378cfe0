"""What is known of a graph before any row is looked at: tiers, forbidden and required edges, a given graph.

An edge i -> j may be where tier(i) <= tier(j), it is not forbidden, and no required path leads from j to i.
A pair that may have no edge in either direction is never tested; a required edge is not tested either.
"""

from dataclasses import dataclass

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems import CausalGraph, CausalQuestion
from optbudget.problems.causal_graph import Matrix
from optbudget.problems.causal_question import Edge, cycle_of
from optbudget.problems.given_graphs import Contradiction, wrong_edges


@dataclass(frozen=True, eq=False)
class Background:
    """Which edges may be and which must be.

    Attributes
    ----------
    names : of the p columns
    allowed : (p, p) bool, [i, j]: i may cause j
    required : (p, p) bool, [i, j]: i causes j; allowed too, and [j, i] is not
    joined : (p, p) bool, symmetric: there is an edge, of which the direction may be open
    """

    names: tuple[str, ...]
    allowed: Matrix
    required: Matrix
    joined: Matrix

    @classmethod
    def of(cls, question: CausalQuestion, given: CausalGraph | None = None) -> "Background":
        """What a question says, with every edge of a given graph required.

        Raises
        ------
        ProblemError
            Where an edge of the given graph is of an unknown column, against the tiers, forbidden, or makes a
            cycle with the required ones, which is named.

        Examples
        --------
        >>> known = Background.of(CausalQuestion(("a",), ("b", "c"), ("d",), forbidden=(("a", "d"),)))
        >>> known.allowed.astype(int).tolist()
        [[0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]]
        """
        names = question.columns
        place = {name: k for k, name in enumerate(names)}
        tier = np.array(question.tiers)
        allowed = tier[:, None] <= tier[None, :]
        np.fill_diagonal(allowed, False)
        for a, b in question.forbidden:
            allowed[place[a], place[b]] = False
        edges = (*question.required, *(() if given is None else given.edges))
        open_edges = () if given is None else given.open_edges
        _refuse_contradictions(question, given, edges)
        required, joined = np.zeros_like(allowed), np.zeros_like(allowed)
        for a, b in edges:
            required[place[a], place[b]] = True
        for a, b in open_edges:
            joined[place[a], place[b]] = joined[place[b], place[a]] = True
        return cls(names, allowed & ~_closure(required).T, required, joined | required | required.T)


def violations(graph: CausalGraph, background: Background) -> tuple[Edge, ...]:
    """The edges of a graph that may not be, and the required ones that it has not as they must be."""
    wrong = (graph.directed & ~background.allowed) | (background.required & ~graph.directed)
    wrong |= np.triu(graph.undirected & ~(background.allowed | background.allowed.T))
    wrong |= np.triu(background.joined & ~graph.adjacent)
    return tuple((graph.names[i], graph.names[j]) for i, j in np.argwhere(wrong).tolist())


def _refuse_contradictions(
    question: CausalQuestion, given: CausalGraph | None, edges: tuple[Edge, ...]
) -> None:
    if given is None:
        return
    for name in given.names:
        if name not in question.columns:
            raise ProblemError(f"the given graph has a node {name!r}, which is no column of the history")
    found = list(wrong_edges(question, given))
    cycle = cycle_of(edges)
    if cycle:
        message = f"the given and the required edges make a cycle: {' -> '.join(cycle)}"
        found.append(Contradiction(message, None))
    if found:
        raise ProblemError([one.issue() for one in found])


def _closure(edges: Matrix) -> Matrix:
    """Which nodes a path along edges joins (Warshall)."""
    found = edges.copy()
    for k in range(len(found)):
        found |= np.outer(found[:, k], found[k])
    return found
