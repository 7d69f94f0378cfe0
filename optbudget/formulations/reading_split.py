"""From a back end's counts to units and options that are added up again, exactly where they are whole."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.formulations.reading import MIXED
from optbudget.problems import Knapsack, LinearSolution

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Achieved:
    """What an answer is worth and spends, added up from the problem's own numbers.

    Attributes
    ----------
    value, spend : totals; both NaN if a limit or a rule is broken
    why : what is broken, or ""
    """

    value: float
    spend: float
    why: str = ""


def read_whole(problem: Knapsack, budget: float, solution: LinearSolution) -> Achieved:
    """What whole units in a solution of `mckp_ip` or `mckp_unit` achieve, in exact arithmetic.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    """
    _ = solution.value
    assert solution.x is not None
    number = np.rint(solution.x).astype(np.int64)
    if solution.program.name != "mckp_unit":
        taken = number
    else:
        option = [
            k
            for g, copies in enumerate(problem.count.tolist())
            for _ in range(copies)
            for k in range(int(problem.ptr[g]), int(problem.ptr[g + 1]))
        ]
        taken = np.bincount(option, number, minlength=problem.cost.size).astype(np.int64)
    if (taken < 0).any() or (np.add.reduceat(taken, problem.ptr[:-1]) != problem.count).any():
        return Achieved(np.nan, np.nan, "not every unit takes one option")
    spend, value = _totals(taken, problem.cost), _totals(taken, problem.value)
    if spend > budget:
        return Achieved(
            np.nan, np.nan, f"the options cost {float(spend - Fraction(budget)):.3g} above the budget"
        )
    return Achieved(float(value), float(spend))


def read_relaxed(problem: Knapsack, budget: float, solution: LinearSolution) -> Achieved:
    """What parts of units in a solution of `mckp_lp` achieve, scaled to whole groups and to the budget.

    Raises
    ------
    NoAnswerError
        If the solution has no point.
    """
    _ = solution.value
    assert solution.x is not None
    part = np.maximum(solution.x, 0.0)
    group, count = problem.group_of, problem.count.astype(np.float64)
    total = np.bincount(group, part, minlength=count.size)
    cheapest = _cheapest_options(problem)
    share = np.divide(part, total[group], out=cheapest.copy(), where=total[group] > 0)
    spend, value = (float(x @ (share * count[group])) for x in (problem.cost, problem.value))
    least, worth = (float(x @ (cheapest * count[group])) for x in (problem.cost, problem.value))
    if spend > budget:
        mix = (spend - budget) / (spend - least) if spend > least else 2.0
        if not 0 <= mix <= MIXED:
            return Achieved(np.nan, np.nan, f"the options cost {spend - budget:.3g} above the budget")
        spend, value = budget, value + mix * (worth - value)
    return Achieved(value, spend)


def _cheapest_options(problem: Knapsack) -> Floats:
    """1 for the first cheapest option of every group, else 0, (N,)."""
    order = np.lexsort((np.arange(problem.cost.size), -problem.value, problem.cost, problem.group_of))
    chosen = np.zeros(problem.cost.size)
    chosen[order[problem.ptr[:-1]]] = 1.0
    return chosen


def _totals(number: NDArray[np.int64], column: Floats) -> Fraction:
    return sum(
        (n * Fraction(x) for n, x in zip(number.tolist(), column.tolist(), strict=True) if n), Fraction(0)
    )
