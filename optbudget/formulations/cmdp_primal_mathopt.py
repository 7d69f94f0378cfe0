"""The constrained problem as a linear program in frequencies, in OR-Tools MathOpt (`cmdp_lp`).

.. math::

    \\max_{x \\ge 0}\\quad & \\sum_{k,a} \\hat r_{ka} x_{ka} + \\text{constant} \\\\
    \\text{s.t.}\\quad
    & \\sum_{a \\in A(s)} x_{0a} = \\alpha_s \\; (+ \\gamma \\textstyle\\sum_a p_{as} x_{0a}
      \\text{ if the horizon is infinite}) && s \\\\
    & \\sum_{a \\in A(s)} x_{ka} = \\sum_a p_{as} x_{k-1,a} && k \\ge 1, s \\\\
    & \\sum_{k,a} \\hat c^r_{ka} x_{ka} \\le B_r && r
"""

from typing import TYPE_CHECKING

from optbudget.formulations.flow import flow
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def cmdp_primal(problem: ConstrainedMDP) -> "mathopt.Model":
    """The program of a constrained problem; its variables are x[k, a], stage by stage.

    Raises
    ------
    UsageError
        If the horizon is infinite and the two discounts differ.
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    data = flow(problem)
    m = mo.Model(name="cmdp_primal")

    # Sets: stages k, states s with actions, pairs a, resources r with a limit.
    stages, pairs = range(data.stages), range(problem.problem.cost.size)
    states, resources = data.states.tolist(), data.limited

    # Parameters: reward and cost of each frequency, limits, initial distribution.
    reward, cost = data.reward.tolist(), data.cost.tolist()
    limit, start, first = data.limit.tolist(), data.start.tolist(), data.pair_ptr.tolist()

    # Variables: x[k, a] >= 0, and no larger than the flow allows.
    x = [[m.add_variable(lb=0.0, ub=data.most, name=f"x[{k},{a}]") for a in pairs] for k in stages]

    # Objective: max sum reward x + constant.
    m.maximize_linear_objective(
        mo.LinearSum(reward[k][a] * x[k][a] for k in stages for a in pairs) + data.constant
    )

    # Constraints: what leaves a state at a stage is what has arrived there.
    for k in stages:
        for s in states:
            row = m.add_linear_constraint(
                lb=start[s] if k == 0 else 0.0, ub=start[s] if k == 0 else 0.0, name=f"flow[{k},{s}]"
            )
            coefficient = dict.fromkeys(range(first[s], first[s + 1]), 1.0)
            if data.stationary:
                for a, p in zip(*data.arriving(s), strict=True):
                    coefficient[a] = coefficient.get(a, 0.0) - data.factor * p
            elif k > 0:
                for a, p in zip(*data.arriving(s), strict=True):
                    row.set_coefficient(x[k - 1][a], -p)
            for a, number in coefficient.items():
                row.set_coefficient(x[k][a], number)

    # Constraints: the expected use of each resource is within its limit.
    for r in resources:
        row = m.add_linear_constraint(ub=limit[r], name=f"budget[{r}]")
        for k in stages:
            for a in pairs:
                if cost[r][k][a]:
                    row.set_coefficient(x[k][a], cost[r][k][a])
    return m
