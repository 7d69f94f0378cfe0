"""Why a plan with arrivals is what it is: those here, and each stage and state of those who will come.

A unit of money kept until stage k is :math:`\\gamma_c^k` of now, and what it buys counts
:math:`\\gamma^k`, so at the price :math:`\\lambda` of money now it has to return
:math:`\\lambda_k = \\lambda (\\gamma_c/\\gamma)^k` then.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.arrival_allocation import ArrivalAllocation
from optbudget.problems.explanation import Binding, Explanation

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class ArrivalExplanation:
    """What the last and the next money are worth, here and when the others come; arrays are (k,).

    Attributes
    ----------
    plan : what is explained
    here : the same of those who are here, at the price of all; without the totals at which it would change
    stage, state : of arrival
    expected : units
    budget : money of that stage for each, in expectation
    price : value, seen from that stage, that a unit of its money has to return
    last_price, next_price : of the segment bought last and of the next one, seen from that stage; NaN if none
    binding : why they do not have more
    """

    plan: ArrivalAllocation
    here: Explanation
    stage: Integers
    state: Integers
    expected: Floats
    budget: Floats
    price: Floats
    last_price: Floats
    next_price: Floats
    binding: tuple[Binding, ...]

    def to_arrow(self) -> "pa.Table":
        """One row per stage and state of arrival."""
        import pyarrow as pa

        problem = self.plan.curves.problem
        columns: dict[str, object] = {"stage": self.stage}
        if problem.state_type:
            columns["type"] = pa.array(problem.state_type).take(pa.array(self.state))
        columns["state"] = pa.array(problem.states).take(pa.array(self.state))
        for name in ("expected", "budget", "price", "last_price", "next_price"):
            columns[name] = getattr(self, name)
        return pa.table({**columns, "binding": [str(reason) for reason in self.binding]})

    def __repr__(self) -> str:
        return (
            f"ArrivalExplanation({self.here.state.size:,} states here, "
            f"{self.stage.size:,} kinds of arrivals, price {self.plan.price:.4g})"
        )
