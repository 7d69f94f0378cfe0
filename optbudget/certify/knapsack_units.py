"""A knapsack and its budget in whole numbers, without rounding.

Every double is a whole number times a power of two. Costs and values of a group are counted from those of
its cheapest option, in the largest units that divide them all, so that a choice is within the budget if
and only if its whole cost is at most `capacity`, and a better one is better by at least 1. Dominated
options are left out.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.knapsack_bound import exact_sum
from optbudget.problems import Knapsack

Whole = NDArray[Any]
"""int64 where every sum fits, else Python integers."""

FITS = 2**61

WIDEST = 2**1000
"""Whole numbers beyond which none is a double any more; there the whole problem is not taken up."""


@dataclass(frozen=True, slots=True, eq=False)
class WholeKnapsack:
    """Attributes: group g has the entries ptr[g]:ptr[g+1], by rising cost and value, the first 0 and 0.

    option : (N,) index into the knapsack's options
    cost, value : (N,) in units, >= 0
    count : (n,) int64
    capacity : units of cost that the choices may add to the cheapest ones; negative: nothing is feasible
    base_value, unit_value : value of the cheapest choice of all groups, and of one unit of value
    price_unit : multiply a price by it to have units of value per unit of cost
    """

    option: NDArray[np.int64]
    ptr: NDArray[np.int64]
    cost: Whole
    value: Whole
    count: NDArray[np.int64]
    capacity: int
    base_value: Fraction
    unit_value: Fraction
    price_unit: Fraction

    def worth(self, units: int) -> Fraction:
        """The total value of so many units above the cheapest choice."""
        return self.base_value + units * self.unit_value


def whole_knapsack(knapsack: Knapsack, budget: float) -> WholeKnapsack:
    """The same problem in whole numbers; an infinite budget is that of the dearest options.

    Raises
    ------
    OverflowError
        If costs or values lie so far apart that these are beyond 2^1000.

    Examples
    --------
    >>> small = whole_knapsack(Knapsack.from_arrays([0, 2, 4], [0.5, 2, 0, 1], [0, 5, 0, 10]), 3.0)
    >>> small.cost, small.value, small.capacity, small.unit_value
    (array([0, 3, 0, 2]), array([0, 1, 0, 2]), 5, Fraction(5, 1))
    """
    kept = np.flatnonzero(~knapsack.dominated)
    kept = kept[np.lexsort((knapsack.cost[kept], knapsack.group_of[kept]))]
    group = knapsack.group_of[kept]
    ptr = np.searchsorted(group, np.arange(len(knapsack.groups) + 1))
    first, used = kept[ptr[:-1]], knapsack.count[group] > 0
    cost, unit_cost = counted(knapsack.cost[kept], ptr, used)
    value, unit_value = counted(knapsack.value[kept], ptr, used)
    dearest = sum(int(n) * int(k) for n, k in zip(knapsack.count, cost[ptr[1:] - 1], strict=True))
    worthiest = sum(int(n) * int(w) for n, w in zip(knapsack.count, value[ptr[1:] - 1], strict=True))
    if budget < np.inf:
        left = Fraction(budget) - exact_sum(knapsack.count, knapsack.cost[first])
        capacity = min(left // unit_cost, dearest)
    else:
        capacity = dearest
    if max(dearest, worthiest) > WIDEST:
        raise OverflowError("costs or values lie more than 300 powers of ten apart")
    kind = np.int64 if max(dearest, worthiest) < FITS else np.object_
    return WholeKnapsack(
        kept, ptr, cost.astype(kind), value.astype(kind), knapsack.count, int(capacity),
        exact_sum(knapsack.count, knapsack.value[first]), unit_value, unit_cost / unit_value,
    )  # fmt: skip


def counted(
    numbers: NDArray[np.float64], ptr: NDArray[np.int64], used: NDArray[np.bool_]
) -> tuple[Whole, Fraction]:
    """Differences to the first of each group in the largest unit that divides those `used`; that unit."""
    ratios = [float.as_integer_ratio(x) for x in numbers.tolist()]
    places = max(bottom.bit_length() - 1 for _, bottom in ratios)
    whole = np.array([top << (places + 1 - bottom.bit_length()) for top, bottom in ratios], dtype=object)
    whole = whole - np.repeat(whole[ptr[:-1]], np.diff(ptr))
    whole[~used] = 0
    unit = int(np.gcd.reduce(whole)) or 1
    return whole // unit, Fraction(unit, 1 << places)
