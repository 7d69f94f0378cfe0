"""Which rows of a batch count, and where histories begin; what is out of order is refused.

Within a unit, times may not go down, across batches neither. Two rows of one unit, time and event are
duplicates. A history begins with a unit's first row, after a pause longer than the gap, and after a terminal
event. All of it takes one pass over rows that are grouped by unit, O(m).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import FIRST_ISSUES, Issue, ProblemError
from optbudget.learn._order_kernels import judge
from optbudget.problems import EventBatch
from optbudget.problems.columns import Codes
from optbudget.problems.event_rules import EventRules
from optbudget.problems.events import LARGEST_TIME

Mask = NDArray[np.bool_]

POLICY = {"refuse": 0, "drop": 1, "keep": 2}
BACKWARDS, DUPLICATE = 1, 2


@dataclass(frozen=True, eq=False)
class LastSeen:
    """What was last seen of k units.

    Attributes
    ----------
    time : (k,) int64, of the unit's last event; anything where there is none
    event : (k,) int64, the last event; -1 for a unit without any
    tied_ptr : (k+1,) int64; tied_event[tied_ptr[j]:tied_ptr[j+1]] are the events at that time where there are
        several, else none
    tied_event : (z,) int64
    """

    time: Codes
    event: Codes
    tied_ptr: Codes
    tied_event: Codes

    @classmethod
    def nothing(cls, units: int) -> "LastSeen":
        """Of units that are all new."""
        return cls(np.zeros(units, dtype=np.int64), np.full(units, -1), np.zeros(units + 1, dtype=np.int64),
                   np.empty(0, dtype=np.int64))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judged:
    """What is to be done with the rows of a batch.

    Attributes
    ----------
    kept : (m,) rows to count, in the order of the grouped rows
    begins : (m,) rows with which a history begins, in that order; only kept ones
    last : what was last seen of the units afterwards
    dropped : rows left out as duplicates
    paused, returned : histories begun after a pause, and after a terminal event
    """

    kept: Mask
    begins: Mask
    last: LastSeen
    dropped: int
    paused: int
    returned: int


def judge_rows(
    batch: EventBatch, order: Codes, ptr: Codes, event: Codes, names: tuple[str, ...], last: LastSeen,
    rules: EventRules,
) -> Judged:  # fmt: skip
    """Judge the rows of a batch, grouped by unit.

    Parameters
    ----------
    batch : the rows
    order : (m,) its rows, those of a unit together and in file order
    ptr : (k+1,) order[ptr[j]:ptr[j+1]] are the rows of unit j, at least one
    event : (m,) event of each row of the batch, index into `names`
    names : names of all events of the log so far, this batch's among them
    last : what was last seen of these k units, events as indices into `names`

    Raises
    ------
    ProblemError
        For rows out of order, and duplicates if they are refused; the first twenty in file order.

    Examples
    --------
    >>> batch = EventBatch.of(["u", "w", "u"], [1, 1, 9], ["email", "email", "visit"])
    >>> from optbudget.problems.event_rules import Gap
    >>> judged = judge_rows(batch, np.array([0, 2, 1]), np.array([0, 2, 3]), batch.event.astype(np.int64),
    ...                     batch.names, LastSeen.nothing(2), EventRules(gap=Gap.parse(7)))
    >>> judged.begins.tolist(), judged.paused
    ([True, True, True], 1)
    """
    m, k = order.size, ptr.size - 1
    terminal = np.array([name in rules.terminal for name in names], dtype=np.bool_)
    wrong = np.zeros(m, dtype=np.int8)
    begins = np.zeros(m, dtype=np.int8)
    time, event_after = np.empty(k, dtype=np.int64), np.empty(k, dtype=np.int64)
    width = np.zeros(k, dtype=np.int64)
    ties = np.empty(m + last.tied_event.size + k, dtype=np.int64)
    judge(
        (order, ptr, batch.time, event), terminal, (last.time, last.event, last.tied_ptr, last.tied_event),
        rules.pause(batch.time_kind), POLICY[rules.duplicates], (wrong, begins), (time, event_after),
        (width, ties),
    )  # fmt: skip
    refused = (wrong == BACKWARDS) | ((wrong == DUPLICATE) & (rules.duplicates == "refuse"))
    if refused.any():
        raise ProblemError(_issues(batch, order, ptr, np.where(refused, wrong, 0), last))
    kept = wrong == 0
    tied_ptr = np.append(0, np.cumsum(width))
    after = LastSeen(time, event_after, tied_ptr, ties[: tied_ptr[-1]].copy())
    return Judged(
        kept, begins > 0, after, int((~kept).sum()), int((begins == 2).sum()), int((begins == 3).sum())
    )


def _issues(
    batch: EventBatch, order: Codes, ptr: Codes, wrong: NDArray[np.integer], last: LastSeen
) -> list[Issue]:
    """An issue for each wrong row, the first twenty in file order."""
    found = np.flatnonzero(wrong)
    found = found[np.argsort(order[found], kind="stable")]
    issues = []
    for i in found[:FIRST_ISSUES].tolist():
        row, j = int(order[i]), int(np.searchsorted(ptr, i, side="right")) - 1
        name = batch.names[batch.event[row]]
        if wrong[i] == BACKWARDS:
            known = int(last.time[j]) if last.event[j] >= 0 else -LARGEST_TIME
            before = batch.time[order[ptr[j] : i]].max(initial=known)
            text = f"{name!r} is at {batch.clock(row)}, and the unit has an event at "
            text += f"{batch.clock_of(int(before))} before it in the log; put its rows in the order of time"
            issues.append(batch.issue("order", text, row))
        else:
            text = f"{name!r} at {batch.clock(row)} is listed twice"
            issues.append(batch.issue("duplicate", text, row))
    return issues
