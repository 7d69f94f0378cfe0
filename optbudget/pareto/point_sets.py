"""Sets of vectors, more being better in every component: what is dominated, and what a mixture can reach.

A point is *dominated* if another is at least as good in every objective and better in one. It is *under the
hull* if a mixture of others is: then no weighting of the objectives needs it. With weights ω in the simplex,

.. math:: \\max_{\\lambda} \\min_k \\Bigl(\\sum_i \\lambda_i q_i - x\\Bigr)_k
          = \\min_\\omega \\max_i \\omega \\cdot (q_i - x),

so one linear program says both whether a mixture of the points q reaches x, and for which ω it does not; the
right-hand side is how far x stays inside *all* support planes of the set q at once. It is solved by the
simplex method with K + 1 rows; sets are filtered with it as Lark's algorithm does (in White 1991; Cassandra,
Littman & Zhang 1997, "Incremental pruning").
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, ProblemError
from optbudget.pareto import _point_kernels as kernels
from optbudget.pareto.arguments import as_floats, floats, number

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def non_dominated(points: ArrayLike, *, tolerance: float = 0.0) -> Integers:
    """Rows that no other reaches in every objective to within a tolerance, in increasing order.

    Parameters
    ----------
    points : (P, K)
    tolerance : in the objectives' units. What is left out is within it of what is kept.

    Examples
    --------
    >>> non_dominated([[0, 3], [1, 1], [2, 2], [3, 0], [2, 2]])
    array([0, 2, 3])
    """
    points, tolerance = as_points(points), number("tolerance", tolerance, "[0, inf)")
    kept = np.zeros(len(points), dtype=np.bool_)
    kernels.non_dominated(points, tolerance, kept)
    return np.flatnonzero(kept)


def on_hull(points: ArrayLike, *, tolerance: float = 0.0) -> tuple[Integers, Floats]:
    """Rows that are best for some weighting of the objectives, in increasing order, and such weightings.

    Parameters
    ----------
    points : (P, K)
    tolerance : a row is left out if a mixture of kept ones comes within it in every objective

    Returns
    -------
    rows : the rows kept
    weights : (rows, K), >= 0 with sum 1; a row is best for its weights to within `tolerance`

    Examples
    --------
    The point (1, 1) is not dominated, but half of each of the others beats it:

    >>> rows, weights = on_hull([[0, 3], [1, 1], [3, 0]])
    >>> rows
    array([0, 2])
    """
    points, tolerance = as_points(points), number("tolerance", tolerance, "[0, inf)")
    kept = np.zeros(len(points), dtype=np.bool_)
    weights = np.zeros(points.shape)
    if points.size:
        kernels.on_hull(points, tolerance, kept, weights)
    return np.flatnonzero(kept), weights[kept]


def beyond(points: ArrayLike, front: ArrayLike) -> Floats:
    """How far each point is outside the support planes of a front, (P,); 0 or less: inside all of them.

    The largest :math:`\\omega \\cdot x - \\max_i \\omega \\cdot q_i` over all weights ω >= 0 with sum 1: the
    most by which any weighting would prefer the point to everything that the front offers.

    Examples
    --------
    >>> beyond([[1, 1], [2, 2]], [[0, 3], [3, 0]])
    array([-0.5,  0.5])
    """
    points, front = as_points(points), as_points(front)
    if not front.size or points.shape[1] != front.shape[1]:
        raise ProblemError(f"a front of shape {front.shape} does not bound points of shape {points.shape}")
    slack, weights = kernels.slack_of(front), np.empty(front.shape[1])
    return np.array([-kernels.shortfall(front, x, slack, np.inf, weights) for x in points])


def staircase_hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume of what the points themselves dominate and the reference point does not, by moocore.

    For points that may not be mixed, such as those of deterministic policies in a deterministic world; else
    `pareto.hypervolume`, which counts the mixtures.

    Parameters
    ----------
    points : (P, K)
    reference : (K,), worse than every point of interest; what is not better than it counts nothing

    Raises
    ------
    MissingExtraError
        Without moocore.

    Examples
    --------
    >>> staircase_hypervolume([[0, 3], [2, 2], [3, 0]], [-1, -1])
    11.0
    """
    try:
        import moocore
    except ImportError:
        raise MissingExtraError("hypervolume needs moocore: pip install 'optbudget[pareto]'") from None
    found = as_points(points)
    least = floats("reference", reference, found.shape[1:])
    return float(moocore.hypervolume(found, ref=least, maximise=True))


def as_points(points: ArrayLike) -> Floats:
    """A contiguous (P, K) array of finite numbers.

    Raises
    ------
    ProblemError
        For another shape, or a number that is not finite.
    """
    array = np.ascontiguousarray(as_floats("points", points))
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ProblemError(f"points must be finite and of shape (P, K); got shape {array.shape}")
    return array
