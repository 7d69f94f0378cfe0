"""Totals of groups as rows of a knapsack program, whole or relaxed, in OR-Tools MathOpt.

.. math::

    L_t \\le \\sum_{g \\in G_t} \\Bigl( \\sum_k c_{gk} n_{gk} + w_g \\Bigr) \\le U_t \\quad t, \\qquad
    \\sum_k c_{gk} n_{gk} + w_g \\le N_g u_g \\quad g,

with the money :math:`w_g \\ge 0` that is set aside for units beyond what their options cost (`Totals`).
"""

from typing import TYPE_CHECKING, Any

from optbudget.problems import Knapsack, Totals

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def set_aside(m: "mathopt.Model", problem: Knapsack, totals: Totals | None, budget: float) -> list[Any]:
    """Variables w[g], one per group, where money is set aside; else none."""
    if totals is None or totals.each is None:
        return []
    return [m.add_variable(lb=0.0, ub=budget, name=f"w[{g}]") for g in range(len(problem.groups))]


def add_totals(m: "mathopt.Model", problem: Knapsack, totals: Totals, n: list[Any], w: list[Any]) -> None:
    """Constraints together[t], one per total, and each[g], one per group with a most, over n and w."""
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    first, cost, copies = problem.ptr.tolist(), problem.cost.tolist(), problem.count.tolist()

    def assigned(groups: list[int]) -> list[Any]:
        inside = [k for g in groups for k in range(first[g], first[g + 1]) if cost[k]]
        return [*(cost[k] * n[k] for k in inside), *(w[g] for g in groups if w)]

    for t, members in enumerate(totals.members):
        terms, low, high = assigned(members.tolist()), float(totals.least[t]), float(totals.most[t])
        if terms or low:
            together = mo.BoundedLinearExpression(low, mo.LinearSum(terms), high)
            m.add_linear_constraint(together, name=f"together[{t}]")
    for g, most in enumerate([] if totals.each is None else totals.each.tolist()):
        if most < float("inf"):
            m.add_linear_constraint(mo.LinearSum(assigned([g])) <= copies[g] * most, name=f"each[{g}]")
