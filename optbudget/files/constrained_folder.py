"""Model folders of kind "constrained_mdp": a budgeted MDP's tables, a cost column and limit per resource."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from optbudget.errors import Issue
from optbudget.files.model_folder import TABLES, locate, model_hash, read_table, table_paths
from optbudget.files.model_toml import ModelToml
from optbudget.files.model_writer import model_tables, model_toml, quoted, write_tables
from optbudget.files.parquet_tables import declared_columns
from optbudget.files.text_tables import Columns, header_names
from optbudget.problems import ConstrainedMDP, ModelFolder
from optbudget.problems.constrained_tables import (
    LIMITS,
    MONEY,
    PREFIX,
    assemble_constrained,
    resource_columns,
)

KIND = "constrained_mdp"


def read_constrained(
    folder: Path, stated: ModelToml | None, issues: list[Issue], normalize: bool, sum_duplicates: bool
) -> ConstrainedMDP | None:
    """The problem of a folder whose model.toml has been read; None after adding every problem found."""
    paths = table_paths(folder, issues)
    columns = _columns(paths)
    tables = {name: read_table(file, columns[name], issues) for name, file in paths.items()}
    whole = {name: table for name, table in tables.items() if table is not None}
    if stated is None or any(issue.severity == "error" for issue in issues):
        return None
    problem, found = assemble_constrained(
        whole, stated.settings, stated.limits, normalize=normalize, sum_duplicates=sum_duplicates,
        folder=ModelFolder(folder.resolve().name, model_hash(folder), folder),
    )  # fmt: skip
    issues.extend(locate(found, paths, stated.lines))
    if problem is not None and any(f.code in ("normalized", "summed") for f in found):
        # The tables on disk no longer say what is in memory, so their hash must not stand for it.
        problem = replace(problem, problem=replace(problem.problem, folder=None))
    return problem


def _columns(paths: Mapping[str, Path]) -> dict[str, Columns]:
    """The columns of each table: `actions` may have any number of cost columns."""
    known = dict(TABLES)
    if "actions" in paths:
        path, usual = paths["actions"], TABLES["actions"]
        header = header_names(path) if path.suffix == ".csv" else declared_columns(path)
        known["actions"] = Columns(usual.names, (*usual.numbers, *resource_columns(header)), usual.required)
    return known


def write_constrained(problem: ConstrainedMDP, folder: Path, *, format: str | None = None) -> None:
    """Write model.toml and the tables into an existing folder; a risk is taken off the utility.

    `format` as in `write_model`.
    """
    unit = problem.problem if problem.risk is None else problem.risk.applied(problem.problem)
    write_tables(unit, _toml(problem), constrained_tables(problem), folder, format=format)


def constrained_tables(problem: ConstrainedMDP) -> dict[str, pa.Table]:
    """The tables of a problem, with a column of `actions` for each resource."""
    unit = problem.problem if problem.risk is None else problem.risk.applied(problem.problem)
    tables = model_tables(unit)
    for name, cost in zip(problem.resources, problem.resource_cost, strict=True):
        tables["actions"] = tables["actions"].append_column(PREFIX + name, pa.array(cost))
    return tables


def _toml(problem: ConstrainedMDP) -> str:
    names = (MONEY, *(PREFIX + name for name in problem.resources))
    limits = [
        f"{quoted(name)} = {limit!r}" for name, limit in zip(names, problem.limit.tolist(), strict=True)
    ]
    return model_toml(problem.problem, kind=KIND) + "\n".join(["", f"[{LIMITS}]", *limits]) + "\n"
