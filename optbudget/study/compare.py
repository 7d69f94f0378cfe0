"""The same instance by every route that fits, held against each other.

Our own methods, and each declared program by each back end, answer the same questions; every answer is
evaluated again from the problem's own numbers and bounded by the checker. `Comparison` says whether all of
them can be right.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np

from optbudget.errors import UsageError
from optbudget.formulations import STATEMENTS, Statement, declared, statement
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, LinearProgram, Population
from optbudget.problems.comparison import Comparison, RouteResult
from optbudget.solvers import Options
from optbudget.status import Outcome, Solution, Termination
from optbudget.study.arguments import instance, patterns_given, require_kinds
from optbudget.study.monitors import Limits
from optbudget.study.own import Answers, curve_routes, knapsack_routes, split_routes
from optbudget.study.patterns import matches, require_known, require_solvers_of_pyomo
from optbudget.study.routes import Route, declared_routes, split_programs
from optbudget.study.stand import Stand
from optbudget.study.taking import LIMITS
from optbudget.workers import Monitor

__all__ = ["TIME_LIMIT", "compare", "route_names", "stated"]

TIME_LIMIT = 60.0
"""Seconds that one route may take when nobody says."""


ONE_UNIT_STATES = 400
"""States up to which the split over one unit is declared, too."""


def compare(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float | None = None,
    *,
    population: Population | None = None,
    routes: Sequence[str] | None = None,
    tolerance: float = 1e-7,
    options: Options | None = None,
    monitor: Monitor | None = None,
    stand: Stand | None = None,
) -> Comparison:
    """Solve one instance by every route that fits.

    Parameters
    ----------
    problem : a budgeted or constrained problem is that of one unit from its initial distribution
    budget : money, >= 0; None takes a constrained problem's own
    population : of a budgeted problem: split the budget over these units, by greedy, by price, and as
        declared knapsacks of the curves' useful budgets
    routes : patterns of names such as "walk", "cmdp_primal/*" or "*/pyomo:gurobi"; None takes our own methods
        and each declared program by the usual back ends
    tolerance : relative difference up to which two values count as the same, >= 0
    options : limits of every back end; when nobody says, 60 seconds each, and for first-order methods 6
        seconds and a feasibility of 1e-6
    monitor : is told of the route that is being taken; a limit of its ends a route of our own where it is,
        and the comparison before the next route; those that were not begun are named in `left_out`
    stand : kept processes to use, for many comparisons in a row; it has its own options

    Raises
    ------
    UsageError
        For a pattern that matches no route of the problem, naming the nearest; for a budget that is missing
        or not a number >= 0; for an argument of another type.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> compare(two_action_example(), 1.9, routes=("walk", "greedy", "cmdp_primal/mathopt/glop"))
    Comparison(problem: 3 routes agree, 3 with the best value)
    """
    require_kinds(tolerance, options, monitor, stand)
    wanted = patterns_given(routes)
    problem, money = instance(problem, budget, population)
    own_stand = Stand(options or Options(time_limit=TIME_LIMIT), hasty=options is None)
    with own_stand if stand is None else nullcontext(stand) as stand:
        every = _every_route(stand, problem, money, population, wanted, Limits(monitor))
        require_known(wanted, [route.name for route in every])
        taken = [route for route in every if matches(route.name, wanted)]
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
    return Comparison(title, money, tuple(found), tolerance, left)


def route_names(
    problem: BudgetedMDP | ConstrainedMDP | Knapsack,
    budget: float | None = None,
    *,
    population: Population | None = None,
    routes: Sequence[str] | None = ("*",),
) -> list[str]:
    """Names of the routes that an instance has; nothing is solved.

    Parameters
    ----------
    routes : patterns: with some, every back end is listed, and a solver of Pyomo's that one names; None
        is the usual ones only
    problem, budget, population : as for `compare`

    Raises
    ------
    UsageError
        As `compare`, but not for a pattern that matches no route.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> route_names(two_action_example(horizon=2), 1.9)[:4]
    ['backup', 'walk', 'sweep', 'greedy']
    """
    wanted = patterns_given(routes)
    problem, money = instance(problem, budget, population)
    with Stand(Options()) as stand:
        return [route.name for route in _every_route(stand, problem, money, population, wanted)]


def _every_route(
    stand: Stand,
    problem: ConstrainedMDP | Knapsack | BudgetedMDP,
    budget: float,
    population: Population | None,
    wanted: tuple[str, ...],
    monitor: Monitor | None = None,
) -> list[Route]:
    """Every route to choose from, or the usual ones where no pattern is given."""
    require_solvers_of_pyomo(wanted, stand)
    if isinstance(problem, Knapsack):
        return [*knapsack_routes(problem, budget, monitor), *declared_routes(stand, problem, budget, wanted)]
    alone = problem if isinstance(problem, ConstrainedMDP) else ConstrainedMDP(problem, budget)
    if alone.resources:
        return [*declared_routes(stand, alone, budget, wanted)]
    answers = Answers(alone.problem if alone.risk is None else alone.risk.applied(alone.problem), monitor)
    if population is not None:
        programs = split_programs(stand, answers.knapsack(population), population.size, budget, wanted)
        return [*split_routes(answers, population, budget, "relaxation"), *programs]
    return [
        *curve_routes(answers, alone),
        *_of_one_unit(stand, answers, budget, wanted),
        *declared_routes(stand, alone, budget, wanted),
    ]


def _of_one_unit(stand: Stand, answers: Answers, budget: float, wanted: tuple[str, ...]) -> list[Route]:
    """The split of a budget over one unit is the unit's own problem: its useful budgets, in parts."""
    unit = answers.problem
    if unit.initial_state.size > 1 or unit.n_states > ONE_UNIT_STATES:
        return []
    alone = Population(unit.labels, (unit.initial > 0).astype(np.int64))
    routes = split_programs(stand, answers.knapsack(alone), 1, budget, wanted)
    relaxed = [route for route in routes if route.name.startswith("mckp_lp/")]
    return [Route(route.name, partial(_asking, route, "randomised")) for route in relaxed]


def _asking(route: Route, question: str) -> RouteResult:
    """A route's answer to another question: its value holds there, its bound is over useful budgets only."""
    found = replace(route.run(), question=question, bound=math.nan)
    if not found.answered:
        return found
    text = "bounded over the curve's useful budgets only"
    stopped = found.outcome.termination if found.outcome.termination in LIMITS else Termination.UNKNOWN
    return replace(found, outcome=Outcome(stopped, Solution.FEASIBLE, text))


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
    problem, money = instance(problem, budget)
    if isinstance(problem, BudgetedMDP):
        problem = ConstrainedMDP(problem, money)
    if not isinstance(problem, row.of):
        raise UsageError(_of_another_kind(row))
    return declared(row.name, "pyomo", problem, money if isinstance(problem, Knapsack) else None)[0]


def _of_another_kind(row: Statement) -> str:
    """What a program states that was asked of a model of another kind, and which programs fit."""
    fitting = ", ".join(other.name for other in STATEMENTS if other.of is not row.of)
    if row.of is Knapsack:
        return (
            f"{row.name} states a knapsack, and the model is a Markov decision process; its programs: "
            f"{fitting}. To split money over units by their curves: optbudget allocate --method lp, or "
            "optbudget compare --population"
        )
    return (
        f"{row.name} states a Markov decision process, and the model is a knapsack; its programs: {fitting}"
    )
