"""In which states a unit begins and in which it ends: what a model says of them, checked."""

from collections.abc import Mapping

import numpy as np

from optbudget.errors import FIRST_ISSUES
from optbudget.problems.columns import Codes, Finding, Floats, did_you_mean, failed, repeats
from optbudget.problems.mdp_issues import ROW_SUM_TOLERANCE
from optbudget.problems.roster import Roster, TableColumns


def terminal_utility(columns: TableColumns | None, roster: Roster, found: list[Finding]) -> dict[int, float]:
    """Terminal utility of each state that the table `states` lists, by index."""
    if columns is None:
        return {}
    state = roster.enrol(columns, "state")
    for row, first in repeats(state):
        found.append(
            Finding(
                "duplicate-state",
                f"state {roster.label(state[row])!r} is listed twice",
                "states", row, "state", roster.label(state[row]), first=first,
            )
        )  # fmt: skip
    return dict(zip(state.tolist(), columns.number["terminal_utility"].tolist(), strict=True))


def terminal_states(
    listed: tuple[str, ...], roster: Roster, owner: Codes, next_state: Codes, row: Codes,
    found: list[Finding], *, stated: Mapping[int, int],
) -> None:  # fmt: skip
    """Every state without actions must be listed as terminal, and no other.

    Parameters
    ----------
    owner : state of each state-action pair
    next_state, row : of each transition, and where it stands in its table
    stated : of each state that only the table `states` names, its row there
    """
    known = len(roster)
    acting = np.zeros(len(roster), dtype=bool)
    acting[owner] = True
    terminal = set()
    for label in listed:
        if roster.typed and "/" not in label:
            found.append(
                Finding(
                    "terminal",
                    f"terminal_states: write {label!r} as type/state",
                    column="terminal_states",
                    state=label,
                )
            )
            continue
        kind, _, name = label.partition("/") if roster.typed else ("", "", label)
        index = roster.add(name, kind)
        if index in terminal:
            found.append(
                Finding(
                    "terminal",
                    f"terminal_states lists {label!r} twice",
                    column="terminal_states",
                    state=label,
                )
            )
        elif index < acting.size and acting[index]:
            found.append(
                Finding(
                    "terminal",
                    f"terminal_states lists {label!r}, which has actions",
                    column="terminal_states",
                    state=label,
                )
            )
        terminal.add(index)
    named = {finding.state for finding in found if finding.code == "unlisted-action"}
    dead = np.array(
        [i for i in np.flatnonzero(~acting).tolist() if i not in terminal and roster.label(i) not in named],
        dtype=np.int64,
    )
    meant = [roster.label(i) for i in sorted({*owner.tolist(), *terminal})] if dead.size else []
    for i in dead[:FIRST_ISSUES].tolist():
        into = np.flatnonzero(next_state == i)
        first = int(row[into].min()) if into.size else stated.get(i)
        where = ("transitions", "next_state") if into.size else ("states", "state")
        table, column = where if first is not None else (None, None)
        found.append(
            Finding(
                "dead-end",
                f"state {roster.label(i)!r} has no actions; give it some, or list it in terminal_states"
                + did_you_mean(roster.label(i), meant),
                table, first, column, roster.label(i),
            )
        )  # fmt: skip
    if dead.size:
        meant = [roster.label(i) for i in dead.tolist()]
        for i in sorted(i for i in terminal if i >= known):
            label = roster.label(i)
            message = f"terminal_states names {label!r}, which no table names{did_you_mean(label, meant)}"
            found.append(Finding("terminal", message, column="terminal_states", state=label))
    if len(roster) == 0:
        found.append(Finding("no-states", "the tables name no state", "actions"))


def initial_distribution(
    initial: str | Mapping[str, float] | None, roster: Roster, found: list[Finding]
) -> tuple[Codes, Floats]:
    """Initial states and their probabilities; the first state where the model names none."""
    if initial is None:
        return np.zeros(1, dtype=np.int64), np.ones(1)
    shares = {initial: 1.0} if isinstance(initial, str) else dict(initial)
    for label, share in shares.items():
        if label not in roster.position:
            found.append(
                Finding(
                    "unknown-state",
                    f"initial names {label!r}, which is no state{did_you_mean(label, roster.position)}",
                    column="initial",
                    state=label,
                )
            )
        if not 0 <= share <= 1:
            found.append(
                Finding(
                    "initial", f"initial probability of {label!r} is {share}", column="initial", state=label
                )
            )
    if not failed(found) and not abs(sum(shares.values()) - 1) <= ROW_SUM_TOLERANCE:
        found.append(
            Finding(
                "initial",
                f"initial probabilities sum to {sum(shares.values()):.12g}, not 1",
                column="initial",
            )
        )
    state = np.array([roster.position.get(label, 0) for label in shares], dtype=np.int64)
    return state, np.array(list(shares.values()), dtype=np.float64)
