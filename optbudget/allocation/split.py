"""The split of one budget over many units, on arrays alone.

State :math:`s` holds :math:`C_s` equal units with the concave curve :math:`v_s`, useful budgets
:math:`\\beta_{s0} < \\beta_{s1} < \\dots` and prices :math:`\\lambda_{s1} > \\lambda_{s2} > \\dots > 0` of
the segments between them. Wanted is

.. math:: \\max \\sum_s \\sum_{i \\le C_s} v_s(b_{si})
          \\quad\\text{s.t.}\\quad \\sum_s \\sum_{i \\le C_s} b_{si} \\le B,

the linear relaxation of a multiple-choice knapsack. Because curves are concave, the optimum buys
segments in order of falling price until the money ends: all units of the states passed are at a
useful budget, and in one state m units are one level higher and one unit is randomised between the
two (Boutilier & Lu 2016, section 5.2, figure 5 and proposition 10; Sinha & Zoltners 1979).
Two corrections: figure 5 must start from :math:`b = B - \\sum_s C_s \\beta_{s0}`, and must end where no
segment with a positive price is left; money then remains, and the reason is reported.

**Order.** The price of a segment is the double nearest gain / length, and never above that of the
segment before it. Segments are bought by falling price, then by rising state, then by rising segment:
a total order, so equal input gives equal output and both methods give the same bits. Buying two
segments whose prices round to the same double in the wrong order costs at most 2^-52 of the price.

**Money** is counted at the useful budgets as stored, without rounding: the spend of the answer is at
most the budget in rational arithmetic. The probability of the randomised unit is rounded down to a
multiple of 2^-53, which leaves less than 2^-53 of one segment unspent.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation import exact
from optbudget.allocation.dealing import Point, Row, deal, totals
from optbudget.allocation.ending import Purchase
from optbudget.curves import Curves
from optbudget.errors import ProblemError, UsageError
from optbudget.problems.columns import as_number
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Who gets how much: rows by state; in a state the raised units, the others, then a randomised one.

    Attributes
    ----------
    state : (r,) int64; index of the curve
    count : (r,) int64; units, >= 1
    level : (r,) int64; which useful budget of the curve; 0 is the least feasible one
    unit_budget, unit_value : (r,) money and value per unit
    probability : (r,) in (0, 1]; below 1 only in the two rows of a randomised unit
    price : value of one more unit of money, >= 0; 0 if more money is worth nothing
    spent, value : exact totals; spent <= budget
    least : exact least feasible total, money
    outcome : OPTIMAL for the curves as given, which are not certified here, so FEASIBLE; or INFEASIBLE,
        with no rows and no numbers but `least`
    """

    state: Integers
    count: Integers
    level: Integers
    unit_budget: Floats
    unit_value: Floats
    probability: Floats
    price: float
    spent: Fraction
    value: Fraction
    least: Fraction
    outcome: Outcome

    @property
    def randomised(self) -> int:
        """How many units are randomised between two adjacent useful budgets."""
        return int((self.probability < 1).sum()) // 2

    def __repr__(self) -> str:
        if self.outcome.solution is Solution.NONE:
            return f"Split({self.outcome.termination.name}: {self.outcome.message})"
        units = int(self.count[self.probability == 1].sum()) + self.randomised
        return (
            f"Split({units:,} units, value {float(self.value):.6g}, spent {float(self.spent):.6g}, "
            f"price {self.price:.4g}, {self.randomised} randomised)"
        )


def split(
    curves: Curves,
    count: ArrayLike,
    budget: float,
    *,
    method: Literal["greedy", "price"] = "greedy",
    labels: Sequence[str] | None = None,
) -> Split:
    """Split `budget` over count[s] units with curve s each, for the most total value.

    Parameters
    ----------
    curves : n concave curves
    count : (n,) whole numbers >= 0, at most 2^62 in total
    budget : money, >= 0; infinity buys everything useful
    method : "greedy" sorts all segments by price, O(N log N) for N segments; "price" brackets the
        price where the money ends by samples and sorts only what is inside, O(N). Equal to the bit.
    labels : names of the states in messages; default "state 0", "state 1", ...

    Returns
    -------
    Split
        Where the budget does not cover the least feasible budgets, the outcome is INFEASIBLE and the
        message names the least total and a smallest set of units that it cannot serve.

    Raises
    ------
    ProblemError
        If the counts do not fit the curves or the budget is not a number >= 0.
    UsageError
        If the method is not known.

    Examples
    --------
    Two states with two units each; money buys 3 per unit in the first, then 2 in the second:

    >>> from optbudget.curves import Curve
    >>> curves = Curves.from_curves([Curve(0, 0, [1.0], [3.0]), Curve(0, 0, [2.0], [4.0])])
    >>> answer = split(curves, [2, 2], 5.0)
    >>> answer
    Split(4 units, value 12, spent 5, price 2, 1 randomised)
    >>> list(zip(answer.state.tolist(), answer.count.tolist(), answer.unit_budget.tolist(),
    ...          answer.probability.tolist()))
    [(0, 2, 1.0, 1.0), (1, 1, 2.0, 1.0), (1, 1, 0.0, 0.5), (1, 1, 2.0, 0.5)]
    """
    units = checked_count(curves, count)
    money = checked_budget(budget)
    least = exact.dot(units, curves.start_budget)
    if least > money:
        return infeasible(least, too_little(curves.start_budget, units, money, least, labels))
    bought = purchase(curves, units, money, least, method=method)
    return fill(units, money, bought, least)


def purchase(curves: Curves, count: Integers, money: float, least: Fraction, *, method: str) -> Purchase:
    """Where `money`, at least the `least` feasible total, ends, by the named method."""
    exactly = Fraction(money) if math.isfinite(money) else None
    if method == "greedy":
        from optbudget.allocation import greedy

        return greedy.purchase(curves, count, exactly, least)
    if method == "price":
        from optbudget.allocation import price

        return price.purchase(curves, count, exactly, least)
    raise UsageError(f"method is {method!r}; known are 'greedy' and 'price'")


def fill(count: Integers, money: float, bought: Purchase, least: Fraction) -> Split:
    """The rows: whole states, then the units of the marginal state that the rest of the money raises."""
    served = np.flatnonzero(count)
    spent, gained = bought.spent, exact.dot(count, bought.value)
    at, taken, rows = 0, 0, list[Row]()
    if bought.state >= 0:
        j = bought.state
        at, taken = int(np.searchsorted(served, j)), 1
        low = Point(int(bought.level[j]), float(bought.budget[j]), float(bought.value[j]))
        high = Point(low.level + 1, bought.next_budget, bought.next_value)
        rows = deal(int(count[j]), low, high, Fraction(money) - spent)
        dealt, won = totals(rows)
        spent += dealt - int(count[j]) * Fraction(low.budget)
        gained += won - int(count[j]) * Fraction(low.value)
    here = slice(None) if served.size == count.size else served
    place = slice(at, at + taken)
    return Split(
        _replaced(served, place, [bought.state] * len(rows)),
        _replaced(count[here], place, [row.units for row in rows]),
        _replaced(bought.level[here], place, [row.level for row in rows]),
        _replaced(bought.budget[here], place, [row.budget for row in rows]),
        _replaced(bought.value[here], place, [row.value for row in rows]),
        _replaced(np.broadcast_to(1.0, served.shape), place, [row.probability for row in rows]),
        bought.price, spent, gained, least, Outcome(Termination.OPTIMAL, Solution.FEASIBLE),
    )  # fmt: skip


def _replaced(column: NDArray[Any], place: slice, by: list[int] | list[float]) -> NDArray[Any]:
    """A copy of the column with the entries of the marginal state replaced by those of its rows."""
    return np.concatenate((column[: place.start], np.array(by, dtype=column.dtype), column[place.stop :]))


def infeasible(least: Fraction, message: str) -> Split:
    """No rows and no numbers: the money does not cover what must be spent."""
    whole, real = np.empty(0, dtype=np.int64), np.empty(0)
    outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, message)
    nothing = Fraction(0)
    return Split(whole, whole, whole, real, real, real, math.nan, nothing, nothing, least, outcome)


def too_little(
    start_budget: Floats,
    count: Integers,
    money: float,
    least: Fraction,
    labels: Sequence[str] | None = None,
) -> str:
    """The least feasible total, and a smallest set of units whose least budgets exceed the money.

    Units are named by falling least budget, so no proper part of the set exceeds the money.
    """
    named, total = [], Fraction(0)
    for s in np.lexsort((np.arange(start_budget.size), -start_budget)):
        if total > money or start_budget[s] <= 0:
            break
        if count[s] == 0:
            continue
        each = Fraction(float(start_budget[s]))
        units = min(int(count[s]), math.floor((Fraction(money) - total) / each) + 1)
        total += units * each
        name = labels[s] if labels is not None else f"state {s}"
        named.append(f"{units:,} in {name} (at least {float(start_budget[s])!r} each)")
    shown = ", ".join(named[:5]) + (f" and {len(named) - 5:,} more states" if len(named) > 5 else "")
    return (
        f"the budget {money!r} is below {exact.round_up(least)!r}, the least that all units together can be "
        f"given; already these units need more: {shown}"
    )


def checked_count(curves: Curves, count: ArrayLike) -> Integers:
    """The counts as int64, (n,)."""
    given = np.asarray(count)
    if given.shape != (len(curves),):
        raise ProblemError(f"count must have shape ({len(curves)},); got {given.shape}")
    with np.errstate(invalid="ignore"):
        whole = given.astype(np.int64, copy=False)
    wrong = whole < 0 if whole is given else (whole != given) | (whole < 0)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise ProblemError(f"count[{i}] is {given[i]}; it must be a whole number >= 0")
    if float(np.sum(whole, dtype=np.float64)) > 2**62:
        raise ProblemError("the counts sum to more than 2^62 units")
    return whole


def checked_budget(budget: float) -> float:
    """The budget as a double, rounded down where it is not one."""
    money = as_number(budget, "the budget")
    if not money >= 0:
        raise ProblemError(f"the budget is {budget}; it must be a number >= 0")
    return math.nextafter(money, 0.0) if money > budget else money
