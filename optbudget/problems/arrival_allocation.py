"""One budget over those who are here and those who are still to come.

A unit that comes at stage k in state s and is then given the budget b spends it from there on. Seen from
now its spend is :math:`\\gamma_c^k b` and its value :math:`\\gamma^k v`, k counted from the stage of those
who are here; :math:`E[N_{ks}]` of them are expected.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.allocation import Allocation
from optbudget.problems.arrivals import Arrivals
from optbudget.problems.curve_set import CurveSet
from optbudget.status import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ArrivalAllocation:
    """Who of those here gets how much, and what is set aside for each stage and state of arrival.

    All rows of the money set aside have probability 1 but the two of one (stage, state) at most: there
    each unit that comes draws its budget, with probabilities that sum to 1. Numbers are of all units
    together, seen from now, in expectation.

    Attributes
    ----------
    curves : of every stage, as `solve(keep_stages=True)` gives them
    arrivals : who is expected
    here : the allocation of those who are here; its budget is what they are given together
    budget : money for all, now
    stage, state : (r,) int64; of arrival
    expected : (r,) float64, > 0; units expected at that stage in that state
    unit_budget : (r,) money of that stage for each, a useful budget of the state with the stages left
    unit_value : (r,) value of each, seen from that stage
    probability : (r,) in (0, 1]
    action : (r,) int32; what to do first, index into the problem's actions, -1 where there is none
    value : total value that is achieved
    bound : no policy, joint or not, that keeps the budget in expectation is worth more, however many
        units come, as long as these are the means and no decision changes them
    price : value of one more unit of money now, >= 0; 0 if money is left
    spent, unspent : expected spend, and budget - spent; spent <= budget in exact arithmetic
    why_unspent : a sentence, or None when nothing is left
    outcome : why the computation stopped, and what is in hand
    """

    curves: CurveSet
    arrivals: Arrivals
    here: Allocation
    budget: float
    stage: NDArray[np.int64]
    state: NDArray[np.int64]
    expected: Floats
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
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def gap_absolute(self) -> float:
        """bound - value, in value."""
        return self.bound - self.value

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return (self.bound - self.value) / (1.0 + abs(self.value))

    @property
    def set_aside(self) -> float:
        """Expected spend of those who have not come, money of now."""
        return float(self._of_rows(self.unit_budget, self.curves.problem.cost_discount))

    def exact_spend(self) -> Fraction:
        """Expected spend of all in rational arithmetic, from the stored rows."""
        later = self._of_rows(self.unit_budget, self.curves.problem.cost_discount)
        return self.here.exact_spend() + later

    def exact_value(self) -> Fraction:
        """Expected value of all in rational arithmetic, from the stored rows."""
        return self.here.exact_value() + self._of_rows(self.unit_value, self.curves.problem.discount)

    def _of_rows(self, each: Floats, rate: float) -> Fraction:
        """Sum of expected * probability * rate^(stage - now) * each over the money set aside."""
        return discounted_sum(
            self.stage - self.here.curves.stage, rate, self.expected, self.probability, each
        )

    def to_arrow(self) -> "pa.Table":
        """The money set aside: stage, state, expected, budget, probability, action, money.

        `budget` is of one unit when it comes; `money` is what the row is expected to spend, of now.
        """
        import pyarrow as pa

        problem = self.curves.problem
        columns: dict[str, object] = {"stage": self.stage}
        if problem.state_type:
            columns["type"] = pa.array(problem.state_type).take(pa.array(self.state))
        names = pa.array([*problem.actions, None], type=pa.string())
        rate = problem.cost_discount ** (self.stage - self.here.curves.stage).astype(np.float64)
        columns |= {
            "state": pa.array(problem.states).take(pa.array(self.state)),
            "expected": self.expected,
            "budget": self.unit_budget,
            "probability": self.probability,
            "action": names.take(pa.array(np.where(self.action < 0, len(problem.actions), self.action))),
            "money": self.expected * self.probability * rate * self.unit_budget,
        }
        return pa.table(columns)

    def __repr__(self) -> str:
        return (
            f"ArrivalAllocation({self.here.population.size:,} units here, "
            f"{self.arrivals.total:,.6g} expected, budget {self.budget:.6g}: value {self.value:.6g}, "
            f"gap {self.gap:.1e}, price {self.price:.4g}, set aside {self.set_aside:.6g}, "
            f"unspent {self.unspent:.3g})"
        )


def discounted_sum(after: NDArray[np.int64], rate: float, *factors: Floats | NDArray[np.object_]) -> Fraction:
    """Sum over rows of rate^after times the product of the factors, exactly.

    Examples
    --------
    >>> discounted_sum(np.array([0, 1]), 0.5, np.array([2.0, 2.0]), np.array([3.0, 5.0]))
    Fraction(11, 1)
    """
    of_stage: dict[int, Fraction] = {}
    for k, *numbers in zip(after.tolist(), *(factor.tolist() for factor in factors), strict=True):
        product = Fraction(1)
        for number in numbers:
            product *= Fraction(number)
        of_stage[k] = of_stage.get(k, Fraction(0)) + product
    return sum((Fraction(rate) ** k * total for k, total in of_stage.items()), Fraction(0))
