"""A history and its question, written as `load_history` reads them."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from optbudget.files.model_writer import quoted, write_csv
from optbudget.files.parquet_tables import write_parquet
from optbudget.problems import CausalQuestion, History
from optbudget.problems.causal_question import TIERS


def write_history(history: History, folder: str | Path, *, format: str = "parquet") -> None:
    """Write history.parquet (or .csv) and history.toml into an existing folder; columns of numbers only.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from optbudget.files.histories import load_history
    >>> history = History(CausalQuestion((), ("spend",), ("sales",)), [[1.0, 2.0], [2.0, 5.0], [4.0, 6.0]])
    >>> with TemporaryDirectory() as place:
    ...     write_history(history, place, format="csv")
    ...     load_history(Path(place) / "history.csv", Path(place) / "history.toml")
    History(3 rows, 2 columns)
    """
    table = pa.table(dict(zip(history.columns, history.values.T, strict=True)))
    if history.question.time is not None and history.time is not None:
        table = table.add_column(0, history.question.time, pa.array(history.time))
    if format == "csv":
        write_csv(table, Path(folder) / "history.csv")
    else:
        write_parquet(table, Path(folder) / "history.parquet", small=True)
    (Path(folder) / "history.toml").write_text(
        question_text(history.question), encoding="utf-8", newline="\n"
    )


def question_text(question: CausalQuestion) -> str:
    """The TOML of a question; weights of the outcomes that can be harmed, as no other is read.

    Examples
    --------
    >>> question = CausalQuestion((), ("spend",), ("sales",), harm={"sales": -1},
    ...                           actions={"more": {"spend": 2.0}})
    >>> print(question_text(question), end="")
    context = []
    decisions = ["spend"]
    outcomes = ["sales"]
    <BLANKLINE>
    [harm]
    "sales" = -1
    <BLANKLINE>
    [weights]
    "sales" = 1.0
    <BLANKLINE>
    [actions."more"]
    "spend" = 2.0
    """
    lines = [f"{role} = {json.dumps(getattr(question, role))}" for role in TIERS]
    lines += [f"{key} = {quoted(name)}" for key in ("unit", "time") if (name := getattr(question, key))]
    weights = {outcome: question.weights[outcome] for outcome in question.harm}
    for key, entries in (("harm", question.harm), ("weights", weights), ("targets", question.targets)):
        lines += _table(key, entries)
    edges = {"required": question.required, "forbidden": question.forbidden}
    lines += _table("edges", {key: pairs for key, pairs in edges.items() if pairs})
    for action, changes in question.actions.items():
        lines += _table(f"actions.{quoted(action)}", changes)
    return "\n".join(lines) + "\n"


def _table(name: str, entries: Mapping[str, object]) -> list[str]:

    return (
        ["", f"[{name}]", *(f"{quoted(k)} = {json.dumps(v)}" for k, v in entries.items())] if entries else []
    )
