"""The canonical model folder of a problem: the same problem always gives the same bytes.

Numbers are written so that reading gives the same double back. States come back in order of first
appearance, terminal states after the others, and rows that are equal come back shared; a problem
already in that form is reproduced exactly.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from optbudget.files.parquet_tables import write_parquet
from optbudget.problems import BudgetedMDP

LARGEST_CSV = 200_000
"""Most transitions that are written as CSV when no format is asked for."""

UNSAFE_START = ("=", "+", "-", "@", "\t", "\r")
"""First letters that make a spreadsheet take a name for a formula."""


MOST_IN_FULL = 1_000_000
"""Most transitions of which each state and action has its own; of more, equal rows are written once."""


def write_model(
    problem: BudgetedMDP,
    folder: Path,
    *,
    format: str | None = None,
    owner: NDArray[np.int64] | None = None,
) -> None:
    """Write model.toml and the tables into an existing folder.

    `format` is "csv" or "parquet"; None takes CSV up to 200,000 transitions, but Parquet where a name
    begins as a formula would, since it must come back unchanged. `owner` names for each state-action pair
    the one whose row it shares, (m,), which is then written too; None takes the first that has the row, for
    more than a million transitions, and else each pair itself.
    """
    in_full = int(np.diff(problem.row_ptr)[problem.pair_row].sum()) <= MOST_IN_FULL
    if owner is None and not in_full:
        _, first = np.unique(problem.pair_row, return_index=True)
        owner = first[np.searchsorted(problem.pair_row[first], problem.pair_row)]
    tables = model_tables(problem, owner, in_full=in_full)
    write_tables(problem, model_toml(problem), tables, folder, format=format)


def write_tables(
    problem: BudgetedMDP, toml: str, tables: Mapping[str, pa.Table], folder: Path, *, format: str | None
) -> None:
    """Write a model.toml and the tables of a problem; `format` as in `write_model`."""
    names = (*problem.states, *problem.actions, *problem.state_type)
    risky = any(name.startswith(UNSAFE_START) for name in names)
    if format is None:
        format = "parquet" if risky or tables["transitions"].num_rows > LARGEST_CSV else "csv"
    (folder / "model.toml").write_text(toml, encoding="utf-8", newline="\n")

    def write(name: str) -> None:
        if format == "csv":
            write_csv(tables[name], folder / f"{name}.csv")
        else:
            write_parquet(tables[name], folder / f"{name}.parquet")

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(write, tables):
            pass


def model_tables(
    problem: BudgetedMDP, owner: NDArray[np.int64] | None = None, *, in_full: bool = True
) -> dict[str, pa.Table]:
    """The tables of a problem: actions, transitions and, where there is terminal utility, states.

    With `owner` (m,) shared_rows says whose row each pair uses that does not own one, and transitions holds
    the rows of all pairs (`in_full`) or of the owners. Names are dictionaries: each is there once, however
    often it is used.
    """
    state = NameColumns(problem.states, distinct=not problem.state_type)
    action = NameColumns(problem.actions, distinct=True)
    pairs = np.arange(problem.cost.size)
    borrowing = np.empty(0, dtype=np.int64) if owner is None else np.flatnonzero(owner != pairs)
    own = pairs if owner is None or in_full else np.flatnonzero(owner == pairs)
    widths = np.diff(problem.row_ptr)[problem.pair_row[own]]
    pair = np.repeat(own, widths)
    starts = problem.row_ptr[problem.pair_row[own]]
    entry = np.arange(pair.size) - np.repeat(np.cumsum(widths) - widths - starts, widths)
    kind = NameColumns(problem.state_type, distinct=False)

    def typed(index: np.ndarray, columns: dict[str, object]) -> pa.Table:
        if problem.state_type:
            columns = {"type": kind.take(index), **columns}
        return pa.table(columns)

    pair_state = problem.pair_state
    tables = {
        "actions": typed(
            pair_state,
            {
                "state": state.take(pair_state),
                "action": action.take(problem.pair_action),
                "cost": problem.cost,
                "utility": problem.utility,
            },
        ),
        "transitions": typed(
            pair_state[pair],
            {
                "state": state.take(pair_state[pair]),
                "action": action.take(problem.pair_action[pair]),
                "next_state": state.take(problem.next_state[entry]),
                "probability": problem.probability[entry],
            },
        ),
    }
    if borrowing.size:
        assert owner is not None
        lender = owner[borrowing]
        tables["shared_rows"] = typed(
            pair_state[borrowing],
            {
                "state": state.take(pair_state[borrowing]),
                "action": action.take(problem.pair_action[borrowing]),
                "as_state": state.take(pair_state[lender]),
                "as_action": action.take(problem.pair_action[lender]),
            },
        )
    if (problem.terminal_utility != 0).any():
        worth = np.flatnonzero((problem.terminal_utility != 0) | problem.is_terminal)
        tables["states"] = typed(
            worth,
            {
                "state": state.take(worth),
                "terminal_utility": problem.terminal_utility[worth],
            },
        )
    return tables


class NameColumns:
    """Names of which columns are made without writing any of them twice."""

    def __init__(self, names: Sequence[str], *, distinct: bool) -> None:
        self.names = pa.array(names, pa.string())
        self.code = None
        if not distinct:
            coded = self.names.dictionary_encode()
            self.names, self.code = coded.dictionary, coded.indices.to_numpy()

    def take(self, index: NDArray[np.integer]) -> pa.DictionaryArray:
        code = index.astype(np.int32, copy=False) if self.code is None else self.code[index]
        used = np.zeros(len(self.names), dtype=np.bool_)
        used[code] = True
        if 2 * int(used.sum()) > used.size:
            return pa.DictionaryArray.from_arrays(pa.array(code), self.names)
        place = np.cumsum(used, dtype=np.int32) - np.int32(1)
        return pa.DictionaryArray.from_arrays(pa.array(place[code]), self.names.filter(pa.array(used)))


def model_toml(problem: BudgetedMDP, *, kind: str = "budgeted_mdp") -> str:
    """The text of model.toml, ending in the table of initial states."""
    horizon = '"infinite"' if problem.horizon is None else str(int(problem.horizon))
    lines = [f"kind = {quoted(kind)}"]
    lines += [
        f"title = {quoted(problem.title)}",
        f"source = {quoted(problem.source)}",
        f"money_unit = {quoted(problem.money_unit)}",
        f"discount = {float(problem.discount)!r}",
        f"cost_discount = {float(problem.cost_discount)!r}",
        f"horizon = {horizon}",
        f"reward = {quoted(problem.reward)}",
    ]
    if problem.budget_cap is not None and kind == "budgeted_mdp":
        lines.append(f"budget_cap = {float(problem.budget_cap)!r}")
    terminal = [problem.labels[i] for i in np.flatnonzero(problem.is_terminal)]
    if terminal:
        lines.append(f"terminal_states = [{', '.join(map(quoted, terminal))}]")
    if problem.formulations:
        lines.append(f"formulations = [{', '.join(map(quoted, problem.formulations))}]")
    lines += ["", "[initial]"]
    lines += [
        f"{quoted(problem.labels[i])} = {float(share)!r}"
        for i, share in zip(problem.initial_state, problem.initial_probability, strict=True)
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A TOML basic string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_csv(table: pa.Table, path: Path) -> None:
    """Write a table of names and numbers, with quotes only if some name needs them."""
    try:
        pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="none", quoting_header="none"))
    except pa.ArrowInvalid:
        pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="needed"))
