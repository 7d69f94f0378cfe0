"""Our own routes: curves by each method that fits, the splits, and the deterministic frontier."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import allocate, initial_curve
from optbudget.allocation.knapsack import allocate_knapsack
from optbudget.budgeted import deterministic_frontier, solve
from optbudget.certify import curve_bound, price_bound
from optbudget.errors import IllPosedError, InterruptedWork, LimitError, OptBudgetError
from optbudget.problems import BudgetedMDP, ConstrainedMDP, CurveSet, Knapsack, Population
from optbudget.problems.comparison import RouteResult
from optbudget.problems.examples import two_action_example
from optbudget.status import Outcome, Solution, Termination
from optbudget.study.routes import Route
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

Curved = Literal["exact", "walk", "sweep"]

METHODS: Mapping[str, Curved] = {"backup": "exact", "walk": "walk", "sweep": "sweep"}
"""Names of routes and of the methods of `optbudget.solve`."""

RELAXED: tuple[Literal["greedy", "price"], ...] = ("greedy", "price")
"""Methods, and names of routes, that split a budget with one unit randomised at most."""

SWEEP_TOLERANCE = 1e-6
BACKUP_SIZE = 2_000_000
"""States times decisions times successors up to which the exact backup is among the routes."""
FRONTIER_DECISIONS = 6
"""Decisions up to which the deterministic frontier is among the routes: it grows exponentially."""


class Answers:
    """Curves of one problem, solved once per method; a monitor may end that early."""

    def __init__(self, problem: BudgetedMDP, monitor: Monitor | None = None) -> None:
        self.problem, self.monitor = problem, monitor
        self._curves: dict[str, tuple[CurveSet, float]] = {}

    @property
    def base(self) -> Curved:
        """The method whose curves are split: walking, where it fits."""
        unit = self.problem
        fits = unit.horizon is not None or unit.discount == unit.cost_discount
        return "walk" if fits else "sweep"

    def knapsack(self, people: Population) -> Callable[[], Knapsack]:
        """What makes the knapsack of the useful budgets of some units, once, when it is first called."""
        return cache(lambda: Knapsack.from_curves(self.curves(self.base)[0], people))

    def curves(self, method: Curved) -> tuple[CurveSet, float]:
        """The curves by a method, and the seconds that took."""
        if method not in self._curves:
            _warmed_up(method, self.problem.horizon is None)
            begin = time.perf_counter()
            found = solve(self.problem, method=method, tolerance=SWEEP_TOLERANCE, monitor=self.monitor)
            self._curves[method] = found, time.perf_counter() - begin
        return self._curves[method]


@cache
def _warmed_up(method: Curved, forever: bool) -> CurveSet:
    """Solve a problem of one state first, so that loading compiled code is in nobody's time."""
    return solve(two_action_example(horizon=None if forever else 2), method=method)


def curve_routes(answers: Answers, problem: ConstrainedMDP) -> Iterator[Route]:
    """One unit from its initial distribution: its curve at the budget, by every method that fits."""
    unit, monitor = answers.problem, answers.monitor
    for name in METHODS:
        if name == "backup" and (unit.horizon is None or _work(unit) > BACKUP_SIZE):
            continue
        if name == "walk" and answers.base != "walk":
            continue
        yield _route(name, "randomised", partial(_on_the_curve, answers, name, problem), monitor)
    if unit.initial_state.size > 1:
        return
    people = Population(unit.labels, (unit.initial > 0).astype(np.int64))
    yield from split_routes(answers, people, problem.budget, "randomised")
    if unit.horizon is not None:
        yield _route("vertex", "deterministic-stage", partial(_vertex, answers, problem), monitor)
        if unit.horizon <= FRONTIER_DECISIONS:
            yield _route("frontier", "deterministic-budget", partial(_frontier, problem, monitor), monitor)


def split_routes(answers: Answers, people: Population, budget: float, question: str) -> Iterator[Route]:
    """The best split of a budget over a population, greedily and by price."""

    def take(name: Literal["greedy", "price"]) -> RouteResult:
        curves, solved = answers.curves(answers.base)
        small = _warmed_up("walk", forever=False)
        allocate(small, Population.at(small.problem, {"s": 1}), 1.0, method=name)
        begin = time.perf_counter()
        found = allocate(curves, people, budget, method=name, monitor=answers.monitor)
        return RouteResult(
            name, question, outcome=found.outcome, value=found.value, bound=found.bound, exact=True,
            build_seconds=solved, solve_seconds=time.perf_counter() - begin,
        )  # fmt: skip

    for name in RELAXED:
        yield _route(name, question, partial(take, name), answers.monitor)


def knapsack_routes(problem: Knapsack, budget: float, monitor: Monitor | None = None) -> Iterator[Route]:
    """Our own routes to a knapsack: its relaxation greedily and by price, and whole options."""

    def take(name: Literal["greedy", "price", "ip"], question: str) -> RouteResult:
        allocate_knapsack(Knapsack.from_arrays([0, 2], [0.0, 1.0], [0.0, 1.0]), 1.0, method=name)
        begin = time.perf_counter()
        found = allocate_knapsack(problem, budget, method=name, monitor=monitor)
        return RouteResult(
            name, question, outcome=found.outcome, value=found.value, bound=found.bound, exact=True,
            build_seconds=0.0, solve_seconds=time.perf_counter() - begin,
        )  # fmt: skip

    for name in RELAXED:
        yield _route(name, "relaxation", partial(take, name, "relaxation"), monitor)
    if not problem.interpolate:
        yield _route("ip", "whole", partial(take, "ip", "whole"), monitor)


def _work(unit: BudgetedMDP) -> float:
    return float(unit.cost.size) * float(unit.horizon or 0) * unit.next_state.size / unit.row_ptr.size


def _on_the_curve(answers: Answers, name: str, problem: ConstrainedMDP) -> RouteResult:
    curves, seconds = answers.curves(METHODS[name])
    curve = initial_curve(curves)
    said = RouteResult(name, "randomised", exact=name != "sweep", build_seconds=0.0, solve_seconds=seconds)
    money = float(problem.limit[0])
    if money < curve.least_budget:
        text = f"the least feasible budget is {curve.least_budget!r}"
        return replace(said, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, text))
    value, price = float(curve.value(money)), float(curve.price(money))
    if problem.problem.budget_cap == money == curve.largest_useful_budget and len(curve):
        price = float(curve.prices[-1])  # the curve ends at the cap, not where money is worth nothing
    potential = np.array([_intercept(one.values, one.budgets, price) for one in curves.curves])
    bound = price_bound(problem, [price], potential)
    unit = problem.problem
    if unit.horizon is None and (np.isnan(bound) or unit.discount != unit.cost_discount):
        bound = float(np.fmin(bound, curve_bound(curves, money)))
    bound = max(bound, value)
    if np.isnan(bound):
        outcome = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "its price and its curves prove no bound")
    else:
        stopped = curves.outcome.termination
        if stopped in (Termination.OPTIMAL, Termination.TOLERANCE):
            stopped = Termination.NUMERICAL  # That was proved otherwise; one price proves less here.
        outcome = Outcome.certified(
            gap=(bound - value) / (1 + abs(value)), tolerance=SWEEP_TOLERANCE, stopped=stopped
        )
    return replace(said, outcome=outcome, value=value, bound=bound)


def _vertex(answers: Answers, problem: ConstrainedMDP) -> RouteResult:
    """The last vertex of the curve within the budget: a price's policy, with one action per state and stage.

    Perhaps not the best such policy, but a value that any bound on them has to leave room for.
    """
    curves, seconds = answers.curves("walk")
    curve = initial_curve(curves)
    said = RouteResult("vertex", "deterministic-stage", build_seconds=0.0, solve_seconds=seconds)
    money = float(problem.limit[0])
    if money < curve.least_budget:
        text = f"the least feasible budget is {curve.least_budget!r}"
        return replace(said, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, text))
    place = int(np.searchsorted(curve.budgets, money, side="right")) - 1
    outcome = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "a vertex of the curve, perhaps not the best")
    return replace(said, outcome=outcome, value=float(curve.values[place]))


def _intercept(values: Floats, budgets: Floats, price: float) -> float:
    """max over a curve's breakpoints of value - price * budget."""
    return float((values - price * budgets).max())


def _frontier(problem: ConstrainedMDP, monitor: Monitor | None) -> RouteResult:
    begin = time.perf_counter()
    unit = problem.problem
    found = deterministic_frontier(unit, monitor=monitor)
    label = unit.labels[int(unit.initial_state[0])]
    value = float(found.value(label, float(problem.limit[0])))
    seconds = time.perf_counter() - begin
    said = RouteResult(
        "frontier", "deterministic-budget", exact=True, build_seconds=0.0, solve_seconds=seconds
    )
    if not np.isfinite(value):
        return replace(said, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE))
    outcome = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "enumerated; the checker proves no bound of it")
    return replace(said, value=value, claimed_bound=value, called_optimal=True, outcome=outcome)


def _route(name: str, question: str, take: Callable[[], RouteResult], monitor: Monitor | None) -> Route:
    """A route that says why it cannot be taken, instead of ending the comparison."""

    def guarded() -> RouteResult:
        try:
            return take()
        except OptBudgetError as error:
            outcome = Outcome(_why(error, monitor), Solution.NONE, str(error))
            return RouteResult(name, question, outcome=outcome)

    return Route(name, guarded)


def _why(error: OptBudgetError, monitor: Monitor | None) -> Termination:
    """Why a route of our own has no answer; a limit that is not the monitor's is one of size."""
    stopped = None if monitor is None else monitor.stop_reason()
    if isinstance(error, LimitError | InterruptedWork):
        return stopped or Termination.MEMORY_LIMIT
    return Termination.ILL_POSED if isinstance(error, IllPosedError) else Termination.BACKEND_FAILED
