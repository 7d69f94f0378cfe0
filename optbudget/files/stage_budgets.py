"""Budgets by block of stages, from disk.

A .csv or .parquet table of block, decisions, budget has a row per block, in order of time. A .toml file lists
them too, and may say more::

    carry_over = true        # default false: what a block leaves over is lost
    total = 1000.0           # optional: a limit of all blocks together

    [[block]]
    name = "first half"
    decisions = 26
    budget = 700.0
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_folder import locate, read_table
from optbudget.files.model_toml import read_toml
from optbudget.files.text_tables import Columns
from optbudget.problems import StageBudgets
from optbudget.problems.columns import Finding, did_you_mean, floats, names, whole_numbers

BLOCKS = Columns(("block",), ("decisions", "budget"), ("block", "decisions", "budget"))
KEYS = ("carry_over", "total", "block")
OF_BLOCK = {"name": "a text", "decisions": "a whole number >= 1", "budget": "a number >= 0"}


def load_stage_budgets(path: str | Path) -> StageBudgets:
    """Read budgets by block of stages; whether they make up a horizon is for `BudgetLines` to say.

    Raises
    ------
    ProblemError
        With every problem found, each with its file and, where it has one, its line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     file = Path(place) / "halves.csv"
    ...     _ = file.write_text("block,decisions,budget\\nH1,26,700\\nH2,26,300\\n")
    ...     load_stage_budgets(file)
    StageBudgets(blocks=('H1', 'H2'), decisions=(26, 26), amounts=(700.0, 300.0), carry_over=False, total=inf)
    """
    file = Path(path)
    issues: list[Issue] = []
    if file.is_dir():
        issues.append(Issue("error", "directory", "it is a directory; give the file", str(file)))
    elif not file.is_file():
        issues.append(Issue("error", "missing-file", "there is no such file", str(file)))
    elif file.suffix == ".toml":
        read = read_toml(file, issues)
        if read is not None:
            fields = _of_toml(*read, file.name, issues)
            if not issues:
                return _stated(fields, file)
    elif file.suffix in (".csv", ".parquet"):
        fields = _of_table(file, issues)
        if not any(issue.severity == "error" for issue in issues):
            return _stated(fields, file)
    else:
        text = "budgets by block are a .toml, .csv or .parquet file"
        issues.append(Issue("error", "format", text, file.name))
    raise ProblemError([issue for issue in issues if issue.severity == "error"])


def _stated(fields: Mapping[str, Any], file: Path) -> StageBudgets:
    try:
        return StageBudgets(**fields)
    except ProblemError as error:
        found = [Issue(i.severity, i.code, i.message, file.name) for i in error.issues]
        raise ProblemError(found) from None


def _of_table(file: Path, issues: list[Issue]) -> dict[str, Any]:
    table = read_table(file, BLOCKS, issues)
    if table is None:
        return {}
    found: list[Finding] = []
    block = names(table, "block", "blocks", found)
    decisions = whole_numbers(table, "decisions", "blocks", found)
    budget = floats(table, "budget", "blocks", found)
    issues.extend(locate(found, {"blocks": file}, {}))
    if block is None or decisions is None or budget is None:
        return {}
    named = tuple(block.distinct[k] for k in block.code.tolist())
    return {"blocks": named, "decisions": tuple(decisions.tolist()), "amounts": tuple(budget.tolist())}


def _of_toml(
    content: Mapping[str, Any], lines: Mapping[str, int], file: str, issues: list[Issue]
) -> dict[str, Any]:
    def refuse(message: str, key: str) -> None:
        issues.append(Issue("error", "stage-budgets", message, file, lines.get(key)))

    for key in content:
        if key not in KEYS:
            refuse(f"key {key!r} is not known{did_you_mean(key, KEYS)}", key)
    carry_over, total = content.get("carry_over", False), content.get("total", float("inf"))
    if not isinstance(carry_over, bool):
        refuse(f"carry_over is {carry_over!r}; it must be true or false", "carry_over")
    if not _fits("budget", total):
        refuse(f"total is {total!r}; it must be a number >= 0", "total")
    blocks = content.get("block")
    if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
        refuse("there must be blocks, each under [[block]] with name, decisions and budget", "block")
        return {}
    for k, block in enumerate(blocks):
        for key in (*OF_BLOCK, *(key for key in block if key not in OF_BLOCK)):
            if key not in OF_BLOCK:
                refuse(f"block {k + 1} has {key!r}, which is not known{did_you_mean(key, OF_BLOCK)}", "block")
            elif key not in block:
                refuse(f"block {k + 1} has no {key}; it must be {OF_BLOCK[key]}", "block")
            elif not _fits(key, block[key]):
                refuse(f"{key} of block {k + 1} is {block[key]!r}; it must be {OF_BLOCK[key]}", "block")
    if issues:
        return {}
    return {
        "blocks": tuple(block["name"] for block in blocks),
        "decisions": tuple(block["decisions"] for block in blocks),
        "amounts": tuple(float(block["budget"]) for block in blocks),
        "carry_over": carry_over,
        "total": float(total),
    }


def _fits(key: str, value: object) -> bool:
    if key == "name":
        return isinstance(value, str) and bool(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    return number and (key == "budget" or (isinstance(value, int) and value >= 1))
