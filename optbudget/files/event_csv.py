"""Event logs as CSV, block by block: memory does not grow with the file.

Arrow's parser reads blocks of well-formed lines. When it stops, or where there are quotes that the format
does not allow (Arrow takes them) or that enclose a line's end, the file is walked line by line from the first
row that is still missing, and what is wrong is said with its line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.event_columns import EVENT_COLUMNS, TIME_TYPES, Tally, event_batch, sniffed
from optbudget.files.quoting import plainly_quoted
from optbudget.files.text_tables import (
    Malformed,
    check_header,
    contains,
    ends_with_newline,
    has_quotes,
    open_text,
    read_header,
    row_issues,
    row_lines,
    undecodable,
    walk,
)  # fmt: skip
from optbudget.problems import EventBatch
from optbudget.problems.events import RowPlace

OTHER_THAN_NUMBERS = re.compile(r"[^0-9eE+.\s-]|\d[ \t]+\d", re.ASCII)

BLOCK = 1 << 24
"""Bytes of text that become one batch."""


def csv_batches(
    path: Path, tally: Tally, *, missing_as_zero: bool = False, block: int = BLOCK
) -> Iterator[EventBatch]:
    """The rows of a CSV file in batches of about `block` bytes of text.

    Raises
    ------
    ProblemError
        For the first twenty things that are wrong, with their lines.
    """
    issues: list[Issue] = []
    header = read_header(path, issues)
    good = header is not None and check_header(header, EVENT_COLUMNS, path.name, issues)
    tally.warnings += [issue for issue in issues if issue.severity == "warning"]
    if header is None or not good:
        raise ProblemError([issue for issue in issues if issue.severity == "error"])
    if not ends_with_newline(path):
        text = "the last line has no end; make sure the file was not cut short"
        tally.warnings.append(Issue("warning", "no-final-newline", text, path.name))
    log = _Csv(path, header, tally, missing_as_zero, block)
    yield from log.walked(0) if has_quotes(path) and not plainly_quoted(path) else log.parsed()


@dataclass
class _Csv:
    path: Path
    header: list[str]
    tally: Tally
    missing_as_zero: bool
    block: int
    lines: dict[int, int] = field(default_factory=dict)

    def parsed(self) -> Iterator[EventBatch]:
        """By Arrow's parser; by walking from the row at which that stops."""
        done = 0
        try:
            reader = pacsv.open_csv(
                self.path,
                read_options=pacsv.ReadOptions(block_size=self.block),
                parse_options=pacsv.ParseOptions(newlines_in_values=False),
                convert_options=pacsv.ConvertOptions(
                    column_types=self._types(), null_values=[""], check_utf8=True,
                    include_columns=[name for name in self.header if name in EVENT_COLUMNS.known],
                ),
            )  # fmt: skip
            for rows in reader:
                if rows.num_rows:
                    yield self._batch(rows, done)
                    done += rows.num_rows
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            if isinstance(error, ProblemError):
                raise
            yield from self.walked(done)

    def walked(self, done: int) -> Iterator[EventBatch]:
        """Line by line from row `done`; every line that is not as it should be is an issue."""
        try:
            with open_text(self.path) as lines:
                rows = islice(walk(lines), 1 + done, None)
                while chunk := list(islice(rows, max(1, self.block // 32))):
                    if not self._well_formed([fields for _, fields in chunk]):
                        self._refuse(chunk)
                    yield self._walked_batch(chunk)
        except Malformed as error:
            text = f"the line is not CSV: {error}"
            raise ProblemError([Issue("error", "csv", text, self.path.name, error.line)]) from None
        except OSError as error:
            text = f"the file cannot be read: {error.strerror}"
            raise ProblemError([Issue("error", "unreadable", text, self.path.name)]) from None

    def _well_formed(self, rows: list[list[str]]) -> bool:
        """Whether every line has its fields, in UTF-8, and numbers where they belong; by whole columns."""
        if any(len(fields) != len(self.header) for fields in rows):
            return False
        for name, column in zip(self.header, zip(*rows, strict=True), strict=True):
            if name in EVENT_COLUMNS.numbers:
                if OTHER_THAN_NUMBERS.search("\n".join(column)):
                    return False
                try:
                    [float(text) for text in column if text]
                except ValueError:
                    return False
            elif undecodable("".join(column)):
                return False
        return True

    def _refuse(self, chunk: list[tuple[int, list[str]]]) -> None:
        """Refuse lines that are not as they should be, one by one."""
        issues: list[Issue] = []
        for line, fields in chunk:
            shown = self._with_zeros(fields)
            issues += row_issues(self.path.name, line, shown, self.header, EVENT_COLUMNS)
            if len(issues) >= FIRST_ISSUES:
                break
        if issues:
            raise ProblemError(issues[:FIRST_ISSUES])

    def _types(self) -> dict[str, pa.DataType]:
        """Arrow's type of each column; that of time as its first field writes it."""
        types = {name: pa.dictionary(pa.int32(), pa.string()) for name in ("event", "type")}
        types |= {name: pa.float64() for name in EVENT_COLUMNS.numbers}
        types |= {"unit": pa.string(), "time": pa.string()}
        if not (contains(self.path, b"0x") or contains(self.path, b"0X")):  # Arrow takes these for integers.
            types["time"] = TIME_TYPES.get(sniffed(self._first_time()) or "", pa.string())
        return {name: kind for name, kind in types.items() if name in self.header}

    def _first_time(self) -> str:
        at = self.header.index("time")
        try:
            with open_text(self.path) as lines:
                _, fields = next(islice(walk(lines), 1, None), (0, []))
        except Malformed:
            return ""
        return fields[at] if at < len(fields) else ""

    def _batch(self, rows: pa.RecordBatch, done: int) -> EventBatch:
        return event_batch(rows, lambda row: RowPlace(self.path.name, self._line(done + row)), self.tally,
                           self.path.name, missing_as_zero=self.missing_as_zero)  # fmt: skip

    def _line(self, row: int) -> int | None:
        """The line of a row; the file is walked once for it and the thousand rows that follow."""
        if row not in self.lines:
            self.lines |= row_lines(self.path, range(row, row + 1000))
        return self.lines.get(row)

    def _with_zeros(self, fields: list[str]) -> list[str]:
        """The fields, with 0 for numbers that are missing: those are looked at later."""
        if len(fields) != len(self.header):
            return fields
        pairs = zip(self.header, fields, strict=True)
        return [text if text or name not in EVENT_COLUMNS.numbers else "0" for name, text in pairs]

    def _walked_batch(self, chunk: list[tuple[int, list[str]]]) -> EventBatch:
        columns: dict[str, pa.Array] = {}
        for k, name in enumerate(self.header):
            if name in EVENT_COLUMNS.numbers:
                columns[name] = pa.array(
                    [float(fields[k]) if fields[k].strip() else None for _, fields in chunk], pa.float64()
                )
            elif name in EVENT_COLUMNS.known:
                columns[name] = pa.array([fields[k] for _, fields in chunk], pa.string())
        lines = [line for line, _ in chunk]
        return event_batch(
            pa.RecordBatch.from_pydict(columns), lambda row: RowPlace(self.path.name, lines[row]), self.tally,
            self.path.name, missing_as_zero=self.missing_as_zero,
        )  # fmt: skip
