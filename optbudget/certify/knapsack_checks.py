"""Checks of the answer to a knapsack: its rows add up exactly, and nothing within the budget beats its bound.

All sums are taken in rational arithmetic of the stored numbers, whether or not `exact` is asked for. Kept
must be:

* every copy of every group has one option; all rows have probability 1 but at most one pair of rows of one
  copy each, of one group, whose probabilities sum to 1 exactly; under "ip" not even that one;
* `spent`, `unspent` and `value` are the exact sums, rounded as `KnapsackAllocation` says, and the exact
  spend is at most the budget;
* `price` is the value of one more unit of money in the relaxation: a little below it the dearest of the
  options that are best at the price cost more than the budget, a little above it the cheapest do not;
* the bound is proved by the price alone (`knapsack_bound`) or, under "ip", by a sweep (`knapsack_sweep`).
"""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from optbudget.certify.allocation_checks import levels
from optbudget.certify.knapsack_bound import dual_value, least_spend, spend_at_price
from optbudget.certify.knapsack_sweep import Unproved, prove_whole_bound
from optbudget.certify.outcome_checks import differences, magnitudes, outcome_check
from optbudget.problems import Allocation, Check, Knapsack, KnapsackAllocation
from optbudget.problems import knapsack_words as words
from optbudget.status import Solution, Termination

SAME_PRICE = Fraction(1, 2**48)
"""Relative difference of two quotients that are one price: a few roundings each."""


def knapsack_checks(answer: KnapsackAllocation) -> Iterator[Check]:
    """Every statement of the answer, checked from the knapsack and the rows alone."""
    yield from _stated(answer)
    yield outcome_check(answer.outcome, answer.gap, answer.tolerance)
    if answer.outcome.termination is Termination.INFEASIBLE:
        yield _infeasible(answer)
        return
    if answer.outcome.solution is not Solution.CERTIFIED:
        yield Check("certificate", False, "the answer says that it has none")
        return
    wrong = _rows_fit(answer)
    yield Check("rows well formed", wrong is None, wrong or f"{answer.option.size:,} rows")
    if wrong is not None:
        return
    yield _served(answer)
    yield _lottery(answer)
    yield from _totals(answer)
    yield _price(answer)
    yield _bound(answer)
    if answer.stated is not None and 0 <= answer.price < math.inf and math.isfinite(answer.value):
        yield _sentences(answer, dual_value(answer.knapsack, answer.budget, answer.price))


def whole_split_checks(answer: Allocation) -> Iterator[Check]:
    """That no split of whole units among the useful budgets is worth more than the bound of an "ip" split.

    Its rows have been found to be useful budgets of their states.
    """
    problem = Knapsack.from_curves(answer.curves, answer.population)
    first = problem.ptr[answer.state]
    option = first + levels(answer.curves.curves, answer.state, answer.unit_budget, answer.unit_value)
    same = problem.cost[option] == answer.unit_budget
    yield Check("useful budgets as options", bool(same.all()), f"{option.size:,} rows")
    whole = KnapsackAllocation(
        problem, answer.budget, option, answer.count, answer.probability, value=answer.value,
        bound=answer.bound, price=answer.price, method="ip",
    )  # fmt: skip
    yield from (_lottery(whole), _price(whole), _bound(whole))


def _stated(answer: KnapsackAllocation) -> Iterator[Check]:
    """Every number and every sentence of result.json against the answer's own."""
    if answer.stated is None:
        return
    names = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent", "why_unspent")
    expected: dict[str, object] = {name: getattr(answer, name) for name in names}
    expected |= dict.fromkeys(("curves", "limits", "multipliers", "set_aside"))
    expected |= {
        "allocation_method": answer.method, "method": answer.method, "tolerance": answer.tolerance,
        "termination": answer.outcome.termination.value, "solution": answer.outcome.solution.value,
        "message": answer.outcome.message,
    }  # fmt: skip
    wrong = list(differences(answer.stated, expected, ""))
    certificate = {
        "schema": "optbudget-certificate-1", "kind": "knapsack", "price": answer.price, "bound": answer.bound,
        "method": answer.method,
    }  # fmt: skip
    wrong += differences(answer.stated.get("certificate"), certificate, "certificate.")
    spread = {name: magnitudes(getattr(answer.knapsack, name)) for name in ("cost", "value")}
    wrong += differences(answer.stated.get("ranges"), spread, "ranges.")
    follows = "every number, and every word that follows from them, is the tables' own"
    yield Check("result.json", not wrong, "; ".join(wrong[:5]) or follows)


def _sentences(answer: KnapsackAllocation, relaxed: Fraction) -> Check:
    """That the message, and why money is left, follow from the numbers, which are checked elsewhere.

    A search that was complete has its value as its bound. One that broke off may say by what; "lp" may say
    that a back end's own numbers were others.
    """
    whole, message = answer.method == "ip", answer.outcome.message
    complete = answer.outcome.termination is Termination.OPTIMAL
    exact = answer.bound == words.rounded_up(answer.exact_value())
    for stopped in [*([None] if complete and (exact or not whole) else ()), *words.ENDED]:
        if stopped is not None and not (whole and (complete or stopped is answer.outcome.termination)):
            continue
        why = words.why_left_over(answer.unspent, answer.price, whole=whole, stopped=stopped)
        about = words.about_whole(answer.value, words.rounded_up(relaxed), answer.gap, stopped)
        says = (message == about) if whole else (message == "" or _of_back_end(answer))
        if says and answer.why_unspent == why:
            return Check("message", True, message or "none")
    return Check(
        "message", False, f"{message!r}, {answer.why_unspent!r}: these do not follow from the numbers"
    )


def _of_back_end(answer: KnapsackAllocation) -> bool:
    """Whether the message says how a back end's own numbers differ from the answer's, and these are right."""
    if answer.method != "lp":
        return False
    number = r"(-?\d[-+.\de]*)"
    message = answer.outcome.message
    worth = re.fullmatch(
        f"the back end's solution is worth (?:nan|-?inf|{number}), and the exact optimum {number}", message
    )
    if worth:
        return worth[2] == repr(answer.value)
    proves = re.fullmatch(f"the back end's multiplier {number} proves no more than {number}", message)
    if not proves:
        return False
    try:
        price = max(0.0, float(proves[1]))
        return proves[2] == repr(words.rounded_up(dual_value(answer.knapsack, answer.budget, price)))
    except (ValueError, OverflowError):
        return False


def _rows_fit(answer: KnapsackAllocation) -> str | None:
    """What is wrong with the arrays, or None."""
    size = answer.option.size
    if answer.count.shape != (size,) or answer.probability.shape != (size,):
        return "the columns differ in length"
    if size and not ((answer.option >= 0) & (answer.option < answer.knapsack.cost.size)).all():
        return "a row names no option"
    if not (answer.count >= 1).all():
        return "a row takes no copies"
    if not ((answer.probability > 0) & (answer.probability <= 1)).all():
        return "a probability is not in (0, 1]"
    if not answer.budget >= 0:
        return f"the budget is {answer.budget}"
    return None


def _served(answer: KnapsackAllocation) -> Check:
    served = [0] * len(answer.knapsack.groups)
    drawn = [0] * len(served)
    group = answer.knapsack.group_of[answer.option].tolist()
    for g, n, p in zip(group, answer.count.tolist(), answer.probability.tolist(), strict=True):
        if p == 1:
            served[g] += n
        else:
            drawn[g] += n
    twice = [m // 2 for m in drawn]
    ok = all(m % 2 == 0 for m in drawn) and all(
        n + m == wanted for n, m, wanted in zip(served, twice, answer.knapsack.count.tolist(), strict=True)
    )
    total = sum(served) + sum(twice)
    return Check("one option of every copy", ok, f"{total:,} of {answer.knapsack.size:,} copies")


def _lottery(answer: KnapsackAllocation) -> Check:
    rows = np.flatnonzero(answer.probability < 1)
    groups = np.unique(answer.knapsack.group_of[answer.option[rows]])
    total = sum((Fraction(p) for p in answer.probability[rows].tolist()), Fraction(0))
    pair = rows.size == 2 and groups.size == 1 and total == 1 and bool((answer.count[rows] == 1).all())
    ok = rows.size == 0 or (pair and answer.method != "ip")
    return Check(
        "randomised copies", ok, "none" if rows.size == 0 else f"{rows.size} rows that sum to {total}"
    )


def _totals(answer: KnapsackAllocation) -> Iterator[Check]:
    spent, value = answer.exact_spend(), answer.exact_value()
    within = math.isinf(answer.budget) or spent <= Fraction(answer.budget)
    over = "" if within else f", above it by {float(spent - Fraction(answer.budget)):.3g}"
    detail = f"exact spend {float(spent):.17g} of {answer.budget:.17g}{over}"
    yield Check("spend within the budget", within, detail)
    left = math.inf if math.isinf(answer.budget) else float(Fraction(answer.budget) - spent)
    yield Check(
        "spent and unspent", answer.spent == float(spent) and answer.unspent == left,
        f"spent {answer.spent:.17g}, unspent {answer.unspent:.3g}; exact {float(spent):.17g}, {left:.3g}",
    )  # fmt: skip
    down = float(value) if Fraction(float(value)) <= value else math.nextafter(float(value), -math.inf)
    yield Check(
        "value", answer.value == down,
        f"stated {answer.value:.17g}, the sum over the rows rounded down is {down:.17g}",
    )  # fmt: skip


def _price(answer: KnapsackAllocation) -> Check:
    """That the stated price is where the relaxation's money ends."""
    price = answer.price
    if not 0 <= price < math.inf:
        return Check("price", False, f"the price is {price}")
    near = Fraction(price)
    above = spend_at_price(answer.knapsack, near * (1 + SAME_PRICE), cheapest=True)
    below = spend_at_price(answer.knapsack, near * (1 - SAME_PRICE), cheapest=False)
    affordable = math.isinf(answer.budget) or above <= Fraction(answer.budget)
    ended = price == 0 or (math.isfinite(answer.budget) and below > Fraction(answer.budget))
    return Check(
        "price", affordable and ended,
        f"at {price:.17g} the best options cost from {float(above):.9g} to {float(below):.9g}, "
        f"the budget is {answer.budget:.9g}",
    )  # fmt: skip


def _bound(answer: KnapsackAllocation) -> Check:
    price = answer.price
    if not (math.isfinite(answer.bound) and 0 <= price < math.inf):
        return Check("bound", False, f"bound {answer.bound}, price {price}: these prove nothing")
    if math.isinf(answer.budget) and price > 0:
        return Check("bound", False, "a price above 0 proves nothing without a budget")
    proved = dual_value(answer.knapsack, answer.budget, price)
    if proved <= Fraction(answer.bound):
        room = float(Fraction(answer.bound) - proved)
        return Check("bound", True, f"stated {answer.bound:.17g}, proved by the price, room {room:.2g}")
    if answer.method != "ip":
        return Check("bound", False, f"stated {answer.bound:.17g}, the price proves {float(proved):.17g}")
    try:
        steps = prove_whole_bound(answer.knapsack, answer.budget, price, answer.bound)
    except Unproved as error:
        return Check("bound", False, f"stated {answer.bound:.17g}; {error}")
    work = f"{steps:,} step{'' if steps == 1 else 's'} of the value function"
    return Check("bound", True, f"stated {answer.bound:.17g}, proved by {work}")


def _infeasible(answer: KnapsackAllocation) -> Check:
    least = least_spend(answer.knapsack)
    empty = answer.option.size == 0 and math.isnan(answer.value) and math.isnan(answer.spent)
    ok = empty and math.isfinite(answer.budget) and least > Fraction(answer.budget)
    if ok and answer.stated is not None:
        ok = answer.outcome.message == words.too_little(answer.knapsack, answer.budget, least)
    return Check("infeasible", ok, f"the cheapest choice costs {float(least):.17g} of {answer.budget:.17g}")
