"""The law of a population's spend beside its budget: exact, by the saddle-point, and as if normal."""

import math
from typing import TYPE_CHECKING

import numpy as np

from optbudget.planning.saddle_point import between_steps, density, normal_tail, tail
from optbudget.planning.spend_risk import risk_of
from optbudget.planning.spenders import Spenders, spenders
from optbudget.planning.total_law import common_grid
from optbudget.problems import Allocation, SpendLaw, SpendRisk
from optbudget.report._extra import needs_extra
from optbudget.report.figures import COLOURS, FAINT, INK, STYLE
from optbudget.report.words import chance, number, plural

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure

if TYPE_CHECKING:
    from fractions import Fraction

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

POINTS = 121
LEAST_CHANCE = 1e-5


def spend_figure(answer: Allocation, budget: float | None = None, *, risk: SpendRisk | None = None) -> Figure:
    """What the units of an allocation spend, and the chance that it is more than any amount.

    Parameters
    ----------
    answer : over a finite horizon
    budget : the line that is drawn; default: the allocation's budget
    risk : `spend_risk(answer, budget)`, if it is at hand
    """
    units = spenders(answer)
    money = answer.budget if budget is None else float(budget)
    unit = answer.curves.problem.money_unit
    risk = risk_of(units, money, money_unit=unit) if risk is None else risk
    grid = common_grid(units)
    step = None if isinstance(grid, str) else grid
    deviation = math.sqrt(risk.variance) or 1.0
    low, high = units.reach()
    least = max(low, min(risk.mean - 4 * deviation, money - deviation))
    most = min(high, max(risk.mean + 5 * deviation, money + deviation))
    amounts = np.linspace(least, max(most, least + deviation), POINTS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_density(above, units, risk, amounts)
        _draw_tails(below, units, risk, amounts, step)
        for axes in (above, below):
            axes.axvline(money, color=INK, linewidth=1.0, linestyle="--")
        above.annotate(
            f"budget {number(money)}\nexceeded with probability {chance(risk.overspend)}\n({risk.method})",
            (money, 0.97), xycoords=above.get_xaxis_transform(), xytext=(6, 0), textcoords="offset points",
            fontsize=8, color=INK, va="top",
        )  # fmt: skip
        above.set_title(f"What {plural(risk.units, 'unit')} spend: {number(risk.mean)} in expectation")
        above.set_ylabel("density")
        above.set_ylim(bottom=0)
        below.set_ylabel("P(spend > amount)")
        below.set_xlabel("total spend" if unit == "money" else f"total spend ({unit})")
        below.set_xlim(amounts[0], amounts[-1])
        figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _draw_density(axes: "Axes", units: Spenders, risk: SpendRisk, amounts: "NDArray[np.float64]") -> None:
    deviation = math.sqrt(risk.variance)
    if risk.below is not None:
        height, edges = _histogram(risk.below, (float(amounts[-1]) - float(amounts[0])) / POINTS)
        over = edges[:-1] >= risk.budget - 1e-9
        axes.stairs(np.where(over, 0.0, height), edges, fill=True, color=COLOURS[0], alpha=0.3)
        axes.stairs(np.where(over, height, 0.0), edges, fill=True, color=COLOURS[1], alpha=0.45)
    if deviation > 0:
        axes.plot(amounts, density(units, amounts), color=COLOURS[1])
        normal = np.exp(-0.5 * ((amounts - risk.mean) / deviation) ** 2)
        normal /= deviation * math.sqrt(2 * math.pi)
        axes.plot(amounts, normal, color=FAINT, linestyle=":")
        axes.set_ylim(top=1.45 * float(normal.max()))


def _histogram(law: SpendLaw, width: float) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Heights and edges of bars about so wide: the width at which they are smoothest.

    Most spends may lie on a coarser grid than the law's; bars that hold two of its points and then three
    would show stripes that are not there.
    """
    least = max(1, round(width / float(law.step)))
    best: tuple[float, int, NDArray[np.float64]] | None = None
    for group in range(least, 2 * least + 1):
        mass = np.concatenate((law.probability, np.zeros(-law.probability.size % group)))
        height = mass.reshape(-1, group).sum(axis=1) / (group * float(law.step))
        rough = float(np.abs(np.diff(height, 2)).sum()) * group
        if best is None or rough < best[0]:
            best = rough, group, height
    assert best is not None
    _, group, height = best
    places = np.arange(height.size + 1, dtype=np.float64)
    edges: NDArray[np.float64] = (law.first - 0.5 + group * places) * float(law.step)
    return height, edges


def _draw_tails(
    axes: "Axes", units: Spenders, risk: SpendRisk, amounts: "NDArray[np.float64]", step: "Fraction | None"
) -> None:
    middle = [between_steps(x, step) for x in amounts.tolist()]
    tails = [tail(units, x, step=step) for x in middle]
    if risk.below is not None:
        name = "exact" if risk.exact else "exact, between two grids"
        exact = [risk.below.exceeds(x) for x in middle]
        axes.plot(middle, exact, color=COLOURS[0], linewidth=3.2, alpha=0.55, label=name)
    axes.plot(middle, [found.estimate for found in tails], color=COLOURS[1], label="saddle-point")
    normal = [normal_tail(risk.mean, risk.variance, x) for x in middle]
    axes.plot(middle, normal, color=FAINT, linestyle=":", label="as if normal")
    bound = [found.bound for found in tails]
    axes.plot(middle, bound, color=COLOURS[2], linewidth=1.0, label="at most (Chernoff)")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_CHANCE, 1.5)
