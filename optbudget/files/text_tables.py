"""CSV tables, strictly: UTF-8, a header, commas and decimal points.

A well-formed file is read by Arrow's parser in one go. Only when that fails, when something found in
the data has to be located, or when there are quotes (of which Arrow takes more than the format
allows), is the file walked line by line.
"""

import csv
import mmap
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from optbudget.errors import FIRST_ISSUES, Issue
from optbudget.problems.columns import did_you_mean, nearest

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
LONGEST_FIELD = 1 << 20
LONGEST_LINE = 1 << 23


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a table may have: of names, of numbers, and which of them it must have."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def known(self) -> tuple[str, ...]:
        return self.names + self.numbers


def read_csv(path: Path, columns: Columns, issues: list[Issue]) -> pa.Table | None:
    """The table's known columns, names as dictionaries and numbers as float64; None after an error.

    Unknown columns are warned of and left out.
    """
    header = read_header(path, issues)
    if header is None or not check_header(header, columns, path.name, issues):
        return None
    if not ends_with_newline(path):
        message = "the last line has no end; make sure the file was not cut short"
        issues.append(Issue("warning", "no-final-newline", message, path.name))
    if has_quotes(path):
        return _read_slowly(path, header, columns, issues)
    wanted = [column for column in header if column in columns.known]
    types = {c: pa.dictionary(pa.int32(), pa.string()) for c in columns.names}
    types |= {c: pa.float64() for c in columns.numbers}
    types |= {c: pa.string() for c in header if c not in columns.known}
    try:
        table = pacsv.read_csv(
            path,
            read_options=pacsv.ReadOptions(block_size=1 << 24),
            parse_options=pacsv.ParseOptions(newlines_in_values=False),
            convert_options=pacsv.ConvertOptions(column_types=types, null_values=[], check_utf8=True),
        )
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        return _read_slowly(path, header, columns, issues)
    return table.select(wanted)


def row_lines(path: Path, rows: Sequence[int]) -> dict[int, int]:
    """The line (from 1) on which each data row (from 0) begins, as far as the file is CSV."""
    wanted = sorted(set(rows))
    found: dict[int, int] = {}
    with open_text(path) as lines:
        rows_on = walk(lines)
        with suppress(Malformed):
            next(rows_on, None)
            for row, (line, _) in enumerate(rows_on):
                if row == wanted[len(found)]:
                    found[row] = line
                    if len(found) == len(wanted):
                        break
    return found


def header_names(path: Path) -> list[str]:
    """The names in the header; none where there is no header to read."""
    return read_header(path, []) or []


def header_column(path: Path, column: str) -> int | None:
    """Position of a column in the header, from 1."""
    header = read_header(path, [])
    return header.index(column) + 1 if header and column in header else None


def check_header(header: Sequence[str], columns: Columns, file: str, issues: list[Issue]) -> bool:
    """Whether all required columns are there once; issues for what is not as it should be."""
    before = len(issues)
    for column in columns.required:
        if column not in header:
            near = nearest(column, [c for c in header if c not in columns.known])
            hint = f"; is it {near!r}?" if near else ""
            message = f"column {column!r} is missing{hint}"
            issues.append(Issue("error", "missing-column", message, file, 1))
    for k, column in enumerate(header):
        if column in header[:k]:
            issues.append(
                Issue("error", "duplicate-column", f"column {column!r} appears twice", file, 1, k + 1)
            )
    ok = len(issues) == before
    for k, column in enumerate(header):
        if column not in columns.known and column not in header[:k]:
            hint = did_you_mean(column, [c for c in columns.known if c not in header])
            message = f"column {column!r} is not known and is ignored{hint}"
            issues.append(Issue("warning", "unknown-column", message, file, 1, k + 1))
    return ok


def open_text(path: Path) -> TextIO:
    """A CSV file to walk through."""
    # Bytes that are not UTF-8 become lone surrogates, found where they stand.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def walk(lines: TextIO) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, fields) of every row that is not blank."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(_short_lines(lines), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Malformed(line, str(error)) from None
        if fields:
            yield line, fields


def _short_lines(lines: TextIO) -> Iterator[str]:
    """The lines, none longer than a table's can be: a file without line ends is not read into memory."""
    for number in count(1):
        line = lines.readline(LONGEST_LINE)
        if not line:
            return
        if len(line) == LONGEST_LINE:
            raise Malformed(number, f"it is longer than {LONGEST_LINE} letters")
        yield line


class Malformed(Exception):  # noqa: N818 - never leaves this package
    """A line that is not CSV; the text says why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def read_header(path: Path, issues: list[Issue]) -> list[str] | None:
    """The first row, or None with an issue."""

    def refuse(code: str, message: str, line: int | None = 1) -> None:
        issues.append(Issue("error", code, message, path.name, line))

    try:
        with open_text(path) as lines:
            _, header = next(walk(lines), (1, []))
    except OSError as error:
        refuse("unreadable", f"the file cannot be read: {error.strerror}", None)
        return None
    except Malformed as error:
        refuse("header", f"the header is not CSV: {error}")
        return None
    if not header:
        what = "there is nothing but empty lines" if path.stat().st_size else "the file is empty"
        refuse("empty-file", f"{what}; the first line must name the columns")
        return None
    if any(undecodable(name) for name in header):
        refuse("encoding", "the header is not UTF-8; save the file as UTF-8")
        return None
    if len(header) == 1 and ";" in header[0]:
        refuse("separator", "columns are separated by semicolons; use commas and decimal points")
        return None
    if len(header) == 1 and "\t" in header[0]:
        refuse("separator", "columns are separated by tabs; use commas")
        return None
    return header


def has_quotes(path: Path) -> bool:
    """Whether there is a quotation mark anywhere in a file that is not empty."""
    return contains(path, b'"')


def contains(path: Path, text: bytes) -> bool:
    """Whether these bytes are anywhere in a file that is not empty."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(text) >= 0


def ends_with_newline(path: Path) -> bool:
    """Whether the last line of a file that is not empty has an end."""
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) in (b"\n", b"\r")


def undecodable(text: str) -> bool:
    """Whether a text that `open_text` gave is not UTF-8."""
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def _read_slowly(path: Path, header: list[str], columns: Columns, issues: list[Issue]) -> pa.Table | None:
    """Read a file that Arrow's parser refused, and say where and why; a table if nothing is wrong."""
    before = len(issues)
    numeric = [name in columns.numbers for name in header]
    cells: list[Any] = [array("d") if number else [] for number in numeric]
    same: dict[str, str] = {}
    try:
        with open_text(path) as lines:
            rows_on = walk(lines)
            next(rows_on)
            for line, fields in rows_on:
                issues.extend(row_issues(path.name, line, fields, header, columns))
                if len(issues) - before >= FIRST_ISSUES:
                    break
                if len(issues) == before:
                    for column, field, number in zip(cells, fields, numeric, strict=True):
                        column.append(float(field) if number else same.setdefault(field, field))
    except Malformed as error:
        issues.append(Issue("error", "csv", f"the line is not CSV: {error}", path.name, error.line))
    except OSError as error:
        issues.append(Issue("error", "unreadable", f"the file cannot be read: {error.strerror}", path.name))
    if len(issues) > before:
        return None
    arrays = {
        name: pa.array(np.asarray(column) if number else column, pa.float64() if number else pa.string())
        for name, column, number in zip(header, cells, numeric, strict=True)
        if name in columns.known
    }
    return pa.table(arrays)


def row_issues(
    file: str, line: int, fields: list[str], header: list[str], columns: Columns
) -> Iterator[Issue]:
    """What is wrong with the fields of a line."""
    if len(fields) != len(header):
        hint = ""
        if len(fields) == 1 and ";" in fields[0]:
            hint = "; separate them by commas, not semicolons"
        elif len(fields) > len(header) and any(name in columns.numbers for name in header):
            hint = "; is a decimal comma used? write 0.5, not 0,5"
        message = f"the line has {len(fields)} fields and the header {len(header)}{hint}"
        yield Issue("error", "field-count", message, file, line)
        return
    for k, (name, field) in enumerate(zip(header, fields, strict=True)):
        if undecodable(field):
            yield Issue("error", "encoding", f"{name} is not UTF-8; save it as UTF-8", file, line, k + 1)
        elif name in columns.numbers:
            reason = not_a_number(field)
            if reason:
                yield Issue("error", reason[0], f"{name} is {field[:60]!r}; {reason[1]}", file, line, k + 1)


def not_a_number(field: str) -> tuple[str, str] | None:
    """Why a field is no number, as a code and what it must be; None where it is one."""
    if NUMBER.fullmatch(field.strip(" \t")):
        return None
    if not field.strip():
        return "missing-value", "a number is needed"
    if DECIMAL_COMMA.fullmatch(field):
        return "decimal-comma", "write a decimal point, not a comma"
    if field.strip().lstrip("+-").lower() in ("nan", "inf", "infinity"):
        return "not-finite", "it must be finite"
    return "number", "it must be a number such as 0.25 or 1e-3"
