"""Roll-outs on disk: what comes back, what verify finds, and forged trials."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optbudget import Population, allocate, load, mean_variance, save, solve, verify
from optbudget.errors import ResultError, UsageError
from optbudget.problems import Rollouts
from optbudget.problems.examples import retry_example
from optbudget.simulate import repeated, simulate
from tests.commands import run, run_json


@pytest.fixture(scope="module")
def found():
    curves = solve(retry_example(3), keep_stages=True)
    people = Population.at(curves.problem, {"open": 20})
    policies = ["bmdp", "dbra", "cap"]
    idle = {"mine": lambda stage, units, money: np.where(curves.problem.cost == 0, 1, 0) * units[0]}
    return simulate(curves, people, 25.0, policies=policies, own=idle, trials=40, seed=2**40)


@pytest.fixture
def folder(found, tmp_path):
    save(found, tmp_path / "acted")
    return tmp_path / "acted"


def test_what_was_saved_comes_back(found, folder):
    again = load(folder)
    assert isinstance(again, Rollouts) and again.policies == found.policies and again.seed == found.seed
    for name in ("value", "spend", "stage_spend"):
        assert getattr(again, name).tobytes() == getattr(found, name).tobytes()
    assert verify(again).ok and again.bound == found.bound
    checks = repeated(again)
    assert [check.name for check in checks] == [f"{name} played again" for name in ("bmdp", "dbra", "cap")]
    assert all(check.ok for check in checks)


def test_the_command_verifies_and_says_what_it_cannot(folder):
    done = run("verify", folder)
    assert "dbra played again" in done.stdout and "not played again" in done.stderr
    assert "mine" in done.stderr and "estimates" in done.stderr
    names = [check["name"] for check in run_json("verify", folder)["checks"]]
    assert "dbra never over the budget" in names and "bound" in names
    assert "wrote" in run("report", folder, "--out", folder.parent / "page.html").stdout


def test_the_command_writes_a_folder(tmp_path):
    run("new", tmp_path / "shop", "--quiet")
    run("solve", tmp_path / "shop", "--out", tmp_path / "result", "--keep-stages", "--quiet")
    arguments = ("simulate", tmp_path / "result", "--budget", 30, "--trials", 5)
    assert "verify" in run(*arguments, "--out", tmp_path / "acted").stdout
    assert load(tmp_path / "acted").trials == 5
    assert "beside" in run(*arguments, "--out", tmp_path / "result", code=2).stderr
    assert "must end in" in run(*arguments, "--out", tmp_path / "x.csv", code=2).stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("mine")
    run(*arguments, "--out", tmp_path / "full", code=2)


def altered(folder, **columns):
    path = folder / "rollouts" / "trials.parquet"
    table = pq.read_table(path)
    for name, change in columns.items():
        cells = change(table[name].to_pylist())
        table = table.set_column(table.column_names.index(name), name, pa.array(cells))
    pq.write_table(table, path)


def test_trials_that_the_seed_does_not_draw_are_found(folder):
    altered(folder, value=lambda cells: [cells[0] + 0.5, *cells[1:]])
    assert verify(load(folder)).ok
    assert [check.ok for check in repeated(load(folder))] == [False, True, True]
    run("verify", folder, code=8)


def test_impossible_trials_are_found_without_playing(folder, found):
    altered(folder, value=lambda cells: [1e9, *cells[1:]])
    wrong = [check.name for check in verify(load(folder)).checks if not check.ok]
    assert wrong == ["value of every trial possible"]
    begin = found.index("dbra") * found.trials
    over = [60.0, 0.0, 0.0]
    altered(
        folder,
        value=lambda cells: [0.0, *cells[1:]],
        stage_spend=lambda cells: [*cells[:begin], over, *cells[begin + 1 :]],
        spend=lambda cells: [*cells[:begin], sum(over), *cells[begin + 1 :]],
    )
    wrong = {check.name for check in verify(load(folder)).checks if not check.ok}
    assert wrong == {"dbra never over the budget", "spend of every stage possible"}


def test_unreadable_trials(folder):
    stated = folder / "rollouts" / "rollouts.json"
    said = json.loads(stated.read_text())
    for key, value in (("policies", []), ("trials", 39), ("trials", 0), ("seed", -1), ("stopped", "tea")):
        stated.write_text(json.dumps({**said, key: value}))
        with pytest.raises(ResultError):
            load(folder)
    stated.write_text(json.dumps(said))
    altered(folder, trial=lambda cells: cells[::-1])
    with pytest.raises(ResultError, match="in their order"):
        load(folder)
    (folder / "rollouts" / "trials.parquet").write_bytes(b"PAR1")
    with pytest.raises(ResultError, match="not readable"):
        load(folder)


def test_what_no_folder_holds_is_refused_with_a_word(found, tmp_path):
    curves = found.allocation.curves
    answer = mean_variance(curves, found.allocation.population, 20.0, aversion=0.1)
    with pytest.raises(UsageError, match="no folder holds a MeanVariance"):
        save(answer, tmp_path / "steady")
    assert not (tmp_path / "steady").exists()
    assert allocate(curves, found.allocation.population, 20.0).value >= answer.value - 1e-9
