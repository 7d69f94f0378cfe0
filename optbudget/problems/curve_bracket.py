"""Curves between which every model within the intervals lies.

For each price the bracket holds a policy and a line. Under **every** model within the intervals the policy
spends at most `point_spend` and is worth at least `point_value`, so mixtures of such points make the
lower curve, which can be had without knowing the model. And **no** policy under any such model is worth more
than `intercept + price * b` with the budget b, so the least of these lines makes the upper curve.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.curves import Curves
from optbudget.problems.transition_intervals import TransitionIntervals

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class CurveBracket:
    """A guaranteed curve and one that cannot be exceeded, of every state, over all models in the intervals.

    Attributes
    ----------
    intervals : what the rows may be
    lower, upper : n curves each; a budget below the lower curve's first one is guaranteed nothing
    price : (K,) decreasing, finite, >= 0
    pair : (K+1, T, n) int64; the policy of each price, and last the one of least guaranteed spend: a
        state-action pair for every stage, -1 in terminal states
    point_spend, point_value : (n, K+1) of these policies, the worst over all models, moved outward
    intercept : (n, K) of the lines, moved outward
    """

    intervals: TransitionIntervals
    lower: Curves
    upper: Curves
    price: Floats
    pair: NDArray[np.int64]
    point_spend: Floats
    point_value: Floats
    intercept: Floats

    def value(self, label: str, budget: float) -> tuple[float, float]:
        """What is guaranteed with a budget in a state, and what cannot be exceeded."""
        i = self.intervals.problem.index(label)
        return float(self.lower[i].value(budget)), float(self.upper[i].value(budget))

    def __len__(self) -> int:
        return len(self.lower)

    def __repr__(self) -> str:
        return (
            f"CurveBracket({len(self):,} state" + ("" if len(self) == 1 else "s")
            + f", {self.price.size} prices, {self.intervals!r})"
        )  # fmt: skip
