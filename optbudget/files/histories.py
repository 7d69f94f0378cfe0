"""Budget histories from disk: a table, CSV or Parquet, and the TOML file that says what its columns are.

A column of numbers is continuous (true and false are 1 and 0), a column of texts is discrete. Columns that
the question does not name are not read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.model_folder import locate
from optbudget.files.parquet_tables import read_parquet
from optbudget.files.question_toml import read_question
from optbudget.files.text_tables import Columns, check_header, not_a_number, read_csv
from optbudget.problems import CausalQuestion, History
from optbudget.problems.columns import Codes, Finding, Floats, floats, names
from optbudget.problems.history_checks import repeated_rows, variation_findings

TRUTH = {"true": 1.0, "false": 0.0}
WHOLE = re.compile(r"[+-]?\d{1,18}")
NUMERIC = re.compile(
    r"\s*[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?\s*|[+-]?(nan|inf|infinity)", re.IGNORECASE
)
"""A text that somebody meant as a number."""


def load_history(table: str | Path, config: str | Path) -> History:
    """Read a history and the question about it.

    Parameters
    ----------
    table : .csv or .parquet, one row per period (and unit)
    config : .toml, see `optbudget.files.question_toml`

    Raises
    ------
    ProblemError
        With everything that is wrong, by file, line and column: a key or column that is not known, a value
        that is missing or no number, a period that a unit has twice, a column that is constant or made of
        others (which are named), a decision without variation.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     table, config = Path(place) / "history.csv", Path(place) / "history.toml"
    ...     _ = table.write_text("area,spend,sales\\nnorth,1,2\\nsouth,2,5\\nnorth,4,6\\nsouth,4,9\\n")
    ...     _ = config.write_text('context = ["area"]\\ndecisions = ["spend"]\\noutcomes = ["sales"]\\n')
    ...     load_history(table, config)
    History(4 rows, 3 columns, 1 discrete)
    """
    issues: list[Issue] = []
    history = read_history(Path(table), Path(config), issues)
    if history is None:
        raise ProblemError(issues)
    return history


def read_history(path: Path, config: Path, issues: list[Issue]) -> History | None:
    """The history, or None after adding everything that is wrong to `issues`."""
    question = read_question(config, issues)
    if question is None:
        return None
    wanted = tuple(filter(None, (*question.columns, question.unit, question.time)))
    table = read_columns(path, wanted, "a history", issues)
    if table is None:
        return None
    found: list[Finding] = []
    history = _assembled(table, question, found)
    if history is not None:
        found += [_twice(history, *rows) for rows in repeated_rows(history)]
        found += variation_findings(history)
    issues += locate(found, {"history": path}, {})
    return None if found else history


def read_columns(path: Path, wanted: tuple[str, ...], what: str, issues: list[Issue]) -> pa.Table | None:
    """These columns of a table, from CSV as texts; None after adding what is wrong to `issues`."""
    if path.suffix not in (".csv", ".parquet"):
        issues.append(Issue("error", "format", f"{what} is a .csv or .parquet table", path.name or str(path)))
        return None
    columns = Columns(wanted, (), wanted)
    said: list[Issue] = []
    if path.suffix == ".csv":
        table = read_csv(path, columns, said)
    else:
        table = read_parquet(path, (), said)
        if table is not None and not check_header(table.column_names, columns, path.name, said):
            table = None
    issues += [issue for issue in said if issue.severity == "error"]
    return None if table is None else table.select(list(wanted))


def _assembled(table: pa.Table, question: CausalQuestion, found: list[Finding]) -> History | None:
    columns = [_column(table, name, found) for name in question.columns]
    unit = None if question.unit is None else names(table, question.unit, "history", found)
    time = None if question.time is None else _times(table, question.time, found)
    if found:
        return None
    whole = [column for column in columns if column is not None]
    return History(
        question,
        np.column_stack([column.values for column in whole]),
        {name: column.levels for name, column in zip(question.columns, whole, strict=True) if column.levels},
        None if unit is None else unit.code,
        () if unit is None else tuple(unit.distinct),
        time,
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """Numbers, or codes and their labels."""

    values: Floats
    levels: tuple[str, ...] = ()


def _column(table: pa.Table, name: str, found: list[Finding]) -> _Column | None:
    """A column as what it holds; None after adding to `found`."""
    data = table.column(name)
    kind = data.type.value_type if pa.types.is_dictionary(data.type) else data.type
    if pa.types.is_boolean(kind):
        table, kind = pa.table({name: data.cast(pa.int8())}), pa.int8()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()):
        values = floats(table, name, "history", found)
        return None if values is None else _Column(values)
    text = _texts(data)
    distinct = text.dictionary.to_pylist()
    code = text.indices.to_numpy(zero_copy_only=False)
    if all(word.strip().lower() in TRUTH for word in distinct):
        return _Column(np.array([TRUTH[word.strip().lower()] for word in distinct])[code])
    if not any(NUMERIC.fullmatch(word) for word in distinct):
        coded = names(table, name, "history", found)
        return None if coded is None else _Column(coded.code.astype(float), tuple(coded.distinct))
    wrong = {k: why for k, word in enumerate(distinct) if (why := not_a_number(word) or _too_large(word))}
    if wrong:
        found += _not_numbers(name, distinct, code, wrong)
        return None
    return _Column(np.array([float(word) for word in distinct])[code])


def _texts(data: pa.ChunkedArray) -> pa.DictionaryArray:
    """The texts of a column, each once, and where they stand; a missing one is empty."""
    plain = data.cast(pa.string()) if pa.types.is_dictionary(data.type) else data
    return pc.fill_null(plain, "").combine_chunks().dictionary_encode()


def _too_large(word: str) -> tuple[str, str] | None:
    """Why the double of a number is none; None where it is one."""
    return None if np.isfinite(float(word)) else ("not-finite", "no double is so large")


def _not_numbers(
    name: str, distinct: list[str], code: Codes, wrong: dict[int, tuple[str, str]]
) -> Iterator[Finding]:
    """The rows of a column of numbers that hold none; the first twenty."""
    for row in np.flatnonzero(np.isin(code, list(wrong)))[:FIRST_ISSUES].tolist():
        reason, what = wrong[int(code[row])]
        text = distinct[int(code[row])]
        message = f"{name} is {text[:60]!r}; {what}" if text.strip() else f"{name} is missing; {what}"
        yield Finding(reason, message, "history", row, name)


def _times(table: pa.Table, name: str, found: list[Finding]) -> Codes | None:
    """Periods as they are where they are whole numbers, else their rank in order (ISO dates sort as text)."""
    data = table.column(name)
    if data.null_count:
        row = int(np.argmax(data.is_null().to_numpy()))
        found.append(Finding("missing-value", f"{name} is missing", "history", row, name))
        return None
    if not (pa.types.is_string(data.type) or pa.types.is_dictionary(data.type)):
        values = data.to_numpy()
        return np.asarray(values, dtype=np.int64) if pa.types.is_integer(data.type) else _ranks(values)
    text = _texts(data)
    distinct = text.dictionary.to_pylist()
    code = text.indices.to_numpy(zero_copy_only=False)
    if "" in distinct:
        row = int(np.argmax(code == distinct.index("")))
        found.append(Finding("missing-value", f"{name} is missing", "history", row, name))
        return None
    whole = all(WHOLE.fullmatch(word) for word in distinct)
    period = np.array([int(word) for word in distinct]) if whole else _ranks(np.array(distinct))
    return np.asarray(period[code], dtype=np.int64)


def _ranks(values: NDArray[Any]) -> Codes:
    """The place of each among the distinct values in order."""
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _twice(history: History, row: int, first: int) -> Finding:
    """That two rows are of one period (and unit)."""
    question = history.question
    if history.unit is None:
        message = f"the period in column {question.time!r} stands twice"
    else:
        name = history.units[int(history.unit[row])]
        message = f"unit {name!r} has the same period in column {question.time!r} twice"
    return Finding("duplicate-period", message, "history", row, question.time, first=first)
