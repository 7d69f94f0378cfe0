"""The front that is learned: policies from `step` and `reset` alone, and what the model says they are worth.

Plans are put together within the budget by what the learner believes (`coupling`), and then **evaluated
exactly by the model**: only such values are points of a front. Beliefs never are.

**The rule about money.** A plan that was put together by beliefs may spend more than the budget. Then it is
drawn by lot, at the start, against the same weighting's plan of the dearest price, with the least chance that
brings the exactly evaluated expected spend down to the budget; so every point can be compared with the exact
front at that budget. If that plan spends too much as well, there is no point for the weighting. How much was
overspent before, and with what chance the thrifty plan is drawn, is reported; a plan that spends less than
the budget is left as it is, and the money it leaves counts against it.
"""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from optbudget.pareto.arguments import number, of_kind, place
from optbudget.pareto.coupling import Coupled, couple
from optbudget.pareto.environment import own_states, pair_by_action
from optbudget.pareto.evaluation import Worth, evaluate
from optbudget.pareto.learned import Learned
from optbudget.problems import DepartmentFront, DepartmentPlan, Departments, Front, FrontPoint
from optbudget.problems.front import ROUNDING
from optbudget.workers import Monitor
from optbudget.workers.monitor import require_going_on

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GRAIN = 2**-40
"""Shares are whole multiples of it, so that they add up to exactly 1."""


@dataclass(frozen=True, eq=False)
class LearnedFront:
    """Points whose plans were learned, evaluated by the model, and how they came about.

    Attributes
    ----------
    departments : whose they are
    front : Q points, of kind "learned"
    plans : what everyone does at each of them
    number : (Q,) which of the weightings each point is of; some may have none
    thrift : (Q,) the chance that the plan of the dearest price is drawn, in [0, 1]
    overspent : (Q,) what the plan would spend beyond the budget without that, money; negative: less
    believed : (Q, K + 1) rewards and spend that the learner expects of the plan without that
    learned : the policies
    """

    departments: Departments
    front: Front
    plans: tuple[DepartmentPlan, ...]
    number: Integers
    thrift: Floats
    overspent: Floats
    believed: Floats
    learned: Learned

    def with_plans(self) -> DepartmentFront:
        """The front as it is saved."""
        return DepartmentFront(self.departments, self.front, self.point_of)

    def point_of(self, point: int) -> FrontPoint:
        """The plan of a point, and what its policies are worth by department."""
        plan = self.plans[place("point", point, len(self.plans))]
        worths = [evaluate(plan.departments, policy) for policy in plan.policy]
        reward, spend = (np.array([getattr(one, name) for one in worths]) for name in ("reward", "spend"))
        return FrontPoint(plan, reward, spend)


def front_of(
    learned: Learned,
    departments: Departments,
    budget: float | None = None,
    *,
    monitor: Monitor | None = None,
) -> LearnedFront:
    """The learned points at a budget (default: the model's), evaluated exactly.

    Parameters
    ----------
    learned : policies of all departments
    departments : the model that the environment is of
    monitor : may stop it between two points

    Raises
    ------
    InterruptedWork, LimitError
        Where the monitor stops it.

    Examples
    --------
    >>> from optbudget.pareto.environment import DepartmentsEnv
    >>> from optbudget.pareto.phased_learning import learn_by_phases
    >>> from optbudget.pareto.scalarisations import LearningTask, same_prices
    >>> from optbudget.pareto.watching import watch
    >>> from optbudget.problems.examples import two_departments
    >>> two = two_departments()
    >>> task = LearningTask.of(two)
    >>> seen = watch(DepartmentsEnv(two, steps=1000), task, range(20))
    >>> prices = same_prices([[0.9, 0.1], [0.5, 0.5]], [0.0, 0.5, 1.0, 2.0])
    >>> front_of(learn_by_phases(seen, task, prices), two).front
    Front(2 points of service, -risk at budget 2: no bounds)
    """
    of_kind("departments", departments, Departments)
    money = departments.total_budget if budget is None else number("the budget", budget, "[0, inf)")
    weight = learned.scalarisations.weight
    total = weight.sum(axis=1, keepdims=True)
    coupled = [couple(learned, point, money) for point in range(len(weight))]
    layout, made = Layout.of(departments), []
    for point, one in enumerate(coupled):
        require_going_on(monitor, "while learned plans were evaluated")
        made.append(_point(learned, departments, layout, point, one, money))
    kept = [point for point, one in enumerate(made) if one.worth.spent <= money * (1.0 + ROUNDING)]
    points = [made[point] for point in kept]
    front = Front(
        departments.signed_objectives,
        weight=np.where(np.abs(total - 1.0) <= 1e-9, weight, weight / total)[kept],
        point=np.array([one.worth.point for one in points]),
        spend=np.array([one.worth.spent for one in points]),
        bound=np.full(len(kept), np.inf), price=np.full(len(kept), np.nan),
        kind=("learned",) * len(kept), budget=money,
    )  # fmt: skip
    return LearnedFront(
        departments, front, tuple(one.plan for one in points), np.array(kept, dtype=np.int64),
        np.array([one.thrift for one in points]), np.array([one.overspent for one in points]),
        np.array([coupled[point].believed for point in kept]), learned,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layout:
    """Where learned policies, by department, stand in the departments' joint model.

    Attributes
    ----------
    states : D arrays, the states of `departments.held` of each department
    place : (n,) number of each state among its department's pairs of regime and state
    pair : (n, A) of `departments.held`, what each action comes to in each state
    """

    states: tuple[Integers, ...]
    place: Integers
    pair: Integers

    @classmethod
    def of(cls, departments: Departments) -> "Layout":
        own, names = own_states(departments)
        size = np.array([len(one) for one in names])[departments.department_of_state]
        place = departments.regime_of_state * size + own
        return cls(departments.states_of, place, pair_by_action(departments.held))


def policy_of(learned: Learned, layout: Layout, which: Integers) -> NDArray[np.int32]:
    """The pair of `departments.held` that is taken at each stage and state, (T, n).

    Each department follows its own scalarisation, which (D,); it is -1 in states without actions.
    """
    found = np.empty((learned.task.stages, layout.place.size), dtype=np.int32)
    for policy, chosen, mine in zip(learned.policy, which, layout.states, strict=True):
        found[:, mine] = layout.pair[mine, policy[chosen][:, layout.place[mine]]]
    return found


@dataclass(frozen=True, eq=False)
class _Point:
    """A plan and its exact worth; what it overspent, and the chance of thrift that was added."""

    plan: DepartmentPlan
    worth: Worth
    overspent: float
    thrift: float


def _point(
    learned: Learned, departments: Departments, layout: Layout, point: int, coupled: Coupled, budget: float
) -> _Point:
    """The plan of a weighting after the rule about money; where thrift is not enough it spends too much."""
    prices = learned.scalarisations.price.shape[1]
    drawn = floor(coupled.share / GRAIN) * GRAIN
    share = [1.0 - drawn, drawn] if drawn else [1.0]
    followed = [point * prices + which for which in (coupled.lower, coupled.upper)[: len(share)]]
    policies = [policy_of(learned, layout, which) for which in followed]
    worths = [evaluate(departments, policy) for policy in policies]
    over, thrift = Worth.drawn(worths, share).spent - budget, 0.0
    if over > 0:
        dearest = np.full(coupled.lower.size, (point + 1) * prices - 1)
        policies.append(policy_of(learned, layout, dearest))
        worths.append(evaluate(departments, policies[-1]))
        saved = over + budget - worths[-1].spent
        thrift = min(1.0, (ceil(over / saved / GRAIN) + 1) * GRAIN) if saved > 0 else 1.0
        share = [*(floor(one * (1.0 - thrift) / GRAIN) * GRAIN for one in share), thrift]
        share[0] += 1.0 - sum(share)
    chosen = [k for k, one in enumerate(share) if one > 0]
    plan = DepartmentPlan(departments, np.array(share)[chosen], np.array(policies)[chosen])
    return _Point(plan, Worth.drawn(worths, share), over, thrift)
