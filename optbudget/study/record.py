"""A study on disk: comparison.json, routes.csv and routes.parquet, with figures and shrunk disagreements.

The folder is written aside and put in place whole, as every result is.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from optbudget.files.aside import require_free, written_aside
from optbudget.files.model_writer import UNSAFE_START, write_csv
from optbudget.files.parquet_tables import write_parquet
from optbudget.problems.comparison import Comparison, row_of

SCHEMA = "optbudget-comparison-1"


def fields_of(comparisons: Sequence[Comparison]) -> dict[str, object]:
    """The fields of `optbudget compare --json`; rows carry their model where there are several."""
    several = len(comparisons) > 1
    return {
        "agree": all(c.agree for c in comparisons),
        "tolerance": comparisons[0].tolerance,
        "models": [
            {
                "model": c.name,
                "budget": c.budget,
                "agree": c.agree,
                "disagreements": list(c.disagreements),
                "left_out": list(c.left_out),
            }
            for c in comparisons
        ],
        "routes": [({"model": c.name} if several else {}) | row_of(r) for c in comparisons for r in c.routes],
    }


def routes_table(comparisons: Sequence[Comparison]) -> pa.Table:
    """One row per model and route."""
    tables = [
        c.to_arrow().add_column(0, "model", pa.array([c.name] * len(c.routes), pa.string()))
        for c in comparisons
    ]
    return pa.concat_tables(tables)


def write_study(
    comparisons: Sequence[Comparison],
    folder: str | Path,
    *,
    more: Sequence[Callable[[Path], object]] = (),
) -> None:
    """Write a study folder; it replaces an earlier one whole.

    Parameters
    ----------
    more : functions that are handed the new folder to write figures or shrunk models into

    Raises
    ------
    UsageError
        If the folder holds something else, or cannot be written.
    """
    target = Path(folder).resolve()
    require_free(target, "comparison")
    with written_aside(target) as aside:
        content = {"schema": SCHEMA, **fields_of(comparisons)}
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        (aside / "comparison.json").write_text(text + "\n", encoding="utf-8", newline="\n")
        table = routes_table(comparisons)
        write_parquet(table, aside / "routes.parquet")
        write_csv(_plain_cells(table), aside / "routes.csv")
        for write in more:
            write(aside)


def _plain_cells(table: pa.Table) -> pa.Table:
    """Texts that no spreadsheet takes for a formula."""
    for k, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            cells = [
                f"'{text}" if text is not None and text.startswith(UNSAFE_START) else text
                for text in table.column(k).to_pylist()
            ]
            table = table.set_column(k, field.name, pa.array(cells, pa.string()))
    return table
