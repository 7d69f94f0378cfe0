"""From a table of options to a `Knapsack`, or to everything that is wrong with it.

Groups are numbered in order of first appearance; the rows of a group need not stand together, and keep
their order.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from optbudget.errors import FIRST_ISSUES
from optbudget.problems.budgeted_mdp import ModelFolder
from optbudget.problems.columns import Codes, Finding, did_you_mean, floats, names, whole_numbers
from optbudget.problems.knapsack import Knapsack
from optbudget.problems.population import MOST_UNITS

OPTIONS = "options"
TEXTS, NUMBERS = ("group", "option"), ("cost", "value")
OPTIONAL = ("count",)


@dataclass(frozen=True, slots=True)
class KnapsackSettings:
    """What a model says beside its table of options; as in `Knapsack`."""

    interpolate: bool = False
    title: str = ""
    source: str = ""
    money_unit: str = "money"
    formulations: tuple[str, ...] = ()


def assemble_knapsack(
    table: pa.Table, settings: KnapsackSettings, *, folder: ModelFolder | None = None
) -> tuple[Knapsack | None, list[Finding]]:
    """The knapsack of a table with the columns group, option, cost, value and perhaps count.

    Returns the problem and what was found on the way; no problem if an error was.
    """
    found: list[Finding] = []
    have = table.column_names
    for column in (*TEXTS, *NUMBERS):
        if column not in have:
            hint = did_you_mean(column, [name for name in have if name not in (*TEXTS, *NUMBERS, *OPTIONAL)])
            found.append(Finding("missing-column", f"column {column!r} is missing{hint}", OPTIONS))
    for column in dict.fromkeys(have):
        if have.count(column) > 1:
            found.append(Finding("duplicate-column", f"column {column!r} appears twice", OPTIONS))
    if not found and table.num_rows == 0:
        found.append(Finding("empty", "the table has no rows; a knapsack needs at least one option", OPTIONS))
    if found:
        return None, found
    group, option = (names(table, column, OPTIONS, found) for column in TEXTS)
    cost, value = (floats(table, column, OPTIONS, found) for column in NUMBERS)
    count = whole_numbers(table, "count", OPTIONS, found) if "count" in have else None
    if count is None:
        count = np.ones(table.num_rows, dtype=np.int64)
    if cost is not None:
        for row in np.flatnonzero(cost < 0)[:FIRST_ISSUES].tolist():
            found.append(Finding("cost", f"cost is {cost[row]}; it must be >= 0", OPTIONS, row, "cost"))
    if group is not None:
        _counts(group.code, group.distinct, group.first, count, found)
    if group is not None and option is not None:
        pair = group.code * len(option.distinct) + option.code
        first, place = np.unique(pair, return_index=True, return_inverse=True)[1:]
        for row in np.flatnonzero(first[place] != np.arange(pair.size))[:FIRST_ISSUES].tolist():
            label = (
                f"option {option.distinct[option.code[row]]!r} of group {group.distinct[group.code[row]]!r}"
            )
            found.append(
                Finding("duplicate", f"{label} is listed twice; give each a name", OPTIONS, row, "option")
            )
    if found or group is None or option is None or cost is None or value is None:
        return None, found
    order = np.argsort(group.code, kind="stable")
    problem = Knapsack(
        groups=tuple(group.distinct), options=tuple(option.distinct[k] for k in option.code[order]),
        ptr=np.concatenate(([0], np.cumsum(np.bincount(group.code)))), cost=cost[order], value=value[order],
        count=count[group.first], interpolate=settings.interpolate, title=settings.title,
        source=settings.source, money_unit=settings.money_unit, formulations=settings.formulations,
        folder=folder,
    )  # fmt: skip
    return problem, found


def _counts(group: Codes, groups: list[str], first: Codes, count: Codes, found: list[Finding]) -> None:
    """Every row of a group must say the same count, and all copies must be countable."""
    for row in np.flatnonzero(count != count[first][group])[:FIRST_ISSUES].tolist():
        g = int(group[row])
        message = f"count is {count[row]} here and {count[first[g]]} where group {groups[g]!r} begins"
        found.append(Finding("count", message, OPTIONS, row, "count", state=groups[g]))
    if sum(count[first].tolist()) > MOST_UNITS:
        found.append(Finding("count", "the counts sum to more than 2^62 copies", OPTIONS))
