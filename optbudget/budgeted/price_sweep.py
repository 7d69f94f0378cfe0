"""The price sweep: curves of every state to a tolerance, from as few prices as it takes.

Each price is one backward pass (`optbudget.budgeted.backward_pass`) and gives every state a point that
can be achieved and a line above everything that can. Prices are added (`optbudget.budgeted.refine`)
until curve and lines are within the tolerance of each other for every state and budget.

The paper has nothing like it: its backup carries all curves from stage to stage, this carries numbers.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from optbudget.budgeted.backward_pass import Ends, Sweep, passes
from optbudget.budgeted.certified import certified, kept_stages
from optbudget.budgeted.intervals import Bracket
from optbudget.budgeted.refine import BATCH, HeldHere, Oracle, until_good
from optbudget.budgeted.remember import remembered_lines
from optbudget.budgeted.shared_passes import PassJob, shared_lines
from optbudget.budgeted.threads import at_most, worth
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import Termination
from optbudget.workers import Checkpoint, Crew, Monitor, Shared

__all__ = ["Ends", "Sweep", "passes", "price_sweep"]


LARGEST = 1e15
"""Spends and values up to which float32 holds their squares."""

FEW = 2**14
"""States up to which a stage is held as float64."""


def price_sweep(
    problem: BudgetedMDP,
    *,
    tolerance: float = 1e-4,
    keep_stages: bool = False,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
    crew: Crew | None = None,
    batch: int = BATCH,
) -> CurveSet:
    """Curves of every state, certified to a relative gap at every budget.

    Parameters
    ----------
    problem : with a finite horizon
    tolerance : largest (upper - lower) / (1 + |lower|) asked for, > 0
    keep_stages : keep the curves of all stages, each to the tolerance
    monitor : progress, limits and cancellation
    checkpoint : where batches of prices are kept, and found again
    crew : workers that batches are shared out to; None works in this process. No number depends on it
    batch : prices asked for at a time, >= 1; more keep more workers busy and are chosen knowing less

    Returns
    -------
    CurveSet
        If a limit stops the work, the curves in hand with the gap they have; its outcome says so.

    Raises
    ------
    LimitError
        If not even the two ends fit into the memory limit.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> price_sweep(two_action_example(horizon=50), tolerance=1e-3)
    CurveSet(1 state, 1 segments, sweep, gap ..., OPTIMAL)
    """
    began = time.perf_counter()
    monitor = monitor or Monitor()
    sweep = Sweep(problem, kept_stages(problem, keep_stages))
    with at_most(worth(problem)):
        ends = sweep.ends(monitor)
        scale = {stage: 1 / sweep.scale[stage] for stage in sweep.stages}
        brackets = {stage: Bracket(part, tolerance, problem.budget_cap) for stage, part in ends.lines.items()}
        stopped = None
        size = np.abs(ends.lines[0].value)
        spend = float(np.abs(ends.lines[0].spend).max())
        for storage in storages(sweep, float(size.min()), float(size.max()), spend, tolerance):
            held = Sweep(problem, sweep.stages, storage=storage)
            with _oracle(held, crew, monitor) as lookup:
                oracle = remembered_lines(lookup, checkpoint, storage.__name__)
                stopped = until_good(
                    HeldHere(oracle, brackets, scale), tolerance,
                    limits=(ends.lowest, ends.highest), batch=batch, monitor=monitor,
                )  # fmt: skip
            if stopped is not Termination.NUMERICAL:
                break
        found = time.perf_counter()
        lines = {stage: part.finish() for stage, part in brackets.items()}
        answer = certified(problem, lines, method="sweep", tolerance=tolerance, stopped=stopped)
    return answer.with_seconds(sweep=found - began, certificate=time.perf_counter() - found)


@contextmanager
def _oracle(sweep: Sweep, crew: Crew | None, monitor: Monitor) -> Iterator[Oracle]:
    """Who answers prices: this process, or the crew."""
    if crew is None:
        yield partial(sweep.lines, monitor=monitor)
        return
    with Shared(PassJob.of(sweep), crew.folder) as shared:
        yield shared_lines(sweep, shared, crew, monitor)


def storages(
    sweep: Sweep, least_value: float, most_value: float, most_spend: float, tolerance: float
) -> tuple[type, ...]:
    """How stages are held, in order of trying: float32 first where memory binds and its rounding fits.

    A pass on float32 may take a policy that is best to its rounding only. No pass on doubles takes it, so
    nobody can check its point. Few states do without: tables of a stage fit a cache either way.

    Given are the least and largest |value| of a state at the two ends, and the largest spend.
    """
    rounding = sweep.half_rounding(least_value, most_value)
    largest = max(most_spend, most_value)
    fits = sweep.rates.cost_high < LARGEST and largest < LARGEST and 4 * rounding <= tolerance
    small = sweep.in_cache or sweep.problem.n_states <= FEW
    return (np.float64,) if small or not fits else (np.float32, np.float64)
