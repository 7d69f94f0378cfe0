"""A result folder read back into the curves or the allocation it holds, strictly.

Whatever is missing, cut short, out of order or of the wrong kind is a `ResultError`. Columns that
follow from others (budgets, values and prices from lengths and gains) are recomputed and must agree
to the last bit. Whether the numbers are *true* is not asked here: that is `optbudget.certify`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from optbudget.curves import Curves
from optbudget.errors import Issue, ResultError
from optbudget.files.aside import recover
from optbudget.files.model_folder import load_model, model_hash
from optbudget.files.model_writer import write_model
from optbudget.files.parquet_tables import read_parquet
from optbudget.files.result_writer import SCHEMA
from optbudget.problems import (
    Allocation,
    BudgetedMDP,
    CurveSet,
    ModelFolder,
    Population,
    PricePolicy,
    StationaryWitness,
)
from optbudget.problems.columns import Finding, names
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LARGEST_JSON = 64 << 20


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
    if stated.get("schema") != SCHEMA:
        raise ResultError(f"result.json: schema is {stated.get('schema')!r}, not {SCHEMA!r}")
    if "frontier" in stated:
        raise ResultError("the result holds a deterministic frontier; read it by load_frontier")
    problem = stated_model(folder, stated, model)
    curves = _curves(folder, stated, problem)
    if not (folder / "allocation.parquet").is_file():
        if stated.get("budget") is not None:
            raise ResultError("result.json states a budget, but there is no allocation.parquet")
        return curves
    return _allocation(folder, stated, curves)


def read_json(path: Path, name: str | None = None) -> dict[str, Any]:
    """A JSON object; ResultError, calling the file `name`, for anything else."""
    name = name or path.name

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no number of JSON")

    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ResultError(f"{name} is larger than {LARGEST_JSON} bytes")
        content = json.loads(path.read_bytes().decode("utf-8"), parse_constant=refuse)
    except OSError as error:
        raise ResultError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ResultError(f"{name} must hold a JSON object")
    return content


def _number(content: Mapping[str, Any], key: str, file: str = "result.json") -> float:
    """A finite number, or NaN for null."""
    value = content.get(key, ...)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ResultError(f"{file}: {key} must be a number or null")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ResultError(f"{file}: {key} is too large")
    return number


def _whole(content: Mapping[str, Any], key: str, file: str = "result.json") -> int:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise ResultError(f"{file}: {key} must be a whole number >= 0")
    return value


def _word(content: Mapping[str, Any], key: str, file: str = "result.json") -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise ResultError(f"{file}: {key} must be a text")
    return value


def _object(content: Mapping[str, Any], key: str, file: str = "result.json") -> dict[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict):
        raise ResultError(f"{file}: {key} must be an object")
    return value


def _outcome(content: Mapping[str, Any], file: str = "result.json") -> Outcome:
    termination, solution = _word(content, "termination", file), _word(content, "solution", file)
    if termination not in Termination.__members__ or solution not in Solution.__members__:
        raise ResultError(f"{file}: {termination!r}, {solution!r} are no termination and solution")
    return Outcome(Termination[termination], Solution[solution], _word(content, "message", file))


def stated_model(
    folder: Path, stated: Mapping[str, Any], model: str | Path | BudgetedMDP | None
) -> BudgetedMDP:
    """The model that was given, or the copy, or the one at model.path; its hash must be the stated one."""
    said = _object(stated, "model")
    name, digest = _word(said, "name"), _word(said, "sha256")
    if isinstance(model, BudgetedMDP):
        problem = model
        found = problem.folder.sha256 if problem.folder else _hash_in_memory(problem)
        where = problem.folder.path if problem.folder else None
    else:
        where = Path(model) if model is not None else _stated_place(folder, said)
        problem = load_model(where)
        found = model_hash(where)
    if found != digest:
        raise ResultError(
            f"the result answers the model {name!r} with hash {digest[:12]}..., and the model given "
            f"has hash {found[:12]}...: they are not the same"
        )
    return problem if where is None else replace(problem, folder=ModelFolder(name, digest, where))


def _stated_place(folder: Path, said: Mapping[str, Any]) -> Path:
    if (folder / "model").is_dir():
        return folder / "model"
    path = said.get("path")
    if path is None:
        raise ResultError("the result has no model/ and names no path to it; give the model (--model)")
    if not isinstance(path, str) or PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        raise ResultError("result.json: model.path must be a relative path")
    if "\0" in path or not (folder / path).is_dir():
        raise ResultError(f"the model is not at {path!r}, where the result says; give it (--model)")
    return folder / path


def _hash_in_memory(problem: BudgetedMDP) -> str:
    """The hash that the canonical folder of a problem has."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        write_model(problem, Path(place))
        return model_hash(Path(place))


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A Parquet table of a result, whose columns are taken out one by one and checked."""

    file: str
    table: pa.Table

    @classmethod
    def read(cls, path: Path, texts: tuple[str, ...], root: Path) -> "ResultTable":
        file = path.relative_to(root).as_posix()
        if not path.is_file():
            raise ResultError(f"{file} is missing")
        issues: list[Issue] = []
        table = read_parquet(path, texts, issues)
        if table is None:
            raise ResultError(f"{file}: {issues[0].message}")
        return cls(file, table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def _column(self, name: str) -> pa.ChunkedArray:
        if self.table.column_names.count(name) != 1:
            raise ResultError(f"{self.file}: there must be one column {name!r}")
        return self.table.column(name)

    def numbers(
        self, name: str, *, low: float = -math.inf, open_low: bool = False, infinite: bool = False
    ) -> Floats:
        """Doubles >= low (> low if `open_low`), finite unless `infinite` allows +inf."""
        column = self._column(name)
        if column.type != pa.float64() or column.null_count:
            raise ResultError(f"{self.file}: {name} must be double precision without gaps")
        values = column.to_numpy()
        wrong = ~(values > low) if open_low else ~(values >= low)
        wrong |= np.isnan(values) | np.isneginf(values)
        if not infinite:
            wrong |= np.isposinf(values)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ResultError(f"{self.file}: {name} is {values[row]} in row {row + 1}")
        return np.asarray(values)

    def wholes(self, name: str) -> Integers:
        column = self._column(name)
        if column.type != pa.int64() or column.null_count:
            raise ResultError(f"{self.file}: {name} must be whole numbers without gaps")
        return np.asarray(column.to_numpy())

    def codes(self, name: str, known: Mapping[str, int], *, missing: int | None = None) -> Integers:
        """Index of each name among `known`; `missing` stands for a null where that is allowed."""
        column = self._column(name)
        gaps = None
        if missing is not None and column.null_count:
            gaps = column.is_null().to_numpy()
            column = column.drop_null()
        found: list[Finding] = []
        part = names(pa.table({name: column}), name, self.file, found)
        if part is None:
            raise ResultError(f"{self.file}: {found[0].message}")
        index = np.empty(len(part.distinct), dtype=np.int64)
        for k, word in enumerate(part.distinct):
            if word not in known:
                raise ResultError(f"{self.file}: {name} {word!r} is not in the model")
            index[k] = known[word]
        codes = index[part.code]
        if gaps is None:
            return codes
        filled = np.full(gaps.size, missing, dtype=np.int64)
        filled[~gaps] = codes
        return filled

    def states(self, problem: BudgetedMDP) -> Integers:
        """Index of the state in each row."""
        if not problem.state_type:
            return self.codes("state", problem._position)
        kinds = {kind: k for k, kind in enumerate(dict.fromkeys(problem.state_type))}
        plain = {name: k for k, name in enumerate(dict.fromkeys(problem.states))}
        place = np.full((len(kinds), len(plain)), -1, dtype=np.int64)
        for i, (kind, name) in enumerate(zip(problem.state_type, problem.states, strict=True)):
            place[kinds[kind], plain[name]] = i
        index = place[self.codes("type", kinds), self.codes("state", plain)]
        if (index < 0).any():
            row = int(np.flatnonzero(index < 0)[0])
            raise ResultError(f"{self.file}: row {row + 1} names no state of the model")
        return index

    def has(self, name: str) -> bool:
        return name in self.table.column_names

    def per_state(self, name: str, problem: BudgetedMDP, *, unknown: bool = False) -> Floats:
        """A column of one number per state, in the problem's order; NaN only if `unknown` allows it."""
        where = self.states(problem)
        if not np.array_equal(np.sort(where), np.arange(problem.n_states)):
            raise ResultError(f"{self.file}: there must be one row per state")
        column = self._column(name)
        if unknown and column.type == pa.float64() and not column.null_count:
            given = column.to_numpy()
        else:
            given = self.numbers(name, infinite=True)
        values = np.empty(problem.n_states)
        values[where] = given
        return values

    def blocks(self, problem: BudgetedMDP) -> tuple[Integers, Integers]:
        """Rows in the problem's order of states, and how many each state has: at least one, together."""
        state = self.states(problem)
        starts = np.flatnonzero(np.concatenate(([True], state[1:] != state[:-1]))) if state.size else state
        if not np.array_equal(np.sort(state[starts]), np.arange(problem.n_states)):
            raise ResultError(f"{self.file}: each state must have its rows once, together")
        return np.argsort(state, kind="stable"), np.bincount(state, minlength=problem.n_states)

    def actions(self, problem: BudgetedMDP) -> NDArray[np.int32]:
        """Index of the action in each row, -1 for none."""
        known = {name: k for k, name in enumerate(problem.actions)}
        return self.codes("action", known, missing=-1).astype(np.int32)


def _curves(folder: Path, stated: Mapping[str, Any], problem: BudgetedMDP) -> CurveSet:
    said = _object(stated, "curves")
    stages = said.get("stages")
    if not isinstance(stages, list) or not all(isinstance(k, int) and 0 <= k < 2**31 for k in stages):
        raise ResultError("result.json: curves.stages must be a list of whole numbers")
    kept = tuple(_stage(folder / "stages" / str(k), folder, problem) for k in stages)
    policy = _policy(folder, problem) if (folder / "policy.parquet").is_file() else None
    certificate = read_json(folder / "certificate.json")
    return CurveSet(
        problem=problem, **_stage_arrays(folder, folder, problem, certificate),
        gap=_number(said, "gap"), rounding=_number(said, "rounding"), stage=_whole(said, "stage"),
        method=_word(stated, "method"), tolerance=_number(stated, "tolerance"),
        outcome=_outcome(said), stages=kept, policy=policy,
        stated={**stated, "certificate": certificate},
    )  # fmt: skip


def _stage(place: Path, root: Path, problem: BudgetedMDP) -> CurveSet:
    file = (place / "certificate.json").relative_to(root).as_posix()
    said = read_json(place / "certificate.json", file)
    return CurveSet(
        problem=problem, **_stage_arrays(place, root, problem, said),
        gap=_number(said, "gap", file), rounding=_number(said, "rounding", file),
        method=_word(said, "method", file), tolerance=_number(said, "tolerance", file),
        outcome=_outcome(said, file), stage=_whole(said, "stage", file), stated=said,
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
    horizon = None if said.get("horizon") is None else _whole(said, "horizon", "certificate.json")
    tails = said.get("tails")
    if not isinstance(tails, list) or len(tails) != 3:
        raise ResultError("certificate.json: tails must be three numbers")
    spend, lost, won = (_number({"tails": tail}, "tails", "certificate.json") for tail in tails)
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
    numbers = {key: _number(stated, key) for key in ("budget", "value", "bound", "price", "spent", "unspent")}
    if math.isnan(numbers["budget"]):
        # JSON has no infinity, and only a budget without limit is written as null.
        numbers |= {"budget": math.inf, "unspent": math.inf}
    return Allocation(
        curves=curves, population=_population(folder, problem), state=state, count=count,
        unit_budget=budget, unit_value=values.numbers("value"), probability=probability,
        action=table.actions(problem), why_unspent=why,
        method=_word(stated, "allocation_method"), outcome=_outcome(stated),
        stated=curves.stated, **numbers,
    )  # fmt: skip


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
