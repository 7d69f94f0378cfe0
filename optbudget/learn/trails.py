"""Unit by unit what followed each history, collected while a log is counted.

Of every batch the grams are kept as they were counted, without the "end" that each unit has for the time
being. Once the log is read, every unit gets the one "end" that stands. O(N) and as large as the log.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from optbudget.learn._mixture_kernels import places
from optbudget.learn.counting import count_histories, held_out
from optbudget.learn.units import unit_hashes
from optbudget.problems.columns import Codes
from optbudget.problems.event_rules import EventRules
from optbudget.problems.events import EventBatch
from optbudget.problems.history_counts import END, HistoryCounts, Packing, Words
from optbudget.problems.sharing import spans
from optbudget.problems.unit_histories import UnitHistories

if TYPE_CHECKING:
    from optbudget.workers import Monitor


class Trail:
    """Grams of the units of one batch after another."""

    def __init__(self) -> None:
        self.packing: list[Packing] = []
        self.hash: list[Words] = []
        self.size: list[Codes] = []
        self.words: list[Words] = []
        self.value: list[Codes] = []

    def add(
        self, packing: Packing, unit_hash: Words, grams: Words, value: Codes, start: Codes, used: Codes
    ) -> None:
        """Grams start[u]:start[u] + used[u] of each unit; the last of each is its "end" so far."""
        chosen = spans(start, used - 1)
        self.packing.append(packing)
        self.hash.append(unit_hash)
        self.size.append(used - 1)
        self.words.append(grams[chosen])
        self.value.append(value[chosen])

    def histories(self, counts: HistoryCounts) -> UnitHistories:
        """All of them by unit, once the log is counted."""
        packing, units = counts.packing, counts.units
        order, _ = unit_hashes(units.id)
        word, shift = packing.place(packing.order)
        ends = units.history.copy()
        ends[:, word] |= np.uint64(END) << np.uint64(shift)
        pieces = [old.repacked(w, packing) if old != packing else w
                  for old, w in zip(self.packing, self.words, strict=True)]  # fmt: skip
        words = np.concatenate([*pieces, ends])
        value = np.concatenate([*self.value, units.value])
        of = [np.repeat(np.searchsorted(order, h), n) for h, n in zip(self.hash, self.size, strict=True)]
        unit = np.concatenate([*of, np.arange(len(units))])
        ptr = np.append(0, np.cumsum(np.bincount(unit, minlength=len(units))))
        at = np.empty(unit.size, dtype=np.int64)
        places(unit, ptr[:-1].copy(), at)
        value = value[at]
        valued = np.flatnonzero(value)
        held = held_out(order, counts.rule.held_out)
        return UnitHistories(counts, ptr, words[at], valued, value[valued], held)


def unit_histories(
    batches: Iterable[EventBatch],
    *,
    order: int = 3,
    rows: EventRules | None = None,
    held_out: float = 0.0,
    missing_as_zero: bool = False,
    monitor: "Monitor | None" = None,
) -> UnitHistories:
    """Count a log as `count_histories` does, and keep what followed which history unit by unit.

    Examples
    --------
    >>> log = EventBatch.of(["u", "u", "w"], [1, 2, 2], ["email", "visit", "email"], value=[0, 2.5, 0])
    >>> unit_histories([log], order=2)
    UnitHistories(5 grams of 2 units)
    """
    trail = Trail()
    counts = count_histories(
        batches, order=order, rows=rows, held_out=held_out, missing_as_zero=missing_as_zero, monitor=monitor,
        trail=trail,
    )  # fmt: skip
    return trail.histories(counts)
