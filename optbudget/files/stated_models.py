"""The model that a result answers: the one given, the copy in the result, or the one it names."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from optbudget.errors import ResultError
from optbudget.files.departments_folder import departments_hash
from optbudget.files.model_folder import model_hash
from optbudget.files.model_writer import write_model
from optbudget.files.models import load_model, load_problem
from optbudget.files.risk_folder import held_as_stated
from optbudget.files.stated_fields import mapping, number, word
from optbudget.problems import BudgetedMDP, Departments, ModelFolder, without_risk


def stated_model(
    folder: Path, stated: Mapping[str, Any], model: str | Path | BudgetedMDP | None
) -> BudgetedMDP:
    """The model that was given, or the copy, or the one at model.path; its hash must be the stated one.

    With the risk held against it that the result was made with, if any.
    """
    said = mapping(stated, "model")
    name, digest = word(said, "name"), word(said, "sha256")
    named = "the model given"
    if isinstance(model, BudgetedMDP):
        problem = without_risk(model)
        found = problem.folder.sha256 if problem.folder else _hash_in_memory(problem)
        where = problem.folder.path if problem.folder else None
    else:
        where = Path(model) if model is not None else stated_place(folder, said)
        if model is None:
            named = f"the model at {where}"
        problem = load_model(where)
        found = model_hash(where)
    if found != digest:
        raise ResultError(
            f"the result answers the model {name!r} with hash {digest[:12]}..., and {named} "
            f"has hash {found[:12]}...: they are not the same; give the one it was made from (--model)"
        )
    problem = problem if where is None else replace(problem, folder=ModelFolder(name, digest, where))
    return held_as_stated(problem, folder, said)


def weighted_model(folder: Path, said: Mapping[str, Any], where: Path) -> BudgetedMDP:
    """The departments at `where` with the objectives weighed as a result's `model` says, and its risk.

    Raises
    ------
    ResultError
        If it is no departments model, or another one.
    """
    weights = mapping(said, "weights")
    problem = load_problem(where)
    if not isinstance(problem, Departments):
        raise ResultError(f"the result weighs the objectives of departments, and {where} has none")
    digest, found = word(said, "sha256"), departments_hash(where)
    if digest != found:
        raise ResultError(
            f"the result answers departments with hash {digest[:12]}..., and {where} has {found[:12]}..."
        )
    weighed = problem.budgeted({name: number(weights, name) for name in weights})
    return held_as_stated(weighed, folder, said)


def stated_place(folder: Path, said: Mapping[str, Any]) -> Path:
    """Where the model of a result is: its copy, else the folder that it names."""
    if (folder / "model").is_dir():
        return folder / "model"
    path = said.get("path")
    if path is None:
        raise ResultError(
            "the result has no model/ and names no path to it; copy the model there, or verify with --model"
        )
    if not isinstance(path, str) or PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        raise ResultError("result.json: model.path must be a relative path")
    if "\0" in path or not (folder / path).is_dir():
        raise ResultError(f"the model is not at {path!r}, where the result says; give it (--model)")
    return folder / path


def _hash_in_memory(problem: BudgetedMDP) -> str:
    """The hash that the canonical folder of a problem has."""
    with tempfile.TemporaryDirectory() as place:
        write_model(problem, Path(place))
        return model_hash(Path(place))
