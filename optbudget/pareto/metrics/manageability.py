"""Manageability: how often a department is told something else than before, and the effort to plan.

The share of decisions, of all but the first, that differ from the department's last one is an expectation
over the moves of a plan, computed exactly; of rules that are played it is counted
(`optbudget.pareto.visits`). The effort is the time to make the plan, which depends on the machine.
"""

from optbudget.pareto.metrics.metric import Metric
from optbudget.pareto.visits import moves, visits
from optbudget.problems import DepartmentPlan

METRIC = Metric(
    "manageability",
    "share of decisions that are not what the same department did a period before; and seconds to plan again",
    "% of decisions; seconds",
    "framework, section 4, 4 (Simba); counted",
    more_is_better=False,
)


def changed_decisions(plan: DepartmentPlan) -> float:
    """The share of decisions, of all but the first, that differ from the department's last one, expected."""
    departments, total = plan.departments, 0.0
    for share, policy in zip(plan.share, plan.policy, strict=True):
        here = visits(departments, policy)
        action = departments.held.pair_action[policy]
        for stage in range(len(policy) - 1):
            source, to, chance = moves(departments, policy[stage], here[stage])
            total += share * chance[action[stage, source] != action[stage + 1, to]].sum()
    decisions = max(plan.policy.shape[1] - 1, 1) * len(departments.departments)
    return float(total / decisions)
