"""`optbudget risk` and `optbudget strict`: JSON fields, tables, refusals, exit codes."""

import json

import pytest

from tests.commands import ROOT, run, run_json


@pytest.fixture(scope="module")
def ads(tmp_path_factory):
    place = tmp_path_factory.mktemp("risk")
    run("solve", ROOT / "models" / "synthetic_ad", "--out", place / "ads", "--quiet")
    run("solve", ROOT / "models" / "toll", "--out", place / "toll", "--quiet")
    run("solve", ROOT / "models" / "two_action", "--out", place / "endless", "--quiet")
    (place / "people.csv").write_text("state,count\nbegin,40\n")
    return place


def test_risk_of_a_budget_over_a_population(ads):
    fields = run_json(
        "risk", ads / "ads", "--budget", 320, "--population", ads / "people.csv", "--level", 0.1
    )
    assert (
        fields["units"] == 40 and fields["planned"] == pytest.approx(320) and fields["method"] == "exact law"
    )
    low, high = fields["proved"]
    assert low <= fields["overspend"] <= high and high - low < 1e-8 and fields["why_no_law"] is None
    assert fields["worst"]["is"] == "exact" and fields["worst"]["spend"] > fields["spend_mean"]
    plan = fields["plan"]
    assert plan["proved"] and plan["overspend"] <= 0.1 and plan["budget"] == plan["proved_budget"] < 320
    assert sum(row["count"] * row["probability"] for row in plan["allocation"]) == pytest.approx(40)


def test_risk_of_the_split_in_a_result_and_its_tables(ads, tmp_path):
    run("allocate", ads / "ads", "--budget", 20, "--out", tmp_path / "split", "--quiet")
    own = run_json("risk", tmp_path / "split")
    more = run_json("risk", tmp_path / "split", "--budget", 40)
    assert own["budget"] == 20 and own["planned"] == more["planned"] and more["overspend"] < own["overspend"]
    said = run("risk", tmp_path / "split", "--level", 0.5, "--figure", tmp_path / "law.svg").stdout
    assert "exact law" in said and "largest plan found" in said
    assert (tmp_path / "law.svg").stat().st_size > 10_000


def test_risk_where_only_moments_are_known(ads):
    fields = run_json("risk", ads / "endless", "--budget", 5)
    assert (
        fields["method"] == "normal" and fields["saddle_point"] is None and "infinite" in fields["why_no_law"]
    )


def test_what_risk_refuses(ads, tmp_path):
    assert "--budget" in run("risk", ads / "ads", code=2).stderr
    assert "--level" in run("risk", ads / "ads", "--budget", 5, "--level", 2, code=2).stderr
    assert "--worst" in run("risk", ads / "ads", "--budget", 5, "--worst", 0, code=2).stderr
    nowhere = tmp_path / "none" / "law.png"
    assert "no folder" in run("risk", ads / "ads", "--budget", 5, "--figure", nowhere, code=2).stderr
    assert ".svg" in run("risk", ads / "ads", "--budget", 5, "--figure", tmp_path / "law.gif", code=2).stderr
    assert "is a model" in run("risk", ROOT / "models" / "toll", "--budget", 5, code=2).stderr
    assert "least" in run("risk", ads / "toll", "--budget", 1, code=4).stderr


def test_strict_budgets_beside_expected_ones(ads):
    fields = run_json("strict", ads / "ads", "--at", "2,10")
    begin = fields["states"]["begin"]
    assert fields["exact"] and fields["step"] == 0.5 and len(fields["states"]) == 15
    assert begin["strict"][1] == pytest.approx(7.332, abs=1e-3) and begin["bound"] == begin["strict"]
    assert begin["cost"][1] == pytest.approx(begin["expected"][1] - begin["strict"][1])
    said = run("strict", ads / "ads", "--at", 10, "--state", "begin").stdout
    assert "7.332" in said and "uninterested" not in said
    assert "at most" in run("strict", ads / "ads", "--at", 10, "--step", 0.3, "--state", "begin").stdout


def test_what_strict_refuses(ads):
    assert "--at" in run("strict", ads / "ads", "--at=-1", code=2).stderr
    assert "no state" in run("strict", ads / "ads", "--at", 1, "--state", "nobody", code=3).stderr
    assert "finite horizon" in run("strict", ads / "endless", "--at", 1, code=2).stderr
    done = run("strict", ads / "toll", "--at", 1, "--json", code=4)
    assert json.loads(done.stdout)["states"]["gate"]["strict"] == [None]
