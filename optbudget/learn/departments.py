"""Departments estimated from their history: observed transitions, counted.

Of n rows in which department d, in regime r and state s, took action a, :math:`n_{s'}` led to s':

.. math:: \\hat p_d(s' | r, s, a) = n_{s'} / n, \\qquad \\hat q(r' | r) = m_{r r'} / m_r,

which is maximum likelihood; cost and rewards are the means of those n rows. Where fewer than `min_count`
rows were seen in a regime, the rows of all regimes together stand for it. What was never tried in a state
cannot be done there in the model: counts know nothing of it.

The estimates are those of the model's process only if the regime is exogenous and departments do not move
one another (`optbudget.problems.departments`); counts cannot show that they do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue, ProblemError
from optbudget.problems import Departments
from optbudget.problems.columns import Codes, Finding, Floats, Names, as_table, floats, names
from optbudget.problems.departments_tables import objective_findings, objective_names

TEXTS = ("department", "regime", "state", "action", "next_state", "next_regime")
"""Columns of names of a history; `cost` and the objectives are its numbers, `period` may be there."""


def learn_departments(
    history: object,
    *,
    objectives: Sequence[str],
    total_budget: float,
    min_count: int = 1,
    initial: Mapping[str, str] | None = None,
    initial_regime: str | None = None,
    **settings: Any,
) -> Departments:
    """The departments that a table of observed transitions tells of.

    Parameters
    ----------
    history : a row per department and period, in order of time: the columns of `TEXTS`, `cost`, and one per
        objective; with a column `period`, the regimes of a period are counted once and must agree
    objectives : columns, "-" before one that is better small
    total_budget : money for all departments together
    min_count : rows of a regime from which on they stand for themselves, >= 1
    initial, initial_regime : states and regime now; by default those that the last rows led to
    settings : of the model: discount, cost_discount, horizon, ...

    Raises
    ------
    ProblemError
        If columns are missing or wrong, a state or regime is reached of which no row says what follows, or
        the regimes of a period differ.

    Examples
    --------
    >>> learned = learn_departments(
    ...     {"department": ["roads"] * 4, "regime": ["usual"] * 4, "next_regime": ["usual"] * 4,
    ...      "state": ["poor", "poor", "good", "good"], "action": ["mend", "mend", "hold", "hold"],
    ...      "next_state": ["good", "poor", "good", "poor"], "cost": [2.0, 2.0, 0.0, 0.0],
    ...      "service": [0.0, 0.0, 4.0, 4.0]},
    ...     objectives=["service"], total_budget=3.0, discount=0.9, cost_discount=1.0, horizon=4)
    >>> learned, learned.start
    (Departments(1 departments, 1 regimes, 2 states each, objectives service), ('poor',))
    >>> learned.held.probability.tolist()
    [0.5, 0.5]
    """
    if isinstance(min_count, bool) or not isinstance(min_count, int) or min_count < 1:
        raise ProblemError(f"min_count is {min_count!r:.40}; it must be a whole number >= 1")
    seen = _read(history, objectives)
    _require_followed(seen)
    last = dict(zip(seen.words("department"), seen.words("next_state"), strict=True))
    now = {**last, **(initial or {})}
    transitions, actions = _own_tables(seen, min_count)
    return Departments.from_tables(
        _regime_table(seen), transitions, actions, {"department": list(now), "state": list(now.values())},
        objectives=objectives, total_budget=total_budget,
        initial_regime=initial_regime or seen.words("next_regime")[-1], **settings,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    """The columns of a history: names, numbers (N, 1 + K), and the period of each row where there are any."""

    name: Mapping[str, Names]
    number: Floats
    measured: tuple[str, ...]
    period: Names | None

    def words(self, column: str) -> list[str]:
        """A column of names, written out."""
        return _words(self.name[column], self.name[column].code)


def _words(column: Names, code: Codes) -> list[str]:
    return [column.distinct[k] for k in code.tolist()]


def _read(history: object, objectives: Sequence[str]) -> _Seen:
    table = as_table(history, "history")
    measured = ("cost", *objective_names(objectives))
    found = objective_findings(objectives)
    for column in (*TEXTS, *measured):
        if column not in table.column_names:
            found.append(Finding("missing-column", f"table 'history' has no column {column!r}"))
    _refuse(found)
    if table.num_rows == 0:
        raise ProblemError([Issue("error", "no-rows", "the history has no rows")])
    texts = {column: names(table, column, "history", found) for column in TEXTS}
    numbers = [floats(table, column, "history", found) for column in measured]
    period = names(table, "period", "history", found) if "period" in table.column_names else None
    _refuse(found)
    read = {column: kept for column, kept in texts.items() if kept is not None}
    return _Seen(
        read, np.column_stack([column for column in numbers if column is not None]), measured, period
    )


def _refuse(found: Sequence[Finding]) -> None:
    if found:
        raise ProblemError([finding.issue() for finding in found])


def _require_followed(seen: _Seen) -> None:
    """Every state and regime that is reached must have rows that say what follows."""
    known = set(zip(seen.words("department"), seen.words("state"), strict=True))
    found = []
    for row, reached in enumerate(zip(seen.words("department"), seen.words("next_state"), strict=True)):
        if reached not in known:
            known.add(reached)
            text = f"department {reached[0]!r} reaches state {reached[1]!r}, and no row says what follows"
            found.append(Finding("unknown-state", text, "history", row, "next_state"))
    regimes = set(seen.name["regime"].distinct)
    following = seen.name["next_regime"]
    for word, row in zip(following.distinct, following.first.tolist(), strict=True):
        if word not in regimes:
            text = f"regime {word!r} is reached, and no row says what follows"
            found.append(Finding("unknown-regime", text, "history", row, "next_regime"))
    _refuse(found)


def _regime_table(seen: _Seen) -> pa.Table:
    """The chain of the regimes; one row of each period counts, or every row where none are named."""
    regime, following = seen.name["regime"], seen.name["next_regime"]
    rows = np.arange(regime.code.size)
    if seen.period is not None:
        first = seen.period.first[seen.period.code]
        differs = (regime.code != regime.code[first]) | (following.code != following.code[first])
        _refuse([
            Finding(
                "regime", "the regime or the next one is not that of the period's other departments",
                "history", row, "regime", first=int(first[row]),
            )
            for row in np.flatnonzero(differs)[:1].tolist()
        ])  # fmt: skip
        rows = seen.period.first
    now, to, share = _shares(regime.code[rows], following.code[rows])
    columns = {"regime": _words(regime, now), "next_regime": _words(following, to), "probability": share}
    return pa.table(columns)


def _shares(group: Codes, following: Codes) -> tuple[Codes, Codes, Floats]:
    """The distinct pairs of group and what follows, and the share of the group's rows that each has."""
    number = int(following.max(initial=0)) + 1
    key, count = np.unique(group * number + following, return_counts=True)
    total = np.bincount(group)
    return key // number, key % number, count / total[key // number]


def _own_tables(seen: _Seen, min_count: int) -> tuple[pa.Table, pa.Table]:
    """Transitions and actions of every pair that was seen, in every regime."""
    regimes = seen.name["regime"]
    department, state, action = (seen.name[column] for column in ("department", "state", "action"))
    key = (department.code * len(state.distinct) + state.code) * len(action.distinct) + action.code
    _, first, pair = np.unique(key, return_index=True, return_inverse=True)
    number, pairs = len(regimes.distinct), first.size
    cell = pair * number + regimes.code
    alone = np.bincount(cell, minlength=pairs * number).reshape(pairs, number) >= min_count
    own = _shares(cell, seen.name["next_state"].code)
    together = _shares(pair, seen.name["next_state"].code)
    parts = [(own[0] // number, own[0] % number, own[1], own[2], alone.ravel()[own[0]])]
    for r in range(number):
        at = np.full(together[0].size, r)
        parts.append((together[0], at, together[1], together[2], ~alone[together[0], r]))
    who, where, to, share = (np.concatenate([part[k][part[4]] for part in parts]) for k in range(4))

    def named(which: Codes, regime: Codes) -> dict[str, object]:
        rows = first[which]
        return {
            "department": _words(department, department.code[rows]), "regime": _words(regimes, regime),
            "state": _words(state, state.code[rows]), "action": _words(action, action.code[rows]),
        }  # fmt: skip

    following = {"next_state": _words(seen.name["next_state"], to), "probability": share}
    every, regime = np.repeat(np.arange(pairs), number), np.tile(np.arange(number), pairs)
    mean = np.where(alone.ravel()[:, None], _means(cell, seen.number, pairs * number),
                    _means(pair, seen.number, pairs)[every])  # fmt: skip
    numbers = dict(zip(seen.measured, mean.T, strict=True))
    return pa.table({**named(who, where), **following}), pa.table({**named(every, regime), **numbers})


def _means(group: Codes, number: Floats, size: int) -> Floats:
    """Mean of each column over the rows of each group, (size, k); 0 where there are none."""
    count = np.maximum(np.bincount(group, minlength=size), 1)
    return np.column_stack([np.bincount(group, column, minlength=size) / count for column in number.T])
