"""Figures of a front of departments: its objectives two by two, all at once, and one point's budgets."""

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import DepartmentFront, Front, FrontPoint
from optbudget.problems.front import KINDS
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, FAINT, STYLE
from optbudget.report.words import budget_label, number

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RING = "#202020"
"""Colour of the ring of a chosen point."""
SAME = 1e-9
"""Share of their size by which coordinates that are the same may differ."""


def front_figure(answer: DepartmentFront, *, chosen: int | None = None) -> Figure:
    """The points in each pair of objectives; `chosen` is ringed.

    With two objectives the inner front (a line through the points) and the planes above it are drawn; with
    more, each panel is a shadow of the front, and colour is the third objective.
    """
    front = answer.front
    pairs = list(combinations(range(max(2, len(front.objectives))), 2))
    with mpl.rc_context(STYLE):
        across = min(3, len(pairs))
        down = -(-len(pairs) // across)
        figure = Figure(figsize=(max(3.4 * across, 5.2), 3.2 * down), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False).reshape(-1)
        for panel, (x, y) in zip(panels, pairs, strict=False):
            _shadow(panel, front, x, y, chosen)
        for panel in panels[len(pairs) :]:
            panel.set_axis_off()
        figure.suptitle(
            f"What {number(front.budget, 10)} {answer.departments.held.money_unit} achieves; more is better"
            + ("" if chosen is None else f"; point {chosen} is circled"),
            fontsize=10, fontweight="bold", x=0.01, ha="left",
        )  # fmt: skip
        if "learned" in front.kind:
            figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _shadow(panel: Axes, front: Front, x: int, y: int, chosen: int | None) -> None:
    """The points seen along all objectives but two; one objective is seen beside the spend."""
    if len(front.objectives) == 2:
        _hull(panel, front)
    seen, names = np.column_stack([front.point, front.spend]), (*front.objectives, "spend")
    exact, learned = (seen[[word == kind for word in front.kind]] for kind in KINDS)
    third = [k for k in range(len(front.objectives)) if k not in (x, y)]
    if len(third) == 1 and len(exact):
        colour = exact[:, third[0]]
        dots = panel.scatter(exact[:, x], exact[:, y], 16, c=colour, cmap="viridis", label="exact", zorder=3)
        bar = panel.figure.colorbar(dots, ax=panel, location="top", aspect=30, shrink=0.9)
        bar.set_label(names[third[0]], fontsize=8)
    else:
        panel.scatter(exact[:, x], exact[:, y], 16, color=COLOURS[0], label="exact", zorder=3)
    if len(learned):
        where = learned[:, x], learned[:, y]
        panel.scatter(*where, 16, marker="x", color=COLOURS[1], label="learned", zorder=3)
    if chosen is not None:
        here = seen[chosen, x], seen[chosen, y]
        panel.scatter(*here, 110, facecolor="none", edgecolor=RING, linewidth=1.5, zorder=4)
    _widen(panel, seen[:, [x, y]])
    panel.set_xlabel(names[x])
    panel.set_ylabel(names[y])


def _widen(panel: Axes, points: NDArray[np.float64]) -> None:
    """Where all points have the same coordinate, an axis that does not magnify its rounding."""
    for values, axis in zip(points.T, "xy", strict=True):
        size = max(1.0, float(np.abs(values).max(initial=0.0)))
        if values.size and np.ptp(values) < SAME * size:
            panel.set(**{f"{axis}lim": (values[0] - 0.1 * size, values[0] + 0.1 * size)})


def _hull(panel: Axes, front: Front) -> None:
    """Of two objectives: the line through the exact points in order, and where neighbouring planes meet."""
    exact = front.of_kind("exact")
    order = np.argsort(exact.weight[:, 0])
    panel.plot(*exact.point[order].T, color=COLOURS[0], linewidth=1.0, label="inner")
    corners = [exact.point[order[0]]]
    for i, j in pairwise(order.tolist()):
        planes = exact.weight[[i, j]]
        if abs(np.linalg.det(planes)) > 1e-12:
            corners.append(np.linalg.solve(planes, exact.bound[[i, j]]))
    corners.append(exact.point[order[-1]])
    panel.plot(*np.array(corners).T, color=FAINT, linewidth=0.9, linestyle=":", label="outer")
    panel.legend(loc="lower left", fontsize=8)


def parallel_figure(answer: DepartmentFront, *, chosen: int | None = None) -> Figure:
    """Every point as a line through all objectives, each scaled from its least to its most on the front.

    Colour is the place on the first axis.
    """
    front = answer.front
    low, high = front.point.min(axis=0), front.point.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    scaled = (front.point - low) / size
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        panel = figure.subplots()
        places = np.arange(len(front.objectives))
        colours = mpl.colormaps["viridis"](scaled[:, 0])
        for p, line in enumerate(scaled):
            panel.plot(places, line, color=colours[p], linewidth=1.0, alpha=0.8, marker=".")
        if chosen is not None:
            panel.plot(places, scaled[chosen], color=COLOURS[1], linewidth=2.6, marker=".")
        panel.set_xticks(places, front.objectives)
        panel.set_yticks([])
        panel.set_xlim(-0.15, places[-1] + 0.15)
        panel.spines[["left", "bottom"]].set_visible(False)
        _ends(panel, low, high)
        ringed = "" if chosen is None else f"; point {chosen} is the thick line"
        panel.set_title(f"All objectives of every point, more is better{ringed}")
    return figure


def _ends(panel: Axes, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """The least and the most of each objective at the ends of its axis."""
    for place, (least, most) in enumerate(zip(low, high, strict=True)):
        panel.axvline(place, color=FAINT, linewidth=0.8)
        panel.annotate(number(most, 4), (place, 1.0), (0, 4), textcoords="offset points", ha="center")
        panel.annotate(number(least, 4), (place, 0.0), (0, -12), textcoords="offset points", ha="center")
    panel.set_ylim(-0.12, 1.12)


def point_figure(point: FrontPoint, number_of_point: int) -> Figure:
    """The budget of each department at one point, the largest first."""
    departments = point.plan.departments
    order = np.argsort(point.mean_spend, kind="stable")
    names = [departments.departments[d] for d in order]
    shown = order[-40:]
    names = names[-40:]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.2 + 0.2 * len(shown)), layout="constrained")
        panel = figure.subplots()
        panel.barh(names, point.mean_spend[shown], color=COLOURS[0])
        panel.set_xlabel(f"{budget_label(departments.held.money_unit)}, spent in expectation")
        panel.grid(axis="y", visible=False)
        panel.margins(y=0.01)
        left = f"; the largest {len(shown)} of {order.size}" if len(shown) < order.size else ""
        panel.set_title(f"Point {number_of_point}: the budget of each department{left}")
    return figure
