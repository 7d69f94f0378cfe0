"""How the rows of a log become histories: pauses, terminal events, conversions, duplicates.

A unit's rows are cut into histories. One begins with the unit's first event, with an event that comes more
than `gap` after the one before it, and with the event after a terminal one. Every history has an end of its
own, so a unit that returns after a pause or after its terminal event is two histories, and that is counted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError, UsageError
from optbudget.problems.columns import as_number, did_you_mean
from optbudget.problems.events import EventBatch, name_issues

Duplicates = Literal["refuse", "drop", "keep"]

MICROSECONDS = {"s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6, "w": 7 * 86400 * 10**6}


@dataclass(frozen=True, slots=True)
class Gap:
    """A pause: `length` in microseconds where it was written with a unit ("30d"), else in the log's own."""

    length: int
    clocked: bool

    @classmethod
    def parse(cls, text: str | int) -> "Gap":
        """From an integer, or from an integer and one of s, m, h, d, w.

        Raises
        ------
        UsageError
            If it is neither, or not positive.

        Examples
        --------
        >>> Gap.parse("30d"), Gap.parse(30)
        (Gap(length=2592000000000, clocked=True), Gap(length=30, clocked=False))
        """
        read = re.fullmatch(r"([0-9]{1,12})([smhdw]?)", str(text))
        if read is None or int(read[1]) == 0:
            raise UsageError(
                f"the gap is {text!r:.40}; write a whole number > 0, or one with s, m, h, d or w such as 30d"
            )
        return cls(int(read[1]) * MICROSECONDS.get(read[2], 1), bool(read[2]))

    def __str__(self) -> str:
        if not self.clocked:
            return str(self.length)
        unit = next(u for u in reversed(MICROSECONDS) if self.length % MICROSECONDS[u] == 0)
        return f"{self.length // MICROSECONDS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class EventRules:
    """Rules for the rows of a log; the same for every batch of it.

    Attributes
    ----------
    gap : a longer pause between two events of a unit ends a history; None: no pause does
    terminal : events that end a history
    conversion : value of each of these events, in units of money, where the log states none
    duplicates : rows of the same unit, time and event: "refuse", "drop" all but the first, or "keep"
    events : names that events may have; None: any

    Raises
    ------
    ProblemError, UsageError
        Where a name or number cannot be one, or a terminal or conversion event is not in `events`.

    Examples
    --------
    >>> rules = EventRules(conversion={"visit": 2.0})
    >>> rules.valued(EventBatch.of([1, 1], [3, 4], ["email", "visit"])).value.tolist()
    [0.0, 2.0]
    """

    gap: Gap | None = None
    terminal: tuple[str, ...] = ()
    conversion: Mapping[str, float] = field(default_factory=dict)
    duplicates: Duplicates = "refuse"
    events: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.duplicates not in ("refuse", "drop", "keep"):
            raise UsageError(f"duplicates is {self.duplicates!r}; it must be 'refuse', 'drop' or 'keep'")
        named = [*self.terminal, *self.conversion]
        issues = [
            *name_issues(self.terminal),
            *name_issues(list(self.conversion)),
            *name_issues(self.events or ()),
        ]
        for name in named:
            if self.events is not None and name not in self.events:
                text = f"event {name!r} is not among the events allowed{did_you_mean(name, self.events)}"
                issues.append(Issue("error", "unknown-event", text))
        for name, value in self.conversion.items():
            if not np.isfinite(as_number(value, f"the value of {name!r}")):
                issues.append(
                    Issue("error", "not-finite", f"the value of {name!r} is {value}; it must be finite")
                )
        if issues:
            raise ProblemError(issues)

    def pause(self, time_kind: str) -> int:
        """The longest pause within a history, in the unit of the log's times; 2^63 - 1 without a gap.

        Raises
        ------
        UsageError
            If the gap has a unit and the times are integers, or the other way round.
        """
        if self.gap is None:
            return 2**63 - 1
        if self.gap.clocked and time_kind == "integer":
            raise UsageError("the times of the log are integers: write the gap as an integer, without a unit")
        if not self.gap.clocked and time_kind != "integer":
            raise UsageError("the times of the log are dates: write the gap with a unit, such as 30d")
        return self.gap.length

    def valued(self, batch: EventBatch) -> EventBatch:
        """The batch with the values of conversion events filled in.

        Raises
        ------
        ProblemError
            Where the log itself states another value for such an event; the first twenty rows.
        """
        worth = np.array([self.conversion.get(name, 0.0) for name in batch.names])
        if not worth.any():
            return batch
        stated = np.zeros(len(batch)) if batch.value is None else batch.value
        given = worth[batch.event]
        both = np.flatnonzero((given != 0) & (stated != 0) & (stated != given))
        if both.size:
            text = "the log gives {!r} the value {:g}, and the conversion {:g}; leave one out"
            raise ProblemError([
                batch.issue("two-values", text.format(batch.names[batch.event[k]], stated[k], given[k]), k)
                for k in both[:FIRST_ISSUES].tolist()
            ])  # fmt: skip
        return replace(batch, value=np.where(given != 0, given, stated))

    def require_known(self, batch: EventBatch) -> None:
        """Refuse events that are not in the list of those allowed.

        Raises
        ------
        ProblemError
            The first twenty rows, with what was probably meant.
        """
        if self.events is None:
            return
        known = np.array([name in self.events for name in batch.names], dtype=bool)
        wrong = np.flatnonzero(~known[batch.event]) if known.size else np.empty(0, dtype=np.int64)
        if wrong.size:
            issues = []
            for k in wrong[:FIRST_ISSUES].tolist():
                name = batch.names[batch.event[k]]
                text = f"{name!r} is not among the events allowed{did_you_mean(name, self.events)}"
                issues.append(batch.issue("unknown-event", text, k))
            raise ProblemError(issues)

    def prepared(self, batches: Iterable[EventBatch]) -> Iterator[EventBatch]:
        """The batches, each checked against the list of events and with its conversions valued."""
        for batch in batches:
            self.require_known(batch)
            yield self.valued(batch)

    def as_dict(self) -> dict[str, object]:
        """All rules, for JSON."""
        return {
            "gap": None if self.gap is None else [self.gap.length, self.gap.clocked],
            "terminal": list(self.terminal),
            "conversion": dict(self.conversion),
            "duplicates": self.duplicates,
            "events": None if self.events is None else list(self.events),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "EventRules":
        """What `as_dict` wrote.

        Raises
        ------
        ProblemError
            If it is not that.
        """
        try:
            gap, events = content["gap"], content["events"]
            return cls(
                None if gap is None else Gap(int(gap[0]), bool(gap[1])),
                tuple(map(str, content["terminal"])),
                {str(k): float(v) for k, v in content["conversion"].items()},
                content["duplicates"],
                None if events is None else tuple(map(str, events)),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, UsageError) as error:
            raise ProblemError(f"the rules of the log are not readable: {error!r:.80}") from None
