"""Nested limits at all budgets: values, the least budget for a value, and where a price of money holds.

Under limits that do not move with the budget the best value V(B) is concave. At a price p the units of a
group want from :math:`a_G(p)` to :math:`c_G(p)`, sums of what its blocks and inner groups want, cut to its
limits,

.. math:: a_G = \\min(U_G, \\max(L_G, \\sum a_{child})), \\quad
          c_G = \\min(U_G, \\max(L_G, \\sum c_{child})),

and p is a price of money for all budgets from a to c of all units together, and for no other. The least
budget of a value is found from below: the tangent at a budget that is worth less reaches the value no later
than V does (Newton's method on a concave function), and ends there after finitely many segments.
"""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.limit_conflict import Feasibility
from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.within_limits import allocate_within, impossible
from optbudget.curves import Curves
from optbudget.errors import UsageError
from optbudget.problems import Allocation, CurveSet, LimitedPopulation, Limits, Population

At = Callable[[float], Allocation]
"""The split at a budget."""

SAME_PRICE = 2.0**-48
"""Relative difference of two quotients that are one price: a few roundings each."""

ROUNDOFF = 2.0**-48
"""By how much less, relatively, units that draw at their limits may be worth than the limits allow."""

ROUNDS = 500
"""Tangents after which halving goes on."""


def budgets_of_price(
    curves: Curves, units: LimitedPopulation, price: float
) -> tuple[Fraction, Fraction | None]:
    """The least and the largest budget at which money has this price, exactly; None is unlimited.

    Examples
    --------
    Ten units return 3 for up to 1 each, five 2 for up to 2 each; these may have 6 in all:

    >>> curves = Curves(np.zeros(2), np.zeros(2), np.arange(3), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> units = LimitedPopulation(
    ...     np.arange(2), np.array([10, 5]), np.full(2, -1), np.zeros(2), np.full(2, np.inf), ("few",),
    ...     np.zeros(1), np.array([6.0]), (np.array([1]),))
    >>> budgets_of_price(curves, units, 2.0)
    (Fraction(10, 1), Fraction(16, 1))
    """
    tree, slope = LimitTree(units, None), curves.gain / curves.length
    useful, _ = curves.breakpoints()
    first = curves.indptr[units.state]

    def together(bought: NDArray[np.bool_]) -> Fraction:
        passed = np.concatenate(([0], np.cumsum(bought)))
        steps = passed[curves.indptr[units.state + 1]] - passed[first]
        each = np.minimum(np.maximum(useful[first + units.state + steps], units.least), units.most)
        total = tree.own(each)
        for v in tree.inner_first.tolist():
            most = tree.most[v]
            total[v] = max(total[v], tree.least[v])
            total[v] = total[v] if most is None else min(total[v], most)
            if v != tree.root:
                total[int(tree.parent[v])] += total[v]
        return total[tree.root]

    low = together(slope > price * (1 + SAME_PRICE))
    return low, together(slope >= price * (1 - SAME_PRICE)) if price > 0 else None


def split_at_each(
    curves: CurveSet, population: Population, budgets: Iterable[float], limits: Limits
) -> list[Allocation]:
    """The best split under limits at each budget."""
    return [allocate_within(curves, population, money, limits, method="greedy") for money in budgets]


def least_budget_within(curves: CurveSet, population: Population, value: float, limits: Limits) -> Allocation:
    """The split of the least budget that is worth at least `value` under nested limits.

    As `optbudget.allocation.least_budget_for`; INFEASIBLE where limits cannot be kept or no budget is worth
    so much. Where it takes all that the limits allow, the value may be missed by `ROUNDOFF`.

    Raises
    ------
    UsageError
        If groups overlap; or under a least share, with which more money may be worth less.
    """

    def at(money: float) -> Allocation:
        return allocate_within(curves, population, money, limits, method="greedy")

    if limits.least_share:
        raise UsageError(
            "a least share grows with the budget, so under it more money may be worth less, and no budget is "
            "the least for a value; state the least of units instead"
        )
    best = at(math.inf)
    least = Feasibility(curves, population, limits, math.inf).least_budget()
    if least is None:
        return best
    if not best.value >= value - ROUNDOFF * (1 + abs(value)):
        most = f"the most that they allow is worth {best.value!r}"
        text = f"no budget is worth {value!r} under these limits; {most}"
        return impossible(curves, population, math.nan, limits, "greedy", text)
    low = at(exact.round_up(least))
    return low if low.value >= value else _reached(at, low, best, value)


def _halved(at: At, low: float, high: float, value: float) -> Allocation:
    """The least double from `low` to `high` whose split is worth the value; at `high` it is."""
    bottom, top = _bits(low), _bits(high)
    best = at(high)
    while top - bottom > 1:
        middle = (bottom + top) // 2
        answer = at(_double(middle))
        if answer.value >= value:
            top, best = middle, answer
        else:
            bottom = middle
    return best


def _reached(at: At, low: Allocation, best: Allocation, value: float) -> Allocation:
    """The first budget at which tangents from below reach the value; `best` is at an unlimited budget."""
    answer = low
    for _ in range(ROUNDS):
        if answer.price <= 0 or value > best.value:
            return at(exact.round_up(Fraction(best.spent)))
        step = (Fraction(value) - Fraction(answer.value)) / Fraction(answer.price)
        money = exact.round_down(Fraction(answer.budget) + step)
        crumb = max(math.ulp(money), float(step) * 2.0**-52)
        if money - answer.budget <= 2 * crumb:
            while answer.value < value:  # What draws round off is made up for.
                answer = at(money := money + crumb)
                crumb *= 2.0
            return answer
        answer = at(money)
        if answer.value >= value:
            return answer
    return _halved(at, answer.budget, exact.round_up(Fraction(best.spent)) * (1 + 1e-9), value)


def _bits(number: float) -> int:
    return int(np.float64(number).view(np.int64))


def _double(bits: int) -> float:
    return float(np.int64(bits).view(np.float64))
