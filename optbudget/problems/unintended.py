"""What an answer is predicted to do besides what it is meant to do, and how likely that is.

For a side effect of an action that it is expected to take :math:`N` times, at the decisions
:math:`k` with :math:`N = \\sum_k N_k`, the harm in the units of the objective is

.. math:: \\omega E[X^+] \\sum_k \\gamma^k N_k .

The chance :math:`P(X > 0)` that it does harm at all is that of the effect, not of the units: the effect is
one unknown number, the same every time the action is taken, so it does not average out over units.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optbudget.problems.allocation import Allocation
from optbudget.problems.policy_mixture import PolicyMixture
from optbudget.problems.side_effects import SideEffect

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Consequence:
    """One side effect of an action that an answer takes.

    Attributes
    ----------
    effect : what the action does to the outcome each time
    times : expected number of times that it is taken, by all units; NaN over an infinite horizon
    discounted : the same, each time discounted as rewards are
    """

    effect: SideEffect
    times: float
    discounted: float

    @property
    def harm(self) -> float:
        """Expected harm in value, discounted, >= 0."""
        return self.effect.risk * self.discounted

    @property
    def lower(self) -> float:
        """The harm if the effect is at the less harmful end of its interval."""
        return self.effect.lower * self.discounted

    @property
    def upper(self) -> float:
        """The harm if the effect is at the more harmful end of its interval."""
        return self.effect.upper * self.discounted


@dataclass(frozen=True, eq=False)
class Unintended:
    """The unintended consequences of an answer.

    Attributes
    ----------
    answer : of a problem with or without a risk held against its reward
    consequences : of the actions that it takes, the largest harm first
    weight : κ with which they are in the answer's value already; 0 where they are not
    """

    answer: Allocation | PolicyMixture
    consequences: tuple[Consequence, ...]
    weight: float = 0.0

    @property
    def harm(self) -> float:
        """Expected harm of all, value; they add up, which is an assumption."""
        return sum((one.harm for one in self.consequences), 0.0)

    @property
    def lower(self) -> float:
        """The harm at the less harmful ends of all intervals."""
        return sum((one.lower for one in self.consequences), 0.0)

    @property
    def upper(self) -> float:
        """The harm at the more harmful ends of all intervals."""
        return sum((one.upper for one in self.consequences), 0.0)

    @property
    def value(self) -> float:
        """What the answer is worth before any harm is held against it: its value plus κ times harm."""
        return self.answer.value + self.weight * self.harm

    def to_arrow(self) -> "pa.Table":
        """One row per consequence: action, state, outcome, times, mean, probability, harm, its ends, path."""
        import pyarrow as pa

        rows = self.consequences
        effects = [one.effect for one in rows]
        text = {name: [getattr(e, name) for e in effects] for name in ("action", "state", "outcome")}
        numbers = {name: [getattr(e, name) for e in effects] for name in ("mean", "probability")}
        totals = {name: [getattr(one, name) for one in rows] for name in ("harm", "lower", "upper")}
        times = [None if math.isnan(one.times) else one.times for one in rows]
        return pa.table(
            {name: pa.array(column, pa.string()) for name, column in text.items()}
            | {"times": pa.array(times, pa.float64())}
            | {name: pa.array(column, pa.float64()) for name, column in (numbers | totals).items()}
            | {"path": pa.array([" -> ".join(e.path) for e in effects], pa.string())}
        )
