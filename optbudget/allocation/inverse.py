"""Questions asked the other way round: how much money for a value, how much is still worth spending.

Segments are bought by falling price, so after any of them the totals S (spend above the least feasible
total) and G (value above that there) are known exactly, and every answer is a place in the order,
found by halving, and a share of the next segment, in closed form:

* value V: the first budget with :math:`V_0 + G = V`;
* return on investment R: the last budget with :math:`G \\ge R S`. Since G is concave in S, the mean
  return G / S falls, and the place is unique;
* marginal return R: the last budget bought at a price of at least R.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from optbudget.allocation import exact, greedy
from optbudget.allocation.allocate import allocate, require_one_problem
from optbudget.allocation.ending import Holding, Order
from optbudget.allocation.limit_range import budgets_of_price, least_budget_within
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.problems import Allocation, CurveSet, Limits, Population
from optbudget.problems.columns import as_number
from optbudget.status import Outcome, Solution, Termination


@dataclass(frozen=True, slots=True)
class PriceRange:
    """The budgets at which money has one price, and the same policies stay optimal.

    Attributes
    ----------
    low, high : money for the whole population; high is inf where more money is worth nothing
    price : value of one more unit of money inside, >= 0
    """

    low: float
    high: float
    price: float


class _Ladder:
    """Exact totals after each place of the order of purchase."""

    def __init__(self, curves: CurveSet, population: Population) -> None:
        require_one_problem(curves, population)
        self.curves, self.count = curves.curves, population.count
        self.order: Order = greedy.order_of_purchase(self.curves, self.count)
        self.size = int(self.order.price.size)
        self.start_budget, self.start_value = self.totals(0)

    def totals(self, place: int) -> tuple[Fraction, Fraction]:
        """Exact total budget and value with the first `place` segments bought."""
        holding = Holding.nothing(len(self.curves))
        holding.buy(self.curves, self.order[:place])
        return (
            exact.dot(self.count, self.curves.start_budget + holding.length),
            exact.dot(self.count, self.curves.start_value + holding.gain),
        )

    def last(self, holds: Callable[[Fraction, Fraction], bool]) -> int:
        """The last place whose totals satisfy `holds`, which is true at 0 and never true again once false."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high + 1) // 2
            if holds(*self.totals(middle)):
                low = middle
            else:
                high = middle - 1
        return low


def least_budget_for(
    curves: CurveSet, population: Population, value: float, *, limits: Limits | None = None
) -> Allocation:
    """The allocation of the least budget whose total value is at least `value`, under nested limits if any.

    Returns
    -------
    Allocation
        Its budget is within one part in 2^52 of the least (and of one segment). Outcome INFEASIBLE
        where no budget reaches the value; the message names the most that is reached.

    Raises
    ------
    ProblemError
        If the population is of another problem or the value is not a number.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> least_budget_for(curves, people, 40.0).budget
    15.0
    >>> least_budget_for(curves, people, 60.0).outcome.message
    'no budget is worth 60.0; all useful money is worth 50.0'
    """
    value = as_number(value, "the target value")
    if math.isnan(value):
        raise ProblemError("the target value is not a number")
    if limits is not None:
        require_one_problem(curves, population)
        return least_budget_within(curves, population, value, limits)
    ladder = _Ladder(curves, population)
    most = ladder.totals(ladder.size)[1]
    if value > most:
        message = f"no budget is worth {value!r}; all useful money is worth {exact.round_down(most)!r}"
        return _without_answer(curves, population, message)
    if value <= ladder.start_value:
        return allocate(curves, population, exact.round_up(ladder.start_budget))
    place = ladder.last(lambda _, worth: worth < value)
    (budget, worth), (next_budget, next_worth) = ladder.totals(place), ladder.totals(place + 1)
    step = next_budget - budget
    money = exact.round_up(budget + (Fraction(value) - worth) / (next_worth - worth) * step)
    answer = allocate(curves, population, money)
    # The chance of the randomised unit is rounded down: a crumb more makes up for it.
    crumb = max(math.ulp(money), float(step) * 2.0**-52)
    while answer.value < value:
        answer = allocate(curves, population, money := money + crumb)
        crumb *= 2.0
    return answer


def largest_spend_at_roi(curves: CurveSet, population: Population, roi: float) -> Allocation:
    """The allocation of the largest budget whose return on investment is at least `roi`.

    The return is (V(b) - V(b_min)) / (b - b_min) with b_min the least feasible total, and b counts money
    that is spent. Where even the first segment returns less, the answer is b_min, whose return is undefined,
    and the outcome's message says that no spend returns so much.

    Raises
    ------
    ProblemError
        If the population is of another problem.
    UsageError
        If `roi` is not a finite number >= 0.

    Examples
    --------
    Ten units of money return 3 each; the next ten return 2 each:

    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> largest_spend_at_roi(curves, people, 2.625).budget
    16.0
    """
    rate = _rate(roi)
    ladder = _Ladder(curves, population)
    spare = ladder.start_value - rate * ladder.start_budget
    place = ladder.last(lambda budget, value: value - rate * budget >= spare)
    budget, value = ladder.totals(place)
    if place < ladder.size:
        next_budget, next_value = ladder.totals(place + 1)
        ahead = value - rate * budget - spare
        lost = rate * (next_budget - budget) - (next_value - value)
        budget += ahead / lost * (next_budget - budget)
    answer = allocate(curves, population, max(exact.round_down(budget), exact.round_up(ladder.start_budget)))
    return _said_if_too_much(answer, ladder, rate)


def largest_spend_at_marginal_roi(curves: CurveSet, population: Population, roi: float) -> Allocation:
    """The allocation of the largest budget whose last unit of money still returns at least `roi`.

    Where the first unit of money above the least feasible total returns less, the answer is that total, and
    the outcome's message says that no spend returns so much.

    Raises
    ------
    ProblemError
        If the population is of another problem.
    UsageError
        If `roi` is not a finite number >= 0.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> largest_spend_at_marginal_roi(curves, people, 2.5).budget
    10.0
    """
    rate = _rate(roi)
    ladder = _Ladder(curves, population)
    place = int(np.searchsorted(-ladder.order.price, -float(rate), side="right"))
    answer = allocate(curves, population, exact.round_up(ladder.totals(place)[0]))
    return _said_if_too_much(answer, ladder, rate)


def stable_range(allocation: Allocation) -> PriceRange:
    """The budgets at which the allocation's price of money, and so its policies, stay optimal.

    A policy is a price's: between the ends only the number of units at the upper of the two useful
    budgets of that price changes, in the marginal state and in those tied with it.

    Raises
    ------
    NoAnswerError
        If there is no allocation.
    UsageError
        If it is by equal shares, or of whole units under limits, which no price explains; under overlapping
        groups; or under a least share, which moves with the budget.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> stable_range(allocate(curves, people, 15.0))
    PriceRange(low=10.0, high=20.0, price=2.0)
    """
    if allocation.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation: {allocation.outcome.message}")
    if allocation.method == "uniform":
        raise UsageError("equal shares are not optimal at any price; allocate by 'greedy' or 'price'")
    if allocation.limits is not None:
        return _under_limits(allocation)
    ladder = _Ladder(allocation.curves, allocation.population)
    first, last = (
        int(np.searchsorted(-ladder.order.price, -allocation.price, side=side)) for side in ("left", "right")
    )
    low = exact.round_up(ladder.totals(first)[0])
    high = exact.round_down(ladder.totals(last)[0]) if allocation.price > 0 else math.inf
    return PriceRange(low, high, allocation.price)


def _under_limits(allocation: Allocation) -> PriceRange:
    """The same under nested limits, for the price of money of all units together."""
    if allocation.method == "ip":
        raise UsageError("whole units under limits follow no price; allocate by 'greedy' or 'price'")
    if allocation.limits is not None and allocation.limits.least_share:
        raise UsageError("a least share grows with the budget, so no price holds over a range of budgets")
    units = allocation.limited()
    if units.overlap is not None:
        raise UsageError("where groups overlap nothing says over which budgets a price holds")
    low, high = budgets_of_price(allocation.curves.curves, units, allocation.price)
    top = math.inf if high is None else exact.round_down(high)
    return PriceRange(exact.round_up(low), top, allocation.price)


def _rate(roi: float) -> Fraction:
    rate = as_number(roi, "the return")
    if not 0 <= rate < math.inf:
        raise UsageError(f"the return is {roi}; it must be a finite number >= 0")
    return Fraction(rate)


def _said_if_too_much(answer: Allocation, ladder: _Ladder, rate: Fraction) -> Allocation:
    """The same answer; where no spend returns the rate, its message says so and what the first money does."""
    first = float(ladder.order.price[0]) if ladder.size else 0.0
    if answer.outcome.solution is Solution.NONE or rate <= first:
        return answer
    why = (
        f"no spend returns {float(rate):.10g} per unit of money: "
        + (
            f"the first money returns {first:.10g}"
            if ladder.size
            else "no money beyond the least is worth anything"
        )
        + f"; the answer is the least feasible budget, {answer.budget:.10g}"
    )
    message = "; ".join(filter(None, (answer.outcome.message, why)))
    return replace(answer, outcome=replace(answer.outcome, message=message))


def _without_answer(curves: CurveSet, population: Population, message: str) -> Allocation:
    whole, real = np.empty(0, dtype=np.int64), np.empty(0)
    return Allocation(
        curves, population, math.nan, whole, whole, real, real, real, np.empty(0, dtype=np.int32),
        outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, message),
    )  # fmt: skip
