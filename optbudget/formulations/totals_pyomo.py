"""Totals of groups as rows of a knapsack program, whole or relaxed, in Pyomo.

.. math::

    L_t \\le \\sum_{g \\in G_t} \\Bigl( \\sum_k c_{gk} n_{gk} + w_g \\Bigr) \\le U_t \\quad t, \\qquad
    \\sum_k c_{gk} n_{gk} + w_g \\le N_g u_g \\quad g,

with the money :math:`w_g \\ge 0` that is set aside for units beyond what their options cost (`Totals`).
"""

from typing import TYPE_CHECKING, Any

from optbudget.problems import Knapsack, Totals

if TYPE_CHECKING:
    import pyomo.environ as pyo


def set_aside(m: "pyo.ConcreteModel", totals: Totals | None, budget: float) -> list[int]:
    """Declare `m.w` for the groups that money is set aside for, and return these."""
    from optbudget.formulations._extra import pyomo_environ

    groups = list(m.G) if totals is not None and totals.each is not None else []
    m.w = pyomo_environ().Var(groups, bounds=(0.0, budget if budget < float("inf") else None))
    return groups


def add_totals(m: "pyo.ConcreteModel", problem: Knapsack, totals: Totals, aside: list[int]) -> None:
    """Constraints `m.together`, one per total, and `m.each`, one per group with a most."""
    from optbudget.formulations._extra import pyomo_environ

    pyo = pyomo_environ()
    first, cost, copies = problem.ptr.tolist(), problem.cost.tolist(), problem.count.tolist()
    limits = list(zip(totals.members, totals.least.tolist(), totals.most.tolist(), strict=True))
    most = [] if totals.each is None else totals.each.tolist()

    def assigned(groups: list[int]) -> list[Any]:
        inside = [k for g in groups for k in range(first[g], first[g + 1]) if cost[k]]
        return [cost[k] * m.n[k] for k in inside] + [m.w[g] for g in groups if aside]

    def spent(m, t):  # type: ignore[no-untyped-def]
        members, low, high = limits[t]
        terms = assigned(members.tolist())
        if not terms:
            return pyo.Constraint.Feasible if low == 0 else pyo.Constraint.Infeasible
        return low, pyo.quicksum(terms), high if high < float("inf") else None

    def at_most(m, g):  # type: ignore[no-untyped-def]
        return None, pyo.quicksum(assigned([g])), copies[g] * most[g]

    m.together = pyo.Constraint(pyo.RangeSet(0, len(limits) - 1), rule=spent)
    m.each = pyo.Constraint([g for g in aside if most[g] < float("inf")], rule=at_most)
