"""Exact curves of a finite horizon, by backing up whole curves (Boutilier & Lu 2016, section 4.3).

With :math:`t` decisions to go the curve of action :math:`a` in state :math:`i` starts at

.. math:: b_0 = c_i^a + \\gamma_c \\sum_j p_{ij}^a b_{j0}, \\qquad
          v_0 = r_i^a + \\gamma \\sum_j p_{ij}^a v_{j0}

and runs through all segments of its successors in order of decreasing slope, a segment
:math:`(\\Delta b, \\Delta v)` of successor :math:`j` becoming
:math:`(\\gamma_c p_{ij}^a \\Delta b, \\gamma p_{ij}^a \\Delta v)`: its slope is
:math:`\\gamma / \\gamma_c` times what it was (theorem 3; the paper's definition 1 omits :math:`c` in the
later budgets and has no second discount). The curve of the state is the upper concave envelope of its
actions' curves (theorem 4).

Slopes travel with their segments, so equal slopes that come by different ways stay equal. Only a bridge
between two actions is found by difference of points; its slope carries a bound of its own rounding, and
slopes that differ by less than 8 ulps and their bounds are one segment. What that may have cost is part
of `rounding`.

Variance of spend rides along. At a vertex the successors stand at vertices of their own, so with
:math:`m = \\sum_j p_j b_j`

.. math:: \\sigma^2 = \\gamma_c^2 \\sum_j p_j \\big(\\sigma_j^2 + (b_j - m)^2\\big)

(section 4.6 holds for :math:`\\gamma_c = 1` only). It is the variance of the policy that reaches the
vertex; where several policies reach it, that of one of them.

The proof is the price sweep's: lines at all slopes found lie above the curves, whatever errors the
backup made. O(N log d) per merge and O(N A) per envelope, for N segments at hand.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _exact_kernels as kernels
from optbudget.budgeted.bracket import curves_from_lines, cut, state_gaps
from optbudget.budgeted.certified import lines_rounding, tightened
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.past import Past
from optbudget.budgeted.price_sweep import passes
from optbudget.budgeted.pruning import PruningSchedule
from optbudget.budgeted.stage_curves import StageCurves
from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import OPTIMAL_GAP, Outcome, Termination
from optbudget.workers import Checkpoint, Monitor

Floats = NDArray[np.float64]

PRICE_TIE = 1e-12
"""Slopes closer than this, relative, share one price of the certificate."""

BLOCK = 1 << 22
"""Merged segments held at once; states are taken in blocks so that no more are needed."""

UNIT_ROUNDOFF = 2.0**-53


def exact_backup(
    problem: BudgetedMDP,
    *,
    pruning: PruningSchedule | None = None,
    tolerance: float = OPTIMAL_GAP,
    keep_stages: bool = False,
    monitor: Monitor | None = None,
    checkpoint: Checkpoint | None = None,
) -> CurveSet:
    """All curves of a finite-horizon problem by backing up their segments, with a certificate.

    Parameters
    ----------
    problem : a problem with a finite horizon
    pruning : which breakpoints to give up at which stage; None keeps all
    tolerance : certified relative gap up to which a pruned answer is called good, >= 0
    keep_stages : keep the curves of every later stage, each with its own gap
    monitor : progress, limits and interruption
    checkpoint : where the stages done are kept now and then and when the work is stopped, and found again

    Returns
    -------
    CurveSet
        Achievable curves; `prices` are their distinct slopes between inf and 0, `gap` is certified by
        the supporting lines at these prices, `rounding` bounds joining and floating point together,
        `pruning_error` what pruning may have cost each state. Curves end at `budget_cap`, which cuts
        the answer, not the budgets that later states are assigned.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError, InterruptedWork
        If the monitor's limits stop the work: an unfinished backup has no curves of stage 0.

    Examples
    --------
    With two decisions, money buys 9 per unit now and again 9 per unit later:

    >>> from optbudget.problems.examples import two_action_example
    >>> answer = exact_backup(two_action_example(horizon=2))
    >>> answer["s"]
    Curve(1 segment, budget 0 to 1.9, value 1.9 to 19)
    """
    monitor = monitor or Monitor()
    began = time.perf_counter()
    with Past(checkpoint, every=keep_stages) as past:
        for found in backup(problem, pruning=pruning, monitor=monitor, after=past.latest):
            past.add(found)
        backed_up = time.perf_counter()
        answer = _certified(problem, past.stages[::-1], pruning is not None, tolerance, monitor)
    return answer.with_seconds(backup=backed_up - began, certificate=time.perf_counter() - backed_up)


def _certified(
    problem: BudgetedMDP, kept: list[StageCurves], pruned: bool, tolerance: float, monitor: Monitor
) -> CurveSet:
    """Curves of the kept stages, now first, held against the lines at all their slopes."""
    ratio = problem.discount / problem.cost_discount
    slopes = np.concatenate([found.segments.slope[: found.size] * ratio**found.stage for found in kept])
    prices = np.concatenate(([np.inf], _distinct(slopes), [0.0]))
    stages = [found.stage for found in kept]
    lines = passes(problem, prices, keep_stages=stages[1:], monitor=monitor)
    answers = []
    for found in kept:
        curves, variance, action = found.curves, found.spend_variance, found.first_action
        if problem.budget_cap is not None:
            curves, variance, action = cut(curves, variance, action, problem.budget_cap)
        state_gap = state_gaps(curves, lines[found.stage], cap=problem.budget_cap)
        gap = float(state_gap.max())
        answers.append(
            CurveSet(
                problem=problem,
                curves=curves,
                spend_variance=variance,
                first_action=action,
                prices=prices if found.stage == 0 else lines[found.stage].price,
                gap=gap,
                state_gap=state_gap,
                rounding=_rounding(problem, found),
                method="exact",
                tolerance=tolerance,
                outcome=_outcome(gap, tolerance, pruned),
                stage=found.stage,
                intercept=lines[found.stage].intercept,
                pruning_error=found.heads.pruned if pruned else None,
            )
        )
    if not pruned:
        answers = [
            tightened(answer, otherwise=partial(_through_points, answer, lines[answer.stage]))
            for answer in answers
        ]
    return replace(answers[0], stages=tuple(answers[1:]))


def _through_points(answer: CurveSet, lines: PriceLines) -> CurveSet:
    """The same answer with curves through the points of the passes, which are policies evaluated.

    A slope inherits the digits that its states' values lose to one another (of 0.7 beside 1e9 there are nine
    left), and carries the error into states whose values are small.
    """
    cap = answer.problem.budget_cap
    curves, variance, action = curves_from_lines(lines, cap=cap)
    gaps = state_gaps(curves, lines, cap=cap)
    gap = float(gaps.max())
    return replace(
        answer, curves=curves, spend_variance=variance, first_action=action, gap=gap, state_gap=gaps,
        rounding=lines_rounding(lines), outcome=_outcome(gap, answer.tolerance, pruned=False),
    )  # fmt: skip


def _outcome(gap: float, tolerance: float, pruned: bool) -> Outcome:
    message = "pruning gave up more than the tolerance" if pruned and gap > tolerance else ""
    return Outcome.certified(gap=gap, tolerance=tolerance, message=message)


def _distinct(slopes: Floats) -> Floats:
    """Slopes in decreasing order, without those within PRICE_TIE of the one before."""
    ordered = np.unique(slopes)[::-1]
    if ordered.size == 0:
        return ordered
    return ordered[np.concatenate(([True], ordered[1:] < ordered[:-1] * (1 - PRICE_TIE)))]


def _rounding(problem: BudgetedMDP, found: StageCurves) -> float:
    """A bound on how far, in value, the curves may be from exact arithmetic on the same data.

    Every stage multiplies and sums over at most d successors, in the first values and in the gains;
    their sizes never exceed the largest value and gain at hand.
    """
    heads, used = found.heads, slice(0, found.size)
    gains = np.bincount(
        np.repeat(np.arange(problem.n_states), heads.number),
        found.segments.length[used] * found.segments.slope[used],
        minlength=problem.n_states,
    )
    assert problem.horizon is not None
    stages = problem.horizon - found.stage
    width = int(np.diff(problem.row_ptr).max(initial=0))
    size = float(np.max(np.abs(heads.value) + gains)) + float(np.abs(problem.pair_reward).max(initial=0.0))
    return float(heads.joined.max()) + 2 * stages * (width + 8) * UNIT_ROUNDOFF * size


def backup(
    problem: BudgetedMDP,
    *,
    pruning: PruningSchedule | None = None,
    monitor: Monitor | None = None,
    after: StageCurves | None = None,
) -> Iterator[StageCurves]:
    """The curves of each stage, the last decision first; a stage's arrays are reused two stages on.

    `after` is a stage already done, from whose curves the work goes on.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    """
    if problem.horizon is None:
        raise UsageError("the exact backup needs a finite horizon; use the sweep for an infinite one")
    horizon, monitor = problem.horizon, monitor or Monitor()
    exact = ((-1.0, -1.0, -1.0),) * horizon
    rules = exact if pruning is None else pruning.rules(horizon)
    model = model_of(problem)
    none = StageCurves(horizon, _no_heads(problem.n_states, problem.terminal_utility), _no_segments(0), 0)
    child = none if after is None else after.copy()
    spare = StageCurves(horizon, _no_heads(problem.n_states, problem.terminal_utility), _no_segments(0), 0)
    merged = _no_segments(0)
    for stage in range(child.stage - 1, -1, -1):
        reason = monitor.stop_reason()
        if reason is Termination.INTERRUPTED:
            raise InterruptedWork(f"interrupted with {stage + 1} of {horizon} stages to go")
        if reason is not None:
            raise LimitError(f"the time limit came with {stage + 1} of {horizon} stages to go")
        rule = rules[horizon - 1 - stage]
        segments, size, merged = _one_stage(model, child, spare, merged, rule, monitor)
        child, spare = StageCurves(stage, spare.heads, segments, size), child
        monitor.progress((horizon - stage) / horizon, f"stage {stage}: {size:,} segments")
        yield child


def model_of(problem: BudgetedMDP) -> kernels.Model:
    """The arrays of a problem, as the kernels take them."""
    return kernels.Model(
        problem.pair_ptr,
        problem.pair_action,
        problem.pair_row,
        problem.cost,
        problem.pair_reward,
        problem.row_ptr,
        problem.next_state,
        problem.probability,
        problem.discount,
        problem.cost_discount,
    )


def _one_stage(
    model: kernels.Model,
    child: StageCurves,
    spare: StageCurves,
    merged: kernels.Segments,
    rule: tuple[float, float, float],
    monitor: Monitor,
) -> tuple[kernels.Segments, int, kernels.Segments]:
    """Fill the spare's heads and segments from the child's curves, block after block of states."""
    segments, end = spare.segments, 0
    entries = np.concatenate(([0], np.cumsum(child.heads.number[model.next_state])))
    row_size = entries[model.row_ptr[1:]] - entries[model.row_ptr[:-1]]
    for low, high in _blocks(model.pair_ptr, np.cumsum(row_size[model.pair_row])):
        pairs = slice(model.pair_ptr[low], model.pair_ptr[high])
        rows, slot = np.unique(model.pair_row[pairs], return_inverse=True)
        begin = np.cumsum(row_size[rows]) - row_size[rows]
        needed = int(row_size[rows].sum())
        monitor.require_memory(32.0 * needed + 36.0 * segments.length.size, "the exact backup")
        if merged.length.size < needed:
            merged = _no_segments(needed + needed // 4)
        future = _no_heads(rows.size, np.zeros(rows.size))._replace(begin=begin)
        kernels.merge_rows(model, rows, child.heads, child.segments, future, merged)
        slots = np.zeros(model.pair_row.size, dtype=np.int64)
        slots[pairs] = slot
        done = low
        while True:
            done, end = kernels.envelopes(
                model, (done, high), slots, future, merged, rule, end, spare.heads, segments
            )
            if done == high:
                break
            room = int(future.number[slots[pairs]].sum()) + pairs.stop - pairs.start
            segments = _grown(segments, end, room)
    return segments, end, merged


def _blocks(pair_ptr: NDArray[np.int64], merged_size: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of states whose pairs' merged curves have at most about BLOCK segments together."""
    ends = np.concatenate(([0], merged_size))[pair_ptr]
    low, n = 0, pair_ptr.size - 1
    while low < n:
        high = int(np.searchsorted(ends, ends[low] + BLOCK, side="right")) - 1
        high = min(n, max(low + 1, high))
        yield low, high
        low = high


def _no_heads(n: int, value: Floats) -> kernels.Heads:
    zeros = [np.zeros(n) for _ in range(4)]
    counts = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    nothing = np.full(n, -1, dtype=np.int32)
    return kernels.Heads(*counts, zeros[0], value.copy(), zeros[1], nothing, zeros[2], zeros[3])


def _no_segments(size: int) -> kernels.Segments:
    length, slope, doubt, variance = (np.empty(size) for _ in range(4))
    return kernels.Segments(length, slope, doubt, variance, np.empty(size, dtype=np.int32))


def _grown(segments: kernels.Segments, used: int, room: int) -> kernels.Segments:
    """The same segments with place for `room` more, and a quarter to spare."""
    larger = _no_segments((used + room) * 5 // 4)
    for old, new in zip(segments, larger, strict=True):
        new[:used] = old[:used]
    return larger
