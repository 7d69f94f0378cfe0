"""Whether a price and multipliers are those of nested limits: where the money of the relaxation ends.

At a price p a unit wants any budget x between the least and the largest that maximise :math:`V(x) - p x` over
its limits, so what is directly in a group wants from :math:`a_G` to :math:`c_G` at the group's price, sums of
its blocks and of the groups inside it. Price and multipliers are optimal if and only if

* a group whose most has a multiplier wants its most, :math:`a_G \\le U_G \\le c_G`; one whose least has one
  wants that; and any other wants something from :math:`L_G` to :math:`U_G`,
* all units together want the budget, or, at price 0, no more than it.

For the relaxation, in which units may be randomised; prices are taken a few roundings up and down.
"""

import math

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.limit_rows import SAME
from optbudget.curves import Curves
from optbudget.problems import Allocation, LimitedPopulation

Floats = NDArray[np.float64]


def wanted(curves: Curves, units: LimitedPopulation, price: Floats, *, most: bool) -> Floats:
    """The least or the largest budget that one unit of each block wants at its price, (k,); inf at price 0.

    Examples
    --------
    >>> zero = np.zeros(1)
    >>> curves = Curves(zero, zero, np.array([0, 2]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> units = LimitedPopulation(np.array([0]), np.array([4]), np.array([-1]), zero, np.array([9.0]))
    >>> wanted(curves, units, np.array([2.0]), most=False), wanted(curves, units, np.zeros(1), most=True)
    (array([1.]), array([9.]))
    """
    slope, ends = curves.gain / curves.length, curves.indptr
    useful, _ = curves.breakpoints()
    found = np.empty(price.size)
    for p in np.unique(price).tolist():
        at = np.flatnonzero(price == p)
        first = ends[units.state[at]]
        passed = np.concatenate(([0], np.cumsum(slope >= p if most else slope > p)))
        steps = passed[ends[units.state[at] + 1]] - passed[first]
        found[at] = useful[first + units.state[at] + steps]
        if most and p <= 0:
            found[at] = math.inf
    return np.asarray(np.clip(found, units.least, units.most))


def relaxed_price_fault(answer: Allocation, units: LimitedPopulation) -> str:
    """What is wrong with price and multipliers of nested limits as those of the relaxation, or ""."""
    assert units.node is not None
    assert units.parent is not None
    groups, curves = len(units.names), answer.curves.curves
    code, exact = units.prices(answer.price, answer.multipliers)
    price = np.array([float(p) for p in exact])[code]
    size = answer.price + sum(one.value for one in answer.multipliers)
    low = wanted(curves, units, price + SAME * (price + size), most=False)
    high = wanted(curves, units, np.maximum(price - SAME * (price + size), 0.0), most=True)
    node = np.where(units.node < 0, groups, units.node)
    served = units.count > 0
    least, largest = [0.0] * (groups + 1), [0.0] * (groups + 1)
    for v in range(groups + 1):
        mine = served & (node == v)
        least[v] = float((units.count[mine] * low[mine]).sum())
        largest[v] = float((units.count[mine] * high[mine]).sum())
    binds = {(one.group, one.side) for one in answer.multipliers if one.value > 0}
    order = sorted(range(groups), key=lambda g: (units.members[g].size, -g))
    for v in order:
        room = SAME * (least[v] + 1e-300) * 4
        name, begin, end = units.names[v], float(units.group_least[v]), float(units.group_most[v])
        if (name, "most") in binds:
            begin = end
        elif (name, "least") in binds:
            end = begin
        if least[v] > end + room or largest[v] < begin - room:
            return (
                f"at its price group {name!r} wants from {least[v]:.9g} to {largest[v]:.9g}, not from "
                f"{begin:.9g} to {end:.9g}"
            )
        up = int(units.parent[v])
        least[up] += min(max(least[v], begin), end)
        largest[up] += max(min(largest[v], end), begin)
    room = SAME * (least[-1] + float(curves.length.max(initial=0.0))) * 4
    money = answer.budget
    if least[-1] > money + room or (answer.price > 0 and largest[-1] < money - room):
        return f"at the price {answer.price:.17g} all units want from {least[-1]:.9g} to {largest[-1]:.9g}"
    return ""
