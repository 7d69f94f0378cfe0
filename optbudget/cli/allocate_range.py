"""`optbudget allocate --budget LO:HI:N`: the best split at each of many budgets, shown and not written."""

import math
from typing import TYPE_CHECKING

from optbudget.cli.run import Run, finish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optbudget.allocation import SweetSpot
    from optbudget.problems import CurveSet, Limits, Population
    from optbudget.status import Outcome


def show_range(
    run: Run,
    curves: "CurveSet",
    population: "Population",
    budgets: "NDArray[np.float64]",
    limits: "Limits | None",
) -> None:
    """The table of a range; what no budget of it covers is said once, and is the exit code if none does."""
    from optbudget.report.tables import Grid
    from optbudget.report.words import number

    points = _points(curves, population, budgets, limits)
    missed = points.budget[points.value != points.value]
    why = ""
    if missed.size:
        outcome = _outcome(curves, population, float(missed.max()), limits)
        least = f"the least feasible budget is {number(points.least_budget, 10)}"
        why = least if missed.max() < points.least_budget else outcome.message
    rows = points.to_arrow().to_pylist()
    run.answer({"points": rows, "least_budget": points.least_budget, "message": why})
    columns = ("budget", "value", "price", "bound", "spent")
    cells = tuple(tuple(number(row[name]) for name in columns) for row in rows)
    run.grids(Grid("Value by budget", tuple(f">{name}" for name in columns), cells, why))
    if missed.size == points.budget.size:
        finish(outcome)


def _points(
    curves: "CurveSet", population: "Population", budgets: "NDArray[np.float64]", limits: "Limits | None"
) -> "SweetSpot":
    """The best split at each budget; where limits of groups overlap, by a linear program each."""
    from optbudget import allocation

    if limits is not None and _overlap(curves, population, float(budgets[0]), limits):
        from optbudget.planning import allocate_overlapping

        answers = [allocate_overlapping(curves, population, float(b), limits) for b in budgets]
        return allocation.points_of(answers, math.nan)
    return allocation.sweet_spot(curves, population, budgets, limits=limits)


def _outcome(
    curves: "CurveSet", population: "Population", budget: float, limits: "Limits | None"
) -> "Outcome":
    """How the split at one budget ends."""
    from optbudget import allocation

    if limits is not None and _overlap(curves, population, budget, limits):
        from optbudget.planning import allocate_overlapping

        return allocate_overlapping(curves, population, budget, limits).outcome
    return allocation.allocate(curves, population, budget, limits=limits).outcome


def _overlap(curves: "CurveSet", population: "Population", budget: float, limits: "Limits") -> bool:
    from optbudget.planning import overlap

    return overlap(curves, population, budget, limits) is not None
