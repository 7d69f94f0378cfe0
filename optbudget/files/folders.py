"""The two doors of this package: load what a folder holds, save a problem or an answer into one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optbudget.errors import Issue, ProblemError, UsageError
from optbudget.files.answers import Answer, load_answer
from optbudget.files.arrival_results import write_arrivals
from optbudget.files.aside import recover, require_free, resolved, written_aside
from optbudget.files.constrained_folder import write_constrained
from optbudget.files.departments_folder import write_departments
from optbudget.files.frontiers import load_frontier
from optbudget.files.fronts import KIND as FRONT
from optbudget.files.fronts import holds_front, write_front
from optbudget.files.knapsack_folder import write_knapsack
from optbudget.files.knapsack_results import write_knapsack_result
from optbudget.files.mixture_results import write_mixture
from optbudget.files.model_writer import write_model
from optbudget.files.models import load_problem
from optbudget.files.result_writer import write_result
from optbudget.files.rollout_results import write_rollouts
from optbudget.files.stated_fields import read_json
from optbudget.problems import (
    Allocation,
    ArrivalAllocation,
    BudgetedMDP,
    ConstrainedMDP,
    CurveSet,
    DepartmentFront,
    Departments,
    DeterministicFrontier,
    Knapsack,
    KnapsackAllocation,
    PolicyMixture,
    Population,
    PricePolicy,
    Rollouts,
)
from optbudget.status import Solution

if TYPE_CHECKING:
    import pyarrow as pa


Model = BudgetedMDP | ConstrainedMDP | Departments | Knapsack


def load(path: str | Path) -> Model | Answer | DeterministicFrontier:
    """Read a folder: a model with model.toml, a result with result.json, or a front with front.json.

    Raises
    ------
    ProblemError
        If it is neither, or a model with something wrong.
    ResultError
        If it is a result that cannot be read.
    """
    folder = Path(path)
    recover(folder.resolve())
    if (folder / "result.json").is_file():
        if "frontier" in read_json(folder / "result.json"):
            return load_frontier(folder)
        return load_answer(folder)
    if holds_front(folder):
        return load_answer(folder)
    if (folder / "model.toml").is_file():
        return load_problem(folder)
    message = f"{folder} holds neither model.toml nor result.json"
    raise ProblemError([Issue("error", "no-folder", message)])


def save(
    noun: Model | Answer,
    path: str | Path,
    *,
    command: Sequence[str] = (),
    copy: bool | None = None,
    policy: PricePolicy | None = None,
    warnings: Sequence[str] = (),
    seed: int | None = None,
    baseline: "pa.Table | None" = None,
    population: Population | None = None,
    format: str | None = None,
) -> None:
    """Write a model folder (for a problem) or a result folder (for an answer), whole or not at all.

    `path` may exist if it is empty, or a result that an answer then replaces whole.

    Parameters
    ----------
    command : the arguments that made the answer, recorded without absolute paths and --threads
    copy : copy the model's tables into the result; None copies up to 64 MiB, and always where they
        are nowhere else
    policy : what to do at the prices that the answer uses; default: the policy the curves kept
    warnings : sentences for whoever reads the result
    seed : of anything that was drawn
    baseline : what is done today, state, count, budget, kept beside an allocation that was held against it
    population : of curves whose problem is in no folder: who is split among, unless `allocate` is told
    format : "csv" or "parquet" tables of a model folder; None chooses by size

    Raises
    ------
    UsageError
        If `path` holds something else, or cannot be written.
    LimitError
        If the disk is full.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from optbudget.problems.examples import two_action_example
    >>> with TemporaryDirectory() as place:
    ...     save(two_action_example(horizon=3), Path(place) / "model")
    ...     load(Path(place) / "model")
    BudgetedMDP(1 state, 2 actions, 1 transition row, horizon 3)
    """
    target = resolved(Path(path))
    require_free(target, FRONT if isinstance(noun, DepartmentFront) else "result")
    with written_aside(target) as aside:
        if isinstance(noun, (BudgetedMDP, ConstrainedMDP, Departments, Knapsack)):
            if format not in (None, "csv", "parquet"):
                raise UsageError(f"format is {format!r}; it must be 'csv' or 'parquet'")
            if isinstance(noun, BudgetedMDP):
                write_model(noun, aside, format=format)
            elif isinstance(noun, Knapsack):
                write_knapsack(noun, aside, format=format)
            elif isinstance(noun, Departments):
                write_departments(noun, aside, format=format)
            else:
                write_constrained(noun, aside, format=format)
        elif isinstance(noun, KnapsackAllocation):
            write_knapsack_result(
                noun, aside, target, command=command, copy=copy, warnings=warnings, seed=seed
            )
        elif isinstance(noun, DepartmentFront):
            write_front(noun, aside, command=command, seed=seed)
        elif isinstance(noun, PolicyMixture):
            write_mixture(noun, aside, target, command=command, copy=copy, warnings=warnings)
        else:
            if isinstance(noun, ArrivalAllocation):
                if noun.here.curves.stage > 0 or noun.outcome.solution is Solution.NONE:
                    raise UsageError("a plan with arrivals is saved if it is of stage 0 and has an answer")
                write_arrivals(noun, aside)
                noun = noun.here
            elif isinstance(noun, Rollouts):
                write_rollouts(noun, aside)
                seed, noun = noun.seed, noun.allocation
            elif not isinstance(noun, (CurveSet, Allocation)):
                raise UsageError(
                    f"no folder holds a {type(noun).__name__}: models, curves, allocations, roll-outs, "
                    "budget lines and answers to knapsacks are saved; save its allocation, or to_arrow()"
                )
            write_result(
                noun, aside, target, command=command, copy=copy, policy=policy, warnings=warnings, seed=seed,
                baseline=baseline, population=population,
            )  # fmt: skip
