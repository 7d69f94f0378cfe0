"""The budget split over whole units, unit by unit: an integer program in choices, in Pyomo.

With :math:`x_{ik} \\in \\{0, 1\\}` saying that unit i of group g(i) takes option k (Boutilier & Lu 2016,
equations 4 to 7),

.. math::

    \\max_x\\quad & \\sum_{i,k} v_{g(i)k} x_{ik} \\\\
    \\text{s.t.}\\quad & \\sum_{k} x_{ik} = 1 && i \\\\
    & \\sum_{i,k} c_{g(i)k} x_{ik} \\le B \\\\
    & x_{ik} \\in \\{0, 1\\} && i, k

Equal units make it symmetric: the aggregated statement is the one to solve.
"""

from typing import TYPE_CHECKING

from optbudget.formulations.one_by_one import unit_groups
from optbudget.problems import Knapsack

if TYPE_CHECKING:
    import pyomo.environ as pyo


def mckp_unit(problem: Knapsack, budget: float) -> "pyo.ConcreteModel":
    """The integer program of a knapsack, unit by unit; `m.x[i, k]` says that unit i takes option k.

    Raises
    ------
    LimitError
        If there are more than 100,000 units: the aggregated statement serves them.
    MissingExtraError
        If Pyomo is not installed.

    Examples
    --------
    >>> knapsack = Knapsack.from_arrays([0, 2, 4], cost=[0, 3, 0, 4], value=[0, 5, 0, 6], count=[2, 1])
    >>> m = mckp_unit(knapsack, 7.0)
    >>> len(m.x), len(m.one_option)
    (6, 3)
    """
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    m = pyo.ConcreteModel("mckp_unit")

    # Sets: units i of groups g(i), options k of each.
    group, first = unit_groups(problem), problem.ptr.tolist()
    m.I = pyo.RangeSet(0, len(group) - 1)
    m.IK = pyo.Set(initialize=[(i, k) for i, g in enumerate(group) for k in range(first[g], first[g + 1])])

    # Parameters: cost and value of each option.
    cost, value = problem.cost.tolist(), problem.value.tolist()

    # Variables: x[i, k] in {0, 1}.
    m.x = pyo.Var(m.IK, domain=pyo.Binary)

    # Objective: max sum value x.
    m.total = pyo.Objective(sense=pyo.maximize, expr=pyo.quicksum(value[k] * m.x[i, k] for i, k in m.IK))

    # Constraints: one option per unit; the budget.
    def one(m, i):  # type: ignore[no-untyped-def]
        return pyo.quicksum(m.x[i, k] for k in range(first[group[i]], first[group[i] + 1])) == 1

    m.one_option = pyo.Constraint(m.I, rule=one)
    spend = pyo.quicksum(cost[k] * m.x[i, k] for i, k in m.IK if cost[k])
    if any(cost[k] for _, k in m.IK) and budget < float("inf"):
        m.budget = pyo.Constraint(expr=(None, spend, budget))
    return m
