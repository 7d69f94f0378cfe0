"""Populations from disk: a table of state and count, or of unit and state."""

import warnings
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.files.model_folder import DataWarning, locate
from optbudget.files.model_writer import LARGEST_CSV, UNSAFE_START, write_csv
from optbudget.files.parquet_tables import read_parquet, write_parquet
from optbudget.files.text_tables import Columns, check_header, header_column, read_csv
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.columns import Finding, Names, did_you_mean, names, whole_numbers
from optbudget.problems.population import MOST_UNITS

COUNTED = Columns(("type", "state"), ("count",), ("state", "count"))
LISTED = Columns(("type", "unit", "state"), (), ("unit", "state"))


def load_population(path: str | Path, problem: BudgetedMDP) -> Population:
    """Read population.csv or .parquet, or the one in a model folder.

    Raises
    ------
    ProblemError
        With every problem found and its place: a state the problem does not have, a unit or state
        listed twice, a count that is not a whole number >= 0.

    Warns
    -----
    DataWarning
        For each oddity that does not stop the reading, such as an unknown column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from optbudget.problems.examples import two_action_example
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "population.csv").write_text("unit,state\\n7,s\\n9,s\\n")
    ...     load_population(place, two_action_example())
    Population(2 units in 1 state)
    """
    issues: list[Issue] = []
    population = read_population(Path(path), problem, issues)
    if population is None:
        raise ProblemError([issue for issue in issues if issue.severity == "error"])
    for issue in issues:
        warnings.warn(str(issue), DataWarning, stacklevel=2)
    return population


def write_population(population: Population, folder: Path, *, format: str | None = None) -> None:
    """Write population.csv, or .parquet: unit and state where the units are known, else state and count.

    `format` is "csv" or "parquet"; None takes CSV up to 200,000 rows without names that a spreadsheet takes
    for formulas.
    """
    occupied = np.flatnonzero(population.count)
    names = [population.labels[i] for i in occupied.tolist()]
    if population.unit is None or population.unit_state is None:
        columns: dict[str, pa.Array] = {
            "state": pa.array(names),
            "count": pa.array(population.count[occupied]),
        }
        risky = False
    else:
        code = np.searchsorted(occupied, population.unit_state).astype(np.int32)
        unit = pa.array(population.unit)
        columns = {"unit": unit, "state": pa.DictionaryArray.from_arrays(pa.array(code), pa.array(names))}
        risky = unit.type == pa.string() and _any_unsafe(unit)
    table = pa.table(columns)
    risky = risky or any(name.startswith(UNSAFE_START) for name in names)
    if format is None:
        format = "parquet" if risky or table.num_rows > LARGEST_CSV else "csv"
    if format == "csv":
        write_csv(table, folder / "population.csv")
    else:
        write_parquet(table, folder / "population.parquet")


def _any_unsafe(unit: pa.Array) -> bool:
    first = pc.utf8_slice_codeunits(unit, 0, 1)
    return bool(pc.any(pc.is_in(first, value_set=pa.array(UNSAFE_START))).as_py())


def read_population(path: Path, problem: BudgetedMDP, issues: list[Issue]) -> Population | None:
    """The population, or None after adding errors to `issues`."""
    if path.is_dir():
        there = [path / name for name in ("population.csv", "population.parquet") if (path / name).is_file()]
        if len(there) != 1:
            what = "both population.csv and population.parquet" if there else "no population.csv"
            issues.append(Issue("error", "missing-file", f"there is {what}", "population.csv"))
            return None
        path = there[0]
    if path.suffix not in (".csv", ".parquet"):
        issues.append(Issue("error", "format", "a population is a .csv or .parquet table", path.name))
        return None
    columns, table = _read(path, issues)
    if table is None:
        return None
    found: list[Finding] = []
    typed = bool(problem.state_type)
    if typed != ("type" in table.column_names):
        message = "a column 'type' is needed" if typed else "there is a column 'type', and the model has none"
        issues.append(Issue("error", "types", message, path.name, 1))
        return None
    state = names(table, "state", "population", found)
    kind = names(table, "type", "population", found) if typed else None
    where = None
    if state is not None and not (typed and kind is None):
        where = positions(problem, state, kind, found, "population")
    read = _of_units if columns is LISTED else _of_counts
    population = read(problem, table, where, found)
    if population is not None and population.size == 0:
        message = "there are no units; list at least one, or leave the table out for one at `initial`"
        found.append(Finding("no-units", message, "population"))
        population = None
    issues.extend(locate(found, {"population": path}, {}))
    return population


def _of_counts(
    problem: BudgetedMDP, table: pa.Table, where: NDArray[np.int64] | None, found: list[Finding]
) -> Population | None:
    """So many units in each state; None after adding to `found`."""
    count = whole_numbers(table, "count", "population", found)
    if where is not None:
        _refuse_repeats(where, "state", [problem.labels[i] if i >= 0 else "" for i in where], found)
    if count is not None:
        found.extend(_too_many(count))
    if found or where is None or count is None:
        return None
    total = np.zeros(problem.n_states, dtype=np.int64)
    total[where] = count
    return Population(problem.labels, total)


def _of_units(
    problem: BudgetedMDP, table: pa.Table, where: NDArray[np.int64] | None, found: list[Finding]
) -> Population | None:
    """Units one by one; None after adding to `found`."""
    unit = names(table, "unit", "population", found)
    label: NDArray[Any] = np.empty(0, dtype=str)
    if unit is not None:
        label = np.asarray(unit.distinct)[unit.code] if unit.distinct else label
        _refuse_repeats(unit.code, "unit", label, found)
    if found or where is None:
        return None
    if table.column("unit").type in ("int64", "int32", "uint32", "int16", "int8", "uint8"):
        label = table.column("unit").to_numpy()
    return Population(problem.labels, np.bincount(where, minlength=problem.n_states), label, where)


def _read(path: Path, issues: list[Issue]) -> tuple[Columns, pa.Table | None]:
    """The table, and which of the two kinds its header makes it."""
    if path.suffix == ".csv":
        columns = LISTED if header_column(path, "unit") else COUNTED
        if columns is LISTED and header_column(path, "count"):
            issues.append(_two_kinds(path))
            return columns, None
        return columns, read_csv(path, columns, issues)
    table = read_parquet(path, LISTED.names, issues)
    if table is None:
        return COUNTED, None
    columns = LISTED if "unit" in table.column_names else COUNTED
    if columns is LISTED and "count" in table.column_names:
        issues.append(_two_kinds(path))
        return columns, None
    if not check_header(table.column_names, columns, path.name, issues):
        return columns, None
    return columns, table


def _two_kinds(path: Path) -> Issue:
    message = "the columns 'unit' and 'count' do not go together: list units one by one, or count them"
    return Issue("error", "two-kinds", message, path.name, 1)


def positions(
    problem: BudgetedMDP, state: Names, kind: Names | None, found: list[Finding], of: str
) -> NDArray[np.int64]:
    """Index of the state in each row of the table `of`, -1 where the problem has none such (a finding)."""
    labels = np.asarray(state.distinct, dtype=object)[state.code]
    if kind is not None:
        labels = np.asarray(kind.distinct, dtype=object)[kind.code] + "/" + labels
    where = np.array([problem._position.get(label, -1) for label in labels], dtype=np.int64)
    for row in np.flatnonzero(where < 0)[:FIRST_ISSUES].tolist():
        label = labels[row]
        message = f"no state is called {label!r}{did_you_mean(label, problem.labels)}"
        found.append(Finding("unknown-state", message, of, row, "state", label))
    return where


def _too_many(count: NDArray[np.int64]) -> Iterator[Finding]:
    """A finding at the row with which the sum is more than a population may have; none if it never is."""
    totals = enumerate(accumulate(count.tolist()))
    row = next((row for row, total in totals if total > MOST_UNITS), None)
    if row is not None:
        message = "with this row the counts sum to more than 2^62 units, the most a population may have"
        yield Finding("count", message, "population", row, "count")


def _refuse_repeats(
    key: NDArray[np.int64], column: str, label: Sequence[object] | NDArray[Any], found: list[Finding]
) -> None:
    """A finding for each row that names what an earlier row named; codes below 0 are passed over."""
    seen: dict[int, int] = {}
    for row, item in enumerate(np.asarray(key).tolist()):
        if item >= 0 and seen.setdefault(item, row) != row:
            found.append(
                Finding(
                    f"duplicate-{column}", f"{column} {str(label[row])!r} is listed twice", "population",
                    row, column,
                )
            )  # fmt: skip
            if len(found) >= FIRST_ISSUES:
                return
