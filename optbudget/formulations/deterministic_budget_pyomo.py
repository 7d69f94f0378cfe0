"""Deterministic policies, one action per (state, stage, assigned budget), as an integer program in Pyomo.

On the tree of histories, with a choice :math:`z_c \\in \\{0, 1\\}` of every action at every node:

.. math::

    \\max_z\\quad & \\sum_c q_c \\hat r_c z_c + \\text{constant} \\\\
    \\text{s.t.}\\quad & \\sum_{c \\in v} z_c = 1 && v \\text{ a root} \\\\
    & \\sum_{c \\in v} z_c = z_{\\text{parent}(v)} && \\text{other nodes } v \\\\
    & \\sum_c q_c \\hat c^r_c z_c \\le B_r && r

Its optimum is the frontier of Boutilier & Lu 2016, section 4.2, at the budget, and never below that of one
action per state and stage.
"""

from typing import TYPE_CHECKING

from optbudget.formulations.tree import tree
from optbudget.problems import ConstrainedMDP

if TYPE_CHECKING:
    import pyomo.environ as pyo


def deterministic_budget(problem: ConstrainedMDP) -> "pyo.ConcreteModel":
    """The integer program of a finite constrained problem; `m.z[c]` are the choices.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError
        If the tree of histories is too large.
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> m = deterministic_budget(ConstrainedMDP(two_action_example(horizon=2), 1.9))
    >>> len(m.z), len(m.one_action)
    (6, 3)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    data = tree(problem)
    m = pyo.ConcreteModel("deterministic_budget")

    # Sets: nodes v, choices c, resources r with a limit.
    m.V = pyo.RangeSet(0, len(data.parent) - 1)
    m.C = pyo.RangeSet(0, len(data.pair) - 1)
    m.R = pyo.Set(initialize=data.limited)

    # Parameters: reward and cost of each choice, times the probability of its node.
    reward, cost, limit = data.reward.tolist(), data.cost.tolist(), data.limit.tolist()

    # Variables: z[c] in {0, 1}.
    m.z = pyo.Var(m.C, domain=pyo.Binary)

    # Objective: max sum reward z + constant.
    m.value = pyo.Objective(
        sense=pyo.maximize, expr=pyo.quicksum(reward[c] * m.z[c] for c in m.C) + data.constant
    )

    # Constraints: one action at every node that is reached, none at the others.
    def one(m, v):  # type: ignore[no-untyped-def]
        taken = pyo.quicksum(m.z[c] for c in range(data.first[v], data.first[v + 1]))
        return taken == (1 if data.parent[v] < 0 else m.z[data.parent[v]])

    m.one_action = pyo.Constraint(m.V, rule=one)

    # Constraints: the expected use of each resource is within its limit.
    def within(m, r):  # type: ignore[no-untyped-def]
        use = pyo.quicksum(cost[r][c] * m.z[c] for c in m.C if cost[r][c])
        return (None, use, limit[r]) if any(cost[r]) else pyo.Constraint.Feasible

    m.budget = pyo.Constraint(m.R, rule=within)
    return m
