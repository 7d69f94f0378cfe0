"""Several budget lines over a population: the best plan, one price per line, and a bound.

The problem is that of `optbudget.problems.budget_lines`; its optimum is approached from both sides by
`optbudget.planning.column_generation`. What is returned rests on none of its numbers: the policies are
evaluated again by the answer itself, their shares are made multiples of 2^-52 whose sum is 1 and whose spends
keep every line in exact arithmetic, and the bound is the checker's own pass at the prices
(`optbudget.certify.lines_bound`).

Where no policy keeps all lines, the answer says which lines contradict each other; see
`optbudget.planning.conflict`.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import lines_bound, lines_room
from optbudget.errors import ProblemError, UsageError
from optbudget.planning.column_generation import Aim, State, first_columns, rounds
from optbudget.planning.conflict import conflict_of, feasible_columns
from optbudget.planning.least_prices import least_prices
from optbudget.planning.master import line_scale, solve_master
from optbudget.planning.priced_policies import Columns, PricedPolicies
from optbudget.problems import BudgetLines, PolicyMixture, Population
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

SHRUNK = (1e-12, 1e-10, 1e-8, 0.0)
"""Shares of every line that are left unspent, one after another, so that rounding stays within it."""
SMALLEST = 2.0**-52
MENDED = 2.0**-36
"""Share of the most frugal policy that is mixed in where solvers leave a line exceeded by rounding."""
INSIDE = 0.5
"""Share of the tolerance at which the search ends; the rest is for rounding."""
NOTHING = 1e-9
"""Prices below this share of what a line's money can be worth are tried as 0."""


def allocate_lines(
    lines: BudgetLines,
    population: Population,
    *,
    tolerance: float = 1e-6,
    monitor: Monitor | None = None,
) -> PolicyMixture:
    """The best use of several budget lines for a population.

    Parameters
    ----------
    lines : the unit problem and what each line pays for and holds, for all units together
    population : units per state of the same problem
    tolerance : relative gap, (bound - value) / (1 + |value|), at which the search ends
    monitor : may end the search by time or by Ctrl-C; what is certified by then is returned

    Returns
    -------
    PolicyMixture
        At most one more policy than lines that bind. Outcome OPTIMAL or TOLERANCE where the certified gap
        allows it; INFEASIBLE with a `conflict` where no policy keeps the lines; else why it stopped.

    Raises
    ------
    ProblemError
        If the population is of another problem, or empty.
    UsageError
        If the tolerance is negative.
    MissingExtraError
        Without a back end for linear programs; the message is the command that installs one.

    Examples
    --------
    Six units, twice a choice that costs 1 and is worth 10 or is free and worth 1; money for 3 now and for 1
    later (discounted 0.9, as what it buys):

    >>> from optbudget.problems import StageBudgets
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> lines = BudgetLines.of_stages(problem, StageBudgets(("now", "then"), (1, 1), (3.0, 0.9)))
    >>> answer = allocate_lines(lines, Population.at(problem, {"s": 6}))
    >>> round(answer.value, 6), answer.gap < 1e-9, answer.share.size
    (46.5, True, 3)
    >>> answer.price.round(6), answer.spend.round(6)
    (array([9., 9.]), array([3. , 0.9]))

    Notes
    -----
    A round is two passes over the horizon at a few price vectors together, and one small linear program. Four
    lines take five to ten rounds, fifty lines about forty.
    """
    _require(lines, population, tolerance)
    passes, amount = PricedPolicies(lines, population), lines.limits(population)
    if monitor is not None:
        monitor.require_memory(passes.memory, f"{passes.lanes} policies for {lines.horizon:,} stages")
    columns = first_columns(passes, amount)
    columns, weight = feasible_columns(passes, columns, amount, monitor=monitor)
    empty = PolicyMixture(lines, population, tolerance=tolerance)
    if weight is not None:
        return conflict_of(passes, columns, empty, weight, monitor=monitor)
    state = None
    for state in rounds(passes, columns, amount, Aim.value(amount.size), monitor=monitor):
        if monitor is not None:
            monitor.progress(0.5, f"gap {state.gap:.1e} with {len(state.columns):,} policies")
        if state.gap <= INSIDE * tolerance:
            break
    if state is None:
        why = monitor.stop_reason() if monitor is not None else None
        text = "no mixture of the policies found keeps the lines, and nothing proves that none does"
        return replace(empty, outcome=Outcome(why or Termination.NUMERICAL, Solution.NONE, text))
    found = _mixture(passes, state, empty)
    if found.share.size == 0:
        return found
    return _certified(found, state, least_prices(passes, state, amount, monitor=monitor))


def _require(lines: BudgetLines, population: Population, tolerance: float) -> None:
    if not isinstance(lines, BudgetLines) or not isinstance(population, Population):
        raise UsageError("allocate_lines takes BudgetLines and a Population")
    if population.labels != lines.problem.labels:
        raise ProblemError("the population is of another problem: its states are not those of the lines")
    if population.size == 0:
        raise ProblemError("there are no units")
    if not tolerance >= 0:
        raise UsageError(f"the tolerance is {tolerance}; it must be a number >= 0")


def _mixture(passes: PricedPolicies, state: State, empty: PolicyMixture) -> PolicyMixture:
    """The best mixture of the known policies that keeps every line in exact arithmetic.

    Where a line holds the least that can be spent of it, it is kept up to the rounding of that spend.
    """
    lines = empty.lines
    usable = np.flatnonzero((state.columns.spend[:, lines.amount == 0] == 0).all(axis=1))
    columns = state.columns.take(usable)
    for room, share in _candidates(columns, lines, lines.limits(empty.population)):
        used = share > 0
        found = replace(
            empty, share=share[used], policy=passes.policies(columns.take(used)),
            outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE),
        )  # fmt: skip
        limits = zip(found.exact_spend(), lines.amount.tolist(), strict=True)
        if all(b == np.inf or spent <= Fraction(b) * (1 + Fraction(room)) for spent, b in limits):
            return found
    text = "what is left of the lines is less than rounding; allow a little more money"
    return replace(empty, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))


def _candidates(columns: Columns, lines: BudgetLines, limits: Floats) -> Iterator[tuple[float, Floats]]:
    """Shares (N,) of the columns that leave a little of every line, and the room that they are granted."""
    if len(columns) == 0:
        return
    never = np.full(lines.amount.size, np.inf)
    with np.errstate(invalid="ignore"):
        left = np.where(lines.amount > 0, 1.0 - columns.spend / lines.amount, 1.0).min(axis=1, initial=1.0)
    frugal = int(left.argmax())
    for shrunk in SHRUNK:
        amount = limits * (1.0 - shrunk)
        mixed = solve_master(columns.value, columns.spend, amount, never)
        if isinstance(mixed, Termination):
            continue
        yield 0.0 if shrunk else lines_room(lines), _shares(mixed.share)
        if left[frugal] > 0:
            mended = mixed.share * (1.0 - MENDED)
            mended[frugal] += MENDED
            yield 0.0, _shares(mended)


def _shares(share: Floats) -> Floats:
    """Shares as multiples of 2^-52 that sum to exactly 1; what is smaller is left out."""
    whole = np.floor(np.maximum(share, 0.0) / share.sum() / SMALLEST + 0.5)
    whole[int(whole.argmax())] += 1.0 / SMALLEST - whole.sum()
    return np.asarray(whole * SMALLEST)


def _certified(found: PolicyMixture, state: State, least: Floats) -> PolicyMixture:
    """The mixture with prices and the bound that they prove.

    The `least` prices are preferred where they prove as much, and prices of next to nothing are made 0.
    """
    lines, best = found.lines, found
    worth = np.ptp(state.columns.value) / line_scale(state.columns.spend, lines.amount)
    tried = [np.where(price < NOTHING * worth, 0.0, price) for price in (state.price, least)]
    for price in (state.price, *tried):
        bound = max(lines_bound(lines, found.population, price), found.value)
        asked = replace(found, price=price, bound=bound)
        if np.isnan(best.bound) or asked.gap <= max(best.gap, found.tolerance, OPTIMAL_GAP):
            best = asked
    if np.isnan(best.bound):
        text = "the prices prove no bound: their numbers are too large"
        return replace(best, outcome=Outcome(Termination.NUMERICAL, Solution.FEASIBLE, text))
    stopped = state.stopped or Termination.NUMERICAL
    return replace(best, outcome=Outcome.certified(gap=best.gap, tolerance=found.tolerance, stopped=stopped))
