"""Some rows of an event log: which unit, when, what.

A log is an iterator of batches, in file order. A unit may go on in a later batch, so that reading a log
larger than memory, adding a month to a model and following a table are one and the same thing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.columns import name_problem as general_problem

if TYPE_CHECKING:
    import pyarrow as pa

TimeKind = Literal["integer", "instant", "local"]

RESERVED = ("start", "end", "none")
"""Names that histories and actions give a meaning of their own: no event may have them."""

MONEY = frozenset({"value", "cost"})
"""Columns of money, which a log may have or not."""

LARGEST_TIME = 2**61
"""So that the difference of two times is an int64."""

SEPARATOR = ">"
"""Joins the events of a history to the name of a state: no event name may contain it."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands: the file or table, its line (the row, from 1, in a Parquet file).

    `label` says the same in words for sources that have no lines: "row 17", "id 941".
    """

    source: str
    line: int | None = None
    label: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class EventBatch:
    """m rows of an event log, in the order of the log.

    Attributes
    ----------
    unit : (m,) Arrow array of int64, of strings, or of strings as a dictionary; who it happened to
    time : (m,) int64; as given where `time_kind` is "integer"; else microseconds since 1970, in UTC where
        it is "instant", by a clock of no stated zone where it is "local"
    event : (m,) int32, index into `names`
    names : names of the events of this batch; other batches of the log may have others
    value, cost : (m,) finite float64, in units of money, or None where the log has no such column
    type : (m,) int32, index into `type_names`: the unit's type; None where the log has no such column
    place : tells where a row of the batch stands in its source, for messages; None for data in memory

    Raises
    ------
    ProblemError
        Where lengths differ, a code names nothing, a number is not finite, a unit is missing or empty, or
        a name is reserved, holds ">", is empty or stands twice.

    Examples
    --------
    >>> batch = EventBatch.of(["u", "u", "w"], [1, 2, 2], ["email", "visit", "email"], value=[0, 2.5, 0])
    >>> batch
    EventBatch(3 rows, 2 kinds of event, value)
    >>> code, units = batch.unit_codes()
    >>> code.tolist(), units.to_pylist()
    ([0, 0, 1], ['u', 'w'])
    """

    unit: "pa.Array"
    time: NDArray[np.int64]
    event: NDArray[np.int32]
    names: tuple[str, ...]
    value: Floats | None = None
    cost: Floats | None = None
    type: NDArray[np.int32] | None = None
    type_names: tuple[str, ...] = ()
    time_kind: TimeKind = "integer"
    place: Callable[[int], RowPlace] | None = None

    def __post_init__(self) -> None:
        for name, dtype in (("time", np.int64), ("event", np.int32), ("type", np.int32),
                            ("value", np.float64), ("cost", np.float64)):  # fmt: skip
            given = getattr(self, name)
            if given is not None:
                column = np.ascontiguousarray(given, dtype=dtype).view()
                column.flags.writeable = False
                object.__setattr__(self, name, column)
                if column.shape != (len(self.unit),):
                    raise ProblemError(f"{name} must be a vector of {len(self.unit)} entries, one per row")
        for kind, names in (("event", self.names), ("type", self.type_names)):
            if issues := list(name_issues(names, kind)):
                raise ProblemError(issues)
        self._check_codes("event", self.event, self.names)
        if self.type is not None:
            self._check_codes("type", self.type, self.type_names)
        self._check_numbers()
        self._check_units()
        if len(self) and max(-int(self.time.min()), int(self.time.max())) > LARGEST_TIME:
            raise ProblemError(f"a time is beyond {LARGEST_TIME}, the largest")

    @classmethod
    def of(
        cls,
        unit: Sequence[object],
        time: Sequence[int],
        event: Sequence[str],
        *,
        value: Sequence[float] | None = None,
        cost: Sequence[float] | None = None,
        type: Sequence[str] | None = None,
    ) -> "EventBatch":
        """From plain columns of equal length: units are all integers or all strings, times integers."""
        import pyarrow as pa

        names, code = _coded(event)
        kinds, kind = _coded(type) if type is not None else ((), None)
        try:
            whole = pa.array(list(unit)) if len(unit) else pa.array([], pa.string())
        except pa.ArrowException as error:
            raise ProblemError(f"unit must hold integers or strings: {error}") from None
        floats = {k: None if v is None else np.asarray(v, dtype=float) for k, v in
                  (("value", value), ("cost", cost))}  # fmt: skip
        return cls(whole, np.asarray(time, dtype=np.int64), code, names, floats["value"], floats["cost"],
                   kind, kinds)  # fmt: skip

    def __len__(self) -> int:
        return self.time.size

    @property
    def money(self) -> frozenset[str]:
        """Which of the columns value and cost there are."""
        return frozenset(name for name in MONEY if getattr(self, name) is not None)

    def unit_codes(self) -> tuple[Codes, "pa.Array"]:
        """(code (m,), distinct units): rows of one code are one unit; the order of codes is not promised."""
        import pyarrow as pa

        coded = self.unit if pa.types.is_dictionary(self.unit.type) else self.unit.dictionary_encode()
        return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64), coded.dictionary

    def take(self, rows: Codes | NDArray[np.bool_]) -> "EventBatch":
        """The batch of some of its rows, by index or mask; their places stay known."""
        import pyarrow as pa

        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        place = self.place
        return replace(
            self,
            unit=self.unit.take(pa.array(index)),
            time=self.time[index],
            event=self.event[index],
            value=None if self.value is None else self.value[index],
            cost=None if self.cost is None else self.cost[index],
            type=None if self.type is None else self.type[index],
            place=None if place is None else lambda row: place(int(index[row])),
        )

    def issue(self, code: str, message: str, row: int) -> Issue:
        """An error about a row, with the unit and the file and line, or the row, where it stands."""
        text = f"unit {self.unit[row].as_py()!r}: {message}"
        if self.place is None:
            return Issue("error", code, f"{text} (row {row})")
        at = self.place(row)
        if at.label is not None:
            text += f" ({at.label})"
        return Issue("error", code, text, at.source, at.line)

    def clock(self, row: int) -> str:
        """The time of a row as a person writes it."""
        return self.clock_of(int(self.time[row]))

    def clock_of(self, time: int) -> str:
        """A time of this log as a person writes it.

        Examples
        --------
        >>> batch = EventBatch.of([1], [1], ["a"])
        >>> batch.clock_of(5), replace(batch, time_kind="instant").clock_of(1_500_000)
        ('5', '1970-01-01T00:00:01.500000Z')
        """
        if self.time_kind == "integer":
            return str(time)
        return f"{np.datetime64(time, 'us')}" + ("Z" if self.time_kind == "instant" else "")

    def __repr__(self) -> str:
        given = [name for name in ("value", "cost", "type") if getattr(self, name) is not None]
        kinds = "1 kind" if len(self.names) == 1 else f"{len(self.names)} kinds"
        return f"EventBatch({', '.join([f'{len(self):,} rows', f'{kinds} of event', *given])})"

    def _check_codes(self, column: str, code: NDArray[np.int32], names: tuple[str, ...]) -> None:
        if code.size and (int(code.min()) < 0 or int(code.max()) >= len(names)):
            raise ProblemError(f"{column} holds codes that are not in 0..{len(names) - 1}")

    def _check_numbers(self) -> None:
        for name, column in (("value", self.value), ("cost", self.cost)):
            if column is None or np.isfinite(column).all():
                continue
            wrong = np.flatnonzero(~np.isfinite(column))[:FIRST_ISSUES].tolist()
            raise ProblemError(
                [self.issue("not-finite", f"{name} is {column[k]}; it must be finite", k) for k in wrong]
            )

    def _check_units(self) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = self.unit.type
        values = self.unit.dictionary if pa.types.is_dictionary(kind) else self.unit
        if values.type not in (pa.int64(), pa.string()):
            raise ProblemError(f"unit must hold int64 or strings; it holds {kind}")
        if self.unit.null_count or values.null_count:
            raise ProblemError("a unit is missing")
        if values.type == pa.string() and len(values) and pc.min(pc.binary_length(values)).as_py() == 0:
            raise ProblemError("a unit is the empty string; every unit needs a name")


def other_columns(names: Iterable[str], source: str | None = None) -> Issue:
    """The error of a log whose rows do not all have the same columns; `names` are those some have."""
    text = f"the log began with other columns: {', '.join(sorted(names))}"
    if MONEY.issuperset(names):
        text += "; give it all rows, or ask for missing ones to be taken as 0"
    return Issue("error", "columns", text, source)


def name_issues(names: Sequence[str], kind: str = "event") -> "list[Issue]":
    """What is wrong with names of events, or of unit types: reserved, empty, with ">", listed twice."""
    issues, seen = [], set[str]()
    for name in names:
        reason = name_problem(name, kind) or ("is listed twice" if name in seen else None)
        if reason:
            issues.append(Issue("error", "name", f"{kind} {name!r:.80} {reason}"))
        seen.add(name)
    return issues


def name_problem(name: str, kind: str = "event") -> str | None:
    """Why a name may not be an event's (or a unit type's); None if it may."""
    if kind == "event" and name in RESERVED:
        return "is reserved: histories use it; give the event another name"
    if kind == "event" and SEPARATOR in name:
        return f"contains {SEPARATOR!r}, which joins the events of a history"
    if kind == "type" and "/" in name:
        return "contains '/', which separates a type from its states"
    return general_problem(name)


def _coded(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """The distinct names in order of first appearance, and the position of each."""
    position: dict[str, int] = {}
    code = [position.setdefault(name, len(position)) for name in names]
    return tuple(position), np.array(code, dtype=np.int32)
