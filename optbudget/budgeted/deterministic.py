"""The staircase of deterministic policies (Boutilier & Lu 2016, section 4.2).

With :math:`t` decisions to go an action and one useful budget :math:`\\sigma(j)` per successor give

.. math:: b = c_i^a + \\gamma_c \\sum_j p_{ij}^a b_{\\sigma(j)}^{j,t-1}, \\qquad
          v = r_i^a + \\gamma \\sum_j p_{ij}^a v_{\\sigma(j)}^{j,t-1},

and of all choices of action and :math:`\\sigma` those are useful that no choice at most as dear equals
in value. Successors are added one at a time and useless sums dropped at once, which loses nothing:
a better part makes a better sum. The number of useful budgets still grows exponentially (proposition 2).

Trimming drops a point that is worth at most :math:`\\delta` more than one that is kept and no dearer:
of all points whose value lies in one interval of width :math:`\\delta` the cheapest stays. That lowers the
staircase by at most :math:`\\delta` at any budget, so losses add up along a sum, contract by
:math:`\\gamma` along the stages, and :math:`e^t(i) = \\max_a \\gamma \\sum_j p_{ij}^a e^{t-1}(j)` plus
the losses of the stage bounds them all. A sum of two staircases is taken interval by interval, without
sorting or storing it.

The concave hull of the exact staircase is the curve of randomised policies, whose vertices are
deterministic.
"""

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._deterministic_kernels import cheapest_sums, keep_useful
from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.problems import BudgetedMDP, DeterministicFrontier
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]
Steps = tuple[Floats, Floats, float]
"""Useful budgets, value at each, and how much higher the exact staircase may be."""

MOST_SUMS = 20_000_000
"""Sums of two staircases beyond which exact work is refused: they are sorted in memory."""

MOST_TRIMMED_SUMS = 10_000_000_000
"""The same where the sums are trimmed as they are made: some ten seconds for one pair."""


def deterministic_frontier(
    problem: BudgetedMDP, *, tolerance: float = 0.0, monitor: Monitor | None = None
) -> DeterministicFrontier:
    """Useful budgets of policies deterministic in (state, stage, assigned budget), for every state.

    Parameters
    ----------
    problem : a problem with a finite horizon
    tolerance : value, >= 0; most that trimming may cost in any state at any budget. 0 drops only
        what is equal to rounding.
    monitor : progress, limits and interruption

    Returns
    -------
    DeterministicFrontier
        Achievable; `error` is what trimming and joining cost at most, <= tolerance plus rounding.

    Raises
    ------
    UsageError
        If the horizon is infinite or the tolerance negative.
    LimitError, InterruptedWork
        If there are too many useful budgets (a larger tolerance helps), or the monitor stops the work.

    Notes
    -----
    Exponential in the horizon when tolerance is 0. `budget_cap` cuts the answer.

    Examples
    --------
    Two decisions, each of which may buy 9 for 1 (0.9 later): four ways to spend, no mixtures.

    >>> from optbudget.problems.examples import two_action_example
    >>> frontier = deterministic_frontier(two_action_example(horizon=2))
    >>> frontier.steps("s")
    (array([0. , 0.9, 1. , 1.9]), array([ 1.9, 10. , 10.9, 19. ]))
    >>> frontier.value("s", [0.95, -1])
    array([ 10., -inf])
    """
    if problem.horizon is None:
        raise UsageError("the deterministic frontier needs a finite horizon")
    if not 0 <= tolerance < np.inf:
        raise UsageError(f"tolerance is {tolerance}; it must be >= 0 and finite")
    monitor = monitor or Monitor()
    each_stage = tolerance / sum(problem.discount**k for k in range(problem.horizon))
    last = [_one(0.0, utility) for utility in problem.terminal_utility.tolist()]
    steps = last
    for stage in reversed(range(problem.horizon)):
        reason = monitor.stop_reason()
        if reason is Termination.INTERRUPTED:
            raise InterruptedWork(f"interrupted with {stage + 1} stages to go; nothing was kept")
        if reason is not None:
            raise LimitError(f"the time limit came with {stage + 1} stages to go")
        rows = [_future(problem, row, steps, each_stage, monitor) for row in range(problem.row_ptr.size - 1)]
        steps = [
            last[i] if problem.is_terminal[i] else _best(problem, i, rows, each_stage)
            for i in range(problem.n_states)
        ]
        size = sum(budget.size for budget, _, _ in steps)
        monitor.progress(1 - stage / problem.horizon, f"stage {stage}: {size:,} useful budgets")
    if problem.budget_cap is not None:
        steps = [_cut(one, problem.budget_cap) for one in steps]
    sizes = np.array([budget.size for budget, _, _ in steps], dtype=np.int64)
    return DeterministicFrontier(
        problem,
        np.concatenate(([0], np.cumsum(sizes))),
        np.concatenate([budget for budget, _, _ in steps]),
        np.concatenate([value for _, value, _ in steps]),
        np.array([error for _, _, error in steps]),
    )


def _future(problem: BudgetedMDP, row: int, steps: list[Steps], allowed: float, monitor: Monitor) -> Steps:
    """Discounted staircase of what follows a transition row; half of what is allowed is spent here."""
    span = slice(int(problem.row_ptr[row]), int(problem.row_ptr[row + 1]))
    successors = problem.next_state[span].tolist()
    each = allowed / (4 * len(successors))
    total = _one(0.0, 0.0)
    for j, p in zip(successors, problem.probability[span].tolist(), strict=True):
        budget, value, error = steps[j]
        part = _useful(
            problem.cost_discount * p * budget,
            problem.discount * p * value,
            problem.discount * p * error,
            each if budget.size > 1 else 0.0,
        )
        total = _sum(total, part, each, monitor)
    return total


def _sum(one: Steps, other: Steps, allowed: float, monitor: Monitor) -> Steps:
    """All sums of a step of one staircase and a step of the other that are useful."""
    error = one[2] + other[2]
    if min(one[0].size, other[0].size) == 1:
        return one[0] + other[0], one[1] + other[1], error
    size = one[0].size * other[0].size
    low = one[1][0] + other[1][0]
    intervals = (one[1][-1] + other[1][-1] - low) / allowed + 2 if allowed > 0 else np.inf
    if intervals < size:
        if size > MOST_TRIMMED_SUMS:
            raise LimitError(f"{size:,} sums of useful budgets at once; allow a larger tolerance")
        monitor.require_memory(16.0 * intervals, "the deterministic frontier")
        budget, value = np.full(int(intervals), np.inf), np.empty(int(intervals))
        cheapest_sums(*one[:2], *other[:2], low, allowed, budget, value)
        found = np.isfinite(budget)
        return _useful(budget[found], value[found], error + allowed, 0.0)
    if size > MOST_SUMS:
        raise LimitError(f"{size:,} sums of useful budgets at once; allow a larger tolerance")
    monitor.require_memory(48.0 * size, "the deterministic frontier")
    return _useful(
        np.add.outer(one[0], other[0]).ravel(), np.add.outer(one[1], other[1]).ravel(), error, allowed
    )


def _best(problem: BudgetedMDP, state: int, rows: list[Steps], allowed: float) -> Steps:
    """Staircase of the best action at each budget; the other half of what is allowed is spent here."""
    pairs = range(int(problem.pair_ptr[state]), int(problem.pair_ptr[state + 1]))
    futures = [rows[problem.pair_row[pair]] for pair in pairs]
    budget = np.concatenate([problem.cost[pair] + f[0] for pair, f in zip(pairs, futures, strict=True)])
    value = np.concatenate([problem.pair_reward[pair] + f[1] for pair, f in zip(pairs, futures, strict=True)])
    return _useful(budget, value, max(error for _, _, error in futures), allowed / 2)


def _useful(budget: Floats, value: Floats, error: float, allowed: float) -> Steps:
    order = np.lexsort((-value, budget))
    budget, value = budget[order], value[order]
    kept = np.empty(budget.size, dtype=np.int64)
    count, dropped = keep_useful(budget, value, allowed, kept)
    kept = kept[:count]
    return budget[kept], value[kept], error + dropped


def _one(budget: float, value: float) -> Steps:
    return np.array([budget]), np.array([value]), 0.0


def _cut(steps: Steps, cap: float) -> Steps:
    """The steps up to a budget; a staircase that begins above it keeps its first step."""
    count = max(1, int(np.searchsorted(steps[0], cap, side="right")))
    return steps[0][:count], steps[1][:count], steps[2]
