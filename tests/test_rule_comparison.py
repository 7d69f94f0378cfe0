"""The comparison of budgeting rules: every number is that of its metric, and the tables show them all."""

from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from commands import run, run_json
from small_departments import drawn

from optbudget import save
from optbudget.errors import LimitError
from optbudget.pareto.baselines import proportional_budgets, within
from optbudget.pareto.evaluation import evaluate
from optbudget.pareto.front import exact_front
from optbudget.pareto.metrics.budget_efficiency import least_spend
from optbudget.pareto.rule_comparison import OURS, RuleComparison, Score, compare_rules
from optbudget.problems.examples import two_departments
from optbudget.report.rule_tables import adaptation_grid, criteria_grid, metrics_grid, reached_grid
from optbudget.workers import Monitor

WEIGHTS = np.array([1.0, 2.0])


@cache
def compared() -> RuleComparison:
    model = drawn()
    return compare_rules(model, exact_front(model, weights=9), WEIGHTS, seeds=(1, 2))


def test_every_rule_has_every_number_and_the_computed_plan_is_the_best_at_its_weights() -> None:
    found = compared()
    assert set(found.scores) == {OURS, "uniform", "proportional", "myopic", "forecast", "historical"}
    best = found.mean(OURS)
    for rule, scores in found.scores.items():
        assert len(scores) == 2
        for score in scores:
            assert all(np.isfinite(getattr(score, field.name)) for field in fields(Score)), rule
        mean = found.mean(rule)
        played = 1.5 if rule == "historical" else 0.0  # Its value has a standard error of about 0.2.
        assert mean.value <= best.value + 1e-6 + played and mean.wasted <= mean.wasted_most + 1e-9
        assert mean.regret >= -1e-6 - played and 0 <= mean.fidelity <= 100 + 1e-9
    assert best.regret == pytest.approx(0.0, abs=0.01) and best.spent == pytest.approx(12.0)


def test_numbers_are_those_of_the_metrics() -> None:
    model, front = drawn(), exact_front(drawn(), weights=9)
    worth = evaluate(model, within(model, proportional_budgets(model)).policy[0])
    score = compared().scores["proportional"][0]
    assert score.value == pytest.approx(WEIGHTS @ worth.point) and score.spent == pytest.approx(worth.spent)
    assert score.wasted == pytest.approx(least_spend(front, worth.point, worth.spent).saving, abs=0.1)


def test_seeds_touch_only_what_they_draw() -> None:
    found = compared()
    spread = found.spread("uniform")
    assert spread.value == spread.wasted == spread.fidelity == 0.0 and spread.resampled > 0
    assert found.spread("historical").value > 0


def test_tables_show_every_rule_and_metric() -> None:
    found = compared()
    for grid in (reached_grid(found), criteria_grid(found)):
        assert [row[0] for row in grid.rows] == list(found.scores)
        assert all(len(row) == len(grid.columns) for row in grid.rows) and "2 seeds" in grid.note
    assert "±" in criteria_grid(found).rows[0][1]
    (row,) = adaptation_grid(found).rows
    assert row[4] == "5" and len(row) == 6
    named = ["budget efficiency", "Pareto optimality", "stability", "interpretability", "manageability"]
    assert [name for name, *_ in metrics_grid().rows] == [*named, "adaptability"]


def test_the_command_line_holds_rules_against_the_front(tmp_path: Path) -> None:
    save(two_departments(), tmp_path / "model")
    options = ["--weights", 5, "--refine", 0, "--no-figures", "--rules", 1, "--seed", 3]
    options += ["--episodes", 0]
    found = run_json("pareto", tmp_path / "model", "--out", tmp_path / "front", *options)
    assert set(found["rules"]) == set(compared().scores)
    assert found["rules"][OURS]["wasted"] == pytest.approx(0.0, abs=0.2)
    assert found["rules"]["proportional"]["spent"] <= 2.0 + 1e-9
    shown = run("pareto", tmp_path / "model", "--out", tmp_path / "again", *options)
    for title in ("What budgeting rules reach", "Stability, interpretability", "when the world changes"):
        assert title in shown.stdout


def test_a_stopped_comparison_holds_the_seeds_that_were_done() -> None:
    model = two_departments()
    front, stopping = exact_front(model, weights=3), Monitor()
    stopping.report = lambda fraction, text: stopping.interrupt() if fraction > 0 else None
    found = compare_rules(model, front, WEIGHTS, seeds=range(5), monitor=stopping)
    assert found.seeds == (0,) and len(found.scores[OURS]) == len(found.adaptations) == 1
    with pytest.raises(LimitError, match="before budgeting rules"):
        compare_rules(model, front, WEIGHTS, seeds=range(5), monitor=Monitor(time_limit=0.0))
