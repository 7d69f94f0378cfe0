"""Tests of conditional independence, ready for the kernels.

* All columns continuous: *Fisher's z*. For normal columns, the partial correlation r of x and y given S has
  :math:`\\sqrt{m - |S| - 3}\\,\\operatorname{artanh} r \\to N(0, 1)` under independence.
* All columns discrete: the *likelihood ratio* :math:`G^2 = 2 \\sum n \\ln (n / e)` over the cells of x and y
  in every stratum of S that occurs, chi-squared with :math:`\\sum_s (a_s - 1)(b_s - 1)` degrees of freedom,
  where :math:`a_s, b_s` levels of x and y occur in stratum s.
* Both kinds: *Wilks' ratio* of the blocks of columns, a discrete one as the indicators of its levels but the
  first, with Bartlett's correction; for single columns the same as Fisher's z in large samples.

Rows count as independent draws. Source: Spirtes, Glymour & Scheines (2000), §5.5; Mardia, Kent & Bibby
(1979), §5.3.2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.causal._independence_kernels import BLOCKS, CATEGORIES, NORMAL, cross_products, p_value
from optbudget.problems import History
from optbudget.problems.columns import Codes, Floats, exponents

Test = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """A history as the kernels take it.

    Attributes
    ----------
    kind : of the test, as the kernels number it
    design : (m, q) standardised columns, a discrete one as the indicators of its levels but the first
    starts : (p + 1,) where the columns of a variable begin in `design`
    codes : (m, p) int64, of discrete columns
    sizes : (p,) how many levels they have
    """

    kind: int
    design: Floats
    starts: Codes
    codes: Codes
    sizes: Codes

    @classmethod
    def of(cls, history: History) -> "Sample":
        """The sample that a history is."""
        discrete = history.discrete
        kind = NORMAL if not discrete.any() else CATEGORIES if discrete.all() else BLOCKS
        sizes = np.array([max(1, len(history.levels.get(name, ()))) for name in history.columns])
        codes = np.where(discrete, history.values, 0.0).astype(np.int64)
        if kind == NORMAL:
            design = np.ascontiguousarray(history.standardised())
            return cls(kind, design, np.arange(discrete.size + 1), codes, sizes)
        parts = [_block(history, name) for name in history.columns]
        starts = np.concatenate(([0], np.cumsum([part.shape[1] for part in parts])))
        design = np.hstack(parts)
        deviation = design.std(axis=0)
        design = (design - design.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
        return cls(kind, design, starts, codes, sizes)

    def test(self, counts: Codes | None = None) -> Test:
        """The test on all rows, or on a resample that has each row so many times: the kernels' tuple."""
        rows = len(self.design)
        weights = np.ones(rows, dtype=np.int64) if counts is None else counts
        return (
            self.kind, rows, self._correlation(weights), self.starts, self.codes, self.sizes, weights
        )  # fmt: skip

    def _correlation(self, weights: Codes) -> NDArray[np.float64]:
        """Correlations of the design's columns; a constant one correlates with nothing."""
        if self.kind == CATEGORIES:
            return np.eye(1)
        share = weights / weights.sum()
        mean = share @ self.design
        matrix = -np.outer(mean, mean)
        cross_products(self.design, share, matrix)
        variance = np.diag(matrix).copy()
        constant = variance <= 1e-12
        scale = np.where(constant, 0.0, 1.0 / np.sqrt(np.where(constant, 1.0, variance)))
        matrix *= np.outer(scale, scale)
        np.fill_diagonal(matrix, 1.0)
        return np.ascontiguousarray(matrix)


def independence(history: History, x: str, y: str, given: tuple[str, ...] = ()) -> float:
    """P-value of "x and y are independent given S", by the test that suits the history's columns.

    Examples
    --------
    >>> from optbudget.problems import CausalQuestion
    >>> draw = np.random.default_rng(1).normal(size=(200, 3))
    >>> draw[:, 1] += draw[:, 0]
    >>> draw[:, 2] += draw[:, 1]
    >>> history = History(CausalQuestion(("a",), ("b",), ("c",)), draw)
    >>> independence(history, "a", "c") < 0.01 < independence(history, "a", "c", ("b",))
    True
    """
    places = np.array([history.position(name) for name in given], dtype=np.int64)
    test = Sample.of(history).test()
    return float(p_value(test, history.position(x), history.position(y), places, places.size))


def _block(history: History, name: str) -> Floats:
    """A continuous column in its power of two, a discrete one as indicators of its levels but the first."""
    column = history.column(name)
    if name not in history.levels:
        return np.ldexp(column, -exponents(column))[:, None]
    levels = np.arange(1, max(2, len(history.levels[name])))
    return np.asarray(column[:, None] == levels, dtype=np.float64)
