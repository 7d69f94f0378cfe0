"""What one policy is worth, and what knowing the model would be worth, over draws of an uncertain model.

Two things are kept apart. The **wait-and-see** value of a budget is the mean over draws of the best
value under each draw: whoever learns the true rows before acting, and has that budget in each case.
The **policy's** value and spend under every draw are those of one policy that is chosen beforehand.

For any price :math:`\\lambda \\ge 0` and any policy :math:`\\pi`, with :math:`b_d, v_d` its spend and value
under draw d and :math:`w_d(\\lambda)` the line of draw d,

.. math:: v_d(\\pi) \\le w_d(\\lambda) + \\lambda b_d(\\pi), \\qquad \\overline{v}(\\pi) \\le
          \\overline{w}(\\lambda) + \\lambda \\overline{b}(\\pi) \\quad\\text{(means over the draws)},

so the wait-and-see value bounds the mean value of every policy that spends at most the budget under
every draw. A policy that keeps the budget in one model spends more under some draws and less under
others, and where it spends more it may be worth more than that draw's optimum at the budget.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.policy import PricePolicy
from optbudget.problems.transition_counts import TransitionCounts

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
_ALIKE = ("spend", "optimal", "optimal_bound", "bound_price")


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The draws that are worst at one budget, evaluated again on their own.

    Attributes
    ----------
    draw : under which the chosen policy is worth least
    value, spend : of the chosen policy under that draw, by `optbudget.budgeted.evaluate`
    bound : no policy that spends at most the budget under every draw is worth more in its own worst case
    bound_draw : the draw whose line proves that
    bound_price : the price of that line, value per money
    """

    draw: int
    value: float
    spend: float
    bound: float
    bound_draw: int
    bound_price: float


@dataclass(frozen=True, eq=False, repr=False)
class CurveBand:
    """Values and spends over D draws at N budgets; all totals over `weight` units per state.

    Attributes
    ----------
    counts : what the draws are made from
    model : the posterior mean model, which the policy was chosen for
    weight : (n,) units per state, or the initial distribution of one unit
    seed, prior : of the draws; prior is pseudo-counts for every possible next state
    budget : (N,) money, increasing
    planned : (N,) what the policy is worth in the mean model; NaN nowhere
    price : (N, 2) the two neighbouring prices whose policies are mixed, the dearer first
    share : (N,) probability of the second of them, drawn once at the start
    value, spend : (D, N) of the one policy of each budget, under every draw
    optimal, optimal_bound : (D, N) best value of the budget under each draw: what is achieved, and what
        is proved of it; -inf and +inf where the draw does not allow so little money
    bound_price : (D, N) the price of the line that proves the bound, value per money
    rows : (D, z) the draws: probabilities in the order of the counts
    policy : what is done at each of the prices, by state and stage
    worst : of each budget
    """

    counts: TransitionCounts
    model: BudgetedMDP
    weight: Floats
    seed: int
    prior: float
    budget: Floats
    planned: Floats
    price: Floats
    share: Floats
    value: Floats
    spend: Floats
    optimal: Floats
    optimal_bound: Floats
    bound_price: Floats
    rows: Floats
    policy: PricePolicy
    worst: tuple[WorstCase, ...]

    def __post_init__(self) -> None:
        for name in ("weight", "budget", "planned", "price", "share", "value", "spend", "optimal",
                     "optimal_bound", "bound_price", "rows"):  # fmt: skip
            array = np.array(getattr(self, name), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        shape = (self.draws, self.budget.size)
        if any(getattr(self, name).shape != shape for name in _ALIKE):
            raise ProblemError(f"value, spend and optimal values must all have shape {shape}")

    @property
    def draws(self) -> int:
        """Number of draws, D."""
        return int(self.value.shape[0])

    @property
    def wait_and_see(self) -> Floats:
        """(N,) mean over draws of the best value of the budget under each: an upper bound, see above."""
        return np.asarray(self.optimal.mean(axis=0))

    @property
    def wait_and_see_bound(self) -> Floats:
        """(N,) the same from the proved bounds of the draws."""
        return np.asarray(self.optimal_bound.mean(axis=0))

    @property
    def overspend_frequency(self) -> Floats:
        """(N,) share of draws under which the policy's expected spend is above the budget (by 1e-9 of it)."""
        return np.asarray((self.spend > self.budget * (1 + 1e-9)).mean(axis=0))

    def interval(self, of: str, level: float = 0.9) -> Floats:
        """(N, 2) central interval over draws of "value", "spend" or "optimal"."""
        if of not in ("value", "spend", "optimal"):
            raise ProblemError(f"there is no interval of {of!r}; there are value, spend and optimal")
        if not 0 < level < 1:
            raise ProblemError(f"the level is {level}; it must be in (0, 1)")
        ends = [(1 - level) / 2, (1 + level) / 2]
        return np.asarray(np.quantile(getattr(self, of), ends, axis=0, method="hazen").T)

    def to_arrow(self) -> "pa.Table":
        """One row per budget and draw: budget, draw, value, spend, optimal, optimal_bound."""
        import pyarrow as pa

        columns: dict[str, object] = {
            "budget": np.repeat(self.budget, self.draws),
            "draw": np.tile(np.arange(self.draws), self.budget.size),
        }
        for name in ("value", "spend", "optimal", "optimal_bound"):
            columns[name] = getattr(self, name).T.ravel()
        return pa.table(columns)

    def summary(self, level: float = 0.9) -> list[dict[str, Any]]:
        """One entry per budget with what tables and JSON show."""
        value, spend = self.interval("value", level), self.interval("spend", level)
        columns = {
            "budget": self.budget,
            "planned_value": self.planned,
            "value_mean": self.value.mean(axis=0),
            "value_low": value[:, 0],
            "value_high": value[:, 1],
            "spend_mean": self.spend.mean(axis=0),
            "spend_low": spend[:, 0],
            "spend_high": spend[:, 1],
            "overspend_frequency": self.overspend_frequency,
            "wait_and_see": self.wait_and_see,
            "wait_and_see_bound": self.wait_and_see_bound,
        }
        return [
            {name: float(column[k]) for name, column in columns.items()} | {"worst": asdict(worst)}
            for k, worst in enumerate(self.worst)
        ]

    def __repr__(self) -> str:
        budgets = f"{self.budget.size} budget" + ("" if self.budget.size == 1 else "s")
        return f"CurveBand({self.draws} draws, {budgets}, seed {self.seed}, prior {self.prior:g})"
