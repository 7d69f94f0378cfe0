"""Curves from prices: what walking and sweeping certify, held against whole-curve rational backups."""

import importlib
from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of
from test_backward_pass import medium

from optbudget.budgeted import price_sweep, solve, walk
from optbudget.budgeted import threads as threads_of
from optbudget.budgeted.backward_pass import Sweep, passes
from optbudget.budgeted.bracket import curves_from_lines, state_gaps
from optbudget.budgeted.intervals import Bracket
from optbudget.budgeted.lines import GrowingLines, PriceLines
from optbudget.budgeted.refine import BATCH, refine
from optbudget.budgeted.remember import remembered_lines
from optbudget.curves import Curves
from optbudget.errors import LimitError, UsageError
from optbudget.files import load_model
from optbudget.problems.examples import two_action_example
from optbudget.status import Solution, Termination
from optbudget.workers import Checkpoint, Monitor

from reference import concave_points, rational_backup

MODELS = Path(__file__).parents[1] / "models"


def truth_of(plain):
    return rational_backup(**plain)


def exact_value(vertices, budget):
    """Value of an exact curve at a budget; None below its beginning."""
    budget = Fraction(budget)
    if budget < vertices[0][0]:
        return None
    for (b1, v1), (b2, v2) in pairwise(vertices):
        if budget <= b2:
            return v1 + (v2 - v1) * (budget - b1) / (b2 - b1)
    return vertices[-1][1]


def assert_certified(answer, truth):
    """Achievable everywhere, and nowhere further below the truth than its gap says."""
    for state, (curve, vertices) in enumerate(zip(answer.curves, truth, strict=True)):
        assert curve.start_budget == pytest.approx(float(vertices[0][0]), abs=1e-12)
        assert (curve.length > 0).all() and (curve.gain > 0).all()
        assert (np.diff(curve.prices) < 0).all()
        for budget in {*curve.budgets.tolist(), *(float(b) for b, _ in vertices)}:
            best = exact_value(vertices, budget)
            if best is None:  # a budget that rounding put just below the least feasible one
                continue
            best, ours = float(best), float(curve.value(budget))
            if np.isneginf(ours):
                continue
            assert ours <= best + 1e-11 * (1 + abs(best))
            assert best - ours <= answer.state_gap[state] * (1 + abs(ours)) + 1e-15
    assert answer.gap == answer.state_gap.max()


# -- against rational arithmetic -------------------------------------------------------------------


@given(plain_models())
def test_walking_finds_every_vertex(plain):
    answer = walk(problem_of(plain))
    truth = truth_of(plain)
    assert_certified(answer, truth)
    assert answer.gap <= 1e-9 and answer.outcome.termination is Termination.OPTIMAL
    for curve, vertices in zip(answer.curves, truth, strict=True):
        assert len(curve) == len(vertices) - 1
        np.testing.assert_allclose(curve.budgets, [float(b) for b, _ in vertices], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(curve.values, [float(v) for _, v in vertices], rtol=1e-12, atol=1e-12)


@given(plain_models(), st.sampled_from([0.3, 0.03, 1e-3]))
def test_sweeping_certifies_its_tolerance(plain, tolerance):
    answer = price_sweep(problem_of(plain), tolerance=tolerance)
    assert_certified(answer, truth_of(plain))
    assert answer.gap <= tolerance
    assert answer.outcome.solution is Solution.CERTIFIED


@given(plain_models(max_horizon=3), st.sampled_from(["walk", "sweep"]))
def test_kept_stages_are_shorter_problems_with_their_own_gaps(plain, method):
    answer = solve(problem_of(plain), method=method, tolerance=0.01, keep_stages=True)
    assert [stage.stage for stage in answer.stages] == list(range(1, plain["horizon"]))
    for stage in answer.stages:
        assert_certified(stage, truth_of(plain | {"horizon": plain["horizon"] - stage.stage}))
        assert stage.gap <= 0.01
        assert answer.at_stage(stage.stage) is stage


@given(plain_models(), st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.sampled_from(["walk", "sweep"]))
def test_a_cap_cuts_the_curves(plain, cap, method):
    problem = problem_of(plain, budget_cap=cap)
    answer, whole = solve(problem, method=method, tolerance=0.01), walk(problem_of(plain))
    truth = truth_of(plain)
    assert answer.gap <= 0.01
    for state, curve in enumerate(answer.curves):
        start = float(truth[state][0][0])
        assert curve.largest_useful_budget <= max(cap, start) * (1 + 1e-12)
        for budget in np.linspace(start, max(cap, start), 5):
            best = float(whole.curves[state].value(max(budget, whole.curves[state].start_budget)))
            ours = float(curve.value(max(budget, curve.start_budget)))
            assert -1e-9 <= best - ours <= answer.gap * (1 + abs(ours)) + 1e-12
    points = answer.curves.length.size + len(answer)
    assert answer.spend_variance.size == answer.first_action.size == points


def test_variance_at_the_cap_is_the_mixtures():
    # One decision, cap 1/2: half the time 1 is spent, so the variance of the spend is 1/4.
    answer = walk(replace(two_action_example(horizon=1), budget_cap=0.5))
    np.testing.assert_allclose(answer.variance("s"), [0.0, 0.25])
    np.testing.assert_allclose(answer["s"].budgets, [0.0, 0.5])
    np.testing.assert_allclose(answer["s"].values, [1.0, 5.5])


# -- the bracket ------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=5),
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.integers(-6, 2),
    st.lists(st.tuples(st.integers(0, 4), st.integers(-4, 12)), min_size=1, max_size=5),
)
def test_gap_is_the_largest_over_all_budgets(lengths, slopes, value, drawn):
    slopes = sorted(set(slopes), reverse=True)
    steps = [(length, slope) for length, slope in zip(lengths, slopes, strict=False) if length > 0]
    curves = Curves(
        np.zeros(1), np.array([float(value)]), np.array([0, len(steps)]),
        np.array([float(length) for length, _ in steps]),
        np.array([float(length * slope) for length, slope in steps]),
    )  # fmt: skip
    price = np.array([np.inf, *sorted({float(p) for p, _ in drawn} | {0.0}, reverse=True)])
    heights = dict(drawn)
    intercept = np.array([[np.inf, *(float(heights.get(p, 13)) for p in price[1:])]])
    zero = np.zeros_like(intercept)
    lines = PriceLines(price, zero, zero, zero, intercept, zero.astype(np.int32), zero[0], zero[0])
    at = np.linspace(0, 60, 60 * 16 + 1)
    upper = np.min(intercept[0, 1:, None] + price[1:, None] * at, axis=0)
    lower = curves[0].value(at)
    brute = ((upper - lower) / (1 + np.abs(lower))).max()
    gap = state_gaps(curves, lines)[0]
    assert gap >= max(brute, 0) - 1e-12
    # Kinks and zeros may fall between grid points, where the quotient changes by its slope at most.
    assert gap <= max(brute, 0) + (4 + 4 * 16) / 16


@given(
    st.integers(-4, 4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=8),
    st.sampled_from([1.0, 0.1, 1e9]),
)
def test_curves_are_the_concave_hulls_of_their_points(value, steps, unit):
    points = [(0, value)]
    for more, gain in steps:
        points.append((points[-1][0] + more, points[-1][1] + gain))
    start = max(v for b, v in points if b == 0)
    spend = unit * np.array([[float(b) for b, _ in points]])
    worth = unit * np.array([[float(start if b == 0 else v) for b, v in points]])
    column = np.arange(len(points), dtype=np.float64)
    lines = PriceLines(
        column[::-1],
        spend,
        worth,
        spend**2,
        spend,
        np.arange(len(points), dtype=np.int32)[None],
        column,
        column,
    )
    curves, variance, action = curves_from_lines(lines)
    expected = concave_points(points)
    assert len(curves[0]) == len(expected) - 1
    np.testing.assert_allclose(curves[0].budgets, unit * np.array([float(b) for b, _ in expected]))
    np.testing.assert_allclose(curves[0].values, unit * np.array([float(v) for _, v in expected]), atol=1e-9)
    np.testing.assert_allclose(variance, curves[0].budgets ** 2)
    np.testing.assert_array_equal(spend[0, action], curves[0].budgets)


def test_gap_by_hand():
    # L: from (0, 0) to (2, 4), flat from there; U: least of 1 + 3b and 5. Kink at 4/3: (5 - 8/3)/(1 + 8/3).
    curves = Curves(np.zeros(1), np.zeros(1), np.array([0, 1]), np.array([2.0]), np.array([4.0]))
    price, zero = np.array([np.inf, 3.0, 0.0]), np.zeros((1, 3))
    intercept = np.array([[np.inf, 1.0, 5.0]])
    lines = PriceLines(price, zero, zero, zero, intercept, zero.astype(np.int32), zero[0], zero[0])
    assert state_gaps(curves, lines)[0] == pytest.approx(1.0, rel=1e-9)  # at 0: (1 - 0)/(1 + 0)
    raised = replace(curves, start_value=np.array([1.0]))
    assert state_gaps(raised, lines)[0] == pytest.approx((5 - (1 + 8 / 3)) / (2 + 8 / 3), rel=1e-9)


@pytest.mark.parametrize("left_out", [0, -1])
def test_nothing_is_certified_without_an_end(left_out):
    lines = passes(two_action_example(horizon=2), [np.inf, 9.0, 0.0])[0]
    curves = curves_from_lines(lines)[0]
    assert state_gaps(curves, lines)[0] < 1e-12
    kept = np.delete(np.arange(3), left_out)
    assert np.isinf(state_gaps(curves, lines.take(kept))[0])


def test_a_curve_that_begins_too_late_is_not_certified():
    lines = passes(two_action_example(horizon=2), [np.inf, 9.0, 0.0])[0]
    curves = curves_from_lines(lines)[0]
    assert np.isinf(state_gaps(replace(curves, start_budget=curves.start_budget + 1e-9), lines)[0])


def test_gathered_lines_are_sorted_and_distinct():
    problem = medium()
    one, two = passes(problem, [np.inf, 2.0, 0.5, 0.0])[0], passes(problem, [4.0, 2.0, 0.25])[0]
    joined, growing = PriceLines.gather([one, two]), GrowingLines(one)
    growing.add(two)
    np.testing.assert_array_equal(joined.price, [np.inf, 4.0, 2.0, 0.5, 0.25, 0.0])
    np.testing.assert_array_equal(growing.price, joined.price)
    np.testing.assert_array_equal(growing.finish().spend, joined.spend)


@pytest.mark.parametrize("large", [0, 1 << 30])
def test_intervals_are_what_all_lines_at_once_say(large, monkeypatch):
    # Left as they came (0) or joined, and looked at only where a price has come in between.
    monkeypatch.setattr("optbudget.budgeted.lines.LARGE", large)
    problem = medium()
    bracket = Bracket(passes(problem, [np.inf, 2.0, 0.0])[0], 1e-3, None)
    for prices in ([4.0, 3.0, 1.0], [2.0, 0.25], [8.0, 2.5, 0.5, 0.01], [3.0]):
        bracket.add(passes(problem, prices)[0])
    known = bracket.intervals
    lines = passes(problem, bracket.price)[0]
    whole, grown = Bracket(lines, 1e-3, None).intervals, bracket.lines.finish()
    for name in ("worst", "gap", "low", "high"):
        np.testing.assert_array_equal(getattr(known, name), getattr(whole, name))
    for field in fields(lines):
        np.testing.assert_array_equal(getattr(grown, field.name), getattr(lines, field.name))


# -- the paper's instance -----------------------------------------------------------------------


def test_synthetic_ad():
    # Boutilier & Lu 2016, section 4.7, prints 11.77, 4.09, 22.31; rational arithmetic has 541 segments.
    answer = walk(load_model(MODELS / "synthetic_ad"))
    assert answer.gap <= 1e-9
    assert (answer["begin"].length > 1e-12).sum() == 541
    for state, budget in (("begin", 11.77), ("uninterested", 4.09), ("search_3", 22.31)):
        assert round(answer[state].largest_useful_budget, 2) == budget
    assert answer.prices.size < 600


def test_synthetic_ad_swept_agrees_with_walked():
    problem = load_model(MODELS / "synthetic_ad")
    swept, walked = solve(problem, method="sweep", tolerance=1e-3), walk(problem)
    assert swept.gap <= 1e-3 and swept.prices.size < 140
    for ours, exact in zip(swept.curves, walked.curves, strict=True):
        at = np.union1d(ours.budgets, exact.budgets)
        below = exact.value(at) - ours.value(at)
        assert (below >= -1e-9).all() and (below <= 1e-3 * (1 + np.abs(ours.value(at)))).all()


# -- refining: when it stops, and how it goes on ---------------------------------------------------


def counted(problem):
    sweep, asked = Sweep(problem), []

    def oracle(prices):
        asked.append(prices)
        return sweep.lines(prices)

    return oracle, {0: sweep.ends().lines[0]}, asked


def test_prices_are_asked_for_in_full_batches_and_never_twice():
    oracle, ends, asked = counted(medium())
    lines, stopped = refine(oracle, ends, 1e-4)
    assert stopped is None
    everything = np.concatenate(asked)
    assert np.unique(everything).size == everything.size == len(lines[0]) - 2
    assert all((np.diff(prices) < 0).all() and prices.size <= BATCH for prices in asked)


def test_limits_keep_what_is_in_hand():
    oracle, ends, _ = counted(medium())
    lines, stopped = refine(oracle, ends, 1e-6, most_prices=40)
    assert stopped is Termination.NUMERICAL and 20 < len(lines[0]) <= 40
    lines, stopped = refine(oracle, ends, 1e-6, monitor=Monitor(time_limit=0))
    assert stopped is Termination.TIME_LIMIT and len(lines[0]) == 2

    def full(prices):
        raise LimitError("full")

    assert refine(full, ends, 1e-6)[1] is Termination.MEMORY_LIMIT
    answer = price_sweep(medium(), tolerance=1e-6, monitor=Monitor(time_limit=0))
    assert answer.outcome.termination is Termination.TIME_LIMIT
    assert answer.outcome.solution is Solution.CERTIFIED
    assert np.isfinite(answer.gap) and "time limit" in answer.outcome.message


def test_a_tolerance_below_rounding_says_what_it_certified():
    answer = price_sweep(medium(states=12), tolerance=1e-18)
    assert answer.outcome.termination is Termination.OPTIMAL  # because the gap is below 1e-9
    assert 1e-18 < answer.gap < 1e-10


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("optbudget.budgeted.remember"), "EVERY", 0.0)
    problem, folder = medium(), tmp_path / "run.checkpoint"
    whole = price_sweep(problem, tolerance=1e-3)
    calls = []
    lines = Sweep.lines

    def interrupted(self, prices, *, monitor=None):
        calls.append(prices)
        return None if len(calls) == 3 else lines(self, prices, monitor=monitor)

    monkeypatch.setattr(Sweep, "lines", interrupted)
    half = price_sweep(problem, tolerance=1e-3, checkpoint=Checkpoint(folder, "key"))
    assert half.gap > 1e-3
    calls[:] = [None] * 3
    again = price_sweep(problem, tolerance=1e-3, checkpoint=Checkpoint(folder, "key"))
    np.testing.assert_array_equal(again.prices, whole.prices)
    np.testing.assert_array_equal(again.curves.gain, whole.curves.gain)
    first = -(-(whole.prices.size - 2) // BATCH)
    assert 0 < len(calls) - 3 < first


def test_answers_under_another_price_are_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("optbudget.budgeted.remember"), "EVERY", 0.0)
    checkpoint = Checkpoint(tmp_path / "c", "key")
    sweep = Sweep(two_action_example(horizon=2))
    remembered_lines(lambda prices: sweep.lines(prices), checkpoint, "batch")(np.array([3.0]))
    asked = []

    def oracle(prices):
        asked.append(prices)
        return sweep.lines(prices)

    assert remembered_lines(oracle, checkpoint, "batch")(np.array([3.0]))[0].price == [3.0]
    assert not asked
    assert remembered_lines(oracle, checkpoint, "batch")(np.array([2.0]))[0].price == [2.0]
    assert len(asked) == 1


def test_walking_gives_up_with_what_it_has():
    answer = walk(medium(), most_passes=40)
    assert np.isfinite(answer.gap)
    limited = walk(medium(), monitor=Monitor(time_limit=0))
    assert limited.outcome.termination is Termination.TIME_LIMIT
    assert limited.outcome.solution is Solution.CERTIFIED


# -- the door ---------------------------------------------------------------------------------


def test_auto_says_what_it_chose_and_why():
    assert solve(two_action_example(horizon=3)).outcome.message.startswith("walked: 1 states x 3 stages = 3")
    swept = solve(medium(states=1000, horizon=6))
    assert swept.method == "sweep" and "swept to 1e-04: 1,000 states x 6 stages" in swept.outcome.message
    assert solve(two_action_example()).outcome.message.startswith("walked: infinite horizon")


def test_options_that_do_not_fit_are_refused():
    finite, infinite = two_action_example(horizon=2), two_action_example()
    for problem, options, words in (
        (finite, {"tolerance": -1.0}, "tolerance"),
        (finite, {"tolerance": float("nan")}, "tolerance"),
        (finite, {"method": "simplex"}, "auto, exact, walk or sweep"),
        (finite, {"threads": 0}, "at least 1"),
        (infinite, {"method": "exact"}, "finite horizon"),
        (infinite, {"keep_stages": True}, "every stage"),
    ):
        with pytest.raises(UsageError, match=words):
            solve(problem, **options)


@pytest.mark.parametrize("method", ["walk", "sweep", "exact"])
def test_threads_do_not_change_a_bit(method, monkeypatch):
    monkeypatch.setattr(threads_of, "SMALL", 0)
    problem = medium(states=60, horizon=4)
    one, two = (solve(problem, method=method, tolerance=1e-3, threads=k) for k in (1, 2))
    for name in ("start_budget", "start_value", "length", "gain"):
        np.testing.assert_array_equal(getattr(one.curves, name), getattr(two.curves, name))
    np.testing.assert_array_equal(one.prices, two.prices)
