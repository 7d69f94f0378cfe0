"""Curves of later stages that were not kept, made again while trials need them.

Kept, the curves of n states take some 36 bytes per state, price and stage: 60 GiB for 400,000 states, 90
prices and 50 stages. With T decisions to go and k of them taken, what is left is the problem of horizon
T - k, in which money that cost :math:`\\lambda` at the start costs :math:`\\lambda (\\gamma_c/\\gamma)^k`. So
a backward pass over that problem at each of these prices gives the points of stage k, and on the way those
of the next few stages; what does not fit is passed again.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.backward_pass import passes, price_scale
from optbudget.budgeted.lines import PriceLines
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

ROOM = 2.0**31
"""Bytes of the points that are held at a time."""

POINT = 36
"""Bytes of the point of a price in one state."""

FEWEST = 34
"""Prices of a stage where all of them do not fit at once: the ends, and two times what is passed together."""


def remakable(curves: CurveSet) -> bool:
    """Whether later stages are missing and the prices of the answer would make them again."""
    ends = curves.prices[[0, -1]].tolist() if curves.prices.size > 1 else []
    whole = ends == [np.inf, 0.0] and curves.pruning_error is None
    return whole and not curves.stages and curves.stage == 0 and (curves.problem.horizon or 0) > 1


def lines_by_stage(curves: CurveSet, *, monitor: Monitor | None = None) -> Iterator[PriceLines]:
    """The points of stage 0, 1, ..., T - 1 of a finite horizon, at the prices of the answer.

    Where all stages do not fit into `ROOM`, `FEWEST` of the prices are used, evenly among them, and
    stages are made a few at a time: O(T² / block) backward steps per price.

    Raises
    ------
    LimitError, InterruptedWork
        If the monitor stops a pass.

    Examples
    --------
    >>> from optbudget import solve
    >>> from optbudget.problems.examples import two_action_example
    >>> for lines in lines_by_stage(solve(two_action_example(horizon=2))):
    ...     print(lines.spend, lines.value)
    [[0.  1.9 1.9]] [[ 1.9 19.  19. ]]
    [[0. 1. 1.]] [[ 1. 10. 10.]]
    """
    problem, horizon = curves.problem, curves.problem.horizon or 0
    prices, block = _prices_and_block(problem, curves.prices)
    scale = price_scale(problem.discount, problem.cost_discount, horizon)
    for first in range(0, horizon, block):
        ahead = replace(problem, horizon=horizon - first)
        stages = range(1, min(block, horizon - first))
        with np.errstate(invalid="ignore", over="ignore"):
            now = np.where(prices > 0, scale[first] * prices, 0.0)
        found = passes(ahead, now, keep_stages=stages, monitor=monitor)
        for stage in sorted(found):
            yield found.pop(stage)


def _prices_and_block(problem: BudgetedMDP, prices: Floats) -> tuple[Floats, int]:
    """The prices to pass, and of how many stages to keep their points."""
    horizon = problem.horizon or 0
    points = ROOM / (POINT * problem.n_states)
    if points >= prices.size * horizon:
        return prices, horizon
    fewer = np.linspace(0, prices.size - 1, min(FEWEST, prices.size)).round().astype(int)
    return prices[fewer], max(1, int(points / fewer.size))
