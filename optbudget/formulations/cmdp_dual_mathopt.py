"""The dual of the constrained problem's linear program: values and prices, in OR-Tools MathOpt.

With :math:`y_{ks} = \\gamma^k w_k(s)` the discounted value of a state, priced money deducted,

.. math::

    \\min_{y,\\lambda \\ge 0}\\quad & \\sum_s \\alpha_s y_{0s} + \\sum_r B_r \\lambda_r + \\text{const.} \\\\
    \\text{s.t.}\\quad & y_{k s_a} - \\sum_j p_{aj} y_{k+1,j} + \\sum_r \\hat c^r_{ka} \\lambda_r
      \\ge \\hat r_{ka} && k, a

with :math:`y_{Kj} = 0` after the last stage, and :math:`\\gamma y_{0j}` in the place of
:math:`y_{k+1,j}` if the horizon is infinite. The optimal :math:`\\lambda` are the prices of the curves.
"""

from typing import TYPE_CHECKING

from optbudget.formulations.flow import flow
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def cmdp_dual(problem: ConstrainedMDP) -> "mathopt.Model":
    """The dual program of a constrained problem; its variables are y[k, s], then the prices.

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
    m = mo.Model(name="cmdp_dual")

    # Sets: stages k, states s with actions, pairs a, resources r with a limit.
    stages, pairs = range(data.stages), data.pairs.tolist()
    states, resources = data.states.tolist(), data.limited

    # Parameters: reward and cost of each frequency, limits, initial distribution.
    reward, cost = data.reward.tolist(), data.cost.tolist()
    limit, start, factor = data.limit.tolist(), data.start.tolist(), data.factor
    state, active = problem.problem.pair_state.tolist(), set(states)

    # Variables: y[k, s] free, price[r] >= 0.
    y = {(k, s): m.add_variable(name=f"y[{k},{s}]") for k in stages for s in states}
    price = {r: m.add_variable(lb=0.0, name=f"price[{r}]") for r in resources}

    # Objective: min of the initial values, and what the limits are worth.
    m.minimize_linear_objective(
        mo.LinearSum(start[s] * y[0, s] for s in states)
        + mo.LinearSum(limit[r] * price[r] for r in resources)
        + data.constant
    )

    # Constraints: a state is worth no less than what each of its pairs earns and leads to.
    for k in stages:
        after = k if data.stationary else k + 1
        for a in pairs:
            leads = data.leading(a) if after < data.stages else []
            later = mo.LinearSum(p * y[after, j] for j, p in leads if j in active)
            use = mo.LinearSum(cost[r][k][a] * price[r] for r in resources if cost[r][k][a])
            m.add_linear_constraint(
                y[k, state[a]] - factor * later + use >= reward[k][a], name=f"covers[{k},{a}]"
            )
    return m
