"""A population as one curve: the best total value at every budget, and where more money stops paying.

The curve of a population is the merge of its states' segments by falling price, each scaled by the
state's count (Boutilier & Lu 2016, section 5.3 and figure 6); that of an initial distribution is the same
with probabilities for counts. Any budget is read off without solving anything again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation import exact, greedy
from optbudget.allocation.allocate import above_the_cap, require_one_problem
from optbudget.allocation.bound import Ceiling
from optbudget.allocation.ending import Holding, where_money_ends
from optbudget.allocation.limit_conflict import Feasibility
from optbudget.allocation.limit_range import split_at_each
from optbudget.allocation.split import Split, checked_budget, fill, infeasible, split
from optbudget.curves import Curve, Curves, weighted_sum
from optbudget.errors import UsageError
from optbudget.problems import Allocation, CurveSet, Limits, Population
from optbudget.status import Solution

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

LARGEST_RANGE = 1_000_000
"""Most budgets that a text LO:HI:N may ask for."""
SORTED = 1_000_000
"""Up to so many segments are sorted once for all budgets; more are searched for each by price."""


@dataclass(frozen=True, eq=False, repr=False)
class SweetSpot:
    """Total value over a range of budgets; every array is (N,), and NaN below the least feasible budget.

    Attributes
    ----------
    budget : money for the whole population, in the order given
    value : best total value, rounded down
    price : value of one more unit of money, >= 0; 0 if money is left
    bound : no policy that keeps the budget in expectation is worth more; NaN without a certificate
    spent, unspent : money; spent + unspent = budget
    least_budget : the least feasible budget of the whole population, rounded up
    """

    budget: Floats
    value: Floats
    price: Floats
    bound: Floats
    spent: Floats
    unspent: Floats
    least_budget: float = math.nan

    def __len__(self) -> int:
        return int(self.budget.size)

    @property
    def gap(self) -> Floats:
        """(bound - value) / (1 + |value|), (N,)."""
        return (self.bound - self.value) / (1.0 + np.abs(self.value))

    def to_arrow(self) -> "pa.Table":
        """One row per budget: budget, value, price, bound, gap, spent, unspent."""
        import pyarrow as pa

        names = ("budget", "value", "price", "bound", "gap", "spent", "unspent")
        return pa.table({name: getattr(self, name) for name in names})

    def __repr__(self) -> str:
        if len(self) == 0:
            return "SweetSpot(no budgets)"
        return (
            f"SweetSpot({len(self)} budgets from {self.budget.min():.6g} to {self.budget.max():.6g}, "
            f"value up to {np.nanmax(self.value, initial=-np.inf):.6g})"
        )


def population_curve(curves: CurveSet, population: Population) -> Curve:
    """Best total value of a population as a function of its budget: exact up to rounding of the sums.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> population_curve(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}))
    Curve(2 segments, budget 0 to 20, value 0 to 50)
    """
    return weighted_sum(curves.curves, population.count)


def initial_curve(curves: CurveSet) -> Curve:
    """Value of one unit drawn from the problem's initial distribution, as a function of its mean budget.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> initial_curve(two_state_curves())
    Curve(1 segment, budget 0 to 1, value 0 to 3)
    """
    return weighted_sum(curves.curves, curves.problem.initial)


def budget_range(text: str) -> Floats:
    """The N budgets LO, ..., HI of "LO:HI:N", evenly spaced with both ends.

    Raises
    ------
    UsageError
        If the text is not two numbers 0 <= LO <= HI and a whole number N >= 1 (2 where LO < HI), or N is
        above a million.

    Examples
    --------
    >>> budget_range("0:10:3")
    array([ 0.,  5., 10.])
    """
    try:
        low_text, high_text, number_text = text.split(":")
        low, high, number = float(low_text), float(high_text), int(number_text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a range LO:HI:N of two numbers and a whole number, such as 0:1000:21"
        ) from None
    if not (0 <= low <= high < math.inf) or number < (1 if low == high else 2):
        raise UsageError(f"the range {text!r} needs 0 <= LO <= HI, HI finite, and N >= 2")
    if number > LARGEST_RANGE:
        raise UsageError(f"{text!r} has more than {LARGEST_RANGE:,} budgets; ask for fewer")
    return np.linspace(low, high, number)


def sweet_spot(
    curves: CurveSet, population: Population, budgets: ArrayLike | str, *, limits: Limits | None = None
) -> SweetSpot:
    """Total value, price, bound and spend at each of many budgets, from curves solved once.

    Parameters
    ----------
    curves : value curves of every state of a unit
    population : units per state of the same problem
    budgets : (N,) money >= 0 for the whole population, or "LO:HI:N"
    limits : nested limits that are kept at each of them; each is then split by itself

    Raises
    ------
    ProblemError
        If the population is of another problem or a budget is not a number >= 0.
    UsageError
        If a text is not a range, or groups of limits overlap.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> points = sweet_spot(curves, people, "0:30:4")
    >>> points.value, points.price, points.unspent
    (array([ 0., 30., 50., 50.]), array([3., 2., 0., 0.]), array([ 0.,  0.,  0., 10.]))

    Notes
    -----
    Equal to `allocate` at each budget, number by number.
    """
    require_one_problem(curves, population)
    given = budget_range(budgets) if isinstance(budgets, str) else np.asarray(budgets, dtype=object)
    money = [checked_budget(b) for b in given.ravel().tolist()]
    if limits is not None:
        each = split_at_each(curves, population, money, limits)
        needed = Feasibility(curves, population, limits, 0.0).least_budget()
        return points_of(each, math.nan if needed is None else exact.round_up(needed))
    dear = above_the_cap(curves, population)
    least = exact.dot(population.count, curves.curves.start_budget)
    if dear is not None:
        answers = [infeasible(least, dear)] * len(money)
    else:
        answers = splits(curves.curves, population.count, money)
    failed = np.array([answer.outcome.solution is Solution.NONE for answer in answers], dtype=np.bool_)
    price = np.array([answer.price for answer in answers])
    bound = np.full(len(money), np.nan)
    if curves.outcome.solution is Solution.CERTIFIED and not failed.all():
        ceiling = Ceiling(curves, population.count, near=price[~failed])
        bound[~failed] = [ceiling.at(b) for b, bad in zip(money, failed, strict=True) if not bad]
    nothing = np.where(failed, np.nan, 0.0)
    rest = [Fraction(b) - a.spent if math.isfinite(b) else b for b, a in zip(money, answers, strict=True)]
    return SweetSpot(
        budget=np.array(money),
        value=nothing + [exact.round_down(answer.value) for answer in answers],
        price=price,
        bound=bound,
        spent=nothing + [float(answer.spent) for answer in answers],
        unspent=nothing + [float(left) for left in rest],
        least_budget=exact.round_up(least),
    )


def points_of(answers: Sequence[Allocation], least_budget: float) -> SweetSpot:
    """The numbers of allocations at several budgets."""
    names = ("budget", "value", "price", "bound", "spent", "unspent")
    columns = {
        name: np.array([getattr(answer, name) for answer in answers], dtype=np.float64) for name in names
    }
    return SweetSpot(**columns, least_budget=least_budget)


def splits(curves: Curves, count: NDArray[np.int64], budgets: list[float]) -> list[Split]:
    """`split` at each budget; the segments are sorted once."""
    least = exact.dot(count, curves.start_budget)
    if curves.length.size > SORTED:
        return [split(curves, count, money, method="price") for money in budgets]
    order = greedy.order_of_purchase(curves, count)
    answers = []
    for money in budgets:
        if least > money:
            answers.append(split(curves, count, money))
            continue
        exactly = Fraction(money) if math.isfinite(money) else None
        left = float(exactly - least) if exactly is not None else math.inf
        holding = Holding.nothing(len(curves))
        bought = where_money_ends(curves, count, exactly, holding, order, left)
        answers.append(fill(count, money, bought, least))
    return answers
