"""What to do in each state and stage, as a function of the price of money."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError
from optbudget.problems.budgeted_mdp import BudgetedMDP

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False, repr=False)
class PricePolicy:
    """Deterministic Markov policies, one per price, stored as intervals of prices.

    An optimal way to use a budget needs at most two neighbouring prices: one is drawn at the start
    and kept, and no money is counted afterwards.

    Attributes
    ----------
    problem : the problem it belongs to
    state, stage : (r,) int64; stage 0 is now; stage -1 means every stage (infinite horizon)
    price_low, price_high : (r,) the action holds at prices in [price_low, price_high)
    action : (r,) int32, index into `problem.actions`
    """

    problem: BudgetedMDP
    state: NDArray[np.int64]
    stage: NDArray[np.int64]
    price_low: NDArray[np.float64]
    price_high: NDArray[np.float64]
    action: NDArray[np.int32]

    def action_at(self, label: str, stage: int, price: float) -> str:
        """Name of the action to take; raises NoAnswerError where the policy says nothing."""
        here = (
            (self.state == self.problem.index(label))
            & ((self.stage == stage) | (self.stage == -1))
            & (self.price_low <= price)
            & ((price < self.price_high) | np.isinf(self.price_high))
        )
        rows = np.flatnonzero(here)
        if rows.size == 0:
            raise NoAnswerError(f"the policy holds no action for {label!r}, stage {stage}, price {price}")
        return self.problem.actions[int(self.action[rows[0]])]

    def to_arrow(self) -> "pa.Table":
        """The columns of `policy.parquet`: state, stage, price_low, price_high, action."""
        import pyarrow as pa

        columns: dict[str, object] = {}
        if self.problem.state_type:
            columns["type"] = pa.array(self.problem.state_type).take(pa.array(self.state))
        columns |= {
            "state": pa.array(self.problem.states).take(pa.array(self.state)),
            "stage": self.stage,
            "price_low": self.price_low,
            "price_high": self.price_high,
            "action": pa.array(self.problem.actions).take(pa.array(self.action)),
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        return f"PricePolicy({self.state.size:,} intervals)"
