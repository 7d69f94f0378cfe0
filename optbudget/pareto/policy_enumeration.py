"""The exact front of a small problem, by listing every deterministic stationary policy.

For weights ω > 0 the weighted problem is an ordinary Markov decision process, which has an optimal policy
that is deterministic and stationary. So the convex hull of the vectors of these policies is the front of all
policies, randomised and history-dependent ones included, and each of its support points is a policy. The
points of the *Pareto set* that lie under the hull are best only among policies that may not be mixed.

There are :math:`\\prod_s |A(s)|` of them, each worth one linear system (`VectorMDP.evaluate`).
This is the witness against which learning is measured, not a way to solve problems.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import LimitError
from optbudget.pareto.arguments import floats, of_kind, whole
from optbudget.pareto.point_sets import beyond, non_dominated, on_hull
from optbudget.problems.vector_mdp import VectorMDP

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_POLICIES = 1_000_000
"""So many policies of twelve states take about ten seconds."""
BATCH = 8192
SAME = 1e-12
"""Vectors this close, relative to the largest coordinate, are the same vector computed twice."""


@dataclass(frozen=True, eq=False, repr=False)
class PolicyFront:
    """The Pareto set of the deterministic stationary policies of a problem.

    Attributes
    ----------
    problem : what the policies are for
    policies : (P, S) action in every state, -1 in terminal ones; of policies with equal vectors the first
    points : (P, K) their exact values, none dominated by another; by the first objective, rising
    on_hull : (P,) whether a point is a vertex of the convex hull, so best for some weights
    weights : (P, K) weights for which the vertex is best; 0 for the others
    policies_in_all : how many policies were listed
    """

    problem: VectorMDP
    policies: Integers
    points: Floats
    on_hull: NDArray[np.bool_]
    weights: Floats
    policies_in_all: int

    @property
    def vertices(self) -> Floats:
        """Vertices of the convex hull, (V, K): mixtures of them are the front of all policies."""
        return self.points[self.on_hull]

    def best(self, weights: ArrayLike) -> Floats:
        """The largest weighted value of any policy, for each row of weights >= 0, (W,)."""
        wanted = floats("weights", weights, ("W", self.points.shape[1]), "[0, inf)")
        return np.asarray((wanted @ self.vertices.T).max(axis=1))

    def beyond(self, points: ArrayLike) -> Floats:
        """How far each point is outside all support planes of the front, (P,): see `point_sets.beyond`."""
        return beyond(points, self.vertices)

    def __repr__(self) -> str:
        return (
            f"PolicyFront({len(self.points)} of {self.policies_in_all:,} policies, "
            f"{int(self.on_hull.sum())} on the hull)"
        )


def enumerate_policies(problem: VectorMDP, *, most: int = MOST_POLICIES) -> PolicyFront:
    """The Pareto set of all deterministic stationary policies, exactly.

    Parameters
    ----------
    problem : with a handful of states where there is a choice
    most : refuse a problem with more policies than this

    Raises
    ------
    LimitError
        If there are more policies, with their number.

    Examples
    --------
    >>> from optbudget.pareto.small_problems import inspection
    >>> enumerate_policies(inspection())
    PolicyFront(216 of 59,049 policies, 23 on the hull)
    """
    of_kind("problem", problem, VectorMDP)
    whole("most", most, least=1)
    choices = [np.flatnonzero(row) for row in problem.possible]
    number = prod(max(1, options.size) for options in choices)
    if number > most:
        raise LimitError(
            f"there are {number:.3g} deterministic stationary policies, more than {most:,}: "
            "learn the front instead, or solve it for weights"
        )
    points = np.empty((0, len(problem.objectives)))
    codes = np.empty(0, dtype=np.int64)
    for first in range(0, number, BATCH):
        batch = np.arange(first, min(first + BATCH, number))
        points = np.concatenate([points, problem.evaluate(policies_at(batch, choices))])
        codes = np.concatenate([codes, batch])
        kept = non_dominated(points, tolerance=SAME * max(1.0, np.abs(points).max()))
        points, codes = points[kept], codes[kept]
    order = np.lexsort(points.T[::-1])
    points, codes = points[order], codes[order]
    rows, found = on_hull(points)
    weights = np.zeros_like(points)
    weights[rows] = found
    return PolicyFront(
        problem, policies_at(codes, choices), points, np.isin(np.arange(len(points)), rows), weights, number
    )


def policies_at(numbers: Integers, choices: list[Integers]) -> Integers:
    """Policies by their number, (P, S): its digits are the choices, the last state changes first."""
    found = np.full((numbers.size, len(choices)), -1, dtype=np.int64)
    for s in reversed(range(len(choices))):
        if choices[s].size:
            numbers, digit = np.divmod(numbers, choices[s].size)
            found[:, s] = choices[s][digit]
    return found
