"""What a few equal units of one problem can do together, in rational arithmetic.

Units in one state are exchangeable, so a joint state is how many units are in each state that has actions,
and a joint action how many of them take each action. Units that have ended are dropped; their terminal
utility is earned by the action that ended them.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from optbudget.problems import BudgetedMDP, Population

Counts = tuple[int, ...]
Law = dict[Counts, Fraction]


@dataclass(frozen=True)
class Step:
    """What one joint action costs, earns at once (with the utility of units it ends) and leads to."""

    cost: Fraction
    reward: Fraction
    law: Law


class Units:
    """One unit's numbers as rationals, and what any number of units can do together."""

    def __init__(self, unit: BudgetedMDP) -> None:
        self.unit = unit
        self.active = np.flatnonzero(~unit.is_terminal).tolist()
        self.place = {s: i for i, s in enumerate(self.active)}
        self.rate, self.cost_rate = Fraction(unit.discount), Fraction(unit.cost_discount)
        self.worth = [Fraction(u) for u in unit.terminal_utility.tolist()]
        self._alone: dict[int, list[Step]] = {}
        self._known: dict[Counts, list[tuple[str, Step]]] = {}

    def alone(self, state: int) -> list[Step]:
        """What one unit can do in a state."""
        if state not in self._alone:
            unit, steps = self.unit, []
            for a in range(int(unit.pair_ptr[state]), int(unit.pair_ptr[state + 1])):
                row = int(unit.pair_row[a])
                span = slice(int(unit.row_ptr[row]), int(unit.row_ptr[row + 1]))
                reward = Fraction(float(unit.utility[a]))
                if unit.reward == "net":
                    reward -= Fraction(float(unit.cost[a]))
                law: Law = {}
                for j, p in zip(unit.next_state[span].tolist(), unit.probability[span].tolist(), strict=True):
                    if j not in self.place:
                        reward += self.rate * Fraction(p) * self.worth[j]
                    after = tuple(int(i == self.place.get(j, -1)) for i in range(len(self.active)))
                    law[after] = law.get(after, Fraction(0)) + Fraction(p)
                steps.append(Step(Fraction(float(unit.cost[a])), reward, law))
            self._alone[state] = steps
        return self._alone[state]

    def together(self, counts: Counts) -> list[tuple[str, Step]]:
        """What all units can do together, with a name for each."""
        if counts not in self._known:
            ways = [
                [(s, spread) for spread in _spreads(n, len(self.alone(s)))]
                for s, n in zip(self.active, counts, strict=True)
                if n
            ]
            self._known[counts] = [self._joined(choice) for choice in product(*ways)]
        return self._known[counts]

    def _joined(self, choice: tuple[tuple[int, Counts], ...]) -> tuple[str, Step]:
        cost, reward = Fraction(0), Fraction(0)
        law: Law = {(0,) * len(self.active): Fraction(1)}
        words = []
        for s, spread in choice:
            first = int(self.unit.pair_ptr[s])
            for k, units in enumerate(spread):
                step = self.alone(s)[k]
                cost, reward = cost + units * step.cost, reward + units * step.reward
                for _ in range(units):
                    law = _convolved(law, step.law)
                if units:
                    action = self.unit.actions[int(self.unit.pair_action[first + k])]
                    words.append(f"{units} {self.unit.labels[s]}:{action}")
        return ", ".join(words), Step(cost, reward, law)

    def final(self, counts: Counts) -> Fraction:
        """Terminal utility of the units after the last decision."""
        pairs = zip(self.active, counts, strict=True)
        return sum((n * self.worth[s] for s, n in pairs), Fraction(0))

    def start(self, population: Population) -> tuple[Counts, Fraction]:
        """Units that can act, and what those that start in a terminal state are worth."""
        count = population.count.tolist()
        ended = sum((n * self.worth[s] for s, n in enumerate(count) if s not in self.place), Fraction(0))
        return tuple(count[s] for s in self.active), ended

    def name(self, counts: Counts) -> str:
        """Name of a joint state."""
        words = [f"{n} {self.unit.labels[s]}" for s, n in zip(self.active, counts, strict=True) if n]
        return ", ".join(words) or "all ended"


def _spreads(units: int, ways: int) -> list[Counts]:
    """All ways to spread equal units over so many actions."""
    if ways == 1:
        return [(units,)]
    return [(k, *rest) for k in range(units + 1) for rest in _spreads(units - k, ways - 1)]


def _convolved(one: Law, other: Law) -> Law:
    """Law of the sum of two independent counts."""
    both: Law = {}
    for a, p in one.items():
        for b, q in other.items():
            total = tuple(x + y for x, y in zip(a, b, strict=True))
            both[total] = both.get(total, Fraction(0)) + p * q
    return both
