"""Limits that cannot be kept: how much money would do, and a smallest set of them that contradict each other.

A set of limits is *minimal* if it cannot be kept and every proper part of it can. It is found by halving
(Junker 2004, "QuickXplain"): of limits of which c matter out of n, some c log n parts are tried.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.limit_tree import LimitTree
from optbudget.problems import CurveSet, GroupLimit, LimitedPopulation, Limits, Population, UnitLimit

Floats = NDArray[np.float64]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of one limit, or the budget, the cap on one unit, or fairness.

    Attributes
    ----------
    kind : "unit", "group", "fairness", "cap" or "budget"
    index : place among the limits of its kind
    side : "least" or "most"; "" for the others
    """

    kind: str
    index: int = 0
    side: str = ""


def bounds_of(limits: Limits, cap: float | None, budget: float) -> list[Bound]:
    """Everything that limits a split."""
    kinds: list[tuple[str, tuple[UnitLimit | GroupLimit, ...]]] = [
        ("unit", limits.units), ("group", limits.groups),
    ]  # fmt: skip
    found = [
        Bound(kind, k, side)
        for kind, some in kinds
        for k, one in enumerate(some)
        for side in ("least", "most")
        if (one.least > 0 if side == "least" else math.isfinite(one.most))
    ]
    found += [Bound("fairness")] if limits.least_share else []
    found += [Bound("cap")] if cap is not None else []
    return found + ([Bound("budget")] if math.isfinite(budget) else [])


def only(limits: Limits, kept: Sequence[Bound]) -> Limits:
    """The limits without the sides that are not kept."""
    wanted = set(kept)

    def sides(kind: str, k: int) -> dict[str, float]:
        free = {"least": 0.0, "most": math.inf}
        return {side: free[side] for side in free if Bound(kind, k, side) not in wanted}

    return Limits(
        tuple(replace(one, **sides("unit", k)) for k, one in enumerate(limits.units)),  # type: ignore[arg-type]
        tuple(replace(one, **sides("group", k)) for k, one in enumerate(limits.groups)),  # type: ignore[arg-type]
        limits.least_share if Bound("fairness") in wanted else 0.0,
    )


class Feasibility:
    """Whether some of the limits on a split can be kept together."""

    def __init__(self, curves: CurveSet, population: Population, limits: Limits, budget: float) -> None:
        self.curves, self.population, self.limits, self.budget = curves, population, limits, budget

    def units(self, kept: Sequence[Bound], budget: float) -> LimitedPopulation:
        """The blocks under the limits that are kept."""
        problem = self.curves.problem
        if Bound("cap") not in kept:
            problem = replace(problem, budget_cap=None)
        return LimitedPopulation.of(only(self.limits, kept), problem, self.population, budget)

    def broken(self, kept: Sequence[Bound], *, free: bool = False) -> bool:
        """Whether nested limits that are kept cannot be; with `free`, if no state had a least budget."""
        units = self.units(kept, self.budget)
        money = Fraction(self.budget) if Bound("budget") in kept else None
        start = self.curves.curves.start_budget[units.state]
        return LimitTree(units, money).broken(np.zeros_like(start) if free else start)

    def least_budget(self) -> Fraction | None:
        """The least budget with which nested limits can be kept, exactly; None if there is none.

        A least share grows with the budget: then it is the least double.
        """
        kept = [b for b in bounds_of(self.limits, self.curves.problem.budget_cap, self.budget)
                if b.kind != "budget"]  # fmt: skip
        if not self.limits.least_share:
            units = self.units(kept, self.budget)
            tree, start = LimitTree(units, None), self.curves.curves.start_budget[units.state]
            return None if tree.broken(start) else tree.needs(start)[-1]

        def enough(money: float) -> bool:
            units = self.units(kept, money)
            return LimitTree(units, None).needs(self.curves.curves.start_budget[units.state])[-1] <= money

        high = 1.0
        while not enough(high):
            high *= 2
            if math.isinf(high):
                return None
        low, top = 0, int(np.float64(high).view(np.int64))
        while low < top:
            middle = (low + top) // 2
            low, top = (low, middle) if enough(_double(middle)) else (middle + 1, top)
        money = _double(top)
        units = self.units(kept, money)
        broken = LimitTree(units, Fraction(money)).broken(self.curves.curves.start_budget[units.state])
        return None if broken else Fraction(money)


def _double(bits: int) -> float:
    return float(np.int64(bits).view(np.float64))


def minimal_conflict(items: Sequence[Item], broken: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """A minimal part of `items` that is broken; `items` as a whole must be.

    Examples
    --------
    >>> minimal_conflict(range(10), lambda some: {2, 7} <= set(some))
    [2, 7]
    """
    if broken([]):
        return []

    def within(fixed: list[Item], added: bool, some: list[Item]) -> list[Item]:
        if added and broken(fixed):
            return []
        if len(some) == 1:
            return some
        first, second = some[: len(some) // 2], some[len(some) // 2 :]
        late = within(fixed + first, bool(first), second)
        early = within(fixed + late, bool(late), first)
        return early + late

    return within([], False, list(items))


def said(bound: Bound, limits: Limits, problem_cap: float | None, budget: float) -> str:
    """One side of a limit, in words."""
    if bound.kind == "budget":
        return f"the budget of {float(budget)!r}"
    if bound.kind == "cap":
        return f"the model's cap of {problem_cap!r} per unit"
    if bound.kind == "fairness":
        return f"at least {limits.least_share:g} of an equal share for every unit"
    if bound.kind == "unit":
        one = limits.units[bound.index]
        each = "" if one.unit is not None else " each"
        return f"{one.name}: {_amounts(one.least, one.most, bound.side)}{each}"
    group = limits.groups[bound.index]
    return f"group {group.name}: {_amounts(group.least, group.most, bound.side)} in total"


def _amounts(least: float, most: float, side: str) -> str:
    return f"at least {float(least)!r}" if side == "least" else f"at most {float(most)!r}"


def why_infeasible(feasibility: Feasibility) -> tuple[str, list[Bound]]:
    """The message of limits that cannot be kept, and the minimal set that it names."""
    limits, budget = feasibility.limits, feasibility.budget
    cap = feasibility.curves.problem.budget_cap
    conflict = minimal_conflict(bounds_of(limits, cap, budget), feasibility.broken)
    least = feasibility.least_budget()
    named = "; ".join(said(one, limits, cap, budget) for one in conflict)
    need = (
        "no budget would do"
        if least is None
        else f"the least feasible budget under these limits is {exact.round_up(least)!r}"
    )
    states = (
        "" if feasibility.broken(conflict, free=True) else " the least feasible budgets of the states and"
    )
    message = (
        f"the limits cannot be kept: {need}. Of what cannot hold together this is a smallest part:{states}"
    )
    return f"{message} {named}", conflict
