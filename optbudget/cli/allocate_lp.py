"""`optbudget allocate --method lp`: the declared relaxation, solved by a back end, with our own certificate.

The program `mckp_lp` is stated and solved in processes of their own. Its solution is purified and read back
by `optbudget.allocation.knapsack_crossover`, so value, price and bound are exact and are verified like those
of the other methods.
"""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from optbudget.errors import LimitError, MissingExtraError, ProblemError
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    from optbudget.allocation.knapsack_crossover import Solved
    from optbudget.cli.run import Run
    from optbudget.problems import (
        Allocation,
        CurveSet,
        Knapsack,
        KnapsackAllocation,
        LinearProgram,
        Population,
    )
    from optbudget.solvers import Options
    from optbudget.workers.spawned import SpawnedWorker

BACKEND = "highs-simplex"
TOOL = "pyomo"

MOST_OPTIONS = 250_000
"""Options up to which the program is stated: 100,000 take some 7 s to state and 20 s to solve."""

ROWS = ("state", "count", "unit_budget", "unit_value", "probability", "action")


def lp_knapsack(run: "Run", problem: "Knapsack", budget: float) -> "KnapsackAllocation":
    """The relaxation of a knapsack by a back end."""
    from dataclasses import replace

    from optbudget.allocation import allocate_knapsack
    from optbudget.allocation.knapsack_crossover import crossed_knapsack
    from optbudget.allocation.knapsack_relaxation import relax
    from optbudget.certify import least_spend
    from optbudget.problems import KnapsackAllocation

    if least_spend(problem) > budget:
        return replace(allocate_knapsack(problem, budget), method="lp")
    relax(problem, budget)  # Refuses prices that no double holds, before a back end misreads them.
    solved = relaxed_by_backend(run, problem, budget)
    if isinstance(solved, Outcome):
        return KnapsackAllocation(problem, budget, [], [], [], method="lp", outcome=solved)  # type: ignore[arg-type]
    return crossed_knapsack(problem, budget, solved)


def lp_allocation(run: "Run", curves: "CurveSet", population: "Population", budget: float) -> "Allocation":
    """The relaxation over the useful budgets of curves by a back end."""
    from dataclasses import replace

    from optbudget.allocation import allocate
    from optbudget.allocation.knapsack_crossover import crossed_allocation
    from optbudget.problems import Knapsack

    answer = replace(allocate(curves, population, budget), method="lp")
    if answer.outcome.solution is Solution.NONE:
        return answer
    solved = relaxed_by_backend(run, Knapsack.from_curves(curves, population), budget)
    if isinstance(solved, Outcome):
        changes: dict[str, Any] = {name: getattr(answer, name)[:0] for name in ROWS}
        changes |= dict.fromkeys(("value", "bound", "price", "spent", "unspent"), math.nan)
        return replace(answer, outcome=solved, why_unspent=None, **changes)
    return crossed_allocation(curves, population, budget, solved)


def relaxed_by_backend(run: "Run", problem: "Knapsack", budget: float) -> "Solved | Outcome":
    """What the back end says of the relaxation, purified; or how it failed.

    Raises
    ------
    MissingExtraError
        If the tool or the back end is not installed.
    LimitError
        If the program is too large to be stated.
    """
    from optbudget.allocation.knapsack_crossover import Solved
    from optbudget.formulations import purified, read_relaxed
    from optbudget.solvers import Options, find, missing, solve_program

    for name in (BACKEND, f"{TOOL}:highs"):
        if why := missing(find(name)):
            raise MissingExtraError(f"--method lp: {why}")
    if problem.cost.size > MOST_OPTIONS:
        raise LimitError(
            f"the linear program would have {problem.cost.size:,} columns, and is stated up to "
            f"{MOST_OPTIONS:,}; --method greedy solves the same program, exactly and at any size"
        )
    limit = None if run.time_limit is None else max(run.time_limit, 1e-3)
    options = Options(time_limit=limit, threads=run.threads or 1, memory_limit=run.max_memory)
    program = _stated(problem, budget, options)
    if isinstance(program, Outcome):
        return program
    try:
        solution = solve_program(program, BACKEND, options=options)
    except ProblemError as error:  # The back end refuses a number; the others of our methods do not.
        return _failed(Outcome(Termination.NUMERICAL, Solution.NONE, str(error)))
    if solution.outcome.termination not in (Termination.OPTIMAL, Termination.TOLERANCE):
        return _failed(solution.outcome)
    assert solution.x is not None
    achieved = read_relaxed(problem, budget, solution)
    if achieved.why:
        return Outcome(Termination.NUMERICAL, Solution.NONE, f"{BACKEND}: {achieved.why}")
    price = 0.0
    if solution.row_price is not None and "budget" in program.row_names:
        price = float(solution.row_price[program.row_names.index("budget")])
    return Solved(purified(problem, solution.x), price, achieved.value)


def _stated(problem: "Knapsack", budget: float, options: "Options") -> "LinearProgram | Outcome":
    """The arrays of the program, stated in a process of its own; or how that failed."""
    from optbudget.formulations import declared
    from optbudget.workers.spawned import Ended

    ended = {
        Ended.TIME_LIMIT: Termination.TIME_LIMIT,
        Ended.MEMORY_LIMIT: Termination.MEMORY_LIMIT,
    }
    reply = _builder().call(
        declared, "mckp_lp", TOOL, problem, budget,
        time_limit=options.time_limit, memory_limit=options.memory_limit,
    )  # fmt: skip
    if reply.ended is not Ended.RETURNED:
        why = ended.get(reply.ended, Termination.BACKEND_FAILED)
        return Outcome(why, Solution.NONE, f"stating the linear program: {reply.message}")
    program: LinearProgram = reply.result[0]
    return program


@cache
def _builder() -> "SpawnedWorker":
    """The process in which programs are stated, kept for the next budget; it ends with this one."""
    from optbudget.workers.spawned import SpawnedWorker

    return SpawnedWorker()


def _failed(outcome: Outcome) -> Outcome:
    """What a back end without an optimum means here, where the program is known to have one."""
    impossible = (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)
    why = Termination.NUMERICAL if outcome.termination in impossible else outcome.termination
    said = outcome.message or f"{BACKEND} stopped: {outcome.termination.name}"
    return Outcome(why, Solution.NONE, f"{said}; --method greedy solves the same program exactly")
