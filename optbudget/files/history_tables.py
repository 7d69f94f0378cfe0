"""Counted histories and where units stand, as Parquet tables of a learned model's folder.

Read strictly: whatever is not as it was written is a `ProblemError` that says how to begin anew.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from optbudget.errors import Issue, ProblemError
from optbudget.files.parquet_tables import read_parquet
from optbudget.files.seals import damaged
from optbudget.problems.columns import Codes
from optbudget.problems.history_counts import (
    BEFORE,
    END,
    FIRST_EVENT,
    LARGEST_SUM,
    GramTable,
    Packing,
    UnitTails,
    Words,
)

UNNAMED = "it has an event that learned.json does not name"
MOST_COUNTED = 2**53
"""Events of a log; sums of so many are exact in doubles."""


def summable(micro: Codes) -> bool:
    """Whether sums of money, in millionths, stay within 64 bits."""
    return float(np.abs(micro.astype(np.float64)).sum()) <= LARGEST_SUM


def write_grams(table: GramTable, path: Path) -> None:
    columns = {f"gram{w}": table.words[:, w] for w in range(table.words.shape[1])}
    _write(pa.table({**columns, "count": table.count, "value": table.value}), path, delta="gram0")


def write_units(units: UnitTails, path: Path) -> None:
    columns: dict[str, object] = {f"history{w}": units.history[:, w] for w in range(units.history.shape[1])}
    columns |= {"time": units.time, "value": units.value}
    if units.tied_event.size:
        columns["tied"] = pa.ListArray.from_arrays(
            pa.array(units.tied_ptr.astype(np.int32)), pa.array(units.tied_event.astype(np.int32))
        )
    _write(pa.table({"unit": units.id, **columns}), path)


def _write(table: pa.Table, path: Path, *, delta: str | None = None) -> None:
    """Columns of whole numbers: small ones as dictionaries, rising ones by their differences."""
    wide = [name for name in table.column_names if name not in ("count", "value")]
    options = {} if delta is None else {"column_encoding": {delta: "DELTA_BINARY_PACKED"}}
    pq.write_table(
        table, path, compression="zstd", version="2.6", write_page_checksum=True, write_statistics=False,
        use_dictionary=[name for name in table.column_names if name not in wide], **options,
    )  # fmt: skip


def read_grams(path: Path, packing: Packing, events: int) -> GramTable:
    names = [f"gram{w}" for w in range(packing.words)]
    table = _read(path, {**dict.fromkeys(names, pa.uint64()), "count": pa.int64(), "value": pa.int64()})
    words = np.stack([table.column(name).to_numpy() for name in names], axis=1)
    count, value = table.column("count").to_numpy(), table.column("value").to_numpy()
    if (count < 1).any() or not _rising(words):
        raise damaged(path.name, "its grams do not rise, or a count is not positive")
    if float(count.sum(dtype=np.float64)) > MOST_COUNTED or not summable(value):
        raise damaged(path.name, "its counts or its values are more than a log can have")
    _require_histories(words, packing, events, path.name)
    if packing.symbol(words, packing.order).max(initial=0) >= events + FIRST_EVENT:
        raise damaged(path.name, UNNAMED)
    return GramTable(words, count, value)


def read_units(path: Path, packing: Packing, events: int) -> UnitTails:
    names = [f"history{w}" for w in range(packing.words)]
    wanted = {**dict.fromkeys(names, pa.uint64()), "time": pa.int64(), "value": pa.int64()}
    table = _read(path, {"unit": None, **wanted})
    ids = table.column("unit").combine_chunks()
    if ids.type not in (pa.int64(), pa.string()):
        raise damaged(path.name, f"units must be whole numbers or text; they are {ids.type}")
    history = np.stack([table.column(name).to_numpy() for name in names], axis=1)
    ptr, tied = np.zeros(len(ids) + 1, dtype=np.int64), np.empty(0, dtype=np.int64)
    if "tied" in table.column_names:
        lists = table.column("tied").combine_chunks()
        if lists.type != pa.list_(pa.int32()) or lists.null_count or lists.values.null_count:
            raise damaged(path.name, "column 'tied' must hold lists of events")
        ptr = lists.offsets.to_numpy().astype(np.int64)
        tied = lists.values.to_numpy().astype(np.int64)
        if tied.size and not (tied.min() >= 0 and tied.max() < events):
            raise damaged(path.name, UNNAMED)
    _require_histories(history, packing, events, path.name)
    if packing.symbol(history, packing.order).any() or not packing.symbol(history, 0).all():
        raise damaged(path.name, "a unit has no last event, or one that follows it")
    times, values = table.column("time").to_numpy(), table.column("value").to_numpy()
    if not summable(values):
        raise damaged(path.name, "its values are more than a log can have")
    return UnitTails(ids, history, times, values, ptr, tied)


def _read(path: Path, columns: Mapping[str, pa.DataType | None]) -> pa.Table:
    if not path.is_file():
        raise damaged(path.name, "it is missing")
    issues: list[Issue] = []
    table = read_parquet(path, (), issues)
    if table is None:
        raise ProblemError(issues)
    for name, kind in columns.items():
        if name not in table.column_names:
            raise damaged(path.name, f"column {name!r} is missing")
        if kind is not None and table.schema.field(name).type != kind:
            raise damaged(path.name, f"column {name!r} must hold {kind}")
        if table.column(name).null_count:
            raise damaged(path.name, f"column {name!r} has missing values")
    return table


def _require_histories(words: Words, packing: Packing, events: int, file: str) -> None:
    """Refuse grams of which a history is not named events back to its first, and nothing before it."""
    earlier_is_none = np.zeros(len(words), dtype=np.bool_)
    for position in range(packing.order):
        symbol = packing.symbol(words, position)
        none = symbol == BEFORE
        if symbol.max(initial=0) >= events + FIRST_EVENT:
            raise damaged(file, UNNAMED)
        if (symbol == END).any() or (earlier_is_none & ~none).any():
            raise damaged(file, "a history in it has an end, or an event before its first")
        earlier_is_none = none
    if (words & ~packing.gram_mask).any():
        raise damaged(file, "it has bits set where no symbol is")


def _rising(words: Words) -> bool:
    """Whether each row is greater than the one before it."""
    after, before = words[1:], words[:-1]
    rises, equal = np.zeros(len(after), dtype=np.bool_), np.ones(len(after), dtype=np.bool_)
    for w in range(words.shape[1]):
        rises |= equal & (after[:, w] > before[:, w])
        equal &= after[:, w] == before[:, w]
    return bool(rises.all())
