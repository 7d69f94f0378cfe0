"""What every limit on a split is worth: what one unit of money more, or less, there would add to the value.

The limit of a group is worth its multiplier. That of single units is worth, for all of them together, what
the segment it stops would add over the price of their money:

.. math:: n \\max(0, v'(u^+) - \\lambda), \\qquad n \\max(0, \\lambda - v'(\\ell^-)),

for one more unit of money of each; where several limits hold for a unit, that of the tightest, and 0 where
two are as tight.

Whether such a worth is exact, or the most it can be, is decided by `optbudget.allocation.known_prices`.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.known_prices import SAME, KnownPrices, Side, assigned_to
from optbudget.errors import NoAnswerError
from optbudget.problems import Allocation, LimitedPopulation
from optbudget.problems.limited_population import Named
from optbudget.status import Solution

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ELSEWHERE = {"ip": "where units may be randomised", "uniform": "in the best split"}
"""Of which split the sentences are, where the answer itself has no such slopes."""

NOTHING = 1e-12
"""Share of a price below which a difference of two prices is their rounding."""


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
    exact : whether the first bit more adds just that; otherwise it adds at most that
    """

    name: str
    side: Literal["least", "most"]
    limit: float
    assigned: float
    worth: float
    sentence: str
    exact: bool = True


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
    assigned, known = assigned_to(answer, units), KnownPrices(answer, units)
    found = [
        *_of_groups(answer, units, assigned, known),
        *_of_units(answer, units, assigned, known),
        *_of_share(answer, units, assigned, known),
    ]
    if answer.method not in ELSEWHERE:
        return found
    where = ELSEWHERE[answer.method]
    return [replace(one, sentence=f"{where}, {one.sentence}", exact=one.worth == 0) for one in found]


def worth_of_more(answer: Allocation) -> float:
    """What one more unit of the whole budget adds: its price, less what higher least shares cost.

    A least share :math:`\\sigma` grows with the budget. Of one more unit each of the n units in all is owed
    :math:`\\sigma / n` more, which those at their share, :math:`F`, put to a use of slope :math:`v_i'` while
    money returns :math:`\\lambda_i` elsewhere:

    .. math:: \\lambda - \\frac{\\sigma}{n} \\sum_{i \\in F} \\max(0, \\lambda_i - v_i').

    Of the first bit more, and negative where the shares cost more than the rest brings.

    Raises
    ------
    NoAnswerError
        If there is no allocation.

    Examples
    --------
    All are owed an equal share, so half of any more money goes where it is worth 3, and half where 2:

    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Limits, Population
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 5, "cold": 5})
    >>> answer = allocate(curves, people, 5.0, limits=Limits(least_share=1.0))
    >>> answer.price, worth_of_more(answer)
    (3.0, 2.5)
    """
    if answer.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation: {answer.outcome.message}")
    if answer.limits is None or not answer.limits.least_share:
        return answer.price
    units = answer.limited()
    at = _at_share(answer, units, assigned_to(answer, units))
    slope = np.array([_slope(answer, int(units.state[b]), float(units.least[b]), "most") for b in at])
    lost = np.maximum(_prices(answer, units)[at] - slope, 0.0)
    share = answer.limits.least_share / answer.population.size
    return answer.price - share * float(units.count[at] @ lost)


def _prices(answer: Allocation, units: LimitedPopulation) -> Floats:
    """What money is worth elsewhere to each block, (k,)."""
    code, prices = units.prices(answer.price, answer.multipliers)
    return np.array([float(p) for p in prices])[code]


def _at_share(answer: Allocation, units: LimitedPopulation, assigned: Floats) -> Integers:
    """Blocks with units that have no more than their least share."""
    there = units.fair & (units.count > 0)
    return np.flatnonzero(there & (assigned <= units.least * (1 + SAME)))


def _of_groups(
    answer: Allocation, units: LimitedPopulation, assigned: Floats, known: KnownPrices
) -> list[LimitWorth]:
    worth = {(one.group, one.side): one.value for one in answer.multipliers}
    scale = NOTHING * max([answer.price, *worth.values()])
    found = []
    for g, name in enumerate(units.names):
        members = units.members[g]
        money = float((units.count[members] * assigned[members]).sum())
        money = max(money, float(units.group_least[g]))
        sides: list[tuple[Side, float]] = []
        if units.group_least[g] > 0:
            sides.append(("least", float(units.group_least[g])))
        if np.isfinite(units.group_most[g]):
            sides.append(("most", float(units.group_most[g])))
        for side, limit in sides:
            value = worth.get((name, side), 0.0)
            value = value if value > scale else 0.0
            sure = value == 0 or known.group(name, side)
            said = _said(side, f"group {name}", value, sure)
            found.append(LimitWorth(f"group {name}", side, limit, money, value, said, sure))
    return found


def _of_units(
    answer: Allocation, units: LimitedPopulation, assigned: Floats, known: KnownPrices
) -> list[LimitWorth]:
    assert answer.limits is not None
    named = Named(answer.limits, answer.curves.problem, answer.population)
    price = _prices(answer, units)
    alone = {"least": _holders(answer, units, named, "least"), "most": _holders(answer, units, named, "most")}
    found = []
    for k, limit in enumerate(answer.limits.units):
        blocks = named.blocks_of(k)
        blocks = blocks[units.count[blocks] > 0]
        each = limit.name if limit.unit is not None else f"each of {limit.name}"
        mean = float(np.average(assigned[blocks], weights=units.count[blocks])) if blocks.size else 0.0
        sides: list[tuple[Side, float, Floats]] = [("most", limit.most, units.most)]
        sides += [("least", limit.least, units.least)] if limit.least > 0 else []
        for side, amount, tightest in sides:
            if amount == np.inf:
                continue
            at = blocks[(tightest[blocks] == amount) & (alone[side][blocks] == 1)]
            slope = np.array([_slope(answer, int(units.state[b]), amount, side) for b in at])
            here = price[at]
            gain = slope - here if side == "most" else here - slope
            gain = np.where(gain > NOTHING * here, gain, 0.0)
            value = float((units.count[at] * gain).sum())
            sure = value == 0 or known.blocks(at[gain > 0])
            found.append(
                LimitWorth(limit.name, side, amount, mean, value, _said(side, each, value, sure), sure)
            )
    return found


def _of_share(
    answer: Allocation, units: LimitedPopulation, assigned: Floats, known: KnownPrices
) -> list[LimitWorth]:
    """The least share as a limit of all units that it holds; nothing where none is asked."""
    there = np.flatnonzero(units.fair & (units.count > 0))
    if not there.size:
        return []
    at, price = _at_share(answer, units, assigned), _prices(answer, units)
    slope = np.array([_slope(answer, int(units.state[b]), float(units.least[b]), "least") for b in at])
    gain = np.maximum(price[at] - slope, 0.0)
    gain = np.where(gain > NOTHING * price[at], gain, 0.0)
    value = float(units.count[at] @ gain)
    sure = value == 0 or known.blocks(at[gain > 0])
    mean = float(np.average(assigned[there], weights=units.count[there]))
    said = _said("least", "every unit", value, sure)
    least = float(units.least[there[0]])
    return [LimitWorth("least share", "least", least, mean, value, said, sure)]


def _holders(answer: Allocation, units: LimitedPopulation, named: Named, side: Side) -> Integers:
    """How many limits hold each block at its tightest least or most, (k,)."""
    assert answer.limits is not None
    tightest = units.least if side == "least" else units.most
    number = np.zeros(tightest.size, dtype=np.int64)
    for k, limit in enumerate(answer.limits.units):
        blocks = named.blocks_of(k)
        number[blocks] += tightest[blocks] == (limit.least if side == "least" else limit.most)
    if side == "most" and answer.curves.problem.budget_cap is not None:
        number += tightest == answer.curves.problem.budget_cap
    return number


def _slope(answer: Allocation, state: int, budget: float, side: Side) -> float:
    """Value of the next unit of money above a most, or of the last one below a least."""
    if side == "least":
        return _left(answer, state, budget)
    return float(np.nan_to_num(answer.curves.curves[state].price(budget)))


def _left(answer: Allocation, state: int, budget: float) -> float:
    """Slope to the left of a budget; infinite at or below the least feasible one."""
    curve = answer.curves.curves[state]
    place = int(np.searchsorted(curve.budgets, budget, side="left")) - 1
    if place < 0:
        return np.inf
    return float(curve.prices[place]) if place < len(curve) else 0.0


def _said(side: Side, whom: str, worth: float, sure: bool) -> str:
    """What changing a limit by one is worth, in words."""
    if worth <= 0:
        return "kept, and costs nothing"
    change = "raising" if side == "most" else "lowering"
    return f"{change} the {side} of {whom} by one is worth {'' if sure else 'at most '}{worth:.6g}"
