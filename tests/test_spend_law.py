"""The law, the cumulants and the moments of spend: against every path, and against simulated trials."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import Population, allocate, chance_constrained, load, solve
from optbudget.budgeted.cumulants import cumulants
from optbudget.budgeted.fixed_policy import FixedPolicy
from optbudget.budgeted.spend_law import unit_laws
from optbudget.errors import InterruptedWork, LimitError, NoAnswerError, ProblemError, UsageError
from optbudget.planning import spend_moments, spend_risk, spend_trials, spenders, unit_spend, worst_cases
from optbudget.planning.saddle_point import chernoff, saddle_point, tail
from optbudget.planning.total_law import total_law
from optbudget.problems import PricePolicy, SpendLaw
from optbudget.problems.binomial_limits import at_most
from optbudget.problems.examples import retry_example, two_action_example
from optbudget.workers import Monitor
from tests.commands import ROOT

from reference import law_of_sum, spends_of_paths

small = plain_models(max_states=3, max_actions=3, max_horizon=3)
tilts = st.sampled_from([-1.0, -0.25, 0.0, 0.5, 2.0])


def some_policy(plain, seed):
    """Any deterministic Markov policy of a plain model, as which pair of each state, and as pairs."""
    random = np.random.default_rng(seed)
    chosen = [
        [int(random.integers(len(options))) if options else 0 for options in plain["pairs"]]
        for _ in range(plain["horizon"])
    ]
    problem = problem_of(plain)
    pairs = [
        [int(problem.pair_ptr[i]) + k if plain["pairs"][i] else -1 for i, k in enumerate(stage)]
        for stage in chosen
    ]
    return chosen, FixedPolicy(problem, np.array(pairs, dtype=np.int64))


def moments_of(law, theta):
    """log E exp(theta S) and the first four cumulants of the tilted law, by the definition."""
    s = np.array([float(x) for x in law])
    p = np.array([float(x) for x in law.values()]) * np.exp(theta * s)
    total = p.sum()
    p = p / total
    mean = p @ s
    second, third, fourth = (p @ (s - mean) ** k for k in (2, 3, 4))
    return np.array([np.log(total), mean, second, third, fourth - 3 * second**2])


@given(small, st.integers(0, 9))
def test_the_law_of_one_unit_is_that_of_its_paths(plain, seed):
    plain["cost_discount"] = Fraction(1)
    chosen, policy = some_policy(plain, seed)
    for i, law in enumerate(unit_laws(policy, range(len(plain["pairs"])))):
        exact = spends_of_paths(plain, chosen, i)
        found = dict(zip(law.amounts.tolist(), law.probability.tolist(), strict=True))
        for spend, chance in exact.items():
            assert found.pop(float(spend)) == pytest.approx(float(chance), rel=1e-13)
        assert not any(found.values())
        assert law.rounding == "none" and law.error < 1e-12


@given(small, st.integers(0, 9), st.sampled_from([Fraction(1, 3), Fraction(1, 10)]))
def test_laws_of_discounted_costs_enclose_the_true_one(plain, seed, step):
    plain["cost_discount"] = Fraction(3, 4)
    chosen, policy = some_policy(plain, seed)
    for i in range(len(plain["pairs"])):
        exact = spends_of_paths(plain, chosen, i)
        (low,), (high,) = (unit_laws(policy, [i], step=step, rounding=way) for way in ("down", "up"))
        for budget in sorted({*exact, Fraction(1, 2), Fraction(3)}):
            truth = float(sum(p for s, p in exact.items() if s > budget))
            assert low.exceeds(float(budget)) <= truth + 1e-12
            assert high.exceeds(float(budget)) >= truth - 1e-12


@given(small, st.integers(0, 9), tilts)
def test_cumulants_are_those_of_the_tilted_paths(plain, seed, theta):
    chosen, policy = some_policy(plain, seed)
    found = cumulants(policy, theta)
    for i in range(len(plain["pairs"])):
        expected = moments_of(spends_of_paths(plain, chosen, i), theta)
        np.testing.assert_allclose(found[:, i], expected, rtol=1e-9, atol=1e-9)


@given(small, st.integers(0, 30))
def test_a_population_spends_as_the_sum_of_its_units(plain, share):
    """Moments, law and cumulants of a split with a randomised unit, against convolution in fractions."""
    plain["cost_discount"] = Fraction(1)
    problem = problem_of(plain)
    curves = solve(problem, method="exact")
    counts = {f"s{i}": 1 + i % 2 for i in range(problem.n_states)}
    people = Population.at(problem, counts)
    least = float(people.count @ curves.curves.start_budget)
    most = sum(n * curves[label].largest_useful_budget for label, n in counts.items())
    answer = allocate(curves, people, least + share / 30 * (most - least))
    units = spenders(answer)
    laws = []
    for count, ways in zip(units.count.tolist(), units.ways, strict=True):
        law = {}
        for way in ways:
            chosen = [
                [max(0, int(p) - int(problem.pair_ptr[i])) for i, p in enumerate(stage)]
                for stage in units.policies[way.policy].pairs
            ]
            for spend, p in spends_of_paths(plain, chosen, way.state).items():
                law[spend] = law.get(spend, 0) + float(p) * way.probability
        laws += [law] * count
    exact = law_of_sum(laws)
    mean = sum(float(s) * float(p) for s, p in exact.items())
    variance = sum((float(s) - mean) ** 2 * float(p) for s, p in exact.items())
    assert mean == pytest.approx(answer.spent, abs=1e-9)
    np.testing.assert_allclose(spend_moments(answer)[0], mean, atol=1e-9)
    law = total_law(units)
    for budget in (0.0, 1.0, mean, mean + 1.5):
        truth = sum(float(p) for s, p in exact.items() if s > Fraction(repr(float(budget))))
        assert law.exceeds(budget) == pytest.approx(truth, abs=law.error + 1e-12)
    for theta in (0.0, 0.5):
        np.testing.assert_allclose(units.cumulants(theta), moments_of(exact, theta), rtol=1e-8, atol=1e-8)
    assert spend_risk(answer, mean).variance == pytest.approx(variance, abs=1e-9)


@given(plain_models(max_states=2, max_actions=2, max_horizon=3), st.integers(0, 10), st.sampled_from([4, 16]))
def test_bounds_hold(plain, share, part):
    """Chernoff's bound is above the exact chance, the entropic one above the exact mean of worst cases."""
    plain["cost_discount"] = Fraction(1)
    problem = problem_of(plain)
    curves = solve(problem, method="exact")
    people = Population.at(problem, {"s0": 4})
    most = 4 * curves["s0"].largest_useful_budget
    least = 4 * curves["s0"].least_budget
    answer = allocate(curves, people, least + share / 10 * (most - least))
    law = total_law(spenders(answer))
    for budget in np.unique(np.concatenate([law.amounts, law.amounts + 0.5])):
        exact, found = law.exceeds(float(budget)), tail(spenders(answer), float(budget), step=law.step)
        assert exact <= found.bound + 1e-9
        assert 0 <= found.estimate <= 1
    assert law.cvar(1 / part) <= worst_cases(answer, 1 / part) + 1e-9


def test_the_variance_of_curves_is_the_variance_of_the_policies():
    """Spend at 10 per customer of the paper's example: mean 10, sd 15.3, a third of the customers over it."""
    problem = load(ROOT / "models" / "synthetic_ad")
    curves = solve(problem)
    mean, variance = unit_spend(curves, "begin", 10.0)
    assert (mean, variance**0.5) == (10.0, pytest.approx(15.23, abs=0.01))
    answer = allocate(curves, Population.at(problem, {"begin": 1000}), 10_000.0)
    risk = spend_risk(answer)
    assert spend_moments(answer) == pytest.approx((risk.mean, risk.variance), rel=1e-9)
    assert risk.variance == pytest.approx(1000 * variance, rel=1e-3)
    one = spend_risk(allocate(curves, Population.at(problem, {"begin": 1}), 10.0))
    assert one.overspend == pytest.approx(0.31, abs=0.015) and one.exact
    with pytest.raises(NoAnswerError, match="at least"):
        unit_spend(curves, "begin", -1.0)


def test_moments_of_a_lottery_and_beyond_the_largest_useful_budget():
    curves = solve(retry_example(2))
    assert unit_spend(curves, "open", 0.75) == (0.75, 0.5 * 0.25 + 0.25 * 1.5**2)
    assert unit_spend(curves, "open", 99.0) == (1.5, 0.25)


def test_trials_agree_with_the_law():
    problem = load(ROOT / "models" / "synthetic_ad")
    answer = allocate(solve(problem), Population.at(problem, {"begin": 30, "ours_3": 5}), 200.0)
    risk, spends = spend_risk(answer), spend_trials(spenders(answer), 20_000, seed=3)
    assert abs(spends.mean() - risk.mean) < 4 * (risk.variance / spends.size) ** 0.5
    for budget in (150.0, 200.0, 260.0):
        chance = risk.law.exceeds(budget)
        assert abs((spends > budget).mean() - chance) < 4 * (chance * (1 - chance) / spends.size) ** 0.5
    np.testing.assert_array_equal(spends, spend_trials(spenders(answer), 20_000, seed=3))


def test_cutting_tails_costs_what_is_said():
    problem = load(ROOT / "models" / "synthetic_ad")
    units = spenders(allocate(solve(problem), Population.at(problem, {"begin": 40}), 300.0))
    whole, cut = total_law(units, truncation=0.0), total_law(units, truncation=1e-3)
    assert cut.probability.size < whole.probability.size / 2 and 1e-6 < cut.error < 1e-3
    for budget in np.linspace(0, 800, 33):
        assert abs(whole.exceeds(budget) - cut.exceeds(budget)) <= cut.error + whole.error


@pytest.mark.parametrize(("occurred", "trials"), [(0, 50), (3, 200), (150, 200), (1000, 20_000)])
def test_the_interval_is_clopper_and_pearsons(occurred, trials):
    from scipy.stats import beta

    expected = beta.ppf(0.99, occurred + 1, trials - occurred)
    assert at_most(occurred, trials) == pytest.approx(expected, rel=1e-9)


def test_worst_cases_of_a_law():
    law = SpendLaw(Fraction(1, 4), 2, np.array([0.5, 0.3, 0.2]))
    assert law.cvar(1.0) == pytest.approx(law.mean) and law.cvar(0.2) == 1.0
    assert law.cvar(0.3) == pytest.approx((0.2 * 1.0 + 0.1 * 0.75) / 0.3)
    assert law.exceeds(0.75) == 0.2 and law.exceeds(0.74) == 0.5 and law.exceeds(-1) == pytest.approx(1.0)
    assert (law.exceeds(np.inf), law.exceeds(-np.inf)) == (0.0, 1.0)
    assert law.to_arrow().column_names == ["spend", "probability"]
    with pytest.raises(UsageError, match="share"):
        law.cvar(0.0)
    for wrong in (np.array([0.5, 0.4]), np.array([1.5, -0.5]), np.empty(0)):
        with pytest.raises(ProblemError):
            SpendLaw(Fraction(1), 0, wrong)


def test_a_certain_spend_and_its_ends():
    """Nothing is random: the chance is 0 or 1, and nothing divides by the deviation 0."""
    from optbudget.allocation.examples import two_state_curves

    curves = two_state_curves()
    answer = allocate(curves, Population.at(curves.problem, {"warm": 10}), 10.0)
    for budget, chance in ((9.5, 1.0), (10.0, 0.0), (11.0, 0.0)):
        risk = spend_risk(answer, budget)
        assert risk.overspend == risk.saddle_point == risk.normal == chance
    assert worst_cases(answer, 0.1) == pytest.approx(10.0)


def test_nobody_spends_nothing():
    curves = solve(retry_example(2))
    risk = spend_risk(allocate(curves, Population.at(curves.problem, {}), 5.0))
    assert (risk.units, risk.overspend, risk.exact, risk.cvar(0.1)) == (0, 0.0, True, (0.0, "exact"))


@pytest.mark.parametrize("settings", [{"method": "sweep", "tolerance": 1e-3}, {"method": "exact"}], ids=str)
@pytest.mark.parametrize("method", ["greedy", "uniform", "ip"])
def test_any_split_of_any_curves_has_its_policies(settings, method):
    problem = load(ROOT / "models" / "synthetic_ad")
    curves = solve(problem, **settings)
    people = Population.at(problem, {"begin": 7, "ours_3": 2, "search_2": 3})
    answer = allocate(curves, people, 61.0, method=method)
    risk = spend_risk(answer)
    assert risk.mean == pytest.approx(answer.spent, rel=1e-6) and risk.exact
    assert risk.variance == pytest.approx(spend_moments(answer)[1], rel=1e-6)


def test_a_unit_cap_is_a_lottery_at_the_cap():
    problem = replace(retry_example(2), budget_cap=1.2)
    curves = solve(problem)
    answer = allocate(curves, Population.at(problem, {"open": 50}), 60.0)
    risk = spend_risk(answer)
    assert risk.mean == pytest.approx(60.0) and risk.exact
    assert risk.variance == pytest.approx(spend_moments(answer)[1], rel=1e-9)


def test_what_there_is_over_an_infinite_horizon():
    curves = solve(two_action_example())
    risk = spend_risk(allocate(curves, Population.at(curves.problem, {"s": 3}), 10.0), 12.0)
    assert risk.method == "normal" and risk.proved == (0.0, 1.0) and "infinite horizon" in risk.why
    with pytest.raises(NoAnswerError, match="no exact law"):
        _ = risk.law


def test_few_units_off_a_grid_have_a_proved_interval():
    problem = replace(load(ROOT / "models" / "synthetic_ad"), cost_discount=0.9)
    curves = solve(problem)
    answer = allocate(curves, Population.at(problem, {"begin": 3}), 12.0)
    risk = spend_risk(answer, 15.0)
    spends = spend_trials(spenders(answer), 40_000, seed=1)
    low, high = risk.proved
    assert risk.method == "law between two grids" and 0 < high - low < 0.02
    assert low - 0.005 < (spends > 15.0).mean() < high + 0.005
    assert risk.cvar(0.1)[1] == "upper bound" and risk.cvar(0.1)[0] >= np.sort(spends)[-4_000:].mean() - 0.2
    many = spend_risk(allocate(curves, Population.at(problem, {"begin": 30}), 120.0), 150.0)
    assert many.method == "saddle-point" and many.cvar(0.1)[1] == "normal approximation"


def test_refusals():
    problem = load(ROOT / "models" / "synthetic_ad")
    curves = solve(problem)
    units = spenders(allocate(curves, Population.at(problem, {"begin": 2000}), 9000.0))
    with pytest.raises(LimitError, match="saddle-point"):
        total_law(units, most_products=1e4)
    with pytest.raises(LimitError, match="stopped"):
        total_law(units, monitor=Monitor(time_limit=0))
    with pytest.raises(UsageError, match="Allocation"):
        spend_risk(curves)
    toll = load(ROOT / "models" / "toll")
    nothing = allocate(solve(toll), Population.at(toll, {"gate": 3}), 1.0)
    with pytest.raises(NoAnswerError, match="no allocation"):
        spend_risk(nothing)
    with pytest.raises(NoAnswerError, match="no possible action"):
        empty = np.empty(0, dtype=np.int64)
        nowhere = PricePolicy(
            problem, empty, empty, empty.astype(float), empty.astype(float), empty.astype(np.int32)
        )
        from optbudget.budgeted.fixed_policy import fixed_policy

        fixed_policy(problem, nowhere, price=1.0)


def test_the_saddle_point_solves_its_equation():
    problem = load(ROOT / "models" / "synthetic_ad")
    units = spenders(allocate(solve(problem), Population.at(problem, {"begin": 10}), 100.0))
    scale = float(units.cumulants(0.0)[2]) ** 0.5
    low, high = units.reach()
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        target = low + share * (high - low)
        assert saddle_point(units.cumulants, target, scale)[1][1] == pytest.approx(target, rel=1e-8)
    assert chernoff(units.cumulants, 50.0, scale) == 1.0


def test_long_laws_by_transforms_are_those_of_the_definition(monkeypatch):
    """Off by no more than is stated, and the statement is no wild one."""
    from optbudget.planning import total_law as module

    curves = solve(retry_example(60))
    split = allocate(curves, Population.at(curves.problem, {"open": 800}), 1500.0)
    units = spenders(split)
    by_definition = total_law(units)
    monkeypatch.setattr(module, "LONG", 2)
    by_transforms = total_law(units)
    assert by_definition.error < by_transforms.error < 1e-8
    for budget in (1400.0, 1480.0, 1500.0, 1537.0, 1600.0):
        apart = abs(by_definition.exceeds(budget) - by_transforms.exceeds(budget))
        assert apart <= by_definition.error + by_transforms.error


def test_the_error_of_transforms_is_bounded():
    from optbudget.planning.total_law import transformed

    random = np.random.default_rng(3)
    for size in (2, 7, 100, 900):
        one, other = random.dirichlet(np.full(size, 0.1)), random.dirichlet(np.full(size + 3, 0.1))
        length = 1 << (2 * size + 1).bit_length()
        mass, lost = transformed(one, other, length)
        assert np.abs(mass - np.convolve(one, other)).sum() <= lost < 1e-11


def test_work_without_time_is_left():
    curves = solve(retry_example(3))
    split = allocate(curves, Population.at(curves.problem, {"open": 8}), 12.0)
    over = Monitor(time_limit=0.0)
    assert not spend_risk(split, monitor=over).exact
    with pytest.raises(LimitError, match="time is over"):
        spend_trials(spenders(split), 10, seed=0, monitor=over)
    with pytest.raises(LimitError, match="time is over"):
        chance_constrained(curves, split.population, 12.0, monitor=over)
    over.interrupt()
    with pytest.raises(InterruptedWork):
        chance_constrained(curves, split.population, 12.0, monitor=over)
