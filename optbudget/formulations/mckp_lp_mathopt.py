"""The linear relaxation of the budget split: what greedy solves, in OR-Tools MathOpt.

With :math:`n_{gk}` the number of units of group g that take option k, which need not be whole
(Boutilier & Lu 2016, section 5.2; Sinha & Zoltners 1979),

.. math::

    \\max_n\\quad & \\sum_{g,k} v_{gk} n_{gk} \\\\
    \\text{s.t.}\\quad & \\sum_{k} n_{gk} = N_g && g \\\\
    & \\sum_{g,k} c_{gk} n_{gk} \\le B \\\\
    & L_t \\le \\sum_{g \\in G_t} \\sum_k c_{gk} n_{gk} \\le U_t && t \\\\
    & 0 \\le n_{gk} \\le N_g && g, k

A basic solution has at most one group that is not whole, between two options (their proposition 10).
"""

from typing import TYPE_CHECKING

from optbudget.problems import Knapsack, Totals

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def mckp_lp(problem: Knapsack, budget: float, totals: Totals | None = None) -> "mathopt.Model":
    """The linear relaxation of a knapsack at a budget; its variables are n[k], how many units take option k.

    Raises
    ------
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    m = mo.Model(name="mckp_lp")

    # Sets: groups g, options k of each.
    first, group = problem.ptr.tolist(), problem.group_of.tolist()

    # Parameters: cost and value of each option, units of each group.
    cost, value, copies = problem.cost.tolist(), problem.value.tolist(), problem.count.tolist()

    # Variables: 0 <= n[k] <= units of its group.
    n = [m.add_variable(lb=0.0, ub=copies[g], name=f"n[{k}]") for k, g in enumerate(group)]

    # Objective: max sum value n.
    m.maximize_linear_objective(mo.LinearSum(v * n_k for v, n_k in zip(value, n, strict=True)))

    # Constraints: every unit takes one option; the budget.
    for g, units in enumerate(copies):
        taken = mo.LinearSum(n[k] for k in range(first[g], first[g + 1]))
        m.add_linear_constraint(taken == units, name=f"one_option[{g}]")
    spend = mo.LinearSum(c * n_k for c, n_k in zip(cost, n, strict=True) if c)
    if any(cost) and budget < float("inf"):
        m.add_linear_constraint(spend <= budget, name="budget")

    # Constraints: what some groups cost together.
    for t, members in enumerate(() if totals is None else totals.members):
        assert totals is not None
        inside = [k for g in members.tolist() for k in range(first[g], first[g + 1]) if cost[k]]
        low, high = float(totals.least[t]), float(totals.most[t])
        if not inside and low == 0:
            continue
        spent = mo.LinearSum(cost[k] * n[k] for k in inside)
        m.add_linear_constraint(mo.BoundedLinearExpression(low, spent, high), name=f"together[{t}]")
    return m
