"""The answer to a knapsack: which options are taken how often, with its bound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.knapsack import Knapsack
from optbudget.status import OPTIMAL_GAP, Outcome

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False, repr=False)
class KnapsackAllocation:
    """Options taken within a budget; rows as in `allocation.parquet`, by group.

    All rows have probability 1 but those of the one randomised copy: two rows of count 1 whose
    probabilities sum to 1. Where the knapsack is interpolated and the two options are neighbours, they
    read as the amount between them. Method "ip" randomises nothing.

    Attributes
    ----------
    knapsack : the problem
    budget : money given
    option : (r,) int64; index into the knapsack's options
    count : (r,) int64; copies that take it
    probability : (r,) in (0, 1]
    value : total value, the exact sum rounded down
    bound : no choice of options within the budget is worth more; for "greedy" and "price" no
        randomised choice either
    price : value of one more unit of money in the relaxation, >= 0; 0 if more money is worth nothing
    spent, unspent : exact expected spend and what is left of the budget, each rounded to nearest;
        the exact spend is at most the budget
    why_unspent : a sentence, or None when nothing is left
    method : "greedy", "price", "lp" (by a back end) or "ip"
    tolerance : the relative gap that was asked for
    outcome : why the computation stopped, and what is in hand
    stated : what `result.json` says, where it was read from disk
    """

    knapsack: Knapsack
    budget: float
    option: NDArray[np.int64]
    count: NDArray[np.int64]
    probability: NDArray[np.float64]
    value: float = math.nan
    bound: float = math.nan
    price: float = math.nan
    spent: float = math.nan
    unspent: float = math.nan
    why_unspent: str | None = None
    method: str = "greedy"
    tolerance: float = OPTIMAL_GAP
    outcome: Outcome = field(default_factory=Outcome)
    stated: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        for name, kind in (("option", np.int64), ("count", np.int64), ("probability", np.float64)):
            array = np.array(getattr(self, name), dtype=kind)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def gap_absolute(self) -> float:
        """bound - value, in value."""
        return self.bound - self.value

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    def exact_spend(self) -> Fraction:
        """Sum of count * probability * cost in rational arithmetic, from the rows."""
        return self._total(self.knapsack.cost)

    def exact_value(self) -> Fraction:
        """Sum of count * probability * value in rational arithmetic, from the rows."""
        return self._total(self.knapsack.value)

    def _total(self, column: NDArray[np.float64]) -> Fraction:
        """As one integer times 2^-2148: every product of two doubles is one."""
        places = 1074 + 1074
        total = 0
        rows = zip(self.count.tolist(), self.probability.tolist(), column[self.option].tolist(), strict=True)
        for n, p, x in rows:
            (a, b), (c, d) = p.as_integer_ratio(), x.as_integer_ratio()
            total += (n * a * c) << (places + 2 - b.bit_length() - d.bit_length())
        return Fraction(total, 1 << places)

    def to_arrow(self) -> "pa.Table":
        """The columns of `allocation.parquet`: group, option, count, probability."""
        import pyarrow as pa

        problem = self.knapsack
        return pa.table(
            {
                "group": pa.array(problem.groups).take(pa.array(problem.group_of[self.option])),
                "option": pa.array(problem.options).take(pa.array(self.option)),
                "count": self.count,
                "probability": self.probability,
            }
        )

    def __repr__(self) -> str:
        return (
            f"KnapsackAllocation({self.knapsack.size:,} copies, budget {self.budget:.6g}: value "
            f"{self.value:.6g}, gap {self.gap:.1e}, price {self.price:.4g}, unspent {self.unspent:.3g})"
        )
