"""The budget split over whole units, unit by unit: an integer program in choices, in OR-Tools MathOpt.

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
    from ortools.math_opt.python import mathopt


def mckp_unit(problem: Knapsack, budget: float) -> "mathopt.Model":
    """The integer program, unit by unit, of a knapsack at a budget; its variables are x[i, k], unit by unit.

    Raises
    ------
    LimitError
        If there are more than 100,000 units: the aggregated statement serves them.
    MissingExtraError
        If OR-Tools is not installed or cannot be loaded beside highspy.
    """
    from optbudget.formulations._extra import mathopt

    mo = mathopt()
    m = mo.Model(name="mckp_unit")

    # Sets: units i of groups g(i), options k of each.
    group, first = unit_groups(problem), problem.ptr.tolist()

    # Parameters: cost and value of each option.
    cost, value = problem.cost.tolist(), problem.value.tolist()

    # Variables: x[i, k] in {0, 1}.
    x = [
        {k: m.add_binary_variable(name=f"x[{i},{k}]") for k in range(first[g], first[g + 1])}
        for i, g in enumerate(group)
    ]

    # Objective: max sum value x.
    m.maximize_linear_objective(mo.LinearSum(value[k] * z for unit in x for k, z in unit.items()))

    # Constraints: one option per unit; the budget.
    for i, unit in enumerate(x):
        m.add_linear_constraint(mo.LinearSum(unit.values()) == 1.0, name=f"one_option[{i}]")
    spend = mo.LinearSum(cost[k] * z for unit in x for k, z in unit.items() if cost[k])
    if any(cost) and budget < float("inf"):
        m.add_linear_constraint(spend <= budget, name="budget")
    return m
