"""From the tables of departments to `Departments`, or to everything that is wrong with them.

What a department does while the regime stays as it is, is a budgeted MDP on states "regime|state" with a
unit type for each department; its tables are put together and checked as any such problem's. Regimes, the
states now and the objectives are checked here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from optbudget.errors import FIRST_ISSUES, ProblemError
from optbudget.problems.assembly import Settings, assemble
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.columns import (
    Finding,
    Floats,
    Names,
    as_table,
    did_you_mean,
    failed,
    floats,
    names,
    repeats,
)
from optbudget.problems.constrained_tables import pair_order
from optbudget.problems.departments import JOINT, Departments
from optbudget.problems.mdp_issues import ROW_SUM_TOLERANCE

TABLES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "regimes": (("regime", "next_regime"), ("probability",)),
    "transitions": (("department", "regime", "state", "action", "next_state"), ("probability",)),
    "actions": (("department", "regime", "state", "action"), ("cost",)),
    "initial": (("department", "state"), ()),
}
"""Columns of names and of numbers of each table; `actions` has one more column per objective."""

MINUS = "-"
"""Before the name of an objective that is better small."""


def from_tables(
    regimes: object,
    transitions: object,
    actions: object,
    initial: object,
    *,
    objectives: Sequence[str],
    total_budget: float,
    initial_regime: str | None = None,
    **settings: Any,
) -> Departments:
    """Departments from tables (pandas, polars, pyarrow, dict) with the columns of `TABLES`.

    `objectives` are columns of `actions`, "-" before one that is better small; `initial_regime` is the first
    of `regimes` if not given; `settings` are those of `Settings`: discount, cost_discount, horizon, ...

    Raises
    ------
    ProblemError
        With everything found wrong.
    """
    given = {"regimes": regimes, "transitions": transitions, "actions": actions, "initial": initial}
    tables = {name: as_table(data, name) for name, data in given.items()}
    stated = Settings(**{"reward": "gross", **settings, "initial": initial_regime})
    problem, found = assemble_departments(tables, stated, tuple(objectives), total_budget)
    if problem is None:
        raise ProblemError([finding.issue() for finding in found if finding.severity == "error"])
    return problem


def objective_names(objectives: Sequence[str]) -> tuple[str, ...]:
    """The columns of objectives, without the sign of those better small.

    Examples
    --------
    >>> objective_names(["service", "-risk"])
    ('service', 'risk')
    """
    return tuple(text.removeprefix(MINUS) for text in objectives)


def assemble_departments(
    tables: Mapping[str, pa.Table],
    settings: Settings,
    objectives: tuple[str, ...],
    total_budget: float,
    *,
    normalize: bool = False,
    sum_duplicates: bool = False,
    folder: ModelFolder | None = None,
) -> tuple[Departments | None, list[Finding]]:
    """The departments that tables describe, and what was found; none if an error was.

    Parameters
    ----------
    tables : those of `TABLES`
    settings : `initial` is the regime now; None takes the first
    normalize, sum_duplicates : as for `assemble`, of transitions
    """
    found = [*objective_findings(objectives), *_missing_columns(tables, objectives)]
    if found:
        return None, found
    text = {of: _texts(tables[of], of, found) for of in TABLES}
    read = [floats(tables["actions"], name, "actions", found) for name in objective_names(objectives)]
    chance = floats(tables["regimes"], "probability", "regimes", found)
    measured = [column for column in read if column is not None]
    if failed(found) or chance is None:
        return None, found
    regimes = tuple(text["regimes"]["regime"].distinct)
    chain = _chain(text["regimes"], chance, found)
    for of in ("transitions", "actions"):
        _known(text[of]["regime"], regimes, of, "regime", found)
    now = _regime_now(settings.initial, regimes, found)
    if failed(found):
        return None, found
    joint = {of: _joint(tables[of]) for of in ("transitions", "actions")}
    held, own = assemble(
        joint, replace(settings, initial=None), normalize=normalize, sum_duplicates=sum_duplicates
    )
    found += [_in_words_of_departments(finding) for finding in own]
    if held is None:
        return None, found
    _missing_states(held, text["actions"], regimes, found)
    start = _start(held, text["initial"], now, found)
    if failed(found):
        return None, found
    reward = np.column_stack(measured)[pair_order(held, joint["actions"])]
    direction = np.array([-1 if name.startswith(MINUS) else 1 for name in objectives])
    return Departments(
        held, regimes, chain, now, start, objective_names(objectives), direction, reward, total_budget, folder
    ), found


def objective_findings(objectives: Sequence[str]) -> list[Finding]:
    """What is wrong with the list of objectives.

    Examples
    --------
    >>> for finding in objective_findings(["risk", "-risk", "cost"]):
    ...     print(finding.message)
    objectives names 'risk' twice
    objectives names 'cost', which is a column with a meaning of its own
    """
    named = objective_names(objectives)
    own = (*TABLES["actions"][0], *TABLES["actions"][1])
    messages = [] if named else ["objectives names none; at least one is needed"]
    for k, name in enumerate(named):
        if name in named[:k]:
            messages.append(f"objectives names {name!r} twice")
        if not name or name in own:
            messages.append(f"objectives names {name!r}, which is a column with a meaning of its own")
    return [Finding("objectives", message, column="objectives") for message in messages]


def _missing_columns(tables: Mapping[str, pa.Table], objectives: Sequence[str]) -> list[Finding]:
    """Tables in memory without a column they need; of files, the header was looked at when they were read."""
    found = []
    for of, (texts, numbers) in TABLES.items():
        needed = (*texts, *numbers, *(objective_names(objectives) if of == "actions" else ()))
        for name in needed:
            if name not in tables[of].column_names:
                found.append(Finding("missing-column", f"table {of!r} has no column {name!r}"))
    return found


def _texts(table: pa.Table, of: str, found: list[Finding]) -> dict[str, Names]:
    """The columns of names of a table; names that would be mistaken for two are refused."""
    columns = {name: names(table, name, of, found) for name in TABLES[of][0]}
    read = {name: column for name, column in columns.items() if column is not None}
    for name, letter in (("department", "/"), ("regime", JOINT), ("next_regime", JOINT)):
        column = read.get(name)
        for word, row in zip(column.distinct, column.first.tolist(), strict=True) if column else ():
            if letter in word:
                found.append(Finding("name", f"{name} {word!r} contains {letter!r}", of, row, name))
    return read


def _known(column: Names, known: Sequence[str], of: str, name: str, found: list[Finding]) -> None:
    """A finding for each name of a column that is not among the known ones."""
    for word, row in zip(column.distinct, column.first.tolist(), strict=True):
        if word not in known:
            what = name.removeprefix("next_")
            text = f"no {what} is called {word!r}{did_you_mean(word, known)}"
            found.append(Finding(f"unknown-{what}", text, of, row, name))


def _chain(columns: Mapping[str, Names], chance: Floats, found: list[Finding]) -> Floats:
    """The transition matrix of the regimes, (R, R)."""
    regime, following = columns["regime"], columns["next_regime"]
    known = regime.distinct
    before = len(found)
    if not known:
        found.append(Finding("no-rows", "the table has no rows; it must list every regime", "regimes"))
    _known(following, known, "regimes", "next_regime", found)
    for row in np.flatnonzero((chance < 0) | (chance > 1 + ROW_SUM_TOLERANCE))[:FIRST_ISSUES].tolist():
        text = f"probability is {chance[row]:g}; it must be in [0, 1]"
        found.append(Finding("probability", text, "regimes", row, "probability"))
    chain = np.zeros((len(known), len(known)))
    if len(found) > before:
        return chain
    to = np.array([known.index(word) for word in following.distinct], dtype=np.int64)[following.code]
    for row, first in repeats(regime.code * len(known) + to):
        text = f"next regime {known[to[row]]!r} of {known[regime.code[row]]!r} is listed twice"
        found.append(Finding("duplicate-transition", text, "regimes", row, "next_regime", first=first))
    np.add.at(chain, (regime.code, to), chance)
    total = chain.sum(axis=1)
    for r in np.flatnonzero(np.abs(total - 1.0) > ROW_SUM_TOLERANCE).tolist():
        text = f"probabilities of regime {known[r]!r} sum to {total[r]:.12g}, not 1"
        found.append(Finding("row-sum", text, "regimes", int(regime.first[r]), "probability"))
    return chain


def _regime_now(stated: object, regimes: Sequence[str], found: list[Finding]) -> str:
    if stated is None:
        return regimes[0] if regimes else ""
    if isinstance(stated, str) and stated in regimes:
        return stated
    hint = did_you_mean(str(stated), regimes)
    text = f"initial is {stated!r:.80}; it must be the regime now, one of {', '.join(regimes)}{hint}"
    found.append(Finding("initial", text, column="initial"))
    return ""


def _joint(table: pa.Table) -> pa.Table:
    """The same rows with states "regime|state" and a column of types in place of department and regime."""
    words = {name: table.column(name).cast(pa.string()) for name in table.column_names if name in _WORDS}
    columns: dict[str, object] = {"type": words["department"]}
    for name in ("state", "next_state"):
        if name in words:
            columns[name] = pc.binary_join_element_wise(words["regime"], words[name], JOINT)
    columns["action"] = words["action"]
    if "cost" in table.column_names:
        columns |= {"cost": table.column("cost"), "utility": np.zeros(table.num_rows)}
    else:
        columns["probability"] = table.column("probability")
    return pa.table(columns)


_WORDS = ("department", "regime", "state", "action", "next_state")


def _in_words_of_departments(finding: Finding) -> Finding:
    """A finding about the joint tables; departments have no terminal states, so none can be advised."""
    if finding.code == "no-rows":
        return replace(finding, message="the table has no rows; it must list the actions of every state")
    if finding.code != "dead-end" or finding.state is None:
        return finding
    department, pair = finding.state.split("/", 1)
    regime, state = pair.split(JOINT, 1)
    text = (
        f"department {department!r} has no action in state {state!r} in regime {regime!r}; give it one, "
        "such as waiting at no cost"
    )
    return replace(finding, message=text)


def _missing_states(
    held: BudgetedMDP, columns: Mapping[str, Names], regimes: Sequence[str], found: list[Finding]
) -> None:
    """States that a department has in some regime and not in another, at the first row that has them."""
    keys = zip(columns["department"].code.tolist(), columns["state"].code.tolist(), strict=True)
    first: dict[tuple[int, int], int] = {}
    for row, key in enumerate(keys):
        first.setdefault(key, row)
    place = set(held.labels)
    for (d, s), row in first.items():
        department, state = columns["department"].distinct[d], columns["state"].distinct[s]
        for regime in regimes:
            if Departments.label(department, regime, state) not in place:
                text = f"department {department!r} has no row for state {state!r} in regime {regime!r}"
                found.append(Finding("missing-state", text, "actions", row, "regime", state))
                if len(found) >= FIRST_ISSUES:
                    return


def _start(
    held: BudgetedMDP, columns: Mapping[str, Names], now: str, found: list[Finding]
) -> tuple[str, ...]:
    """The state of each department now, in their order."""
    known = tuple(dict.fromkeys(held.state_type))
    department, state = columns["department"], columns["state"]
    _known(department, known, "initial", "department", found)
    for row, first in repeats(department.code):
        text = f"department {department.distinct[department.code[row]]!r} is listed twice"
        found.append(Finding("duplicate", text, "initial", row, "department", first=first))
    for name in known:
        if name not in department.distinct:
            found.append(Finding("missing-department", f"department {name!r} has no row", "initial"))
    place = set(held.labels)
    start: dict[str, str] = {}
    for row, (d, s) in enumerate(zip(department.code.tolist(), state.code.tolist(), strict=True)):
        own, here = department.distinct[d], state.distinct[s]
        start[own] = here
        if own in known and Departments.label(own, now, here) not in place:
            text = f"department {own!r} has no state called {here!r}"
            found.append(Finding("unknown-state", text, "initial", row, "state", here))
    return tuple(start.get(name, "") for name in known)
