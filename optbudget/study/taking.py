"""A declared program taken to its end: stated, solved, and its answer read by the problem's own numbers."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from optbudget.errors import IllPosedError, OptBudgetError, ProblemError
from optbudget.formulations import (
    Achieved,
    Statement,
    named,
    read_dual,
    read_primal,
    read_relaxed,
    read_stage,
    read_tree,
    read_whole,
)
from optbudget.problems import ConstrainedMDP, Knapsack, LinearSolution
from optbudget.problems.comparison import RouteResult
from optbudget.problems.endings import require_every_end
from optbudget.problems.occupancy import Occupancy
from optbudget.solvers import BackEnd, missing
from optbudget.status import Outcome, Solution, Termination
from optbudget.study.stand import Stand

THROUGH_PYOMO = "pyomo:appsi_highs"
"""The solver interface of Pyomo's own that is always tried; others by name."""

EXACT_BACKENDS = ("glop", "highs-simplex", "ortools-highs", THROUGH_PYOMO)
"""Simplex methods: their answers are vertices, equal to the last digits."""

OF_THE_DUAL = {
    Termination.UNBOUNDED: (
        Termination.INFEASIBLE,
        "the dual program is unbounded: no policy keeps the limits",
    ),
    Termination.INFEASIBLE: (
        Termination.UNBOUNDED,
        "the dual program is infeasible: values need not be finite, or no policy keeps the limits",
    ),
}
"""What the end of a dual program says of the problem."""

LIMITS = (Termination.TIME_LIMIT, Termination.MEMORY_LIMIT, Termination.INTERRUPTED)
"""Reasons to stop that stay the reason when what was met by then is read."""


def take(
    stand: Stand,
    row: Statement,
    tool: str,
    backend: BackEnd,
    stated: Callable[[], ConstrainedMDP | Knapsack],
    budget: float,
) -> RouteResult:
    """State a program, solve it, and read the answer; whatever goes wrong is an outcome.

    Parameters
    ----------
    stated : makes the problem that is stated; called when the route is taken, not when it is listed
    """
    said = RouteResult(
        f"{row.name}/{tool}/{backend.name}", row.question, row.name, backend.name,
        exact=backend.name in EXACT_BACKENDS and not row.integer,
    )  # fmt: skip
    if why := missing(backend):
        return _failed(said, why)
    try:
        problem = stated()
        if isinstance(problem, ConstrainedMDP):
            require_every_end(problem)
        money = None if isinstance(problem, ConstrainedMDP) else budget
        built = stand.program(row.name, tool, problem, money)
        if isinstance(built, Outcome):
            return replace(said, outcome=built)
        begin = time.perf_counter()
        try:
            solution = stand.solve(built[0], backend)
        except ProblemError:  # Refused for a number: again by the model's words, and refused as quickly.
            solution = stand.solve(named(built[0], problem), backend)
        waited = time.perf_counter() - begin
    except IllPosedError as error:
        return replace(said, outcome=Outcome(Termination.ILL_POSED, Solution.NONE, str(error)))
    except ProblemError as error:
        return replace(said, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, str(error)))
    except OptBudgetError as error:
        return _failed(said, str(error))
    said = replace(
        said, build_seconds=built[1], memory=solution.memory, outcome=solution.outcome,
        solve_seconds=solution.solve_seconds if math.isfinite(solution.solve_seconds) else waited,
    )  # fmt: skip
    if solution.outcome.solution is Solution.NONE:
        return _of_the_problem(row, said)
    said = replace(said, called_optimal=_calls_it_optimal(backend, solution))
    return _as_it_stopped(read(row, said, problem, budget, solution), solution)


def _failed(said: RouteResult, why: str) -> RouteResult:
    return replace(said, outcome=Outcome(Termination.BACKEND_FAILED, Solution.NONE, why))


def _calls_it_optimal(backend: BackEnd, solution: LinearSolution) -> bool:
    """Whether the back end's own word is one that its status map takes for an optimum."""
    words = getattr(import_module(backend.module), "STATUS", {})
    return solution.claimed in words and words[solution.claimed][0] is Termination.OPTIMAL


def _as_it_stopped(said: RouteResult, solution: LinearSolution) -> RouteResult:
    """An answer that proves too little keeps the limit that its back end met."""
    stopped = solution.outcome.termination
    if stopped in LIMITS and said.outcome.termination in (Termination.UNKNOWN, Termination.NUMERICAL):
        return replace(said, outcome=replace(said.outcome, termination=stopped))
    return said


def _of_the_problem(row: Statement, said: RouteResult) -> RouteResult:
    """The dual of an infeasible problem is unbounded, and one that is infeasible has no finite optimum."""
    if row.name != "cmdp_dual" or said.outcome.termination not in OF_THE_DUAL:
        return said
    termination, text = OF_THE_DUAL[said.outcome.termination]
    return replace(said, outcome=Outcome(termination, Solution.NONE, text))


def read(
    row: Statement,
    said: RouteResult,
    problem: ConstrainedMDP | Knapsack,
    budget: float,
    solution: LinearSolution,
) -> RouteResult:
    """What a solution is worth by the problem's own numbers."""
    if isinstance(problem, Knapsack):
        achieved = (read_relaxed if row.name == "mckp_lp" else read_whole)(problem, budget, solution)
        return _achieved(said, achieved, solution)
    if row.name == "deterministic_budget":
        return _achieved(said, read_tree(problem, solution), solution)
    reader = {"cmdp_primal": read_primal, "cmdp_dual": read_dual, "deterministic_stage": read_stage}[row.name]
    try:
        answer: Occupancy = reader(problem, solution)
    except OptBudgetError as error:
        return replace(said, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, str(error)))
    if answer.outcome.solution is Solution.NONE:
        return replace(said, outcome=answer.outcome)
    claimed = solution.claimed_bound if row.integer else math.nan
    outcome = answer.outcome
    if not outcome.message and math.isnan(answer.bound):
        outcome = replace(outcome, message=solution.outcome.message)
    return replace(said, outcome=outcome, value=answer.value, bound=answer.bound, claimed_bound=claimed)


def _achieved(said: RouteResult, achieved: Achieved, solution: LinearSolution) -> RouteResult:
    if achieved.why:
        return replace(said, outcome=Outcome(Termination.NUMERICAL, Solution.NONE, achieved.why))
    if solution.program.is_integer:
        outcome = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, solution.outcome.message)
        return replace(said, outcome=outcome, value=achieved.value, claimed_bound=solution.claimed_bound)
    if math.isnan(solution.bound):
        outcome = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "no multipliers, so nothing proves a bound")
        return replace(said, outcome=outcome, value=achieved.value)
    bound = max(solution.bound, achieved.value)
    gap = (bound - achieved.value) / (1.0 + abs(achieved.value))
    return replace(said, outcome=Outcome.certified(gap=gap), value=achieved.value, bound=bound)
