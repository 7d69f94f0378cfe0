"""Who gets how much: the split of one budget over a population, with its bound."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.curve_set import CurveSet
from optbudget.problems.limited_population import LimitedPopulation
from optbudget.problems.limits import Limits, Multiplier
from optbudget.problems.population import Population
from optbudget.status import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """A split of `budget` over a population; rows as in `allocation.parquet`.

    All rows have probability 1 but those of the one randomised unit: two rows of count 1 whose
    probabilities sum to 1. Under limits there may be one such unit for each binding limit of a group, and
    units whose own limit is between two useful budgets: n of them have two rows of count n, and each draws
    for itself. Value, bound and spend are of the whole population.

    Attributes
    ----------
    curves : the curves it was made from (which know the problem)
    population : whom it serves
    budget : money given
    state : (r,) int64; index of the state
    count : (r,) int64; units
    unit_budget : (r,) money per unit, a useful budget of the state
    unit_value : (r,) value per unit at that budget
    probability : (r,) in (0, 1]
    action : (r,) int32; what to do now, index into the problem's actions, -1 where there is none
    value : total value that is achieved, in expectation
    bound : no policy, joint or not, that keeps the budget in expectation is worth more
    price : value of one more unit of money, >= 0; 0 if money is left
    spent, unspent : expected spend, and budget - spent; spent <= budget in exact arithmetic
    why_unspent : a sentence, or None when nothing is left
    method : "greedy", "price", "uniform", "lp" (by a back end) or "ip" (nobody randomised; the bound is over
        such splits)
    outcome : why the computation stopped, and what is in hand
    stated : what `result.json` says, where the allocation was read from disk
    limits : limits that it keeps, or None
    multipliers : what each binding limit of a group is worth, >= 0; empty without limits
    unit : (r,) int64; which unit of the population a row singles out, -1 for none; None without limits
    set_aside : where groups overlap, (block, money) that is assigned to a block's units (`limited`) on top
        of the most of what each expects to spend and its least, exactly
    """

    curves: CurveSet
    population: Population
    budget: float
    state: NDArray[np.int64]
    count: NDArray[np.int64]
    unit_budget: Floats
    unit_value: Floats
    probability: Floats
    action: NDArray[np.int32]
    value: float = math.nan
    bound: float = math.nan
    price: float = math.nan
    spent: float = math.nan
    unspent: float = math.nan
    why_unspent: str | None = None
    method: str = "greedy"
    outcome: Outcome = field(default_factory=Outcome)
    stated: Mapping[str, object] | None = None
    limits: Limits | None = None
    multipliers: tuple[Multiplier, ...] = ()
    unit: NDArray[np.int64] | None = None
    set_aside: tuple[tuple[int, Fraction], ...] = ()

    @property
    def gap_absolute(self) -> float:
        """bound - value, in value."""
        return self.bound - self.value

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    def exact_spend(self) -> Fraction:
        """Sum of count * probability * unit_budget in rational arithmetic, from the stored rows."""
        rows = zip(self.count.tolist(), self.probability.tolist(), self.unit_budget.tolist(), strict=True)
        return sum((n * Fraction(p) * Fraction(b) for n, p, b in rows), Fraction(0))

    def exact_value(self) -> Fraction:
        """Sum of count * probability * unit_value in rational arithmetic, from the stored rows."""
        rows = zip(self.count.tolist(), self.probability.tolist(), self.unit_value.tolist(), strict=True)
        return sum((n * Fraction(p) * Fraction(v) for n, p, v in rows), Fraction(0))

    def limited(self) -> LimitedPopulation:
        """The population under its limits, at its budget."""
        return LimitedPopulation.of(
            self.limits or Limits(), self.curves.problem, self.population, self.budget
        )

    def state_price(self) -> Floats:
        """Value of one more unit of money for units of each state, (n,), under the limits of their groups.

        The price of the whole population, plus the multipliers of the mosts and less those of the leasts of
        the groups that hold the state; units that are named by a limit may have another.
        """
        code, prices = self.limited().prices(self.price, self.multipliers)
        return np.array([float(p) for p in prices])[code[: self.population.count.size]]

    def to_arrow(self) -> "pa.Table":
        """The columns of `allocation.parquet`: state, count, budget, probability, action."""
        import pyarrow as pa

        problem = self.curves.problem
        columns: dict[str, object] = {}
        if problem.state_type:
            columns["type"] = pa.array(problem.state_type).take(pa.array(self.state))
        names = pa.array([*problem.actions, None], type=pa.string())
        columns |= {
            "state": pa.array(problem.states).take(pa.array(self.state)),
            "count": self.count,
            "budget": self.unit_budget,
            "probability": self.probability,
            "action": names.take(pa.array(np.where(self.action < 0, len(problem.actions), self.action))),
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        return (
            f"Allocation({self.population.size:,} units, budget {self.budget:.6g}: value {self.value:.6g}, "
            f"gap {self.gap:.1e}, price {self.price:.4g}, unspent {self.unspent:.3g})"
        )

    def _repr_html_(self) -> str:
        from html import escape

        table = self.to_arrow().slice(0, 20).to_pydict()
        head = "".join(f"<th>{escape(name)}</th>" for name in table)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in zip(*table.values(), strict=True)
        )
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{rows}</table>"
