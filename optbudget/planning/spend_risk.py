"""Mean, variance and law of the spend of an allocation, and how likely it is above a budget.

A unit at a useful budget b spends b in expectation, with the variance :math:`\\sigma_b^2` that rides along
with its curve. A lottery between two of them, drawn at the start, has

.. math:: E = (1-q) b_1 + q b_2, \\qquad
          \\mathrm{Var} = (1-q) \\sigma_1^2 + q \\sigma_2^2 + q (1-q) (b_2 - b_1)^2 ,

and units are independent, so means and variances add (Boutilier & Lu 2016, section 4.6, corrected).

Beyond two moments the policies are needed (`optbudget.planning.spenders`). The law is exact where costs lie
on a grid (`total_law`); of a few units with other costs it lies between two laws; else the saddle-point
approximation stands for it (`saddle_point`), beside a bound that is proved.
"""

import math
from fractions import Fraction
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import LimitError, NoAnswerError, UsageError
from optbudget.planning.saddle_point import entropic_risk, normal_tail, tail
from optbudget.planning.spenders import Spenders, spenders
from optbudget.planning.total_law import common_grid, total_law
from optbudget.problems import Allocation, CurveSet
from optbudget.problems.lotteries import lotteries
from optbudget.problems.spend_law import SpendLaw, require_share
from optbudget.problems.spend_risk import SpendRisk
from optbudget.status import Solution
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

FEW = 10
"""Fewer units than this are counted on two fine grids where costs lie on none; for more, waves of rounding
widen the two laws apart while the saddle-point approximation becomes sharp."""

FINE = 512
"""Steps of those grids in the standard deviation of one unit's spend."""


def unit_spend(curves: CurveSet, label: str, budget: float) -> tuple[float, float]:
    """Mean and variance of what one unit spends that is given a budget.

    Parameters
    ----------
    curves : value curves with their variances
    label : state of the unit
    budget : money, at least the least feasible budget; more than the largest useful one is not spent

    Raises
    ------
    NoAnswerError
        If the budget is below the least feasible one.

    Examples
    --------
    A budget of 0.75 where 1.5 is the first useful one above nothing: a coin is thrown.

    >>> from optbudget import solve
    >>> from optbudget.problems.examples import retry_example
    >>> unit_spend(solve(retry_example(horizon=2)), "open", 0.75)
    (0.75, 0.6875)
    """
    budgets, variances = curves[label].budgets, curves.variance(label)
    if not budget >= budgets[0]:
        raise NoAnswerError(f"state {label!r} needs at least {budgets[0]:.6g}; the budget is {budget:.6g}")
    left = int(np.searchsorted(budgets, budget, side="right")) - 1
    if left == budgets.size - 1:
        return float(budgets[-1]), float(variances[-1])
    width = float(budgets[left + 1] - budgets[left])
    q = (budget - float(budgets[left])) / width
    spread = (1 - q) * variances[left] + q * variances[left + 1] + q * (1 - q) * width**2
    return float(budget), float(spread)


def spend_moments(answer: Allocation) -> tuple[float, float]:
    """Mean and variance of the total spend of an allocation, from the variances of its curves.

    Examples
    --------
    >>> from optbudget import Population, allocate, solve
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> spend_moments(allocate(curves, Population.at(curves.problem, {"open": 3}), 3.75))
    (3.75, 1.1875)
    """
    require_rows(answer)
    curves = answer.curves.curves
    own = np.empty(answer.count.size)
    for r, (s, b) in enumerate(zip(answer.state.tolist(), answer.unit_budget.tolist(), strict=True)):
        level = int(np.argmin(np.abs(curves[s].budgets - b)))
        own[r] = answer.curves.spend_variance[int(curves.indptr[s]) + s + level]
    weight = answer.count * answer.probability
    return float(weight @ answer.unit_budget), float(weight @ own) + _between(answer)


def _between(answer: Allocation) -> float:
    """What the lotteries add: for each randomised unit the variance of the budget that it draws."""
    total = 0.0
    rows = zip(answer.state.tolist(), answer.count.tolist(), answer.probability.tolist(), strict=True)
    for span in lotteries(list(rows)):
        budget, probability = answer.unit_budget[span], answer.probability[span]
        centred = budget - probability @ budget
        total += float(answer.count[span.start]) * float(probability @ centred**2)
    return total


def spend_risk(
    answer: Allocation, budget: float | None = None, *, law: bool = True, monitor: Monitor | None = None
) -> SpendRisk:
    """How likely the units of an allocation are to spend more than a budget, all together.

    Parameters
    ----------
    answer : who gets how much; every unit then acts on its own
    budget : money; default: the allocation's own budget
    law : compute the law of the spend where that can be done; else approximations and bounds only
    monitor : its limits hold for the law

    Returns
    -------
    SpendRisk
        `overspend` by the best that is known, `method` by what, `proved` the interval that is proved.

    Raises
    ------
    UsageError
        If the budget is no number.
    NoAnswerError
        If the allocation has no rows, or its curves were pruned.

    Examples
    --------
    >>> from optbudget import Population, allocate, solve
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> split = allocate(curves, Population.at(curves.problem, {"open": 100}), 150.0)
    >>> spend_risk(split, 155)
    SpendRisk(100 units, mean 150, sd 5: P(spend > 155) = 0.1356 by exact law, proved in [0.1356, 0.1356])
    """
    require_rows(answer)
    given: object = answer.budget if budget is None else budget
    if isinstance(given, bool) or not isinstance(given, Real) or math.isnan(given):
        raise UsageError(f"the budget is {given!r:.40}; it must be a number")
    money = float(given)
    mean, variance = spend_moments(answer)
    unit = answer.curves.problem.money_unit
    if answer.count.size == 0:
        nothing = SpendLaw(Fraction(1), 0, np.ones(1))
        chance = nothing.exceeds(money)
        return SpendRisk(money, 0, 0.0, 0.0, chance, chance, chance, nothing, nothing, "", unit)
    try:
        units = spenders(answer)
    except NoAnswerError as error:
        normal = normal_tail(mean, variance, money)
        return SpendRisk(
            money, answer.population.size, mean, variance, normal, why=str(error), money_unit=unit
        )
    return risk_of(units, money, law=law, monitor=monitor, money_unit=unit)


def risk_of(
    units: Spenders,
    budget: float,
    *,
    law: bool = True,
    monitor: Monitor | None = None,
    money_unit: str = "money",
) -> SpendRisk:
    """The same for units that are given with their policies."""
    _, mean, variance, _, _ = units.cumulants(0.0).tolist()
    grid = common_grid(units)
    step = grid if isinstance(grid, Fraction) else None
    found = tail(units, budget, step=step)
    below, above, why = (None, None, "it was not asked for") if not law else laws_of(units, grid, monitor)
    return SpendRisk(
        budget, units.size, mean, variance, normal_tail(mean, variance, budget), found.estimate, found.bound,
        below, above, why, money_unit,
    )  # fmt: skip


def laws_of(
    units: Spenders, grid: Fraction | str, monitor: Monitor | None = None
) -> tuple[SpendLaw | None, SpendLaw | None, str]:
    """The law twice, or the laws below and above it; and why it is not exact."""
    try:
        if isinstance(grid, Fraction):
            found = total_law(units, monitor=monitor)
            return found, found, ""
        if units.size >= FEW:
            return None, None, grid
        deviation = math.sqrt(max(0.0, float(units.cumulants(0.0)[2])) / max(1, units.size))
        if deviation == 0:
            return None, None, grid
        step = Fraction(deviation / FINE)
        below = total_law(units, step=step, rounding="down", monitor=monitor)
        return below, total_law(units, step=step, rounding="up", monitor=monitor), grid
    except LimitError as error:
        return None, None, str(error)


def worst_cases(answer: Allocation, share: float) -> float:
    """A number that the mean spend of the worst `share` of cases does not exceed, proved without any law.

    The entropic value at risk; the exact number, where there is a law, is `SpendRisk.cvar`.
    """
    require_share(share)
    require_rows(answer)
    return entropic_risk(spenders(answer), share)


def require_rows(answer: Allocation) -> None:
    """Refuse an allocation without rows: nobody spends by it."""
    if not isinstance(answer, Allocation):
        raise UsageError(f"an Allocation is needed, as allocate() returns; got {answer!r:.40}")
    if answer.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation: {answer.outcome.message}")
