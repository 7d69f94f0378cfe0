"""Event logs in a table of SQLite or PostgreSQL, read in chunks from one snapshot, in the order of a key.

The key (SQLite's rowid, or a column that is named) is unique and never missing; a position is the last key
counted, how many rows there were up to it, and the hash of the last one. Rows that appear at or below that
key later, and rows that vanish, are found by counting: they are an error, as they can no longer be counted
in their place. Without a key the table is read in the order of time, unit and event, and not followed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from operator import eq
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError, UsageError
from optbudget.files.event_columns import EVENT_COLUMNS, Tally, event_batch
from optbudget.files.event_database import Database, Rows, open_postgres, open_sqlite
from optbudget.files.event_sources import Portion, Position, Reading
from optbudget.files.text_tables import undecodable
from optbudget.problems import EventBatch
from optbudget.problems.columns import did_you_mean, nearest
from optbudget.problems.events import RowPlace

CHUNK = 1 << 17
"""Most rows of a chunk: they are Python objects first, of about 100 bytes a cell."""

STEP = 1 << 21
"""Rows that a follower counts in one step."""

NUMBERS = {int, float, Decimal}


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table of a database.

    Attributes
    ----------
    scheme, place : "sqlite" and a path, or "postgresql" and a connection string without our own arguments
    table : its name; "schema.table" in PostgreSQL
    key : the column of unique, rising values in whose order rows were added; None: SQLite's rowid, if any
    columns : (name of ours, name in the table) where they differ
    """

    scheme: str
    place: str
    table: str
    key: str | None = None
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        return f"{self.scheme} table {self.table}"

    @property
    def followable(self) -> bool:
        return self.key is not None or self.scheme == "sqlite"

    def portions(self, position: Position | None, tally: Tally, reading: Reading) -> Iterator[Portion]:
        """The rows after a position, so many a portion.

        Raises
        ------
        ProblemError
            If the database or table cannot be read, rows up to the position are no longer what they were,
            or the key is missing in a row or not unique.
        """
        with closing(self._open(whole=not position)) as database:
            table = _Table(self, database, tally, reading)
            table.require_unchanged(position)
            yield from table.portions(position)

    def _open(self, *, whole: bool) -> Database:
        if self.scheme == "sqlite":
            return open_sqlite(self.place, self.identity, checked=whole)
        return open_postgres(self.place, self.identity)


def table_source(text: str) -> TableSource:
    """The table that a connection string names.

    sqlite:///path?table=NAME (four slashes for an absolute path) or postgresql://user@host/base?table=NAME,
    with key=COLUMN, and unit=COLUMN, time=COLUMN and so on where the table's columns have other names.

    Raises
    ------
    UsageError
        If it cannot be understood. The message repeats no password.

    Examples
    --------
    >>> table_source("sqlite:///shop.db?table=events&unit=customer")
    TableSource(scheme='sqlite', place='shop.db', table='events', key=None, columns=(('unit', 'customer'),))
    """
    try:
        parts = urlsplit(text)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise UsageError("the connection string is not a URL; write sqlite:///path?table=events") from None
    scheme = "postgresql" if parts.scheme == "postgres" else parts.scheme
    if scheme not in ("sqlite", "postgresql"):
        raise UsageError(f"{parts.scheme}:// is no database known here; use sqlite:// or postgresql://")
    own = {"table", "key", *EVENT_COLUMNS.known}
    ours = {name: value for name, value in given if name in own}
    others = [(name, value) for name, value in given if name not in own]
    if not ours.get("table") or "\0" in text or not all(ours.values()):
        raise UsageError(f"name the table: {scheme}://...?table=events")
    if len([name for name, _ in given if name in own]) > len(ours):
        raise UsageError("the connection string says something twice")
    columns = tuple((name, ours[name]) for name in EVENT_COLUMNS.known if name in ours)
    if scheme == "postgresql":
        query = "&".join(f"{name}={value}" for name, value in others)
        return TableSource(scheme, parts._replace(scheme=scheme, query=query).geturl(), ours["table"],
                           ours.get("key"), columns)  # fmt: skip
    if others or parts.netloc or len(parts.path) < 2:
        wrong = f"{others[0][0]} is not known" if others else "write sqlite:///path?table=events"
        raise UsageError(f"the connection string cannot be understood: {wrong}")
    return TableSource(scheme, unquote(parts.path[1:]), ours["table"], ours.get("key"), columns)


class _Table:
    """A table that is open: its columns, and the statements that read it."""

    def __init__(self, source: TableSource, database: Database, tally: Tally, reading: Reading) -> None:
        self.source, self.database, self.tally, self.reading = source, database, tally, reading
        self.name = source.identity
        there = database.columns(source.table)
        mapped = dict(source.columns)
        self.columns = [name for name in EVENT_COLUMNS.known if mapped.get(name, name) in there]
        missing = [mapped.get(name, name) for name in EVENT_COLUMNS.required if name not in self.columns]
        missing += [
            column for name, column in source.columns if column not in there and column not in missing
        ]
        if source.key is not None and source.key not in there:
            missing.append(source.key)
        if missing:
            text = f"column {', '.join(map(repr, missing))} is missing"
            text = text if there else "there is no such table"
            raise ProblemError([Issue("error", "missing-column", text, self.name)])
        self._warn([column for column in there if column not in (*mapped.values(), *self.columns)])
        self.key = source.key or database.rowid(source.table)
        self.rows, self.hash = 0, ""
        self.last: Any = None
        self.selected = [mapped.get(name, name) for name in self.columns]

    def _warn(self, others: list[str]) -> None:
        """Warn of columns that are hardly others: a table may have many, but a misspelt one is meant."""
        absent = [name for name in EVENT_COLUMNS.known if name not in self.columns]
        for column in others:
            if nearest(column, absent) or undecodable(column):
                text = f"column {column!r} is not known and is ignored{did_you_mean(column, absent)}"
                self.tally.warnings.append(Issue("warning", "unknown-column", text, self.name))

    def portions(self, position: Position | None) -> Iterator[Portion]:
        """Rows after a position, step by step."""
        quoted, ask = self.database.quoted, self.database.ask
        names = ", ".join(f"{quoted(name)}" for name in self.selected)
        key = quoted(self.key) if self.key else "NULL"
        statement = f"SELECT {names}, {key} FROM {self.database.table(self.source.table)}"
        by_time = [self.selected[self.columns.index(name)] for name in ("time", "unit", "event")]
        values: list[Any] = []
        if position and self.key:
            statement += f" WHERE {key} > {ask}"
            values = [position["key"]]
        statement += " ORDER BY " + ", ".join(map(quoted, [self.key] if self.key else by_time))
        if position:
            self.rows, self.last = int(position["rows"]), position["key"]
        chunks = self.database.chunks(statement, values, min(self.reading.rows, CHUNK))
        for first in chunks:
            yield Portion(
                f"{self.name} from row {self.rows + 1:,}", self._batches(first, chunks), self._position
            )

    def _batches(self, chunk: Rows, chunks: Iterator[Rows]) -> Iterator[EventBatch]:
        """Batches of a chunk and those after it, until there are enough rows for one step."""
        begun = self.rows
        while chunk:
            self._check_key(chunk)
            batch = self._batch(chunk, self.rows)
            self.rows, self.last, self.hash = self.rows + len(chunk), chunk[-1][-1], _hash(chunk[-1])
            yield batch
            chunk = next(chunks, []) if self.rows - begun < STEP else []

    def _position(self) -> Position:
        return {"key": self.last, "rows": self.rows, "hash": self.hash}

    def require_unchanged(self, position: Position | None) -> None:
        """Refuse a table in which rows up to a position came, went or changed."""
        if not position:
            return
        if not self.key:
            raise UsageError("a table without a key cannot be followed; name one with key=COLUMN")
        quoted, ask = self.database.quoted, self.database.ask
        table, key = self.database.table(self.source.table), quoted(self.key)
        counted = f"SELECT COUNT(*) FROM {table} WHERE {key} <= {ask}"
        rows = next(self.database.chunks(counted, [position["key"]], 1))[0][0]
        text = None
        if rows != position["rows"]:
            text = f"{position['rows']} rows were counted up to {self.key} {position['key']}, "
            text += f"and now there are {rows}"
        else:
            names = ", ".join([*map(quoted, self.selected), key])
            again = f"SELECT {names} FROM {table} WHERE {key} = {ask}"
            found = next(self.database.chunks(again, [position["key"]], 1), [])
            if [_hash(row) for row in found] != [position["hash"]]:
                text = f"the row of {self.key} {position['key']} was counted and has changed since"
        if text:
            raise ProblemError([Issue("error", "changed", text, self.name)])

    def _check_key(self, chunk: Rows) -> None:
        if self.key is None:
            return
        keys = [row[-1] for row in chunk]
        kinds = set(map(type, keys))
        if type(None) in kinds:
            raise ProblemError([Issue("error", "key", f"{self.key} is missing in a row", self.name)])
        if not kinds <= {int, str}:
            text = f"{self.key} must hold integers or text to be a key"
            raise ProblemError([Issue("error", "key", text, self.name)])
        if keys[0] == self.last or any(map(eq, keys, keys[1:])):
            twice = next((one for one, other in pairwise([self.last, *keys]) if one == other), None)
            text = f"{self.key} {twice!r} stands twice; a key is unique"
            raise ProblemError([Issue("error", "key", text, self.name)])

    def _batch(self, chunk: Rows, first: int) -> EventBatch:
        key, name = self.key, self.name

        def place(row: int) -> RowPlace:
            return RowPlace(name, None, f"{key} {chunk[row][-1]}" if key else f"row {first + row + 1}")

        cells = list(zip(*chunk, strict=True))
        arrays = {column: self._array(column, cells[k], place) for k, column in enumerate(self.columns)}
        return event_batch(pa.RecordBatch.from_pydict(arrays), place, self.tally, name,
                           missing_as_zero=self.reading.missing_as_zero)  # fmt: skip

    def _array(self, column: str, cells: Sequence[Any], place: Any) -> pa.Array:
        """A column of Python objects in Arrow's type; what does not go with the others is located."""
        kinds = set(map(type, cells)) - {type(None)}
        try:
            if kinds == {str} and column not in EVENT_COLUMNS.numbers:
                return pa.array(cells, pa.string())
            if column in EVENT_COLUMNS.numbers:
                if kinds == {float}:
                    return pa.array(cells, pa.float64())
                if kinds <= NUMBERS:
                    return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
            elif column != "time" and kinds <= {int, str}:
                return pa.array(cells) if kinds == {int} else pa.array(
                    [None if cell is None else str(cell) for cell in cells], pa.string())  # fmt: skip
            elif len(kinds) <= 1 and kinds <= {int, str, date}:
                return pa.array(cells, pa.string() if not kinds else None)
            elif kinds == {datetime}:
                zoned = next(cell for cell in cells if cell is not None).tzinfo is not None
                return pa.array(cells, pa.timestamp("us", "UTC" if zoned else None))
        except (pa.ArrowException, UnicodeError, OverflowError, ValueError) as error:
            text = f"{column} cannot be read: {str(error).splitlines()[0][:120]}"
            raise ProblemError([Issue("error", "column-type", text, self.name)]) from None
        raise ProblemError(self._odd_ones(column, cells, place))

    def _odd_ones(self, column: str, cells: Sequence[Any], place: Any) -> list[Issue]:
        """Issues for cells of a type that is not allowed there, or not that of the first."""
        allowed = (NUMBERS if column in EVENT_COLUMNS.numbers
                   else {int, str, date, datetime} if column == "time" else {int, str})  # fmt: skip
        first = next((type(cell) for cell in cells if cell is not None), None)
        issues = []
        for row, cell in enumerate(cells):
            if cell is None or (type(cell) in allowed and (column != "time" or type(cell) is first)):
                continue
            text = f"{column} is {cell!r:.60}, a {type(cell).__name__}"
            if type(cell) in allowed and first is not None:
                text += f", and the log began with a {first.__name__}; write all times in one way"
            issues.append(Issue("error", "column-type", f"{text} ({place(row).label})", self.name))
            if len(issues) == FIRST_ISSUES:
                break
        return issues or [Issue("error", "column-type", f"{column} holds {first}", self.name)]


def _hash(row: Sequence[Any]) -> str:
    return hashlib.sha256(repr(tuple(row)).encode("utf-8", "surrogateescape")).hexdigest()[:32]
