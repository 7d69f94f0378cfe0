"""The exact law of what one unit spends under a policy, where its costs lie on a grid.

With :math:`L_k(i, \\cdot)` the law of the spend from stage k on in state i, under the policy's action a,

.. math:: L_k(i, s) = \\sum_j p_{ij}^a \\, L_{k+1}(j, s - c_i^a), \\qquad L_T(i, 0) = 1 :

one backward pass gives the laws from all states. All terms are nonnegative, so rounding is relative: a
probability is right to :math:`(T (d + 3) u)` of itself, d the longest row and u = 2^-53.

Off a grid (costs without a common step, or discounted) the weighed costs are moved to a grid of one's own
choice: all up and all down gives two laws between which the true one lies (on every path the spend
counted down is at most the true one, and that at most the spend counted up).
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from optbudget.budgeted import _spend_kernels as kernels
from optbudget.budgeted.fixed_policy import FixedPolicy
from optbudget.budgeted.money_grid import Grid, cost_grid, rounded_grid
from optbudget.errors import LimitError, NoAnswerError
from optbudget.problems.spend_law import Rounding, SpendLaw
from optbudget.workers import Monitor

MOST_CELLS = 2**26
"""States times amounts that the laws of one policy may have: 1 GiB for the two stages at hand."""

MOST_WORK = 2e10
"""Products of one backward pass over laws."""


def unit_laws(
    policy: FixedPolicy,
    states: Sequence[int],
    *,
    step: Fraction | None = None,
    rounding: Rounding = "none",
    monitor: Monitor | None = None,
) -> list[SpendLaw]:
    """Law of the spend of one unit from each of some states.

    Parameters
    ----------
    policy : what is done
    states : where a unit may be now
    step : money; default: the exact common step of the costs that can come up
    rounding : for a step of one's own: what is done with costs between two points of the grid
    monitor : its memory limit holds

    Raises
    ------
    NoAnswerError
        If no step is given and costs lie on no grid; the message says why.
    LimitError
        If the laws have more than `MOST_CELLS` amounts in all.

    Examples
    --------
    Two decisions, each an ad for 1 that fails with probability 1/2 and is then tried again:

    >>> from optbudget.problems.examples import retry_example
    >>> from optbudget.budgeted.policies import policy_at
    >>> from optbudget.budgeted.fixed_policy import fixed_policy
    >>> problem = retry_example(horizon=2)
    >>> (law,) = unit_laws(fixed_policy(problem, policy_at(problem, [1.0]), price=1.0), [0])
    >>> law.amounts, law.probability
    (array([0., 1., 2.]), array([0. , 0.5, 0.5]))
    """
    problem = policy.problem
    reached = policy.reached(states)
    grid: Grid | str
    grid = cost_grid(problem, reached) if step is None else rounded_grid(problem, step, rounding)
    if isinstance(grid, str):
        raise NoAnswerError(f"there is no exact law of the spend: {grid}")
    horizon, n = policy.pairs.shape
    last = horizon % 2
    lengths = np.zeros((2, n), dtype=np.int64)
    kernels.longest(policy.rows, policy.pairs, grid.shift, *lengths)
    cells = int(lengths.max(initial=0)) + 1
    entries = int(np.diff(problem.row_ptr)[problem.pair_row[reached]].max(initial=1))
    if n * cells > MOST_CELLS or float(n) * cells * horizon * entries > MOST_WORK:
        raise LimitError(
            f"the law of the spend of {n:,} states has up to {cells:,} amounts over {horizon:,} decisions; "
            "that is too much to compute"
        )
    if monitor is not None:
        monitor.require_memory(16.0 * n * cells, "the law of the spend")
    work = np.zeros((2, n, cells))
    reach = np.zeros((2, n), dtype=np.int64)
    kernels.laws(policy.rows, policy.pairs, grid.shift, reach, *work)
    relative = horizon * (entries + 5) * 2.0**-53
    return [SpendLaw(grid.step, 0, work[last, i, : reach[last, i]], relative, grid.rounding) for i in states]
