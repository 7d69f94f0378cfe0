"""How much of a certified front a set of points reaches, averaged over weights.

Of points X, more being better in every objective, and weights :math:`\\omega` on the simplex, the support
is :math:`h_X(\\omega) = \\max_{x \\in X} \\omega \\cdot x`: the most that a lottery over the points is
worth. With the reference point z of the exact front F alone, its least in every objective,

.. math:: \\rho = \\frac1{|W|} \\sum_{\\omega \\in W}
          \\frac{h_X(\\omega) - \\omega \\cdot z}{h_F(\\omega) - \\omega \\cdot z}.

A convex set is what its supports say it is, so X is as good as F where the ratio is 1 for all weights. A
ratio is 0 where the points are worth no more than z, negative where less, and nothing is cut off. W is 500
weights drawn once, uniformly on the simplex, each divided by how far apart the points of F are in its
objective: in other units of an objective the mean is the same. If F is sampled, h_F is too small between its
points and the ratio too large: give certified supports of the outer front as `exact` and it is too small
instead.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import ProblemError
from optbudget.pareto.arguments import as_floats, floats, whole

Floats = NDArray[np.float64]

COUNT = 500
SEED = 42
SAME = 1e-9
"""Share of their size by which coordinates that are the same may differ."""


def fixed_weights(objectives: int, count: int = COUNT) -> Floats:
    """The same weights every time, (count, objectives), uniform on the simplex, each > 0.

    Examples
    --------
    >>> weights = fixed_weights(3)
    >>> weights.shape, bool((weights > 0).all()), bool(abs(weights.sum(axis=1) - 1).max() < 1e-12)
    ((500, 3), True, True)
    """
    size, rows = whole("objectives", objectives, least=1), whole("count", count, least=1)
    return np.random.default_rng(SEED).dirichlet(np.ones(size), size=rows)


def weights_for(front: ArrayLike) -> Floats:
    """The fixed weights of objectives that are measured from the least to the most of a front, (500, K).

    Examples
    --------
    >>> once, thousand = weights_for([[1.0, 0.0], [0.0, 1.0]]), weights_for([[1000.0, 0.0], [0.0, 1.0]])
    >>> bool((once[:, 0] / once[:, 1] > 999 * thousand[:, 0] / thousand[:, 1]).all())
    True
    """
    points = _points(front, "front")
    weights = fixed_weights(points.shape[1]) / extent(points)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def extent(front: ArrayLike) -> Floats:
    """(K,) from the least to the most of each objective over the points of a front; 1 if it is the same."""
    points = _points(front, "front")
    size, spread = np.abs(points).max(axis=0), np.ptp(points, axis=0)
    return np.where(spread > SAME * size, spread, 1.0)


def support(points: ArrayLike, weights: ArrayLike) -> Floats:
    """(W,) the most that any of the points (P, K) is worth at each of the weights (W, K)."""
    found = _points(points, "points")
    wanted = floats("weights", weights, ("W", found.shape[1]), "[0, inf)")
    return np.asarray((wanted @ found.T).max(axis=1))


def reference_point(front: ArrayLike) -> Floats:
    """(K,) the least of each objective over the points (P, K) of a front."""
    return np.asarray(_points(front, "front").min(axis=0))


def support_ratios(
    points: ArrayLike, front: ArrayLike, weights: ArrayLike, *, exact: ArrayLike | None = None
) -> Floats:
    """Of each weight the share of the front's support that the points reach.

    Parameters
    ----------
    points : (P, K) re-evaluated vectors, more is better
    front : (Q, K) points of the exact front, from which alone the reference point is taken
    weights : (W, K) >= 0, such as `weights_for` the front
    exact : (W,) supports to divide by, such as those of a certified outer front; None takes `front`'s

    Returns
    -------
    (W,), at most 1 if no point is beyond what is divided by

    Raises
    ------
    ProblemError
        If shapes do not agree, or the front is a single number at some weight: there is nothing to share.

    Examples
    --------
    >>> front, weights = [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.9, 0.1]]
    >>> support_ratios([[1.0, 0.0]], front, weights)
    array([1., 1.])
    >>> support_ratios([[0.0, 0.5]], front, weights)
    array([0.5       , 0.05555556])
    """
    found, known = _points(points, "points"), _points(front, "front")
    if found.shape[1] != known.shape[1]:
        raise ProblemError(f"points must be of the front's {known.shape[1]} objectives; got {found.shape[1]}")
    best = support(known, weights)
    floor = np.asarray(weights, dtype=np.float64) @ reference_point(known)
    share_of = (best if exact is None else floats("exact", exact, best.shape)) - floor
    if not (share_of > 0).all():
        raise ProblemError("the front has no extent at some weight: one of its points is best at all weights")
    return np.asarray((support(found, weights) - floor) / share_of)


def support_ratio(points: ArrayLike, front: ArrayLike, *, exact: ArrayLike | None = None) -> float:
    """The mean of `support_ratios` over the 500 weights of `weights_for` the front.

    Examples
    --------
    >>> front = [[1.0, 0.0], [0.7, 0.7], [0.0, 1.0]]
    >>> support_ratio(front, front), round(support_ratio([[0.7, 0.7]], front), 4)
    (1.0, 0.8936)
    """
    return float(support_ratios(points, front, weights_for(front), exact=exact).mean())


def _points(given: ArrayLike, name: str) -> Floats:
    points = as_floats(name, given)
    if points.ndim != 2 or 0 in points.shape or not np.isfinite(points).all():
        raise ProblemError(f"{name} must be finite and have shape (P, K), P and K >= 1; got {points.shape}")
    return points
