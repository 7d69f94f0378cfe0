"""The front of a departments model at one budget, with a certified bound at every weight.

At each of a fixed set of weights (`pareto.weights`) the best plan is found to a tolerance, with the bound
that its price of money proves (`pareto.search`). Then weights are added, a few at a time, where the outer
front is farthest above the inner one (`pareto.hulls`). The plans' rewards are evaluated by the model;
nothing is sampled.
"""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.budgeted.threads import at_most
from optbudget.pareto.arguments import floats, number, place, whole
from optbudget.pareto.evaluation import Worth
from optbudget.pareto.hulls import where_they_differ
from optbudget.pareto.passes import Columns, Passes
from optbudget.pareto.search import Search, searched
from optbudget.pareto.weights import FINER, LEAST, department_weights, lattice, objective_scale, scaled
from optbudget.problems import DepartmentFront, DepartmentPlan, Departments, Front, FrontPoint
from optbudget.problems.front import require_names
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_room

Floats = NDArray[np.float64]

CANDIDATES = 300
"""Weights that are looked at, at least, to find where inner and outer front differ most."""
TOGETHER = 5
"""Weights that are added at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class ExactFront:
    """A front, and the plans behind its points.

    Attributes
    ----------
    departments : whose front it is
    front : points, bounds and prices
    columns : policies that plans are made of
    pair : (P, 2) the two policies of each point's lottery, equal where it needs one
    share : (P,) chance of the second
    """

    departments: Departments
    front: Front
    columns: Columns
    pair: NDArray[np.int64]
    share: Floats

    def worth(self, point: int) -> Worth:
        """Rewards and spend of a point's plan by department."""
        known = self._known(point)
        parts = [Worth(self.columns.reward[j], self.columns.spend[j]) for j in self.pair[known]]
        return parts[0].mixed(parts[1], float(self.share[known]))

    def plan(self, point: int) -> DepartmentPlan:
        """What everyone does at a point; its policies are made again."""
        used = self._used(point)
        share = [1.0 - self.share[point], self.share[point]][: len(used)]
        policies = Passes(self.departments).policies(self.columns.weight[used], self.columns.price[used])
        return DepartmentPlan(self.departments, np.array(share), policies)

    def point_of(self, point: int) -> FrontPoint:
        """A point's plan, with what each of its policies yields."""
        used = self._used(point)
        return FrontPoint(self.plan(point), self.columns.reward[used], self.columns.spend[used])

    def with_plans(self) -> DepartmentFront:
        """The front as it is saved."""
        return DepartmentFront(self.departments, self.front, self.point_of)

    def _used(self, point: int) -> NDArray[np.int64]:
        known = self._known(point)
        return self.pair[known] if self.share[known] > 0 else self.pair[known, :1]

    def _known(self, point: int) -> int:
        return place("point", point, len(self.share))

    def __repr__(self) -> str:
        return f"ExactFront({self.front!r})"


def exact_front(
    departments: Departments,
    *,
    budget: float | None = None,
    weights: int | ArrayLike = 50,
    refine: int = 10,
    tolerance: float = 1e-6,
    threads: int | None = None,
    monitor: Monitor | None = None,
) -> ExactFront:
    """Points, certified bounds and plans of the front of all trade-offs at a budget.

    Parameters
    ----------
    departments : with a finite horizon
    budget : money for all, in expectation; the model's total budget if not given
    weights : how many fixed ones (`department_weights`), or (P, K) themselves, > 0
    refine : weights that are added where inner and outer front differ most
    tolerance : relative gap, (bound - value) / (1 + |value|), to certify at every weight
    threads : cores to use; all, if not given. No number depends on it
    monitor : progress and limits; a front that is stopped holds what is certified by then

    Raises
    ------
    ProblemError
        If the horizon is infinite, or an objective has the name of another column of a front.
    UsageError
        If an option is out of range.
    LimitError
        If one pass does not fit into the memory limit.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> found = exact_front(two_departments(), weights=9, refine=2)
    >>> found.front
    Front(11 points of service, -risk at budget 2: largest gap ...)
    >>> plan = found.plan(0)
    >>> plan.action(0, 0, "roads/rich|poor")
    'improve'

    Notes
    -----
    With 20 departments of 360 pairs of regime and state, 50 weights take about 300 passes.
    """
    passes, points = Passes(departments), _points(departments, weights, monitor)
    require_names(departments.signed_objectives)
    money = departments.total_budget if budget is None else number("the budget", budget, "[0, inf)")
    refine, tolerance = whole("refine", refine), number("tolerance", tolerance, "[0, inf)")
    threads = None if threads is None else whole("threads", threads, least=1)
    with at_most(threads):
        if monitor is not None:
            monitor.require_memory(passes.memory, "one pass over all stages")
        least = passes.columns(np.zeros((1, points.shape[1])), np.ones(1))
        assert least is not None
        if least.spent[0] > money:
            text = _too_little(money, float(least.spent[0]))
            return _nothing(departments, money, least, Outcome(Termination.INFEASIBLE, Solution.NONE, text))
        search = searched(passes, least, points, money, tolerance=tolerance, monitor=monitor)
        if search is None:
            why = (monitor.stop_reason() if monitor is not None else None) or Termination.UNKNOWN
            text = "stopped before every weight had a bound"
            return _nothing(departments, money, least, Outcome(why, Solution.NONE, text))
        search = _refined(passes, search, money, refine, tolerance=tolerance, monitor=monitor)
    return _front_of(departments, search, money, tolerance)


def _refined(
    passes: Passes, search: Search, money: float, count: int, *, tolerance: float, monitor: Monitor | None
) -> Search:
    """The search with so many more weights, as far as inner and outer front differ and nothing stops it."""
    candidates = _candidates(passes.departments)
    while count > 0 and search.stopped is None:
        front = _front_of(passes.departments, search, money, tolerance).front
        more = where_they_differ(front, candidates, min(count, TOGETHER))
        if not len(more):
            break
        found = searched(passes, search.columns, more, money, tolerance=tolerance, monitor=monitor)
        if found is None:
            break
        search, count = search.joined(found, money), count - len(more)
    return search


def _require_room(departments: Departments, count: int, monitor: Monitor | None) -> None:
    """Refuse weights that no memory holds with one policy for each, and what each policy is worth at each."""
    objectives, owners = len(departments.objectives), len(departments.departments)
    if objectives > 1:
        size = count * (24.0 * count + 16.0 * owners * (objectives + 1) + 32.0 * FINER * objectives)
        require_room(monitor, size, f"a front at {count:,} weights", "ask for fewer --weights (weights=)")


def _too_little(money: float, least: float) -> str:
    """What is wrong with a budget below the least spend, to the last digit: that amount suffices."""
    given, needed = (repr(amount).removesuffix(".0") for amount in (money, least))
    return f"the budget is {given}, and no plan spends less than {needed}: a budget of {needed} suffices"


def _points(departments: Departments, weights: int | ArrayLike, monitor: Monitor | None) -> Floats:
    """So many fixed weights, or those given, each row divided by its sum."""
    if isinstance(weights, Integral):
        count = whole("weights", weights, least=1)
        _require_room(departments, count, monitor)
        return department_weights(departments, count)
    # At 0 an objective is left to chance.
    points = floats("weights", weights, ("P", len(departments.objectives)), "(0, inf)")
    return np.asarray(points / points.sum(axis=1, keepdims=True))


def _candidates(departments: Departments) -> Floats:
    """Weights all over the simplex, in the scale of the objectives, (N, K)."""
    size = len(departments.objectives)
    spread = LEAST + (1.0 - size * LEAST) * lattice(CANDIDATES, size)
    return scaled(spread, objective_scale(departments))


def _front_of(departments: Departments, search: Search, money: float, tolerance: float) -> ExactFront:
    columns, lotteries = search.columns, search.lotteries
    share = lotteries.share[:, None]
    first, second = columns.point[lotteries.pair[:, 0]], columns.point[lotteries.pair[:, 1]]
    spent = columns.spent[lotteries.pair]
    front = Front(
        departments.signed_objectives, search.weight, (1.0 - share) * first + share * second,
        (1.0 - share[:, 0]) * spent[:, 0] + share[:, 0] * spent[:, 1],
        search.bound, search.price, ("exact",) * len(search.weight), money, tolerance,
        _outcome(search, tolerance),
    )  # fmt: skip
    return ExactFront(departments, front, columns, lotteries.pair, lotteries.share)


def _outcome(search: Search, tolerance: float) -> Outcome:
    """Why the search ended; where its gap is wider than was asked for, how wide it is."""
    worst, stopped = int(search.gap.argmax()), search.stopped or Termination.NUMERICAL
    gap = float(search.gap[worst])
    outcome = Outcome.certified(gap=gap, tolerance=tolerance, stopped=stopped)
    if outcome.termination is not stopped:
        return outcome
    text = f"the gap is {gap:.2g} at point {worst}, and {tolerance:g} was asked for"
    if stopped is Termination.NUMERICAL:
        text += "; rounding proves no less where costs or rewards are far apart in size"
    return replace(outcome, message=text)


def _nothing(departments: Departments, money: float, columns: Columns, outcome: Outcome) -> ExactFront:
    none = np.zeros(0)
    front = Front(departments.signed_objectives, none, none, none, none, none, (), money, outcome=outcome)
    return ExactFront(departments, front, columns, np.zeros((0, 2), dtype=np.int64), none)
