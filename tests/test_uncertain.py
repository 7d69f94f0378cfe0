"""Policies for uncertain rows: draws, bands, worst cases, coverage; and curves that hold within intervals."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from commands import ROOT, run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import load, plot, save, solve, verify
from optbudget.budgeted import evaluate, policy_at
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.files import load_counts, load_intervals
from optbudget.planning import curve_band, interval_curves
from optbudget.planning.draws import drawn_rows, evaluate_draws, mean_model
from optbudget.planning.examples import subscriber_counts
from optbudget.problems import Population, TransitionCounts, TransitionIntervals
from optbudget.problems.examples import two_action_example

from reference import concave_points, dirichlet_spread, extreme_rows, policy_numbers, rational_backup


def sampled(problem, size, seed):
    """Counts of `size` observed transitions of every pair of a model that is known here."""
    draw = np.random.default_rng(seed)
    columns = {"state": [], "action": [], "next_state": [], "count": []}
    for a, row in enumerate(problem.pair_row.tolist()):
        span = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
        chance = problem.probability[span]
        for j, n in zip(problem.next_state[span], draw.multinomial(size, chance / chance.sum()), strict=True):
            columns["state"].append(problem.states[problem.pair_state[a]])
            columns["action"].append(problem.actions[problem.pair_action[a]])
            columns["next_state"].append(problem.states[j])
            columns["count"].append(int(n))
    return TransitionCounts.from_tables(problem, columns)


class TestDraws:
    counts = subscriber_counts()

    def test_mean_and_spread_are_those_of_the_posterior(self):
        rows = drawn_rows(self.counts, 4000, seed=3, prior=0.5)
        for a, count in enumerate(([16, 4], [8, 12], [2, 18])):
            span = slice(2 * a, 2 * a + 2)
            order = np.argsort(self.counts.next_state[span])
            assert self.counts.count[span][order].sum() == 20
            known = dirichlet_spread(self.counts.count[span].tolist(), Fraction(1, 2))
            for k, (mean, variance) in enumerate(known):
                found = rows[:, 2 * a + k]
                assert found.mean() == pytest.approx(float(mean), abs=4 * math.sqrt(variance / 4000))
                assert found.var() == pytest.approx(float(variance), rel=0.12)
            assert sorted(count) == sorted(self.counts.count[span].tolist())

    def test_rows_sum_to_one_and_tiny_shapes_do_not_vanish(self):
        rows = drawn_rows(replace(self.counts, count=np.zeros(6)), 300, seed=0, prior=1e-4)
        sums = np.add.reduceat(rows, self.counts.ptr[:-1], axis=1)
        np.testing.assert_allclose(sums, 1.0, atol=1e-12)
        assert ((rows > 0.999).sum() > 500) and np.isfinite(rows).all()

    def test_more_draws_begin_with_those_of_fewer(self):
        few, many = (drawn_rows(self.counts, n, seed=7) for n in (5, 9))
        np.testing.assert_array_equal(few, many[:5])
        assert (few != drawn_rows(self.counts, 5, seed=8)).any()

    def test_what_was_never_seen_is_not_drawn_without_a_prior(self):
        count = self.counts.count.copy()
        count[self.counts.count == 4] = 0
        counts = replace(self.counts, count=count)
        rows = drawn_rows(counts, 3, seed=0)
        assert (rows[:, count == 0] == 0).all()
        assert counts.with_rows(rows[0]).probability.size == 5

    def test_a_pair_without_counts_needs_a_prior(self):
        counts = replace(self.counts, count=np.array([0, 0, 8, 12, 2, 18]))
        with pytest.raises(ProblemError, match=r"state 'trial', action 'wait'.*name a prior"):
            mean_model(counts)
        assert mean_model(counts, prior=1.0).probability[:2].tolist() == [0.5, 0.5]

    @settings(max_examples=25)
    @given(plain_models(), st.data())
    def test_all_draws_at_once_are_the_evaluator_one_by_one(self, plain, data):
        problem = problem_of(plain)
        if problem.cost.size == 0:
            return
        none = {"state": [], "action": [], "next_state": [], "count": []}
        counts = TransitionCounts.from_tables(problem, none)
        rows = drawn_rows(counts, 3, seed=data.draw(st.integers(0, 99)), prior=0.7)
        price = data.draw(st.sampled_from([0.0, 0.5, 2.0, math.inf]))
        policy = policy_at(problem, [price])
        value, spend = evaluate_draws(counts, rows, policy, price=price)
        for d in range(3):
            alone = evaluate(counts.with_rows(rows[d]), policy, price=price)
            np.testing.assert_allclose(value[d], alone.value, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(spend[d], alone.spend, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def band():
    return curve_band(subscriber_counts(), [0.0, 0.5, 1.0, 2.5], draws=80, seed=1)


class TestBand:
    def test_the_policy_keeps_the_budget_and_its_value_in_the_mean_model(self, band):
        for k, budget in enumerate(band.budget):
            policy = policy_at(band.model, np.unique(band.price[k]))
            ends = [evaluate(band.model, policy, price=price) for price in band.price[k]]
            mixed = ends[0].mixed(ends[1], band.share[k])
            assert float(band.weight @ mixed.spend) <= budget + 1e-12
            assert float(band.weight @ mixed.value) == pytest.approx(band.planned[k], abs=1e-9)

    def test_no_draw_is_worth_more_than_its_optimum_at_what_is_spent(self, band):
        rows = drawn_rows(band.counts, 80, seed=1)
        for d in range(0, 80, 7):
            curve = solve(band.counts.with_rows(rows[d]), tolerance=1e-9)["trial"]
            assert (band.value[d] <= curve.value(band.spend[d]) + 1e-9).all()
            np.testing.assert_allclose(band.optimal[d], curve.value(band.budget), atol=1e-6)
            assert (band.optimal_bound[d] >= curve.value(band.budget)).all()

    def test_the_worst_case_is_of_the_worst_draw(self, band):
        for k, worst in enumerate(band.worst):
            assert worst.value == pytest.approx(band.value[:, k].min(), abs=1e-12)
            assert worst.spend == pytest.approx(band.spend[worst.draw, k], abs=1e-12)
            assert worst.bound >= band.optimal[worst.bound_draw, k]
            assert worst.bound == pytest.approx(band.optimal[:, k].min(), rel=1e-4)

    def test_equal_seeds_give_equal_bands(self, band):
        again = curve_band(subscriber_counts(), [0.0, 0.5, 1.0, 2.5], draws=80, seed=1)
        assert again.to_arrow() == band.to_arrow()
        assert (
            curve_band(subscriber_counts(), [1.0], draws=80, seed=2).value.tolist()
            != band.value[:, 2:3].tolist()
        )

    def test_the_checker_agrees(self, band):
        assert verify(band).ok, str(verify(band))

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("values under every draw", lambda b: {"value": b.value + 1e-6}),
            ("spends under every draw", lambda b: {"spend": b.spend * (1 + 1e-6)}),
            ("values under every draw", lambda b: {"share": b.share * 0.9}),
            ("bounds of every draw", lambda b: {"optimal_bound": b.optimal_bound - 1e-6}),
            ("values within the bounds", lambda b: {"optimal": b.optimal_bound + 1e-6}),
            ("draws well formed", lambda b: {"rows": b.rows * 1.001}),
            ("bounds of every draw", lambda b: {"rows": b.rows[::-1]}),
            ("worst draws", lambda b: {"worst": tuple(replace(w, bound=w.bound - 1e-6) for w in b.worst)}),
            ("worst draws", lambda b: {"worst": tuple(replace(w, value=w.value + 1e-6) for w in b.worst)}),
        ],
    )
    def test_a_changed_number_is_found(self, band, name, change):
        failed = {check.name for check in verify(replace(band, **change(band))).checks if not check.ok}
        assert name in failed

    def test_intervals_and_figures(self, band):
        low, high = band.interval("value", 0.9).T
        inside = (band.value >= low) & (band.value <= high)
        assert (inside.mean(axis=0) >= 0.88).all() and (low < high).all()
        assert plot(band).axes[0].get_title(loc="left")
        bracket = interval_curves(TransitionIntervals.around(band.counts.problem, 0.1))
        assert plot(bracket).axes[0].get_legend_handles_labels()[1] == ["trial", "paying"]

    def test_a_population_adds_up(self):
        counts = subscriber_counts()
        people = Population.at(counts.problem, {"trial": 10, "paying": 4})
        many = curve_band(counts, [7.0], draws=20, seed=1, population=people)
        rows = drawn_rows(counts, 20, seed=1)
        policy = policy_at(many.model, np.unique(many.price[0]))
        ends = [evaluate_draws(counts, rows, policy, price=p)[0] @ [10, 4] for p in many.price[0]]
        np.testing.assert_allclose(
            many.value[:, 0], (1 - many.share[0]) * ends[0] + many.share[0] * ends[1], rtol=1e-12
        )

    def test_certain_counts_leave_nothing_open(self):
        counts = subscriber_counts()
        sure = curve_band(replace(counts, count=counts.count * 10**9), [1.0], draws=30, seed=1)
        assert np.ptp(sure.value) < 1e-3
        assert sure.wait_and_see[0] == pytest.approx(sure.planned[0], abs=1e-3)

    @pytest.mark.parametrize(
        ("options", "says"),
        [({"draws": 0}, "draws is 0"), ({"seed": -1}, "seed is -1"), ({"prior": -1.0}, "prior is -1")],
    )
    def test_options_out_of_range(self, options, says):
        with pytest.raises(UsageError, match=says):
            curve_band(subscriber_counts(), [1.0], **({"draws": 2} | options))

    def test_other_refusals(self):
        forever = TransitionCounts.from_tables(
            two_action_example(), {"state": ["s"], "action": ["a"], "next_state": ["s"], "count": [1]}
        )
        with pytest.raises(UsageError, match="finite horizon"):
            curve_band(forever, [1.0])
        toll = load(ROOT / "models" / "toll")
        known = sampled(toll, 10, seed=0)
        with pytest.raises(NoAnswerError, match="below 2"):
            curve_band(known, [1.0], draws=2)


def truth():
    """A known model: three states, of which two can be bought into, and four decisions."""
    transitions = {
        "state": ["a"] * 5 + ["b"] * 5 + ["c"] * 2,
        "action": ["no"] * 2 + ["buy"] * 3 + ["no"] * 2 + ["buy"] * 3 + ["no"] * 2,
        "next_state": ["a", "b", "a", "b", "c", "a", "b", "a", "b", "c", "a", "c"],
        "probability": [0.9, 0.1, 0.5, 0.3, 0.2, 0.4, 0.6, 0.1, 0.4, 0.5, 0.3, 0.7],
    }
    actions = {
        "state": ["a", "a", "b", "b", "c"], "action": ["no", "buy", "no", "buy", "no"],
        "cost": [0.0, 1.0, 0.0, 2.0, 0.0], "utility": [0.0, 0.0, 1.0, 1.0, 4.0],
    }  # fmt: skip
    from optbudget.problems import BudgetedMDP

    return BudgetedMDP.from_tables(
        transitions, actions, discount=1.0, cost_discount=1.0, horizon=4, reward="gross"
    )


def covered(replications):
    """How often the 90 % interval of the chosen policy's value holds what it is worth in the known model."""
    problem, hits = truth(), 0
    for k in range(replications):
        counts = sampled(problem, 40, seed=1000 + k)
        band = curve_band(counts, [1.5], draws=40, seed=k, prior=0.5, tolerance=1e-2)
        policy = policy_at(band.model, np.unique(band.price[0]))
        ends = [evaluate(problem, policy, price=price) for price in band.price[0]]
        true = float(band.weight @ ends[0].mixed(ends[1], band.share[0]).value)
        low, high = band.interval("value", 0.9)[0]
        hits += low <= true <= high
    return hits


def test_the_band_covers_the_truth_about_nine_times_in_ten():
    """40 replications: a binomial of 0.9 is below 31 once in 70."""
    assert 31 <= covered(40) <= 40


@pytest.mark.nightly
def test_the_band_covers_the_truth_in_many_replications():
    """200 replications: 180 in the mean, standard deviation 4.2."""
    assert 164 <= covered(200) <= 194


# Intervals.


@st.composite
def uncertain(draw):
    """A small model with few policies, and intervals in eighths around every row; plain and as nouns."""
    models = plain_models(max_states=2, max_actions=2, max_horizon=3)
    plain = draw(models.filter(lambda plain: any(len(row) > 1 for o in plain["pairs"] for *_, row in o)))
    radius = draw(st.sampled_from([Fraction(1, 4), Fraction(1, 8), Fraction(0)]))
    return plain, radius


def possible(plain, radius):
    """Every model whose rows are vertices of the intervals (one choice for all stages)."""
    rows = []
    for options in plain["pairs"]:
        for _, _, row in options:
            ends = [(max(p - radius, Fraction(0)), min(p + radius, Fraction(1))) for _, p in row]
            rows.append([list(zip((j for j, _ in row), p, strict=True)) for p in extreme_rows(ends)])
    for chosen in product(*rows):
        left = iter(chosen)
        pairs = [[(c, u, next(left)) for c, u, _ in options] for options in plain["pairs"]]
        kept = [[(c, u, [(j, p) for j, p in row if p]) for c, u, row in options] for options in pairs]
        yield plain | {"pairs": kept}


def wider(intervals):
    return TransitionIntervals.around(intervals.problem, 0.3)


class TestIntervals:
    @settings(max_examples=30)
    @given(uncertain())
    def test_every_model_within_lies_between(self, case):
        plain, radius = case
        problem = problem_of(plain)
        bracket = interval_curves(TransitionIntervals.around(problem, float(radius)))
        assert verify(bracket).ok, str(verify(bracket))
        first = [np.searchsorted(problem.pair_state, i) for i in range(problem.n_states)]
        policies = [
            [[int(pair[t, i]) - int(first[i]) if pair[t, i] >= 0 else None for i in range(problem.n_states)]
             for t in range(problem.horizon)] for pair in bracket.pair[:: max(1, bracket.price.size // 3)]
        ]  # fmt: skip
        spends = bracket.point_spend[:, :: max(1, bracket.price.size // 3)]
        values = bracket.point_value[:, :: max(1, bracket.price.size // 3)]
        for k, model in enumerate(possible(plain, radius)):
            if k == 24:
                break
            rates = (model["discount"], model["cost_discount"])
            curves = rational_backup(
                model["pairs"], model["terminal"], *rates, model["horizon"], model["net"]
            )
            for i, points in enumerate(curves):
                points = concave_points(points)
                for b, v in points:
                    assert bracket.upper[i].value(float(b)) >= float(v) - 1e-12
            for q, policy in enumerate(policies):
                for i, (v, b) in enumerate(policy_numbers(model, policy)):
                    assert float(v) >= values[i, q] - 1e-12 and float(b) <= spends[i, q] + 1e-12

    def test_rows_that_sum_to_one_to_ten_digits(self):
        problem = subscriber_counts().problem
        rounded = replace(problem, probability=problem.probability * (1 - 1e-10))
        bracket = interval_curves(TransitionIntervals.around(rounded, 0.0))
        assert verify(bracket).ok, str(verify(bracket))

    def test_certain_rows_meet_at_the_points(self):
        problem = load(ROOT / "models" / "synthetic_ad")
        problem = replace(problem, horizon=6)
        bracket = interval_curves(TransitionIntervals.around(problem, 0.0), prices=40)
        curves = solve(problem, tolerance=1e-9)
        for i in range(problem.n_states):
            at = bracket.lower[i].budgets
            np.testing.assert_allclose(bracket.lower[i].values, curves.curves[i].value(at), atol=1e-7)
            assert (bracket.upper[i].value(at) >= curves.curves[i].value(at) - 1e-9).all()

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("lines above every model", lambda b: {"intercept": b.intercept - 1e-6}),
            ("values guaranteed", lambda b: {"point_value": b.point_value + 1e-6}),
            ("spends guaranteed", lambda b: {"point_spend": b.point_spend * (1 - 1e-6)}),
            ("lower curves", lambda b: {"lower": b.upper}),
            ("upper curves", lambda b: {"upper": b.lower}),
            ("bracket well formed", lambda b: {"pair": b.pair[:, ::-1, ::-1]}),
            ("bracket well formed", lambda b: {"price": b.price[::-1]}),
            (
                "lines above every model",
                lambda b: {"intervals": TransitionIntervals.around(b.intervals.problem, 0.3)},
            ),
        ],
    )
    def test_a_changed_bracket_is_found(self, name, change):
        bracket = interval_curves(TransitionIntervals.around(subscriber_counts().problem, 0.1))
        assert verify(bracket).ok
        failed = {check.name for check in verify(replace(bracket, **change(bracket))).checks if not check.ok}
        assert name in failed

    def test_refusals(self):
        problem = subscriber_counts().problem
        wide = {"state": ["trial"] * 2, "action": ["call"] * 2, "next_state": ["trial", "paying"]}
        with pytest.raises(ProblemError, match=r"lows sum to 1\.2"):
            TransitionIntervals.from_tables(problem, wide | {"low": [0.6, 0.6], "high": [0.7, 0.7]})
        with pytest.raises(ProblemError, match=r"the interval is 0\.7 to 0\.6"):
            TransitionIntervals.from_tables(problem, wide | {"low": [0.7, 0.6], "high": [0.6, 0.7]})
        with pytest.raises(UsageError, match="finite horizon"):
            interval_curves(TransitionIntervals.around(two_action_example(), 0.1))
        with pytest.raises(ProblemError, match="radius"):
            TransitionIntervals.around(problem, 2.0)


class TestFiles:
    problem = subscriber_counts().problem
    head = "state,action,next_state,count\n"

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (
                "trial,wait,trial,3\ntrial,wait,trial,4\n",
                "counts.csv:3:3: state, action and next state are",
            ),
            ("trial,wait,home,3\n", "counts.csv:2:3: no state is called 'home'"),
            ("trial,sing,trial,3\n", "counts.csv:2:2: no action is called 'sing'"),
            ("paying,call,trial,3\n", "counts.csv:2:2: state 'paying' has no action 'call'"),
            ("trial,wait,trial,-3\n", "counts.csv:2:4: count is -3"),
            ("trial,wait,trial,2.5\n", "counts.csv:2:4: count is 2.5"),
        ],
    )
    def test_what_is_wrong_is_located(self, tmp_path, text, says):
        (tmp_path / "counts.csv").write_text(self.head + text)
        with pytest.raises(ProblemError, match=says):
            load_counts(tmp_path, self.problem)

    def test_a_missing_column_and_a_missing_file(self, tmp_path):
        (tmp_path / "counts.csv").write_text("state,action,next_state\ntrial,wait,trial\n")
        with pytest.raises(ProblemError, match="column 'count' is missing"):
            load_counts(tmp_path, self.problem)
        with pytest.raises(ProblemError, match=r"no intervals.csv or intervals.parquet"):
            load_intervals(tmp_path, self.problem)

    def test_counts_come_back_from_parquet(self, tmp_path):
        import pyarrow.parquet as pq

        counts = subscriber_counts()
        pq.write_table(counts.to_arrow(), tmp_path / "counts.parquet")
        again = load_counts(tmp_path, counts.problem)
        for name in ("ptr", "next_state", "count"):
            np.testing.assert_array_equal(getattr(again, name), getattr(counts, name))

    def test_types_are_kept_apart(self, tmp_path):
        problem = load(ROOT / "models" / "two_types")
        kinds, states = problem.state_type, problem.states
        a = problem.pair_state[0]
        row = f"{kinds[a]},{states[a]},{problem.actions[problem.pair_action[0]]},{states[a]},5\n"
        (tmp_path / "counts.csv").write_text("type,state,action,next_state,count\n" + row)
        assert load_counts(tmp_path, problem).count.sum() == 5
        (tmp_path / "counts.csv").write_text(self.head)
        with pytest.raises(ProblemError, match="'type' is needed"):
            load_counts(tmp_path, problem)


class TestCommand:
    @pytest.fixture
    def model(self, tmp_path):
        counts = subscriber_counts()
        save(counts.problem, tmp_path / "model")
        import pyarrow.parquet as pq

        pq.write_table(counts.to_arrow(), tmp_path / "model" / "counts.parquet")
        return tmp_path / "model"

    def test_draws(self, model, tmp_path, band):
        asked = ("uncertain", model, "--budget", 1, "--draws", 80, "--seed", 1)
        fields = run_json(*asked, "--out", tmp_path / "draws.parquet")
        row = fields["budgets"][0]
        assert fields["draws"] == 80 and fields["seed"] == 1
        assert row["value_mean"] == pytest.approx(band.value[:, 2].mean(), rel=1e-12)
        assert row["worst"]["draw"] == band.worst[2].draw
        assert (tmp_path / "draws.parquet").is_file()
        shown = run(*asked).stdout
        assert "One policy under many models" in shown and "wait and see" in shown

    def test_intervals(self, model):
        rows = "trial,call,trial,0.3,0.5\ntrial,call,paying,0.5,0.7\n"
        (model.parent / "may.csv").write_text("state,action,next_state,low,high\n" + rows)
        asked = ("uncertain", model, "--budget", "0:2:3", "--intervals", model.parent / "may.csv")
        fields = run_json(*asked)
        assert fields["verified"] and len(fields["states"]["trial"]) == 3
        assert fields["states"]["trial"][1]["guaranteed"] < fields["states"]["trial"][1]["bound"]
        assert "guaranteed" in run(*asked).stdout

    def test_refusals(self, model):
        assert "no counts" in run("uncertain", ROOT / "models" / "ward", "--budget", 1, code=3).stderr
        done = run("uncertain", model, "--budget", 1, "--intervals", "x.csv", "--out", "y.parquet", code=2)
        assert "leave out" in done.stderr
        assert ".parquet" in run("uncertain", model, "--budget", 1, "--out", "y.csv", code=2).stderr
        assert "--level" in run("uncertain", model, "--budget", 1, "--level", 2, code=2).stderr
