"""Transition rows from their table: one distribution over next states for each state-action pair."""

from dataclasses import dataclass

import numpy as np

from optbudget.errors import FIRST_ISSUES
from optbudget.problems.columns import Codes, Finding, Floats, did_you_mean, repeats
from optbudget.problems.mdp_issues import ROW_SUM_TOLERANCE
from optbudget.problems.pairs import Pairs, find
from optbudget.problems.roster import Roster, TableColumns


@dataclass(frozen=True, slots=True)
class Entries:
    """Transitions sorted by pair (pairs sorted by state): entries of pair k are ptr[k]:ptr[k+1].

    `row` is where each stood in the table.
    """

    ptr: Codes
    next_state: Codes
    probability: Floats
    row: Codes


def entries_of(
    columns: TableColumns, roster: Roster, pairs: Pairs, borrowed: Codes, found: list[Finding]
) -> Entries:
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
    pair = find(
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
    return Entries(ptr, next_state[kept], probability[kept], kept)


def distributions(
    entries: Entries, pairs: Pairs, roster: Roster, found: list[Finding],
    normalize: bool, sum_duplicates: bool,
) -> Entries:  # fmt: skip
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
    return Entries(ptr, next_state, probability, row)
