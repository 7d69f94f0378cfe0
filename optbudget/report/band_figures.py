"""Figures of uncertain models: what one policy is worth over draws, and curves that hold in every model."""

from collections.abc import Sequence

import numpy as np

from optbudget.problems import CurveBand, CurveBracket
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE
from optbudget.report.words import budget_label, number

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure


def band_figure(band: CurveBand, level: float = 0.9) -> Figure:
    """Value of the policy of every budget over the draws, and below it what it spends against the budget."""
    unit = band.model.money_unit
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.8), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        at = band.budget
        for axes, of in ((above, "value"), (below, "spend")):
            low, high = band.interval(of, level).T
            axes.fill_between(at, low, high, color=COLOURS[0], alpha=0.22, linewidth=0,
                              label=f"the policy: {level:.0%} of {band.draws} draws")  # fmt: skip
            mean = getattr(band, of).mean(axis=0)
            axes.plot(at, mean, color=COLOURS[0], label="the policy: mean of the draws")
        above.plot(at, band.wait_and_see, "--", color=COLOURS[1], linewidth=1.4,
                   label="wait and see: the model is known first")  # fmt: skip
        above.plot(at, [worst.value for worst in band.worst], ":", color=INK, linewidth=1.4,
                   label="the policy in its worst draw")  # fmt: skip
        below.plot(at, at, "--", color=FAINT, linewidth=1.0, label="the budget")
        above.set_title("One policy, chosen before the model is known")
        above.set_ylabel("value")
        below.set_ylabel("expected spend")
        below.set_xlabel(f"{budget_label(unit)}, spent in expectation under the mean model")
        above.legend(loc="lower right", fontsize=8)
        below.legend(loc="upper left", fontsize=8)
        for axis in (above.yaxis, below.yaxis, below.xaxis):
            axis.set_major_formatter(lambda x, _: number(x))
    return figure


def bracket_figure(bracket: CurveBracket, states: Sequence[str] | None = None) -> Figure:
    """Of some states (four at most) the guaranteed curve and the one that no model exceeds."""
    problem = bracket.intervals.problem
    acting = np.flatnonzero(~problem.is_terminal)
    chosen = states or [problem.labels[i] for i in acting[:4].tolist()]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        axes = figure.subplots()
        ends = [bracket.upper[problem.index(label)].largest_useful_budget for label in chosen]
        reach = 1.05 * max(ends) or 1.0
        for k, label in enumerate(chosen):
            low, high = (curves[problem.index(label)] for curves in (bracket.lower, bracket.upper))
            at = np.unique(np.concatenate((np.linspace(low.least_budget, reach, 200), low.budgets)))
            colour = COLOURS[k % len(COLOURS)]
            axes.fill_between(at, low.value(at), high.value(at), color=colour, alpha=0.18, linewidth=0)
            axes.plot(at, low.value(at), color=colour, label=label.replace("$", r"\$"))
            axes.plot(at, high.value(at), "--", color=colour, linewidth=1.0)
        axes.set_xlim(0, reach)
        axes.set_title("In every model: guaranteed (solid), and not exceeded (dashed)")
        axes.set_xlabel(f"{budget_label(problem.money_unit)} per unit")
        axes.set_ylabel("value per unit")
        figure.legend(loc="outside right upper", title="state", alignment="left")
    return figure
