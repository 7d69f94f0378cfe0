"""Spend that another tool chose on measured response curves, held against the optimum and a proven bound.

A response curve is what one group (a channel, a product, a region) is worth at the amounts that were
measured, with straight lines between them. Where it has falling returns it is concave, and the relaxation
of the knapsack over its points is the truth. Where it is S-shaped, the relaxation's bound holds, but is
reached by changing between amounts from period to period only; what one amount per group can reach is the
best choice among the measured ones, found exactly.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.knapsack import Knapsack
from optbudget.problems.knapsack_allocation import KnapsackAllocation

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """A chosen spend per group beside the optimum; every array is (n,), by group.

    Attributes
    ----------
    knapsack : the measured curves
    budget : money there was
    spend : money that was chosen for one copy of each group
    worth : value of that, interpolated between the measured amounts
    next_price, last_price : value of one more, and of the last, unit of money there; NaN at the ends
    concave : whether the group's curve has falling returns throughout
    relaxed : the optimum of the relaxation at the budget; its bound holds for every choice
    whole : the best choice among the measured amounts, where some curve is not concave; else None
    """

    knapsack: Knapsack
    budget: float
    spend: Floats
    worth: Floats
    next_price: Floats
    last_price: Floats
    concave: NDArray[np.bool_]
    relaxed: KnapsackAllocation
    whole: KnapsackAllocation | None = None

    @cached_property
    def spent(self) -> Fraction:
        """Exact total that was chosen."""
        rows = zip(self.knapsack.count.tolist(), self.spend.tolist(), strict=True)
        return sum((n * Fraction(x) for n, x in rows), Fraction(0))

    @property
    def over(self) -> float:
        """Money spent above the budget, >= 0."""
        return 0.0 if np.isinf(self.budget) else max(0.0, float(self.spent - Fraction(self.budget)))

    @cached_property
    def value(self) -> float:
        """Total value of what was chosen."""
        return float(self.knapsack.count @ self.worth)

    @property
    def bound(self) -> float:
        """No spend within the budget is worth more."""
        return self.relaxed.bound

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    @property
    def best(self) -> KnapsackAllocation:
        """The best spend that can be made as it stands: whole amounts where a curve is not concave."""
        return self.relaxed if self.whole is None else self.whole

    @property
    def lost(self) -> float:
        """Value of the best spend less that of the chosen; below 0 where amounts between are better."""
        return self.best.value - self.value

    @cached_property
    def best_spend(self) -> Floats:
        """(n,) money that the best spend gives one copy of each group, on average over its copies."""
        rows, problem = self.best, self.knapsack
        money = rows.count * rows.probability * problem.cost[rows.option]
        total = np.bincount(problem.group_of[rows.option], money, minlength=len(problem.groups))
        return np.asarray(total / np.maximum(problem.count, 1))

    def to_arrow(self) -> "pa.Table":
        """One row per group: spend, value, last_price, next_price, best_spend, change, concave."""
        import pyarrow as pa

        return pa.table(
            {
                "group": pa.array(self.knapsack.groups),
                "count": self.knapsack.count,
                "spend": self.spend,
                "value": self.worth,
                "last_price": self.last_price,
                "next_price": self.next_price,
                "best_spend": self.best_spend,
                "change": self.best_spend - self.spend,
                "concave": self.concave,
            }
        )

    def __repr__(self) -> str:
        return (
            f"Audit({len(self.knapsack.groups):,} groups, chosen {self.value:.6g}, "
            f"best {self.best.value:.6g}, bound {self.bound:.6g})"
        )
