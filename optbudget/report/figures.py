"""Figures for print, drawn with matplotlib: curves with their prices, allocations, sweet spots.

Nothing here touches pyplot or global settings; every function returns a `matplotlib.figure.Figure`
that `write` saves the same way every time.
"""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from optbudget.allocation import SweetSpot, population_curve, sweet_spot
from optbudget.curves import Curve
from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Population
from optbudget.report._extra import needs_extra
from optbudget.report.names import NARROW, WIDE, columns, short_names, shortened
from optbudget.report.published import BMDP, BUDGETS, STATE_OF_FIGURE_4
from optbudget.report.selection import leading_states, units_by_state
from optbudget.report.words import budget_label, number, plural, price_label, price_lines, unit_of_money

with needs_extra("report"):
    import matplotlib as mpl
    from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#0b6e99", "#c8553d", "#3a7d44", "#8e5aa8", "#b58900", "#5b6770")
INK, FAINT = "#20262b", "#6b7680"
TITLE = 54
"""Columns of a title as wide as the figure; its letters are bold."""

VISIBLE_GAP = 1e-3
"""Relative gap above which a bound is drawn: below it the line would cover the values."""

STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e8eb",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.hashsalt": "optbudget",
    "svg.fonttype": "none",
}


def write(figure: Figure, path: str | Path) -> Path:
    """Save a figure as the suffix of `path` says (.png, .svg, .pdf); equal figures give equal files."""
    target = Path(path)
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(target.suffix.lower(), {})
    with mpl.rc_context(STYLE):
        figure.savefig(target, dpi=160, metadata=undated, facecolor="white")
    return target


def curve_figure(answer: CurveSet, states: Sequence[str] | None = None) -> Figure:
    """Value of each chosen state as a function of its budget, and below it the price of money.

    Parameters
    ----------
    answer : curves of every state
    states : labels to draw; default: the initial states, then those that gain most from money, six
        at most
    """
    chosen = leading_states(answer, COLOURS) if states is None else list(states)
    with mpl.rc_context(STYLE):
        beside = all(columns(label) <= NARROW for label in chosen)
        lines = sum(1 + _in_lines(label, WIDE).count("\n") for label in chosen)
        height = 5.4 if beside else 5.7 + 0.18 * lines
        figure = Figure(figsize=(7.2, height), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        reach = max(_reach(answer[label], 1.05) for label in chosen)
        for k, label in enumerate(chosen):
            colour = COLOURS[k % len(COLOURS)]
            _draw_value(above, answer[label], reach, colour, _in_lines(label, WIDE))
            _draw_price(below, answer[label], reach, colour)
        above.set_title("What a unit is worth, by its state and its budget")
        above.set_ylabel("value per unit")
        below.set_ylabel("\n".join(price_lines(answer.problem.money_unit)), fontsize=8)
        below.set_xlabel(f"{budget_label(answer.problem.money_unit)} per unit, spent in expectation")
        below.set_xlim(0, reach)
        _limit_prices(below, [answer[label] for label in chosen])
        if len(chosen) > 1:
            place = "outside right upper" if beside else "outside lower left"
            figure.legend(*above.get_legend_handles_labels(), loc=place, title="state", alignment="left")
        else:
            above.set_title(_plain(_in_lines(f"What a unit in “{chosen[0]}” is worth, by its budget", TITLE)))
    return figure


def figure_4(answer: CurveSet) -> Figure:
    """The paper's figure 4: curves of s1 (uninterested) and s8 (ours_3), each with its price below.

    Source: Boutilier & Lu 2016, figure 4; the price panels are ours.
    """
    stories = {"uninterested": "early in the search", "ours_3": "close to buying"}
    problem = answer.problem
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 5.6), layout="constrained")
        panels = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
        for k, (label, story) in enumerate(stories.items()):
            curve, colour = answer[label], COLOURS[k]
            above, below = panels[0, k], panels[1, k]
            reach = _reach(curve, 1.25)
            _draw_value(above, curve, reach, colour, label)
            _draw_price(below, curve, reach, colour)
            above.set_title(f"{label} ({STATE_OF_FIGURE_4[label]}): {story}")
            above.set_xlim(0, reach)
            above.margins(y=0.17)
            _mark_end(above, curve)
            _mark_start(above, curve)
            _limit_prices(below, [curve])
            _mark_price(below, curve, problem)
            below.set_xlabel(f"{budget_label(problem.money_unit)} per customer, spent in expectation")
        panels[0, 0].set_ylabel("value per customer")
        panels[1, 0].set_ylabel("\n".join(price_lines(problem.money_unit)), fontsize=8)
    return figure


def figure_6(answer: CurveSet, population: Population, *, budgets: int = 16) -> Figure:
    """The paper's figure 6: value of 1,000 customers at 16 budgets, with the price of money below.

    The budgets run from the least feasible one to just above the largest useful one.
    Source: Boutilier & Lu 2016, figure 6; the four values of its table are marked too.
    """
    curve = population_curve(answer, population)
    points = sweet_spot(answer, population, np.linspace(curve.least_budget, _reach(curve, 1.05), budgets))
    return sweet_spot_figure(points, curve, money_unit=answer.problem.money_unit, published=True)


def sweet_spot_figure(
    points: SweetSpot,
    curve: Curve | None = None,
    *,
    money_unit: str = "money",
    published: bool = False,
) -> Figure:
    """Value of a whole population by its budget, with the price of money below.

    Parameters
    ----------
    points : the budgets that were allocated
    curve : the population's own curve, drawn through the points and annotated; without it they are
        joined by straight lines, which lie below it
    money_unit : names the axes
    published : also mark the four values that the paper prints for 1,000 customers in begin
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        feasible = np.isfinite(points.value)
        at, worth = points.budget[feasible], points.value[feasible]
        reach = float(points.budget.max(initial=0.0)) or 1.0
        if curve is None:
            above.plot(at, worth, color=COLOURS[0], label="optimal split")
            below.plot(at, points.price[feasible], "o-", color=COLOURS[0], markersize=4)
            below.set_ylim(bottom=0)
        else:
            _draw_value(above, curve, reach, COLOURS[0], "optimal split")
            _draw_price(below, curve, reach, COLOURS[0])
            _limit_prices(below, [curve])
        above.plot(
            at, worth, "o", color=COLOURS[0], markersize=5, clip_on=False,
            label=f"{at.size} budgets allocated",
        )  # fmt: skip
        if np.nanmax(points.gap[feasible], initial=0.0) > VISIBLE_GAP:
            above.plot(at, points.bound[feasible], "--", color=FAINT, linewidth=1, label="proved bound")
        if published:
            above.plot(
                BUDGETS, BMDP, "D", color=COLOURS[1], fillstyle="none", markersize=7,
                label="the paper's table (pruned curves)",
            )  # fmt: skip
        above.set_title("Sweet spot: what the whole budget buys")
        above.set_ylabel("value of the population")
        above.margins(y=0.17)
        if curve is not None and len(curve):
            _mark_start(above, curve)
            for share in (0.5, 0.9):
                _mark_share(above, curve, share)
            _mark_end(above, curve)
        above.legend(loc="lower right")
        below.set_ylabel("\n".join(price_lines(money_unit)), fontsize=8)
        below.set_xlabel(f"total {budget_label(money_unit)}, spent in expectation")
        below.set_xlim(0, reach)
        for axis in (above.yaxis, below.yaxis, below.xaxis):
            axis.set_major_formatter(lambda x, _: number(x))
    return figure


def allocation_figure(answer: Allocation, *, limit: int = 20) -> Figure:
    """Who gets how much: a bar of money for each state that is served.

    The states with most money come first; those past `limit` are added up in one bar. Where one
    state is served: its curve, and the line of the price.
    """
    rows = units_by_state(answer)
    if len(rows) == 1:
        return _priced_point_figure(answer, rows[0].label)
    shown, rest = rows[:limit], rows[limit:]
    problem = answer.curves.problem
    names = [_plain(name) for name in short_names((row.label for row in shown), WIDE).values()]
    spent = [row.spent for row in shown]
    notes = [f"{row.units:,} × {number(row.mean_budget, 4)}" for row in shown]
    if rest:
        names.append(f"{len(rest):,} more states")
        spent.append(sum(row.spent for row in rest))
        notes.append(f"{sum(row.units for row in rest):,} units")
    with mpl.rc_context(STYLE):
        beside = all(columns(name) <= NARROW for name in names)
        step, thick = (0.28, 0.68) if beside else (0.44, 0.42)
        figure = Figure(figsize=(7.2, 1.5 + step * len(names)), layout="constrained")
        axes = figure.subplots()
        bars = axes.barh(names, spent, color=COLOURS[0], height=thick)
        axes.bar_label(bars, notes, padding=4, color=FAINT, fontsize=8)
        axes.invert_yaxis()
        if not beside:
            _names_above(axes, names, thick)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.22)
        axes.set_xlabel(
            f"{budget_label(problem.money_unit)} for the state; beside the bar: units × budget of one"
        )
        axes.xaxis.set_major_formatter(lambda x, _: number(x))
        axes.set_title(
            f"{number(answer.spent)} for {answer.population.size:,} units; "
            f"one more is worth {number(answer.price, 4)}"
        )
    return figure


def _priced_point_figure(answer: Allocation, label: str) -> Figure:
    """One state: its curve, the budget of one unit on it, and the tangent whose slope is the price."""
    problem, curve = answer.curves.problem, answer.curves[label]
    size = max(1, answer.population.size)
    budget, value = answer.spent / size, answer.value / size
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axes = figure.subplots()
        reach = max(_reach(curve, 1.25), 1.05 * budget)
        _draw_value(axes, curve, reach, COLOURS[0], f"value of a unit in “{shortened(label, WIDE // 2)}”")
        axes.set_ylim(axes.get_ylim())
        at = np.array([0.0, reach])
        axes.plot(
            at, value + answer.price * (at - budget), "--", color=COLOURS[1], linewidth=1.2,
            label=f"{price_label(problem.money_unit)}: {number(answer.price, 4)}",
        )  # fmt: skip
        axes.plot([budget], [value], "o", color=COLOURS[1], markersize=7)
        text = f"a budget of {number(budget, 4)} per unit\nis worth {number(value, 5)}"
        _note(axes, text, (budget, value), (10, -14))
        axes.set_xlim(0, reach)
        axes.set_xlabel(f"{budget_label(problem.money_unit)} per unit, spent in expectation")
        axes.set_ylabel("value per unit")
        title = f"{plural(answer.population.size, 'unit')} with a budget of {number(answer.budget)}"
        if columns(label) > WIDE // 2:
            title += f", each in “{label}”"
        axes.set_title(_plain(_in_lines(title, TITLE)))
        axes.legend(loc="lower right")
    return figure


def _names_above(axes: "Axes", names: Sequence[str], thick: float) -> None:
    """Long names on lines of their own, each above its bar."""
    axes.set_yticks([])
    for k, name in enumerate(names):
        axes.annotate(
            name, (0, k - thick / 2), xycoords=axes.get_yaxis_transform(), xytext=(2, 1),
            textcoords="offset points", fontsize=8, va="bottom", annotation_clip=False,
        )  # fmt: skip


def _in_lines(text: str, width: int) -> str:
    """A text in four lines of so many columns at most, the middle left out if need be."""
    shown = shortened(text, 4 * width)
    return fill(shown, width, break_on_hyphens=False) if columns(shown) > width else shown


def _draw_value(axes: "Axes", curve: Curve, reach: float, colour: str, label: str) -> None:
    """The curve, carried on flat to `reach`: money need not be spent."""
    budgets, values = curve.budgets, curve.values
    if reach > budgets[-1]:
        budgets, values = np.append(budgets, reach), np.append(values, values[-1])
    axes.plot(budgets, values, color=colour, label=_plain(label))


def _draw_price(axes: "Axes", curve: Curve, reach: float, colour: str) -> None:
    """The price of each segment as steps; zero from the largest useful budget on."""
    edges = np.append(curve.budgets, max(reach, curve.largest_useful_budget))
    axes.step(edges, np.append(curve.prices, [0.0, 0.0]), where="post", color=colour)


def _limit_prices(axes: "Axes", curves: Sequence[Curve]) -> None:
    """Keep a few very short, very steep first segments from flattening the rest of the panel."""
    worth = [float(curve.price(curve.least_budget + 0.002 * _span(curve))) for curve in curves if len(curve)]
    axes.set_ylim(0, 1.15 * max(worth, default=1.0))


def _reach(curve: Curve, share: float) -> float:
    """End of the budget axis: `share` of the largest useful budget, and something to see where that is 0."""
    end = curve.largest_useful_budget
    return share * end if end > 0 else 1.0


def _span(curve: Curve) -> float:
    return curve.largest_useful_budget - curve.least_budget


def _mark_start(axes: "Axes", curve: Curve) -> None:
    text = f"{number(curve.start_value, 4)} without spending"
    if curve.least_budget > 0:
        text = f"needs at least {number(curve.least_budget, 4)}"
    _note(axes, text, (curve.start_budget, curve.start_value), (12, -3))


def _mark_end(axes: "Axes", curve: Curve) -> None:
    """The largest useful budget, named above the flat end of the curve."""
    end, worth = curve.largest_useful_budget, float(curve.values[-1])
    text = f"largest useful budget {number(end, 3)}, worth {number(worth, 4)}:\nmore money buys nothing"
    axes.plot([end], [worth], "o", color=INK, markersize=4, zorder=4)
    across = axes.get_yaxis_transform()
    axes.annotate(
        text, (1.0, worth), xycoords=across, xytext=(0, 8), textcoords="offset points",
        fontsize=8, color=FAINT, ha="right", va="bottom",
    )  # fmt: skip


def _mark_share(axes: "Axes", curve: Curve, share: float) -> None:
    """Where a share of all that money can buy has been bought."""
    value = curve.start_value + share * float(curve.values[-1] - curve.start_value)
    budget = float(np.interp(value, curve.values, curve.budgets))
    of_all = budget / curve.largest_useful_budget
    text = (
        f"{share:.0%} of what money can buy is reached at\n"
        f"{number(budget, 3)}, {of_all:.0%} of the largest useful budget"
    )
    axes.plot([budget], [value], "o", color=INK, markersize=4, zorder=4)
    _note(axes, text, (budget, value), (12, -18))


def _mark_price(axes: "Axes", curve: Curve, problem: BudgetedMDP) -> None:
    """The price in words at one budget, a quarter of the way."""
    budget = curve.least_budget + 0.25 * _span(curve)
    price = float(curve.price(budget))
    axes.plot([budget], [price], "o", color=INK, markersize=4, zorder=4)
    after = " after its cost" if problem.reward == "net" else ""
    text = (
        f"at a budget of {number(budget, 3)}, one more {unit_of_money(problem.money_unit)}\n"
        f"is worth {number(price, 3)}{after}"
    )
    _note(axes, text, (budget, price), (10, 12))


def _note(
    axes: "Axes", text: str, point: tuple[float, float], offset: tuple[float, float], ha: str = "left"
) -> None:
    axes.annotate(
        text,
        point,
        xytext=offset,
        textcoords="offset points",
        fontsize=8,
        color=FAINT,
        ha=ha,
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
    )


def _plain(name: str) -> str:
    """A name from data as text: no mathematics between dollar signs, no hiding from the legend."""
    shown = name.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
