"""Checks of curves that hold for every model within intervals.

The inner problems are bounded by their duals, which need no order: for every :math:`\\nu`

.. math:: \\max_{\\ell \\le p \\le h,\\, \\sum p = 1} p \\cdot x
          \\le \\nu + \\sum_j h_j (x_j - \\nu)^+ - \\ell_j (\\nu - x_j)^+ ,

with equality at one of the :math:`x_j`. So each stage's numbers are on the safe side whatever is rounded
in the choice of :math:`\\nu`; what their own sums may be off by is added stage by stage. Checked is that

* every line is above the largest value of reward - price * cost over all policies and models;
* every policy spends at most its `point_spend`, and is worth at least its `point_value`, in every model;
* the lower curves go through such points, and the upper ones are nowhere below the least of the lines.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.problems import Check, CurveBracket
from optbudget.problems.transition_intervals import TransitionIntervals

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def interval_checks(answer: CurveBracket) -> Iterator[Check]:
    """All statements of a bracket, from the intervals alone."""
    problem = answer.intervals.problem
    wrong = _malformed(answer)
    yield Check("bracket well formed", not wrong, wrong or f"{answer.price.size} prices")
    if wrong:
        return
    assert problem.horizon is not None
    top, value, spend, error, spend_error = _passes(answer)
    room = np.where(problem.is_terminal[:, None], 0.0, error)  # what ends is worth what the table says
    over = float((answer.intercept - (top + room[:, :-1])).min())
    yield Check("lines above every model", over >= 0, f"room at least {over:.2g}")
    under = float(((value - room) - answer.point_value).min())
    spare = np.where(spend == 0, answer.point_spend, answer.point_spend - (spend + spend_error))
    within = float(spare.min())
    yield Check("values guaranteed", under >= 0, f"room at least {under:.2g}")
    yield Check("spends guaranteed", within >= 0, f"room at least {within:.2g}")
    yield _lower(answer)
    yield _upper(answer)


def _malformed(answer: CurveBracket) -> str:
    problem, count = answer.intervals.problem, answer.price.size
    n = problem.n_states
    if problem.horizon is None or problem.budget_cap is not None:
        return "the problem has no finite horizon, or caps the budget of one unit"
    shapes = {
        "pair": (count + 1, problem.horizon, n), "point_spend": (n, count + 1),
        "point_value": (n, count + 1), "intercept": (n, count),
    }  # fmt: skip
    for name, shape in shapes.items():
        if getattr(answer, name).shape != shape:
            return f"{name} must have shape {shape}"
    finite = np.isfinite(answer.price) & (answer.price >= 0)
    if not finite.all() or not (np.diff(answer.price) < 0).all() or answer.price[-1] != 0:
        return "prices must decrease to 0"
    if len(answer.lower) != n or len(answer.upper) != n:
        return "there must be two curves of every state"
    owner = np.append(problem.pair_state, -1)
    states = np.where(problem.is_terminal, -1, np.arange(n))
    if not ((answer.pair >= -1) & (answer.pair < problem.cost.size)).all():
        return "a policy names no pair"
    possible = bool((owner[answer.pair] == states).all())
    return "" if possible else "a policy takes an action that its state does not have"


def _passes(answer: CurveBracket) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Lines (n, K), and values and spends (n, K+1) of the policies, with bounds on their rounding."""
    intervals = answer.intervals
    problem, count = intervals.problem, answer.price.size + 1
    acting = np.flatnonzero(~problem.is_terminal)
    ends = np.broadcast_to(problem.terminal_utility[:, None], (problem.n_states, count))
    top, value, spend = ends[:, :-1].copy(), ends.copy(), np.zeros(ends.shape)
    unit = (int(np.diff(intervals.ptr).max(initial=0)) + 12) * ROUNDOFF
    error, spend_error = np.zeros(count), 0.0
    most_reward, most_cost = (float(np.abs(x).max(initial=0.0)) for x in (problem.pair_reward, problem.cost))
    for stage in reversed(range(problem.horizon or 0)):
        paid = answer.price * (problem.cost_discount / problem.discount) ** stage
        largest = np.maximum(np.abs(value).max(axis=0), np.append(np.abs(top).max(axis=0), 0.0))
        error = problem.discount * error + unit * (most_reward + np.append(paid, 0.0) * most_cost + largest)
        spend_error = problem.cost_discount * spend_error + unit * (most_cost + float(spend.max()))
        lines = problem.pair_reward[:, None] - paid * problem.cost[:, None]
        lines += problem.discount * _most(intervals, top)
        kept = problem.pair_reward[:, None] - problem.discount * _most(intervals, -value)
        paying = problem.cost[:, None] + problem.cost_discount * _most(intervals, spend)
        chosen = answer.pair[:, stage][:, acting].T
        value[acting] = np.take_along_axis(kept, chosen, axis=0)
        spend[acting] = np.take_along_axis(paying, chosen, axis=0)
        top[acting] = np.maximum.reduceat(lines, problem.pair_ptr[:-1][acting]) if acting.size else 0.0
    return top, value, spend, error, spend_error


def _most(intervals: TransitionIntervals, x: Floats) -> Floats:
    """The dual bound of the largest expectation of x (n, K) over each pair's distributions, (m, K)."""
    found = np.empty((intervals.problem.cost.size, x.shape[1]))
    for a in range(found.shape[0]):
        span = slice(int(intervals.ptr[a]), int(intervals.ptr[a + 1]))
        there = x[intervals.next_state[span]]
        apart = there[None, :, :] - there[:, None, :]
        high, low = intervals.high[span][None, :, None], intervals.low[span][None, :, None]
        dual = there + np.where(apart > 0, high * apart, low * apart).sum(axis=1)
        found[a] = dual.min(axis=0)
    return found


def _lower(answer: CurveBracket) -> Check:
    """Every breakpoint of a lower curve is a point of a policy, to the rounding of a cumulative sum."""
    for i, curve in enumerate(answer.lower):
        room_b = 2.0**-48 * (abs(curve.start_budget) + float(np.abs(curve.budgets).max()))
        room_v = 2.0**-48 * (abs(curve.start_value) + float(np.abs(curve.values).max()))
        near = np.abs(answer.point_spend[i][:, None] - curve.budgets) <= room_b
        near &= np.abs(answer.point_value[i][:, None] - curve.values) <= room_v
        if not near.any(axis=0).all():
            label = answer.intervals.problem.labels[i]
            return Check("lower curves", False, f"a breakpoint of {label!r} is no policy's point")
    return Check("lower curves", True, "every breakpoint is what a policy guarantees")


def _upper(answer: CurveBracket) -> Check:
    """At every kink of the lines, and every breakpoint, the curve is not below the least line."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = answer.price[:, None] - answer.price[None, :]
        for i, curve in enumerate(answer.upper):
            line = answer.intercept[i]
            meet = (line[None, :] - line[:, None]) / gaps
            kinks = meet[np.isfinite(meet) & (meet > 0)]
            at = np.unique(np.concatenate(([0.0], kinks, curve.budgets)))
            height = (line[:, None] + answer.price[:, None] * at).min(axis=0)
            room = 2.0**-46 * (np.abs(line).max() + np.abs(height))
            if curve.start_budget != 0 or (curve.value(at) < height - room).any():
                label = answer.intervals.problem.labels[i]
                return Check("upper curves", False, f"the curve of {label!r} is below all lines somewhere")
    return Check("upper curves", True, "no curve is below all lines anywhere")
