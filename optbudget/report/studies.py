"""Figures of a study: the time of every route to one instance, and performance profiles over many."""

from collections.abc import Sequence

import numpy as np

from optbudget.problems.comparison import Comparison
from optbudget.problems.profile import performance_ratios
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, INK, STYLE
from optbudget.report.words import number, plural

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

LEAST_SECONDS = 1e-4
DASHES = ("-", "--", "-.", ":")
MARGIN = 0.04
"""Share of a profile's axis left of the factor 1, where the lines of the fastest routes rise."""


def route_figure(comparison: Comparison) -> Figure:
    """Seconds of every route that answered, stating and solving, on a logarithmic axis."""
    shown = [r for r in comparison.routes if r.answered and np.isfinite(r.seconds)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1.3 + 0.24 * max(3, len(shown))), layout="constrained")
        axes = figure.subplots()
        place = np.arange(len(shown))
        seconds = np.array([max(r.seconds, LEAST_SECONDS) for r in shown])
        colour = [COLOURS[0] if comparison.same_value(r) else COLOURS[1] for r in shown]
        axes.set_xscale("log")
        axes.barh(place, seconds, left=0, color=colour, height=0.6)
        axes.set_yticks(place, [r.route for r in shown], fontsize=8)
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        axes.set_xlabel("seconds, stating and solving")
        best = sum(map(comparison.same_value, shown))
        name = comparison.name.replace("$", r"\$")
        axes.set_title(
            f"{name}, budget {number(comparison.budget)}: routes {comparison.summary}\n"
            f"{best} of {len(shown)} answers have the best value of their question"
        )
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        for k, route in enumerate(shown):
            if not comparison.same_value(route):
                text = f"  value {number(route.value, 10)}"
                axes.annotate(text, (seconds[k], k), va="center", fontsize=7, color=INK)
        if len(shown):
            axes.set_xlim(seconds.min() / 2, seconds.max() * 3)
    return figure


def profile_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Performance profiles of the routes, a panel per question (Dolan & Moré 2002).

    The height of a line at a factor is the share of instances on which the route found the best value
    within that factor of the fastest route's time.
    """
    questions = list(dict.fromkeys(r.question for c in comparisons for r in c.routes))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.6, 3.4 * max(1, len(questions))), layout="constrained")
        panels = figure.subplots(max(1, len(questions)), 1, squeeze=False)[:, 0]
        for axes, question in zip(panels, questions, strict=False):
            ratios = performance_ratios(comparisons, question)
            known = np.concatenate([r[np.isfinite(r)] for r in ratios.values()])
            reach = 2.0 * float(known.max(initial=2.0))
            begin = reach**-MARGIN
            for k, (name, ratio) in enumerate(ratios.items()):
                at = np.sort(ratio[np.isfinite(ratio)])
                share = np.arange(1, at.size + 1) / ratio.size
                axes.step(
                    np.concatenate([[begin], at, [reach]]),
                    np.concatenate([[0.0], share, [share[-1] if at.size else 0.0]]),
                    where="post", label=name, color=COLOURS[k % len(COLOURS)], linewidth=1.3,
                    linestyle=DASHES[k // len(COLOURS) % len(DASHES)],
                )  # fmt: skip
            axes.set_xscale("log", base=2)
            axes.set_xlim(begin, reach)
            axes.xaxis.set_major_locator(LogLocator(base=2))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x >= 1 else ""))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_ylim(0, 1.03)
            count = next(iter(ratios.values())).size
            axes.set_title(f"{question}, {plural(count, 'instance')}")
            axes.set_xlabel("time within this factor of the fastest route")
            axes.set_ylabel("share of instances")
            axes.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
