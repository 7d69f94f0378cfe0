"""A log, batch after batch, to the counts of what followed each history.

A unit's history is the events before, the most recent D of them. Each event counts once, after the history
it followed, and "end" counts once after a unit's last event. A batch that goes on with a unit takes the
"end" back before it adds. All is integers, so

.. math:: \\text{count}(A \\text{ then } B) = \\text{update}(\\text{count}(A), B)

to the bit, however the log A, B is cut.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import InterruptedWork, Issue, LimitError, ProblemError
from optbudget.learn import weighing
from optbudget.learn._counting_kernels import first_rows, roll
from optbudget.learn.gram_tables import added, tabulate, taken_away
from optbudget.learn.row_order import Judged, judge_rows
from optbudget.learn.tails import Tails
from optbudget.learn.units import UnitRows, by_unit
from optbudget.problems.columns import Codes, Floats, did_you_mean
from optbudget.problems.event_rules import EventRules
from optbudget.problems.events import EventBatch, other_columns
from optbudget.problems.history_counts import (
    FIRST_EVENT,
    LARGEST_SUM,
    MICRO,
    CountingRule,
    GramTable,
    HistoryCounts,
    Packing,
    RowsSeen,
    Words,
)
from optbudget.problems.sharing import mix
from optbudget.status import Termination

if TYPE_CHECKING:
    from optbudget.learn.trails import Trail
    from optbudget.workers import Monitor


def count_histories(
    batches: Iterable[EventBatch],
    *,
    order: int = 10,
    rows: EventRules | None = None,
    held_out: float = 0.0,
    missing_as_zero: bool = False,
    monitor: "Monitor | None" = None,
    trail: "Trail | None" = None,
) -> HistoryCounts:
    """Count what followed each history of up to `order` events.

    Parameters
    ----------
    batches : the log; rows of a unit in the order of time, wherever they stand
    order : longest history, in events
    rows : how rows become histories: pauses, terminal events, conversions, duplicates
    held_out : share of the units that models are scored on instead of made from
    missing_as_zero : take values or costs as 0 in batches without such a column where others have it
    trail : collects the same unit by unit (`optbudget.learn.trails`)

    Raises
    ------
    ProblemError
        If the log is empty, rows break the rules (`optbudget.learn.row_order`), values or costs do not fit
        millionths, some batches have a column of them and others not, or a terminal or conversion event
        does not occur.
    LimitError
        If the counts would take more memory than the monitor allows; nothing is allocated for them before.

    Examples
    --------
    >>> from optbudget.problems.events import EventBatch
    >>> log = EventBatch.of(["u", "u", "w"], [1, 2, 2], ["email", "visit", "email"], value=[0, 2.5, 0])
    >>> count_histories([log], order=2)
    HistoryCounts(3 events of 2 units, 2 kinds, order 2, 4 grams)

    Notes
    -----
    Linear in the rows but for one sort of the grams of each batch.
    """
    rule = CountingRule(order, rows or EventRules(), held_out)
    return _Counter(rule, trail=trail, monitor=monitor, missing_as_zero=missing_as_zero).counted(batches)


def update(
    counts: HistoryCounts,
    batches: Iterable[EventBatch],
    *,
    missing_as_zero: bool = False,
    monitor: "Monitor | None" = None,
) -> HistoryCounts:
    """The counts with more rows, which may go on with units that were counted: as if counted at once.

    Raises
    ------
    ProblemError, LimitError
        As `count_histories`; columns of values and costs are those of the rows counted before.

    Examples
    --------
    >>> from optbudget.problems.events import EventBatch
    >>> first = EventBatch.of(["u", "w"], [1, 2], ["email", "email"])
    >>> more = EventBatch.of(["u"], [3], ["visit"])
    >>> update(count_histories([first], order=2), [more])
    HistoryCounts(3 events of 2 units, 2 kinds, order 2, 4 grams)
    """
    counter = _Counter(counts.rule, counts, monitor=monitor, missing_as_zero=missing_as_zero)
    return counter.counted(batches)


class _Counter:
    """Counts on the way from one batch to the next."""

    def __init__(
        self,
        rule: CountingRule,
        known: HistoryCounts | None = None,
        trail: "Trail | None" = None,
        monitor: "Monitor | None" = None,
        missing_as_zero: bool = False,
    ) -> None:
        self.rule = rule
        self.missing_as_zero = missing_as_zero
        self.trail = trail
        self.monitor = monitor
        self.names = list(known.names) if known else []
        self.packing = Packing.of(rule.order, len(self.names))
        self.kept = known.kept if known else GramTable.empty(self.packing.words)
        self.held = known.held if known else GramTable.empty(self.packing.words)
        self.tails = Tails.of(known.units) if known else Tails.empty(self.packing.words)
        self.times = known.times.copy() if known else np.zeros(0, dtype=np.int64)
        self.cost = known.cost.copy() if known else np.zeros(0, dtype=np.int64)
        self.money = known.money if known else None
        self.time_kind = known.time_kind if known else None
        self.seen = known.seen if known else RowsSeen()

    def counted(self, batches: Iterable[EventBatch]) -> HistoryCounts:
        for batch in self.rule.rows.prepared(map(self._alike, batches)):
            if len(batch):
                self.add(batch)
            _go_on(self.monitor)
        if not self.names:
            raise ProblemError([Issue("error", "no-rows", "the log has no events")])
        for what, named in (("terminal", self.rule.rows.terminal), ("conversion", self.rule.rows.conversion)):
            for name in named:
                if name not in self.names:
                    hint = did_you_mean(name, self.names)
                    raise ProblemError(f"{what} event {name!r} does not occur in the log{hint}")
        return HistoryCounts(
            self.rule, tuple(self.names), self.kept, self.held, self.tails.units(),
            self.times, self.cost, self.seen, "cost" in (self.money or ()), self.time_kind or "integer",
            "value" in (self.money or ()),
        )  # fmt: skip

    def _alike(self, batch: EventBatch) -> EventBatch:
        """The batch, if it has the columns of money that those before it have."""
        if len(batch):
            given = batch.money
            before = given if self.money is None else self.money
            if given != before and not self.missing_as_zero:
                raise ProblemError([other_columns(given ^ before)])
            self.money = given | before
        return batch

    def add(self, batch: EventBatch) -> None:
        if self.time_kind not in (None, batch.time_kind):
            kinds = {"integer": "integers", "instant": "dates with a zone", "local": "dates without a zone"}
            now, then = kinds[batch.time_kind], kinds[self.time_kind]
            raise ProblemError(f"times are {now} here and {then} before; they must be of one kind")
        self.time_kind = batch.time_kind
        symbol = self._symbols(batch)
        rows = by_unit(batch.unit)
        at = self.tails.enrol(rows.hash, batch, rows)
        judged = self._judged(batch, symbol, rows, at)
        self._total(batch, symbol, rows, judged)
        added_grams, taken_grams = self._roll(batch, symbol, rows, at, judged)
        for name, more, less in zip(("kept", "held"), added_grams, taken_grams, strict=True):
            known = getattr(self, name)
            self._require_memory(weighing.of_merge(known, more), len(known) + len(more))
            setattr(self, name, taken_away(added(known, more), less))
        # The sums of two batches that are each within the limit cannot overflow.
        for column, sums in (("value", (self.kept.value, self.held.value)), ("cost", (self.cost,))):
            if sum(float(np.abs(part.astype(np.float64)).sum()) for part in sums) > LARGEST_SUM:
                raise _too_much(column)

    def _require_memory(self, more: float, grams: int) -> None:
        """Refuse what would not fit beside the counts and the units that are there."""
        if self.monitor is not None:
            held = weighing.of_table(self.kept) + weighing.of_table(self.held) + self.tails.nbytes
            self.monitor.require_memory(held + more, f"counting {grams:,} histories of events")

    def _symbols(self, batch: EventBatch) -> NDArray[np.int32]:
        """The symbol of every row, after new names are taken up in order of first appearance."""
        place = {name: k for k, name in enumerate(self.names)}
        if any(name not in place for name in batch.names):
            first = np.full(len(batch.names), len(batch), dtype=np.int64)
            first_rows(batch.event, first)
            for k in np.argsort(first, kind="stable").tolist():
                if first[k] < len(batch) and batch.names[k] not in place:
                    place[batch.names[k]] = len(self.names)
                    self.names.append(batch.names[k])
            self._repack(Packing.of(self.rule.order, len(self.names)))
        symbol_of = [place.get(name, 0) + FIRST_EVENT for name in batch.names]
        return np.array(symbol_of, dtype=np.int32)[batch.event]

    def _repack(self, packing: Packing) -> None:
        if packing != self.packing:
            for name in ("kept", "held"):
                table = getattr(self, name)
                words = self.packing.repacked(table.words, packing)
                setattr(self, name, GramTable(words, table.count, table.value))
            self.tails.history = self.packing.repacked(self.tails.history, packing)
            self.packing = packing

    def _judged(self, batch: EventBatch, symbol: NDArray[np.int32], rows: UnitRows, at: Codes) -> Judged:
        """Which rows count, and where histories begin; the units' last times are moved on."""
        last = self.tails.last_seen(at, self.packing)
        event = (symbol - FIRST_EVENT).astype(np.int64)
        names = tuple(self.names)
        judged = judge_rows(batch, rows.row, rows.ptr, event, names, last, self.rule.rows)
        self.tails.move_on(at, judged.last)
        before = self.seen
        self.seen = RowsSeen(
            before.dropped + judged.dropped, before.paused + judged.paused, before.returned + judged.returned
        )
        return judged

    def _total(self, batch: EventBatch, symbol: NDArray[np.int32], rows: UnitRows, judged: Judged) -> None:
        size = len(self.names)
        code, cost = symbol - FIRST_EVENT, _micro(batch, "cost")
        if not judged.kept.all():
            counted = rows.row[judged.kept]
            code, cost = code[counted], cost[counted]
        for name, more in (
            ("times", np.bincount(code, minlength=size)),
            ("cost", _summed(cost, code, size)),
        ):
            before = getattr(self, name)
            more[: before.size] += before
            setattr(self, name, more.astype(np.int64))

    def _roll(
        self, batch: EventBatch, symbol: NDArray[np.int32], rows: UnitRows, at: Codes, judged: Judged
    ) -> tuple[list[GramTable], list[GramTable]]:
        """Grams to be added and to be taken away, of the units kept and of those held out."""
        packing, tails = self.packing, self.tails
        units = rows.hash.size
        size = _slots(rows, judged)
        cuts = np.append(0, np.cumsum(size))
        grams_at_most = int(cuts[-1])
        self._require_memory(weighing.of_batch(grams_at_most, packing.words), grams_at_most)
        history, value = tails.history[at], tails.value[at]
        grams = np.empty((cuts[-1], packing.words), dtype=np.uint64)
        worth, used = np.empty(cuts[-1], dtype=np.int64), np.empty(units, dtype=np.int64)
        taken, taken_worth = np.zeros((units, packing.words), dtype=np.uint64), np.zeros(units, np.int64)
        roll(
            rows.ptr,
            (rows.row, judged.kept, judged.begins, symbol, _micro(batch, "value")),
            (history, value),
            _layout(packing),
            cuts,
            (grams, worth, used, taken, taken_worth),
        )
        tails.history[at], tails.value[at] = history, value
        if self.trail is not None:
            self.trail.add(packing, rows.hash, grams, worth, cuts[:-1], used)
        out = held_out(rows.hash, self.rule.held_out)
        there = taken.any(axis=1)
        more, less = [], []
        for chosen in (~out, out):
            mine = np.repeat(chosen, size)
            if (used != size).any():
                mine &= np.arange(mine.size) - np.repeat(cuts[:-1], size) < np.repeat(used, size)
            everything = mine.all()
            more.append(tabulate(grams if everything else grams[mine], worth if everything else worth[mine]))
            less.append(tabulate(taken[there & chosen], taken_worth[there & chosen]))
        return more, less


def _slots(rows: UnitRows, judged: Judged) -> Codes:
    """Grams that each unit has room for: its rows, the ends of its histories, and one."""
    size = np.diff(rows.ptr) + 1
    if judged.paused or judged.returned:
        size += np.add.reduceat(judged.begins.astype(np.int64), rows.ptr[:-1])
    return size


def held_out(unit_hash: Words, share: float) -> NDArray[np.bool_]:
    """Which units are held out: those whose hash, mixed once more, is below the share of all hashes."""
    mixed = mix(unit_hash ^ np.uint64(0xA0761D6478BD642F))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share)


def _go_on(monitor: "Monitor | None") -> None:
    reason = None if monitor is None else monitor.stop_reason()
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork("interrupted; nothing was written")
    if reason is not None:
        raise LimitError("the time limit was reached before all events were counted")


def _layout(packing: Packing) -> tuple[int, int, np.uint64, np.uint64, Words]:
    word, shift = packing.place(packing.order)
    last = 64 - packing.bits * packing.per_word
    return packing.bits, word, np.uint64(shift), np.uint64(last), packing.history_mask


def _micro(batch: EventBatch, column: str) -> Codes:
    """A column of money in millionths, whole."""
    given: Floats | None = getattr(batch, column)
    if given is None:
        return np.zeros(len(batch), dtype=np.int64)
    scaled = np.rint(given * MICRO)
    wrong = np.flatnonzero((np.abs(scaled) > 2.0**53) | ((scaled == 0) & (given != 0)))
    if wrong.size:
        must = f"it must be 0, or from a millionth to {2**53 // MICRO:,}; take another unit"
        raise ProblemError(
            [batch.issue(column, f"{column} is {given[k]:g}; {must}", k) for k in wrong[:20].tolist()]
        )
    if np.abs(scaled).sum() > LARGEST_SUM:
        raise _too_much(column)
    return scaled.astype(np.int64)


def _too_much(column: str) -> ProblemError:
    most = f"{LARGEST_SUM // MICRO:,}"
    return ProblemError(f"the column {column!r} adds up to more than {most}; take a larger unit of money")


def _summed(micro: Codes, code: NDArray[np.int32], size: int) -> Codes:
    """Sum of whole numbers by code, exact."""
    found = np.zeros(size, dtype=np.int64)
    valued = np.flatnonzero(micro)
    np.add.at(found, code[valued], micro[valued])
    return found
