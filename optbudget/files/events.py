"""Event logs: CSV and Parquet files, folders of them, and tables of databases, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from optbudget.errors import Issue, ProblemError
from optbudget.files.event_columns import Tally
from optbudget.files.event_sorting import sorted_batches
from optbudget.files.event_sources import EventSource, FileSource, FolderSource, Portion, Position, Reading
from optbudget.problems import EventBatch

SMALLEST_BATCH, LARGEST_BATCH = 1 << 12, 1 << 20
BYTES_PER_ROW = 2048
"""A batch is held to a row for so many bytes of the memory allowed: it takes about a tenth of it."""


@dataclass(frozen=True, eq=False)
class EventLog:
    """A log that is open for reading.

    Attributes
    ----------
    source : where its rows lie
    reading : how they are read
    sort : whether a unit's rows are put in the order of time, within what is counted in one step
    max_memory : bytes, None for no limit
    tally : rows read and repairs made so far
    """

    source: EventSource
    reading: Reading
    sort: bool = False
    max_memory: int | None = None
    tally: Tally = field(default_factory=Tally)

    def portions(self, position: Position | None = None) -> Iterator[Portion]:
        """What is to be counted after a position, step by step."""
        for portion in self.source.portions(position, self.tally, self.reading):
            if self.sort:
                batches = sorted_batches(portion.batches, self.tally, max_memory=self.max_memory)
                portion = replace(portion, batches=batches)
            yield portion

    def batches(self, position: Position | None = None) -> Iterator[EventBatch]:
        """All rows of the log after a position; when they have been read, the tally holds the one after them.

        Raises
        ------
        ProblemError
            At the first batch in which something is wrong, and at the end of a log without rows.
        """
        rows = self._rows(position)
        yield from sorted_batches(rows, self.tally, max_memory=self.max_memory) if self.sort else rows
        if not self.tally.rows and position is None:
            raise ProblemError([Issue("error", "no-rows", "the log has no rows", self.source.identity)])

    def _rows(self, position: Position | None) -> Iterator[EventBatch]:
        self.tally.position = position
        for portion in self.source.portions(position, self.tally, self.reading):
            yield from portion.batches
            self.tally.position = portion.position()


def open_events(
    source: str | Path, *, missing_as_zero: bool = False, sort: bool = False, max_memory: int | None = None
) -> EventLog:
    """Open a log: a .csv or .parquet file, a folder of them, or a table by its connection string.

    A log has one row per touch point and the columns unit, time (integers or ISO 8601) and event; it may have
    value, cost (money) and type (of the unit). Rows of a unit stand in the order of time. A table is named as
    in sqlite:///shop.db?table=events. Nothing is read before the batches are asked for.

    Parameters
    ----------
    missing_as_zero : take a missing value or cost as 0, and count it
    sort : put the rows of every unit in the order of time, and count those moved
    max_memory : bytes that reading and sorting may take, about

    Raises
    ------
    ProblemError
        If there is nothing of that name.
    UsageError
        If a connection string cannot be understood.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "may.csv").write_text("unit,time,event\\n7,1,email\\n7,2,visit\\n")
    ...     log = open_events(Path(place) / "may.csv")
    ...     print([batch.names for batch in log.batches()], log.tally.rows)
    [('email', 'visit')] 2
    """
    rows = LARGEST_BATCH if max_memory is None else max_memory // BYTES_PER_ROW
    reading = Reading(missing_as_zero, min(max(rows, SMALLEST_BATCH), LARGEST_BATCH))
    return EventLog(_source(source), reading, sort, max_memory)


def _source(source: str | Path) -> EventSource:
    if isinstance(source, str) and "://" in source:
        from optbudget.files.event_tables import table_source

        return table_source(source)
    path = Path(source)
    if path.is_dir():
        return FolderSource(path)
    if not path.is_file():
        raise ProblemError([Issue("error", "missing-file", "there is no such file or folder", str(source))])
    return FileSource(path)
