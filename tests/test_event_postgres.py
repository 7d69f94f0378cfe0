"""Event logs in a real PostgreSQL server, started for these tests; skipped where there is none."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import event_twin
import pytest
from test_event_files import log_rows

from optbudget.errors import ProblemError
from optbudget.files import open_events

psycopg = pytest.importorskip("psycopg")


def programs():
    """The folder of PostgreSQL's programs, None where it is not installed."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((place for place in places if (place / "initdb").is_file()), None)


def demoted():
    """PostgreSQL refuses to run as root: then as the user it installs."""
    import pwd

    user = pwd.getpwnam("postgres")
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server on the loopback interface."""
    place = programs()
    if place is None:
        pytest.skip("PostgreSQL is not installed")
    root = os.getuid() == 0
    as_user = {"preexec_fn": demoted} if root else {}
    folder = Path("/tmp") / f"optbudget-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    if root:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run([place / "initdb", "-D", folder / "data", "-A", "trust", "-U", "tester", "--no-sync",
                        "-E", "UTF8", "--no-locale"], check=True, **quiet, **as_user)  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -F"
        subprocess.run([place / "pg_ctl", "-D", folder / "data", "-w", "-o", options, "start"],
                       check=True, **quiet, **as_user)  # fmt: skip
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([place / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
                       check=False, **quiet, **as_user)  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def base(server):
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        connection.execute("CREATE SCHEMA shop")
        connection.execute("DROP VIEW IF EXISTS touches")
        connection.execute("DROP TABLE IF EXISTS events")
        yield connection


def fill(base, rows, table="events"):
    with base.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} (unit, time, event, value, cost) VALUES (%s, %s, %s, %s, %s)",
            [[row[name] for name in ("unit", "time", "event", "value", "cost")] for row in rows],
        )


COLUMNS = "id serial primary key, unit text, time {}, event text, value numeric, cost double precision"


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("table", ["events", "shop.events"])
def test_read_as_written(server, base, dated, table):
    rows = log_rows(1, dated=dated, types=False)
    base.execute(f"CREATE TABLE {table} ({COLUMNS.format('timestamptz' if dated else 'bigint')})")
    fill(base, rows, table)
    log = open_events(f"{server}?table={table}&key=id")
    assert event_twin.rows_of(log.batches()) == event_twin.meant(rows)
    assert log.tally.time_kind == ("instant" if dated else "integer")


@pytest.mark.parametrize(("kind", "texts", "micro"), [
    ("timestamp", ["2026-01-01 10:00", "2026-01-02 00:00:00.5"], "local"),
    ("date", ["2026-01-01", "2026-01-02"], "local"),
    ("text", ["2026-01-01T10:00Z", "2026-01-02T00:00+01:00"], "instant"),
])  # fmt: skip
def test_times_of_other_kinds(server, base, kind, texts, micro):
    base.execute(f"CREATE TABLE events ({COLUMNS.format(kind)})")
    fill(base, [{"unit": "u", "time": t, "event": "a", "value": 0, "cost": 0} for t in texts])
    log = open_events(f"{server}?table=events&key=id")
    found = [row[1] for row in event_twin.rows_of(log.batches())]
    assert found == [event_twin.microseconds(text) for text in texts] and log.tally.time_kind == micro


def test_in_chunks_from_one_snapshot(server, base, monkeypatch):
    from optbudget.files import event_tables

    monkeypatch.setattr(event_tables, "CHUNK", 7)
    rows = log_rows(2, types=False)
    base.execute(f"CREATE TABLE events ({COLUMNS.format('bigint')})")
    fill(base, rows)
    batches = open_events(f"{server}?table=events&key=id").batches()
    found = [next(batches)]
    base.execute("DELETE FROM events WHERE id > 100")
    assert event_twin.rows_of([*found, *batches]) == event_twin.meant(rows)


def test_a_table_without_key_is_read_by_time(server, base):
    rows = log_rows(3, types=False)
    base.execute(f"CREATE TABLE events ({COLUMNS.format('bigint')})")
    fill(base, rows)
    log = open_events(f"{server}?table=events")
    found = event_twin.rows_of(log.batches())
    assert sorted(found[k][:5] for k in range(200)) == sorted(row[:5] for row in event_twin.meant(rows))
    assert [row[1] for row in found] == sorted(row[1] for row in found) and not log.source.followable


def test_only_what_is_new_is_read_and_changes_are_refused(server, base):
    rows = log_rows(4, types=False)
    base.execute(f"CREATE TABLE events ({COLUMNS.format('bigint')})")
    fill(base, rows[:150])
    source = f"{server}?table=events&key=id"
    (portion,) = open_events(source).portions()
    list(portion.batches)
    position = portion.position()
    assert list(open_events(source).portions(position)) == []
    fill(base, rows[150:])
    (portion,) = open_events(source).portions(position)
    assert event_twin.rows_of(portion.batches) == event_twin.meant(rows[150:])
    base.execute("DELETE FROM events WHERE id = 3")
    with pytest.raises(ProblemError, match=r"150 rows were counted up to id 150, and now there are 149"):
        list(open_events(source).portions(position))
    base.execute("INSERT INTO events VALUES (3, 'u', 0, 'a', 0, 0)")
    base.execute("UPDATE events SET event = 'z' WHERE id = 150")
    with pytest.raises(ProblemError, match="changed"):
        list(open_events(source).portions(position))


def test_what_is_refused(server, base):
    base.execute(f"CREATE TABLE events ({COLUMNS.format('bigint')})")
    fill(base, [{"unit": "u", "time": 1, "event": "a", "value": 0, "cost": 0},
                {"unit": "u", "time": None, "event": "a", "value": 0, "cost": 0}])  # fmt: skip
    with pytest.raises(ProblemError, match=r"postgresql table events: unit 'u': time is missing \(id 2\)"):
        list(open_events(f"{server}?table=events&key=id").batches())
    with pytest.raises(ProblemError, match="no such table"):
        list(open_events(f"{server}?table=evnts&key=id").batches())
    with pytest.raises(ProblemError, match="unique"):
        base.execute("UPDATE events SET time = 2, value = 1")
        list(open_events(f"{server}?table=events&key=time").batches())
    with pytest.raises(ProblemError, match="PostgreSQL says") as refused:
        list(open_events("postgresql://me:secret@127.0.0.1:1/x?table=events&connect_timeout=2").batches())
    assert "secret" not in str(refused.value)
    hostile = 'events"; DROP TABLE events; --'
    with pytest.raises(ProblemError, match="no such table"):
        list(open_events(f"{server}?table={hostile.replace(' ', '%20').replace(';', '%3B')}").batches())
    assert base.execute("SELECT count(*) FROM events").fetchone() == (2,)
