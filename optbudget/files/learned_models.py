"""A learned model on disk: a model folder that also holds everything it was counted from.

    learned.json        how the log was cut into histories, the events and their totals, the model's options;
                        and the hashes of what was counted (`optbudget.files.seals`)
    histories.parquet   gram0, ... (unsigned words, `optbudget.problems.history_counts`), count, value
    held_out.parquet    the same of the units held out, if any are
    units.parquet       unit, history0, ..., time, value, tied: where every unit stands
    counts.parquet      state, action, next_state, count: of the rows that pairs own (shared_rows.parquet)
    population.csv      unit, state: where the units of the log stand (.parquet for many); of a mixture type,
                        state, count: every unit by its likeliest type
    memberships.parquet unit, type, state, probability; of a mixture, whose counts.parquet is left out

It is written aside and put in place as one step. What else was in the folder (README.md) is kept.
Equal counts and options give equal bytes.
"""

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue, ProblemError, ResultError
from optbudget.files.aside import recover, require_free, resolved, written_aside
from optbudget.files.history_tables import read_grams, read_units, summable, write_grams, write_units
from optbudget.files.model_writer import NameColumns, write_csv, write_model
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.populations import write_population
from optbudget.files.seals import damaged, require_as_written, require_sealed, sealed
from optbudget.files.stated_fields import mapping, read_json, whole
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.columns import Codes
from optbudget.problems.event_rules import EventRules
from optbudget.problems.events import TimeKind
from optbudget.problems.history_counts import (
    FIRST_EVENT,
    CountingRule,
    GramTable,
    HistoryCounts,
    Packing,
    RowsSeen,
)

KIND = "learned"
SCHEMA = "optbudget-learned-1"
OURS = (
    "learned.json", "histories.parquet", "held_out.parquet", "units.parquet", "model.toml",
    "memberships.parquet",
    *(f"{name}.{end}" for name in ("actions", "transitions", "shared_rows", "states", "counts")
      for end in ("csv", "parquet")),
)  # fmt: skip
"""Files that a learned model consists of."""

COUNTED = ("histories.parquet", "held_out.parquet", "units.parquet", "counts.parquet")
"""Of these, what learned.json has the hashes of; the others are a model's, which people may edit."""

POPULATION = ("population.csv", "population.parquet")


class Learned(Protocol):
    """What is saved: `optbudget.learn.LearnedModel` or `LearnedMixture`."""

    @property
    def problem(self) -> BudgetedMDP: ...
    @property
    def counts(self) -> HistoryCounts: ...
    @property
    def times(self) -> Codes | None: ...
    @property
    def owner(self) -> Codes: ...


def save_learned(
    learned: Learned,
    path: str | Path,
    *,
    options: Mapping[str, object],
    score: Mapping[str, object] | None = None,
    positions: Mapping[str, object] | None = None,
    members: tuple[pa.Table, pa.Table] | None = None,
    population: Population | None = None,
    format: str | None = None,
) -> None:
    """Write a learned model, whole or not at all; an earlier one there is replaced.

    Parameters
    ----------
    options : how the model was made of the counts, for the next update
    score : what the held-out units say of it
    positions : by source, how far it is counted; written in the same step as the counts
    members : of a mixture, the tables of its memberships and of its population
    population : its units; one that was in the folder is replaced

    Raises
    ------
    UsageError
        If the folder holds something else, or cannot be written.
    LimitError
        If the disk is full.
    """
    target = resolved(Path(path))
    require_free(target, KIND)
    counts = learned.counts
    with written_aside(target) as aside, ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(write_model, learned.problem, aside, format=format, owner=learned.owner),
            pool.submit(write_grams, counts.kept, aside / "histories.parquet"),
            pool.submit(write_units, counts.units, aside / "units.parquet"),
        ]
        if learned.times is not None:
            work.append(pool.submit(_write_counts, learned, learned.times, aside / "counts.parquet"))
        if population is not None and population.size:
            work.append(pool.submit(write_population, population, aside, format=format))
        if counts.rule.held_out:
            work.append(pool.submit(write_grams, counts.held, aside / "held_out.parquet"))
        if members is not None:
            work.append(pool.submit(write_parquet, members[0], aside / "memberships.parquet"))
            work.append(pool.submit(write_csv, members[1], aside / "population.csv"))
        for each in work:
            each.result()
        _write_json(counts, options, score, positions, aside)
        replaced = population is not None or members is not None or _has_members(target)
        ours = (*OURS, *POPULATION) if replaced else OURS
        for file in target.iterdir() if target.is_dir() else ():
            if file.name not in ours and file.is_file():
                shutil.copy2(file, aside / file.name)


def _has_members(folder: Path) -> bool:
    """Whether the model there is a mixture, whose population.csv goes with it."""
    return (folder / "memberships.parquet").is_file()


def is_learned(path: str | Path) -> bool:
    """Whether a folder holds a learned model."""
    recover(resolved(Path(path)))
    return (Path(path) / "learned.json").is_file()


def was_learned(path: str | Path) -> bool:
    """Whether a folder holds a learned model, or what is left of one."""
    return is_learned(path) or (Path(path) / "histories.parquet").is_file()


def load_history_counts(path: str | Path) -> tuple[HistoryCounts, dict[str, object]]:
    """The counts of a learned model's folder, and the options it was made with.

    Raises
    ------
    ProblemError
        If a file is missing or damaged, or they do not belong together.
    """
    folder = Path(path)
    if not is_learned(folder):
        if was_learned(folder):
            raise damaged("learned.json", "it is missing")
        text = f"{folder.name} is no learned model: it has no learned.json"
        raise ProblemError([Issue("error", "missing-file", text)])
    try:
        return _load(folder)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, ProblemError):
            raise
        key = f" ({error.args[0]} is missing)" if isinstance(error, KeyError) else ""
        raise damaged("learned.json", f"it does not say what it should{key}") from None


def load_positions(path: str | Path) -> dict[str, Any]:
    """By source, how far a learned model counts it.

    Raises
    ------
    ProblemError
        If learned.json cannot be read, or says no such thing.
    """
    stated = _stated(Path(path)).get("positions", {})
    if not isinstance(stated, dict) or not all(isinstance(position, dict) for position in stated.values()):
        raise damaged("learned.json", "its positions are not what they should be")
    return stated


def require_learned(folder: Path, name: str) -> None:
    """ProblemError if a file of a learned model's folder is not the one that was written with it."""
    require_as_written(_stated(folder), folder, name)


def _stated(folder: Path) -> dict[str, Any]:
    """What learned.json says, as it was written."""
    try:
        stated = read_json(folder / "learned.json")
    except ResultError as error:
        raise damaged("learned.json", str(error).removeprefix("learned.json ")) from None
    if stated.get("schema") != SCHEMA:
        raise damaged("learned.json", f"its schema is {stated.get('schema')!r:.60}, not {SCHEMA!r}")
    require_sealed(stated, "learned.json")
    return stated


def _load(folder: Path) -> tuple[HistoryCounts, dict[str, object]]:
    stated = _stated(folder)
    rule = CountingRule(stated["order"], EventRules.from_dict(stated["rows"]), float(stated["held_out"]))
    rows_seen = mapping(stated, "seen", "learned.json")
    seen = RowsSeen(**{name: whole(rows_seen, name, "learned.json") for name in RowsSeen.__slots__})
    names = tuple(str(event["name"]) for event in stated["events"])
    times = np.array([event["times"] for event in stated["events"]], dtype=np.int64)
    cost = np.array([event["cost_millionths"] for event in stated["events"]], dtype=np.int64)
    packing = Packing.of(rule.order, len(names))
    kept = read_grams(folder / "histories.parquet", packing, len(names))
    held = GramTable.empty(packing.words)
    if rule.held_out:
        held = read_grams(folder / "held_out.parquet", packing, len(names))
    units = read_units(folder / "units.parquet", packing, len(names))
    counts = HistoryCounts(
        rule,
        names,
        kept,
        held,
        units,
        times,
        cost,
        seen,
        bool(stated["costed"]),
        str(stated["time_kind"]),
        bool(stated["valued"]),
    )
    if counts.time_kind not in get_args(TimeKind) or not isinstance(stated["options"], dict):
        raise damaged("learned.json", "its time_kind or its options are not what they should be")
    _require_together(counts)
    for name in ("histories.parquet", "units.parquet", *(["held_out.parquet"] if rule.held_out else [])):
        require_as_written(stated, folder, name)
    return counts, stated["options"]


def _require_together(counts: HistoryCounts) -> None:
    """Refuse tables of which one is of another model: every event follows some history once."""
    found = np.zeros(len(counts.names) + FIRST_EVENT, dtype=np.int64)
    for table in (counts.kept, counts.held):
        symbol = counts.packing.symbol(table.words, counts.rule.order)
        found += np.bincount(symbol, table.count, minlength=found.size).astype(np.int64)
    if not summable(counts.cost):
        raise damaged("learned.json", "its costs are more than a log can have")
    if (found[FIRST_EVENT:] != counts.times).any() or found[0]:
        raise damaged("histories.parquet", "it does not hold the events that learned.json tells of")


def _write_json(
    counts: HistoryCounts, options: Mapping[str, object], score: Mapping[str, object] | None,
    positions: Mapping[str, object] | None, folder: Path,
) -> None:  # fmt: skip
    events = zip(counts.names, counts.times.tolist(), counts.cost.tolist(), strict=True)
    content = {
        "schema": SCHEMA,
        "order": counts.rule.order,
        "rows": counts.rule.rows.as_dict(),
        "held_out": counts.rule.held_out,
        "seen": asdict(counts.seen),
        "time_kind": counts.time_kind,
        "costed": counts.costed,
        "valued": counts.valued,
        "events": [{"name": n, "times": t, "cost_millionths": c} for n, t, c in events],
        "units": len(counts.units),
        "options": dict(options),
        "score": None if score is None else dict(score),
        "positions": dict(positions or {}),
    }
    text = json.dumps(sealed(content, folder, COUNTED), indent=1, ensure_ascii=False)
    (folder / "learned.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def _write_counts(learned: Learned, times: Codes, path: Path) -> None:
    problem = learned.problem
    seen = np.flatnonzero(times)
    row = np.repeat(np.arange(problem.row_ptr.size - 1), np.diff(problem.row_ptr))[seen]
    owned = np.flatnonzero(learned.owner == np.arange(learned.owner.size))
    pair = owned[np.searchsorted(problem.pair_row[owned], row)]
    state = NameColumns(problem.states, distinct=not problem.state_type)
    action = NameColumns(problem.actions, distinct=True)
    table = pa.table(
        {
            "state": state.take(problem.pair_state[pair]),
            "action": action.take(problem.pair_action[pair]),
            "next_state": state.take(problem.next_state[seen]),
            "count": times[seen],
        }
    )
    write_parquet(table, path)
