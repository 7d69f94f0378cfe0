"""The routes to an answer: our own methods, and every declared program with every back end that fits.

A route is a name and something to call. Names of declared routes are "formulation/tool/backend", as in
"cmdp_primal/mathopt/glop". Programs are stated and solved in kept processes of their own, one per tool and
family of back ends, so a crash is an outcome and highspy never meets OR-Tools.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from optbudget.errors import OptBudgetError
from optbudget.formulations import STATEMENTS, TOOLS, Statement
from optbudget.problems import ConstrainedMDP, Knapsack
from optbudget.problems.comparison import RouteResult
from optbudget.solvers import BackEnd, find, names
from optbudget.study.patterns import solver_of_pyomo
from optbudget.study.stand import Stand
from optbudget.study.taking import THROUGH_PYOMO, take

USUAL = {
    "mathopt": ("glop", "pdlp", "ortools-highs", "scip", "cp-sat"),
    "pyomo": ("highs-simplex", "highs-ipm", "highs-hipo", "highs-pdlp", "highs-mip", THROUGH_PYOMO),
}
"""Which back ends a statement goes to when nobody says: each tool to its own side, to save time."""

USUAL_CHOICES = 500
"""Whole columns beyond which an integer program is solved only when it is asked for by name."""

UNITS_APART = 2000
"""Units up to which a split is stated unit by unit, too."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way to an answer; `run` takes it."""

    name: str
    run: Callable[[], RouteResult]


def declared_routes(
    stand: Stand, problem: ConstrainedMDP | Knapsack, budget: float, wanted: tuple[str, ...] = ()
) -> Iterator[Route]:
    """Routes through formulations that apply to a problem: every one to choose from, or the usual ones.

    Parameters
    ----------
    wanted : patterns; which of the routes match is for the caller to see
    """
    rows = [
        row for row in STATEMENTS
        if applies(row, problem) and (wanted or not row.integer or choices(row, problem) <= USUAL_CHOICES)
    ]  # fmt: skip
    return _by_every_tool(stand, rows, lambda: problem, budget, wanted)


def split_programs(
    stand: Stand, knapsack: Callable[[], Knapsack], units: int, budget: float, wanted: tuple[str, ...] = ()
) -> Iterator[Route]:
    """As `declared_routes`, for a knapsack of curves, which are solved when the first route is taken."""

    def usual(row: Statement) -> bool:
        if wanted or not row.integer:
            return True
        try:
            return choices(row, knapsack()) <= USUAL_CHOICES
        except OptBudgetError:
            return False  # Each route says why, and one is enough.

    rows = [
        row for row in STATEMENTS
        if row.of is Knapsack and (row.name != "mckp_unit" or units <= UNITS_APART) and usual(row)
    ]  # fmt: skip
    return _by_every_tool(stand, rows, knapsack, budget, wanted)


def _by_every_tool(
    stand: Stand,
    rows: list[Statement],
    stated: Callable[[], ConstrainedMDP | Knapsack],
    budget: float,
    wanted: tuple[str, ...],
) -> Iterator[Route]:
    for row in rows:
        for tool in TOOLS:
            for backend in _candidates(row, tool, wanted):
                name = f"{row.name}/{tool}/{backend.name}"
                yield Route(name, partial(take, stand, row, tool, backend, stated, budget))


def applies(row: Statement, problem: ConstrainedMDP | Knapsack) -> bool:
    """Whether a statement is about a problem: its kind, its horizon, its discounts, its size."""
    if not isinstance(problem, row.of):
        return False
    if isinstance(problem, Knapsack):
        if row.integer and problem.interpolate:
            return False
        return row.name != "mckp_unit" or problem.size <= UNITS_APART
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
    """The usual back ends of a tool, or with patterns all that there are, that solve such a program."""
    asked = [f"pyomo:{solver}" for solver in map(solver_of_pyomo, wanted) if solver]
    chosen = dict.fromkeys([*names(), THROUGH_PYOMO, *asked] if wanted else USUAL[tool])
    whole_only = ("cp-sat",) if row.of is ConstrainedMDP else ()
    return [
        b
        for b in map(find, chosen)
        if (b.mip if row.integer else b.lp and b.name != "highs-mip")
        and (row.name != "cmdp_dual" or b.duals)
        and b.name not in whole_only
    ]
