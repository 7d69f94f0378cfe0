"""Instances taken apart so that pieces can be left out, and put together again.

A draft holds plain numbers; every change of it is a new draft, and `build` makes a validated problem, or
raises where what is left is none. Nothing here keeps a property of the original but its kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population

T = TypeVar("T")
Instance = tuple[BudgetedMDP | ConstrainedMDP | Knapsack, float, Population | None]

DIGITS = (1, 2, 3, 6)
"""Significant digits to which numbers are rounded, the fewest first."""


@dataclass(frozen=True)
class Pair:
    """One state and action: costs of all resources, utility, and where it leads."""

    state: int
    action: str
    cost: tuple[float, ...]
    utility: float
    row: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ProcessDraft:
    """A Markov decision process with its limits, the money first."""

    states: tuple[str, ...]
    pairs: tuple[Pair, ...]
    worth: tuple[float, ...]
    initial: tuple[float, ...]
    limit: tuple[float, ...]
    resources: tuple[str, ...]
    discount: float
    cost_discount: float
    horizon: int | None
    reward: str
    count: tuple[int, ...] | None
    constrained: bool

    @classmethod
    def of(
        cls, problem: BudgetedMDP | ConstrainedMDP, budget: float, population: Population | None
    ) -> "ProcessDraft":
        """Taken apart; a risk term becomes part of the utility."""
        alone = problem if isinstance(problem, ConstrainedMDP) else ConstrainedMDP(problem, budget)
        unit = alone.problem if alone.risk is None else alone.risk.applied(alone.problem)
        pairs = []
        for a, state in enumerate(unit.pair_state.tolist()):
            span = slice(int(unit.row_ptr[unit.pair_row[a]]), int(unit.row_ptr[unit.pair_row[a] + 1]))
            row = zip(unit.next_state[span].tolist(), unit.probability[span].tolist(), strict=True)
            name = unit.actions[int(unit.pair_action[a])]
            pairs.append(
                Pair(state, name, tuple(alone.cost[:, a].tolist()), float(unit.utility[a]), tuple(row))
            )
        return cls(
            unit.labels, tuple(pairs), tuple(unit.terminal_utility.tolist()), tuple(unit.initial.tolist()),
            (budget, *alone.resource_limit.tolist()), alone.resources, unit.discount, unit.cost_discount,
            unit.horizon, unit.reward, None if population is None else tuple(population.count.tolist()),
            isinstance(problem, ConstrainedMDP),
        )  # fmt: skip

    def build(self) -> Instance:
        """The instance.

        Raises
        ------
        ProblemError
            If it is none.
        """
        pairs = sorted(self.pairs, key=lambda p: p.state)
        actions = tuple(dict.fromkeys(p.action for p in pairs)) or ("none",)
        share = np.array(self.initial)
        if not share.sum() > 0:
            raise ProblemError("no unit is left")
        start = np.flatnonzero(share)
        unit = BudgetedMDP(
            states=self.states, actions=actions,
            pair_ptr=np.searchsorted([p.state for p in pairs], np.arange(len(self.states) + 1)),
            pair_action=np.array([actions.index(p.action) for p in pairs], dtype=np.int32),
            pair_row=np.arange(len(pairs), dtype=np.int32),
            cost=np.array([p.cost[0] for p in pairs]), utility=np.array([p.utility for p in pairs]),
            row_ptr=np.cumsum([0, *(len(p.row) for p in pairs)]),
            next_state=np.array([j for p in pairs for j, _ in p.row], dtype=np.int32),
            probability=np.array([q for p in pairs for _, q in p.row]),
            terminal_utility=np.array(self.worth), discount=self.discount, cost_discount=self.cost_discount,
            horizon=self.horizon, reward=self.reward,  # type: ignore[arg-type]
            initial_state=start, initial_probability=share[start] / share.sum(),
        )  # fmt: skip
        people = None if self.count is None else Population(unit.labels, np.array(self.count))
        if not self.constrained:
            return unit, self.limit[0], people
        others = np.array([p.cost[1:] for p in pairs]).reshape(len(pairs), -1).T
        full = ConstrainedMDP(unit, self.limit[0], self.resources, others, np.array(self.limit[1:]))
        return full, self.limit[0], people

    def size(self) -> int:
        """How many numbers it has."""
        return len(self.pairs) * (2 + len(self.limit)) + sum(len(p.row) for p in self.pairs)

    def smaller(self) -> Iterator["ProcessDraft"]:
        """Drafts with something left out or rounded, the largest steps first."""
        if self.horizon is None:
            yield replace(self, horizon=4)
        else:
            shorter = {1, self.horizon // 2, self.horizon * 3 // 4} & set(range(1, self.horizon))
            yield from (replace(self, horizon=k) for k in sorted(shorter))
        for r in range(1, len(self.limit)):
            yield self._without_resource(r)
        if self.count is not None:
            yield from self._fewer_units()
        for chunk in _chunks(len(self.states)):
            yield self._without_states(chunk)
        for chunk in _chunks(len(self.pairs)):
            left = tuple(p for a, p in enumerate(self.pairs) if a not in chunk)
            yield replace(self, pairs=left)
        for s in np.flatnonzero(self.initial).tolist():
            if sum(x > 0 for x in self.initial) > 1:
                yield replace(self, initial=_put(self.initial, s, 0.0))
        for a, p in enumerate(self.pairs):
            if len(p.row) > 1:
                likely = max(p.row, key=lambda entry: entry[1])[0]
                yield replace(self, pairs=_put(self.pairs, a, replace(p, row=((likely, 1.0),))))
        if self.horizon is not None and self.horizon > 1:
            yield replace(self, horizon=self.horizon - 1)

    def rounder(self) -> Iterator["ProcessDraft"]:
        """Drafts with shorter numbers."""
        if any(self.worth):
            yield replace(self, worth=(0.0,) * len(self.worth))
        if self.horizon is not None:
            yield replace(self, discount=1.0)
            yield replace(self, cost_discount=1.0)
        for digits in DIGITS:
            yield replace(self, pairs=tuple(_rounded_pair(p, digits) for p in self.pairs))
            for a, p in enumerate(self.pairs):
                yield replace(self, pairs=_put(self.pairs, a, _rounded_pair(p, digits)))
            yield replace(self, limit=tuple(rounded(b, digits) for b in self.limit))
            yield replace(self, worth=tuple(rounded(u, digits) for u in self.worth))

    def _without_resource(self, r: int) -> "ProcessDraft":
        pairs = tuple(replace(p, cost=p.cost[:r] + p.cost[r + 1 :]) for p in self.pairs)
        resources = self.resources[: r - 1] + self.resources[r:]
        return replace(self, pairs=pairs, resources=resources, limit=self.limit[:r] + self.limit[r + 1 :])

    def _fewer_units(self) -> Iterator["ProcessDraft"]:
        assert self.count is not None
        for s, n in enumerate(self.count):
            for k in sorted({0, 1, n // 2, n - 1} & set(range(n))):
                yield replace(self, count=_put(self.count, s, k))

    def _without_states(self, gone: frozenset[int]) -> "ProcessDraft":
        """States left out; what led to them leads to the other successors, or is left out."""
        kept = [s for s in range(len(self.states)) if s not in gone]
        place = {s: i for i, s in enumerate(kept)}
        pairs = []
        for p in self.pairs:
            row = [(place[j], q) for j, q in p.row if j in place]
            total = sum(q for _, q in row)
            if p.state in place and total > 0:
                scaled = tuple((j, q / total) for j, q in row)
                pairs.append(replace(p, state=place[p.state], row=scaled))
        return replace(
            self, states=_picked(self.states, kept), worth=_picked(self.worth, kept),
            initial=_picked(self.initial, kept), pairs=tuple(pairs),
            count=None if self.count is None else _picked(self.count, kept),
        )  # fmt: skip


@dataclass(frozen=True)
class KnapsackDraft:
    """Groups of options, each a cost and a value, with the copies of the group."""

    groups: tuple[tuple[int, tuple[tuple[float, float], ...]], ...]
    budget: float
    interpolate: bool

    @classmethod
    def of(cls, problem: Knapsack, budget: float) -> "KnapsackDraft":
        """Taken apart; names are not kept."""
        both = list(zip(problem.cost.tolist(), problem.value.tolist(), strict=True))
        first = problem.ptr.tolist()
        groups = [(n, tuple(both[first[g] : first[g + 1]])) for g, n in enumerate(problem.count.tolist())]
        return cls(tuple(groups), budget, problem.interpolate)

    def build(self) -> Instance:
        """The instance.

        Raises
        ------
        ProblemError
            If it is none.
        """
        options = [option for _, group in self.groups for option in group]
        ptr = np.cumsum([0, *(len(group) for _, group in self.groups)])
        problem = Knapsack.from_arrays(
            ptr, [c for c, _ in options], [v for _, v in options], count=[n for n, _ in self.groups],
            interpolate=self.interpolate,
        )  # fmt: skip
        return problem, self.budget, None

    def size(self) -> int:
        """How many numbers it has."""
        return sum(1 + 2 * len(group) for _, group in self.groups)

    def smaller(self) -> Iterator["KnapsackDraft"]:
        """Drafts with something left out, the largest steps first."""
        for chunk in _chunks(len(self.groups)):
            yield replace(self, groups=tuple(x for g, x in enumerate(self.groups) if g not in chunk))
        for g, (n, group) in enumerate(self.groups):
            for k in sorted({1, n // 2, n - 1} & set(range(1, n))):
                yield replace(self, groups=_put(self.groups, g, (k, group)))
            for chunk in _chunks(len(group)):
                left = tuple(option for k, option in enumerate(group) if k not in chunk)
                yield replace(self, groups=_put(self.groups, g, (n, left)))

    def rounder(self) -> Iterator["KnapsackDraft"]:
        """Drafts with shorter numbers."""
        for digits in DIGITS:
            short = tuple(
                (n, tuple((rounded(c, digits), rounded(v, digits)) for c, v in group))
                for n, group in self.groups
            )
            yield replace(self, groups=short)
            for g in range(len(self.groups)):
                yield replace(self, groups=_put(self.groups, g, short[g]))
            yield replace(self, budget=rounded(self.budget, digits))


Draft = ProcessDraft | KnapsackDraft


def draft_of(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack, budget: float, population: Population | None
) -> Draft:
    """An instance taken apart."""
    if isinstance(problem, Knapsack):
        return KnapsackDraft.of(problem, budget)
    return ProcessDraft.of(problem, budget, population)


def rounded(x: float, digits: int) -> float:
    """To so many significant digits.

    Examples
    --------
    >>> rounded(0.0012345, 2), rounded(float("inf"), 2)
    (0.0012, inf)
    """
    return float(f"{x:.{digits - 1}e}") if np.isfinite(x) else x


def _rounded_pair(pair: Pair, digits: int) -> Pair:
    """Costs and utility rounded, and the probabilities too, the largest taking up what is left."""
    row = [(j, rounded(q, digits)) for j, q in pair.row]
    k = max(range(len(row)), key=lambda i: row[i][1])
    rest = sum(q for i, (_, q) in enumerate(row) if i != k)
    row[k] = (row[k][0], 1.0 - rest)
    return replace(
        pair, cost=tuple(rounded(c, digits) for c in pair.cost), utility=rounded(pair.utility, digits),
        row=tuple(row) if row[k][1] > 0 else pair.row,
    )  # fmt: skip


def _chunks(size: int) -> Iterator[frozenset[int]]:
    """Consecutive pieces of halving length, never all of it."""
    length = size // 2
    while length >= 1:
        for begin in range(0, size, length):
            yield frozenset(range(begin, min(size, begin + length)))
        length //= 2


def _put(items: tuple[T, ...], k: int, item: T) -> tuple[T, ...]:
    return (*items[:k], item, *items[k + 1 :])


def _picked(items: tuple[T, ...], kept: list[int]) -> tuple[T, ...]:
    return tuple(items[k] for k in kept)
