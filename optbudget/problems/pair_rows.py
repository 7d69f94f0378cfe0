"""A table about transitions, one row of entries per state and action: counts, or intervals.

What it has in common with a problem is the pairs; its next states may be more than the problem's.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP
from optbudget.problems.columns import (
    Codes,
    Finding,
    Floats,
    Names,
    did_you_mean,
    floats,
    names,
    repeats,
    whole_numbers,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PairRows:
    """Entries of pairs, sorted by pair: those of pair a are ptr[a]:ptr[a+1].

    Attributes
    ----------
    ptr : (m+1,) int64
    next_state : (z,) int32
    source : (z,) int64; row of the table that an entry comes from, -1 if it is the problem's own
    own : (z,) the problem's own probability of the entry, 0 where it has none
    """

    ptr: Codes
    next_state: NDArray[np.int32]
    source: Codes
    own: Floats


def merged(problem: BudgetedMDP, pair: Codes, following: Codes) -> PairRows:
    """The entries of a table, and after them those that only the problem has; by pair and next state."""
    first, entry = problem.pair_entries
    own_pair = np.repeat(np.arange(problem.cost.size), np.diff(first))
    n = problem.n_states
    own_key = own_pair * n + problem.next_state[entry]
    key = pair * n + following
    every = np.union1d(own_key, key)
    source = np.full(every.size, -1, dtype=np.int64)
    source[np.searchsorted(every, key)] = np.arange(key.size)
    own = np.zeros(every.size)
    own[np.searchsorted(every, own_key)] = problem.probability[entry]
    ptr = np.searchsorted(every, np.arange(problem.cost.size + 1) * n)
    return PairRows(ptr.astype(np.int64), (every % n).astype(np.int32), source, own)


def read_pairs(
    problem: BudgetedMDP, table: pa.Table, of: str, found: list[Finding]
) -> tuple[Codes, Codes] | None:
    """Pair and next state of each row of a table; None after adding to `found`.

    A state, action or next state that the problem does not have, an action that the state does not
    have, a next state of another type, and a row listed twice are refused.
    """
    before = len(found)
    pair = pairs_of(problem, table, of, found)
    known = _known_columns(problem, table, ("next_state",), of, found)
    if known is None or pair is None:
        return None
    following = _indices(problem, known["next_state"], known.get("type"), "next_state", of, found)
    if len(found) == before:
        for row, first in repeats(pair * problem.n_states + following):
            text = "state, action and next state are listed twice"
            found.append(Finding("duplicate", text, of, row, "next_state", first=first))
    return None if len(found) > before else (pair, following)


def pairs_of(problem: BudgetedMDP, table: pa.Table, of: str, found: list[Finding]) -> Codes | None:
    """The pair that state and action (and type) of each row name; None after adding to `found`."""
    before = len(found)
    columns = _known_columns(problem, table, ("state", "action"), of, found)
    if columns is None:
        return None
    state = _indices(problem, columns["state"], columns.get("type"), "state", of, found)
    action = _codes(columns["action"], problem.actions, "action", of, found)
    if len(found) > before:
        return None
    pair_of = np.full((problem.n_states, len(problem.actions)), -1, dtype=np.int64)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    pair = pair_of[state, action]
    for row in np.flatnonzero(pair < 0)[:FIRST_ISSUES].tolist():
        label, name = problem.labels[state[row]], problem.actions[action[row]]
        text = f"state {label!r} has no action {name!r}"
        found.append(Finding("unknown-action", text, of, row, "action", label, name))
    return None if len(found) > before else pair


def _known_columns(
    problem: BudgetedMDP, table: pa.Table, wanted: tuple[str, ...], of: str, found: list[Finding]
) -> dict[str, Names | None] | None:
    """Columns of names, and the one of types where the problem has types; None after adding to `found`."""
    typed = bool(problem.state_type)
    if typed != ("type" in table.column_names):
        text = "a column 'type' is needed" if typed else "there is a column 'type', and the model has none"
        found.append(Finding("types", text, of))
        return None
    columns = {name: names(table, name, of, found) for name in (*(["type"] if typed else []), *wanted)}
    return None if any(column is None for column in columns.values()) else columns


def _indices(
    problem: BudgetedMDP, state: Names | None, kind: Names | None, column: str, of: str, found: list[Finding]
) -> Codes:
    """Index of the state that each row names, with its type where there are types."""
    assert state is not None
    if kind is None:
        return _codes(state, problem.states, column, of, found)
    label = np.asarray(kind.distinct, dtype=object)[kind.code] + "/"
    label = label + np.asarray(state.distinct, dtype=object)[state.code]
    distinct, code = np.unique(label.astype(str), return_inverse=True)
    first = np.full(distinct.size, code.size, dtype=np.int64)
    np.minimum.at(first, code, np.arange(code.size))
    return _codes(Names(code, distinct.tolist(), first), problem.labels, column, of, found)


def _codes(column: Names | None, known: tuple[str, ...], name: str, of: str, found: list[Finding]) -> Codes:
    """Position of each row's name among the known ones, -1 where it is none (a finding)."""
    assert column is not None
    place = {word: k for k, word in enumerate(known)}
    position = np.array([place.get(word, -1) for word in column.distinct], dtype=np.int64)
    for k in np.flatnonzero(position < 0)[:FIRST_ISSUES].tolist():
        word, what = column.distinct[k], "action" if name == "action" else "state"
        text = f"no {what} is called {word!r}{did_you_mean(word, known)}"
        found.append(Finding(f"unknown-{what}", text, of, int(column.first[k]), name))
    return position[column.code] if column.code.size else np.empty(0, dtype=np.int64)


def number_columns(
    table: pa.Table, columns: tuple[str, ...], of: str, found: list[Finding], *, whole: bool
) -> list[Floats | Codes] | None:
    """Columns of numbers, whole ones if so asked; None after adding to `found`."""
    read = [(whole_numbers if whole else floats)(table, name, of, found) for name in columns]
    return None if any(column is None for column in read) else read  # type: ignore[return-value]


def require_rows(ptr: Codes, pairs: int, entries: int) -> None:
    """Refuse pointers that do not give each of so many pairs one of so many entries, at least."""
    shaped = ptr.shape == (pairs + 1,) and ptr[0] == 0 and ptr[-1] == entries
    if not shaped or (np.diff(ptr) < 1).any():
        raise ProblemError(
            f"ptr must rise from 0 to {entries} in {pairs} steps: every pair needs a next state"
        )
