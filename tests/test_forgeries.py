"""R2: of so many forgeries of each kind that count, none passes."""

import os

import numpy as np
import pytest

from optbudget.certify import verify

from forgeries import FINITE, INFINITE, honest_answers, stationary_answers

MANY = int(os.environ.get("OPTBUDGET_CASES", "1000"))


@pytest.fixture(scope="module")
def finite():
    """Honest answers, each of which passes."""
    answers = honest_answers(60)
    for answer in answers:
        for noun in (answer.curves, answer.allocation):
            assert verify(noun).ok, str(verify(noun))
    return answers


@pytest.fixture(scope="module")
def infinite():
    answers = stationary_answers(40)
    for answer in answers:
        for noun in (answer.curves, answer.allocation):
            assert verify(noun).ok, str(verify(noun))
    return answers


def rejected(forge, answers, count, seed):
    """Forge until so many lies count; every one must be rejected."""
    rng = np.random.default_rng(seed)
    counted = 0
    for attempt in range(200 * count):
        answer = answers[attempt % len(answers)]
        forged = forge(rng, answer)
        if forged is None:
            continue
        assert not verify(forged).ok, f"attempt {attempt} passed: {forged}\n{verify(forged)}"
        counted += 1
        if counted == count:
            return
    raise AssertionError(f"only {counted} forgeries counted")


@pytest.mark.parametrize("kind", FINITE)
def test_no_forgery_passes(kind, finite):
    rejected(FINITE[kind], finite, 200, seed=3)


@pytest.mark.parametrize("kind", INFINITE)
def test_no_forgery_of_an_infinite_horizon_passes(kind, infinite):
    rejected(INFINITE[kind], infinite, 200, seed=4)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", FINITE)
def test_no_forgery_passes_many(kind):
    rejected(FINITE[kind], honest_answers(150, seed=5), MANY, seed=6)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", INFINITE)
def test_no_forgery_of_an_infinite_horizon_passes_many(kind):
    rejected(INFINITE[kind], stationary_answers(80, seed=7), MANY, seed=8)
