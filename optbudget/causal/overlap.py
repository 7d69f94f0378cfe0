"""Whether like was treated unlike: without that no comparison is one, whatever the formula gives.

For a decision with two levels the propensity :math:`e(z) = P(d = 1 \\mid z)` is estimated by a logistic
regression. If the estimated propensities of all that were treated are above those of all others, then the
two have nothing in common, and the effect is an extrapolation of the model alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optbudget.causal.regression import Regressions
from optbudget.problems.effects import Overlap

STEPS = 50
PENALTY = 1e-6
"""Weight of the squared coefficients: keeps them finite where the two levels are apart."""


def propensities(regressions: Regressions, decision: str, adjusted: Sequence[str]) -> NDArray[np.float64]:
    """(m,) estimated chance of the higher of a decision's two values, by Newton's method."""
    values = regressions.history.column(decision)
    treated = (values == values.max()).astype(float)
    columns = regressions.numbers.columns_of(*adjusted)
    scale = np.where(regressions.length[columns] > 0, regressions.length[columns], 1.0)
    design = np.column_stack((np.ones(values.size), regressions.table[:, columns] * values.size**0.5 / scale))
    weight = np.zeros(design.shape[1])
    chance = np.full(values.size, 0.5)
    for _ in range(STEPS):
        curve = (design * (chance * (1 - chance))[:, None]).T @ design
        curve[np.diag_indices_from(curve)] += PENALTY * values.size
        step = np.linalg.solve(curve, design.T @ (treated - chance) - PENALTY * values.size * weight)
        weight = weight + step
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ weight, -500, 500)))
        if np.abs(step).max() < 1e-8:
            break
    return chance


def overlap_of(regressions: Regressions, decision: str, adjusted: Sequence[str], share: float) -> Overlap:
    """The overlap of a decision whose share of variance left is known."""
    if not regressions.numbers.is_two_valued(decision):
        return Overlap(share)
    chance = propensities(regressions, decision, adjusted)
    return Overlap(share, (float(chance.min()), float(chance.max())))


def no_overlap(regressions: Regressions, decision: str, adjusted: Sequence[str]) -> str:
    """Why there is nothing to compare; "" where there is, or the decision has more than two values."""
    if not adjusted or not regressions.numbers.is_two_valued(decision):
        return ""
    values = regressions.history.column(decision)
    chance, treated = propensities(regressions, decision, adjusted), values == values.max()
    if chance[treated].min() <= chance[~treated].max():
        return ""
    return (
        f"no overlap: {', '.join(adjusted)} tell exactly when {decision} is {values.max():g} and when "
        f"{values.min():g}, so no two like periods were treated unlike"
    )
