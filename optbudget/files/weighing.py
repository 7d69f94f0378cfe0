"""How much memory reading takes, from the sizes of files and what they declare; nothing is read."""

from collections.abc import Iterator
from pathlib import Path

from optbudget.errors import OptBudgetError
from optbudget.files.model_folder import TABLES
from optbudget.files.parquet_tables import declared_cells
from optbudget.files.stated_fields import read_json

BYTES_PER_BYTE = 4
"""Memory for each byte of a CSV table, measured at the peak of reading a model of 480,000 transitions."""

BYTES_PER_CELL = 48
"""Memory for each cell of a Parquet table, measured in the same way."""


def memory_to_read(path: str | Path) -> int:
    """Bytes that reading a table, a model folder or a result folder with its model takes, about.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "actions.csv").write_text("state,action,cost,utility\\n")
    ...     memory_to_read(place)
    104
    """
    return sum(_weight(table) for table in _tables(Path(path)) if table.is_file())


def _weight(table: Path) -> int:
    if table.suffix == ".parquet":
        return BYTES_PER_CELL * declared_cells(table)
    return BYTES_PER_BYTE * table.stat().st_size


def _tables(path: Path) -> Iterator[Path]:
    """The tables that are read with a file or folder."""
    if not path.is_dir():
        yield path
    elif (path / "result.json").is_file():
        yield from path.glob("*.parquet")
        yield from path.glob("stages/*/*.parquet")
        yield from _tables(_model_of(path))
    elif (path / "front.json").is_file():
        yield from path.glob("*.parquet")
        yield from path.glob("points/0/*.parquet")
        yield from _tables(path / "model")
    else:
        for name in (*TABLES, "options", "population", "regimes", "initial"):
            yield from (path / f"{name}.csv", path / f"{name}.parquet")


def _model_of(result: Path) -> Path:
    """Where a result says its model is; whether it may say so is for the reader of results."""
    copy = result / "model"
    try:
        stated = read_json(result / "result.json").get("model")
    except OptBudgetError:
        return copy
    place = stated.get("path") if isinstance(stated, dict) else None
    return result / place if isinstance(place, str) and "\0" not in place and not copy.is_dir() else copy
