"""What `allocate` refuses, and what it says where the answer is other than asked for: on a toll of 1 or 2."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import ROOT, run, run_json

from optbudget import load
from optbudget.allocation import allocate, largest_spend_at_marginal_roi, largest_spend_at_roi
from optbudget.allocation.examples import two_state_curves
from optbudget.problems import Population
from optbudget.report.tables import allocation_grid

QUESTIONS = ("--target-value", "--least-roi", "--least-marginal-roi")


@pytest.fixture(scope="module")
def toll(tmp_path_factory):
    """A result whose curve has the least budget 2 and then two segments of prices 1 and 0.5."""
    place = tmp_path_factory.mktemp("toll") / "result"
    run("solve", ROOT / "models" / "toll", "--out", place, "--quiet")
    return place


class TestOptionsThatDoNotGoTogether:
    @pytest.mark.parametrize("question", QUESTIONS)
    def test_a_budget_and_a_question(self, toll, question):
        done = run("allocate", toll, "--budget", 3, question, 1, code=2)
        assert "--budget" in done.stderr and question in done.stderr

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_equal_shares_and_a_question(self, toll, question):
        done = run("allocate", toll, "--method", "uniform", question, 1, code=2)
        assert "--method uniform" in done.stderr and question in done.stderr

    def test_equal_shares_and_a_range(self, toll):
        done = run("allocate", toll, "--method", "uniform", "--budget", "2:4:3", code=2)
        assert "--method uniform" in done.stderr and "range" in done.stderr

    @pytest.mark.parametrize("option", ["--keep-stages", "--keep-policy"])
    def test_deterministic_policies_keep_nothing(self, tmp_path, option):
        model = ROOT / "models" / "toll"
        arguments = ("solve", model, "--out", tmp_path / "r", "--method", "deterministic")
        assert option in run(*arguments, option, code=2).stderr


@pytest.mark.parametrize("question", ["--least-roi", "--least-marginal-roi"])
class TestReturnsThatNoSpendHas:
    def test_it_is_said(self, toll, tmp_path, question):
        fields = run_json("allocate", toll, question, 100, "--out", tmp_path / "out")
        assert fields["budget"] == 2 and fields["termination"] == "OPTIMAL"
        assert "no spend returns 100" in fields["message"] and "returns 1" in fields["message"]
        done = run("allocate", toll, question, 100, "--out", tmp_path / "out")
        assert "no spend returns 100" in done.stdout
        assert "no spend" in run("allocate", toll, question, 100, "--out", tmp_path / "out", "-q").stdout

    def test_it_is_not_said_of_one_that_some_spend_has(self, toll, tmp_path, question):
        done = run("allocate", toll, question, 0.75, "--out", tmp_path / "out")
        assert "no spend" not in done.stdout + done.stderr


@pytest.mark.parametrize("asked", [largest_spend_at_roi, largest_spend_at_marginal_roi])
def test_returns_that_no_spend_has_from_python(asked):
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    assert "no spend returns 3.5" in asked(curves, people, 3.5).outcome.message
    assert "the first money returns 3" in asked(curves, people, 3.5).outcome.message
    for roi in (3.0, 0.0):
        assert asked(curves, people, roi).outcome.message == ""
    nobody = Population.at(curves.problem, {})
    assert "no money" in asked(curves, nobody, 1.0).outcome.message


class TestRanges:
    def test_all_infeasible(self, toll):
        done = run("allocate", toll, "--budget", "0:1:3", code=4)
        assert done.stdout.count("least feasible budget is 2") == 1
        fields = run_json("allocate", toll, "--budget", "0:1:3", code=4)
        assert [point["value"] for point in fields["points"]] == [None] * 3
        assert fields["least_budget"] == 2

    def test_some_infeasible(self, toll):
        done = run("allocate", toll, "--budget", "0:4:3")
        assert done.stdout.count("least feasible budget is 2") == 1

    def test_none_infeasible(self, toll):
        assert "least feasible" not in run("allocate", toll, "--budget", "2:4:3").stdout


MODELS = ROOT / "models"


@pytest.mark.parametrize(
    ("place", "options", "said"),
    [
        (MODELS / "two_limits", ("--budget", 3), "optbudget compare"),
        (MODELS / "ward", ("--budget", 3), "first optbudget solve"),
        (MODELS / "whole_units" / "options.csv", ("--budget", 3), "is a file; name its folder"),
        (MODELS / "whole_units", ("--target-value", 3), "--target-value is for the states of a result"),
        (MODELS / "whole_units", ("--budget", 3, "--stage", 1, "--baseline", "x"), "--stage and --baseline"),
        (MODELS / "whole_units", (), "say how much money there is"),
        (MODELS / "whole_units", ("--budget", 3, "--method", "uniform"), "greedy, price, lp, ip"),
        (MODELS / "whole_units", ("--budget", "0:inf:3"), "'0:inf:3' needs 0 <= LO <= HI, HI finite"),
        (MODELS / "whole_units", ("--budget", "0:10"), "of two numbers and a whole number"),
        (MODELS / "whole_units", ("--budget", "1:0:2"), "needs 0 <= LO <= HI"),
        (MODELS / "whole_units", ("--budget", "1,000"), "write for example 1000"),
        (MODELS / "whole_units", ("--budget", "0:1:2", "--out", "x"), "leave out --out"),
        (MODELS / "whole_units", ("--budget", 3, "--target-value", 1), "leave out one of them"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(place, options, said):
    done = run("allocate", place, *options, code=2)
    assert said in done.stderr and done.stderr.count("\n") == 1 and not done.stdout


@pytest.mark.parametrize(
    ("place", "said"),
    [(MODELS / "nowhere", "there is no folder"), (MODELS, "neither a result, which has result.json, nor")],
)
def test_what_cannot_be_read(place, said):
    assert said in run("allocate", place, "--budget", 3, code=3).stderr


@pytest.mark.parametrize("method", ["greedy", "price", "ip", "lp"])
def test_value_per_money_that_no_double_holds(tmp_path, method):
    (tmp_path / "model.toml").write_text('kind = "knapsack"\n')
    (tmp_path / "options.csv").write_text("group,option,cost,value\na,n,0,0\na,y,5e-324,1\n")
    done = run("allocate", tmp_path, "--budget", 1, "--method", method, code=3)
    assert "option 'y' of group 'a' costs 5e-324 more than 'n'" in done.stderr
    assert "smaller unit of money" in done.stderr and "warning" not in done.stderr


def test_why_money_is_left_is_one_line():
    shown = run("allocate", MODELS / "whole_units", "--budget", 9, "--method", "ip").stdout
    assert "\nLeft over because no whole choice of options spends more and is worth more.\n" in shown
    shown = run("allocate", MODELS / "whole_units", "--budget", 100).stdout
    assert "\nLeft over because every copy has the most valuable option" in shown


def test_a_budget_without_limit(toll, tmp_path):
    fields = run_json("allocate", toll, "--budget", "inf", "--out", tmp_path / "out")
    assert fields["budget"] is None and fields["spent"] == 4 and fields["value"] == 1.5
    assert run("verify", tmp_path / "out", "--quiet")
    for refused in ("nan", "-inf", "-1"):
        run("allocate", toll, "--budget", refused, code=2)


def test_today_is_taken_to_use_its_money_well(toll, tmp_path):
    today = tmp_path / "today.csv"
    today.write_text("state,count,budget\ngate,1,2.5\n")
    shown = run("allocate", toll, "--budget", 3, "--baseline", today, "--out", tmp_path / "out").stdout
    assert "as well as possible" in shown


@pytest.mark.parametrize("horizon", ["1", '"infinite"'])
def test_numbers_next_to_the_largest_are_proved_or_said_not_to_be(tmp_path, horizon):
    """Twice as large as these are refused; what is certified of them, however wide, the checker proves."""
    model = tmp_path / "huge"
    model.mkdir()
    (model / "model.toml").write_text(
        f'kind = "budgeted_mdp"\ndiscount = 0.9\ncost_discount = 0.9\nreward = "gross"\nhorizon = {horizon}\n'
    )
    (model / "transitions.csv").write_text("state,action,next_state,probability\ns,a,s,1\ns,b,s,1\n")
    (model / "actions.csv").write_text("state,action,cost,utility\ns,a,1,1e305\ns,b,0,1\n")
    done = run("solve", model, "--out", tmp_path / "out", code=3)
    assert "actions.csv:2" in done.stderr and "take larger units" in done.stderr
    (model / "actions.csv").write_text("state,action,cost,utility\ns,a,1,9e148\ns,b,0,1\n")
    for method in ("auto", "sweep"):
        out = tmp_path / method
        fields = run_json("solve", model, "--out", out, "--method", method, "--tolerance", 1e-9, code=6)
        assert fields["termination"] == "NUMERICAL" and fields["solution"] == "CERTIFIED"
        run("verify", out)


@pytest.mark.parametrize("horizon", ["1", "3", '"infinite"'])
def test_a_slope_beyond_the_largest_double_ends_without_a_number(tmp_path, horizon):
    """Its price is infinite in floating point: the sweep asked for it for ever, and no file can hold it."""
    model = tmp_path / "steep"
    model.mkdir()
    (model / "model.toml").write_text(
        f'kind = "budgeted_mdp"\ndiscount = 0.9\ncost_discount = 0.9\nreward = "gross"\nhorizon = {horizon}\n'
    )
    (model / "transitions.csv").write_text("state,action,next_state,probability\ns,a,s,1\ns,b,s,1\n")
    (model / "actions.csv").write_text("state,action,cost,utility\ns,a,1e-300,1e148\ns,b,0,1\n")
    for method in ("auto", "sweep"):
        done = run("solve", model, "--out", tmp_path / method, "--method", method, "--time-limit", 30, code=7)
        assert "costs too small beside them" in done.stderr and "TIME_LIMIT" not in done.stderr
        assert "RuntimeWarning" not in done.stderr and "encountered" not in done.stderr
        assert not (tmp_path / method).exists()


def test_check_of_a_result(toll):
    assert "is a result, not a model" in run("check", toll, code=2).stderr


def test_a_reason_even_when_quiet(toll, tmp_path):
    arguments = ("solve", ROOT / "models" / "toll", "--out", tmp_path / "r", "--method", "deterministic")
    said = run(*arguments, "--quiet", code=7).stderr
    assert "no certificate" in said and said.count("\n") == 1
    said = run("allocate", toll, "--budget", 1, "--quiet", code=4).stderr
    assert "below 2.0" in said and said.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_page_that_cannot_be_written(toll):
    done = run("report", toll, "--out", "/dev/full", code=2)
    assert "/dev/full cannot be written: No space left" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nothing can be made")
@pytest.mark.parametrize("command", [("report",), ("allocate", "--budget", 3)])
def test_a_place_that_cannot_be_written(toll, command):
    out = "/proc/optbudget-nothing"
    done = run(command[0], toll, *command[1:], "--out", out, code=2)
    assert f"{out} cannot be written" in done.stderr


def test_a_probability_that_is_rounding_is_shown_as_such(toll):
    answer = load(toll)
    split = allocate(answer, Population.at(answer.problem, {"gate": 6}), 18.0)
    assert all("e−" not in cell for row in allocation_grid(split).rows for cell in row)
    nearly = replace(
        split,
        state=np.zeros(2, dtype=np.int64),
        count=np.ones(2, dtype=np.int64),
        unit_budget=np.array([2.0, 3.0]),
        unit_value=np.array([0.0, 1.0]),
        probability=np.array([5e-13, 1 - 5e-13]),
        action=np.zeros(2, dtype=np.int32),
    )
    shown = [row[3] for row in allocation_grid(nearly).rows]
    assert sorted(shown) == ["<1e-9", ">1−1e-9"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("gate,1,nan", "today.csv:2:3: budget is nan; it must be finite"),
        ("gate,-1,2", "today.csv:2:2: count is -1; it must be a whole number >= 0"),
        ("gate,1,1", "today.csv:2:3: a budget of 1.0 is below 2.0, the least feasible one"),
        ("gate,2,2", "today.csv:2:2: the baseline has 2 units and the population 1 in 'gate'"),
        ("gate,1,2\ngaet,1,2", "today.csv:3:1: no state is called 'gaet'; did you mean 'gate'?"),
    ],
)
def test_a_baseline_says_where_it_is_wrong(toll, tmp_path, rows, said):
    today = tmp_path / "today.csv"
    today.write_text(f"state,count,budget\n{rows}\n")
    done = run("allocate", toll, "--budget", 3, "--baseline", today, "--out", tmp_path / "x", code=3)
    assert done.stderr.strip() == said


@pytest.mark.parametrize("horizon", ["2", '"infinite"'])
def test_a_cap_that_a_state_cannot_keep(tmp_path, horizon):
    shutil.copytree(ROOT / "models" / "toll", tmp_path / "toll")
    toml = tmp_path / "toll" / "model.toml"
    text = toml.read_text().replace("horizon = 2", f"horizon = {horizon}")
    text = text.replace("cost_discount = 1.0", "cost_discount = 0.5")
    least = {"2": 1.5, '"infinite"': 2.0}[horizon]
    for cap, said in ((1.25, True), (least, False), (4, False)):
        toml.write_text(f"budget_cap = {cap}\n{text}")
        issues = run_json("check", tmp_path / "toll")["issues"]
        assert [issue["code"] for issue in issues] == ["budget-cap"] * said
        done = run("solve", tmp_path / "toll", "--out", tmp_path / "out")
        assert (f"warning: model.toml:1: budget_cap is {cap}" in done.stderr) == said
    toml.write_text(f"budget_cap = 1.25\n{text}")
    [issue] = run_json("check", tmp_path / "toll")["issues"]
    assert (issue["severity"], issue["file"], issue["line"]) == ("warning", "model.toml", 1)
    assert f"'gate' (at least {least:g})" in issue["message"]
