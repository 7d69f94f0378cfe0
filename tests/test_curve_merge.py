from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbudget.curves import (
    Curve,
    Curves,
    concave_envelope,
    envelope_of_curves,
    merge_by_price,
    weighted_sum,
)
from optbudget.errors import ProblemError

from reference import concave_points, joint_value

# A small grid, so that ties, collinear points and free improvements are common rather than rare.
grid = st.integers(-4, 4)
point_lists = st.lists(st.tuples(grid, grid), min_size=1, max_size=8)

KNOWN_ENVELOPES = [
    # points (budget, value)               breakpoints                     worked out by
    ([(0, 0), (1, 0), (2, 6), (3, 5)],     [(0, 0), (2, 6)]),              # drawing
    ([(0, 0), (1, 3), (2, 4), (3, 4.5)],   [(0, 0), (1, 3), (2, 4), (3, 4.5)]),
    ([(2, 1), (2, 7)],                     [(2, 7)]),                      # a free improvement
    ([(0, 0), (1, 1), (2, 2)],             [(0, 0), (2, 2)]),              # collinear
    ([(0, 5), (1, 4), (2, 5)],             [(0, 5)]),                      # nothing more is won
]  # fmt: skip


def curve_of(points):
    points = concave_points(points)
    steps = np.diff(np.array(points, dtype=float), axis=0)
    return Curve(float(points[0][0]), float(points[0][1]), steps[:, 0], steps[:, 1])


def breakpoints(curve):
    return np.column_stack((curve.budgets, curve.values))


@pytest.mark.parametrize("points, expected", KNOWN_ENVELOPES)
def test_known_envelopes(points, expected):
    np.testing.assert_array_equal(breakpoints(concave_envelope(*zip(*points, strict=True))), expected)


@given(point_lists)
def test_envelope_of_points_agrees_with_its_twin(points):
    curve = concave_envelope(*zip(*points, strict=True))
    np.testing.assert_array_equal(breakpoints(curve), concave_points(points))


@given(st.lists(point_lists, min_size=1, max_size=4))
def test_envelope_of_curves_is_that_of_all_their_points(lists):
    curve, lost = envelope_of_curves(Curves.from_curves(map(curve_of, lists)))
    expected = np.array(concave_points([point for points in lists for point in points]), dtype=float)
    assert len(curve) == len(expected) - 1
    np.testing.assert_allclose(breakpoints(curve), expected, rtol=1e-14, atol=1e-14)
    assert 0 <= lost <= 1e-14


def test_a_stretch_shared_by_two_curves_keeps_its_segments():
    # From budget 1 to 1.1 both curves are one and the same, but their points differ by rounding; where the
    # second one ends, the first goes on by its own segments and not by a difference of points.
    long = Curve(0.0, 0.0, [1.0, 0.1, 0.2, 0.3], [3.0, 0.2, 0.3, 0.3])
    late = Curve(1.0 - 1e-15, 3.0 - 1e-15, [0.1], [0.2])
    curve, lost = envelope_of_curves(Curves.from_curves([long, late]))
    np.testing.assert_array_equal(curve.length[2:], long.length[2:])
    np.testing.assert_allclose(curve.length, long.length, rtol=1e-13)
    np.testing.assert_allclose(curve.gain, long.gain, rtol=1e-13)
    assert lost <= 1e-14


def test_short_segments_survive_large_budgets():
    # Differences of cumulative points would lose the short segments: 1e9 + 1e-7 == 1e9.
    big = Curve(0.0, 0.0, [1e9, 1e-7, 1e-6], [4e9, 2e-7, 1e-6])
    curve, _ = envelope_of_curves(Curves.from_curves([big, Curve(0.0, -1.0, [], [])]))
    np.testing.assert_array_equal(curve.length, big.length)


@given(
    st.lists(st.tuples(point_lists, st.integers(0, 4)), min_size=1, max_size=4),
    st.integers(-40, 40).map(lambda half: Fraction(half, 2)),
)
def test_weighted_sum_is_the_best_joint_value(weighted, budget):
    lists = [concave_points(points) for points, _ in weighted]
    weights = [weight for _, weight in weighted]
    total = weighted_sum(Curves.from_curves(map(curve_of, lists)), weights)
    expected = joint_value(lists, weights, budget)
    if expected is None:
        assert total.value(float(budget)) == -np.inf
    else:
        assert total.value(float(budget)) == pytest.approx(float(expected), abs=1e-12)
    assert (np.diff(total.prices) < 0).all() and (total.length > 0).all() and (total.gain > 0).all()


@given(st.lists(st.tuples(point_lists, st.integers(0, 4)), min_size=1, max_size=4), st.randoms())
def test_order_of_curves_does_not_matter(weighted, random):
    shuffled = random.sample(weighted, len(weighted))
    sums = [
        weighted_sum(Curves.from_curves(curve_of(points) for points, _ in part), [w for _, w in part])
        for part in (weighted, shuffled)
    ]
    np.testing.assert_allclose(breakpoints(sums[0]), breakpoints(sums[1]), atol=1e-12)


def test_one_curve_is_left_as_it_is():
    curve = Curve(1.0, 2.0, [0.1, 0.3, 7.0], [0.7, 0.2, 1.1])
    alone = weighted_sum(Curves.from_curves([curve]), [1.0])
    np.testing.assert_array_equal(alone.length, curve.length)
    np.testing.assert_array_equal(alone.gain, curve.gain)


def test_free_improvements_are_taken_first_and_useless_segments_left_out():
    curves = Curves([0.0, 0.0], [1.0, 1.0], [0, 3, 5], [0.0, 2.0, 1.0, 0.0, 3.0], [5.0, 6.0, 0.0, -1.0, 3.0])
    total = weighted_sum(curves, [2, 1])
    assert (total.start_budget, total.start_value) == (0.0, 13.0)
    np.testing.assert_array_equal(breakpoints(total), [(0, 13), (4, 25), (7, 28)])


def test_slopes_within_eight_ulps_are_one_segment_and_the_loss_is_reported():
    near, far = 1 - 4 * 2.0**-52, 1 - 100 * 2.0**-52
    one, two, three = Curve(0, 0, [1], [1]), Curve(0, 0, [1], [near]), Curve(0, 0, [1], [far])
    joined, lost = merge_by_price(Curves.from_curves([one, two]), [1, 1])
    assert len(joined) == 1
    # The true curve passes (1, 1); the chord there is lower by (1 - near) / 2.
    assert (1 - near) / 2 <= lost <= 2 * (1 - near)
    assert len(weighted_sum(Curves.from_curves([one, three]), [1, 1])) == 2


def test_tiny_probabilities_keep_their_slopes():
    curves = Curves.from_curves([Curve(0, 0, [1, 1], [3, 1]), Curve(0, 0, [1], [2])])
    total = weighted_sum(curves, [1e-300, 1.0])
    np.testing.assert_allclose(total.prices, [3, 2, 1])


def test_no_curves_and_no_weight():
    assert len(weighted_sum(Curves.from_curves([]), [])) == 0
    total = weighted_sum(Curves.from_curves([Curve(2, 5, [1], [1])]), [0])
    assert (len(total), total.start_budget, total.start_value) == (0, 0.0, 0.0)


@pytest.mark.parametrize("weight", [[1], [1, -1], [1, np.nan], [1, np.inf], [[1, 1]]])
def test_weights_are_checked(weight):
    with pytest.raises(ProblemError, match="weight"):
        weighted_sum(Curves.from_curves([Curve(0, 0, [1], [1])] * 2), weight)


@pytest.mark.parametrize("budget, value", [([], []), ([1, 2], [1]), ([1], [np.nan]), ([[1]], [[1]])])
def test_points_are_checked(budget, value):
    with pytest.raises(ProblemError):
        concave_envelope(budget, value)
    with pytest.raises(ProblemError):
        envelope_of_curves(Curves.from_curves([]))
