"""Policies of departments: every objective and the spend, beside a plain twin; bad input."""

from dataclasses import replace

import numpy as np
import pytest
from test_departments import drawn

from optbudget.budgeted import evaluate as evaluate_weighted
from optbudget.budgeted.fixed_policy import pairs_of
from optbudget.budgeted.policies import policy_at
from optbudget.errors import ProblemError
from optbudget.files.departments_folder import departments_tables
from optbudget.pareto import evaluate, evaluate_lottery
from optbudget.problems import Front

from reference import department_totals


def by_recursion(d, policy):
    """What `evaluate` says, by the twin, from the tables of the folder."""
    tables = departments_tables(d)
    plain = {}
    for row in tables["actions"].to_pylist():
        columns = [s * row[k] for k, s in zip(d.objectives, d.direction.tolist(), strict=True)]
        plain[row["department"], row["regime"], row["state"], row["action"]] = ([*columns, row["cost"]], {})
    for row in tables["transitions"].to_pylist():
        key = row["department"], row["regime"], row["state"], row["action"]
        plain[key][1][row["next_state"]] = row["probability"]
    chain = {r: {} for r in d.regimes}
    for row in tables["regimes"].to_pylist():
        chain[row["regime"]][row["next_regime"]] = row["probability"]
    held = d.held

    def acts(stage, department, regime, state):
        i = held.index(d.label(department, regime, state))
        pairs = range(held.pair_ptr[i], held.pair_ptr[i + 1])
        names = [held.actions[held.pair_action[k]] for k in pairs]
        if policy.dtype.kind in "iu":
            return {names[policy[stage, i] - held.pair_ptr[i]]: 1.0}
        return dict(zip(names, policy[stage, pairs].tolist(), strict=True))

    start = dict(zip(d.departments, d.start, strict=True))
    rates = [*[held.discount] * len(d.objectives), held.cost_discount]
    return department_totals(plain, chain, start, d.initial_regime, acts, rates, held.horizon)


def pairs_drawn(d, seed, stages):
    draw = np.random.default_rng(seed)
    width = np.diff(d.held.pair_ptr)
    return d.held.pair_ptr[:-1] + draw.integers(0, width, size=(stages, width.size))


def chances_drawn(d, seed, stages):
    weight = np.random.default_rng(seed).integers(0, 4, size=(stages, d.held.cost.size)) + 1.0
    total = np.add.reduceat(weight, d.held.pair_ptr[:-1], axis=1)
    return weight / np.repeat(total, np.diff(d.held.pair_ptr), axis=1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("draw", [pairs_drawn, chances_drawn])
def test_as_its_plain_twin(seed, draw):
    d = drawn(seed)
    policy = draw(d, seed, 3)
    worth = evaluate(d, policy)
    assert [*worth.point, worth.spent] == pytest.approx(by_recursion(d, policy), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_weighed_it_is_the_value_of_the_weighted_problem(seed):
    """Of policies that `budgeted` finds for its joined chain."""
    d, weights = drawn(seed), {"gain": 0.75, "harm": 0.25}
    problem = d.budgeted(weights)
    policy = policy_at(problem, [0.5])
    there = evaluate_weighted(problem, policy, price=0.5)
    units = d.population(problem).count
    worth = evaluate(d, pairs_of(problem, policy, 0.5))
    assert worth.point @ [0.75, 0.25] == pytest.approx(there.value @ units, abs=1e-12)
    assert worth.spent == pytest.approx(there.spend @ units, abs=1e-12)


@pytest.mark.parametrize("draw", [pairs_drawn, chances_drawn])
@pytest.mark.parametrize("seed", range(3))
def test_endless_is_the_limit_of_long(seed, draw):
    d = drawn(seed)
    endless = replace(d, held=replace(d.held, horizon=None, cost_discount=0.5))
    long = replace(d, held=replace(d.held, horizon=150, cost_discount=0.5))
    policy = draw(d, seed, 1)
    worth, limit = evaluate(endless, policy), evaluate(long, np.repeat(policy, 150, axis=0))
    assert worth.reward == pytest.approx(limit.reward, abs=1e-12)
    assert worth.spend == pytest.approx(limit.spend, abs=1e-12)


def test_a_lottery_is_the_mean():
    d = drawn(1)
    one, other = (pairs_drawn(d, seed, 3) for seed in (1, 2))
    mean = evaluate_lottery(d, np.array([one, other]), [0.25, 0.75])
    by_hand = evaluate(d, one).mixed(evaluate(d, other), 0.75)
    assert mean.reward == pytest.approx(by_hand.reward, abs=1e-14)
    assert mean.spent == pytest.approx(by_hand.spent, abs=1e-14)


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda policy: policy[:2], "must have shape"),
        (lambda policy: policy + 1, "takes a pair of another state in 'x/up|a' at stage 0"),
        (lambda policy: np.zeros((3, 16)), "chances that are not >= 0 with sum 1"),
        (lambda policy: np.zeros((3, 15)), "chances must have shape"),
    ],
)
def test_policies_refused(break_it, message):
    d = drawn(0)
    policy = np.tile(d.held.pair_ptr[1:] - 1, (3, 1))
    with pytest.raises(ProblemError, match=message):
        evaluate(d, break_it(policy))


def front(**changed):
    fields = {
        "objectives": ("a", "-b"), "weight": [[0.5, 0.5], [0.75, 0.25]], "point": [[4.0, 0.0], [6.0, -4.0]],
        "spend": [2.0, 3.0], "bound": [2.0, 3.5], "price": [0.5, 1.0], "kind": ("exact", "learned"),
        "budget": 3.0,
    }  # fmt: skip
    return Front(**{**fields, **changed})


class TestFront:
    def test_its_numbers(self):
        found = front()
        assert found.value.tolist() == [2.0, 3.5]
        assert found.gap.tolist() == [0.0, 0.0]
        assert found.inner([[0.5, 0.5], [0.9, 0.1]]).tolist() == pytest.approx([2.0, 5.0])
        assert found.to_arrow().column_names == ["point", "kind", "a", "-b", "spend"]

    def test_beyond_a_plane(self):
        """The second point is worth 1 at the first weights, whose bound is 2; a third one 2.5."""
        more = front().joined(front(point=[[4.0, 1.0], [0.0, 0.0]], bound=[np.inf, np.inf]))
        assert more.violations() == pytest.approx([0.0, 0.0, 0.5 / 3.0, 0.0])
        assert len(more.of_kind("learned")) == 2

    @pytest.mark.parametrize(
        "changed, message",
        [
            ({"weight": [[0.5, 0.5], [1.0, 0.0]]}, "point 1: weights must be > 0 and sum to 1"),
            ({"spend": [2.0, 3.1]}, "point 1 spends 3.1, and the budget is 3"),
            ({"bound": [1.9, 4.0]}, "point 0 is worth 2 at its weights, and its bound is 1.9"),
            ({"kind": ("exact", "guessed")}, "kinds are exact and learned"),
            ({"point": [[1.0, np.nan], [0.0, 0.0]]}, "finite"),
            ({"price": [1.0]}, "price must have shape"),
        ],
    )
    def test_refused(self, changed, message):
        with pytest.raises(ProblemError, match=message):
            front(**changed)
