"""SQLite by the standard library, PostgreSQL by psycopg: columns, chunks of rows, errors that are ours.

Databases are opened read-only and rows come from one snapshot, however long reading takes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from optbudget.errors import Issue, MissingExtraError, ProblemError

Rows = list[tuple[Any, ...]]


class Database(Protocol):
    """A database that is open; `ask` is its placeholder for a value."""

    ask: str

    def quoted(self, name: str) -> str: ...

    def table(self, name: str) -> str: ...

    def columns(self, table: str) -> list[str]: ...

    def rowid(self, table: str) -> str | None: ...

    def chunks(self, statement: str, values: Sequence[Any], size: int) -> Iterator[Rows]: ...

    def close(self) -> None: ...


def open_sqlite(path: str, name: str, *, checked: bool) -> Database:
    """A SQLite file, read-only; if `checked`, all its pages are looked at first.

    Raises
    ------
    ProblemError
        If it cannot be read, or is damaged.
    """
    if not Path(path).is_file():
        raise ProblemError([Issue("error", "missing-file", "there is no such database", Path(path).name)])
    return _Sqlite(path, name, checked)


def open_postgres(place: str, name: str) -> Database:
    """A PostgreSQL database in a read-only transaction that sees one state of it.

    Raises
    ------
    MissingExtraError
        If psycopg is not installed.
    ProblemError
        If there is no connection.
    """
    try:
        import psycopg
    except ImportError:
        raise MissingExtraError("PostgreSQL needs psycopg: pip install 'optbudget[database]'") from None
    return _Postgres(psycopg, place, name)


class _Sqlite:
    ask = "?"

    def __init__(self, path: str, name: str, checked: bool) -> None:
        self.name = name
        try:
            uri = Path(path).resolve().as_uri() + "?mode=ro"
            self.connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
            self.connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            self.connection.execute("BEGIN")
            found = self.connection.execute("PRAGMA quick_check(1)").fetchone() if checked else ("ok",)
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise self._error(error) from None
        if found != ("ok",):
            raise self._error(sqlite3.DatabaseError(str(found and found[0])))

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        return self.quoted(name)

    def columns(self, table: str) -> list[str]:
        found = next(self.chunks(f"PRAGMA table_info({self.quoted(table)})", [], 10_000), [])
        return [row[1] for row in found]

    def rowid(self, table: str) -> str | None:
        """The name of the rowid; None for a view, or a table without one."""
        try:
            self.connection.execute(f"SELECT rowid FROM {self.quoted(table)} LIMIT 1")
            kind = self.connection.execute(
                "SELECT type FROM sqlite_master WHERE name = ?", [table]
            ).fetchone()
        except sqlite3.Error:
            return None
        return "rowid" if kind == ("table",) else None

    def chunks(self, statement: str, values: Sequence[Any], size: int) -> Iterator[Rows]:
        try:
            cursor = self.connection.execute(statement, list(values))
            while rows := cursor.fetchmany(size):
                yield rows
        except (sqlite3.Error, UnicodeError, OverflowError, ValueError) as error:
            if isinstance(error, ProblemError):
                raise
            raise self._error(error) from None

    def close(self) -> None:
        self.connection.close()

    def _error(self, error: Exception) -> ProblemError:
        return ProblemError([Issue("error", "database", f"SQLite says: {_first_line(error)}", self.name)])


class _Postgres:
    ask = "%s"

    def __init__(self, psycopg: Any, place: str, name: str) -> None:
        self.psycopg, self.name = psycopg, name
        try:
            self.connection = psycopg.connect(place, connect_timeout=15, application_name="optbudget")
            self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self.connection.read_only = True
        except (psycopg.Error, ValueError) as error:
            raise self._error(error) from None

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""').replace("%", "%%") + '"'

    def table(self, name: str) -> str:
        return ".".join(map(self.quoted, name.split(".", 1)))

    def columns(self, table: str) -> list[str]:
        schema, _, bare = table.rpartition(".")
        statement = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        statement += (
            " AND table_schema = %s" if schema else " AND table_schema = ANY (current_schemas(false))"
        )
        found = self.chunks(statement, [bare, schema] if schema else [bare], 10_000)
        return [row[0] for rows in found for row in rows]

    def rowid(self, table: str) -> str | None:
        return None

    def chunks(self, statement: str, values: Sequence[Any], size: int) -> Iterator[Rows]:
        try:
            with self.connection.cursor(name="optbudget") as cursor:
                cursor.itersize = size
                cursor.execute(statement, list(values))
                while rows := cursor.fetchmany(size):
                    yield rows
        except (self.psycopg.Error, UnicodeError, OverflowError) as error:
            raise self._error(error) from None

    def close(self) -> None:
        self.connection.close()

    def _error(self, error: Exception) -> ProblemError:
        return ProblemError([Issue("error", "database", f"PostgreSQL says: {_first_line(error)}", self.name)])


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
