"""Huber's means: a plain twin, the bound on every law, and what wrong outcomes do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.huber import bounded_mean, huber_mean

from reference import plain_clipped_mean


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4).map(float), min_size=3, max_size=9), st.sampled_from([0.5, 1.345, 3.0]))
def test_the_estimate_is_the_plain_one(outcomes: list[float], clip: float) -> None:
    middle = float(np.median(outcomes))
    if np.median(np.abs(np.array(outcomes) - middle)) == 0:
        with pytest.raises(ProblemError, match="no spread"):
            huber_mean(outcomes, clip=clip)
        return
    found = huber_mean(outcomes, clip=clip)
    low, high = plain_clipped_mean(outcomes, found.clip)
    assert low - 1e-6 <= found.mean <= high + 1e-6
    assert found.count == len(outcomes) and 0 <= found.clipped < 1


def test_nothing_is_cut_far_from_the_outcomes() -> None:
    draws = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    found = huber_mean(draws, clip=50.0)
    assert found.mean == pytest.approx(draws.mean()) and found.clipped == 0
    assert found.std_error == pytest.approx(draws.std() / 20)


def test_the_standard_error_is_that_of_many_samples() -> None:
    """Of normal outcomes its variance is 1 / 0.95 of the mean's (Huber 1964)."""
    draws = np.random.default_rng(2).normal(size=(800, 100))
    found = [huber_mean(row) for row in draws]
    spread = np.std([one.mean for one in found])
    assert np.mean([one.std_error for one in found]) == pytest.approx(spread, rel=0.08)
    assert (0.1 / spread) ** 2 == pytest.approx(0.95, abs=0.08)


def test_wrong_outcomes_leave_the_estimate_bounded_up_to_a_half() -> None:
    good = np.random.default_rng(3).normal(size=60)
    for wrong in (5, 25, 59):
        found = huber_mean(np.append(good, np.full(wrong, 1e9)))
        assert abs(found.mean) < 30, wrong
        assert found.clipped >= wrong / (60 + wrong)
    with_most = huber_mean(np.append(good, 1e9 + np.random.default_rng(4).normal(size=61)))
    assert with_most.mean > 1e8, "with most of them wrong nothing helps"


@pytest.mark.parametrize("law", ["two_points", "pareto", "normal"])
def test_the_bound_holds_for_every_law(law: str) -> None:
    """Of 2,000 samples at level 0.9 at most a tenth, by the theorem, may be beyond the bound."""
    draws = np.random.default_rng(5)
    rare = 0.01
    outcomes = {
        "two_points": (draws.random((2_000, 80)) < rare).astype(float) - rare,
        "pareto": draws.pareto(2.1, (2_000, 80)) - 1 / 1.1,
        "normal": draws.normal(size=(2_000, 80)),
    }[law]
    deviation = {
        "two_points": (rare * (1 - rare)) ** 0.5,
        "normal": 1.0,
        "pareto": 2.1**0.5 / 1.1 / 0.1**0.5,
    }[law]
    found = [bounded_mean(row, deviation=deviation, level=0.9) for row in outcomes]
    assert np.mean([abs(one.mean) > one.bound for one in found]) <= 0.1
    assert found[0].bound <= 4 * deviation * (np.log(20) / 80) ** 0.5
    assert found[0].bound == pytest.approx(_smallest_root(deviation, 80, np.log(20)), abs=deviation * 2e-5)


def _smallest_root(deviation: float, count: int, log: float) -> float:
    """Least θ - μ at which the proof's quadratic is 0, found by scanning."""
    a = (log / count) ** 0.5 / deviation
    grid = np.linspace(0, 4 * deviation, 400_001)
    right = count * a * -grid + count * a**2 * (deviation**2 + grid**2) + log
    return float(grid[np.argmax(right <= 0)])


def test_too_few_outcomes_for_a_bound_are_refused_with_the_number_it_takes() -> None:
    with pytest.raises(ProblemError, match="takes 30 outcomes; there are 29"):
        bounded_mean(np.zeros(29), deviation=1.0)
    assert bounded_mean(np.zeros(30), deviation=1.0).mean == 0
    for wrong in ([1.0], [np.nan, 1.0], [[1.0, 2.0]]):
        with pytest.raises(ProblemError, match="two finite numbers"):
            huber_mean(wrong)
    with pytest.raises(UsageError, match=r"deviation is 0\.0"):
        bounded_mean(np.zeros(30), deviation=0.0)
