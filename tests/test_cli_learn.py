"""`optbudget learn`: its object, its tables, updates, and what it refuses."""

import json

import pytest

from tests.commands import run, run_json

LOG = """unit,time,event,value,cost
a,1,email,0,0.5
a,2,visit,0,0
a,3,order,20,0
b,1,email,0,0.7
c,1,visit,0,0
c,4,email,0,0.6
c,6,order,30,0
d,2,visit,0,0
"""
MORE = """unit,time,event,value,cost
b,5,visit,0,0
e,1,email,0,0.5
d,9,order,10,0
"""


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "more.csv").write_text(MORE)
    (tmp_path / "all.csv").write_text(LOG + MORE.split("\n", 1)[1])
    return tmp_path / "log.csv"


def learn(log, *options, code=0, out="model", **given):
    return run("learn", log, "--out", log.parent / out, "--min-count", 1, *options, code=code, **given)


def test_the_object_and_the_model(log):
    said = run_json(
        "learn", log, "--out", log.parent / "model", "--min-count", 1, "--order", 2, "--actions", "email"
    )
    assert (said["events"], said["units"], said["histories"], said["kinds"]) == (8, 4, 4, 3)
    assert (said["order"], said["min_count"], said["score"]) == (2, 1, None)
    assert said["reading"] == {"rows": 8, "missing_as_zero": 0, "moved": 0}
    checked = run_json("check", log.parent / "model")
    assert checked["ok"]
    solved = run_json("solve", log.parent / "model", "--out", log.parent / "result", "--at", "1", "--copy")
    assert said["states"] == solved["states"] == 9
    assert (log.parent / "result" / "model" / "shared_rows.csv").is_file()
    assert run_json("verify", log.parent / "result")["ok"]
    drawn = run_json("uncertain", log.parent / "model", "--budget", 1, "--draws", 3)
    assert drawn["draws"] == 3


def test_an_update_is_learning_all_at_once(log):
    learn(log, "--actions", "email", "--order", 3)
    run("learn", log.parent / "more.csv", "--update", "--out", log.parent / "model")
    learn(log.parent / "all.csv", "--actions", "email", "--order", 3, out="once")
    for path in (log.parent / "once").iterdir():
        assert path.read_bytes() == (log.parent / "model" / path.name).read_bytes(), path.name


def test_an_update_may_change_what_is_made_of_the_counts(log):
    learn(log, "--actions", "email", "--order", 3)
    run(
        "learn", log.parent / "more.csv", "--update", "--out", log.parent / "model", "--actions",
        "email,visit", "--cost", "visit=3", "--order", 1, "--horizon", 7,
    )  # fmt: skip
    assert "horizon = 7" in (log.parent / "model" / "model.toml").read_text()
    options = json.loads((log.parent / "model" / "learned.json").read_text())["options"]
    assert options["actions"] == ["email", "visit"] and options["order"] == 1
    assert options["min_count"] == 1 and options["costs"] == {"visit": 3.0}


def test_held_out_units_choose_the_order(log):
    rows = ["unit,time,event,value"]
    for unit in range(300):
        word = "xyxyz" if unit % 2 else "zzyx"
        rows += [f"{unit},{t},{letter},{float(letter == 'z')}" for t, letter in enumerate(word)]
    log.write_text("\n".join(rows) + "\n")
    asked = ("learn", log, "--out", log.parent / "m", "--actions", "x", "--cost", "x=1", "--held-out", 0.3)
    said = run_json(*asked, "--order", 4)
    score = said["score"]
    assert [row["order"] for row in score["orders"]] == [0, 1, 2, 3, 4]
    best = max(score["orders"], key=lambda row: row["log_likelihood"])
    assert score["best_order"] == best["order"] == said["order"] > 1
    assert "The model has order" in run(*asked, "--order", 4).stdout
    assert json.loads((log.parent / "m" / "learned.json").read_text())["score"] == score


@pytest.mark.parametrize(
    "options, code, message",
    [
        ((), 2, "--actions is missing"),
        (("--actions", "emial"), 3, "did you mean 'email'"),
        (("--actions", "email", "--cost", "emial=1"), 3, "which is no action; did you mean 'email'"),
        (("--actions", "email", "--cost", "email"), 2, "no EVENT=NUMBER"),
        (("--actions", "email", "--cost", "email=1,email=2"), 2, "stands twice"),
        (("--actions", "email", "--order", "-1"), 3, "order is -1"),
        (("--actions", "email", "--order", "99"), 3, "order is 99"),
        (("--actions", "email", "--terminal", "nowhere"), 3, "does not occur in the log"),
        (("--actions", "email", "--held-out", "1"), 3, "held_out is 1"),
        (("--actions", "email", "--held-out", "0.00001"), 3, "no unit is held out"),
        (("--actions", "email", "--gap", "30d"), 2, "write the gap as an integer"),
        (("--actions", "email", "--conversion", "order=5"), 3, "leave one out"),
        (("--actions", "email", "--discount", "2"), 3, "discount is 2"),
        (("--actions", "email", "--update"), 2, "holds no learned model"),
    ],
)
def test_what_is_refused(log, options, code, message):
    assert message in learn(log, *options, code=code).stderr
    assert not (log.parent / "model").exists()


def test_a_log_without_values_or_costs(log):
    log.write_text("unit,time,event\n1,1,email\n1,2,order\n")
    assert "what 'email' costs is not known" in learn(log, "--actions", "email", code=3).stderr
    given = ("--actions", "email", "--cost", "email=1")
    assert "nothing to gain" in learn(log, *given, code=3).stderr
    learn(log, *given, "--conversion", "order=20")


def test_a_model_beyond_the_memory_allowed_is_refused(log):
    done = learn(log, "--actions", "email", "--max-memory", "9kB", code=7)
    assert "a model of 11 states needs about" in done.stderr
    assert not (log.parent / "model").exists()


def test_an_update_counted_otherwise_is_refused(log):
    learn(log, "--actions", "email", "--order", 2, "--held-out", 0.6)
    for options, message in (
        (("--order", 3), "learn it again"),
        (("--gap", 5), "--gap is another"),
        (("--held-out", 0.1), "--held-out is another"),
        (("--duplicates", "keep"), "--duplicates is another"),
    ):
        done = run(
            "learn", log.parent / "more.csv", "--update", "--out", log.parent / "model", *options, code=2
        )
        assert message in done.stderr


def test_rows_out_of_order_are_located(log):
    log.write_text(LOG + "a,1,visit,0,0\n")
    refused = learn(log, "--actions", "email", code=3)
    assert "log.csv:10" in refused.stderr
    learn(log, "--actions", "email", "--sort")


def test_times_that_go_back_behind_the_model_are_located(log):
    learn(log, "--actions", "email")
    (log.parent / "more.csv").write_text("unit,time,event,value,cost\nc,5,visit,0,0\n")
    done = run("learn", log.parent / "more.csv", "--update", "--out", log.parent / "model", code=3)
    assert "more.csv:2" in done.stderr
