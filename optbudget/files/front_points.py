"""The folder of a point of a front: its plan, and everything that is said of it there.

What its tables say besides the plan must follow from the plan and the front: who reads one of them need not
know of the others. `result.json` is held against the front up to `SAME`; to the last digit it is proved by
`optbudget verify` of the point's own folder.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from optbudget.errors import ProblemError, ResultError
from optbudget.files.mixture_results import read_policies
from optbudget.files.model_writer import write_csv
from optbudget.files.result_tables import ResultTable
from optbudget.files.stated_fields import mapping, read_json
from optbudget.problems import DepartmentPlan, Departments, Front, FrontPoint
from optbudget.problems.budget_lines import MONEY

PLACE = "../../model"
"""Where the model of a point is, from its folder."""
SAME = 1e-9
"""Difference, relative to 1 and the number, up to which two computations of it are one."""
TEXTS = ("type", "state", "action", "department", "line", "resource")


def read_point(
    folder: Path, stated: Mapping[str, Any], departments: Departments, front: Front, point: int
) -> FrontPoint:
    """The plan of a point, from its folder, in which nothing says otherwise.

    Raises
    ------
    ResultError
        If something is missing, is no plan, or says of the point what the front does not.
    """
    place, held = f"points/{point}", departments.held
    share, policy = read_policies(folder / place, held, held.horizon or 1)
    count, names = len(departments.departments), departments.signed_objectives
    table = _saying(folder, f"{place}/departments.parquet", {
        "policy": [which for which in range(share.size) for _ in range(count)],
        "department": departments.departments * share.size,
    })  # fmt: skip
    spend = table.numbers("spend", low=0.0).reshape(share.size, count)
    reward = np.stack([table.numbers(name).reshape(share.size, count) for name in names], axis=-1)
    try:
        found = FrontPoint(DepartmentPlan(departments, share, policy), reward, spend)
    except ProblemError as error:
        raise ResultError(f"{place} does not hold a plan: {error}") from None
    _saying(folder, f"{place}/allocation.parquet", found.to_arrow().to_pydict())
    _require_texts(folder, place, found)
    _require_result(folder, place, stated, departments, front, point)
    return found


def write_texts(point: FrontPoint, place: Path) -> None:
    """policy.csv (policy, share, stage, type, state, action; stage 0 is now) and allocation.csv."""
    plan, held = point.plan, point.plan.departments.held
    which, stage, state = np.nonzero(plan.policy >= 0)
    action = held.pair_action[plan.policy[which, stage, state]]
    columns = {
        "policy": which, "share": plan.share[which], "stage": stage,
        "type": pa.array(held.state_type).take(pa.array(state)),
        "state": pa.array(held.states).take(pa.array(state)),
        "action": pa.array(held.actions).take(pa.array(action)),
    }  # fmt: skip
    write_csv(pa.table(columns), place / "policy.csv")
    write_csv(point.to_arrow(), place / "allocation.csv")


def _require_texts(folder: Path, place: str, point: FrontPoint) -> None:
    """ResultError if a text that was exported, or is there instead, says otherwise than the point."""
    there = [name for name in ("policy.csv", "allocation.csv") if (folder / place / name).is_file()]
    if not there:
        return
    with TemporaryDirectory() as aside:
        write_texts(point, Path(aside))
        for name in there:
            if (folder / place / name).read_bytes() != (Path(aside) / name).read_bytes():
                raise ResultError(f"{place}/{name} is not as it was exported; export the point again")


def _require_result(
    folder: Path, place: str, stated: Mapping[str, Any], departments: Departments, front: Front, point: int
) -> None:
    """ResultError unless the point's own result is that of its weights, with the front's numbers."""
    held, start = departments.held, np.sort(departments.start_state)
    weights = dict(zip(departments.objectives, front.weight[point].tolist(), strict=True))
    value, bound, gap = (float(numbers[point]) for numbers in (front.value, front.bound, front.gap))
    numbers = {
        "value": value, "bound": bound, "gap": gap, "gap_absolute": bound - value,
        "tolerance": front.tolerance,
    }  # fmt: skip
    file = f"{place}/result.json"
    said = read_json(folder / file, file)
    if said.get("model") != {**mapping(stated, "model"), "path": PLACE, "weights": weights}:
        raise ResultError(f"{file}: model is another one than the front's, or is weighed otherwise")
    for name, number in numbers.items():
        if not _alike(said.get(name), number if math.isfinite(number) else None):
            raise ResultError(f"{file}: {name} is {said.get(name)!r}; the front says {number!r}")
    _saying(folder, f"{place}/lines.parquet", {
        "line": [MONEY], "budget": [front.budget], "spent": [float(front.spend[point])],
        "price": [float(front.price[point])], "conflict": [0.0], "first_stage": [0],
        "last_stage": [(held.horizon or 1) - 1], "resource": [MONEY],
    })  # fmt: skip
    _saying(folder, f"{place}/population.parquet", {
        "type": [held.state_type[i] for i in start], "state": [held.states[i] for i in start],
        "count": [1] * start.size,
    })  # fmt: skip


def _saying(folder: Path, name: str, expected: Mapping[str, Sequence[object]]) -> ResultTable:
    """A table whose columns say what is expected."""
    table = ResultTable.read(folder / name, tuple(text for text in TEXTS if text in expected), folder)
    for column, values in expected.items():
        found = table.values(column)
        if len(found) != len(values) or not all(map(_alike, found, values)):
            raise ResultError(f"{name}: {column} does not follow from the plan and the front")
    return table


def _alike(found: object, expected: object) -> bool:
    """Whether two entries are one."""
    if isinstance(found, float) and isinstance(expected, float):
        both = math.isnan(found) and math.isnan(expected)
        return both or abs(found - expected) <= SAME * (1.0 + abs(expected))
    return type(found) is type(expected) and found == expected
