"""The folder of a causal answer.

effects.parquet      decision, outcome, adjustment, effect, std_error, lower, upper, level, identified,
                     refutations (JSON text); null numbers where the effect is not identified
edges.parquet        source, target, frequency, orientation_frequency; a row per directed edge, and two, one
                     each way, per edge whose direction is open
risk.parquet         action, state (null: every state), outcome, risk, lower, upper, path ("a -> b -> c")
adjustments.parquet  decision, outcome, adjustment, method, adjusted_for, reason, residual_share,
                     propensity_least, propensity_most: how each effect was identified, or why not
members.parquet      decision, outcome, adjustment, effect, std_error, lower, upper: the range over the
                     equivalence class, where the graph leaves edges open
adjacency.parquet    as edges.parquet, of every ordered pair that a resample joined
chances.parquet      action, state, outcome, mean, probability, path (names) of each row of risk.parquet
causal.json          schema, version, command, seed, counts, the question, what was refused and why; and the
                     seal of all these files (`optbudget.files.seals`): what was edited is not believed
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from optbudget import __version__
from optbudget.errors import ProblemError, ResultError
from optbudget.files.aside import recover, require_free, written_aside
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.seals import is_as_written, is_sealed, sealed
from optbudget.files.stated_fields import mapping, read_json, whole
from optbudget.files.statements import recorded, write_json
from optbudget.problems.causal_answer import CausalAnswer
from optbudget.problems.causal_graph import CausalGraph
from optbudget.problems.causal_question import CausalQuestion
from optbudget.problems.effects import Adjustment, Effect, Effects, Estimate, Method, Overlap
from optbudget.problems.side_effects import Refusal, SideEffect, SideEffects

KIND = "causal"
SCHEMA = "optbudget-causal-1"
STATED = "causal.json"
ARROW = " -> "

NUMBERS = ("effect", "std_error", "lower", "upper")
PLAIN = ("context", "decisions", "outcomes", "unit", "time", "required", "forbidden")
MAPPED = ("harm", "weights", "targets", "actions")

TEXT, REAL, NAMES = pa.string(), pa.float64(), pa.list_(pa.string())
PAIR = (("decision", TEXT), ("outcome", TEXT), ("adjustment", TEXT))
OF_NUMBERS = tuple((name, REAL) for name in NUMBERS)
EDGE = (("source", TEXT), ("target", TEXT), ("frequency", REAL), ("orientation_frequency", REAL))
RISK = (("action", TEXT), ("state", TEXT), ("outcome", TEXT))

SCHEMAS = {
    "effects": pa.schema(
        (*PAIR, *OF_NUMBERS, ("level", REAL), ("identified", pa.bool_()), ("refutations", TEXT))
    ),
    "adjustments": pa.schema((
        *PAIR, ("method", TEXT), ("adjusted_for", NAMES), ("reason", TEXT), ("residual_share", REAL),
        ("propensity_least", REAL), ("propensity_most", REAL),
    )),
    "members": pa.schema((*PAIR, *OF_NUMBERS)),
    "edges": pa.schema(EDGE),
    "adjacency": pa.schema(EDGE),
    "risk": pa.schema((*RISK, ("risk", REAL), ("lower", REAL), ("upper", REAL), ("path", TEXT))),
    "chances": pa.schema((*RISK, ("mean", REAL), ("probability", REAL), ("path", NAMES))),
}  # fmt: skip

RISK_TABLES = ("risk", "chances")
REFUSAL = {"action", "outcome", "reason"}

Row = dict[str, Any]


def save_causal(answer: CausalAnswer, path: str | Path, *, command: Sequence[str] = ()) -> None:
    """Write the folder of a causal answer, whole or not at all.

    Raises
    ------
    UsageError, LimitError
        As `save`.
    """
    target = Path(path).resolve()
    require_free(target, KIND)
    with written_aside(target) as folder:
        write_causal(answer, folder, command=command)


def write_causal(answer: CausalAnswer, folder: Path, *, command: Sequence[str] = ()) -> None:
    """Write everything about an answer into `folder`, which will become the folder asked for."""
    rows = {
        "effects": [_effect_row(row, answer.effects.level) for row in answer.effects.rows],
        "adjustments": [_adjustment_row(row) for row in answer.effects.rows],
        "members": [
            {**_pair(row), **asdict(one)} for row in answer.effects.rows for one in row.members
        ],
        "edges": _edge_rows(answer.graph, answer.graph.directed | answer.graph.undirected),
        "adjacency": _edge_rows(answer.graph, answer.graph.frequency > 0),
    }  # fmt: skip
    for name, of_table in rows.items():
        write_parquet(_table(of_table, SCHEMAS[name]), folder / f"{name}.parquet")
    write_risks(answer.side_effects, folder)
    write_json(
        sealed(_stated(answer, command), folder, (f"{name}.parquet" for name in SCHEMAS)), folder / STATED
    )


def write_risks(side_effects: SideEffects, folder: Path) -> None:
    """risk.parquet and chances.parquet of an existing folder."""
    risks = [asdict(row) for row in side_effects.rows]
    named = [{**row, "path": ARROW.join(row["path"])} for row in risks]
    for name, rows in (("risk", named), ("chances", risks)):
        write_parquet(_table(rows, SCHEMAS[name]), folder / f"{name}.parquet")


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in schema.names}, schema=schema)


def _pair(row: Effect) -> Row:
    return {"decision": row.decision, "outcome": row.outcome, "adjustment": row.adjustment}


def _effect_row(row: Effect, level: float) -> Row:
    numbers = dict.fromkeys(NUMBERS) if row.estimate is None else asdict(row.estimate)
    said = json.dumps(dict(row.refutations), ensure_ascii=False, allow_nan=False)
    return {**_pair(row), **numbers, "level": level, "identified": row.identified, "refutations": said}


def _adjustment_row(row: Effect) -> Row:
    overlap = row.overlap
    least, most = (None, None) if overlap is None else overlap.propensity or (None, None)
    return {
        **_pair(row), "method": row.method, "adjusted_for": row.adjusted_for, "reason": row.reason,
        "residual_share": None if overlap is None else overlap.residual_share,
        "propensity_least": least, "propensity_most": most,
    }  # fmt: skip


def _edge_rows(graph: CausalGraph, among: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Row]:
    return [
        {
            "source": graph.names[i], "target": graph.names[j],
            "frequency": float(graph.frequency[i, j]),
            "orientation_frequency": float(graph.orientation[i, j]),
        }
        for i, j in np.argwhere(among).tolist()
    ]  # fmt: skip


def _stated(answer: CausalAnswer, command: Sequence[str]) -> Row:
    question = answer.question
    plain = {key: getattr(question, key) for key in PLAIN}
    mapped = {key: dict(getattr(question, key)) for key in MAPPED}
    mapped["actions"] = {action: dict(changes) for action, changes in question.actions.items()}
    return {
        "schema": SCHEMA, "version": __version__, "command": recorded(command), "seed": answer.seed,
        "rows": answer.rows, "bootstraps": answer.bootstraps, "refutations": answer.refutations,
        "level": answer.effects.level, "nodes": answer.graph.names, "question": plain | mapped,
        "refused": [asdict(entry) for entry in answer.side_effects.refused],
    }  # fmt: skip


def load_causal(path: str | Path) -> CausalAnswer:
    """Read the folder of a causal answer.

    Raises
    ------
    ResultError
        If the folder cannot be read, or does not say what it must.
    """
    folder = Path(path)
    recover(folder.resolve())
    stated = read_json(folder / STATED, str(folder / STATED))
    if stated.get("schema") != SCHEMA:
        raise ResultError(f"{folder / STATED}: schema is {stated.get('schema')!r:.40}, not {SCHEMA!r}")
    _require_as_written(stated, folder)
    tables = {name: _rows(folder, name) for name in SCHEMAS if name not in RISK_TABLES}
    counts = {key: whole(stated, key, STATED) for key in ("rows", "seed", "bootstraps", "refutations")}
    refused = refusals(stated, STATED)
    try:
        question = _question(stated)
        graph, effects = _graph(stated, tables), _effects(tables)
        actions = tuple(question.actions)
        side_effects = SideEffects(actions, read_risks(folder), refused, question.weights)
        return CausalAnswer(question, graph, effects, side_effects, **counts)
    except ProblemError as error:
        raise ResultError(f"the folder does not hold a causal answer: {error}") from None
    except ResultError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError):
        wrong = f"{folder / STATED} or a table beside it is not as it must be"
        raise ResultError(f"{wrong}; estimate again with `optbudget causal`") from None


def refusals(stated: Mapping[str, Any], file: str) -> tuple[Refusal, ...]:
    """What was refused, as it is stated.

    Raises
    ------
    ResultError
        If it is not a list of action, outcome and reason.
    """
    entries = stated.get("refused")
    if not isinstance(entries, list) or not all(map(_is_refusal, entries)):
        raise ResultError(f"{file}: refused must be a list of objects of {', '.join(sorted(REFUSAL))}")
    return tuple(Refusal(**entry) for entry in entries)


def _is_refusal(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.keys() != REFUSAL:
        return False
    return all(isinstance(word, str) for word in entry.values())


def _require_as_written(stated: Mapping[str, Any], folder: Path) -> None:
    """ResultError naming the file that is no longer what it was when the folder was written."""
    names = [name for name in SCHEMAS if (folder / f"{name}.parquet").is_file()]
    changed = [f"{name}.parquet" for name in names if not is_as_written(stated, folder, f"{name}.parquet")]
    if changed or not is_sealed(stated):
        file = (changed or [STATED])[0]
        raise ResultError(f"{folder / file} is not as it was written; estimate again with `optbudget causal`")


def _rows(folder: Path, name: str) -> list[Row]:
    read = ResultTable.read(folder / f"{name}.parquet", (), folder.parent)
    schema = SCHEMAS[name]
    missing = [column for column in schema.names if column not in read.table.column_names]
    if missing:
        raise ResultError(f"{read.file}: column {missing[0]!r} is missing")
    try:
        table = read.table.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise ResultError(f"{read.file}: a column is of another kind: {error}") from None
    return cast(list[Row], table.to_pylist())


def _question(stated: Mapping[str, Any]) -> CausalQuestion:
    said = mapping(stated, "question", STATED)
    fields = {key: said.get(key) for key in PLAIN} | {key: mapping(said, key, STATED) for key in MAPPED}
    for key in ("required", "forbidden"):
        fields[key] = tuple((a, b) for a, b in said.get(key, ()))
    return CausalQuestion(**cast(dict[str, Any], fields))


def _graph(stated: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> CausalGraph:
    names = tuple(map(str, stated["nodes"]))
    place = {name: k for k, name in enumerate(names)}
    joined = np.zeros((len(names), len(names)), dtype=bool)
    frequency, orientation = np.zeros(joined.shape), np.zeros(joined.shape)
    for row in tables["edges"]:
        joined[place[row["source"]], place[row["target"]]] = True
    for row in (*tables["adjacency"], *tables["edges"]):
        at = place[row["source"]], place[row["target"]]
        frequency[at], orientation[at] = row["frequency"], row["orientation_frequency"]
    return CausalGraph(names, joined & ~joined.T, joined & joined.T, frequency, orientation)


def _effects(tables: Mapping[str, list[Row]]) -> Effects:
    members: dict[tuple[str, ...], list[Estimate]] = {}
    for row in tables["members"]:
        members.setdefault(_key(row), []).append(_estimate(row))
    how = {_key(row): row for row in tables["adjustments"]}
    levels = {row["level"] for row in tables["effects"]}
    if len(levels) != 1:
        raise ResultError("effects.parquet: there must be rows, all with the same level")
    rows = tuple(_effect(row, how, tuple(members.get(_key(row), ()))) for row in tables["effects"])
    return Effects(rows, levels.pop())


def _effect(row: Row, how: Mapping[tuple[str, ...], Row], members: tuple[Estimate, ...]) -> Effect:
    if _key(row) not in how:
        raise ResultError(f"adjustments.parquet has no row for {_key(row)}")
    if row["identified"] != (row["effect"] is not None):
        raise ResultError(f"effects.parquet: {_key(row)} must have an effect where it is identified, only")
    by = how[_key(row)]
    shares = by["propensity_least"], by["propensity_most"]
    overlap = None
    if by["residual_share"] is not None:
        overlap = Overlap(by["residual_share"], None if shares[0] is None else shares)
    return Effect(
        row["decision"], row["outcome"], cast(Adjustment, row["adjustment"]),
        _estimate(row) if row["identified"] else None, cast(Method, by["method"]),
        tuple(by["adjusted_for"]), by["reason"], members,
        tuple((name, float(value)) for name, value in json.loads(row["refutations"]).items()), overlap,
    )  # fmt: skip


def _key(row: Row) -> tuple[str, ...]:
    return row["decision"], row["outcome"], row["adjustment"]


def _estimate(row: Row) -> Estimate:
    return Estimate(*(row[name] for name in NUMBERS))


def _place(row: Row) -> tuple[str, ...]:
    return row["action"], row["state"], row["outcome"]


def read_risks(folder: Path) -> tuple[SideEffect, ...]:
    """The rows of risk.parquet and chances.parquet.

    Raises
    ------
    ResultError
        If one of them cannot be read, or they are not of the same rows.
    """
    risks, chances = (_rows(folder, name) for name in RISK_TABLES)
    also = {_place(row): row for row in chances}
    found = []
    for key in also.keys() - map(_place, risks):
        raise ResultError(f"risk.parquet and chances.parquet do not agree on {key}")
    for row in risks:
        key = _place(row)
        if key not in also or ARROW.join(also[key]["path"]) != row["path"]:
            raise ResultError(f"risk.parquet and chances.parquet do not agree on {key}")
        more = {"mean": also[key]["mean"], "probability": also[key]["probability"]}
        found.append(SideEffect(**row | more | {"path": tuple(also[key]["path"])}))
    return tuple(found)
