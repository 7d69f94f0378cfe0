"""From the lines of all prices to the answer: curves, their gap, and why the work ended."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optbudget.budgeted.bracket import curves_from_lines, state_gaps
from optbudget.budgeted.lines import PriceLines
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import Outcome, Termination

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


def certified(
    problem: BudgetedMDP,
    lines: Mapping[int, PriceLines],
    *,
    method: str,
    tolerance: float,
    stopped: Termination | None = None,
    message: str = "",
) -> CurveSet:
    """The curves through the points of the lines, with the gap that the lines prove.

    Parameters
    ----------
    lines : per stage, stage 0 among them; from price inf to price 0
    stopped : why no more prices were asked for, if the tolerance was not met
    message : what to say besides
    """
    answers = {}
    for stage, found in lines.items():
        curves, variance, action = curves_from_lines(found, cap=problem.budget_cap)
        gaps = state_gaps(curves, found, cap=problem.budget_cap)
        gap = float(gaps.max())
        answers[stage] = CurveSet(
            problem=problem,
            curves=curves,
            spend_variance=variance,
            first_action=action,
            prices=found.price,
            gap=gap,
            state_gap=gaps,
            rounding=_rounding(found),
            method=method,
            tolerance=tolerance,
            outcome=_outcome(gap, tolerance, stopped, message),
            stage=stage,
            intercept=found.intercept,
        )
    later = tuple(answers[stage] for stage in sorted(answers) if stage > 0)
    widest = max(answer.gap for answer in answers.values())
    return replace(answers[0], stages=later, outcome=_outcome(widest, tolerance, stopped, message))


def _outcome(gap: float, tolerance: float, stopped: Termination | None, message: str) -> Outcome:
    reason = stopped or Termination.NUMERICAL
    if gap > tolerance:
        message = "; ".join(filter(None, (message, f"{WHY[reason]}: the gap is {gap:.1e}")))
    return Outcome.certified(gap=gap, tolerance=tolerance, stopped=reason, message=message)


def _rounding(lines: PriceLines) -> float:
    """Largest rounding bound of a point's value and of its spend at its price."""
    finite = np.where(np.isinf(lines.price), 0.0, lines.price)
    return float((lines.value_error + finite * lines.spend_error).max())
