"""The hypervolume of a convexified front: what lotteries over its points reach beyond a reference point.

Of points X and reference z it is the volume of the region
:math:`\\{y \\ge z : y \\le x, \\; x \\in \\mathrm{conv}(X)\\}`. A set of points without their mixtures is a
staircase, whose volume tells how many points were computed as much as how good they are, so it is not used.
With Y the part of conv(X) above z, the region is the convex hull of the points of Y with any of their
coordinates lowered to z: each point of the box below a mixture is a mixture of points of the boxes below its
parts.

The volume is Qhull's. moocore audits it: on each facet that looks towards more, mixtures in steps of 1/m make
a staircase inside the region, and the least upper bounds of neighbouring mixtures one around it.
"""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, ProblemError
from optbudget.pareto.arguments import floats, whole
from optbudget.pareto.point_sets import as_points
from optbudget.pareto.support_ratio import extent, reference_point

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

Floats = NDArray[np.float64]

STEPS = 4
"""Parts that an edge of a facet is cut into."""
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Hypervolume:
    """A volume between two staircases.

    Attributes
    ----------
    volume : of the convexified front, product of the objectives' units
    inside, around : volumes of staircases that are in the region, and that hold it

    Raises
    ------
    ProblemError
        If the volume is not between the two, to rounding.
    """

    volume: float
    inside: float
    around: float

    def __post_init__(self) -> None:
        slack = ROUNDING * max(1.0, self.around)
        if not self.inside - slack <= self.volume <= self.around + slack:
            raise ProblemError(
                f"the hypervolume {self.volume} is not between {self.inside} and {self.around}"
            )


def hypervolume(points: ArrayLike, reference: ArrayLike, *, steps: int = STEPS) -> Hypervolume:
    """The volume between a reference point and all lotteries over the points.

    Parameters
    ----------
    points : (P, K) more is better; those not above the reference count by their mixtures that are
    reference : (K,) of an exact front alone, if fronts are to be compared
    steps : parts of an edge in the audit

    Raises
    ------
    ProblemError
        If points are not finite, or there are fewer than two objectives.
    UsageError
        If the reference is not of their objectives.
    MissingExtraError
        Without the extra [pareto].

    Examples
    --------
    >>> hypervolume([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    Hypervolume(volume=0.5, inside=0.375, around=0.625)
    """
    given = as_points(points)
    if given.shape[1] < 2:
        raise ProblemError(f"points must have two objectives or more; got shape {given.shape}")
    least, steps = floats("reference", reference, given.shape[1:]), whole("steps", steps, least=1)
    try:
        from moocore import hypervolume as staircase
    except ImportError as missing:
        raise MissingExtraError("hypervolumes need moocore: pip install 'optbudget[pareto]'") from missing
    above = _above(given - least)
    if above.size == 0 or not (above.max(axis=0) > 0).all():
        return Hypervolume(0.0, 0.0, 0.0)
    size = above.max(axis=0)
    hull = _below(above / size, np.zeros(least.size))
    upward = (hull.equations[:, :-1] >= -ROUNDING).all(axis=1)
    inside, around = (
        float(staircase(some, ref=np.zeros(least.size), maximise=True))
        for some in _staircases(hull.points[hull.simplices[upward]], steps)
    )
    scale = float(size.prod())
    return Hypervolume(scale * float(hull.volume), scale * inside, scale * around)


def hypervolume_share(points: ArrayLike, front: ArrayLike) -> float:
    """The hypervolume of points over that of an exact front, above the least that the front has of each.

    Objectives are measured from their least to their most on the front, which changes no share: in units far
    apart in size a hull would be lost to rounding.

    Examples
    --------
    >>> front = np.array([[1.0, 0.0], [0.7, 0.7], [0.0, 1.0]])
    >>> [round(hypervolume_share(front[:2] * unit, front * unit), 9) for unit in (1.0, [1e9, 1e-9])]
    [0.85, 0.85]
    """
    known, least = as_points(front), reference_point(front)
    found = floats("points", points, ("P", known.shape[1]))
    volume = [
        hypervolume((some - least) / extent(known), np.zeros(least.size)).volume for some in (found, known)
    ]
    return volume[0] / volume[1]


def _below(points: Floats, low: Floats) -> "ConvexHull":
    """The hull of the points (P, K) and of what they are with coordinates lowered; the points are first."""
    from scipy.spatial import ConvexHull

    corners = np.array(list(product((1.0, 0.0), repeat=low.size)))
    lowered = low + corners[:, None] * (points - low)
    return ConvexHull(lowered.reshape(-1, low.size))


def _above(points: Floats) -> Floats:
    """Points whose lotteries are as good as those of `points` that are >= 0 in every objective."""
    for k in range(points.shape[1]):
        if not (points[:, k] < 0).any():
            continue
        low = points.min(axis=0) - np.ptp(points, axis=0) - 1.0
        best = _below(points, low).vertices
        points = points[best[best < points.shape[0]]]
        good = points[:, k] >= 0
        high, under = points[good], points[~good]
        share = high[:, None, k] / (high[:, None, k] - under[None, :, k])
        crossing = high[:, None] + share[..., None] * (under[None] - high[:, None])
        crossing[..., k] = 0.0
        points = np.concatenate([high, crossing.reshape(-1, points.shape[1])])
    return points


def _staircases(facets: Floats, steps: int) -> tuple[Floats, Floats]:
    """(N, K) mixtures on the facets (F, K, K), and (M, K) bounds that are together above every one.

    Shares of a facet's corners, in steps, rounded down to u leave r steps to be given: the mixture is one of
    the mixtures in which r of the corners have one step more than u, and below the join of these.
    """
    size = facets.shape[1]
    shares = np.array(list(product(range(steps + 1), repeat=size)))
    raised = np.array(list(product((0, 1), repeat=size)))
    given, more = shares.sum(axis=1), raised.sum(axis=1)
    inside = shares[given == steps] / steps @ facets
    around = []
    for rest in range(1, size):
        cells = shares[given == steps - rest][:, None] + raised[more == rest]
        around.append((cells / steps @ facets[:, None]).max(axis=2).reshape(-1, size))
    return inside.reshape(-1, size), np.concatenate(around)
