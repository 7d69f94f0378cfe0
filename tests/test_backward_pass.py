"""One pass over the stages: points, lines, lexicographic ends, variance, and what must not change a bit."""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given
from small_problems import plain_models, problem_of

from optbudget.budgeted import backward_pass
from optbudget.budgeted import threads as threads_of
from optbudget.budgeted._sweep_kernels import NARROW, WIDE
from optbudget.budgeted.backward_pass import Sweep, passes
from optbudget.errors import InterruptedWork, LimitError, ProblemError
from optbudget.problems.examples import two_action_example
from optbudget.workers import Monitor

from reference import rational_backup, rational_pass

LANES = len(WIDE)
PRICES = [Fraction(k, 4) for k in (64, 16, 9, 8, 7, 6, 5, 4, 3, 2, 1)]
TABLES = ("spend", "value", "variance", "intercept", "action")


def medium(seed=1, states=120, successors=6, actions=3, horizon=7):
    """Costs, utilities and probabilities on a grid, so that ties are common; rows shared between pairs."""
    draw = np.random.default_rng(seed)
    next_state = np.argsort(draw.random((states, states)), axis=1)[:, :successors]
    weight = draw.integers(1, 5, size=(states, successors)).astype(float)
    problem = problem_of({
        "pairs": [[(0, 0, [(0, Fraction(1))])]], "terminal": [0], "discount": Fraction(3, 4),
        "cost_discount": Fraction(1), "horizon": horizon, "net": True,
    })  # fmt: skip
    return replace(
        problem,
        states=tuple(map(str, range(states))), actions=tuple("abc"[:actions]),
        pair_ptr=np.arange(states + 1) * actions, pair_action=np.tile(np.arange(actions), states),
        pair_row=draw.integers(states, size=states * actions),
        cost=draw.integers(0, 4, size=states * actions).astype(float),
        utility=draw.integers(-4, 9, size=states * actions).astype(float),
        row_ptr=np.arange(states + 1) * successors, next_state=next_state.ravel(),
        probability=(weight / weight.sum(axis=1, keepdims=True)).ravel(),
        terminal_utility=draw.integers(-4, 5, size=states).astype(float),
    )  # fmt: skip


def assert_same_bits(one, other, columns=slice(None)):
    for name in TABLES:
        np.testing.assert_array_equal(getattr(one, name)[:, columns], getattr(other, name), err_msg=name)


# -- against rational arithmetic ---------------------------------------------------------------


@given(plain_models())
def test_points_are_those_of_rational_arithmetic(plain):
    # All numbers are dyadic and small, so doubles are exact and every tie is a tie.
    lines = passes(problem_of(plain), [np.inf, *map(float, PRICES), 0.0])[0]
    for k, price in enumerate([None, *PRICES, Fraction(0)]):
        expected = np.array(rational_pass(plain, price), dtype=float)
        if plain["discount"] == plain["cost_discount"] or price in (None, 0):
            np.testing.assert_array_equal(lines.spend[:, k], expected[:, 0])
            np.testing.assert_array_equal(lines.value[:, k], expected[:, 1])
            np.testing.assert_allclose(lines.variance[:, k], expected[:, 2], rtol=1e-12, atol=1e-12)
        # With unequal discounts the price of a stage is rounded: a tie may fall either way.
        score = expected[:, 1] - float(price or 0) * expected[:, 0]
        if price is not None:
            own = lines.value[:, k] - float(price) * lines.spend[:, k]
            np.testing.assert_allclose(own, score, rtol=1e-13, atol=1e-12)


@given(plain_models())
def test_lines_lie_above_everything_achievable(plain):
    lines = passes(problem_of(plain), [np.inf, *map(float, PRICES), 0.0])[0]
    truth = rational_backup(**{key: plain[key] for key in plain})
    for state, vertices in enumerate(truth):
        for k in range(1, len(lines)):
            intercept, price = Fraction(lines.intercept[state, k]), Fraction(lines.price[k])
            assert all(v <= intercept + price * b for b, v in vertices)
    assert np.isinf(lines.intercept[:, 0]).all()


@given(plain_models())
def test_later_stages_are_shorter_problems(plain):
    problem = problem_of(plain)
    kept = passes(problem, [np.inf, 3.0, 1.0, 0.0], keep_stages=range(1, plain["horizon"]))
    ratio = plain["cost_discount"] / plain["discount"]
    for stage, lines in kept.items():
        shorter = plain | {"horizon": plain["horizon"] - stage}
        for k, price in enumerate([None, Fraction(3), Fraction(1), Fraction(0)]):
            there = None if price is None else price * ratio**stage
            assert lines.price[k] == pytest.approx(np.inf if there is None else float(there))
            expected = np.array(rational_pass(shorter, there), dtype=float)
            if ratio == 1 or not price:
                np.testing.assert_array_equal(lines.spend[:, k], expected[:, 0])
                np.testing.assert_array_equal(lines.value[:, k], expected[:, 1])


def test_actions_by_hand():
    # Price 9 is where buying (1 money, 10 value) and the free action (1 value) are equally good.
    lines = passes(two_action_example(horizon=1), [np.inf, 9.5, 9.0, 8.5, 0.0])[0]
    np.testing.assert_array_equal(lines.action, [[1, 1, 1, 0, 0]])
    np.testing.assert_array_equal(lines.spend, [[0, 0, 0, 1, 1]])


def test_ends_see_through_rounding():
    # 0.1 + 0.2 against 0.3: equal spends (and, mirrored, values) that differ in the last bit.
    plain = {
        "pairs": [
            [(Fraction(3, 10), 1, [(3, 1)]), (Fraction(1, 10), 2, [(1, 1)])],
            [(Fraction(2, 10), 0, [(3, 1)])],
            [(Fraction(4), Fraction(3, 10), [(3, 1)]), (Fraction(5), Fraction(1, 10), [(4, 1)])],
            [], [(0, Fraction(2, 10), [(3, 1)])],
        ],
        "terminal": [0, 0, 0, 0, 0], "discount": Fraction(1), "cost_discount": Fraction(1),
        "horizon": 2, "net": False,
    }  # fmt: skip
    lines = passes(problem_of(plain), [np.inf, 0.0])[0]
    assert lines.value[0, 0] == 2  # least spend ties, so the more valuable way
    assert lines.spend[2, 1] == 4  # most value ties, so the cheaper way
    assert lines.value[2, 1] + lines.value_error[1] >= 0.1 + 0.2


def test_terminal_states_are_worth_their_utility_whenever_reached():
    plain = {
        "pairs": [[(1, 0, [(1, 1)])], []], "terminal": [-3, 4], "discount": Fraction(1, 2),
        "cost_discount": Fraction(1), "horizon": 3, "net": True,
    }  # fmt: skip
    lines = passes(problem_of(plain), [1.0])[0]
    np.testing.assert_array_equal(lines.value, [[1.0], [4.0]])
    np.testing.assert_array_equal(lines.spend, [[1.0], [0.0]])
    np.testing.assert_array_equal(lines.action, [[0], [-1]])


def test_long_horizons_neither_overflow_nor_vanish():
    problem = replace(two_action_example(horizon=4000), discount=0.5, cost_discount=1.0)
    lines = passes(problem, [np.inf, 100.0, 1.0, 0.0], keep_stages=[3999])
    # At price 1 the k-th decision buys while 2^k < 9: four times, 9 (1 + 1/2 + 1/4 + 1/8) more than 2.
    np.testing.assert_allclose(lines[0].value[0], [2.0, 2.0, 18.875, 20.0], rtol=1e-14)
    np.testing.assert_array_equal(lines[0].spend[0], [0.0, 0.0, 4.0, 4000.0])
    assert np.isfinite(lines[0].intercept[:, 1:]).all()
    np.testing.assert_array_equal(lines[3999].price, [np.inf, 0.0])


# -- what must not change a bit -----------------------------------------------------------------


def test_batching_does_not_change_a_bit():
    problem = medium()
    prices = np.geomspace(8, 0.05, 2 * LANES + 5)
    together = passes(problem, prices)[0]
    for size in (1, 3, LANES, LANES + 1):
        for start in range(0, prices.size, size):
            chosen = slice(start, start + size)
            assert_same_bits(together, passes(problem, prices[chosen])[0], chosen)


def test_neither_threads_nor_the_way_they_share_the_work_change_a_bit(monkeypatch):
    problem = medium()
    prices = np.concatenate(([np.inf], np.geomspace(8, 0.05, 2 * LANES), [0.0]))
    monkeypatch.setattr(threads_of, "SMALL", 0)
    before = numba.get_num_threads()
    answers = []
    try:
        for threads in (1, before):
            numba.set_num_threads(threads)
            for tiny, in_cache in ((10**9, 10**9), (0, 10**9), (0, 0), (10**9, 0)):
                monkeypatch.setattr(backward_pass, "TINY", tiny)
                monkeypatch.setattr(backward_pass, "IN_CACHE", in_cache)
                answers.append(passes(problem, prices)[0])
    finally:
        numba.set_num_threads(before)
    for answer in answers[1:]:
        assert_same_bits(answers[0], answer)


@pytest.mark.parametrize("near", [0, 2**40])
def test_how_many_prices_are_abreast_does_not_change_a_bit(monkeypatch, near):
    """Fewer where look-ups are scattered; here all are, or none."""
    monkeypatch.setattr(backward_pass, "TINY", 0)
    monkeypatch.setattr(backward_pass, "IN_CACHE", 0)
    prices = np.geomspace(50.0, 0.02, 3 * LANES + 2)
    alone = passes(medium(), prices)[0]
    monkeypatch.setattr(backward_pass, "NEAR", near)
    assert Sweep(medium()).abreast == (NARROW if near == 0 else WIDE)
    assert_same_bits(passes(medium(), prices)[0], alone)


@pytest.mark.parametrize("power", [-40, 3, 60])
def test_scaling_costs_scales_spends(power):
    problem = replace(medium(), reward="gross")
    scaled = replace(problem, cost=np.ldexp(problem.cost, power))
    prices = np.concatenate(([np.inf], np.geomspace(8, 0.05, 9), [0.0]))
    lines, other = passes(problem, prices)[0], passes(scaled, np.ldexp(prices, -power))[0]
    np.testing.assert_array_equal(np.ldexp(lines.spend, power), other.spend)
    np.testing.assert_array_equal(lines.value, other.value)
    np.testing.assert_array_equal(np.ldexp(lines.variance, 2 * power), other.variance)


def test_names_and_order_of_states_do_not_matter():
    problem = medium()
    order = np.random.default_rng(7).permutation(problem.n_states)
    place = np.argsort(order)
    pairs = (order[:, None] * 3 + np.arange(3)).ravel()
    shuffled = replace(
        problem,
        states=tuple(problem.states[i] for i in order), pair_row=problem.pair_row[pairs],
        cost=problem.cost[pairs], utility=problem.utility[pairs], next_state=place[problem.next_state],
        terminal_utility=problem.terminal_utility[order],
    )  # fmt: skip
    prices = [np.inf, 4.0, 2.0, 1.0, 0.5, 0.0]
    lines, other = passes(problem, prices)[0], passes(shuffled, prices)[0]
    for name in TABLES:
        np.testing.assert_array_equal(getattr(lines, name)[order], getattr(other, name))


# -- bad input, limits, and no compiler ------------------------------------------------------------


def test_bad_input():
    problem = two_action_example(horizon=2)
    for prices in ([-1.0], [np.nan]):
        with pytest.raises(ProblemError, match="prices must be >= 0"):
            passes(problem, prices)
    with pytest.raises(ProblemError, match=r"stage 2 is not in 0\.\.1"):
        passes(problem, [1.0], keep_stages=[2])
    with pytest.raises(ProblemError, match="finite horizon"):
        passes(two_action_example(), [1.0])


def test_limits():
    problem = two_action_example(horizon=2)
    with pytest.raises(LimitError, match="the limit is"):
        passes(problem, [1.0], monitor=Monitor(memory_limit=10))
    with pytest.raises(LimitError, match="time limit"):
        passes(problem, [1.0], monitor=Monitor(time_limit=0.0))
    monitor = Monitor()
    monitor.interrupt()
    for price in (1.0, 0.0):
        with pytest.raises(InterruptedWork):
            passes(problem, [price], monitor=monitor)
    with pytest.raises(LimitError, match="two ends"):
        passes(problem, [0.0], monitor=Monitor(memory_limit=10))


def test_works_without_a_compiler():
    code = (
        "from optbudget.budgeted import solve\n"
        "from optbudget.problems.examples import two_action_example\n"
        "for method in ('walk', 'sweep'):\n"
        "    answer = solve(two_action_example(horizon=3), method=method)\n"
        "    print(answer['s'].budgets.tolist(), answer.gap < 1e-9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[0.0, 2.71] True"] * 2


def test_more_pairs_than_can_be_numbered_are_refused(monkeypatch):
    problem = two_action_example(horizon=2)
    monkeypatch.setattr("optbudget.budgeted.backward_pass.MOST_PAIRS", 1)
    for prices in ([np.inf], [1.0]):
        with pytest.raises(LimitError, match="--parts"):
            passes(problem, prices)
