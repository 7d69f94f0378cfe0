"""What a declared program may be asked about: the right kind of problem, and money where it needs some."""

import math
from pathlib import Path

from optbudget.errors import LimitError, UsageError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack

LARGEST_COUNT = 2**53
"""Copies of a group beyond which a solver's double no longer counts them one by one."""

Arguments = tuple[ConstrainedMDP] | tuple[Knapsack, float]


def checked(name: str, of: type, whole: bool, problem: object, budget: object) -> Arguments:
    """The arguments of a program's own function, if it can state this problem.

    Parameters
    ----------
    name, of, whole : of its `Statement`: what it is called, what it is made for, whether its units are whole
    problem, budget : as they were given; None is no budget

    Raises
    ------
    UsageError
        For a problem of another kind, or a budget that is missing, not wanted, or no number >= 0.
    LimitError
        If a group has more than `LARGEST_COUNT` copies.
    """
    if not isinstance(problem, of):
        raise UsageError(f"{name} states a {of.__name__}, {_instead(of, problem)}")
    if isinstance(problem, ConstrainedMDP):
        if budget is not None:
            raise UsageError(
                f"{name}: a ConstrainedMDP carries its limits, here {problem!r}; leave the budget out, or "
                "change the problem's: dataclasses.replace(problem, budget=...)"
            )
        return (problem,)
    assert isinstance(problem, Knapsack)
    if whole and problem.interpolate:
        raise UsageError(
            f"{name}: amounts between the options of this knapsack can be bought (interpolate), so whole "
            "options are not its problem; mckp_lp states it"
        )
    if problem.count.max() > LARGEST_COUNT:
        group = problem.groups[int(problem.count.argmax())]
        raise LimitError(f"{name}: group {group!r} has more than 2^53 copies; a solver cannot count them")
    return problem, _money(name, budget)


def _money(name: str, budget: object) -> float:
    if budget is None:
        raise UsageError(f"{name} needs a budget: the money there is, a number >= 0")
    try:
        if isinstance(budget, (bool, str)):
            raise TypeError
        money = float(budget)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        said = repr(budget)
        short = said if len(said) <= 60 else f"{said[:57]}..."
        raise UsageError(f"{name}: the budget is {short}; it must be a number >= 0") from None
    if math.isnan(money) or money < 0:
        raise UsageError(f"{name}: the budget is {money}; it must be a number >= 0 (inf for no limit)")
    return money


def _instead(of: type, problem: object) -> str:
    """What was given in its place, and what to do."""
    if isinstance(problem, (str, Path)):
        return f"not a path; read it first: optbudget.load({str(problem)!r})"
    if isinstance(problem, BudgetedMDP) and of is ConstrainedMDP:
        return "not a BudgetedMDP; give it its money: ConstrainedMDP(problem, budget)"
    if isinstance(problem, BudgetedMDP):
        return "not a BudgetedMDP; split its curves: Knapsack.from_curves(solve(problem), population)"
    return f"not a {type(problem).__name__}"
