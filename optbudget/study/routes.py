"""The routes to an answer: our own methods, and every declared program with every back end that fits.

A route is a name and something to call. Names of declared routes are "formulation/tool/backend", as in
"cmdp_primal/mathopt/glop". Programs are stated and solved in kept processes of their own, one per tool and
family of back ends, so a crash is an outcome and highspy never meets OR-Tools.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from optbudget.errors import OptBudgetError, UsageError
from optbudget.formulations import (
    STATEMENTS,
    TOOLS,
    Achieved,
    Statement,
    declared,
    read_dual,
    read_primal,
    read_relaxed,
    read_stage,
    read_tree,
    read_whole,
)
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram, LinearSolution
from optbudget.problems.comparison import RouteResult
from optbudget.problems.examples import two_action_example
from optbudget.problems.occupancy import Occupancy
from optbudget.solvers import BackEnd, BackEnds, Options, find, missing, names
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers.spawned import Ended, SpawnedWorker

THROUGH_PYOMO = "pyomo:appsi_highs"
"""The solver interface of Pyomo's own that is always tried; others by name."""

USUAL = {
    "mathopt": ("glop", "pdlp", "ortools-highs", "scip", "cp-sat"),
    "pyomo": ("highs-simplex", "highs-ipm", "highs-hipo", "highs-pdlp", "highs-mip", THROUGH_PYOMO),
}
"""Which back ends a statement goes to when nobody says: each tool to its own side, to save time."""

USUAL_CHOICES = 500
"""Whole columns beyond which an integer program is solved only when it is asked for by name."""

FIRST_ORDER = ("pdlp", "highs-pdlp")
HASTY = (6.0, 1e-6)
"""Seconds and feasibility of a first-order method when nobody says: it creeps to the last digits."""

EXACT_BACKENDS = ("glop", "highs-simplex", "ortools-highs", THROUGH_PYOMO)
"""Simplex methods: their answers are vertices, equal to the last digits."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to an answer; `run` takes it."""

    name: str
    run: Callable[[], RouteResult]


class Stand:
    """Where declared programs are stated and solved: the kept processes; end them by `close` or `with`."""

    def __init__(self, options: Options, *, hasty: bool = False) -> None:
        self.options = options
        self.hasty = replace(options, time_limit=HASTY[0], feasibility=HASTY[1]) if hasty else options
        self.backends = BackEnds()
        self._builders = {tool: SpawnedWorker() for tool in TOOLS}
        self._stated: tuple[object, float | None] = (None, None)
        self._warm: set[str] = set()
        self._programs: dict[tuple[str, str], tuple[LinearProgram, float] | str] = {}

    def program(
        self, name: str, tool: str, problem: ConstrainedMDP | Knapsack, budget: float | None
    ) -> tuple[LinearProgram, float] | str:
        """The arrays of a statement and the seconds that took, or why there are none; stated once.

        Programs of the last instance are kept.
        """
        if self._stated[0] is not problem or self._stated[1] != budget:
            self._programs.clear()
            self._stated = problem, budget
        key = (name, tool)
        if key not in self._programs:
            limit = self.options.time_limit
            self._warm_up(tool)
            reply = self._builders[tool].call(  # type: ignore[index]
                declared,
                name,
                tool,
                problem,
                budget,
                time_limit=limit,
                memory_limit=self.options.memory_limit,
            )
            self._programs[key] = reply.result if reply.ended is Ended.RETURNED else reply.message
        return self._programs[key]

    def _warm_up(self, tool: str) -> None:
        """State a program of one state first, so that importing a tool is in nobody's time."""
        if tool not in self._warm:
            self._warm.add(tool)
            tiny = ConstrainedMDP(two_action_example(horizon=1), 1.0)
            self._builders[tool].call(declared, "cmdp_primal", tool, tiny)  # type: ignore[index]

    def solve(self, program: LinearProgram, backend: BackEnd) -> LinearSolution:
        """A program by a back end."""
        options = self.hasty if backend.name in FIRST_ORDER else self.options
        return self.backends.solve(program, backend, options=options)

    def close(self) -> None:
        """End the processes."""
        self.backends.close()
        for worker in self._builders.values():
            worker.close()

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def declared_routes(
    stand: Stand, problem: ConstrainedMDP | Knapsack, budget: float, wanted: tuple[str, ...] = ()
) -> Iterator[Route]:
    """Routes through formulations that apply to a problem; all that match a pattern, or the usual ones."""
    for row in STATEMENTS:
        if not applies(row, problem) or (
            row.integer and not wanted and choices(row, problem) > USUAL_CHOICES
        ):
            continue
        for tool in TOOLS:
            for backend in _candidates(row, tool, wanted):
                name = f"{row.name}/{tool}/{backend.name}"
                if not wanted or any(fnmatchcase(name, pattern) for pattern in wanted):
                    yield Route(name, _taking(stand, row, tool, backend, problem, budget))


def applies(row: Statement, problem: ConstrainedMDP | Knapsack) -> bool:
    """Whether a statement is about a problem: its kind, its horizon, its discounts, its size."""
    if not isinstance(problem, row.of):
        return False
    if isinstance(problem, Knapsack):
        if row.integer and problem.interpolate:
            return False
        return row.name != "mckp_unit" or problem.size <= 2000
    unit = problem.problem
    if unit.horizon is None:
        discounted = unit.discount < 1 or not row.integer
        return not row.finite and unit.discount == unit.cost_discount and discounted
    return row.name != "deterministic_budget" or _tree_size(problem) <= 20_000


def choices(row: Statement, problem: ConstrainedMDP | Knapsack) -> float:
    """About how many whole columns an integer statement has."""
    if isinstance(problem, Knapsack):
        return float(problem.cost.size if row.name == "mckp_ip" else problem.size)
    if row.name == "deterministic_budget":
        return _tree_size(problem)
    return float(problem.problem.cost.size * (problem.problem.horizon or 1))


def _tree_size(problem: ConstrainedMDP) -> float:
    """A bound on the choices of the tree of histories."""
    unit = problem.problem
    assert unit.horizon is not None
    branch = max(1, int(unit.cost.size / max(1, unit.n_states) * unit.next_state.size / unit.row_ptr.size))
    return float(min(1e12, max(2.0, branch) ** min(unit.horizon, 60)))


def _candidates(row: Statement, tool: str, wanted: tuple[str, ...]) -> list[BackEnd]:
    listed = [*names(), THROUGH_PYOMO]
    for pattern in wanted:
        last = pattern.rsplit("/", 1)[-1]
        if last.startswith("pyomo:") and last not in listed and "*" not in last:
            listed.append(last)
    chosen = listed if wanted else [name for name in USUAL[tool] if name in listed]
    found = [find(name) for name in chosen if name != "highs" or wanted]
    whole_only = ("cp-sat",) if row.of is ConstrainedMDP else ()
    return [
        b
        for b in found
        if (b.mip if row.integer else b.lp and b.name != "highs-mip")
        and (row.name != "cmdp_dual" or b.duals)
        and b.name not in whole_only
    ]


def _taking(
    stand: Stand,
    row: Statement,
    tool: str,
    backend: BackEnd,
    problem: ConstrainedMDP | Knapsack,
    budget: float,
) -> Callable[[], RouteResult]:
    def take() -> RouteResult:
        said = RouteResult(
            f"{row.name}/{tool}/{backend.name}", row.question, row.name, backend.name,
            exact=backend.name in EXACT_BACKENDS and not row.integer,
        )  # fmt: skip
        why = missing(backend)
        if why:
            return replace(said, outcome=Outcome(Termination.BACKEND_FAILED, Solution.NONE, why))
        built = stand.program(
            row.name, tool, problem, None if isinstance(problem, ConstrainedMDP) else budget
        )
        if isinstance(built, str):
            return replace(said, outcome=Outcome(Termination.BACKEND_FAILED, Solution.NONE, built))
        program, seconds = built
        begin = time.perf_counter()
        try:
            solution = stand.solve(program, backend)
        except OptBudgetError as error:
            return replace(said, outcome=Outcome(Termination.BACKEND_FAILED, Solution.NONE, str(error)))
        waited = time.perf_counter() - begin
        said = replace(
            said, build_seconds=seconds, memory=solution.memory, outcome=solution.outcome,
            solve_seconds=solution.solve_seconds if math.isfinite(solution.solve_seconds) else waited,
        )  # fmt: skip
        if solution.outcome.solution is Solution.NONE:
            return _infeasible_as_stated(row, said)
        return read(row, said, problem, budget, solution)

    return take


def _infeasible_as_stated(row: Statement, said: RouteResult) -> RouteResult:
    """The dual of an infeasible problem is unbounded."""
    if row.name == "cmdp_dual" and said.outcome.termination is Termination.UNBOUNDED:
        text = "the dual program is unbounded: no policy keeps the limits"
        return replace(said, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, text))
    return said


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
    return replace(
        said, outcome=answer.outcome, value=answer.value, bound=answer.bound, claimed_bound=claimed
    )


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


def known_pattern(pattern: str, routes: list[str]) -> None:
    """Refuse a pattern that names no route.

    Raises
    ------
    UsageError
        With the nearest names.
    """
    if any(fnmatchcase(name, pattern) for name in routes):
        return
    from difflib import get_close_matches

    near = get_close_matches(pattern, routes, n=3, cutoff=0.3)
    hint = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(routes[:8])}, ..."
    raise UsageError(f"no route is called {pattern!r}; {hint}")
