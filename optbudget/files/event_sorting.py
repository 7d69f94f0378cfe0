"""Rows put in the order of time, for logs larger than memory.

Rows go to one of 64 pieces by the hash of their unit, on disk where there are many; each piece is sorted by
time, rows of equal time staying in file order. So every unit's rows are together and in order, and memory is
that of the largest piece. Every batch names all events so far, in the order in which the log names them.
"""

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import LimitError
from optbudget.files.event_columns import Place, Tally
from optbudget.problems import EventBatch
from optbudget.problems.columns import Codes
from optbudget.problems.events import MONEY, RowPlace, TimeKind

BYTES_PER_ROW = 400
"""Memory that sorting takes for each row, with room for long names; 124 were measured with short ones."""

PIECES = 64


def sorted_batches(
    batches: Iterable[EventBatch], tally: Tally, *, max_memory: int | None = None
) -> Iterator[EventBatch]:
    """All rows, each unit's in the order of time; the tally counts those that came too late in the log.

    Raises
    ------
    LimitError
        If the disk is full.
    """
    held = (max_memory or 1 << 33) // 2 // BYTES_PER_ROW
    log = _Log()
    waiting: list[pa.Table] = []
    with ExitStack() as stack:
        spill: _Spill | None = None
        try:
            for batch in batches:
                waiting.append(log.table(batch))
                if sum(table.num_rows for table in waiting) > held:
                    spill = spill or _Spill(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)
                    spill.add(waiting)
                    waiting = []
            if spill is not None:
                spill.add(waiting)
                waiting = []
            for table in spill.tables() if spill is not None else map(_joined, [waiting] if waiting else []):
                yield log.sorted(table, tally)
        except OSError as error:
            text = f"sorting needs room in {tempfile.gettempdir()}: {error.strerror}"
            raise LimitError(text) from None


class _Log:
    """What all rows have in common: names in the order of the log, and where rows stand."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.types: dict[str, int] = {}
        self.places: list[Place | None] = []
        self.time_kind: TimeKind = "integer"

    def table(self, batch: EventBatch) -> pa.Table:
        """The batch's rows, names as codes of the log, each with the batch and row it comes from."""
        unit = batch.unit
        columns = {
            "unit": unit.cast(unit.type.value_type) if pa.types.is_dictionary(unit.type) else unit,
            "time": batch.time,
            "event": self._coded(self.names, batch.names)[batch.event],
            "batch": np.full(len(batch), len(self.places), dtype=np.int32),
            "row": np.arange(len(batch), dtype=np.int32),
        }
        if batch.type is not None:
            columns["type"] = self._coded(self.types, batch.type_names)[batch.type]
        columns |= {name: column for name, column in (("value", batch.value), ("cost", batch.cost))
                    if column is not None}  # fmt: skip
        self.places.append(batch.place)
        self.time_kind = batch.time_kind
        return pa.table(columns)

    def sorted(self, table: pa.Table, tally: Tally) -> EventBatch:
        """Rows of a table in the order of time."""
        time = table.column("time").to_numpy()
        tally.sorted += _late(table, time)
        table = table.take(pa.array(np.argsort(time, kind="stable")))
        column = {name: table.column(name).to_numpy() for name in table.column_names if name != "unit"}
        column |= {name: np.nan_to_num(column[name]) for name in MONEY.intersection(column)}
        batch, row, places = column["batch"], column["row"], self.places

        def place(k: int) -> RowPlace:
            found = places[batch[k]]
            return RowPlace("", None, f"row {row[k]}") if found is None else found(int(row[k]))

        return EventBatch(
            table.column("unit").combine_chunks(), column["time"], column["event"], tuple(self.names),
            column.get("value"), column.get("cost"), column.get("type"), tuple(self.types), self.time_kind,
            place,
        )  # fmt: skip

    def _coded(self, known: dict[str, int], names: tuple[str, ...]) -> NDArray[np.int32]:
        return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int32)


class _Spill:
    """Pieces of a log on disk: rows of one unit are in one piece."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.writers: dict[tuple[int, str], Any] = {}

    def add(self, tables: list[pa.Table]) -> None:
        """Put rows into their pieces."""
        for table in tables:
            piece = _piece(table.column("unit"))
            kind = f"{table.column('unit').type}-{'-'.join(table.column_names)}"
            for k in np.unique(piece).tolist():
                key = k, kind
                if key not in self.writers:
                    path = self.folder / f"{k}.{kind}"
                    self.writers[key] = self.stack.enter_context(pa.ipc.new_stream(path, table.schema))
                self.writers[key].write_table(table.filter(pa.array(piece == k)))

    def tables(self) -> Iterator[pa.Table]:
        """The pieces, one by one."""
        for writer in self.writers.values():
            writer.close()
        for k in sorted({k for k, _ in self.writers}):
            parts = []
            for path in sorted(self.folder.glob(f"{k}.*")):
                with pa.ipc.open_stream(path) as stream:
                    parts.append(stream.read_all())
            yield _joined(parts)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Tables one after the other, by the batches they come from; units become text where kinds differ.

    Money is missing where only others have the column: so it is taken as 0.
    """
    kinds = {table.schema.field("unit").type for table in tables}
    if len(kinds) > 1:
        tables = [table.set_column(0, "unit", table.column("unit").cast(pa.string())) for table in tables]
    columns = {tuple(table.column_names) for table in tables}
    joined = pa.concat_tables(tables, promote_options="default")
    if len(kinds) == len(columns) == 1:
        return joined
    return joined.sort_by([("batch", "ascending"), ("row", "ascending")])


def _piece(unit: pa.ChunkedArray) -> Codes:
    """The piece of every row, by a hash of its unit that is the same for 7 and "7"."""
    coded = unit.combine_chunks().dictionary_encode()
    of = [zlib.crc32(str(name).encode()) % PIECES for name in coded.dictionary.to_pylist()]
    piece: Codes = np.array(of, dtype=np.int64)[coded.indices.to_numpy()]
    return piece


def _late(table: pa.Table, time: Codes) -> int:
    """Rows of an earlier time than one of the same unit before them."""
    unit = table.column("unit").combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(unit, kind="stable")
    rank = np.unique(time, return_inverse=True)[1][order]
    grouped = unit[order].astype(np.int64) * (int(rank.max(initial=0)) + 1) + rank
    return int((grouped < np.maximum.accumulate(grouped)).sum())
