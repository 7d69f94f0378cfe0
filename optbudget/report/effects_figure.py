"""Effects drawn: every decision's interval on every outcome, by both adjustments side by side."""

import math

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from optbudget.problems import CausalAnswer, Effect
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE
from optbudget.report.words import percent

ACROSS = 3
"""Panels beside one another."""

APART = {"tiers": -0.17, "graph": 0.17}
"""How far the two adjustments of a pair are drawn from its line."""

NAMES = {"tiers": "by the tiers", "graph": "by the graph"}


def effects_figure(answer: CausalAnswer) -> Figure:
    """A panel per outcome, a line per decision: both intervals, ringed where the two disagree.

    A cross is a zero for which only the graph vouches; a dashed bar is the range over a graph's open edges;
    what is not known is said so.
    """
    effects = answer.effects
    columns = min(ACROSS, len(effects.outcomes))
    panels = math.ceil(len(effects.outcomes) / columns)
    height = panels * (0.9 + 0.26 * len(effects.decisions)) + 0.8
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(4.6, 3.2 * columns), height), layout="constrained")
        axes = figure.subplots(panels, columns, sharey=True, squeeze=False).ravel().tolist()
        for axis, outcome in zip(axes, effects.outcomes, strict=False):
            _panel(axis, answer, outcome)
        for axis in axes[len(effects.outcomes) :]:
            axis.set_visible(False)
        figure.legend(
            handles=_legend(), loc="outside lower center", ncols=4, title_fontsize=9,
            title=f"change of the outcome per unit of the decision, intervals of {percent(effects.level)}",
        )  # fmt: skip
    return figure


def _panel(axis: Axes, answer: CausalAnswer, outcome: str) -> None:
    decisions = answer.effects.decisions
    for k, decision in enumerate(decisions):
        both = answer.effects[decision, outcome]
        for row in both:
            _draw(axis, row, k + APART[row.adjustment])
        if both.disagree and both.graph.estimate is not None:
            axis.plot(
                both.graph.estimate.effect, k + APART["graph"], "o", ms=11, mfc="none", mec=INK, mew=0.9
            )
    axis.axvline(0.0, color=FAINT, linewidth=0.9)
    axis.set_yticks(range(len(decisions)), decisions)
    axis.set_ylim(len(decisions) - 0.4, -0.6)
    axis.set_title(outcome)


def _draw(axis: Axes, row: Effect, at: float) -> None:
    colour = COLOURS[0] if row.adjustment == "tiers" else COLOURS[1]
    if row.estimate is not None and row.method == "no path":
        axis.plot(0.0, at, "x", color=colour, ms=4)
    elif row.estimate is not None:
        axis.plot([row.estimate.lower, row.estimate.upper], [at, at], color=colour, linewidth=1.5)
        axis.plot(row.estimate.effect, at, "o", color=colour, ms=3.5)
    elif row.members:
        ends = [end for one in row.members for end in (one.lower, one.upper)]
        axis.plot([min(ends), max(ends)], [at, at], color=colour, linewidth=1.2, linestyle=(0, (2, 1.5)))
    else:
        axis.text(0.0, at, "not known", color=colour, fontsize=6.5, va="center", ha="center")


def _legend() -> list[mpl.lines.Line2D]:
    line = mpl.lines.Line2D
    return [
        line([], [], color=COLOURS[0], marker="o", ms=3.5, label=NAMES["tiers"]),
        line([], [], color=COLOURS[1], marker="o", ms=3.5, label=NAMES["graph"]),
        line([], [], color=COLOURS[1], marker="x", ms=4, linestyle="", label="no path in the graph"),
        line([], [], color=INK, marker="o", ms=9, mfc="none", linestyle="", label="the two disagree"),
    ]
