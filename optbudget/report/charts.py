"""Charts for the page, declared with Vega-Altair and drawn to SVG by vl-convert, without a browser.

Colours are the page's own variables, so a chart follows its light and dark dress. Every chart has
invisible points that say their numbers when the reader rests on them; no script is needed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import BaselineComparison
from optbudget.curves import Curve
from optbudget.problems import Allocation, BudgetedMDP, CurveSet
from optbudget.report._extra import needs_extra
from optbudget.report.names import NARROW, WIDE, columns, short_names
from optbudget.report.selection import beside_today, units_by_state
from optbudget.report.words import budget_label, number, price_label, price_lines

with needs_extra("report"):
    import altair as alt
    import vl_convert

COLOURS = tuple(f"var(--c{k})" for k in range(6))
WIDTH, HIGH, LOW = 620, 230, 120
HOVER_POINTS = 60
BARS = 20

Data = dict[str, list[dict[str, object]]]
"""Named tables of a chart, as rows."""


def svg(chart: alt.TopLevelMixin, data: Data, name: str, description: str) -> str:
    """A chart as an SVG element for the page, as wide as its place and read aloud as `description`.

    The rows of `data` are added last: Altair would copy and check each of them at every step.
    The renderer numbers its clipping paths through the whole process; here they are numbered within
    the chart and called after it, so that equal charts are equal texts and no two share a name.
    """
    spec = chart.properties(description=description).configure(**_CONFIG).to_dict(validate=False)
    spec["datasets"] = data
    text = vl_convert.vegalite_to_svg(spec)
    for k, number_given in enumerate(dict.fromkeys(re.findall(r'id="clip(\d+)"', text))):
        text = re.sub(rf'(id="|url\(#)clip{number_given}\b', rf"\1{name}-clip-{k}", text)
    text = re.sub(r'width="(\d+)" height="\d+"', r'style="max-width:\1px" role="img"', text, count=1)
    return re.sub(r'<path (aria-label="([^"]*)" role="graphics-symbol"[^>]*)/>', _with_title, text)


def _with_title(match: re.Match[str]) -> str:
    return f"<path {match[1]}><title>{match[2]}</title></path>"


_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "sans-serif",
    "padding": 10,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--ink)", "titleColor": "var(--ink)", "labelFontSize": 11, "titleFontSize": 11,
        "titleFontWeight": "normal", "gridColor": "var(--line)", "domainColor": "var(--faint)",
        "tickColor": "var(--faint)", "titlePadding": 14, "labelLimit": 220,
    },
    "legend": {
        "labelColor": "var(--ink)", "titleColor": "var(--ink)", "titleFontWeight": "normal",
        "labelFontSize": 11, "titleFontSize": 11, "symbolStrokeWidth": 3, "labelLimit": 220,
    },
}  # fmt: skip


def curves_chart(answer: CurveSet, states: Sequence[str]) -> str:
    """Value by budget of each state, and below it the price."""
    reach = 1.05 * max(answer[label].largest_useful_budget for label in states) or 1.0
    problem = answer.problem
    curves = {label: answer[label] for label in states}
    above, below, data = _value_and_price(curves, reach, problem, "per unit", "value per unit")
    what = f"Value per unit, and {price_label(problem.money_unit)}, by budget, in {', '.join(states)}"
    return svg(alt.vconcat(above, below, spacing=8), data, "curves", what)


def sweet_spot_chart(curve: Curve, problem: BudgetedMDP, *, spent: float, value: float) -> str:
    """Value of the population by its budget, the price below, and the point that an allocation reached."""
    reach = 1.05 * curve.largest_useful_budget or 1.0
    above, below, data = _value_and_price({"": curve}, reach, problem, "in total", "value of the population")
    data["here"] = [{"budget": spent, "value": value, "note": f"{number(value)} for {number(spent)}"}]
    here = alt.Chart(alt.NamedData("here"))
    point = here.encode(x="budget:Q", y="value:Q")
    rule = here.mark_rule(stroke=COLOURS[1], strokeDash=[4, 3]).encode(x="budget:Q")
    side = {"align": "right", "dx": -8} if spent > 0.6 * reach else {"align": "left", "dx": 8}
    note = point.mark_text(**side, dy=16, color="var(--ink)", fontWeight="bold").encode(text="note:N")
    above = above + rule + point.mark_point(filled=True, size=70, color=COLOURS[1], opacity=1) + note
    return svg(
        alt.vconcat(above, below + rule, spacing=8),
        data,
        "sweet-spot",
        f"Value of the population by its total {budget_label(problem.money_unit)}",
    )


def allocation_chart(answer: Allocation, *, limit: int = BARS) -> str:
    """A bar of money for each state that is served, most money first."""
    problem = answer.curves.problem
    shares = units_by_state(answer)[:limit]
    names = short_names((share.label for share in shares), WIDE)
    beside = _all_fit(names.values())
    rows: list[dict[str, object]] = [
        {
            "state": names[row.label],
            "budget": row.spent,
            "note": f"{row.units:,} × {number(row.mean_budget, 4)}",
            "says": f"{row.label}: {row.units:,} units share {number(row.spent)}, worth {number(row.value)}",
        }
        for row in shares
    ]
    room = alt.Scale(domain=[0, 1.2 * max((share.spent for share in shares), default=0.0) or 1.0], nice=False)
    # A long name stands on a line of its own, above its bar.
    base = alt.Chart(
        alt.NamedData("states"), width=WIDTH - 60 if beside else WIDTH, height=alt.Step(22 if beside else 40)
    ).encode(
        x=alt.X(
            "budget:Q",
            scale=room,
            title=f"{budget_label(problem.money_unit)} for the state (units × budget of one)",
        ),
        y=alt.Y("state:N", sort=None, title=None, axis=alt.Axis() if beside else None),
        description="says:N",
    )
    down = 0 if beside else 9
    bars = base.mark_bar(color=COLOURS[0], **({} if beside else {"size": 16, "yOffset": down}))
    notes = base.mark_text(align="left", dx=5, dy=down, color="var(--faint)").encode(text="note:N")
    chart = bars + notes
    if not beside:
        above = base.mark_text(align="left", dy=-9, color="var(--ink)")
        chart += above.encode(x=alt.value(0), text="state:N")
    return svg(chart, {"states": rows}, "states", "Money for each state")


def baseline_chart(today: BaselineComparison, *, limit: int = BARS) -> str:
    """Money of each state, today and in the split, joined by a line; where most money moves first."""
    problem = today.allocation.curves.problem
    states = beside_today(today)[:limit]
    names = short_names((row.label for row in states), WIDE)
    when = ("today", "this split")
    rows: list[dict[str, object]] = [
        {
            "state": names[row.label], "when": name, "budget": money, "other": row.spend_today,
            "says": f"{row.label}, {name}: {number(money)} for {row.units:,} units, worth {number(value)}",
        }
        for row in states
        for name, money, value in zip(
            when, (row.spend_today, row.spend), (row.value_today, row.value), strict=True
        )
    ]  # fmt: skip
    beside = _all_fit(names.values())
    room = alt.Scale(
        domain=[0, 1.08 * max((max(row.spend, row.spend_today) for row in states), default=0.0) or 1.0],
        nice=False,
    )
    down = 0 if beside else 9
    base = alt.Chart(
        alt.NamedData("states"), width=WIDTH - 60 if beside else WIDTH, height=alt.Step(22 if beside else 40)
    ).encode(
        x=alt.X(
            "budget:Q",
            scale=room,
            title=f"{budget_label(problem.money_unit)} for the state (units × budget of one)",
        ),
        y=alt.Y("state:N", sort=None, title=None, axis=alt.Axis() if beside else None),
    )
    colour = alt.Color(
        "when:N",
        scale=alt.Scale(domain=list(when), range=[COLOURS[1], COLOURS[0]]),
        legend=alt.Legend(title=None, orient="top"),
    )
    way = base.mark_rule(stroke="var(--faint)", yOffset=down).encode(x2="other:Q")
    ends = base.mark_point(filled=True, size=80, opacity=1, yOffset=down)
    chart = way + ends.encode(color=colour, description="says:N")
    if not beside:
        above = base.mark_text(align="left", dy=-9, color="var(--ink)")
        chart += above.encode(x=alt.value(0), text="state:N")
    return svg(chart, {"states": rows}, "today", "Money for each state, today and in this split")


def _all_fit(names: Iterable[str]) -> bool:
    """Whether names are short enough to stand beside a chart."""
    return all(columns(name) <= NARROW for name in names)


def _value_and_price(
    curves: Mapping[str, Curve], reach: float, problem: BudgetedMDP, whose: str, value_title: str
) -> tuple[alt.LayerChart, alt.LayerChart, Data]:
    """Two panels over one budget axis, the curves and their prices as steps; and their data."""
    lines: list[dict[str, object]] = []
    steps: list[dict[str, object]] = []
    spots: list[dict[str, object]] = []
    ceiling = 0.0
    names = short_names(curves, WIDE)
    for label, curve in curves.items():
        budgets, name = _thinned(curve, reach), names[label]
        lines += [{"state": name, "budget": b, "value": v} for b, v in _pairs(budgets, curve.value(budgets))]
        steps += [{"state": name, "budget": b, "price": p} for b, p in _pairs(budgets, curve.price(budgets))]
        ceiling = max(ceiling, _visible_price(curve))
        grid = np.linspace(curve.least_budget, reach, HOVER_POINTS)
        spots += [
            {
                "state": name, "budget": b, "value": v,
                "says": f"{label}{': ' if label else ''}{number(b, 4)} is worth {number(v)}; "
                f"one more is worth {number(p, 4)}",
            }
            for b, v, p in np.column_stack([grid, curve.value(grid), curve.price(grid)]).tolist()
        ]  # fmt: skip
    x = alt.X(
        "budget:Q", title=None, scale=alt.Scale(domain=[0, reach], nice=False), axis=alt.Axis(labels=False)
    )
    titled = alt.X(
        "budget:Q", title=f"{budget_label(problem.money_unit)} {whose}, spent in expectation",
        scale=alt.Scale(domain=[0, reach], nice=False),
    )  # fmt: skip
    place = {} if _all_fit(names.values()) else {"orient": "top", "columns": 1, "labelLimit": WIDTH}
    legend = alt.Legend(title="state", **place) if len(curves) > 1 else None
    colour = alt.Color(
        "state:N",
        scale=alt.Scale(domain=list(names.values()), range=list(COLOURS[: len(curves)])),
        legend=legend,
    )
    value = alt.Y("value:Q", title=value_title, scale=alt.Scale(zero=False))
    line = (
        alt.Chart(alt.NamedData("lines"), width=WIDTH, height=HIGH)
        .mark_line(strokeWidth=2)
        .encode(x, value, colour)
    )
    spot = (
        alt.Chart(alt.NamedData("spots"))
        .mark_point(filled=True, size=90, opacity=0)
        .encode(x, value, colour, description="says:N")
    )
    price = alt.Y(
        "price:Q",
        title=price_lines(problem.money_unit),
        scale=alt.Scale(domain=[0, ceiling or 1.0], nice=False),
    )
    step = (
        alt.Chart(alt.NamedData("steps"), width=WIDTH, height=LOW)
        .mark_line(interpolate="step-after", strokeWidth=2, clip=True)
        .encode(titled, price, colour)
    )
    return line + spot, alt.layer(step), {"lines": lines, "steps": steps, "spots": spots}


def _pairs(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[float, float]]:
    return list(zip(a.tolist(), b.tolist(), strict=True))


def _thinned(curve: Curve, reach: float, most: int = 400) -> NDArray[np.float64]:
    """Useful budgets to draw: all, or `most` spread by number and by money; and the end of the axis."""
    budgets = curve.budgets
    if budgets.size > most:
        by_number = np.linspace(0, budgets.size - 1, most // 2).astype(np.int64)
        by_money = np.searchsorted(budgets, np.linspace(budgets[0], budgets[-1], most // 2))
        budgets = budgets[np.union1d(by_number, np.minimum(by_money, budgets.size - 1))]
    return np.append(budgets, reach) if reach > budgets[-1] else budgets


def _visible_price(curve: Curve) -> float:
    """Top of the price axis: a few very short, very steep first segments may leave the panel."""
    if not len(curve):
        return 0.0
    span = curve.largest_useful_budget - curve.least_budget
    return 1.15 * float(curve.price(curve.least_budget + 0.002 * span))
