"""Whole units under limits of groups that overlap: the declared integer program, and a bound that is our own.

The program `mckp_ip` is stated over what one unit of each block may be assigned, with a row for each group,
and solved by a back end. Nothing of its numbers is stated but which useful budgets units take: their money is
added up again exactly, and what the leasts of groups ask for beyond it is set aside where the mosts leave
room. The bound is that of the relaxation's price and multipliers over the useful budgets, which `verify`
computes anew; a back end's word that nothing is better proves nothing here, so the gap may stay open.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation.whole_within import of_options
from optbudget.allocation.within_limits import impossible, why_unspent
from optbudget.certify import Options, dual_within, options_of
from optbudget.certify.limit_rows import entries_of, kept
from optbudget.formulations import declared
from optbudget.planning.overlapping_limits import allocate_overlapping, without_negatives
from optbudget.problems import (
    Allocation,
    CurveSet,
    Knapsack,
    LimitedPopulation,
    Limits,
    LinearSolution,
    Population,
    Totals,
)
from optbudget.problems.knapsack_words import NO_BETTER
from optbudget.problems.rounding import round_up
from optbudget.solvers import Options as SolverOptions
from optbudget.solvers import solve_program
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]
BACKEND = "highs"
METHOD = "ip"
NEAR = 1e-9
"""Relative size of money below which a back end's number is nothing."""

TOUCHES = 3
"""Times that roundings of a back end are taken away above mosts and made up below leasts."""


def allocate_overlapping_whole(
    curves: CurveSet,
    population: Population,
    budget: float,
    limits: Limits,
    *,
    backend: str = BACKEND,
    options: SolverOptions | None = None,
) -> Allocation:
    """The best whole units that a back end finds under limits of groups that may overlap.

    Parameters
    ----------
    curves, population, budget, limits : as in `optbudget.allocate`
    backend : of the table of back ends, for integer programs
    options : its limits

    Returns
    -------
    Allocation
        Its bound is over whole units. INFEASIBLE where the limits contradict each other; NUMERICAL, or what
        stopped the back end, where the bound proves less than the curves' tolerance, or there is no answer.

    Raises
    ------
    UsageError
        For a share of an unlimited budget.
    MissingExtraError
        If Pyomo or the back end is not installed.

    Examples
    --------
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import GroupLimit
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> both = Limits(groups=(GroupLimit("all", states=("warm", "cold"), most=13.0),))
    >>> allocate_overlapping_whole(curves, people, 15.0, both).value
    35.0
    """
    relaxed = allocate_overlapping(curves, population, budget, limits)
    if relaxed.outcome.solution is Solution.NONE:
        return replace(relaxed, method=METHOD)
    units = relaxed.limited()
    choices = options_of(curves.curves, units)
    solution = _solved(units, choices, budget, backend, options)
    if solution.x is None:
        text = f"{backend}: {solution.outcome.message or solution.outcome.termination.name}"
        return _without(relaxed, solution.outcome.termination, text)
    taken = np.rint(solution.x[: choices.value.size]).astype(np.int64)
    per_block = np.add.reduceat(taken, choices.ptr[:-1]) if choices.block.size else taken
    if (taken < 0).any() or (per_block != units.count[choices.block]).any():
        return _without(relaxed, Termination.NUMERICAL, f"{backend}: not every unit takes one option")
    found = of_options(curves, population, budget, limits, units, choices, taken)
    price, multipliers = without_negatives(units, relaxed.price, relaxed.multipliers, bounded=False)
    found = replace(found, price=price, multipliers=multipliers)
    found = replace(found, set_aside=_set_aside(found, units, choices, solution.x[choices.value.size :]))
    entries = entries_of(found, units)
    wrong = entries if isinstance(entries, str) else kept(entries)[0]
    if wrong:
        return _without(relaxed, Termination.NUMERICAL, f"the solution of {backend} is not exact: {wrong}")
    return _bounded(
        replace(found, why_unspent=why_unspent(found, units, NO_BETTER)), units, solution, relaxed
    )


def _solved(
    units: LimitedPopulation, choices: Options, budget: float, backend: str, options: SolverOptions | None
) -> LinearSolution:
    """The integer program over the options of blocks with units."""
    place = np.full(units.count.size, -1)
    place[choices.block] = np.arange(choices.block.size)
    members = [place[m][place[m] >= 0] for m in units.members]
    totals = Totals(members, units.group_least, units.group_most, each=units.most[choices.block])
    knapsack = Knapsack.from_arrays(
        choices.ptr, choices.assigned, choices.value, count=units.count[choices.block]
    )
    program = declared("mckp_ip", "pyomo", knapsack, budget, totals)[0]
    return solve_program(program, backend, options=options)


def _set_aside(
    found: Allocation, units: LimitedPopulation, choices: Options, wanted: Floats
) -> tuple[tuple[int, Fraction], ...]:
    """Money, exactly, that is set aside so that groups have their least: about what the solution has."""
    entries = entries_of(found, units)
    assert not isinstance(entries, str)
    has = [Fraction(0)] * units.count.size
    for n, b, x in zip(entries.count.tolist(), entries.block.tolist(), entries.money.tolist(), strict=True):
        has[b] += n * max(Fraction(x), Fraction(float(units.least[b])))
    spent = has.copy()
    for b, w in zip(choices.block.tolist(), wanted.tolist(), strict=True):
        has[b] += Fraction(w) if w > NEAR * (1.0 + float(has[b])) else 0
    rows = [({b}, Fraction(0), float(units.most[b]) * int(units.count[b])) for b in choices.block.tolist()]
    for g, m in enumerate(units.members):
        rows.append((set(m.tolist()), Fraction(float(units.group_least[g])), float(units.group_most[g])))
    rows.append((set(range(len(has))), Fraction(0), found.budget))
    order = choices.block[np.argsort(-wanted, kind="stable")].tolist()

    def total(blocks: set[int]) -> Fraction:
        return sum((has[i] for i in blocks), Fraction(0))

    for _ in range(TOUCHES):
        for blocks, _, most in rows:
            for b in (b for b in order if b in blocks and np.isfinite(most)):
                has[b] -= min(has[b] - spent[b], max(Fraction(0), total(blocks) - Fraction(most)))
        for blocks, least, _ in rows:
            for b in (b for b in order if b in blocks):
                left = [
                    Fraction(most) - total(inside)
                    for inside, _, most in rows
                    if b in inside and most < np.inf
                ]
                has[b] += max(Fraction(0), min([least - total(blocks), *left]))
    return tuple((b, has[b] - spent[b]) for b in sorted(order) if has[b] > spent[b])


def _bounded(
    found: Allocation, units: LimitedPopulation, solution: LinearSolution, relaxed: Allocation
) -> Allocation:
    """The bound of the relaxation's price and multipliers beside the value."""
    curves = found.curves
    bound = dual_within(curves.curves, units, found.budget, found.price, found.multipliers)
    answer = replace(found, bound=round_up(bound))
    ended = solution.outcome.termination
    if ended not in (Termination.TIME_LIMIT, Termination.MEMORY_LIMIT, Termination.INTERRUPTED):
        ended = Termination.NUMERICAL
    text = (
        f"whole units as {solution.backend} finds them; by the prices of the relaxation at most "
        f"{answer.gap_absolute:.6g} is missing; randomising some could reach {relaxed.value!r}"
    )
    if curves.outcome.solution is not Solution.CERTIFIED:
        return replace(answer, outcome=Outcome(ended, Solution.FEASIBLE, text))
    return replace(
        answer,
        outcome=Outcome.certified(gap=answer.gap, tolerance=curves.tolerance, stopped=ended, message=text),
    )


def _without(relaxed: Allocation, why: Termination, text: str) -> Allocation:
    """No answer, and why."""
    answer = impossible(
        relaxed.curves, relaxed.population, relaxed.budget, relaxed.limits or Limits(), METHOD, text
    )
    return replace(answer, outcome=Outcome(why, Solution.NONE, text))
