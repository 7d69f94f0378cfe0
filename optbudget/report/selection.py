"""Which rows of a large answer a reader sees, and one row per state of an allocation."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optbudget.problems import Allocation, CurveSet

if TYPE_CHECKING:
    from optbudget.allocation import BaselineComparison


def leading_states(answer: CurveSet, places: Sized) -> list[str]:
    """Labels of the states to draw: the initial ones, then those that gain most from money.

    At most as many as there are `places`, the most valuable first; states that money cannot help come
    only if they are initial.
    """
    curves = answer.curves
    won = curves.value_span
    starts = np.flatnonzero(answer.problem.initial > 0)
    by_gain = np.argsort(-won, kind="stable")
    order = [*starts[: len(places)].tolist(), *by_gain[: 2 * len(places)].tolist()]
    wanted = [i for i in dict.fromkeys(order) if won[i] > 0 or i in starts]
    shown = sorted(wanted[: len(places)], key=lambda i: -curves[i].values[-1])
    return [answer.problem.labels[i] for i in shown]


@dataclass(frozen=True, slots=True)
class StateShare:
    """What the units of one state receive.

    Attributes
    ----------
    label : the state
    units : how many units are in it
    mean_budget : money per unit, in expectation
    spent, value : money and value of all its units, in expectation
    rows : what it is made of: (units, probability, budget of one, value of one, action or "")
    """

    label: str
    units: int
    mean_budget: float
    spent: float
    value: float
    rows: tuple[tuple[int, float, float, float, str], ...]


def units_by_state(answer: Allocation) -> list[StateShare]:
    """The rows of an allocation gathered by state, most money first."""
    problem = answer.curves.problem
    gathered: dict[int, list[tuple[int, float, float, float, str]]] = {}
    amounts = (answer.count, answer.probability, answer.unit_budget, answer.unit_value)
    columns = (column.tolist() for column in (answer.state, answer.action, *amounts))
    for i, action, count, probability, budget, value in zip(*columns, strict=True):
        name = problem.actions[action] if action >= 0 else ""
        gathered.setdefault(i, []).append((count, probability, budget, value, name))
    shares = []
    for i, rows in gathered.items():
        units = int(answer.population.count[i])
        spent = sum(n * p * b for n, p, b, _, _ in rows)
        value = sum(n * p * v for n, p, _, v, _ in rows)
        shares.append(StateShare(problem.labels[i], units, spent / max(units, 1), spent, value, tuple(rows)))
    return sorted(shares, key=lambda share: -share.spent)


@dataclass(frozen=True, slots=True)
class StateToday:
    """All units of one state, as they are treated today and by the split; money and value in expectation."""

    label: str
    units: int
    spend_today: float
    value_today: float
    spend: float
    value: float


def beside_today(today: "BaselineComparison") -> list[StateToday]:
    """The rows of a baseline gathered by state, where most money moves first."""
    size = today.allocation.curves.problem.n_states
    columns = (today.budget, today.value, today.answer_budget, today.answer_value)
    totals = [np.bincount(today.state, today.count * column, minlength=size).tolist() for column in columns]
    labels, units = today.allocation.curves.problem.labels, today.allocation.population.count.tolist()
    rows = [
        StateToday(labels[i], units[i], *(total[i] for total in totals))
        for i in np.unique(today.state).tolist()
    ]
    return sorted(rows, key=lambda row: -abs(row.spend - row.spend_today))
