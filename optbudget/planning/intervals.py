"""Curves that hold for every model within intervals: one guaranteed, one that none exceeds.

With :math:`\\lambda_k = \\lambda (\\gamma_c/\\gamma)^k` the two backward passes of a price are

.. math:: \\overline w_k = \\max_a r_a - \\lambda_k c_a + \\gamma \\max_p p \\cdot \\overline w_{k+1}, \\quad
          \\underline w_k = \\max_a r_a - \\lambda_k c_a + \\gamma \\min_p p \\cdot \\underline w_{k+1}

(Nilim & El Ghaoui 2005; Iyengar 2005). The first is above every model's line, for it also chooses the
model. The policy of the second is fixed, and two more passes, one for its value and one for its spend,
find the worst over all models of each:

.. math:: v_k = r + \\gamma \\min_p p \\cdot v_{k+1}, \\qquad b_k = c + \\gamma_c \\max_p p \\cdot b_{k+1}.

So whoever acts by it spends at most b and wins at least v, whatever the model is; mixing two policies at
the start mixes both. The two worst cases need not be of one model, so the guarantee is safe and not
tight; with intervals of width 0 both curves meet at the points of every price.

An inner problem is solved by filling up from the lows in order of x. All numbers are moved outward by a
running bound of their rounding.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import solve
from optbudget.curves import Curve, Curves, concave_envelope
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, TransitionIntervals
from optbudget.problems.curve_bracket import CurveBracket
from optbudget.workers import Monitor

Floats = NDArray[np.float64]
ROUNDOFF = 2.0**-53
TIE = 2.0**-40


@dataclass(frozen=True, eq=False)
class _Rows:
    """Intervals of all pairs as rectangles: next state, low and width, (m, d), padded with zeros."""

    following: NDArray[np.int64]
    low: Floats
    width: Floats

    @classmethod
    def of(cls, intervals: TransitionIntervals) -> "_Rows":
        size = np.diff(intervals.ptr)
        shape = (size.size, int(size.max(initial=0)))
        place = np.arange(shape[1]) < size[:, None]
        following, low, width = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
        following[place], low[place] = intervals.next_state, intervals.low
        width[place] = intervals.high - intervals.low
        return cls(following, low, width)

    def extreme(self, x: Floats, *, most: bool) -> Floats:
        """Largest or least expectation of x (n, K) over each pair's distributions, (m, K)."""
        found = np.empty((self.low.shape[0], x.shape[1]))
        step = max(1, (1 << 22) // max(1, self.low.shape[1] * x.shape[1]))
        for begin in range(0, found.shape[0], step):
            rows = slice(begin, begin + step)
            there = x[self.following[rows]]
            order = np.argsort(-there if most else there, axis=1, kind="stable")
            width = np.broadcast_to(self.width[rows][:, :, None], there.shape)
            room = np.take_along_axis(width, order, axis=1)
            rest = np.maximum(1.0 - self.low[rows].sum(axis=1), 0.0)[:, None, None]
            filled = np.clip(rest - (np.cumsum(room, axis=1) - room), 0.0, room)
            found[rows] = np.einsum("rd,rdk->rk", self.low[rows], there)
            found[rows] += (filled * np.take_along_axis(there, order, axis=1)).sum(axis=1)
        return found


class _Now(NamedTuple):
    """What a backward pass carries, (n, K+1) each: both lines, and worst value and spend of the policy."""

    top: Floats
    low: Floats
    value: Floats
    spend: Floats


def interval_curves(
    intervals: TransitionIntervals, *, prices: int = 60, monitor: Monitor | None = None
) -> CurveBracket:
    """For every state a guaranteed curve and one that cannot be exceeded, over all models in the intervals.

    Parameters
    ----------
    intervals : of a problem with a finite horizon and no cap of one unit
    prices : at how many prices at most the curves are made; taken from those of the problem's own curves

    Raises
    ------
    UsageError
        If the problem has no finite horizon or caps the budget of one unit, or `prices` is below 2.

    Examples
    --------
    >>> from optbudget.planning.examples import subscriber_counts
    >>> problem = subscriber_counts().problem
    >>> bracket = interval_curves(TransitionIntervals.around(problem, 0.1))
    >>> low, high = bracket.value("trial", 1.0)
    >>> round(low, 2), round(high, 2)
    (2.85, 4.47)

    Notes
    -----
    Four inner problems per price, stage and pair, each O(d log d) for d next states.
    """
    problem = intervals.problem
    if problem.horizon is None or problem.budget_cap is not None:
        raise UsageError("intervals need a finite horizon, and no budget_cap of one unit")
    if prices < 2:
        raise UsageError(f"prices is {prices}; it must be at least 2")
    monitor = monitor or Monitor()
    price = _prices(problem, prices)
    monitor.require_memory(
        8.0 * (price.size + 1) * problem.n_states * (problem.horizon + 12), "the policies of all prices"
    )
    rows, count = _Rows.of(intervals), price.size + 1
    shape = (problem.n_states, count)
    ends = np.broadcast_to(problem.terminal_utility[:, None], shape).copy()
    now = _Now(ends, ends.copy(), ends.copy(), np.zeros(shape))
    pair = np.empty((count, problem.horizon, problem.n_states), dtype=np.int64)
    lost, lost_spend = np.zeros(count), 0.0
    unit = (rows.low.shape[1] + 12) * 4 * ROUNDOFF
    for stage in reversed(range(problem.horizon)):
        drift = (problem.cost_discount / problem.discount) ** stage
        paid = np.append(price, 0.0) * drift
        sizes = [float(np.abs(x).max(initial=0.0)) for x in (problem.pair_reward, problem.cost)]
        largest = np.maximum(np.abs(now.top).max(axis=0), np.abs(now.low).max(axis=0))
        largest = np.maximum(largest, np.abs(now.value).max(axis=0))
        lost = problem.discount * lost + unit * (sizes[0] + paid * sizes[1] + largest)
        lost_spend = problem.cost_discount * lost_spend + unit * (sizes[1] + float(now.spend.max()))
        now, pair[:, stage] = _stage(problem, rows, now, paid)
        monitor.progress((problem.horizon - stage) / problem.horizon, f"stage {stage}")
    top, value, spend = now.top[:, :-1] + lost[:-1], now.value - lost, now.spend + lost_spend
    spend[now.spend == 0] = 0.0
    value[problem.is_terminal] = problem.terminal_utility[problem.is_terminal, None]
    lower = Curves.from_curves(concave_envelope(b, v) for b, v in zip(spend, value, strict=True))
    upper = Curves.from_curves(_under_lines(price, line, float(lost.max())) for line in top)
    return CurveBracket(intervals, lower, upper, price, pair, spend, value, top)


def _prices(problem: BudgetedMDP, most: int) -> Floats:
    """Finite prices of the problem's own curves, spread over their order, with 0 the last."""
    known = solve(problem, tolerance=1e-3).prices
    known = np.unique(np.append(known[np.isfinite(known)], 0.0))[::-1]
    if known.size == 1:
        known = np.array([1.0, 0.0])
    chosen = np.unique(np.linspace(0, known.size - 1, min(most, known.size)).round().astype(np.int64))
    return np.ascontiguousarray(known[chosen])


def _stage(problem: BudgetedMDP, rows: _Rows, after: _Now, paid: Floats) -> tuple[_Now, NDArray[np.int64]]:
    """One stage of all passes; the last column is the policy of least guaranteed spend."""
    reward, cost = problem.pair_reward[:, None], problem.cost[:, None]
    net = reward - paid * cost
    top = net + problem.discount * rows.extreme(after.top, most=True)
    low = net + problem.discount * rows.extreme(after.low, most=False)
    value = reward + problem.discount * rows.extreme(after.value, most=False)
    spend = cost + problem.cost_discount * rows.extreme(after.spend, most=True)
    chosen = np.full((problem.n_states, paid.size), -1, dtype=np.int64)
    found = _Now(*(x.copy() for x in after))
    for i in np.flatnonzero(~problem.is_terminal).tolist():
        span = slice(int(problem.pair_ptr[i]), int(problem.pair_ptr[i + 1]))
        best = low[span].argmax(axis=0)
        least = spend[span, -1]
        near = least <= least.min() + TIE * abs(least.min())
        best[-1] = np.flatnonzero(near)[value[span, -1][near].argmax()]
        at = span.start + best, np.arange(paid.size)
        chosen[i] = at[0]
        found.top[i] = top[span].max(axis=0)
        found.low[i], found.value[i], found.spend[i] = low[at], value[at], spend[at]
    return found, chosen.T


def _under_lines(price: Floats, intercept: Floats, room: float) -> Curve:
    """The least of lines with decreasing prices as a curve from budget 0 on, moved up by `room`.

    Exact intercepts are convex in the price, so neighbouring lines meet where the curve bends; what the
    rounding of the lines changes of that is within the room.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        meet = np.diff(intercept) / -np.diff(price)
    budget = np.unique(np.append(0.0, meet[np.isfinite(meet) & (meet > 0)]))
    value = (intercept[:, None] + price[:, None] * budget).min(axis=0)
    return concave_envelope(budget, value + room + 8 * ROUNDOFF * np.abs(intercept).max())
