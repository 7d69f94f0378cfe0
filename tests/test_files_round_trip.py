"""What is saved comes back: models and results, to the last bit, and the same bytes when saved again."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_names import names

from optbudget.allocation import allocate
from optbudget.budgeted.deterministic import deterministic_frontier
from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.infinite import stationary_solve
from optbudget.errors import LimitError, ProblemError, ResultError, UsageError
from optbudget.files import aside as aside_module
from optbudget.files import (
    load,
    load_baseline,
    load_frontier,
    load_model,
    load_population,
    load_result,
    model_hash,
    save,
    save_frontier,
)
from optbudget.problems import Allocation, BudgetedMDP, CurveSet, Population
from optbudget.status import Outcome

MODELS = Path(__file__).parent.parent / "models"
NAMES = names("budgeted_mdp")
FINITE = [name for name in NAMES if load_model(MODELS / name).horizon is not None]
INFINITE = [name for name in NAMES if name not in FINITE]


def assert_same(one, other, path=""):
    """Every field equal, arrays to the last bit; where it was read from and how long it took aside."""
    assert type(one) is type(other), path
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        here = f"{path}.{field.name}"
        if field.name in ("folder", "stated", "seconds", "intercept", "pieces", "slack"):
            continue
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=here)
            assert a.dtype == b.dtype or a.dtype.kind in "US", here
        elif isinstance(a, tuple) and a and hasattr(a[0], "__dataclass_fields__"):
            assert len(a) == len(b), here
            for k, (x, y) in enumerate(zip(a, b, strict=True)):
                assert_same(x, y, f"{here}[{k}]")
        elif hasattr(a, "__dataclass_fields__"):
            assert_same(a, b, here)
        else:
            assert a == b or (a != a and b != b), here


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timings.json"
    }


# Models --------------------------------------------------------------------------------------------

words = st.text(st.sampled_from("ab,;\"' =+-@>/#éß中\\"), min_size=1, max_size=4).filter(
    lambda word: word == word.strip()
)
numbers = st.one_of(
    st.integers(-4, 4).map(float),
    st.floats(-1e140, 1e140),
    st.sampled_from([5e-324, 1e-300, 0.1 + 0.2, 1 / 3, -0.0, 1.7976931348623157e140]),
)
shares = st.sampled_from([[1.0], [0.5, 0.5], [0.1, 0.9], [1 / 3, 2 / 3], [1e-300, 1.0], [0.1, 0.2, 0.7]])


@st.composite
def problems(draw):
    """Problems in canonical form: made from tables."""
    names = draw(st.lists(words, min_size=1, max_size=4, unique=True))
    actions = draw(st.lists(words, min_size=1, max_size=3, unique=True))
    acting = names[: draw(st.integers(0, len(names)))]
    typed = draw(st.sampled_from([None, "x", "=y z"]))
    table = {key: [] for key in ("state", "action", "cost", "utility")}
    moves = {key: [] for key in ("state", "action", "next_state", "probability")}
    for state in acting:
        for action in draw(st.lists(st.sampled_from(actions), min_size=1, unique=True)):
            row = (state, action, abs(draw(numbers)), draw(numbers))
            for column, value in zip(table.values(), row, strict=True):
                column.append(value)
            for next_state, share in zip(draw(st.permutations(names)), draw(shares), strict=False):
                for column, value in zip(moves.values(), (state, action, next_state, share), strict=True):
                    column.append(value)
    ends = {"state": list(names), "terminal_utility": [draw(numbers) for _ in names]}
    tables = [moves, table, ends]
    if typed:
        tables = [{"type": [typed] * len(part["state"]), **part} for part in tables]
    label = (lambda name: f"{typed}/{name}") if typed else (lambda name: name)
    return BudgetedMDP.from_tables(
        *tables,
        discount=draw(st.sampled_from([1.0, 0.975, 1 / 3, 5e-324])),
        cost_discount=draw(st.sampled_from([1.0, 0.9])),
        horizon=draw(st.sampled_from([None, 1, 50, 10**7])),
        reward=draw(st.sampled_from(["net", "gross"])),
        terminal_states=[label(name) for name in names if name not in acting],
        initial=draw(st.sampled_from([None, label(names[-1])])),
        budget_cap=draw(st.sampled_from([None, 0.0, 0.1])),
        title=draw(st.text(max_size=5)), source="a \"quoted\" \\ source", money_unit="€",
        normalize=True,
    )  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(problem=problems(), form=st.sampled_from(["csv", "parquet", None]))
def test_model_comes_back(problem, form, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "m"
    save(problem, folder, format=form)
    back = load_model(folder)
    assert_same(problem, back)
    assert back.folder.sha256 == model_hash(folder)
    save(back, folder.with_name("again"), format=form)
    assert files_of(folder) == files_of(folder.with_name("again"))


def test_states_out_of_order_come_back_by_name(tmp_path):
    """A terminal state before an acting one moves behind it; everything said of it stays true."""
    problem = BudgetedMDP.from_arrays(
        np.array([[[1.0, 0.0], [0.5, 0.5]]]), [[0], [1]], [[0], [2]], terminal_states=[0],
        terminal_utility=[7, 0], states=["end", "go"], discount=1, cost_discount=1, horizon=2,
    )  # fmt: skip
    save(problem, tmp_path / "m")
    back = load_model(tmp_path / "m")
    assert back.states == ("go", "end")
    assert back.terminal_utility.tolist() == [0, 7]
    answer = exact_backup(problem)
    save(answer, tmp_path / "r")
    read = load_result(tmp_path / "r")
    for label in problem.states:
        np.testing.assert_array_equal(read[label].values, answer[label].values)
        np.testing.assert_array_equal(read.variance(label), answer.variance(label))
    assert_same(load_result(tmp_path / "r", problem), answer)


def test_model_hash_is_what_the_format_says(tmp_path):
    import hashlib

    folder = MODELS / "two_types"
    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("actions.csv", "model.toml", "states.csv", "transitions.csv")
    )
    assert model_hash(folder) == hashlib.sha256(lines.encode()).hexdigest()


# Results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FINITE)
def test_curves_come_back(name, tmp_path):
    answer = exact_backup(load_model(MODELS / name), keep_stages=name != "synthetic_ad")
    save(answer, tmp_path / "r")
    back = load(tmp_path / "r")
    assert_same(answer, back)
    assert back.problem.folder.name == name
    assert back.stated["curves"]["states"] == len(answer)
    save(back, tmp_path / "again")
    assert files_of(tmp_path / "r") == files_of(tmp_path / "again")


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_large_curves_are_written_in_parts_of_whole_states(rows, tmp_path, monkeypatch):
    answer = exact_backup(load_model(MODELS / "two_types"))
    save(answer, tmp_path / "whole")
    monkeypatch.setattr("optbudget.files.result_writer.ROWS_AT_ONCE", rows)
    parts = list(answer.to_batches(rows))
    assert pa.concat_tables(parts).equals(answer.to_arrow()) and len(parts) > 1
    labels = [set(zip(part["type"].to_pylist(), part["state"].to_pylist(), strict=True)) for part in parts]
    assert sum(map(len, labels)) == len(set.union(*labels)) == len(answer)
    save(answer, tmp_path / "parts")
    assert_same(load_result(tmp_path / "parts"), load_result(tmp_path / "whole"))


@pytest.mark.parametrize("name", INFINITE)
def test_stationary_witness_comes_back(name, tmp_path):
    answer = stationary_solve(load_model(MODELS / name), tolerance=1e-4)
    save(answer, tmp_path / "r")
    back = load(tmp_path / "r")
    assert_same(answer, back)
    if answer.witness is not None:
        assert back.witness.policy.shape == answer.witness.policy.shape


@pytest.fixture(scope="module")
def split():
    """An allocation to units known one by one, whose names are formulas to a spreadsheet."""
    problem = load_model(MODELS / "two_types")
    units = ["=1+1", "@b", "c", "d", "e"]
    states = ["loyal/active", "new/active", "new/active", "loyal/active", "new/active"]
    return allocate(exact_backup(problem), Population.of_units(problem, units, states), 6.0)


def test_allocation_comes_back(split, tmp_path):
    save(split, tmp_path / "r")
    back = load(tmp_path / "r")
    assert isinstance(back, Allocation)
    assert_same(split, back)
    assert back.exact_spend() == split.exact_spend() and back.exact_value() == split.exact_value()


def test_who_gets_what(split, tmp_path):
    """Budget 6 at prices 3, 2, 3/2: all are mailed, and one new customer is called with probability 1/2."""
    save(split, tmp_path / "r")
    lines = (tmp_path / "r" / "assignment.csv").read_text().splitlines()
    assert lines[0] == "unit,type,state,budget,probability,action"
    rows = [line.split(",") for line in lines[1:]]
    order = ["'=1+1", "'@b", "c", "d", "e"]
    assert list(dict.fromkeys(row[0] for row in rows)) == order
    assert [row[-1] for row in rows if row[1] == "loyal"] == ["mail", "mail"]
    drawn = [row for row in rows if row[4] != "1"]
    assert len(drawn) == 2 and drawn[0][0] == drawn[1][0]
    assert {row[-1] for row in drawn} == {"mail", "call"}
    total = sum(float(row[3]) * float(row[4]) for row in rows)
    assert total == pytest.approx(6.0)


def test_second_allocation_replaces_the_first(split, tmp_path):
    save(split, tmp_path / "r")
    other = allocate(load(tmp_path / "r").curves, Population.at(split.curves.problem, {"new/active": 1}), 1.0)
    save(other, tmp_path / "r")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"]
    assert not (tmp_path / "r" / "assignment.csv").exists()
    assert load(tmp_path / "r").budget == 1.0


def test_nothing_personal_is_written(split, tmp_path):
    save(split, tmp_path / "r", command=["allocate", str(tmp_path / "in"), "--out", str(tmp_path / "r")])
    words = {str(tmp_path), str(Path.home()), getpass.getuser(), socket.gethostname(), os.getcwd()}
    for name, data in files_of(tmp_path / "r").items():
        for word in words:
            assert len(word) < 5 or word.encode() not in data, (name, word)
    assert load(tmp_path / "r").stated["command"] == ["allocate", "in", "--out", "r"]


SAVE_TWICE = """
import sys
from pathlib import Path
from optbudget.files import load_model, save
from optbudget.budgeted.deterministic import deterministic_frontier
from optbudget.budgeted.exact import exact_backup
save(exact_backup(load_model(Path(sys.argv[1]) / "ward")), sys.argv[2], command=["solve", "ward"])
"""


def test_equal_runs_write_equal_bytes(tmp_path):
    """R10: whatever the hash seed and the number of threads."""
    written = []
    for seed, threads in ((0, 1), (9, 2)):
        out = tmp_path / f"run{seed}"
        environment = os.environ | {"PYTHONHASHSEED": str(seed), "NUMBA_NUM_THREADS": str(threads)}
        command = [sys.executable, "-c", SAVE_TWICE, str(MODELS), str(out)]
        subprocess.run(command, env=environment, check=True, timeout=300)
        written.append(files_of(out))
    assert written[0] == written[1]


# Where the model is --------------------------------------------------------------------------------


def test_model_outside_the_result(split, tmp_path):
    model = tmp_path / "models" / "m"
    save(load_model(MODELS / "two_types"), model)
    answer = exact_backup(load_model(model))
    save(answer, tmp_path / "out" / "r", copy=False)
    said = json.loads((tmp_path / "out" / "r" / "result.json").read_text())["model"]
    assert said["path"] == "../../models/m"
    assert not (tmp_path / "out" / "r" / "model").exists()
    assert_same(answer, load(tmp_path / "out" / "r"))
    save(load(tmp_path / "out" / "r"), tmp_path / "copied", copy=True)
    model.rename(tmp_path / "moved")
    with pytest.raises(ResultError, match="--model"):
        load(tmp_path / "out" / "r")
    assert_same(answer, load_result(tmp_path / "out" / "r", tmp_path / "moved"))
    assert_same(answer, load(tmp_path / "copied"))


def test_another_model_is_refused(tmp_path):
    save(exact_backup(load_model(MODELS / "ward")), tmp_path / "r")
    with pytest.raises(ResultError, match="not the same"):
        load_result(tmp_path / "r", MODELS / "ties")
    with pytest.raises(ResultError, match="not the same"):
        load_result(tmp_path / "r", load_model(MODELS / "ties"))
    toml = tmp_path / "r" / "model" / "model.toml"
    toml.write_text(toml.read_text().replace("horizon = 2", "horizon = 3"))
    with pytest.raises(ResultError, match="not the same"):
        load(tmp_path / "r")


def test_model_changed_on_disk_since_it_was_read(tmp_path):
    """The copy says what was solved, not what the folder says by now."""
    save(load_model(MODELS / "ward"), tmp_path / "m")
    problem = load_model(tmp_path / "m")
    toml = tmp_path / "m" / "model.toml"
    toml.write_text(toml.read_text().replace("horizon = 2", "horizon = 3"))
    save(exact_backup(problem), tmp_path / "r")
    assert load(tmp_path / "r").problem.horizon == 2


# Folders -------------------------------------------------------------------------------------------


def test_what_may_be_replaced(split, tmp_path):
    curves = split.curves
    (tmp_path / "empty").mkdir()
    save(curves, tmp_path / "empty")
    save(curves, tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "result.json").write_text('{"schema": "another-program"}')
    for name in ("full", "file", "foreign"):
        with pytest.raises(UsageError, match=name):
            save(curves, tmp_path / name)
    with pytest.raises(UsageError):
        save(curves, MODELS / "ward")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "years of work"
    assert isinstance(load(tmp_path / "empty"), CurveSet)


@pytest.mark.parametrize("fault, error", [(28, LimitError), (13, UsageError)])
def test_failed_write_leaves_what_was_there(split, tmp_path, monkeypatch, fault, error):
    save(split.curves, tmp_path / "r")
    before = files_of(tmp_path / "r")

    def fail(folder):
        raise OSError(fault, "no")

    monkeypatch.setattr(aside_module, "_flush", fail)
    with pytest.raises(error):
        save(split, tmp_path / "r")
    assert files_of(tmp_path / "r") == before
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_leftovers_of_killed_processes(split, tmp_path):
    save(split.curves, tmp_path / "r")
    before = files_of(tmp_path / "r")
    (tmp_path / "r").rename(tmp_path / ".r.replaced")
    (tmp_path / ".r.999999999.writing").mkdir()
    assert isinstance(load(tmp_path / "r"), CurveSet)
    assert files_of(tmp_path / "r") == before
    (tmp_path / "r").rename(tmp_path / ".r.replaced")
    save(split, tmp_path / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_exchange_and_its_substitute_agree(split, tmp_path, monkeypatch):
    save(split.curves, tmp_path / "r")
    monkeypatch.setattr(aside_module, "_exchange", lambda one, other: False)
    save(split, tmp_path / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    assert isinstance(load(tmp_path / "r"), Allocation)


# Populations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_units_one_by_one(ending, tmp_path):
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    problem = load_model(MODELS / "ward")
    table = pa.table({"unit": [3, 1, 2], "state": ["home", "ward", "home"]})
    path = tmp_path / f"population.{ending}"
    pacsv.write_csv(table, path) if ending == "csv" else pq.write_table(table, path)
    population = load_population(path, problem)
    assert population.count.tolist() == [2, 1]
    assert [str(unit) for unit in population.unit] == ["3", "1", "2"]
    assert population.unit_state.tolist() == [0, 1, 0]


def test_units_may_stand_once(tmp_path):
    (tmp_path / "population.csv").write_text("unit,state\nu,home\nv,home\nu,ward\n")
    with pytest.raises(ProblemError) as raised:
        load_population(tmp_path, load_model(MODELS / "ward"))
    assert [(i.code, i.line, i.column) for i in raised.value.issues] == [("duplicate-unit", 4, 1)]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_units_and_counts_do_not_go_together(ending, tmp_path):
    """A unit is one: its count would be lost."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    table = pa.table({"unit": ["u"], "state": ["home"], "count": [3]})
    path = tmp_path / f"population.{ending}"
    pacsv.write_csv(table, path) if ending == "csv" else pq.write_table(table, path)
    with pytest.raises(ProblemError, match="do not go together"):
        load_population(path, load_model(MODELS / "ward"))


def test_an_unknown_column_of_a_population_is_a_warning(tmp_path):
    (tmp_path / "population.csv").write_text("state,count,colour\nhome,3,red\n")
    with pytest.warns(UserWarning, match="colour"):
        assert load_population(tmp_path, load_model(MODELS / "ward")).count.sum() == 3


def test_population_that_is_not_what_it_was_is_not_hashed(tmp_path):
    """The population goes with the copy of the model, and its hash stays that of the problem alone."""
    save(load_model(MODELS / "two_types"), tmp_path / "plain")
    shutil.copyfile(MODELS / "two_types" / "population.csv", tmp_path / "plain" / "population.csv")
    before = model_hash(tmp_path / "plain")
    save(exact_backup(load_model(tmp_path / "plain")), tmp_path / "r")
    back = load(tmp_path / "r")
    assert back.problem.folder.sha256 == before
    assert load_population(back.problem.folder.path, back.problem).count.sum() == 5


def test_answers_without_numbers_come_back(tmp_path):
    """Infeasible: no rows, no numbers. Without limit: an infinite budget, which JSON cannot write."""
    curves = exact_backup(load_model(MODELS / "toll"))
    people = Population.at(curves.problem, {"gate": 3})
    short, rich = allocate(curves, people, 1.0), allocate(curves, people, np.inf)
    listed = allocate(curves, Population.of_units(curves.problem, ["u"], ["gate"]), 1.0)
    save(listed, tmp_path / "listed")
    assert load(tmp_path / "listed").population.count.tolist() == [1]
    save(short, tmp_path / "short")
    save(rich, tmp_path / "rich")
    assert_same(short, load(tmp_path / "short"))
    assert_same(rich, load(tmp_path / "rich"))


def test_frontier_comes_back(tmp_path):
    frontier = deterministic_frontier(load_model(MODELS / "ward"))
    save_frontier(frontier, tmp_path / "r", tolerance=0.0, outcome=Outcome(), seconds=1.0)
    back = load_frontier(tmp_path / "r")
    assert_same(frontier, back)
    assert_same(frontier, load(tmp_path / "r"))
    with pytest.raises(ResultError, match="frontier"):
        load_result(tmp_path / "r")


def test_baseline(tmp_path):
    (tmp_path / "today.csv").write_text("state,count,budget\nhome,2,1.5\n")
    assert load_baseline(tmp_path / "today.csv").to_pylist() == [
        {"state": "home", "count": 2.0, "budget": 1.5}
    ]
    (tmp_path / "today.csv").write_text("state,count\nhome,2\n")
    with pytest.raises(ProblemError, match="budget"):
        load_baseline(tmp_path / "today.csv")


def test_a_place_that_is_read_only_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(aside_module.os, "access", lambda place, how: False)
    with pytest.raises(UsageError, match="Permission denied"):
        aside_module.require_free(tmp_path / "r")
    mounted = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(aside_module.os, "statvfs", lambda place: mounted)
    with pytest.raises(UsageError, match="Read-only file system"):
        aside_module.require_free(tmp_path / "r")
