"""Sets of vectors, and the fronts of problems whose policies can all be listed."""

from itertools import product

import moocore
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from optbudget.errors import LimitError, ProblemError
from optbudget.pareto.n_step import n_step_bound
from optbudget.pareto.point_sets import beyond, non_dominated, on_hull
from optbudget.pareto.policy_enumeration import enumerate_policies
from optbudget.pareto.small_problems import Simulator, garnet, inspection, warehouse
from optbudget.problems.vector_mdp import VectorMDP

from reference import plain_hull, plain_non_dominated, policy_vector

SMALL = st.integers(-4, 4)


def sets(objectives):
    return st.lists(st.tuples(*[SMALL] * objectives), min_size=1, max_size=12)


def reach(points, x):
    """How far a mixture of points can be above x in its worst objective, by scipy's solver."""
    points, x = np.asarray(points, float), np.asarray(x, float)
    n = len(points)
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([(x - points).T, np.ones(x.size)]),
        b_ub=np.zeros(x.size),
        A_eq=[np.append(np.ones(n), 0.0)],
        b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )
    return -found.fun


@given(st.one_of(sets(2), sets(3)))
def test_non_dominated_is_the_plain_twin_and_moocores(points):
    kept = non_dominated(points)
    assert list(kept) == plain_non_dominated(points)
    theirs = moocore.filter_dominated(np.array(points, float), maximise=True)
    assert sorted(map(tuple, np.array(points, float)[kept])) == sorted({tuple(x) for x in theirs})


@given(sets(2))
@example([(0, 3), (1, 2), (3, -1)])
def test_hull_in_the_plane_is_that_of_exact_arithmetic(points):
    rows, weights = on_hull(points)
    chosen = np.array(points, float)[rows]
    assert sorted(map(tuple, chosen)) == plain_hull(points)
    assert (weights >= 0).all()
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert np.allclose((weights * chosen).sum(axis=1), (weights @ np.array(points, float).T).max(axis=1))


@given(sets(3))
def test_hull_in_space_keeps_what_no_mixture_reaches(points):
    rows, _ = on_hull(points)
    values = np.array(points, float)
    for i in rows:
        others = values[[j for j in rows if j != i]]
        assert not len(others) or reach(others, values[i]) < -1e-9
    assert all(reach(values[rows], x) >= -1e-9 for x in values)


@given(sets(3), st.tuples(SMALL, SMALL, SMALL))
def test_beyond_is_the_linear_program(points, x):
    assert beyond([x], points)[0] == pytest.approx(-reach(points, x), abs=1e-9)


@pytest.mark.parametrize("objectives", [3, 5])
def test_beyond_is_the_linear_program_where_weights_are_zero(objectives):
    draw = np.random.default_rng(0)
    for _ in range(40):
        points, x = draw.integers(-9, 10, (15, objectives)), draw.integers(-9, 10, objectives)
        assert beyond([x], points)[0] == pytest.approx(-reach(points, x), abs=1e-9)


@given(sets(3), st.sampled_from([0.5, 1.0, 2.0]))
def test_what_a_tolerance_leaves_out_is_within_it(points, tolerance):
    values = np.array(points, float)
    kept = values[non_dominated(points, tolerance=tolerance)]
    assert all((kept >= x - tolerance).all(axis=1).any() for x in values)
    hull = values[on_hull(points, tolerance=tolerance)[0]]
    assert (beyond(values, hull) <= tolerance + 1e-9).all()


@pytest.mark.parametrize("problem", [garnet(states=4, actions=2, branching=2, seed=3), warehouse()])
def test_values_are_those_of_the_plain_sweep(problem):
    draw = np.random.default_rng(0)
    policies = [[draw.choice(np.flatnonzero(row)) for row in problem.possible] for _ in range(3)]
    arrays = (
        problem.transition.tolist(),
        problem.reward.tolist(),
        problem.discount,
        problem.initial.tolist(),
    )
    for policy, value in zip(policies, problem.evaluate(np.array(policies)), strict=True):
        assert value == pytest.approx(policy_vector(*arrays, policy), abs=1e-9)


def test_a_small_problem_is_listed_policy_by_policy():
    problem = garnet(states=4, actions=3, branching=2, seed=5)
    front = enumerate_policies(problem)
    every = np.array(list(product(range(3), repeat=4)))
    values = problem.evaluate(every)
    assert front.policies_in_all == 81
    assert np.allclose(problem.evaluate(front.policies), front.points, rtol=0, atol=1e-12)
    expected = {tuple(values[i].round(9)) for i in plain_non_dominated(values.tolist())}
    assert {tuple(x.round(9)) for x in front.points} == expected
    assert (front.beyond(values) <= 1e-12).all()


def test_no_policy_of_weights_is_missed():
    """Policy iteration for a weighting finds what is listed: the hull holds for all policies."""
    for problem in (warehouse(), inspection(), garnet(objectives=3)):
        front = enumerate_policies(problem)
        for weights in np.random.default_rng(1).dirichlet(np.ones(problem.reward.shape[2]), size=10):
            value = np.zeros(len(problem.states))
            for _ in range(400):
                gain = problem.reward @ weights + problem.discount * problem.transition @ value
                value = np.where(problem.possible, gain, -np.inf).max(axis=1)
            assert front.best(weights[None])[0] == pytest.approx(problem.initial @ value, abs=1e-9)


def test_terminal_states_have_no_action_and_too_many_policies_are_refused():
    chance = np.zeros((2, 2, 2))
    chance[0, :, 1] = 1.0
    ends = VectorMDP(
        ("now", "over"), ("a", "b"), ("x",), chance, [[[1.0], [2.0]], [[0.0], [0.0]]], 0.5, [1.0, 0.0]
    )
    front = enumerate_policies(ends)
    assert front.policies.tolist() == [[1, -1]]
    assert front.points.tolist() == [[2.0]]
    with pytest.raises(LimitError, match=r"5\.9e\+04 deterministic stationary policies, more than 1,000"):
        enumerate_policies(inspection(), most=1000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"discount": 1.0}, "discount is 1.0"),
        ({"initial": np.array([0.5, 0.2])}, "initial must be a distribution"),
        ({"transition": np.full((2, 1, 2), 0.4)}, "state 'x', action 'a': probabilities sum to neither"),
        ({"transition": np.zeros((2, 1, 2))}, "a reward is given for an action that is not possible"),
        ({"reward": np.ones((2, 2, 1))}, "reward must be finite and have shape"),
    ],
)
def test_a_wrong_problem_is_refused_by_name(change, said):
    right = {
        "states": ("x", "y"), "actions": ("a",), "objectives": ("r",), "transition": np.full((2, 1, 2), 0.5),
        "reward": np.ones((2, 1, 1)), "discount": 0.9, "initial": np.array([1.0, 0.0]),
    }  # fmt: skip
    with pytest.raises(ProblemError, match=said):
        VectorMDP(**{**right, **change})


def test_a_policy_that_is_not_possible_is_refused():
    with pytest.raises(ProblemError, match="policy 1 takes action 4 in state 'stock 5'"):
        warehouse().evaluate(np.array([[0] * 8, [3] * 5 + [4] * 3]))


def test_the_simulator_draws_what_the_problem_says():
    problem, counts = warehouse(), np.zeros((8, 4, 8))
    world, draw = Simulator(problem), np.random.default_rng(0)
    state, _ = world.reset(seed=1)
    for _ in range(20_000):
        action = int(draw.choice(np.flatnonzero(problem.possible[state])))
        after, reward, *_ = world.step(action)
        assert (reward == problem.reward[state, action]).all()
        counts[state, action, after] += 1
        state = after
    tried = counts.sum(axis=2)
    error = np.abs(counts / np.maximum(tried, 1)[:, :, None] - problem.transition)
    assert (error < 5 / np.sqrt(np.maximum(tried, 1))[:, :, None])[tried > 0].all()
    assert ((counts > 0) <= (problem.transition > 0)).all()


def missed(level, trials, seed, *, error):
    """How often a known value is below and above the bound: skewed rewards, then a rest that is wrong."""
    draw, misses = np.random.default_rng(seed), np.zeros(2)
    true, discount = 1.0 + 0.9 * 1.0 + 0.81 * 5.0, 0.9
    for trial in range(trials):
        returns = (
            draw.exponential(size=(60, 1)) + discount * draw.exponential(size=(60, 1)) + 0.81 * (5.0 + error)
        )
        bound = n_step_bound(
            returns, steps=2, rest=0.81, error=abs(error), level=level, resamples=199, seed=trial
        )
        misses += [true < bound.lower[0], true > bound.upper[0]]
    return misses / trials


def test_the_bound_covers_at_its_level():
    """Without an error of the rest the bootstrap alone must cover: 5 % are missed on either side."""
    assert np.abs(missed(0.9, 600, 0, error=0.0) - 0.05).max() < 3 * np.sqrt(0.05 * 0.95 / 600)
    assert missed(0.9, 100, 1, error=0.5).sum() <= 0.1


@pytest.mark.nightly
def test_the_bound_covers_at_its_level_over_many_trials():
    assert np.abs(missed(0.95, 5000, 0, error=0.0) - 0.025).max() < 0.01
    assert missed(0.95, 1000, 1, error=-0.5).sum() <= 0.05
