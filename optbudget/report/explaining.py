"""An explanation in words: why each state has what it has, what would change it, and what changed."""

import math

import numpy as np

from optbudget.allocation import limit_worths, worth_of_more
from optbudget.problems import Allocation
from optbudget.problems.explanation import Binding, Difference, Explanation
from optbudget.report.tables import NOTHING, Grid
from optbudget.report.words import budget_label, number, plural, unit_of_money


def explanation_grid(why: Explanation, *, limit: int = 30) -> Grid:
    """One row per state, most money first: what the last and the next money are worth, and what binds."""
    order = np.argsort(-why.units * why.budget, kind="stable")
    rows = tuple(
        (
            why.name(k),
            f"{why.units[k]:,}",
            number(why.budget[k]),
            _amount(why.last.price[k]),
            _amount(why.next.price[k]),
            _why_no_more(why, k),
            _amount(why.last.total[k]),
            _amount(why.next.total[k]),
        )
        for k in order[:limit].tolist()
    )
    hidden = order.size - len(rows)
    note = "Last and next: value per unit of money. Less, more: the total budgets at which a state gets it."
    note += f" {hidden:,} more states are not shown; --state shows one." if hidden else ""
    money = budget_label(why.allocation.curves.problem.money_unit)
    columns = (
        "state", ">units", f">{money} of each", ">last", ">next", "why no more", ">less below",
        ">more above",
    )  # fmt: skip
    return Grid(
        f"Why these budgets: money is worth {number(why.allocation.price)} elsewhere", columns, rows, note
    )


def explanation_sentences(why: Explanation) -> list[str]:
    """What the next money would buy and where, what stays unspent, and what binds how many."""
    answer = why.allocation
    problem = answer.curves.problem
    unit = unit_of_money(problem.money_unit)
    said = []
    k = why.marginal
    if not why.by_price:
        said.append(
            f"This split ({answer.method}) does not follow the price, so steps worth more than others may be "
            "left undone; greedy finds the split that leaves none."
        )
    elif (worth := worth_of_more(answer)) != answer.price:
        said += _more_under_shares(why, worth)
    elif k >= 0:
        said.append(
            f"One more {unit} is worth {number(answer.price)}. It would go to {why.name(k)!r}, where "
            f"{_step_words(why, k)}."
        )
    else:
        said.append(
            f"One more {unit} is worth nothing: {answer.why_unspent or 'every unit has all it can use'}."
        )
    if answer.unspent > NOTHING * max(1.0, answer.spent) and k >= 0:
        said.append(f"{number(answer.unspent)} stays unspent: {answer.why_unspent}.")
    said += _limit_sentences(answer, unit)
    units = {reason: int(why.units[[b is reason for b in why.binding]].sum()) for reason in Binding}
    for reason, many in units.items():
        if many and reason is not Binding.MONEY:
            said.append(f"{plural(many, 'unit')}: {reason.sentence}.")
    return said


def _why_no_more(why: Explanation, k: int) -> str:
    """The reason in a word, and the limit behind it: a most in its place, a least beside it."""
    reason, limit = why.binding[k].value, why.limit[k]
    return f"{reason} ({limit})" if limit.startswith("least") else limit or reason


def _more_under_shares(why: Explanation, worth: float) -> list[str]:
    """What more money does where every unit's least share grows with it."""
    answer, k = why.allocation, why.marginal
    unit = unit_of_money(answer.curves.problem.money_unit)
    adds = f"is worth {number(worth)}" if worth >= 0 else f"costs {number(-worth)}"
    said = [f"One more {unit} {adds}: it raises the least share of every unit as well."]
    if k >= 0:
        said.append(
            f"Where no share holds it, money is worth {number(answer.price)}, in {why.name(k)!r} for one: "
            f"{_step_words(why, k)}."
        )
    return said


def _limit_sentences(answer: Allocation, unit: str, *, limit: int = 20) -> list[str]:
    """Every limit that binds, and what moving it by one unit of money is worth; the dearest first."""
    found = [one for one in limit_worths(answer) if one.worth > 0]
    relaxed = ", where units may be randomised" if answer.method == "ip" else ""
    said = []
    for one in sorted(found, key=lambda one: -one.worth)[:limit]:
        change = "raising" if one.side == "most" else "lowering"
        whom = one.name.removeprefix("group ")
        whose = f"The {one.side} of {whom}" if one.name != "least share" else "The least share"
        at_most = "" if one.exact else "at most "
        each = "" if one.name.startswith(("group ", "unit ")) else " for each"
        said.append(
            f"{whose}, {number(one.limit, 8)}, binds: {change} it by one {unit}{each} is worth "
            f"{at_most}{number(one.worth)}{relaxed}."
        )
    return said + ([f"{len(found) - limit:,} limits more bind."] if len(found) > limit else [])


def state_sentences(why: Explanation, label: str) -> list[str]:
    """Everything about one state: what its units have, what they could have, what it would take."""
    answer, places = why.allocation, why.places(label)
    curve, unit = answer.curves[label], unit_of_money(answer.curves.problem.money_unit)
    useful = (
        f"Its useful budgets go from {number(curve.least_budget)} to {number(curve.largest_useful_budget)}"
    )
    if not places:
        first = f"; the first {unit} above it is worth {number(float(curve.prices[0]))}" if len(curve) else ""
        worth = f"money is worth {number(answer.price)} elsewhere"
        return [f"No units are in {label!r}. {useful}{first}, and {worth}."]
    return [*(sentence for k in places for sentence in _part_sentences(why, k)), f"{useful}."]


def _part_sentences(why: Explanation, k: int) -> list[str]:
    """The same about the units that are explained together."""
    answer = why.allocation
    problem, unit = answer.curves.problem, unit_of_money(answer.curves.problem.money_unit)
    price, general = float(why.price[k]), answer.price
    do = "mostly do" if why.units[k] > 1 else "does"
    does = f" and {do} {problem.actions[why.action[k]]!r} now" if why.action[k] >= 0 else ""
    who = f"The {plural(int(why.units[k]), 'unit')} in" if why.unit[k] < 0 else "The unit of"
    have = "has" if why.units[k] == 1 else "have"
    each = "" if why.units[k] == 1 else " each on average"
    said = [f"{who} {why.name(k)!r} {have} {number(why.budget[k])}{each}{does}."]
    worth = f"Money is worth {number(general)} elsewhere."
    if abs(price - general) > 1e-12 * general:
        worth = f"Money is worth {number(price)} under their limits, and {number(general)} elsewhere."
    if math.isfinite(why.last.price[k]):
        worth += f" The last {unit} here is worth {number(why.last.price[k])}."
    if why.next.price[k] > 0:
        worth += f" The next would be worth {number(why.next.price[k])}."
    kept = why.limit[k].startswith("least")
    named = f" ({why.limit[k]})" if why.limit[k] and not kept else ""
    said += [worth, f"Why no more: {why.binding[k].sentence}{named}."]
    if kept:
        said.append(f"This much is given because of the {why.limit[k]}; without it they would have less.")
    if math.isfinite(why.next.price[k]):
        said.append(f"The next step: {_step_words(why, k)}." + _what_it_takes(why, k))
    for step, words in ((why.last, "Less is given below"), (why.next, "More is given above")):
        if math.isfinite(step.total[k]):
            now = f"now it is {number(answer.budget, 8)}"
            said.append(f"{words} a total budget of {number(step.total[k], 8)}; {now}.")
    return said


def _step_words(why: Explanation, k: int) -> str:
    """The next segment of a state: money, value, and the change of what is done now."""
    problem = why.allocation.curves.problem
    now, then = why.action[k], why.next.action[k]
    step = f"{number(why.next.length[k])} per unit adds {number(why.next.gain[k])} to its value"
    if now < 0 or then < 0 or now == then:
        return step
    return f"{step}, and {problem.actions[now]!r} becomes {problem.actions[then]!r} now"


def _what_it_takes(why: Explanation, k: int) -> str:
    """What would make the next step worth its money at today's price."""
    gain = float(why.next.gain[k])
    needed = float(why.price[k]) * float(why.next.length[k])
    if why.binding[k] is not Binding.PRICE:
        return ""
    more, less = (number(share * 100, 3) for share in (needed / gain - 1, 1 - gain / needed))
    alike = abs(float(why.price[k]) - why.allocation.price) <= 1e-12 * why.allocation.price
    where = "elsewhere" if alike else "under the same limits"
    return (
        f" That money is worth {number(needed)} {where}, so the step would lose "
        f"{number(float(why.loss_of_more[k]))}; it pays once it adds {more} % more, or costs {less} % less."
    )


def difference_grid(change: Difference, *, limit: int = 30) -> Grid:
    """One row per state that changed, most money moved first."""
    moved = np.abs(change.spend_after - change.spend_before)
    order = np.lexsort((-np.abs(change.value_after - change.value_before), -moved))
    changed = [k for k in order.tolist() if _changed(change, k)]
    rows = [
        (
            change.label[k],
            f"{change.units_before[k]:,}",
            f"{change.units_after[k]:,}",
            _amount(change.budget_before[k]),
            _amount(change.budget_after[k]),
            number(change.spend_after[k] - change.spend_before[k]),
            number(change.value_after[k] - change.value_before[k]),
            _action_words(change.action_before[k], change.action_after[k]),
        )
        for k in changed[:limit]
    ]
    spent, value = change.after.spent - change.before.spent, change.change
    before, after = change.before.population.size, change.after.population.size
    rows.append(("all", f"{before:,}", f"{after:,}", "", "", number(spent), number(value), ""))
    same = len(change.label) - len(changed)
    notes = [f"{plural(same, 'state')} did not change."] if same else []
    notes += [f"{len(changed) - limit:,} more states changed."] if len(changed) > limit else []
    columns = (
        "state", ">units before", ">after", ">each had", ">each has", ">spend changes by",
        ">value changes by", "do now",
    )  # fmt: skip
    return Grid("What changed", columns, tuple(rows), " ".join(notes))


def difference_sentences(change: Difference) -> list[str]:
    """The change of value in words, and what it is made of."""
    before, after = change.before, change.after
    spent = _signed(after.spent - before.spent)
    said = [
        f"Value goes from {number(before.value, 8)} to {number(after.value, 8)} ({_signed(change.change)}), "
        f"spend from {number(before.spent, 8)} to {number(after.spent, 8)} ({spent}), and the worth of one "
        f"more unit of money from {number(before.price)} to {number(after.price)}."
    ]
    old, new = before.curves.stage, after.curves.stage
    changed = "the change of the model"
    if old != new:
        changed = f"stage {old} having become stage {new}"
        said.insert(
            0,
            f"The first is of stage {old}, the second of stage {new}: money and value of each count from its "
            f"own stage, so what was earned and spent between them is in neither.",
        )
    parts = (
        ("units that came or went", change.of_units),
        (changed, change.of_model),
        ("money that moved", change.of_money),
    )
    size = 1e-12 * (1.0 + abs(before.value) + abs(after.value))
    made = [f"{_signed(float(part.sum()))} from {name}" for name, part in parts if abs(part.sum()) > size]
    if made:
        said.append(f"Of that, {', '.join(made)}.")
    spend = change.spend_after - change.spend_before
    for sign, words in ((1, "More money goes to"), (-1, "Less money goes to")):
        order = [k for k in np.argsort(-sign * spend, kind="stable").tolist() if sign * spend[k] > size][:3]
        if order:
            said.append(
                f"{words} " + ", ".join(f"{change.label[k]} ({_signed(spend[k])})" for k in order) + "."
            )
    return said


def _changed(change: Difference, k: int) -> bool:
    same_units = change.units_before[k] == change.units_after[k]
    both = (change.spend_before[k], change.value_before[k]), (change.spend_after[k], change.value_after[k])
    return not (same_units and np.allclose(*both, rtol=1e-12, atol=0.0))


def _action_words(before: str | None, after: str | None) -> str:
    if before == after or after is None or before is None:
        return after or before or ""
    return f"{before} → {after}"


def _signed(value: float) -> str:
    return number(value) if value < 0 else f"+{number(value)}"


def _amount(value: float) -> str:
    return "" if math.isnan(value) else number(value)
