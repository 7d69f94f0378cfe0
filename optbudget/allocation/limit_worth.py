"""What every limit on a split is worth: what one unit of money more, or less, there would add to the value.

The limit of a group is worth its multiplier. That of single units is worth, for all of them together, what
the segment it stops would add over the price of their money:

.. math:: n \\max(0, v'(u^+) - \\lambda), \\qquad n \\max(0, \\lambda - v'(\\ell^-)),

for one more unit of money of each; where several limits hold for a unit, that of the tightest.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError
from optbudget.problems import Allocation, LimitedPopulation
from optbudget.problems.limited_population import Named
from optbudget.status import Solution

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LimitWorth:
    """One side of one limit.

    Attributes
    ----------
    name : whom it limits
    side : "least" or "most"
    limit : money, per unit for a limit of units, in total for that of a group
    assigned : what they are assigned, in the same measure (of units: the mean)
    worth : >= 0; value added by raising a most, or lowering a least, by one; 0 where it does not bind
    sentence : the same in words
    """

    name: str
    side: Literal["least", "most"]
    limit: float
    assigned: float
    worth: float
    sentence: str


def limit_worths(answer: Allocation) -> list[LimitWorth]:
    """Every limit of an allocation with what it is worth: those of groups first, in the order given.

    Raises
    ------
    NoAnswerError
        If there is no allocation.

    Examples
    --------
    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Limits, Population, UnitLimit
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> answer = allocate(curves, people, 8.0, limits=Limits((UnitLimit(state="cold", least=0.5),)))
    >>> limit_worths(answer)[0].sentence
    'lowering the least of each of state cold by one is worth 5'
    """
    if answer.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation: {answer.outcome.message}")
    if answer.limits is None:
        return []
    units = answer.limited()
    assigned = _assigned(answer, units)
    return [*_of_groups(answer, units, assigned), *_of_units(answer, units, assigned)]


def _assigned(answer: Allocation, units: LimitedPopulation) -> Floats:
    """Mean money that a unit of each block is assigned, (k,)."""
    block = answer.state.copy()
    assert answer.unit is not None
    single = np.flatnonzero(answer.unit >= 0)
    block[single] = (
        units.state.size
        - int((units.unit >= 0).sum())
        + np.searchsorted(units.unit[units.unit >= 0], answer.unit[single])
    )
    spend = np.bincount(
        block, answer.count * answer.probability * answer.unit_budget, minlength=units.count.size
    )
    return np.maximum(spend / np.maximum(units.count, 1), units.least)


def _of_groups(answer: Allocation, units: LimitedPopulation, assigned: Floats) -> list[LimitWorth]:
    worth = {(one.group, one.side): one.value for one in answer.multipliers}
    found = []
    for g, name in enumerate(units.names):
        members = units.members[g]
        money = float((units.count[members] * assigned[members]).sum())
        money = max(money, float(units.group_least[g]))
        sides: list[tuple[Literal["least", "most"], float]] = []
        if units.group_least[g] > 0:
            sides.append(("least", float(units.group_least[g])))
        if np.isfinite(units.group_most[g]):
            sides.append(("most", float(units.group_most[g])))
        for side, limit in sides:
            value = worth.get((name, side), 0.0)
            found.append(
                LimitWorth(f"group {name}", side, limit, money, value, _said(side, f"group {name}", value))
            )
    return found


def _of_units(answer: Allocation, units: LimitedPopulation, assigned: Floats) -> list[LimitWorth]:
    assert answer.limits is not None
    named = Named(answer.limits, answer.curves.problem, answer.population)
    code, prices = units.prices(answer.price, answer.multipliers)
    price = np.array([float(p) for p in prices])[code]
    found = []
    for k, limit in enumerate(answer.limits.units):
        blocks = named.blocks_of(k)
        blocks = blocks[units.count[blocks] > 0]
        each = "" if limit.unit is not None else "each of "
        mean = float(np.average(assigned[blocks], weights=units.count[blocks])) if blocks.size else 0.0
        if limit.most < np.inf:
            at = blocks[units.most[blocks] == limit.most]
            right = np.array([float(answer.curves.curves[int(units.state[b])].price(limit.most)) for b in at])
            value = float((units.count[at] * np.maximum(np.nan_to_num(right) - price[at], 0.0)).sum())
            found.append(
                LimitWorth(
                    limit.name, "most", limit.most, mean, value, _said("most", each + limit.name, value)
                )
            )
        if limit.least > 0:
            at = blocks[units.least[blocks] == limit.least]
            left = np.array([_left(answer, int(units.state[b]), limit.least) for b in at])
            value = float((units.count[at] * np.maximum(price[at] - left, 0.0)).sum())
            found.append(
                LimitWorth(
                    limit.name, "least", limit.least, mean, value, _said("least", each + limit.name, value)
                )
            )
    return found


def _left(answer: Allocation, state: int, budget: float) -> float:
    """Slope to the left of a budget; infinite at or below the least feasible one."""
    curve = answer.curves.curves[state]
    place = int(np.searchsorted(curve.budgets, budget, side="left")) - 1
    if place < 0:
        return np.inf
    return float(curve.prices[place]) if place < len(curve) else 0.0


def _said(side: str, whom: str, worth: float) -> str:
    """What changing a limit by one is worth, in words."""
    if worth <= 0:
        return "kept, and costs nothing"
    return f"{'raising' if side == 'most' else 'lowering'} the {side} of {whom} by one is worth {worth:.6g}"
