"""Event logs on disk: every source beside a plain reading of the same rows, and what is refused."""

import random
import sqlite3
import sys

import event_twin
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from optbudget.errors import MissingExtraError, OptBudgetError, ProblemError, UsageError
from optbudget.files import event_csv, event_sorting, open_events
from optbudget.files.event_columns import Tally
from optbudget.files.event_csv import csv_batches

NAMES = ["email", "visit", 'say "hi"', "kauf, groß", "ad"]


def log_rows(seed, size=200, dated=False, types=True):
    """A log as rows of text, each unit's in the order of time."""
    draw = random.Random(seed)
    rows = []
    for k in range(size):
        time = f"2026-01-{1 + k // 24 % 28:02d}T{k % 24:02d}:30:00.25+01:00" if dated else str(k // 3 - 5)
        row = {"unit": f"u{draw.randrange(9)}", "time": time, "event": draw.choice(NAMES)}
        row |= {"value": str(draw.choice([0, 2.5, 1e-3])), "cost": str(draw.randrange(4))}
        rows.append(row | ({"type": draw.choice(["old", "new"])} if types else {}))
    return sorted(rows, key=lambda row: event_twin.meant([row])[0][1]) if dated else rows


def quoted(text, always):
    return '"' + text.replace('"', '""') + '"' if always or set(text) & set('",\n') else text


def as_csv(rows, *, end="\n", bom=False, always=False):
    lines = [list(rows[0]), *(row.values() for row in rows)]
    text = "".join(",".join(quoted(field, always) for field in line) + end for line in lines)
    return (b"\xef\xbb\xbf" if bom else b"") + text.encode()


def as_arrow(rows):
    kinds = {"value": float, "cost": float}
    columns = {name: [kinds.get(name, str)(row[name]) for row in rows] for name in rows[0]}
    times = columns["time"]
    if "T" in times[0]:
        stamps = pa.array([event_twin.microseconds(time) for time in times]).cast(pa.timestamp("us", "UTC"))
        return pa.table(columns | {"time": stamps})
    return pa.table(columns | {"time": [int(time) for time in times]})


def as_sqlite(rows, path, key=""):
    with sqlite3.connect(path) as base:
        kinds = {"value": "REAL", "cost": "REAL"}
        columns = ", ".join(f'"{name}" {kinds.get(name, "")}' for name in rows[0])
        base.execute(f"CREATE TABLE events ({key}{columns})")
        for row in rows:
            values = [int(v) if name == "time" and "T" not in v else v for name, v in row.items()]
            names = ", ".join(f'"{name}"' for name in row)
            base.execute(f"INSERT INTO events ({names}) VALUES ({', '.join('?' * len(row))})", values)
    base.close()


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("how", [{}, {"end": "\r\n", "bom": True}, {"always": True}])
def test_csv_is_read_as_the_twin_reads_it(tmp_path, dated, how):
    (tmp_path / "log.csv").write_bytes(as_csv(log_rows(1, dated=dated), **how))
    log = open_events(tmp_path / "log.csv")
    assert event_twin.rows_of(log.batches()) == event_twin.meant(event_twin.read_csv(tmp_path / "log.csv"))
    assert log.tally.time_kind == ("instant" if dated else "integer")
    assert log.tally.rows == 200 and not log.tally.warnings


@pytest.mark.parametrize("size", [1 << 10, 1 << 12])
def test_csv_in_blocks_is_the_same(tmp_path, size):
    rows = [row | {"event": "kauf"} for row in log_rows(2)]
    (tmp_path / "log.csv").write_bytes(as_csv(rows))
    whole = event_twin.rows_of(csv_batches(tmp_path / "log.csv", Tally(), block=size))
    assert whole == event_twin.meant(rows)
    assert len(list(csv_batches(tmp_path / "log.csv", Tally(), block=size))) > 1


def test_walking_goes_on_where_the_parser_stopped(tmp_path):
    rows = [row | {"event": "kauf", "time": str(k)} for k, row in enumerate(log_rows(2, size=400))]
    rows[350]["event"] = "long" * 1000  # Longer than two blocks, which Arrow does not read.
    (tmp_path / "log.csv").write_bytes(as_csv(rows))
    batches = list(csv_batches(tmp_path / "log.csv", Tally(), block=1 << 11))
    assert event_twin.rows_of(batches) == event_twin.meant(rows) and len(batches) > 3
    lines = [batch.issue("x", "?", row).line for batch in batches for row in range(len(batch))]
    assert lines == list(range(2, 402))
    rows[350]["time"] = "never"
    (tmp_path / "log.csv").write_bytes(as_csv(rows))
    with pytest.raises(ProblemError, match=r"log\.csv:352: unit '.*': time is 'never'"):
        list(csv_batches(tmp_path / "log.csv", Tally(), block=1 << 11))


def test_walking_line_by_line_is_the_same(tmp_path, monkeypatch):
    rows = log_rows(3)
    (tmp_path / "log.csv").write_bytes(as_csv(rows))
    monkeypatch.setattr(event_csv, "plainly_quoted", lambda path: False)
    assert event_twin.rows_of(open_events(tmp_path / "log.csv").batches()) == event_twin.meant(rows)


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("how", [{}, {"row_group_size": 17}, {"use_dictionary": False}])
def test_parquet_is_read_as_written(tmp_path, dated, how):
    rows = log_rows(4, dated=dated)
    pq.write_table(as_arrow(rows), tmp_path / "log.parquet", **how)
    log = open_events(tmp_path / "log.parquet")
    assert event_twin.rows_of(log.batches()) == event_twin.meant(rows)


@pytest.mark.parametrize("kind", [pa.int32(), pa.uint64(), pa.int64(), pa.large_string(),
                                  pa.dictionary(pa.int16(), pa.string())])  # fmt: skip
def test_units_of_any_kind_are_the_same_units(tmp_path, kind):
    rows = [row | {"unit": row["unit"][1:]} for row in log_rows(5, types=False)]
    table = as_arrow(rows)
    units = table.column("unit")
    units = units.cast(pa.int64()).cast(kind) if pa.types.is_integer(kind) else units.cast(kind)
    pq.write_table(table.set_column(0, "unit", units), tmp_path / "log.parquet")
    assert event_twin.rows_of(open_events(tmp_path / "log.parquet").batches()) == event_twin.meant(rows)


@pytest.mark.parametrize("key", ["", "id INTEGER PRIMARY KEY, "])
@pytest.mark.parametrize("dated", [False, True])
def test_sqlite_is_read_as_written(tmp_path, key, dated):
    rows = log_rows(6, dated=dated)
    as_sqlite(rows, tmp_path / "log.db", key)
    log = open_events(f"sqlite:///{tmp_path}/log.db?table=events{'&key=id' if key else ''}")
    assert event_twin.rows_of(log.batches()) == event_twin.meant(rows)


def test_sqlite_columns_of_other_names_and_a_view(tmp_path):
    rows = log_rows(7, types=False)
    as_sqlite(rows, tmp_path / "log.db")
    with sqlite3.connect(tmp_path / "log.db") as base:
        base.execute("CREATE VIEW touches AS SELECT unit AS who, time AS ts, event FROM events ORDER BY time")
    base.close()
    log = open_events(f"sqlite:///{tmp_path}/log.db?table=touches&unit=who&time=ts")
    expected = [row[:3] for row in event_twin.meant(rows)]
    found = [row[:3] for row in event_twin.rows_of(log.batches())]
    assert sorted(found) == sorted(expected)
    assert [row[1] for row in found] == sorted(row[1] for row in expected)


def test_a_folder_is_its_files_by_name(tmp_path):
    rows = log_rows(8)
    (tmp_path / "b.csv").write_bytes(as_csv(rows[120:]))
    pq.write_table(as_arrow(rows[:120]), tmp_path / "a.parquet")
    (tmp_path / "_SUCCESS").write_bytes(b"")
    assert event_twin.rows_of(open_events(tmp_path).batches()) == event_twin.meant(rows)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ProblemError, match=r"notes\.txt: is neither"):
        list(open_events(tmp_path).batches())


@pytest.mark.parametrize("held", [None, 40])
def test_sorting_mends_the_order_and_counts_what_it_moved(tmp_path, monkeypatch, held):
    rows = log_rows(9)
    mixed = rows[:]
    random.Random(1).shuffle(mixed)
    mixed.sort(key=lambda row: int(row["time"]) // 20)
    (tmp_path / "log.csv").write_bytes(as_csv(mixed))
    if held:
        monkeypatch.setattr(event_sorting, "BYTES_PER_ROW", 10**6 // held)
    log = open_events(tmp_path / "log.csv", sort=True, max_memory=2 * 10**6)
    found = event_twin.rows_of(log.batches())
    for unit in {row["unit"] for row in rows}:
        expected = [row for row in event_twin.meant(mixed) if row[0] == unit]
        assert [row for row in found if row[0] == unit] == sorted(expected, key=lambda row: row[1])
    verdicts = event_twin.judged([row[:3] for row in event_twin.meant(mixed)], duplicates="keep")
    assert log.tally.sorted == verdicts.count("backwards") > 0


def test_sorted_rows_keep_their_places(tmp_path):
    (tmp_path / "log.csv").write_text("unit,time,event\nu,9,a\nu,3,b\nu,5,c\n")
    (batch,) = open_events(tmp_path / "log.csv", sort=True).batches()
    assert [batch.issue("x", "?", k).line for k in range(3)] == [3, 4, 2]


def test_missing_money_is_refused_or_counted(tmp_path):
    for text in (
        "unit,time,event,value\nu,1,a,\nu,2,b,3\n",
        'unit,time,event,value\n"u",1,"a""",\nu,2,b,3\n',
    ):
        (tmp_path / "log.csv").write_text(text)
        with pytest.raises(ProblemError, match=r"log\.csv:2.*value is"):
            list(open_events(tmp_path / "log.csv").batches())
        log = open_events(tmp_path / "log.csv", missing_as_zero=True)
        assert [row[3] for row in event_twin.rows_of(log.batches())] == [0, 3] and log.tally.filled == 1


# What is refused ------------------------------------------------------------------------------------

BAD_CSV = [
    ("empty file", b"", "the file is empty"),
    ("one newline", b"\n", "nothing but empty lines"),
    ("no rows", b"unit,time,event\n", "no rows"),
    ("column missing", b"unit,time,evnt\nu,1,a\n", r":1: column 'event' is missing; is it 'evnt'"),
    ("column twice", b"unit,time,event,unit\nu,1,a,u\n", r":1:4: column 'unit' appears twice"),
    ("semicolons", b"unit;time;event\nu;1;a\n", "semicolons"),
    ("fields", b"unit,time,event\nu,1,a\nu,2\n", r":3: the line has 2 fields"),
    ("not UTF-8", b"unit,time,event\nu,1,a\nu,2,\xff\n", r":3:3: event is not UTF-8"),
    ("UTF-16", "unit,time,event\nu,1,a\n".encode("utf-16"), "UTF-8"),
    ("no unit", b"unit,time,event\nu,1,a\n,2,a\n", r":3: unit '' is empty"),
    ("blank unit", b"unit,time,event\nu,1,a\n  ,2,a\n", r":3: unit '  ' begins or ends"),
    ("no event", b"unit,time,event\nu,1,a\nu,2,\n", r":3: unit 'u': event '' is empty"),
    ("no time", b"unit,time,event\nu,1,a\nu,,a\n", r":3: unit 'u': time is"),
    ("start", b"unit,time,event\nu,1,start\n", r":2: unit 'u': event 'start' is reserved"),
    ("end", b"unit,time,event\nu,1,a\nu,1,end\n", r":3: unit 'u': event 'end' is reserved"),
    ("none", b"unit,time,event\nu,1,none\n", "reserved"),
    ("arrow", b"unit,time,event\nu,1,a>b\n", r":2: unit 'u': event 'a>b' contains '>'"),
    ("slash in type", b"unit,time,event,type\nu,1,a,x/y\n", r":2: unit 'u': type 'x/y' contains '/'"),
    ("time is a word", b"unit,time,event\nu,1,a\nu,may,a\n", r":3: unit 'u': time is 'may'"),
    ("first time is a word", b"unit,time,event\nu,may,a\nu,1,a\n", r":2: unit 'u': time is 'may'"),
    ("time has a decimal", b"unit,time,event\nu,1,a\nu,2.5,a\n", r":3: unit 'u': time is '2.5'"),
    ("hexadecimal time", b"unit,time,event\nu,1,a\nu,0x10,a\n", r":3: unit 'u': time is '0x10'"),
    ("plus", b"unit,time,event\nu,1,a\nu,+2,a\n", r":3: unit 'u': time is '\+2'; write an integer"),
    ("time too large", b"unit,time,event\nu,1,a\nu,9000000000000000000,a\n", r":3: .*within 2\^61 of 0"),
    ("time beyond int64", b"unit,time,event\nu,1,a\nu,9223372036854775808,a\n",
     r":3: .*is '9223372036854775808'; times lie within 2\^61 of 0$"),
    ("zone of 99 hours", b"unit,time,event\nu,2026-05-01T10:00:00Z,a\nu,2026-05-03T10:00:00+99:99,a\n",
     r"^log\.csv:3: unit 'u': time is '2026-05-03T10:00:00\+99:99'; there is no such time: .* 23:59$"),
    ("leap second", b"unit,time,event\nu,2026-06-30T23:59:60,a\n",
     r":2: .*'2026-06-30T23:59:60'; there is no such time: .*minutes and seconds to 59"),
    ("nanoseconds", b"unit,time,event\nu,2026-06-30T23:59:59.1234567,a\n",
     r":2: .*at most 6 digits of a second"),
    ("year 0", b"unit,time,event\nu,0000-06-30,a\n", r":2: .*is 0000-06-30T.*the years 1 to 9999"),
    ("Arabic digits", "unit,time,event,value\nu,1,a,\u0663\n".encode(), ":2:4: value is '\u0663'"),
    ("Arabic time", "unit,time,event\nu,\u0663,a\n".encode(), ":2: .*write an integer"),
    ("time far too large", b"unit,time,event\nu,1,a\nu,99999999999999999999,a\n", r":3: .*time is"),
    ("integers then dates", b"unit,time,event\nu,1,a\nu,2026-01-01,a\n", r":3: .*a date without zone"),
    ("dates then integers", b"unit,time,event\nu,2026-01-01,a\nu,2,a\n", r":3: .*an integer"),
    ("zone then none", b"unit,time,event\nu,2026-01-01T00:00Z,a\nu,2026-01-02,a\n", r":3: .*without zone"),
    ("none then zone", b"unit,time,event\nu,2026-01-01,a\nu,2026-01-02T00:00Z,a\n", r":3: .*with a zone"),
    ("no such day", b"unit,time,event\nu,2026-01-01,a\nu,2026-02-30,a\n", r":3: .*'2026-02-30'"),
    ("value a word", b"unit,time,event,value\nu,1,a,0\nu,2,a,x\n", r":3:4: value is 'x'"),
    ("value NaN", b"unit,time,event,value\nu,1,a,0\nu,2,a,nan\n", r":3.*value is '?nan"),
    ("value infinite", b"unit,time,event,cost\nu,1,a,0\nu,2,a,1e999\n", r":3.*cost is inf"),
    ("decimal comma", b'unit,time,event,value\nu,1,a,0\nu,2,a,"1,5"\n', "decimal point"),
    ("open quote", b'unit,time,event\nu,1,a\nu,2,"a\n', "CSV"),
    ("text behind a quote", b'unit,time,event\nu,1,a\nu,2,"a"b\n', ":3: the line is not CSV"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD_CSV, ids=lambda case: case[0].replace(" ", "-"))
def test_bad_csv_is_located(case, tmp_path):
    (tmp_path / "log.csv").write_bytes(case[1])
    with pytest.raises(ProblemError, match=case[2]) as refused:
        list(open_events(tmp_path / "log.csv").batches())
    assert len(refused.value.issues) <= 20


GOOD = {"unit": ["u", "u"], "time": [1, 2], "event": ["a", "b"], "value": [0.0, 1.0]}

BAD_TABLES = [
    ("unit null", {"unit": ["u", None]}, "unit is missing"),
    ("unit empty", {"unit": ["u", ""]}, "unit '' is empty"),
    ("unit a float", {"unit": [1.0, 2.5]}, "unit"),
    ("time null", {"time": [1, None]}, "time is missing"),
    ("time a float", {"time": [1.0, 2.0]}, "time"),
    ("time mixed as text", {"time": ["1", "2026-01-01"]}, "a date without zone"),
    ("event null", {"event": ["a", None]}, "event is missing"),
    ("event reserved", {"event": ["a", "start"]}, "reserved"),
    ("event a float", {"event": [1.5, 2.5]}, "event"),
    ("value null", {"value": [0.0, None]}, "value is missing"),
    ("value text", {"value": ["0", "1"]}, "value"),
    ("value infinite", {"value": [0.0, float("inf")]}, "value is inf"),
    ("no rows", {"unit": [], "time": [], "event": [], "value": []}, "no rows"),
]


@pytest.mark.parametrize("source", ["parquet", "sqlite"])
@pytest.mark.parametrize("case", BAD_TABLES, ids=lambda case: case[0].replace(" ", "-"))
def test_bad_tables_are_located(case, source, tmp_path):
    columns = GOOD | case[1]
    if source == "parquet":
        pq.write_table(pa.table(columns), tmp_path / "log.parquet")
        place, row = tmp_path / "log.parquet", r"log\.parquet:2: .*row 2"
    else:
        with sqlite3.connect(tmp_path / "log.db") as base:
            base.execute("CREATE TABLE events (unit, time, event, value)")
            base.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", zip(*columns.values(), strict=True))
        base.close()
        place, row = f"sqlite:///{tmp_path}/log.db?table=events", r"sqlite table events: .*rowid 2"
    with pytest.raises(ProblemError, match=case[2]) as refused:
        list(open_events(place).batches())
    if "missing" in case[2] or "reserved" in case[2]:
        with pytest.raises(ProblemError, match=row):
            raise refused.value


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sqlite:///x.db", "name the table"),
        ("sqlite:///x.db?table=", "name the table"),
        ("sqlite:///?table=e", "path"),
        ("sqlite://host/x.db?table=e", "path"),
        ("sqlite:///x.db?table=e&tabel=e", "tabel"),
        ("sqlite:///x.db?table=e&table=f", "twice"),
        ("mysql://h/x?table=e", "mysql"),
        ("sqlite:///x.db?table", "URL"),
    ],
)
def test_connection_strings_that_say_nothing(text, word):
    with pytest.raises(UsageError, match=word):
        open_events(text)


def test_postgres_without_its_driver_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'optbudget\[database\]'"):
        list(open_events("postgresql://me@127.0.0.1/x?table=events").batches())


def test_databases_that_cannot_be_read(tmp_path):
    with pytest.raises(ProblemError, match="no such database"):
        list(open_events(f"sqlite:///{tmp_path}/x.db?table=e").batches())
    (tmp_path / "x.db").write_bytes(b"unit,time,event\n" * 100)
    with pytest.raises(ProblemError, match="not a database"):
        list(open_events(f"sqlite:///{tmp_path}/x.db?table=e").batches())
    as_sqlite(log_rows(1), tmp_path / "y.db")
    with pytest.raises(ProblemError, match="no such table"):
        list(open_events(f"sqlite:///{tmp_path}/y.db?table=event").batches())
    with pytest.raises(ProblemError, match="'who'"):
        list(open_events(f"sqlite:///{tmp_path}/y.db?table=events&unit=who").batches())
    with pytest.raises(ProblemError, match="'id'"):
        list(open_events(f"sqlite:///{tmp_path}/y.db?table=events&key=id").batches())
    with pytest.raises(ProblemError, match="unique"):
        list(open_events(f"sqlite:///{tmp_path}/y.db?table=events&key=time").batches())


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(as_csv([row | {"event": "a"} for row in log_rows(1)]))
    batches = open_events(path).batches()
    next(batches)
    with path.open("ab") as more:
        more.write(b"u1,9999,ad,0,0,old\n")
    with pytest.raises(ProblemError, match="changed while it was read"):
        list(batches)


def test_what_a_parquet_file_declares_is_not_believed(tmp_path):
    table = pa.table({"unit": ["u" * 10**6] * 300, "time": np.arange(300), "event": ["a"] * 300})
    pq.write_table(table, tmp_path / "log.parquet", store_schema=False)
    del table
    before = pa.total_allocated_bytes()
    for batch in open_events(tmp_path / "log.parquet").batches():
        assert pa.total_allocated_bytes() - before < 100e6
        assert len(batch) == 300
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "log.parquet").read_bytes()[:-50])
    with pytest.raises(ProblemError, match="not readable Parquet"):
        list(open_events(tmp_path / "cut.parquet").batches())


@pytest.mark.parametrize(("unit", "fits"), [("s", True), ("ms", True), ("ns", True), ("ns", False)])
def test_clocks_of_every_tick(tmp_path, unit, fits):
    ticks = {"s": 1, "ms": 10**3, "ns": 10**9}[unit]
    time = pa.array([5 * ticks, 7 * ticks + (0 if fits else 1)]).cast(pa.timestamp(unit))
    pq.write_table(pa.table({"unit": [1, 1], "time": time, "event": ["a", "b"]}), tmp_path / "log.parquet")
    log = open_events(tmp_path / "log.parquet")
    if fits:
        assert [row[1] for row in event_twin.rows_of(log.batches())] == [5 * 10**6, 7 * 10**6]
    else:
        with pytest.raises(
            ProblemError, match=r"log\.parquet:2: unit 1: time is .*kept in whole microseconds"
        ):
            list(log.batches())


def test_memory_does_not_grow_with_the_file(tmp_path):
    size = 300_000
    table = pa.table({"unit": np.arange(size) % 999, "time": np.arange(size), "event": ["a"] * size})
    pq.write_table(table, tmp_path / "log.parquet")
    pacsv.write_csv(table, tmp_path / "log.csv")
    for path in (tmp_path / "log.parquet", tmp_path / "log.csv"):
        log = open_events(path, max_memory=16 * 10**6)
        most = max(len(batch) for batch in log.batches())
        assert most < 40_000 and log.tally.rows == size


def test_files_of_a_folder_must_go_together(tmp_path):
    (tmp_path / "a.csv").write_text("unit,time,event\nu,1,a\n")
    (tmp_path / "b.csv").write_text("unit,time,event,value\nu,2,a,0\n")
    with pytest.raises(ProblemError, match=r"b\.csv: the log began with other columns: value"):
        list(open_events(tmp_path).batches())
    (tmp_path / "b.csv").write_text("unit,time,event\nu,2026-01-01,a\n")
    with pytest.raises(ProblemError, match=r"b\.csv:2: time is a date without zone, and the log began"):
        list(open_events(tmp_path).batches())


# Damaged bytes (R6) ---------------------------------------------------------------------------------


def damage(path, target, seeds, expected):
    """Damaged logs are refused, or read as a plain reader reads the same bytes."""
    from test_files_tampering import damaged

    refused = 0
    for seed in seeds:
        draw = random.Random(seed)
        target.write_bytes(damaged(path.read_bytes(), draw))
        source = f"sqlite:///{target}?table=events" if target.suffix == ".db" else target
        try:
            log = open_events(source)
            found = event_twin.rows_of(log.batches())
        except OptBudgetError:
            refused += 1
            continue
        if not any(issue.code == "unknown-column" for issue in log.tally.warnings):
            assert found == expected(target), seed
    return refused


def plain_csv(path):
    return event_twin.meant(event_twin.read_csv(path))


def plain_sqlite(path):
    base = sqlite3.connect(path)
    base.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    rows = base.execute("SELECT unit, time, event, value, cost, type FROM events ORDER BY rowid").fetchall()
    base.close()
    return [
        (str(r[0]), int(r[1]) if str(r[1]).isdigit() else r[1], str(r[2]), *r[3:5], str(r[5])) for r in rows
    ]


def damage_all(tmp_path, seeds):
    rows = log_rows(11, size=60)
    (tmp_path / "log.csv").write_bytes(as_csv(rows))
    pq.write_table(as_arrow(rows), tmp_path / "log.parquet", write_page_checksum=True, row_group_size=20)
    as_sqlite([row | {"time": str(k)} for k, row in enumerate(rows)], tmp_path / "log.db")
    return [
        damage(tmp_path / "log.csv", tmp_path / "x.csv", seeds, plain_csv),
        damage(tmp_path / "log.parquet", tmp_path / "x.parquet", seeds, lambda path: event_twin.meant(rows)),
        damage(tmp_path / "log.db", tmp_path / "x.db", seeds, plain_sqlite),
    ]


def test_damaged_logs(tmp_path):
    """The seeds named are those whose damage once went unseen: rows that Arrow left out without a word."""
    assert min(damage_all(tmp_path, [*range(60), 1067, 1404, 2153, 2259, 3211, 4830, 5440, 5559])) > 5


@pytest.mark.nightly
def test_many_damaged_logs(tmp_path):
    assert min(damage_all(tmp_path, range(1000, 11_000))) > 500
