"""Event logs to Parquet files, batch by batch."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from optbudget.errors import ProblemError
from optbudget.problems import EventBatch

SCHEMA = pa.schema(
    [
        ("unit", pa.int64()), ("time", pa.int64()), ("event", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()), ("cost", pa.float64()),
    ]
)  # fmt: skip


def write_events(batches: Iterable[EventBatch], path: str | Path) -> int:
    """Write a log of any size to a Parquet file, a row group for each batch; returns how many rows.

    The file is there when it is whole. Equal batches give equal bytes.

    Raises
    ------
    ProblemError
        If a batch has units that are not whole numbers, or times that are dates.
    """
    target = Path(path)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    rows = 0
    try:
        with pq.ParquetWriter(aside, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
            for batch in batches:
                writer.write_table(_table(batch))
                rows += len(batch)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return rows


def _table(batch: EventBatch) -> pa.Table:
    if batch.unit.type != pa.int64() or batch.time_kind != "integer":
        raise ProblemError("only logs whose units and times are whole numbers are written")
    event = pa.DictionaryArray.from_arrays(pa.array(batch.event), pa.array(batch.names))
    value, cost = (
        pa.nulls(len(batch), pa.float64()) if c is None else pa.array(c) for c in (batch.value, batch.cost)
    )
    return pa.table([batch.unit, pa.array(batch.time), event, value, cost], schema=SCHEMA)
