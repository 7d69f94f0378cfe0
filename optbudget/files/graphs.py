"""A given causal graph from disk: a table of edges, CSV or Parquet.

source, target    a row per edge, the first causes the second; an edge with a row each way is open

Other columns are not read, so that `edges.parquet` of a causal folder is such a table. A name that the
question does not have is a hidden node: a cause that the history has no column of.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from optbudget.errors import Issue, ProblemError
from optbudget.files.histories import read_columns
from optbudget.files.model_folder import locate
from optbudget.problems import CausalGraph, CausalQuestion
from optbudget.problems.causal_question import Edge, cycle_of
from optbudget.problems.columns import Finding, names
from optbudget.problems.given_graphs import contradictions

ENDS = ("source", "target")


def load_graph(path: str | Path, question: CausalQuestion) -> CausalGraph:
    """Read a graph over the columns of a question, and hidden nodes.

    Raises
    ------
    ProblemError
        With everything that is wrong, by file and line: a name that is missing, a cycle, an edge that
        contradicts the question's tiers, forbidden or required edges.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> question = CausalQuestion(("season",), ("spend",), ("sales",))
    >>> with TemporaryDirectory() as place:
    ...     file = Path(place) / "graph.csv"
    ...     _ = file.write_text("source,target\\nspend,sales\\nmood,spend\\nmood,sales\\n")
    ...     graph = load_graph(file, question)
    >>> graph, graph.parents("sales")
    (CausalGraph(4 nodes, 3 directed and 0 undirected edges), ('spend', 'mood'))
    """
    path, issues = Path(path), list[Issue]()
    table = read_columns(path, ENDS, "a graph", issues)
    if table is None:
        raise ProblemError(issues)
    found: list[Finding] = []
    ends = [read for end in ENDS if (read := names(table, end, "graph", found)) is not None]
    if not found:
        source, target = ([end.distinct[code] for code in end.code.tolist()] for end in ends)
        edges = list(zip(source, target, strict=True))
        found = list(_cycle_findings(edges))
        if not found:
            graph = _graph(edges, question)
            found = [
                Finding("given-graph", said, "graph", None if edge is None else edges.index(edge))
                for said, edge in contradictions(question, graph)
            ]
            if not found:
                return graph
    raise ProblemError(locate(found, {"graph": path}, {}))


def _cycle_findings(edges: Sequence[Edge]) -> Iterator[Finding]:
    """Edges from a node to itself; else a cycle of directed edges, at one of them."""
    loops = [Finding("given-graph", f"{a!r} has an edge to itself", "graph", row)
             for row, (a, b) in enumerate(edges) if a == b]  # fmt: skip
    yield from loops
    both = set(edges)
    cycle = () if loops else cycle_of([(a, b) for a, b in edges if (b, a) not in both])
    if cycle:
        message = f"the graph has a cycle: {' -> '.join(cycle)}"
        yield Finding("given-graph", message, "graph", edges.index((cycle[0], cycle[1])))


def _graph(edges: Sequence[Edge], question: CausalQuestion) -> CausalGraph:
    """The graph of edges without a cycle."""
    rows = dict.fromkeys(edges)
    open_ = [(a, b) for a, b in rows if (b, a) in rows]
    nodes = dict.fromkeys([*question.columns, *(name for edge in rows for name in edge)])
    return CausalGraph.of(tuple(nodes), [edge for edge in rows if edge not in open_], open_)
