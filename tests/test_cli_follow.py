"""`optbudget learn --follow`: what is counted, how it ends, and that killing it loses and doubles nothing."""

import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.commands import ROOT, run, run_json

ASKED = ["--actions", "email,call", "--cost", "email=0.1,call=5", "--order", "3", "--min-count", "2"]
SOON = ["--follow", "--follow-until-idle", "0.2", "--poll", "0.05"]


def rows(seed, size, start=0):
    """Rows of a log: unit, time, event, value."""
    draw = random.Random(seed)
    found = []
    for k in range(size):
        event = draw.choice(["email", "visit", "call", "buy"])
        found.append((f"u{draw.randrange(40)}", start + k, event, 20 if event == "buy" else 0))
    return found


def write(path, some):
    lines = ["unit,time,event,value", *(",".join(map(str, row)) for row in some)]
    path.write_text("\n".join(lines) + "\n")


def filled(folder, files=6, size=300):
    folder.mkdir()
    for k in range(files):
        write(folder / f"{k}.csv", rows(k, size, k * size))
    return folder


def content(model):
    return {path.name: path.read_bytes() for path in sorted(model.iterdir())}


def test_following_a_folder_equals_learning_it_at_once(tmp_path):
    inbox = filled(tmp_path / "inbox")
    later = [(inbox / f"{k}.csv").rename(tmp_path / f"{k}.csv") for k in (3, 4, 5)]
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "followed")
    for path in later:
        path.rename(inbox / path.name)
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "followed")
    run("learn", inbox, *ASKED, "--out", tmp_path / "once")
    assert content(tmp_path / "followed") == content(tmp_path / "once")
    said = run_json("learn", inbox, *SOON, "--out", tmp_path / "followed", "--update")
    assert said["events"] == 1800 and said["reading"]["rows"] == 0
    said = run_json("learn", inbox, "--out", tmp_path / "followed", "--update")
    assert said["events"] == 1800 and content(tmp_path / "followed") == content(tmp_path / "once")


def test_following_a_table(tmp_path):
    base = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    base.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, unit, time, event, value)")
    some = rows(1, 900)
    source = f"sqlite:///{tmp_path}/shop.db?table=events"
    for begin in (0, 300, 600):
        values = [(None, *row) for row in some[begin : begin + 300]]
        base.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", values)
        run("learn", source, *ASKED, *SOON, "--out", tmp_path / "followed")
    write(tmp_path / "all.csv", some)
    run("learn", tmp_path / "all.csv", *ASKED, "--out", tmp_path / "once")
    followed, once = content(tmp_path / "followed"), content(tmp_path / "once")
    assert followed.pop("learned.json") != once.pop("learned.json") and followed == once
    base.execute("DELETE FROM events WHERE id = 7")
    base.close()
    done = run("learn", source, *ASKED, *SOON, "--out", tmp_path / "followed", code=3)
    assert "sqlite table events: 900 rows were counted up to rowid 900, and now there are 899" in done.stderr
    assert content(tmp_path / "followed").items() >= followed.items()


def test_a_first_step_that_makes_no_model_waits_for_the_next(tmp_path):
    (tmp_path / "inbox").mkdir()
    write(tmp_path / "inbox" / "0.csv", [("u", 0, "visit", 0)])
    done = run("learn", tmp_path / "inbox", *ASKED, *SOON, "--out", tmp_path / "m", code=3)
    assert "action 'email' never occurs" in done.stderr and not (tmp_path / "m").exists()
    write(tmp_path / "inbox" / "1.csv", rows(1, 100, 1))
    run("learn", tmp_path / "inbox", *ASKED, *SOON, "--out", tmp_path / "m")
    run("learn", tmp_path / "inbox", *ASKED, "--out", tmp_path / "once")
    assert content(tmp_path / "m") == content(tmp_path / "once")


def test_a_bad_file_ends_following_and_leaves_the_model_as_it_was(tmp_path):
    inbox = filled(tmp_path / "inbox", 2)
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "m")
    before = content(tmp_path / "m")
    write(inbox / "2.csv", [("u1", 5000, "email", 0), ("u1", 10, "visit", 0)])
    done = run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "m", code=3)
    assert "2.csv:3: unit 'u1': 'visit' is at 10, and the unit has an event at 5000 before it" in done.stderr
    assert content(tmp_path / "m") == before
    run("learn", inbox, "--update", "--sort", "--out", tmp_path / "m", code=3)


def test_repairs_are_counted_and_lists_of_events_kept(tmp_path):
    write(tmp_path / "log.csv", [*rows(1, 200), ("u1", 500, "call", 0), ("u1", 500, "call", 0)])
    done = run("learn", tmp_path / "log.csv", *ASKED, "--out", tmp_path / "m", code=3)
    assert "log.csv:203: unit 'u1': 'call' at 500 is listed twice" in done.stderr
    said = run_json("learn", tmp_path / "log.csv", *ASKED, "--drop-duplicates", "--out", tmp_path / "m")
    assert said["duplicates_dropped"] == 1 and said["events"] == 201
    known = ["--events", "email,call,visit,sell"]
    done = run("learn", tmp_path / "log.csv", *ASKED, *known, "--out", tmp_path / "n", code=3)
    assert "'buy' is not among the events allowed" in done.stderr


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--follow-until-idle", "1"], "--follow-until-idle is for --follow"),
        (["--drop-duplicates", "--duplicates", "keep"], "do not go together"),
        (["--follow"], "only a folder"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, word):
    write(tmp_path / "log.csv", rows(1, 50))
    done = run("learn", tmp_path / "log.csv", *ASKED, *options, "--out", tmp_path / "m", code=2)
    assert word in done.stderr


def test_a_model_of_another_log_is_not_followed_by_accident(tmp_path):
    inbox, other = filled(tmp_path / "inbox", 1), filled(tmp_path / "other", 1)
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "m")
    done = run("learn", other, *ASKED, *SOON, "--out", tmp_path / "m", code=2)
    assert "--update adds it" in done.stderr


def start(inbox, model):
    command = [
        sys.executable,
        "-m",
        "optbudget",
        "learn",
        inbox,
        *ASKED,
        *SOON[:1],
        *SOON[3:],
        "--out",
        model,
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_at_random(tmp_path, kills, seed):
    """Kill a follower again and again, while files come in; then let it end, and compare the bytes."""
    draw = random.Random(seed)
    inbox = filled(tmp_path / "inbox", 12, 100)
    waiting = [(inbox / f"{k}.csv").rename(tmp_path / f"{k}.csv") for k in range(2, 12)]
    waiting.sort(key=lambda path: int(path.stem))
    for k, path in enumerate(waiting):
        path.rename(inbox / f"9{k}.csv") if k < 3 else None
    later = [(path, inbox / f"9{k}.csv") for k, path in enumerate(waiting) if k >= 3]
    for _ in range(kills):
        process = start(inbox, tmp_path / "killed")
        time.sleep(draw.uniform(0.5, 3.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if later and draw.random() < 0.5:
            source, target = later.pop(0)
            source.rename(target)
    for source, target in later:
        source.rename(target)
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "killed")
    run("learn", inbox, *ASKED, "--out", tmp_path / "once")
    assert content(tmp_path / "killed") == content(tmp_path / "once")


def test_killing_loses_and_doubles_nothing(tmp_path):
    killed_at_random(tmp_path, kills=3, seed=1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
def test_killing_loses_and_doubles_nothing_however_often(tmp_path, seed):
    killed_at_random(tmp_path, kills=10, seed=seed)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_interrupted_with_the_model_whole(tmp_path):
    inbox = filled(tmp_path / "inbox", 2)
    process = start(inbox, tmp_path / "m")
    until = time.monotonic() + 60
    while not (tmp_path / "m" / "learned.json").is_file() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and b"the model holds every step" in errors
    run("learn", inbox, *ASKED, *SOON, "--out", tmp_path / "m")
    run("learn", inbox, *ASKED, "--out", tmp_path / "once")
    assert content(tmp_path / "m") == content(tmp_path / "once")
