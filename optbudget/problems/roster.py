"""The states of a model in order of first appearance, and the tables' columns as codes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from optbudget.problems.columns import Codes, Finding, Floats, Names, floats, names

COLUMNS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "transitions": (("state", "action", "next_state"), ("probability",)),
    "actions": (("state", "action"), ("cost", "utility")),
    "states": (("state",), ("terminal_utility",)),
    "shared_rows": (("state", "action", "as_state", "as_action"), ()),
}
"""Columns of names and of numbers that each table of a budgeted MDP must have."""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """One table: its columns of names as codes and its columns of numbers."""

    table: str
    name: dict[str, Names]
    number: dict[str, Floats]


def table_columns(table: pa.Table, of: str, found: list[Finding]) -> TableColumns:
    textual, numeric = COLUMNS[of]
    if "type" in table.column_names:
        textual = ("type", *textual)
    texts = {column: names(table, column, of, found) for column in textual}
    numbers = {column: floats(table, column, of, found) for column in numeric}
    kinds = texts.get("type")
    if kinds is not None:
        for name, row in zip(kinds.distinct, kinds.first.tolist(), strict=True):
            if "/" in name:
                found.append(Finding("name", f"type {name!r} contains '/'", of, row, "type"))
    return TableColumns(
        of,
        {column: part for column, part in texts.items() if part is not None},
        {column: part for column, part in numbers.items() if part is not None},
    )


class Roster:
    """States in order of first appearance, each known by its label ("state" or "type/state")."""

    def __init__(self, *, typed: bool) -> None:
        self.typed = typed
        self.names: list[str] = []
        self.types: list[str] = []
        self.position: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def label(self, index: int) -> str:
        return f"{self.types[index]}/{self.names[index]}" if self.typed else self.names[index]

    def add(self, name: str, kind: str = "") -> int:
        """Index of a state, new or known."""
        label = f"{kind}/{name}" if self.typed else name
        index = self.position.setdefault(label, len(self.names))
        if index == len(self.names):
            self.names.append(name)
            if self.typed:
                self.types.append(kind)
        return index

    def find(self, columns: TableColumns, column: str) -> Codes:
        """Index of the state in each row of a column, -1 where there is none; no state is added."""
        state = columns.name[column]
        if not self.typed:
            return np.array([self.position.get(name, -1) for name in state.distinct], dtype=np.int64)[
                state.code
            ]
        kind = columns.name["type"]
        labels = zip(kind.code.tolist(), state.code.tolist(), strict=True)
        names, kinds = state.distinct, kind.distinct
        return np.array([self.position.get(f"{kinds[t]}/{names[s]}", -1) for t, s in labels], dtype=np.int64)

    def enrol(self, columns: TableColumns, column: str) -> Codes:
        """Index of the state in each row of a column, adding states as they first appear."""
        state = columns.name[column]
        if not self.typed:
            return np.array([self.add(name) for name in state.distinct], dtype=np.int64)[state.code]
        kind = columns.name["type"]
        width = max(1, len(state.distinct))
        both = kind.code * width + state.code
        distinct, first, inverse = np.unique(both, return_index=True, return_inverse=True)
        index = np.empty(distinct.size, dtype=np.int64)
        for k in np.argsort(first, kind="stable").tolist():
            t, s = divmod(int(distinct[k]), width)
            index[k] = self.add(state.distinct[s], kind.distinct[t])
        return index[inverse]
