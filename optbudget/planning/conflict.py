"""Whether budget lines can be kept at all; if not, which of them contradict each other, and what they lack.

Buying more of every line at a price, the least that must be bought is found by column generation without
rewards. Where it is above 0, its prices :math:`\\lambda` prove it: every policy spends more than the lines
hold, weighted by :math:`\\lambda` (Farkas 1902). Lines are then left out one after another, and those whose
absence cures nothing stay out (deletion filter, Chinneck & Dravnieks 1991): what remains is a conflict of
which every line is needed. What such a line must hold at least, the others as they are, is once more the
optimum of a column generation, with its spend in place of the value.
"""

from dataclasses import replace
from decimal import ROUND_CEILING, Context

import numpy as np
from numpy.typing import NDArray

from optbudget.certify import lines_bound
from optbudget.planning.column_generation import Aim, State, rounds
from optbudget.planning.master import line_scale
from optbudget.planning.priced_policies import Columns, PricedPolicies
from optbudget.problems import BudgetLines, Conflict, PolicyMixture
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

KEPT = 1e-10
"""What must be bought, relative to what is used, that is taken for nothing."""
LEAST_GAP = 1e-9
SHOWN = 3
"""Lines of a conflict that a message names."""


def feasible_columns(
    passes: PricedPolicies, columns: Columns, amount: Floats, *, monitor: Monitor | None = None
) -> tuple[Columns, Floats | None]:
    """Columns of which some mixture keeps the lines, and None; or columns, and weights (J,) against it."""
    if (columns.spend <= amount).all(axis=1).any():
        return columns, None
    price = 1.0 / line_scale(columns.spend, amount)
    aim = Aim(0.0, np.zeros(amount.size), np.where(np.isfinite(amount), price, np.inf))
    for state in rounds(passes, columns, amount, aim, monitor=monitor):
        columns = state.columns
        if state.bound < 0:
            return columns, state.price
        if state.mixed.value >= -KEPT:
            break
    return columns, None


def conflict_of(
    passes: PricedPolicies,
    columns: Columns,
    empty: PolicyMixture,
    weight: Floats,
    *,
    monitor: Monitor | None = None,
) -> PolicyMixture:
    """The answer that there is none: a minimal conflict, its proof, and what each of its lines lacks."""
    lines, amount = empty.lines, empty.lines.limits(empty.population)
    for j in np.flatnonzero(weight > 0).tolist():
        if weight[j] == 0:  # A conflict without another line did not need this one either.
            continue
        rest = np.where(weight > 0, amount, np.inf)
        rest[j] = np.inf
        columns, without = feasible_columns(passes, columns, rest, monitor=monitor)
        if without is not None:
            weight = without
    members = tuple(np.flatnonzero(weight > 0).tolist())
    if not lines_bound(lines, empty.population, weight, rewarded=False) < 0:
        text = "the lines contradict each other by less than rounding can tell; allow a little more money"
        return replace(empty, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, text))
    least = tuple(_least(passes, columns, amount, weight, j, monitor) for j in members)
    found = Conflict(members, weight, least)
    outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, in_words(lines, found))
    return replace(empty, conflict=found, outcome=outcome)


def in_words(lines: BudgetLines, conflict: Conflict) -> str:
    """Which lines no policy keeps together, and what would cure it."""
    names = [repr(lines.names[j]) for j in conflict.lines]
    if len(names) == 1:
        j = conflict.lines[0]
        holds, least = lines.amount[j], conflict.least[0]
        return f"line {names[0]} holds {holds:.10g}, and at least {least:.10g} must be spent"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    cures = " or ".join(
        f"{lines.names[j]!r} at least {least:.10g} in place of {lines.amount[j]:.10g}"
        for j, least in list(zip(conflict.lines, conflict.least, strict=True))[:SHOWN]
    )
    said = ", ".join(names[:SHOWN]) + more if more else " and ".join((", ".join(names[:-1]), names[-1]))
    return (
        f"no policy keeps the lines {said} together: give {cures}{', or one of the others' if more else ''}"
    )


def _least(
    passes: PricedPolicies,
    columns: Columns,
    amount: Floats,
    weight: Floats,
    line: int,
    monitor: Monitor | None,
) -> float:
    """What a line of the conflict must hold at least if the others stay, rounded up."""
    rest = np.where(weight > 0, amount, np.inf)
    rest[line] = np.inf
    columns, _ = feasible_columns(passes, columns, rest, monitor=monitor)
    aim = Aim(0.0, np.eye(amount.size)[line], np.full(amount.size, np.inf))
    state: State | None = None
    for state in rounds(passes, columns, rest, aim, monitor=monitor):
        if state.gap <= LEAST_GAP:
            break
    return np.nan if state is None else rounded_up(-state.mixed.value)


def rounded_up(amount: float) -> float:
    """An amount with nine digits, up; what is above such a number by rounding alone is that number.

    Examples
    --------
    >>> rounded_up(10 / 3), rounded_up(40.00000000000001), rounded_up(0.0)
    (3.33333334, 40.0, 0.0)
    """
    return float(Context(prec=9, rounding=ROUND_CEILING).create_decimal(amount * (1 - 1e-11)))
