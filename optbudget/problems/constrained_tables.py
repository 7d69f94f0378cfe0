"""From tables with a column per resource, and limits, to a `ConstrainedMDP`, or to everything that is wrong.

The tables are those of a budgeted MDP; `actions` may have columns ``cost_<name>``, one per resource beside
money, and every cost column needs a limit: ``cost`` that of money, inf where there is none.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from optbudget.errors import FIRST_ISSUES
from optbudget.problems.assembly import Settings, assemble
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.columns import Codes, Finding, Floats, did_you_mean, failed, floats
from optbudget.problems.constrained_mdp import ConstrainedMDP

MONEY = "cost"
PREFIX = "cost_"
LIMITS = "budgets"
"""The table of model.toml that holds the limits."""


def resource_columns(header: Sequence[str]) -> list[str]:
    """The columns of `actions` that are resources beside money.

    Examples
    --------
    >>> resource_columns(["state", "action", "cost", "cost_staff", "utility"])
    ['cost_staff']
    """
    return [name for name in dict.fromkeys(header) if name.startswith(PREFIX) and len(name) > len(PREFIX)]


def assemble_constrained(
    tables: Mapping[str, pa.Table],
    settings: Settings,
    limits: Mapping[str, object],
    *,
    normalize: bool = False,
    sum_duplicates: bool = False,
    folder: ModelFolder | None = None,
) -> tuple[ConstrainedMDP | None, list[Finding]]:
    """The constrained problem of some tables, and what was found; no problem if an error was.

    Parameters
    ----------
    tables : "transitions" and "actions", optionally "states"; columns ``cost_<name>`` of actions are
        resources
    settings : everything but the limits
    limits : number >= 0 of each cost column by its name, inf for none
    """
    actions = tables["actions"]
    columns = resource_columns(actions.column_names)
    found = limit_findings(limits, columns)
    used = {name: floats(actions, name, "actions", found) for name in columns}
    for name, cost in used.items():
        if cost is not None:
            found += _negative(actions, name, cost)
    problem, own = assemble(
        tables, settings, normalize=normalize, sum_duplicates=sum_duplicates, folder=folder
    )
    found += own
    if problem is None or failed(found):
        return None, found
    order = pair_order(problem, actions)
    others = {
        name.removeprefix(PREFIX): (cost[order], _number(limits[name]))
        for name, cost in used.items()
        if cost is not None
    }
    return ConstrainedMDP.of(problem, _number(limits[MONEY]), others), found


def limit_findings(limits: Mapping[str, object], columns: Sequence[str]) -> list[Finding]:
    """Limits that are missing, that name no cost column, or that are no number >= 0.

    Examples
    --------
    >>> for finding in limit_findings({"cost": -1.0, "cost_stuff": 2.0}, ["cost_staff"]):
    ...     print(finding.message)
    the limit of cost is -1.0; it must be a number >= 0, or inf where there is none
    [budgets] limits 'cost_stuff', which is no cost column of actions; did you mean 'cost_staff'?
    [budgets] has no limit for 'cost_staff'; write one, or cost_staff = inf
    """
    known = [MONEY, *columns]
    found = []
    for name, value in limits.items():
        if name not in known:
            text = (
                f"[{LIMITS}] limits {name!r}, which is no cost column of actions{did_you_mean(name, known)}"
            )
            found.append(Finding("unknown-limit", text, column=name))
        elif not _number(value) >= 0:
            text = (
                f"the limit of {name} is {value!r:.80}; it must be a number >= 0, or inf where there is none"
            )
            found.append(Finding("limit", text, column=name))
    for name in known:
        if name not in limits:
            text = f"[{LIMITS}] has no limit for {name!r}; write one, or {name} = inf"
            found.append(Finding("missing-limit", text, column=LIMITS))
    return found


def pair_order(problem: BudgetedMDP, actions: pa.Table) -> Codes:
    """The row of `actions` of each pair of the problem made of it, (m,)."""
    words = [name for name in ("type", "state") if name in actions.column_names]
    texts = [actions.column(name).cast(pa.string()).to_pylist() for name in words]
    index = {label: i for i, label in enumerate(problem.labels)}
    state = np.array([index["/".join(parts)] for parts in zip(*texts, strict=True)], dtype=np.int64)
    return np.argsort(state, kind="stable")


def _number(value: object) -> float:
    """A limit as a number; NaN for anything that is none, or too large for a double."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    return float(value) if isinstance(value, float) or abs(value) < 2**1023 else math.nan


def _negative(actions: pa.Table, name: str, cost: Floats) -> list[Finding]:
    found = []
    for row in np.flatnonzero(cost < 0)[:FIRST_ISSUES].tolist():
        state, action = (str(actions.column(word)[row].as_py()) for word in ("state", "action"))
        text = f"{name} is {cost[row]:g}; it must be >= 0"
        found.append(Finding("negative-cost", text, "actions", row, name, state, action))
    return found
