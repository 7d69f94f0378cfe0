"""How budgets are usually set, as plans that are judged like any other.

Each rule gives department d money :math:`b_{dk}` for period k, together the total budget,
:math:`\\sum_k \\gamma_c^k \\sum_d b_{dk} = B`, and a department takes the dearest action of its state that
its money pays for, else the cheapest. What it really spends is what counts; money left over is left.

* *uniform*: everyone the same.
* *proportional*: in proportion to size, the mean cost of a department's actions where it is now.
* *forecast* (`forecasts`, `shared_out`): in proportion to what each is expected to spend: exponential
  smoothing with a damped trend (Gardner & McKenzie 1985), fitted by statsmodels to what each spent in a
  simulated past.
* *historical* (incremental; Wildavsky 1964): `Incremental`; it keeps books, so it is played, not evaluated.
* *myopic*: no amounts. Of all departments, each takes whatever adds more to this period's and the next one's
  reward than it costs at a price of money, and the price is the least at which the total is kept.

All but *historical* are Markov policies of the model, evaluated exactly.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import MissingExtraError, ProblemError, UsageError
from optbudget.pareto.arguments import floats, number, of_kind, whole
from optbudget.pareto.evaluation import evaluate
from optbudget.pareto.passes import Passes
from optbudget.pareto.trials import Trials, play
from optbudget.problems import DepartmentPlan, Departments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHORTEST = 10
PAST = 40
"""Periods of the simulated past."""
RECENT = 4
"""Last periods of the past whose mean spend an incremental budget begins with."""
STEP = 0.05
"""Share by which an incremental budget grows if it was used up, and shrinks if it was not."""
ROUNDING = 1e-9
HALVINGS = 40
HIGHEST = 1e12


def uniform_budgets(departments: Departments) -> Floats:
    """(T, D) money of each period and department: all alike.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> uniform_budgets(two_departments()).round(3)[0]
    array([0.333, 0.333])
    """
    return shared_out(departments, np.ones((_horizon(departments), len(departments.departments))))


def proportional_budgets(departments: Departments) -> Floats:
    """(T, D) money of each period and department, in proportion to `sizes`."""
    return shared_out(departments, np.tile(sizes(departments), (_horizon(departments), 1)))


def sizes(departments: Departments) -> Floats:
    """The mean cost of each department's actions where it is now, (D,)."""
    held = departments.held
    return np.array(
        [held.cost[held.pair_ptr[s] : held.pair_ptr[s + 1]].mean() for s in departments.start_state]
    )


def forecasts(past: ArrayLike, periods: int) -> Floats:
    """(T, D) what departments are expected to spend next, by what they spent in the past (P, D).

    Raises
    ------
    ProblemError
        If the past has fewer than ten periods.
    MissingExtraError
        Without the extra [pareto].
    """
    spent, periods = floats("past", past, ("P", "D"), "[0, inf)"), whole("periods", periods, least=1)
    if len(spent) < SHORTEST:
        raise ProblemError(f"the past must have shape (P, D), P >= {SHORTEST}; got {spent.shape}")
    return np.maximum(np.column_stack([_forecast(series, periods) for series in spent.T]), 0.0)


def _forecast(series: Floats, periods: int) -> Floats:
    """The next numbers of a series by exponential smoothing with a damped trend."""
    import warnings

    try:
        from statsmodels.tools.sm_exceptions import ConvergenceWarning
        from statsmodels.tsa.holtwinters import ExponentialSmoothing
    except ImportError as missing:
        raise MissingExtraError("forecasts need statsmodels: pip install 'optbudget[pareto]'") from missing
    model = ExponentialSmoothing(series, trend="add", damped_trend=True, initialization_method="estimated")
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        # A search that ends on a flat likelihood still smooths: it is a forecast, not an estimate. A series
        # that is foretold without error has the likelihood's logarithm of 0.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit().forecast(periods))


def shared_out(departments: Departments, amounts: ArrayLike) -> Floats:
    """Amounts (T, D) >= 0 scaled so that all periods have the same money and together the total budget."""
    wanted = floats("amounts", amounts, ("T", len(departments.departments)), "[0, inf)")
    total = departments.total_budget / (departments.held.cost_discount ** np.arange(len(wanted))).sum()
    together = wanted.sum(axis=1, keepdims=True)
    even = np.full_like(wanted, 1.0 / wanted.shape[1])
    return np.asarray(total * np.divide(wanted, together, out=even, where=together > 0))


def within(departments: Departments, budgets: ArrayLike) -> DepartmentPlan:
    """The plan in which every department takes the dearest action that its money (T, D) pays for.

    Where it pays for none, the cheapest is taken all the same: spend may then be above the budget.

    Examples
    --------
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> plan = within(two, [[1.0, 0.9]] * 3)
    >>> plan.action(0, 0, "roads/rich|poor"), plan.action(0, 0, "parks/rich|poor")
    ('improve', 'hold')
    """
    held = of_kind("departments", departments, Departments).held
    money = floats("budgets", budgets, (held.horizon or 1, len(departments.departments)), "[0, inf)")
    owner = departments.department_of_state
    policy = np.array([dearest(departments, amounts[owner]) for amounts in money])
    return DepartmentPlan(departments, np.ones(1), policy[None])


def dearest(departments: Departments, money: Floats) -> Integers:
    """The dearest pair that each state's money (n,) pays for, else the cheapest; -1 without actions."""
    held = departments.held
    acting = np.flatnonzero(~held.is_terminal)
    paid = held.cost <= money[held.pair_state] * (1.0 + ROUNDING)
    rank = np.where(paid, held.cost, -1.0 - held.cost)
    best = np.maximum.reduceat(rank, held.pair_ptr[acting])
    first = np.full(held.n_states, -1.0)
    first[acting] = best
    place = np.where(rank == first[held.pair_state], np.arange(rank.size), rank.size)
    found = np.full(held.n_states, -1)
    found[acting] = np.minimum.reduceat(place, held.pair_ptr[acting])
    return found


def simulated_past(departments: Departments, *, seed: int, periods: int = PAST) -> Floats:
    """What each department spent, (P, D), in one run of so many periods under proportional budgets.

    It only supplies numbers to budget by: a plan begins where the model says, not where the past ends.
    """
    periods, seed = whole("periods", periods, least=1), whole("seed", seed)
    now = proportional_budgets(departments)[0]
    pairs = dearest(departments, now[departments.department_of_state])
    return play(
        departments, lambda stage, states: pairs[states], runs=1, seed=seed, periods=periods
    ).by_period


class Incremental:
    """Last period's budget, a step up where it was used up and a step down where it was not.

    Budgets begin in proportion to what was spent in the last `RECENT` periods of the past. Each period a
    department takes the dearest action its budget pays for; if that leaves less than a step of it, its next
    budget is larger by a step, else smaller by one. All are then scaled so that what is left of the total is
    spread evenly over the periods left. Every run keeps its own books.
    """

    def __init__(self, departments: Departments, past: ArrayLike, *, step: float = STEP) -> None:
        stages, held = _horizon(departments), departments.held
        self.weight = held.cost_discount ** np.arange(stages)
        self.departments, self.step = departments, number("step", step, "[0, 1)")
        spent = floats("past", past, ("P", len(departments.departments)), "[0, inf)")
        self.recent = spent[-RECENT:].mean(axis=0)
        # By state, its pairs from the cheapest to the dearest, the first of equals last; then the last again.
        width = np.diff(held.pair_ptr)
        order = np.lexsort((-np.arange(held.cost.size), held.cost, held.pair_state))
        place = np.minimum(np.arange(width.max()), np.maximum(width[:, None] - 1, 0))
        self.by_cost = order[np.minimum(held.pair_ptr[:-1, None] + place, order.size - 1)]

    def __call__(self, stage: int, states: Integers) -> Integers:
        """The pairs (N, D) that are taken in states (N, D); asked stage by stage from 0."""
        if stage == 0:
            self.left = np.full(len(states), self.departments.total_budget)
            self.budget = np.tile(self.recent, (len(states), 1))
        money = (self.left / self.weight[stage:].sum())[:, None]
        whole = self.budget.sum(axis=1, keepdims=True)
        even = np.full_like(self.budget, 1.0 / states.shape[1])
        self.budget = money * np.divide(self.budget, whole, out=even, where=whole > 0)
        options = self.by_cost[states]
        cost = self.departments.held.cost[options]
        limit = np.maximum(self.budget * (1.0 + ROUNDING), cost[..., 0])
        taken = (cost <= limit[..., None]).sum(axis=2, keepdims=True) - 1
        pairs = np.take_along_axis(options, taken, axis=2)[..., 0]
        spent = np.take_along_axis(cost, taken, axis=2)[..., 0]
        self.left = np.maximum(self.left - self.weight[stage] * spent.sum(axis=1), 0.0)
        used = spent >= (1.0 - self.step) * self.budget
        self.budget = self.budget * np.where(used, 1.0 + self.step, 1.0 - self.step)
        return pairs


def historical(departments: Departments, past: ArrayLike, *, runs: int, seed: int) -> Trials:
    """Incremental budgeting, played."""
    return play(departments, Incremental(departments, past), runs=runs, seed=seed)


def myopic(departments: Departments, weights: ArrayLike) -> DepartmentPlan:
    """Every period the best two periods' plan at a price of money, the least price that keeps the budget.

    Parameters
    ----------
    departments : the model
    weights : (K,) of the objectives, >= 0, more being better in each

    Raises
    ------
    ProblemError
        If even at the highest price tried more is spent than the budget.
    """
    short = replace(departments, held=replace(departments.held, horizon=min(2, _horizon(departments))))
    wanted = floats("weights", weights, (len(departments.objectives),), "[0, inf)")
    passes, weight = Passes(short), wanted[None]

    def plan(price: float) -> DepartmentPlan:
        policy = passes.policies(weight, np.array([price]))[:, :1]
        return DepartmentPlan(departments, np.ones(1), np.tile(policy, (1, _horizon(departments), 1)))

    def keeps(found: DepartmentPlan) -> bool:
        return evaluate(departments, found.policy[0]).spent <= departments.total_budget

    if keeps(found := plan(0.0)):
        return found
    low, high = 0.0, 1.0
    while not keeps(found := plan(high)):
        low, high = high, 4.0 * high
        if high > HIGHEST:
            raise ProblemError(
                f"at no price do the departments keep the budget of {departments.total_budget:g}"
            )
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        tried = plan(middle)
        if keeps(tried):
            high, found = middle, tried
        else:
            low = middle
    return found


def _horizon(departments: Departments) -> int:
    held = of_kind("departments", departments, Departments).held
    if held.horizon is None:
        raise UsageError("budgets by period need a finite horizon")
    return held.horizon
