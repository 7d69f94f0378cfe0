"""What is done today beside the answer.

A baseline gives every unit a budget. It is worth :math:`\\sum n_s v_s(b_s)`: each unit is taken to use
its budget as well as possible, so what the answer gains over it comes from the split alone, and more
where today's use of the money is worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import Issue, NoAnswerError, ProblemError
from optbudget.problems import Allocation
from optbudget.status import Solution

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BaselineComparison:
    """A baseline's rows, each with what the answer does for such units; per unit unless it says total.

    Attributes
    ----------
    allocation : the answer
    state : (r,) int64; index of the state
    count : (r,) int64; units
    budget : (r,) money; today's
    value, price : (r,) value of that budget, and of one more unit of money there
    answer_budget, answer_value : (r,) expected money and value of a unit of that state in the answer
    total_budget, total_value : of the baseline
    """

    allocation: Allocation
    state: NDArray[np.int64]
    count: NDArray[np.int64]
    budget: Floats
    value: Floats
    price: Floats
    answer_budget: Floats
    answer_value: Floats
    total_budget: float
    total_value: float

    @property
    def change(self) -> float:
        """Total value of the answer less that of the baseline."""
        return self.allocation.value - self.total_value

    @property
    def budget_change(self) -> float:
        """Money the answer spends less what the baseline spends."""
        return self.allocation.spent - self.total_budget

    def to_arrow(self) -> "pa.Table":
        """state, count, budget, value, price, answer_budget, answer_value, change (answer - today)."""
        import pyarrow as pa

        problem = self.allocation.curves.problem
        columns: dict[str, object] = {}
        if problem.state_type:
            columns["type"] = pa.array(problem.state_type).take(pa.array(self.state))
        columns["state"] = pa.array(problem.states).take(pa.array(self.state))
        for name in ("count", "budget", "value", "price", "answer_budget", "answer_value"):
            columns[name] = getattr(self, name)
        columns["change"] = self.answer_value - self.value
        return pa.table(columns)

    def __repr__(self) -> str:
        return (
            f"BaselineComparison(today: budget {self.total_budget:.6g}, value {self.total_value:.6g}; "
            f"answer: spent {self.allocation.spent:.6g}, value {self.allocation.value:.6g}; "
            f"change {self.change:+.6g})"
        )


def baseline_comparison(allocation: Allocation, baseline: object) -> BaselineComparison:
    """Hold an allocation against what is done today.

    Parameters
    ----------
    allocation : the answer
    baseline : a table with columns state (and type where there are types), count, budget (money per
        unit): any object of the Arrow C stream protocol, or a mapping of columns

    Raises
    ------
    ProblemError
        Naming every row with an unknown state, or a budget that is not a number or does not reach the
        least feasible one, and every state whose units are not those of the population.
    NoAnswerError
        If there is no allocation.

    Examples
    --------
    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Population
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> today = {"state": ["warm", "cold"], "count": [10, 5], "budget": [0.5, 2.0]}
    >>> baseline_comparison(allocate(curves, people, 15.0), today)
    BaselineComparison(today: budget 15, value 35; answer: spent 15, value 40; change +5)
    """
    if allocation.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation: {allocation.outcome.message}")
    state, count, budget = _read(allocation, baseline)
    curves = allocation.curves.curves
    value = np.array([float(curves[s].value(b)) for s, b in zip(state, budget, strict=True)])
    price = np.array([float(curves[s].price(b)) for s, b in zip(state, budget, strict=True)])
    _check(allocation, state, count, budget, value)
    weight = allocation.count * allocation.probability
    size = len(curves)
    units = np.maximum(allocation.population.count, 1).astype(np.float64)
    given = np.bincount(allocation.state, weight * allocation.unit_budget, minlength=size) / units
    worth = np.bincount(allocation.state, weight * allocation.unit_value, minlength=size) / units
    return BaselineComparison(
        allocation, state, count, budget, value, price, given[state], worth[state],
        total_budget=float(count @ budget), total_value=float(count @ value),
    )  # fmt: skip


def _read(allocation: Allocation, baseline: object) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    import pyarrow as pa

    table = pa.table(dict(baseline) if isinstance(baseline, Mapping) else baseline)
    problem = allocation.curves.problem
    wanted = ["type", "state"] if problem.state_type else ["state"]
    missing = [name for name in (*wanted, "count", "budget") if name not in table.column_names]
    if missing:
        raise ProblemError(f"the baseline has no column {missing[0]!r}; it has {table.column_names}")
    labels = ["/".join(map(str, row.values())) for row in table.select(wanted).to_pylist()]
    state = np.array([problem.index(label) for label in labels], dtype=np.int64)
    count = np.array(table["count"].to_pylist(), dtype=np.float64)
    whole = np.nan_to_num(count, nan=-1.0, posinf=-1.0).astype(np.int64)
    for row in np.flatnonzero((whole != count) | (whole < 0))[:1]:
        raise ProblemError(f"count of {labels[row]!r} is {count[row]}; it must be a whole number >= 0")
    return state, whole, np.array(table["budget"].to_pylist(), dtype=np.float64)


def _check(
    allocation: Allocation, state: NDArray[np.int64], count: NDArray[np.int64], budget: Floats, value: Floats
) -> None:
    labels, start = allocation.curves.problem.labels, allocation.curves.curves.start_budget
    issues = [
        Issue("error", "baseline", f"a budget of {budget[row]} is below {start[s]}, the least feasible one",
              state=labels[s])
        for row, s in enumerate(state) if not np.isfinite(value[row])
    ]  # fmt: skip
    population = allocation.population.count
    total = np.zeros(population.size, dtype=np.int64)
    np.add.at(total, state, count)
    issues += [
        Issue("error", "baseline", f"the baseline has {total[s]} units and the population {population[s]}",
              state=labels[s])
        for s in np.flatnonzero(total != population)
    ]  # fmt: skip
    if issues:
        raise ProblemError(issues)
