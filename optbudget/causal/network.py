"""A Bayesian network: a directed acyclic graph with a law of every node given its parents.

.. math:: p(x) = \\prod_j p(x_j \\mid x_{\\mathrm{pa}(j)}), \\qquad
          p(x \\mid \\mathrm{do}(x_D = d)) =
          \\prod_{j \\notin D} p(x_j \\mid x_{\\mathrm{pa}(j)}) \\Big|_{x_D = d}

A do-query is answered exactly where it can be: by the linear equations where all columns are continuous, by
summing ancestors out for a discrete column of discrete ancestors; otherwise from draws. Intervals come from
parameters drawn anew from what the rows leave open (`optbudget.causal.laws`).

Laws are of the columns in powers of two of their own, as squares of very large and very small numbers are no
doubles; what is handed out is in the columns' units.

The intervals hold **given the graph**. Nothing in them says that the graph may be wrong; where it was learned
from the same rows they are too narrow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.causal.laws import Law, LinearLaw, LogitLaw, Parents, TableLaw
from optbudget.causal.prediction import Prediction, from_draws, from_normals, in_units
from optbudget.causal.regression import unscaled
from optbudget.errors import ProblemError, UsageError
from optbudget.problems import CausalGraph, History
from optbudget.problems.columns import Codes, Floats, did_you_mean, exponents

MOST_SUMMED = 40
"""Columns that an exact sum may run over."""
EXACT = 2.0**-48
"""Deviation of a column, as a share of its largest number, up to which it is rounding."""


@dataclass(frozen=True, eq=False, repr=False)
class BayesianNetwork:
    """Laws of the columns of a history along a graph; made by `fit_network`.

    Attributes
    ----------
    graph : directed and acyclic, its nodes the columns
    laws : (p,) of each node given its parents, of columns divided by 2 ** `exponent`
    exponent : (p,) 0 where discrete
    levels : discrete column -> its labels
    rows : that the laws were estimated from

    Examples
    --------
    >>> from optbudget.problems import CausalQuestion
    >>> spend = np.arange(8.0)
    >>> history = History(CausalQuestion((), ("spend",), ("sales",)),
    ...                   np.column_stack([spend, 3 * spend + [1, -1, -1, 1, 1, -1, -1, 1]]))
    >>> network = fit_network(CausalGraph.of(("spend", "sales"), [("spend", "sales")]), history)
    >>> network
    BayesianNetwork(2 nodes, 1 edge, 8 rows)
    >>> round(network.do({"spend": 10.0})["sales"].mean, 9)
    30.0
    """

    graph: CausalGraph
    laws: tuple[Law, ...]
    exponent: Codes
    levels: Mapping[str, tuple[str, ...]]
    rows: int

    def __repr__(self) -> str:
        edges = int(self.graph.directed.sum())
        count = "1 edge" if edges == 1 else f"{edges} edges"
        return f"BayesianNetwork({len(self.laws)} nodes, {count}, {self.rows:,} rows)"

    def log_likelihood(self, history: History) -> Floats:
        """(m,) the log-density of each row, in nats; of rows that were held out, if it is to mean anything.

        Raises
        ------
        ProblemError
            If the history has other columns or levels, or a column has no noise and so no density.
        """
        if history.columns != self.graph.names or dict(history.levels) != dict(self.levels):
            raise ProblemError("the history has other columns, or other levels, than the network")
        values = np.ldexp(history.values, -self.exponent)
        total = np.full(len(history), -float(self.exponent.sum()) * np.log(2.0))
        for j, law in enumerate(self.laws):
            if isinstance(law, LinearLaw) and law.deviation <= EXACT:
                raise ProblemError(
                    f"{self.graph.names[j]!r} follows from its causes without noise, so it has no density"
                )
            total += law.log_density(values, values[:, j])
        return total

    def draw(self, rows: int, *, seed: int, do: Mapping[str, float | str] | None = None) -> Floats:
        """(rows, p) rows of the network, or of it under an intervention; refused as by `do`."""
        fixed = self._fixed(do or {})
        return in_units(
            self.graph.names, self._drawn(fixed, rows, np.random.default_rng(seed)), self.exponent
        )

    def do(
        self,
        interventions: Mapping[str, float | str],
        *,
        level: float = 0.95,
        redraws: int = 200,
        rows: int = 4000,
        seed: int = 0,
    ) -> Mapping[str, Prediction]:
        """What every column would be if some were set: mean, deviation, intervals; shares of levels.

        Parameters
        ----------
        interventions : column -> number, or label where it is discrete; {} predicts without intervening
        level : of the intervals, in (0, 1)
        redraws : of the parameters, for the intervals
        rows : drawn for each, where the answer is not exact

        Raises
        ------
        ProblemError
            For an unknown column or label, or a column of which no number holds the answer.
        """
        if not 0 < level < 1 or redraws < 2 or rows < 2:
            raise UsageError("level must be in (0, 1), redraws and rows at least 2")
        fixed = self._fixed(interventions)
        random = np.random.default_rng(seed)
        again = (self._redrawn(random) for _ in range(redraws))
        if not self.levels:
            answers = [self._normal(fixed), *(network._normal(fixed) for network in again)]
            return from_normals(self.graph.names, answers, level, self.exponent)
        # The same noise for all of them: they differ by their parameters alone.
        draws = (net._drawn(fixed, rows, np.random.default_rng(seed)) for net in (self, *again))
        found = from_draws(self.graph.names, self.levels, draws, level, self.exponent)
        for name in self.levels:
            shares = self.exact_shares(name, interventions)
            if shares is not None:
                found[name] = replace(found[name], shares=dict(zip(self.levels[name], shares, strict=True)))
        return found

    def exact_shares(
        self, name: str, interventions: Mapping[str, float | str] | None = None
    ) -> tuple[float, ...] | None:
        """Probability of each level of a discrete column, by summing its ancestors out.

        None where an ancestor is continuous, or there are too many.
        """
        fixed = self._fixed(interventions or {})
        target = self.graph.position(name)
        wanted = self._needed(target, fixed)
        tables = [self.laws[j] for j in wanted if j not in fixed]
        if len(wanted) > MOST_SUMMED or not all(isinstance(law, TableLaw) for law in tables):
            return None
        label = {j: k for k, j in enumerate(wanted)}
        operands: list[Any] = []
        for j in wanted:
            law, size = self.laws[j], len(self.levels[self.graph.names[j]])
            if j in fixed:
                operands += [np.eye(size)[int(fixed[j])], [label[j]]]
            elif isinstance(law, TableLaw):
                operands += [
                    law.table.reshape(*law.parents.sizes, size),
                    [*(label[c] for c in law.parents.columns), label[j]],
                ]
        return tuple(float(x) for x in np.einsum(*operands, [label[target]], optimize="greedy"))

    @cached_property
    def _order(self) -> tuple[int, ...]:
        return tuple(self.graph.position(name) for name in self.graph.order())

    def _needed(self, target: int, fixed: Mapping[int, float]) -> list[int]:
        """The column and what it follows from under the intervention."""
        wanted, todo = set[int](), [target]
        while todo:
            j = todo.pop()
            if j not in wanted:
                wanted.add(j)
                todo += [] if j in fixed else list(self.laws[j].parents.columns)
        return sorted(wanted)

    def _fixed(self, interventions: Mapping[str, float | str]) -> dict[int, float]:
        found = {}
        for name, value in interventions.items():
            j = self.graph.position(name)
            if name in self.levels:
                labels = self.levels[name]
                if value not in labels:
                    hint = did_you_mean(str(value), labels)
                    raise ProblemError(f"column {name!r} has no level {value!r}{hint}")
                found[j] = float(labels.index(str(value)))
            elif isinstance(value, str) or not np.isfinite(value):
                raise ProblemError(f"column {name!r} is set to {value!r:.40}; it must be a finite number")
            else:
                found[j] = float(unscaled(float(value), -int(self.exponent[j])))
                if np.isnan(found[j]):
                    raise ProblemError(
                        f"column {name!r} is set to {value!r:.40}, far from all of its numbers"
                    )
        return found

    def _redrawn(self, random: np.random.Generator) -> "BayesianNetwork":
        return replace(self, laws=tuple(law.redrawn(random) for law in self.laws))

    def _drawn(self, fixed: Mapping[int, float], rows: int, random: np.random.Generator) -> Floats:
        values = np.empty((rows, len(self.laws)))
        for j in self._order:
            values[:, j] = fixed[j] if j in fixed else self.laws[j].draw(values, random)
        return values

    def _normal(self, fixed: Mapping[int, float]) -> tuple[Floats, Floats]:
        """(means, deviations) under an intervention, all columns continuous: x = b + B x + e by node."""
        p = len(self.laws)
        mean, loading = np.zeros(p), np.zeros((p, p))
        for j in self._order:
            law = self.laws[j]
            if j in fixed:
                mean[j] = fixed[j]
            elif isinstance(law, LinearLaw):
                causes = list(law.parents.columns)
                mean[j] = law.coefficients[0] + law.coefficients[1:] @ (mean[causes] - law.centre[1:])
                loading[j] = law.coefficients[1:] @ loading[causes]
                loading[j, j] = law.deviation
        return mean, np.sqrt((loading * loading).sum(axis=1))


def fit_network(graph: CausalGraph, history: History, *, prior: float = 1.0) -> BayesianNetwork:
    """Estimate the law of every node from the rows of a history.

    Parameters
    ----------
    graph : directed (`optbudget.causal.extend` directs what is open); its nodes are the history's columns
    prior : added to every cell of a discrete node's table, >= 0

    Raises
    ------
    ProblemError
        If an edge is open, the nodes are others, or the rows do not tell a node's parents apart: which node.
    """
    if not graph.is_dag:
        a, b = graph.open_edges[0]
        raise ProblemError(f"the direction of {a!r} - {b!r} is open; direct it, or call extend(graph)")
    if graph.names != history.columns:
        raise ProblemError("the nodes of the graph are not the columns of the history, in their order")
    if not prior >= 0:
        raise UsageError(f"prior is {prior}; it must be >= 0")
    discrete = [name in history.levels for name in history.columns]
    exponent = np.where(discrete, 0, exponents(history.values))
    values = np.ldexp(history.values, -exponent)
    laws = tuple(_law(graph, history, values, j, prior) for j in range(len(graph.names)))
    return BayesianNetwork(graph, laws, exponent, history.levels, len(history))


def _law(graph: CausalGraph, history: History, values: Floats, j: int, prior: float) -> Law:
    name = graph.names[j]
    columns: NDArray[np.int64] = np.flatnonzero(graph.directed[:, j])
    sizes = tuple(len(history.levels.get(graph.names[k], ())) for k in columns.tolist())
    parents = Parents(tuple(columns.tolist()), sizes)
    y, size = values[:, j], len(history.levels.get(name, ()))
    try:
        if not size:
            return LinearLaw.fit(parents, values, y)
        if all(sizes):
            return TableLaw.fit(parents, values, y, size, prior)
        return LogitLaw.fit(parents, values, y, size)
    except ProblemError as error:
        raise ProblemError(
            f"node {name!r} given {', '.join(graph.parents(name)) or 'nothing'}: {error}"
        ) from None
