"""The law of one node given its parents: estimated, drawn from, and drawn anew from what the rows leave open.

* `LinearLaw`: :math:`y = b_0 + \\sum_k b_k x_k + \\varepsilon`, :math:`\\varepsilon` normal,
  for a continuous node; least squares, :math:`s^2` with n - k degrees of freedom. Under a flat prior
  :math:`\\sigma^2` given the rows is :math:`(n - k) s^2 / \\chi^2_{n - k}`, and b given it is normal with
  covariance :math:`\\sigma^2 (X'X)^{-1}`.
* `TableLaw`: a discrete node with discrete parents; each row of the table is Dirichlet, counts plus a prior.
* `LogitLaw`: a discrete node with a continuous parent: multinomial logit, by Newton's method with a slight
  ridge; what is left open is normal with the inverse Hessian.

Columns are codes where discrete; a discrete parent enters a linear predictor by the indicators of its levels
but the first. Linear predictors take the columns less their means, which may be far larger than what varies;
columns that squares of are no doubles are to be divided by powers of two before (`optbudget.causal.network`).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from optbudget.causal.regression import STILL
from optbudget.errors import ProblemError
from optbudget.problems.columns import Floats

RIDGE = 1e-6
"""Precision of the prior of a logit's coefficients, of standardised columns: they stay finite."""
MOST_CELLS = 10_000_000
SHARE = 1e-10
"""Of a column's length, up to which what others leave of it is rounding."""


@dataclass(frozen=True, eq=False)
class Parents:
    """Which columns a node depends on, and how many levels each has (0: continuous)."""

    columns: tuple[int, ...]
    sizes: tuple[int, ...]

    def design(self, values: Floats) -> Floats:
        """(m, k) constant, columns, indicators."""
        parts = [np.ones((len(values), 1))]
        for column, size in zip(self.columns, self.sizes, strict=True):
            x = values[:, [column]]
            parts.append(x if size == 0 else (x == np.arange(1, size)).astype(float))
        return np.hstack(parts)

    def strata(self, values: Floats) -> NDArray[np.int64]:
        """(m,) the number of the parents' joint level; all parents are discrete."""
        number = np.zeros(len(values), dtype=np.int64)
        for column, size in zip(self.columns, self.sizes, strict=True):
            number = number * size + values[:, column].astype(np.int64)
        return number


@dataclass(frozen=True, eq=False)
class LinearLaw:
    """A normal node: `coefficients` (k,) of the design less its `centre` (k,), `deviation` of the noise."""

    parents: Parents
    centre: Floats
    coefficients: Floats
    deviation: float
    freedom: int
    factor: Floats
    """(k, k), F F' = (X'X)^-1."""

    @classmethod
    def fit(cls, parents: Parents, values: Floats, y: Floats) -> "LinearLaw":
        raw = parents.design(values)
        m, k = raw.shape
        centre = _centre(raw)
        design = raw - centre
        basis, upper = np.linalg.qr(design)
        freedom = m - k
        made = np.abs(np.diag(upper)) <= SHARE * np.linalg.norm(design, axis=0)
        still = np.ptp(raw[:, 1:], axis=0) <= STILL * np.abs(raw[:, 1:]).max(axis=0)
        if freedom < 1 or made.any() or still.any():
            raise ProblemError(f"{m} rows do not tell {k} coefficients apart; take edges or levels out")
        coefficients = np.linalg.solve(upper, basis.T @ y)
        rest = y - design @ coefficients
        deviation = float(np.sqrt(rest @ rest / freedom))
        return cls(parents, centre, coefficients, deviation, freedom, np.linalg.inv(upper))

    def mean(self, values: Floats) -> Floats:
        """(m,) given the parents."""
        return np.asarray((self.parents.design(values) - self.centre) @ self.coefficients)

    def log_density(self, values: Floats, y: Floats) -> Floats:
        """(m,) in nats."""
        z = (y - self.mean(values)) / self.deviation
        return np.asarray(-0.5 * z * z - np.log(self.deviation) - 0.5 * np.log(2 * np.pi))

    def draw(self, values: Floats, random: Generator) -> Floats:
        """(m,) a value for each row of the parents."""
        return self.mean(values) + self.deviation * random.normal(size=len(values))

    def redrawn(self, random: Generator) -> "LinearLaw":
        """Parameters drawn from what the rows leave open."""
        deviation = self.deviation * float(np.sqrt(self.freedom / random.chisquare(self.freedom)))
        shift = deviation * self.factor @ random.normal(size=self.coefficients.size)
        return replace(self, coefficients=self.coefficients + shift, deviation=deviation)


@dataclass(frozen=True, eq=False)
class TableLaw:
    """A discrete node of discrete parents: `table` (strata, levels) of probabilities."""

    parents: Parents
    table: Floats
    counts: Floats
    """(strata, levels) of rows, plus the prior."""

    @classmethod
    def fit(cls, parents: Parents, values: Floats, y: Floats, levels: int, prior: float) -> "TableLaw":
        strata = int(np.prod(parents.sizes, dtype=float))
        if strata * levels > MOST_CELLS:
            raise ProblemError(f"a table of {strata:,} rows is too large; take edges or levels out")
        counts = np.full((strata, levels), float(prior))
        np.add.at(counts, (parents.strata(values), y.astype(np.int64)), 1.0)
        total = counts.sum(axis=1, keepdims=True)
        table = np.divide(counts, total, out=np.full_like(counts, 1 / levels), where=total > 0)
        return cls(parents, table, counts)

    def probabilities(self, values: Floats) -> Floats:
        """(m, levels) given the parents."""
        return self.table[self.parents.strata(values)]

    def log_density(self, values: Floats, y: Floats) -> Floats:
        """(m,) in nats; minus infinity where no row of the kind was seen and there is no prior."""
        return _log(self.probabilities(values)[np.arange(len(y)), y.astype(np.int64)])

    def draw(self, values: Floats, random: Generator) -> Floats:
        """(m,) a code for each row of the parents."""
        return _drawn(self.probabilities(values), random)

    def redrawn(self, random: Generator) -> "TableLaw":
        """Parameters drawn from what the rows leave open."""
        draw = random.standard_gamma(self.counts)
        total = draw.sum(axis=1, keepdims=True)
        return replace(self, table=np.where(total > 0, draw / np.where(total > 0, total, 1.0), self.table))


@dataclass(frozen=True, eq=False)
class LogitLaw:
    """A discrete node with a continuous parent: `coefficients` (k, levels - 1) against the first level.

    They are of the design less its `centre` (k,).
    """

    parents: Parents
    centre: Floats
    coefficients: Floats
    factor: Floats
    """(k (levels - 1),) square, F F' the inverse Hessian."""

    @classmethod
    def fit(cls, parents: Parents, values: Floats, y: Floats, levels: int) -> "LogitLaw":
        raw = parents.design(values)
        centre = _centre(raw)
        spread = raw[:, 1:].std(axis=0)
        scale = np.append(1.0, np.where(spread > 0, spread, 1.0))
        design = (raw - centre) / scale
        seen = (y[:, None] == np.arange(1, levels)).astype(float)
        k = design.shape[1]
        beta = np.zeros((k, levels - 1))
        for _ in range(50):
            gradient, hessian = _logit_steps(design, beta, seen)
            step = np.linalg.solve(hessian, gradient).reshape(levels - 1, k).T
            beta += step / max(1.0, float(np.abs(step).max()))
            if np.abs(step).max() < 1e-10:
                break
        back = np.diag(1 / scale)
        factor = np.kron(np.eye(levels - 1), back) @ np.linalg.inv(np.linalg.cholesky(hessian)).T
        return cls(parents, centre, back @ beta, np.asarray(factor, dtype=np.float64))

    def probabilities(self, values: Floats) -> Floats:
        """(m, levels) given the parents."""
        return _softmax((self.parents.design(values) - self.centre) @ self.coefficients)

    def log_density(self, values: Floats, y: Floats) -> Floats:
        """(m,) in nats."""
        return _log(self.probabilities(values)[np.arange(len(y)), y.astype(np.int64)])

    def draw(self, values: Floats, random: Generator) -> Floats:
        """(m,) a code for each row of the parents."""
        return _drawn(self.probabilities(values), random)

    def redrawn(self, random: Generator) -> "LogitLaw":
        """Parameters drawn from what the rows leave open."""
        shift = self.factor @ random.normal(size=self.coefficients.size)
        return replace(self, coefficients=self.coefficients + shift.reshape(self.coefficients.shape[::-1]).T)


Law = LinearLaw | TableLaw | LogitLaw


def _centre(design: Floats) -> Floats:
    """(k,) the means of a design's columns, 0 for the constant."""
    return np.append(0.0, design[:, 1:].mean(axis=0))


def _logit_steps(design: Floats, beta: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Gradient and negated Hessian of the log-likelihood, by levels, then columns."""
    k, others = beta.shape
    share = _softmax(design @ beta)[:, 1:]
    gradient = design.T @ (seen - share) - RIDGE * beta
    hessian = RIDGE * np.eye(k * others)
    for a in range(others):
        for b in range(others):
            weight = share[:, a] * ((a == b) - share[:, b])
            hessian[a * k : (a + 1) * k, b * k : (b + 1) * k] += (design * weight[:, None]).T @ design
    return gradient.T.ravel(), hessian


def _softmax(scores: Floats) -> Floats:
    """Probabilities from scores against a first level of score 0."""
    whole = np.hstack([np.zeros((len(scores), 1)), scores])
    power = np.exp(whole - whole.max(axis=1, keepdims=True))
    return np.asarray(power / power.sum(axis=1, keepdims=True))


def _drawn(probabilities: Floats, random: Generator) -> Floats:
    draw = random.random((len(probabilities), 1))
    below = (np.cumsum(probabilities, axis=1) <= draw).sum(axis=1)
    return np.asarray(np.minimum(below, probabilities.shape[1] - 1), dtype=np.float64)


def _log(share: Floats) -> Floats:
    return np.asarray(np.log(share, out=np.full_like(share, -np.inf), where=share > 0))
