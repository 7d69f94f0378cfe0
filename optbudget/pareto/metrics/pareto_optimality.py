"""Pareto optimality: how much of the exact front a plan, or a set of plans, reaches.

The *support ratio* (`optbudget.pareto.support_ratio`) and the *hypervolume* of the convexified points, as a
share of the front's (`optbudget.pareto.hypervolume`), both with the reference point of the exact front
alone. A rule gives one plan: its ratio is that of one point against a whole front, and that is what
offering one point is worth to somebody whose weights are not known.
"""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from optbudget.pareto.arguments import of_kind
from optbudget.pareto.hypervolume import hypervolume_share
from optbudget.pareto.metrics.metric import Metric
from optbudget.pareto.support_ratio import support_ratio
from optbudget.problems import Front

METRIC = Metric(
    "Pareto optimality",
    "mean over 500 fixed weights, of objectives from least to most on the exact front, of what the "
    "points reach of its support above its worst corner",
    "% of the front",
    "framework, section 4, 2; support functions of convex sets",
    more_is_better=True,
)


@dataclass(frozen=True, slots=True)
class Reached:
    """Shares of the exact front; 1 is all of it.

    Attributes
    ----------
    support : mean over the fixed weights; negative for points worse than the front's worst corner
    volume : hypervolume over that of the front
    """

    support: float
    volume: float


def reached(points: ArrayLike, front: Front) -> Reached:
    """What points (P, K) reach of the exact points of a front.

    Examples
    --------
    >>> front = Front(("x", "y"), [[0.9, 0.1], [0.1, 0.9]], [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0],
    ...               [0.9, 0.9], [0.0, 0.0], ("exact", "exact"), 1.0)
    >>> found = reached([[0.5, 0.5]], front)
    >>> round(found.support, 2), found.volume
    (0.68, 0.5)
    """
    exact = of_kind("front", front, Front).of_kind("exact").point
    return Reached(support_ratio(points, exact), hypervolume_share(points, exact))
