"""The answer in a result folder, whatever it answers."""

from pathlib import Path

from optbudget.errors import UsageError
from optbudget.files.arrival_results import holds_arrivals, read_arrivals
from optbudget.files.aside import recover
from optbudget.files.fronts import holds_front, load_front
from optbudget.files.knapsack_folder import KIND
from optbudget.files.knapsack_results import load_knapsack_result
from optbudget.files.mixture_results import KIND as BUDGET_LINES
from optbudget.files.mixture_results import load_mixture
from optbudget.files.result_reader import load_result
from optbudget.files.rollout_results import holds_rollouts, read_rollouts
from optbudget.files.stated_fields import read_json
from optbudget.problems import (
    Allocation,
    ArrivalAllocation,
    BudgetedMDP,
    CurveSet,
    DepartmentFront,
    Knapsack,
    KnapsackAllocation,
    PolicyMixture,
    Rollouts,
)

Answer = (
    CurveSet
    | Allocation
    | ArrivalAllocation
    | DepartmentFront
    | KnapsackAllocation
    | PolicyMixture
    | Rollouts
)


def load_answer(path: str | Path, model: str | Path | BudgetedMDP | Knapsack | None = None) -> Answer:
    """Read a result folder: curves, an allocation (with arrivals or not), roll-outs, lines, knapsack, front.

    See `load_result`, which reads the allocation of those here where there are arrivals, and the split that
    roll-outs start from.
    """
    folder = Path(path)
    recover(folder.resolve())
    if (folder / "result.json").is_file():
        stated = read_json(folder / "result.json")
        if stated.get("kind") == KIND:
            if isinstance(model, BudgetedMDP):
                raise UsageError("the result answers a knapsack, and a BudgetedMDP was given")
            return load_knapsack_result(folder, stated, model)
        if stated.get("kind") == BUDGET_LINES and not isinstance(model, Knapsack):
            return load_mixture(folder, stated, model)
    if holds_front(folder):
        if isinstance(model, (BudgetedMDP, Knapsack)):
            raise UsageError("the folder holds a front of departments: give the folder of its model")
        return load_front(folder, model)
    if isinstance(model, Knapsack):
        raise UsageError("the result answers no knapsack, and one was given")
    answer = load_result(folder, model)
    if isinstance(answer, Allocation) and holds_arrivals(folder):
        return read_arrivals(folder, answer)
    if isinstance(answer, Allocation) and holds_rollouts(folder):
        return read_rollouts(folder, answer)
    return answer
