"""Response curves as other tools export them: a table of group, spend, value.

Marketing-mix tools give, for each channel, the value at a number of spends. As a knapsack every measured
amount is an option, named by its spend, and amounts between two of them can be bought.
"""

import numpy as np
import pyarrow as pa

from optbudget.errors import FIRST_ISSUES, ProblemError
from optbudget.problems.columns import Finding, as_table, did_you_mean, floats, names, repeats
from optbudget.problems.knapsack import Knapsack

TABLE = "curves"
TEXTS, NUMBERS = ("group",), ("spend", "value")


def response_curves(curves: object, *, title: str = "", money_unit: str = "money") -> Knapsack:
    """The knapsack of a table of group, spend, value, with amounts between two spends for sale.

    Parameters
    ----------
    curves : any object of the Arrow C stream protocol (pandas, polars, pyarrow), or a mapping of columns;
        the rows of a group in any order

    Raises
    ------
    ProblemError
        Naming every row that is no number, negative, or listed twice.

    Examples
    --------
    >>> response_curves({"group": ["tv", "tv", "web"], "spend": [0, 100, 0], "value": [0, 30, 0]})
    Knapsack(2 groups, 3 options, 2 copies, interpolated)
    """
    problem, found = assemble_response_curves(as_table(curves, TABLE), title=title, money_unit=money_unit)
    if problem is None:
        raise ProblemError([finding.issue() for finding in found])
    return problem


def assemble_response_curves(
    table: pa.Table, *, title: str = "", money_unit: str = "money"
) -> tuple[Knapsack | None, list[Finding]]:
    """The knapsack of such a table, and what was found wrong; no knapsack if anything was."""
    found: list[Finding] = []
    for column in (*TEXTS, *NUMBERS):
        if column not in table.column_names:
            hint = did_you_mean(column, table.column_names)
            found.append(Finding("missing-column", f"column {column!r} is missing{hint}", TABLE))
    if not found and table.num_rows == 0:
        found.append(Finding("empty", "the table has no rows", TABLE))
    if found:
        return None, found
    group = names(table, "group", TABLE, found)
    spend, value = (floats(table, column, TABLE, found) for column in NUMBERS)
    if spend is not None:
        for row in np.flatnonzero(spend < 0)[:FIRST_ISSUES].tolist():
            found.append(Finding("spend", f"spend is {spend[row]}; it must be >= 0", TABLE, row, "spend"))
    if group is None or spend is None or value is None:
        return None, found
    order = np.lexsort((spend, group.code))
    amount = np.unique(spend, return_inverse=True)[1]
    for row, first in repeats(group.code * (amount.max() + 1) + amount)[:FIRST_ISSUES]:
        text = f"spend {spend[row]:g} of group {group.distinct[group.code[row]]!r} is listed twice"
        found.append(Finding("duplicate", text, TABLE, row, "spend", first=first))
    if found:
        return None, found
    problem = Knapsack(
        groups=tuple(group.distinct),
        options=tuple(map(repr, spend[order].tolist())),
        ptr=np.concatenate(([0], np.cumsum(np.bincount(group.code)))),
        cost=spend[order],
        value=value[order],
        count=np.ones(len(group.distinct), dtype=np.int64),
        interpolate=True,
        title=title,
        money_unit=money_unit,
    )
    return problem, found
