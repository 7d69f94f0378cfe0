"""The best value under each draw of a model's rows, draws shared out among workers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import solve
from optbudget.curves import weighted_sum
from optbudget.errors import InterruptedWork, LimitError
from optbudget.problems import TransitionCounts
from optbudget.status import Termination
from optbudget.workers import Crew, Monitor, Shared, map_pieces

Floats = NDArray[np.float64]

TOGETHER = 4
"""Draws of one piece of work."""


@dataclass(frozen=True, eq=False)
class DrawJob:
    """What every draw needs.

    Attributes
    ----------
    counts : of the problem whose rows are drawn
    money : (N,) budgets
    weight : (n,) units per state
    tolerance : gap to which each draw is solved
    """

    counts: TransitionCounts
    money: Floats
    weight: Floats
    tolerance: float


def best_of_draws(
    job: DrawJob, rows: Floats, monitor: Monitor, crew: Crew | None = None
) -> tuple[Floats, Floats, Floats]:
    """Of each draw and budget, (D, N): the best value achieved, its bound, and the price that proves it.

    Raises
    ------
    LimitError, InterruptedWork
        If the monitor stops the work before the last draw.
    """
    pieces = [rows[first : first + TOGETHER] for first in range(0, rows.shape[0], TOGETHER)]
    solved = 0

    def count(number: int, found: Floats) -> None:
        nonlocal solved
        solved += found.shape[1]
        monitor.progress(solved / rows.shape[0], f"{solved} of {rows.shape[0]} draws")

    with Shared(job, crew.folder if crew is not None else None) as shared:
        parts = map_pieces(best_of_some, pieces, shared, crew, monitor=monitor, done=count)
    if len(parts) < len(pieces):
        kind = InterruptedWork if monitor.stop_reason() is Termination.INTERRUPTED else LimitError
        raise kind(f"stopped after {solved:,} of {rows.shape[0]:,} draws; ask for fewer, or allow more time")
    optimal, bound, steepest = np.concatenate(parts, axis=1)
    return optimal, bound, steepest


def best_of_some(job: DrawJob, rows: Floats) -> Floats:
    """The three numbers of some draws, (3, draws, N)."""
    found = np.empty((3, rows.shape[0], job.money.size))
    for d, row in enumerate(rows):
        found[:, d] = _best_of_one(job, row)
    return found


def _best_of_one(job: DrawJob, row: Floats) -> tuple[Floats, Floats, Floats]:
    weight, money = job.weight, job.money
    curves = solve(job.counts.with_rows(row), tolerance=job.tolerance)
    total = weighted_sum(curves.curves, weight)
    optimal = total.value(money)
    assert curves.intercept is not None
    finite = np.isfinite(curves.prices)
    price, intercept = curves.prices[finite], curves.intercept[:, finite]
    height = (weight @ intercept)[:, None] + price[:, None] * money
    best = np.argmin(height, axis=0)
    # Above the roundings of this sum, and of whoever makes the line again in another order.
    size = (np.abs(intercept).T @ weight)[best] + price[best] * money
    room = 2.0**-36 * (1.0 + size)
    bound = np.where(money < total.least_budget, np.inf, height[best, np.arange(money.size)] + room)
    return optimal, np.maximum(bound, optimal), price[best]
