"""A small population as one problem: its states are counts of units, its actions say who does what.

Equal units in one state are exchangeable, so a joint state is how many units are in each state, and a
joint action how many of them take each action (Meuleau et al. 1998 call the separate problems weakly
coupled). Units that have ended are dropped, their terminal utility earned by the action that ended them.

With the budget in expectation the joint optimum, although it may shift money between units as chance
falls, equals the sum of the units' curves at the best split: for a price the joint problem separates,
and linear duality closes the gap. With a budget that no path may exceed it lies below:
`strict_optimum`, by dynamic programming over counts and the money left, in rational arithmetic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from optbudget.errors import LimitError, UsageError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Population

MOST_PAIRS = 50_000
"""Joint states and actions beyond which the joint problem is refused."""
MOST_VISITED = 500_000
"""Joint states with money left beyond which the strict problem is refused."""

Counts = tuple[int, ...]
Law = dict[Counts, Fraction]


@dataclass(frozen=True)
class _Step:
    """What one joint action costs, earns at once (with the utility of units it ends) and leads to."""

    cost: Fraction
    reward: Fraction
    law: Law


class _Units:
    """One unit's numbers as rationals, and what any number of units can do together."""

    def __init__(self, unit: BudgetedMDP) -> None:
        self.unit = unit
        self.active = np.flatnonzero(~unit.is_terminal).tolist()
        self.place = {s: i for i, s in enumerate(self.active)}
        self.rate, self.cost_rate = Fraction(unit.discount), Fraction(unit.cost_discount)
        self.worth = [Fraction(u) for u in unit.terminal_utility.tolist()]
        self._alone: dict[int, list[_Step]] = {}
        self._known: dict[Counts, list[tuple[str, _Step]]] = {}

    def alone(self, state: int) -> list[_Step]:
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
                steps.append(_Step(Fraction(float(unit.cost[a])), reward, law))
            self._alone[state] = steps
        return self._alone[state]

    def together(self, counts: Counts) -> list[tuple[str, _Step]]:
        """What all units can do together, with a name for each."""
        if counts not in self._known:
            ways = [
                [(s, spread) for spread in _spreads(n, len(self.alone(s)))]
                for s, n in zip(self.active, counts, strict=True)
                if n
            ]
            self._known[counts] = [self._joined(choice) for choice in product(*ways)]
        return self._known[counts]

    def _joined(self, choice: tuple[tuple[int, Counts], ...]) -> tuple[str, _Step]:
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
        return ", ".join(words), _Step(cost, reward, law)

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


def joint_problem(unit: BudgetedMDP, population: Population, budget: float) -> tuple[ConstrainedMDP, float]:
    """All units of a small population as one constrained problem, and a constant to add to its value.

    The constant is what units are worth that start in terminal states.

    Raises
    ------
    LimitError
        If the joint problem has more than `MOST_PAIRS` joint states and actions.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> unit = two_action_example(horizon=2)
    >>> joint_problem(unit, Population.at(unit, {"s": 3}), 5.0)
    (ConstrainedMDP(1 state, horizon 2, budget 5), 0.0)
    """
    units = _Units(unit)
    first, ended = units.start(population)
    order, position = [first], {first: 0}
    pair_ptr, cost, utility, words, rows = [0], list[float](), list[float](), list[str](), list[Law]()
    for counts in order:
        for word, step in units.together(counts) if any(counts) else []:
            for after in step.law:
                if after not in position:
                    position[after] = len(order)
                    order.append(after)
            cost.append(float(step.cost))
            utility.append(float(step.reward))
            words.append(word)
            rows.append(step.law)
        pair_ptr.append(len(cost))
        if len(cost) > MOST_PAIRS:
            raise LimitError(
                f"the joint problem has more than {MOST_PAIRS:,} joint states and actions; it is made for "
                "a few units of small problems: allocate() serves the others"
            )
    actions = tuple(dict.fromkeys(words)) or ("none",)
    index = {word: i for i, word in enumerate(actions)}
    joint = BudgetedMDP(
        states=tuple(units.name(counts) for counts in order),
        actions=actions,
        pair_ptr=np.array(pair_ptr),
        pair_action=np.array([index[word] for word in words], dtype=np.int32),
        pair_row=np.arange(len(rows), dtype=np.int32),
        cost=np.array(cost),
        utility=np.array(utility),
        row_ptr=np.append(0, np.cumsum([len(law) for law in rows])).astype(np.int64),
        next_state=np.array([position[after] for law in rows for after in law], dtype=np.int32),
        probability=np.array([float(p) for law in rows for p in law.values()]),
        terminal_utility=np.array([float(units.final(counts)) for counts in order]),
        discount=unit.discount,
        cost_discount=unit.cost_discount,
        horizon=unit.horizon,
        reward="gross",
        initial_state=np.array([0]),
        initial_probability=np.array([1.0]),
    )
    return ConstrainedMDP(joint, budget), float(ended)


def strict_optimum(unit: BudgetedMDP, population: Population, budget: float) -> Fraction | None:
    """Largest expected value of all units together if no path may spend more than the budget; exact.

    None if some path must. With a cost discount below 1, money that is kept grows by its inverse: what is
    never exceeded is the discounted spend.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError
        If more than `MOST_VISITED` joint states with money left are met.

    Examples
    --------
    Two units, money for one; each would gain 10 with certainty:

    >>> from optbudget.problems.examples import two_action_example
    >>> unit = two_action_example(horizon=1)
    >>> strict_optimum(unit, Population.at(unit, {"s": 2}), 1.5)
    Fraction(11, 1)
    """
    if unit.horizon is None:
        raise UsageError("a strict budget is solved over a finite horizon; give one")
    units = _Units(unit)
    known: dict[tuple[int, Counts, Fraction], Fraction | None] = {}

    def best(k: int, counts: Counts, left: Fraction) -> Fraction | None:
        if k == unit.horizon or not any(counts):
            return units.final(counts)
        key = (k, counts, left)
        if key not in known:
            if len(known) >= MOST_VISITED:
                raise LimitError(
                    f"more than {MOST_VISITED:,} joint states with money left; ask for fewer units"
                )
            known[key] = max(outcomes(k, counts, left), default=None)
        return known[key]

    def outcomes(k: int, counts: Counts, left: Fraction) -> Iterator[Fraction]:
        for _, step in units.together(counts):
            if step.cost > left:
                continue
            rest = (left - step.cost) / units.cost_rate
            ahead = {after: best(k + 1, after, rest) for after in step.law}
            worth = [None if (w := ahead[after]) is None else p * w for after, p in step.law.items()]
            if None not in worth:
                yield step.reward + units.rate * sum((w for w in worth if w is not None), Fraction(0))

    start, ended = units.start(population)
    found = best(0, start, Fraction(budget))
    return None if found is None else found + ended


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
