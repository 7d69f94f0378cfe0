"""Effects where causes in common are hidden: through the front door, and by an instrument.

*Front door.* Through mediators M that catch all that x does to y,

.. math:: \\text{effect} = \\sum_m a_m b_m, \\quad
          M_m \\sim x \\; (a_m), \\quad y \\sim M + x \\; (b),

whose variance is by the delta method :math:`a' V_b a + b' V_a b`, the two regressions being uncorrelated.

*Instrument.* With z and y, x after what z is conditioned on is taken out, effect = cov(z, y) / cov(z, x),
and its variance is :math:`\\sigma^2 \\lVert z \\rVert^2 / (z'x)^2`, :math:`\\sigma^2` of y - effect x.
"""

from collections.abc import Sequence

import numpy as np

from optbudget.causal.regression import COLLINEAR, Floats, Regressions, estimate_of, t_quantile
from optbudget.problems.effects import Estimate


def through_the_front_door(
    regressions: Regressions, decision: str, mediators: Sequence[str], outcome: str, level: float
) -> Estimate:
    """The effect by mediators, one number each."""
    table = regressions.table
    x = table[:, regressions.numbers.columns_of(decision)]
    m, y = (
        table[:, regressions.numbers.columns_of(*mediators)],
        table[:, regressions.numbers.columns_of(outcome)[0]],
    )
    a = (m.T @ x)[:, 0] / (x.T @ x)[0, 0]
    left = m - x * a
    freedom = len(table) - 2 - m.shape[1]
    both = np.hstack((m, x))
    b = np.linalg.lstsq(both, y, rcond=None)[0]
    residual = y - both @ b
    of_a = left.T @ left / (len(table) - 2) / (x.T @ x)[0, 0]
    of_b = (residual @ residual / freedom * np.linalg.inv(both.T @ both))[:-1, :-1]
    error = float(np.sqrt(a @ of_b @ a + b[:-1] @ of_a @ b[:-1]))
    return estimate_of(float(a @ b[:-1]), error, t_quantile(level, freedom))


def by_instrument(
    regressions: Regressions,
    decision: str,
    instrument: str,
    given: Sequence[str],
    outcome: str,
    level: float,
) -> Estimate | str:
    """The effect by an instrument; a text where it does not move the decision."""
    columns = regressions.numbers.columns_of(instrument, decision, outcome)
    held = regressions.table[:, regressions.numbers.columns_of(*given)]
    z, x, y = _without(regressions.table[:, columns], held).T
    moved = float(z @ x)
    if abs(moved) <= COLLINEAR * np.linalg.norm(z) * np.linalg.norm(x):
        return f"the instrument {instrument} does not move {decision} in this history"
    effect = float(z @ y) / moved
    residual, freedom = y - effect * x, len(z) - 2 - held.shape[1]
    error = float(np.sqrt(residual @ residual / freedom) * np.linalg.norm(z) / abs(moved))
    return estimate_of(effect, error, t_quantile(level, freedom))


def _without(columns: Floats, held: Floats) -> Floats:
    if not held.shape[1]:
        return columns
    q = np.linalg.qr(held)[0]
    left: Floats = columns - q @ (q.T @ columns)
    return left
