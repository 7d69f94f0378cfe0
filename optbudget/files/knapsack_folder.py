"""Model folders of kind "knapsack": model.toml and the table of options."""

import hashlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_folder import file_hash, locate, read_table
from optbudget.files.model_toml import CHECKS, read_toml, stated_kind
from optbudget.files.model_writer import UNSAFE_START, quoted, write_csv
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.text_tables import Columns
from optbudget.problems import Knapsack, ModelFolder
from optbudget.problems.applying import formulation_findings
from optbudget.problems.knapsack_tables import (
    NUMBERS,
    OPTIONAL,
    OPTIONS,
    TEXTS,
    KnapsackSettings,
    assemble_knapsack,
)

KIND = "knapsack"
COLUMNS = Columns(TEXTS, (*NUMBERS, *OPTIONAL), (*TEXTS, *NUMBERS))
LARGEST_CSV = 200_000
"""Most options that are written as CSV when no format is asked for."""


def _yes_or_no(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


KEYS: Mapping[str, Callable[[object], str | None]] = {
    **{key: CHECKS[key] for key in ("kind", "title", "source", "money_unit", "formulations")},
    "interpolate": _yes_or_no,
}
"""For each key of model.toml, a function that says what it must be where a value is not that."""


def is_knapsack(folder: Path) -> bool:
    """Whether a folder's model.toml says that it is a knapsack."""
    return stated_kind(folder / "model.toml") == KIND


def read_knapsack(path: str | Path) -> tuple[Knapsack, tuple[Issue, ...]]:
    """The knapsack of a folder, and what is odd about it.

    Raises
    ------
    ProblemError
        With every problem of every file, each with its file, line and column.
    """
    folder, issues = Path(path), list[Issue]()
    settings, lines = _settings(folder, issues)
    paths = _options_paths(folder, issues)
    tables = {name: read_table(file, COLUMNS, issues) for name, file in paths.items()}
    problem = None
    table = tables.get(OPTIONS)
    if table is not None:
        place = ModelFolder(folder.resolve().name, knapsack_hash(folder), folder)
        problem, found = assemble_knapsack(table, settings, folder=place)
        issues.extend(locate(found, paths, lines))
    errors = [issue for issue in issues if issue.severity == "error"]
    if problem is None or errors:
        raise ProblemError(errors)
    if problem.note:
        issues.append(Issue("warning", "dominated", problem.note, paths[OPTIONS].name))
    return problem, tuple(issues)


def _settings(folder: Path, issues: list[Issue]) -> tuple[KnapsackSettings, Mapping[str, int]]:
    read = read_toml(folder / "model.toml", issues)
    if read is None:
        return KnapsackSettings(), {}
    content, lines = read
    for key, value in content.items():
        line = lines.get(key)
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1, cutoff=0.0)[0]
            message = f"key {key!r} is not known of a knapsack; the nearest known key is {near!r}"
            issues.append(Issue("error", "unknown-key", message, "model.toml", line))
        elif wanted := KEYS[key](value):
            message = f"{key} is {value!r:.80}; it must be {wanted}"
            issues.append(Issue("error", "value", message, "model.toml", line))
        elif key == "formulations":
            for finding in formulation_findings(KIND, content[key]):
                issues.append(Issue("error", finding.code, finding.message, "model.toml", line))
    if any(issue.severity == "error" for issue in issues):
        return KnapsackSettings(), lines
    given: dict[str, Any] = {key: content[key] for key in KEYS if key in content and key != "kind"}
    return KnapsackSettings(**{**given, "formulations": tuple(given.get("formulations", ()))}), lines


def _options_paths(folder: Path, issues: list[Issue]) -> dict[str, Path]:
    either = (folder / f"{OPTIONS}.csv", folder / f"{OPTIONS}.parquet")
    there = [file for file in either if file.is_file()]
    if len(there) == 1:
        return {OPTIONS: there[0]}
    message = f"neither {OPTIONS}.csv nor {OPTIONS}.parquet is there"
    if there:
        message = f"both {OPTIONS}.csv and {OPTIONS}.parquet are there; keep one"
    issues.append(Issue("error", "two-files" if there else "missing-file", message, f"{OPTIONS}.csv"))
    return {}


def knapsack_files(folder: Path) -> list[Path]:
    """model.toml and the table that define the model, by name."""
    return sorted([folder / "model.toml", *_options_paths(folder, []).values()], key=lambda file: file.name)


def knapsack_hash(folder: Path) -> str:
    """SHA-256 of the lines "<sha256 of file>  <name>" of the model's files, by name."""
    lines = [f"{file_hash(file)}  {file.name}\n" for file in knapsack_files(folder) if file.is_file()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write_knapsack(problem: Knapsack, folder: Path, *, format: str | None = None) -> None:
    """Write model.toml and the table of options into an existing folder; `format` as in `write_model`."""
    risky = any(name.startswith(UNSAFE_START) for name in (*problem.groups, *problem.options))
    if format is None:
        format = "parquet" if risky or problem.cost.size > LARGEST_CSV else "csv"
    lines = [
        f"kind = {quoted(KIND)}",
        f"title = {quoted(problem.title)}",
        f"source = {quoted(problem.source)}",
        f"money_unit = {quoted(problem.money_unit)}",
        f"interpolate = {'true' if problem.interpolate else 'false'}",
    ]
    if problem.formulations:
        lines.append(f"formulations = [{', '.join(map(quoted, problem.formulations))}]")
    (folder / "model.toml").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    if format == "csv":
        write_csv(problem.to_arrow(), folder / f"{OPTIONS}.csv")
    else:
        write_parquet(problem.to_arrow(), folder / f"{OPTIONS}.parquet")
