"""A graph that is given, held against what a question says of tiers, forbidden and required edges.

A node that is no column of the question is *hidden*. It has no tier, but what is caused through it is caused:
a path from an outcome through hidden nodes to a decision is against the tiers as an edge between them is.
Forbidden and required edges are edges: a path through a hidden node is neither.
"""

from collections.abc import Iterator
from typing import NamedTuple

from optbudget.errors import Issue, ProblemError
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import TIERS, CausalQuestion, Edge


class Contradiction(NamedTuple):
    """What is wrong, and with which edge of the graph; None where it lacks one."""

    message: str
    edge: Edge | None

    def issue(self) -> Issue:
        return Issue("error", "given-graph", self.message)


def require_agreement(question: CausalQuestion, graph: CausalGraph) -> None:
    """Refuse a graph to be taken as it is that contradicts a question.

    Raises
    ------
    ProblemError
        Naming every such edge.

    Examples
    --------
    >>> question = CausalQuestion((), ("spend",), ("sales",))
    >>> require_agreement(question, CausalGraph.of(("sales", "spend"), [("sales", "spend")]))
    Traceback (most recent call last):
    optbudget.errors.ProblemError: the given edge 'sales' -> 'spend' goes from outcomes back to decisions
    """
    found = list(contradictions(question, graph))
    if found:
        raise ProblemError([one.issue() for one in found])


def contradictions(question: CausalQuestion, graph: CausalGraph) -> Iterator[Contradiction]:
    """What speaks against taking a graph as it is."""
    yield from wrong_edges(question, graph)
    for a, b in question.required:
        if (a, b) not in graph.edges:
            yield Contradiction(f"the given graph lacks the required edge {a!r} -> {b!r}", None)


def wrong_edges(question: CausalQuestion, graph: CausalGraph) -> Iterator[Contradiction]:
    """The edges of a graph that a question does not allow, in either direction where they are open."""
    for a in graph.names:
        for path in _onwards(graph, a, question) if a in question.columns else ():
            said = " -> ".join(map(repr, path))
            if reason := _objection(question, a, path[-1], direct=len(path) == 2):
                what = "edge" if len(path) == 2 else "path"
                yield Contradiction(f"the given {what} {said} {reason}", (a, path[1]))
    for a, b in graph.open_edges:
        if _objection(question, a, b) and _objection(question, b, a):
            yield Contradiction(f"the given edge {a!r} - {b!r} is forbidden in both directions", (a, b))


def _objection(question: CausalQuestion, a: str, b: str, *, direct: bool = True) -> str:
    """Why a cannot cause b; "" where it can, or where one of them is hidden."""
    if direct and (a, b) in question.forbidden:
        return "is forbidden"
    if a not in question.columns or b not in question.columns or question.tier(a) <= question.tier(b):
        return ""
    return f"goes from {TIERS[question.tier(a)]} back to {TIERS[question.tier(b)]}"


def _onwards(graph: CausalGraph, start: str, question: CausalQuestion) -> Iterator[tuple[str, ...]]:
    """A shortest path to every column that a node causes, by an edge or through hidden nodes alone."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for path in waiting:  # It grows while it is walked.
        for child in graph.children(path[-1]):
            if child not in seen:
                seen.add(child)
                if child in question.columns:
                    yield (*path, child)
                else:
                    waiting.append((*path, child))
