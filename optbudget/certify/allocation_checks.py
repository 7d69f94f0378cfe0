"""Checks of an allocation: its rows add up exactly, and no policy beats its bound.

Sums are taken in rational arithmetic of the stored numbers. The conventions they must keep:

* every row has probability 1 but for pairs of rows of one unit each, in one state, at two adjacent
  useful budgets, whose probabilities sum to 1 exactly; one pair in all, or one per state where every
  state has a share of its own ("uniform");
* `spent` is the exact sum rounded to nearest, and the exact sum is at most the budget;
  `unspent` is the exact difference rounded to nearest; `value` is the exact sum rounded down;
* `price` is the steepest slope to the right of what the units have, 0 if there is none;
* for some price p of the certificate, or the stated one, :math:`p B + \\sum_s n_s w_s(p)`, added up
  exactly from lines that hold in exact arithmetic (up to the budget cap of a unit, where there is one),
  is at most `bound`.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.bracket import breakpoints, proved_least
from optbudget.certify.envelope import capped_intercepts
from optbudget.certify.exact import ONE, exact_support
from optbudget.certify.knapsack_bound import exact_sum
from optbudget.certify.limit_checks import limited_bound_check, limited_price_check
from optbudget.certify.limit_rows import entries_of, limited_infeasible_check, limited_rows_check
from optbudget.certify.limited_shares import share_fault
from optbudget.certify.support import Support
from optbudget.curves import Curves
from optbudget.problems import Allocation, Check
from optbudget.problems.rounding import round_down
from optbudget.status import Solution, Termination

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME_PRICE = 2.0**-48
"""Relative difference of two quotients that are one price: a few roundings each."""


def rows_add_up(answer: Allocation) -> Iterator[Check]:
    """What follows from the rows alone: population, probabilities, spend and value."""
    fits = _rows_fit(answer)
    yield Check("rows well formed", fits is None, fits or f"{answer.state.size:,} rows")
    if fits is not None:
        return
    if answer.limits is not None:
        yield from limited_rows_check(answer)
    else:
        yield _population(answer)
        yield _lottery(answer)
    spent = answer.exact_spend()
    within = math.isinf(answer.budget) or spent <= Fraction(answer.budget)
    rounded = float(spent) == answer.spent
    left = math.inf if math.isinf(answer.budget) else float(Fraction(answer.budget) - spent)
    yield Check(
        "spend within the budget", within,
        f"exact spend {float(spent):.17g} of {answer.budget:.17g}" if within else
        f"exact spend is above the budget by {float(spent - Fraction(answer.budget)):.3g}",
    )  # fmt: skip
    told = (answer.why_unspent is None) == (answer.spent == answer.budget)
    yield Check(
        "spent and unspent", rounded and left == answer.unspent and told,
        f"spent {answer.spent:.17g}, unspent {answer.unspent:.3g}; exact {float(spent):.17g}, {left:.3g}",
    )  # fmt: skip
    value = answer.exact_value()
    down = round_down(value)
    yield Check(
        "value", answer.value == down,
        f"stated {answer.value:.17g}, the sum over the rows rounded down is {down:.17g}",
    )  # fmt: skip


def _rows_fit(answer: Allocation) -> str | None:
    """What is wrong with the arrays, or None."""
    size = answer.state.size
    columns = (answer.count, answer.unit_budget, answer.unit_value, answer.probability, answer.action)
    if any(column.shape != (size,) for column in columns):
        return "the columns differ in length"
    if answer.population.labels != answer.curves.problem.labels:
        return "the population is of another problem"
    if size and not ((answer.state >= 0) & (answer.state < answer.curves.problem.n_states)).all():
        return "a row names no state"
    if not (answer.count >= 1).all():
        return "a row serves no units"
    if not ((answer.probability > 0) & (answer.probability <= 1)).all():
        return "a probability is not in (0, 1]"
    if not (np.isfinite(answer.unit_budget).all() and np.isfinite(answer.unit_value).all()):
        return "a budget or value is not finite"
    if not answer.budget >= 0:
        return f"the budget is {answer.budget}"
    cap = answer.curves.problem.budget_cap
    least = answer.curves.curves.start_budget
    if cap is not None and (answer.unit_budget > np.maximum(cap, least[answer.state])).any():
        return f"a unit is given more than the cap of {cap}"
    return None


def _population(answer: Allocation) -> Check:
    whole = answer.probability == 1
    # Whole numbers of any size: in 64 bits, counts could be chosen that wrap around to the right sum.
    served = np.zeros(answer.population.count.size, dtype=object)
    np.add.at(served, answer.state[whole], answer.count[whole].astype(object))
    drawn = answer.state[~whole]
    twice = np.bincount(drawn, minlength=served.size)
    served += twice // 2
    ok = bool((served == answer.population.count).all() and (twice % 2 == 0).all())
    return Check("population served", ok, f"{int(served.sum()):,} of {answer.population.size:,} units")


def _lottery(answer: Allocation) -> Check:
    """The randomised units: pairs of rows of count 1 whose probabilities sum to 1 exactly."""
    rows = np.flatnonzero(answer.probability < 1)
    states, times = np.unique(answer.state[rows], return_counts=True)
    most = states.size if answer.method == "uniform" else 1
    sums = dict.fromkeys(states.tolist(), Fraction(0))
    for s, p in zip(answer.state[rows].tolist(), answer.probability[rows].tolist(), strict=True):
        sums[s] += Fraction(p)
    ok = (
        bool((answer.count[rows] == 1).all() and (times == 2).all())
        and states.size <= most
        and all(total == 1 for total in sums.values())
    )
    return Check("randomised units", ok, f"{states.size} randomised, each between two rows that sum to 1")


def on_the_curves(answer: Allocation) -> Iterator[Check]:
    """Each row is a useful budget of its state, with its value and first action; pairs are adjacent."""
    curves = answer.curves.curves
    level = levels(curves, answer.state, answer.unit_budget, answer.unit_value)
    off = np.flatnonzero(level < 0)
    labels = answer.curves.problem.labels
    detail = "every row is a breakpoint of its state's curve"
    if off.size:
        k = int(off[0])
        detail = (
            f"({answer.unit_budget[k]:.17g}, {answer.unit_value[k]:.17g}) is no breakpoint of "
            f"{labels[answer.state[k]]!r}"
        )
    yield Check("useful budgets", off.size == 0, detail)
    if off.size:
        return
    drawn = np.flatnonzero(answer.probability < 1)
    pairs = answer.limits is not None and drawn.size % 2 == 0
    apart = (
        [labels[s] for s in answer.state[drawn[::2]][np.abs(level[drawn[1::2]] - level[drawn[::2]]) != 1]]
        if pairs
        else [
            labels[s]
            for s in np.unique(answer.state[answer.probability < 1])
            if abs(np.diff(level[(answer.state == s) & (answer.probability < 1)])[0]) != 1
        ]
    )
    yield Check("adjacent useful budgets", not apart, "" if not apart else f"not adjacent in {apart[0]!r}")
    place = curves.indptr[answer.state] + answer.state + level
    flipped = np.flatnonzero(answer.action != answer.curves.first_action[place])
    yield Check(
        "actions now", flipped.size == 0,
        "every row takes the action of its breakpoint" if flipped.size == 0 else
        f"the row of {labels[answer.state[flipped[0]]]!r} at budget {answer.unit_budget[flipped[0]]:.6g} "
        "takes another action than the one that leads to its value",
    )  # fmt: skip
    if answer.limits is not None:
        yield limited_price_check(answer, level)
    elif answer.method != "ip":
        yield _price(answer, level)
    if answer.method == "uniform":
        yield equal_shares_check(answer)


def levels(curves: Curves, state: Integers, budget: Floats, value: Floats) -> Integers:
    """Which breakpoint of its curve each (budget, value) is, to the last bit; -1 if it is none."""
    found = np.full(state.size, -1, dtype=np.int64)
    for s in np.unique(state):
        at = breakpoints(curves, int(s), int(s) + 1)
        rows = np.flatnonzero(state == s)
        position = np.clip(np.searchsorted(at.budget, budget[rows]), 0, at.budget.size - 1)
        same = (at.budget[position] == budget[rows]) & (at.value[position] == value[rows])
        found[rows] = np.where(same, position, -1)
    return found


def _price(answer: Allocation, level: Integers) -> Check:
    """The stated price against the slopes on both sides of what the units have."""
    curves = answer.curves.curves
    if answer.method == "uniform":
        return _mean_slope(answer)
    slope = curves.gain / curves.length
    longest = float(curves.length.max(initial=0.0))
    lower = np.ones(level.size, dtype=bool)
    drawn = np.flatnonzero(answer.probability < 1)
    if drawn.size == 2:
        lower[drawn[np.argmax(level[drawn])]] = False
    right_of, left_of = curves.indptr[answer.state] + level, curves.indptr[answer.state] + level - 1
    more = lower & (level < curves.segments[answer.state])
    higher = level > 0
    steepest = float(slope[right_of[more]].max(initial=0.0))
    flattest = float(slope[left_of[higher]].min(initial=np.inf))
    used = answer.price == 0 or answer.unspent <= SAME_PRICE * (answer.spent + longest)
    ok = used and abs(answer.price - steepest) <= SAME_PRICE * steepest
    ok = ok and answer.price <= flattest * (1.0 + SAME_PRICE)
    return Check(
        "price", bool(ok),
        f"stated {answer.price:.17g}; one more unit of money is worth {steepest:.17g}, "
        f"the last one spent was worth {flattest:.9g}"
        + ("" if used else f", and {answer.unspent:.9g} of it is left"),
    )  # fmt: skip


def equal_shares_check(answer: Allocation) -> Check:
    """Every state's units have the equal share on average, or their largest useful budget where it is less.

    They stand at the one or two breakpoints about the share, and what drawing rounds off is never above it.
    """
    wrong = ""
    if answer.limits is not None:
        found = entries_of(answer, answer.limited())
        wrong = found if isinstance(found, str) else share_fault(found)
    elif math.isfinite(answer.budget) and answer.population.size:
        share = Fraction(answer.budget) / answer.population.size
        for s in np.flatnonzero(answer.population.count).tolist():
            at = breakpoints(answer.curves.curves, s, s + 1)
            rows = np.flatnonzero(answer.state == s)
            place = np.searchsorted(at.budget, answer.unit_budget[rows])
            weights = zip(answer.count[rows].tolist(), answer.probability[rows].tolist(), strict=True)
            given = sum(
                n * Fraction(p) * Fraction(b)
                for (n, p), b in zip(weights, answer.unit_budget[rows].tolist(), strict=True)
            )
            due = int(answer.population.count[s]) * min(share, Fraction(float(at.budget[-1])))
            following = min(int(place.max()) + 1, at.budget.size - 1)
            slack = Fraction(SAME_PRICE) * (due + Fraction(float(at.budget[following])))
            if np.ptp(place) > 1 or not due - slack <= given <= due:
                label = answer.curves.problem.labels[s]
                wrong = (
                    f"units in {label!r} have {float(given):.9g} in all, equal shares are {float(due):.9g}"
                )
    return Check("equal shares", not wrong, wrong or "every unit has the same share, or all that it can use")


def _mean_slope(answer: Allocation) -> Check:
    """Under equal shares the price is the mean over all units of the slope at the share."""
    total, mean = answer.population.size, 0.0
    if total and math.isfinite(answer.budget):
        share = Fraction(answer.budget) / total
        down = round_down(share)
        for s in np.flatnonzero(answer.population.count):
            slope = float(answer.curves.curves[int(s)].price(down))
            mean += int(answer.population.count[s]) / total * slope
    ok = abs(answer.price - mean) <= 1e-9 * abs(mean)
    return Check("price", ok, f"stated {answer.price:.17g}, mean slope at equal shares {mean:.17g}")


def bound_check(answer: Allocation, evidence: Iterable[Support]) -> Check:
    """Some price proves that no policy within the budget is worth more than the stated bound."""
    if answer.limits is not None:
        return limited_bound_check(answer, evidence)
    count = answer.population.count
    occupied = np.flatnonzero(count)
    cap = answer.curves.problem.budget_cap
    best: Fraction | float = math.inf
    price = math.nan
    for lines in evidence:
        if cap is not None:
            lines = replace(lines, intercept=capped_intercepts(lines.price, lines.intercept, cap))
        with np.errstate(invalid="ignore"):
            money = np.where(lines.price > 0, lines.price * answer.budget, 0.0)
        rough = money + count[occupied].astype(np.float64) @ lines.intercept[occupied]
        for k in np.argsort(rough, kind="stable")[:3]:
            if not math.isfinite(rough[k]):
                continue
            found = dual_bound(count, answer.budget, float(lines.price[k]), lines.intercept[:, k])
            if found < best:
                best, price = found, float(lines.price[k])
    ok = math.isfinite(answer.bound) and best <= answer.bound
    known = isinstance(best, Fraction) and math.isfinite(answer.bound)
    room = float(Fraction(answer.bound) - Fraction(best)) if known else math.nan
    return Check(
        "bound", bool(ok),
        f"stated {answer.bound:.17g}, proved {float(best):.17g} at the price {price:.9g}, room {room:.2g}",
    )  # fmt: skip


def dual_bound(count: Integers, budget: float, price: float, intercept: Floats) -> Fraction:
    """price * budget + sum of count * intercept, exactly."""
    occupied = np.flatnonzero(count)
    total = Fraction(0) if price == 0 else Fraction(price) * Fraction(budget)
    return total + exact_sum(count[occupied], np.ascontiguousarray(intercept[occupied]))


def infeasible_check(answer: Allocation, least: Support) -> Check:
    """That the least feasible budgets exceed the budget all together, or the cap of a unit one by one.

    Where rounding leaves that open, a pass in integers decides; one that is within the rounding of an
    infinite horizon's witness stays open, and what is open is not proved.
    """
    if answer.limits is not None:
        return limited_infeasible_check(answer, least)
    problem = answer.curves.problem
    lower = [Fraction(x) for x in proved_least(least).tolist()]
    if not _too_dear(answer, lower) and problem.horizon is not None:
        found = exact_support(problem, [math.inf], decisions=problem.horizon - answer.curves.stage)
        assert found.least is not None
        lower = [Fraction(int(b), ONE) for b in found.least]
    numbers = (answer.value, answer.bound, answer.price, answer.spent, answer.unspent)
    empty = answer.state.size == 0 and all(math.isnan(number) for number in numbers)
    capped = "" if problem.budget_cap is None else f", the dearest unit {float(_dearest(answer, lower)):.17g}"
    return Check(
        "infeasible", bool(_too_dear(answer, lower) and empty),
        f"all units together need at least {float(_least_total(answer, lower)):.17g}{capped}, "
        f"the budget is {answer.budget:.17g}",
    )  # fmt: skip


def _too_dear(answer: Allocation, lower: list[Fraction]) -> bool:
    """Whether units that need at least `lower` cannot all be served within the budget and their cap."""
    cap = answer.curves.problem.budget_cap
    if cap is not None and _dearest(answer, lower) > cap:
        return True
    return math.isfinite(answer.budget) and _least_total(answer, lower) > Fraction(answer.budget)


def _dearest(answer: Allocation, lower: list[Fraction]) -> Fraction:
    """The largest of the least budgets of states that have units."""
    count = answer.population.count.tolist()
    return max((b for n, b in zip(count, lower, strict=True) if n), default=Fraction(0))


def _least_total(answer: Allocation, lower: list[Fraction]) -> Fraction:
    """What all units together need if each state needs at least `lower`, or its share under equal shares."""
    count = answer.population.count.tolist()
    if answer.method == "uniform":
        return answer.population.size * _dearest(answer, lower)
    return sum((n * b for n, b in zip(count, lower, strict=True) if n), Fraction(0))


def claims_infeasible(answer: Allocation) -> bool:
    """Whether the outcome says that no allocation exists."""
    return answer.outcome.termination is Termination.INFEASIBLE and answer.outcome.solution is Solution.NONE
