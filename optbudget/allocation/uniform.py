"""Equal shares: every unit gets B / M, whatever its state (UBA, Boutilier & Lu 2016, section 5.3).

A unit with share b is worth v_s(b), which is reached by mixing the two useful budgets around b. Over the
:math:`C_s` units of a state the mixture is dealt out rather than drawn: with
:math:`\\beta \\le b < \\beta'` and :math:`x = C_s (b - \\beta) / (\\beta' - \\beta)`, floor(x) units are at
:math:`\\beta'`, at most one unit per state is randomised with the fraction of x, and the others are at
:math:`\\beta`. Here each state's share is a limit of its own, hence one randomised unit for each.
What a state cannot use is not given to another.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation import exact
from optbudget.allocation.dealing import Point, Row, deal, totals
from optbudget.allocation.split import Split, checked_budget, checked_count, infeasible
from optbudget.curves import Curve, Curves
from optbudget.status import Outcome, Solution, Termination

Integers = NDArray[np.int64]


def equal_shares(
    curves: Curves, count: ArrayLike, budget: float, *, labels: Sequence[str] | None = None
) -> Split:
    """Give every unit the same share of `budget`.

    Parameters
    ----------
    curves : n concave curves
    count : (n,) whole numbers >= 0, at most 2^62 in total
    budget : money, >= 0
    labels : n names for messages

    Returns
    -------
    Split
        Its price is the value of one more unit of money under equal shares: the mean slope over all
        units. INFEASIBLE where a share does not cover the least feasible budget of a unit; `least` is then
        and always the least total under equal shares.

    Examples
    --------
    >>> from optbudget.curves import Curve
    >>> curves = Curves.from_curves([Curve(0, 0, [1.0], [3.0]), Curve(0, 0, [2.0], [4.0])])
    >>> answer = equal_shares(curves, [2, 2], 5.0)
    >>> answer
    Split(4 units, value 11, spent 4.5, price 1, 1 randomised)
    """
    units = checked_count(curves, count)
    money = checked_budget(budget)
    occupied = np.flatnonzero(units)
    total = int(units.sum())
    dearest = float(curves.start_budget[occupied].max(initial=0.0))
    least = total * Fraction(dearest)
    if least > money:
        return infeasible(least, _too_little(curves, units, money, least, labels))
    share = Fraction(money) / max(total, 1) if math.isfinite(money) else None
    state, rows, slope = list[int](), list[Row](), 0.0
    spent, value = Fraction(0), Fraction(0)
    for s in occupied.tolist():
        dealt = _dealt(curves[s], int(units[s]), share)
        money_there, value_there = totals(dealt)
        spent, value = spent + money_there, value + value_there
        state += [s] * len(dealt)
        rows += dealt
        if share is not None:
            slope += float(units[s]) / total * float(curves[s].price(exact.round_down(share)))
    return Split(
        np.array(state, dtype=np.int64),
        np.array([row.units for row in rows], dtype=np.int64),
        np.array([row.level for row in rows], dtype=np.int64),
        np.array([row.budget for row in rows], dtype=np.float64),
        np.array([row.value for row in rows], dtype=np.float64),
        np.array([row.probability for row in rows], dtype=np.float64),
        slope, spent, value, least,
        Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "equal shares are a rule, not an optimum"),
    )  # fmt: skip


def _dealt(curve: Curve, units: int, share: Fraction | None) -> list[Row]:
    """Rows of one state whose units have `share` each; None is unlimited."""
    budgets, values = curve.budgets, curve.values
    level = len(curve)
    if share is not None:
        level = int(np.searchsorted(budgets, exact.round_down(share), side="right")) - 1
    low = Point(level, float(budgets[level]), float(values[level]))
    if share is None or level == len(curve):
        return [Row(units, *low, 1.0)]
    high = Point(level + 1, float(budgets[level + 1]), float(values[level + 1]))
    return deal(units, low, high, units * (share - Fraction(low.budget)))


def _too_little(
    curves: Curves, count: Integers, money: float, least: Fraction, labels: Sequence[str] | None
) -> str:
    total = int(count.sum())
    short = np.flatnonzero((count > 0) & (curves.start_budget * float(total) > money))
    names = [str(labels[s]) if labels is not None else f"state {s}" for s in short[:5]]
    more = f" and {short.size - 5:,} more states" if short.size > 5 else ""
    return (
        f"an equal share of {money!r} is below the least budget of a unit in {', '.join(names)}{more}; equal "
        f"shares need {exact.round_up(least)!r}"
    )
