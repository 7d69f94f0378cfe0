"""The side effects that a result was made with: the folder `risk/` beside its `model/`.

risk.parquet, chances.parquet    as in the folder of a causal answer, byte for byte
risk.json                        schema, the actions declared, weights of the outcomes, and what was refused
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from optbudget.errors import ProblemError, ResultError
from optbudget.files.causal_results import load_causal, read_risks, refusals, write_risks
from optbudget.files.model_folder import file_hash
from optbudget.files.stated_fields import mapping, number, read_json, word
from optbudget.files.statements import write_json
from optbudget.problems import BudgetedMDP, Departments, HeldRisk, hold_risk, without_risk
from optbudget.problems.side_effects import SideEffects

FOLDER = "risk"
SCHEMA = "optbudget-risk-1"
STATED = "risk.json"
FILES = ("chances.parquet", STATED, "risk.parquet")


def with_risk(problem: BudgetedMDP, path: str | Path, weight: float) -> BudgetedMDP:
    """A problem with the side effects of a causal answer's folder held against its reward.

    Raises
    ------
    ResultError
        If the folder cannot be read.
    ProblemError
        As `load_side_effects` and `hold_risk`.
    """
    return hold_risk(problem, load_side_effects(path, problem), weight, name=Path(path).resolve().name)


def departments_with_risk(departments: Departments, path: str | Path, weight: float) -> Departments:
    """Departments with the side effects of a causal answer's folder held against every objective.

    Raises
    ------
    ResultError, ProblemError
        As `with_risk`.
    """
    side_effects = load_side_effects(path, departments.held)
    return departments.with_risk(side_effects, weight, name=Path(path).resolve().name)


def load_side_effects(path: str | Path, problem: BudgetedMDP) -> SideEffects:
    """The side effects of a causal answer's folder, which fit a problem.

    Raises
    ------
    ResultError
        If the folder cannot be read.
    ProblemError
        If one is of an action or state that the problem has not, or one that it needs is not identified.
    """
    folder = Path(path)
    side_effects = load_causal(folder).side_effects
    try:
        side_effects.amounts(problem)
    except ProblemError as error:
        file = f"{folder.resolve().name}/risk.parquet"
        raise ProblemError([replace(issue, file=file) for issue in error.issues]) from None
    return side_effects


def place_risk(risk: HeldRisk, folder: Path) -> dict[str, object]:
    """Write `risk/` into a result; its name, weight and hashes for result.json."""
    place = folder / FOLDER
    place.mkdir()
    write_risks(risk.side_effects, place)
    refused = [asdict(entry) for entry in risk.side_effects.refused]
    stated = {"actions": risk.side_effects.actions, "weights": dict(risk.side_effects.weights)}
    write_json({"schema": SCHEMA, **stated, "refused": refused}, place / STATED)
    return {"name": risk.name, "weight": risk.weight, "sha256": _hashes(place)}


def _hashes(place: Path) -> dict[str, str]:
    return {name: file_hash(place / name) for name in FILES}


def held_as_stated(problem: BudgetedMDP, folder: Path, said: Mapping[str, Any]) -> BudgetedMDP:
    """The problem with the risk held against it that a result names in result.json's `model`; or with none.

    Raises
    ------
    ResultError
        If `risk/` is missing, is not the one that was used, or does not fit the problem.
    """
    problem, place = without_risk(problem), folder / FOLDER
    if said.get("risk") is None:
        if place.is_dir():
            raise ResultError(f"there is a folder {FOLDER}/, and result.json does not say at which weight")
        return problem
    stated = mapping(said, "risk")
    name, weight = word(stated, "name"), number(stated, "weight")
    missing = [file for file in FILES if not (place / file).is_file()]
    if missing:
        raise ResultError(f"{FOLDER}/{missing[0]} is missing: the result was made with a risk term")
    changed = [file for file, found in _hashes(place).items() if mapping(stated, "sha256").get(file) != found]
    if changed:
        raise ResultError(
            f"{FOLDER}/{changed[0]} is not the file that the result was made with: its hash is another"
        )
    try:
        return hold_risk(problem, _read(place), weight, name=name)
    except ProblemError as error:
        raise ResultError(f"{FOLDER}/ does not fit the model: {error}") from None


def _read(place: Path) -> SideEffects:
    stated = read_json(place / STATED, f"{FOLDER}/{STATED}")
    actions = stated.get("actions")
    if stated.get("schema") != SCHEMA or not isinstance(actions, list):
        raise ResultError(f"{FOLDER}/{STATED} must state schema {SCHEMA!r} and actions")
    refused = refusals(stated, f"{FOLDER}/{STATED}")
    said = mapping(stated, "weights", f"{FOLDER}/{STATED}") if "weights" in stated else {}
    weights = {name: number(said, name, f"{FOLDER}/{STATED}") for name in said}
    try:
        return SideEffects(tuple(map(str, actions)), read_risks(place), refused, weights)
    except TypeError:
        raise ResultError(f"{FOLDER}/risk.parquet or chances.parquet lacks a number") from None
