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

from optbudget.budgeted.backward_pass import Ends, Sweep, passes
from optbudget.budgeted.certified import certified, kept_stages
from optbudget.budgeted.intervals import Bracket
from optbudget.budgeted.refine import BATCH, HeldHere, Oracle, until_good
from optbudget.budgeted.remember import remembered_lines
from optbudget.budgeted.shared_passes import PassJob, shared_lines
from optbudget.budgeted.threads import at_most, worth
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.workers import Checkpoint, Crew, Monitor, Shared

__all__ = ["Ends", "Sweep", "passes", "price_sweep"]


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
        with _oracle(sweep, crew, monitor) as lookup:
            oracle = remembered_lines(lookup, checkpoint, "float64")
            stopped = until_good(
                HeldHere(oracle, brackets, scale), tolerance,
                limits=(ends.lowest, ends.highest), batch=batch, monitor=monitor,
            )  # fmt: skip
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
