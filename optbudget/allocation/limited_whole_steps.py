"""Staircases that know how they were made: parts of the search for the best whole units under limits."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.knapsack_states import Integers, staircase

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Staircase:
    """What some units together can cost and be worth; its steps, by rising cost.

    Attributes
    ----------
    cost, value : of each step
    due : the most they could be worth at their price of money, price times money added
    block, options : for units of one block: which, and how many take each of its options (steps, options)
    parts, source : for a sum: the two it was made of, and which step of each a step comes from
    """

    cost: Integers
    value: Integers
    due: Fraction
    block: int = -1
    options: Integers | None = None
    parts: "tuple[Staircase, Staircase] | None" = None
    source: tuple[Integers, Integers] | None = None

    def lost(self, price: float) -> Floats:
        """By how much the value of each step, less the price of its cost, is below what is due."""
        return np.asarray(
            float(self.due) - (self.value.astype(np.float64) - price * self.cost.astype(np.float64))
        )

    def __getitem__(self, kept: Integers) -> "Staircase":
        source = None if self.source is None else (self.source[0][kept], self.source[1][kept])
        options = None if self.options is None else self.options[kept]
        return replace(self, cost=self.cost[kept], value=self.value[kept], source=source, options=options)

    def undominated(self) -> "Staircase":
        """The steps that are worth more than every one that costs no more."""
        return self[staircase(self.cost, self.value)]

    def taken(self, step: int) -> list[tuple[int, Integers]]:
        """How many units of which blocks take each option at a step."""
        found, todo = list[tuple[int, Integers]](), [(self, step)]
        while todo:
            here, k = todo.pop()
            if here.options is not None:
                found.append((here.block, here.options[k]))
            elif here.parts is not None and here.source is not None:
                todo += [(part, int(place[k])) for part, place in zip(here.parts, here.source, strict=True)]
        return found


def nothing(kind: "np.dtype[np.generic]") -> Staircase:
    """No units."""
    return Staircase(np.zeros(1, dtype=kind), np.zeros(1, dtype=kind), Fraction(0))
