"""The budget split over whole units, aggregated: an integer program in counts, in OR-Tools MathOpt.

With :math:`n_{gk}` the number of units of group g that take option k (Boutilier & Lu 2016, equations 4 to 7,
with the equal units of a state counted together),

.. math::

    \\max_n\\quad & \\sum_{g,k} v_{gk} n_{gk} \\\\
    \\text{s.t.}\\quad & \\sum_{k} n_{gk} = N_g && g \\\\
    & \\sum_{g,k} c_{gk} n_{gk} + \\sum_g w_g \\le B \\\\
    & L_t \\le \\sum_{g \\in G_t} \\Bigl( \\sum_k c_{gk} n_{gk} + w_g \\Bigr) \\le U_t && t \\\\
    & \\sum_k c_{gk} n_{gk} + w_g \\le N_g u_g, \\quad w_g \\ge 0 && g \\\\
    & n_{gk} \\in \\{0, 1, 2, \\dots\\} && g, k

Totals t, and the money w that is set aside for units beyond what their options cost, are there where they are
given (`Totals`).
"""

from typing import TYPE_CHECKING

from optbudget.formulations.totals_mathopt import add_totals, set_aside
from optbudget.problems import Knapsack, Totals

if TYPE_CHECKING:
    from ortools.math_opt.python import mathopt


def mckp_ip(problem: Knapsack, budget: float, totals: Totals | None = None) -> "mathopt.Model":
    """The integer program of a knapsack at a budget; its variables are n[k], how many units take option k.

    Raises
    ------
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    m = mo.Model(name="mckp_ip")

    # Sets: groups g, options k of each.
    first, group = problem.ptr.tolist(), problem.group_of.tolist()

    # Parameters: cost and value of each option, units of each group.
    cost, value, copies = problem.cost.tolist(), problem.value.tolist(), problem.count.tolist()

    # Variables: n[k] in {0, 1, 2, ...}.
    n = [m.add_integer_variable(lb=0.0, ub=copies[g], name=f"n[{k}]") for k, g in enumerate(group)]

    # Variables: 0 <= w[g] <= B, money that is set aside.
    w = set_aside(m, problem, totals, budget)

    # Objective: max sum value n.
    m.maximize_linear_objective(mo.LinearSum(v * n_k for v, n_k in zip(value, n, strict=True)))

    # Constraints: every unit takes one option; the budget.
    for g, units in enumerate(copies):
        taken = mo.LinearSum(n[k] for k in range(first[g], first[g + 1]))
        m.add_linear_constraint(taken == units, name=f"one_option[{g}]")
    spend = mo.LinearSum([*(c * n_k for c, n_k in zip(cost, n, strict=True) if c), *w])
    if (any(cost) or w) and budget < float("inf"):
        m.add_linear_constraint(spend <= budget, name="budget")

    # Constraints: what some groups are assigned together, and each group.
    if totals is not None:
        add_totals(m, problem, totals, n, w)
    return m
