"""Overspend probabilities, chance constraints and mean against variance: what was to be shown, as tables."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import Population, allocate, chance_constrained, load, mean_variance, plot, solve, spend_risk
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.planning import spend_moments, spend_trials, spenders
from optbudget.planning.saddle_point import density, tail
from optbudget.planning.total_law import common_grid, total_law
from optbudget.problems.examples import retry_example, two_action_example
from optbudget.report import chance_grid, risk_grid, spend_figure
from optbudget.study import generate
from tests.commands import ROOT

UNITS = (10, 30, 100, 1000, 10_000)
ON_A_GRID = [
    # state, share of the largest useful budget, deviations above the mean for each number of units
    ("begin", 0.85, (0.0, 0.8, 1.6, 1.2)),
    ("begin", 0.25, (0.4, 1.6, 0.0, 1.2, 0.8)),
    ("search_1", 0.1, (1.0,)),
    ("ours_3", 0.5, (1.6, 0.4, 1.2, 0.8, 0.0)),
    ("begin", 0.05, (0.8, 0.0, 0.4, 1.6, 1.2)),
]
"""Twenty settings of synthetic_ad, whose costs lie on a grid."""


@pytest.fixture(scope="module")
def ad():
    return solve(load(ROOT / "models" / "synthetic_ad"))


def at(curves, label, share, units, deviations):
    """An allocation of a share of all that units can use, and a budget so many deviations above its mean."""
    useful = curves[label].largest_useful_budget
    answer = allocate(curves, Population.at(curves.problem, {label: units}), share * useful * units)
    mean, variance = spend_moments(answer)
    return answer, mean + deviations * math.sqrt(variance)


def test_twenty_settings_on_a_grid(ad):
    """The approximation that stands in where there is no law, against the law, which is the answer here."""
    errors, skewed = [], 0
    for label, share, deviations in ON_A_GRID:
        for units, above in zip(UNITS, deviations, strict=False):
            answer, budget = at(ad, label, share, units, above)
            group = spenders(answer)
            law = total_law(group)
            exact = law.exceeds(budget)
            estimate = tail(group, budget, step=common_grid(group)).estimate
            _, _, second, third, _ = group.cumulants(0.0)
            assert 0.02 <= exact <= 0.5 and law.error < 1e-8
            errors.append(abs(estimate - exact))
            skewed += third / second**1.5 > 0.5
    assert len(errors) == 20 and skewed >= 5
    assert max(errors) < 0.006 and np.median(errors) < 1e-4


OFF_THE_GRID = [
    # seed, spend discount, share of the useful budget, units, deviations above the mean
    (1, 0.9, 0.1, 10, 0.3), (1, 0.9, 0.1, 100, 1.5), (1, 0.9, 0.1, 1000, 0.8), (1, 0.9, 0.1, 10_000, 1.9),
    (2, 1.0, 0.08, 10, 1.0), (2, 1.0, 0.08, 30, 0.1), (2, 1.0, 0.5, 300, 0.5), (2, 1.0, 0.9, 10_000, 1.2),
    (3, 0.8, 0.06, 10, 1.4), (3, 0.8, 0.06, 20, 0.6), (3, 0.8, 0.3, 100, 0.1), (3, 0.8, 0.7, 1000, 1.0),
    (4, 0.95, 0.1, 10, 0.8), (4, 0.95, 0.1, 50, 1.7), (4, 0.95, 0.6, 500, 0.3), (4, 0.95, 0.95, 5000, 0.7),
    (5, 0.9, 0.05, 15, 1.0), (5, 0.9, 0.05, 60, 0.5), (5, 0.9, 0.4, 200, 1.3), (5, 0.9, 0.8, 2000, 0.0),
]  # fmt: skip


def funnel(seed, cost_discount):
    """A small drawn customer whose costs lie on no grid."""
    unit = generate("funnel", seed=seed, states=4, actions=3, horizon=6)
    cost = unit.cost * (1 + 0.1 * np.sin(1.0 + np.arange(unit.cost.size)))
    return replace(unit, cost=cost, cost_discount=cost_discount)


def compared(seed, cost_discount, share, units, above, trials):
    """Estimate, share of trials above the budget, and the skewness of the total."""
    problem = funnel(seed, cost_discount)
    answer, budget = at(solve(problem), problem.labels[0], share, units, above)
    group = spenders(answer)
    _, _, second, third, _ = group.cumulants(0.0)
    risk = spend_risk(answer, budget)
    assert not risk.exact
    drawn = float((spend_trials(group, trials, seed=seed) > budget).mean())
    return risk.overspend, drawn, third / second**1.5


@pytest.mark.parametrize("setting", [OFF_THE_GRID[k] for k in (0, 5, 11)], ids=str)
def test_settings_off_the_grid(setting):
    estimate, drawn, _ = compared(*setting, 60_000)
    assert abs(estimate - drawn) < 0.01


@pytest.mark.nightly
def test_twenty_settings_off_the_grid():
    rows = [(setting, *compared(*setting, 1_000_000)) for setting in OFF_THE_GRID]
    for setting, estimate, drawn, skew in rows:
        print(*setting, f"{estimate:.4f} {drawn:.4f} {100 * (estimate - drawn):+.2f} skew {skew:.2f}")
    assert all(0.02 <= drawn <= 0.5 and abs(estimate - drawn) < 0.01 for _, estimate, drawn, _ in rows)
    assert sum(skew > 0.5 for *_, skew in rows) >= 5


@pytest.mark.parametrize(("units", "level"), [(10, 0.05), (10, 0.3), (100, 0.01), (1000, 0.05)])
def test_a_chance_constraint_on_a_grid_is_proved_and_tight(ad, units, level):
    people = Population.at(ad.problem, {"begin": units})
    plan = chance_constrained(ad, people, 8.0 * units, level=level)
    assert plan.proved and plan.proof_allocation is plan.allocation and plan.trials == 0
    assert plan.risk.law.exceeds(8.0 * units) + plan.risk.law.error <= level
    more = spend_risk(allocate(ad, people, 1.003 * plan.budget), 8.0 * units)
    assert more.overspend > level
    assert "proved" in str(chance_grid(plan).rows) and "proved" in repr(plan)


@pytest.mark.parametrize(("seed", "units", "level"), [(1, 10, 0.05), (3, 100, 0.1), (4, 1000, 0.05)])
def test_a_chance_constraint_off_the_grid_holds_and_spends_what_simulation_allows(seed, units, level):
    curves = solve(funnel(seed, 0.9))
    label = curves.problem.labels[0]
    people = Population.at(curves.problem, {label: units})
    limit = 0.3 * units * curves[label].largest_useful_budget
    plan = chance_constrained(curves, people, limit, level=level, seed=7)
    assert not plan.proved and plan.simulated_at_most <= level and plan.exceeded > 0
    assert plan.proof_allocation.spent < plan.budget and plan.proof_chance <= level

    def exceeded(budget):
        group = spenders(allocate(curves, people, budget))
        return float((spend_trials(group, 30_000, seed=99) > limit).mean())

    assert exceeded(plan.budget) <= level + 0.003
    low, high = plan.budget, limit
    while high - low > 0.002 * limit:
        middle = (low + high) / 2
        low, high = (middle, high) if exceeded(middle) <= level else (low, middle)
    assert plan.budget >= 0.97 * low
    assert "Chernoff" in str(chance_grid(plan).rows)


def test_chances_that_all_or_nothing_holds(ad):
    people = Population.at(ad.problem, {"begin": 10})
    everything = chance_constrained(ad, people, 2000.0, level=0.01)
    assert everything.budget == pytest.approx(10 * ad["begin"].largest_useful_budget)
    toll = solve(load(ROOT / "models" / "toll"))
    with pytest.raises(NoAnswerError, match="least feasible spend"):
        chance_constrained(toll, Population.at(toll.problem, {"gate": 3}), 5.0)
    for wrong in ({"level": 0.0}, {"level": 1.0}):
        with pytest.raises(UsageError, match="level"):
            chance_constrained(ad, people, 10.0, **wrong)
    with pytest.raises(UsageError, match="limit"):
        chance_constrained(ad, people, math.inf)
    with pytest.raises(ProblemError, match="another problem"):
        chance_constrained(toll, people, 5.0)
    infinite = solve(two_action_example())
    with pytest.raises(NoAnswerError, match="infinite horizon"):
        chance_constrained(infinite, Population.at(infinite.problem, {"s": 3}), 5.0)


small = plain_models(max_states=2, max_actions=2, max_horizon=2)


@given(small, st.integers(0, 8), st.sampled_from([0.0, 0.25, 2.0]), st.integers(0, 99))
def test_no_lottery_over_useful_budgets_beats_the_mean_variance_bound(plain, share, aversion, draw):
    problem = problem_of(plain)
    curves = solve(problem, method="exact")
    counts = dict.fromkeys(problem.labels, 2)
    people = Population.at(problem, counts)
    least = float(people.count @ curves.curves.start_budget)
    most = sum(2 * curves[label].largest_useful_budget for label in problem.labels)
    budget = least + share / 8 * (most - least)
    answer = mean_variance(curves, people, budget, aversion=aversion)
    mean, variance = spend_moments(answer.allocation)
    assert mean <= budget + 1e-9 and answer.variance == pytest.approx(variance)
    assert answer.objective == pytest.approx(answer.value - aversion * variance)
    assert answer.objective <= answer.bound + 1e-9
    widest = max(np.diff(curve.budgets).sum() for curve in curves.curves)
    assert answer.bound - answer.objective <= aversion * widest**2 / 4 + 1e-9
    random = np.random.default_rng(draw)
    spend = worth = 0.0
    for label in problem.labels:
        for _ in range(2):
            q = random.dirichlet(np.full(curves[label].budgets.size, 0.5))
            b, v, s = curves[label].budgets, curves[label].values, curves.variance(label)
            spend += q @ b
            worth += q @ v - aversion * (q @ s + q @ b**2 - (q @ b) ** 2)
    if spend <= budget:
        assert worth <= answer.bound + 1e-9


def test_more_aversion_means_less_variance(ad):
    people = Population.at(ad.problem, {"begin": 100})
    answers = [mean_variance(ad, people, 800.0, aversion=k) for k in (0.0, 1e-3, 1e-2)]
    assert answers[0].value == pytest.approx(allocate(ad, people, 800.0).value)
    assert [a.variance for a in answers] == sorted((a.variance for a in answers), reverse=True)
    assert all(a.gap < 1e-2 for a in answers)
    with pytest.raises(UsageError, match="aversion"):
        mean_variance(ad, people, 800.0, aversion=-1.0)
    toll = solve(load(ROOT / "models" / "toll"))
    nothing = mean_variance(toll, Population.at(toll.problem, {"gate": 3}), 1.0, aversion=1.0)
    assert math.isnan(nothing.objective)


def test_figure_and_table(ad, tmp_path):
    answer, budget = at(ad, "begin", 0.5, 20, 0.5)
    figure = spend_figure(answer, budget)
    assert len(figure.axes) == 2 and "20 units" in figure.axes[0].get_title(loc="left")
    risk = spend_risk(answer, budget)
    rows = dict(row[:2] for row in risk_grid(risk, 0.05).rows)
    assert rows["expected spend"].startswith(f"{risk.mean:,.4g}"[:4])
    assert risk_grid(spend_risk(answer, budget, law=False), 0.05).note.startswith("No exact law")
    amounts = np.array([-1.0, risk.mean, 1e9])
    heights = density(spenders(answer), amounts)
    assert heights[0] == heights[2] == 0 and heights[1] == pytest.approx(0.4 / risk.variance**0.5, rel=0.1)
    curves = solve(replace(retry_example(2), cost_discount=0.9))
    few = allocate(curves, Population.at(curves.problem, {"open": 2}), 2.0)
    assert len(spend_figure(few).axes) == 2
    with pytest.raises(UsageError):
        plot(risk)
