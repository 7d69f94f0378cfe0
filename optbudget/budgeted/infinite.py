"""Curves over an infinite horizon: which way is taken, and the answer put together.

With equal discounts few states are walked (`stationary_walk`: every vertex), and many are swept to the
tolerance (`stationary`: one policy iteration per price, warm from the nearest price). With unequal
discounts a finite horizon with bounded tails is swept (`truncation`). In each case the curves are the
hulls of achieved points, and their gap is the distance to lines that no policy crosses.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.bracket import curves_from_lines, state_gaps
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.policy_iteration import Floats
from optbudget.budgeted.refine import BATCH, refine
from optbudget.budgeted.remember import Witnessed, remembered, remembered_lines
from optbudget.budgeted.stationary import Ongoing, gather_witnesses, stationary_lines, without_repeats
from optbudget.budgeted.stationary_walk import walk_lines
from optbudget.budgeted.truncation import Truncation, truncate
from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, CurveSet, PricePolicy
from optbudget.problems.curve_set import StationaryWitness
from optbudget.status import OPTIMAL_GAP, Outcome, Termination
from optbudget.workers import Checkpoint, Monitor

WALKED_STATES = 400
"""Up to here `auto` walks: about half a second for four actions per state."""

WALKED_FOR_ACCURACY = 3_000
"""Up to here it walks where the tolerance is below 1e-7."""

FINE = 1e-7
"""A tolerance below this walks where it can."""

LONGER_HORIZONS = 4
"""How often, at most, a truncated horizon is doubled."""

ASKED = 64
"""Prices asked for at a time: two batches of `stationary.BATCH`, which two threads work on together."""

FINEST = 1e-14
"""Most accurate evaluation, relative."""

Found = tuple[PriceLines, StationaryWitness, Termination | None]


def stationary_solve(
    problem: BudgetedMDP,
    *,
    method: Literal["auto", "walk", "sweep"] = "auto",
    tolerance: float = 1e-4,
    keep_policy: bool = False,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
    threads: int | None = None,
) -> CurveSet:
    """Value curves of every state over an infinite horizon, with their certified gap.

    Parameters
    ----------
    problem : with horizon None
    method : "walk" finds every vertex (equal discounts only); "sweep" stops at the tolerance; "auto"
        walks up to 400 states, or 3,000 where the tolerance is below 1e-7, else sweeps
    tolerance : relative gap to reach, >= 0; see `CurveSet.gap`
    keep_policy : also say what to do in each state at each price; equal discounts only
    monitor : progress, limits and cancellation
    checkpoint : where batches of prices, or the steps of a walk, are kept, and found again

    Returns
    -------
    CurveSet
        Its `witness` proves it. If a limit stops the work, the curves in hand with the gap they have.

    Raises
    ------
    IllPosedError
        If value or spend need not be finite: a discount is 1 and some policy never ends.
    UsageError
        If the horizon is finite, or something was asked for that unequal discounts do not allow.

    Examples
    --------
    The two-action example of the paper's section 2.2.3: one edge, a budget of 1.9 is worth 27.1.

    >>> from optbudget.problems.examples import two_action_example
    >>> answer = stationary_solve(two_action_example())
    >>> answer["s"]
    Curve(1 segment, budget 0 to 10, value 10 to 100)
    >>> answer.value("s", 1.9).round(9), answer.gap < 1e-9
    (np.float64(27.1), True)
    """
    if problem.horizon is not None:
        raise UsageError("the horizon is finite; use optbudget.budgeted.solve")
    if not tolerance >= 0:
        raise UsageError(f"tolerance must be >= 0; got {tolerance}")
    began = time.perf_counter()
    equal = problem.discount == problem.cost_discount
    if not equal and (method == "walk" or keep_policy):
        raise UsageError(
            "discount and cost_discount differ, so the best policy changes from stage to stage for ever: "
            "walking and keeping the policy need equal discounts or a finite horizon"
        )
    if method == "auto":
        method = "walk" if equal and _can_walk(problem, tolerance) else "sweep"
    if method == "walk":
        if monitor is not None:
            monitor.require_memory(16.0 * problem.n_states**2, "walking, which inverts a matrix,")
        found = walk_lines(Ongoing.of(problem), monitor=monitor, checkpoint=checkpoint)
    elif equal:
        found = _sweep(problem, tolerance, monitor, checkpoint, threads)
    else:
        found = _sweep_truncated(problem, tolerance, monitor, checkpoint)
    answer = _answer(problem, found, method, tolerance)
    if keep_policy:
        answer = replace(answer, policy=_policy(problem, found[1], walked=method == "walk"))
    return answer.with_seconds(solve=time.perf_counter() - began)


def _can_walk(problem: BudgetedMDP, tolerance: float) -> bool:
    return problem.n_states <= (WALKED_FOR_ACCURACY if tolerance < FINE else WALKED_STATES)


def _sweep(
    problem: BudgetedMDP,
    tolerance: float,
    monitor: Monitor | None,
    checkpoint: Checkpoint | None,
    threads: int | None,
) -> Found:
    """Prices chosen by refinement, each answered from the policies of the prices about it so far.

    Evaluations are no more accurate than the tolerance asks for; where that turns out too little, the
    prices are asked for again, now from the best policies.
    """
    ends, witness = stationary_lines(problem, [np.inf, 0.0], threads=threads)
    accuracy = min(1e-8, max(1e-4 * tolerance, FINEST))
    while True:
        lines, stopped, witness = _swept(
            problem, ends, witness, tolerance, accuracy, monitor, checkpoint, threads
        )
        if stopped is not Termination.NUMERICAL or accuracy <= FINEST:
            return *without_repeats(lines, witness), stopped
        accuracy = max(FINEST, 1e-3 * accuracy)


def _swept(
    problem: BudgetedMDP,
    ends: PriceLines,
    start: StationaryWitness,
    tolerance: float,
    accuracy: float,
    monitor: Monitor | None,
    checkpoint: Checkpoint | None,
    threads: int | None,
) -> tuple[PriceLines, Termination | None, StationaryWitness]:
    """One refinement at one accuracy; the witness holds the ends and the prices asked for."""
    asked = [_rows(start, np.isin(start.price, ends.price))]
    known = [start]

    def compute(prices: Floats) -> tuple[PriceLines, StationaryWitness]:
        near = _about(known, prices)
        return stationary_lines(problem, prices, warm=near, accuracy=accuracy, threads=threads)

    name = f"within-1e{math.floor(math.log10(accuracy))}"
    ask = remembered(compute, checkpoint, name, Witnessed(start))

    def oracle(prices: Floats) -> Mapping[int, PriceLines]:
        found = ask(prices)
        assert found is not None
        lines, more = found
        asked.append(more)
        known.append(more)
        return {0: lines}

    lines, stopped = _refined(problem, oracle, ends, tolerance, monitor, batch=ASKED)
    return lines, stopped, gather_witnesses(asked)


def _about(known: list[StationaryWitness], prices: Floats) -> StationaryWitness:
    """Of all known prices, those next to the given ones, above and below."""
    have = np.concatenate([part.price for part in known])
    order = np.argsort(-have, kind="stable")
    below = np.searchsorted(-have[order], -prices)
    near = np.zeros(have.size, dtype=np.bool_)
    near[order[np.maximum(below - 1, 0)]] = True
    near[order[np.minimum(below, have.size - 1)]] = True
    pieces = np.split(near, np.cumsum([part.price.size for part in known])[:-1])
    parts = [_rows(part, rows) for part, rows in zip(known, pieces, strict=True) if rows.any()]
    return gather_witnesses(parts)


def _rows(witness: StationaryWitness, rows: NDArray[np.bool_]) -> StationaryWitness:
    """Some of the rows."""
    return replace(
        witness, price=witness.price[rows], policy=witness.policy[rows], spend=witness.spend[rows],
        value=witness.value[rows], intercept=witness.intercept[rows],
    )  # fmt: skip


def _sweep_truncated(
    problem: BudgetedMDP, tolerance: float, monitor: Monitor | None, checkpoint: Checkpoint | None
) -> Found:
    """A longer horizon where the tail of spend, at the prices that turn out to matter, is what is left."""
    shortest = 1
    for _ in range(LONGER_HORIZONS):
        cut = truncate(problem, max(tolerance, OPTIMAL_GAP), shortest=shortest)
        asked = remembered_lines(partial(_asked, cut, monitor), checkpoint, f"cut-{cut.finite.horizon}")
        lines, stopped = _refined(problem, asked, cut.ends, tolerance, monitor)
        if stopped is not Termination.NUMERICAL or cut.witness.tails[0] == 0:
            break
        shortest = 2 * (cut.witness.horizon or 1)
    return lines, cut.witness, stopped


def _asked(cut: Truncation, monitor: Monitor | None, prices: Floats) -> Mapping[int, PriceLines]:
    return {0: cut.lines(prices, monitor=monitor)}


def _refined(
    problem: BudgetedMDP,
    oracle: Callable[[Floats], Mapping[int, PriceLines] | None],
    ends: PriceLines,
    tolerance: float,
    monitor: Monitor | None,
    *,
    batch: int = BATCH,
) -> tuple[PriceLines, Termination | None]:
    lines, stopped = refine(
        oracle, {0: ends}, tolerance, cap=problem.budget_cap, batch=batch, monitor=monitor
    )
    return lines[0], stopped


def _answer(problem: BudgetedMDP, found: Found, method: str, tolerance: float) -> CurveSet:
    lines, witness, stopped = found
    curves, variance, action = curves_from_lines(lines, cap=problem.budget_cap)
    state_gap = state_gaps(curves, lines, cap=problem.budget_cap)
    gap = float(state_gap.max())
    message = ""
    if gap > tolerance and stopped is Termination.NUMERICAL:
        message = f"rounding allows no gap below {gap:.1e} here"
    return CurveSet(
        problem=problem,
        curves=curves,
        spend_variance=variance,
        first_action=action,
        prices=lines.price,
        gap=gap,
        state_gap=state_gap,
        rounding=_rounding(lines),
        method=method,
        tolerance=tolerance,
        outcome=Outcome.certified(
            gap=gap, tolerance=tolerance, stopped=stopped or Termination.NUMERICAL, message=message
        ),
        witness=witness,
        intercept=lines.intercept,
    )


def _rounding(lines: PriceLines) -> float:
    """Largest distance, in value, of a line from the point of its own price: what was left and rounded."""
    finite = np.isfinite(lines.price)
    own = lines.value[:, finite] - lines.price[finite] * lines.spend[:, finite]
    return float(np.max(lines.intercept[:, finite] - own, initial=0.0))


def _policy(problem: BudgetedMDP, witness: StationaryWitness, *, walked: bool) -> PricePolicy:
    """What to do in each state at each price: runs of equal actions along the prices.

    A swept policy is best at its own price and used from there up to the next; a walked one is best
    from its own price down to the next, and used there.
    """
    price = witness.price
    low = np.append(price[1:], 0.0) if walked else price
    high = price if walked else np.concatenate(([np.inf], price[:-1]))
    state, lows, highs, action = [], [], [], []
    for i in np.flatnonzero(~problem.is_terminal):
        chosen = problem.pair_action[witness.policy[:, i]]
        first = np.flatnonzero(np.concatenate(([True], chosen[1:] != chosen[:-1])))
        last = np.append(first[1:] - 1, chosen.size - 1)
        keep = low[last] < high[first]
        state.append(np.full(int(keep.sum()), i))
        lows.append(low[last][keep])
        highs.append(high[first][keep])
        action.append(chosen[first][keep])
    if not state:
        nothing = np.empty(0)
        return PricePolicy(problem, nothing.astype(np.int64), nothing.astype(np.int64), nothing, nothing,
                           nothing.astype(np.int32))  # fmt: skip
    states = np.concatenate(state)
    return PricePolicy(
        problem, states, np.full(states.size, -1), np.concatenate(lows), np.concatenate(highs),
        np.concatenate(action),
    )  # fmt: skip
