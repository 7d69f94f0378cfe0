"""The path through a graph that carries an effect most strongly.

With a linear model of each node by its parents, coefficients :math:`\\beta_{ij}` in units of standard
deviations, a directed path carries the product of its coefficients, and the effect is the sum over all
paths. The largest positive and the most negative product of paths from :math:`s` to each node come from one
pass in topological order,

.. math:: H_j = \\max_{i \\to j} \\max(\\beta_{ij} H_i, \\beta_{ij} L_i), \\quad H_s = 1,

and likewise :math:`L_j` with the minimum, over the parents that a path of that sign reaches.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.history import History

Path = tuple[str, ...]


def path_coefficients(history: History, graph: CausalGraph) -> NDArray[np.float64]:
    """(p, p) coefficient of each directed edge: least squares of a node on its parents, standardised."""
    values = history.standardised()
    where = [history.position(name) if name in history.columns else -1 for name in graph.names]
    found = np.zeros(graph.directed.shape)
    for child in range(len(graph.names)):
        parents = [i for i in np.flatnonzero(graph.directed[:, child]).tolist() if where[i] >= 0]
        if parents and where[child] >= 0:
            design = values[:, [where[i] for i in parents]]
            found[parents, child] = np.linalg.lstsq(design, values[:, where[child]], rcond=None)[0]
    return found


def strongest_paths(
    graph: CausalGraph, coefficient: NDArray[np.float64], source: str
) -> Mapping[tuple[str, int], Path]:
    """For each node and sign (+1, -1) the path from `source` with the largest product of that sign.

    Only directed edges are walked. A node that no path of a sign reaches is not in it.

    Examples
    --------
    >>> graph = CausalGraph.of(("d", "m", "y"), [("d", "m"), ("m", "y"), ("d", "y")])
    >>> paths = strongest_paths(graph, np.array([[0, -0.9, 0.1], [0, 0, 0.8], [0, 0, 0]]), "d")
    >>> paths["y", -1], paths["y", 1]
    (('d', 'm', 'y'), ('d', 'y'))
    """
    product: dict[tuple[str, int], float] = {(source, 1): 1.0}
    path: dict[tuple[str, int], Path] = {(source, 1): (source,)}
    for name in graph.order():
        if name == source:
            continue
        child = graph.position(name)
        for parent in graph.parents(name):
            edge = float(coefficient[graph.position(parent), child])
            for sign in (1, -1):
                if edge == 0 or (parent, sign) not in product:
                    continue
                carried = edge * product[parent, sign]
                key = name, 1 if carried > 0 else -1
                if abs(carried) > abs(product.get(key, 0.0)):
                    product[key] = carried
                    path[key] = (*path[parent, sign], name)
    del path[source, 1]
    return path


def harm_paths(history: History, graph: CausalGraph) -> dict[tuple[str, str, int], Path]:
    """(decision, outcome, sign) -> the path along which one more of the decision does most in that sign."""
    coefficient = path_coefficients(history, graph)
    found: dict[tuple[str, str, int], Path] = {}
    for decision in history.question.decisions:
        if decision not in graph.names:
            continue
        reached = strongest_paths(graph, coefficient, decision)
        found |= {
            (decision, outcome, sign): reached[outcome, sign]
            for outcome in history.question.outcomes for sign in (1, -1) if (outcome, sign) in reached
        }  # fmt: skip
    return found
