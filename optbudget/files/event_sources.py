"""Where event logs lie: a file, a folder of files, a table of a database; and how far one has been read.

A source gives portions: rows that are counted in one step, and the position after them. A position is a JSON
object; portions after it are those that a follower has not counted. What was counted must not change
afterwards: a folder's files are known by name, size and the hash of their first and last 64 KiB.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from optbudget.errors import Issue, ProblemError
from optbudget.files.event_columns import Tally
from optbudget.files.event_csv import csv_batches
from optbudget.files.event_parquet import parquet_batches
from optbudget.problems import EventBatch

Position = Mapping[str, Any]

ENDS = 1 << 16
"""Bytes at both ends of a file by which it is known again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: `rows` is the most of a batch."""

    missing_as_zero: bool = False
    rows: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows that are counted in one step.

    Attributes
    ----------
    name : of the file, or of the rows
    batches : the rows
    position : asked for when they have all been read
    state : changes while something is still written to them; None for what is written in one step
    """

    name: str
    batches: Iterator[EventBatch]
    position: Callable[[], Position]
    state: Any = None


class EventSource(Protocol):
    """Something that holds an event log; `identity` tells it from others and names no place or password."""

    @property
    def identity(self) -> str: ...

    @property
    def followable(self) -> bool: ...

    def portions(self, position: Position | None, tally: Tally, reading: Reading) -> Iterator[Portion]: ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """One CSV or Parquet file; it is read as a whole."""

    path: Path
    followable: bool = False

    @property
    def identity(self) -> str:
        return f"file {self.path.name}"

    def portions(self, position: Position | None, tally: Tally, reading: Reading) -> Iterator[Portion]:
        yield Portion(self.path.name, file_batches(self.path, tally, reading), dict)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The CSV and Parquet files of a folder, by name; what begins with "." or "_" is passed over."""

    path: Path
    followable: bool = True

    @property
    def identity(self) -> str:
        return f"folder {self.path.resolve().name}"

    def portions(self, position: Position | None, tally: Tally, reading: Reading) -> Iterator[Portion]:
        """A portion per file that is not counted yet.

        Raises
        ------
        ProblemError
            If something else lies in the folder, a file that was counted is gone or no longer what it was,
            or a new one has a name that comes before one that was counted.
        """
        counted = dict(position.get("files", {})) if position else {}
        for path in self.new(counted):
            known_by = {path.name: mark(path)}

            def after(known_by: dict[str, Any] = known_by) -> Position:
                counted.update(known_by)
                return {"files": dict(counted)}

            yield Portion(path.name, file_batches(path, tally, reading), after, _state(path))

    def new(self, counted: Mapping[str, Any]) -> list[Path]:
        """Files that are not counted yet, by name."""
        files = self._files()
        names = {path.name for path in files}
        issues = [Issue("error", "gone", "the file was counted and is gone", name)
                  for name in sorted(counted) if name not in names]  # fmt: skip
        for path in files:
            if path.name in counted and mark(path) != counted[path.name]:
                issues.append(
                    Issue("error", "changed", "the file was counted and has changed since", path.name)
                )
        last = max(counted, default="")
        fresh = [path for path in files if path.name not in counted]
        for path in fresh:
            if path.name < last:
                text = f"the name comes before {last}, which is counted; files are counted by name"
                issues.append(Issue("error", "late-file", text, path.name))
        if issues:
            raise ProblemError(issues)
        return fresh

    def _files(self) -> list[Path]:
        try:
            there = sorted(self.path.iterdir(), key=lambda path: path.name)
        except OSError as error:
            text = f"the folder cannot be read: {error.strerror}"
            raise ProblemError([Issue("error", "unreadable", text, self.path.name)]) from None
        files = [path for path in there if not path.name.startswith((".", "_"))]
        other = [path for path in files if path.suffix not in (".csv", ".parquet") or not path.is_file()]
        if other:
            text = "is neither a .csv nor a .parquet file; begin its name with _ to have it passed over"
            raise ProblemError([Issue("error", "format", text, path.name) for path in other])
        return files


def file_batches(path: Path, tally: Tally, reading: Reading) -> Iterator[EventBatch]:
    """The rows of a CSV or Parquet file, which may not change meanwhile.

    Raises
    ------
    ProblemError
        If it is neither, or changes while it is read.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise ProblemError([Issue("error", "format", "an event log is a .csv or .parquet file", path.name)])
    before = _state(path)
    if path.suffix == ".csv":
        yield from csv_batches(path, tally, missing_as_zero=reading.missing_as_zero, block=32 * reading.rows)
    else:
        yield from parquet_batches(path, tally, missing_as_zero=reading.missing_as_zero, rows=reading.rows)
    if _state(path) != before:
        text = "the file changed while it was read; nothing of it is counted"
        raise ProblemError([Issue("error", "changed", text, path.name)])


def mark(path: Path) -> list[Any]:
    """By which a file is known again: its size, and the hash of its first and last 64 KiB."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            digest = hashlib.sha256(stream.read(ENDS))
            stream.seek(max(0, size - ENDS))
            digest.update(stream.read(ENDS))
    except OSError as error:
        text = f"the file cannot be read: {error.strerror}"
        raise ProblemError([Issue("error", "unreadable", text, path.name)]) from None
    return [size, digest.hexdigest()]


def _state(path: Path) -> tuple[int, int, int]:
    try:
        state = path.stat()
    except OSError as error:
        text = f"the file cannot be read: {error.strerror}"
        raise ProblemError([Issue("error", "unreadable", text, path.name)]) from None
    return state.st_size, state.st_mtime_ns, state.st_ino
