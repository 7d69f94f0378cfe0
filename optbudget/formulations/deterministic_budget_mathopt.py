"""Deterministic policies, one action per (state, stage, assigned budget), in OR-Tools MathOpt.

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
    from ortools.math_opt.python import mathopt


def deterministic_budget(problem: ConstrainedMDP) -> "mathopt.Model":
    """The integer program of a finite constrained problem; its variables are the choices.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError
        If the tree of histories is too large.
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    data = tree(problem)
    m = mo.Model(name="deterministic_budget")

    # Sets: nodes v, choices c, resources r with a limit.
    nodes, choices = range(len(data.parent)), range(len(data.pair))
    resources = data.limited

    # Parameters: reward and cost of each choice, times the probability of its node.
    reward, cost, limit = data.reward.tolist(), data.cost.tolist(), data.limit.tolist()

    # Variables: z[c] in {0, 1}.
    z = [m.add_binary_variable(name=f"z[{c}]") for c in choices]

    # Objective: max sum reward z + constant.
    m.maximize_linear_objective(mo.LinearSum(reward[c] * z[c] for c in choices) + data.constant)

    # Constraints: one action at every node that is reached, none at the others.
    for v in nodes:
        taken = mo.LinearSum(z[c] for c in range(data.first[v], data.first[v + 1]))
        reached = 1.0 if data.parent[v] < 0 else z[data.parent[v]]
        m.add_linear_constraint(taken == reached, name=f"one_action[{v}]")

    # Constraints: the expected use of each resource is within its limit.
    for r in resources:
        use = mo.LinearSum(cost[r][c] * z[c] for c in choices if cost[r][c])
        m.add_linear_constraint(use <= limit[r], name=f"budget[{r}]")
    return m
