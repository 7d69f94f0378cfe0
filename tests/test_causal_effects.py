"""Effects: the arithmetic against rational normal equations, known models, and what is refused."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.causal.answer import answer_question
from optbudget.causal.doubly_robust import doubly_robust
from optbudget.causal.effects import estimate_effects
from optbudget.causal.equivalence import parent_sets
from optbudget.causal.overlap import propensities
from optbudget.causal.regression import Regressions, t_quantile
from optbudget.errors import ProblemError
from optbudget.problems import CausalGraph, CausalQuestion, History
from optbudget.problems.effects import ZERO
from optbudget.problems.history_checks import require_variation

from reference import first_coefficient

QUESTION = CausalQuestion(("x",), ("d", "e"), ("y", "z"))
GRAPH = CausalGraph.of(
    QUESTION.columns, [("x", "d"), ("x", "e"), ("x", "y"), ("d", "y"), ("e", "y"), ("e", "z")]
)
EFFECTS = {("d", "y"): 2.0, ("d", "z"): 0.0, ("e", "y"): -1.0, ("e", "z"): 0.5}


def planted(rows, seed):
    """Revenue x moves both decisions and the outcome; d and e act on y, e alone on z."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    d, e = x + rng.normal(size=rows), rng.normal(size=rows) - x
    y = 2 * d - e + 3 * x + rng.normal(size=rows)
    return History(QUESTION, np.column_stack((x, d, e, y, 0.5 * e + rng.normal(size=rows))))


def effects_of(columns, roles, edges=(), **options):
    question = CausalQuestion(*roles)
    values = np.column_stack([np.asarray(columns[name], dtype=float) for name in question.columns])
    levels = options.pop("levels", {})
    graph = CausalGraph.of(options.pop("names", question.columns), edges, options.pop("undirected", ()))
    return estimate_effects(History(question, values, levels), graph, refutations=0, **options)


@given(st.lists(st.lists(st.integers(-4, 4), min_size=5, max_size=5), min_size=6, max_size=9))
@settings(max_examples=80, deadline=None)
def test_coefficients_and_errors_are_those_of_the_normal_equations(table):
    columns = list(zip(*table, strict=True))
    question = CausalQuestion(("a", "b"), ("d",), ("y", "z"))
    regressions = Regressions(History(question, np.array(table, dtype=float)))
    expected = [first_coefficient((columns[2], columns[0], columns[1]), columns[k]) for k in (3, 4)]
    assert bool(regressions.obstacle("d", ("a", "b"))) == (expected[0] is None)
    if expected[0] is None:
        return
    fit = regressions.fit("d", ("a", "b"), ("y", "z"))
    for k, (effect, variance) in enumerate(expected):
        assert fit.effect[k] == pytest.approx(float(effect), abs=1e-9)
        assert fit.std_error[k] == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-7)


def test_large_numbers_far_from_zero_lose_nothing():
    history = planted(200, 0)
    far = History(QUESTION, history.values * 1e-3 + 1e6)
    one, other = (Regressions(each).fit("d", ("x", "e"), ("y",)) for each in (history, far))
    assert other.effect == pytest.approx(one.effect, rel=1e-6)


@pytest.mark.parametrize("exponent", [-1020, -700, 700, 1015])
@pytest.mark.parametrize("name", QUESTION.columns)
def test_effects_do_not_depend_on_the_units_of_a_column(name, exponent):
    """Squares of such numbers are no doubles; the effects are, or say that they are none."""
    history = planted(80, 0)
    values = history.values.copy()
    values[:, QUESTION.columns.index(name)] *= 2.0**exponent
    for robust in (False, True):
        plain = estimate_effects(history, GRAPH, refutations=0, robust=robust)
        found = estimate_effects(History(QUESTION, values), GRAPH, refutations=0, robust=robust)
        for row, expected in zip(found.rows, plain.rows, strict=True):
            units = exponent * ((name == row.outcome) - (name == row.decision))
            if row.estimate is None:
                assert abs(units) > 1000 and f"{row.decision} on {row.outcome} are too large" in row.reason
                continue
            for number in ("effect", "std_error", "lower", "upper"):
                scaled = math.ldexp(getattr(row.estimate, number), -units)
                assert scaled == pytest.approx(getattr(expected.estimate, number), rel=1e-9, abs=1e-12)


def test_what_no_number_holds_is_refused_by_name():
    values = planted(80, 0).values * np.array([1.0, 1e-200, 1.0, 1e200, 1.0])
    found = estimate_effects(History(QUESTION, values), GRAPH, refutations=0)
    assert found["d", "y"].tiers.estimate is None and found["d", "z"].tiers.identified
    assert "effects of d on y are too large or too small for a number" in found["d", "y"].tiers.reason


@pytest.mark.parametrize("exponent", [-700, 700])
def test_doubly_robust_effects_do_not_depend_on_units(exponent):
    history = planted(200, 0)
    values = np.column_stack((history.column("x"), history.column("d") > 0, history.column("y")))
    question = CausalQuestion(("x",), ("d",), ("y",))
    units = np.ldexp(1.0, [-exponent, 0, exponent])
    for target in ("all", "treated"):
        plain, scaled = (
            doubly_robust(History(question, each), "d", "y", ("x",), target=target)
            for each in (values, values * units)
        )
        for number in ("effect", "std_error", "lower", "upper"):
            found = math.ldexp(getattr(scaled, number), -exponent)
            assert found == pytest.approx(getattr(plain, number), rel=1e-9)


def hidden_cause(rows=400):
    """z moves x, x moves m, m moves y; x and y have a hidden cause; errors grow with x."""
    rng = np.random.default_rng(9)
    z, u = rng.normal(size=(2, rows))
    x = 0.7 * z + u + rng.normal(size=rows)
    m = 0.9 * x + rng.normal(size=rows) * (1 + abs(x))
    return z, x, m, 1.3 * m - 1.5 * u + rng.normal(size=rows)


@pytest.mark.parametrize("unit", [1.0, 2.0**-600, 2.0**600])
def test_robust_errors_without_an_adjustment_set(unit):
    """HC3 of each regression, put together by the delta method; the instrument's in the same way."""
    z, x, m, y = hidden_cause()
    edges = [("z", "x"), ("u", "x"), ("u", "y")]
    columns, names = {"z": z, "x": x, "m": m, "y": y * unit}, ("z", "x", "m", "y", "u")
    roles = (("z",), ("x",), ("m", "y"))
    door = effects_of(columns, roles, [*edges, ("x", "m"), ("m", "y")], names=names, robust=True)
    known = door["x", "y"].graph.known
    (a, of_a), (b, of_b) = hc3(m, x), hc3(y, m, x)
    assert (door["x", "y"].graph.method, known.effect) == (
        "front-door",
        pytest.approx(a * b * unit, rel=1e-9, abs=0),
    )
    assert known.std_error == pytest.approx(math.hypot(of_a * b, of_b * a) * unit, rel=1e-9, abs=0)
    del columns["m"]
    straight = effects_of(
        columns, (("z",), ("x",), ("y",)), [*edges, ("x", "y")], names=("z", "x", "y", "u"), robust=True
    )
    known, wald = straight["x", "y"].graph.known, hc3(y, z)[0] / hc3(x, z)[0]
    assert (straight["x", "y"].graph.method, known.effect) == (
        "instrument",
        pytest.approx(wald * unit, rel=1e-9, abs=0),
    )
    assert known.std_error == pytest.approx(
        hc3(y - wald * x, z)[1] / abs(hc3(x, z)[0]) * unit, rel=1e-9, abs=0
    )


def hc3(y, *columns):
    """First coefficient and its HC3 error, by the normal equations."""
    design = np.column_stack((np.ones(len(y)), *columns))
    inverse = np.linalg.inv(design.T @ design)
    coefficient = inverse @ design.T @ y
    leverage = np.diag(design @ inverse @ design.T)
    meat = design.T @ np.diag(((y - design @ coefficient) / (1 - leverage)) ** 2) @ design
    return coefficient[1], math.sqrt((inverse @ meat @ inverse)[1, 1])


def test_robust_errors_are_hc3():
    history = planted(40, 1)
    _, expected = hc3(*(history.column(name) for name in ("y", "d", "x", "e")))
    found = Regressions(history, robust=True).fit("d", ("x", "e"), ("y",)).std_error[0]
    assert found == pytest.approx(expected, rel=1e-10)


def test_t_quantiles():
    """Of any table of Student's law."""
    assert [round(t_quantile(0.95, n), 3) for n in (1, 5, 30)] == [12.706, 2.571, 2.042]


def test_a_planted_model_is_found_by_both_adjustments():
    found = estimate_effects(planted(4000, 3), GRAPH, refutations=0)
    for pair, truth in EFFECTS.items():
        for row in found[pair]:
            assert abs(row.known.effect - truth) <= max(4 * row.known.std_error, 1e-12)
    zero = found["d", "z"].graph
    assert (zero.method, zero.known.effect, zero.known.std_error) == ("no path", 0.0, 0.0)
    assert "no causal path leads from d to z" in zero.reason
    assert found["d", "y"].tiers.adjusted_for == ("x", "e")
    assert found["e", "z"].graph.adjusted_for == ()
    naive = effects_of({"d": planted(4000, 3).column("d"), "y": planted(4000, 3).column("y")},
                       ((), ("d",), ("y",)))["d", "y"].tiers.known  # fmt: skip
    assert abs(naive.effect - 2.0) > 10 * naive.std_error


def coverage(seeds, rows):
    hits = [
        row.known.lower <= truth <= row.known.upper
        for seed in seeds
        for pair, truth in EFFECTS.items()
        for row in [estimate_effects(planted(rows, seed), GRAPH, refutations=0)[pair].tiers]
    ]
    return float(np.mean(hits))


def test_intervals_by_tiers_cover():
    """100 data sets, 400 intervals of 95 %: within 4 standard deviations of 0.95, and not all of them."""
    assert 0.906 <= coverage(range(100), 60) < 0.99


@pytest.mark.nightly
def test_intervals_by_tiers_cover_in_500_data_sets():
    assert 0.93 <= coverage(range(500), 200) <= 0.97


def test_a_discrete_context_is_taken_level_by_level():
    rng = np.random.default_rng(4)
    area = rng.integers(0, 3, 600)
    lift = np.array([0.0, 5.0, -5.0])[area]
    d = lift + rng.normal(size=600)
    y = d + 4 * lift**2 + 0.1 * rng.normal(size=600)
    found = effects_of({"area": area, "d": d, "y": y}, (("area",), ("d",), ("y",)),
                       levels={"area": ("north", "south", "west")})  # fmt: skip
    assert found["d", "y"].tiers.known.effect == pytest.approx(1.0, abs=0.02)


def refused(columns, roles, decision, outcome, **options):
    row = effects_of(columns, roles, **options)[decision, outcome].tiers
    assert not row.identified
    return row.reason


N = np.random.default_rng(5).normal(size=(6, 40))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"x": N[0], "d": np.full(40, 3.0), "y": N[1]}, "d does not vary"),
        ({"x": N[0], "d": 2 * N[0] + 1, "y": N[1]}, "d is a linear combination of x"),
        ({"x": N[0], "d": N[2], "y": np.zeros(40)}, "y does not vary"),
        ({"x": N[0][:3], "d": N[2][:3], "y": N[1][:3]}, "3 rows are too few"),
        ({"x": N[0], "d": (N[0] > 0) * 1.0, "y": N[1]}, "no overlap: x tell"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(columns, says):
    assert says in refused(columns, (("x",), ("d",), ("y",)), "d", "y")


@pytest.mark.parametrize("lone", [1.0, 1e9])
def test_a_row_that_is_fitted_whatever_it_is_has_no_robust_error(lone):
    """Its residual and one less its leverage are rounding, and their ratio is any number."""
    alone = np.zeros(40)
    alone[6] = lone
    columns = {"x": alone, "z": N[1], "d": N[2], "y": N[3]}
    roles = (("x", "z"), ("d",), ("y",))
    reason = refused(columns, roles, "d", "y", robust=True)
    assert reason.startswith("row 7 has no like in x, so") and "--robust" in reason
    assert effects_of(columns, roles)["d", "y"].tiers.identified
    hidden = [("x", "d"), ("h", "d"), ("h", "y"), ("d", "y")]
    through = effects_of(columns, roles, hidden, names=("x", "z", "d", "y", "h"), robust=True)["d", "y"].graph
    assert through.reason.startswith("row 7 has no like in x, so") and "instrument x" in through.reason


@pytest.mark.parametrize("still", ["x", "m", "z"])
def test_what_is_rounding_is_not_adjusted_for_nor_gone_through(still):
    """Context, mediator and instrument about 1e14 that vary in the last digits alone."""
    columns = dict(zip("xmzdy", N, strict=False))
    columns[still] = 1e14 + columns[still] / 30
    roles = (("x", "z"), ("d",), ("m", "y"))
    hidden = [("h", "d"), ("h", "y")]
    ways = {"x": [("x", "d"), ("x", "y"), ("d", "y")], "m": [*hidden, ("d", "m"), ("m", "y")],
            "z": [*hidden, ("z", "d"), ("d", "y")]}  # fmt: skip
    names = ("x", "z", "d", "m", "y", "h")
    found = effects_of(columns, roles, ways[still], names=names)["d", "y"].graph
    assert not found.identified and found.reason.startswith(f"{still} varies by ")


def test_columns_as_wide_as_doubles_are_no_overflow():
    columns = {"x": np.where(N[0] > 0, 1.7e308, -1.7e308), "d": N[1], "y": N[2]}
    same = columns | {"x": np.sign(N[0])}
    roles = (("x",), ("d",), ("y",))
    wide, plain = (effects_of(each, roles)["d", "y"].tiers.known for each in (columns, same))
    assert wide.effect == pytest.approx(plain.effect, rel=1e-12)
    require_variation(History(CausalQuestion(*roles), np.column_stack([columns[name] for name in "xdy"])))


def test_levels_without_an_order_are_no_decision_and_no_outcome():
    codes = np.arange(40.0) % 3
    labels = ("a", "b", "c")
    roles = ((), ("d",), ("y",))
    assert "3 levels" in refused({"d": codes, "y": N[0]}, roles, "d", "y", levels={"d": labels})
    assert "3 levels" in refused({"d": N[0], "y": codes}, roles, "d", "y", levels={"y": labels})


def test_collinear_context_is_named():
    columns = {"a": N[0], "b": N[1], "c": N[0] - N[1], "d": N[2], "y": N[3]}
    reason = refused(columns, (("a", "b", "c"), ("d",), ("y",)), "d", "y")
    assert "c is a linear combination of a, b" in reason


def test_a_hidden_cause_is_named_and_refused():
    names = ("h", "d", "y")
    found = effects_of({"d": N[0], "y": N[1]}, ((), ("d",), ("y",)), names=names,
                       edges=[("h", "d"), ("h", "y"), ("d", "y")])["d", "y"].graph  # fmt: skip
    assert not found.identified
    assert "measuring h would identify" in found.reason


def hidden(rows=20_000):
    rng = np.random.default_rng(6)
    h, noise = rng.normal(size=rows), rng.normal(size=(4, rows))
    return h, noise


def test_an_instrument_finds_what_a_hidden_cause_hides():
    h, noise = hidden()
    z = noise[0]
    d = z + h + noise[1]
    y = 2 * d + 5 * h + noise[2]
    found = effects_of({"z": z, "d": d, "y": y}, (("z",), ("d",), ("y",)), names=("z", "d", "y", "h"),
                       edges=[("z", "d"), ("h", "d"), ("h", "y"), ("d", "y")])["d", "y"]  # fmt: skip
    assert (found.graph.method, found.graph.adjusted_for) == ("instrument", ("z",))
    assert abs(found.graph.known.effect - 2) < 4 * found.graph.known.std_error < 0.4
    assert found.tiers.known.effect > 3


def test_the_front_door_finds_what_a_hidden_cause_hides():
    h, noise = hidden()
    d = h + noise[0]
    m = 3 * d + noise[1]
    y = -0.5 * m + 4 * h + noise[2]
    found = effects_of({"d": d, "m": m, "y": y}, ((), ("d",), ("m", "y")), names=("d", "m", "y", "h"),
                       edges=[("h", "d"), ("h", "y"), ("d", "m"), ("m", "y")])["d", "y"].graph  # fmt: skip
    assert (found.method, found.adjusted_for) == ("front-door", ("m",))
    assert abs(found.known.effect + 1.5) < 4 * found.known.std_error < 0.3


def test_open_edges_give_the_range_over_the_class():
    rng = np.random.default_rng(7)
    d = rng.normal(size=500)
    e = d + rng.normal(size=500)
    y = e + rng.normal(size=500)
    found = effects_of({"d": d, "e": e, "y": y}, ((), ("d", "e"), ("y",)),
                       edges=[("e", "y")], undirected=[("d", "e")])["d", "y"]  # fmt: skip
    assert found.graph.method == "class"
    assert "d - e" in found.graph.reason
    assert [round(one.effect) for one in found.graph.members] == [1, 0]
    assert found.graph.candidates == found.graph.members


def test_an_open_edge_to_the_outcome_itself_may_be_no_effect():
    found = effects_of({"d": N[0], "y": N[0] + 0.1 * N[1]}, ((), ("d",), ("y",)), undirected=[("d", "y")])
    first, second = found["d", "y"].graph.members
    assert (round(first.effect), second) == (1, ZERO)


def test_parent_sets_make_no_new_collider():
    graph = CausalGraph.of(tuple("abcd"), [("c", "d")], [("a", "d"), ("b", "d"), ("a", "b"), ("a", "c")])
    assert list(parent_sets(graph, "d")) == [("c",), ("c", "a")]


def test_propensities_are_those_of_the_groups():
    x = np.repeat([0.0, 1.0], 50)
    d = np.concatenate((np.arange(50) < 10, np.arange(50) < 40)).astype(float)
    history = History(CausalQuestion(("x",), ("d",), ("y",)), np.column_stack((x, d, x)))
    found = propensities(Regressions(history), "d", ("x",))
    assert found[[0, 99]] == pytest.approx([0.2, 0.8], abs=1e-4)


def test_bad_arguments():
    with pytest.raises(ProblemError, match="no node 'e'"):
        estimate_effects(planted(20, 0), CausalGraph.of(("x", "d", "y", "z"), []), refutations=0)
    with pytest.raises(ProblemError, match="level"):
        estimate_effects(planted(20, 0), GRAPH, level=1.0, refutations=0)


@pytest.mark.parametrize(
    ("edges", "more", "says"),
    [
        ([("y", "d")], {}, "'y' -> 'd' goes from outcomes back to decisions"),
        ([("y", "h"), ("h", "i"), ("i", "x")], {}, "path 'y' -> 'h' -> 'i' -> 'x' goes from outcomes back"),
        ([("d", "y")], {"forbidden": (("d", "y"),)}, "'d' -> 'y' is forbidden"),
        ([("d", "y")], {"required": (("x", "y"),)}, "lacks the required edge 'x' -> 'y'"),
    ],
)
def test_a_given_graph_that_contradicts_the_question_is_refused(edges, more, says):
    history = History(CausalQuestion(("x",), ("d",), ("y",), **more), N[:3].T)
    graph = CausalGraph.of(("x", "d", "y", "h", "i"), edges)
    for ask in (estimate_effects, answer_question):
        with pytest.raises(ProblemError, match=re.escape(says)):
            ask(history, graph, refutations=0)


def test_hidden_nodes_have_no_tier_and_what_is_forbidden_between_columns_may_go_through_them():
    edges = [("h", "x"), ("h", "y"), ("d", "i"), ("i", "y")]
    question = CausalQuestion(("x",), ("d",), ("y",), forbidden=(("d", "y"),))
    graph = CausalGraph.of(("i", "x", "d", "y", "h"), edges, [("i", "h")])
    found = estimate_effects(History(question, N[:3].T), graph, refutations=0)
    assert found["d", "y"].tiers.identified


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_columns_of_any_scale_are_held_against_each_other(scale):
    history = planted(60, seed=1)
    values = history.values.copy()
    values[:, 2] *= scale
    require_variation(History(QUESTION, values))
    values[:, 1] = values[:, 2]
    with pytest.raises(ProblemError, match="same"):
        require_variation(History(QUESTION, values))


@pytest.mark.parametrize("options", [{"harm": {"y": 1}}, {"actions": {"act": {"d": 1.0}}}])
def test_text_of_which_nobody_knows_what_is_more_is_refused(options):
    name = "y" if "harm" in options else "d"
    question = CausalQuestion(("x",), ("d",), ("y",), **options)
    rng = np.random.default_rng(0)
    values = np.column_stack((rng.normal(size=50), rng.integers(0, 2, 50), rng.integers(0, 2, 50)))
    history = History(question, values, {name: ("lo", "hi")})
    with pytest.raises(ProblemError, match=f"column '{name}' holds text"):
        answer_question(history, bootstraps=0, refutations=0)


def test_a_column_that_doubles_cannot_hold_is_not_called_still():
    far = 1e15 + 0.25 * (np.arange(40) % 5)
    reason = refused({"d": far, "y": N[0]}, ((), ("d",), ("y",)), "d", "y")
    assert "d varies by 1 around 1e+15" in reason and "subtract" in reason


def test_context_that_is_the_same_in_every_row_needs_no_adjustment():
    """Of a subset of the rows: a number, a text, and a level that does not occur there."""
    rng = np.random.default_rng(8)
    season, area, kind = np.repeat([0.0, 1.0], 60), np.repeat([0.0, 1.0, 2.0], 40), rng.integers(4, size=120)
    d = season + kind + rng.normal(size=120)
    y = 2 * d - kind + rng.normal(size=120)
    question = CausalQuestion(("season", "area", "kind"), ("d",), ("y",))
    labels = {"area": ("n", "e", "s"), "kind": ("p", "q", "r", "t")}
    whole = History(question, np.column_stack((season, area, kind, d, y)), labels)
    graph = CausalGraph.of(question.columns, [(c, e) for c in question.context for e in "dy"] + [("d", "y")])
    some = whole.rows((season == 0) & (area == 0) & (kind > 0))
    for row in estimate_effects(some, graph, refutations=0)["d", "y"]:
        assert row.adjusted_for == ("kind",) and row.reason.endswith("in every row: season, area")
        x = np.column_stack((some.column("d"), *(some.column("kind") == k for k in (1, 2, 3))))
        assert row.known.effect == pytest.approx(np.linalg.lstsq(x, some.column("y"))[0][0])
    assert estimate_effects(whole, graph, refutations=0)["d", "y"].tiers.reason == ""
