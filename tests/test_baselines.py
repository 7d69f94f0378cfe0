"""Budgeting rules: what they take by hand and by a plain twin, exact against played, and what they spend."""

from dataclasses import replace

import numpy as np
import pytest
from metrics_twin import draws_of, options, plain_incremental, plain_model, plain_runs
from small_departments import drawn

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.baselines import (
    Incremental,
    dearest,
    forecasts,
    historical,
    myopic,
    proportional_budgets,
    shared_out,
    simulated_past,
    sizes,
    uniform_budgets,
    within,
)
from optbudget.pareto.evaluation import evaluate
from optbudget.pareto.passes import Passes
from optbudget.pareto.trials import play
from optbudget.problems.examples import two_departments


@pytest.mark.parametrize("money", [0.0, 0.5, 1.0, 2.5, 9.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_dearest_action_that_money_pays_for(seed: int, money: float) -> None:
    model = drawn(seed)
    held = model.held
    taken = dearest(model, np.full(held.n_states, money))
    acts = plain_model(model)[3]
    for i, label in enumerate(held.labels):
        d, rest = label.split("/", 1)
        some = options(acts, d, *rest.split("|", 1))
        cost = held.cost[taken[i]]
        assert held.pair_state[taken[i]] == i
        paid = [c for c, _ in some if c <= money]
        assert cost == (max(paid) if paid else min(c for c, _ in some))


@pytest.mark.parametrize("total", [2.0, 5.0, 8.0, 12.0])
def test_played_runs_are_the_plain_ones(total: float) -> None:
    model = replace(drawn(), total_budget=total, held=replace(drawn().held, cost_discount=0.6))
    past = np.array([[1.0, 0.5, 2.0]] * 5)
    found = historical(model, past, runs=20, seed=3)
    plain = plain_model(model)
    weights = [0.6**k for k in range(4)]
    rule = plain_incremental(plain, total, weights, [1.0, 0.5, 2.0])
    expected = plain_runs(plain, rule, draws_of(3, 4, 20, 3), 0.9, 0.6)
    assert found.reward == pytest.approx(np.array([rewards for rewards, _ in expected]))
    assert found.spend == pytest.approx(np.array([spend for _, spend in expected]))


def test_an_incremental_budget_of_nothing_is_shared_evenly() -> None:
    model = drawn()
    rule = Incremental(model, np.zeros((4, 3)))
    rule(0, np.tile(model.start_state, (2, 1)))
    assert rule.budget.sum() > 0


def test_what_is_played_is_what_is_evaluated() -> None:
    """A Markov rule both ways: within five standard errors, one chance in a million each."""
    model = drawn(2)
    plan = within(model, proportional_budgets(model))
    exact = evaluate(model, plan.policy[0])
    trials = play(model, lambda k, states: plan.policy[0, k][states], runs=4_000, seed=5)
    assert (np.abs(trials.point - exact.point) <= 5 * trials.std_error).all()
    assert abs(trials.spent - exact.spent) <= 5 * trials.spend_error


@pytest.mark.parametrize("of", [uniform_budgets, proportional_budgets])
def test_budgets_are_the_total_and_alike_in_every_period(of) -> None:
    model = drawn()
    budgets = of(model)
    assert budgets.shape == (4, 3)
    assert (budgets.sum(axis=1) * 0.95 ** np.arange(4)).sum() == pytest.approx(12.0)
    assert np.ptp(budgets.sum(axis=1)) == pytest.approx(0.0, abs=1e-12)


def test_shares_are_of_the_sizes_and_of_the_forecast() -> None:
    model = drawn()
    assert proportional_budgets(model)[2] / proportional_budgets(model)[2].sum() == pytest.approx(
        sizes(model) / sizes(model).sum()
    )
    level = shared_out(model, forecasts(np.tile([1.0, 2.0, 5.0], (20, 1)), 4))
    assert level[3] / level[3].sum() == pytest.approx([1 / 8, 2 / 8, 5 / 8], rel=1e-6)
    growing = np.column_stack([np.full(20, 10.0), np.arange(20.0), np.full(20, 10.0)])
    assert (np.diff(forecasts(growing, 4)[:, 1]) > 0).all(), "a trend goes on"
    with pytest.raises(ProblemError, match="past must have"):
        forecasts(np.ones((5, 3)), 4)


def test_a_past_is_one_run_and_seeds_differ() -> None:
    model = drawn()
    past = simulated_past(model, seed=1, periods=12)
    assert past.shape == (12, 3) and (past == simulated_past(model, seed=1, periods=12)).all()
    assert (past != simulated_past(model, seed=2, periods=12)).any()
    assert set(np.unique(past)) <= {0.0, 1.0, 2.0, 3.0}


def test_the_myopic_plan_looks_two_periods_ahead_and_keeps_the_budget() -> None:
    """Roads and parks for two periods is the whole problem; with money for all, that is its optimum."""
    two = replace(two_departments(horizon=2), total_budget=100.0)
    plan = myopic(two, [1.0, 1.0])
    assert two.held.horizon == 2 and plan.policy.shape[1] == 2
    longer = two_departments()
    kept = myopic(longer, [1.0, 1.0])
    assert (kept.policy[0] == kept.policy[0, 0]).all(), "the same in every period"
    spent = evaluate(longer, kept.policy[0]).spent
    assert 0 < spent <= longer.total_budget
    lavish = myopic(replace(longer, total_budget=100.0), [1.0, 1.0])
    assert evaluate(longer, lavish.policy[0]).spent > longer.total_budget
    # A poor road improves now: 1/2 of risk for 0.9 x 4 or more of service a period later.
    assert lavish.action(0, 0, "roads/rich|poor") == "improve"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_myopic_price_is_the_least_that_keeps_the_budget(share: float) -> None:
    model, prices = drawn(), np.linspace(0.0, 9.0, 300)
    short = Passes(replace(model, held=replace(model.held, horizon=2)))
    policies = short.policies(np.ones((300, 2)), prices)[:, :1]
    tried = np.array([evaluate(model, np.tile(one, (4, 1))).spent for one in policies])
    total = float((1 - share) * tried.min() + share * tried.max())
    spent = evaluate(model, myopic(replace(model, total_budget=total), [1.0, 1.0]).policy[0]).spent
    assert spent <= total and spent == pytest.approx(tried[tried <= total].max())
    with pytest.raises(ProblemError, match="at no price"):
        myopic(replace(model, total_budget=0.01), [1.0, 1.0])


def test_rules_by_period_need_a_horizon() -> None:
    endless = drawn()
    endless = replace(endless, held=replace(endless.held, horizon=None))
    with pytest.raises(UsageError, match="finite horizon"):
        uniform_budgets(endless)
    with pytest.raises(UsageError, match="periods must be given"):
        play(endless, lambda k, states: states, runs=1, seed=1)
