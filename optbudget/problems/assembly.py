"""From tables of transitions and actions to a `BudgetedMDP`, or to everything that is wrong with them.

Each row of `transitions` belongs to one state-action pair of `actions`; the rows of a pair are one
probability distribution over next states. Equal distributions are stored once.

States are numbered in order of first appearance: in `actions`, then as next states of
`transitions`, then in `states`, then in `terminal_states`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from optbudget.errors import Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.columns import Finding, failed
from optbudget.problems.distributions import Entries, distributions, entries_of
from optbudget.problems.pairs import Pairs, lenders_of, pairs_of, require_alike
from optbudget.problems.roster import Roster, table_columns
from optbudget.problems.sharing import share_rows
from optbudget.problems.state_roles import initial_distribution, terminal_states, terminal_utility


@dataclass(frozen=True, slots=True)
class Settings:
    """What a model says beside its tables; names, units and ranges as in `BudgetedMDP`."""

    discount: float
    cost_discount: float
    horizon: int | None
    reward: Literal["net", "gross"] = "net"
    initial: str | Mapping[str, float] | None = None
    terminal_states: tuple[str, ...] = ()
    budget_cap: float | None = None
    title: str = ""
    source: str = ""
    money_unit: str = "money"
    formulations: tuple[str, ...] = ()


def assemble(
    tables: Mapping[str, pa.Table],
    settings: Settings,
    *,
    normalize: bool = False,
    sum_duplicates: bool = False,
    folder: ModelFolder | None = None,
) -> tuple[BudgetedMDP | None, list[Finding]]:
    """The problem that the tables describe, and what was found on the way; no problem if an error was.

    Parameters
    ----------
    tables : "transitions" and "actions", optionally "states", with the columns of `COLUMNS` present
    settings : everything else
    normalize : divide rows that do not sum to 1 by their sum
    sum_duplicates : add up probabilities listed twice for one next state
    folder : where the tables were read from
    """
    found: list[Finding] = []
    columns = {name: table_columns(table, name, found) for name, table in tables.items()}
    if len({"type" in table.column_names for table in tables.values()}) > 1:
        found.append(Finding("types", "a column 'type' must be in all tables or in none"))
    if failed(found):
        return None, found
    roster = Roster(typed="type" in columns["actions"].name)
    pairs = pairs_of(columns["actions"], roster, found)
    if pairs.state.size == 0 and (tables["transitions"].num_rows or not settings.terminal_states):
        message = "the table has no rows; it must list the actions of every state that is not terminal"
        return None, [*found, Finding("no-rows", message, "actions")]
    borrowed = lenders_of(columns.get("shared_rows"), roster, pairs, found)
    entries = entries_of(columns["transitions"], roster, pairs, borrowed, found)
    named = len(roster)
    worth = terminal_utility(columns.get("states"), roster, found)
    terminal_states(
        settings.terminal_states, roster, pairs.state, entries.next_state, entries.row, found,
        stated={index: row for row, index in enumerate(worth) if index >= named},
    )  # fmt: skip
    initial_state, initial_probability = initial_distribution(settings.initial, roster, found)
    if failed(found):
        return None, found
    owner = np.flatnonzero((borrowed < 0) | (np.diff(entries.ptr) > 0))
    own = Entries(np.append(0, entries.ptr[1 + owner]), entries.next_state, entries.probability, entries.row)
    owners = replace(pairs, order=pairs.order[owner])
    own = distributions(own, owners, roster, found, normalize, sum_duplicates)
    if failed(found):
        return None, found
    rows = share_rows(own.ptr, own.next_state, own.probability)
    of_pair = np.empty(borrowed.size, dtype=np.int32)
    of_pair[owner] = rows.of_pair
    require_alike(owner, of_pair, borrowed, pairs, roster, found)
    if failed(found):
        return None, found
    of_pair[borrowed >= 0] = of_pair[borrowed[borrowed >= 0]]
    n = len(roster)
    utility = np.zeros(n)
    utility[list(worth)] = list(worth.values())
    order = pairs.order
    try:
        problem = BudgetedMDP(
            states=tuple(roster.names), actions=tuple(pairs.actions),
            pair_ptr=np.concatenate(([0], np.cumsum(np.bincount(pairs.state, minlength=n)))),
            pair_action=pairs.action[order].astype(np.int32), pair_row=of_pair,
            cost=pairs.cost[order], utility=pairs.utility[order],
            row_ptr=rows.ptr, next_state=rows.next_state, probability=rows.probability,
            terminal_utility=utility, discount=settings.discount, cost_discount=settings.cost_discount,
            horizon=settings.horizon, reward=settings.reward,
            initial_state=initial_state, initial_probability=initial_probability,
            budget_cap=settings.budget_cap, state_type=tuple(roster.types),
            title=settings.title, source=settings.source, money_unit=settings.money_unit,
            formulations=settings.formulations, folder=folder,
        )  # fmt: skip
    except ProblemError as error:
        found += [_of_its_row(issue, pairs, roster) for issue in error.issues]
        return None, found
    return problem, found


def _of_its_row(issue: Issue, pairs: Pairs, roster: Roster) -> Finding:
    """What the problem itself refuses, at the row of its pair."""
    row = None
    for k, (state, action) in enumerate(zip(pairs.state.tolist(), pairs.action.tolist(), strict=True)):
        if (roster.label(state), pairs.actions[action]) == (issue.state, issue.action):
            row = k
    table = None if row is None else "actions"
    return Finding(issue.code, issue.message, table, row, None, issue.state, issue.action)


def require(problem: BudgetedMDP | None, found: list[Finding]) -> BudgetedMDP:
    """The problem, or a ProblemError of everything found, for tables in memory."""
    if problem is None:
        raise ProblemError([finding.issue() for finding in found if finding.severity == "error"])
    return problem
