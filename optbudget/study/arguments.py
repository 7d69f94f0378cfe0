"""What a study is handed: each argument is held to its kind once, and the culprit named."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path

from optbudget.errors import ProblemError, UsageError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population
from optbudget.problems.columns import as_number
from optbudget.solvers import Options
from optbudget.study.stand import Stand
from optbudget.workers import Monitor

Problem = BudgetedMDP | ConstrainedMDP | Knapsack


def instance(
    problem: Problem, budget: float | None, population: Population | None = None
) -> tuple[Problem, float]:
    """A problem and its money; a constrained problem has the same budget as is returned beside it.

    Raises
    ------
    UsageError
        Naming what is no problem, no budget, or no population of the problem.
    """
    if not isinstance(problem, BudgetedMDP | ConstrainedMDP | Knapsack):
        how = "optbudget.load() reads one from a folder" if isinstance(problem, str | Path) else "see load()"
        raise UsageError(
            f"a BudgetedMDP, ConstrainedMDP or Knapsack is compared, and this is {problem!r:.40}: {how}"
        )
    _require_population(problem, population)
    if budget is None and isinstance(problem, ConstrainedMDP):
        return problem, float(problem.budget)
    if budget is None:
        raise UsageError(
            "say how much money there is: a budget (--budget B); only constrained problems bring their own"
        )
    try:
        money = as_number(budget, "the budget") + 0.0  # Of -0 it makes 0.
    except ProblemError as error:
        raise UsageError(str(error)) from None
    if not money >= 0:
        raise UsageError(f"the budget is {budget}; it must be a number >= 0")
    return (replace(problem, budget=money) if isinstance(problem, ConstrainedMDP) else problem), money


def patterns_given(routes: Sequence[str] | None) -> tuple[str, ...]:
    """The patterns of route names; of None, which takes the usual routes, there are none.

    Raises
    ------
    UsageError
        If they are not a sequence of texts, or are none, or one is empty.

    Examples
    --------
    >>> patterns_given("ip")
    Traceback (most recent call last):
    ...
    optbudget.errors.UsageError: routes is the text 'ip'; it must be a sequence of names: routes=('ip',)
    """
    if routes is None:
        return ()
    if isinstance(routes, str):
        raise UsageError(
            f"routes is the text {routes!r}; it must be a sequence of names: routes=({routes!r},)"
        )
    if not isinstance(routes, Sequence):
        raise UsageError(f"routes is {routes!r:.40}; it must be a sequence of names such as ('walk',)")
    for pattern in routes:
        if not isinstance(pattern, str) or not pattern:
            raise UsageError(
                f"routes holds {pattern!r:.40}; every entry must be the name of a route or a pattern"
            )
    if not routes:
        raise UsageError("routes is empty and names no route; leave it out to take the usual ones")
    return tuple(routes)


def require_kinds(
    tolerance: float, options: Options | None, monitor: Monitor | None, stand: Stand | None
) -> None:
    """Refuse arguments of another type than they are declared with.

    Raises
    ------
    UsageError
        Naming the argument.
    """
    if isinstance(tolerance, bool) or not (isinstance(tolerance, Real) and tolerance >= 0):
        raise UsageError(f"tolerance is {tolerance!r:.40}; it must be a number >= 0")
    for name, value, kind in (
        ("options", options, Options), ("monitor", monitor, Monitor), ("stand", stand, Stand),
    ):  # fmt: skip
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"{name} is {value!r:.40}; it must be of type {kind.__name__}")
    if options is not None and stand is not None:
        raise UsageError("a stand has its own options; give one of the two")


def _require_population(problem: Problem, population: Population | None) -> None:
    if population is None:
        return
    if not isinstance(population, Population):
        how = "Population.at(problem, {state: count}) makes one"
        raise UsageError(f"the population is {population!r:.40}: {how}")
    if not isinstance(problem, BudgetedMDP):
        raise UsageError("a population goes with a BudgetedMDP; other kinds have no states to count")
    if population.labels != problem.labels:
        raise UsageError(
            f"the population is of the states {', '.join(population.labels):.60}, and the problem has "
            f"{', '.join(problem.labels):.60}"
        )
