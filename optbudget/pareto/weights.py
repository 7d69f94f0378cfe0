"""Weights at which a front is sought: spread over the simplex, every one of them above zero.

A weight of zero leaves its objective to chance among plans that tie, so the corners of the simplex are drawn
in by `LEAST`: there the other objectives break ties. Of a fine lattice the corners are taken first, then
always the point that is farthest from those taken (Gonzalez 1985), so that fewer weights are the first of
more. Objectives are measured in their own units; where one is measured in thousands and another in tenths,
equal weights look at one of them only. So weights are of objectives divided by their `scale`.
"""

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import UsageError
from optbudget.pareto.arguments import floats, of_kind, whole
from optbudget.problems import Departments

Floats = NDArray[np.float64]

LEAST = 1e-3
"""Least weight of an objective, measured in its scale."""
FINER = 6
"""So many points of the lattice for each weight, at least."""


def weight_points(count: int, objectives: int, *, scale: ArrayLike | None = None) -> Floats:
    """Weights spread over the simplex, (count, objectives), > 0, each row of sum 1; always the same.

    Parameters
    ----------
    count : how many, at least as many as objectives; one objective has one weight
    objectives : K >= 1
    scale : (K,) > 0, what a unit of weight is of; 1 for all if not given

    Raises
    ------
    UsageError
        If there are fewer weights than objectives, or a scale is no number above 0.

    Examples
    --------
    >>> weight_points(4, 2).round(3)
    array([[0.999, 0.001],
           [0.001, 0.999],
           [0.522, 0.478],
           [0.261, 0.739]])
    """
    objectives = whole("objectives", objectives, least=1)
    if whole("count", count, least=1) < objectives:
        raise UsageError(
            f"{objectives} objectives need at least {objectives} weights; {count} were asked for"
        )
    candidates = lattice(FINER * count, objectives)
    spread = candidates[_farthest(candidates, min(count, len(candidates)))]
    return scaled(LEAST + (1.0 - objectives * LEAST) * spread, scale)


def scaled(weights: Floats, scale: ArrayLike | None) -> Floats:
    """The weights of objectives that are divided by their scale, as weights of the objectives; sums are 1."""
    raw = weights if scale is None else weights / floats("scale", scale, weights.shape[1:], "(0, inf)")
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def lattice(count: int, objectives: int) -> Floats:
    """At least `count` points of the simplex in equal steps, (N, K); the corners are first."""
    steps = 1
    while objectives > 1 and comb(steps + objectives - 1, objectives - 1) < count:
        steps += 1
    points = np.zeros((1, 0), dtype=np.int64)
    for _ in range(objectives - 1):
        left = steps - points.sum(axis=1)
        points = np.column_stack(
            [np.repeat(points, left + 1, axis=0), np.concatenate([np.arange(k + 1) for k in left])]
        )
    whole = np.column_stack([steps - points.sum(axis=1), points])
    order = np.argsort(~(whole == steps).any(axis=1), kind="stable")
    return whole[order] / steps


def objective_scale(departments: Departments) -> Floats:
    """From the least to the most that one decision of one department yields of each objective, (K,).

    1 for an objective that is the same everywhere.
    """
    spread = np.ptp(departments.reward, axis=0)
    return np.where(spread > 0, spread, 1.0)


def department_weights(departments: Departments, count: int = 50) -> Floats:
    """`weight_points` for the objectives of a model, in their scale."""
    objectives = of_kind("departments", departments, Departments).objectives
    return weight_points(count, len(objectives), scale=objective_scale(departments))


def _farthest(points: Floats, count: int) -> NDArray[np.int64]:
    """The corners, then one by one the point that is farthest from those taken."""
    taken = list(range(min(count, points.shape[1])))
    distance = np.min([((points - points[k]) ** 2).sum(axis=1) for k in taken], axis=0)
    while len(taken) < count:
        taken.append(int(distance.argmax()))
        distance = np.minimum(distance, ((points - points[taken[-1]]) ** 2).sum(axis=1))
    return np.array(taken, dtype=np.int64)
