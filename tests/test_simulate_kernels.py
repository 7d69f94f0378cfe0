"""Draws against published vectors and exact laws, money against fractions, compiled against plain Python."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from optbudget.problems.rollouts import student
from optbudget.simulate._draws_kernels import binomial, philox, uniforms
from optbudget.simulate._money_kernels import minus_down, over_down, times_up
from optbudget.simulate._step_kernels import in_order

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0xA4093822, 0x299F31D0),
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers(key, counter, words):
    """Random123's kat_vectors, philox4x32 with 10 rounds; our counter is (place, stage, state, group)."""
    place, group, state, stage = counter
    for form in (philox, philox.py_func):
        assert " ".join(f"{word:08x}" for word in form(key, place, stage, state, group)) == words


def test_uniforms_are_uniform_whatever_is_counted():
    for k in range(5):
        places = [[0] * 5 for _ in range(4000)]
        for j, place in enumerate(places):
            place[k] = j
        drawn = np.array([uniforms((1, trial), *rest) for trial, *rest in places])
        assert ((drawn >= 0) & (drawn < 1)).all()
        assert stats.kstest(drawn[:, 0], "uniform").pvalue > 1e-4
        assert stats.kstest(drawn[:, 1], "uniform").pvalue > 1e-4
        assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.08


@pytest.mark.parametrize("p", [0.001, 0.2, 0.5, 0.77, 0.999])
@pytest.mark.parametrize("n", [1, 3, 40, 70, 5000, 10**6])
def test_binomial_counts_have_their_law(n, p):
    sample = np.array([binomial(n, p, (7, k), 1, 2, 3, 4) for k in range(6000)])
    law = stats.binom(n, p)
    edges = np.unique(law.ppf(np.linspace(0, 1, 13)[1:-1]))
    expected = sample.size * np.diff(np.concatenate(([0], law.cdf(edges), [1])))
    observed = np.bincount(np.searchsorted(edges, sample), minlength=edges.size + 1)
    kept = expected > 1e-9 * sample.size
    assert observed[~kept].sum() == 0
    if kept.sum() > 1:
        share = expected[kept] / expected[kept].sum() * sample.size
        assert stats.chisquare(observed[kept], share).pvalue > 1e-4


def test_binomial_counts_that_need_no_draw():
    assert [binomial(n, p, (0, 0), 0, 0, 0, 0) for n, p in ((0, 0.5), (9, 0.0), (9, 1.0))] == [0, 0, 9]


amounts = st.floats(1e-9, 1e9) | st.integers(0, 8).map(float)


@given(amounts, amounts, st.integers(0, 10**9), st.floats(0.01, 1.0) | st.just(1.0))
def test_money_is_rounded_against_the_spender_and_no_further_than_one_step(money, cost, units, rate):
    def near(found, exact, side):
        assert side * (Fraction(found) - exact) >= 0
        assert side * (Fraction(np.nextafter(found, -side * np.inf)) - exact) < 0 or Fraction(found) == exact

    near(times_up(units, cost), units * Fraction(cost), 1)
    near(minus_down(money, cost), Fraction(money) - Fraction(cost), -1)
    near(over_down(money, rate), Fraction(money) / Fraction(rate), -1)


def test_money_without_limit():
    assert minus_down(np.inf, 5.0) == over_down(np.inf, 0.9) == np.inf


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_order_is_that_of_a_stable_sort(pairs):
    first, second = (np.array([float(pair[k]) for pair in pairs]) for k in (0, 1))
    order = np.empty(len(pairs), dtype=np.int64)
    assert in_order(first, second, len(pairs), order) == len(pairs)
    assert order.tolist() == sorted(range(len(pairs)), key=lambda k: (*pairs[k], k))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 29, 99, 9999])
def test_student_points(freedom):
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-4)


HASHED = """
import hashlib, sys
from test_simulate import population, two_states
from optbudget.simulate import simulate
curves = two_states(horizon=4)
policies = ("bmdp", "dbra", "sub", "uba", "index", "cap")
found = simulate(curves, population(curves, [9, 8, 1]), 20.0, policies=policies, trials=12, seed=3,
                 threads=int(sys.argv[1]))
print(hashlib.sha256(found.value.tobytes() + found.stage_spend.tobytes()).hexdigest())
"""


def test_no_byte_depends_on_hash_seeds_threads_or_compilation():
    """Compiled code and plain Python draw and round alike."""
    settings = (("1", {"PYTHONHASHSEED": "1"}), ("2", {"PYTHONHASHSEED": "2", "NUMBA_DISABLE_JIT": "1"}))
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", HASHED, threads],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **more},
            stdout=subprocess.PIPE, text=True,
        )
        for threads, more in settings
    ]  # fmt: skip
    said = [run.communicate(timeout=300)[0] for run in runs]
    assert all(run.returncode == 0 for run in runs)
    assert said[0] == said[1] != ""
