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
from optbudget.planning.unintended import unintended
from optbudget.problems import (
    Allocation,
    ArrivalAllocation,
    BudgetedMDP,
    CurveSet,
    PolicyMixture,
    Verification,
)
from optbudget.report._extra import needs_extra
from optbudget.report.names import WIDE, in_full
from optbudget.report.plan_words import PlanWords, more_money_words, words_of_arrivals, words_of_lines
from optbudget.report.selection import beside_today, leading_states, units_by_state
from optbudget.report.tables import (
    Grid,
    allocation_grid,
    baseline_grid,
    curve_grid,
    limits_grid,
    verification_grid,
)
from optbudget.report.unintended import TITLE, unintended_grid, unintended_sentences
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
    answer: CurveSet | Allocation | ArrivalAllocation | PolicyMixture,
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
    answer : curves of every state, an allocation, one with units still to come, or a plan for several lines
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
    if not isinstance(answer, CurveSet | Allocation | ArrivalAllocation | PolicyMixture):
        raise UsageError(
            f"there is no page for a {type(answer).__name__}; report curves, an allocation, or a plan with "
            "arrivals or budget lines"
        )
    if answer.outcome.solution is Solution.NONE:
        why = answer.outcome.message or answer.outcome.termination.name
        raise NoAnswerError(f"there is no answer to report: {why}")
    problem = answer.lines.problem if isinstance(answer, PolicyMixture) else _curves_of(answer).problem
    sound = verification is None or verification.ok
    said = _words(answer, sound)
    fields = {
        "title": problem.title or (problem.folder.name if problem.folder else "Budget report"),
        "asked": said.asked,
        "sound": sound,
        "verdict": _verdict(verification),
        "answered": said.answered,
        "model": _model_lines(problem),
        "tables": said.tables,
        "figures": _figures(answer),
        "today": _beside_today(baseline) if baseline else None,
        "besides": _besides(answer),
        "comparison": comparison,
        "proof": said.proof,
        "verification": verification_grid(verification) if verification else None,
        "folder": folder,
        "rational": not isinstance(answer, PolicyMixture),
        "price_label": price_label(problem.money_unit),
        "version": __version__,
        "model_hash": problem.folder.sha256 if problem.folder else "",
        "method": said.method,
    }
    environment = Environment(
        loader=PackageLoader("optbudget.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    target = Path(path)
    target.write_text(environment.get_template("page.html").render(fields), encoding="utf-8")
    return target


def _curves_of(answer: CurveSet | Allocation | ArrivalAllocation) -> CurveSet:
    return answer if isinstance(answer, CurveSet) else answer.curves


def _words(answer: CurveSet | Allocation | ArrivalAllocation | PolicyMixture, sound: bool) -> PlanWords:
    """What was asked, answered and proved, with its tables."""
    if isinstance(answer, PolicyMixture):
        return words_of_lines(answer, sound)
    if isinstance(answer, ArrivalAllocation):
        return words_of_arrivals(answer, sound)
    method = f"curves by {_curves_of(answer).method}"
    if isinstance(answer, CurveSet):
        tables = (curve_grid(answer),)
        return PlanWords(
            _asked_of_curves(answer), _answer_of_curves(answer), _proof_of_curves(answer), tables, method
        )
    limits = () if answer.limits is None else (limits_grid(answer),)
    return PlanWords(
        _asked_of_split(answer),
        _answer_of_split(answer, sound),
        _proof_of_split(answer),
        (allocation_grid(answer), *limits),
        method,
    )


def _figures(answer: CurveSet | Allocation | ArrivalAllocation | PolicyMixture) -> list[Figure]:
    if isinstance(answer, Allocation):
        return _split_figures(answer)
    return [] if isinstance(answer, PolicyMixture) else _curve_figures(_curves_of(answer))


def _asked_of_split(answer: Allocation) -> str:
    states = int((answer.population.count > 0).sum())
    who = f"{plural(answer.population.size, 'unit')} in {plural(states, 'state')}"
    under = f", within limits ({answer.limits.summary})," if answer.limits is not None else ","
    return (
        f"How should a budget of {number(answer.budget, 10)} be split over {who}{under} so that together "
        "they are worth most?"
    )


def _kept(answer: Allocation) -> str:
    """What a policy must keep for the bound to hold of it."""
    return "the budget" if answer.limits is None else "the budget and the limits"


def _answer_of_split(answer: Allocation, sound: bool) -> str:
    if not sound:
        stated = f"a value of {number(answer.value, 7)} for a spend of {number(answer.spent, 7)}"
        return f"The result states {stated}. The check did not confirm it."
    text = f"The best split is worth {number(answer.value, 7)}"
    if answer.limits is not None:
        text = f"The best split within the limits is worth {number(answer.value, 7)}"
    if answer.outcome.solution is Solution.CERTIFIED:
        most = number(answer.bound, 7)
        nothing = "no split that draws nobody's budget" if answer.method == "ip" else "nothing"
        text += f", and it is proved that {nothing} within {_kept(answer)} is worth more than {most}"
    text += more_money_words(answer)
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
    if answer.method == "ip":
        return [
            achieved,
            f"No split within {_kept(answer)} that gives every unit a useful budget, and draws none, is "
            f"worth more than {number(answer.bound, 12)}. A split that draws one unit's budget may be.",
            f"The difference is {answer.gap_absolute:.2g}, a relative gap of {answer.gap:.2g}.",
        ]
    how = "at one price of money the units separate, and the sum of their best values is the bound."
    if answer.limits is not None:
        how = (
            "at one price of money, and a multiplier for each limit of a group that binds, the units "
            "separate. Their best values within their own limits, and what the limits hold at their "
            "multipliers, sum to the bound."
        )
    return [
        achieved,
        f"No policy whose expected spend keeps {_kept(answer)} is worth more than "
        f"{number(answer.bound, 12)}, however it moves money between units on the way: {how}",
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
    risk = problem.risk
    reward += "" if risk is None else f" \N{MINUS SIGN} {number(risk.weight)} × risk ({risk.name})"
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
    spot = (
        "What the whole budget buys, for every budget. The marked point is this split; where the lower "
        "panel falls to zero, more money buys nothing."
    )
    if answer.limits is not None:
        spot = (
            "What money buys where there are no limits, for every spend. The marked point is this split; how "
            "far it lies below the curve is what the limits cost."
        )
    figures = [
        Figure(
            "The sweet spot",
            spot,
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
    return figures + _curve_figures(curves, served, limited=answer.limits is not None)


def _curve_figures(answer: CurveSet, served: Sequence[str] = (), *, limited: bool = False) -> list[Figure]:
    """Curves of the states that are served, then of those that gain most from money."""
    common = "a level common to all"
    common += " whom no limit holds" if limited else ""
    leading = leading_states(answer, charts.COLOURS)
    states = list(dict.fromkeys([*served, *leading]))[: len(charts.COLOURS)]
    return [
        Figure(
            "One unit",
            _captioned(
                "What one unit is worth by its state and its own budget; below, what one more unit of money "
                f"adds. An optimal split gives to each state until its price has fallen to {common}.",
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


def _besides(answer: CurveSet | Allocation | ArrivalAllocation | PolicyMixture) -> dict[str, object] | None:
    """The unintended consequences of a split whose reward has a risk held against it, and in words."""
    if not isinstance(answer, Allocation) or answer.curves.problem.risk is None:
        return None
    try:
        found = unintended(answer)
    except NoAnswerError as error:
        return {"title": TITLE, "sentences": [f"It cannot be said: {error}."], "table": None}
    return {
        "title": TITLE, "sentences": unintended_sentences(found),
        "table": unintended_grid(found) if found.consequences else None,
    }  # fmt: skip


def _captioned(caption: str, names: Sequence[str]) -> str:
    """A caption, and in full the names that the chart shortens."""
    return f"{caption} {in_full(names, WIDE)}".rstrip()


def _starting_curve(answer: CurveSet) -> Curve:
    return weighted_sum(answer.curves, answer.problem.initial)
