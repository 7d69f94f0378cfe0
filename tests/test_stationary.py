"""Infinite horizon, equal discounts: policies per price, corrected lines and points, the walk."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from bench.instances import advertiser
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from small_problems import plain_models, problem_of

from optbudget.budgeted import _stationary_kernels as kernels
from optbudget.budgeted import policy_iteration as iteration
from optbudget.budgeted.stationary import Ongoing, measured, stationary_lines
from optbudget.budgeted.stationary_walk import walk_lines
from optbudget.errors import UsageError
from optbudget.problems.examples import two_action_example

from reference import concave_points, stationary_points

PRICES = np.array([np.inf, 16.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.75, 0.5, 0.25, 0.0])


@st.composite
def endless(draw, **options):
    """A plain model over an infinite horizon with one discount below 1."""
    plain = draw(plain_models(**options))
    rate = draw(st.sampled_from([Fraction(1, 2), Fraction(3, 4), Fraction(15, 16)]))
    return plain | {"discount": rate, "cost_discount": rate, "horizon": None}


def exact_curve(points):
    """Vertices of the concave hull of (spend, value), in fractions."""
    return concave_points(points)


def best_at(vertices, budget):
    """Value of a concave curve given by its vertices, in fractions; None below the first."""
    if budget < vertices[0][0]:
        return None
    for (b1, v1), (b2, v2) in itertools.pairwise(vertices):
        if budget <= b2:
            return v1 + (budget - b1) / (b2 - b1) * (v2 - v1)
    return vertices[-1][1]


def assert_brackets(lines, points):
    """Points achieved and lines above, both in exact arithmetic, against all stationary policies."""
    for i, of_state in enumerate(points):
        vertices = exact_curve(of_state)
        for k, price in enumerate(lines.price):
            spend, value = Fraction(lines.spend[i, k]), Fraction(lines.value[i, k])
            best = best_at(vertices, spend)
            assert best is not None and best >= value
            if np.isfinite(price):
                top = Fraction(lines.intercept[i, k])
                assert all(v <= top + Fraction(price) * b for b, v in of_state)
                assert float(top - value + 0) <= float(price) * lines.spend[i, k] + 1e-9 * (
                    1 + abs(float(top))
                )


@given(endless())
def test_points_and_lines_hold_exactly(plain):
    problem = problem_of(plain)
    lines, _ = stationary_lines(problem, PRICES)
    assert_brackets(lines, stationary_points(plain))


@given(endless())
def test_ends_are_lexicographic(plain):
    lines, _ = stationary_lines(problem_of(plain), [np.inf, 0.0])
    for i, of_state in enumerate(stationary_points(plain)):
        cheap = min(of_state, key=lambda point: (point[0], -point[1]))
        rich = max(of_state, key=lambda point: (point[1], -point[0]))
        np.testing.assert_allclose(
            [lines.spend[i, 0], lines.value[i, 0]], np.float64(cheap), rtol=1e-11, atol=1e-11
        )
        np.testing.assert_allclose(
            [lines.spend[i, 1], lines.value[i, 1]], np.float64(rich), rtol=1e-11, atol=1e-11
        )
        if cheap[0] == 0:
            assert lines.spend[i, 0] == 0.0


@given(endless())
def test_walk_meets_every_vertex(plain):
    lines, _, stopped = walk_lines(Ongoing.of(problem_of(plain)))
    assert stopped is None and (np.diff(lines.price) < 0).all()
    points = stationary_points(plain)
    assert_brackets(lines, points)
    for i, of_state in enumerate(points):
        found = np.c_[lines.spend[i], lines.value[i]]
        for vertex in exact_curve(of_state):
            assert np.abs(found - np.float64(vertex)).max(axis=1).min() <= 1e-9 * (
                1 + float(max(map(abs, vertex)))
            )


@given(endless(max_states=4), st.integers(0, 10))
def test_agrees_with_the_occupancy_program(plain, tenths):
    """The CMDP linear programme of one initial state and one budget, by HiGHS through scipy."""
    problem = problem_of(plain)
    live = np.flatnonzero(~problem.is_terminal)
    if live.size == 0:
        return
    lines, _, _ = walk_lines(Ongoing.of(problem))
    start = int(live[0])
    budget = float(lines.spend[start, 0] + tenths / 10 * (lines.spend[start, -1] - lines.spend[start, 0]))
    gain = np.where(np.isfinite(lines.price), lines.price, 0.0) * budget
    bound = (lines.intercept[start] + gain)[np.isfinite(lines.price)].min()
    balance = np.zeros((problem.n_states, problem.cost.size))
    reward = problem.pair_reward.copy()
    for pair, row in enumerate(problem.pair_row):
        balance[problem.pair_state[pair], pair] += 1
        for e in range(problem.row_ptr[row], problem.row_ptr[row + 1]):
            j, p = problem.next_state[e], problem.discount * problem.probability[e]
            balance[j, pair] -= p
            reward[pair] += p * problem.terminal_utility[j] * problem.is_terminal[j]
    answer = linprog(
        -reward, A_ub=problem.cost[None], b_ub=[budget], A_eq=balance[live],
        b_eq=(live == start).astype(float), method="highs",
    )  # fmt: skip
    assert answer.status == 0
    assert -answer.fun == pytest.approx(bound, rel=1e-6, abs=1e-6)


@given(endless(max_states=4))
def test_sweeps_and_dense_solves_agree(plain):
    problem = problem_of(plain)
    dense, _ = stationary_lines(problem, PRICES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iteration, "DENSE_STATES", 0)
        patch.setattr(iteration, "RESCUE_STATES", 0)
        swept, _ = stationary_lines(problem, PRICES)
    assert_brackets(swept, stationary_points(plain))
    np.testing.assert_allclose(swept.intercept, dense.intercept, rtol=1e-9, atol=1e-9)


@given(endless(), st.integers(0, 2**32))
def test_a_wrong_start_widens_but_never_lies(plain, seed):
    """Whatever policy, value and spend are handed in, the corrected numbers hold."""
    problem = problem_of(plain)
    ongoing = Ongoing.of(problem)
    choice, value, spend = ongoing.start(PRICES.size)
    rng = np.random.default_rng(seed)
    value += np.where(choice >= 0, rng.normal(size=value.shape), 0.0)
    spend += np.where(choice >= 0, rng.exponential(size=value.shape), 0.0)
    lines, _ = measured(ongoing, PRICES, choice, value, spend)
    for i, of_state in enumerate(stationary_points(plain)):
        vertices = exact_curve(of_state)
        for k, price in enumerate(PRICES):
            best = best_at(vertices, Fraction(lines.spend[i, k]))
            assert best is not None and best >= Fraction(lines.value[i, k])
            if np.isfinite(price):
                assert all(v <= Fraction(lines.intercept[i, k]) + Fraction(price) * b for b, v in of_state)


@given(endless(max_states=4))
def test_witness_is_checked_by_one_step(plain):
    problem = problem_of(plain)
    _, witness = stationary_lines(problem, PRICES)
    transition = np.zeros((problem.cost.size, problem.n_states))
    for pair, row in enumerate(problem.pair_row):
        for e in range(problem.row_ptr[row], problem.row_ptr[row + 1]):
            transition[pair, problem.next_state[e]] += problem.probability[e]
    for k, price in enumerate(witness.price):
        own = witness.policy[k]
        for i in np.flatnonzero(own >= 0):
            assert problem.pair_state[own[i]] == i
            ahead = problem.discount * transition[own[i]]
            assert witness.spend[k, i] >= problem.cost[own[i]] + ahead @ witness.spend[k]
            assert witness.value[k, i] <= problem.pair_reward[own[i]] + ahead @ witness.value[k]
        if np.isfinite(price):
            q = (
                problem.pair_reward
                - price * problem.cost
                + problem.discount * transition @ witness.intercept[k]
            )
            assert (q <= witness.intercept[k][problem.pair_state]).all()


@given(endless(max_states=4))
def test_variance_solves_its_own_equation(plain):
    problem = problem_of(plain)
    lines, witness = stationary_lines(problem, PRICES)
    square = problem.discount**2
    for k in range(PRICES.size):
        for i in np.flatnonzero(~problem.is_terminal):
            row = problem.pair_row[witness.policy[k, i]]
            entries = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
            ahead, p = problem.next_state[entries], problem.probability[entries]
            mean = p @ lines.spend[ahead, k]
            here = square * (p @ (lines.variance[ahead, k] + (lines.spend[ahead, k] - mean) ** 2))
            assert lines.variance[i, k] == pytest.approx(here, rel=1e-9, abs=1e-12)


def test_two_actions_of_the_paper():
    """Section 2.2.3: one tied edge from (0, 10) to (10, 100); a budget of 1.9 is worth 27.1."""
    lines, _, _ = walk_lines(Ongoing.of(two_action_example()))
    np.testing.assert_allclose(lines.price, [np.inf, 9.0, 0.0], rtol=1e-14)
    np.testing.assert_allclose(lines.spend, [[0.0, 10.0, 10.0]], rtol=1e-13)
    np.testing.assert_allclose(lines.value, [[10.0, 100.0, 100.0]], rtol=1e-13)
    assert np.interp(1.9, lines.spend[0], lines.value[0]) == pytest.approx(27.1, rel=1e-12)
    assert lines.intercept[0, 1] + 9 * 1.9 == pytest.approx(27.1, rel=1e-12)


def test_no_spend_is_exactly_none():
    """A stray 1e-17 where no cost can be reached is no spend: budget 0 stays feasible."""
    ongoing = Ongoing.of(two_action_example())
    choice, value = np.array([[1]], dtype=np.int32), np.array([[10.0]])
    lines, _ = measured(ongoing, np.array([np.inf]), choice, value, np.array([[1e-17]]))
    assert lines.spend[0, 0] == 0.0


def test_chain_in_closed_form():
    """s0 -> s1 with probability q if c is paid, then 8 is won: v = 8gq/(1-g(1-q)), b = c/(1-g(1-q))."""
    gamma, q, c = 0.75, 0.25, 3.0
    base = two_action_example()
    problem = replace(
        base, states=("s0", "s1"), actions=("pay", "wait"), pair_ptr=np.array([0, 2, 2]),
        cost=np.array([c, 0.0]), utility=np.zeros(2), pair_row=np.array([0, 1]),
        row_ptr=np.array([0, 2, 3]), next_state=np.array([0, 1, 0]), probability=np.array([1 - q, q, 1.0]),
        terminal_utility=np.array([0.0, 8.0]), discount=gamma, cost_discount=gamma,
    )  # fmt: skip
    lines, _, _ = walk_lines(Ongoing.of(problem))
    longer = 1 - gamma * (1 - q)
    np.testing.assert_allclose(lines.spend[0], [0.0, c / longer, c / longer], rtol=1e-13)
    np.testing.assert_allclose(
        lines.value[0], [0.0, 8 * gamma * q / longer, 8 * gamma * q / longer], atol=1e-13
    )
    assert lines.price[1] == pytest.approx(8 * gamma * q / c)
    np.testing.assert_array_equal(lines.value[1], 8.0)


@given(endless())
def test_warm_start_changes_nothing(plain):
    problem = problem_of(plain)
    cold, witness = stationary_lines(problem, PRICES)
    warm, _ = stationary_lines(problem, PRICES, warm=witness)
    np.testing.assert_allclose(warm.intercept, cold.intercept, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(warm.value[:, [0, -1]], cold.value[:, [0, -1]], rtol=1e-11, atol=1e-11)


def test_threads_change_no_bit():
    problem = replace(advertiser(150, successors=5), horizon=None, cost_discount=0.975)
    prices = np.r_[np.inf, np.geomspace(50, 0.01, 70), 0.0]
    one, _ = stationary_lines(problem, prices, threads=1)
    two, _ = stationary_lines(problem, prices, threads=2)
    for name in ("spend", "value", "variance", "intercept", "action"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_unequal_discounts_have_no_stationary_price():
    with pytest.raises(UsageError, match="equal discounts"):
        stationary_lines(replace(two_action_example(), cost_discount=0.5), [1.0])


def test_mixing_ends_a_linear_recursion_of_two_modes():
    """Errors that fall by 1/2 and by 1/4 a step are gone after the third mixing."""
    rates, exact = np.array([[0.5], [0.25]]), np.array([[1.0], [3.0]])
    x, moved = np.zeros((2, 1)), np.empty(1)
    memory = kernels.Memory(*(np.zeros((2, 1)) for _ in range(6)))
    for steps in range(3):
        kernels.mix(x, exact + rates * (x - exact), steps, memory, moved)
    np.testing.assert_allclose(x, exact, rtol=1e-12)
