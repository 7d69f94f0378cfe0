"""`optbudget pareto --episodes`: learned points beside the computed ones."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import run, run_json
from small_risks import harmful

from optbudget import save
from optbudget.cli.front_learning import _checkpoint, _counts
from optbudget.errors import InterruptedWork, LimitError
from optbudget.files import load_front
from optbudget.pareto import exact_front, front_learning
from optbudget.problems.examples import two_departments
from optbudget.problems.side_effects import SideEffects


@pytest.fixture
def model(tmp_path):
    save(two_departments(), tmp_path / "two")
    return tmp_path / "two"


def test_both_kinds_at_the_same_weights(model, tmp_path):
    out = tmp_path / "f"
    found = run_json("pareto", model, "--out", out, "--weights", "5", "--refine", "1", "--episodes", "12")
    assert [point["kind"] for point in found["points"]] == ["exact"] * 6 + ["learned"] * 6
    taught = found["learned"]
    assert (taught["episodes"], taught["steps"], taught["points"]) == (12, 12_000, 6)
    assert [row["episodes"] for row in taught["curve"]] == [1, 10, 12]
    assert taught["support_ratio"] > 0.95 and found["gap"] < 1e-6
    front = load_front(out).front
    exact, learned = front.of_kind("exact"), front.of_kind("learned")
    assert np.array_equal(exact.weight, learned.weight) and (learned.spend <= 2.0 * (1 + 1e-9)).all()
    assert (front.violations() <= 1e-9).all()
    assert pq.read_table(out / "learning.parquet").to_pylist() == taught["curve"]
    assert (out / "learning.svg").is_file() and not (tmp_path / "f.checkpoint").exists()
    assert run_json("verify", out)["ok"] and run_json("verify", out / "points" / "8")["ok"]
    chosen = run_json("pareto", model, "--out", out, "--point", "8")
    assert chosen["kind"] == "learned" and sum(chosen["budgets"].values()) == pytest.approx(chosen["spend"])


def test_what_is_said(model, tmp_path):
    said = run(
        "pareto", model, "--out", tmp_path / "f", "--weights", "3", "--episodes", "2", "--no-figures"
    ).stdout
    assert "learned from 2,000 steps, reach" in said


@pytest.mark.parametrize("episodes", [1, 7, 10, 100, 250])
def test_where_the_curve_is_looked_at(episodes):
    counts = _counts(episodes)
    assert counts[-1] == episodes and counts == sorted(set(counts)) and counts[0] == 1


def test_a_limit_leaves_the_computed_front(model, tmp_path, monkeypatch):
    def stopped(*given, **options):
        raise LimitError("stopped while learning: the time is over")

    monkeypatch.setattr(front_learning, "learn_fronts", stopped)
    done = run("pareto", model, "--out", tmp_path / "f", "--weights", "3", "--no-figures", "--episodes", "9")
    assert "nothing is learned: stopped while learning" in done.stderr
    assert set(load_front(tmp_path / "f").front.kind) == {"exact"}


def test_an_interruption_keeps_what_was_watched(model, tmp_path, monkeypatch):
    asked = ("pareto", model, "--weights", "3", "--refine", "0", "--no-figures", "--episodes", "30")
    run(*asked, "--out", tmp_path / "straight")
    real, calls = front_learning.watch, []

    def watch(*given, **options):
        calls.append(given)
        if len(calls) == 4:
            raise InterruptedWork("stopped after 20 of 30 episodes")
        return real(*given, **options)

    monkeypatch.setattr(front_learning, "watch", watch)
    done = run(*asked, "--out", tmp_path / "f", code=130)
    assert "f.checkpoint is kept: the same command goes on from there" in done.stderr
    assert not (tmp_path / "f").exists()
    monkeypatch.undo()
    run(*asked, "--out", tmp_path / "f")
    one, other = (load_front(tmp_path / name).front for name in ("straight", "f"))
    assert one.point.tobytes() == other.point.tobytes() and not (tmp_path / "f.checkpoint").exists()


def test_runs_of_other_departments_are_not_gone_on_from(tmp_path):
    """Another sign, risk weight or regime now changes what is watched, and no table of the model."""
    two = two_departments()
    harms = SideEffects(("improve",), (harmful("improve", 0.5),))
    others = (
        two, replace(two, direction=np.array([1, 1])), replace(two, initial_regime="lean"),
        two.with_risk(harms, 1.0), two.with_risk(harms, 2.0),
    )  # fmt: skip
    answers = [exact_front(other, weights=2, refine=0).with_plans() for other in others]
    keys = {_checkpoint(answer, tmp_path / "f", 1).key for answer in answers}
    assert len(keys) == len(others)
