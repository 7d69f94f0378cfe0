"""An allocation under limits: the split, its multipliers, its bound, and why money is left.

See `optbudget.allocation.limited` for the split and `optbudget.allocation.limit_bound` for the bound.
"""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from optbudget.allocation import exact
from optbudget.allocation.limit_bound import limit_bound
from optbudget.allocation.limit_conflict import Feasibility, why_infeasible
from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.limited import limited_split
from optbudget.allocation.limited_exact import FREE, MOST
from optbudget.allocation.limited_rows import LimitedRows, rows_of
from optbudget.allocation.shares_within import assigned_at_level
from optbudget.errors import UsageError
from optbudget.problems import Allocation, CurveSet, LimitedPopulation, Limits, Multiplier, Population
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

NOTHING = 1e-9
"""Share of what is spent below which money that is left is what drawing rounds off."""

LESS_THAN_SHARES = "some units cannot use, or may not have, a whole share"
RULE = "equal shares are a rule, not an optimum"
ROUNDED_DOWN = "the probability of a randomised unit is a multiple of 2^-53, rounded down"


def allocate_within(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    *,
    method: str,
    monitor: Monitor | None = None,
) -> Allocation:
    """The best split of a budget under limits, for "ip" the best of whole units; see `allocate`.

    Raises
    ------
    UsageError
        If two groups overlap, for which `optbudget.planning.allocate_overlapping` solves a linear program.
    ProblemError
        If a limit names a state, type or unit that there is not.
    """
    units = nested_units(curves, population, budget, limits)
    money = Fraction(budget) if math.isfinite(budget) else None
    tree = LimitTree(units, money)
    if tree.broken(curves.curves.start_budget[units.state]):
        message, _ = why_infeasible(Feasibility(curves, population, limits, budget))
        return impossible(curves, population, budget, limits, method, message)
    answer = limited_split(curves.curves, units, money)
    multipliers = tuple(
        _multipliers(tree, answer.side.tolist(), [*answer.group_price.tolist(), answer.price])
    )
    if method == "uniform":
        at = assigned_at_level(units, curves.curves.start_budget[units.state], money)
        dealt = rows_of(curves.curves, units, at, [])
        return within(curves, population, budget, limits, method, units, dealt, answer.price, multipliers)
    if method == "ip":
        from optbudget.allocation.whole_within import whole_within

        return whole_within(curves, population, budget, limits, units, answer, multipliers, monitor=monitor)
    return within(curves, population, budget, limits, method, units, answer.rows, answer.price, multipliers)


def nested_units(
    curves: CurveSet, population: Population, budget: float, limits: Limits
) -> LimitedPopulation:
    """The blocks of a population under limits whose groups must be nested; see `allocate_within`."""
    if not isinstance(limits, Limits):
        raise UsageError(f"limits is {limits!r:.60}; it must be an optbudget.problems.Limits")
    units = LimitedPopulation.of(limits, curves.problem, population, budget)
    if units.overlap is not None:
        one, other = units.overlap
        raise UsageError(
            f"groups {one!r} and {other!r} overlap, and neither contains the other: only nested groups are "
            "split here; optbudget.planning.allocate_overlapping takes the others, "
            "as does allocate --budget B"
        )
    return units


def within(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    method: str,
    units: LimitedPopulation,
    rows: LimitedRows,
    price: float,
    multipliers: tuple[Multiplier, ...],
) -> Allocation:
    """The allocation of rows that keep the limits, with the bound that its multipliers prove."""
    place = curves.curves.indptr[rows.state] + rows.state + rows.level
    spent = rows.spent
    found = Allocation(
        curves, population, budget, rows.state, rows.count, rows.unit_budget, rows.unit_value,
        rows.probability, curves.first_action[place], value=exact.round_down(rows.value), price=price,
        spent=float(spent), unspent=float(Fraction(budget) - spent) if math.isfinite(budget) else math.inf,
        method=method, outcome=Outcome(Termination.OPTIMAL, Solution.FEASIBLE), limits=limits,
        multipliers=multipliers, unit=units.unit[rows.block],
    )  # fmt: skip
    if method == "uniform":
        why = LESS_THAN_SHARES if found.unspent > NOTHING * found.spent else ROUNDED_DOWN
        found = replace(found, why_unspent=None if found.spent == budget else why)
    else:
        found = replace(found, why_unspent=why_unspent(found, units, ROUNDED_DOWN))
    return certified(found, units)


def certified(answer: Allocation, units: LimitedPopulation) -> Allocation:
    """The bound beside the value, and what the gap between them allows to be said."""
    curves = answer.curves
    rule = answer.method == "uniform"
    if rule:
        answer = replace(answer, outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE, RULE))
    if curves.outcome.solution is not Solution.CERTIFIED:
        return answer
    bounded = replace(
        answer, bound=limit_bound(curves, units, answer.budget, answer.price, answer.multipliers)
    )
    if not math.isfinite(bounded.bound):
        return bounded
    stopped = curves.outcome.termination
    if stopped in (Termination.OPTIMAL, Termination.TOLERANCE):
        stopped = Termination.UNKNOWN if rule else Termination.NUMERICAL
    return replace(
        bounded,
        outcome=Outcome.certified(
            gap=bounded.gap, tolerance=curves.tolerance, stopped=stopped, message=RULE if rule else ""
        ),
    )


def impossible(
    curves: CurveSet, population: Population, budget: float, limits: Limits, method: str, message: str
) -> Allocation:
    """No rows and no numbers: the limits cannot be kept."""
    whole, real = np.empty(0, dtype=np.int64), np.empty(0)
    return Allocation(
        curves, population, budget, whole, whole, real, real, real, np.empty(0, dtype=np.int32),
        method=method, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, message), limits=limits,
        unit=whole,
    )  # fmt: skip


def _multipliers(tree: LimitTree, side: list[int], price: list[float]) -> list[Multiplier]:
    """One per binding group, outer ones first, so that no price of a group falls below 0."""
    exactly, found = {tree.root: Fraction(price[-1])}, list[Multiplier]()
    for v in tree.inner_first[::-1].tolist():
        if v == tree.root:
            continue
        around = exactly[int(tree.parent[v])]
        exactly[v] = around
        if side[v] == FREE:
            continue
        change = Fraction(price[v]) - around
        worth = float(change) if side[v] == MOST else exact.round_down(-change)
        if worth <= 0:
            continue
        exactly[v] += Fraction(worth) if side[v] == MOST else -Fraction(worth)
        limit = tree.most[v] if side[v] == MOST else tree.least[v]
        assert limit is not None
        found.append(
            Multiplier(tree.units.names[v], "most" if side[v] == MOST else "least", float(limit), worth)
        )
    return found


def why_unspent(answer: Allocation, units: LimitedPopulation, otherwise: str) -> str | None:
    """A sentence for money that is left; `otherwise` where neither limits nor a price of 0 explain it."""
    if answer.spent == answer.budget:
        return None
    if answer.count.size == 0:
        return "there are no units"
    curves = answer.curves.curves
    useful = curves.start_budget + np.add.reduceat(np.append(curves.length, 0.0), curves.indptr[:-1]) * (
        curves.segments > 0
    )
    idle = float((units.count * np.maximum(units.least - useful[units.state], 0.0)).sum())
    reasons = []
    if answer.price == 0:
        capped = bool((units.count * np.isfinite(units.most)).any()) or any(
            m.side == "most" for m in answer.multipliers
        )
        reasons.append("every unit has all that it can use" + (" or may have" if capped else ""))
    if idle > 0:
        reasons.append(f"{idle:.6g} is set aside for units whose least is above their largest useful budget")
    zero = [m.group for m in answer.multipliers if m.side == "least" and _unused(answer, units, m)]
    if zero:
        named = ", ".join(zero[:3]) + (f" and {len(zero) - 3} more" if len(zero) > 3 else "")
        reasons.append(f"the least of group {named} is more than its units can use")
    return "; ".join(reasons) or otherwise


def _unused(answer: Allocation, units: LimitedPopulation, least: Multiplier) -> bool:
    """Whether a group spends less than its least, by more than a rounding."""
    members = units.members[units.names.index(least.group)]
    inside = np.zeros(units.count.size, dtype=np.bool_)
    inside[members] = True
    assert answer.unit is not None
    named = np.isin(answer.unit, units.unit[members][units.unit[members] >= 0])
    mine = np.where(answer.unit < 0, inside[answer.state], named)
    spend = float((answer.count * answer.probability * answer.unit_budget)[mine].sum())
    return spend < least.limit * (1 - 1e-9)
