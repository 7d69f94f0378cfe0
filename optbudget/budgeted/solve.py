"""One door to all ways from a budgeted MDP to its curves."""

from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Literal

from optbudget.budgeted.certified import without_proof
from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.infinite import stationary_solve
from optbudget.budgeted.policies import policy_at
from optbudget.budgeted.price_sweep import price_sweep
from optbudget.budgeted.pruning import PruningSchedule
from optbudget.budgeted.refine import BATCH
from optbudget.budgeted.threads import at_most
from optbudget.budgeted.walk import walk
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.workers import Checkpoint, Crew, Monitor

Method = Literal["auto", "exact", "walk", "sweep"]

WALKED = 5_000
"""States times stages up to which `auto` walks: every vertex in about a second."""

WALKED_FOR_ACCURACY = 50_000
"""Up to here it walks where the tolerance is below FINE."""

LARGEST_BATCH = 4096
"""Prices that are asked for at a time, at most."""

FINE = 1e-7
"""A sweep would need so many prices for a tolerance below this that walking is shorter."""


def solve(
    problem: BudgetedMDP,
    *,
    method: Method = "auto",
    tolerance: float = 1e-4,
    pruning: PruningSchedule | None = None,
    keep_stages: bool = False,
    keep_policy: bool = False,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
    threads: int | None = None,
    crew: Crew | None = None,
    batch: int = BATCH,
) -> CurveSet:
    """Value as a function of money, for every state and all budgets at once, with a certified gap.

    Parameters
    ----------
    problem : a problem
    method : "exact" is the paper's backup of whole curves (finite horizon); "walk" finds every vertex
        price by price; "sweep" asks for as few prices as the tolerance takes; "auto" walks where the
        problem is small by states times stages, else sweeps, and says which and why in
        `outcome.message`
    tolerance : relative gap (upper - lower) / (1 + |lower|) that is good enough, >= 0; "exact" and
        "walk" go to the end of their arithmetic whatever it is
    pruning : breakpoints that "exact" may give up, stage by stage
    keep_stages : keep the curves of every number of stages to go (finite horizon)
    keep_policy : keep what to do at every price
    monitor : progress, limits and cancellation
    checkpoint : where a sweep keeps its batches, a walk its passes and "exact" its stages, and finds them
        again
    threads : at most so many; default: all cores. No number depends on it
    crew : workers that a sweep over a finite horizon shares its batches out to; no number depends on it
    batch : prices that such a sweep asks for at a time; two workers share 16, eight share 64

    Returns
    -------
    CurveSet
        If a limit stops a sweep or walk, the curves in hand with the gap they have.

    Raises
    ------
    UsageError
        If the options do not fit together or to the problem.
    IllPosedError
        If value or spend need not be finite over an infinite horizon.
    LimitError
        If a limit is reached before anything is certified.

    Examples
    --------
    The two-action example of the paper's section 2.2.3, one edge:

    >>> from optbudget.problems.examples import two_action_example
    >>> answer = solve(two_action_example())
    >>> answer["s"]
    Curve(1 segment, budget 0 to 10, value 10 to 100)
    >>> answer.outcome.termination
    <Termination.OPTIMAL: 'OPTIMAL'>
    """
    if not isinstance(problem, BudgetedMDP):
        how = "optbudget.load() reads one from a folder" if isinstance(problem, (str, Path)) else "see load()"
        raise UsageError(f"a BudgetedMDP is solved, and this is {problem!r:.40}: {how}")
    if not (isinstance(tolerance, Real) and tolerance >= 0):
        raise UsageError(f"tolerance is {tolerance!r:.40}; it must be a number >= 0")
    if method not in ("auto", "exact", "walk", "sweep"):
        raise UsageError(f"method is {method!r}; it must be auto, exact, walk or sweep")
    if pruning is not None and method != "exact":
        raise UsageError("pruning goes with method 'exact': no other method prunes")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}; it must be at least 1")
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= LARGEST_BATCH:
        raise UsageError(f"batch is {batch!r:.40}; it must be a whole number from 1 to {LARGEST_BATCH:,}")
    with at_most(threads):
        if problem.horizon is None:
            return _over_an_infinite_horizon(
                problem, method, tolerance, keep_stages, keep_policy, monitor, checkpoint, threads
            )
        chosen, why = _choose(problem, method, tolerance)
        if chosen == "exact":
            answer = exact_backup(
                problem, pruning=pruning, tolerance=tolerance, keep_stages=keep_stages, monitor=monitor,
                checkpoint=checkpoint,
            )  # fmt: skip
        elif chosen == "walk":
            answer = walk(
                problem, tolerance=tolerance, keep_stages=keep_stages, monitor=monitor, checkpoint=checkpoint
            )
        else:
            answer = price_sweep(
                problem, tolerance=tolerance, keep_stages=keep_stages, monitor=monitor, checkpoint=checkpoint,
                crew=crew, batch=batch,
            )  # fmt: skip
        if keep_policy:
            answer = replace(answer, policy=policy_at(problem, answer.prices))
    message = "; ".join(filter(None, (why, answer.outcome.message)))
    return without_proof(replace(answer, outcome=replace(answer.outcome, message=message)))


def _choose(problem: BudgetedMDP, method: Method, tolerance: float) -> tuple[str, str]:
    """The method, and why, for a finite horizon."""
    if method != "auto":
        return method, ""
    assert problem.horizon is not None
    size = problem.n_states * problem.horizon
    sizes = f"{problem.n_states:,} states x {problem.horizon:,} stages = {size:,}"
    if size <= WALKED:
        return "walk", f"walked: {sizes}, at most {WALKED:,}"
    if tolerance < FINE and size <= WALKED_FOR_ACCURACY:
        return "walk", f"walked: the tolerance {tolerance:.0e} is below {FINE:.0e}, and {sizes}"
    return "sweep", f"swept to {tolerance:.0e}: {sizes}, too many to walk"


def _over_an_infinite_horizon(
    problem: BudgetedMDP,
    method: Method,
    tolerance: float,
    keep_stages: bool,
    keep_policy: bool,
    monitor: Monitor | None,
    checkpoint: Checkpoint | None,
    threads: int | None,
) -> CurveSet:
    if method == "exact":
        raise UsageError("the exact backup needs a finite horizon; walk or sweep an infinite one")
    if keep_stages:
        raise UsageError("an infinite horizon has the same curves at every stage: none are kept besides")
    answer = stationary_solve(
        problem, method=method, tolerance=tolerance, keep_policy=keep_policy, monitor=monitor,
        checkpoint=checkpoint, threads=threads,
    )  # fmt: skip
    if method != "auto":
        return without_proof(answer)
    why = {"walk": "walked", "sweep": "swept"}[
        answer.method
    ] + f": infinite horizon, {problem.n_states:,} states"
    message = "; ".join(filter(None, (why, answer.outcome.message)))
    return without_proof(replace(answer, outcome=replace(answer.outcome, message=message)))
