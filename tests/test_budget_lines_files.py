"""Several budget lines on disk and at the command line."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import run, run_json

from optbudget import load, save, verify
from optbudget.cli import exits
from optbudget.errors import ProblemError, ResultError
from optbudget.files import load_answer, load_result, load_stage_budgets
from optbudget.planning import allocate_lines
from optbudget.problems import BudgetLines, ConstrainedMDP, Population, StageBudgets
from optbudget.problems.examples import two_action_example

AD = "models/synthetic_ad"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A folder of small input files."""
    place = tmp_path_factory.mktemp("tables")
    rows = "Q1,13,500\nQ2,13,500\nQ3,12,500\nQ4,12,500\n"
    (place / "quarters.csv").write_text("block,decisions,budget\n" + rows)
    (place / "people.csv").write_text("state,count\nbegin,1000\n")
    (place / "halves.toml").write_text(
        'carry_over = true\ntotal = 14\n[[block]]\nname = "H1"\ndecisions = 25\nbudget = 10\n'
        '[[block]]\nname = "H2"\ndecisions = 25\nbudget = 5.5\n'
    )
    return place


@pytest.fixture(scope="module")
def result(tables):
    """A result folder that the command wrote."""
    out = tables / "out"
    run("budgets", AD, "--stage-budgets", tables / "quarters.csv", "--population", tables / "people.csv",
        "--out", out, "--quiet")  # fmt: skip
    return out


# -- the file of stage budgets ------------------------------------------------------------------


def test_a_toml_file_says_carry_over_and_total(tables):
    budgets = load_stage_budgets(tables / "halves.toml")
    assert budgets == StageBudgets(("H1", "H2"), (25, 25), (10.0, 5.5), True, 14.0)


def test_a_parquet_table_is_read_as_its_csv(tables):
    table = pa.table({"block": ["Q1", "Q2"], "decisions": [13, 37], "budget": [500.0, 1.5]})
    pq.write_table(table, tables / "q.parquet")
    assert load_stage_budgets(tables / "q.parquet") == StageBudgets(("Q1", "Q2"), (13, 37), (500.0, 1.5))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("b.csv", "block,decisions\nQ1,3\n", "b.csv:1: .*budget"),
        ("b.csv", "block,decisions,budget\nQ1,1.5,3\n", "b.csv:2:.*whole number"),
        ("b.csv", "block,decisions,budget\nQ1,3,-1\n", "b.csv: the money of block 'Q1' is -1.0"),
        ("b.csv", "block,decisions,budget\nQ1,3,1\nQ1,3,1\n", "block 'Q1' is listed twice"),
        ("b.csv", "block,decisions,budget\n", "there is no block"),
        ("b.toml", "carryover = true\n", "b.toml:1: key 'carryover' is not known; did you mean 'carry_over'"),
        ("b.toml", "carry_over = 1\n[[block]]\n", "carry_over is 1"),
        ("b.toml", "[[block]]\nname = 'x'\nbudget = 1\n", "b.toml:1: block 1 has no decisions"),
        ("b.toml", "[[block]]\nname = 'x'\nbudget = 1\ndecisions = true\n", "decisions of block 1 is True"),
        ("b.toml", "total = -1\n", "total is -1"),
        ("b.toml", "total = \n", "b.toml:1"),
        ("b.txt", "", "are a .toml, .csv or .parquet file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ProblemError, match=said):
        load_stage_budgets(tmp_path / name)


def test_a_file_that_is_missing_is_said():
    with pytest.raises(ProblemError, match="no such file"):
        load_stage_budgets("nowhere.csv")


# -- results ------------------------------------------------------------------------------------


def test_a_result_folder_is_read_as_it_was_written(result):
    answer = load(result)
    assert answer.value == pytest.approx(7441.43, abs=0.01)
    assert verify(answer).ok
    run("verify", result)
    with pytest.raises(ResultError, match="several budget lines"):
        load_result(result)


def test_resources_of_a_problem_in_memory_are_kept(tmp_path):
    unit = two_action_example(horizon=3)
    limits = ConstrainedMDP.of(unit, 4.0, {"hours": (np.array([0.0, 2.0]), 6.0)})
    answer = allocate_lines(BudgetLines.of_resources(limits), Population.at(unit, {"s": 2}))
    save(answer, tmp_path / "r")
    again = load_answer(tmp_path / "r")
    assert again.lines.resources == ("hours",)
    assert again.value == answer.value
    assert verify(again).ok


def test_resources_of_a_model_folder_are_those_of_its_model(tmp_path):
    done = run_json("budgets", "models/two_limits", "--out", tmp_path / "r")
    assert done["value"] == pytest.approx(81 / 16, abs=1e-9)
    assert not (tmp_path / "r" / "resources.parquet").exists()
    assert run_json("verify", tmp_path / "r")["ok"]
    assert run_json("verify", tmp_path / "r", "--model", "models/two_limits")["ok"]
    run("verify", tmp_path / "r", "--model", AD, code=exits.INVALID)


def edited(folder, place, change):
    """A copy of a result with one of its files changed."""
    import shutil

    shutil.copytree(folder, place)
    change(place)
    return place


def number_in(name, value):
    def change(folder):
        stated = json.loads((folder / "result.json").read_text())
        stated[name] = value
        (folder / "result.json").write_text(json.dumps(stated))

    return change


def column_in(file, name, function):
    def change(folder):
        table = pq.read_table(folder / file)
        k = table.column_names.index(name)
        values = pa.array(function(table.column(name).to_pylist()), table.schema.field(k).type)
        pq.write_table(table.set_column(k, name, values), folder / file)

    return change


@pytest.mark.parametrize(
    "change",
    [
        number_in("value", 7500.0),
        number_in("spent", 7500.0),
        number_in("price", 0.5),
        number_in("limits", []),
        number_in("ranges", {"cost": [1.0, 2.0], "utility": None, "probability": None}),
        number_in("bound", 7441.0),
        number_in("gap", 0.0),
        number_in("termination", "INFEASIBLE"),
        column_in("lines.parquet", "price", lambda x: [x[0] * 1.1, *x[1:]]),
        column_in("lines.parquet", "spent", lambda x: [x[0] - 1, *x[1:]]),
        column_in("lines.parquet", "budget", lambda x: [x[0] - 1, *x[1:]]),
        column_in("mixture.parquet", "share", lambda x: x[::-1]),
        column_in("mixture.parquet", "share", lambda x: [p / 2 for p in x]),
        column_in("population.parquet", "count", lambda x: [n + 1 for n in x]),
        column_in("policies.parquet", "action", lambda x: ["intense"] * len(x)),
        column_in("policies.parquet", "stage", lambda x: [k + 1 for k in x]),
        column_in("policies.parquet", "action", lambda x: ["sleep", *x[1:]]),
        lambda folder: (folder / "mixture.parquet").unlink(),
    ],
)
def test_a_result_that_was_tampered_with_is_refused_or_fails(result, tmp_path, change):
    folder = edited(result, tmp_path / "r", change)
    done = run("verify", folder, code=exits.FAILED) if _reads(folder) else None
    assert done is None or "FAILED" in done.stdout


def _reads(folder):
    try:
        load_answer(folder)
    except ResultError:
        return False
    return True


# -- the command --------------------------------------------------------------------------------


def test_the_command_prints_the_fields_of_its_table(tables):
    done = run_json(
        "budgets", AD, "--stage-budgets", tables / "quarters.csv", "--population", tables / "people.csv"
    )
    assert done["termination"] == "OPTIMAL"
    assert [line["line"] for line in done["lines"]] == ["Q1", "Q2", "Q3", "Q4"]
    assert done["lines"][0]["price"] == pytest.approx(4.1468, abs=1e-4)
    assert sum(policy["share"] for policy in done["policies"]) == 1.0
    assert done["policies"][0]["spend"].keys() == {"Q1", "Q2", "Q3", "Q4"}


def test_the_table_says_prices_in_words(tables):
    shown = run(
        "budgets", AD, "--stage-budgets", tables / "quarters.csv", "--population", tables / "people.csv"
    ).stdout
    assert "one more cost unit is worth 4.147" in shown
    assert "is left, more is worth nothing" in shown
    assert "policies mixed" in shown


def test_one_unit_and_halves_that_carry_over(tables):
    done = run_json("budgets", AD, "--stage-budgets", tables / "halves.toml")
    assert [line["line"] for line in done["lines"]] == ["H1", "up to H2", "total"]
    assert [line["budget"] for line in done["lines"]] == [10.0, 15.5, 14.0]


def test_lines_that_contradict_each_other_exit_4(tmp_path):
    (tmp_path / "none.csv").write_text(
        "state,action,cost,cost_hours,utility\nlead,wait,1,0,0\nlead,call,0,3,0\n"
    )
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "model.toml").write_text(
        'kind = "constrained_mdp"\ndiscount = 1.0\ncost_discount = 1.0\nhorizon = 2\nreward = "gross"\n'
        'initial = "lead"\n[budgets]\ncost = 1.0\ncost_hours = 2.0\n'
    )
    (folder / "transitions.csv").write_text(
        "state,action,next_state,probability\nlead,wait,lead,1\nlead,call,lead,1\n"
    )
    (folder / "actions.csv").write_text((tmp_path / "none.csv").read_text())
    done = run_json("budgets", folder, "--out", tmp_path / "r", code=exits.INFEASIBLE)
    assert done["value"] is None
    assert {line["line"]: line["least"] for line in done["conflict"]} == pytest.approx(
        {"money": 4 / 3, "hours": 3.0}
    )
    assert "in conflict" in run("budgets", folder, code=exits.INFEASIBLE).stdout
    assert run_json("verify", tmp_path / "r")["ok"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((AD,), exits.USAGE),
        (("models/two_action", "--stage-budgets", "quarters.csv"), exits.INVALID),
        (("models/uneven_discounts", "--stage-budgets", "quarters.csv"), exits.INVALID),
        (("models/response_curve", "--stage-budgets", "quarters.csv"), exits.USAGE),
        ((AD, "--stage-budgets", "nowhere.csv"), exits.INVALID),
        ((AD, "--stage-budgets", "quarters.csv", "--out", AD), exits.USAGE),
    ],
)
def test_what_does_not_fit_has_its_exit_code(tables, arguments, code):
    given = [tables / word if word == "quarters.csv" else word for word in arguments]
    done = run("budgets", *given, code=code)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_a_header_alone_and_a_directory_are_named(tmp_path):
    (tmp_path / "none.csv").write_text("block,decisions,budget\n")
    with pytest.raises(ProblemError, match="there is no block"):
        load_stage_budgets(tmp_path / "none.csv")
    with pytest.raises(ProblemError, match="it is a directory"):
        load_stage_budgets(tmp_path)


def test_policies_in_another_order_are_refused(tmp_path):
    """Their shares are read by place, so numbers that say otherwise contradict them."""
    problem = two_action_example(horizon=2)
    lines = BudgetLines.of_stages(problem, StageBudgets(("now", "then"), (1, 1), (3.0, 0.9)))
    save(allocate_lines(lines, Population.at(problem, {"s": 6})), tmp_path / "r")
    table = pq.read_table(tmp_path / "r" / "mixture.parquet")
    turned = table.set_column(0, "policy", pa.array(table["policy"].to_pylist()[::-1]))
    pq.write_table(turned, tmp_path / "r" / "mixture.parquet")
    with pytest.raises(ResultError, match=r"numbered 0, 1"):
        load_answer(tmp_path / "r")
