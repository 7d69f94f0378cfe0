"""What one unit is worth if its budget is exceeded on no path: a step function of the budget."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import NoAnswerError, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.curve_set import CurveSet
from optbudget.problems.spend_law import as_written

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class StrictCurve:
    """Value of every state for every strict budget up to a largest one.

    Attributes
    ----------
    problem : the unit problem
    step : money; values change at multiples of it only
    low : (n, M+1); achieved by `action` with a budget of k steps; -inf where some path must overspend
    high : (n, M+1); no policy that never overspends is worth more; `low` itself where costs lie on the grid
    chosen : (T, n, M+1) int32; pair to use by stage, state and steps of money left; -1 for none
    error : rounding, in value, that each number may carry
    why : why money is rounded, or ""
    """

    problem: BudgetedMDP
    step: Fraction
    low: Floats
    high: Floats
    chosen: NDArray[np.int32]
    error: float
    why: str = ""

    @property
    def exact(self) -> bool:
        """Whether costs lie on the grid, so that low and high are one."""
        return self.low is self.high

    @property
    def largest_budget(self) -> float:
        """Up to here budgets are answered; beyond, `value` is that of the largest."""
        return float((self.low.shape[1] - 1) * self.step)

    def value(self, label: str, budget: ArrayLike) -> Floats:
        """Value that is achieved at each budget; -inf where some path must overspend."""
        return np.asarray(self.low[self.problem.index(label), self._steps(budget)])

    def bound(self, label: str, budget: ArrayLike) -> Floats:
        """No policy that never overspends the budget is worth more than this plus `error`."""
        return np.asarray(self.high[self.problem.index(label), self._steps(budget)])

    def steps(self, label: str) -> tuple[Floats, Floats]:
        """Budgets at which the achieved value rises, and the value from there on."""
        values = self.low[self.problem.index(label)]
        before = np.concatenate(([-np.inf], values[:-1]))
        rises = np.flatnonzero(values > before + 2 * self.error)
        budgets: Floats = rises.astype(np.float64) * float(self.step)
        return budgets, values[rises]

    def action(self, label: str, stage: int, left: float) -> str | None:
        """What to do with so much money left; None in a terminal state.

        Parameters
        ----------
        label : state
        stage : 0 is now
        left : the budget less what was spent, each spend weighed by cost_discount^stage

        Raises
        ------
        NoAnswerError
            If nothing can be done that never overspends.
        """
        state = self.problem.index(label)
        if self.problem.is_terminal[state]:
            return None
        if not 0 <= stage < self.chosen.shape[0]:
            raise ProblemError(f"stage {stage} is not in 0..{self.chosen.shape[0] - 1}")
        pair = int(self.chosen[stage, state, int(self._steps(left))])
        if pair < 0:
            raise NoAnswerError(f"{label!r} at stage {stage} must overspend {left:.6g} on some path")
        return self.problem.actions[int(self.problem.pair_action[pair])]

    def cost_of_never_overspending(self, curves: CurveSet, label: str, budget: ArrayLike) -> Floats:
        """Value of a budget that is kept in expectation, less that of one that is never exceeded.

        At least the true cost where the curve is exact; too large by `bound - value` at most where money
        was rounded. Infinite where some path must overspend, NaN where the expected spend must too.
        """
        with np.errstate(invalid="ignore"):
            return np.asarray(curves.value(label, budget) - self.value(label, budget))

    def _steps(self, budget: ArrayLike) -> NDArray[np.int64]:
        """Whole steps of money in each budget, read as it is written; cut at the cap and the largest."""
        money = np.asarray(budget, dtype=np.float64)
        if np.isnan(money).any() or (money < 0).any():
            raise ProblemError(f"a strict budget must be a number >= 0; got {money}")
        cap = np.inf if self.problem.budget_cap is None else self.problem.budget_cap
        most = self.low.shape[1] - 1
        flat = [most if np.isinf(m) else min(most, int(as_written(m) // self.step))
                for m in np.minimum(money, cap).ravel().tolist()]  # fmt: skip
        return np.array(flat, dtype=np.int64).reshape(money.shape)

    def to_arrow(self) -> "pa.Table":
        """One row per state and step of value: state, budget, value, bound (`type` first with types)."""
        import pyarrow as pa

        found = [self.steps(label) for label in self.problem.labels]
        index = np.repeat(np.arange(len(found)), [budget.size for budget, _ in found])
        budgets = np.concatenate([budget for budget, _ in found])
        columns: dict[str, object] = {}
        if self.problem.state_type:
            columns["type"] = pa.array(self.problem.state_type).take(pa.array(index))
        columns |= {
            "state": pa.array(self.problem.states).take(pa.array(index)),
            "budget": budgets,
            "value": np.concatenate([value for _, value in found]),
            "bound": self.high[index, np.rint(budgets / float(self.step)).astype(np.int64)],
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        kind = "exact" if self.exact else "between two grids"
        step = str(self.step) if self.step.denominator < 1000 else f"{float(self.step):.6g}"
        return (
            f"StrictCurve({self.low.shape[0]:,} states, budgets 0 to {self.largest_budget:.6g} in steps of "
            f"{step}, {kind})"
        )
