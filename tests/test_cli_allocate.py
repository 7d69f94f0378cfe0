"""What `allocate` refuses, and what it says where the answer is other than asked for: on a toll of 1 or 2."""

import pytest
from commands import ROOT, run, run_json

from optbudget.allocation import largest_spend_at_marginal_roi, largest_spend_at_roi
from optbudget.allocation.examples import two_state_curves
from optbudget.problems import Population

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


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")
@pytest.mark.parametrize("horizon", ["1", '"infinite"'])
def test_a_gap_of_inf_is_no_certificate(tmp_path, horizon):
    model = tmp_path / "huge"
    model.mkdir()
    (model / "model.toml").write_text(
        f'kind = "budgeted_mdp"\ndiscount = 0.9\ncost_discount = 0.9\nreward = "gross"\nhorizon = {horizon}\n'
    )
    (model / "actions.csv").write_text("state,action,cost,utility\ns,a,1,1e308\ns,b,0,1\n")
    (model / "transitions.csv").write_text("state,action,next_state,probability\ns,a,s,1\ns,b,s,1\n")
    done = run("solve", model, "--out", tmp_path / "out", code=7)
    assert "rescale" in done.stderr and "certified gap" not in done.stdout
    fields = run_json("solve", model, "--out", tmp_path / "out", code=7)
    assert fields["termination"] == "NUMERICAL" and fields["solution"] in ("FEASIBLE", "NONE")
    assert (tmp_path / "out").exists() == (fields["solution"] == "FEASIBLE")
