"""An allocation of whole units under nested limits, with the bound over such splits.

The bound is the value itself where the search was complete; otherwise that of the relaxation's price and
multipliers over the units' useful budgets (`optbudget.certify.dual_within`).
"""

import math
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.limited import LimitedSplit
from optbudget.allocation.limited_rows import LimitedRows
from optbudget.allocation.limited_whole import best_whole_units
from optbudget.allocation.within_limits import why_unspent
from optbudget.certify import Options, dual_within, keeps, options_of, whole_limits
from optbudget.problems import Allocation, CurveSet, LimitedPopulation, Limits, Multiplier, Population
from optbudget.problems.knapsack_words import ENDED, NO_BETTER, WHOLE_SPENT
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

Integers = NDArray[np.int64]


def whole_within(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    units: LimitedPopulation,
    split: LimitedSplit,
    multipliers: tuple[Multiplier, ...],
    *,
    monitor: Monitor | None = None,
) -> Allocation:
    """The best whole units, from the `split` of the relaxation and its multipliers."""
    options = options_of(curves.curves, units)
    taken, bound = rounded_down(options, split.rows), None
    stopped: Termination | None = Termination.NUMERICAL
    with suppress(OverflowError):
        whole = whole_limits(curves.curves, units, budget)
        choice = best_whole_units(
            whole, whole.prices(units, split.price, multipliers), taken,
            partial(keeps, options, units, budget), monitor=monitor,
        )  # fmt: skip
        taken, stopped = choice.taken, choice.stopped
        bound = whole.worth(choice.most) if stopped is None else None
    found = of_options(curves, population, budget, limits, units, options, taken)
    found = replace(found, price=split.price, multipliers=multipliers)
    left = NO_BETTER if stopped is not None else WHOLE_SPENT
    found = replace(found, why_unspent=why_unspent(found, units, left))
    return with_whole_bound(found, units, exact.round_up(split.rows.value), bound, stopped)


def rounded_down(options: Options, rows: LimitedRows) -> Integers:
    """How many units take each option, (N,), if every unit that draws has the smaller of its two budgets."""
    taken = np.zeros(options.value.size, dtype=np.int64)
    place = np.full(int(options.block.max(initial=-1)) + 1, -1)
    place[options.block] = np.arange(options.block.size)
    kept = np.ones(rows.block.size, dtype=np.bool_)
    kept[np.flatnonzero(rows.probability < 1)[1::2]] = False
    columns = (rows.block[kept].tolist(), rows.count[kept].tolist(), rows.level[kept].tolist())
    for b, n, level in zip(*columns, strict=True):
        begin, end = options.ptr[place[b]], options.ptr[place[b] + 1]
        at = int(np.searchsorted(options.level[begin:end], level, side="right")) - 1
        taken[begin + max(at, 0)] += n
    return taken


def of_options(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    units: LimitedPopulation,
    options: Options,
    taken: Integers,
) -> Allocation:
    """The allocation in which `taken`, (N,), units take each option; without price and bound."""
    at = np.flatnonzero(taken)
    block = options.block[np.searchsorted(options.ptr, at, side="right") - 1]
    order = np.argsort(units.state[block], kind="stable")
    at, block = at[order], block[order]
    state, count = units.state[block], taken[at]
    place = curves.curves.indptr[state] + state + options.level[at]
    money, value = (column[place] for column in curves.curves.breakpoints())
    spent = exact.dot(count, money)
    return Allocation(
        curves, population, budget, state, count, money, value, np.ones(at.size), curves.first_action[place],
        value=exact.round_down(exact.dot(count, value)), spent=float(spent), price=0.0,
        unspent=float(Fraction(budget) - spent) if math.isfinite(budget) else math.inf, method="ip",
        outcome=Outcome(Termination.OPTIMAL, Solution.FEASIBLE), limits=limits, unit=units.unit[block],
    )  # fmt: skip


def with_whole_bound(
    answer: Allocation,
    units: LimitedPopulation,
    relaxed: float,
    bound: Fraction | None,
    stopped: Termination | None,
) -> Allocation:
    """The bound beside the value: what a complete search proved, or else that of the prices.

    `relaxed` is what units that draw could reach, `stopped` how a search ended that was not complete.
    """
    curves = answer.curves
    dual = dual_within(curves.curves, units, answer.budget, answer.price, answer.multipliers)
    bounded = replace(answer, bound=exact.round_up(dual if bound is None else min(dual, bound)))
    message = _said(bounded, relaxed, stopped)
    if curves.outcome.solution is not Solution.CERTIFIED:
        ended = Termination.OPTIMAL if stopped is None else stopped
        return replace(bounded, outcome=Outcome(ended, Solution.FEASIBLE, message))
    return replace(
        bounded,
        outcome=Outcome.certified(
            gap=bounded.gap, tolerance=curves.tolerance, stopped=stopped or Termination.NUMERICAL,
            message=message,
        ),
    )  # fmt: skip


def _said(answer: Allocation, relaxed: float, stopped: Termination | None) -> str:
    """What is proved of whole units, and what units that draw could have."""
    if stopped is None and relaxed <= answer.bound:
        return "no split is worth more, not even one that randomises units"
    reach = f"randomising some could reach {relaxed!r}"
    if stopped is None:
        most = "is proved to be the most that whole units are worth under these limits"
        return f"{answer.value!r} {most}; {reach}"
    return (
        f"the search for the best whole units ended by {ENDED[stopped]}; by the prices of the relaxation at "
        f"most {answer.gap_absolute:.6g} is missing; {reach}"
    )
