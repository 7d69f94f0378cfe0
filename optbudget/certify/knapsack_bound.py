"""What no choice of options within a budget can be worth, by one price, without rounding.

For any price :math:`p \\ge 0` (Sinha & Zoltners 1979; Geoffrion 1974)

.. math:: \\mathrm{OPT} \\le \\mathrm{OPT}_{LP} \\le p B + \\sum_g n_g \\max_k (v_{gk} - p\\,c_{gk}).

The option that attains each maximum is found in floating point with its rounding bounded; where more
than one may, rational arithmetic decides. The sum is then exact.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import Knapsack

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROUNDING = 2.0**-50
"""Relative error of value - price * cost: three roundings, with room."""


def best_options(knapsack: Knapsack, price: float) -> Integers:
    """Of each group an option of largest value - price * cost, in exact arithmetic; (n,) option indices."""
    cost, value, ptr = knapsack.cost, knapsack.value, knapsack.ptr
    spend = price * cost
    reduced, doubt = value - spend, ROUNDING * (np.abs(value) + spend) + 1e-300
    if not np.isfinite(spend).all():
        possible = np.ones(cost.size, dtype=bool)
    else:
        surely = np.maximum.reduceat(reduced - doubt, ptr[:-1])
        possible = reduced + doubt >= surely[knapsack.group_of]
    rivals = np.flatnonzero(possible)
    if _without_rounding(value[rivals], price, cost[rivals]):
        # Then the largest of the doubles is the largest in truth.
        largest = np.full(len(knapsack.groups), -np.inf)
        np.maximum.at(largest, knapsack.group_of[rivals], reduced[rivals])
        rivals = rivals[reduced[rivals] == largest[knapsack.group_of[rivals]]]
        first: Integers = rivals[np.searchsorted(knapsack.group_of[rivals], np.arange(largest.size))]
        return first
    group = knapsack.group_of[rivals]
    best = rivals[np.searchsorted(group, np.arange(len(knapsack.groups)))]
    open_groups = np.unique(group[1:][group[1:] == group[:-1]])
    exact = Fraction(price)
    begin = np.searchsorted(group, open_groups)
    end = np.searchsorted(group, open_groups, side="right")
    for g, a, b in zip(open_groups.tolist(), begin.tolist(), end.tolist(), strict=True):
        best[g] = max(
            rivals[a:b].tolist(),
            key=lambda k: Fraction(float(value[k])) - exact * Fraction(float(cost[k])),
        )
    return best


def _without_rounding(value: Floats, price: float, cost: Floats) -> bool:
    """Whether value - price * cost is exact for all: the errors of product and sum vanish (Dekker 1971)."""
    if not max(price, float(np.abs(value).max(initial=0)), float(cost.max(initial=0))) < 2.0**500:
        return False

    def halves(x: Floats) -> tuple[Floats, Floats]:
        upper = x * 134217729.0
        upper = upper - (upper - x)
        return upper, x - upper

    product = price * cost
    (p_high, p_low), (c_high, c_low) = halves(np.full(1, price)), halves(cost)
    lost = ((p_high * c_high - product) + p_high * c_low + p_low * c_high) + p_low * c_low
    small = (product != 0) & (np.abs(product) < 2.0**-500)
    total = value - product
    part = total - value
    rest = (value - (total - part)) + (-product - part)
    return not (lost.any() or rest.any() or small.any())


def exact_sum(count: Integers, numbers: Floats) -> Fraction:
    """Sum of count * number without rounding."""
    total = 0
    for n, (top, bottom) in zip(count.tolist(), map(float.as_integer_ratio, numbers.tolist()), strict=True):
        total += (n * top) << (1075 - bottom.bit_length())
    return Fraction(total, 1 << 1074)


def dual_value(knapsack: Knapsack, budget: float, price: float) -> Fraction:
    """price * budget + sum of count * max(value - price * cost), exactly.

    Examples
    --------
    Two copies that may cost 3 for 5, and one that may cost 4 for 6, with a budget of 8:

    >>> problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    >>> float(dual_value(problem, 8.0, 1.5))
    13.0
    """
    best = best_options(knapsack, price)
    worth = exact_sum(knapsack.count, knapsack.value[best])
    if price == 0:
        return worth
    return worth + Fraction(price) * (Fraction(budget) - exact_sum(knapsack.count, knapsack.cost[best]))


def spend_at_price(knapsack: Knapsack, price: Fraction, *, cheapest: bool) -> Fraction:
    """What options of largest value - price * cost cost in all; of equal ones the cheapest or the dearest."""
    cost, value = knapsack.cost, knapsack.value
    near = float(price)
    spend = near * cost
    reduced, doubt = value - spend, ROUNDING * (np.abs(value) + spend) + 1e-300
    surely = np.maximum.reduceat(reduced - doubt, knapsack.ptr[:-1])
    rivals = np.flatnonzero(~(reduced + doubt < surely[knapsack.group_of]))
    chosen = np.empty(len(knapsack.groups), dtype=np.int64)
    best: dict[int, tuple[Fraction, Fraction]] = {}
    alone = np.bincount(knapsack.group_of[rivals], minlength=chosen.size)[knapsack.group_of[rivals]] == 1
    chosen[knapsack.group_of[rivals[alone]]] = rivals[alone]
    for k in rivals[~alone].tolist():
        g = int(knapsack.group_of[k])
        money = Fraction(float(cost[k]))
        rank = (Fraction(float(value[k])) - price * money, -money if cheapest else money)
        if g not in best or rank > best[g]:
            best[g], chosen[g] = rank, k
    return exact_sum(knapsack.count, cost[chosen])


def least_spend(knapsack: Knapsack) -> Fraction:
    """The cost of the cheapest choice of all groups together, exactly."""
    return exact_sum(knapsack.count, np.minimum.reduceat(knapsack.cost, knapsack.ptr[:-1]))
