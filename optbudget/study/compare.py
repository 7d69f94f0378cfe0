"""The same instance by every route that fits, held against each other.

Our own methods, and each declared program by each back end, answer the same questions; every answer is
evaluated again from the problem's own numbers and bounded by the checker. `Comparison` says whether all of
them can be right.
"""

import math
from contextlib import nullcontext
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial

import numpy as np

from optbudget.errors import UsageError
from optbudget.formulations import declared, statement
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, LinearProgram, Population
from optbudget.problems.comparison import Comparison, RouteResult
from optbudget.solvers import Options
from optbudget.status import Outcome, Solution, Termination
from optbudget.study.own import Answers, curve_routes, knapsack_routes, split_routes
from optbudget.study.routes import Route, Stand, declared_routes, known_pattern
from optbudget.workers import Monitor

__all__ = ["TIME_LIMIT", "Part", "compare", "stated"]

TIME_LIMIT = 60.0
"""Seconds that one route may take when nobody says."""


ONE_UNIT_STATES = 400
"""States up to which the split over one unit is declared, too."""


class Part(Monitor):
    """The monitor of a whole study as one of its instances sees it: part k of n."""

    def __init__(self, whole: Monitor, k: int, of: int, name: str = "") -> None:
        super().__init__(self._told, whole.time_limit, whole.memory_limit)
        self._whole, self._k, self._of = whole, k, of
        self._name = f"{name}: " if name and of > 1 else ""

    def _told(self, fraction: float, text: str) -> None:
        self._whole.progress((self._k + fraction) / self._of, self._name + text)

    def stop_reason(self) -> Termination | None:
        """Why the whole study should stop now, or None."""
        return self._whole.stop_reason()


def compare(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float,
    *,
    population: Population | None = None,
    routes: tuple[str, ...] = (),
    tolerance: float = 1e-7,
    options: Options | None = None,
    monitor: Monitor | None = None,
    stand: Stand | None = None,
) -> Comparison:
    """Solve one instance by every route that fits.

    Parameters
    ----------
    problem : a budgeted or constrained problem is that of one unit from its initial distribution
    budget : money, >= 0; it takes the place of a constrained problem's own
    population : also split the budget over these units, by greedy, by price, and as declared knapsacks of
        the curves' useful budgets
    routes : patterns of names such as "walk", "cmdp_primal/*" or "*/pyomo:gurobi"; () takes our own methods
        and each declared program by the usual back ends
    tolerance : relative difference up to which two values count as the same
    options : limits of every back end; when nobody says, 60 seconds each, and for first-order methods 6
        seconds and a feasibility of 1e-6
    monitor : is told of the route that is being taken; a limit of its ends the comparison between two
        routes, and the others are named in `left_out`
    stand : kept processes to use, for many comparisons in a row; it has its own options

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
    if isinstance(problem, ConstrainedMDP):
        problem = replace(problem, budget=budget)
    own_stand = Stand(options or Options(time_limit=TIME_LIMIT), hasty=options is None)
    with own_stand if stand is None else nullcontext(stand) as stand:
        taken = _all_routes(stand, problem, budget, population, routes)
        found: list[RouteResult] = []
        for i, route in enumerate(taken):
            if monitor is not None:
                monitor.progress(i / len(taken), route.name)
                if monitor.stop_reason() is not None:
                    break
            found.append(route.run())
    name = problem.problem if isinstance(problem, ConstrainedMDP) else problem
    title = name.folder.name if name.folder is not None else "problem"
    left = tuple(route.name for route in taken[len(found) :])
    return Comparison(title, budget, tuple(found), tolerance, left)


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
                found += _of_one_unit(stand, answers, budget, wanted)
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


def _of_one_unit(stand: Stand, answers: Answers, budget: float, wanted: tuple[str, ...]) -> list[Route]:
    """The split of a budget over one unit is the unit's own problem: its useful budgets, in parts."""
    unit = answers.problem
    asked = not wanted or any(pattern.startswith(("mckp_lp", "*")) for pattern in wanted)
    if not asked or unit.initial_state.size > 1 or unit.n_states > ONE_UNIT_STATES:
        return []
    alone = Population(unit.labels, (unit.initial > 0).astype(np.int64))
    knapsack = Knapsack.from_curves(answers.curves("walk")[0], alone)
    routes = declared_routes(stand, knapsack, budget, wanted)
    relaxed = [route for route in routes if route.name.startswith("mckp_lp/")]
    return [Route(route.name, partial(_asking, route, "randomised")) for route in relaxed]


def _asking(route: Route, question: str) -> RouteResult:
    """A route's answer to another question: its value holds there, its bound is over useful budgets only."""
    found = replace(route.run(), question=question, bound=math.nan)
    if not found.answered:
        return found
    text = "bounded over the curve's useful budgets only"
    return replace(found, outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE, text))


def stated(
    formulation: str, problem: BudgetedMDP | ConstrainedMDP | Knapsack, budget: float | None = None
) -> LinearProgram:
    """The arrays of a declared program of a model, to be written or solved.

    Parameters
    ----------
    formulation : a name of `optbudget.formulations.STATEMENTS`; "cmdp_lp" is "cmdp_primal"
    problem : curves' useful budgets are not asked for: programs of a split want a knapsack
    budget : money, >= 0; None takes a constrained problem's own

    Raises
    ------
    UsageError
        For a name that there is not or that states another kind of problem, or without a budget.
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> stated("cmdp_dual", two_action_example(horizon=2), 1.9)
    LinearProgram(min, 3 columns, 4 rows, 8 entries)
    """
    row = statement({"cmdp_lp": "cmdp_primal"}.get(formulation, formulation))
    if budget is None and not isinstance(problem, ConstrainedMDP):
        raise UsageError("say how much money there is: --budget B")
    if isinstance(problem, BudgetedMDP):
        problem = ConstrainedMDP(problem, float(budget or 0.0))
    elif isinstance(problem, ConstrainedMDP) and budget is not None:
        problem = replace(problem, budget=budget)
    if not isinstance(problem, row.of):
        raise UsageError(
            f"{row.name} states a {'knapsack' if row.of is Knapsack else 'Markov decision process'}, and the "
            "model is of another kind"
        )
    return declared(row.name, "pyomo", problem, budget if isinstance(problem, Knapsack) else None)[0]
