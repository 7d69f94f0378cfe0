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
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.problems.budgeted_mdp import BudgetedMDP, ModelFolder
from optbudget.problems.columns import Codes, Finding, Floats, did_you_mean, failed, repeats
from optbudget.problems.mdp_issues import ROW_SUM_TOLERANCE
from optbudget.problems.roster import Roster, TableColumns, table_columns
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
    pairs = _pairs(columns["actions"], roster, found)
    if pairs.state.size == 0 and (tables["transitions"].num_rows or not settings.terminal_states):
        message = "the table has no rows; it must list the actions of every state that is not terminal"
        return None, [*found, Finding("no-rows", message, "actions")]
    borrowed = _borrowed(columns.get("shared_rows"), roster, pairs, found)
    entries = _entries(columns["transitions"], roster, pairs, borrowed, found)
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
    own = _Entries(np.append(0, entries.ptr[1 + owner]), entries.next_state, entries.probability, entries.row)
    owners = replace(pairs, order=pairs.order[owner])
    own = _distributions(own, owners, roster, found, normalize, sum_duplicates)
    if failed(found):
        return None, found
    rows = share_rows(own.ptr, own.next_state, own.probability)
    of_pair = np.empty(borrowed.size, dtype=np.int32)
    of_pair[owner] = rows.of_pair
    _require_alike(owner, of_pair, borrowed, pairs, roster, found)
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


def _of_its_row(issue: Issue, pairs: "_Pairs", roster: Roster) -> Finding:
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


@dataclass(frozen=True, slots=True)
class _Pairs:
    """State-action pairs in the order of the table, and `order`, which sorts them by state."""

    actions: list[str]
    state: Codes
    action: Codes
    cost: Floats
    utility: Floats
    order: Codes


@dataclass(frozen=True, slots=True)
class _Entries:
    """Transitions sorted by pair (pairs sorted by state): entries of pair k are ptr[k]:ptr[k+1].

    `row` is where each stood in the table.
    """

    ptr: Codes
    next_state: Codes
    probability: Floats
    row: Codes


def _pairs(columns: TableColumns, roster: Roster, found: list[Finding]) -> _Pairs:
    state = roster.enrol(columns, "state")
    action = columns.name["action"]
    pairs = _Pairs(
        action.distinct, state, action.code, columns.number["cost"], columns.number["utility"],
        np.argsort(state, kind="stable"),
    )  # fmt: skip
    for row in np.flatnonzero(pairs.cost < 0)[:FIRST_ISSUES].tolist():
        found.append(
            Finding(
                "negative-cost", f"cost is {pairs.cost[row]:g}; it must be >= 0", "actions", row, "cost",
                roster.label(state[row]), action.distinct[action.code[row]],
            )
        )  # fmt: skip
    for row, first in repeats(state * max(1, len(action.distinct)) + action.code):
        name = action.distinct[action.code[row]]
        found.append(
            Finding(
                "duplicate-action",
                f"action {name!r} of state {roster.label(state[row])!r} is listed twice",
                "actions", row, "action", roster.label(state[row]), name, first=first,
            )
        )  # fmt: skip
    return pairs


def _borrowed(columns: TableColumns | None, roster: Roster, pairs: _Pairs, found: list[Finding]) -> Codes:
    """For each pair (by state) the pair whose row it uses, by `shared_rows`; -1: it has one of its own."""
    borrowed = np.full(pairs.order.size, -1, dtype=np.int64)
    if columns is None:
        return borrowed
    known = {name: k for k, name in enumerate(pairs.actions)}
    width, acting = max(1, len(pairs.actions)), len(roster)
    keys = (pairs.state * width + pairs.action)[pairs.order]
    pair = {}
    for prefix in ("", "as_"):
        state, names = roster.find(columns, f"{prefix}state"), columns.name[f"{prefix}action"]
        action = np.array([known.get(name, -1) for name in names.distinct], dtype=np.int64)[names.code]
        wanted = np.where((state < 0) | (action < 0), -1, state * width + action)
        pair[prefix] = _find(keys, wanted, acting * width)
        for row in np.flatnonzero(pair[prefix] < 0)[:FIRST_ISSUES].tolist():
            label = columns.name[f"{prefix}state"]
            who, what = label.distinct[label.code[row]], names.distinct[names.code[row]]
            text = f"state {who!r} has no action {what!r} in actions"
            found.append(Finding("unlisted-action", text, "shared_rows", row, f"{prefix}action"))
    if failed(found):
        return borrowed
    for row, first in repeats(pair[""]):
        text = "the row of this state and action is said twice"
        found.append(Finding("duplicate", text, "shared_rows", row, "action", first=first))
    borrowed[pair[""]] = pair["as_"]
    for row in np.flatnonzero(borrowed[pair["as_"]] >= 0)[:FIRST_ISSUES].tolist():
        text = "the row of that state and action is itself another one's; name the first"
        found.append(Finding("shared-row", text, "shared_rows", row, "as_action"))
    if roster.typed:
        kinds = np.unique(np.asarray(roster.types), return_inverse=True)[1][pairs.state[pairs.order]]
        for row in np.flatnonzero(kinds[pair[""]] != kinds[pair["as_"]])[:FIRST_ISSUES].tolist():
            text = "that state is of another type"
            found.append(Finding("crosses-types", text, "shared_rows", row, "as_state"))
    return borrowed


def _require_alike(
    owner: Codes,
    of_pair: NDArray[np.int32],
    borrowed: Codes,
    pairs: _Pairs,
    roster: Roster,
    found: list[Finding],
) -> None:
    """Pairs that have transitions and are said to share another's row have that very row."""
    both = owner[borrowed[owner] >= 0]
    for k in both[of_pair[both] != of_pair[borrowed[both]]][:FIRST_ISSUES].tolist():
        row, name = int(pairs.order[k]), pairs.actions[pairs.action[pairs.order[k]]]
        label = roster.label(pairs.state[row])
        text = f"action {name!r} of state {label!r} has other transitions than the row it has by shared_rows"
        found.append(Finding("shared-row", text, "actions", row, "action", label, name))


def _entries(
    columns: TableColumns, roster: Roster, pairs: _Pairs, borrowed: Codes, found: list[Finding]
) -> _Entries:
    """Transitions by pair; those of unlisted pairs are findings and are left out."""
    acting = len(roster)
    state = roster.enrol(columns, "state")
    action_names = columns.name["action"]
    known = {name: k for k, name in enumerate(pairs.actions)}
    action = np.array([known.get(name, -1) for name in action_names.distinct], dtype=np.int64)
    action = action[action_names.code]
    probability = columns.number["probability"]

    width = max(1, len(pairs.actions))
    outside = (state >= acting) | (action < 0)
    keys = (pairs.state * width + pairs.action)[pairs.order]
    pair = _find(
        keys,
        np.where(outside, -1, state * width + action),
        acting * width,
    )
    seen: set[tuple[int, int]] = set()
    for row in np.flatnonzero(pair < 0).tolist():
        if (pair_key := (int(state[row]), int(action_names.code[row]))) in seen:
            continue
        seen.add(pair_key)
        name, label = action_names.distinct[action_names.code[row]], roster.label(state[row])
        hint = ""
        if state[row] >= acting:
            hint = did_you_mean(label, list(roster.position)[:acting])
        elif action[row] < 0:
            hint = did_you_mean(name, pairs.actions)
        found.append(
            Finding(
                "unlisted-action",
                f"action {name!r} of {label!r} has transitions but no row in actions{hint}",
                "transitions", row, "action", label, name,
            )
        )  # fmt: skip
        if len(seen) >= FIRST_ISSUES:
            break
    wrong = np.flatnonzero((probability < 0) | (probability > 1 + ROW_SUM_TOLERANCE))
    for row in wrong[:FIRST_ISSUES].tolist():
        found.append(
            Finding(
                "probability", f"probability is {probability[row]:g}; it must be in (0, 1]",
                "transitions", row, "probability", roster.label(state[row]),
                action_names.distinct[action_names.code[row]],
            )
        )  # fmt: skip
    next_state = roster.enrol(columns, "next_state")
    zero = probability == 0
    if zero.any():
        row = int(np.flatnonzero(zero)[0])
        found.append(
            Finding(
                "zero-probability",
                f"{int(zero.sum())} transitions of probability 0 are left out; the first is here",
                "transitions", row, "probability", severity="warning",
            )
        )  # fmt: skip
    kept = np.flatnonzero((pair >= 0) & ~zero)
    if kept.size and (np.diff(pair[kept]) < 0).any():
        kept = kept[np.argsort(pair[kept], kind="stable")]
    elif kept.size == pair.size:
        kept = np.arange(pair.size)
    counts = np.bincount(pair[kept], minlength=pairs.order.size)
    # Of an action that is listed twice, one row has no transitions; that it is listed twice is said already.
    _, same, times = np.unique(keys, return_inverse=True, return_counts=True)
    for k in np.flatnonzero((counts == 0) & (times[same] == 1) & (borrowed < 0))[:FIRST_ISSUES].tolist():
        row = int(pairs.order[k])
        name = pairs.actions[pairs.action[row]]
        found.append(
            Finding(
                "no-transitions",
                f"action {name!r} of state {roster.label(pairs.state[row])!r} has no row in transitions",
                "actions", row, "action", roster.label(pairs.state[row]), name,
            )
        )  # fmt: skip
    ptr = np.concatenate(([0], np.cumsum(counts)))
    return _Entries(ptr, next_state[kept], probability[kept], kept)


def _find(keys: Codes, wanted: Codes, limit: int) -> Codes:
    """Position of each wanted key (in -1..limit-1) among distinct `keys`, -1 where it is not there."""
    if limit <= 4 * (keys.size + wanted.size) + 1024:
        position = np.full(limit + 1, -1, dtype=np.int64)
        position[keys] = np.arange(keys.size)
        return position[wanted]
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][at] == wanted, order[at], -1)


def _distributions(
    entries: _Entries, pairs: _Pairs, roster: Roster, found: list[Finding],
    normalize: bool, sum_duplicates: bool,
) -> _Entries:  # fmt: skip
    """Check that each pair's entries are one distribution over states of its type."""
    m = entries.ptr.size - 1
    pair = np.repeat(np.arange(m), np.diff(entries.ptr))
    ptr, next_state, probability, row = entries.ptr, entries.next_state, entries.probability, entries.row

    def culprit(k: int) -> tuple[str, str]:
        at = int(pairs.order[k])
        return roster.label(int(pairs.state[at])), pairs.actions[pairs.action[at]]

    if roster.typed:
        kinds = np.unique(np.asarray(roster.types), return_inverse=True)[1]
        crossing = kinds[next_state] != kinds[pairs.state[pairs.order][pair]]
        for e in np.flatnonzero(crossing)[:FIRST_ISSUES].tolist():
            found.append(
                Finding(
                    "crosses-types", f"next state {roster.label(next_state[e])!r} is of another type",
                    "transitions", int(row[e]), "next_state", *culprit(int(pair[e])),
                )
            )  # fmt: skip
    same_pair = pair[1:] == pair[:-1]
    if not (next_state[1:] > next_state[:-1])[same_pair].all():
        key = pair * len(roster) + next_state
        doubled = repeats(key)
        if doubled and sum_duplicates:
            _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
            order = np.argsort(first, kind="stable")
            probability = np.bincount(inverse, probability).astype(np.float64)[order]
            next_state, row, pair = next_state[first][order], row[first][order], pair[first][order]
            ptr = np.concatenate(([0], np.cumsum(np.bincount(pair, minlength=m))))
            again, _ = doubled[0]
            message = f"transitions listed again and added up: {key.size - pair.size:,}; the first is here"
            found.append(
                Finding(
                    "summed", message, "transitions", int(entries.row[again]), "next_state",
                    *culprit(int(np.searchsorted(entries.ptr, again, side="right")) - 1), "warning",
                )
            )  # fmt: skip
        else:
            for e, _ in doubled:
                found.append(
                    Finding(
                        "duplicate-transition",
                        f"next state {roster.label(next_state[e])!r} is listed twice",
                        "transitions", int(row[e]), "next_state", *culprit(int(pair[e])),
                    )
                )  # fmt: skip
    total = np.bincount(pair, probability, minlength=m)
    wrong = np.flatnonzero(np.abs(total - 1.0) > ROW_SUM_TOLERANCE)
    if wrong.size and normalize and (total > 0).all():
        scale = np.ones(m)
        scale[wrong] = total[wrong]
        probability = probability / scale[pair]
        k = int(wrong[0])
        found.append(
            Finding(
                "normalized",
                f"rows that did not sum to 1 and were divided by their sum: {wrong.size:,}; the first, here, "
                f"summed to {total[k]:.12g}",
                "transitions", int(row[ptr[k]]), "probability", *culprit(k), "warning",
            )
        )  # fmt: skip
    else:
        for k in wrong[:FIRST_ISSUES].tolist():
            state, action = culprit(k)
            found.append(
                Finding(
                    "row-sum",
                    f"probabilities of state {state!r}, action {action!r} sum to {total[k]:.12g}, not 1",
                    "transitions", int(row[ptr[k]]), "probability", state, action,
                )
            )  # fmt: skip
    return _Entries(ptr, next_state, probability, row)
