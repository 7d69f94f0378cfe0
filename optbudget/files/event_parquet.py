"""Event logs as Parquet, some rows at a time: memory does not grow with the file.

Names are read as dictionaries. A unit's name is, too, where reading it as text could take much more memory
than the file's bytes: a dictionary of one long text can stand for a million rows.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from optbudget.errors import Issue, ProblemError
from optbudget.files.event_columns import EVENT_COLUMNS, Tally, event_batch
from optbudget.files.parquet_tables import LIMITS, UNREADABLE, first_line, size_issue
from optbudget.files.text_tables import check_header
from optbudget.problems import EventBatch
from optbudget.problems.events import RowPlace

MOST_TEXT = 1 << 28
"""Bytes that the units of one batch may take as text."""


def parquet_batches(
    path: Path, tally: Tally, *, missing_as_zero: bool = False, rows: int = 1 << 20
) -> Iterator[EventBatch]:
    """The rows of a Parquet file in batches of at most `rows`.

    Raises
    ------
    ProblemError
        If it is not readable, or for the first twenty things that are wrong, with their rows.
    """

    def place_from(first: int) -> Any:
        return lambda row: RowPlace(path.name, first + row + 1, f"row {first + row + 1}")

    done = 0
    for piece in _record_batches(path, tally, rows):
        yield event_batch(piece, place_from(done), tally, path.name, missing_as_zero=missing_as_zero)
        done += piece.num_rows


def _record_batches(path: Path, tally: Tally, rows: int) -> Iterator[pa.RecordBatch]:
    """What is in the file, as Arrow reads it; Arrow's errors become ours."""
    try:
        with pq.ParquetFile(path, **LIMITS) as file:
            meta, schema = file.metadata, file.schema_arrow
        _check(path, meta, schema, tally)
        wanted = [name for name in schema.names if name in EVENT_COLUMNS.known]
        texts = [name for name in wanted if _is_text(schema.field(name).type)]
        options = {"page_checksum_verification": True, "pre_buffer": False, "buffer_size": 1 << 20, **LIMITS}
        with pq.ParquetFile(path, read_dictionary=texts, **options) as file:
            longest = [_longest(file, k, rows) if "unit" in texts else 0 for k in range(meta.num_row_groups)]
        coded = [name for name in texts if name != "unit"]
        with (
            pq.ParquetFile(path, read_dictionary=coded, **options) as plain,
            pq.ParquetFile(path, read_dictionary=texts, **options) as careful,
        ):
            for group, width in enumerate(longest):
                file = careful if width * rows > MOST_TEXT else plain
                missing = meta.row_group(group).num_rows
                for piece in file.iter_batches(rows, [group], wanted):
                    piece.validate(full=True)
                    missing -= piece.num_rows
                    yield piece
                if missing:  # Arrow stops without a word at some damaged page headers.
                    raise ValueError(f"{missing} rows of row group {group + 1} cannot be read")
    except UNREADABLE as error:
        if isinstance(error, ProblemError):
            raise
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        text = f"the file is not readable Parquet: {first_line(reason)}"
        raise ProblemError([Issue("error", "parquet", text, path.name)]) from None


def _check(path: Path, meta: Any, schema: pa.Schema, tally: Tally) -> None:
    """Refuse what a file declares before memory is taken for it."""
    issues: list[Issue] = []
    issue = size_issue(path, meta)
    if issue is not None:
        raise ProblemError([issue])
    good = check_header(schema.names, EVENT_COLUMNS, path.name, issues)
    tally.warnings += [issue for issue in issues if issue.severity == "warning"]
    if not good:
        raise ProblemError([issue for issue in issues if issue.severity == "error"])


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string())


def _longest(file: Any, group: int, rows: int) -> int:
    """Bytes of the longest unit in the dictionary with which a row group begins."""
    for piece in file.iter_batches(1, [group], ["unit"]):
        names = piece.column(0).dictionary
        return (pc.max(pc.binary_length(names)).as_py() or 0) if len(names) else 0
    return 0
