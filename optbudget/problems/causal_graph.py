"""A causal graph: which columns cause which, and how sure the data were of each edge.

Some edges may be left undirected: such a graph stands for every directed acyclic graph that directs them
without a new collider and without a cycle. Its directed edges never make a cycle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError
from optbudget.problems.causal_question import Edge, cycle_of
from optbudget.problems.columns import did_you_mean

Matrix = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class CausalGraph:
    """Directed and undirected edges among p columns.

    Attributes
    ----------
    names : of the columns
    directed : (p, p) bool, [i, j]: i causes j
    undirected : (p, p) bool, symmetric: i and j are adjacent, the direction is open
    frequency : (p, p) in [0, 1], symmetric: share of the resamples in which i and j were adjacent; where
        there were none, 1 for an edge and 0 for none
    orientation : (p, p) in [0, 1]: of the resamples in which i and j were adjacent, the share with i -> j;
        the rest of 1 - orientation[i, j] - orientation[j, i] left it open. 0 where they never were

    Raises
    ------
    ProblemError
        Where shapes do not fit, an edge is directed both ways or a loop, or the directed edges make a
        cycle, which is named.

    Examples
    --------
    >>> graph = CausalGraph.of(("a", "b", "c"), [("a", "b"), ("b", "c")])
    >>> graph.parents("c"), graph.ancestors("c"), list(graph.paths("a", "c"))
    (('b',), ('a', 'b'), [('a', 'b', 'c')])
    """

    names: tuple[str, ...]
    directed: Matrix
    undirected: Matrix
    frequency: NDArray[np.float64]
    orientation: NDArray[np.float64]

    def __post_init__(self) -> None:
        names = tuple(self.names)
        object.__setattr__(self, "names", names)
        for key in ("directed", "undirected", "frequency", "orientation"):
            dtype = bool if key in ("directed", "undirected") else np.float64
            matrix = np.array(getattr(self, key), dtype=dtype)
            if matrix.shape != (len(names), len(names)):
                raise ProblemError(f"{key} must be ({len(names)}, {len(names)}); got shape {matrix.shape}")
            matrix.flags.writeable = False
            object.__setattr__(self, key, matrix)
        if len(set(names)) < len(names):
            raise ProblemError("two nodes of the graph have the same name")
        self._check_edges()

    @classmethod
    def of(
        cls, names: Sequence[str], edges: Sequence[Edge], undirected: Sequence[Edge] = ()
    ) -> "CausalGraph":
        """A given graph: edges (a, b), a causes b, and edges whose direction is open.

        Raises
        ------
        ProblemError
            For an unknown name, or a cycle, which is named.
        """
        place = {name: k for k, name in enumerate(names)}
        found = [np.zeros((len(names), len(names)), dtype=bool) for _ in range(2)]
        for matrix, pairs in zip(found, (edges, undirected), strict=True):
            for a, b in pairs:
                for name in (a, b):
                    if name not in place:
                        raise ProblemError(f"no column is called {name!r}{did_you_mean(name, tuple(names))}")
                matrix[place[a], place[b]] = True
        return cls.certain(names, found[0], found[1] | found[1].T)

    @classmethod
    def certain(cls, names: Sequence[str], directed: ArrayLike, undirected: ArrayLike) -> "CausalGraph":
        """A graph of which nothing was resampled: frequencies are 1 and 0."""
        ahead = np.asarray(directed, dtype=bool)
        open_ = np.asarray(undirected, dtype=bool)
        frequency = (ahead | ahead.T | open_).astype(float) if ahead.shape == open_.shape else ahead
        return cls(tuple(names), ahead, open_, frequency, ahead.astype(float))

    def __repr__(self) -> str:
        counts = f"{int(self.directed.sum())} directed and {int(self.undirected.sum()) // 2} undirected edges"
        return f"CausalGraph({len(self.names)} nodes, {counts})"

    @property
    def adjacent(self) -> Matrix:
        """(p, p) bool, symmetric: whether there is an edge, of either kind."""
        return self.directed | self.directed.T | self.undirected

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The directed edges (a, b), a causes b, by position."""
        return tuple((self.names[i], self.names[j]) for i, j in np.argwhere(self.directed).tolist())

    @property
    def open_edges(self) -> tuple[Edge, ...]:
        """The undirected edges, each once, by position."""
        pairs = np.argwhere(np.triu(self.undirected)).tolist()
        return tuple((self.names[i], self.names[j]) for i, j in pairs)

    def position(self, name: str) -> int:
        """The place of a node among `names`.

        Raises
        ------
        ProblemError
            If there is no such node.
        """
        if name not in self.names:
            raise ProblemError(f"no column is called {name!r}{did_you_mean(name, self.names)}")
        return self.names.index(name)

    def parents(self, name: str) -> tuple[str, ...]:
        """The direct causes of a node."""
        return self._named(self.directed[:, self.position(name)])

    def children(self, name: str) -> tuple[str, ...]:
        """The direct effects of a node."""
        return self._named(self.directed[self.position(name)])

    def neighbours(self, name: str) -> tuple[str, ...]:
        """The nodes that undirected edges join it to."""
        return self._named(self.undirected[self.position(name)])

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Its causes along directed edges, direct or not, without itself."""
        return self._named(_reached(self.directed.T, self.position(name)))

    def descendants(self, name: str) -> tuple[str, ...]:
        """Its effects along directed edges, direct or not, without itself."""
        return self._named(_reached(self.directed, self.position(name)))

    @property
    def is_dag(self) -> bool:
        """Whether every edge is directed."""
        return not self.undirected.any()

    def order(self) -> tuple[str, ...]:
        """The nodes, causes before effects along directed edges; by position where both orders do."""
        left, found = self.directed.copy(), list[str]()
        waiting = np.ones(len(self.names), dtype=bool)
        while waiting.any():
            node = int(np.argmax(waiting & ~left.any(axis=0)))
            waiting[node], left[node] = False, False
            found.append(self.names[node])
        return tuple(found)

    def paths(self, source: str, target: str, *, most: int = 1000) -> Iterator[tuple[str, ...]]:
        """Directed paths from source to target, at most so many; there may be exponentially many."""
        start, end = self.position(source), self.position(target)
        towards = _reached(self.directed.T, end)
        towards[end] = True
        return islice(self._paths((start,), end, towards), most)

    def with_edge(self, cause: str, effect: str) -> "CausalGraph":
        """The graph with cause -> effect, certain, in place of any edge between the two.

        Raises
        ------
        ProblemError
            If that makes a cycle, which is named.
        """
        i, j = self.position(cause), self.position(effect)
        changed = {key: getattr(self, key).copy() for key in ("directed", "undirected", "orientation")}
        for matrix in changed.values():
            matrix[i, j], matrix[j, i] = 0, 0
        changed["directed"][i, j], changed["orientation"][i, j] = True, 1.0
        frequency = self.frequency.copy()
        frequency[i, j] = frequency[j, i] = 1.0
        return replace(self, frequency=frequency, **changed)

    def _named(self, mask: Matrix) -> tuple[str, ...]:
        return tuple(self.names[k] for k in np.flatnonzero(mask).tolist())

    def _paths(self, walk: tuple[int, ...], end: int, towards: Matrix) -> Iterator[tuple[str, ...]]:
        if walk[-1] == end:
            yield tuple(self.names[k] for k in walk)
            return
        for following in np.flatnonzero(self.directed[walk[-1]] & towards).tolist():
            yield from self._paths((*walk, following), end, towards)

    def _check_edges(self) -> None:
        loops = np.diag(self.directed | self.undirected)
        if loops.any():
            raise ProblemError(f"{self._named(loops)[0]!r} has an edge to itself")
        if (self.undirected != self.undirected.T).any() or (self.frequency != self.frequency.T).any():
            raise ProblemError("undirected and frequency must be symmetric")
        both = np.argwhere(self.directed & (self.directed.T | self.undirected)).tolist()
        if both:
            a, b = (self.names[k] for k in both[0])
            raise ProblemError(f"there are two edges between {a!r} and {b!r}; at most one is allowed")
        cycle = cycle_of(self.edges)
        if cycle:
            raise ProblemError(f"the graph has a cycle: {' -> '.join(cycle)}")
        for key in ("frequency", "orientation"):
            shares = getattr(self, key)
            if not ((shares >= 0) & (shares <= 1)).all():
                raise ProblemError(f"{key} must be in [0, 1]")


def _reached(edges: Matrix, start: int) -> Matrix:
    """The nodes that a walk along edges comes to, without its start."""
    found = np.zeros(len(edges), dtype=bool)
    fresh = edges[start].copy()
    while fresh.any():
        found |= fresh
        fresh = edges[fresh].any(axis=0) & ~found
    return found
