from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from small_problems import plain_models, problem_of

from optbudget.allocation import allocate
from optbudget.budgeted.budget_policy import budget_policy
from optbudget.budgeted.evaluation import evaluate
from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.in_use import policy_in_use
from optbudget.budgeted.policies import policy_at, prices_for
from optbudget.budgeted.price_sweep import passes, price_sweep
from optbudget.budgeted.pruning import PruningPhase, PruningSchedule
from optbudget.budgeted.walk import walk
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.files import load_model
from optbudget.problems import Population
from optbudget.problems.examples import two_action_example

from reference import deterministic_trees

SYNTHETIC_AD = Path(__file__).parents[1] / "models" / "synthetic_ad"
KEYS = ("pairs", "terminal", "discount", "cost_discount", "horizon", "net")

small = plain_models(max_states=2, max_actions=2, max_horizon=3)


@pytest.fixture(scope="module")
def synthetic_ad():
    return load_model(SYNTHETIC_AD)


@pytest.fixture(scope="module")
def synthetic_answer(synthetic_ad):
    return exact_backup(synthetic_ad)


def by_price(problem, answer, label, budget):
    """The policy by price that uses a budget, evaluated from one state."""
    drawn = prices_for(answer, label, budget)
    policy = policy_at(problem, [price for price, _ in drawn])
    found = evaluate(problem, policy, price=drawn[0][0])
    if len(drawn) == 2:
        found = found.mixed(evaluate(problem, policy, price=drawn[1][0]), drawn[1][1])
    i = problem.index(label)
    return found.value[i], found.spend[i], found.variance[i]


def by_assignment(problem, policy, label, budget):
    found = policy.evaluate(label, budget)
    return found.value[0], found.spend[0], found.variance[0]


def test_two_decisions_by_hand():
    # Half of 1.9: all or nothing with equal chances, worth (1.9 + 19) / 2, variance (1.9 / 2)^2.
    problem = two_action_example(horizon=2)
    expected = pytest.approx((10.45, 0.95, 0.9025))
    assert by_price(problem, exact_backup(problem), "s", 0.95) == expected
    assert by_assignment(problem, budget_policy(problem), "s", 0.95) == expected


@given(small)
def test_every_vertex_is_reached_by_both_kinds_of_policy(plain):
    problem = problem_of(plain)
    answer, assigned = exact_backup(problem), budget_policy(problem)
    trees = deterministic_trees(*(plain[key] for key in KEYS))
    for label, curve, reachable in zip(problem.labels, answer.curves, trees, strict=True):
        for k, (budget, value) in enumerate(zip(curve.budgets, curve.values, strict=True)):
            here = pytest.approx((budget, value), abs=1e-12)
            variances = [float(variance) for b, v, variance in reachable if (float(b), float(v)) == here]
            by_backup = (value, budget, answer.variance(label)[k])
            for found in (
                by_backup,
                by_price(problem, answer, label, budget),
                by_assignment(problem, assigned, label, budget),
            ):
                assert found[:2] == pytest.approx((value, budget), abs=1e-12)
                # Where one policy alone reaches the vertex there is one variance to agree on.
                assert np.min(np.abs(np.array(variances) - found[2])) <= 1e-12


@given(small)
def test_a_budget_between_vertices_is_mixed(plain):
    problem = problem_of(plain)
    answer, assigned = exact_backup(problem), budget_policy(problem)
    for label, curve in zip(problem.labels, answer.curves, strict=True):
        budgets, variances = curve.budgets, answer.variance(label)
        for k in range(len(curve)):
            budget = 0.75 * budgets[k] + 0.25 * budgets[k + 1]
            by_choice = by_assignment(problem, assigned, label, budget)
            for found in (by_price(problem, answer, label, budget), by_choice):
                assert found[:2] == pytest.approx((float(curve.value(budget)), budget), abs=1e-12)
            expected = 0.75 * variances[k] + 0.25 * variances[k + 1] + 0.1875 * curve.length[k] ** 2
            assert by_choice[2] == pytest.approx(expected, abs=1e-12)


def test_synthetic_ad_agrees_in_variance_too(synthetic_ad, synthetic_answer):
    assigned = budget_policy(synthetic_ad)
    for label in ("begin", "search_3", "rival_1"):
        curve, variances = synthetic_answer[label], synthetic_answer.variance(label)
        for k in range(0, len(curve) + 1, 97):
            expected = pytest.approx((curve.values[k], curve.budgets[k], variances[k]), rel=1e-9, abs=1e-9)
            assert by_price(synthetic_ad, synthetic_answer, label, curve.budgets[k]) == expected
            assert by_assignment(synthetic_ad, assigned, label, curve.budgets[k]) == expected


def test_assigned_budgets_add_up(synthetic_ad):
    assigned = budget_policy(synthetic_ad)
    total = 0.0
    for choice in assigned.choices("begin", 5.0):
        pair = next(
            k for k in range(synthetic_ad.pair_ptr[0], synthetic_ad.pair_ptr[1])
            if synthetic_ad.actions[synthetic_ad.pair_action[k]] == choice.action
        )  # fmt: skip
        row = synthetic_ad.pair_row[pair]
        span = slice(synthetic_ad.row_ptr[row], synthetic_ad.row_ptr[row + 1])
        later = sum(
            p * choice.assigned[synthetic_ad.labels[j]]
            for j, p in zip(synthetic_ad.next_state[span], synthetic_ad.probability[span], strict=True)
        )
        assert choice.budget == pytest.approx(synthetic_ad.cost[pair] + later)
        total += choice.probability * choice.budget
    assert total == pytest.approx(5.0)


def test_a_pruned_policy_spends_what_its_curve_says(synthetic_ad):
    pruning = PruningSchedule((PruningPhase(product=0.01),))
    short = replace(synthetic_ad, horizon=15)
    answer, assigned = exact_backup(short, pruning=pruning), budget_policy(short, pruning=pruning)
    curve = answer["search_3"]
    for budget, value in zip(curve.budgets, curve.values, strict=True):
        assert by_assignment(short, assigned, "search_3", budget)[:2] == pytest.approx((value, budget))


def test_a_swept_curve_is_used_by_its_own_prices(synthetic_ad):
    answer = price_sweep(synthetic_ad, tolerance=1e-2)
    curve = answer["ours_1"]
    for budget, value in zip(curve.budgets, curve.values, strict=True):
        assert by_price(synthetic_ad, answer, "ours_1", budget)[:2] == pytest.approx((value, budget))


@given(plain_models())
def test_actions_of_stage_0_are_those_of_the_sweep(plain):
    problem = problem_of(plain)
    prices = np.array([np.inf, 7.3, 2.9, 1.1, 0.37, 0.0])
    lines = passes(problem, prices)[0]
    policy = policy_at(problem, prices)
    for k, price in enumerate(prices):
        found = evaluate(problem, policy, price=price)
        np.testing.assert_allclose(found.value, lines.value[:, k], atol=1e-12)
        np.testing.assert_allclose(found.spend, lines.spend[:, k], atol=1e-12)


def test_an_action_holds_up_to_the_next_price_above():
    policy = policy_at(two_action_example(horizon=3), [20.0, 8.0, 4.0])
    # Buying wins 9 per unit of money at every stage: one interval of prices above 9, one below.
    assert policy.action_at("s", 2, 19.9) == "a" and policy.action_at("s", 2, 1e9) == "b"
    assert sorted(zip(policy.stage, policy.price_low, policy.price_high, strict=True)) == [
        (stage, *interval) for stage in range(3) for interval in ((4.0, 20.0), (20.0, np.inf))
    ]
    with pytest.raises(NoAnswerError):
        policy.action_at("s", 0, 3.9)


def test_what_cannot_be_answered_is_refused():
    problem = two_action_example(horizon=2)
    with pytest.raises(ProblemError, match="prices"):
        policy_at(problem, [-1.0])
    with pytest.raises(ProblemError, match="prices"):
        policy_at(problem, [np.nan])
    with pytest.raises(UsageError):
        policy_at(two_action_example(), [1.0])
    with pytest.raises(UsageError):
        evaluate(two_action_example(), policy_at(problem, [1.0]), price=1.0)
    with pytest.raises(NoAnswerError, match="no possible action"):
        evaluate(problem, policy_at(problem, [8.0]), price=1.0)
    with pytest.raises(NoAnswerError, match="at least 0"):
        prices_for(exact_backup(problem), "s", -1.0)
    for ask in (budget_policy(problem).choices, budget_policy(problem).evaluate):
        with pytest.raises(NoAnswerError, match="at least 0"):
            ask("s", -1.0)


@pytest.mark.parametrize("budget", [20.0, 60.0, 100.0])
def test_the_policies_of_a_walked_answer_spend_what_they_are_for(synthetic_ad, budget):
    """A walk's certificate holds the slopes themselves, at which the two policies about them tie."""
    answer = walk(synthetic_ad)
    split = allocate(answer, Population.at(synthetic_ad, {"begin": 10}), budget)
    used = policy_in_use(split)
    beside = (split.price, np.nextafter(split.price, 0.0))
    spends = [evaluate(synthetic_ad, used, price=price).spend[0] for price in beside]
    np.testing.assert_allclose(spends, np.unique(split.unit_budget), rtol=1e-9)
    for given_ in split.unit_budget:
        ((price, _),) = prices_for(answer, "begin", given_)
        policy = policy_at(synthetic_ad, [price])
        assert evaluate(synthetic_ad, policy, price=price).spend[0] == pytest.approx(given_, rel=1e-9)
