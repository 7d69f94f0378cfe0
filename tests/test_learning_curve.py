"""Learning curves: beside the measures that they are made of, and their figure."""

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
        assert curve.volume[k] == hypervolume(found.front.point, low).volume / whole
    weights = fixed_weights(2)
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
