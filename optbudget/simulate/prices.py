"""From an allocation to what its units do: which prices they draw, and the actions of a price.

A useful budget of a state is what the policy of any price between the slopes of its two segments spends. All
rows of a greedy allocation are served by two prices, just above and just below the price of the split; rows
of equal shares by as few as pierce all their intervals. A budget that no price spends (where curves end at
the cap of one unit) is drawn between two prices that spend less and more.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import evaluate, policy_at
from optbudget.errors import UsageError
from optbudget.planning.spenders import why_unspent
from optbudget.problems import Allocation, CurveSet, PricePolicy
from optbudget.simulate.levels import pair_table
from optbudget.workers import Monitor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Interval = tuple[float, float]

SAME = 1e-9
"""Relative difference of budgets, or of prices, that may be rounding."""


@dataclass(frozen=True, eq=False)
class PricedUnits:
    """Units of an allocation by the price that they draw at the start.

    Attributes
    ----------
    price : (L,) decreasing
    wanted : (L, T, n) int32; the pair that a price takes in each stage and state, -1 in terminal states
    state, count : (r,) the rows of the allocation
    low, high : (r,) the labels that the units of a row draw between
    share : (r,) chance of `high`, each unit by itself
    probability : (r,) of the row; below 1 only in the two rows of a lottery, whose `count` units each draw
    """

    price: Floats
    wanted: NDArray[np.int32]
    state: Integers
    count: Integers
    low: Integers
    high: Integers
    share: Floats
    probability: Floats


def priced_units(answer: Allocation, *, monitor: Monitor | None = None) -> PricedUnits:
    """The prices by which the units of an allocation act, and what is done at each.

    Raises
    ------
    UsageError
        If a budget of the allocation is not one that policies by price spend (`why_unspent`).
    """
    problem, known = answer.curves.problem, answer.curves.prices
    active = np.flatnonzero(~problem.is_terminal[answer.state] & (answer.count > 0))
    rows = [(int(answer.state[r]), float(answer.unit_budget[r])) for r in active]
    price = piercing([one for i, budget in rows for one in _intervals(answer, i, budget)], known)
    policy = policy_at(problem, price, monitor=monitor)
    spend = np.array([evaluate(problem, policy, price=float(p)).spend for p in price])
    drawn = [_drawn(spend[:, i], budget, answer.curves, i) for i, budget in rows]
    low, high, share = np.array(drawn).reshape(-1, 3).T
    used, labels = np.unique(np.stack((low, high)).astype(np.int64), return_inverse=True)
    low_label, high_label = labels.reshape(2, -1)
    return PricedUnits(
        price[used], _wanted(policy, price[used]), answer.state[active], answer.count[active], low_label,
        high_label, share, answer.probability[active],
    )  # fmt: skip


def _intervals(answer: Allocation, state: int, budget: float) -> list[Interval]:
    """Prices that spend a useful budget; where a curve ends at a cap, also those of the one before."""
    curve, known = answer.curves.curves[state], answer.curves.prices
    level = int(np.argmin(np.abs(curve.budgets - budget)))
    slope = [math.inf, *curve.prices.tolist(), 0.0]
    if answer.curves.problem.budget_cap is None or level == 0 or level < len(curve):
        return [(slope[level + 1], slope[level])]
    nearest = float(known[known < slope[level] * (1 - SAME)].max(initial=0.0))
    return [(math.nextafter(nearest, -1.0), slope[level]), (slope[level], slope[level - 1])]


def _drawn(spend: Floats, budget: float, curves: CurveSet, state: int) -> tuple[int, int, float]:
    """Labels that spend at most and at least the budget in expectation, and the chance of the second.

    What a price spends and is worth lies on the curve, so a price that spends the budget is the right one.
    """
    nearest = int(np.argmin(np.abs(spend - budget)))
    if abs(spend[nearest] - budget) <= SAME * max(1.0, abs(budget)):
        return nearest, nearest, 0.0
    below, above = np.flatnonzero(spend < budget), np.flatnonzero(spend > budget)
    if below.size == 0 or above.size == 0:
        raise UsageError(
            f"no policies by price spend {budget:.6g} in {curves.problem.labels[state]!r}: "
            + why_unspent(curves)
        )
    low, high = int(below[np.argmax(spend[below])]), int(above[np.argmin(spend[above])])
    return low, high, float((budget - spend[low]) / (spend[high] - spend[low]))


def piercing(intervals: list[Interval], known: Floats) -> Floats:
    """Few prices, decreasing, so that each open interval holds one; known prices where there are any.

    An interval that ends at 0 or at infinity includes that end. Where no known price is inside, one in the
    middle is taken, those at the lower end, whose ties go to the least spend, and the nearest on both sides:
    one of them will do, or a draw between two where a breakpoint is only one by rounding, inside an edge.

    Examples
    --------
    >>> piercing([(1.0, 3.0), (2.0, 5.0), (0.0, 0.5)], np.array([2.5, 0.0]))
    array([2.5, 0. ])
    """
    chosen: list[float] = []
    for low, high in sorted(set(intervals), key=lambda interval: interval[1]):
        if any(_holds(low, high, price) for price in chosen):
            continue
        inside = [price for price in known.tolist() if _holds(low, high, price)]
        chosen += [max(inside)] if inside else [_between(low, high), *_about(low, high, known)]
    return np.array(sorted(set(chosen), reverse=True))


def _holds(low: float, high: float, price: float) -> bool:
    """Whether a price lies in an interval, and not so near its ends that its policies may tie."""
    if price <= 0.0 or math.isinf(price):
        return low <= 0.0 if price <= 0.0 else math.isinf(high)
    return low * (1 + SAME) < price < high * (1 - SAME)


def _about(low: float, high: float, known: Floats) -> list[float]:
    """Known prices at the lower end of an interval, and the nearest that are clearly beyond its ends."""
    at_end = known[np.abs(known - low) <= SAME * low]
    return [*at_end, *known[known < low * (1 - SAME)][:1], *known[known > high * (1 + SAME)][-1:]]


def _between(low: float, high: float) -> float:
    if low <= 0.0 or math.isinf(high):
        return 0.0 if low <= 0.0 else math.inf
    return math.sqrt(low) * math.sqrt(high)


def _wanted(policy: PricePolicy, price: Floats) -> NDArray[np.int32]:
    """(L, T, n): the pair of each price, stage and state."""
    problem = policy.problem
    wanted = np.full((price.size, problem.horizon or 0, problem.n_states), -1, dtype=np.int32)
    table = pair_table(problem)
    for label, at in enumerate(price):
        rows = np.flatnonzero(
            (policy.price_low <= at) & ((at < policy.price_high) | np.isinf(policy.price_high))
        )
        rows = rows[::-1]
        wanted[label, policy.stage[rows], policy.state[rows]] = table[policy.state[rows], policy.action[rows]]
    return wanted
