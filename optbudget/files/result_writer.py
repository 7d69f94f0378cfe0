"""The result folder of curves or of an allocation, as DESIGN section 6 fixes it.

Equal answers give equal bytes in every file but timings.json. Nothing written names a user, a machine
or an absolute path.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import UsageError
from optbudget.files.limit_files import limits_hash, limits_text
from optbudget.files.model_folder import model_files, model_hash
from optbudget.files.model_writer import UNSAFE_START, write_csv, write_model
from optbudget.files.parquet_tables import parquet_writer, write_parquet
from optbudget.files.risk_folder import place_risk
from optbudget.files.statements import head, no_allocation, number_or_null, write_json
from optbudget.problems import (
    Allocation,
    BudgetedMDP,
    CurveSet,
    Population,
    PricePolicy,
    StationaryWitness,
    without_risk,
)
from optbudget.problems.assignment import assignment

LARGEST_COPY = 64 << 20
"""Bytes of model tables that are copied into a result unless asked otherwise."""

ROWS_AT_ONCE = 1 << 20
"""Breakpoints of curves that are written at a time."""


def write_result(
    answer: CurveSet | Allocation,
    folder: Path,
    target: Path,
    *,
    command: Sequence[str] = (),
    copy: bool | None = None,
    policy: PricePolicy | None = None,
    warnings: Sequence[str] = (),
    seed: int | None = None,
    baseline: pa.Table | None = None,
    population: Population | None = None,
) -> None:
    """Write everything about an answer into `folder`, which will become `target`; see `save`."""
    curves = answer.curves if isinstance(answer, Allocation) else answer
    allocation = answer if isinstance(answer, Allocation) else None
    model = place_model(curves.problem, folder, target, copy)
    if population is not None and curves.problem.folder is None:
        write_csv(pa.table(_counts(curves.problem, population)), folder / "model" / "population.csv")
    policy = policy if policy is not None else curves.policy
    write_stage(curves, folder)
    for kept in curves.stages:
        place = folder / "stages" / str(kept.stage)
        place.mkdir(parents=True)
        write_stage(kept, place)
        write_json(_stage_certificate(kept), place / "certificate.json")
    if policy is not None:
        write_parquet(policy.to_arrow(), folder / "policy.parquet")
    if allocation is not None:
        write_allocation(allocation, folder)
        if baseline is not None:
            write_parquet(baseline, folder / "baseline.parquet")
    write_json(_certificate(curves, allocation), folder / "certificate.json")
    stated = _stated(curves, allocation)
    said = (curves.stated or {}).get("warnings", ())
    notes = {
        "warnings": [*(said if isinstance(said, (list, tuple)) else ()), *warnings],
        "ranges": ranges(curves.problem),
    }
    start = head(curves.method, curves.tolerance, model, command, seed)
    write_json({**start, **stated, **notes}, folder / "result.json")
    write_json(_timings(curves), folder / "timings.json")


def write_stage(curves: CurveSet, folder: Path) -> None:
    """curves, first actions, gaps of single states and prices of one stage."""
    _write_breakpoints(curves, folder)
    everyone = np.arange(len(curves))
    gaps = {**_state_columns(curves.problem, everyone), "gap": curves.state_gap}
    if curves.pruning_error is not None:
        gaps["pruning_error"] = curves.pruning_error
    write_parquet(pa.table(gaps), folder / "state_gaps.parquet")
    prices = np.asarray(curves.prices, dtype=np.float64)
    write_parquet(pa.table({"price": prices}), folder / "certificate.parquet", small=True)
    if curves.witness is not None:
        _write_witness(curves.problem, curves.witness, folder)


def _write_breakpoints(curves: CurveSet, folder: Path) -> None:
    """Every breakpoint, and what to do there now, some states at a time."""
    names = pa.array([*curves.problem.actions, None], pa.string())
    end = 0
    with ExitStack() as files:
        for points in curves.to_batches(ROWS_AT_ONCE):
            begin, end = end, end + points.num_rows
            some = curves.first_action[begin:end]
            action = names.take(pa.array(np.where(some < 0, len(names) - 1, some)))
            kept = [name for name in ("type", "state", "budget") if name in points.column_names]
            now = points.select(kept).append_column("action", action)
            if begin == 0:
                all_points = files.enter_context(parquet_writer(folder / "curves.parquet", points.schema))
                all_now = files.enter_context(parquet_writer(folder / "first_actions.parquet", now.schema))
            all_points.write_table(points)
            all_now.write_table(now)


def write_allocation(allocation: Allocation, folder: Path) -> None:
    """population, allocation, the value of each of its rows, and who gets what where units are known."""
    problem = allocation.curves.problem
    table = allocation.to_arrow()
    write_parquet(table, folder / "allocation.parquet")
    values = table.drop_columns(["count", "probability", "action"])
    values = values.append_column("value", pa.array(allocation.unit_value))
    if allocation.limits is not None:
        values = values.append_column("unit", pa.array(allocation.unit))
        text = limits_text(allocation.limits)
        (folder / "limits.toml").write_text(text, encoding="utf-8", newline="\n")
    write_parquet(values, folder / "allocation_values.parquet")
    write_parquet(pa.table(_counts(problem, allocation.population)), folder / "population.parquet")
    if allocation.population.unit is not None and allocation.state.size:
        units = assignment(allocation)
        write_parquet(units, folder / "assignment.parquet")
        write_csv(_without_formulas(units), folder / "assignment.csv")


def ranges(problem: BudgetedMDP) -> dict[str, list[float] | None]:
    """Smallest and largest non-zero magnitude of cost, utility and probability; null if all are zero."""
    spread: dict[str, list[float] | None] = {}
    for name in ("cost", "utility", "probability"):
        size = np.abs(getattr(problem, name))
        size = size[size > 0]
        spread[name] = [float(size.min()), float(size.max())] if size.size else None
    return spread


def _stated(curves: CurveSet, allocation: Allocation | None) -> dict[str, object]:
    """The numbers that the answer claims."""
    segments = curves.curves.segments
    outcome = allocation.outcome if allocation is not None else curves.outcome
    numbers = no_allocation()
    if allocation is not None:
        numbers |= {
            name: number_or_null(getattr(allocation, name))
            for name in ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent")
        }
        numbers |= {"why_unspent": allocation.why_unspent, "allocation_method": allocation.method}
        if allocation.limits is not None:
            numbers["limits"] = limits_hash(allocation.limits)
            numbers["multipliers"] = [asdict(one) for one in allocation.multipliers]
            numbers["set_aside"] = [[block, str(money)] for block, money in allocation.set_aside]
    return {
        "termination": outcome.termination.value,
        "solution": outcome.solution.value,
        "message": outcome.message,
        "curves": {
            "states": len(curves),
            "segments_mean": float(segments.mean()),
            "segments_max": int(segments.max()),
            "gap": number_or_null(curves.gap),
            "rounding": number_or_null(curves.rounding),
            "stage": curves.stage,
            "stages": [kept.stage for kept in curves.stages],
            "termination": curves.outcome.termination.value,
            "solution": curves.outcome.solution.value,
            "message": curves.outcome.message,
        },
        **numbers,
    }


def _certificate(curves: CurveSet, allocation: Allocation | None) -> dict[str, object]:
    witness = curves.witness
    return {
        "schema": "optbudget-certificate-1",
        "kind": "prices" if witness is None else "stationary",
        "prices": int(curves.prices.size),
        "gap": number_or_null(curves.gap),
        "rounding": number_or_null(curves.rounding),
        "horizon": None if witness is None else witness.horizon,
        "tails": None if witness is None else [float(tail) for tail in witness.tails],
        "allocation_price": None if allocation is None else number_or_null(allocation.price),
    }


def _stage_certificate(kept: CurveSet) -> dict[str, object]:
    return {
        **_certificate(kept, None), "stage": kept.stage, "method": kept.method,
        "tolerance": kept.tolerance, "termination": kept.outcome.termination.value,
        "solution": kept.outcome.solution.value, "message": kept.outcome.message,
    }  # fmt: skip


def _write_witness(problem: BudgetedMDP, witness: StationaryWitness, folder: Path) -> None:
    """witness.parquet, a row per price and state; durations.parquet, a row per state, where there are any."""
    n = problem.n_states
    state = np.tile(np.arange(n), witness.price.size)
    names = pa.array([*problem.actions, None], pa.string())
    pair = witness.policy.reshape(-1)
    action = np.full(pair.size, len(problem.actions), dtype=np.int64)
    action[pair >= 0] = problem.pair_action[pair[pair >= 0]]
    table = {
        "price": np.repeat(witness.price, n),
        **_state_columns(problem, state),
        "action": names.take(pa.array(action)),
        "spend": witness.spend.reshape(-1),
        "value": witness.value.reshape(-1),
        "intercept": witness.intercept.reshape(-1),
    }
    write_parquet(pa.table(table), folder / "witness.parquet")
    durations = {"duration": witness.duration, "spend_duration": witness.spend_duration}
    known = {name: column for name, column in durations.items() if column is not None}
    if known:
        columns = {**_state_columns(problem, np.arange(n)), **known}
        write_parquet(pa.table(columns), folder / "durations.parquet")


def _counts(problem: BudgetedMDP, population: Population) -> dict[str, object]:
    """How many units are in each state that has any."""
    occupied = np.flatnonzero(population.count > 0)
    return {**_state_columns(problem, occupied), "count": population.count[occupied]}


def _state_columns(problem: BudgetedMDP, index: NDArray[np.integer]) -> dict[str, object]:
    columns: dict[str, object] = {"state": pa.array(problem.states).take(pa.array(index))}
    if problem.state_type:
        return {"type": pa.array(problem.state_type).take(pa.array(index)), **columns}
    return columns


def place_model(problem: BudgetedMDP, folder: Path, target: Path, copy: bool | None) -> dict[str, object]:
    """Copy the model's tables and the risk held against it, or say where the model is; for result.json."""
    if problem.risk is not None:
        plain = place_model(without_risk(problem), folder, target, copy)
        return {**plain, "risk": place_risk(problem.risk, folder)}
    known = problem.folder
    name = known.name if known else problem.title or "model"
    unchanged = known is not None and known.path.is_dir() and model_hash(known.path) == known.sha256
    if known is None or not unchanged:
        (folder / "model").mkdir()
        write_model(problem, folder / "model")
        return {"name": name, "sha256": model_hash(folder / "model"), "path": None}
    files = [
        *model_files(known.path),
        *known.path.glob("population.csv"),
        *known.path.glob("population.parquet"),
    ]
    inside = known.path.resolve().is_relative_to(target.resolve())
    if copy is None:
        copy = sum(file.stat().st_size for file in files) <= LARGEST_COPY
    if copy or inside:
        (folder / "model").mkdir()
        # `allocate` looks for the model's own population there; it is no part of the hash.
        units = [known.path / f"population{end}" for end in (".csv", ".parquet")]
        for file in [*files, *filter(Path.is_file, units)]:
            shutil.copyfile(file, folder / "model" / file.name)
        return {"name": name, "sha256": known.sha256, "path": None}
    try:
        path = os.path.relpath(known.path.resolve(), target.resolve())
    except ValueError:
        raise UsageError("the model is on another drive; copy it into the result (--copy)") from None
    return {"name": name, "sha256": known.sha256, "path": Path(path).as_posix()}


def _without_formulas(table: pa.Table) -> pa.Table:
    """Names that a spreadsheet would take for formulas, with an apostrophe before them."""
    for k, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            text = table.column(k).to_pylist()
            safe = [f"'{name}" if name and name.startswith(UNSAFE_START) else name for name in text]
            table = table.set_column(k, field.name, pa.array(safe, field.type))
    return table


def _timings(curves: CurveSet) -> dict[str, object]:
    return {"seconds": {k: float(v) for k, v in curves.seconds.items()}, "bytes": {"peak": _peak_bytes()}}


def _peak_bytes() -> int | None:
    """Most memory the process has held, where the system says it."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
