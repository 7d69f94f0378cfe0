"""Columns of an event log, from any source, as an EventBatch; what is wrong is found with its row.

Whole columns at a time: a row is looked at on its own only to say what is wrong with it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.text_tables import Columns
from optbudget.problems import EventBatch
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.events import LARGEST_TIME, MONEY, RowPlace, TimeKind, name_problem, other_columns

EVENT_COLUMNS = Columns(("unit", "time", "event", "type"), ("value", "cost"), ("unit", "time", "event"))

INTEGER = re.compile(r"\s*-?\d{1,19}\s*", re.ASCII)
DATE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?(?P<zone>Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)

FINER = re.compile(DATE.pattern.replace("{1,6}", "{7,}"), re.ASCII)

LIMITS: dict[TimeKind, tuple[int, int, str]] = {
    "integer": (-LARGEST_TIME, LARGEST_TIME, "times lie within 2^61 of 0"),
    "instant": (-62_135_596_800_000_000, 253_402_300_799_999_999, "dates lie in the years 1 to 9999"),
    "local": (-62_135_596_800_000_000, 253_402_300_799_999_999, "dates lie in the years 1 to 9999"),
}
"""The least and the largest time of each kind, and in words."""

TIME_TYPES = {"integer": pa.int64(), "instant": pa.timestamp("us", "UTC"), "local": pa.timestamp("us")}

MOST_NAMES = 1 << 15
"""Kinds of events in a batch beyond which the column is taken for something else."""

Place = Callable[[int], RowPlace]


@dataclass
class Tally:
    """What was read of a log, and what was mended because it was asked for.

    Attributes
    ----------
    rows : rows read
    filled : missing values and costs taken as 0
    sorted : rows moved to put a unit's rows in the order of time
    time_kind : how the log writes time; None before its first row
    columns : its columns among those known; None before its first row
    before : rows counted before this reading, which had the columns of money in `columns`
    warnings : oddities that do not stop the reading
    position : up to which the source was read, when all its rows were; None if it has no positions
    """

    rows: int = 0
    filled: int = 0
    sorted: int = 0
    time_kind: TimeKind | None = None
    columns: frozenset[str] | None = None
    before: int = 0
    warnings: list[Issue] = field(default_factory=list)
    position: Mapping[str, Any] | None = None

    def take_up(self, given: frozenset[str], rows: int, source: str, *, missing_as_zero: bool) -> None:
        """Compare the columns of rows with those before; money that only some have is 0 if asked."""
        before = given if self.columns is None else self.columns
        compared = EVENT_COLUMNS.known if self.rows else MONEY
        other = (given ^ before).intersection(compared)
        if other and not (missing_as_zero and other <= MONEY):
            raise ProblemError([other_columns(other, source)])
        if rows:
            self.filled += sum(rows if name in before else self.rows + self.before for name in other)
            self.columns = given | (before & MONEY)


def sniffed(text: str) -> TimeKind | None:
    """How a field writes time, None if it writes none.

    Examples
    --------
    >>> sniffed("17"), sniffed("2026-05-01T10:00Z"), sniffed("2026-05-01"), sniffed("May")
    ('integer', 'instant', 'local', None)
    """
    if INTEGER.fullmatch(text):
        return "integer"
    read = DATE.fullmatch(text)
    return None if read is None else "instant" if read["zone"] else "local"


def event_batch(
    rows: pa.RecordBatch, place: Place, tally: Tally, source: str, *, missing_as_zero: bool = False
) -> EventBatch:
    """The rows as an EventBatch; the tally goes on.

    Raises
    ------
    ProblemError
        For the first twenty rows of the first column in which something is wrong.
    """
    given = frozenset(name for name in rows.schema.names if name in EVENT_COLUMNS.known)
    tally.take_up(given, rows.num_rows, source, missing_as_zero=missing_as_zero)
    reader = _Reader(rows, place, source)
    unit = reader.unit()
    time, kind = reader.time(tally.time_kind)
    event, names = reader.coded("event")
    kinds, type_names = reader.coded("type") if "type" in given else (None, ())
    value, filled = reader.money("value", missing_as_zero) if "value" in given else (None, 0)
    cost, more = reader.money("cost", missing_as_zero) if "cost" in given else (None, 0)
    if rows.num_rows:
        tally.time_kind = kind
    tally.rows += rows.num_rows
    tally.filled += filled + more
    return EventBatch(unit, time, event, names, value, cost, kinds, type_names, kind, place)


class _Reader:
    """One batch of rows while it is read."""

    def __init__(self, rows: pa.RecordBatch, place: Place, source: str) -> None:
        self.rows, self.place, self.source = rows, place, source

    def unit(self) -> pa.Array:
        column = self._column("unit")
        kind = column.type
        if pa.types.is_integer(kind):
            if kind == pa.uint64() and len(column) and pc.max(column).as_py() > LARGEST_TIME:
                self._refuse("unit", "column-type", "unit holds numbers beyond 2^61; write them as text")
            return column.cast(pa.int64())
        if pa.types.is_null(kind) and not len(column):
            return pa.array([], pa.string())
        if pa.types.is_dictionary(kind) and _textual(kind.value_type):
            values = column.dictionary.cast(pa.string())
            bad = _bad_texts(values)
            code = column.indices.to_numpy(zero_copy_only=False).astype(np.int32)
            self._no_wrong(bad[code] if bad.any() else None, "unit", "name", _unit_problem)
            return pa.DictionaryArray.from_arrays(pa.array(code), values)
        if _textual(kind):
            column = column.cast(pa.string())
            self._no_wrong(_bad_texts(column), "unit", "name", _unit_problem)
            return column
        self._refuse("unit", "column-type", f"unit must hold integers or text; it holds {kind}")
        return None

    def time(self, before: TimeKind | None) -> tuple[NDArray[np.int64], TimeKind]:
        column = self._column("time")
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = self._time_kind(column, before)
        if before is not None and kind != before and len(column):
            self._refuse("time", "time-kind", f"time is {_written(kind)}, and the log began with "
                         f"{_written(before)}; write all times in one way")  # fmt: skip
        goal = TIME_TYPES[kind]
        try:
            if _textual(column.type):
                self._no_wrong(_other_times(column, kind), "time", "time", _time_problem(kind))
                column = pc.utf8_trim_whitespace(column) if kind == "integer" else column
            time = column.cast(goal).cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException:
            said = _no_such_time(kind, written=_textual(column.type))
            self._no_wrong(_uncastable(column, goal), "time", "time", said)
            text = "time holds what cannot be read as times"
            raise ProblemError([Issue("error", "time", text, self.source)]) from None
        least, most, limit = LIMITS[kind]
        beyond = np.flatnonzero((time > most) | (time < least))[:FIRST_ISSUES].tolist()
        if beyond:
            shown = [time[k] if kind == "integer" else np.datetime64(int(time[k]), "us") for k in beyond]
            raise ProblemError([
                self._issue("time", f"time is {text}; {limit}", k)
                for k, text in zip(beyond, shown, strict=True)
            ])  # fmt: skip
        return time, kind

    def _time_kind(self, column: pa.Array, before: TimeKind | None) -> TimeKind:
        kind = column.type
        if pa.types.is_integer(kind) or (pa.types.is_null(kind) and not len(column)):
            return "integer" if len(column) or before is None else before
        if pa.types.is_timestamp(kind):
            return "instant" if kind.tz is not None else "local"
        if pa.types.is_date(kind):
            return "local"
        if _textual(kind):
            first = sniffed(column[0].as_py()) if len(column) else None
            return first or before or "local"
        self._refuse("time", "column-type", f"time must hold integers, dates or text; it holds {kind}")
        return "integer"

    def coded(self, name: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Codes of a column of names, and the names that occur, in order of first appearance."""
        column = self._column(name)
        if pa.types.is_null(column.type) and not len(column):
            return np.empty(0, dtype=np.int32), ()
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        if pa.types.is_integer(coded.type.value_type):
            coded = pa.DictionaryArray.from_arrays(coded.indices, coded.dictionary.cast(pa.string()))
        if not _textual(coded.type.value_type):
            self._refuse(name, "column-type", f"{name} must hold names; it holds {column.type}")
        code = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        used, first, code = _compact(code, len(coded.dictionary))
        if used.size > MOST_NAMES:
            text = f"{name} has more than {MOST_NAMES:,} different names in a batch; is it the right column?"
            raise ProblemError([Issue("error", "too-many-names", text, self.source)])
        names = [str(v) for v in coded.dictionary.take(pa.array(used)).to_pylist()]
        issues = []
        for row, text in zip(first.tolist(), names, strict=True):
            if problem := name_problem(text, name):
                issues.append(self._issue("name", f"{name} {text!r:.80} {problem}", row))
        if issues:
            raise ProblemError(issues[:FIRST_ISSUES])
        distinct = dict.fromkeys(names)
        if len(distinct) < len(names):  # A dictionary may hold a name twice.
            position = {text: k for k, text in enumerate(distinct)}
            code = np.array([position[text] for text in names], dtype=np.int64)[code]
        return code.astype(np.int32), tuple(distinct)

    def money(self, name: str, missing_as_zero: bool) -> tuple[Floats, int]:
        """A column of finite numbers; and how many were missing and taken as 0."""
        column = self.rows.column(self.rows.schema.get_field_index(name))
        kind = column.type
        filled = column.null_count
        if pa.types.is_null(kind):
            column = column.cast(pa.float64())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            self._refuse(name, "column-type", f"{name} must hold numbers; it holds {kind}")
        if filled and missing_as_zero:
            column = column.fill_null(pa.scalar(0, column.type))
        elif filled:
            self._no_missing(column, name, "; write 0, or ask for missing ones to be taken as 0")
        try:
            numbers: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException as error:
            raise ProblemError(
                [Issue("error", "number", f"{name} does not fit double precision: {error}", self.source)]
            ) from None
        infinite = ~np.isfinite(numbers)
        self._no_wrong(infinite if infinite.any() else None, name, "not-finite",
                       lambda text: f"is {text}; it must be finite")  # fmt: skip
        return numbers, filled

    def _column(self, name: str) -> pa.Array:
        """A column in which nothing is missing."""
        column = self.rows.column(self.rows.schema.get_field_index(name))
        if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
            column = column.cast(column.type.value_type)
        if column.null_count:
            self._no_missing(column, name, "")
        return column

    def _no_missing(self, column: pa.Array, name: str, hint: str) -> None:
        rows = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[:FIRST_ISSUES]
        raise ProblemError(
            [self._issue("missing-value", f"{name} is missing{hint}", row) for row in rows.tolist()]
        )

    def _no_wrong(
        self, wrong: NDArray[np.bool_] | None, name: str, code: str, problem: Callable[[str], str]
    ) -> None:
        """Refuse rows that are wrong, saying what they hold."""
        rows = [] if wrong is None else np.flatnonzero(wrong)[:FIRST_ISSUES].tolist()
        column = self.rows.column(self.rows.schema.get_field_index(name))
        if rows:
            texts = [(row, _shown(column[row])) for row in rows]
            raise ProblemError([self._issue(code, f"{name} {problem(text)}", row) for row, text in texts])

    def _refuse(self, name: str, code: str, text: str) -> None:
        if self.rows.num_rows:
            at = self.place(0)
            raise ProblemError([Issue("error", code, text, at.source, at.line)])

    def _issue(self, code: str, text: str, row: int) -> Issue:
        unit = self.rows.column(self.rows.schema.get_field_index("unit"))[row].as_py()
        if unit not in (None, "") and not text.startswith("unit"):
            text = f"unit {unit!r:.80}: {text}"
        at = self.place(row)
        return Issue("error", code, text + (f" ({at.label})" if at.label else ""), at.source, at.line)


def _shown(cell: pa.Scalar) -> Any:
    """What a cell holds; of a time that Python has no word for, how many ticks since 1970."""
    try:
        return cell.as_py()
    except (ValueError, OverflowError):
        return f"{cell.value} {cell.type.unit}"


def _textual(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def _compact(code: Codes, size: int) -> tuple[Codes, Codes, Codes]:
    """Codes that occur in order of first appearance, the row of each, and the rows coded by that order."""
    first = np.full(size, code.size, dtype=np.int64)
    first[code[::-1]] = np.arange(code.size - 1, -1, -1)
    used = np.flatnonzero(first < code.size)
    used = used[np.argsort(first[used], kind="stable")]
    rank = np.empty(size, dtype=np.int64)
    rank[used] = np.arange(used.size)
    return used, first[used], rank[code]


def _bad_texts(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts are empty, begin or end with a blank, or hold a control character."""
    _, offsets, data = texts.buffers()
    bad = np.zeros(len(texts), dtype=bool)
    if not len(texts):
        return bad
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    letters = letters[: bounds[-1]]
    at = np.flatnonzero((letters[bounds[0] :] < 33) | (letters[bounds[0] :] == 127)) + bounds[0]
    if at.size:
        owner = np.searchsorted(bounds, at, side="right") - 1
        wrong = (letters[at] != 32) | (at == bounds[owner]) | (at == bounds[owner + 1] - 1)
        bad[owner[wrong]] = True
    bad |= np.diff(bounds) == 0
    return bad


def _unit_problem(text: str) -> str:
    return f"{text!r:.80} {name_problem(text, 'unit') or 'cannot be a name'}"


def _written(kind: TimeKind) -> str:
    return {"integer": "an integer", "instant": "a date with a zone", "local": "a date without zone"}[kind]


def _time_problem(kind: TimeKind) -> Callable[[str], str]:
    def problem(text: str) -> str:
        other = sniffed(text) if text is not None else None
        if other is not None and other != kind:
            return f"is {text!r:.40}, {_written(other)}, and the log began with {_written(kind)}"
        if text is not None and FINER.fullmatch(text):
            return f"is {text!r:.60}; times are kept in microseconds: write at most 6 digits of a second"
        return f"is {text!r:.40}; write an integer, or a date such as 2026-05-01T10:00:00Z"

    return problem


def _no_such_time(kind: TimeKind, *, written: bool) -> Callable[[object], str]:
    """What is said of a time that looks like one and is none; `written` is text."""
    limit = LIMITS[kind][2]
    if kind != "integer" and not written:
        limit = f"times are kept in whole microseconds, and {limit}"
    elif kind != "integer":
        limit = "there is no such time: hours go to 23, minutes and seconds to 59, zones to 23:59"
    return lambda text: f"is {str(text)[:60]!r}; {limit}"


def _other_times(column: pa.Array, kind: TimeKind) -> NDArray[np.bool_] | None:
    """Which texts write no time of this kind; None if all do."""
    pattern = {
        "integer": r"^\s*-?[0-9]{1,19}\s*$",
        "instant": r"^[0-9-]{10}[T ][0-9:.]{2,15}(Z|[+-][0-9]{2}(:?[0-9]{2})?)$",
        "local": r"^[0-9-]{10}([T ][0-9:.]{2,15})?$",
    }[kind]
    fits = pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return None if fits.all() else ~fits


def _uncastable(column: pa.Array, goal: pa.DataType) -> NDArray[np.bool_]:
    """Which entries cannot be cast, the first twenty."""

    wrong = np.zeros(len(column), dtype=bool)
    for k, entry in enumerate(column):
        try:
            entry.cast(goal)
        except (pa.ArrowException, ValueError):
            wrong[k] = True
            if wrong.sum() == FIRST_ISSUES:
                break
    return wrong
