"""`optbudget simulate`: its object, its table, its files, and what it refuses."""

import pyarrow.parquet as pq
import pytest

from tests.commands import ROOT, run, run_json

FIELDS = {"value_mean", "value_sd", "spend_mean", "spend_sd", "overspend_frequency", "overspend_mean"}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulate")
    run("new", folder / "shop", "--quiet")
    run("solve", folder / "shop", "--out", folder / "result", "--keep-stages", "--quiet")
    return folder / "result"


def test_the_object(result):
    said = run_json("simulate", result, "--budget", 30, "--customers", 20, "--trials", 40, "--seed", 7)
    assert set(said["policies"]) == {"bmdp", "dbra", "sub", "uba", "index"}
    assert all(fields >= FIELDS for fields in map(set, said["policies"].values()))
    assert (said["budget"], said["units"], said["trials"], said["seed"]) == (30.0, 20, 40, 7)
    assert said["policies"]["dbra"]["overspend_frequency"] == 0 == said["policies"]["dbra"]["overspend_low"]
    assert (said["asked"], said["stopped"]) == (40, None)
    assert said == run_json(
        "simulate", result, "--budget", 30, "--customers", 20, "--trials", 40, "--seed", 7, "--threads", 1
    )
    split = run_json("allocate", result, "--budget", 30, "--population", population(result, 20), "--out",
                     result.parent / "split")  # fmt: skip
    assert said["bound"] == split["bound"]
    again = run_json("simulate", result.parent / "split", "--trials", 40, "--seed", 7)
    assert again == said


def population(result, units):
    """A table of so many units at the model's first state."""
    path = result.parent / "people.csv"
    state = (result / "model" / "actions.csv").read_text().splitlines()[1].split(",")[0]
    path.write_text(f"state,count\n{state},{units}\n")
    return path


def test_one_trial_has_no_spread(result):
    said = run_json("simulate", result, "--budget", 3, "--trials", 1, "--policy", "bmdp")
    assert said["policies"]["bmdp"]["value_sd"] is None
    assert "proved bound" in run("simulate", result, "--budget", 3, "--trials", 1).stdout


def test_table_figure_and_trials(result, tmp_path):
    shown = run(
        "simulate", result, "--budget", 30, "--customers", 20, "--trials", 30, "--policy", "dbra,cap",
        "--out", tmp_path / "trials.parquet", "--figure", tmp_path / "spend.svg",
    ).stdout  # fmt: skip
    for word in ("proved bound", "dbra", "cap", "trials over", "30 trials of 20 units, seed 0"):
        assert word in shown
    table = pq.read_table(tmp_path / "trials.parquet")
    assert table.column_names == ["policy", "trial", "value", "spend", "overspend", "stage_spend"]
    assert len(table) == 60
    assert "proved bound" in (tmp_path / "spend.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--customers", 3), 2, "say how much money there is"),
        (("--budget", 3, "--customers", 3, "--population", "x.csv"), 2, "leave out one of them"),
        (("--budget", 3, "--policy", "bdmp"), 2, "did you mean 'bmdp'"),
        (("--budget", 3, "--figure", "nowhere/x.svg"), 2, "there is no folder"),
        (("--budget", 3, "--population", "nothing.csv"), 3, "nothing.csv"),
        (("--budget", 3, "--figure", "x.gif"), 2, "must end in .svg or .png or .pdf"),
        (("--budget", 3, "--out", "x.csv"), 2, "must end in .parquet"),
        (("--budget", 3, "--trials", 10**12), 7, "fewer --trials"),
        (("--budget", 3, "--time-limit", 0), 7, "before any trial"),
    ],
)
def test_refusals(result, arguments, code, message):
    done = run("simulate", result, *arguments, code=code)
    assert message in done.stderr


def test_a_budget_that_covers_nobody_is_infeasible(tmp_path):
    run("solve", ROOT / "models" / "toll", "--out", tmp_path / "toll", "--keep-stages", "--quiet")
    said = run_json("simulate", tmp_path / "toll", "--budget", 0, "--customers", 5, code=4)
    assert said["termination"] == "INFEASIBLE" and "policies" not in said


def test_later_stages_need_not_be_kept(tmp_path, result):
    run("solve", result / "model", "--out", tmp_path / "flat", "--quiet")
    said = run_json("simulate", tmp_path / "flat", "--budget", 3, "--policy", "bmdp,sub", "--trials", 5)
    assert set(said["policies"]) == {"bmdp", "sub"}


def test_customers_of_several_initial_states(tmp_path):
    run("solve", ROOT / "models" / "two_types", "--out", tmp_path / "two", "--keep-stages", "--quiet")
    said = run_json("simulate", tmp_path / "two", "--budget", 10, "--trials", 3)
    assert said["units"] > 1


@pytest.mark.parametrize(("reason", "code"), [("TIME_LIMIT", 6), ("INTERRUPTED", 130)])
def test_a_stopped_simulation_shows_what_it_has_and_says_so(result, monkeypatch, reason, code):
    from optbudget.status import Termination
    from optbudget.workers import Monitor

    looks = iter([None])
    monkeypatch.setattr(Monitor, "stop_reason", lambda self: next(looks, Termination[reason]))
    arguments = ("simulate", result, "--budget", 3, "--trials", 1000, "--policy", " bmdp , uba")
    said = run_json(*arguments, code=code)
    assert (said["asked"], said["stopped"], said["trials"]) == (1000, reason, 64)
    assert set(said["policies"]) == {"bmdp", "uba"}
    looks = iter([None])
    assert "stopped after 64 of 1,000 trials" in run(*arguments, code=code).stderr


def test_policies_that_the_budget_does_not_suffice_for(tmp_path):
    """Equal shares of 9,000 do not serve the emergency: left out with a word, or refused where asked for."""
    result = tmp_path / "health"
    run("solve", ROOT / "models" / "health_network", "--out", result, "--keep-stages", "--quiet")
    done = run("simulate", result, "--budget", 9000, "--trials", 3, "--json")
    assert "left out: uba" in done.stderr and '"uba"' not in done.stdout and '"dbra"' in done.stdout
    said = run_json("simulate", result, "--budget", 9000, "--policy", "bmdp,uba", code=4)
    assert said["termination"] == "INFEASIBLE"


def test_the_split_of_a_result_with_its_limits(result, tmp_path):
    (tmp_path / "limits.toml").write_text('[[limit]]\nstate = "visitor"\nmost = 0.3\n')
    run(
        "allocate", result, "--budget", 600, "--limits", tmp_path / "limits.toml", "--out", tmp_path / "split"
    )
    done = run("simulate", tmp_path / "split", "--trials", 20)
    assert "split" in done.stdout and "as it stands" in done.stdout and "without its limits" in done.stderr
    assert "split" in run_json("simulate", tmp_path / "split", "--trials", 2, "--policy", "split")["policies"]
    refused = run("simulate", tmp_path / "split", "--budget", 600, "--policy", "split", code=2)
    assert "leave out --budget" in refused.stderr
    assert "money without limit" in run("simulate", result, "--budget", "inf", "--trials", 2).stdout


def test_customers_are_counted_exactly(result):
    done = run("simulate", result, "--budget", 3, "--customers", 9007199254740993, code=2)
    assert "9,007,199,254,740,993" in done.stderr
