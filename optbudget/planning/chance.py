"""The largest expected budget whose realised spend stays within a limit with a given probability.

A split of an expected budget b is the best use of it, but the realised spend varies. Wanted is

.. math:: \\max \\; b \\quad\\text{s.t.}\\quad P\\big(S(b) > B\\big) \\le \\varepsilon ,

S(b) being the total spend of the best split of b. The splits are a family in one number, and their spends
rise with it, so b is found by bisection: first with the saddle-point approximation, then by the exact
law where costs lie on a grid. That a still larger b does not hold the level again is not proved; it does not
as long as the probability rises with b.

What says that the level holds is the exact law, a proof. Where there is none it is the approximation, aimed
three standard errors of the trials below the level, and simulated with a seed; beside it the largest budget
is given for which Chernoff's bound proves the level.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from numbers import Integral, Real

from optbudget.allocation import allocate, split
from optbudget.allocation.allocate import require_one_problem
from optbudget.budgeted.money_grid import cost_grid
from optbudget.errors import NoAnswerError, UsageError
from optbudget.planning.saddle_point import tail
from optbudget.planning.spend_risk import FEW, risk_of
from optbudget.planning.spend_trials import spend_trials
from optbudget.planning.spenders import Spenders, spenders, spending
from optbudget.problems import Allocation, CurveSet, Population
from optbudget.problems.binomial_limits import at_most
from optbudget.problems.chance_allocation import ChanceAllocation
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

PRECISION = 1e-4
"""Relative precision to which the largest budget is sought."""

ATTEMPTS = 4
"""Times that the aim is lowered where trials do not confirm the level."""


def chance_constrained(
    curves: CurveSet,
    population: Population,
    budget: float,
    *,
    level: float = 0.05,
    trials: int = 100_000,
    seed: int = 0,
    monitor: Monitor | None = None,
) -> ChanceAllocation:
    """Plan for the largest expected budget whose spend exceeds `budget` with probability `level` at most.

    Parameters
    ----------
    curves : value curves of a unit, over a finite horizon and not pruned
    population : who shares the budget; nobody is moved money later
    budget : money that the realised total should not exceed, >= 0
    level : in (0, 1)
    trials, seed : of the simulation where there is no exact law; 0 trials do without
    monitor : progress and limits

    Returns
    -------
    ChanceAllocation
        The plan, what holds the level, and a plan for which it is proved.

    Raises
    ------
    NoAnswerError
        If even the least feasible spend exceeds the limit more often, or there are no policies by stage.
    UsageError
        If the level is not between 0 and 1.
    LimitError, InterruptedWork
        If the work is stopped before there is a plan.

    Examples
    --------
    100 customers are asked once or twice for 1 each; 150 in expectation exceed 150 in half of all cases:

    >>> from optbudget import Population, solve
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> plan = chance_constrained(curves, Population.at(curves.problem, {"open": 100}), 150, level=0.05)
    >>> round(plan.budget, 1), plan.proved, round(plan.risk.overspend, 3)
    (142.5, True, 0.05)
    """
    require_one_problem(curves, population)
    if not isinstance(level, Real) or not 0 < level < 1:
        raise UsageError(f"level is {level!r:.40}; a probability between 0 and 1 is needed")
    if not isinstance(budget, Real) or not 0 <= budget < math.inf:
        raise UsageError(f"the budget is {budget!r:.40}; a limit >= 0 is needed")
    for what, given in (("trials", trials), ("seed", seed)):
        if isinstance(given, bool) or not isinstance(given, Integral) or given < 0:
            raise UsageError(f"{what} is {given!r:.40}; it must be a whole number >= 0")
    family = _Family(curves, population, float(budget), monitor)
    grid = family.grid()
    step = grid if isinstance(grid, Fraction) else None
    aim = family.largest(partial(_estimated_within, level, family.limit, step))
    if aim is None:
        raise NoAnswerError(
            f"even the least feasible spend, {family.least:.6g} in expectation, exceeds {budget:.6g} with a "
            f"probability above {level:g}"
        )
    exact = _exactly(family, aim, level, monitor) if step is not None else None
    if exact is not None:
        answer = allocate(curves, population, exact)
        risk = risk_of(spenders(answer), family.limit, monitor=monitor, money_unit=curves.problem.money_unit)
        if risk.exact and risk.proved[1] <= level:
            return ChanceAllocation(family.limit, level, answer, risk, True, answer, risk.proved[1])
    answer, exceeded, trials = _confirmed(family, step, level, trials, seed, aim)
    units = spenders(answer)
    risk = risk_of(
        units, family.limit, law=units.size < FEW, monitor=monitor, money_unit=curves.problem.money_unit
    )
    sure = family.largest(lambda units: tail(units, family.limit).bound <= level)
    proof = None if sure is None else allocate(curves, population, sure)
    chance = math.nan if proof is None else tail(spenders(proof), family.limit).bound
    return ChanceAllocation(
        family.limit, level, answer, risk, False, proof, chance, trials, exceeded,
        at_most(exceeded, trials) if trials else math.nan,
    )  # fmt: skip


class _Family:
    """The best splits of every expected budget, by the units that spend it."""

    def __init__(
        self, curves: CurveSet, population: Population, limit: float, monitor: Monitor | None
    ) -> None:
        self.curves, self.population, self.limit, self.monitor = curves, population, limit, monitor
        count = population.count
        self.least = float(count @ curves.curves.start_budget)
        ends = [float(curves.curves[s].largest_useful_budget) for s in count.nonzero()[0].tolist()]
        self.most = max(self.least, float(count[count > 0] @ ends))

    def units(self, budget: float) -> Spenders:
        """Who spends what when `budget` is planned."""
        require_going_on(self.monitor, "before a plan for the level was found")
        money = min(max(budget, self.least * (1 + 1e-15)), self.most)
        found = split(self.curves.curves, self.population.count, money)
        rows = zip(
            found.state.tolist(), found.count.tolist(), found.unit_budget.tolist(),
            found.probability.tolist(), strict=True,
        )  # fmt: skip
        return spending(self.curves, [(s, n, b, p) for s, n, b, p in rows if p > 0])

    def grid(self) -> Fraction | str:
        """The common step of all costs of the model, which serves every plan of the family."""
        found = cost_grid(self.curves.problem)
        return found if isinstance(found, str) else found.step

    def largest(
        self, holds: Callable[[Spenders], bool], low: float | None = None, high: float | None = None
    ) -> float | None:
        """The largest budget in [low, high] that holds, by bisection; None if not even the least does."""
        low = self.least if low is None else low
        high = self.most if high is None else high
        if holds(self.units(high)):
            return high
        if not holds(self.units(low)):
            return None
        while high - low > PRECISION * high:
            middle = (low + high) / 2
            low, high = (middle, high) if holds(self.units(middle)) else (low, middle)
        return low


def _exactly(family: _Family, aim: float, level: float, monitor: Monitor | None) -> float | None:
    """The largest budget that the exact law proves, near where the approximation has it; None without law."""
    lawless = False

    def holds(units: Spenders) -> bool:
        nonlocal lawless
        risk = risk_of(units, family.limit, monitor=monitor)
        lawless = lawless or not risk.exact
        return risk.exact and risk.proved[1] <= level

    width = 2 * PRECISION
    low = aim
    while not holds(family.units(low)):
        if lawless or low <= family.least:
            return None
        low, width = max(family.least, low * (1 - width)), 2 * width
    if low >= family.most:
        return low
    width, high = 2 * PRECISION, min(family.most, low * (1 + 2 * PRECISION))
    while holds(family.units(high)):
        if high >= family.most:
            return high
        low, width = high, 2 * width
        high = min(family.most, high * (1 + width))
    return low if lawless else family.largest(holds, low, high)


def _confirmed(
    family: _Family, step: Fraction | None, level: float, trials: int, seed: int, aim: float
) -> tuple[Allocation, int, int]:
    """The plan of a budget that trials confirm: its allocation, trials above the limit, and trials."""
    if not trials:
        return allocate(family.curves, family.population, aim), 0, 0
    error = math.sqrt(level * (1 - level) / trials)
    answer, exceeded = None, 0
    for attempt in range(ATTEMPTS):
        aimed = level - (3 + 1.5 * attempt) * error
        found = family.largest(partial(_estimated_within, aimed, family.limit, step))
        if found is None:
            break
        answer = allocate(family.curves, family.population, found)
        spends = spend_trials(spenders(answer), trials, seed=seed + attempt, monitor=family.monitor)
        exceeded = int((spends > family.limit * (1 + 1e-12)).sum())
        if at_most(exceeded, trials) <= level:
            break
    if answer is None:
        return allocate(family.curves, family.population, aim), 0, 0
    return answer, exceeded, trials


def _estimated_within(level: float, limit: float, step: Fraction | None, units: Spenders) -> bool:
    """Whether the saddle-point approximation says that units exceed a limit rarely enough."""
    return tail(units, limit, step=step).estimate <= level
