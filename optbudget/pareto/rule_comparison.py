"""Budgeting rules beside the computed plan, by every metric, over many seeds.

A seed draws the simulated past that rules budget by, the runs in which the incremental rule is played, the
disturbances of `stability` and the runs of `adaptation`. All else is exact, so that a metric which no seed
touches has no spread.

The computed plan is that of given weights at the model's total budget. Money is held against value at the
price that this plan has. What a rule decides with knowledge of the model it is given the disturbed model for;
where the world changes (`regret_after`), nobody is told.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import InterruptedWork, LimitError, ProblemError, UsageError
from optbudget.pareto.adaptation import Adaptation, Happening, Watch, adaptation, weakened
from optbudget.pareto.arguments import floats, of_kind, whole
from optbudget.pareto.baselines import (
    Incremental,
    forecasts,
    myopic,
    proportional_budgets,
    shared_out,
    simulated_past,
    uniform_budgets,
    within,
)
from optbudget.pareto.evaluation import evaluate_lottery
from optbudget.pareto.front import ExactFront, exact_front
from optbudget.pareto.metrics.adaptability import regret
from optbudget.pareto.metrics.budget_efficiency import least_spend
from optbudget.pareto.metrics.interpretability import rules
from optbudget.pareto.metrics.manageability import changed_decisions
from optbudget.pareto.metrics.pareto_optimality import reached
from optbudget.pareto.metrics.stability import stability
from optbudget.pareto.trials import play
from optbudget.pareto.visits import Recorded, decisions
from optbudget.problems import DepartmentPlan, Departments
from optbudget.status import Termination
from optbudget.workers import Monitor

Floats = NDArray[np.float64]

OURS = "computed plan"
TOLERANCE = 1e-5
"""Relative gap of the computed plan."""
RUNS = 500
"""In which adaptation is measured, and money that moves where a rule is played."""
PLAYED = 8000
"""In which the incremental rule is played: what it wastes is a small difference of outcomes."""
WEAKER = 0.25
"""How much it matters what is done, compared with the model, in the changed world."""
WATCHED = (0.25, 0.5)
"""The same in the worlds that a change is watched for."""
PERIODS, CHANGE = 36, 12
"""Length of the runs of adaptation, and when the world changes."""


@dataclass(frozen=True, slots=True)
class Score:
    """One rule and one seed; shares are in %, money and value in the model's units.

    Attributes
    ----------
    value : at the weights
    spent : money
    wasted : that the certified least spend saves with no objective worse
    wasted_most : no plan saves more
    support, volume : what the plan's one point reaches of the front
    resampled, rewards, budget : money that moves at each disturbance
    fidelity : decisions that rules of depth 4 make too
    changed : decisions that are not those of a period before
    regret : value net of money that is lost against the best plan of the model
    regret_after : the same in the changed world
    seconds : to make the plan
    """

    value: float
    spent: float
    wasted: float
    wasted_most: float
    support: float
    volume: float
    resampled: float
    rewards: float
    budget: float
    fidelity: float
    changed: float
    regret: float
    regret_after: float
    seconds: float


@dataclass(frozen=True, eq=False)
class RuleComparison:
    """Scores of every rule by seed, and what watching for a change is worth.

    Attributes
    ----------
    seeds : S
    scores : for each rule S scores
    adaptations : S, of the computed plan
    price : of money, at which value and money are compared
    """

    seeds: tuple[int, ...]
    scores: Mapping[str, tuple[Score, ...]]
    adaptations: tuple[Adaptation, ...]
    price: float

    def means(self) -> dict[str, dict[str, float]]:
        """The mean of each number, by rule and name."""
        return {rule: asdict(self.mean(rule)) for rule in self.scores}

    def mean(self, rule: str) -> Score:
        """The mean of each number over the seeds."""
        return self._each(rule, np.mean)

    def spread(self, rule: str) -> Score:
        """The standard deviation of each number over the seeds."""
        return self._each(rule, np.std)

    def _each(self, rule: str, of: Callable[[list[float]], np.floating]) -> Score:
        named = [field.name for field in fields(Score)]
        return Score(*(float(of([getattr(one, name) for one in self.scores[rule]])) for name in named))


def compare_rules(
    departments: Departments,
    front: ExactFront,
    weights: ArrayLike,
    *,
    seeds: Iterable[int],
    monitor: Monitor | None = None,
) -> RuleComparison:
    """Every rule by every metric.

    Parameters
    ----------
    departments : the model, of finite horizon
    front : exact, at the model's total budget
    weights : (K,) > 0 of the computed plan, by which value is told; not scaled
    seeds : of the simulated pasts, runs and disturbances
    monitor : progress and limits; a comparison that is stopped holds the seeds that were done

    Raises
    ------
    UsageError, ProblemError
        If weights or seeds are not as said, or the front is of another model or budget.
    LimitError, InterruptedWork
        If it is stopped before the first seed is done.
    MissingExtraError
        Without the extra [pareto].
    """
    wanted = _seeds(seeds)
    _require_front(departments, front)
    weights = floats("weights", weights, (len(departments.objectives),), "(0, inf)")
    price = float(weights.sum() * _optimum(departments, weights).front.price[0])
    judge = _Judge(departments, front, weights, price, weakened(departments, WEAKER))
    known = {name: judge.score(rule) for name, rule in _known(weights).items()}
    models = [departments, *(weakened(departments, factor) for factor in WATCHED)]
    watch = Watch(models, weights, price, periods=PERIODS)
    scores: dict[str, list[Score]] = {}
    found: list[Adaptation] = []
    for k, seed in enumerate(wanted):
        if not _may_go_on(monitor, k, len(wanted)):
            break
        drawn = _drawn(departments, seed)
        for name, rule in (_known(weights) | drawn).items():
            score = known[name] if name in known else judge.score(rule)
            moved = stability(departments, rule.spend, seed=seed)
            scores.setdefault(name, []).append(replace(score, **moved))
        found.append(adaptation(watch, Happening(CHANGE, models[1], PERIODS, RUNS, seed)))
    by_rule = {name: tuple(some) for name, some in scores.items()}
    return RuleComparison(wanted[: len(found)], by_rule, tuple(found), price)


def _seeds(given: Iterable[int]) -> tuple[int, ...]:
    """One seed or more."""
    if not isinstance(given, Iterable) or not (seeds := tuple(given)):
        raise UsageError(f"seeds must be whole numbers >= 0, one at least; got {given!r:.40}")
    return tuple(whole("one of seeds", seed) for seed in seeds)


def _require_front(departments: Departments, front: ExactFront) -> None:
    """Refuse a front that is not of the model, at its budget."""
    of_kind("departments", departments, Departments)
    own = of_kind("front", front, ExactFront)
    one, other = own.departments.held, departments.held
    alike = one.labels == other.labels and np.array_equal(one.probability, other.probability)
    if not alike or own.front.budget != departments.total_budget:
        raise ProblemError("the front is of another model or budget: make it by exact_front(departments)")


def _may_go_on(monitor: Monitor | None, done: int, seeds: int) -> bool:
    """Whether another seed may begin; a stop before the first has nothing to show, and is raised."""
    if monitor is None:
        return True
    monitor.progress(done / seeds, f"{done} of {seeds} seeds of budgeting rules")
    reason = monitor.stop_reason()
    if reason is None or done > 0:
        return reason is None
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork("stopped before budgeting rules were compared")
    raise LimitError("the time limit was reached before budgeting rules were compared")


@dataclass(frozen=True, eq=False)
class Behaviour:
    """What a rule does in one world.

    Attributes
    ----------
    point, spent : (K,) what it yields, more being better, and spends in total
    decisions : (T, n, A) how often each action is taken at each stage and state
    changed : share of decisions that differ from the department's last one
    """

    point: Floats
    spent: float
    decisions: Floats
    changed: float


class Rule(Protocol):
    """A way to budget, from what is known of the departments."""

    def spend(self, model: Departments) -> Floats:
        """(D,) what each department spends if the model is right."""

    def behave(self, model: Departments, world: Departments) -> Behaviour:
        """What comes of it in a world, if the model is what is known."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A rule that is a plan of the states: evaluated exactly."""

    make: Callable[[Departments], DepartmentPlan]

    def spend(self, model: Departments) -> Floats:
        plan = self.make(model)
        return evaluate_lottery(model, plan.policy, plan.share).spend

    def behave(self, model: Departments, world: Departments) -> Behaviour:
        made = self.make(model)
        plan = DepartmentPlan(world, made.share, made.policy)
        worth = evaluate_lottery(world, plan.policy, plan.share)
        return Behaviour(worth.point, worth.spent, decisions(plan), changed_decisions(plan))


@dataclass(frozen=True, eq=False)
class Played:
    """Incremental budgeting: played in runs drawn by the seed."""

    past: Floats
    seed: int

    def spend(self, model: Departments) -> Floats:
        runs = play(model, Incremental(model, self.past), runs=RUNS, seed=self.seed)
        return np.asarray(model.held.cost_discount ** np.arange(len(runs.by_period)) @ runs.by_period)

    def behave(self, model: Departments, world: Departments) -> Behaviour:
        assert model.held.horizon is not None
        record = Recorded(model, Incremental(model, self.past), model.held.horizon)
        runs = play(world, record, runs=PLAYED, seed=self.seed)
        others = PLAYED * len(model.departments) * (model.held.horizon - 1)
        return Behaviour(runs.point, runs.spent, record.taken / PLAYED, record.changed / max(others, 1))


def _known(weights: Floats) -> dict[str, Rule]:
    """Rules that no seed changes."""
    return {
        OURS: Planned(lambda model: _optimum(model, weights).plan(0)),
        "uniform": Planned(lambda model: within(model, uniform_budgets(model))),
        "proportional": Planned(lambda model: within(model, proportional_budgets(model))),
        "myopic": Planned(lambda model: myopic(model, weights)),
    }


def _drawn(departments: Departments, seed: int) -> dict[str, Rule]:
    """Rules that budget by a past."""
    past = simulated_past(departments, seed=seed)
    assert departments.held.horizon is not None
    expected = forecasts(past, departments.held.horizon)
    return {
        "forecast": Planned(lambda model: within(model, shared_out(model, expected))),
        "historical": Played(past, seed),
    }


def _optimum(departments: Departments, weights: Floats) -> ExactFront:
    """The best plan of the weights."""
    return exact_front(departments, weights=weights[None], refine=0, tolerance=TOLERANCE)


@dataclass(frozen=True, eq=False)
class _Judge:
    """What every rule is held against."""

    departments: Departments
    front: ExactFront
    weights: Floats
    price: float
    changed: Departments

    def score(self, rule: Rule) -> Score:
        """All that needs no disturbance; what does is NaN."""
        model = self.departments
        began = time.perf_counter()
        rule.spend(model)
        seconds = time.perf_counter() - began
        found, after = rule.behave(model, model), rule.behave(model, self.changed)
        least = least_spend(self.front, found.point, found.spent)
        of_front = reached(found.point[None], self.front.front)
        return Score(
            value=float(self.weights @ found.point),
            spent=found.spent,
            wasted=least.saving,
            wasted_most=least.most,
            support=100.0 * of_front.support,
            volume=100.0 * of_front.volume,
            resampled=np.nan,
            rewards=np.nan,
            budget=np.nan,
            fidelity=100.0 * rules(model, found.decisions).fidelity,
            changed=100.0 * found.changed,
            regret=self._regret(model, found),
            regret_after=self._regret(self.changed, after),
            seconds=seconds,
        )

    def _regret(self, world: Departments, found: Behaviour) -> float:
        return regret(world, found.point, found.spent, weights=self.weights, price=self.price)
