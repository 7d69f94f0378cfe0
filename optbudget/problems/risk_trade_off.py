"""Value given up against harm avoided at one budget, over the risk weight.

With V(x) the value of a way x to use the budget before any harm is held against it, and H(x) its harm,

.. math:: f(\\kappa) = \\max_x V(x) - \\kappa H(x)

is a maximum of straight lines: convex and piecewise linear, and falling. On each piece one x is best, its
slope is -H(x); pieces meet where the decision flips. The points (H, V) of the pieces are the vertices of the
frontier V*(h), the most value at a harm of at most h: concave, and by linear duality

.. math:: V^*(h) = \\min_\\kappa f(\\kappa) + \\kappa h .

Two evaluations bracket f between them: it is at least either's line, and at most the chord.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbudget.problems.allocation import Allocation

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class WeighedPlan:
    """What is best at one risk weight.

    Attributes
    ----------
    weight : κ at which it was solved
    allocation : of the problem with the reward R - κ CausalRisk
    value : before harm is held against it, V
    harm : H, value
    """

    weight: float
    allocation: Allocation
    value: float
    harm: float

    def worth(self, weight: float) -> float:
        """V - weight H: its line at any weight."""
        return self.value - weight * self.harm


@dataclass(frozen=True, slots=True)
class Flip:
    """Where the decision changes from one plan to the next.

    Attributes
    ----------
    weight : κ at which the two plans' lines cross
    error : f there is at most so much above the lines: at most the tolerance where nothing lies between the
        two plans; else more flips may hide between them, worth no more than this
    settled : whether nothing lies between them, to the tolerance
    unsaid : why the harm of the plan that lies between them cannot be said; "" where that was not seen
    """

    weight: float
    error: float
    settled: bool
    unsaid: str = ""


@dataclass(frozen=True, eq=False)
class RiskTradeOff:
    """The plans that are best over a range of risk weights, and where one gives way to the next.

    Attributes
    ----------
    budget : money for all
    low, high : range of κ
    plans : by rising κ, falling harm and falling value; the first is best from `low` on
    flips : between each plan and the next
    """

    budget: float
    low: float
    high: float
    plans: tuple[WeighedPlan, ...]
    flips: tuple[Flip, ...]

    def at(self, weight: float) -> WeighedPlan:
        """The plan whose line is the highest at a weight; before a flip where two are."""
        return max(self.plans, key=lambda plan: plan.worth(weight))

    def worth(self, weight: float) -> float:
        """A lower bound of f, which it is to the errors of the flips."""
        return self.at(weight).worth(weight)

    @property
    def settled(self) -> bool:
        """Whether all flips in the range are known, to the tolerance."""
        return all(flip.settled for flip in self.flips)

    def to_arrow(self) -> "pa.Table":
        """One row per plan: from, to (κ), value, harm, given_up and avoided against the first, price."""
        import pyarrow as pa

        ends = [self.low, *(flip.weight for flip in self.flips), self.high]
        first, plans = self.plans[0], self.plans
        return pa.table(
            {
                "from": ends[:-1],
                "to": ends[1:],
                "value": [plan.value for plan in plans],
                "harm": [plan.harm for plan in plans],
                "given_up": [first.value - plan.value for plan in plans],
                "avoided": [first.harm - plan.harm for plan in plans],
                "price": [plan.allocation.price for plan in plans],
            }
        )
