"""Columns of tables as arrays: names become codes, numbers float64; what is wrong is found with its row.

Any object that speaks the Arrow C stream protocol is read without a copy where its types allow; a
dictionary of columns is taken too. Nothing here knows what a table means.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_NAMES = 10_000
"""Names that a misspelt one is held against; among more, looking for the nearest takes too long."""

LARGEST_WHOLE = 2**53
"""Largest whole number up to which every one is a float64, and so survives any table."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a table, not yet located in a file.

    `row` counts from 0 among the table's data rows; `table` and `column` are names. `first` is the row in
    which something that is listed twice stood first.
    """

    code: str
    message: str
    table: str | None = None
    row: int | None = None
    column: str | None = None
    state: str | None = None
    action: str | None = None
    severity: Literal["error", "warning"] = "error"
    first: int | None = None

    def issue(self) -> Issue:
        """The same for a table in memory: the message names the row."""
        place = f" (row {self.row} of {self.table})" if self.row is not None else ""
        place += f", first in row {self.first}" if self.first is not None else ""
        return Issue(self.severity, self.code, self.message + place, state=self.state, action=self.action)


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names.

    Attributes
    ----------
    code : (N,) int64, index into `distinct`
    distinct : the names that occur, in order of first appearance
    first : (k,) int64, row in which each first appears
    """

    code: Codes
    distinct: list[str]
    first: Codes


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known name that is most like a word; None where none is like it, or too many are known.

    Examples
    --------
    >>> nearest("utilty", ["cost", "utility"]), nearest("colour", ["cost", "utility"])
    ('utility', None)
    """
    from difflib import get_close_matches

    if len(known) > MOST_NAMES:
        return None
    return next(iter(get_close_matches(word, known, n=1)), None)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The end of a message about an unknown name: what was probably meant, or nothing.

    Examples
    --------
    >>> did_you_mean("begn", ["begin", "end"]), did_you_mean("x", ["begin", "end"])
    ("; did you mean 'begin'?", '')
    """
    near = nearest(word, known)
    return "" if near is None else f"; did you mean {near!r}?"


def as_number(value: object, what: str) -> float:
    """A number handed over in Python as a double, which may be NaN or infinite.

    Raises
    ------
    ProblemError
        If it is no number (a text, None, a bool), or too large for one.

    Examples
    --------
    >>> as_number(3, "the budget"), as_number(np.float32(0.5), "the budget")
    (3.0, 0.5)
    """
    message = f"{what} is {value!r:.40}; it must be a number"
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise ProblemError(message)
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ProblemError(f"{what} is larger than a double can be; use math.inf for no limit") from None
    except (TypeError, ValueError):
        raise ProblemError(message) from None


def as_table(data: object, name: str) -> pa.Table:
    """An Arrow table from anything with `__arrow_c_stream__`, or from a mapping of columns.

    Raises
    ------
    ProblemError
        If `data` is neither, or its columns do not make a table.
    """
    if isinstance(data, pa.Table):
        return data
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return pa.table(data)
        if isinstance(data, Mapping):
            return pa.table({str(key): _array(column) for key, column in data.items()})
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ProblemError([Issue("error", "table", f"{name} is not a table: {error}")]) from None
    raise ProblemError(
        [
            Issue(
                "error", "table",
                f"{name} must be a table (pandas, polars, pyarrow, anything with __arrow_c_stream__) or "
                f"a dict of columns; got {type(data).__name__}",
            )
        ]
    )  # fmt: skip


def _array(column: Any) -> Any:
    return column if isinstance(column, (pa.Array, pa.ChunkedArray)) else pa.array(np.asarray(column))


def names(table: pa.Table, column: str, of: str, found: list[Finding]) -> Names | None:
    """A column of text (or whole numbers, written out) as codes; None after adding to `found`."""
    data = table.column(column)
    kind = data.type.value_type if pa.types.is_dictionary(data.type) else data.type
    textual = pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    if not (textual or pa.types.is_integer(kind)) and len(data):
        found.append(Finding("column-type", f"column {column!r} must hold text; it holds {data.type}", of))
        return None
    if _missing(data, column, of, found):
        return None
    try:
        code, values = _codes(data)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        found.append(Finding("encoding", f"column {column!r} cannot be read: {error}", of, 0, column))
        return None
    first = np.full(len(values), code.size, dtype=np.int64)
    first[code[::-1]] = np.arange(code.size - 1, -1, -1)
    order = np.argsort(first, kind="stable")[: int((first < code.size).sum())]
    rank = np.full(len(values), -1, dtype=np.int64)
    rank[order] = np.arange(order.size)
    distinct = [values[k] for k in order]
    before = len(found)
    for name, row in zip(distinct, first[order].tolist(), strict=True):
        problem = name_problem(name)
        if problem:
            found.append(Finding("name", f"{column} {name!r} {problem}", of, row, column))
            if len(found) - before >= FIRST_ISSUES:
                break
    return None if len(found) > before else Names(rank[code], [str(v) for v in distinct], first[order])


def _codes(data: pa.ChunkedArray) -> tuple[Codes, list[Any]]:
    if not pa.types.is_dictionary(data.type):
        data = data.dictionary_encode()
    data = data.unify_dictionaries()
    if data.num_chunks == 0:
        return np.empty(0, dtype=np.int64), []
    parts = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in data.chunks]
    return np.concatenate(parts).astype(np.int64), data.chunk(0).dictionary.to_pylist()


def name_problem(name: object) -> str | None:
    """Why a name may not be one (empty, blanks at its ends, control characters); None if it may."""
    if name is None:
        return "is missing"
    if isinstance(name, int):
        return None
    text = str(name)
    if not text:
        return "is empty; every name needs at least one character"
    if text != text.strip():
        return "begins or ends with a blank"
    if not text.isprintable() and any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        return "contains a control character"
    return None


def floats(table: pa.Table, column: str, of: str, found: list[Finding]) -> Floats | None:
    """A column of finite numbers as float64; None after adding to `found`."""
    data = table.column(column)
    kind = data.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        if len(data):
            found.append(Finding("column-type", f"column {column!r} must hold numbers; it holds {kind}", of))
            return None
        return np.empty(0)
    if _missing(data, column, of, found):
        return None
    try:
        values = data.cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        found.append(Finding("number", f"column {column!r} does not fit double precision: {error}", of))
        return None
    wrong = np.flatnonzero(~np.isfinite(values))
    for row in wrong[:FIRST_ISSUES].tolist():
        found.append(Finding("not-finite", f"{column} is {values[row]}; it must be finite", of, row, column))
    return None if wrong.size else values


def whole_numbers(table: pa.Table, column: str, of: str, found: list[Finding]) -> Codes | None:
    """A column of whole numbers from 0 to 2^53 as int64; None after adding to `found`."""
    data = table.column(column)
    if pa.types.is_integer(data.type):
        if _missing(data, column, of, found):
            return None
        values = data.to_numpy()
    else:
        read = floats(table, column, of, found)
        if read is None:
            return None
        values = read
    wrong = np.flatnonzero((values != np.floor(values)) | (values < 0) | (values > LARGEST_WHOLE))
    for row in wrong[:FIRST_ISSUES].tolist():
        must = (
            f"the largest allowed is {LARGEST_WHOLE:,}" if values[row] > LARGEST_WHOLE
            else "it must be a whole number >= 0"
        )  # fmt: skip
        found.append(Finding("count", f"{column} is {values[row]:.17g}; {must}", of, row, column))
    return None if wrong.size else values.astype(np.int64)


def _missing(data: pa.ChunkedArray, column: str, of: str, found: list[Finding]) -> bool:
    if data.null_count == 0:
        return False
    for row in np.flatnonzero(data.is_null().to_numpy())[:FIRST_ISSUES].tolist():
        found.append(Finding("missing-value", f"{column} is missing", of, row, column))
    return True


def exponents(values: Floats) -> Codes:
    """(p,) the exponent of each column: its largest size is in [1/2, 1) times 2 ** exponent; of 0 it is 0.

    Columns times these powers of two lose no digit, and their squares are doubles.

    Examples
    --------
    >>> exponents(np.array([[3.0, 1e-200], [-4.0, 0.0]])).tolist()
    [3, -664]
    """
    return np.asarray(np.frexp(np.abs(values).max(axis=0, initial=0.0))[1], dtype=np.int64)


def failed(found: list[Finding]) -> bool:
    """Whether an error was found, and not only warnings."""
    return any(finding.severity == "error" for finding in found)


def repeats(key: Codes) -> list[tuple[int, int]]:
    """Rows whose key stood in an earlier row, with that row; the first twenty."""
    if key.size < 2:
        return []
    order = np.argsort(key, kind="stable")
    again = np.concatenate(([False], key[order][1:] == key[order][:-1]))
    if not again.any():
        return []
    start = np.maximum.accumulate(np.where(again, -1, np.arange(key.size)))
    hits = sorted(zip(order[again].tolist(), order[start[again]].tolist(), strict=True))
    return hits[:FIRST_ISSUES]
