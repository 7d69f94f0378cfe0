"""How often each event followed each history: all that a model of histories is learned from.

A **gram** is a history of up to D events and the symbol that followed it, D + 1 symbols: the most recent
event, the one before it, and so on back, and last the one that followed. Symbol 0 means "before the first
event", 1 "no further event", and k + 2 the event k. A symbol takes b bits, the fewest that hold them all,
and a word of 64 bits holds ⌊64 / b⌋ of them, the first in the top bits.

Sorted grams put all histories with a common suffix next to each other, whatever its length: a context of
length k is a run of equal first k symbols.

Counts, and sums of values in millionths, are integers. So what is counted does not depend on how a log is cut
into batches, nor on how units are mixed in it: adding batches gives the counts of the whole, to the bit.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.problems.columns import Codes
from optbudget.problems.event_rules import EventRules

if TYPE_CHECKING:
    import pyarrow as pa

Words = NDArray[np.uint64]

BEFORE, END, FIRST_EVENT = 0, 1, 2
"""Symbols: before a unit's first event, no further event, and the first event that has a name."""

LEARNED = "learned from an event log"
"""The source that a learned model states."""

MICRO = 1_000_000
"""Values and costs are summed in millionths."""

LARGEST_SUM = 2**61
"""What values or costs may add up to, in millionths."""

MOST_EVENTS = (1 << 15) - 2
MOST_ORDER = 40


@dataclass(frozen=True, slots=True)
class Packing:
    """How grams lie in words of 64 bits.

    Attributes
    ----------
    order : D, events of a history
    bits : b, of a symbol

    Examples
    --------
    >>> Packing.of(order=10, events=28)
    Packing(order=10, bits=5)
    >>> Packing.of(order=10, events=28).words, Packing.of(order=10, events=1000).words
    (1, 2)
    """

    order: int
    bits: int

    @classmethod
    def of(cls, order: int, events: int) -> "Packing":
        """The packing of histories of `order` events out of so many.

        Raises
        ------
        ProblemError
            Where the order is not in 0..40, or there are more than 32,766 kinds of events.
        """
        if not 0 <= order <= MOST_ORDER:
            raise ProblemError(f"order is {order}; it must be a whole number from 0 to {MOST_ORDER}")
        if events > MOST_EVENTS:
            raise ProblemError(f"there are {events:,} kinds of events; {MOST_EVENTS:,} are the most")
        return cls(order, max(2, (events + 1).bit_length()))

    @property
    def per_word(self) -> int:
        return 64 // self.bits

    @property
    def words(self) -> int:
        return self.order // self.per_word + 1

    @property
    def history_mask(self) -> Words:
        """(W,) ones where the symbols of the history are, zeros where the following one is."""
        mask = [0] * self.words
        for position in range(self.order):
            word, shift = self.place(position)
            mask[word] |= ((1 << self.bits) - 1) << shift
        return np.array(mask, dtype=np.uint64)

    @property
    def gram_mask(self) -> Words:
        """(W,) ones where the symbols of a gram are, the following one among them."""
        mask = self.history_mask
        word, shift = self.place(self.order)
        mask[word] |= np.uint64(((1 << self.bits) - 1) << shift)
        return mask

    def place(self, position: int) -> tuple[int, int]:
        """Word and shift of a symbol; position 0 is the most recent event, `order` what followed."""
        return position // self.per_word, 64 - self.bits * (position % self.per_word + 1)

    def symbol(self, words: Words, position: int) -> Codes:
        """The symbol at a position of every gram, (N,)."""
        word, shift = self.place(position)
        mask = np.uint64((1 << self.bits) - 1)
        return ((words[:, word] >> np.uint64(shift)) & mask).astype(np.int64)

    def repacked(self, words: Words, other: "Packing") -> Words:
        """Grams of this packing in another one of the same order; their order among each other stays."""
        found = np.zeros((words.shape[0], other.words), dtype=np.uint64)
        for position in range(self.order + 1):
            word, shift = other.place(position)
            found[:, word] |= self.symbol(words, position).astype(np.uint64) << np.uint64(shift)
        return found


@dataclass(frozen=True, eq=False, repr=False)
class GramTable:
    """Distinct grams in rising order.

    Attributes
    ----------
    words : (N, W) uint64
    count : (N,) int64, how often each was seen, > 0
    value : (N,) int64, the value of the last event of its history, summed, in millionths
    """

    words: Words
    count: Codes
    value: Codes

    def __len__(self) -> int:
        return self.count.size

    @classmethod
    def empty(cls, words: int) -> "GramTable":
        none = np.empty(0, dtype=np.int64)
        return cls(np.empty((0, words), dtype=np.uint64), none, none)

    def __repr__(self) -> str:
        return f"GramTable({len(self):,} grams, {int(self.count.sum()):,} times)"


@dataclass(frozen=True, eq=False, repr=False)
class UnitTails:
    """Where every unit's history stands: what a later batch goes on from. In the order of a hash of the ids.

    Attributes
    ----------
    id : (U,) Arrow array of int64 or strings
    history : (U, W) uint64, the last D events of its last history, as a gram that nothing follows
    time : (U,) int64, of the last event
    value : (U,) int64, of the last event, in millionths
    tied_ptr, tied_event : (U+1,), (z,) int64; where several events are at the last time, all of these
    """

    id: "pa.Array"
    history: Words
    time: Codes
    value: Codes
    tied_ptr: Codes
    tied_event: Codes

    def __len__(self) -> int:
        return self.time.size


@dataclass(frozen=True, slots=True)
class CountingRule:
    """How a log is counted.

    Attributes
    ----------
    order : longest history, in events; at least 1, for a state's worth is that of its last event
    rows : how rows become histories
    held_out : share of the units, in [0, 1), that the model is scored on; a stable function of their ids
    """

    order: int
    rows: EventRules = field(default_factory=EventRules)
    held_out: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.order, bool) or not isinstance(self.order, int):
            raise ProblemError(f"order is {self.order!r:.40}; it must be a whole number")
        if not 1 <= self.order <= MOST_ORDER:
            raise ProblemError(f"order is {self.order}; histories of 1 to {MOST_ORDER} events are counted")
        if not 0 <= self.held_out < 1:
            raise ProblemError(f"held_out is {self.held_out!r:.40}; it must be in [0, 1)")


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """What was done with the rows of a log: left out as duplicates; histories begun anew after a pause, and
    after a terminal event."""

    dropped: int = 0
    paused: int = 0
    returned: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class HistoryCounts:
    """Everything that was counted in a log, from which models are made and which later batches add to.

    Attributes
    ----------
    rule : how the log was cut into histories
    names : events, in order of first appearance
    kept : grams of the units that models are made from
    held : grams of the units held out; empty where rule.held_out is 0
    units : where every unit's history stands
    times : (events,) int64, how often each event was seen
    cost : (events,) int64, their costs summed, in millionths
    seen : what was done with the rows
    costed, valued : whether the log has a column of costs, and of values
    time_kind : "integer", "instant" or "local"
    """

    rule: CountingRule
    names: tuple[str, ...]
    kept: GramTable
    held: GramTable
    units: UnitTails
    times: Codes
    cost: Codes
    seen: RowsSeen = RowsSeen()
    costed: bool = False
    time_kind: str = "integer"
    valued: bool = False

    @cached_property
    def packing(self) -> Packing:
        return Packing.of(self.rule.order, len(self.names))

    @property
    def money(self) -> frozenset[str]:
        """Which of the columns value and cost the log has."""
        has = {"value": self.valued, "cost": self.costed}
        return frozenset(name for name in has if has[name])

    @property
    def events(self) -> int:
        """Rows of the log."""
        return int(self.times.sum())

    @cached_property
    def histories(self) -> int:
        """Histories that were begun: units, and what gaps and terminal events cut off."""
        return sum(_ended(table, self.packing) for table in (self.kept, self.held))

    def __repr__(self) -> str:
        return (
            f"HistoryCounts({self.events:,} events of {len(self.units):,} units, {len(self.names)} kinds, "
            f"order {self.rule.order}, {len(self.kept) + len(self.held):,} grams)"
        )


def _ended(table: GramTable, packing: Packing) -> int:
    return int(table.count[packing.symbol(table.words, packing.order) == END].sum())
