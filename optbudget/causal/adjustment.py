"""Which variables to adjust for, so that what is left of an association is the effect.

*Tiers.* Within a period the context comes first, then the decisions, then the outcomes. The effect of one
decision with the other decisions held fixed is identified by adjusting for all context and all other
decisions, whatever the edges within and between the tiers are, if no other common cause is missing.

*Graph.* For :math:`x` and :math:`y` let cn be the nodes other than :math:`x` on possibly causal paths from
:math:`x` to :math:`y`, and forb their possible descendants, with :math:`x`. If all these paths begin with a
directed edge, then :math:`O = \\mathrm{pa}(cn) \\setminus forb` identifies the effect, and among all sets
that do it gives the least asymptotic variance (Henckel, Perkovic & Maathuis 2022). A set
:math:`Z` identifies the effect if and only if all possibly causal paths begin with a directed edge, Z is
disjoint from forb, and it blocks every path that is not causal (Perkovic et al. 2018, the generalised
adjustment criterion).

Nodes of a given graph that the history does not have are *hidden*. Where they are asked for, any set that
is observed will do; else the front door or an instrument (Pearl 2009).
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from optbudget.causal.walks import MixedGraph
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import Method

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Identification:
    """How an effect can be read off data.

    Attributes
    ----------
    method : "none" where it cannot, "class" where only members of the graph's class can
    variables : adjusted for; with "front-door" the mediators, with "instrument" the instrument
    given : with "instrument" what it is conditioned on
    reason : why it cannot, or why the effect is zero; else ""
    """

    method: Method
    variables: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    reason: str = ""


def tiers_set(question: CausalQuestion, decision: str) -> tuple[str, ...]:
    """All context and all other decisions.

    Examples
    --------
    >>> tiers_set(CausalQuestion(("x",), ("d", "e"), ("y",)), "e")
    ('x', 'd')
    """
    return question.context + tuple(name for name in question.decisions if name != decision)


class Adjustments:
    """The adjustment sets of one graph; what is found for a pair is kept.

    Parameters
    ----------
    graph : directed edges, and open ones closed under Meek's rules
    observed : names that can be adjusted for; default: all nodes

    Examples
    --------
    >>> graph = CausalGraph.of(("x", "d", "m", "y"), [("x", "d"), ("x", "y"), ("d", "m"), ("m", "y")])
    >>> Adjustments(graph).of("d", "y").variables
    ('x',)
    """

    def __init__(self, graph: CausalGraph, observed: Collection[str] | None = None) -> None:
        self.graph = graph
        self.edges = MixedGraph(graph.directed, graph.undirected)
        self.observed = np.array([observed is None or name in observed for name in graph.names])
        self.of = cache(self._identified)
        self._parts = cache(self._causal_parts)

    def optimal(self, decision: str, outcome: str) -> tuple[str, ...] | None:
        """The optimal adjustment set; None where no set identifies the effect in every member.

        It may hold nodes that are hidden. () where there is no possibly causal path.
        """
        x, y = self.graph.position(decision), self.graph.position(outcome)
        return None if self.open_starts(x, y).any() else self._names(self._optimal(x, y))

    def is_valid(self, decision: str, outcome: str, adjusted: Collection[str]) -> bool:
        """Whether a set identifies the effect in every member of the graph's class."""
        x, y = self.graph.position(decision), self.graph.position(outcome)
        given = np.array([name in adjusted for name in self.graph.names])
        return not self.open_starts(x, y).any() and self._blocks(x, y, given)

    def open_starts(self, x: int, y: int) -> Mask:
        """(p,) neighbours by open edges with which a possibly causal path from x to y begins."""
        before = self.edges.directed[:, x].copy()
        before[x] = True
        later = self.edges.without(before).possible_ancestors(y)
        found: Mask = self.edges.undirected[x] & later
        return found

    def _causal_parts(self, x: int, y: int) -> tuple[Mask, Mask]:
        """cn and forb; where the graph is open at x, as if open edges did not begin a causal path."""
        before = self.edges.directed[:, x].copy()
        before[x] = True
        after = self.edges.without(before)
        below = np.zeros(before.size, dtype=bool)
        for child in np.flatnonzero(self.edges.directed[x]).tolist():
            below |= after.possible_descendants(child)
        causal = below & after.possible_ancestors(y)
        forbidden = np.zeros(before.size, dtype=bool)
        forbidden[x] = True
        for node in np.flatnonzero(causal).tolist():
            forbidden |= self.edges.possible_descendants(node)
        return causal, forbidden

    def _optimal(self, x: int, y: int) -> Mask:
        causal, forbidden = self._parts(x, y)
        found: Mask = self.edges.directed[:, causal].any(axis=1) & ~forbidden
        return found

    def _blocks(self, x: int, y: int, given: Mask) -> bool:
        """Whether a set is allowed and blocks every path from x to y that is not causal."""
        causal, forbidden = self._parts(x, y)
        if (given & forbidden).any() or given[y]:
            return False
        directed = self.edges.directed.copy()
        directed[x, causal] = False
        return not MixedGraph(directed, self.edges.undirected).connected(x, y, given)

    def _identified(self, decision: str, outcome: str) -> Identification:
        x, y = self.graph.position(decision), self.graph.position(outcome)
        opening = self.open_starts(x, y)
        if opening.any():
            return self._undecided(decision, outcome, opening)
        if not self._parts(x, y)[0].any():
            return Identification("no path", reason=f"no causal path leads from {decision} to {outcome}")
        optimal = self._optimal(x, y)
        if not (optimal & ~self.observed).any():
            return Identification("backdoor", self._names(optimal))
        return (
            self._backdoor(x, y)
            or self._front_door(x, y)
            or self._instrument(x, y)
            or self._unidentified(decision, outcome, optimal & ~self.observed)
        )

    def _undecided(self, decision: str, outcome: str, opening: Mask) -> Identification:
        edges = ", ".join(f"{decision} - {name}" for name in self._names(opening))
        reason = (
            f"the graph leaves open the direction of {edges}, and the effect on {outcome} depends on it; "
            "a required or forbidden edge would decide it"
        )
        return Identification("class", reason=reason)

    def _unidentified(self, decision: str, outcome: str, missing: Mask) -> Identification:
        names = ", ".join(self._names(missing))
        reason = (
            f"{decision} and {outcome} have causes in common that are not in the history, and there is no "
            f"front door and no instrument; measuring {names} would identify the effect"
        )
        return Identification("none", reason=reason)

    def _backdoor(self, x: int, y: int) -> Identification | None:
        """A set of observed nodes: of all ancestors that are allowed, without those not needed.

        If any set of observed nodes identifies the effect, all of these together do (van der Zander,
        Liskiewicz & Textor 2019).
        """
        above = self.edges.possible_ancestors(x) | self.edges.possible_ancestors(y)
        given = above & self.observed & ~self._parts(x, y)[1]
        given[y] = False
        if not self._blocks(x, y, given):
            return None
        for node in np.flatnonzero(given).tolist():
            given[node] = False
            given[node] = not self._blocks(x, y, given)
        return Identification("backdoor", self._names(given))

    def _front_door(self, x: int, y: int) -> Identification | None:
        """Observed mediators that catch all causal paths, not confounded with x, and with y only by x."""
        causal = self._parts(x, y)[0] & self.observed
        causal[y] = False
        single = np.eye(causal.size, dtype=bool)[causal]
        for mediators in [*single, causal & self.edges.directed[x]]:
            if mediators.any() and self._is_front_door(x, y, mediators):
                return Identification("front-door", self._names(mediators))
        return None

    def _is_front_door(self, x: int, y: int, mediators: Mask) -> bool:
        caught = not self.edges.without(mediators).possible_descendants(x)[y]
        from_x, from_mediators = self.edges.directed.copy(), self.edges.directed.copy()
        from_x[x] = False
        from_mediators[mediators] = False
        no_set, only_x = np.zeros(mediators.size, dtype=bool), np.zeros(mediators.size, dtype=bool)
        only_x[x] = True
        apart = MixedGraph(from_x, self.edges.undirected)
        after = MixedGraph(from_mediators, self.edges.undirected)
        return caught and all(
            not apart.connected(x, m, no_set) and not after.connected(m, y, only_x)
            for m in np.flatnonzero(mediators).tolist()
        )

    def _instrument(self, x: int, y: int) -> Identification | None:
        """An observed node that moves x, and y through x only, perhaps given its own causes."""
        directed = self.edges.directed.copy()
        directed[x] = False
        apart = MixedGraph(directed, self.edges.undirected)
        nothing = np.zeros(self.observed.size, dtype=bool)
        below = self.edges.possible_descendants(x) | self.edges.possible_descendants(y)
        for z in np.flatnonzero(self.observed & ~below).tolist():
            for given in (nothing, self.edges.directed[:, z] & self.observed):
                moves = self.edges.connected(z, x, given)
                if moves and not given[x] and not apart.connected(z, y, given):
                    return Identification("instrument", (self.graph.names[z],), self._names(given))
        return None

    def _names(self, mask: Mask) -> tuple[str, ...]:
        return tuple(self.graph.names[k] for k in np.flatnonzero(mask).tolist())
