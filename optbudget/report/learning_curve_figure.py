"""What a learner reaches of a certified front, by the runs that it learned from."""

from typing import TYPE_CHECKING

from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, STYLE
from optbudget.report.words import number

if TYPE_CHECKING:
    from optbudget.pareto.learning_curve import LearningCurve

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure


def learning_curve_figure(curve: "LearningCurve") -> Figure:
    """Support ratio and hypervolume over episodes, with the exact front and what is proved of it drawn in."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.axhline(1.0, color="black", linewidth=1.0, label="exact front")
        axes.axhline(
            curve.certified, color="black", linewidth=1.0, linestyle=":",
            label=f"no plan is above: {number(curve.certified, 5)}",
        )  # fmt: skip
        axes.plot(curve.episodes, curve.ratio, color=COLOURS[0], marker="o", label="support ratio, mean")
        axes.plot(curve.episodes, curve.least, color=COLOURS[0], linestyle="--", label="support ratio, least")
        axes.plot(curve.episodes, curve.volume, color=COLOURS[1], marker="s", label="hypervolume, share")
        axes.set_xscale("log")
        axes.set_xticks(curve.episodes, [f"{n:,}" for n in curve.episodes.tolist()])
        axes.minorticks_off()
        axes.set_xlabel("episodes learned from")
        axes.set_ylabel("of the exact front")
        axes.legend(loc="lower right")
    return figure
