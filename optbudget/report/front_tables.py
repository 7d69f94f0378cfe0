"""A front of departments in tables: its points, and one point's allocation."""

import numpy as np

from optbudget.problems import DepartmentFront, FrontPoint
from optbudget.report.tables import Grid
from optbudget.report.words import number, plural

NAMED = 6
"""Points of one row that are named, at most."""


def front_grid(answer: DepartmentFront, *, limit: int = 30) -> Grid:
    """What the plans yield in each objective, from most to least of the first; equal points are one row.

    Weights are spread in the order of the points' numbers, so the rows of the first are all over the front.
    """
    front = answer.front
    alike: dict[tuple[str, ...], list[int]] = {}
    for p, kind in enumerate(front.kind):
        alike.setdefault((kind, *map(number, front.point[p]), number(front.spend[p])), []).append(p)
    shown = [(cells, points) for cells, points in list(alike.items())[:limit]]
    shown.sort(key=lambda row: (row[0][0], *(-front.point[row[1][0]])))
    rows = tuple(
        (
            _named(points), kind, ", ".join(number(w, 2) for w in front.weight[points[0]]), *yields,
            f"{front.gap[points].max():.1e}" if np.isfinite(front.gap[points]).all() else "none",
        )
        for (kind, *yields), points in shown
    )  # fmt: skip
    columns = ("point", "kind", "weights", *(f">{name}" for name in front.objectives), ">spend", ">gap")
    notes = []
    if len(alike) < len(front):
        notes.append("Equal points are one row, with the weights of the first and the largest gap.")
    if len(alike) > limit:
        notes.append(f"{plural(len(alike) - limit, 'other point')} in front.parquet.")
    title = f"Points of the front at a budget of {number(front.budget, 10)}; more is better in each objective"
    return Grid(title, columns, rows, " ".join(notes))


def _named(points: list[int]) -> str:
    """The numbers of equal points.

    Examples
    --------
    >>> _named([3, 7, 9]), _named(list(range(8)))
    ('3, 7, 9', '0, 1, 2, 3, 4, 5 and 2 more')
    """
    more = f" and {len(points) - NAMED} more" if len(points) > NAMED else ""
    return ", ".join(map(str, points[:NAMED])) + more


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
