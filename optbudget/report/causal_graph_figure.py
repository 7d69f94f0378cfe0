"""A causal graph, drawn: tiers from left to right, an edge as wide as it is frequent over resamples."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optbudget.problems import CausalGraph, CausalQuestion
from optbudget.problems.causal_question import TIERS
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Places = NDArray[np.float64]
    Tiers = NDArray[np.int64]

Edge = tuple[int, int]

WIDEST = 2.4
"""Points of an edge that every resample has."""
HALF, TALL = 0.23, 0.3
"""Half the width and the height of a node's box; tiers are 1 apart, and so are nodes at least."""
ROOM = 0.36
"""From the middle of a box to the nearest line that passes it by."""
SWEEPS = 12
"""Passes that put every node near its neighbours in the other tiers."""
LONGEST_LABEL = 22


def graph_figure(graph: CausalGraph, question: CausalQuestion) -> Figure:
    """Nodes in a column per tier; arrows for directed edges, dashed lines where the direction is open.

    Parameters
    ----------
    graph : its nodes are the question's columns
    """
    tier = np.array([question.tier(name) for name in graph.names])
    rows = max(int(np.bincount(tier).max()), 3)
    place = _places(graph.adjacent, tier, rows)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 1.3 + 0.34 * rows), layout="constrained")
        axes = figure.subplots()
        edges: list[Edge] = [
            (i, j) for i, j in np.argwhere(graph.directed | np.triu(graph.undirected)).tolist()
        ]
        lanes = _lanes(edges, tier, place)
        for edge in edges:
            way = _past(edge, lanes[edge], place) if edge in lanes else _straight(edge, tier, place)
            _draw_edge(axes, graph, edge, way)
        for k, name in enumerate(graph.names):
            _draw_node(axes, name, place[k], COLOURS[tier[k]])
        for number, name in enumerate(TIERS):
            if (tier == number).any():
                axes.text(number, rows + 0.3, name, ha="center", color=COLOURS[number], weight="bold")
        axes.set_xlim(-0.75, 2.75)
        axes.set_ylim(-0.3, rows + 0.8)
        axes.set_axis_off()
        figure.legend(handles=_legend(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _places(adjacent: "NDArray[np.bool_]", tier: "Tiers", rows: int) -> "Places":
    """(p, 2) of every node: its tier, and a height near the mean of its neighbours in other tiers."""
    height = np.zeros(len(tier))
    columns = [np.flatnonzero(tier == number) for number in range(len(TIERS))]
    for column in columns:
        height[column] = _spread(column.size, rows)
    for _ in range(SWEEPS):
        for number, column in enumerate(columns):
            beside = adjacent[column] & (tier != number)
            count = beside.sum(axis=1)
            wanted = np.where(count > 0, beside @ height / np.maximum(count, 1), height[column])
            height[column[np.argsort(-wanted, kind="stable")]] = _spread(column.size, rows)
    return np.column_stack([tier, height])


def _spread(n: int, rows: int) -> "NDArray[np.float64]":
    """Heights of n nodes, from the top, evenly over the tallest column."""
    return np.asarray(rows - (np.arange(n) + 0.5) * rows / max(n, 1), dtype=np.float64)


def _draw_node(axes: "Axes", name: str, at: "NDArray[np.float64]", colour: str) -> None:
    label = name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1] + "…"
    x, y = at.tolist()
    box = FancyBboxPatch(
        (x - HALF, y - TALL), 2 * HALF, 2 * TALL, boxstyle="round,pad=0,rounding_size=0.02",
        facecolor="white", edgecolor=colour, zorder=2,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(x, y, label, ha="center", va="center", fontsize=7.5, color=INK, zorder=3)


def _lanes(edges: Sequence[Edge], tier: "Tiers", place: "Places") -> dict[Edge, float]:
    """The height at which an edge passes the decisions, where one of their boxes would hide it."""
    boxes = np.sort(place[tier == 1, 1])
    barred = [edge for edge in edges if tier[edge[1]] - tier[edge[0]] == 2 and _is_barred(edge, place, boxes)]
    if not barred:
        return {}
    gaps = np.concatenate(([boxes[0] - 0.5], (boxes[1:] + boxes[:-1]) / 2, [boxes[-1] + 0.5]))
    through: dict[int, list[Edge]] = {}
    for edge in sorted(barred, key=lambda edge: (place[edge[0], 1] + place[edge[1], 1], edge)):
        middle = place[list(edge), 1].mean()
        through.setdefault(int(np.abs(gaps - middle).argmin()), []).append(edge)
    wide = 2 * (0.5 - ROOM)
    return {
        edge: float(gaps[gap] + wide * ((k + 0.5) / len(alike) - 0.5))
        for gap, alike in through.items() for k, edge in enumerate(alike)
    }  # fmt: skip


def _is_barred(edge: Edge, place: "Places", boxes: "Places") -> bool:
    """Whether the straight line from a context to an outcome goes behind the box of a decision."""
    start, end = place[list(edge), 1].tolist()
    share = (1 - 2 * HALF) / (2 - 2 * HALF)
    low, high = sorted((start + share * (end - start), end + share * (start - end)))
    return bool((np.abs(boxes - np.clip(boxes, low, high)) < ROOM).any())


def _past(edge: Edge, height: float, place: "Places") -> dict[str, Any]:
    """From a context to an outcome, level where it passes the decisions."""
    (x, y), (to_x, to_y) = place[list(edge)].tolist()
    stops = [(x + HALF, y), (1 - HALF, height), (1 + HALF, height), (to_x - HALF, to_y)]
    first, last = ((stops[k][0] + stops[k + 1][0]) / 2 for k in (0, 2))
    points = [stops[0], (first, y), (first, height), *stops[1:3], (last, height), (last, to_y), stops[3]]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    return {"path": Path(points, codes)}


def _straight(edge: Edge, tier: "Tiers", place: "Places") -> dict[str, Any]:
    """From side to side of two boxes; within a tier an arc beside the column, context's on the left."""
    i, j = edge
    (x, y), (to_x, to_y) = place[[i, j]].tolist()
    outward = -1 if tier[i] == 0 else 1
    if tier[i] == tier[j]:
        start, end, bend = outward * HALF, outward * HALF, 0.4 * outward * (1 if to_y > y else -1)
    else:
        start, end, bend = (HALF, -HALF, 0.0) if tier[i] < tier[j] else (-HALF, HALF, 0.0)
    return {
        "posA": (x + start, y), "posB": (to_x + end, to_y), "connectionstyle": f"arc3,rad={bend}",
        "shrinkA": 0, "shrinkB": 0,
    }  # fmt: skip


def _draw_edge(axes: "Axes", graph: CausalGraph, edge: Edge, way: dict[str, Any]) -> None:
    """An arrow along a way, dashed and without a head where the direction is open."""
    share, open_ = float(graph.frequency[edge]), bool(graph.undirected[edge])
    arrow = FancyArrowPatch(
        **way, arrowstyle="-" if open_ else "-|>", mutation_scale=7, linestyle="--" if open_ else "-",
        linewidth=_width(share), color=INK if share >= 0.5 else FAINT, alpha=0.35 + 0.45 * share,
        zorder=1,
    )  # fmt: skip
    axes.add_patch(arrow)


def _width(share: float) -> float:
    return 0.3 + (WIDEST - 0.3) * share


def _legend() -> list[Line2D]:
    shown = [
        Line2D(
            [],
            [],
            color=INK if share >= 0.5 else FAINT,
            linewidth=_width(share),
            label=f"in {share:.0%} of resamples",
        )
        for share in (0.25, 0.5, 1.0)
    ]
    return [*shown, Line2D([], [], color=INK, linestyle="--", label="direction open")]
