"""Effects where causes in common are hidden: through the front door, and by an instrument.

*Front door.* Through mediators M that catch all that x does to y,

.. math:: \\text{effect} = \\sum_m a_m b_m, \\quad
          M_m \\sim x \\; (a_m), \\quad y \\sim M + x \\; (b),

whose variance is by the delta method :math:`a' V_b a + b' V_a b`, the two regressions being uncorrelated.

*Instrument.* With z and y, x after what z is conditioned on is taken out, effect = cov(z, y) / cov(z, x),
and its variance is :math:`\\sigma^2 \\lVert z \\rVert^2 / (z'x)^2`, :math:`\\sigma^2` of y - effect x.

Each part is a sum :math:`\\sum_i \\psi_i \\varepsilon_i`, whose variance is
:math:`\\sigma^2 \\lVert \\psi \\rVert^2` where those of the errors are equal, and robustly the sum of
:math:`(\\psi_i e_i / (1 - h_i))^2` (HC3).
"""

from collections.abc import Sequence

import numpy as np

from optbudget.causal.regression import (
    COLLINEAR,
    Regressions,
    estimate_of,
    leverage,
    no_double,
    t_quantile,
    unscaled,
)
from optbudget.problems.columns import Floats
from optbudget.problems.effects import Estimate


def through_the_front_door(
    regressions: Regressions, decision: str, mediators: Sequence[str], outcome: str, level: float
) -> Estimate | str:
    """The effect by mediators, one number each; a text where no number holds it."""
    table, columns_of = regressions.table, regressions.numbers.columns_of
    x, y = table[:, columns_of(decision, outcome)].T
    m = table[:, columns_of(*mediators)]
    a = x @ m / (x @ x)
    both = np.column_stack((m, x))
    b = np.linalg.lstsq(both, y, rcond=None)[0]
    of_b = both @ np.linalg.inv(both.T @ both)[:, :-1] @ a
    error = np.hypot(
        _error(x / (x @ x), (m - np.outer(x, a)) @ b[:-1], x[:, None], regressions.robust),
        _error(of_b, y - both @ b, both, regressions.robust),
    )
    freedom = len(table) - 2 - m.shape[1]
    return _estimate(regressions, decision, outcome, (a @ b[:-1], error), t_quantile(level, freedom))


def by_instrument(
    regressions: Regressions,
    decision: str,
    instrument: str,
    given: Sequence[str],
    outcome: str,
    level: float,
) -> Estimate | str:
    """The effect by an instrument; a text where it does not move the decision, or no number holds it."""
    columns = regressions.numbers.columns_of(instrument, decision, outcome)
    held = regressions.table[:, regressions.numbers.columns_of(*given)]
    z, x, y = _without(regressions.table[:, columns], held).T
    moved = float(z @ x)
    if abs(moved) <= COLLINEAR * np.linalg.norm(z) * np.linalg.norm(x):
        return f"the instrument {instrument} does not move {decision} in this history"
    effect = float(z @ y) / moved
    error = _error(z / moved, y - effect * x, np.column_stack((held, z)), regressions.robust)
    freedom = len(z) - 2 - held.shape[1]
    return _estimate(regressions, decision, outcome, (effect, error), t_quantile(level, freedom))


def _error(influence: Floats, residual: Floats, columns: Floats, robust: bool) -> float:
    """The standard error of a sum of errors so weighed, where `columns` and a constant left the residuals."""
    if robust:
        share = leverage(np.linalg.qr(columns)[0])
        return float(np.linalg.norm(influence * residual / (1.0 - share)))
    freedom = len(columns) - 1 - columns.shape[1]
    return float(np.linalg.norm(influence) * np.sqrt(residual @ residual / freedom))


def _estimate(
    regressions: Regressions, decision: str, outcome: str, numbers: tuple[float, float], reach: float
) -> Estimate | str:
    """From effect and standard error in scaled columns to the units of the columns."""
    effect, error = unscaled(np.array(numbers), regressions.shift(decision, outcome))
    return estimate_of(effect, error, reach) or no_double(decision, outcome)


def _without(columns: Floats, held: Floats) -> Floats:
    if not held.shape[1]:
        return columns
    q = np.linalg.qr(held)[0]
    left: Floats = columns - q @ (q.T @ columns)
    return left
