"""Tables, figures and pages: what they say is what the answer holds, whatever its names and shape."""

import io
import math
import re
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from optbudget.allocation import allocate, population_curve, sweet_spot
from optbudget.allocation.examples import two_state_curves
from optbudget.budgeted import solve
from optbudget.certify import verify
from optbudget.errors import MissingExtraError, NoAnswerError, UsageError
from optbudget.files import load_model
from optbudget.planning import allocate_lines, allocate_with_arrivals
from optbudget.problems import (
    Arrivals,
    BudgetedMDP,
    BudgetLines,
    Check,
    GroupLimit,
    Limits,
    Population,
    StageBudgets,
    Verification,
)
from optbudget.problems.examples import two_action_example
from optbudget.report import (
    demo_grids,
    figure_4,
    figure_6,
    page,
    paper_populations,
    plot,
    split_figure,
    write,
)
from optbudget.report.comparison import COPIES, curves_beside_paper
from optbudget.report.names import WIDE, columns, short_names
from optbudget.report.published import BMDP, BUDGETS, GBA
from optbudget.report.selection import leading_states, units_by_state
from optbudget.report.tables import Grid, allocation_grid, curve_grid
from optbudget.report.words import number

MODELS = Path(__file__).parents[1] / "models"
HOSTILE = "<script>alert('$x$')</script> & \"[red]co[/red]\" \\_"


@pytest.fixture(scope="module")
def ads():
    return solve(load_model(MODELS / "synthetic_ad"), method="exact")


@pytest.fixture(scope="module")
def split(ads):
    return allocate(ads, Population.at(ads.problem, {"begin": 500, "ours_3": 300, "gone": 200}), 2500.0)


def one_state(cost, utility, *, name="s", **settings):
    """A state that stays as it is, with one action for each cost."""
    names = [name] * len(cost)
    actions = [f"action {k}" for k in range(len(cost))]
    settings = {"discount": 1.0, "cost_discount": 1.0, "horizon": 2, "reward": "gross", **settings}
    return BudgetedMDP.from_tables(
        {"state": names, "action": actions, "next_state": names, "probability": [1.0] * len(cost)},
        {"state": names, "action": actions, "cost": cost, "utility": utility},
        **settings,
    )


class Page(HTMLParser):
    """A page taken apart: its tags, attributes and visible text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


# -- figures -----------------------------------------------------------------------------------


def test_figure_4_shows_both_curves_and_their_prices(ads):
    figure = figure_4(ads)
    values, prices = figure.axes[:2], figure.axes[2:]
    assert [axes.get_title(loc="left")[:17] for axes in values] == ["uninterested (s1)", "ours_3 (s8): clos"]
    for axes, label in zip(values, ("uninterested", "ours_3"), strict=True):
        drawn = axes.get_lines()[0].get_xydata()
        np.testing.assert_array_equal(drawn[:-1], np.c_[ads[label].budgets, ads[label].values])
        assert drawn[-1, 1] == ads[label].values[-1]
        assert drawn[-1, 0] == axes.get_xlim()[1] > ads[label].largest_useful_budget
    for axes, label in zip(prices, ("uninterested", "ours_3"), strict=True):
        step = axes.get_lines()[0]
        assert step.get_drawstyle() == "steps-post"
        np.testing.assert_array_equal(step.get_ydata()[:-2], ads[label].prices)
        assert step.get_ydata()[-1] == 0
    assert prices[0].get_ylabel() == "shadow price\n(value of one\nmore cost unit)"


def test_figure_6_marks_sixteen_budgets_and_the_paper(ads):
    population, _ = paper_populations(ads.problem)
    above, below = figure_6(ads, population).axes
    marked = next(line for line in above.get_lines() if "allocated" in line.get_label())
    assert len(marked.get_xdata()) == 16
    curve = population_curve(ads, population)
    assert marked.get_xdata()[0] == 0 and marked.get_xdata()[-1] > curve.largest_useful_budget
    np.testing.assert_allclose(marked.get_ydata(), curve.value(marked.get_xdata()), rtol=1e-12)
    paper = next(line for line in above.get_lines() if "paper" in line.get_label())
    np.testing.assert_array_equal(paper.get_xydata(), np.c_[BUDGETS, BMDP])
    assert below.get_xlabel() == "total budget (cost unit), spent in expectation"


def test_plot_of_curves_draws_the_states_asked_for(ads):
    above, below = plot(ads, states=["gone", "search_1"]).axes
    assert [line.get_label() for line in above.get_lines()] == ["gone", "search_1"]
    assert len(below.get_lines()) == 2


@pytest.mark.parametrize("name", [HOSTILE, "_hidden", "costs $1 or $2"])
def test_plot_shows_names_as_they_are(name, tmp_path):
    loop = {
        "state": [name, "other"],
        "action": ["a", "a"],
        "next_state": [name, "other"],
        "probability": [1.0, 1.0],
    }
    actions = {"state": [name, "other"], "action": ["a", "a"], "cost": [0.0, 0.0], "utility": [1.0, 2.0]}
    curves = solve(BudgetedMDP.from_tables(loop, actions, discount=1.0, cost_discount=1.0, horizon=2))
    drawn = write(plot(curves, states=[name, "other"]), tmp_path / "figure.svg").read_text(encoding="utf-8")
    shown = [unescape(text).strip() for text in re.findall(r"<text[^>]*>(.*?)</text>", drawn, re.DOTALL)]
    assert name in shown and "other" in shown


def test_plot_of_an_allocation_shows_all_money(split):
    (axes,) = plot(split).axes
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(split.spent, rel=1e-12)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ours_3", "begin", "gone"]


def test_plot_of_one_state_shows_its_point_and_price(ads):
    split = allocate(ads, Population.at(ads.problem, {"begin": 1000}), 2000.0)
    (axes,) = plot(split).axes
    curve, tangent, point = axes.get_lines()
    assert point.get_xydata()[0] == pytest.approx([2.0, split.value / 1000])
    (x0, x1), (y0, y1) = tangent.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(split.price)
    assert (np.interp(curve.get_xdata(), (x0, x1), (y0, y1)) >= curve.get_ydata() - 1e-9).all()


def test_plot_of_a_sweet_spot_leaves_out_what_cannot_be_afforded():
    toll = solve(load_model(MODELS / "toll"))
    label = max(toll.problem.labels, key=lambda label: toll[label].least_budget)
    least = toll[label].least_budget
    points = sweet_spot(toll, Population.at(toll.problem, {label: 1}), [0.0, 2 * least])
    above, _ = plot(points).axes
    assert above.get_lines()[0].get_xdata().tolist() == [2 * least]


def test_split_figure_draws_the_best_split_above_equal_shares(ads):
    people = Population.at(ads.problem, {"begin": 500, "ours_3": 300})
    figure = split_figure({"small": (ads, people), "the same": (ads, people)}, marked=np.array([900.0]))
    above, _, below, last = figure.axes
    assert [above.get_title(loc="left"), len(last.lines) - len(below.lines)] == ["small", 1]
    best, equal = (line.get_ydata() for line in above.lines[:2])
    for k in (0, 20, 59):
        budget = float(above.lines[0].get_xdata()[k])
        assert best[k] == pytest.approx(allocate(ads, people, budget).value)
        assert equal[k] == pytest.approx(allocate(ads, people, budget, method="uniform").value)
    np.testing.assert_allclose(below.lines[0].get_ydata(), best / equal - 1)
    assert (best >= equal - 1e-9).all() and below.lines[0].get_ydata().max() > 0.01


def test_figures_are_equal_files_when_written_twice(ads, split, tmp_path):
    for suffix in (".svg", ".png", ".pdf"):
        first, second = (
            write(plot(split), tmp_path / f"{k}{suffix}").read_bytes() for k in ("first", "second")
        )
        assert first == second and len(first) > 1000


def test_plot_refuses_what_has_no_figure(ads):
    with pytest.raises(UsageError, match="no figure for a BudgetedMDP"):
        plot(ads.problem)


def test_leading_states_are_the_initial_ones_and_those_that_gain_most(ads):
    places = range(6)
    chosen = leading_states(ads, places)
    gain = {label: ads[label].values[-1] - ads[label].start_value for label in ads.problem.labels}
    most = sorted(gain, key=gain.get)[-5:]
    assert set(chosen) == {"begin", *most}
    worth = [ads[label].values[-1] for label in chosen]
    assert worth == sorted(worth, reverse=True)


# -- shapes that break drawings ----------------------------------------------------------------

SHAPES = {
    "nothing to buy": one_state([0.0], [1.0]),
    "worth nothing at all": one_state([0.0], [0.0]),
    "negative": one_state([0.0, 1.0], [-5.0, -2.0]),
    "must spend": one_state([3.0, 5.0], [0.0, 1.0]),
    "must spend, nothing else": one_state([3.0], [0.0]),
    "huge": one_state([0.0, 1e9], [0.0, 1e12]),
    "tiny": one_state([0.0, 1e-6], [0.0, 1e-9]),
    "hostile names": one_state([0.0, 1.0], [0.0, 1.0], name=HOSTILE, title=HOSTILE, money_unit=HOSTILE),
    "hidden name": one_state([0.0, 1.0], [0.0, 1.0], name="_hidden"),
}


@pytest.mark.parametrize("problem", SHAPES.values(), ids=SHAPES)
def test_every_shape_is_drawn_and_reported(problem, tmp_path):
    curves = solve(problem)
    population = Population.at(problem, {problem.labels[0]: 3})
    split = allocate(curves, population, 3 * curves.curves[0].largest_useful_budget + 1.0)
    for answer in (curves, split, sweet_spot(curves, population, [0.0, 1.0, 7.0])):
        write(plot(answer), tmp_path / "figure.png")
    write(figure_6(curves, population), tmp_path / "figure.svg")
    for answer in (curves, split):
        assert problem.labels[0].split()[0] in Page(page(answer, tmp_path / "page.html")).text


def test_types_and_many_states_are_shown_by_their_labels(tmp_path):
    curves = solve(load_model(MODELS / "two_types"))
    text = Page(page(curves, tmp_path / "page.html")).text
    assert all(label in text for label in curves.problem.labels) and "/" in curves.problem.labels[0]


# -- long names --------------------------------------------------------------------------------

LONG = [f"customer_back_after_ninety_days_with_an_open_basket_coupon_{k}_unused" for k in range(3)]
LONGER = [name.replace("_open", "_open" * 12) for name in LONG]


def split_of(names):
    """Curves and a split over some states of these names, each with something to buy."""
    actions = ["none", "some", "much"]
    rows = [(name, action) for name in names for action in actions]
    state, action = zip(*rows, strict=True)
    utility = [k + gain for k in range(len(names)) for gain in (0.0, 2.0, 3.5)]
    problem = BudgetedMDP.from_tables(
        {"state": state, "action": action, "next_state": state, "probability": [1.0] * len(rows)},
        {"state": state, "action": action, "cost": [0.0, 1.0, 3.0] * len(names), "utility": utility},
        discount=0.9, cost_discount=1.0, horizon=2,
    )  # fmt: skip
    curves = solve(problem)
    return allocate(curves, Population.at(problem, dict.fromkeys(names, 5)), 4.0 * len(names))


@pytest.mark.parametrize(
    "names", [LONG, LONGER, [*LONG, "short"], LONGER[:1], ["CUSTOMER_BACK_AFTER_NINETY_DAYS_" * 4, "OTHER"]]
)
def test_long_names_are_not_cut_off_in_figures(names):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    split = split_of(names)
    for answer in (split, split.curves):
        figure = plot(answer, states=names) if answer is split.curves else plot(answer)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        texts = [text for axes in figure.axes for text in (axes.title, axes._left_title, *axes.texts)]
        texts += [text for legend in figure.legends for text in legend.get_texts()]
        texts += [text for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
        for text in texts:
            box = text.get_window_extent(canvas.get_renderer())
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 + 1, text.get_text()


@pytest.mark.parametrize("names", [LONG, [*LONGER, "short"]])
def test_long_names_can_be_told_apart_in_charts_and_read_in_full(names, tmp_path):
    path = page(split_of(names), tmp_path / "page.html")
    drawn = re.findall(r"<svg.*?</svg>", path.read_text(encoding="utf-8"), re.DOTALL)
    for chart in drawn[1:]:
        shown = {unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", chart, re.DOTALL)}
        begun = [text for text in shown if text.startswith("customer_back")]
        assert len(begun) == 3
        assert {text[-8:] for text in begun} == {name[-8:] for name in LONG}
        assert max(map(len, begun)) <= WIDE
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", path.read_text(encoding="utf-8"), re.DOTALL)
    for caption in captions[1:]:
        assert all((name in caption) == (len(name) > WIDE) for name in names)


@given(st.lists(st.text(st.sampled_from("ab籠"), max_size=12), max_size=8), st.integers(7, 12))
def test_short_names_fit_and_stay_different(names, most):
    short = short_names(names, most)
    assert list(short) == list(dict.fromkeys(names))
    assert len(set(short.values())) == len(short)
    assert all(columns(form) <= most for form in short.values())
    assert all(form == name for name, form in short.items() if columns(name) <= most)


# -- pages -------------------------------------------------------------------------------------


def test_page_asks_for_nothing_outside_and_runs_nothing(split, tmp_path):
    path = page(split, tmp_path / "page.html", verification=verify(split))
    found = Page(path)
    assert not found.tags & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "use",
        "image",
    }
    outside = {"src", "href", "xlink:href", "action", "data", "srcset"}
    assert not {name for name, _ in found.attributes} & outside
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert ("http-equiv", "Content-Security-Policy") in found.attributes
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' ]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "@import" not in text and "url(" not in text.replace("url(#", "")


def test_page_escapes_every_name(tmp_path):
    problem = SHAPES["hostile names"]
    curves = solve(problem)
    split = allocate(curves, Population.at(problem, {HOSTILE: 3}), 1.0)
    table = Grid(HOSTILE, (HOSTILE,), ((HOSTILE,),), HOSTILE)
    found = Verification((Check(HOSTILE, True, HOSTILE),))
    path = page(split, tmp_path / "page.html", verification=found, folder=HOSTILE, comparison=[table])
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text and "<red" not in text
    assert "script" not in Page(path).tags
    assert Page(path).text.count(HOSTILE) >= 10


def test_page_states_value_bound_and_gap_of_the_result(split, tmp_path):
    text = Page(page(split, tmp_path / "page.html")).text
    for amount in (split.value, split.bound, split.spent):
        assert number(amount, 12) in text
    assert f"a relative gap of {split.gap:.2g}" in text
    assert f"add {number(split.price, 4)}." in text
    assert "optbudget verify RESULT --exact" in text
    for row in split.to_arrow().to_pylist():
        assert number(row["budget"]) in text


def test_page_of_curves_states_the_start_and_the_gap(ads, tmp_path):
    text = Page(page(ads, tmp_path / "page.html")).text
    assert "A unit that begins in begin is worth 3.7205 without spending and at most 18.1597" in text
    assert f"by a relative {ads.gap:.2g}" in text


def test_page_without_a_bound_says_so(split, tmp_path):
    from optbudget.status import Outcome, Solution, Termination

    unbound = replace(split, outcome=Outcome(Termination.TIME_LIMIT, Solution.FEASIBLE), bound=math.nan)
    text = Page(page(unbound, tmp_path / "page.html")).text
    assert "No upper bound was proved" in text and "it is proved that" not in text


def test_page_of_a_limited_split_claims_its_bound_within_the_limits_only(ads, split, tmp_path):
    """Without the limits more can be reached than their bound, so it is not one for the budget alone."""
    limits = Limits((), (GroupLimit("new", states=("begin",), most=100.0),))
    kept = allocate(ads, split.population, split.budget, limits=limits)
    assert kept.bound < split.value
    words = " ".join(Page(page(kept, tmp_path / "limits.html")).text.split())
    assert "nothing within the budget and the limits is worth more" in words
    assert "keeps the budget and the limits is worth more" in words
    assert "nothing within the budget is" not in words and "keeps the budget is worth" not in words
    assert "Limits that bind" in words and "raising the most of group new by one is worth" in words
    assert "where there are no limits" in words


def test_page_of_whole_units_claims_its_bound_of_whole_units_only(tmp_path):
    """Money for half a step of one unit: drawn it is worth half of the step, whole nothing."""
    curves = two_state_curves()
    people = Population.at(curves.problem, {"cold": 1})
    whole, drawn = (allocate(curves, people, 1.0, method=how) for how in ("ip", "greedy"))
    assert whole.bound < drawn.value
    words = " ".join(Page(page(whole, tmp_path / "whole.html")).text.split())
    assert "no split that draws nobody's budget within the budget is worth more" in words
    assert "No policy" not in words and "proved that nothing" not in words


def test_page_of_a_plan_with_arrivals_is_of_all_the_money(tmp_path):
    curves = solve(two_action_example(horizon=2), keep_stages=True)
    people, coming = Population.at(curves.problem, {"s": 10}), Arrivals.at(curves.problem, {(1, "s"): 2.5})
    plan = allocate_with_arrivals(curves, people, coming, 20.0)
    words = " ".join(Page(page(plan, tmp_path / "plan.html")).text.split())
    assert "a budget of 20 be split between the 10 units here and the 2.5 expected" in words
    assert f"is worth {number(plan.value, 7)}" in words and "Set aside for those who have not come" in words


def test_page_of_budget_lines(tmp_path):
    problem = two_action_example(horizon=2)
    lines = BudgetLines.of_stages(problem, StageBudgets(("now", "then"), (1, 1), (6.0, 2.0)))
    plan = allocate_lines(lines, Population.at(problem, {"s": 10}))
    words = " ".join(Page(page(plan, tmp_path / "lines.html", verification=verify(plan))).text.split())
    assert (
        "2 budget lines be used for 10 units" in words and "nothing within the lines is worth more" in words
    )
    assert "one more unit of money is worth" in words and "--exact" not in words


def test_page_says_loudly_that_a_check_failed(split, tmp_path):
    found = Verification((Check("bound", False, "stated 1, proved 2"), Check("value", True, "")))
    text = Page(page(split, tmp_path / "page.html", verification=found)).text
    assert "1 of 2 statements could NOT be proved. Do not rely on this answer." in text
    assert "FAILED" in text


def test_no_page_without_an_answer(ads, tmp_path):
    toll = solve(load_model(MODELS / "toll"))
    label = max(toll.problem.labels, key=lambda label: toll[label].least_budget)
    refused = allocate(toll, Population.at(toll.problem, {label: 10}), 0.0)
    with pytest.raises(NoAnswerError, match="no answer to report"):
        page(refused, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(UsageError, match="no page for a BudgetedMDP"):
        page(ads.problem, tmp_path / "page.html")


def test_equal_answers_give_equal_pages(split, tmp_path):
    first, second = (page(split, tmp_path / name).read_bytes() for name in ("first.html", "second.html"))
    assert first == second


def test_no_two_parts_of_a_page_have_one_name(split, tmp_path):
    names = [value for name, value in Page(page(split, tmp_path / "page.html")).attributes if name == "id"]
    assert names and len(set(names)) == len(names)


@pytest.mark.parametrize("library", ["altair", "vl_convert", "jinja2", "matplotlib"])
def test_a_missing_library_is_named_by_the_command_that_installs_it(library, split, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    for part in ("figures", "charts", "pages"):
        monkeypatch.delitem(sys.modules, f"optbudget.report.{part}", raising=False)
        monkeypatch.delattr(f"optbudget.report.{part}", raising=False)
    with pytest.raises(MissingExtraError, match=r"^pip install 'optbudget\[report\]'$"):
        plot(split) if library == "matplotlib" else page_of(split, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def page_of(answer, path):
    """`page`, looked up anew: the fixture took its libraries away after this file was imported."""
    import optbudget.report

    return optbudget.report.page(answer, path)


# -- tables ------------------------------------------------------------------------------------


def test_numbers_beside_the_paper(ads):
    begin, spread = paper_populations(ads.problem)
    splits = [allocate(ads, begin, budget) for budget in BUDGETS]
    greedy = [allocate(ads, spread, COPIES * budget) for budget in BUDGETS]
    uniform = [allocate(ads, spread, COPIES * budget, method="uniform") for budget in BUDGETS]
    curves, alone, together = demo_grids(ads, splits, greedy, uniform)
    assert [row[1] for row in alone.rows] == ["8,423.3", "11,087.3", "15,701.3", "18,114.2"]
    assert [row[4] for row in alone.rows] == ["-213.4", "-182.3", "-9.3", "-4.2"]
    assert [row[3] for row in curves.rows[:5]] == ["same"] * 5
    assert curves.rows[5][:2] == ("segments, begin", "541")
    shown = [float(row[1].replace(",", "")) for row in together.rows]
    assert np.abs(np.array(shown) / GBA - 1).max() < 0.01
    assert all(float(row[6].rstrip("%")) < 0 for row in together.rows)


def test_a_number_that_differs_from_the_paper_is_not_called_the_same(ads):
    richer = replace(ads, curves=replace(ads.curves, length=ads.curves.length * 1.01))
    assert [row[3] for row in curves_beside_paper(richer).rows[:4]] == ["differs"] * 4


def test_rows_of_an_allocation_add_up(split):
    shares = units_by_state(split)
    assert sum(share.spent for share in shares) == pytest.approx(split.spent, rel=1e-12)
    assert sum(share.value for share in shares) == pytest.approx(split.value, rel=1e-12)
    assert sum(share.units for share in shares) == 1000
    grid = allocation_grid(split)
    assert len(grid.rows) == split.state.size
    assert sum(bool(row[3]) for row in grid.rows) in (0, 2)


def test_long_tables_say_what_they_leave_out(ads, split):
    assert curve_grid(ads, limit=5).note == "and 10 more states"
    assert "2 more states are not shown" in allocation_grid(split, limit=1).note


def test_a_narrow_terminal_cuts_no_name_off():
    """Two names that begin alike must be told apart in every width."""
    grid = Grid(
        "t", ("state", ">units", "why"), (("searching_1", "1,000", "b" * 40), ("searching_2", "2", "c"))
    )
    out = io.StringIO()
    Console(file=out, width=30).print(grid.to_rich())
    assert "…" not in out.getvalue() and "1,000" in out.getvalue()


def test_names_are_not_read_as_markup_in_the_terminal():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(Grid(HOSTILE, (HOSTILE, ">n"), ((HOSTILE, "1"),), HOSTILE).to_rich())
    assert console.export_text().count("[red]co[/red]") == 4


@given(st.floats(1.0, 9.999), st.integers(-5, 13), st.integers(1, 12), st.sampled_from([1, -1]))
def test_a_written_number_reads_back_to_its_digits(mantissa, exponent, digits, sign):
    value = sign * mantissa * 10.0**exponent
    text = number(value, digits)
    assert "e" not in text
    read = float(text.replace(",", "").replace("−", "-"))
    assert math.isclose(read, value, rel_tol=0.5001 * 10.0 ** (1 - digits))
