"""The dual of the constrained problem's linear program: values and prices, in Pyomo.

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
    import pyomo.environ as pyo


def cmdp_dual(problem: ConstrainedMDP) -> "pyo.ConcreteModel":
    """The dual program of a constrained problem; `m.y[k, s]` are the values, `m.price[r]` the prices.

    Raises
    ------
    UsageError
        If the horizon is infinite and the two discounts differ.
    IllPosedError
        If the horizon is infinite, nothing is discounted and some policy need not end.
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> m = cmdp_dual(ConstrainedMDP(two_action_example(horizon=2), 1.9))
    >>> len(m.y), len(m.price), len(m.covers)
    (2, 1, 4)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    data = flow(problem)
    m = pyo.ConcreteModel("cmdp_dual")

    # Sets: stages k, states s with actions, pairs a, resources r with a limit.
    m.K = pyo.RangeSet(0, data.stages - 1)
    m.S = pyo.Set(initialize=data.states.tolist())
    m.A = pyo.Set(initialize=data.pairs.tolist())
    m.R = pyo.Set(initialize=data.limited)

    # Parameters: reward and cost of each frequency, limits, initial distribution.
    reward, cost = data.reward.tolist(), data.cost.tolist()
    limit, start, factor = data.limit.tolist(), data.start.tolist(), data.factor
    state, active = problem.problem.pair_state.tolist(), set(data.states.tolist())

    # Variables: y[k, s] free, price[r] >= 0.
    m.y = pyo.Var(m.K, m.S)
    m.price = pyo.Var(m.R, bounds=(0.0, None))

    # Objective: min of the initial values, and what the limits are worth.
    m.value = pyo.Objective(
        sense=pyo.minimize,
        expr=pyo.quicksum(start[s] * m.y[0, s] for s in m.S)
        + pyo.quicksum(limit[r] * m.price[r] for r in m.R)
        + data.constant,
    )

    # Constraints: a state is worth no less than what each of its pairs earns and leads to.
    def covers(m, k, a):  # type: ignore[no-untyped-def]
        after = k if data.stationary else k + 1
        leads = data.leading(a) if after < data.stages else []
        later = pyo.quicksum(p * m.y[after, j] for j, p in leads if j in active)
        use = pyo.quicksum(cost[r][k][a] * m.price[r] for r in m.R if cost[r][k][a])
        return m.y[k, state[a]] - factor * later + use >= reward[k][a]

    m.covers = pyo.Constraint(m.K, m.A, rule=covers)
    return m
