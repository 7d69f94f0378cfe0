"""A result folder read back into the curves or the allocation it holds, strictly.

Whatever is missing, cut short, out of order or of the wrong kind is a `ResultError`. Columns that
follow from others (budgets, values and prices from lengths and gains) are recomputed and must agree
to the last bit. Whether the numbers are *true* is not asked here: that is `optbudget.certify`.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.curves import Curves
from optbudget.errors import ProblemError, ResultError, UsageError
from optbudget.files.aside import recover
from optbudget.files.limit_files import limits_hash, load_limits
from optbudget.files.result_tables import ResultTable
from optbudget.files.stated_fields import mapping, number, outcome, read_json, require_schema, whole, word
from optbudget.files.stated_models import stated_model
from optbudget.problems import (
    Allocation,
    BudgetedMDP,
    CurveSet,
    Multiplier,
    Population,
    PricePolicy,
    StationaryWitness,
)
from optbudget.problems.assignment import assignment

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def load_result(path: str | Path, model: str | Path | BudgetedMDP | None = None) -> CurveSet | Allocation:
    """Read a result folder: an `Allocation` if it holds one, else the `CurveSet`.

    Parameters
    ----------
    path : the result folder
    model : the model it answers, or its folder; by default the copy in the result, then the folder
        that result.json names

    Raises
    ------
    ResultError
        If the folder cannot be read, does not say what it must, or answers another model.
    ProblemError
        If the model's folder is there and cannot be read.
    """
    folder = Path(path)
    recover(folder.resolve())
    if not folder.is_dir():
        raise ResultError(f"{folder} is not a folder")
    stated = read_json(folder / "result.json")
    require_schema(stated)
    if stated.get("kind") == "knapsack":
        raise ResultError("the result answers a knapsack; optbudget verify and load_answer read it")
    if stated.get("kind") == "budget_lines":
        raise ResultError("the result is of several budget lines; optbudget verify and load_answer read it")
    if "frontier" in stated:
        raise ResultError("the result holds a deterministic frontier; read it by load_frontier")
    problem = stated_model(folder, stated, model)
    curves = _curves(folder, stated, problem)
    if not (folder / "allocation.parquet").is_file():
        if stated.get("budget") is not None:
            raise ResultError("result.json states a budget, but there is no allocation.parquet")
        return curves
    return _allocation(folder, stated, curves)


def _curves(folder: Path, stated: Mapping[str, Any], problem: BudgetedMDP) -> CurveSet:
    said = mapping(stated, "curves")
    stages = said.get("stages")
    if not isinstance(stages, list) or not all(isinstance(k, int) and 0 <= k < 2**31 for k in stages):
        raise ResultError("result.json: curves.stages must be a list of whole numbers")
    kept = tuple(_stage(folder / "stages" / str(k), folder, problem) for k in stages)
    policy = _policy(folder, problem) if (folder / "policy.parquet").is_file() else None
    certificate = read_json(folder / "certificate.json")
    return CurveSet(
        problem=problem, **_stage_arrays(folder, folder, problem, certificate),
        gap=number(said, "gap"), rounding=number(said, "rounding"), stage=whole(said, "stage"),
        method=word(stated, "method"), tolerance=number(stated, "tolerance"),
        outcome=outcome(said), stages=kept, policy=policy,
        stated={**stated, "certificate": certificate},
    )  # fmt: skip


def _stage(place: Path, root: Path, problem: BudgetedMDP) -> CurveSet:
    file = (place / "certificate.json").relative_to(root).as_posix()
    said = read_json(place / "certificate.json", file)
    return CurveSet(
        problem=problem, **_stage_arrays(place, root, problem, said),
        gap=number(said, "gap", file), rounding=number(said, "rounding", file),
        method=word(said, "method", file), tolerance=number(said, "tolerance", file),
        outcome=outcome(said, file), stage=whole(said, "stage", file), stated=said,
    )  # fmt: skip


def _stage_arrays(
    place: Path, root: Path, problem: BudgetedMDP, certificate: Mapping[str, Any]
) -> dict[str, Any]:
    """The arrays of a `CurveSet` that lie in one folder."""
    table = ResultTable.read(place / "curves.parquet", ("type", "state"), root)
    order, sizes = table.blocks(problem)
    curves = _read_curves(table, order, sizes)
    actions = ResultTable.read(place / "first_actions.parquet", ("type", "state", "action"), root)
    same = len(actions) == len(table) and np.array_equal(actions.states(problem), table.states(problem))
    if not same or not np.array_equal(actions.numbers("budget"), table.numbers("budget")):
        raise ResultError(f"{actions.file}: its rows are not those of {table.file}")
    gaps = ResultTable.read(place / "state_gaps.parquet", ("type", "state"), root)
    prices, witness = _read_certificate(place, root, problem, certificate)
    return {
        "curves": curves, "spend_variance": table.numbers("spend_variance", low=0.0)[order],
        "first_action": actions.actions(problem)[order],
        "state_gap": gaps.per_state("gap", problem, unknown=True),
        "pruning_error": gaps.per_state("pruning_error", problem) if gaps.has("pruning_error") else None,
        "prices": prices, "witness": witness,
    }  # fmt: skip


def _read_curves(table: ResultTable, order: Integers, sizes: Integers) -> Curves:
    budget, value = table.numbers("budget")[order], table.numbers("value")[order]
    price = table.numbers("price", low=0.0)[order]
    length, gain = table.numbers("length", low=0.0)[order], table.numbers("gain", low=0.0)[order]
    last = np.cumsum(sizes) - 1
    inner = np.ones(order.size, dtype=bool)
    inner[last] = False
    ends = (price[last] == 0) & (length[last] == 0) & (gain[last] == 0)
    if not ends.all() or not ((length[inner] > 0) & (gain[inner] > 0)).all():
        raise ResultError(
            f"{table.file}: lengths and gains must be > 0, and price, length and gain 0 in a state's last row"
        )
    curves = Curves(
        budget[last - sizes + 1], value[last - sizes + 1],
        np.concatenate(([0], np.cumsum(sizes - 1))), length[inner], gain[inner],
    )  # fmt: skip
    budgets, values = curves.breakpoints()
    with np.errstate(over="ignore"):
        slopes = curves.gain / curves.length
    agree = {"budget": budgets == budget, "value": values == value, "price": slopes == price[inner]}
    for name, same in agree.items():
        if not same.all():
            raise ResultError(f"{table.file}: column {name!r} does not follow from lengths and gains")
    return curves


def _read_certificate(
    place: Path, root: Path, problem: BudgetedMDP, said: Mapping[str, Any]
) -> tuple[Floats, StationaryWitness | None]:
    table = ResultTable.read(place / "certificate.parquet", (), root)
    price = table.numbers("price", low=0.0, infinite=True)
    if said.get("prices") != price.size or not (np.diff(price) < 0).all():
        raise ResultError(f"{table.file}: the prices must decrease, and be as many as certificate.json says")
    kind = said.get("kind")
    if kind not in ("prices", "stationary"):
        raise ResultError(f"certificate.json: kind is {kind!r}; it must be 'prices' or 'stationary'")
    return price, _read_witness(place, root, problem, said) if kind == "stationary" else None


def _read_witness(
    place: Path, root: Path, problem: BudgetedMDP, said: Mapping[str, Any]
) -> StationaryWitness:
    table = ResultTable.read(place / "witness.parquet", ("type", "state", "action"), root)
    price = table.numbers("price", low=0.0, infinite=True)
    n = problem.n_states
    state = table.states(problem)
    if len(table) % n:
        raise ResultError(f"{table.file}: there must be one row per price and state")
    shape = (len(table) // n, n)
    order = np.argsort(state.reshape(shape), axis=1, kind="stable")
    if not (np.take_along_axis(state.reshape(shape), order, 1) == np.arange(n)).all():
        raise ResultError(f"{table.file}: there must be one row per price and state")
    prices = price.reshape(shape)
    if not (prices == prices[:, :1]).all():
        raise ResultError(f"{table.file}: the rows of a price must stand together")

    def placed(values: NDArray[Any]) -> NDArray[Any]:
        return np.take_along_axis(values.reshape(shape), order, 1)

    pair_of = np.full((n, len(problem.actions) + 1), -1, dtype=np.int32)
    pair_of[problem.pair_state, problem.pair_action] = np.arange(problem.cost.size)
    action = placed(table.actions(problem))
    policy = pair_of[np.arange(n), action]
    if ((policy < 0) != problem.is_terminal).any():
        raise ResultError(f"{table.file}: the action of a state is not one that it has")
    lasting: dict[str, Floats] = {}
    if (place / "durations.parquet").is_file():
        durations = ResultTable.read(place / "durations.parquet", ("type", "state"), root)
        lasting = {
            name: durations.per_state(name, problem)
            for name in ("duration", "spend_duration")
            if durations.has(name)
        }
    horizon = None if said.get("horizon") is None else whole(said, "horizon", "certificate.json")
    tails = said.get("tails")
    if not isinstance(tails, list) or len(tails) != 3:
        raise ResultError("certificate.json: tails must be three numbers")
    spend, lost, won = (number({"tails": tail}, "tails", "certificate.json") for tail in tails)
    return StationaryWitness(
        prices[:, 0].copy(), policy, placed(table.numbers("spend")), placed(table.numbers("value")),
        placed(table.numbers("intercept", infinite=True)), **lasting, horizon=horizon,
        tails=(spend, lost, won),
    )  # fmt: skip


def _policy(folder: Path, problem: BudgetedMDP) -> PricePolicy:
    table = ResultTable.read(folder / "policy.parquet", ("type", "state", "action"), folder)
    return PricePolicy(
        problem, table.states(problem), table.wholes("stage"),
        table.numbers("price_low", low=0.0, infinite=True),
        table.numbers("price_high", low=0.0, infinite=True), table.actions(problem),
    )  # fmt: skip


def _allocation(folder: Path, stated: Mapping[str, Any], curves: CurveSet) -> Allocation:
    problem = curves.problem
    table = ResultTable.read(folder / "allocation.parquet", ("type", "state", "action"), folder)
    values = ResultTable.read(folder / "allocation_values.parquet", ("type", "state"), folder)
    state, budget = table.states(problem), table.numbers("budget")
    same = len(values) == len(table) and np.array_equal(values.states(problem), state)
    if not same or not np.array_equal(values.numbers("budget"), budget):
        raise ResultError(f"{values.file}: its rows are not those of {table.file}")
    count, probability = table.wholes("count"), table.numbers("probability", low=0.0, open_low=True)
    if (count < 0).any() or (probability > 1).any():
        raise ResultError(f"{table.file}: counts must be >= 0 and probabilities at most 1")
    why = stated.get("why_unspent")
    if why is not None and not isinstance(why, str):
        raise ResultError("result.json: why_unspent must be a text or null")
    numbers: dict[str, Any] = {
        key: number(stated, key) for key in ("budget", "value", "bound", "price", "spent", "unspent")
    }
    if math.isnan(numbers["budget"]):
        # JSON has no infinity, and only a budget without limit is written as null.
        numbers |= {"budget": math.inf, "unspent": math.inf}
    allocation = Allocation(
        curves=curves, population=_population(folder, problem), state=state, count=count,
        unit_budget=budget, unit_value=values.numbers("value"), probability=probability,
        action=table.actions(problem), why_unspent=why,
        method=word(stated, "allocation_method"), outcome=outcome(stated),
        stated=curves.stated, **_limits(folder, stated, values), **numbers,
    )  # fmt: skip
    if allocation.population.unit is not None:
        _require_assignment(folder, allocation)
    return allocation


def _limits(folder: Path, stated: Mapping[str, Any], values: ResultTable) -> dict[str, Any]:
    """The limits that an allocation keeps, their multipliers, and which rows single out which units."""
    said = stated.get("limits")
    there = (folder / "limits.toml").is_file()
    if said is None and not there:
        return {}
    if not there or not isinstance(said, str):
        raise ResultError("limits.toml and result.json do not both speak of limits")
    try:
        limits = load_limits(folder / "limits.toml")
    except ProblemError as error:
        raise ResultError(str(error)) from None
    if limits_hash(limits) != said:
        raise ResultError(
            "limits.toml is not the file that the allocation was made under: its hash is another"
        )
    found, listed = list[Multiplier](), stated.get("multipliers")
    if not isinstance(listed, list):
        raise ResultError("result.json: multipliers must be a list")
    for entry in listed:
        if not isinstance(entry, dict):
            raise ResultError("result.json: a multiplier must be an object")
        side = word(entry, "side")
        if side not in ("least", "most"):
            raise ResultError(f"result.json: a multiplier's side is {side!r}")
        amounts = number(entry, "limit"), number(entry, "value")
        found.append(Multiplier(word(entry, "group"), "most" if side == "most" else "least", *amounts))
    aside = list[tuple[int, Fraction]]()
    listed = stated.get("set_aside")
    for pair in listed if isinstance(listed, list) else [None]:
        if not (isinstance(pair, list) and len(pair) == 2 and _is_rational(pair[1])):
            raise ResultError("result.json: set_aside must be a list of [block, rational]")
        if isinstance(pair[0], bool) or not isinstance(pair[0], int):
            raise ResultError("result.json: a block of set_aside must be a whole number")
        aside.append((pair[0], Fraction(pair[1])))
    return {
        "limits": limits,
        "multipliers": tuple(found),
        "unit": values.wholes("unit"),
        "set_aside": tuple(aside),
    }


def _is_rational(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"\d{1,2000}(/[1-9]\d{0,2000})?", text) is not None


def _require_assignment(folder: Path, allocation: Allocation) -> None:
    """What is said of each unit by name must follow from the rows and the units' states."""
    if allocation.state.size == 0:
        raise ResultError("assignment.parquet: nothing is allocated, so there is nothing to assign")
    try:
        expected = assignment(allocation)
    except (UsageError, ValueError, IndexError) as error:
        raise ResultError(f"assignment.parquet: it cannot follow from allocation.parquet: {error}") from None
    found = ResultTable.read(folder / "assignment.parquet", ("type", "state", "action"), folder).table
    if found.column_names != expected.column_names or not _equal(found, expected):
        raise ResultError("assignment.parquet: its rows do not follow from allocation.parquet")


def _equal(found: pa.Table, expected: pa.Table) -> bool:
    """Whether two tables of the same columns hold the same numbers and words."""
    return len(found) == len(expected) and all(
        found.column(name).to_pylist() == expected.column(name).to_pylist() for name in expected.column_names
    )


def _population(folder: Path, problem: BudgetedMDP) -> Population:
    table = ResultTable.read(folder / "population.parquet", ("type", "state"), folder)
    state, count = table.states(problem), table.wholes("count")
    if np.unique(state).size != state.size or (count < 0).any():
        raise ResultError(f"{table.file}: each state may stand once, with a count >= 0")
    if float(np.sum(count, dtype=np.float64)) > 2**62:
        raise ResultError(f"{table.file}: the counts sum to more than 2^62")
    total = np.zeros(problem.n_states, dtype=np.int64)
    total[state] = count
    if not (folder / "assignment.parquet").is_file():
        return Population(problem.labels, total)
    units = ResultTable.read(folder / "assignment.parquet", ("type", "state", "action"), folder)
    unit = np.asarray(units._column("unit").to_numpy(zero_copy_only=False))
    where = units.states(problem)
    # The second row of a randomised unit follows its first.
    new = np.concatenate(([True], unit[1:] != unit[:-1])) if unit.size else np.empty(0, dtype=bool)
    unit, where = unit[new], where[new]
    if not np.array_equal(np.bincount(where, minlength=problem.n_states), total):
        raise ResultError(f"{units.file}: its units are not those of {table.file}")
    if unit.dtype == object:
        unit = unit.astype(str)
    return Population(problem.labels, total, unit, where)
