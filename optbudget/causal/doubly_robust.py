"""Doubly robust effects of a decision with two values, on all rows or on those where it was taken.

With :math:`e(z) = P(d = 1 \\mid z)` by logistic regression and :math:`m_d(z) = E[Y \\mid d, z]` by a line for
each value of d, the effect on those where it was taken is

.. math:: \\hat\\tau_1 = \\frac{1}{n_1} \\sum_i \\Bigl(d_i - (1 - d_i) \\frac{e(z_i)}{1 - e(z_i)}\\Bigr)
          (Y_i - m_0(z_i)),

and that on all rows

.. math:: \\hat\\tau = \\frac{1}{n} \\sum_i m_1(z_i) - m_0(z_i) + \\frac{d_i (Y_i - m_1(z_i))}{e(z_i)}
          - \\frac{(1 - d_i)(Y_i - m_0(z_i))}{1 - e(z_i)}

(Robins, Rotnitzky & Zhao 1994; Hahn 1998). Either is right in the limit if e or the lines are; the standard
error, of the influence function, asks for both. Nothing is clipped: where e comes near 0 or 1 for those who
matter, the error is large, and says so. The effect on the treated needs only that none of *them* is without
its like among the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.causal.overlap import no_overlap, propensities
from optbudget.causal.regression import Regressions, estimate_of, no_double, t_quantile, unscaled
from optbudget.errors import ProblemError
from optbudget.problems.columns import Floats, exponents
from optbudget.problems.effects import Estimate
from optbudget.problems.history import History

Target = Literal["all", "treated"]


def doubly_robust(
    history: History,
    decision: str,
    outcome: str,
    adjusted: Sequence[str],
    *,
    target: Target = "treated",
    level: float = 0.95,
) -> Estimate:
    """The effect of the higher of a decision's two values instead of the lower, on the mean of an outcome.

    Parameters
    ----------
    decision, outcome : one column each
    adjusted : names of what is adjusted for, which must identify the effect (`optbudget.causal.adjustment`)
    target : "treated": the mean effect over the rows with the higher value; "all": over all rows
    level : of the interval

    Raises
    ------
    ProblemError
        If the decision has not two values, a name is no column, the two values have nothing in common, or no
        number holds the effect.

    Examples
    --------
    Those who gain most take it: the effect on them is larger than on all.

    >>> from optbudget.problems import CausalQuestion
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=2000)
    >>> d = x + rng.logistic(size=2000) > 0
    >>> y = (1 + x) * d + x + rng.normal(size=2000)
    >>> history = History(CausalQuestion(("x",), ("d",), ("y",)), np.column_stack((x, d, y)))
    >>> for target in ("all", "treated"):
    ...     found = doubly_robust(history, "d", "y", ("x",), target=target)
    ...     print(f"{found.effect:.2f} ({found.lower:.2f} to {found.upper:.2f})")
    1.03 (0.92 to 1.13)
    1.47 (1.34 to 1.59)
    """
    exponent = exponents(history.column(outcome))
    parts = _parts(history, decision, np.ldexp(history.column(outcome), -exponent), adjusted)
    effect, influence = parts.on_treated() if target == "treated" else parts.on_all()
    error = float(influence.std(ddof=1)) / len(influence) ** 0.5
    effect, error = unscaled(np.array((effect, error)), exponent).tolist()
    found = estimate_of(effect, error, t_quantile(level, len(influence) - 1))
    if found is None:
        raise ProblemError(no_double(decision, outcome))
    return found


def comparable(
    history: History, decision: str, adjusted: Sequence[str], *, least: float = 0.1
) -> NDArray[np.bool_]:
    """(m,) the rows whose estimated chance of either value is at least `least`.

    What is left of a history, `history.rows(...)`, is where like can be compared with like; the effect there
    is that on other people than before. 0.1 is close to the best choice over a range of cases (Crump, Hotz,
    Imbens & Mitnik 2009).

    Raises
    ------
    ProblemError
        As `doubly_robust`.
    """
    chance = propensities(_regressions(history, decision, adjusted), decision, adjusted)
    return np.asarray(np.minimum(chance, 1 - chance) >= least)


@dataclass(frozen=True, eq=False)
class _Parts:
    """(m,) whether d is the higher value, its chance e, and Y - m_0 and Y - m_1."""

    taken: NDArray[np.bool_]
    chance: Floats
    from_zero: Floats
    from_one: Floats

    def on_treated(self) -> tuple[float, Floats]:
        """The effect and the influence of every row."""
        odds = self.chance / (1 - self.chance)
        weighed = np.where(self.taken, 1.0, -odds) * self.from_zero
        effect = float(weighed.sum() / self.taken.sum())
        return effect, (weighed - self.taken * effect) / self.taken.mean()

    def on_all(self) -> tuple[float, Floats]:
        """The effect and the influence of every row."""
        residual = np.where(self.taken, self.from_one, -self.from_zero)
        weighed = residual / np.where(self.taken, self.chance, 1 - self.chance)
        score = self.from_zero - self.from_one + weighed
        effect = float(score.mean())
        return effect, score - effect


def _parts(history: History, decision: str, y: Floats, adjusted: Sequence[str]) -> _Parts:
    regressions = _regressions(history, decision, adjusted)
    values = history.column(decision)
    taken = values == values.max()
    columns = regressions.table[:, regressions.numbers.columns_of(*adjusted)]
    design = np.column_stack((np.ones(len(y)), columns))
    lines = [design @ np.linalg.lstsq(design[rows], y[rows], rcond=None)[0] for rows in (~taken, taken)]
    return _Parts(taken, propensities(regressions, decision, adjusted), y - lines[0], y - lines[1])


def _regressions(history: History, decision: str, adjusted: Sequence[str]) -> Regressions:
    """The factorised columns, where two values of a decision can be compared."""
    for name in (decision, *adjusted):
        history.position(name)
    regressions = Regressions(history)
    if not regressions.numbers.is_two_valued(decision):
        raise ProblemError(f"{decision} has not two values; a doubly robust effect compares two")
    reason = no_overlap(regressions, decision, adjusted)
    if reason:
        raise ProblemError(reason)
    return regressions
