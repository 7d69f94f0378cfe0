"""The constrained problem as a linear program in frequencies, in OR-Tools MathOpt (Altman 1999).

.. math::

    \\max_{x \\ge 0}\\quad & \\sum_{k,a} \\hat r_{ka} x_{ka} + \\text{constant} \\\\
    \\text{s.t.}\\quad
    & \\sum_{a \\in A(s)} x_{0a} = \\alpha_s \\; (+ \\gamma \\textstyle\\sum_a p_{as} x_{0a}
      \\text{ if the horizon is infinite}) && s \\\\
    & \\sum_{a \\in A(s)} x_{ka} = \\sum_a p_{as} x_{k-1,a} && k \\ge 1, s \\\\
    & \\sum_{k,a} \\hat c^r_{ka} x_{ka} \\le B_r && r

That no frequency exceeds 1, or :math:`1/(1-\\gamma)`, follows from the rows; as a bound it helps methods that
want a box.
"""

from typing import TYPE_CHECKING

from optbudget.formulations.flow import flow
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def cmdp_primal(problem: ConstrainedMDP, *, name: str = "cmdp_primal") -> "mathopt.Model":
    """The program of a constrained problem; its variables are x[k, a], stage by stage.

    Programs that add to it give it their `name`.

    Raises
    ------
    UsageError
        If the horizon is infinite and the two discounts differ.
    IllPosedError
        If the horizon is infinite, nothing is discounted and some policy need not end.
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    data = flow(problem)
    m = mo.Model(name=name)

    # Sets: stages k, states s with actions, pairs a, resources r with a limit.
    stages, pairs = range(data.stages), data.pairs.tolist()
    states, resources = data.states.tolist(), data.limited

    # Parameters: reward and cost of each frequency, limits, initial distribution.
    reward, cost = data.reward.tolist(), data.cost.tolist()
    limit, start, factor = data.limit.tolist(), data.start.tolist(), data.factor
    first = data.pair_ptr.tolist()

    # Variables: x[k, a] >= 0, and no larger than the flow allows.
    x = {(k, a): m.add_variable(lb=0.0, ub=data.most, name=f"x[{k},{a}]") for k in stages for a in pairs}

    # Objective: max sum reward x + constant.
    m.maximize_linear_objective(
        mo.LinearSum(reward[k][a] * x[k, a] for k in stages for a in pairs) + data.constant
    )

    # Constraints: what leaves a state at a stage is what has arrived there.
    for k in stages:
        before = k if data.stationary else k - 1
        for s in states:
            leaving = mo.LinearSum(x[k, a] for a in range(first[s], first[s + 1]))
            comes = data.arriving(s) if before >= 0 else []
            arriving = mo.LinearSum(p * x[before, a] for a, p in comes)
            m.add_linear_constraint(
                leaving - factor * arriving == (start[s] if k == 0 else 0.0), name=f"flow[{k},{s}]"
            )

    # Constraints: the expected use of each resource is within its limit.
    for r in resources:
        use = mo.LinearSum(cost[r][k][a] * x[k, a] for k in stages for a in pairs if cost[r][k][a])
        m.add_linear_constraint(use <= limit[r], name=f"budget[{r}]")
    return m
