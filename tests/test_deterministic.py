import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.budgeted import deterministic
from optbudget.budgeted.deterministic import deterministic_frontier
from optbudget.budgeted.exact import exact_backup
from optbudget.curves import concave_envelope
from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.files import load_model
from optbudget.problems.examples import two_action_example
from optbudget.workers import Monitor

from reference import deterministic_trees, staircase

SYNTHETIC_AD = Path(__file__).parents[1] / "models" / "synthetic_ad"
KEYS = ("pairs", "terminal", "discount", "cost_discount", "horizon", "net")

small = plain_models(max_states=2, max_actions=2, max_horizon=3)


@pytest.fixture(scope="module")
def short_ad():
    return replace(load_model(SYNTHETIC_AD), horizon=6)


def test_two_decisions_by_hand():
    # Buy never, in the second decision (0.9 of money), in the first, in both: section 2.2.3's numbers.
    frontier = deterministic_frontier(two_action_example(horizon=2))
    budgets, values = frontier.steps("s")
    np.testing.assert_allclose(budgets, [0, 0.9, 1, 1.9])
    np.testing.assert_allclose(values, [1.9, 10, 10.9, 19])
    np.testing.assert_allclose(frontier.value("s", [-1, 0.5, 0.95, 50]), [-np.inf, 1.9, 10, 19])


@given(small)
def test_agrees_with_enumeration(plain):
    frontier = deterministic_frontier(problem_of(plain))
    trees_of = deterministic_trees(*(plain[key] for key in KEYS))
    for label, trees in zip(frontier.problem.labels, trees_of, strict=True):
        expected = staircase((b, v) for b, v, _ in trees)
        np.testing.assert_allclose(np.column_stack(frontier.steps(label)), np.array(expected, dtype=float))
    assert frontier.error.max() <= 1e-12


@given(small)
def test_its_hull_is_the_curve_of_randomised_policies(plain):
    problem = problem_of(plain)
    frontier, answer = deterministic_frontier(problem), exact_backup(problem)
    for label in problem.labels:
        hull = concave_envelope(*frontier.steps(label))
        np.testing.assert_allclose(hull.budgets, answer[label].budgets, atol=1e-12)
        np.testing.assert_allclose(hull.values, answer[label].values, atol=1e-12)


@given(small, st.sampled_from([0.25, 1.0, 3.0, 20.0]))
def test_trimming_costs_no_more_than_it_says(plain, tolerance):
    problem = problem_of(plain)
    exact, trimmed = deterministic_frontier(problem), deterministic_frontier(problem, tolerance=tolerance)
    assert (trimmed.error <= tolerance + 1e-12).all()
    for label, error in zip(problem.labels, trimmed.error, strict=True):
        at = exact.steps(label)[0]
        lost = exact.value(label, at) - trimmed.value(label, at)
        assert (lost >= -1e-12).all() and (lost <= error + 1e-12).all()


steps = st.lists(st.tuples(st.integers(0, 9), st.integers(-9, 9)), min_size=4, max_size=9)


@given(steps, steps, st.sampled_from([1.5, 4.0]))
def test_a_trimmed_sum_loses_no_more_than_it_says(one, other, allowed):
    def arrays(points):
        return (*np.array(staircase(points), dtype=float).T, 0.0)

    budget, value, error = deterministic._sum(arrays(one), arrays(other), allowed, Monitor())
    exact = staircase((b + c, v + w) for b, v in staircase(one) for c, w in staircase(other))
    assert error <= allowed
    for b, v in exact:
        assert v - value[np.searchsorted(budget, b, side="right") - 1] <= error
    assert set(zip(budget, value, strict=True)) <= {(b + c, v + w) for b, v in one for c, w in other}


def test_trimming_is_needed_and_proved_on_synthetic_ad(short_ad):
    exact, trimmed = deterministic_frontier(short_ad), deterministic_frontier(short_ad, tolerance=1.0)
    assert trimmed.budget.size < exact.budget.size / 9
    for label, error in zip(short_ad.labels, trimmed.error, strict=True):
        at = exact.steps(label)[0]
        lost = exact.value(label, at) - trimmed.value(label, at)
        assert lost.min() >= -1e-12 and lost.max() <= error + 1e-12


def test_the_cap_cuts_the_answer(short_ad):
    whole, cut = deterministic_frontier(short_ad), deterministic_frontier(replace(short_ad, budget_cap=2.0))
    budgets, values = whole.steps("ours_2")
    kept = budgets <= 2.0
    np.testing.assert_array_equal(cut.steps("ours_2")[0], budgets[kept])
    np.testing.assert_array_equal(cut.steps("ours_2")[1], values[kept])


def test_shown_as_table_and_text(short_ad):
    frontier = deterministic_frontier(short_ad)
    table = frontier.to_arrow()
    assert table.column_names == ["state", "budget", "value"] and table.num_rows == frontier.budget.size
    assert re.fullmatch(r"DeterministicFrontier\(15 states, [\d,]+ useful budgets, .*\)", repr(frontier))
    assert "<td>begin</td>" in frontier._repr_html_()
    typed = replace(two_action_example(2), state_type=("kind",))
    assert deterministic_frontier(typed).to_arrow().column_names[0] == "type"
    with pytest.raises(ValueError, match="read-only"):
        frontier.budget[0] = 1


def test_refusals(short_ad, monkeypatch):
    with pytest.raises(UsageError, match="finite horizon"):
        deterministic_frontier(two_action_example())
    with pytest.raises(UsageError, match="tolerance"):
        deterministic_frontier(short_ad, tolerance=-1)
    monkeypatch.setattr("optbudget.budgeted.deterministic.MOST_SUMS", 1000)
    monkeypatch.setattr("optbudget.budgeted.deterministic.MOST_TRIMMED_SUMS", 1000)
    for tolerance in (0, 0.5):
        with pytest.raises(LimitError, match="larger tolerance"):
            deterministic_frontier(replace(short_ad, horizon=8), tolerance=tolerance)
    with pytest.raises(LimitError, match="time limit"):
        deterministic_frontier(short_ad, monitor=Monitor(time_limit=0))
    monitor = Monitor()
    monitor.interrupt()
    with pytest.raises(InterruptedWork):
        deterministic_frontier(short_ad, monitor=monitor)
