"""The folder of a front of departments.

front.json       schema, version, command, seed, budget, tolerance, objectives, points, outcome, model; and
                 the seal of every file below (`optbudget.files.seals`): what was edited is not believed
front.parquet    point, kind ("exact" | "learned"), one column per objective (more is better), spend
weights.parquet  point, one column per objective (the weights it was sought at), value, bound, gap, price;
                 where nothing is proved bound and gap are infinite and the price is NaN
model/, risk/    the tables of the departments, and the risk that is held against their rewards, if any
points/<k>/      a result folder of its own: the plan as one line of money over the weighted problem, which
                 `optbudget verify` checks; its model is ../../model at `model.weights`. Besides:
                 allocation.parquet   type (the department), state, count, budget, probability, action (now);
                                      the departments draw their policy together
                 departments.parquet  policy, department, one column per objective, spend
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from optbudget import __version__
from optbudget.errors import ProblemError, ResultError
from optbudget.files.aside import recover
from optbudget.files.departments_folder import departments_hash, place_departments
from optbudget.files.front_points import PLACE, read_point, write_texts
from optbudget.files.mixture_results import write_mixture
from optbudget.files.model_folder import file_hash
from optbudget.files.models import load_problem
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.risk_folder import held_as_stated, place_risk
from optbudget.files.seals import is_sealed, sealed
from optbudget.files.stated_fields import mapping, number, outcome, read_json, whole, word
from optbudget.files.statements import recorded, write_json
from optbudget.problems import (
    DepartmentFront,
    Departments,
    Front,
    FrontPoint,
)
from optbudget.problems.front import KINDS

KIND = "front"
SCHEMA = "optbudget-front-1"
STATED = "front.json"


def write_front(
    answer: DepartmentFront, folder: Path, *, command: Sequence[str] = (), seed: int | None = None
) -> None:
    """Write everything about a front into `folder`, which will become the folder asked for."""
    front, departments = answer.front, answer.departments
    (folder / "model").mkdir()
    known, risk = departments.folder, departments.held.risk
    model: dict[str, object] = {
        "name": known.name if known is not None else departments.held.title or "model",
        "sha256": place_departments(departments, folder / "model"),
    }
    write_parquet(front.to_arrow(), folder / "front.parquet")
    write_parquet(_weights(front), folder / "weights.parquet")
    for point in range(len(front)):
        place = folder / "points" / str(point)
        place.mkdir(parents=True)
        said = model | {"path": PLACE, "weights": answer.weights(point)}
        write_mixture(answer.mixture(point), place, place, command=command, model=said)
        found = answer.point_of(point)
        write_parquet(found.to_arrow(), place / "allocation.parquet")
        write_parquet(_by_department(found), place / "departments.parquet")
    stated = {
        "schema": SCHEMA, "version": __version__, "command": recorded(command), "seed": seed,
        "budget": front.budget, "tolerance": front.tolerance, "objectives": front.objectives,
        "points": len(front), "termination": front.outcome.termination.value,
        "solution": front.outcome.solution.value, "message": front.outcome.message,
        "model": model if risk is None else {**model, "risk": place_risk(risk, folder)},
    }  # fmt: skip
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    write_json(sealed(stated, folder, names), folder / STATED)


def _weights(front: Front) -> pa.Table:
    columns = {name: front.weight[:, k] for k, name in enumerate(front.objectives)}
    numbers = {"value": front.value, "bound": front.bound, "gap": front.gap, "price": front.price}
    return pa.table({"point": np.arange(len(front)), **columns, **numbers})


def _by_department(point: FrontPoint) -> pa.Table:
    """What each policy of a plan yields and spends, department by department."""
    departments = point.plan.departments
    which, department = np.divmod(np.arange(point.spend.size), len(departments.departments))
    columns: dict[str, object] = {
        "policy": which, "department": [departments.departments[d] for d in department]
    }  # fmt: skip
    for k, name in enumerate(departments.signed_objectives):
        columns[name] = point.reward[:, :, k].reshape(-1)
    return pa.table({**columns, "spend": point.spend.reshape(-1)})


def load_front(path: str | Path, model: str | Path | None = None) -> DepartmentFront:
    """Read the folder of a front; its plans are read when they are asked for.

    Parameters
    ----------
    path : the folder
    model : a folder of the same departments, in the place of the copy

    Raises
    ------
    ResultError
        If the folder cannot be read, was edited, or answers another model.
    ProblemError
        If the model cannot be read.
    """
    folder = Path(path)
    recover(folder.resolve())
    stated = read_json(folder / STATED)
    if stated.get("schema") != SCHEMA:
        raise ResultError(f"{STATED}: schema is {stated.get('schema')!r:.40}, not {SCHEMA!r}")
    if not is_sealed(stated):
        raise _edited(folder / STATED)
    _require_as_written(folder, mapping(stated, "files", STATED))
    departments = _departments(folder, stated, Path(model) if model is not None else folder / "model")
    try:
        front = _front(folder, stated, departments)
    except ProblemError as error:
        raise ResultError(f"the folder does not hold a front of its model: {error}") from None

    def point_of(point: int) -> FrontPoint:
        return read_point(folder, stated, departments, front, point)

    weights = ResultTable.read(folder / "weights.parquet", (), folder)
    follow = {name: weights.numbers(name, infinite=True).tolist() for name in ("value", "gap")}
    return DepartmentFront(departments, front, point_of, {**stated, "weights.parquet": follow})


def export_point(answer: DepartmentFront, point: int, folder: Path) -> None:
    """A point's policy and allocation as text: policy.csv and allocation.csv in its folder."""
    write_texts(answer.point_of(point), folder / "points" / str(point))


def holds_front(folder: Path) -> bool:
    """Whether a folder is that of a front."""
    return (folder / STATED).is_file() and not (folder / "result.json").is_file()


def _edited(file: Path) -> ResultError:
    return ResultError(f"{file} is not as it was written; compute the front again with `optbudget pareto`")


def _require_as_written(folder: Path, files: Mapping[str, Any]) -> None:
    """ResultError unless every file that was sealed is there, as it was; the model has a hash of its own."""
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(set(files) - set(there)):
        if not name.startswith("model/"):
            raise ResultError(f"{name} is missing")
    for name, path in sorted(there.items()):
        if name in files and files[name] != file_hash(path) and not name.startswith("model/"):
            raise _edited(path)


def _departments(folder: Path, stated: Mapping[str, Any], where: Path) -> Departments:
    said = mapping(stated, "model", STATED)
    digest = word(said, "sha256", STATED)
    if not where.is_dir():
        raise ResultError("the front has no model/; copy the model there, or verify with --model")
    problem = load_problem(where)
    if not isinstance(problem, Departments):
        raise ResultError(f"the front is of departments, and {where} is another kind of model")
    found = departments_hash(where)
    if found != digest:
        raise ResultError(
            f"the front answers a model with hash {digest[:12]}..., and {where} has hash {found[:12]}..."
        )
    return replace(problem, held=held_as_stated(problem.held, folder, said))


def _front(folder: Path, stated: Mapping[str, Any], departments: Departments) -> Front:
    table = ResultTable.read(folder / "front.parquet", ("kind",), folder)
    weights = ResultTable.read(folder / "weights.parquet", (), folder)
    count, names = whole(stated, "points", STATED), departments.signed_objectives
    for read in (table, weights):
        if len(read) != count or not np.array_equal(read.wholes("point"), np.arange(len(read))):
            raise ResultError(f"{read.file}: points must be numbered 0 to {count - 1} in order")
    kinds = table.codes("kind", {kind: k for k, kind in enumerate(KINDS)})
    return Front(
        names, np.column_stack([weights.numbers(name) for name in names]),
        np.column_stack([table.numbers(name) for name in names]), table.numbers("spend", low=0.0),
        weights.numbers("bound", infinite=True), weights.numbers("price", low=0.0, unknown=True),
        tuple(KINDS[k] for k in kinds.tolist()),
        number(stated, "budget", STATED), number(stated, "tolerance", STATED), outcome(stated, STATED),
    )  # fmt: skip
