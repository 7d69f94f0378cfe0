"""Metrics of plans: the least spend against one whole program, shares that move, rules, changes, regret."""

from dataclasses import replace

import numpy as np
import pytest
from metrics_twin import plain_changes, plain_least_spend
from small_departments import drawn

from optbudget.errors import ProblemError
from optbudget.pareto.baselines import proportional_budgets, uniform_budgets, within
from optbudget.pareto.evaluation import evaluate
from optbudget.pareto.front import exact_front
from optbudget.pareto.metrics.adaptability import regret
from optbudget.pareto.metrics.budget_efficiency import LeastSpend, least_spend
from optbudget.pareto.metrics.interpretability import rules
from optbudget.pareto.metrics.manageability import changed_decisions
from optbudget.pareto.metrics.pareto_optimality import reached
from optbudget.pareto.metrics.stability import resampled, reweighed, share_moved, stability
from optbudget.pareto.passes import Passes
from optbudget.pareto.trials import play
from optbudget.pareto.visits import Recorded, decisions, visits
from optbudget.problems import DepartmentPlan, Departments, Front
from optbudget.problems.examples import two_departments

EACH = np.eye(2)
TOGETHER = np.array([[1.0, 2.0]])


def at_random(model: Departments, seed: int) -> DepartmentPlan:
    """Any pair of each state, at each stage."""
    held, draws = model.held, np.random.default_rng(seed)
    width = np.diff(held.pair_ptr)
    policy = held.pair_ptr[:-1] + np.floor(draws.random((held.horizon, held.n_states)) * width).astype(int)
    return DepartmentPlan(model, np.ones(1), policy[None])


@pytest.mark.parametrize("goals", [EACH, TOGETHER], ids=["each objective", "weighted"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_least_spend_is_that_of_the_whole_program(seed: int, goals: np.ndarray) -> None:
    model = drawn(seed)
    plan = evaluate(model, at_random(model, seed).policy[0])
    found = least_spend(exact_front(model, weights=5), plan.point, plan.spent, goals=goals, tolerance=1e-6)
    true = plain_least_spend(model, plan.point, goals)
    assert found.bound <= true + 1e-6 and found.least >= true - 1e-6
    assert found.least - found.bound <= 2e-6 * plan.spent
    assert (goals @ (found.point - plan.point) >= -1e-7).all()
    assert 0 < found.saving <= found.most + 1e-9


def test_a_plan_of_the_front_wastes_nothing() -> None:
    front = exact_front(drawn(), weights=5, tolerance=1e-7)
    found = least_spend(front, front.front.point[3], front.front.spend[3])
    assert found.saving == pytest.approx(0.0, abs=0.2) and found.spent == front.front.spend[3]
    with pytest.raises(ProblemError, match="said to be the least"):
        LeastSpend(3.0, 2.0, 2.5, np.zeros(2))


def test_shares_that_move_by_hand() -> None:
    assert share_moved([1.0, 0.0, 3.0], [0.0, 1.0, 3.0]) == 25.0
    assert share_moved([2.0, 2.0], [2.0, 2.2]) == pytest.approx(2.5)
    assert share_moved([0.0, 0.0], [1.0, 0.0]) == 0.0


def test_disturbances_are_what_they_say() -> None:
    model = drawn()
    draws = np.random.default_rng(1)
    often = resampled(model, draws, count=4_000_000)
    assert often.held.probability == pytest.approx(model.held.probability, abs=2e-3)
    assert often.regime_probability == pytest.approx(model.regime_probability, abs=2e-3)
    seldom = resampled(model, draws, count=2)
    assert set(np.unique(seldom.held.probability)) <= {0.5, 1.0}
    assert (seldom.held.cost == model.held.cost).all() and (seldom.reward == model.reward).all()
    factor = reweighed(model, draws, size=0.1).reward / np.where(model.reward == 0, np.nan, model.reward)
    owner = model.department_of_state[model.held.pair_state]
    own = np.array([np.nanmean(factor[owner == d], axis=0) for d in range(3)])
    assert np.unique(own.round(9)).size == 6 and (np.abs(own - 1) < 0.5).all()
    assert factor == pytest.approx(np.where(np.isnan(factor), np.nan, own[owner]), nan_ok=True)
    seen: list[Departments] = []
    found = stability(model, lambda one: seen.append(one) or np.ones(3), seed=1)
    assert found == {"resampled": 0.0, "rewards": 0.0, "budget": 0.0} and len(seen) == 4
    assert seen[3].total_budget == pytest.approx(1.01 * model.total_budget)


@pytest.mark.parametrize("seed", [1, 2])
def test_visits_and_changes_are_the_plain_ones(seed: int) -> None:
    model = drawn(seed)
    plan = at_random(model, seed)
    here = visits(model, plan.policy[0])
    assert here.sum(axis=1) == pytest.approx(np.full(4, 3.0))
    paid = (model.held.cost[plan.policy[0]] * here).sum(axis=1)
    spent = evaluate(model, plan.policy[0]).spent
    assert paid @ model.held.cost_discount ** np.arange(4) == pytest.approx(spent)
    assert changed_decisions(plan) == pytest.approx(plain_changes(model, plan.policy[0]))
    both = DepartmentPlan(model, [0.25, 0.75], np.concatenate([plan.policy, at_random(model, 9).policy]))
    parts = [plain_changes(model, policy) for policy in both.policy]
    assert changed_decisions(both) == pytest.approx(0.25 * parts[0] + 0.75 * parts[1])


def test_what_is_played_is_recorded_as_the_plan_has_it() -> None:
    model = drawn()
    plan = at_random(model, 3)
    record = Recorded(model, lambda stage, states: plan.policy[0, stage][states], 4)
    play(model, record, runs=4_000, seed=7)
    exact = decisions(plan)
    assert exact.sum(axis=(1, 2)) == pytest.approx(np.full(4, 3.0))
    # A share of 4,000 runs has a standard deviation of at most 1 / 126.
    assert record.taken / 4_000 == pytest.approx(exact, abs=0.04)
    assert record.changed / (4_000 * 9) == pytest.approx(changed_decisions(plan), abs=0.02)
    both = DepartmentPlan(model, [0.25, 0.75], np.concatenate([plan.policy, at_random(model, 9).policy]))
    assert decisions(both) == pytest.approx(0.25 * exact + 0.75 * decisions(at_random(model, 9)))


def test_rules_of_a_simple_plan_say_all_of_it_and_of_another_less() -> None:
    two = two_departments()
    improve = two.held.pair_ptr[1:] - 1
    poor = np.array([label.endswith("poor") for label in two.held.labels])
    policy = np.tile(np.where(poor, improve, two.held.pair_ptr[:-1]), (3, 1))
    found = rules(two, decisions(DepartmentPlan(two, np.ones(1), policy[None])))
    assert found.fidelity == pytest.approx(1.0) and found.leaves == 2
    assert "class: improve" in found.text and "class: hold" in found.text
    assert found.worth.point == pytest.approx(evaluate(two, policy).point)
    mixed = decisions(at_random(drawn(), 4))
    shallow, deep = (rules(drawn(), mixed, depth=depth) for depth in (1, 9))
    assert shallow.fidelity < deep.fidelity == pytest.approx(1.0) and shallow.leaves == 2


def test_fidelity_counts_states_as_often_as_they_come() -> None:
    """Two rules are right at least as often as always saying what is done most, visits counted."""
    model = drawn()
    for seed in range(25):
        plan = at_random(model, seed)
        here, action = visits(model, plan.policy[0]), model.held.pair_action[plan.policy[0]]
        shares = [here[action == a].sum() / here.sum() for a in range(len(model.held.actions))]
        assert rules(model, decisions(plan), depth=1).fidelity >= max(shares) - 1e-12
    two = two_departments()
    alike = np.tile(two.held.pair_ptr[:-1], (3, 1))
    assert rules(two, decisions(DepartmentPlan(two, np.ones(1), alike[None]))).leaves == 1


def test_regret_is_nothing_for_the_best_and_something_for_others() -> None:
    model, weights = drawn(), np.array([0.7, 0.4])
    best = Passes(model).policies(weights[None], np.array([0.3]))[0]
    worth = evaluate(model, best)
    assert regret(model, worth.point, worth.spent, weights=weights, price=0.3) == pytest.approx(0, abs=1e-9)
    other = evaluate(model, at_random(model, 2).policy[0])
    lost = (weights @ worth.point - 0.3 * worth.spent) - (weights @ other.point - 0.3 * other.spent)
    assert (
        regret(model, other.point, other.spent, weights=weights, price=0.3) == pytest.approx(lost)
        and lost > 0
    )


def test_a_front_reaches_itself_and_learned_points_do_not_move_the_reference() -> None:
    front = exact_front(drawn(), weights=7).front
    found = reached(front.point, front)
    assert found.support == pytest.approx(1.0) and found.volume == pytest.approx(1.0)
    learned = Front(
        front.objectives, front.weight[:1], front.point[:1] - 5.0, front.spend[:1], [np.inf], [np.nan],
        ("learned",), front.budget,
    )  # fmt: skip
    assert reached(front.point[:3], front.joined(learned)) == reached(front.point[:3], front)
    assert reached(learned.point, front).support < 0 == reached(learned.point, front).volume


def test_rules_of_thumb_and_the_front_together() -> None:
    """No rule of thumb is above the front, and none wastes less than nothing."""
    model = replace(two_departments(), total_budget=3.0)
    front = exact_front(model, weights=9, tolerance=1e-6)
    for budgets in (uniform_budgets(model), proportional_budgets(model)):
        worth = evaluate(model, within(model, budgets).policy[0])
        assert reached([worth.point], front.front).support <= 1.0 + 1e-9
        assert least_spend(front, worth.point, worth.spent).most >= 0.0
