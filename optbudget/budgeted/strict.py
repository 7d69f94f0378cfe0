"""Strict budgets of one unit: the most it is worth if no path spends more than the budget.

Dynamic programming over the money left m, counted in steps of a grid (the paper's footnote 8; Meuleau et al.
1998):

.. math:: W_k(i, m) = \\max_{a:\\, s_k^a \\le m} \\; r_i^a + \\gamma \\sum_j p_{ij}^a W_{k+1}(j, m - s_k^a),
          \\qquad W_T(j, m) = \\text{terminal utility},

:math:`s_k^a` being the cost of a in steps, weighed by :math:`\\gamma_c^k`, which is the same as letting kept
money grow by :math:`1/\\gamma_c`. One pass answers every state and every budget at once, and the policy
reads the money left.

Where costs lie on the grid this is exact. Where they do not, costs rounded up give a policy that overspends
on no path (low), and costs rounded down an upper bound (high): the truth is between.

The value lies below the curve of a budget that is kept in expectation; the difference is the cost of never
overspending.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted._strict_kernels import best_within
from optbudget.budgeted.exact import model_of
from optbudget.budgeted.money_grid import Grid, cost_grid, rounded_grid
from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.problems import BudgetedMDP
from optbudget.problems.spend_law import as_written
from optbudget.problems.strict_curve import StrictCurve
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

CELLS = 4096
"""Steps of the grid where costs lie on none and no step is given."""

MOST_CHOICES = 2**29
"""Stages times states times amounts of money left that a policy may have: 2 GiB."""


def strict_curve(
    problem: BudgetedMDP,
    budget: float | None = None,
    *,
    step: float | None = None,
    monitor: Monitor | None = None,
) -> StrictCurve:
    """Value and policy of every state for all strict budgets up to the largest, with what is proved.

    Parameters
    ----------
    problem : with a finite horizon
    budget : largest budget to answer, money; default: what the dearest course of all spends
    step : of a grid of one's own; default: the exact common step of the costs, and where they have none
        the largest budget / 4096. Half the step about halves the gap at twice the time
    monitor : progress and limits

    Raises
    ------
    UsageError
        If the horizon is infinite, or a step is not above 0.
    LimitError
        If the policy would have more than `MOST_CHOICES` entries, or the monitor stops the work.

    Examples
    --------
    Three tries for 1 each, half of them successful and worth 4:

    >>> from optbudget.problems.examples import retry_example
    >>> strict = strict_curve(retry_example(horizon=3))
    >>> strict
    StrictCurve(2 states, budgets 0 to 3 in steps of 1, exact)
    >>> strict.value("open", [0.5, 1, 2, 3]), strict.action("open", 2, 1)
    (array([0. , 2. , 3. , 3.5]), 'ad')

    In expectation 1.75 buys all of the 3.5; strictly it buys one try:

    >>> from optbudget import solve
    >>> strict.cost_of_never_overspending(solve(retry_example(horizon=3)), "open", 1.75)
    array(1.5)
    """
    if problem.horizon is None:
        raise UsageError("a strict budget is solved over a finite horizon; give the model one")
    largest = _dearest(problem) if budget is None else as_written(_money(budget, "budget"))
    grid: Grid | str = "the step was given"
    if step is None:
        grid = cost_grid(problem)
    if isinstance(grid, Grid):
        low, chosen, error = _passed(problem, grid, largest, monitor)
        return StrictCurve(problem, grid.step, low, low, chosen, error)
    own = max(largest, Fraction(1, 10**9)) / CELLS if step is None else as_written(_money(step, "step"))
    if own <= 0:
        raise UsageError(f"step is {step}; it must be above 0")
    up, down = rounded_grid(problem, own, "up"), rounded_grid(problem, own, "down")
    low, chosen, error = _passed(problem, up, largest, monitor)
    high, _, more = _passed(problem, down, largest, monitor, keep=False)
    return StrictCurve(problem, own, low, high, chosen, max(error, more), grid)


def _passed(
    problem: BudgetedMDP, grid: Grid, largest: Fraction, monitor: Monitor | None, *, keep: bool = True
) -> tuple[Floats, NDArray[np.int32], float]:
    """Values (n, M+1) at stage 0, the pairs chosen, and a bound of the rounding."""
    assert problem.horizon is not None
    horizon, n, cells = problem.horizon, problem.n_states, int(largest // grid.step) + 1
    if float(horizon) * n * cells > MOST_CHOICES:
        raise LimitError(
            f"{horizon:,} stages x {n:,} states x {cells:,} amounts of money left are too many; give a "
            "smaller largest budget or a coarser step"
        )
    monitor = monitor or Monitor()
    monitor.require_memory(4.0 * n * cells * (horizon if keep else 1) + 16.0 * n * cells, "a strict budget")
    model = model_of(problem)
    shift = np.minimum(grid.shift, cells)
    chosen = np.empty((horizon if keep else 1, n, cells), dtype=np.int32)
    after = np.repeat(problem.terminal_utility[:, None], cells, axis=1)
    now, work = np.empty_like(after), np.empty(cells)
    width = int(np.diff(problem.row_ptr).max(initial=0))
    reward = float(np.abs(problem.pair_reward).max(initial=0.0))
    error = 0.0
    for k in reversed(range(horizon)):
        size = reward + problem.discount * float(np.abs(after[np.isfinite(after)]).max(initial=0.0))
        error = problem.discount * error * (1 + 2e-9) + (width + 8) * 2.0**-53 * size
        best_within(model, shift[k % shift.shape[0]], after, work, now, chosen[k if keep else 0])
        after, now = now, after
        monitor.progress((horizon - k) / horizon, f"strict budgets at stage {k}")
        stopped = monitor.stop_reason()
        if stopped is not None:
            kind = InterruptedWork if stopped is Termination.INTERRUPTED else LimitError
            raise kind("stopped in the middle of a pass over strict budgets: it has no answer yet")
    for array in (after, chosen):
        array.flags.writeable = False
    return after, chosen, error


def _dearest(problem: BudgetedMDP) -> Fraction:
    """More than any path can spend: the dearest action at every stage."""
    assert problem.horizon is not None
    most = as_written(float(problem.cost.max(initial=0.0)))
    if problem.cost_discount == 1:
        return most * problem.horizon
    return most * as_written(float((problem.cost_discount ** np.arange(problem.horizon)).sum()) * (1 + 1e-12))


def _money(amount: float, name: str) -> float:
    number = float(amount)
    if not 0 <= number < np.inf:
        raise UsageError(f"{name} is {amount}; it must be a number >= 0")
    return number
