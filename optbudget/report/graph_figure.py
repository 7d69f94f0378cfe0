"""A causal graph drawn by its tiers: context, decisions, outcomes from left to right.

The wider an edge, the larger the share of resamples in which it was there; a dashed line is an edge whose
direction is open. An edge within a tier is bent around it.
"""

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from optbudget.problems import CausalGraph, CausalQuestion
from optbudget.problems.causal_question import TIERS
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE

WIDEST = 1.8
"""Points of an edge that was there in every resample."""

Place = tuple[float, float]


def graph_figure(graph: CausalGraph, question: CausalQuestion) -> Figure:
    """The graph, each tier a column; nodes that the question does not name are hidden causes, below."""
    tiers = [[name for name in getattr(question, tier) if name in graph.names] for tier in TIERS]
    hidden = [name for name in graph.names if name not in question.columns]
    tallest = max(len(names) for names in tiers)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.3 + 0.34 * (tallest + bool(hidden))), layout="constrained")
        axis = figure.subplots()
        places = _places(tiers, hidden, tallest)
        _edges(axis, graph, places)
        for name, (x, y) in places.items():
            colour = FAINT if name in hidden else COLOURS[question.tier(name)]
            axis.text(x, y, name, ha="center", va="center", fontsize=7.5, color=INK, zorder=3,
                      bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": colour, "lw": 1.2})  # fmt: skip
        for k, tier in enumerate(TIERS):
            axis.text(k, -0.9, tier, ha="center", fontweight="bold", color=COLOURS[k])
        axis.set_xlim(-0.55, 2.55)
        axis.set_ylim(tallest - 0.3 + bool(hidden), -1.3)
        axis.set_axis_off()
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3)
    return figure


def _places(tiers: list[list[str]], hidden: list[str], tallest: int) -> dict[str, Place]:
    """Where each name is drawn: the columns' nodes spread over the height of the longest."""
    places: dict[str, Place] = {}
    for k, names in enumerate(tiers):
        for row, name in enumerate(names):
            places[name] = (float(k), (row + 0.5) * tallest / len(names) - 0.5)
    for k, name in enumerate(hidden):
        places[name] = ((k + 0.5) * 2 / len(hidden), float(tallest))
    return places


def _edges(axis: Axes, graph: CausalGraph, places: dict[str, Place]) -> None:
    for edges, style, line in ((graph.edges, "-|>", "-"), (graph.open_edges, "-", (0, (3, 2)))):
        for a, b in edges:
            share = float(graph.frequency[graph.position(a), graph.position(b)])
            (x1, y1), (x2, y2) = places[a], places[b]
            within = x1 == x2
            axis.add_patch(
                FancyArrowPatch(
                    (x1, y1), (x2, y2), arrowstyle=style, linestyle=line, mutation_scale=8,
                    linewidth=max(0.3, WIDEST * share), color=FAINT, alpha=0.35 + 0.55 * share,
                    connectionstyle=f"arc3,rad={(0.45 if y2 > y1 else -0.45) if within else 0.0}",
                    shrinkA=19, shrinkB=19 if not within else 12, zorder=1,
                )
            )  # fmt: skip


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=FAINT, linewidth=WIDEST, label="in every resample"),
        Line2D([], [], color=FAINT, linewidth=0.3 * WIDEST, label="in three of ten"),
        Line2D([], [], color=FAINT, linewidth=1.0, linestyle=(0, (3, 2)), label="direction open"),
    ]
