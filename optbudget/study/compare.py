"""The same instance by every route that fits, held against each other.

Our own methods, and each declared program by each back end, answer the same questions; every answer is
evaluated again from the problem's own numbers and bounded by the checker. `Comparison` says whether all of
them can be right.
"""

from fnmatch import fnmatchcase

from optbudget.errors import UsageError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population
from optbudget.problems.comparison import Comparison
from optbudget.solvers import Options
from optbudget.study.own import Answers, curve_routes, split_routes
from optbudget.study.routes import Route, Stand, declared_routes, known_pattern
from optbudget.workers import Monitor

TIME_LIMIT = 60.0
"""Seconds that one route may take when nobody says."""


def compare(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float,
    *,
    population: Population | None = None,
    routes: tuple[str, ...] = (),
    tolerance: float = 1e-7,
    options: Options | None = None,
    monitor: Monitor | None = None,
) -> Comparison:
    """Solve one instance by every route that fits.

    Parameters
    ----------
    problem : a budgeted or constrained problem is that of one unit from its initial distribution
    budget : money, >= 0
    population : also split the budget over these units, by greedy, by price, and as declared knapsacks of
        the curves' useful budgets
    routes : patterns of names such as "walk", "cmdp_primal/*" or "*/pyomo:gurobi"; () takes our own methods
        and each declared program by the usual back ends
    tolerance : relative difference up to which two values count as the same
    options : limits of every back end; 60 seconds each when nobody says

    Raises
    ------
    UsageError
        For a pattern that matches no route, or a budget that is not a number >= 0.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> compare(two_action_example(), 1.9, routes=("walk", "greedy", "cmdp_primal/mathopt/glop"))
    Comparison(problem: 3 routes agree, 3 with the best value)
    """
    if not budget >= 0:
        raise UsageError(f"the budget is {budget}; it must be a number >= 0")
    with Stand(options or Options(time_limit=TIME_LIMIT)) as stand:
        taken = _all_routes(stand, problem, budget, population, routes)
        found = []
        for i, route in enumerate(taken):
            if monitor is not None:
                monitor.progress(i / len(taken), route.name)
                if monitor.stop_reason() is not None:
                    break
            found.append(route.run())
    name = problem.problem if isinstance(problem, ConstrainedMDP) else problem
    title = name.folder.name if name.folder is not None else "problem"
    return Comparison(title, budget, tuple(found), tolerance)


def _all_routes(
    stand: Stand,
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float,
    population: Population | None,
    wanted: tuple[str, ...],
) -> list[Route]:
    if isinstance(problem, Knapsack):
        found = [*knapsack_routes(problem, budget), *declared_routes(stand, problem, budget, wanted)]
    else:
        alone = problem if isinstance(problem, ConstrainedMDP) else ConstrainedMDP(problem, budget)
        found = []
        if not alone.resources:
            unit = alone.problem if alone.risk is None else alone.risk.applied(alone.problem)
            answers = Answers(unit)
            if population is not None:
                found += _of_population(stand, answers, population, budget, wanted)
            else:
                found += curve_routes(answers, alone)
        if population is None or alone.resources:
            found += declared_routes(stand, alone, budget, wanted)
    names = [route.name for route in found]
    for pattern in wanted:
        known_pattern(pattern, names)
    return [r for r in found if not wanted or any(fnmatchcase(r.name, pattern) for pattern in wanted)]


def _of_population(
    stand: Stand, answers: Answers, population: Population, budget: float, wanted: tuple[str, ...]
) -> list[Route]:
    """The split of a budget over a population; the programs choose among useful budgets."""
    knapsack = Knapsack.from_curves(answers.curves("walk")[0], population)
    return [
        *split_routes(answers, population, budget, "relaxation"),
        *declared_routes(stand, knapsack, budget, wanted),
    ]


def knapsack_routes(problem: Knapsack, budget: float) -> list[Route]:
    """Our own routes to a knapsack."""
    return []
