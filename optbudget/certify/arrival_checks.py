"""Checks of an allocation with arrivals: rows add up exactly, and one price proves its bound.

The allocation of those here is checked as any other. Besides:

* the money set aside names every expected (stage, state) once, at useful budgets of the curves of that
  stage, in full or as one pair of adjacent ones whose probabilities sum to 1 exactly;
* `spent` is the exact sum rounded to nearest, and the exact sum is at most the budget; `value` is the
  exact sum rounded down; rates are the doubles of the problem, to whole powers;
* :math:`\\lambda B + \\sum_s C_s w_0(s) + \\sum_{k,s} \\gamma^k E[N_{ks}] w_k(s)`, added up exactly from
  lines of this package's own pass at the stated price, is at most `bound`.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.allocation_checks import dual_bound, levels
from optbudget.certify.outcome_checks import outcome_check
from optbudget.certify.stage_lines import stage_least_spend, stage_lines
from optbudget.problems import ArrivalAllocation, Check
from optbudget.problems.arrival_allocation import discounted_sum
from optbudget.status import Solution, Termination

Integers = NDArray[np.int64]

ROOM = 1 - 2.0**-30
"""What computed least spends are lowered by before they prove that money does not suffice."""


def arrivals_bound(answer: ArrivalAllocation) -> Fraction:
    """What the answer's own price proves that no policy within the budget exceeds, exactly."""
    problem, arrivals, now = answer.curves.problem, answer.arrivals, answer.here.curves.stage
    assert problem.horizon is not None
    after = arrivals.stage - now
    lines = stage_lines(problem, answer.price, {0, *after.tolist()}, decisions=problem.horizon - now)
    total = dual_bound(answer.here.population.count, answer.budget, answer.price, lines[0])
    pairs = zip(after.tolist(), arrivals.state.tolist(), strict=True)
    line = np.array([lines[k][s] for k, s in pairs], dtype=np.float64)
    return total + discounted_sum(after, problem.discount, arrivals.expected, line)


def arrival_checks(answer: ArrivalAllocation) -> Iterator[Check]:
    """What an allocation with arrivals says beyond its curves and the allocation of those here."""
    yield outcome_check(answer.outcome, answer.gap, answer.curves.tolerance, "outcome with arrivals")
    if answer.outcome.termination is Termination.INFEASIBLE:
        yield _infeasible(answer)
        return
    if answer.outcome.solution is not Solution.CERTIFIED:
        yield Check("certificate", False, "the allocation says that it has none")
        return
    wrong = _rows_wrong(answer)
    yield Check(
        "money set aside", not wrong, wrong or f"{answer.stage.size:,} rows serve all who are expected"
    )
    if wrong:
        return
    yield from _totals(answer)
    proved = arrivals_bound(answer)
    ok = math.isfinite(answer.bound) and proved <= answer.bound
    yield Check(
        "bound with arrivals", ok,
        f"stated {answer.bound:.17g}, proved {float(proved):.17g} at the price {answer.price:.9g}",
    )  # fmt: skip


def _rows_wrong(answer: ArrivalAllocation) -> str:
    """What is wrong with the rows of the money set aside, or ""."""
    columns = (
        answer.state,
        answer.expected,
        answer.unit_budget,
        answer.unit_value,
        answer.probability,
        answer.action,
    )
    arrivals, curves = answer.arrivals, answer.curves
    if any(column.shape != answer.stage.shape for column in columns):
        return "the columns differ in length"
    if arrivals.problem.labels != curves.problem.labels or arrivals.problem.horizon != curves.problem.horizon:
        return "the arrivals are of another problem"
    if not ((answer.probability > 0) & (answer.probability <= 1)).all():
        return "a probability is not in (0, 1]"
    if (arrivals.stage < answer.here.curves.stage).any():
        return "an arrival is in the past"
    named = set(
        zip(arrivals.stage.tolist(), arrivals.state.tolist(), arrivals.expected.tolist(), strict=True)
    )
    rows = list(zip(answer.stage.tolist(), answer.state.tolist(), answer.expected.tolist(), strict=True))
    if set(rows) != {row for row in named if row[2] > 0}:
        return "the rows are not those of the expected arrivals"
    chance: dict[tuple[int, int, float], Fraction] = {}
    for row, p in zip(rows, answer.probability.tolist(), strict=True):
        chance[row] = chance.get(row, Fraction(0)) + Fraction(p)
    if any(total != 1 for total in chance.values()):
        return "the probabilities of a stage and state do not sum to 1"
    if sum(answer.probability < 1) not in (0, 2):
        return "more than one stage and state draws"
    return _off_the_curves(answer)


def _off_the_curves(answer: ArrivalAllocation) -> str:
    for k in np.unique(answer.stage).tolist():
        rows = np.flatnonzero(answer.stage == k)
        try:
            kept = answer.curves.at_stage(k)
        except KeyError:
            return f"the curves of stage {k} are missing"
        state = answer.state[rows]
        level = levels(kept.curves, state, answer.unit_budget[rows], answer.unit_value[rows])
        if (level < 0).any():
            label = answer.curves.problem.labels[state[np.argmin(level)]]
            return f"a row of {label!r} at stage {k} is no breakpoint of its curve"
        drawn = level[answer.probability[rows] < 1]
        if drawn.size and abs(int(drawn[0]) - int(drawn[-1])) != 1:
            return f"the budgets drawn between at stage {k} are not adjacent"
        first = kept.first_action[kept.curves.indptr[state] + state + level]
        if (first != answer.action[rows]).any():
            return f"a row of stage {k} takes another action than the one that leads to its value"
    return ""


def _totals(answer: ArrivalAllocation) -> Iterator[Check]:
    spent, value = answer.exact_spend(), answer.exact_value()
    unlimited = math.isinf(answer.budget)
    within = unlimited or spent <= Fraction(answer.budget)
    yield Check(
        "spend within the budget, with arrivals", within,
        f"exact spend {float(spent):.17g} of {answer.budget:.17g}",
    )  # fmt: skip
    left = math.inf if unlimited else float(Fraction(answer.budget) - spent)
    down = float(value) if Fraction(float(value)) <= value else math.nextafter(float(value), -math.inf)
    ok = float(spent) == answer.spent and left == answer.unspent and down == answer.value
    ok = ok and (answer.why_unspent is None) == (answer.spent == answer.budget)
    yield Check(
        "totals with arrivals", ok,
        f"spent {answer.spent:.17g}, value {answer.value:.17g}; exact {float(spent):.17g}, {down:.17g}",
    )  # fmt: skip


def _infeasible(answer: ArrivalAllocation) -> Check:
    """That the least spends of all who are here and expected exceed the budget, with room for rounding."""
    problem, arrivals, now = answer.curves.problem, answer.arrivals, answer.here.curves.stage
    assert problem.horizon is not None
    after = arrivals.stage - now
    least = stage_least_spend(problem, {0, *after.tolist()}, decisions=problem.horizon - now)
    count = answer.here.population.count
    each = np.array([least[k][s] for k, s in zip(after.tolist(), arrivals.state.tolist(), strict=True)])
    needed = discounted_sum(np.zeros(count.size, dtype=np.int64), 1.0, count.astype(object), least[0])
    needed += discounted_sum(after, problem.cost_discount, arrivals.expected, each)
    empty = answer.stage.size == 0 and answer.here.state.size == 0 and math.isnan(answer.value)
    ok = empty and needed * Fraction(ROOM) > Fraction(answer.budget)
    return Check(
        "infeasible with arrivals", ok,
        f"all together need at least {float(needed):.17g}, the budget is {answer.budget:.17g}",
    )  # fmt: skip
