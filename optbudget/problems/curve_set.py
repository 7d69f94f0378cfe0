"""The answer to a budgeted MDP: for every state, value as a function of money, with its proof.

The proof of a finite-horizon answer is its list of `prices`: for each price :math:`\\lambda` one backward
pass over the problem gives a supporting line :math:`V(s, b) \\le w_\\lambda(s) + \\lambda b` of every curve,
and a policy whose (spend, value) lies on it. Lines from above and curves from below bracket the
truth; `gap` is the widest bracket. `optbudget.certify` repeats the passes on its own.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.curves import Curve, Curves
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.policy import PricePolicy
from optbudget.status import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StationaryWitness:
    """What proves an infinite-horizon answer: one policy and its fixed point per price.

    One step of each row's own equations proves it, all of them with room for a checker's rounding:
    spend >= c + cost_discount P spend and value <= r + discount P value under the policy (so the point
    can be achieved), and intercept >= r - price c + discount P intercept for every pair (so the line
    holds). Where a discount times the largest row sum is not below 1, that also needs `duration`.

    Attributes
    ----------
    price : (K,) decreasing; inf and 0 allowed at the ends
    policy : (K, n) int32; index of the chosen pair (into the problem's pairs), -1 in terminal states
    spend, value : (K, n) expected spend and value of that policy, each moved to the safe side
    intercept : (K, n) w of the supporting line V(s, b) <= w + price * b, already raised by its residual;
        inf at an infinite price
    duration, spend_duration : (n,) m >= 1 + discount * P_a m (with cost_discount for the second) for
        every pair of a state with m > 0; m = 0 in terminal states and in states from which no reward
        and no spend can come any more; it shows that every policy ends, or is discounted
    horizon : None if both discounts are equal and `price` holds all prices of the answer. Else `price` is
        (inf, 0) only, and the other prices are proved by backward passes over this many decisions with
        terminal utility 0 in states that are not terminal. Then the curves' points are those of the
        passes with `tails` added, because after the horizon the policy of price inf goes on, and
        lines are raised because no policy wins more than the tail after it.
    tails : (spend, lost, won) of `horizon`: what the policy of price inf may still spend and lose, and what
        any policy may still win: cost_discount^T max spend[0], discount^T max(-value[0], 0) and
        discount^T max(intercept[-1], 0), each times 2^-floor(T / ceil(2 max m)) where m proves more
        than the discount does; rounded up
    """

    price: Floats
    policy: NDArray[np.int32]
    spend: Floats
    value: Floats
    intercept: Floats
    duration: Floats | None = None
    spend_duration: Floats | None = None
    horizon: int | None = None
    tails: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False, repr=False)
class CurveSet:
    """Value curves of every state of a budgeted MDP, for all budgets at once.

    Attributes
    ----------
    problem : the problem they answer
    curves : n curves, in the order of `problem.states`
    spend_variance : (N+n,) money^2; variance of the spend of the policy at each breakpoint, curve
        after curve (a curve of k segments has k+1 breakpoints)
    first_action : (N+n,) int32; what to do now at each breakpoint, index into the problem's actions,
        -1 in terminal states
    prices : (K,) decreasing; the certificate; may begin with inf and end with 0
    gap : largest certified (upper - lower) / (1 + |lower|) over all states and budgets, rounding
        included; NaN where nothing was certified
    state_gap : (n,) the same for each state
    rounding : largest rounding error, in value, that the stated numbers may carry
    method : "exact", "walk", "sweep" or "deterministic"
    tolerance : the relative gap that was asked for
    stage : 0 for the curves of all decisions; k for those with k decisions fewer to go
    outcome : why the computation stopped, and what is in hand
    stages : kept curves of later stages, in order of stage, each with its own gap
    policy : what to do at every price, if it was kept
    witness : the stationary certificate of an infinite horizon, else None
    intercept : (n, K) the supporting lines V(s, b) <= intercept + price * b, rounding included, at the
        finite prices; +inf at an infinite price; None where the curves were read from disk
    pruning_error : (n,) most value that pruning may have cost each curve; None where nothing was pruned
    stated : what `result.json` says about this answer, where it was read from disk; a check holds it
        against what it recomputes
    """

    problem: BudgetedMDP
    curves: Curves
    spend_variance: Floats
    first_action: NDArray[np.int32]
    prices: Floats
    gap: float
    state_gap: Floats
    rounding: float
    method: str
    tolerance: float
    outcome: Outcome
    stage: int = 0
    stages: "tuple[CurveSet, ...]" = ()
    policy: PricePolicy | None = None
    witness: StationaryWitness | None = None
    intercept: Floats | None = None
    pruning_error: Floats | None = None
    stated: Mapping[str, object] | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, label: str) -> Curve:
        """The curve of one state, by its label."""
        return self.curves[self.problem.index(label)]

    def __len__(self) -> int:
        return len(self.curves)

    def value(self, label: str, budget: ArrayLike) -> Floats:
        """Value of a state at each budget; -inf below the least feasible budget."""
        return self[label].value(budget)

    def variance(self, label: str) -> Floats:
        """Spend variance at each useful budget of one state, money^2."""
        i = self.problem.index(label)
        start = int(self.curves.indptr[i]) + i
        return self.spend_variance[start : start + len(self.curves[i]) + 1]

    def at_stage(self, stage: int) -> "CurveSet":
        """The kept curves with `stage` decisions fewer to go; raises KeyError if not kept."""
        if stage == self.stage:
            return self
        for kept in self.stages:
            if kept.stage == stage:
                return kept
        raise KeyError(f"the curves of stage {stage} were not kept; solve with keep_stages=True")

    def with_seconds(self, **seconds: float) -> "CurveSet":
        """The same answer with timings added."""
        return replace(self, seconds={**self.seconds, **seconds})

    def to_arrow(self) -> "pa.Table":
        """One row per breakpoint: the columns of `curves.parquet` (by state, then budget)."""
        return self._table(0, len(self))

    def to_batches(self, rows: int) -> "Iterator[pa.Table]":
        """`to_arrow` in parts of whole states, of about so many rows."""
        ends = self.curves.indptr + np.arange(len(self) + 1)
        first = 0
        while first < len(self):
            last = max(first + 1, int(np.searchsorted(ends, ends[first] + rows, side="right")) - 1)
            yield self._table(first, last)
            first = last

    def _table(self, first: int, last: int) -> "pa.Table":
        """Of states first, ..., last - 1."""
        import pyarrow as pa

        curves = self.curves.between(first, last)
        index = pa.array(np.repeat(np.arange(last - first), curves.segments + 1))
        table = curves.to_arrow()
        table = table.add_column(0, "state", pa.array(self.problem.states[first:last]).take(index))
        if self.problem.state_type:
            table = table.add_column(0, "type", pa.array(self.problem.state_type[first:last]).take(index))
        begin, end = int(self.curves.indptr[first]) + first, int(self.curves.indptr[last]) + last
        return table.append_column("spend_variance", pa.array(self.spend_variance[begin:end]))

    def __repr__(self) -> str:
        gap = "not certified" if math.isnan(self.gap) else f"gap {self.gap:.1e}"
        return (
            f"CurveSet({len(self):,} state" + ("" if len(self) == 1 else "s")
            + f", {self.curves.length.size:,} segments, {self.method}, {gap}, "
            f"{self.outcome.termination.name})"
        )  # fmt: skip

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{h}</th>" for h in ("state", "segments", "least budget", "value there",
                                                  "largest useful budget", "value there"))  # fmt: skip
        rows = []
        for label, curve in list(zip(self.problem.labels, self.curves, strict=True))[:20]:
            cells = (curve.start_budget, curve.start_value, curve.largest_useful_budget, curve.values[-1])
            numbers = "".join(f"<td>{x:.6g}</td>" for x in cells)
            rows.append(f"<tr><td>{escape(label)}</td><td>{len(curve)}</td>{numbers}</tr>")
        more = f"<p>… and {len(self) - 20:,} more states</p>" if len(self) > 20 else ""
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{''.join(rows)}</table>{more}"
