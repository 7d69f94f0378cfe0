"""Whether the rows of an allocation keep its limits, and when no rows can, in rational arithmetic.

Money may be assigned and not spent, so what is checked is that *some* assignment of at least what the rows
spend keeps every limit. A unit whose rows spend r in expectation is assigned :math:`\\max(r, \\ell)`, which
must not be above u; a group is assigned :math:`e_G = \\max(L_G, \\sum e_{child})`, which must not be above
:math:`U_G`, and all units together no more than B. For nested groups that is possible if and only if these
inequalities hold. That no rows can keep the limits follows from the same climb over what units must have.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.bracket import proved_least
from optbudget.certify.farkas import excess
from optbudget.certify.knapsack_bound import exact_sum
from optbudget.certify.support import Support
from optbudget.errors import OptBudgetError
from optbudget.problems import Allocation, Check, LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME = 2.0**-46
"""Relative difference of two quotients, or of two sums of money, that are the same."""


@dataclass(frozen=True, eq=False)
class Entries:
    """Equal units of an allocation: those of one row, or of the two rows between which they draw.

    Attributes
    ----------
    first, second : (e,) int64; rows; equal where nothing is drawn
    block : (e,) int64; of the limited population
    money : (e,) expected spend of one unit, rounded
    exactly : of those that draw, by entry
    """

    answer: Allocation
    units: LimitedPopulation
    first: Integers
    second: Integers
    block: Integers

    @property
    def count(self) -> Integers:
        return self.answer.count[self.first]

    @cached_property
    def exactly(self) -> dict[int, Fraction]:
        budget, chance = self.answer.unit_budget, self.answer.probability
        return {
            e: Fraction(float(chance[i])) * Fraction(float(budget[i]))
            + Fraction(float(chance[j])) * Fraction(float(budget[j]))
            for e, (i, j) in enumerate(zip(self.first.tolist(), self.second.tolist(), strict=True))
            if i != j
        }

    @cached_property
    def money(self) -> Floats:
        found = self.answer.unit_budget[self.first].copy()
        for e, x in self.exactly.items():
            found[e] = float(x)
        return found


def limited_population(answer: Allocation) -> LimitedPopulation | str:
    """The blocks of an allocation, or why there are none."""
    try:
        return answer.limited()
    except OptBudgetError as error:
        return str(error)


def entries_of(answer: Allocation, units: LimitedPopulation) -> Entries | str:
    """Rows as entries, or what is wrong with them."""
    unit = answer.unit
    if unit is None or unit.shape != answer.state.shape:
        return "the rows do not say which units they single out"
    drawn = np.flatnonzero(answer.probability < 1)
    if drawn.size % 2 or (drawn[1::2] != drawn[::2] + 1).any():
        return "rows with a probability do not come in pairs"
    one, other = drawn[::2], drawn[1::2]
    for column in (answer.state, answer.count, unit):
        if (column[one] != column[other]).any():
            return "the two rows of a draw are not of the same units"
    for i, j in zip(one.tolist(), other.tolist(), strict=True):
        if Fraction(float(answer.probability[i])) + Fraction(float(answer.probability[j])) != 1:
            return "the probabilities of two rows of a draw do not sum to 1"
    first = np.flatnonzero(answer.probability == 1)
    first = np.concatenate((first, one))
    second = np.concatenate((first[: first.size - one.size], other))
    single = {int(u): b for b, u in enumerate(units.unit.tolist()) if u >= 0}
    block = answer.state[first].copy()
    for e in np.flatnonzero(unit[first] >= 0).tolist():
        b = single.get(int(unit[first[e]]), -1)
        if b < 0 or units.state[b] != block[e]:
            return "a row singles out a unit that no limit names, or in another state"
        block[e] = b
    return Entries(answer, units, first, second, block)


def limited_rows_check(answer: Allocation) -> Iterator[Check]:
    """Who is served, and that every limit is kept exactly."""
    units = limited_population(answer)
    found = entries_of(answer, units) if isinstance(units, LimitedPopulation) else units
    if isinstance(found, str) or isinstance(units, str):
        yield Check("limits kept", False, str(found))
        return
    served = np.zeros(units.count.size, dtype=object)
    np.add.at(served, found.block, found.count.astype(object))
    yield Check(
        "population served", bool((served == units.count).all()),
        f"{int(sum(served.tolist())):,} of {answer.population.size:,} units",
    )  # fmt: skip
    wrong, total = kept(found)
    yield Check(
        "limits kept", not wrong, wrong or f"{len(units.names):,} groups, every limit in exact arithmetic"
    )
    if not wrong:
        yield _draws(found, total)


def kept(found: Entries) -> tuple[str, list[Fraction]]:
    """What is wrong, or ""; and what each group, and last all units together, are assigned."""
    units, answer = found.units, found.answer
    over = np.flatnonzero(found.answer.unit_budget[found.first] > units.most[found.block])
    for e in over.tolist():
        if e not in found.exactly:
            most = float(units.most[found.block[e]])
            return f"a unit is given {float(found.money[e])!r}, above its most {most!r}", []
    if units.node is None or units.parent is None or answer.set_aside:
        return _kept_as_set_aside(found)
    own: list[Fraction] = [Fraction(0)] * (len(units.names) + 1)
    node = np.where(units.node < 0, len(units.names), units.node)[found.block]
    assigned = np.maximum(found.money, units.least[found.block])
    scale, sums = 1 << 1074, [0] * len(own)
    exactly = found.exactly
    rows = zip(found.count.tolist(), assigned.tolist(), node.tolist(), found.block.tolist(), strict=True)
    for e, (n, x, v, b) in enumerate(rows):
        if e in exactly:
            if math.isfinite(units.most[b]) and exactly[e] > Fraction(float(units.most[b])):
                return f"a unit expects to spend above its most {float(units.most[b])!r}", []
            own[v] += n * max(exactly[e], Fraction(float(units.least[b])))
        else:
            top, bottom = x.as_integer_ratio()
            sums[v] += n * top * (scale // bottom)
    total = [one + Fraction(sum_, scale) for one, sum_ in zip(own, sums, strict=True)]
    wrong = _climb(
        units, total, [Fraction(x) if math.isfinite(x) else None for x in units.group_most.tolist()]
    )
    if wrong:
        return wrong, []
    if math.isfinite(answer.budget) and total[-1] > Fraction(answer.budget):
        more = float(total[-1] - Fraction(answer.budget))
        return f"all units together must be assigned {more:.3g} more than the budget", []
    return "", total


def _kept_as_set_aside(found: Entries) -> tuple[str, list[Fraction]]:
    """As `kept`, where the answer itself says what is set aside on top, as it must where groups overlap."""
    units, answer = found.units, found.answer
    block = [Fraction(0)] * units.count.size
    for e, (n, b, x) in enumerate(
        zip(found.count.tolist(), found.block.tolist(), found.money.tolist(), strict=True)
    ):
        spend = found.exactly.get(e, Fraction(x))
        if math.isfinite(units.most[b]) and spend > Fraction(float(units.most[b])):
            return f"a unit expects to spend above its most {float(units.most[b])!r}", []
        block[b] += n * max(spend, Fraction(float(units.least[b])))
    for b, money in answer.set_aside:
        if not 0 <= b < units.count.size or money < 0:
            return f"money is set aside for no block, or less than none: {b}, {float(money)}", []
        block[b] += money
        most = float(units.most[b])
        if math.isfinite(most) and block[b] > int(units.count[b]) * Fraction(most):
            return f"more is set aside for units than their most {most!r}", []
    total = [sum((block[b] for b in member.tolist()), Fraction(0)) for member in units.members]
    total.append(sum(block, Fraction(0)))
    for g, money in enumerate(total[:-1]):
        least, most = float(units.group_least[g]), float(units.group_most[g])
        if money < Fraction(least):
            return (
                f"group {units.names[g]!r} is assigned {float(Fraction(least) - money):.3g} below its least",
                [],
            )
        if math.isfinite(most) and money > Fraction(most):
            return (
                f"group {units.names[g]!r} is assigned {float(money - Fraction(most)):.3g} above its most",
                [],
            )
    if math.isfinite(answer.budget) and total[-1] > Fraction(answer.budget):
        more = float(total[-1] - Fraction(answer.budget))
        return f"all units together are assigned {more:.3g} more than the budget", []
    return "", total


def _climb(units: LimitedPopulation, total: list[Fraction], room: list[Fraction | None]) -> str:
    """Add up from inner groups to outer ones, in place; the first that has more than it may, in words."""
    assert units.parent is not None
    for g in sorted(range(len(units.names)), key=lambda g: (units.members[g].size, -g)):
        total[g] = max(total[g], Fraction(float(units.group_least[g])))
        limit = room[g]
        if limit is not None and total[g] > limit:
            return (
                f"group {units.names[g]!r} must be assigned {float(total[g]):.17g}, "
                f"{float(total[g] - limit):.3g} above its most"
            )
        up = int(units.parent[g])
        total[up if up >= 0 else -1] += total[g]
    return ""


def _draws(found: Entries, total: list[Fraction]) -> Check:
    """Units draw where their own limit is between two useful budgets, and one for each limit that is met."""
    units = found.units
    free = 0
    for e, spend in found.exactly.items():
        b = int(found.block[e])
        ends = [x for x in (float(units.least[b]), float(units.most[b])) if math.isfinite(x)]
        step = abs(float(np.diff(found.answer.unit_budget[[found.first[e], found.second[e]]])[0]))
        if not any(abs(float(spend) - end) <= SAME * (step + end) for end in ends):
            free += int(found.count[e])
    met = 1 + sum(
        math.isclose(float(x), limit, rel_tol=1e-9)
        for limits in (units.group_least.tolist(), units.group_most.tolist())
        for x, limit in zip(total, limits, strict=False)
    )
    return Check(
        "randomised units",
        free <= met or found.answer.method == "uniform",
        f"{free} for {met} limits of groups, and by their own limit others",
    )


def limited_infeasible_check(answer: Allocation, least: Support) -> Check:
    """That what units and groups must have is more than they may have, or than there is."""
    units = limited_population(answer)
    if isinstance(units, str):
        return Check("infeasible", False, units)
    numbers = (answer.value, answer.bound, answer.price, answer.spent, answer.unspent)
    empty = answer.state.size == 0 and all(math.isnan(number) for number in numbers)
    lower = np.maximum(proved_least(least)[units.state], units.least)
    served = units.count > 0
    dear = np.flatnonzero(served & (lower > units.most))
    if dear.size:
        label = answer.curves.problem.labels[units.state[dear[0]]]
        detail = (
            f"a unit in {label!r} must have {lower[dear[0]]:.17g} and may have {units.most[dear[0]]:.17g}"
        )
        return Check("infeasible", empty, detail)
    if units.node is None or units.parent is None:
        by = excess(units, lower, answer.budget, answer.multipliers)
        if by is None or by <= 0:
            return Check("infeasible", False, "groups overlap, and nothing proves that they cannot be served")
        detail = f"weighted by {len(answer.multipliers)} multipliers, limits allow {float(by):.9g} too little"
        return Check("infeasible", empty, detail)
    g = len(units.names)
    node = np.where(units.node < 0, g, units.node)
    need = [exact_sum(units.count[node == v], lower[node == v]) for v in range(g + 1)]
    wrong = _climb(units, need, _rooms(units, node))
    short = math.isfinite(answer.budget) and need[-1] > Fraction(answer.budget)
    detail = (
        wrong
        or f"all units together need at least {float(need[-1]):.17g}, the budget is {answer.budget:.17g}"
    )
    return Check("infeasible", bool(empty and (wrong or short)), detail)


def _rooms(units: LimitedPopulation, node: Integers) -> list[Fraction | None]:
    """The most that each group may be assigned, by its members' own limits too; None where there is none."""
    assert units.parent is not None
    endless = np.isinf(units.most) & (units.count > 0)
    finite = np.where(np.isinf(units.most), 0.0, units.most)
    g = len(units.names)
    room: list[Fraction | None] = [
        None if endless[node == v].any() else exact_sum(units.count[node == v], finite[node == v])
        for v in range(g + 1)
    ]
    for v in sorted(range(g), key=lambda v: (units.members[v].size, -v)):
        mine, limit = room[v], units.group_most[v]
        if math.isfinite(limit):
            room[v] = mine = Fraction(float(limit)) if mine is None else min(mine, Fraction(float(limit)))
        around = room[int(units.parent[v])]
        room[int(units.parent[v])] = None if mine is None or around is None else around + mine
    return room
