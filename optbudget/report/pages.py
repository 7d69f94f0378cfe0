"""One static page that a person can keep, send and print: the answer, its figures and its proof.

The page asks for nothing outside itself (its own content policy forbids it), runs no script, and
escapes every name. Equal answers give equal bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optbudget import __version__
from optbudget.allocation import BaselineComparison
from optbudget.curves import Curve, weighted_sum
from optbudget.errors import NoAnswerError, UsageError
from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Verification
from optbudget.report._extra import needs_extra
from optbudget.report.names import WIDE, in_full
from optbudget.report.selection import beside_today, leading_states, units_by_state
from optbudget.report.tables import Grid, allocation_grid, baseline_grid, curve_grid, verification_grid
from optbudget.report.words import number, plural, price_label
from optbudget.status import Solution

with needs_extra("report"):
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from optbudget.report import charts


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawn chart with the sentence that says what to see in it."""

    title: str
    caption: str
    svg: str


def page(
    answer: CurveSet | Allocation,
    path: str | Path,
    *,
    verification: Verification | None = None,
    folder: str = "RESULT",
    comparison: Sequence[Grid] = (),
    baseline: BaselineComparison | None = None,
) -> Path:
    """Write one HTML file that reports an answer to people who were not there.

    Parameters
    ----------
    answer : curves of every state, or an allocation
    path : the file to write
    verification : what `verify(answer)` found, if it was asked; listed statement by statement. Where a
        statement failed the page says so first, and claims nothing
    folder : name of the result folder, for the command that checks it
    comparison : tables to add, such as the paper's numbers beside ours
    baseline : what is done today, held against this allocation

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    MissingExtraError
        If Altair or Jinja is not installed; the message is the command that installs them.
    NoAnswerError
        If there is nothing in hand to report; the message says why.
    UsageError
        If the answer is of a kind that has no page.
    """
    if not isinstance(answer, CurveSet | Allocation):
        raise UsageError(f"there is no page for a {type(answer).__name__}; report curves or an allocation")
    if answer.outcome.solution is Solution.NONE:
        why = answer.outcome.message or answer.outcome.termination.name
        raise NoAnswerError(f"there is no answer to report: {why}")
    split = answer if isinstance(answer, Allocation) else None
    curves = split.curves if split else answer
    assert isinstance(curves, CurveSet)
    problem = curves.problem
    sound = verification is None or verification.ok
    fields = {
        "title": problem.title or (problem.folder.name if problem.folder else "Budget report"),
        "asked": _asked_of_split(split) if split else _asked_of_curves(curves),
        "sound": sound,
        "verdict": _verdict(verification),
        "answered": _answer_of_split(split, sound) if split else _answer_of_curves(curves),
        "model": _model_lines(problem),
        "table": allocation_grid(split) if split else curve_grid(curves),
        "figures": _split_figures(split) if split else _curve_figures(curves),
        "today": _beside_today(baseline) if baseline else None,
        "comparison": comparison,
        "proof": _proof_of_split(split) if split else _proof_of_curves(curves),
        "verification": verification_grid(verification) if verification else None,
        "folder": folder,
        "price_label": price_label(problem.money_unit),
        "version": __version__,
        "model_hash": problem.folder.sha256 if problem.folder else "",
        "method": curves.method,
    }
    environment = Environment(
        loader=PackageLoader("optbudget.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    target = Path(path)
    target.write_text(environment.get_template("page.html").render(fields), encoding="utf-8")
    return target


def _asked_of_split(answer: Allocation) -> str:
    states = int((answer.population.count > 0).sum())
    who = f"{plural(answer.population.size, 'unit')} in {plural(states, 'state')}"
    return (
        f"How should a budget of {number(answer.budget, 10)} be split over {who}, so that together they are "
        "worth most?"
    )


def _answer_of_split(answer: Allocation, sound: bool) -> str:
    if not sound:
        stated = f"a value of {number(answer.value, 7)} for a spend of {number(answer.spent, 7)}"
        return f"The result states {stated}. The check did not confirm it."
    text = f"The best split is worth {number(answer.value, 7)}"
    if answer.outcome.solution is Solution.CERTIFIED:
        most = number(answer.bound, 7)
        text += f", and it is proved that nothing within the budget is worth more than {most}"
    text += (
        f"; one more unit of money would add {number(answer.price, 4)}."
        if answer.price > 0
        else "; more money would add nothing."
    )
    if answer.method == "uniform":
        text = text.replace("The best split", "An equal share for every unit")
    if answer.why_unspent:
        text += f" Of the budget {number(answer.unspent)} is left: {answer.why_unspent}."
    return text


def _asked_of_curves(answer: CurveSet) -> str:
    return (
        f"For each of {plural(len(answer), 'state')}: what is a unit worth, as a function of the money that "
        "may be spent on it, for every budget at once?"
    )


def _answer_of_curves(answer: CurveSet) -> str:
    start = _starting_curve(answer)
    names = [answer.problem.labels[i] for i in np.flatnonzero(answer.problem.initial > 0)]
    who = f"A unit that begins in {names[0]}" if len(names) == 1 else "A unit at its beginning, on average,"
    least = f"at its least feasible budget, {number(start.least_budget)},"
    floor = "without spending" if start.least_budget == 0 else least
    return (
        f"{who} is worth {number(start.start_value)} {floor} and at most {number(float(start.values[-1]))}, "
        f"which a budget of {number(start.largest_useful_budget)} reaches."
    )


def _proof_of_split(answer: Allocation) -> list[str]:
    achieved = (
        f"The split above achieves {number(answer.value, 12)} in expectation and spends "
        f"{number(answer.spent, 12)} in expectation."
    )
    if answer.outcome.solution is not Solution.CERTIFIED:
        return [achieved, "No upper bound was proved for it."]
    return [
        achieved,
        f"No policy whose expected spend keeps the budget is worth more than {number(answer.bound, 12)}, "
        "however it moves money between units on the way: at one price of money the units separate, and the "
        "sum of their best values is the bound.",
        f"The difference is {answer.gap_absolute:.2g}, a relative gap of {answer.gap:.2g}.",
    ]


def _proof_of_curves(answer: CurveSet) -> list[str]:
    if answer.outcome.solution is not Solution.CERTIFIED:
        return ["The values can be achieved. No upper bound was proved for them."]
    return [
        "Every breakpoint of every curve is achieved by a policy in hand.",
        "At every budget of every state, no policy is worth more than the curve by a relative "
        f"{answer.gap:.2g}: each of {plural(int(answer.prices.size), 'price')} gives a straight line above "
        "the curve, and the lines close in on it.",
    ]


def _verdict(verification: Verification | None) -> str:
    """What a check found, just now, or that there was none."""
    if verification is None:
        return (
            "The proof of this answer was not checked when this page was written; the command below does it."
        )
    how = "when this page was written, by code that shares nothing with the solver"
    failed = sum(not check.ok for check in verification.checks)
    size = plural(len(verification.checks), "statement")
    if not verification.ok:
        found = f"{failed} of {size} could NOT be proved" if size != "0 statements" else "nothing was proved"
        return f"The check of this answer FAILED. Checked {how}: {found}. Do not rely on this answer."
    return f"Checked {how}: all {size} are proved."


def _model_lines(problem: BudgetedMDP) -> list[tuple[str, str]]:
    horizon = "infinite" if problem.horizon is None else plural(problem.horizon, "decision")
    reward = "utility minus cost" if problem.reward == "net" else "utility"
    spend = "undiscounted" if problem.cost_discount == 1 else f"discounted by {number(problem.cost_discount)}"
    lines = [
        ("Model", problem.folder.name if problem.folder else problem.title or "given in memory"),
        ("Size", f"{plural(problem.n_states, 'state')}, {plural(len(problem.actions), 'action')}"),
        ("Horizon", horizon),
        ("Value", f"{reward}, discounted by {number(problem.discount)}"),
        ("Spend", f"in {problem.money_unit}, {spend}, kept in expectation"),
    ]
    return lines + ([("Source", problem.source)] if problem.source else [])


def _split_figures(answer: Allocation) -> list[Figure]:
    curves, problem = answer.curves, answer.curves.problem
    total = weighted_sum(curves.curves, answer.population.count)
    served = [share.label for share in units_by_state(answer)]
    figures = [
        Figure(
            "The sweet spot",
            "What the whole budget buys, for every budget. The marked point is this split; where the lower "
            "panel falls to zero, more money buys nothing.",
            Markup(charts.sweet_spot_chart(total, problem, spent=answer.spent, value=answer.value)),
        )
    ]
    if len(served) > 1:
        figures.append(
            Figure(
                "Where the money goes",
                _captioned(
                    "Money by state; beside each bar, units × mean budget of one.", served[: charts.BARS]
                ),
                Markup(charts.allocation_chart(answer)),
            )
        )
    return figures + _curve_figures(curves, served)


def _curve_figures(answer: CurveSet, served: Sequence[str] = ()) -> list[Figure]:
    """Curves of the states that are served, then of those that gain most from money."""
    leading = leading_states(answer, charts.COLOURS)
    states = list(dict.fromkeys([*served, *leading]))[: len(charts.COLOURS)]
    return [
        Figure(
            "One unit",
            _captioned(
                "What one unit is worth by its state and its own budget; below, what one more unit of money "
                "adds. An optimal split gives to each state until its price has fallen to a level common to "
                "all.",
                states,
            ),
            Markup(charts.curves_chart(answer, states)),
        )
    ]


def _beside_today(today: BaselineComparison) -> dict[str, object]:
    """The baseline against the split: a sentence, a table and a chart."""
    more = "more" if today.change >= 0 else "less"
    states = beside_today(today)[: charts.BARS]
    caption = "Money for each state, where most of it moves first."
    return {
        "sentence": f"What is done today spends {number(today.total_budget)} and is worth "
        f"{number(today.total_value)}; this split spends {number(today.allocation.spent)} and is worth "
        f"{number(today.allocation.value)}, {number(abs(today.change))} {more}.",
        "table": baseline_grid(today),
        "figure": Figure(
            "Where the money moves",
            _captioned(caption, [row.label for row in states]),
            Markup(charts.baseline_chart(today)),
        ),
    }


def _captioned(caption: str, names: Sequence[str]) -> str:
    """A caption, and in full the names that the chart shortens."""
    return f"{caption} {in_full(names, WIDE)}".rstrip()


def _starting_curve(answer: CurveSet) -> Curve:
    return weighted_sum(answer.curves, answer.problem.initial)
