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
    assert "start" not in json.dumps(checked["issues"])
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
        (("--actions", "email", "--cost", "emial=1"), 2, "which is no action; did you mean 'email'"),
        (("--actions", "email", "--cost", "email"), 2, "no EVENT=NUMBER"),
        (("--actions", "email", "--cost", "email=1,email=2"), 2, "stands twice"),
        (("--actions", "email", "--cost", "email=٣"), 2, "no EVENT=NUMBER"),
        (("--actions", "email,none"), 2, "action 'none' is there without being named"),
        (("--actions", "email,start"), 2, "action 'start' is reserved"),
        (("--actions", "email,email"), 2, "named twice"),
        (("--actions", "email", "--order", "-1"), 2, "order is -1; it must be a whole number from 0 to 40"),
        (("--actions", "email", "--order", "41"), 2, "order is 41; it must be a whole number from 0 to 40"),
        (("--actions", "email", "--order", 10**30), 2, "order is 1000"),
        (("--actions", "email", "--min-count", 10**30), 2, "min_count is 1000"),
        (("--actions", "email", "--min-count", 0), 2, "min_count is 0"),
        (("--actions", "email", "--horizon", 10**30), 2, "horizon is 1000"),
        (("--actions", "email", "--seed", 10**30, "--components", 2), 2, "--seed"),
        (("--actions", "email", "--components", 10**30), 2, "--components"),
        (("--actions", "email", "--smoothing", "-1"), 2, "smoothing is -1"),
        (("--actions", "email", "--smoothing", "nan"), 2, "smoothing is nan"),
        (("--actions", "email", "--prune-ratio", "-1"), 2, "prune_ratio is -1"),
        (("--actions", "email", "--cost-discount", "0"), 2, "cost_discount is 0"),
        (("--actions", "email", "--withhold", "--as-logged"), 2, "opposites"),
        (("--actions", "email", "--cut-off", "--ended"), 2, "opposites"),
        (("--actions", "email", "--terminal", "nowhere"), 3, "does not occur in the log"),
        (("--actions", "email", "--held-out", "1"), 2, "held_out is 1"),
        (("--actions", "email", "--held-out", "0.00001"), 3, "no unit is held out"),
        (("--actions", "email", "--gap", "30d"), 2, "write the gap as an integer"),
        (("--actions", "email", "--conversion", "order=5"), 3, "leave one out"),
        (("--actions", "email", "--discount", "2"), 2, "discount is 2"),
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
    log.write_text(LOG.replace(",20,", ",0,").replace(",30,", ",0,"))
    more = ("--conversion", "order=2", "--events", "email,visit,order")
    learn(log, "--actions", "email", "--order", 2, "--held-out", 0.6, *more)
    for options, message in (
        (("--order", 3), "learn it again"),
        (("--gap", 5), "--gap is another than MODEL was counted with (none)"),
        (("--terminal", "order"), "--terminal is another than MODEL was counted with (none)"),
        (("--conversion", "visit=5"), "--conversion is another than MODEL was counted with (order=2)"),
        (("--events", "email,visit"), "--events is another than MODEL was counted with (email,visit,order)"),
        (("--held-out", 0.1), "--held-out is another than MODEL was counted with (0.6)"),
        (("--duplicates", "keep"), "--duplicates is another than MODEL was counted with (refuse)"),
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


BARE = "unit,time,event,value\nb,5,visit,0\ne,1,email,0\nd,9,order,10\n"


EARLIER = "unit,time,event,value\nb,1,visit,0\ne,0,email,0\nd,1,order,10\n"


@pytest.mark.parametrize("first, then", [(LOG, BARE), (EARLIER, MORE)])
def test_a_batch_with_other_columns_of_money_is_refused_unless_missing_ones_are_0(log, first, then):
    log.write_text(first)
    more = log.parent / "more.csv"
    more.write_text(then)
    learn(log, "--actions", "email", "--cost", "email=1", "--order", 3)
    before = (log.parent / "model" / "learned.json").read_bytes()
    update = ("learn", more, "--update", "--out", log.parent / "model")
    assert "more.csv: the log began with other columns: cost" in run(*update, code=3).stderr
    assert (log.parent / "model" / "learned.json").read_bytes() == before
    said = run_json(*update, "--missing-as-zero")
    assert said["reading"]["missing_as_zero"] == 3

    both = log.parent / "both"
    both.mkdir()
    (both / "a.csv").write_text(first)
    (both / "b.csv").write_text(then)
    at_once = ("learn", both, "--out", log.parent / "once", "--actions", "email", "--cost", "email=1",
               "--order", 3, "--min-count", 1)  # fmt: skip
    assert "b.csv: the log began with other columns: cost" in run(*at_once, code=3).stderr
    for options in (("--missing-as-zero",), ("--missing-as-zero", "--sort")):
        assert run_json(*at_once, *options)["reading"]["missing_as_zero"] == 3
        if "--sort" in options:  # The events are then named in another order.
            continue
        for name in ("histories.parquet", "units.parquet", "model.toml", "actions.csv", "transitions.csv"):
            assert (log.parent / "once" / name).read_bytes() == (log.parent / "model" / name).read_bytes()


def test_what_is_left_of_a_learned_model_is_refused_by_an_update(log):
    learn(log, "--actions", "email")
    stated = log.parent / "model" / "learned.json"
    update = ("learn", log.parent / "more.csv", "--update", "--out", log.parent / "model")
    whole = stated.read_text()
    for content, word in ((None, "it is missing"), ("", "is not JSON"), (whole[:-20], "is not JSON"),
                          (whole.replace('"units": 4', '"units": 5'), "not as it was written"),
                          ("[]", "must hold a JSON object")):  # fmt: skip
        stated.unlink(missing_ok=True)
        if content is not None:
            stated.write_text(content)
        said = run(*update, code=3).stderr
        assert "learned.json: " in said and word in said and "learn the model again from the log" in said
    said = learn(log, "--actions", "email", code=2).stderr
    assert "is not a learned model of optbudget, or its learned.json is damaged" in said


def test_options_are_refused_before_the_log_is_read(log):
    log.write_text("no log at all")
    assert "order is -1" in learn(log, "--actions", "email", "--order", "-1", code=2).stderr
    assert "opposites" in learn(log, "--actions", "email", "--withhold", "--as-logged", code=2).stderr


@pytest.mark.parametrize("out", [".", "", "..", "/", "loop", "loop/below", "log.csv/x", "x" * 300])
def test_no_folder_to_write_is_refused_before_the_log_is_read(log, monkeypatch, out):
    inner = log.parent / "inner"
    inner.mkdir()
    (inner / "loop").symlink_to("loop")
    (inner / "log.csv").write_text("no log at all")
    monkeypatch.chdir(inner)
    asked = ("learn", "log.csv", "--actions", "email", "--out", out)
    assert (out or ".") in run(*asked, code=2).stderr
    if out in (".", ""):  # An empty folder, too.
        for file in inner.iterdir():
            file.unlink()
        assert ". is the folder you are in" in run(*asked[:1], log, *asked[2:], code=2).stderr


def test_an_update_goes_on_with_opposites(log):
    learn(log, "--actions", "email", "--withhold", "--cut-off")
    update = ("learn", log.parent / "more.csv", "--update", "--out", log.parent / "model")
    run(*update, "--as-logged")
    options = json.loads((log.parent / "model" / "learned.json").read_text())["options"]
    assert (options["withheld"], options["cut_off"]) == (False, True)


def test_withheld_where_every_history_begins_with_an_action_is_said(log):
    log.write_text("unit,time,event,value,cost\na,1,email,0,1\na,2,order,5,0\n")
    assert "every history begins with an action" in learn(log, "--actions", "email", "--withhold").stderr
