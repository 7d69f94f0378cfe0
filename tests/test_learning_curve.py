"""Learning curves: beside the measures that they are made of, and their figure."""

from dataclasses import replace

import numpy as np
import pytest
from test_departments import drawn

from optbudget.pareto import DepartmentsEnv, exact_front, learn_fronts, outer
from optbudget.pareto.hypervolume import hypervolume
from optbudget.pareto.learning_curve import learning_curve
from optbudget.pareto.support_ratio import fixed_weights, support_ratio
from optbudget.report.learning_curve_figure import learning_curve_figure


@pytest.fixture(scope="module")
def made():
    d = drawn(4)
    exact = exact_front(d, weights=9, refine=2, tolerance=1e-6).front
    env = DepartmentsEnv(d, steps=40)
    return exact, learn_fronts(d, env, exact.weight, episodes=[1, 10, 60], seed=3)


def test_what_it_measures(made):
    exact, fronts = made
    curve = learning_curve(fronts, exact)
    assert curve.episodes.tolist() == [1, 10, 60] and curve.steps.tolist() == [40, 400, 2400]
    low = exact.point.min(axis=0)
    whole = hypervolume(exact.point, low).volume
    for k, found in enumerate(fronts):
        assert curve.ratio[k] == support_ratio(found.front.point, exact.point)
        assert curve.least[k] <= curve.ratio[k] <= curve.certified
        volume = hypervolume(found.front.point, low).volume / whole
        assert curve.volume[k] == pytest.approx(volume, abs=1e-9)
    weights = fixed_weights(2) / np.ptp(exact.point, axis=0)
    floor = weights @ low
    inner = (weights @ exact.point.T).max(axis=1) - floor
    bound = outer(exact, weights) - floor
    known = np.isfinite(bound)
    assert curve.certified == pytest.approx(np.mean(bound[known] / inner[known]))
    assert 1.0 <= curve.certified < 1.01
    assert curve.ratio[2] > 0.95 > curve.ratio[0]


def test_the_table_and_the_figure(made):
    exact, fronts = made
    curve = learning_curve(fronts, exact)
    table = curve.to_arrow()
    assert table.column_names == [
        "episodes", "steps", "ratio", "least_ratio", "hypervolume", "certified"
    ]  # fmt: skip
    (axes,) = learning_curve_figure(curve).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["support ratio, mean"].get_ydata().tolist() == curve.ratio.tolist()
    assert lines["hypervolume, share"].get_xdata().tolist() == [1, 10, 60]
    assert set(lines["exact front"].get_ydata()) == {1.0}
    certified = next(line for name, line in lines.items() if name.startswith("no plan is above"))
    assert set(certified.get_ydata()) == {curve.certified}


def test_units_change_neither_what_is_learned_nor_its_measure():
    """An objective 2^24 times as large, its weights so much less: the same plans and shares."""
    unit, d = np.array([2.0**24, 1.0]), drawn(4)
    found = []
    for scale in (np.ones(2), unit):
        model = replace(d, reward=d.reward * scale)
        exact = exact_front(model, weights=[[0.3, 0.7], [0.7, 0.3]] / scale, refine=0).front
        weights = np.array([[0.3, 0.7], [0.5, 0.5], [0.7, 0.3]]) / scale
        fronts = learn_fronts(model, DepartmentsEnv(model, steps=40), weights, episodes=[20], seed=3)
        found.append((fronts[0], learning_curve(fronts, exact)))
    (once, curve), (large, same) = found
    assert np.array_equal(once.front.point * unit, large.front.point)
    assert same.ratio == pytest.approx(curve.ratio, abs=1e-9) and curve.ratio[0] > 0.9
    assert same.volume == pytest.approx(curve.volume, abs=1e-9) and np.isfinite(same.certified)


def test_spends_far_apart_are_learned():
    """The dearest action costs a billion times the cheapest: the price of the budget is still found."""
    d = drawn(4)
    cost = d.held.cost.copy()
    cost[cost == cost[cost > 0].min()] *= 1e-9
    model = replace(d, held=replace(d.held, cost=cost))
    exact = exact_front(model, weights=9, refine=0).front
    fronts = learn_fronts(model, DepartmentsEnv(model, steps=40), exact.weight, episodes=[60], seed=3)
    assert learning_curve(fronts, exact).ratio[0] > 0.9
