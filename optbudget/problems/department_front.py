"""A front of departments with the plan behind every point: what `optbudget pareto` writes and reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.budget_lines import MONEY, BudgetLines
from optbudget.problems.department_plan import DepartmentPlan
from optbudget.problems.departments import Departments
from optbudget.problems.front import Front
from optbudget.problems.policy_mixture import PolicyMixture
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

FEASIBLE = Outcome(Termination.UNKNOWN, Solution.FEASIBLE)
"""Of a plan that is evaluated, and of which nothing is proved."""


@dataclass(frozen=True, eq=False, repr=False)
class FrontPoint:
    """A plan, and what each of its policies yields and spends by department.

    Attributes
    ----------
    plan : the lottery over policies
    reward : (Q, D, K) expected discounted rewards, more is better
    spend : (Q, D) expected discounted spend, money
    """

    plan: DepartmentPlan
    reward: Floats
    spend: Floats

    def __post_init__(self) -> None:
        departments = self.plan.departments
        wanted = (self.plan.share.size, len(departments.departments))
        if self.spend.shape != wanted or self.reward.shape != (*wanted, len(departments.objectives)):
            raise ProblemError(
                f"the plan has (policies, departments) {wanted}; spends are {self.spend.shape}"
            )

    @property
    def mean_reward(self) -> Floats:
        """(D, K), the mean over the lottery."""
        return np.asarray(np.tensordot(self.plan.share, self.reward, axes=1))

    @property
    def mean_spend(self) -> Floats:
        """(D,), the mean over the lottery: the budget of each department."""
        return np.asarray(self.plan.share @ self.spend)

    def to_arrow(self) -> "pa.Table":
        """The columns of `allocation.parquet`; the departments draw their policy together.

        type (the department), state, count, budget (what its policy spends in expectation), probability, and
        action (what to do now).
        """
        import pyarrow as pa

        plan, held = self.plan, self.plan.departments.held
        start = plan.departments.start_state
        which, department = np.divmod(np.arange(self.spend.size), start.size)
        pair = plan.policy[which, 0, start[department]]
        names = np.array([*held.actions, None], dtype=object)
        codes = np.where(pair < 0, len(held.actions), held.pair_action[np.maximum(pair, 0)])
        return pa.table(
            {
                "type": [plan.departments.departments[d] for d in department],
                "state": [held.states[i] for i in start[department]],
                "count": np.ones(which.size, dtype=np.int64),
                "budget": self.spend.reshape(-1),
                "probability": plan.share[which],
                "action": pa.array(names[codes].tolist(), pa.string()),
            }
        )


@dataclass(frozen=True, eq=False, repr=False)
class DepartmentFront:
    """Departments, the front of what they can achieve at one budget, and its plans.

    Attributes
    ----------
    departments, front : whose front it is
    point_of : the plan of a point by its number, made or read when it is asked for
    stated : what `front.json` says, where it was read from disk
    """

    departments: Departments
    front: Front
    point_of: Callable[[int], FrontPoint]
    stated: Mapping[str, object] | None = None

    def weights(self, point: int) -> dict[str, float]:
        """The weights of a point by the objectives' names."""
        return dict(zip(self.departments.objectives, self.front.weight[point].tolist(), strict=True))

    def mixture(self, point: int) -> PolicyMixture:
        """The plan of a point as an answer to its weighted problem, with one line of money for all.

        Raises
        ------
        ProblemError
            If the horizon is infinite.
        """
        front, plan = self.front, self.point_of(point).plan
        problem = self.departments.budgeted(self.weights(point))
        horizon = problem.horizon or 0
        lines = BudgetLines(
            problem, (MONEY,), np.array([front.budget]), np.array([0]), np.array([horizon]), np.array([0])
        )
        proved = bool(np.isfinite(front.bound[point]))
        gap = float(front.gap[point])
        known = Outcome.certified(gap=gap, tolerance=front.tolerance) if proved else FEASIBLE
        return PolicyMixture(
            lines, self.departments.population(problem), plan.share, plan.policy,
            price=front.price[[point]] if proved else np.zeros(0),
            bound=float(front.bound[point]) if proved else np.nan,
            tolerance=front.tolerance, outcome=known,
        )  # fmt: skip

    def joined(self, more: "DepartmentFront") -> "DepartmentFront":
        """These points, then those of another front of the same departments."""
        count = len(self.front)

        def point_of(point: int) -> FrontPoint:
            return self.point_of(point) if point < count else more.point_of(point - count)

        return DepartmentFront(self.departments, self.front.joined(more.front), point_of)

    def __repr__(self) -> str:
        return f"DepartmentFront({self.front!r})"
