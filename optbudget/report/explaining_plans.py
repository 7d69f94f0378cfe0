"""Explanations in words of what is more than one split: plans with arrivals, and several budget lines."""

import math

import numpy as np

from optbudget.problems import PolicyMixture
from optbudget.problems.arrival_explanation import ArrivalExplanation
from optbudget.problems.explanation import Binding
from optbudget.report.budget_lines import price_in_words
from optbudget.report.tables import NOTHING, Grid
from optbudget.report.words import budget_label, number, unit_of_money

FEW = 5
"""Moves of money between lines that are named."""


def arrivals_explanation_grid(why: ArrivalExplanation, *, limit: int = 30) -> Grid:
    """One row per stage and state of arrival: what a unit of money has to return then, and what it would."""
    problem = why.plan.curves.problem
    rows = tuple(
        (
            str(why.stage[k]), problem.labels[why.state[k]], number(why.expected[k]), number(why.budget[k]),
            number(why.price[k]), _amount(why.last_price[k]), _amount(why.next_price[k]),
            why.binding[k].value,
        )
        for k in range(min(limit, why.stage.size))
    )  # fmt: skip
    hidden = why.stage.size - len(rows)
    note = "Price, last and next: value per unit of money, both seen from the stage of arrival."
    note += f" {hidden:,} more are not shown." if hidden else ""
    each = f">{budget_label(problem.money_unit)} of each"
    columns = (">stage", "state", ">expected", each, ">price then", ">last", ">next", "why no more")
    return Grid("Why this much for those who come", columns, rows, note)


def arrivals_explanation_sentences(why: ArrivalExplanation) -> list[str]:
    """What the next unit of money would buy and for whom, what stays unspent, and what is set aside."""
    plan, here = why.plan, why.here
    problem = plan.curves.problem
    unit = unit_of_money(problem.money_unit)
    if plan.price <= 0:
        return [f"One more {unit} is worth nothing: {plan.why_unspent or 'everyone has all it can use'}."]
    said = [f"One more {unit} is worth {number(plan.price)} now, for those here and those to come alike."]
    ends = [k for k, reason in enumerate(why.binding) if reason is Binding.MONEY]
    if here.marginal >= 0:
        said.append(f"It would go to {here.name(here.marginal)!r} here.")
    elif ends:
        k = ends[0]
        said.append(
            f"It would be set aside for {problem.labels[why.state[k]]!r} coming at stage {why.stage[k]}, "
            f"where a unit of money is worth {number(why.next_price[k])} then."
        )
    if plan.unspent > NOTHING * max(1.0, plan.spent):
        said.append(f"{number(plan.unspent)} stays unspent: {plan.why_unspent}.")
    if problem.discount != problem.cost_discount and why.stage.size:
        k = int(why.stage.argmax())
        said.append(
            "Value and money are discounted apart, so a unit of money has to return "
            f"{number(why.price[k])} at stage {why.stage[k]} to be worth that."
        )
    said.append(
        f"Those here have {number(plan.here.spent)} of {number(plan.budget, 8)}, and "
        f"{number(plan.set_aside)} waits for those who come."
    )
    return said


def line_sentences(answer: PolicyMixture) -> list[str]:
    """What each budget line does at the margin, and what moving money between two would add."""
    names, price = answer.lines.names, answer.price
    if answer.share.size == 0:
        return [f"There is no plan: {answer.outcome.message}."]
    said = [f"{name}: {price_in_words(answer, j)}." for j, name in enumerate(names)]
    moves = []
    for a in range(price.size):
        for b in range(price.size):
            alike = answer.lines.resource[a] == answer.lines.resource[b]
            apart = (
                answer.lines.end[b] <= answer.lines.first[a] or answer.lines.end[a] <= answer.lines.first[b]
            )
            gain = float(price[b] - price[a])
            if alike and apart and gain > NOTHING * float(price.max()):
                moves.append((gain, a, b))
    unit = unit_of_money(answer.lines.problem.money_unit)
    for gain, a, b in sorted(moves, key=lambda move: (-move[0], move[1]))[:FEW]:
        what = f"One {unit}" if not answer.lines.resource[a] else "One unit"
        said.append(f"{what} moved from {names[a]} to {names[b]} would add up to {number(gain, 4)}.")
    if np.count_nonzero(price > 0) == 0 and not math.isnan(answer.bound):
        said.append("No line holds anything back: the plan is the best without them.")
    return said


def _amount(value: float) -> str:
    return "" if math.isnan(value) else number(value)
