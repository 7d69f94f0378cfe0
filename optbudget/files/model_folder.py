"""The tables of a budgeted MDP in a model folder: found, read, located, hashed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from optbudget.errors import Issue
from optbudget.files.model_toml import ModelToml
from optbudget.files.parquet_tables import read_parquet
from optbudget.files.text_tables import Columns, check_header, header_column, read_csv, row_lines
from optbudget.problems import BudgetedMDP, ModelFolder
from optbudget.problems.assembly import assemble
from optbudget.problems.columns import Finding
from optbudget.problems.roster import COLUMNS

TABLES = {
    name: Columns(("type", *texts), numbers, texts + numbers) for name, (texts, numbers) in COLUMNS.items()
}
OPTIONAL = ("states", "shared_rows")


class DataWarning(UserWarning):
    """Something in a file that is odd but not wrong."""


def read_budgeted(
    folder: Path, stated: ModelToml | None, issues: list[Issue], normalize: bool, sum_duplicates: bool
) -> BudgetedMDP | None:
    """The problem of a folder whose model.toml has been read; None after adding every problem found."""
    paths = table_paths(folder, issues)
    tables = {name: read_table(file, TABLES[name], issues) for name, file in paths.items()}
    whole = {name: table for name, table in tables.items() if table is not None}
    if stated is None or any(issue.severity == "error" for issue in issues):
        return None
    digest = model_hash(folder)
    problem, found = assemble(
        whole, stated.settings, normalize=normalize, sum_duplicates=sum_duplicates,
        folder=ModelFolder(folder.resolve().name, digest, folder),
    )  # fmt: skip
    issues.extend(locate(found, paths, stated.lines))
    if problem is not None and any(f.code in ("normalized", "summed") for f in found):
        # The tables on disk no longer say what is in memory, so their hash must not stand for it.
        problem = replace(problem, folder=None)
    return problem


def table_paths(folder: Path, issues: list[Issue]) -> dict[str, Path]:
    """The file of each table that is there, CSV or Parquet; issues for what is missing or doubled."""
    paths = {}
    for name in TABLES:
        either = (folder / f"{name}.csv", folder / f"{name}.parquet")
        there = [file for file in either if file.is_file()]
        if len(there) == 2:
            message = f"both {name}.csv and {name}.parquet are there; keep one"
            issues.append(Issue("error", "two-files", message, f"{name}.csv"))
        elif there:
            paths[name] = there[0]
        elif folders := [file.name for file in either if file.is_dir()]:
            message = f"{folders[0]} is a folder; a table is a file"
            issues.append(Issue("error", "not-a-file", message, folders[0]))
        elif name not in OPTIONAL:
            message = f"neither {name}.csv nor {name}.parquet is there"
            issues.append(Issue("error", "missing-file", message, f"{name}.csv"))
    return paths


def read_table(path: Path, columns: Columns, issues: list[Issue]) -> pa.Table | None:
    """The known columns of a CSV or Parquet table; None after adding an error to `issues`."""
    if path.suffix == ".csv":
        return read_csv(path, columns, issues)
    table = read_parquet(path, columns.names, issues)
    if table is None or not check_header(table.column_names, columns, path.name, issues):
        return None
    return table.select([name for name in table.column_names if name in columns.known])


def locate(found: Iterable[Finding], paths: Mapping[str, Path], lines: Mapping[str, int]) -> list[Issue]:
    """Findings as issues with file, line and column; a finding of no table is about a key of model.toml.

    A row of a Parquet table counts as its line.
    """
    findings = list(found)
    rows: dict[str, set[int]] = {name: set() for name in paths}
    for finding in findings:
        if finding.table is not None and finding.table in paths and finding.row is not None:
            rows[finding.table] |= {finding.row} if finding.first is None else {finding.row, finding.first}
    at = {
        name: row_lines(paths[name], sorted(wanted)) if paths[name].suffix == ".csv"
        else {row: row + 1 for row in wanted}
        for name, wanted in rows.items() if wanted
    }  # fmt: skip
    issues = []
    for finding in findings:
        file, line, column = "model.toml", lines.get(finding.column or ""), None
        message = finding.message
        if finding.table is not None and finding.table in paths:
            path = paths[finding.table]
            file = path.name
            line = None if finding.row is None else at[finding.table].get(finding.row)
            if finding.first is not None:
                message += f"; it is first in line {at[finding.table].get(finding.first)}"
            if finding.column and path.suffix == ".csv":
                column = header_column(path, finding.column)
        issues.append(
            Issue(
                finding.severity, finding.code, message, file, line, column,
                finding.state, finding.action,
            )
        )  # fmt: skip
    return issues


def model_hash(folder: Path) -> str:
    """SHA-256 of the lines "<sha256 of file>  <name>" of model.toml and the model's tables, by name."""
    lines = [f"{file_hash(file)}  {file.name}\n" for file in model_files(folder)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def model_files(folder: Path) -> list[Path]:
    """model.toml and the tables that define the model, by name."""
    files = [folder / "model.toml", *table_paths(folder, []).values()]
    return sorted((file for file in files if file.is_file()), key=lambda file: file.name)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
