"""Parquet tables of a result folder, read strictly; `ResultError` for whatever is not as it must be."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import Issue, ResultError
from optbudget.files.parquet_tables import read_parquet
from optbudget.problems import BudgetedMDP
from optbudget.problems.columns import Finding, names

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A Parquet table of a result, whose columns are taken out one by one and checked."""

    file: str
    table: pa.Table

    @classmethod
    def read(cls, path: Path, texts: tuple[str, ...], root: Path) -> "ResultTable":
        file = path.relative_to(root).as_posix()
        if not path.is_file():
            raise ResultError(f"{file} is missing")
        issues: list[Issue] = []
        table = read_parquet(path, texts, issues)
        if table is None:
            raise ResultError(f"{file}: {issues[0].message}")
        return cls(file, table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def _column(self, name: str) -> pa.ChunkedArray:
        if self.table.column_names.count(name) != 1:
            raise ResultError(f"{self.file}: there must be one column {name!r}")
        return self.table.column(name)

    def numbers(
        self,
        name: str,
        *,
        low: float = -math.inf,
        open_low: bool = False,
        infinite: bool = False,
        unknown: bool = False,
    ) -> Floats:
        """Doubles >= low (> low if `open_low`), finite unless `infinite` allows +inf and `unknown` NaN."""
        column = self._column(name)
        if column.type != pa.float64() or column.null_count:
            raise ResultError(f"{self.file}: {name} must be double precision without gaps")
        values = column.to_numpy()
        wrong = ~(values > low) if open_low else ~(values >= low)
        wrong = (wrong & ~np.isnan(values)) | np.isneginf(values)
        if not unknown:
            wrong |= np.isnan(values)
        if not infinite:
            wrong |= np.isposinf(values)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ResultError(f"{self.file}: {name} is {values[row]} in row {row + 1}")
        return np.asarray(values)

    def values(self, name: str) -> list[object]:
        """A column as it is."""
        return list(self._column(name).to_pylist())

    def wholes(self, name: str) -> Integers:
        column = self._column(name)
        if column.type != pa.int64() or column.null_count:
            raise ResultError(f"{self.file}: {name} must be whole numbers without gaps")
        return np.asarray(column.to_numpy())

    def codes(self, name: str, known: Mapping[str, int], *, missing: int | None = None) -> Integers:
        """Index of each name among `known`; `missing` stands for a null where that is allowed."""
        column = self._column(name)
        gaps = None
        if missing is not None and column.null_count:
            gaps = column.is_null().to_numpy()
            column = column.drop_null()
        found: list[Finding] = []
        part = names(pa.table({name: column}), name, self.file, found)
        if part is None:
            raise ResultError(f"{self.file}: {found[0].message}")
        index = np.empty(len(part.distinct), dtype=np.int64)
        for k, word in enumerate(part.distinct):
            if word not in known:
                raise ResultError(f"{self.file}: {name} {word!r} is not in the model")
            index[k] = known[word]
        codes = index[part.code]
        if gaps is None:
            return codes
        filled = np.full(gaps.size, missing, dtype=np.int64)
        filled[~gaps] = codes
        return filled

    def states(self, problem: BudgetedMDP) -> Integers:
        """Index of the state in each row."""
        if not problem.state_type:
            return self.codes("state", problem._position)
        kinds = {kind: k for k, kind in enumerate(dict.fromkeys(problem.state_type))}
        plain = {name: k for k, name in enumerate(dict.fromkeys(problem.states))}
        place = np.full((len(kinds), len(plain)), -1, dtype=np.int64)
        for i, (kind, name) in enumerate(zip(problem.state_type, problem.states, strict=True)):
            place[kinds[kind], plain[name]] = i
        index = place[self.codes("type", kinds), self.codes("state", plain)]
        if (index < 0).any():
            row = int(np.flatnonzero(index < 0)[0])
            raise ResultError(f"{self.file}: row {row + 1} names no state of the model")
        return index

    def has(self, name: str) -> bool:
        return name in self.table.column_names

    def per_state(self, name: str, problem: BudgetedMDP, *, unknown: bool = False) -> Floats:
        """A column of one number per state, in the problem's order; NaN only if `unknown` allows it."""
        where = self.states(problem)
        if not np.array_equal(np.sort(where), np.arange(problem.n_states)):
            raise ResultError(f"{self.file}: there must be one row per state")
        column = self._column(name)
        if unknown and column.type == pa.float64() and not column.null_count:
            given = column.to_numpy()
        else:
            given = self.numbers(name, infinite=True)
        values = np.empty(problem.n_states)
        values[where] = given
        return values

    def blocks(self, problem: BudgetedMDP) -> tuple[Integers, Integers]:
        """Rows in the problem's order of states, and how many each state has: at least one, together."""
        state = self.states(problem)
        starts = np.flatnonzero(np.concatenate(([True], state[1:] != state[:-1]))) if state.size else state
        if not np.array_equal(np.sort(state[starts]), np.arange(problem.n_states)):
            raise ResultError(f"{self.file}: each state must have its rows once, together")
        return np.argsort(state, kind="stable"), np.bincount(state, minlength=problem.n_states)

    def actions(self, problem: BudgetedMDP) -> NDArray[np.int32]:
        """Index of the action in each row, -1 for none."""
        known = {name: k for k, name in enumerate(problem.actions)}
        return self.codes("action", known, missing=-1).astype(np.int32)
