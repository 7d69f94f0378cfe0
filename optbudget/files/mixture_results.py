"""The result folder of several budget lines: the lines, the policies and their shares, prices, the model.

lines.parquet       line, budget, spent, price, conflict, first_stage, last_stage, resource; a row per line.
                    `conflict` is the weight that proves an INFEASIBLE outcome, 0 where there is none
mixture.parquet     policy, share; a row per policy
policies.parquet    policy, state, stage, action: what each policy does, where there is something to do
population.parquet  state, count
resources.parquet   a column per resource beside money, a row per state-action pair; only where the model does
                    not hold them
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.errors import ProblemError, ResultError
from optbudget.files.model_toml import read_toml
from optbudget.files.models import load_stated
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.result_writer import _state_columns, place_model, ranges
from optbudget.files.risk_folder import place_risk
from optbudget.files.stated_fields import mapping, number, outcome, require_schema
from optbudget.files.stated_models import stated_model, stated_place, weighted_model
from optbudget.files.statements import head, no_allocation, number_or_null, write_json
from optbudget.problems import (
    BudgetedMDP,
    BudgetLines,
    Conflict,
    ConstrainedMDP,
    Knapsack,
    PolicyMixture,
    Population,
)
from optbudget.status import Solution

KIND = "budget_lines"
METHOD = "column-generation"


def write_mixture(
    answer: PolicyMixture,
    folder: Path,
    target: Path,
    *,
    command: Sequence[str] = (),
    copy: bool | None = None,
    warnings: Sequence[str] = (),
    model: Mapping[str, object] | None = None,
) -> None:
    """Write everything about an answer into `folder`, which will become `target`; see `save`.

    `model` says where the problem is, if it lies elsewhere already; a risk held against it is written.
    """
    lines, problem = answer.lines, answer.lines.problem
    if model is None:
        model = place_model(problem, folder, target, copy)
    elif problem.risk is not None:
        model = {**model, "risk": place_risk(problem.risk, folder)}
    weight = np.zeros(len(lines.names)) if answer.conflict is None else answer.conflict.weight
    table = answer.to_arrow()
    write_parquet(table.add_column(4, "conflict", pa.array(weight)), folder / "lines.parquet")
    mixture = {"policy": np.arange(answer.share.size), "share": answer.share}
    write_parquet(pa.table(mixture), folder / "mixture.parquet")
    write_parquet(_policies(answer), folder / "policies.parquet")
    occupied = np.flatnonzero(answer.population.count)
    counts = {**_state_columns(problem, occupied), "count": answer.population.count[occupied]}
    write_parquet(pa.table(counts), folder / "population.parquet")
    place = folder / "model"
    if problem.folder is not None and not place.is_dir():
        place = problem.folder.path
    if lines.resources and not _holds_resources(place):
        costs = dict(zip(lines.resources, lines.resource_cost, strict=True))
        write_parquet(pa.table(costs), folder / "resources.parquet")
    write_json({"schema": "optbudget-certificate-1", "kind": KIND}, folder / "certificate.json")
    write_json(
        {
            **head(METHOD, answer.tolerance, model, command, None),
            "kind": KIND,
            "termination": answer.outcome.termination.value,
            "solution": answer.outcome.solution.value,
            "message": answer.outcome.message,
            "curves": None,
            **no_allocation(),
            **_numbers(answer),
            "warnings": list(warnings),
            "ranges": ranges(problem),
        },
        folder / "result.json",
    )
    write_json({"seconds": {}}, folder / "timings.json")


def _numbers(answer: PolicyMixture) -> dict[str, object]:
    """value, bound and gaps, null without an answer; and the conflict."""
    there, names = answer.share.size > 0, ("value", "bound", "gap", "gap_absolute")
    found: dict[str, object] = {
        name: number_or_null(getattr(answer, name)) if there else None for name in names
    }
    least = () if answer.conflict is None else zip(answer.conflict.lines, answer.conflict.least, strict=True)
    named = answer.lines.names
    found["conflict"] = [{"line": named[j], "least": number_or_null(money)} for j, money in least]
    return found


def _holds_resources(folder: Path) -> bool:
    read = read_toml(folder / "model.toml", [])
    return read is not None and read[0].get("kind") == "constrained_mdp"


def _policies(answer: PolicyMixture) -> pa.Table:
    problem = answer.lines.problem
    which, stage, state = np.nonzero(answer.policy >= 0)
    action = problem.pair_action[answer.policy[which, stage, state]]
    columns = {
        "policy": which, **_state_columns(problem, state), "stage": stage,
        "action": pa.array(problem.actions, type=pa.string()).take(pa.array(action)),
    }  # fmt: skip
    return pa.table(columns)


def load_mixture(
    folder: Path, stated: Mapping[str, Any], model: str | Path | BudgetedMDP | None = None
) -> PolicyMixture:
    """Read the answer of a result folder whose result.json has been read.

    Raises
    ------
    ResultError
        If something is missing, of the wrong kind, or answers another model.
    """
    require_schema(stated)
    problem = _problem(folder, stated, model)
    table = ResultTable.read(folder / "lines.parquet", ("line", "resource"), folder)
    try:
        lines = _lines(folder, problem, table)
        population = _population(folder, problem)
        answer = PolicyMixture(
            lines, population, *read_policies(folder, problem, lines.horizon), table.numbers("price", low=0.0)
            if stated.get("solution") == Solution.CERTIFIED.value else np.zeros(0),
            bound=number(stated, "bound"), tolerance=number(stated, "tolerance"), outcome=outcome(stated),
            stated={**stated, "lines.parquet": {"spent": table.table.column("spent").to_pylist()}},
        )  # fmt: skip
    except ProblemError as error:
        raise ResultError(f"the result does not fit its model: {error}") from None
    return replace(answer, conflict=_conflict(table, stated, lines))


def _problem(folder: Path, stated: Mapping[str, Any], model: str | Path | BudgetedMDP | None) -> BudgetedMDP:
    """The unit problem that the result answers, of a model of either kind."""
    if not isinstance(model, BudgetedMDP):
        said = mapping(stated, "model")
        where = Path(model) if model is not None else stated_place(folder, said)
        if said.get("weights") is not None:
            return weighted_model(folder, said, where)
        found = load_stated(where)
        if isinstance(found, Knapsack):
            raise ResultError(f"the result answers no knapsack, and {where} is one")
        model = found.problem if isinstance(found, ConstrainedMDP) else found
    return stated_model(folder, stated, model)


def _lines(folder: Path, problem: BudgetedMDP, table: ResultTable) -> BudgetLines:
    place = problem.folder.path if problem.folder else None
    names: tuple[str, ...] = ()
    cost = np.zeros((0, problem.cost.size))
    if (folder / "resources.parquet").is_file():
        held = ResultTable.read(folder / "resources.parquet", (), folder)
        names = tuple(held.table.column_names)
        cost = np.array([held.numbers(name, low=0.0) for name in names])
    elif place is not None and _holds_resources(place):
        constrained = load_stated(place)
        assert isinstance(constrained, ConstrainedMDP)
        names, cost = constrained.resources, constrained.resource_cost
    words = {name: k for k, name in enumerate(("money", *names))}
    return BudgetLines(
        problem, tuple(table.table.column("line").to_pylist()),
        table.numbers("budget", low=0.0, infinite=True), table.wholes("first_stage"),
        table.wholes("last_stage") + 1, table.codes("resource", words), names, cost,
    )  # fmt: skip


def _population(folder: Path, problem: BudgetedMDP) -> Population:
    table = ResultTable.read(folder / "population.parquet", ("type", "state"), folder)
    count = np.zeros(problem.n_states, dtype=np.int64)
    count[table.states(problem)] = table.wholes("count")
    return Population(problem.labels, count)


def read_policies(
    folder: Path, problem: BudgetedMDP, horizon: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Shares (Q,) and policies (Q, T, n) of mixture.parquet and policies.parquet.

    Raises
    ------
    ResultError
        If one of them is missing, or not as it must be.
    """
    mixture = ResultTable.read(folder / "mixture.parquet", (), folder)
    share = mixture.numbers("share", low=0.0, open_low=True)
    if not np.array_equal(mixture.wholes("policy"), np.arange(share.size)):
        raise ResultError("mixture.parquet: policies must be numbered 0, 1, ... in order")
    table = ResultTable.read(folder / "policies.parquet", ("type", "state", "action"), folder)
    pair_of = np.full((problem.n_states, len(problem.actions) + 1), -1, dtype=np.int32)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    which, stage, state = table.wholes("policy"), table.wholes("stage"), table.states(problem)
    for name, number_of, end in (("policy", which, share.size), ("stage", stage, horizon)):
        if ((number_of < 0) | (number_of >= end)).any():
            raise ResultError(f"{table.file}: there is a {name} that is not from 0 to {end - 1}")
    policy = np.full((share.size, horizon, problem.n_states), -1, dtype=np.int32)
    policy[which, stage, state] = pair_of[state, table.actions(problem)]
    if np.count_nonzero(policy >= 0) != len(table):
        raise ResultError(f"{table.file}: what is done in a state is named twice, or is no action of it")
    return share, policy


def _conflict(table: ResultTable, stated: Mapping[str, Any], lines: BudgetLines) -> Conflict | None:
    said = stated.get("conflict")
    if not isinstance(said, list) or not all(isinstance(entry, dict) for entry in said):
        raise ResultError("result.json: conflict must be a list of line and least")
    if not said:
        return None
    place = {name: j for j, name in enumerate(lines.names)}
    if any(entry.get("line") not in place for entry in said):
        raise ResultError("result.json: conflict names a line that there is not")
    least = tuple(number(entry, "least") for entry in said)
    return Conflict(tuple(place[entry["line"]] for entry in said), table.numbers("conflict", low=0.0), least)
