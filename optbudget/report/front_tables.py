"""A front of departments in tables: its points, and one point's allocation."""

import numpy as np

from optbudget.problems import DepartmentFront, FrontPoint
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural


def front_grid(answer: DepartmentFront, *, limit: int = 30) -> Grid:
    """One row per point: its weights, what its plan yields in each objective, its spend, and its gap."""
    front = answer.front
    rows = tuple(
        (
            str(p), front.kind[p], ", ".join(number(w, 2) for w in front.weight[p]),
            *map(number, front.point[p]), number(front.spend[p]),
            f"{front.gap[p]:.1e}" if np.isfinite(front.gap[p]) else "none",
        )
        for p in range(min(limit, len(front)))
    )  # fmt: skip
    columns = ("point", "kind", "weights", *(f">{name}" for name in front.objectives), ">spend", ">gap")
    note = f"{plural(len(front) - len(rows), 'point')} more in front.parquet." if len(front) > limit else ""
    title = f"Points of the front at a budget of {number(front.budget, 10)}; more is better in each objective"
    return Grid(title, columns, rows, note)


def point_grid(point: FrontPoint, number_of_point: int) -> Grid:
    """One row per department: what it gets, what it yields in each objective, and what it does now."""
    plan = point.plan
    departments = plan.departments
    now = [
        "/".join(dict.fromkeys(plan.action(q, 0, departments.label(name, departments.initial_regime, state))
                               for q in range(plan.share.size)))
        for name, state in zip(departments.departments, departments.start, strict=True)
    ]  # fmt: skip
    rows = tuple(
        (name, number(spend), *map(number, reward), action)
        for name, spend, reward, action in zip(
            departments.departments, point.mean_spend, point.mean_reward, now, strict=True
        )
    )
    total = ("all", number(point.mean_spend.sum()), *map(number, point.mean_reward.sum(axis=0)), "")
    columns = ("department", ">budget", *(f">{name}" for name in departments.signed_objectives), "does now")
    shares = " or ".join(f"{share:.3g}" for share in plan.share)
    drawn = "" if plan.share.size == 1 else f"One of two policies is drawn for all, with chances {shares}."
    return Grid(f"Point {number_of_point}: the budget of each department", columns, (*rows, total), drawn)
