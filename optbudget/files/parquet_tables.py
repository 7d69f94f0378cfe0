"""Parquet tables: what a file declares is held against its size before memory is taken."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from optbudget.errors import Issue

ROWS_PER_BYTE = 100
"""Most rows per byte of file that are believed, past the first million; real tables have less than one."""

SMALLEST_LIMIT = 1_000_000

LARGEST_DICTIONARY = 1 << 30
"""Bytes of names up to which a column of them is written as a dictionary."""

LIMITS = {"thrift_string_size_limit": 64 << 20, "thrift_container_size_limit": 1_000_000}
"""Most that a file's own description may take."""

UNREADABLE = (
    pa.ArrowException, OSError, ValueError, MemoryError, RuntimeError, KeyError, IndexError, TypeError,
    OverflowError, NotImplementedError,
)  # fmt: skip


def read_parquet(path: Path, names: Sequence[str], issues: list[Issue]) -> pa.Table | None:
    """All columns of a Parquet file, those in `names` as dictionaries; None after adding an issue."""

    def refuse(message: str) -> None:
        issues.append(Issue("error", "parquet", message, path.name))

    try:
        with pq.ParquetFile(path, **LIMITS) as file:
            meta, schema = file.metadata, file.schema_arrow
        if issue := size_issue(path, meta):
            issues.append(issue)
            return None
        textual = [
            field.name
            for field in schema
            if field.name in names and field.type in (pa.string(), pa.large_string())
        ]
        with pq.ParquetFile(path, read_dictionary=textual, page_checksum_verification=True, **LIMITS) as file:
            table = file.read(use_threads=True)
        table.validate(full=True)
    except UNREADABLE as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        refuse(f"the file is not readable Parquet: {first_line(reason)}")
        return None
    return table


def size_issue(path: Path, meta: Any) -> Issue | None:
    """What is wrong with the number of rows that a file declares; None if it can be believed."""
    size = path.stat().st_size
    text = None
    if meta.num_rows > SMALLEST_LIMIT + ROWS_PER_BYTE * size or meta.num_rows < 0:
        text = f"the file declares {meta.num_rows} rows and has only {size} bytes"
    else:
        held = sum(meta.row_group(k).num_rows for k in range(meta.num_row_groups))
        if held != meta.num_rows:
            text = f"the file declares {meta.num_rows} rows and its groups hold {held}"
    return None if text is None else Issue("error", "parquet", text, path.name)


def declared_cells(path: Path) -> int:
    """Rows times columns of a Parquet file as it declares them; 0 if it cannot be read."""
    try:
        meta = pq.read_metadata(path)
        return max(0, int(meta.num_rows)) * int(meta.num_columns)
    except UNREADABLE:
        return 0


def declared_columns(path: Path) -> list[str]:
    """The column names of a Parquet file; none if it cannot be read."""
    try:
        return [str(name) for name in pq.read_schema(path).names]
    except UNREADABLE:
        return []


CHECKED = {"compression": "zstd", "version": "2.6", "write_page_checksum": True}


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A file, as `write_parquet` makes it, of a table that is written part after part; for a `with`."""
    return pq.ParquetWriter(path, schema, **CHECKED)


def write_parquet(table: pa.Table, path: Path, *, small: bool = False) -> None:
    """Write a table with checksums; equal tables give equal bytes.

    `small` is for a column of numbers that no one filters: no statistics, no dictionary. Columns that are
    dictionaries stay so, whatever their size: each name is written once.
    """
    options: dict[str, object] = dict(CHECKED)
    if small:
        options |= {"use_dictionary": False, "use_byte_stream_split": True, "write_statistics": False}
    if any(pa.types.is_dictionary(field.type) for field in table.schema):
        whole = {"dictionary_pagesize_limit": LARGEST_DICTIONARY, "row_group_size": max(1, table.num_rows)}
        options |= {**whole, "write_statistics": False}
    pq.write_table(table, path, store_schema=not small, **options)


def first_line(text: str) -> str:
    """The first line of an error's text."""
    return text.strip().splitlines()[0][:200] if text.strip() else "no reason given"
