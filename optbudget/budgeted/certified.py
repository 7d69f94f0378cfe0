"""From the lines of all prices to the answer: curves, their gap, and why the work ended."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from optbudget.budgeted.bracket import curves_from_lines, state_gaps
from optbudget.budgeted.lines import GrowingLines, PriceLines
from optbudget.certify.gaps import proved_gaps
from optbudget.curves import Curves
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination

Floats = NDArray[np.float64]
Room = Callable[[int, DTypeLike], NDArray[Any]]

FOLLOWED = 200
"""States up to which the checker's own bounds are asked for,"""
WORTH_FOLLOWING = 2e7
"""and row entries times prices times decisions: about a second."""

WHY = {
    Termination.TIME_LIMIT: "the time limit was reached",
    Termination.MEMORY_LIMIT: "more prices would not fit into the memory limit",
    Termination.INTERRUPTED: "the work was interrupted",
    Termination.UNKNOWN: "the work was stopped",
    Termination.NUMERICAL: "rounding, or the largest number of prices, allows no better",
}


def kept_stages(problem: BudgetedMDP, keep: bool) -> range:
    """The stages besides now whose curves are kept."""
    return range(1, problem.horizon or 1) if keep else range(0)


class Proved(NamedTuple):
    """Curves of some states, with their points' variances and actions, and each state's gap, (n,)."""

    curves: Curves
    variance: Floats
    action: NDArray[np.int32]
    gap: Floats

    @classmethod
    def gathered(
        cls, parts: "Iterable[Proved]", states: int, segments: int, room: Room = np.empty
    ) -> "Proved":
        """Of all states, from parts that come one after another and of which none is kept.

        segments : at least as many as all parts have; room that is not needed is never touched
        room : makes an array of a size and type to be filled
        """
        start_budget, start_value, gap = (room(states, np.float64) for _ in range(3))
        length, gain = room(segments, np.float64), room(segments, np.float64)
        variance, action = room(segments + states, np.float64), room(segments + states, np.int32)
        pointer = np.zeros(states + 1, dtype=np.int64)
        n = k = 0
        for part in parts:
            curves = part.curves
            own, pieces = len(curves), curves.length.size
            for to, of in ((start_budget, curves.start_budget), (start_value, curves.start_value),
                           (gap, part.gap), (pointer[1:], k + curves.indptr[1:])):  # fmt: skip
                to[n : n + own] = of
            length[k : k + pieces], gain[k : k + pieces] = curves.length, curves.gain
            points = slice(n + k, n + k + own + pieces)
            variance[points], action[points] = part.variance, part.action
            n, k = n + own, k + pieces
        length, gain = length[:k], gain[:k]
        for array in (start_budget, start_value, length, gain, pointer):
            array.flags.writeable = False  # Else they would be copied.
        curves = Curves(start_budget, start_value, pointer, length, gain)
        return cls(curves, variance[: n + k], action[: n + k], gap)


def proved(lines: PriceLines | GrowingLines, cap: float | None) -> Proved:
    """The curves through the points of the lines up to a budget, and the gaps that the lines prove."""
    if isinstance(lines, GrowingLines):
        parts = (proved(block, cap) for block in lines.blocks())
        return Proved.gathered(parts, lines.n_states, lines.n_states * len(lines))
    curves, variance, action = curves_from_lines(lines, cap=cap)
    return Proved(curves, variance, action, state_gaps(curves, lines, cap=cap))


def answer_of(
    problem: BudgetedMDP,
    found: Proved,
    prices: Floats,
    rounding: float,
    *,
    method: str,
    tolerance: float,
    stopped: Termination | None = None,
    message: str = "",
) -> CurveSet:
    """The answer of stage 0 that consists of these curves."""
    gap = float(found.gap.max())
    return CurveSet(
        problem=problem,
        curves=found.curves,
        spend_variance=found.variance,
        first_action=found.action,
        prices=prices,
        gap=gap,
        state_gap=found.gap,
        rounding=rounding,
        method=method,
        tolerance=tolerance,
        outcome=_outcome(gap, tolerance, stopped, message),
    )


def certified(
    problem: BudgetedMDP,
    lines: Mapping[int, PriceLines | GrowingLines],
    *,
    method: str,
    tolerance: float,
    stopped: Termination | None = None,
    message: str = "",
) -> CurveSet:
    """The curves through the points of the lines, with the gap that the lines prove.

    Parameters
    ----------
    lines : per stage, stage 0 among them; from price inf to price 0. Of those left as they came the
        answer keeps no intercepts
    stopped : why no more prices were asked for, if the tolerance was not met
    message : what to say besides
    """
    answers = {}
    for stage, found in lines.items():
        answer = answer_of(
            problem, proved(found, problem.budget_cap), found.price, lines_rounding(found),
            method=method, tolerance=tolerance, stopped=stopped, message=message,
        )  # fmt: skip
        intercept = found.intercept if isinstance(found, PriceLines) else None
        answers[stage] = replace(answer, stage=stage, intercept=intercept)
    if stopped in (None, Termination.NUMERICAL):
        answers = {stage: tightened(answer) for stage, answer in answers.items()}
    later = tuple(answers[stage] for stage in sorted(answers) if stage > 0)
    widest = max(answer.gap for answer in answers.values())
    return replace(answers[0], stages=later, outcome=_outcome(widest, tolerance, stopped, message))


def tightened(answer: CurveSet, *, otherwise: Callable[[], CurveSet] | None = None) -> CurveSet:
    """The same answer with the checker's own gaps where these are worth their time.

    The passes bound rounding by the largest numbers of a stage; the checker follows each state. That
    matters where states differ by many orders of magnitude: its gaps are mostly narrower, and where they
    are wider ours would not be proved. `otherwise` makes the answer to take where rounding lifts a curve
    above what it achieves by more than is excused.
    """
    problem = answer.problem
    assert problem.horizon is not None
    decisions = problem.horizon - answer.stage
    work = problem.next_state.size * answer.prices.size * decisions
    if answer.gap <= OPTIMAL_GAP or not problem.n_states <= FOLLOWED or work > WORTH_FOLLOWING:
        return answer
    gaps, lines, achieved = proved_gaps(answer, decisions=decisions)
    if not achieved and otherwise is not None:
        return tightened(otherwise())
    gap = float(gaps.max())
    intercept = lines if answer.intercept is None else np.fmin(answer.intercept, lines)
    stopped = answer.outcome.termination
    stopped = Termination.NUMERICAL if stopped in (Termination.OPTIMAL, Termination.TOLERANCE) else stopped
    outcome = _outcome(gap, answer.tolerance, stopped, "")
    return replace(answer, gap=gap, state_gap=gaps, intercept=intercept, outcome=outcome)


def _outcome(gap: float, tolerance: float, stopped: Termination | None, message: str) -> Outcome:
    reason = stopped or Termination.NUMERICAL
    if gap > tolerance:
        message = "; ".join(filter(None, (message, f"{WHY[reason]}: the gap is {gap:.1e}")))
    return Outcome.certified(gap=gap, tolerance=tolerance, stopped=reason, message=message)


def lines_rounding(lines: PriceLines | GrowingLines) -> float:
    """Largest rounding bound of a point's value and of its spend at its price."""
    finite = np.where(np.isinf(lines.price), 0.0, lines.price)
    return float((lines.vector("value_error") + finite * lines.vector("spend_error")).max())


def without_proof(answer: CurveSet) -> CurveSet:
    """The same answer; a gap of inf proves nothing, so then it is not certified and says what helps.

    Where its own gains or slopes have overflowed, there is no answer either.
    """
    if answer.outcome.solution is not Solution.CERTIFIED:
        return answer
    curves = answer.curves
    with np.errstate(over="ignore"):
        whole = bool(np.isfinite(curves.gain / curves.length).all() and np.isfinite(curves.start_value).all())
    if whole and math.isfinite(answer.gap):
        return answer
    advice = (
        "the numbers are too large, or costs too small beside them, to bound the answer; "
        "rescale costs and utilities, e.g. count in millions"
    )
    message = "; ".join(filter(None, (answer.outcome.message, advice)))
    solution = Solution.FEASIBLE if whole else Solution.NONE
    return replace(answer, gap=math.nan, outcome=Outcome(Termination.NUMERICAL, solution, message))
