"""Model folders of kind "departments": model.toml, regimes, transitions, actions and initial."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue
from optbudget.files.model_folder import file_hash, locate, read_table
from optbudget.files.model_toml import ModelToml
from optbudget.files.model_writer import UNSAFE_START, model_tables, quoted, write_csv
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.text_tables import Columns
from optbudget.problems import Departments, ModelFolder
from optbudget.problems.departments import JOINT
from optbudget.problems.departments_tables import MINUS, TABLES, assemble_departments, objective_names

KIND = "departments"
LARGEST_CSV = 20_000
"""Most rows of a table that is written as CSV when no format is asked for: each line names five words."""


def read_departments(
    folder: Path, stated: ModelToml | None, issues: list[Issue], normalize: bool, sum_duplicates: bool
) -> Departments | None:
    """The departments of a folder whose model.toml has been read; None after adding every problem found."""
    objectives = () if stated is None else stated.objectives
    paths = _paths(folder, issues)
    columns = {name: Columns(texts, numbers, (*texts, *numbers)) for name, (texts, numbers) in TABLES.items()}
    measured = (*columns["actions"].numbers, *dict.fromkeys(objective_names(objectives)))
    words = TABLES["actions"][0]
    columns["actions"] = Columns(words, measured, (*words, *measured))
    tables = {name: read_table(file, columns[name], issues) for name, file in paths.items()}
    whole = {name: table for name, table in tables.items() if table is not None}
    if stated is None or any(issue.severity == "error" for issue in issues):
        return None
    place = ModelFolder(folder.resolve().name, departments_hash(folder), folder)
    problem, found = assemble_departments(
        whole, stated.settings, objectives, stated.total_budget,
        normalize=normalize, sum_duplicates=sum_duplicates, folder=place,
    )  # fmt: skip
    issues.extend(locate(found, paths, stated.lines))
    if problem is not None and any(f.code in ("normalized", "summed") for f in found):
        # The tables on disk no longer say what is in memory, so their hash must not stand for it.
        problem = replace(problem, folder=None)
    return problem


def _paths(folder: Path, issues: list[Issue]) -> dict[str, Path]:
    """The file of each table, CSV or Parquet; issues for what is missing or doubled."""
    paths = {}
    for name in TABLES:
        there = [file for end in ("csv", "parquet") if (file := folder / f"{name}.{end}").is_file()]
        if len(there) == 1:
            paths[name] = there[0]
            continue
        message = f"neither {name}.csv nor {name}.parquet is there"
        if there:
            message = f"both {name}.csv and {name}.parquet are there; keep one"
        code = "two-files" if there else "missing-file"
        issues.append(Issue("error", code, message, f"{name}.csv"))
    return paths


def departments_hash(folder: Path) -> str:
    """SHA-256 of the lines "<sha256 of file>  <name>" of model.toml and the tables, by name."""
    files = sorted([folder / "model.toml", *_paths(folder, []).values()], key=lambda file: file.name)
    lines = [f"{file_hash(file)}  {file.name}\n" for file in files if file.is_file()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def place_departments(problem: Departments, folder: Path) -> str:
    """The tables in an existing folder, as they are on disk if they are there unchanged; their hash.

    A risk that is held against the rewards is none of them.
    """
    known = problem.folder
    if known is not None and known.path.is_dir() and departments_hash(known.path) == known.sha256:
        for file in (known.path / "model.toml", *_paths(known.path, []).values()):
            shutil.copyfile(file, folder / file.name)
        return known.sha256
    write_departments(problem, folder)
    return departments_hash(folder)


def write_departments(problem: Departments, folder: Path, *, format: str | None = None) -> None:
    """Write model.toml and the tables into an existing folder.

    `format` is "csv" or "parquet"; None takes CSV for tables of up to 20,000 rows, but Parquet where a name
    begins as a formula would.
    """
    tables = departments_tables(problem)
    held = problem.held
    words = (*held.states, *held.actions, *held.state_type, *problem.start)
    risky = any(name.startswith(UNSAFE_START) for name in words)
    (folder / "model.toml").write_text(_toml(problem), encoding="utf-8", newline="\n")
    for name, table in tables.items():
        own = format or ("parquet" if risky or table.num_rows > LARGEST_CSV else "csv")
        if own == "csv":
            write_csv(table, folder / f"{name}.csv")
        else:
            write_parquet(table, folder / f"{name}.parquet")


def departments_tables(problem: Departments) -> Mapping[str, pa.Table]:
    """The tables that describe departments, in the fixed columns."""
    own = model_tables(problem.held)
    actions = {**_apart(own["actions"]), "cost": own["actions"]["cost"]}
    for k, name in enumerate(problem.objectives):
        actions[name] = pa.array(problem.reward[:, k])
    now, after = np.nonzero(problem.regime_probability)
    return {
        "regimes": pa.table({
            "regime": [problem.regimes[r] for r in now],
            "next_regime": [problem.regimes[r] for r in after],
            "probability": problem.regime_probability[now, after],
        }),
        "transitions": pa.table(
            {**_apart(own["transitions"]), "probability": own["transitions"]["probability"]}
        ),
        "actions": pa.table(actions),
        "initial": pa.table({"department": list(problem.departments), "state": list(problem.start)}),
    }  # fmt: skip


def _apart(table: pa.Table) -> dict[str, object]:
    """Department, regime, state, action (and next state) of a table of the problem with types."""
    state = _split(table["state"])
    columns: dict[str, object] = {
        "department": table["type"], "regime": state[0], "state": state[1], "action": table["action"]
    }  # fmt: skip
    if "next_state" in table.column_names:
        columns["next_state"] = _split(table["next_state"])[1]
    return columns


def _split(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """Regimes and states of a column "regime|state", each name written once."""
    coded = column.combine_chunks()
    parts = [name.split(JOINT, 1) for name in coded.dictionary.to_pylist()]
    regimes, states = (
        pa.DictionaryArray.from_arrays(coded.indices, pa.array(words)).cast(pa.string()).dictionary_encode()
        for words in zip(*parts, strict=True)
    )
    return regimes, states


def _toml(problem: Departments) -> str:
    held = problem.held
    signed = [
        (MINUS if sign < 0 else "") + name
        for name, sign in zip(problem.objectives, problem.direction.tolist(), strict=True)
    ]
    lines = [
        f"kind = {quoted(KIND)}",
        f"title = {quoted(held.title)}",
        f"source = {quoted(held.source)}",
        f"money_unit = {quoted(held.money_unit)}",
        f"discount = {float(held.discount)!r}",
        f"cost_discount = {float(held.cost_discount)!r}",
        'horizon = "infinite"' if held.horizon is None else f"horizon = {held.horizon}",
        f"reward = {quoted(held.reward)}",
        f"initial = {quoted(problem.initial_regime)}",
        f"objectives = [{', '.join(map(quoted, signed))}]",
        f"total_budget = {float(problem.total_budget)!r}",
    ]
    if held.formulations:
        lines.append(f"formulations = [{', '.join(map(quoted, held.formulations))}]")
    return "\n".join(lines) + "\n"
