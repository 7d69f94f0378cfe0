"""From a knapsack and a budget to what is taken, with the bound that proves how good it is.

"greedy" and "price" solve the linear relaxation: at most one copy is randomised, and no choice, randomised
or not, that keeps the budget in expectation is worth more than the bound

.. math:: p B + \\sum_g n_g \\max_k (v_{gk} - p\\,c_{gk}),

p the price at which the money ends. "ip" takes whole options only (`optbudget.allocation.knapsack_integer`).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from optbudget.allocation import exact
from optbudget.allocation.split import checked_budget
from optbudget.certify import dual_value, least_spend
from optbudget.errors import UsageError
from optbudget.problems import Knapsack, KnapsackAllocation
from optbudget.problems.knapsack_words import about_whole, too_little, why_left_over
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination
from optbudget.workers import Monitor

if TYPE_CHECKING:
    from optbudget.allocation.knapsack_relaxation import Relaxation

Method = Literal["greedy", "price", "ip"]
METHODS = ("greedy", "price", "ip")


def allocate_knapsack(
    knapsack: Knapsack, budget: float, *, method: Method = "greedy", monitor: Monitor | None = None
) -> KnapsackAllocation:
    """Take one option of every copy of every group, for the most total value within a budget.

    Parameters
    ----------
    budget : money, >= 0; infinity buys everything useful
    method : "greedy" or "price", the relaxation, equal to the bit and of different speed; "ip", whole
        options and nobody randomised
    monitor : may end "ip" by time, by memory or by Ctrl-C

    Returns
    -------
    KnapsackAllocation
        OPTIMAL if its gap is at most 1e-9. "ip" stopped by a limit has the best choice met and the
        relaxation's bound; the message says what is proved. A budget below the cheapest choice is
        INFEASIBLE: no rows, no numbers, and the message names the least total and groups that already need
        more.

    Raises
    ------
    ProblemError
        If the budget is not a number >= 0.
    UsageError
        If the method is not known, or is "ip" where amounts between options can be bought.

    Examples
    --------
    Two copies that may cost 3 for 5, and one that may cost 4 for 6. Money ends in the second group, whose
    copy is randomised; whole, the best is one of each.

    >>> problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    >>> allocate_knapsack(problem, 8.0)
    KnapsackAllocation(3 copies, budget 8: value 13, gap 0.0e+00, price 1.5, unspent 0)
    >>> allocate_knapsack(problem, 8.0, method="ip")
    KnapsackAllocation(3 copies, budget 8: value 11, gap 0.0e+00, price 1.5, unspent 1)
    """
    from optbudget.allocation.knapsack_relaxation import relax

    money = checked_budget(budget)
    if method not in METHODS:
        raise UsageError(f"method is {method!r}; known for a knapsack are 'greedy', 'price' and 'ip'")
    if method == "ip" and knapsack.interpolate:
        raise UsageError(
            "amounts between the options of this knapsack can be bought (interpolate), so whole options are "
            "no restriction it has; use 'greedy' or 'price'"
        )
    least = least_spend(knapsack)
    if least > money:
        message = too_little(knapsack, money, least)
        outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, message)
        return _answer(knapsack, money, method, [], outcome=outcome)
    relaxed = relax(knapsack, money, method="price" if method == "ip" else method)
    if method == "ip":
        bound = dual_value(knapsack, money, relaxed.price)
        from optbudget.allocation.knapsack_integer import best_whole_choice

        choice = best_whole_choice(knapsack, money, relaxed, monitor=monitor)
        rows = [(k, n, 1.0) for k, n in zip(choice.option.tolist(), choice.count.tolist(), strict=True)]
        return _answer(
            knapsack, money, method, rows, price=relaxed.price, bound=bound, stopped=choice.stopped
        )
    return of_relaxation(knapsack, money, relaxed, method=method)


def of_relaxation(
    knapsack: Knapsack, budget: float, relaxed: "Relaxation", *, method: str
) -> KnapsackAllocation:
    """The rows of a relaxation, with at most one copy randomised, and the bound that its price proves."""
    served = np.flatnonzero(knapsack.count)
    rows = [
        (k, n, 1.0) for g, k, n in zip(
            served.tolist(), relaxed.option[served].tolist(), knapsack.count[served].tolist(), strict=True
        ) if g != relaxed.group
    ]  # fmt: skip
    rows += [(row.level, row.units, row.probability) for row in relaxed.rows(knapsack, budget)]
    rows.sort(key=lambda row: int(knapsack.group_of[row[0]]))
    bound = dual_value(knapsack, budget, relaxed.price)
    return _answer(knapsack, budget, method, rows, price=relaxed.price, bound=bound)


def _answer(
    knapsack: Knapsack,
    budget: float,
    method: str,
    rows: Sequence[tuple[int, int, float]],
    *,
    price: float = math.nan,
    bound: Fraction | None = None,
    stopped: Termination | None = None,
    outcome: Outcome | None = None,
) -> KnapsackAllocation:
    """The answer with its exact totals; `bound` is the relaxation's, `stopped` why a search broke off."""
    option, count = (np.array([row[j] for row in rows], dtype=np.int64) for j in (0, 1))
    chance = np.array([row[2] for row in rows], dtype=np.float64)
    bare = KnapsackAllocation(knapsack, budget, option, count, chance, method=method)
    if outcome is not None or bound is None:
        return replace(bare, outcome=outcome or Outcome())
    spent, value = bare.exact_spend(), bare.exact_value()
    floor, relaxed = exact.round_down(value), exact.round_up(bound)
    whole = method == "ip"
    proved = whole and stopped is None
    ceiling = exact.round_up(value) if proved else relaxed
    gap = (ceiling - floor) / (1 + abs(floor))
    unspent = math.inf if math.isinf(budget) else float(Fraction(budget) - spent)
    reason = why_left_over(unspent, price, whole=whole, stopped=stopped)
    return replace(
        bare, value=floor, bound=ceiling, price=price, spent=float(spent), unspent=unspent,
        why_unspent=reason,
        outcome=Outcome.certified(
            gap=gap, tolerance=OPTIMAL_GAP, stopped=stopped or Termination.NUMERICAL,
            message=about_whole(floor, relaxed, gap, stopped) if whole else "",
        ),
    )  # fmt: skip
