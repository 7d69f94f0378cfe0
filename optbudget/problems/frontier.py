"""What deterministic policies can do with money: a staircase of useful budgets for every state.

A policy that is deterministic in (state, stage, assigned budget) makes value a piecewise constant,
nondecreasing function of the budget (Boutilier & Lu 2016, section 4.2): between two useful budgets
the money above the lower one buys nothing.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.problems.budgeted_mdp import BudgetedMDP

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DeterministicFrontier:
    """Useful budgets of deterministic policies, for every state.

    Attributes
    ----------
    problem : the problem it answers
    indptr : (n+1,) int64; the steps of state i are indptr[i]:indptr[i+1], at least one
    budget : (N,) money, strictly increasing within a state; the first is the least feasible one
    value_there : (N,) strictly increasing within a state; value from that budget to the next
    error : (n,) no deterministic policy is worth more than the staircase plus this, at any budget
    """

    problem: BudgetedMDP
    indptr: NDArray[np.int64]
    budget: Floats
    value_there: Floats
    error: Floats

    def __post_init__(self) -> None:
        for name in ("indptr", "budget", "value_there", "error"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return int(self.indptr.size - 1)

    def steps(self, label: str) -> tuple[Floats, Floats]:
        """Useful budgets of a state and the value at each of them."""
        i = self.problem.index(label)
        span = slice(int(self.indptr[i]), int(self.indptr[i + 1]))
        return self.budget[span], self.value_there[span]

    def value(self, label: str, budget: ArrayLike) -> Floats:
        """Value of a state at each budget; -inf below the least feasible budget."""
        budgets, values = self.steps(label)
        position = np.searchsorted(budgets, np.asarray(budget, dtype=np.float64), side="right") - 1
        return np.where(position < 0, -np.inf, values[np.maximum(position, 0)])

    def to_arrow(self) -> "pa.Table":
        """One row per useful budget: state, budget, value (with `type` first where there are types)."""
        import pyarrow as pa

        index = pa.array(np.repeat(np.arange(len(self)), np.diff(self.indptr)))
        columns = {"type": pa.array(self.problem.state_type).take(index)} if self.problem.state_type else {}
        columns |= {
            "state": pa.array(self.problem.states).take(index),
            "budget": pa.array(self.budget),
            "value": pa.array(self.value_there),
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        return (
            f"DeterministicFrontier({len(self):,} state" + ("" if len(self) == 1 else "s")
            + f", {self.budget.size:,} useful budgets, error {float(self.error.max()):.1e})"
        )  # fmt: skip

    def _repr_html_(self) -> str:
        from html import escape

        names = ("state", "useful budgets", "least", "largest", "value there")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = []
        for label in self.problem.labels[:20]:
            budgets, values = self.steps(label)
            numbers = "".join(f"<td>{x:.6g}</td>" for x in (budgets[0], budgets[-1], values[-1]))
            rows.append(f"<tr><td>{escape(label)}</td><td>{budgets.size:,}</td>{numbers}</tr>")
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{''.join(rows)}</table>"
