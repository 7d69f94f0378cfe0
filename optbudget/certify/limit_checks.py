"""Checks of an allocation under limits: its rows keep them exactly, and its multipliers prove its bound.

Money may be assigned and not spent, so what is checked is that *some* assignment of at least what the rows
spend keeps every limit. A unit whose rows spend r in expectation is assigned :math:`\\max(r, \\ell)`, which
must not be above u; a group is assigned :math:`e_G = \\max(L_G, \\sum e_{child})`, which must not be above
:math:`U_G`, and all units together no more than B. For nested groups that is possible if and only if these
inequalities hold; all are held in rational arithmetic.

The bound is that of `optbudget.allocation.limit_bound`, made anew: for the stated price and multipliers, all
of which must be >= 0, and lines from the model,

.. math:: \\lambda B + \\sum_G (\\mu_G U_G - \\nu_G L_G)
          + \\sum_i n_i \\max_{\\ell_i \\le b \\le u_i} (V_i(b) - \\lambda_i b).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.bracket import proved_least
from optbudget.certify.envelope import limited_intercepts
from optbudget.certify.support import Support
from optbudget.errors import OptBudgetError
from optbudget.problems import Allocation, Check, LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME = 2.0**-46
"""Relative difference of two quotients, or of two sums of money, that are the same."""

SAME_TO_A_SOLVER = 1e-7
"""The same for prices that a linear program's solution is read from; the bound leaves no such room."""


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
        "randomised units", free <= met, f"{free} for {met} limits of groups, and by their own limit others"
    )


def limited_price_check(answer: Allocation, level: Integers) -> Check:
    """That price and multipliers are those of the curves: nobody would buy or sell at them.

    A multiplier above 0 belongs to a limit that is met; a unit that may have more has no segment that returns
    more than its price, one that may have less none that returns less.
    """
    units = limited_population(answer)
    found = entries_of(answer, units) if isinstance(units, LimitedPopulation) else units
    if isinstance(found, str) or isinstance(units, str):
        return Check("price", False, str(found))
    if wrong := signs(answer, units):
        return Check("price", False, wrong)
    wrong, total = kept(found)
    if wrong:
        return Check("price", False, wrong)
    wrong = _slack(answer, units, total) or _dear_or_cheap(answer, found, level)
    return Check(
        "price", not wrong, wrong or f"stated {answer.price:.17g}, and {len(answer.multipliers)} multipliers"
    )


def signs(answer: Allocation, units: LimitedPopulation) -> str:
    """What is wrong with the price or a multiplier by itself."""
    if not 0 <= answer.price < math.inf:
        return f"the price is {answer.price}"
    seen = set[tuple[str, str]]()
    for one in answer.multipliers:
        if one.group not in units.names or one.side not in ("least", "most") or (one.group, one.side) in seen:
            return f"a multiplier is of no limit, or of one that has another: {one}"
        seen.add((one.group, one.side))
        g = units.names.index(one.group)
        limit = units.group_most[g] if one.side == "most" else units.group_least[g]
        if not (0 <= one.value < math.inf and one.limit == limit and math.isfinite(limit)):
            return f"the multiplier of the {one.side} of group {one.group!r} is {one.value} at {one.limit}"
    _, prices = units.prices(answer.price, answer.multipliers)
    return "units have a price below 0" if min(prices) < 0 else ""


def _slack(answer: Allocation, units: LimitedPopulation, total: list[Fraction]) -> str:
    """A limit with a multiplier that is not met."""
    size = sum(total, Fraction(0)) + Fraction(float(answer.curves.curves.length.max(initial=0.0)))
    room = Fraction(SAME) * size
    if answer.price > 0 and (math.isinf(answer.budget) or total[-1] < Fraction(answer.budget) - room):
        return f"the price is {answer.price:.9g}, and money is left that is assigned to nobody"
    for one in answer.multipliers:
        has = total[units.names.index(one.group)]
        if one.value > 0 and abs(has - Fraction(one.limit)) > room:
            return (
                f"group {one.group!r} is assigned {float(has):.9g}, and its {one.side} {one.limit!r} has a "
                "multiplier"
            )
    return ""


def _dear_or_cheap(answer: Allocation, found: Entries, level: Integers) -> str:
    """Units that would rather have more, or less, at their price."""
    units, curves = found.units, answer.curves.curves
    code, exact = units.prices(answer.price, answer.multipliers)
    price = np.array([float(p) for p in exact])[code][found.block]
    size = answer.price + sum(one.value for one in answer.multipliers)
    slope = np.append(curves.gain / curves.length, 0.0)
    low = np.minimum(level[found.first], level[found.second])
    state = answer.state[found.first]
    drawn = found.first != found.second
    right = np.where(
        low < curves.segments[state],
        slope[curves.indptr[state] + np.minimum(low, curves.segments[state])],
        0.0,
    )
    here = np.maximum(np.where(drawn, low, low - 1), 0)
    left = np.where(drawn | (low > 0), slope[curves.indptr[state] + here], np.inf)
    near = SAME * (found.money + 1e-300) + 1e-12 * np.where(drawn, _step(answer, found), 0.0)
    may_more = found.money < units.most[found.block] - near
    may_less = found.money > units.least[found.block] + near
    same = SAME_TO_A_SOLVER if answer.method == "lp" else SAME
    wants = may_more & (right > price * (1 + same) + same * size)
    sells = may_less & (left < price * (1 - same) - same * size)
    for who, word in ((wants, "more"), (sells, "less")):
        if who.any():
            e = int(np.flatnonzero(who)[0])
            label = answer.curves.problem.labels[state[e]]
            return f"units in {label!r} would have {word} at their price {price[e]:.9g}"
    return ""


def _step(answer: Allocation, found: Entries) -> Floats:
    """Money between the two rows of each entry."""
    return np.asarray(np.abs(answer.unit_budget[found.second] - answer.unit_budget[found.first]))


def limited_bound_check(answer: Allocation, evidence: Iterable[Support]) -> Check:
    """The stated price and multipliers prove that nothing within the limits is worth more than the bound."""
    units = limited_population(answer)
    if isinstance(units, str):
        return Check("bound", False, units)
    if wrong := signs(answer, units):
        return Check("bound", False, wrong)
    if math.isinf(answer.budget) and answer.price > 0:
        return Check("bound", False, "a price above 0 proves nothing without a budget")
    code, exactly = units.prices(answer.price, answer.multipliers)
    at = np.array([_down(p) for p in exactly])[code]
    served = np.flatnonzero(units.count)
    best: Fraction | float = math.inf
    for lines in evidence:
        height = limited_intercepts(
            lines.price,
            lines.intercept[units.state[served]],
            at[served],
            units.least[served],
            units.most[served],
        )
        if np.isfinite(height).all():
            best = min(best, outside(answer) + _dot(units.count[served], height))
    ok = math.isfinite(answer.bound) and best <= answer.bound
    known = isinstance(best, Fraction) and math.isfinite(answer.bound)
    room = float(Fraction(answer.bound) - Fraction(best)) if known else math.nan
    return Check(
        "bound", bool(ok),
        f"stated {answer.bound:.17g}, proved {float(best):.17g} at the price {answer.price:.9g} and "
        f"{len(answer.multipliers)} multipliers, room {room:.2g}",
    )  # fmt: skip


def outside(answer: Allocation) -> Fraction:
    """price * budget plus multipliers times limits, exactly: the part of the bound that no unit is in."""
    total = Fraction(answer.price) * Fraction(answer.budget) if answer.price else Fraction(0)
    for one in answer.multipliers:
        total += Fraction(one.value) * Fraction(one.limit) * (1 if one.side == "most" else -1)
    return total


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
        return Check("infeasible", False, "groups overlap, and nothing proves that they cannot be served")
    g = len(units.names)
    node = np.where(units.node < 0, g, units.node)
    need = [_dot(units.count[node == v], lower[node == v]) for v in range(g + 1)]
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
        None if endless[node == v].any() else _dot(units.count[node == v], finite[node == v])
        for v in range(g + 1)
    ]
    for v in sorted(range(g), key=lambda v: (units.members[v].size, -v)):
        mine, limit = room[v], units.group_most[v]
        if math.isfinite(limit):
            room[v] = mine = Fraction(float(limit)) if mine is None else min(mine, Fraction(float(limit)))
        around = room[int(units.parent[v])]
        room[int(units.parent[v])] = None if mine is None or around is None else around + mine
    return room


def _dot(count: Integers, x: Floats) -> Fraction:
    """Exact sum of count * x."""
    scale, total = 1 << 1074, 0
    for n, (top, bottom) in zip(count.tolist(), map(float.as_integer_ratio, x.tolist()), strict=True):
        total += n * top * (scale // bottom)
    return Fraction(total, scale)


def _down(number: Fraction) -> float:
    nearest = float(number)
    return nearest if nearest <= number else math.nextafter(nearest, -math.inf)
