"""Where every unit's history stands while batches come in."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.learn.row_order import LastSeen
from optbudget.learn.units import UnitRows, unit_hashes
from optbudget.problems.columns import Codes
from optbudget.problems.events import EventBatch
from optbudget.problems.history_counts import FIRST_EVENT, Packing, UnitTails, Words
from optbudget.problems.sharing import spans

if TYPE_CHECKING:
    import pyarrow as pa


class Tails:
    """`UnitTails` that can be written to; ids lie in pieces, and `id_at` says where among all of them.

    A history of zeros is that of a unit without events: it was enrolled for the batch at hand.
    """

    def __init__(self, units: UnitTails, unit_hash: Words) -> None:
        self.ids: list[pa.Array] = [units.id]
        self.id_at: Codes = np.arange(len(units))
        self.hash: Words = unit_hash
        self.history: Words = units.history.copy()
        self.time: Codes = units.time.copy()
        self.value: Codes = units.value.copy()
        self.ties: Codes = np.diff(units.tied_ptr)
        self.tied_event: Codes = units.tied_event

    @classmethod
    def of(cls, units: UnitTails) -> "Tails":
        """The tails of units that were counted before.

        Raises
        ------
        ProblemError
            If they are not in the order of their hashes, or a unit is there twice.
        """
        unit_hash, _ = unit_hashes(units.id)
        if not (unit_hash[1:] > unit_hash[:-1]).all():
            raise ProblemError("the units are not in their order, or one is there twice")
        return cls(units, unit_hash)

    @classmethod
    def empty(cls, words: int) -> "Tails":
        import pyarrow as pa

        none = np.empty(0, dtype=np.int64)
        history = np.empty((0, words), dtype=np.uint64)
        no_ties = np.zeros(1, dtype=np.int64)
        units = UnitTails(pa.nulls(0), history, none, none, no_ties, none)
        return cls(units, none.astype(np.uint64))

    @property
    def nbytes(self) -> int:
        """Bytes of all units."""
        columns = (self.id_at, self.hash, self.history, self.time, self.value, self.ties, self.tied_event)
        return int(sum(part.nbytes for part in self.ids)) + sum(column.nbytes for column in columns)

    def enrol(self, unit_hash: Words, batch: EventBatch, rows: UnitRows) -> Codes:
        """Position of every unit of a batch, (U,), new ones put in at their place."""
        ids = _first_ids(batch, rows)
        self._require_one_kind(ids)
        at = np.searchsorted(self.hash, unit_hash)
        there = np.zeros(at.size, dtype=np.bool_)
        inside = at < self.hash.size
        there[inside] = self.hash[at[inside]] == unit_hash[inside]
        self._require_same_ids(ids, at, there)
        new = np.flatnonzero(~there)
        if new.size:
            self._insert(at[new], unit_hash[new], ids.take(_indices(new)))
            at = np.searchsorted(self.hash, unit_hash)
        return at

    def units(self) -> UnitTails:
        import pyarrow as pa

        pieces = [piece for piece in self.ids if len(piece)]
        whole = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
        if (self.id_at != np.arange(self.id_at.size)).any():
            whole = whole.take(_indices(self.id_at))
        tied_ptr = np.append(0, np.cumsum(self.ties))
        return UnitTails(whole, self.history, self.time, self.value, tied_ptr, self.tied_event)

    def last_seen(self, at: Codes, packing: Packing) -> LastSeen:
        """What was last seen of some units."""
        width = self.ties[at]
        entry = spans((np.cumsum(self.ties) - self.ties)[at], width)
        event = np.maximum(packing.symbol(self.history[at], 0) - FIRST_EVENT, -1)
        return LastSeen(self.time[at], event, np.append(0, np.cumsum(width)), self.tied_event[entry])

    def move_on(self, at: Codes, last: LastSeen) -> None:
        """Take up what was last seen of some units; their histories are not touched."""
        self.time[at] = last.time
        new = np.diff(last.tied_ptr)
        if not self.tied_event.size and not new.any():
            return
        before = np.cumsum(self.ties) - self.ties
        ties = self.ties.copy()
        ties[at] = new
        # Entries of the units at hand are in the second piece, those of all others in the first.
        start = before.copy()
        start[at] = self.tied_event.size + last.tied_ptr[:-1]
        both = np.concatenate([self.tied_event, last.tied_event])
        self.tied_event, self.ties = both[spans(start, ties)], ties

    def _insert(self, at: Codes, unit_hash: Words, ids: "pa.Array") -> None:
        held = sum(map(len, self.ids))
        self.ids.append(ids)
        zeros = np.zeros(at.size, dtype=np.int64)
        self.hash = np.insert(self.hash, at, unit_hash)
        self.id_at = np.insert(self.id_at, at, held + np.arange(at.size))
        self.history = np.insert(self.history, at, np.uint64(0), axis=0)
        self.time, self.value = np.insert(self.time, at, zeros), np.insert(self.value, at, zeros)
        self.ties = np.insert(self.ties, at, zeros)

    def _require_one_kind(self, ids: "pa.Array") -> None:
        before = [piece.type for piece in self.ids if len(piece)]
        if before and before[0] != ids.type:
            kinds = {"int64": "integers", "string": "text"}
            now, then = kinds[str(ids.type)], kinds[str(before[0])]
            raise ProblemError(f"units are {now} here and {then} before; they must be of one kind")

    def _require_same_ids(self, ids: "pa.Array", at: Codes, there: NDArray[np.bool_]) -> None:
        """Hashes of integers are distinct where the integers are; those of strings are looked at."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not there.any() or ids.type == pa.int64():
            return
        pieces = pa.chunked_array([piece for piece in self.ids if len(piece)])
        before = pieces.take(_indices(self.id_at[at[there]])).combine_chunks()
        if not pc.all(pc.equal(ids.filter(pa.array(there)), before)).as_py():
            raise ProblemError("two units have ids of the same hash; give one of them another id")


def _first_ids(batch: EventBatch, rows: UnitRows) -> "pa.Array":
    """The id of every unit of a batch, from its first row."""
    import pyarrow as pa

    first = batch.unit.take(_indices(rows.row[rows.ptr[:-1]]))
    return first.dictionary_decode() if pa.types.is_dictionary(first.type) else first


def _indices(index: NDArray[np.integer]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(index)
