"""The linear relaxation of the budget split: what greedy solves, in Pyomo.

With :math:`n_{gk}` the number of units of group g that take option k, which need not be whole
(Boutilier & Lu 2016, section 5.2; Sinha & Zoltners 1979),

.. math::

    \\max_n\\quad & \\sum_{g,k} v_{gk} n_{gk} \\\\
    \\text{s.t.}\\quad & \\sum_{k} n_{gk} = N_g && g \\\\
    & \\sum_{g,k} c_{gk} n_{gk} + \\sum_g w_g \\le B \\\\
    & L_t \\le \\sum_{g \\in G_t} \\Bigl( \\sum_k c_{gk} n_{gk} + w_g \\Bigr) \\le U_t && t \\\\
    & \\sum_k c_{gk} n_{gk} + w_g \\le N_g u_g, \\quad w_g \\ge 0 && g \\\\
    & 0 \\le n_{gk} \\le N_g && g, k

Totals t, and the money w that is set aside for units beyond what their options cost, are there where they are
given (`Totals`). Without them a basic solution has at most one group that is not whole, between two options
(their proposition 10).
"""

from typing import TYPE_CHECKING

from optbudget.formulations.totals_pyomo import add_totals, set_aside
from optbudget.problems import Knapsack, Totals

if TYPE_CHECKING:
    import pyomo.environ as pyo


def mckp_lp(problem: Knapsack, budget: float, totals: Totals | None = None) -> "pyo.ConcreteModel":
    """The linear relaxation of a knapsack; `m.n[k]` counts the units that take option k, in parts.

    Raises
    ------
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> knapsack = Knapsack.from_arrays([0, 2, 4], cost=[0, 3, 0, 4], value=[0, 5, 0, 6], count=[2, 1])
    >>> m = mckp_lp(knapsack, 7.0)
    >>> len(m.n), len(m.one_option)
    (4, 2)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    m = pyo.ConcreteModel("mckp_lp")

    # Sets: groups g, options k of each.
    first, group = problem.ptr.tolist(), problem.group_of.tolist()
    m.G = pyo.RangeSet(0, len(problem.groups) - 1)
    m.K = pyo.RangeSet(0, len(problem.options) - 1)

    # Parameters: cost and value of each option, units of each group.
    cost, value, copies = problem.cost.tolist(), problem.value.tolist(), problem.count.tolist()

    # Variables: 0 <= n[k] <= units of its group.
    m.n = pyo.Var(m.K, bounds=lambda m, k: (0.0, copies[group[k]]))

    # Variables: 0 <= w[g] <= B, money that is set aside.
    aside = set_aside(m, totals, budget)

    # Objective: max sum value n.
    m.total = pyo.Objective(sense=pyo.maximize, expr=pyo.quicksum(value[k] * m.n[k] for k in m.K))

    # Constraints: every unit takes one option; the budget.
    def one(m, g):  # type: ignore[no-untyped-def]
        return pyo.quicksum(m.n[k] for k in range(first[g], first[g + 1])) == copies[g]

    m.one_option = pyo.Constraint(m.G, rule=one)
    spend = pyo.quicksum(cost[k] * m.n[k] for k in m.K if cost[k]) + pyo.quicksum(m.w[g] for g in aside)
    if (any(cost) or aside) and budget < float("inf"):
        m.budget = pyo.Constraint(expr=(None, spend, budget))

    # Constraints: what some groups are assigned together, and each group.
    if totals is not None:
        add_totals(m, problem, totals, aside)
    return m
