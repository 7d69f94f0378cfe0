"""Least squares of any column on any others, from one factorisation of the whole table.

With the centred columns :math:`X = QR`, the regression of :math:`y` on :math:`(Z, d)` is that of the columns
of R, which are as many as the table has, not as long. For the triangle r of the columns Z, d, y

.. math:: \\hat\\beta = r_{dy} / r_{dd}, \\quad
          \\text{se}^2 = \\frac{\\lVert r_{yy} \\rVert^2}{(m - 2 - |Z|)\\, r_{dd}^2},

with :math:`r_{dd}` the length of what is left of d when Z is taken out of it (Frisch, Waugh & Lovell). So
the effects on all outcomes cost one small factorisation, whatever the number of rows m. Intervals are
:math:`\\hat\\beta \\pm t_{m-2-|Z|}\\, \\text{se}`.

Every column is held in its own power of two, as squares of very large and very small numbers are no doubles;
:math:`\\hat\\beta` times :math:`2^{e_y - e_d}` is in the units of the columns, where a double can hold it.

The heteroskedasticity-robust standard error is HC3: residuals over one less leverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optbudget.problems.columns import Codes, Floats, exponents
from optbudget.problems.effects import Estimate, Overlap
from optbudget.problems.history import History

COLLINEAR = 1e-6
"""Share of a column's length, after the others are taken out, below which it is made of them."""

STILL = 1e-12
"""Range of a column, as a share of its largest number, up to which it does not vary but for rounding."""

FITTED = 1e-9
"""One less leverage, up to which a row's residual is rounding."""


def t_quantile(level: float, freedom: float) -> float:
    """The t quantile that an interval of a level reaches to both sides.

    Examples
    --------
    >>> round(t_quantile(0.95, 10), 3)
    2.228
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + 0.5 * level))


def unscaled(values: Floats | float, shift: Codes | int) -> Floats:
    """Numbers times 2 ** shift; nan where no double holds all digits of that.

    Examples
    --------
    >>> unscaled(0.75, [3, 2000, -2000])
    array([ 6., nan, nan])
    """
    with np.errstate(over="ignore", under="ignore"):
        found = np.ldexp(values, shift)
        held = np.ldexp(found, np.negative(shift)) == values
    return np.where(held, found, np.nan)


def estimate_of(effect: float, std_error: float, reach: float) -> Estimate | None:
    """An estimate with an interval of so many standard errors to both sides; None if no doubles hold it."""
    half = reach * std_error
    if not np.isfinite([effect - half, effect + half]).all():
        return None
    return Estimate(float(effect), float(std_error), float(effect - half), float(effect + half))


def no_double(decision: str, outcome: str) -> str:
    """Why there is no estimate where `estimate_of` has none."""
    return (
        f"effects of {decision} on {outcome} are too large or too small for a number; "
        "put one of the two in other units"
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """One decision's coefficients for several outcomes.

    Attributes
    ----------
    effect, std_error : (k,) for each outcome; nan where no double holds them
    freedom : degrees of freedom
    residual_share : of the decision's variance that is not explained by what is adjusted for
    """

    effect: Floats
    std_error: Floats
    freedom: int
    residual_share: float

    def estimate(self, k: int, level: float) -> Estimate | None:
        return estimate_of(self.effect[k], self.std_error[k], t_quantile(level, self.freedom))

    @property
    def overlap(self) -> Overlap:
        return Overlap(self.residual_share)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A history's columns as numbers.

    A discrete column is its levels that occur but the first, 0 or 1 each; with two levels it is one column.

    Attributes
    ----------
    values : (m, q)
    of : name -> the columns that stand for it
    """

    values: Floats
    of: dict[str, list[int]]

    @classmethod
    def from_history(cls, history: History) -> "Numbers":
        parts: list[Floats] = []
        of: dict[str, list[int]] = {}
        for name in history.columns:
            values = history.column(name)
            several = len(history.levels.get(name, ())) > 2
            made = [(values == level).astype(float) for level in np.unique(values)[1:]] if several else []
            made = made or [values]
            of[name] = list(range(len(parts), len(parts) + len(made)))
            parts += made
        return cls(np.column_stack(parts), of)

    def columns_of(self, *names: str) -> list[int]:
        """The columns that stand for some names."""
        return [k for name in names for k in self.of[name]]

    def is_single(self, name: str) -> bool:
        """Whether a name is one column: numbers, or two levels."""
        return len(self.of[name]) == 1

    def is_two_valued(self, name: str) -> bool:
        """Whether a name is one column that has two values."""
        return self.is_single(name) and np.unique(self.values[:, self.of[name][0]]).size == 2

    def name(self, column: int) -> str:
        """The name that a column stands for."""
        return next(name for name, columns in self.of.items() if column in columns)


class Regressions:
    """A history's columns, centred and factorised once.

    Parameters
    ----------
    robust : HC3 standard errors in place of those of equal variances

    Attributes
    ----------
    exponent : (q,) of the power of two that each column is divided by
    table : (m, q) the columns so divided, centred
    length : (q,) of these

    Examples
    --------
    >>> from optbudget.problems import CausalQuestion
    >>> table = [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [1.0, 1.0, 3.0], [2.0, 2.0, 6.0], [0.0, 3.0, 6.0]]
    >>> regressions = Regressions(History(CausalQuestion(("x",), ("d",), ("y",)), table))
    >>> regressions.fit("d", ("x",), ("y",)).effect.round(3)
    array([2.])
    """

    def __init__(self, history: History, *, robust: bool = False) -> None:
        self.robust = robust
        self.history = history
        self.numbers = Numbers.from_history(history)
        self.exponent = exponents(self.numbers.values)
        scaled = np.ldexp(self.numbers.values, -self.exponent)
        self.table = scaled - scaled.mean(axis=0)
        self.length = np.linalg.norm(self.table, axis=0)
        scale = np.where(self.length > 0, self.length, 1.0)
        self.triangle = _triangle(self.table / scale)

    def is_constant(self, name: str) -> bool:
        """Whether a column is the same in every row."""
        values = self.history.column(name)
        return bool((values == values[0]).all())

    def stillness(self, name: str) -> str:
        """How a column does not vary, or by so little that it may be rounding; "" where it varies."""
        values = self.history.column(name)
        half, size = float(0.5 * values.max() - 0.5 * values.min()), float(np.abs(values).max())
        if half > 0.5 * STILL * size:
            return ""
        if self.is_constant(name):
            return f"{name} does not vary"
        return (
            f"{name} varies by {2 * half:.3g} around {size:.3g}, which doubles cannot tell from rounding "
            "(subtract a number from it)"
        )

    def fit(self, decision: str, adjusted: Sequence[str], outcomes: Sequence[str]) -> Fit:
        """The regressions of outcomes on a decision and what is adjusted for; see `obstacle` first."""
        given, (d,), ys = (
            self.numbers.columns_of(*adjusted),
            self.numbers.of[decision],
            self.numbers.columns_of(*outcomes),
        )
        small = _triangle(self.triangle[:, [*given, d, *ys]])
        k = len(given)
        freedom = len(self.history) - 2 - k
        effect = small[k, k + 1 :] / small[k, k] * self.length[ys] / self.length[d]
        left = np.linalg.norm(small[k + 1 :, k + 1 :], axis=0) * self.length[ys]
        error = left / np.sqrt(freedom) / abs(small[k, k]) / self.length[d]
        if self.robust:
            error = self._robust_errors(given, d, ys)
        shift = self.exponent[ys] - self.exponent[d]
        share = min(1.0, float(small[k, k] ** 2))
        return Fit(unscaled(effect, shift), unscaled(error, shift), freedom, share)

    def shift(self, decision: str, outcome: str) -> int:
        """The exponent of the power of two between an effect in scaled columns and in their units."""
        (d,), (y,) = self.numbers.of[decision], self.numbers.of[outcome]
        return int(self.exponent[y] - self.exponent[d])

    def obstacle(self, decision: str, adjusted: Sequence[str]) -> str:
        """Why there is no regression on a decision and what is adjusted for; "" where there is one."""
        if not self.numbers.is_single(decision):
            labels = len(self.history.levels[decision])
            return f"{decision} has {labels} levels without an order: make it numbers, or a column per level"
        if still := self.stillness(decision):
            return f"{still}, so nothing can be learned of what it does"
        for name in adjusted:
            if still := self.stillness(name):
                return f"{still}, so it cannot be adjusted for"
        given, (d,) = self.numbers.columns_of(*adjusted), self.numbers.of[decision]
        if len(self.history) - 2 - len(given) < 1:
            return (
                f"{len(self.history)} rows are too few to adjust for {len(given)} columns; "
                f"at least {len(given) + 3} are needed"
            )
        left = np.abs(np.diag(_triangle(self.triangle[:, [*given, d]])))
        made = np.flatnonzero(left < COLLINEAR).tolist()
        if not made:
            return self.unlike((*adjusted, decision))
        column = [*given, d][made[0]]
        others = ", ".join(self._made_of(column, [*given, d][: made[0]]))
        made_of = f"{self.numbers.name(column)} is a linear combination of {others}"
        return f"no variation of {decision} is left to compare: {made_of}; leave one of them out"

    def unlike(self, names: Sequence[str]) -> str:
        """Why there is no robust standard error beside columns: a row that they fit; "" if there is one."""
        if not self.robust:
            return ""
        columns = self.numbers.columns_of(*names)
        q, r = np.linalg.qr(self.table[:, columns] / self.length[columns])
        fitted = leverage(q)
        row = int(np.argmax(fitted))
        if fitted[row] < 1.0 - FITTED:
            return ""
        part = np.linalg.solve(r, q[row])
        by = dict.fromkeys(self.numbers.name(columns[k]) for k in np.flatnonzero(abs(part) > COLLINEAR))
        return (
            f"row {row + 1} has no like in {', '.join(by)}, so it is fitted whatever is in it, and there is "
            "no robust standard error (HC3); leave the row out, or do without --robust"
        )

    def outcome_obstacle(self, outcome: str) -> str:
        """Why a column can be no outcome of a regression; "" where it can."""
        if not self.numbers.is_single(outcome):
            labels = len(self.history.levels[outcome])
            return f"{outcome} has {labels} levels without an order: an effect on it is no one number"
        if still := self.stillness(outcome):
            return f"{still}, so nothing can be learned of what moves it"
        return ""

    def _robust_errors(self, given: list[int], d: int, ys: list[int]) -> Floats:
        q, r = np.linalg.qr(self.table[:, [*given, d]] / self.length[[*given, d]])
        residual = self.table[:, ys] - q @ (q.T @ self.table[:, ys])
        influence = q[:, -1] / (r[-1, -1] * self.length[d])
        weighed = influence[:, None] * residual / (1.0 - leverage(q))[:, None]
        found: Floats = np.linalg.norm(weighed, axis=0)
        return found

    def _made_of(self, column: int, others: list[int]) -> list[str]:
        part = np.linalg.lstsq(self.triangle[:, others], self.triangle[:, column], rcond=None)[0]
        return list(
            dict.fromkeys(self.numbers.name(k) for k in np.array(others)[np.abs(part) > COLLINEAR].tolist())
        )


def leverage(basis: Floats) -> Floats:
    """(m,) the part of a row in its own fitted value, by a constant and an orthonormal basis of columns."""
    return np.asarray(np.einsum("ij,ij->i", basis, basis) + 1.0 / len(basis))


def _triangle(columns: Floats) -> Floats:
    """R of columns = QR."""
    found: Floats = np.asarray(np.linalg.qr(columns, mode="r"))
    return found
