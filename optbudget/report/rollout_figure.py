"""Roll-outs drawn: what is spent stage by stage, and how value and spend scatter, with the budget's line."""

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from optbudget.problems import Rollouts
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE
from optbudget.report.words import budget_label, number

BAND = (5.0, 95.0)
"""Percentiles of the trials between which a band is drawn."""

MOST_DOTS = 400
"""Trials of each policy that are drawn as dots."""


def rollout_figure(found: Rollouts) -> Figure:
    """Cumulative spend by stage with a band of the trials, and every trial's spend against its value.

    Spend is discounted, as the budget is. The bound is the level line of the right panel: within the budget
    no mean can be above it in the long run, single trials can.
    """
    money = budget_label(found.allocation.curves.problem.money_unit).replace("budget", "spend")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for k, name in enumerate(found.policies):
            colour = COLOURS[k % len(COLOURS)]
            path = np.hstack((np.zeros((found.trials, 1)), found.cumulative_spend(name)))
            stages = np.arange(path.shape[1])
            low, high = np.percentile(path, BAND, axis=0)
            left.fill_between(stages, low, high, color=colour, alpha=0.15, linewidth=0)
            left.plot(stages, path.mean(axis=0), color=colour, label=name)
            value, spend = found.value[k], found.spend[k]
            right.plot(spend[:MOST_DOTS], value[:MOST_DOTS], ".", color=colour, alpha=0.35, markersize=3)
            right.plot(spend.mean(), value.mean(), "o", color=colour, markersize=8, mec="white", zorder=5)
        if np.isfinite(found.budget):
            left.axhline(found.budget, color=INK, linewidth=1.0, linestyle="--")
            right.axvline(found.budget, color=INK, linewidth=1.0, linestyle="--")
            left.annotate(
                f"budget {number(found.budget)}", (0, found.budget), xytext=(3, 4),
                textcoords="offset points", fontsize=8, color=INK,
            )  # fmt: skip
        if np.isfinite(found.bound):
            right.axhline(found.bound, color=FAINT, linewidth=1.0, linestyle=":")
            right.annotate(
                f"proved bound {number(found.bound)}", (0.01, found.bound), xytext=(0, 4),
                xycoords=right.get_yaxis_transform(), textcoords="offset points", fontsize=8, color=FAINT,
            )  # fmt: skip
        left.set_title("What is spent, stage by stage")
        left.set_xlabel(
            f"decisions made; band: {BAND[0]:.0f} % to {BAND[1]:.0f} % of {found.trials:,} trials"
        )
        left.set_ylabel(f"cumulative {money}")
        left.set_ylim(bottom=0)
        right.set_title("Every trial; large dots: means")
        right.set_xlabel(money)
        right.set_ylabel("value of all units")
        figure.legend(
            *left.get_legend_handles_labels(), loc="outside lower center", ncols=len(found.policies)
        )
    return figure
