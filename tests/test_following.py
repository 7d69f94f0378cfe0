"""Sources that grow while they are followed: every row counts once, whatever happens in between."""

import sqlite3
import time

import event_twin
import pyarrow.parquet as pq
import pytest
from test_event_files import as_arrow, as_csv, as_sqlite, log_rows

from optbudget.errors import InterruptedWork, ProblemError, UsageError
from optbudget.files import event_tables, open_events
from optbudget.learn.following import follow
from optbudget.workers import Monitor


class Kept:
    """Stands for a model: what was counted, and what was kept and the position up to which."""

    def __init__(self):
        self.counted, self.then, self.rows, self.position, self.steps, self.writes = [], None, [], None, [], 0

    def count(self, portion):
        self.counted, self.then = self.counted + event_twin.rows_of(portion.batches), portion.position()
        self.steps.append(portion.name)
        return self.then

    def keep(self):
        self.rows, self.position = list(self.counted), self.then
        self.writes += 1


class Clock:
    """Stands for waiting: the k-th wait does the k-th thing."""

    def __init__(self, *things):
        self.things = list(things)

    def __call__(self, seconds):
        if self.things:
            self.things.pop(0)()
        time.sleep(seconds)


def followed(source, kept, *things, idle=0.0, monitor=None):
    every = 0.001
    return follow(open_events(source), kept.position, kept, every=every, until_idle=idle, wait=Clock(*things),
                  monitor=monitor)  # fmt: skip


def test_a_folder_is_counted_file_by_file(tmp_path):
    rows = [row | {"event": "ad"} for row in log_rows(1)]
    (tmp_path / "a.csv").write_bytes(as_csv(rows[:80]))
    pq.write_table(as_arrow(rows[80:150]), tmp_path / "b.parquet")
    kept = Kept()
    followed(tmp_path, kept)
    assert kept.steps == ["a.csv", "b.parquet"] and kept.writes == 1
    followed(tmp_path, kept)
    assert kept.steps == ["a.csv", "b.parquet"] and kept.writes == 1
    (tmp_path / "c.csv").write_bytes(as_csv(rows[150:]))
    followed(tmp_path, kept)
    assert kept.rows == event_twin.meant(rows) and kept.steps[2:] == ["c.csv"]
    assert follow(open_events(tmp_path), kept.position, kept, every=0.001, until_idle=0.0) == kept.position


def test_what_was_counted_is_kept_before_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("unit,time,event\nu,1,a\n")
    (tmp_path / "b.csv").write_text("unit,time,event\nu,x,a\n")
    kept = Kept()
    with pytest.raises(ProblemError, match=r"b\.csv:2"):
        followed(tmp_path, kept)
    assert len(kept.rows) == 1 and list(kept.position["files"]) == ["a.csv"]


def test_counts_are_kept_within_a_long_look_too(tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.learn.following.KEPT_EVERY", 0.0)
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"unit,time,event\n{name},1,a\n")
    kept = Kept()
    followed(tmp_path, kept)
    assert kept.writes == 3 and len(kept.rows) == 3


def test_a_file_that_is_still_written_waits_and_holds_back_those_behind_it(tmp_path):
    rows = [row | {"event": "ad"} for row in log_rows(2)]
    path, text = tmp_path / "a.csv", as_csv(rows[:150])
    path.write_bytes(text[:1000])
    (tmp_path / "b.csv").write_bytes(as_csv(rows[150:]))
    kept = Kept()
    followed(tmp_path, kept, lambda: path.write_bytes(text[:2000]), lambda: path.write_bytes(text))
    assert kept.rows == event_twin.meant(rows) and kept.steps == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda folder: (folder / "b.csv").unlink(), "gone"),
        (lambda folder: (folder / "b.csv").write_text("unit,time,event\nu,9,a\n"), "changed since"),
        (lambda folder: (folder / "a.csv").write_text("unit,time,event\nu,9,a\n"), "comes before b.csv"),
        (lambda folder: (folder / "c.txt").write_text("x"), "neither"),
        (lambda folder: (folder / "c").mkdir(), "neither"),
    ],
)
def test_a_folder_that_changes_behind_the_position_is_refused(tmp_path, change, word):
    (tmp_path / "b.csv").write_text("unit,time,event\nu,1,a\n")
    kept = Kept()
    followed(tmp_path, kept)
    change(tmp_path)
    with pytest.raises(ProblemError, match=word):
        followed(tmp_path, kept)


@pytest.mark.parametrize("key", ["", "id INTEGER PRIMARY KEY, "])
def test_a_table_is_counted_as_it_grows(tmp_path, key, monkeypatch):
    monkeypatch.setattr(event_tables, "CHUNK", 16)
    monkeypatch.setattr(event_tables, "STEP", 40)
    rows = log_rows(3)
    as_sqlite(rows[:100], tmp_path / "log.db", key)
    base = sqlite3.connect(tmp_path / "log.db", isolation_level=None)

    def add(some):
        for row in some:
            values = [row[n] for n in ("unit", "event", "type")] + [
                int(row["time"]),
                row["value"],
                row["cost"],
            ]
            base.execute(
                "INSERT INTO events (unit, event, type, time, value, cost) VALUES (?,?,?,?,?,?)", values
            )

    kept = Kept()
    source = f"sqlite:///{tmp_path}/log.db?table=events"
    followed(source, kept, lambda: add(rows[100:110]), lambda: None, lambda: add(rows[110:]), idle=0.05)
    assert kept.rows == event_twin.meant(rows)
    assert kept.position["rows"] == 200 and len(kept.steps) > 3
    followed(source, kept)
    assert len(kept.rows) == 200
    base.execute("DELETE FROM events WHERE rowid = 5")
    with pytest.raises(ProblemError, match=r"200 rows were counted up to .* 200, and now there are 199"):
        followed(source, kept)
    base.execute("UPDATE events SET event = 'x' WHERE rowid = 200")
    base.execute("INSERT INTO events (rowid, unit, event, time) VALUES (5, 'u', 'a', 1)")
    with pytest.raises(ProblemError, match="changed since"):
        followed(source, kept)
    base.close()


def test_following_ends_when_interrupted(tmp_path):
    (tmp_path / "a.csv").write_text("unit,time,event\nu,1,a\n")
    monitor, kept = Monitor(), Kept()
    with pytest.raises(InterruptedWork):
        followed(tmp_path, kept, lambda: None, monitor.interrupt, idle=None, monitor=monitor)
    assert len(kept.rows) == 1


def test_a_single_file_is_not_followed(tmp_path):
    (tmp_path / "a.csv").write_text("unit,time,event\nu,1,a\n")
    with pytest.raises(UsageError, match="folder"):
        followed(tmp_path / "a.csv", Kept())
