"""Knapsack folders and results: round trips, located problems, commands, tampering."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from commands import run
from hypothesis import given
from small_knapsacks import knapsack_of, plain_knapsacks

from optbudget import load, save
from optbudget.allocation import allocate, allocate_knapsack
from optbudget.allocation.examples import two_state_curves
from optbudget.certify import verify
from optbudget.errors import ProblemError, ResultError, UsageError
from optbudget.files import DataWarning, check, load_answer, load_expected, load_model
from optbudget.files.expectations import ARGUMENTS
from optbudget.problems import Knapsack, Population
from optbudget.problems.families import knapsack_family
from optbudget.status import Termination

MODELS = Path(__file__).parent.parent / "models"
NAMES = sorted(
    p.parent.name for p in MODELS.glob("*/model.toml") if 'kind = "knapsack"' in p.read_text("utf-8")
)
FIELDS = ("groups", "options", "interpolate", "title", "source", "money_unit", "formulations")


def same(one, other):
    for name in ("ptr", "cost", "value", "count"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert all(getattr(one, name) == getattr(other, name) for name in FIELDS)


@pytest.mark.parametrize("format", ["csv", "parquet", None])
def test_a_model_comes_back(tmp_path, format):
    problem = Knapsack.from_arrays(
        [0, 2, 5], [0.1, 1e-300, 3, 2, 1], [-1, 0.3, 1e300, 2, 2], count=[2**50, 0], interpolate=True,
        groups=["=a", 'b "x", y'], title="a é", money_unit="€",
    )  # fmt: skip
    save(problem, tmp_path / "model", format=format)
    with pytest.warns(DataWarning, match="2 options are dominated"):
        back = load(tmp_path / "model")
    same(back, problem)


@given(plain_knapsacks())
def test_answers_come_back_and_are_verified(tmp_path_factory, plain):
    place = tmp_path_factory.mktemp("results")
    for method in ("greedy", "ip"):
        answer = allocate_knapsack(knapsack_of(plain), 5.0, method=method)
        save(answer, place / method)
        back = load(place / method)
        for name in ("option", "count", "probability"):
            np.testing.assert_array_equal(getattr(answer, name), getattr(back, name))
        for name in ("budget", "value", "bound", "price", "spent", "unspent", "outcome"):
            assert repr(getattr(answer, name)) == repr(getattr(back, name))
        assert verify(back, exact=True).ok, str(verify(back))


BAD = [
    ({"model.toml": 'kind = "knapsack"\nhorizon = 3\ninterpolate = "yes"\n'},
     ["model.toml:2: key 'horizon' is not known of a knapsack", "model.toml:3: interpolate is 'yes'"]),
    ({"model.toml": 'kind = "knapsack"\nformulations = ["cmdp_primal"]\n'}, ["not for kind 'knapsack'"]),
    ({"options.csv": "group,option,cost,value\na,x,1,1\na,x,2,-1\na,y,-2,1\n"},
     ["options.csv:3:2: option 'x' of group 'a' is listed twice", "options.csv:4:3: cost is -2.0"]),
    ({"options.csv": "group,option,cost,value,count\na,x,1,1,2\na,y,2,1,3\nb,z,1,1,0.5\n"},
     ["options.csv:4:5: count is 0.5"]),
    ({"options.csv": "group,option,cost,value,count\na,x,1,1,2\nb,z,0,0,1\na,y,2,1,3\n"},
     ["options.csv:4:5: count is 3 here and 2 where group 'a' begins"]),
    ({"options.csv": "group,option,cost\na,x,1\n"}, ["column 'value' is missing"]),
    ({"options.csv": "group,option,cost,value\n"}, ["no rows"]),
    ({"options.csv": "group,option,cost,value\na,x,1,nan\na,y,1;5,2\n"}, ["csv:2:4", "csv:3:3"]),
    ({"options.csv": "group,option,cost,value\n ,x,1,1\n"}, ["begins or ends with a blank"]),
    ({"options.csv": None}, ["neither options.csv nor options.parquet"]),
    ({"options.csv": "group,option,cost,value,count\na,x,1,1,1e16\n"}, ["largest allowed"]),
]  # fmt: skip


@pytest.mark.parametrize("files, wanted", BAD)
def test_every_problem_is_located(tmp_path, files, wanted):
    good = {"model.toml": 'kind = "knapsack"\n', "options.csv": "group,option,cost,value\na,x,1,1\n"}
    for name, text in {**good, **files}.items():
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
    issues = [str(issue) for issue in check(tmp_path)]
    for text in wanted:
        assert any(text in issue for issue in issues), issues
    with pytest.raises(ProblemError):
        load(tmp_path)
    assert run("check", tmp_path, code=3).exit_code == 3


def test_oddities_are_warnings(tmp_path):
    (tmp_path / "model.toml").write_text('kind = "knapsack"\n')
    (tmp_path / "options.csv").write_text("group,option,cost,value,colour\na,x,1,1,red\na,y,2,1,red\n")
    codes = {issue.code: issue.severity for issue in check(tmp_path)}
    assert codes == {"unknown-column": "warning", "dominated": "warning"}


def test_a_knapsack_is_not_solved_for_curves():
    with pytest.raises(ProblemError, match="optbudget allocate"):
        load_model(MODELS / "whole_units")


# Every model by every method that fits it.


def methods(name):
    return ("greedy", "price") if load(MODELS / name).interpolate else ("greedy", "price", "ip")


@pytest.mark.parametrize("name, method", [(name, method) for name in NAMES for method in methods(name)])
def test_recorded_answers(name, method):
    for expected in load_expected(MODELS / name):
        kind, quantity = expected.quantity.split("_")
        if (kind == "whole") == (method == "ip"):
            answer = allocate_knapsack(load(MODELS / name), expected.arguments["budget"], method=method)
            assert verify(answer).ok and answer.outcome.termination is Termination.OPTIMAL
            assert abs(getattr(answer, quantity) - expected.value) <= expected.tolerance
            assert kind + "_" + quantity in ARGUMENTS


def test_models_are_complete():
    assert {"whole_units", "response_curve"} <= set(NAMES)
    for name in NAMES:
        assert check(MODELS / name) == () and (MODELS / name / "README.md").is_file()


# Commands.


def test_allocate_and_verify_from_the_folder_alone(tmp_path):
    out = tmp_path / "split"
    done = run("allocate", MODELS / "whole_units", "--budget", 10, "--method", "ip", "--out", out, "--json")
    said = json.loads(done.stdout)
    assert (said["value"], said["bound"], said["gap"], said["spent"]) == (18.0, 18.0, 0.0, 10.0)
    assert said["allocation"][1] == {"group": "stand", "option": "rent", "count": 2, "probability": 1.0}
    assert set(pq.read_table(out / "allocation.parquet").column_names) == {
        "group",
        "option",
        "count",
        "probability",
    }
    for exact in ((), ("--exact",)):
        assert json.loads(run("verify", out, "--json", *exact).stdout)["ok"]
    assert run("verify", out, "--model", MODELS / "response_curve", code=3).exit_code == 3


def test_without_out_nothing_is_written(tmp_path):
    save(load(MODELS / "whole_units"), tmp_path / "model")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = run("allocate", tmp_path / "model", "--budget", 10).stdout
    assert "hall" in shown and "0.8" in shown
    points = json.loads(run("allocate", tmp_path / "model", "--budget", "0:16:3", "--json").stdout)["points"]
    assert [point["value"] for point in points] == [0.0, pytest.approx(15.6), 30.0]
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_exits(tmp_path):
    knapsack = MODELS / "whole_units"
    for words in (
        ["--budget", 1, "--method", "uniform"], ["--budget", 1, "--population", knapsack / "options.csv"],
        ["--target-value", 3], ["--budget", 1, "--out", knapsack], ["--budget", "0:1:2", "--out", knapsack],
    ):  # fmt: skip
        assert run("allocate", knapsack, *words, code=2).exit_code == 2
    assert run("allocate", MODELS / "response_curve", "--budget", 1, "--method", "ip", code=2).exit_code == 2
    hard, budget = knapsack_family("strongly-correlated", 40, 6, seed=3, copies=2)
    save(hard, tmp_path / "hard")
    limited = run(
        "allocate",
        tmp_path / "hard",
        "--budget",
        budget,
        "--method",
        "ip",
        "--time-limit",
        0,
        "--json",
        code=6,
    )
    assert json.loads(limited.stdout)["gap"] > 1e-9
    save(Knapsack.from_arrays([0, 1], [2], [1]), tmp_path / "dear")
    refused = run("allocate", tmp_path / "dear", "--budget", 1, "--json", code=4)
    assert json.loads(refused.stdout)["value"] is None and "2.0" in refused.stderr


# Tampering: what a result says, against its model.


@pytest.fixture
def result(tmp_path):
    problem, budget = knapsack_family("zig-zag", 8, 4, seed=2, largest=30)
    save(allocate_knapsack(problem, budget, method="ip"), tmp_path / "result")
    return tmp_path / "result"


def test_every_changed_number_is_found(result):
    stated = json.loads((result / "result.json").read_text())
    for name in ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent"):
        changed = {**stated, name: stated[name] * 1.01 + 1e-9}
        (result / "result.json").write_text(json.dumps(changed))
        try:
            assert not verify(load_answer(result)).ok, name
        except ResultError:
            assert name == "price"
    for bound in (-1e308, 0.0, stated["value"] - 1, math.nextafter(stated["value"], -math.inf)):
        (result / "result.json").write_text(json.dumps({**stated, "bound": bound}))
        assert not verify(load_answer(result)).ok
    (result / "result.json").write_text(json.dumps(stated))
    certificate = json.loads((result / "certificate.json").read_text())
    (result / "certificate.json").write_text(json.dumps({**certificate, "bound": 0.0}))
    assert run("verify", result, code=8).exit_code == 8


def test_another_option_another_model_and_cut_files(result):
    table = pq.read_table(result / "allocation.parquet")
    names = table.column("option").to_pylist()
    for option in ("o0", "o1", "o2", "o3", "nothing"):
        forged = table.set_column(1, "option", [[option, *names[1:]]])
        pq.write_table(forged, result / "allocation.parquet")
        if option == "nothing":
            with pytest.raises(ResultError, match="not in the model"):
                load_answer(result)
        elif option != names[0]:
            assert not verify(load_answer(result)).ok
    pq.write_table(table, result / "allocation.parquet")
    other = knapsack_family("zig-zag", 8, 4, seed=3, largest=30)[0]
    with pytest.raises(ResultError, match="not the same"):
        load_answer(result, other)
    with pytest.raises(UsageError):
        load_answer(result, two_state_curves().problem)
    for name in ("allocation.parquet", "certificate.json", "result.json"):
        whole = (result / name).read_bytes()
        (result / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises((ResultError, ProblemError)):
            load_answer(result)
        (result / name).write_bytes(whole)
    (result / "model" / "options.csv").write_text("group,option,cost,value\na,x,1,1\n")
    with pytest.raises(ResultError, match="not the same"):
        load_answer(result)


# Whole units over curves.


def test_whole_units_of_a_population():
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    for budget, value in ((15.0, 39.0), (14.0, 38.0), (20.0, 50.0), (9.5, 27.0)):
        answer = allocate(curves, people, budget, method="ip")
        assert answer.value == answer.bound == value <= allocate(curves, people, budget).value
        assert (answer.probability == 1).all() and answer.spent <= budget
    assert math.isnan(allocate(curves, people, 0.0).value) is False


def test_whole_units_as_a_command(model, tmp_path):
    run("solve", model, "--out", tmp_path / "r", "--quiet")
    (tmp_path / "people.csv").write_text("state,count\nvisitor,7\nbasket,3\n")
    words = ("--budget", 9, "--population", tmp_path / "people.csv", "--json")
    whole = json.loads(
        run("allocate", tmp_path / "r", *words, "--method", "ip", "--out", tmp_path / "w").stdout
    )
    relaxed = json.loads(run("allocate", tmp_path / "r", *words, "--out", tmp_path / "g").stdout)
    assert whole["termination"] == "OPTIMAL" and whole["value"] <= relaxed["bound"]
    assert all(row["probability"] == 1 for row in whole["allocation"])
    for exact in ((), ("--exact",)):
        assert json.loads(run("verify", tmp_path / "w", "--json", *exact).stdout)["ok"]
    stated = json.loads((tmp_path / "w" / "result.json").read_text())
    lower = {**stated, "bound": math.nextafter(stated["value"], -math.inf)}
    (tmp_path / "w" / "result.json").write_text(json.dumps(lower))
    assert run("verify", tmp_path / "w", code=8).exit_code == 8
