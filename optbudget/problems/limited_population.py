"""A population under limits: blocks of equal units, and which groups hold which.

The units of a state that no limit singles out are one block, and each unit that is named by a limit or a
group is a block of its own. Groups are *nested* (laminar) if any two of them are disjoint or one contains
the other; then they form a forest, and each block has an innermost group.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError, UsageError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import Finding, did_you_mean
from optbudget.problems.limits import Limits, Multiplier
from optbudget.problems.population import Population
from optbudget.problems.rounding import round_down

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LimitedPopulation:
    """Blocks of equal units under equal limits: first one per state, then one per singled-out unit.

    Attributes
    ----------
    state, count : (k,) int64; state and units of each block
    unit : (k,) int64; which unit of the population a block is, -1 for the rest of a state
    least, most : (k,) money per unit; most may be inf
    names : of the groups, g of them
    group_least, group_most : (g,) money in total
    members : (g,) arrays of the blocks of each group, rising
    fair : (k,) bool; blocks whose least is the least share of the budget, and moves with it
    parent : (g,) int64, innermost other group around each, -1 for none; None where groups overlap
    node : (k,) int64, innermost group of each block, -1 for none; None where groups overlap
    overlap : names of two groups that overlap, or None
    """

    state: Integers
    count: Integers
    unit: Integers
    least: Floats
    most: Floats
    names: tuple[str, ...] = ()
    group_least: Floats = ()  # type: ignore[assignment]
    group_most: Floats = ()  # type: ignore[assignment]
    members: tuple[Integers, ...] = ()
    fair: NDArray[np.bool_] = ()  # type: ignore[assignment]
    parent: Integers | None = None
    node: Integers | None = None
    overlap: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        for name in ("group_least", "group_most"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        if not np.size(self.fair):
            object.__setattr__(self, "fair", np.zeros(self.count.size, dtype=np.bool_))
        if self.parent is None:
            parent, node, overlap = nesting(self.members, self.names, self.count.size)
            for name, found in (("parent", parent), ("node", node), ("overlap", overlap)):
                object.__setattr__(self, name, found)

    @classmethod
    def of(
        cls, limits: Limits, problem: BudgetedMDP, population: Population, budget: float
    ) -> "LimitedPopulation":
        """The blocks of a population, with fairness at a budget and the model's cap on one unit.

        Raises
        ------
        ProblemError
            Naming every state, type and unit that there is not.
        UsageError
            For a share of an unlimited budget.
        """
        if limits.least_share and math.isinf(budget):
            raise UsageError("a least share of an unlimited budget is no amount: give a budget")
        found = Named(limits, problem, population)
        if found.findings:
            raise ProblemError([finding.issue() for finding in found.findings])
        least, most = found.bounds()
        if problem.budget_cap is not None:
            most = np.minimum(most, problem.budget_cap)
        fair = np.zeros(found.count.size, dtype=np.bool_)
        if limits.least_share and population.size:
            share = round_down(Fraction(limits.least_share) * Fraction(budget) / population.size)
            fair = (least <= share) & (share <= most)
            least = np.maximum(least, np.minimum(share, most))
        return cls(
            found.state, found.count, found.unit, least, most, tuple(group.name for group in limits.groups),
            np.array([group.least for group in limits.groups]),
            np.array([group.most for group in limits.groups]),
            tuple(found.members()), fair,
        )  # fmt: skip

    def prices(self, price: float, multipliers: Sequence[Multiplier]) -> tuple[Integers, list[Fraction]]:
        """The price of money for each block, exactly: its place (k,) in a list of the distinct ones.

        It is that of all units together, plus the multipliers of the mosts and less those of the leasts of
        the groups that hold the block: what one more unit of money for its units alone would have to return.
        """
        place = {name: g for g, name in enumerate(self.names)}
        extra: dict[int, Fraction] = {}
        for one in multipliers:
            worth = Fraction(one.value) if one.side == "most" else -Fraction(one.value)
            extra[place[one.group]] = extra.get(place[one.group], Fraction(0)) + worth
        code, found = np.zeros(self.count.size, dtype=np.int64), [Fraction(price)]
        for g, worth in extra.items():
            inside = np.zeros(self.count.size, dtype=np.int64)
            inside[self.members[g]] = 1
            distinct, code = np.unique(2 * code + inside, return_inverse=True)
            found = [found[d // 2] + (worth if d % 2 else 0) for d in distinct.tolist()]
        return code, found


class Named:
    """What the names in limits stand for in a population; `findings` says what they do not."""

    def __init__(self, limits: Limits, problem: BudgetedMDP, population: Population) -> None:
        self.limits, self.problem, self.population = limits, problem, population
        self.findings: list[Finding] = []
        self._types: dict[str, Integers] = {}
        if problem.state_type:
            kinds, code = np.unique(np.asarray(problem.state_type), return_inverse=True)
            self._types = {str(kind): np.flatnonzero(code == t) for t, kind in enumerate(kinds)}
        self._unit: dict[str, int] = {}
        single = [u.unit for u in limits.units if u.unit is not None]
        single += [unit for group in limits.groups for unit in group.units]
        if single and population.unit is not None:
            self._unit = {str(name): i for i, name in enumerate(population.unit.tolist())}
        chosen = sorted({self._unit[str(name)] for name in single if str(name) in self._unit})
        n = problem.n_states
        self._block_of = {unit: n + k for k, unit in enumerate(chosen)}
        own = np.empty(0, dtype=np.int64)
        if chosen and population.unit_state is not None:
            own = population.unit_state[chosen]
        self._own = own
        self.state = np.concatenate((np.arange(n), own))
        rest = population.count - np.bincount(own, minlength=n)
        self.count = np.concatenate((rest, np.ones(own.size, dtype=np.int64)))
        self.unit = np.concatenate((np.full(n, -1), np.array(chosen, dtype=np.int64)))
        for k in range(len(limits.units)):
            self.blocks_of(k, record=True)
        for k, group in enumerate(limits.groups):
            for key, names in (("states", group.states), ("types", group.types), ("units", group.units)):
                for name in names:
                    self._blocks(key.rstrip("s"), name, None, ("group", k, key))

    def bounds(self) -> tuple[Floats, Floats]:
        """The tightest least and most of every block."""
        least, most = np.zeros(self.count.size), np.full(self.count.size, math.inf)
        for k, limit in enumerate(self.limits.units):
            blocks = self.blocks_of(k)
            least[blocks] = np.maximum(least[blocks], limit.least)
            most[blocks] = np.minimum(most[blocks], limit.most)
        return least, most

    def members(self) -> list[Integers]:
        """The blocks of each group, those of its inner groups included."""
        place = {group.name: k for k, group in enumerate(self.limits.groups)}
        known: dict[int, Integers] = {}

        def of(k: int) -> Integers:
            if k not in known:
                group = self.limits.groups[k]
                n = self.problem.n_states
                parts = [self._blocks("state", name, None, None) for name in group.states]
                states = np.array([p[0] for p in parts], dtype=np.int64) if len(parts) > 64 else None
                if states is not None:  # Many single states: one array, and the units singled out of them.
                    inside = np.zeros(n, dtype=np.bool_)
                    inside[states] = True
                    parts = [states, n + np.flatnonzero(inside[self._own])]
                parts += [self._blocks("type", name, None, None) for name in group.types]
                parts += [self._blocks("unit", name, None, None) for name in group.units]
                parts += [of(place[name]) for name in group.groups]
                inner = np.zeros(self.count.size, dtype=np.bool_)
                for part in parts:
                    inner[part] = True
                known[k] = np.flatnonzero(inner)
            return known[k]

        return [of(k) for k in range(len(self.limits.groups))]

    def blocks_of(self, k: int, *, record: bool = False) -> Integers:
        """The blocks that the k-th limit of units is about."""
        limit = self.limits.units[k]
        key = "unit" if limit.unit is not None else "state" if limit.state is not None else "type"
        of_type = limit.type if key == "state" else None
        return self._blocks(key, getattr(limit, key), of_type, ("limit", k, key) if record else None)

    def _of_types(self, name: str, label: str) -> str:
        """The end of a message about an unknown state: that name with its types, or what is near."""
        ends = [known for known in self.problem.labels if known.endswith(f"/{name}")] if self._types else []
        if not ends:
            return did_you_mean(label, self.problem.labels)
        more = f" and {len(ends) - 5} more" if len(ends) > 5 else ""
        return f"; with its type there is {', '.join(map(repr, ends[:5]))}{more}"

    def _blocks(
        self, kind: str, name: str, of_type: str | None, place: tuple[str, int, str] | None
    ) -> Integers:
        """Blocks that a name stands for; none, and a finding if it has a place, where there is none such."""
        message = ""
        blocks = np.empty(0, dtype=np.int64)
        n = self.problem.n_states
        if kind == "state":
            label = name if of_type is None else f"{of_type}/{name}"
            at = self.problem._position.get(label, -1)
            if at < 0:
                message = f"no state is called {label!r}{self._of_types(name, label)}"
            else:
                blocks = np.concatenate(([at], n + np.flatnonzero(self._own == at)))
        elif kind == "type":
            if name not in self._types:
                hint = did_you_mean(name, self._types) if self._types else "; the model has no types"
                message = f"no type is called {name!r}{hint}"
            else:
                states = self._types[name]
                blocks = np.concatenate((states, n + np.flatnonzero(np.isin(self._own, states))))
        elif self.population.unit is None:
            message = f"unit {name!r} is named, and the population was given by counts: list its units"
        elif str(name) not in self._unit:
            message = f"no unit is called {name!r}{did_you_mean(str(name), self._unit)}"
        else:
            blocks = np.array([self._block_of[self._unit[str(name)]]])
        if message and place is not None:
            table, row, column = place
            self.findings.append(Finding(f"unknown-{kind}", message, table, row, column))
        return blocks


def nesting(
    members: Sequence[Integers], names: Sequence[str], blocks: int
) -> tuple[Integers | None, Integers | None, tuple[str, str] | None]:
    """Parent of each group and innermost group of each block; or the names of two groups that overlap."""
    parent = np.full(len(members), -1, dtype=np.int64)
    node = np.full(blocks, -1, dtype=np.int32)
    for g in sorted(range(len(members)), key=lambda g: (-members[g].size, g)):
        around = node[members[g]]
        if around.size:
            if (around != around[0]).any():
                inside = sorted({int(h) for h in around if h >= 0}, key=lambda h: members[h].size)
                return None, None, (names[inside[0]], names[g])
            parent[g] = around[0]
        node[members[g]] = g
    return parent, node.astype(np.int64), None
