"""A split under limits of groups that overlap: a linear program, read back exactly.

Nested groups are merged and cut (`optbudget.allocation`); overlapping ones are not a matroid, and buying by
price goes wrong: three units with slopes 2, 3, 2, and at most 1 in all for the first two and for the last
two, are worth 3 by price and 4 at best. So the program `mckp_lp` is stated with a row for each group, and
solved by a back end. Nothing of its numbers is stated. A basic solution serves at most one block in part for
each binding limit; which blocks these are, and which limits bind, is read from it, and the square system

.. math:: \\sum_{i \\in G} y_i = T_G \\quad (G \\text{ binding}), \\qquad
          \\lambda + \\sum_{G \\ni i} (\\mu_G - \\nu_G) = v_i' \\quad (i \\text{ served in part})

is solved in rational arithmetic, for the money of those blocks and for the multipliers. Limits are held
against the exact sums, and the bound follows from the multipliers as it does for nested groups.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np

from optbudget.allocation import exact
from optbudget.allocation.limit_conflict import Bound, Feasibility, bounds_of, minimal_conflict, said
from optbudget.allocation.limited_rows import Marginal, rows_of
from optbudget.allocation.within_limits import impossible, within
from optbudget.certify import verify
from optbudget.certify.limit_rows import entries_of, kept
from optbudget.errors import UsageError
from optbudget.planning.overlapping_conflict import proof_of_conflict
from optbudget.planning.overlapping_program import (
    Blocks,
    Column,
    Row,
    less_in_part,
    more_in_part,
    pinned_first,
    solved_exactly,
)
from optbudget.problems import (
    Allocation,
    CurveSet,
    LimitedPopulation,
    Limits,
    LinearSolution,
    Multiplier,
    Population,
)
from optbudget.status import Outcome, Solution, Termination

METHOD = "lp"
BACKEND = "highs-simplex"
NEAR = 1e-7
"""Share of a step, or of all money, within which a back end's number is at an end."""
TRIED = 8
"""Ways of having one block more in part, or one less in full, from which others are tried."""


def overlap(
    curves: CurveSet, population: Population, budget: float, limits: Limits
) -> tuple[str, str] | None:
    """Names of two groups that overlap, or None where all are nested."""
    return LimitedPopulation.of(limits, curves.problem, population, budget).overlap


def allocate_overlapping(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    *,
    backend: str = BACKEND,
) -> Allocation:
    """The best split of a budget under limits of groups that may overlap.

    Parameters
    ----------
    curves, population, budget, limits : as in `optbudget.allocate`
    backend : a simplex method of the table of back ends: solutions must be basic

    Returns
    -------
    Allocation
        INFEASIBLE where the limits contradict each other, with a smallest set of them that does; NUMERICAL
        where the back end's solution could not be made exact.

    Raises
    ------
    UsageError
        For a share of an unlimited budget.
    MissingExtraError
        If Pyomo or the back end is not installed.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import GroupLimit
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> both = Limits(groups=(GroupLimit("all", states=("warm", "cold"), most=12.0),))
    >>> allocate_overlapping(curves, people, 15.0, both).value
    34.0
    """
    if not isinstance(limits, Limits):
        raise UsageError(f"limits is {limits!r:.60}; it must be an optbudget.problems.Limits")
    units = LimitedPopulation.of(limits, curves.problem, population, budget)
    conflict = _contradiction(curves, population, limits, budget, backend)
    if conflict is not None:
        return _refused(curves, population, limits, budget, backend, conflict)
    blocks = Blocks(curves, units)
    solution = blocks.solve(budget, backend)
    if solution.x is None or solution.row_price is None:
        text = f"{backend}: {solution.outcome.message or solution.outcome.termination.name}"
        answer = impossible(curves, population, budget, limits, METHOD, text)
        return replace(answer, outcome=Outcome(solution.outcome.termination, Solution.NONE, text))
    return _read(curves, population, budget, limits, units, blocks, solution)


def _read(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    units: LimitedPopulation,
    blocks: Blocks,
    solution: LinearSolution,
) -> Allocation:
    """The exact allocation in a basic solution."""
    columns = blocks.columns(solution, NEAR)
    rows = blocks.binding(budget, columns, solution, NEAR)
    answer, wrong = _exactly(curves, population, budget, limits, units, columns, rows)
    if not wrong:
        return answer
    waiting: list[tuple[list[Column], list[Row]]] = [(columns, [])]
    for _ in range(TRIED):
        if not waiting:
            break
        columns, pinned = waiting.pop(0)
        more = more_in_part(columns, rows) if not pinned else None
        others = less_in_part(columns, rows, pinned) + ([] if more is None else [(more, pinned)])
        for (opened, met), own_prices in product(others, (True, False)):
            changed, still = _exactly(
                curves, population, budget, limits, units, opened, pinned_first(rows, met),
                own_prices=own_prices,
            )  # fmt: skip
            if not still and verify(changed).ok:
                return changed
        waiting += others
    return _numerical(curves, population, budget, limits, wrong)


def _exactly(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    units: LimitedPopulation,
    columns: list[Column],
    rows: list[Row],
    *,
    own_prices: bool = False,
) -> tuple[Allocation, str]:
    """The allocation in which the met limits are met exactly, and what is wrong with it."""
    found = solved_exactly(columns, rows, own_prices=own_prices)
    multipliers = _multipliers(units, found.price)
    price = float(found.price.get("budget", Fraction(0)))
    price, multipliers = without_negatives(units, price, multipliers)
    at = curves.curves.start_budget[units.state].copy()
    marginal, assigned = list[Marginal](), dict[int, Fraction]()
    for column in columns:
        n = int(units.count[column.block])
        money = found.money.get(column.block, Fraction(0))
        step = Fraction(column.high) - Fraction(column.low)
        if not 0 <= money <= n * step:
            why = "a block has more than its step"
            return _numerical(curves, population, budget, limits, why), why
        at[column.block] = column.low
        assigned[column.block] = n * Fraction(column.low) + money
        if money:
            marginal.append(Marginal(column.block, column.low, column.high, money))
    split = rows_of(curves.curves, units, at, marginal)
    answer = within(curves, population, budget, limits, METHOD, units, split, price, multipliers)
    entries = entries_of(answer, units)
    assert not isinstance(entries, str)
    held = dict.fromkeys(assigned, Fraction(0))
    for e, (n, b) in enumerate(zip(entries.count.tolist(), entries.block.tolist(), strict=True)):
        spend = entries.exactly.get(e, Fraction(float(entries.money[e])))
        held[b] += n * max(spend, Fraction(float(units.least[b])))
    aside = tuple((b, assigned[b] - held[b]) for b in sorted(assigned) if assigned[b] > held[b])
    answer = replace(answer, set_aside=aside)
    wrong, _ = kept(replace(entries, answer=answer))
    return answer, wrong


def _numerical(
    curves: CurveSet, population: Population, budget: float, limits: Limits, why: str
) -> Allocation:
    answer = impossible(curves, population, budget, limits, METHOD, why)
    text = f"the linear program's solution could not be made exact: {why}"
    return replace(answer, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))


def _multipliers(units: LimitedPopulation, price: dict[str, Fraction]) -> tuple[Multiplier, ...]:
    """The multipliers of groups, in their order."""
    found = []
    for g, name in enumerate(units.names):
        worth = price.get(f"together[{g}]", Fraction(0))
        if worth > 0:
            found.append(Multiplier(name, "most", float(units.group_most[g]), float(worth)))
        elif worth < 0:
            found.append(Multiplier(name, "least", float(units.group_least[g]), exact.round_down(-worth)))
    return tuple(found)


def without_negatives(
    units: LimitedPopulation,
    price: float,
    multipliers: tuple[Multiplier, ...],
    *,
    bounded: bool = True,
) -> tuple[float, tuple[Multiplier, ...]]:
    """The same with leasts that are worth a rounding less, so that no unit has a price below 0.

    Units that have a most may have such a price, if they may be `bounded` by it.
    """
    price = max(price, 0.0)
    held = (units.count > 0) & (np.isinf(units.most) if bounded else True)
    for _ in range(100):
        code, prices = units.prices(price, multipliers)
        mine = np.flatnonzero(held)
        if not mine.size:
            break
        block = int(mine[np.argmin(np.array([float(p) for p in prices])[code[mine]])])
        low = prices[code[block]]
        if low >= 0:
            break
        inside = {name for name, members in zip(units.names, units.members, strict=True) if block in members}
        leasts = [one for one in multipliers if one.side == "least" and one.group in inside]
        one = max(leasts, key=lambda one: one.value)
        worth = exact.round_down(max(Fraction(one.value) + low, Fraction(0)))
        multipliers = tuple(replace(m, value=worth) if m is one else m for m in multipliers)
    return price, multipliers


def _refused(
    curves: CurveSet, population: Population, limits: Limits, budget: float, backend: str, conflict: str
) -> Allocation:
    """That the limits cannot be kept, with multipliers that prove it where there are such."""
    units = LimitedPopulation.of(limits, curves.problem, population, budget)
    lower = np.maximum(curves.curves.start_budget[units.state], units.least)
    alone = bool(((lower > units.most) & (units.count > 0)).any())
    proof = () if alone else proof_of_conflict(units, lower, budget, backend)
    source = "" if alone or proof else f", as {backend} finds"
    text = f"the limits cannot be kept{source}: {conflict}"
    return replace(impossible(curves, population, budget, limits, METHOD, text), multipliers=proof)


def _contradiction(
    curves: CurveSet, population: Population, limits: Limits, budget: float, backend: str
) -> str | None:
    """What would do, and a minimal set of limits that contradict each other, in words; or None."""
    ask = Feasibility(curves, population, limits, budget)
    cap = curves.problem.budget_cap

    def broken(some: "Sequence[Bound]", *, free: bool = False) -> bool:
        units = ask.units(some, budget)
        start = np.zeros(units.state.size) if free else curves.curves.start_budget[units.state]
        if ((np.maximum(start, units.least) > units.most) & (units.count > 0)).any():
            return True
        money = budget if Bound("budget") in some else math.inf
        return Blocks(curves, units, free=free).impossible(money, backend)

    items = bounds_of(limits, cap, budget)
    if not broken(items):
        return None
    conflict = minimal_conflict(items, broken)
    named = "; ".join(said(one, limits, cap, budget) for one in conflict)
    states = "" if broken(conflict, free=True) else " the least feasible budgets of the states and"
    without = [one for one in items if one.kind != "budget"]
    need = "no budget would do"
    if math.isfinite(budget) and not broken(without):
        least = Blocks(curves, ask.units(without, budget)).least_budget(backend)
        need = f"the least feasible budget under these limits is about {least:.12g}"
    return f"{need}. Of what cannot hold together this is a smallest part:{states} {named}"
