"""State-action pairs from their table, and whose transition row each of them uses."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES
from optbudget.problems.columns import Codes, Finding, Floats, failed, repeats
from optbudget.problems.roster import Roster, TableColumns


@dataclass(frozen=True, slots=True)
class Pairs:
    """State-action pairs in the order of the table, and `order`, which sorts them by state."""

    actions: list[str]
    state: Codes
    action: Codes
    cost: Floats
    utility: Floats
    order: Codes


def pairs_of(columns: TableColumns, roster: Roster, found: list[Finding]) -> Pairs:
    state = roster.enrol(columns, "state")
    action = columns.name["action"]
    pairs = Pairs(
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


def lenders_of(columns: TableColumns | None, roster: Roster, pairs: Pairs, found: list[Finding]) -> Codes:
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
        pair[prefix] = find(keys, wanted, acting * width)
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


def require_alike(
    owner: Codes,
    of_pair: NDArray[np.int32],
    borrowed: Codes,
    pairs: Pairs,
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


def find(keys: Codes, wanted: Codes, limit: int) -> Codes:
    """Position of each wanted key (in -1..limit-1) among distinct `keys`, -1 where it is not there."""
    if limit <= 4 * (keys.size + wanted.size) + 1024:
        position = np.full(limit + 1, -1, dtype=np.int64)
        position[keys] = np.arange(keys.size)
        return position[wanted]
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][at] == wanted, order[at], -1)
