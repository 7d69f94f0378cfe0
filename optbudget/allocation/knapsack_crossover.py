"""From a back end's solution of the relaxation to an answer of our own, with our own certificate.

A solution of `mckp_lp` is counts per option and a multiplier of the budget row, both to the tolerances of the
back end. An exact optimum is read off them by complementary slackness. At the price p at which the money
ends, steps of the hulls above p are bought for all copies and those below for none; the solution decides
among the steps at p itself, where optima differ. So what the tolerances left on the wrong side of p is put
right, at most one copy is randomised, and the value, price and bound are exact like those of "greedy". Where
the money ends exactly between two steps every multiplier between their prices is optimal; the price stated
is the lower one, the value of one more unit of money.

`disagreement` says where the solution does not bear this out: another value, or a multiplier that proves
less.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact, greedy
from optbudget.allocation.allocate import allocate, with_bound
from optbudget.allocation.ending import Holding, where_money_ends
from optbudget.allocation.knapsack import of_relaxation
from optbudget.allocation.knapsack_relaxation import relax
from optbudget.allocation.split import Split, fill
from optbudget.certify import dual_value
from optbudget.problems import Allocation, CurveSet, Knapsack, KnapsackAllocation, Population

Floats = NDArray[np.float64]

AGREED = 1e-6
"""Relative difference of value and price up to which a back end's solution bears the answer out."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What a back end says of a relaxation.

    Attributes
    ----------
    taken : (N,) copies that take each option
    price : value of one more unit of money: the multiplier of the budget row
    value : of its solution, added up from the problem's numbers
    """

    taken: Floats
    price: float
    value: float


def crossed_knapsack(knapsack: Knapsack, budget: float, solved: Solved) -> KnapsackAllocation:
    """The exact optimum that a solution stands for; the budget covers the cheapest options.

    Examples
    --------
    >>> problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    >>> crossed_knapsack(problem, 8.0, Solved(np.array([0.0, 2.0, 0.5, 0.5]), 1.5, 13.0))
    KnapsackAllocation(3 copies, budget 8: value 13, gap 0.0e+00, price 1.5, unspent 0)
    """
    answer = of_relaxation(knapsack, budget, relax(knapsack, budget, taken=solved.taken), method="lp")
    message = disagreement(knapsack, budget, solved, answer.value)
    return replace(answer, outcome=replace(answer.outcome, message=message)) if message else answer


def crossed_allocation(curves: CurveSet, population: Population, budget: float, solved: Solved) -> Allocation:
    """The same for the useful budgets of curves, which are the options of `Knapsack.from_curves`."""
    found = allocate(curves, population, budget)
    split = crossed_split(curves, population, budget, solved)
    place = curves.curves.indptr[split.state] + split.state + split.level
    answer = replace(
        found, method="lp", state=split.state, count=split.count, unit_budget=split.unit_budget,
        unit_value=split.unit_value, probability=split.probability, action=curves.first_action[place],
        value=exact.round_down(split.value), price=split.price, spent=float(split.spent),
        unspent=float(Fraction(budget) - split.spent) if math.isfinite(budget) else math.inf,
    )  # fmt: skip
    message = disagreement(Knapsack.from_curves(curves, population), budget, solved, answer.value)
    answer = replace(answer, why_unspent=_why(answer, found))
    return with_bound(replace(answer, outcome=replace(answer.outcome, message=message)))


def _why(answer: Allocation, found: Allocation) -> str | None:
    """Why money is left, which another randomised unit at the same price may change."""
    if answer.spent == answer.budget:
        return None
    return found.why_unspent or "the probability of a randomised unit is a multiple of 2^-53, rounded down"


def crossed_split(curves: CurveSet, population: Population, budget: float, solved: Solved) -> Split:
    """The rows of `crossed_allocation`."""
    flat, count = curves.curves, population.count
    order = greedy.order_of_purchase(flat, count)
    above = np.add.accumulate(solved.taken[::-1])[::-1]
    ends = flat.indptr[1:] + np.arange(1, len(flat) + 1)
    beyond = np.append(above, 0.0)[ends]
    had = (above[order.segment + order.state + 1] - beyond[order.state]) / count[order.state]
    order = order[np.lexsort((-had, -order.price))]
    least = exact.dot(count, flat.start_budget)
    money = Fraction(budget) if math.isfinite(budget) else None
    left = math.inf if money is None else float(money - least)
    bought = where_money_ends(flat, count, money, Holding.nothing(len(flat)), order, left)
    return fill(count, budget, bought, least)


def disagreement(knapsack: Knapsack, budget: float, solved: Solved, value: float) -> str:
    """A sentence where a back end's value or multiplier is not that of the exact optimum, or ""."""
    room = AGREED * (1 + abs(value))
    if not abs(solved.value - value) <= room:
        return f"the back end's solution is worth {solved.value!r}, and the exact optimum {value!r}"
    if math.isfinite(budget):
        proved = exact.round_up(dual_value(knapsack, budget, max(0.0, solved.price)))
        if proved > value + room:
            return f"the back end's multiplier {solved.price!r} proves no more than {proved!r}"
    return ""
