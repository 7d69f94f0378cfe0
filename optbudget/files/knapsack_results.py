"""The result folder of a knapsack: what is taken, the price that proves it, and the model."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from optbudget.errors import ResultError, UsageError
from optbudget.files.knapsack_folder import (
    KIND,
    knapsack_files,
    knapsack_hash,
    read_knapsack,
    write_knapsack,
)
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.result_writer import LARGEST_COPY
from optbudget.files.stated_fields import mapping, number, outcome, read_json, require_schema, word
from optbudget.files.statements import head, no_allocation, number_or_null, write_json
from optbudget.problems import Knapsack, KnapsackAllocation, ModelFolder
from optbudget.status import Solution

NUMBERS = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent")


def write_knapsack_result(
    answer: KnapsackAllocation,
    folder: Path,
    target: Path,
    *,
    command: Sequence[str] = (),
    copy: bool | None = None,
    warnings: Sequence[str] = (),
    seed: int | None = None,
) -> None:
    """Write everything about an answer into `folder`, which will become `target`; see `save`."""
    problem = answer.knapsack
    model = _place_model(problem, folder, target, copy)
    write_parquet(answer.to_arrow(), folder / "allocation.parquet")
    write_parquet(pa.table({"price": np.array([answer.price])}), folder / "certificate.parquet", small=True)
    certificate = {
        "schema": "optbudget-certificate-1",
        "kind": KIND,
        "price": number_or_null(answer.price),
        "bound": number_or_null(answer.bound),
        "method": answer.method,
    }
    write_json(certificate, folder / "certificate.json")
    numbers = no_allocation() | {name: number_or_null(getattr(answer, name)) for name in NUMBERS}
    said = [problem.note] if problem.note else []
    write_json(
        {
            **head(answer.method, answer.tolerance, model, command, seed),
            "kind": KIND,
            "termination": answer.outcome.termination.value,
            "solution": answer.outcome.solution.value,
            "message": answer.outcome.message,
            "curves": None,
            **numbers,
            "why_unspent": answer.why_unspent,
            "allocation_method": answer.method,
            "warnings": [*said, *(text for text in warnings if text not in said)],
            "ranges": {name: _spread(getattr(problem, name)) for name in ("cost", "value")},
        },
        folder / "result.json",
    )
    write_json({"seconds": {}}, folder / "timings.json")


def _spread(numbers: np.ndarray) -> list[float] | None:
    """Smallest and largest non-zero magnitude; None if all are zero."""
    size = np.abs(numbers[numbers != 0])
    return [float(size.min()), float(size.max())] if size.size else None


def _place_model(problem: Knapsack, folder: Path, target: Path, copy: bool | None) -> dict[str, object]:
    """Copy the model's files, or say where they are; its name, hash and path for result.json."""
    known = problem.folder
    unchanged = known is not None and known.path.is_dir() and knapsack_hash(known.path) == known.sha256
    if known is None or not unchanged:
        (folder / "model").mkdir()
        write_knapsack(problem, folder / "model")
        name = known.name if known else problem.title or "model"
        return {"name": name, "sha256": knapsack_hash(folder / "model"), "path": None}
    files = knapsack_files(known.path)
    if copy is None:
        copy = sum(file.stat().st_size for file in files) <= LARGEST_COPY
    if copy or known.path.resolve().is_relative_to(target.resolve()):
        (folder / "model").mkdir()
        for file in files:
            shutil.copyfile(file, folder / "model" / file.name)
        return {"name": known.name, "sha256": known.sha256, "path": None}
    try:
        path = os.path.relpath(known.path.resolve(), target.resolve())
    except ValueError:
        raise UsageError("the model is on another drive; copy it into the result (--copy)") from None
    return {"name": known.name, "sha256": known.sha256, "path": Path(path).as_posix()}


def load_knapsack_result(
    folder: Path, stated: Mapping[str, Any], model: str | Path | Knapsack | None = None
) -> KnapsackAllocation:
    """Read the answer of a result folder whose result.json has been read.

    Raises
    ------
    ResultError
        If something is missing, of the wrong kind, or answers another model.
    ProblemError
        If the model's folder is there and cannot be read.
    """
    require_schema(stated)
    problem = _stated_model(folder, stated, model)
    table = ResultTable.read(folder / "allocation.parquet", ("group", "option"), folder)
    groups = {name: g for g, name in enumerate(problem.groups)}
    options = {name: k for k, name in enumerate(dict.fromkeys(problem.options))}
    place = dict(
        zip(
            zip(problem.group_of.tolist(), (options[name] for name in problem.options), strict=True),
            range(len(problem.options)), strict=True,
        )
    )  # fmt: skip
    rows = zip(table.codes("group", groups).tolist(), table.codes("option", options).tolist(), strict=True)
    taken = [place.get(row, -1) for row in rows]
    if -1 in taken:
        raise ResultError(f"{table.file}: row {taken.index(-1) + 1} names no option of its group")
    certificate = read_json(folder / "certificate.json")
    proof = ResultTable.read(folder / "certificate.parquet", (), folder)
    found = outcome(stated)
    numbers = {name: number(stated, name) for name in ("value", "bound", "price", "spent")}
    if found.solution is not Solution.NONE and not np.array_equal(proof.numbers("price"), [numbers["price"]]):
        raise ResultError(f"{proof.file}: its price is not that of result.json")
    method, why = word(stated, "method"), stated.get("why_unspent")
    if why is not None and not isinstance(why, str):
        raise ResultError("result.json: why_unspent must be a text or null")
    budget = number(stated, "budget")
    endless = np.isnan(budget)
    unspent = number(stated, "unspent")
    return KnapsackAllocation(
        problem, np.inf if endless else budget, np.array(taken, dtype=np.int64), table.wholes("count"),
        table.numbers("probability"), **numbers,
        unspent=np.inf if endless and np.isnan(unspent) and found.solution is not Solution.NONE else unspent,
        why_unspent=why, method=method, tolerance=number(stated, "tolerance"), outcome=found,
        stated={**stated, "certificate": certificate},
    )  # fmt: skip


def _stated_model(folder: Path, stated: Mapping[str, Any], model: str | Path | Knapsack | None) -> Knapsack:
    """The model that was given, or the copy, or the one at model.path; its hash must be the stated one."""
    from optbudget.files.stated_models import stated_place

    said = mapping(stated, "model")
    name, digest = word(said, "name"), word(said, "sha256")
    where: Path | None
    if isinstance(model, Knapsack):
        problem, where = model, model.folder.path if model.folder else None
        found = model.folder.sha256 if model.folder else _hash_in_memory(model)
    else:
        where = Path(model) if model is not None else stated_place(folder, said)
        problem, _ = read_knapsack(where)
        found = knapsack_hash(where)
    if found != digest:
        raise ResultError(
            f"the result answers the model {name!r} with hash {digest[:12]}..., and the one found has hash "
            f"{found[:12]}...: they are not the same; give the one it was made from (--model)"
        )
    return problem if where is None else replace(problem, folder=ModelFolder(name, digest, where))


def _hash_in_memory(problem: Knapsack) -> str:
    with TemporaryDirectory() as place:
        write_knapsack(problem, Path(place))
        return knapsack_hash(Path(place))
