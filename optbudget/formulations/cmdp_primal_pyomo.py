"""The constrained problem as a linear program in frequencies, in Pyomo (Altman 1999).

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
    import pyomo.environ as pyo


def cmdp_primal(problem: ConstrainedMDP, *, name: str = "cmdp_primal") -> "pyo.ConcreteModel":
    """The program of a constrained problem; `m.x[k, a]` are the frequencies.

    Programs that add to it give it their `name`.

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
    >>> m = cmdp_primal(ConstrainedMDP(two_action_example(horizon=2), 1.9))
    >>> len(m.x), len(m.flow), len(m.budget)
    (4, 2, 1)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    data = flow(problem)
    m = pyo.ConcreteModel(name)

    # Sets: stages k, states s with actions, pairs a, resources r with a limit.
    m.K = pyo.RangeSet(0, data.stages - 1)
    m.S = pyo.Set(initialize=data.states.tolist())
    m.A = pyo.Set(initialize=data.pairs.tolist())
    m.R = pyo.Set(initialize=data.limited)

    # Parameters: reward and cost of each frequency, limits, initial distribution.
    reward, cost = data.reward.tolist(), data.cost.tolist()
    limit, start, factor = data.limit.tolist(), data.start.tolist(), data.factor
    first = data.pair_ptr.tolist()

    # Variables: x[k, a] >= 0, and no larger than the flow allows.
    m.x = pyo.Var(m.K, m.A, bounds=(0.0, data.most if data.most < float("inf") else None))

    # Objective: max sum reward x + constant.
    m.value = pyo.Objective(
        sense=pyo.maximize,
        expr=pyo.quicksum(reward[k][a] * m.x[k, a] for k in m.K for a in m.A) + data.constant,
    )

    # Constraints: what leaves a state at a stage is what has arrived there.
    def balance(m, k, s):  # type: ignore[no-untyped-def]
        leaving = pyo.quicksum(m.x[k, a] for a in range(first[s], first[s + 1]))
        before = k if data.stationary else k - 1
        comes = data.arriving(s) if before >= 0 else []
        arriving = pyo.quicksum(p * m.x[before, a] for a, p in comes)
        return leaving - factor * arriving == (start[s] if k == 0 else 0.0)

    m.flow = pyo.Constraint(m.K, m.S, rule=balance)

    # Constraints: the expected use of each resource is within its limit.
    def within(m, r):  # type: ignore[no-untyped-def]
        use = pyo.quicksum(cost[r][k][a] * m.x[k, a] for k in m.K for a in m.A if cost[r][k][a])
        return (None, use, limit[r]) if any(map(any, cost[r])) else pyo.Constraint.Feasible

    m.budget = pyo.Constraint(m.R, rule=within)
    return m
