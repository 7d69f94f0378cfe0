"""Which problems end by themselves, how long they last, and which are refused."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.budgeted.infinite import stationary_solve
from optbudget.budgeted.termination import longest
from optbudget.errors import IllPosedError
from optbudget.problems.endings import endless_states, resting_states

from reference import concave_points, stationary_points

QUARTER = Fraction(1, 4)


def ending(plain):
    """The same with a new terminal state, worth 2, to which every pair leads with probability 1/4."""
    end = len(plain["pairs"])
    pairs = [
        [
            (cost, gain, [(j, p * 3 * QUARTER) for j, p in row] + [(end, QUARTER)])
            for cost, gain, row in options
        ]
        for options in plain["pairs"]
    ]
    one = Fraction(1)
    return plain | {
        "pairs": [*pairs, []], "terminal": [*plain["terminal"], 2], "discount": one, "cost_discount": one,
        "horizon": None,
    }  # fmt: skip


def chain(*pairs, terminal, **changes):
    """A problem of one pair per state: (cost, utility, [(next state, probability)]), None for terminal."""
    plain = {
        "pairs": [[] if pair is None else pair if isinstance(pair, list) else [pair] for pair in pairs],
        "terminal": terminal, "discount": 1, "cost_discount": 1, "horizon": None, "net": False,
    }  # fmt: skip
    return problem_of(plain, **changes)


@given(plain_models())
def test_undiscounted_curves_are_exact(plain):
    plain = ending(plain)
    answer = stationary_solve(problem_of(plain))
    assert answer.gap <= 1e-9
    for i, points in enumerate(stationary_points(plain)):
        vertices = np.array(concave_points(points), dtype=float)
        curve = answer.curves[i]
        np.testing.assert_allclose(curve.value(vertices[:, 0] + 1e-9), vertices[:, 1], rtol=1e-6, atol=1e-6)
        assert curve.largest_useful_budget == pytest.approx(vertices[-1, 0], abs=1e-9)


@given(plain_models())
def test_duration_is_the_longest_expected_number_of_decisions(plain):
    plain = ending(plain)
    problem = problem_of(plain)
    m, ended = longest(problem, 1.0)
    counted = plain | {
        "pairs": [[(1, 1, row) for _, _, row in options] for options in plain["pairs"]],
        "terminal": [0] * len(plain["terminal"]), "net": False,
    }  # fmt: skip
    for i, points in enumerate(stationary_points(counted)):
        exact = max(value for _, value in points)
        if ended[i]:
            assert m[i] == 0
        elif not resting_states(problem).any():
            assert exact <= Fraction(m[i]) <= exact * (1 + Fraction(1, 10**10))


@given(plain_models(max_states=4), st.integers(0, 3))
def test_endless_states_agree_with_enumeration(plain, _):
    """A state is endless if some stationary policy keeps out of every terminal or resting state."""
    problem = problem_of(plain, horizon=None)
    rest = {int(i) for i in np.flatnonzero(resting_states(problem))}
    pairs = plain["pairs"]
    inside = {i for i, options in enumerate(pairs) if options} - rest
    best = set()
    for size in range(1 << len(pairs)):
        subset = {i for i in range(len(pairs)) if size >> i & 1}
        if subset <= inside and all(
            any({j for j, _ in row} <= subset for _, _, row in pairs[i]) for i in subset
        ):
            best |= subset
    assert set(np.flatnonzero(endless_states(problem)).tolist()) == best


def test_long_self_loop_is_not_cut_short():
    """A self-loop of 1 - 1e-6 pays 1e-6 a step: 1 in total, where stopping on the change says 2e-6."""
    stay = 1 - 1e-6
    problem = chain([(1e-6, 1e-6, [(0, stay), (1, 1 - stay)]), (0, 0, [(1, 1)])], None, terminal=[0, 0])
    exact = 1e-6 / (1 - stay)
    for method in ("walk", "sweep"):
        answer = stationary_solve(problem, method=method)
        curve = answer["s0"]
        assert curve.values[-1] == pytest.approx(exact, rel=1e-8)
        assert curve.largest_useful_budget == pytest.approx(exact, rel=1e-8)
        assert answer.gap <= (1e-7 if method == "walk" else 1e-4)


def test_discounted_long_self_loop():
    """The same with discount 1 - 1e-6: v = 1 / (1 - g(1 - 1e-6)), about 500,000."""
    stay, rate = 1 - 1e-6, 1 - 1e-6
    problem = chain(
        [(1, 1, [(0, stay), (1, 1 - stay)])], None, terminal=[0, 0], discount=rate, cost_discount=rate
    )
    curve = stationary_solve(problem)["s0"]
    assert curve.start_value == pytest.approx(1 / (1 - rate * stay), rel=1e-8)


def test_rest_is_an_end():
    """A state that loops for ever at no reward and no cost is an end like a terminal one."""
    problem = chain((2, 3, [(1, 1)]), (0, 0, [(1, 1)]), terminal=[0, 7])
    assert resting_states(problem).tolist() == [False, True]
    answer = stationary_solve(problem)
    assert (answer["s0"].start_budget, answer["s0"].start_value) == pytest.approx((2, 3))
    assert (answer["s1"].start_budget, answer["s1"].start_value) == (0.0, 0.0)
    assert answer.outcome.termination.name == "OPTIMAL"


@pytest.mark.parametrize(
    "pairs, names, why",
    [
        ([(0, 1, [(0, 1)])], ["s0"], "earns 1"),
        ([(1, 0, [(0, 1)])], ["s0"], "spends 1"),
        ([(1, -1, [(1, 1)]), (0, -1, [(0, 1)])], ["s0", "s1"], "spends 1"),
        ([(0, -1, [(0, 1)])], ["s0"], "adds up without bound"),
        ([[(0, 0, [(0, 1)]), (1, 5, [(1, 1)])], None], ["s0"], "neither earns nor spends"),
    ],
)
def test_what_need_not_end_is_refused(pairs, names, why):
    with pytest.raises(IllPosedError) as refusal:
        stationary_solve(chain(*pairs, terminal=[0] * len(pairs)))
    message = str(refusal.value)
    assert why in message and all(repr(name) in message for name in names)


def test_only_the_sum_that_is_undiscounted_must_end():
    problem = chain((1, 0, [(0, 1)]), terminal=[0], discount=0.5)
    with pytest.raises(IllPosedError, match="spends 1 each time, so spend need not be finite"):
        stationary_solve(problem)
    assert stationary_solve(replace(problem, cost_discount=0.5)).gap <= 1e-9


def test_large_sizes_are_swept_to_the_same_end():
    """A line of 300 states, each left with probability 1/2: v(i) is the number of states to go, times 2."""
    n = 300
    problem = chain(*[(0, 1, [(i, 0.5), (i + 1, 0.5)]) for i in range(n)], None, terminal=[0] * (n + 1))
    answer = stationary_solve(problem, method="sweep", tolerance=1e-7)
    np.testing.assert_allclose(
        [curve.start_value for curve in answer.curves], 2.0 * np.arange(n, -1, -1), rtol=1e-9
    )
