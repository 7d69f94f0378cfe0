"""How near learned fronts come to the certified one, by how many runs they were learned from.

Two measures, both of convexified fronts, with the reference point of the exact front alone: the mean support
ratio over 500 fixed weights (`optbudget.pareto.support_ratio`), and the share of the exact front's
hypervolume (`optbudget.pareto.hypervolume`). 1 is the exact front. What no plan can exceed is proved by its
support planes: the outer front's ratio is `certified`, a little above 1, because the exact front itself is
known to a tolerance and between its weights only from both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.pareto.hulls import outer
from optbudget.pareto.hypervolume import hypervolume_share
from optbudget.pareto.learned_front import LearnedFront
from optbudget.pareto.support_ratio import reference_point, support, support_ratios, weights_for
from optbudget.problems import Front

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Measures of N fronts.

    Attributes
    ----------
    episodes, steps : (N,) what each was learned from
    ratio : (N,) mean support ratio over the fixed weights
    least : (N,) the least of them
    volume : (N,) share of the exact front's hypervolume
    certified : no plan within the budget has a larger mean support ratio, over those of the weights at which
        the exact front's planes prove a bound; infinity if they prove none
    """

    episodes: NDArray[np.int64]
    steps: NDArray[np.int64]
    ratio: Floats
    least: Floats
    volume: Floats
    certified: float

    def to_arrow(self) -> "pa.Table":
        """The columns of `learning.parquet`: episodes, steps, ratio, least_ratio, hypervolume, certified."""
        import pyarrow as pa

        return pa.table(
            {
                "episodes": self.episodes,
                "steps": self.steps,
                "ratio": self.ratio,
                "least_ratio": self.least,
                "hypervolume": self.volume,
                "certified": np.full(self.ratio.size, self.certified),
            }
        )


def learning_curve(fronts: Sequence[LearnedFront], exact: Front) -> LearningCurve:
    """Measure learned fronts against the exact one of the same model and budget.

    Examples
    --------
    >>> from optbudget.pareto import DepartmentsEnv, exact_front, learn_fronts
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> exact = exact_front(two, weights=9, refine=0).front
    >>> fronts = learn_fronts(two, DepartmentsEnv(two, steps=50), exact.weight, episodes=[1, 40])
    >>> curve = learning_curve(fronts, exact)
    >>> curve.steps.tolist(), bool((curve.ratio <= curve.certified).all()), bool(curve.ratio[1] > 0.95)
    ([50, 2000], True, True)
    """
    if not fronts:
        raise UsageError("fronts must hold one learned front or more")
    weights = weights_for(exact.point)
    points = [found.front.point for found in fronts]
    ratios = np.array([support_ratios(one, exact.point, weights) for one in points])
    reference = reference_point(exact.point)
    floor = weights @ reference
    inner, bound = support(exact.point, weights) - floor, outer(exact, weights) - floor
    known = np.isfinite(bound)
    return LearningCurve(
        np.array([found.learned.runs for found in fronts]),
        np.array([found.learned.steps for found in fronts]),
        ratios.mean(axis=1), ratios.min(axis=1),
        np.array([hypervolume_share(one, exact.point) for one in points]),
        float((bound / inner)[known].mean()) if known.any() else np.inf,
    )  # fmt: skip
