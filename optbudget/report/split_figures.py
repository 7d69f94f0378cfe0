"""What a budget buys a population when it is split best, and when every unit gets the same share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from optbudget.allocation import population_curve
from optbudget.problems import CurveSet, Population
from optbudget.report.figures import COLOURS, FAINT, STYLE
from optbudget.report.words import budget_label, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

BUDGETS = 60
"""Budgets between nothing and just above the largest useful one, closer together where they are small."""


def split_figure(
    models: Mapping[str, tuple[CurveSet, Population]], *, marked: Floats | None = None
) -> Figure:
    """A column for each model: value by total budget, and below it what the best split adds to equal shares.

    Source: Boutilier & Lu 2016, figures 7 (value of the best split) and 8 (beside it that of equal shares).

    Parameters
    ----------
    models : curves and the population by the title of their column
    marked : total budgets to be marked in the last column
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 5.4), layout="constrained")
        panels = figure.subplots(2, len(models), sharex="col", height_ratios=(3, 2), squeeze=False)
        for k, (title, (curves, people)) in enumerate(models.items()):
            _draw_column(panels[0, k], panels[1, k], curves, people)
            panels[0, k].set_title(title)
        for budget in () if marked is None else marked:
            for axes in panels[:, -1]:
                axes.axvline(budget, color=FAINT, linewidth=0.8, linestyle=":")
        panels[0, 0].set_ylabel("value of all customers")
        panels[1, 0].set_ylabel("best split over\nequal shares")
        for axes in panels[:, 0]:
            axes.yaxis.set_label_coords(-0.17, 0.5)
    return figure


def _draw_column(above: "Axes", below: "Axes", curves: CurveSet, people: Population) -> None:
    whole = population_curve(curves, people)
    budgets = 1.1 * (whole.largest_useful_budget or 1.0) * np.linspace(0.0, 1.0, BUDGETS) ** 2
    best, equal = whole.value(budgets), equal_share_values(curves, people, budgets)
    above.plot(budgets, best, color=COLOURS[0], label="best split")
    above.plot(budgets, equal, "--", color=COLOURS[1], label="equal shares")
    above.legend(loc="lower right")
    below.plot(budgets, best / equal - 1, color=COLOURS[0])
    below.fill_between(budgets, 0, best / equal - 1, color=COLOURS[0], alpha=0.12, linewidth=0)
    below.set_xlabel(f"total {budget_label(curves.problem.money_unit)}, spent in expectation")
    below.set_xlim(0, budgets[-1])
    below.set_ylim(bottom=0)
    below.yaxis.set_major_formatter(lambda x, _: f"{100 * x:+.3g} %" if x else "0")
    above.yaxis.set_major_formatter(lambda x, _: number(x))
    below.xaxis.set_major_formatter(lambda x, _: number(x))


def equal_share_values(curves: CurveSet, people: Population, budgets: Floats) -> Floats:
    """Total value when every unit has the same share of each budget, (N,); -inf below what a unit needs."""
    there = np.flatnonzero(people.count)
    share = budgets / max(people.size, 1)
    total: Floats = np.sum([people.count[i] * curves.curves[i].value(share) for i in there.tolist()], axis=0)
    return total
