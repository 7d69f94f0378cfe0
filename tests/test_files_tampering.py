"""Result folders that do not say what they must, and files with damaged bytes."""

import contextlib
import csv
import json
import math
import random
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from optbudget.allocation import allocate
from optbudget.budgeted.exact import exact_backup
from optbudget.certify import verify
from optbudget.errors import OptBudgetError, ProblemError, ResultError
from optbudget.files import check, load, load_model, load_result, model_hash, save
from optbudget.problems import Population

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A result folder with curves, stages, an allocation and units known one by one."""
    folder = tmp_path_factory.mktemp("whole") / "r"
    problem = load_model(MODELS / "ward")
    curves = exact_backup(problem, keep_stages=True)
    save(allocate(curves, Population.of_units(problem, ["u", "v"], ["home", "home"]), 2.5), folder)
    return folder


@pytest.fixture
def result(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "r")
    return tmp_path / "r"


def table(name, change):
    """An edit of one Parquet table."""

    def edit(folder):
        changed = change(pq.read_table(folder / name))
        pq.write_table(changed, folder / name)

    return edit


def cell(column, row, value):
    """A table with one cell changed; `value` may be a function of the old one."""

    def change(given):
        values = given.column(column).to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        k = given.column_names.index(column)
        return given.set_column(k, column, pa.array(values, given.column(column).type))

    return change


def said(change, name="result.json"):
    """An edit of a JSON file: keys replaced, "a.b" for b inside a; None deletes."""

    def edit(folder):
        content = json.loads((folder / name).read_text())
        for path, value in change.items():
            *outer, key = path.split(".")
            place = content
            for step in outer:
                place = place[step]
            if value is ...:
                del place[key]
            else:
                place[key] = value
        (folder / name).write_text(json.dumps(content))

    return edit


def gone(name):
    return lambda folder: (folder / name).unlink()


def text(name, content):
    return lambda folder: (folder / name).write_text(content)


def up(number):
    return math.nextafter(number, math.inf)


TAMPERED = [
    ("no result.json", gone("result.json"), "result.json"),
    ("not JSON", text("result.json", "{"), "not JSON"),
    ("a list", text("result.json", "[]"), "object"),
    ("NaN in JSON", text("result.json", '{"schema": NaN}'), "not JSON"),
    ("nested without end", text("result.json", "[" * 100_000), "not JSON"),
    ("another schema", said({"schema": "x"}), "schema"),
    ("no model", said({"model": ...}), "model"),
    ("no hash", said({"model.sha256": ...}), "sha256"),
    ("another hash", said({"model.sha256": "0" * 64}), "not the same"),
    ("unknown termination", said({"termination": "FINE"}), "FINE"),
    ("unknown solution", said({"curves.solution": "SURE"}), "SURE"),
    ("gap a text", said({"curves.gap": "0"}), "gap"),
    ("gap beyond range", said({"curves.gap": 10**400}), "gap"),
    ("value true", said({"value": True}), "value"),
    ("stages wrong", said({"curves.stages": ["../x"]}), "stages"),
    ("stage of nowhere", said({"curves.stages": [7]}), "stages/7"),
    ("tolerance missing", said({"tolerance": ...}), "tolerance"),
    ("why a number", said({"why_unspent": 3}), "why_unspent"),
    ("certificate of another kind", said({"kind": "magic"}, "certificate.json"), "magic"),
    ("certificate of fewer prices", said({"prices": 1}, "certificate.json"), "prices"),
    ("prices out of order", table("certificate.parquet", lambda t: t.take([1, 0])), "prices"),
    ("price missing", table("certificate.parquet", lambda t: t.slice(1)), "prices"),
    ("price NaN", table("certificate.parquet", cell("price", 1, math.nan)), "price"),
    ("no curves", gone("curves.parquet"), "curves.parquet"),
    ("budget up by an ulp", table("curves.parquet", cell("budget", 1, up)), "budget"),
    ("value up by an ulp", table("curves.parquet", cell("value", 2, up)), "value"),
    ("price up by an ulp", table("curves.parquet", cell("price", 0, up)), "price"),
    ("length negative", table("curves.parquet", cell("length", 0, -1.0)), "length"),
    ("gain infinite", table("curves.parquet", cell("gain", 0, math.inf)), "gain"),
    ("variance negative", table("curves.parquet", cell("spend_variance", 1, -1.0)), "spend_variance"),
    ("state unknown", table("curves.parquet", cell("state", 0, "pit")), "pit"),
    ("state missing", table("curves.parquet", lambda t: t.filter(pc.field("state") != "ward")), "state"),
    ("state in two places", table("curves.parquet", lambda t: t.take([3, 0, 1, 2, 3])), "state"),
    ("column missing", table("curves.parquet", lambda t: t.drop_columns(["gain"])), "gain"),
    ("single precision", table("curves.parquet", lambda t: t.set_column(
        1, "budget", t.column("budget").cast(pa.float32()))), "budget"),
    ("first actions of other rows", table("first_actions.parquet", lambda t: t.slice(1)), "first_actions"),
    ("first action unknown", table("first_actions.parquet", cell("action", 0, "fly")), "fly"),
    ("gap of a state missing", table("state_gaps.parquet", lambda t: t.slice(1)), "state_gaps"),
    ("stage cut short", gone("stages/1/curves.parquet"), "stages/1/curves.parquet"),
    ("allocation gone", gone("allocation.parquet"), "allocation.parquet"),
    ("values gone", gone("allocation_values.parquet"), "allocation_values"),
    ("values of other rows", table("allocation_values.parquet", cell("budget", 0, 9.0)), "allocation_values"),
    ("probability 0", table("allocation.parquet", cell("probability", 0, 0.0)), "probability"),
    ("probability above 1", table("allocation.parquet", cell("probability", 0, 1.5)), "probabilities"),
    ("count negative", table("allocation.parquet", cell("count", 0, -1)), "counts"),
    ("population gone", gone("population.parquet"), "population"),
    ("units of another population", table("population.parquet", cell("count", 0, 3)), "assignment"),
]  # fmt: skip


@pytest.mark.parametrize("case", TAMPERED, ids=lambda case: case[0].replace(" ", "-"))
def test_refused(case, result):
    _, edit, word = case
    edit(result)
    with pytest.raises(ResultError, match=word):
        load_result(result)
    assert [issue.severity for issue in check(result)] == ["error"]


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"schema": "optbudget-certificate-1x"}, "certificate.json"),
        ({"kind": "stationary"}, "certificate.json"),
        ({"tails": [1.0, 0.0, 0.0]}, "certificate.json"),
        ({"method": "walkx"}, "result.json"),
    ],
)
def test_words_that_are_not_the_tables_own_are_not_proved(change, file, result):
    assert verify(load(result)).ok
    said(change, file)(result)
    with contextlib.suppress(ResultError):
        assert not verify(load(result)).ok


@pytest.mark.parametrize("path", ["/etc", "C:\\models", "a\0b"])
def test_model_path_may_not_be_absolute(path, result):
    shutil.rmtree(result / "model")
    said({"model.path": path})(result)
    with pytest.raises(ResultError):
        load_result(result)


# Damaged bytes --------------------------------------------------------------------------------------


def damaged(data, draw):
    """The bytes with one bit flipped, a stretch zeroed, the end cut, or a stretch moved."""
    kind = draw.choice(["flip", "zero", "truncate", "splice"])
    at = draw.randrange(len(data))
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    width = draw.randrange(1, 64)
    if kind == "zero":
        return data[:at] + bytes(len(data[at : at + width])) + data[at + width :]
    if kind == "truncate":
        return data[:at]
    source = draw.randrange(len(data))
    return data[:at] + data[source : source + width] + data[at:]


def plain(folder):
    """What the text tables say, read by the standard library alone, as sets of rows."""
    content = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = (row for row in csv.reader(lines) if row)
        content[path.stem] = [dict(zip(header, row, strict=True)) for row in rows]
    content["toml"] = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8-sig"))
    return content


def assert_says(problem, content):
    """The problem is the one that the text tables describe."""
    probability = {}
    for row in content["transitions"]:
        if float(row["probability"]):
            probability[row["state"], row["action"], row["next_state"]] = float(row["probability"])
    found = {}
    for pair, (i, a) in enumerate(zip(problem.pair_state, problem.pair_action, strict=True)):
        r = problem.pair_row[pair]
        for e in range(problem.row_ptr[r], problem.row_ptr[r + 1]):
            key = (problem.states[i], problem.actions[a], problem.states[problem.next_state[e]])
            found[key] = problem.probability[e]
    assert found == probability
    money = {(row["state"], row["action"]): float(row["cost"]) for row in content["actions"]}
    pairs = zip(problem.pair_state, problem.pair_action, problem.cost, strict=True)
    assert {(problem.states[i], problem.actions[a]): c for i, a, c in pairs} == money
    assert problem.discount == content["toml"]["discount"]
    assert problem.horizon == content["toml"]["horizon"]


def damage_models(folder, target, seeds):
    refused = 0
    for seed in seeds:
        draw = random.Random(seed)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        file = draw.choice(sorted(target.iterdir()))
        file.write_bytes(damaged(file.read_bytes(), draw))
        try:
            issues = check(target)
            problem = load_model(target)
        except OptBudgetError:
            refused += 1
            assert any(issue.severity == "error" for issue in issues)
            continue
        except UserWarning:
            continue
        assert problem.folder.sha256 == model_hash(target)
        if not list(target.glob("*.parquet")):
            assert_says(problem, plain(target))
    return refused


def damage_results(folder, target, seeds):
    """A damaged result is refused, or is what it was but for what `stated` repeats of result.json."""
    refused = 0
    intact = load_result(folder)
    for seed in seeds:
        draw = random.Random(seed)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        files = sorted(path for path in target.rglob("*.parquet"))
        file = draw.choice([*files, target / "result.json", target / "certificate.json"])
        file.write_bytes(damaged(file.read_bytes(), draw))
        try:
            found = load_result(target)
        except (ResultError, ProblemError):
            refused += 1
            continue
        if file.suffix == ".parquet":
            for name in ("state", "count", "unit_budget", "unit_value", "probability", "action"):
                np.testing.assert_array_equal(getattr(found, name), getattr(intact, name), err_msg=str(file))
            np.testing.assert_array_equal(found.curves.curves.length, intact.curves.curves.length)
            np.testing.assert_array_equal(found.curves.prices, intact.curves.prices)
    return refused


@pytest.fixture(params=["csv", "parquet"])
def model(request, tmp_path):
    save(load_model(MODELS / "ward"), tmp_path / "m", format=request.param)
    return tmp_path / "m"


def test_damaged_models(model, tmp_path):
    assert damage_models(model, tmp_path / "damaged", range(60)) > 20


def test_damaged_results(whole, tmp_path):
    assert damage_results(whole, tmp_path / "damaged", range(60)) > 20


@pytest.mark.nightly
def test_many_damaged_models(model, tmp_path):
    assert damage_models(model, tmp_path / "damaged", range(1000, 21_000)) > 5000


@pytest.mark.nightly
def test_many_damaged_results(whole, tmp_path):
    assert damage_results(whole, tmp_path / "damaged", range(1000, 21_000)) > 5000
    assert load(whole) is not None
