"""Supports and hypervolumes of fronts: plain twins, known volumes, and the audit by moocore."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.hypervolume import Hypervolume, hypervolume
from optbudget.pareto.support_ratio import (
    fixed_weights,
    reference_point,
    support,
    support_ratio,
    support_ratios,
)

from reference import plain_hypervolume, plain_support_ratio

SMALL = st.integers(-4, 4).map(float)


def fronts(objectives: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, st.tuples(st.integers(1, 5), st.just(objectives)), elements=SMALL)


@settings(max_examples=60, deadline=None)
@given(fronts(3), fronts(3))
def test_support_ratios_are_the_plain_ones(points: np.ndarray, front: np.ndarray) -> None:
    weights = fixed_weights(3, 20)
    expected = plain_support_ratio(points.tolist(), front.tolist(), weights.tolist())
    if min(expected["whole"]) <= 1e-9:
        return
    assert support_ratios(points, front, weights) == pytest.approx(expected["ratio"], abs=1e-9)


def test_a_front_reaches_all_of_itself_and_its_worst_point_nothing() -> None:
    front = np.array([[3.0, 0.0, 1.0], [0.0, 2.0, 1.0], [1.0, 1.0, 4.0]])
    assert support_ratio(front, front) == 1.0
    assert support_ratio([reference_point(front)], front) == pytest.approx(0.0, abs=1e-12)
    assert support_ratio(front - 10, front) < 0, "what is worse than the reference is told as such"


def test_the_reference_is_of_the_exact_front_alone_and_outer_supports_lower_the_ratio() -> None:
    front, weights = np.array([[1.0, 0.0], [0.0, 1.0]]), fixed_weights(2)
    poor = np.vstack([front, [-100.0, -100.0]])
    assert support_ratios(poor, front, weights) == pytest.approx(1.0)
    outer = support(front, weights) * 1.25
    assert support_ratios(front, front, weights, exact=outer) == pytest.approx(0.8)


def test_fixed_weights_are_fixed_uniform_and_positive() -> None:
    weights = fixed_weights(3)
    assert (weights == fixed_weights(3)).all() and weights.shape == (500, 3) and (weights > 0).all()
    assert weights.mean(axis=0) == pytest.approx(1 / 3, abs=0.03)
    # On the simplex of three, the square with one weight below 0.2 has the share 1 - 0.8^2.
    assert (weights < 0.2).mean(axis=0) == pytest.approx(0.36, abs=0.05)


def test_a_front_without_extent_is_refused() -> None:
    with pytest.raises(ProblemError, match="no extent"):
        support_ratio([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(UsageError, match="shape"):
        support([[1.0, 2.0]], [[1.0]])
    with pytest.raises(ProblemError, match="finite"):
        support_ratio([[np.nan, 2.0]], [[1.0, 2.0], [2.0, 1.0]])


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([[2.0, 3.0]], [0.0, 0.0], 6.0),
        ([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], 0.5),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0, 0.0], 1 / 6),
        ([[2.0, -2.0], [-2.0, 2.0]], [0.0, 0.0], 0.0),  # Their lottery (0, 0) is at the reference.
        ([[3.0, -1.0], [-1.0, 3.0]], [0.0, 0.0], 2.0),  # Their lotteries are above it: x + y <= 2.
        ([[2.0, -1.0], [1.0, 1.0]], [0.0, 0.0], 1.25),  # The crossing is at 1.5.
        ([[1.0, 1.0], [0.5, 0.5], [1.0, 1.0]], [0.0, 0.0], 1.0),  # Dominated and repeated points add nothing.
        ([[-1.0, 5.0]], [0.0, 0.0], 0.0),
    ],
)  # fmt: skip
def test_known_volumes(points: list[list[float]], reference: list[float], volume: float) -> None:
    """By hand, from triangles and boxes."""
    assert hypervolume(points, reference).volume == pytest.approx(volume, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(fronts(2))
def test_hypervolume_of_two_objectives_is_the_plain_area(points: np.ndarray) -> None:
    found = hypervolume(points, [-1.0, -1.0])
    assert found.volume == pytest.approx(plain_hypervolume(points.tolist(), [-1.0, -1.0]), abs=0.02)


@settings(max_examples=25, deadline=None)
@given(fronts(3))
def test_the_staircases_close_in_on_the_volume(points: np.ndarray) -> None:
    coarse, fine = (hypervolume(points, [-2.0, -1.0, 0.0], steps=steps) for steps in (2, 8))
    assert fine.volume == pytest.approx(coarse.volume, abs=1e-9)
    assert coarse.inside <= fine.inside + 1e-9 and fine.around <= coarse.around + 1e-9
    assert fine.around - fine.inside <= 0.75 * (coarse.around - coarse.inside) + 1e-9


def test_points_on_the_same_front_do_not_add_to_it() -> None:
    """What a staircase gets wrong: 5 points of a circle's chord polygon, then their mixtures too."""
    angle = np.linspace(0, np.pi / 2, 5)
    corners = np.column_stack([np.cos(angle), np.sin(angle)])
    more = np.vstack([corners, (corners[1:] + corners[:-1]) / 2])
    assert hypervolume(more, [0, 0]).volume == pytest.approx(hypervolume(corners, [0, 0]).volume)


def test_the_staircases_of_a_facet_by_hand() -> None:
    """The cube without its corner above x + y + z = 2: the middle part of the facet has a bound too."""
    found = hypervolume([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], [0.0, 0.0, 0.0], steps=2)
    assert (found.volume, found.inside, found.around) == pytest.approx((5 / 6, 0.5, 1.0))


def test_a_volume_outside_its_staircases_is_refused() -> None:
    with pytest.raises(ProblemError, match="not between"):
        Hypervolume(2.0, 0.5, 1.0)
    with pytest.raises(ProblemError, match="two objectives or more"):
        hypervolume([[1.0]], [0.0])
