"""A study on disk: comparison.json, routes.csv and routes.parquet, with figures and shrunk disagreements.

The folder is written aside and put in place whole, as every result is.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from optbudget.errors import UsageError
from optbudget.files.aside import require_free, resolved, written_aside
from optbudget.files.model_writer import UNSAFE_START, write_csv
from optbudget.files.parquet_tables import write_parquet
from optbudget.problems.comparison import Comparison

SCHEMA = "optbudget-comparison-1"


def fields_of(
    comparisons: Sequence[Comparison], *, skipped: Mapping[str, Sequence[str]] | None = None
) -> dict[str, object]:
    """The fields of `optbudget compare --json`; rows carry their model where there are several.

    Parameters
    ----------
    comparisons : at least one
    skipped : model -> patterns that were asked for and that no route of it matches
    """
    several = len(comparisons) > 1 or bool(skipped)
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
        "skipped": [{"model": model, "routes": list(routes)} for model, routes in (skipped or {}).items()],
        "routes": [({"model": c.name} if several else {}) | c.row(r) for c in comparisons for r in c.routes],
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
    skipped: Mapping[str, Sequence[str]] | None = None,
    more: Sequence[Callable[[Path], object]] = (),
) -> None:
    """Write a study folder; it replaces an earlier one whole.

    Parameters
    ----------
    comparisons : at least one
    skipped : model -> patterns that were asked for and that no route of it matches
    more : functions that are handed the new folder to write figures or shrunk models into

    Raises
    ------
    UsageError
        Without a comparison; if the folder holds something else, or cannot be written.
    """
    if not comparisons:
        raise UsageError("there is no comparison to write")
    target = resolved(Path(folder))
    require_free(target, "comparison")
    with written_aside(target) as aside:
        content = {"schema": SCHEMA, **fields_of(comparisons, skipped=skipped)}
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
