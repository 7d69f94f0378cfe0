from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.budgeted import backward_pass
from optbudget.budgeted.exact import backup, exact_backup
from optbudget.budgeted.price_sweep import passes
from optbudget.budgeted.walk import walk
from optbudget.certify import verify
from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.files import load_model
from optbudget.problems import BudgetedMDP
from optbudget.problems.examples import two_action_example
from optbudget.status import Solution, Termination
from optbudget.workers import Checkpoint, Monitor

from reference import rational_backup

MODELS = Path(__file__).parents[1] / "models"


def backed_up(plain):
    keys = ("pairs", "terminal", "discount", "cost_discount", "horizon", "net")
    return rational_backup(*(plain[key] for key in keys))


def exact_numbers(problem, horizon):
    """The tables of a problem as decimal fractions, in the form of `rational_backup`."""

    def decimal(number):
        return Fraction(repr(float(number)))

    pairs = []
    for i in range(problem.n_states):
        options = []
        for pair in range(problem.pair_ptr[i], problem.pair_ptr[i + 1]):
            row = problem.pair_row[pair]
            span = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
            row = [(int(j), decimal(p)) for j, p in
                   zip(problem.next_state[span], problem.probability[span], strict=True)]  # fmt: skip
            options.append((decimal(problem.cost[pair]), decimal(problem.utility[pair]), row))
        pairs.append(options)
    terminal = [decimal(u) for u in problem.terminal_utility]
    rates = decimal(problem.discount), decimal(problem.cost_discount)
    return rational_backup(pairs, terminal, *rates, horizon, problem.reward == "net")


def assert_same_vertices(curves, expected, tolerance):
    for curve, points in zip(curves, expected, strict=True):
        points = np.array([(float(b), float(v)) for b, v in points])
        assert len(curve) == len(points) - 1
        np.testing.assert_allclose(curve.budgets, points[:, 0], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(curve.values, points[:, 1], rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def synthetic_ad():
    return load_model(MODELS / "synthetic_ad")


@pytest.fixture(scope="module")
def synthetic_answer(synthetic_ad):
    return exact_backup(synthetic_ad)


# -- known answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [1, 2, 50])
def test_two_action_example(horizon):
    # Boutilier & Lu 2016, section 2.2.3: buying costs 1 and wins 9 at every decision, so one edge of slope 9.
    total = (1 - 0.9**horizon) / (1 - 0.9)
    answer = exact_backup(two_action_example(horizon))
    curve = answer["s"]
    assert len(curve) == 1
    assert curve.budgets == pytest.approx([0, total])
    assert curve.values == pytest.approx([total, 10 * total])
    assert answer.outcome.termination is Termination.OPTIMAL
    if horizon == 50:
        assert float(curve.value(1.9)) == pytest.approx(total + 9 * 1.9)


def test_synthetic_ad_reproduces_the_paper(synthetic_ad, synthetic_answer):
    # Section 4.7, as recorded in published.toml.
    published = {"begin": 11.77, "uninterested": 4.09, "search_3": 22.31}
    for state, budget in published.items():
        assert round(synthetic_answer[state].largest_useful_budget, 2) == budget
    useful = [curve.largest_useful_budget for curve in synthetic_answer.curves if len(curve)]
    assert len(useful) == 12 and round(float(np.mean(useful)), 1) == 15.2
    values = [
        curve.values[-1]
        for label, curve in zip(synthetic_ad.labels, synthetic_answer.curves, strict=True)
        if label not in ("rival_conversion", "gone")
    ]
    assert len(values) == 13 and round(float(np.mean(values)), 1) == 56.5


def test_synthetic_ad_has_the_segments_of_rational_arithmetic(synthetic_answer):
    # Counted by a backup in fractions over all 50 stages.
    for state, segments in {"begin": 541, "uninterested": 501, "search_3": 444}.items():
        assert len(synthetic_answer[state]) == segments
    assert int((synthetic_answer["begin"].length > 1e-12).sum()) == 541


def test_synthetic_ad_is_certified(synthetic_answer):
    assert synthetic_answer.outcome.termination is Termination.OPTIMAL
    assert synthetic_answer.outcome.solution is Solution.CERTIFIED
    assert 0 <= synthetic_answer.gap <= 1e-9
    assert 0 < synthetic_answer.rounding <= 1e-9
    assert synthetic_answer.prices[0] == np.inf and synthetic_answer.prices[-1] == 0


def test_synthetic_ad_agrees_with_walking(synthetic_ad, synthetic_answer):
    walked = walk(synthetic_ad)
    for one, other in zip(synthetic_answer.curves, walked.curves, strict=True):
        np.testing.assert_allclose(other.value(one.budgets + 1e-12), one.values, atol=1e-9)
        np.testing.assert_allclose(one.value(other.budgets + 1e-12), other.values, atol=1e-9)


@pytest.mark.parametrize("exponents", [(-20, 30), (30, -20)])
def test_costs_from_millionths_to_billions(exponents):
    # Two independent purchases, one tiny and one huge: both must be on the curve, dearest slope first.
    small, large = 2.0 ** min(exponents), 2.0 ** max(exponents)
    plain = {
        "pairs": [
            [(0, 0, [(1, Fraction(1, 2)), (2, Fraction(1, 2))])],
            [(0, 0, [(3, 1)]), (Fraction(small), 3 * small, [(3, 1)])],
            [(0, 0, [(3, 1)]), (Fraction(large), 2 * large, [(3, 1)])],
            [],
        ],
        "terminal": [0, 0, 0, 0], "discount": 1, "cost_discount": 1, "horizon": 2, "net": False,
    }  # fmt: skip
    answer = exact_backup(problem_of(plain))
    np.testing.assert_array_equal(answer["s0"].length, [small / 2, large / 2])
    np.testing.assert_array_equal(answer["s0"].gain, [3 * small / 2, large])


@pytest.mark.parametrize("horizon", [6, pytest.param(12, marks=pytest.mark.nightly)])
def test_synthetic_ad_equals_rational_arithmetic(synthetic_ad, horizon):
    answer = exact_backup(replace(synthetic_ad, horizon=horizon))
    assert_same_vertices(answer.curves, exact_numbers(synthetic_ad, horizon), 1e-12)


# -- against the twins -------------------------------------------------------------------------


@given(plain_models())
def test_agrees_with_rational_arithmetic(plain):
    answer = exact_backup(problem_of(plain))
    assert_same_vertices(answer.curves, backed_up(plain), 1e-12)
    assert answer.outcome.termination is Termination.OPTIMAL


@given(plain_models())
def test_vertices_are_the_points_of_the_price_sweep(plain):
    """Spend, value, variance and action between two neighbouring slopes are those of the vertex."""
    problem = problem_of(plain)
    answer = exact_backup(problem)
    for i, curve in enumerate(answer.curves):
        between, prices = np.ones(1), curve.prices
        if len(curve):
            between = np.concatenate(([prices[0] * 2], np.sqrt(prices[:-1] * prices[1:]), [prices[-1] / 2]))
        lines = passes(problem, between)[0]
        np.testing.assert_allclose(curve.budgets, lines.spend[i], atol=1e-12)
        np.testing.assert_allclose(curve.values, lines.value[i], atol=1e-12)


@given(plain_models(), st.sampled_from([1, 2, 3]))
def test_kept_stages_are_the_curves_of_shorter_horizons(plain, stage):
    plain["horizon"] = 4
    answer = exact_backup(problem_of(plain), keep_stages=True)
    kept = answer.at_stage(stage)
    assert_same_vertices(kept.curves, backed_up(plain | {"horizon": 4 - stage}), 1e-12)
    assert kept.gap <= 1e-9 and kept.stage == stage
    assert [one.stage for one in answer.stages] == [1, 2, 3]


def test_kept_stages_are_certified_at_their_own_slopes():
    # Nothing leads to s0: its slope at a later stage, what s1 earns in fewer decisions, is in no curve now.
    plain = {
        "pairs": [[(0, 0, [(2, 1)]), (1, 0, [(1, 1)])], [(0, 1, [(1, 1)])], []],
        "terminal": [0, 0, 0], "discount": Fraction(1, 2), "cost_discount": 1, "horizon": 4, "net": False,
    }  # fmt: skip
    answer = exact_backup(problem_of(plain), keep_stages=True)
    assert [float(stage["s0"].prices[0]) for stage in (answer, *answer.stages[:2])] == [0.875, 0.75, 0.5]
    assert max(stage.gap for stage in answer.stages) <= 1e-9


# -- metamorphic laws --------------------------------------------------------------------------


@given(plain_models())
def test_curves_rise_and_bend_down(plain):
    for curve in exact_backup(problem_of(plain)).curves:
        assert (curve.length > 0).all() and (curve.gain > 0).all()
        assert (np.diff(curve.prices) < 0).all()


@given(plain_models(), st.sampled_from([-20, 3, 30]))
def test_money_in_another_unit_changes_budgets_and_nothing_else(plain, exponent):
    plain["net"] = False
    problem = problem_of(plain)
    scaled = replace(problem, cost=problem.cost * 2.0**exponent)
    before, after = exact_backup(problem).curves, exact_backup(scaled).curves
    np.testing.assert_array_equal(after.length, before.length * 2.0**exponent)
    np.testing.assert_array_equal(after.start_budget, before.start_budget * 2.0**exponent)
    np.testing.assert_array_equal(after.gain, before.gain)


@given(plain_models(), st.randoms())
def test_other_names_of_states_change_nothing(plain, random):
    n = len(plain["pairs"])
    to = random.sample(range(n), n)
    moved = plain | {"pairs": [None] * n, "terminal": [None] * n}
    for i in range(n):
        moved["terminal"][to[i]] = plain["terminal"][i]
        options = [(c, u, [(to[j], p) for j, p in row]) for c, u, row in plain["pairs"][i]]
        moved["pairs"][to[i]] = random.sample(options, len(options))
    before, after = exact_backup(problem_of(plain)), exact_backup(problem_of(moved))
    for i in range(n):
        assert len(before.curves[i]) == len(after.curves[to[i]])
        np.testing.assert_allclose(after.curves[to[i]].budgets, before.curves[i].budgets, atol=1e-12)
        np.testing.assert_allclose(after.curves[to[i]].values, before.curves[i].values, atol=1e-12)


@given(plain_models(max_actions=2))
def test_a_dominated_action_changes_nothing(plain):
    worse = [
        [*options, (options[0][0] + 1, options[0][1] - 1, options[0][2])] if options else []
        for options in plain["pairs"]
    ]
    before, after = exact_backup(problem_of(plain)), exact_backup(problem_of(plain | {"pairs": worse}))
    np.testing.assert_array_equal(before.curves.length, after.curves.length)
    np.testing.assert_array_equal(before.curves.gain, after.curves.gain)


@given(plain_models())
def test_no_money_and_all_money(plain):
    """At the least budget and beyond the last one the curve is worth what the lexicographic passes say."""
    problem = problem_of(plain)
    curves = exact_backup(problem).curves
    lines = passes(problem, [np.inf, 0.0])[0]
    np.testing.assert_allclose(curves.start_budget, lines.spend[:, 0], atol=1e-12)
    np.testing.assert_allclose(curves.start_value, lines.value[:, 0], atol=1e-12)
    np.testing.assert_allclose([float(c.value(np.inf)) for c in curves], lines.value[:, 1], atol=1e-12)


def test_equal_rows_are_merged_once_or_many_times_alike(synthetic_ad, monkeypatch):
    short = replace(synthetic_ad, horizon=10)
    whole = list(backup(short))[-1].curves
    monkeypatch.setattr("optbudget.budgeted.exact.BLOCK", 50)
    np.testing.assert_array_equal(list(backup(short))[-1].curves.length, whole.length)


# -- ends of the work --------------------------------------------------------------------------


def test_budget_cap_cuts_the_answer(synthetic_ad, synthetic_answer):
    answer = exact_backup(replace(synthetic_ad, budget_cap=5.0))
    assert answer["begin"].largest_useful_budget == pytest.approx(5.0)
    assert answer["begin"].values[-1] == pytest.approx(float(synthetic_answer.value("begin", 5.0)))
    assert answer["uninterested"].largest_useful_budget < 5
    assert answer.gap <= 1e-9
    assert answer.spend_variance.size == answer.curves.length.size + len(answer)


def test_an_infinite_horizon_is_refused():
    with pytest.raises(UsageError, match="finite horizon"):
        exact_backup(two_action_example())


def test_limits_stop_the_work(synthetic_ad):
    monitor = Monitor()
    monitor.interrupt()
    with pytest.raises(InterruptedWork, match="50 of 50"):
        exact_backup(synthetic_ad, monitor=monitor)
    with pytest.raises(LimitError, match="time limit"):
        exact_backup(synthetic_ad, monitor=Monitor(time_limit=0))
    with pytest.raises(LimitError, match="exact backup needs"):
        exact_backup(synthetic_ad, monitor=Monitor(memory_limit=1000))


def test_progress_reaches_one(synthetic_ad):
    seen = []
    monitor = Monitor(report=lambda share, text: seen.append(share))
    exact_backup(replace(synthetic_ad, horizon=3), monitor=monitor)
    assert 1.0 in seen and all(0 <= share <= 1 for share in seen)


class Impatient(Monitor):
    """Interrupts itself the n-th time that it is asked."""

    def __init__(self, asked):
        super().__init__()
        self.left = asked

    def stop_reason(self):
        self.left -= 1
        if self.left < 0:
            self.interrupt()
        return super().stop_reason()


@pytest.mark.parametrize("asked", [0, 1, 25, 49, 50])
@pytest.mark.parametrize("keep_stages", [False, True])
def test_an_interrupted_backup_goes_on_from_its_stage(synthetic_ad, tmp_path, asked, keep_stages):
    checkpoint = Checkpoint(tmp_path / "c", "key")
    with pytest.raises(InterruptedWork):
        exact_backup(synthetic_ad, monitor=Impatient(asked), checkpoint=checkpoint, keep_stages=keep_stages)
    assert checkpoint.folder.is_dir() == (asked > 0)
    counted = Impatient(10**9)
    resumed = exact_backup(synthetic_ad, monitor=counted, checkpoint=checkpoint, keep_stages=keep_stages)
    whole_count = Impatient(10**9)
    whole = exact_backup(synthetic_ad, monitor=whole_count, keep_stages=keep_stages)
    assert whole_count.left - counted.left == -min(asked, 50)
    assert len(resumed.stages) == len(whole.stages) == (49 if keep_stages else 0)
    for one, other in zip((resumed, *resumed.stages), (whole, *whole.stages), strict=True):
        for name in ("start_budget", "start_value", "indptr", "length", "gain"):
            np.testing.assert_array_equal(getattr(one.curves, name), getattr(other.curves, name))
        np.testing.assert_array_equal(one.first_action, other.first_action)
        np.testing.assert_array_equal(one.spend_variance, other.spend_variance)


def test_the_certificate_of_a_backup_can_be_stopped(synthetic_ad, monkeypatch):
    """Thousands of prices are passed a few at a time, and the monitor is asked in between."""
    monkeypatch.setattr(backward_pass, "AT_ONCE", 1.0)
    counted = Impatient(10**9)
    whole = exact_backup(synthetic_ad, monitor=counted)
    assert 10**9 - counted.left > 50 + whole.prices.size / backward_pass.CHUNK - 2
    with pytest.raises(InterruptedWork, match="middle of a backward pass"):
        exact_backup(synthetic_ad, monitor=Impatient(53))
    monkeypatch.undo()
    np.testing.assert_array_equal(whole.intercept, exact_backup(synthetic_ad).intercept)


def test_slopes_that_lost_their_digits_are_not_carried_into_small_values():
    """s1 may lose 1e9; half of its slope of 0.7 is bought in s0, where 1e-7 of it is more than is excused.

    Found by the nightly search for false alarms: the backup stated 0.55 + 1.2e-8, which no policy reaches.
    """
    problem = BudgetedMDP(
        states=("s0", "s1", "end"), actions=("a", "b", "c"), pair_ptr=np.array([0, 3, 6, 6]),
        pair_action=np.array([0, 1, 2, 0, 1, 2]), pair_row=np.arange(6), cost=np.array([0.0, 0, 0, 1, 1, 0]),
        utility=np.array([0.1, 0, 0, 0, 1, -1e9]), row_ptr=np.array([0, 1, 2, 4, 5, 6, 7]),
        next_state=np.array([0, 0, 0, 1, 0, 0, 0]), probability=np.array([1, 1, 0.5, 0.5, 1, 1, 1]),
        terminal_utility=np.zeros(3), discount=1.0, cost_discount=1.0, horizon=2, reward="gross",
    )  # fmt: skip
    curves = exact_backup(problem)
    assert curves["s0"].values.tolist() == [0.2, 0.55]
    assert verify(curves).ok and verify(curves, exact=True).ok
