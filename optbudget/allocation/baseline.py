"""What is done today beside the answer.

A baseline gives every unit a budget. It is worth :math:`\\sum n_s v_s(b_s)`: each unit is taken to use
its budget as well as possible, so what the answer gains over it comes from the split alone, and more
where today's use of the money is worse.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, NoAnswerError, ProblemError
from optbudget.problems import Allocation
from optbudget.problems.columns import Finding, as_table, did_you_mean, floats, names, whole_numbers
from optbudget.status import Solution

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

TABLE = "baseline"


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
    rows, found = _read(allocation, baseline)
    if rows is None:
        raise ProblemError([finding.issue() for finding in found])
    state, count, budget = rows
    curves = allocation.curves.curves
    value = np.array([float(curves[s].value(b)) for s, b in zip(state, budget, strict=True)])
    price = np.array([float(curves[s].price(b)) for s, b in zip(state, budget, strict=True)])
    weight = allocation.count * allocation.probability
    size = len(curves)
    units = np.maximum(allocation.population.count, 1).astype(np.float64)
    given = np.bincount(allocation.state, weight * allocation.unit_budget, minlength=size) / units
    worth = np.bincount(allocation.state, weight * allocation.unit_value, minlength=size) / units
    return BaselineComparison(
        allocation, state, count, budget, value, price, given[state], worth[state],
        total_budget=float(count @ budget), total_value=float(count @ value),
    )  # fmt: skip


def baseline_findings(allocation: Allocation, baseline: object) -> list[Finding]:
    """Everything for which `baseline_comparison` refuses a baseline, by row; for whoever knows its file."""
    return _read(allocation, baseline)[1]


Rows = tuple[NDArray[np.int64], NDArray[np.int64], Floats]


def _read(allocation: Allocation, baseline: object) -> tuple[Rows | None, list[Finding]]:
    """State, count and budget of each row, or None; and what is wrong."""
    table, problem, found = as_table(baseline, TABLE), allocation.curves.problem, list[Finding]()
    wanted = ["type", "state"] if problem.state_type else ["state"]
    missing = [name for name in (*wanted, "count", "budget") if name not in table.column_names]
    if missing:
        raise ProblemError(f"the baseline has no column {missing[0]!r}; it has {table.column_names}")
    texts = [names(table, column, TABLE, found) for column in wanted]
    count = whole_numbers(table, "count", TABLE, found)
    budget = floats(table, "budget", TABLE, found)
    labels = ["/".join(map(str, row.values())) for row in table.select(wanted).to_pylist()]
    known = set(problem.labels)
    for row, label in enumerate(labels):
        if all(texts) and label not in known:
            message = f"no state is called {label!r}{did_you_mean(label, problem.labels)}"
            found.append(Finding("unknown-state", message, TABLE, row, "state", label))
    if found or count is None or budget is None:
        return None, found[:FIRST_ISSUES]
    state = np.array([problem.index(label) for label in labels], dtype=np.int64)
    found = _misfits(allocation, state, count, budget)
    return (None if found else (state, count, budget)), found


def _misfits(
    allocation: Allocation, state: NDArray[np.int64], count: NDArray[np.int64], budget: Floats
) -> list[Finding]:
    """Budgets below the least feasible one, and states whose units are not those of the population."""
    labels, start = allocation.curves.problem.labels, allocation.curves.curves.start_budget
    found = [
        Finding("baseline", f"a budget of {budget[row]} is below {start[s]}, the least feasible one",
                TABLE, row, "budget", labels[s])
        for row, s in enumerate(state.tolist()) if budget[row] < start[s]
    ]  # fmt: skip
    population = allocation.population.count
    total = np.zeros(population.size, dtype=np.int64)
    np.add.at(total, state, count)
    for s in np.flatnonzero(total != population).tolist():
        row = next(iter(np.flatnonzero(state == s).tolist()), None)
        message = f"the baseline has {total[s]} units and the population {population[s]} in {labels[s]!r}"
        found.append(
            Finding("baseline", message, TABLE, row, "count" if row is not None else None, labels[s])
        )
    return found
