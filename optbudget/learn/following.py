"""A source that grows is followed: what is new is counted step by step, and what is counted is kept whole.

The counts and the position in the source are written together, in one step: after all that a look at the
source found, and within it once a minute has gone since. So whenever the work is killed, what is on disk is a
model and the position up to which it counts: what was counted since is lost, and nothing is counted twice.
"""

import time
from collections.abc import Callable
from typing import Protocol

from optbudget.errors import InterruptedWork, LimitError, OptBudgetError, UsageError
from optbudget.files import EventLog
from optbudget.files.event_sources import Portion, Position
from optbudget.status import Termination
from optbudget.workers import Monitor

KEPT_EVERY = 60.0
"""Seconds of counting after which the counts are kept, though there is more to count."""


class Keeper(Protocol):
    """Holds the counts of what was followed, and the position up to which they go."""

    def count(self, portion: Portion) -> Position:
        """Add the rows of a portion; the position after it."""

    def keep(self) -> None:
        """Write the counts and their position as one step."""


def follow(
    log: EventLog,
    position: Position | None,
    keeper: Keeper,
    *,
    every: float = 2.0,
    until_idle: float | None = None,
    monitor: Monitor | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Position | None:
    """Count what is new in a source, and go on until nothing new came for `until_idle` seconds.

    Parameters
    ----------
    log : a folder (a step is a file) or a table (a step is what is new in it); a file counts once its size
        and time have stayed the same from one look to the next
    position : up to which the source has been counted
    keeper : counts portions, and keeps the counts with their position
    every : seconds between two looks at the source
    until_idle : seconds without anything new after which following ends; None: it ends when interrupted
    monitor : asked at least once a second whether to go on

    Returns
    -------
    position : the position counted last

    Raises
    ------
    UsageError
        If the source cannot be followed.
    InterruptedWork, LimitError
        When the monitor says so; what was kept is whole.
    ProblemError
        As for reading; and if what was counted is no longer in the source as it was.
    """
    if not log.source.followable:
        raise UsageError("only a folder, or a table with a key (key=COLUMN), can be followed")
    looked: dict[str, object] = {}
    idle_since = time.monotonic()
    while True:
        before = position
        position, waiting = _look(log, position, keeper, looked, monitor)
        if position is not before:
            idle_since = time.monotonic()
        if not waiting and until_idle is not None and time.monotonic() - idle_since >= until_idle:
            return position
        ends = time.monotonic() + every
        while (left := ends - time.monotonic()) > 0:
            _go_on(monitor)
            wait(min(left, 0.2))


def _look(
    log: EventLog,
    position: Position | None,
    keeper: Keeper,
    looked: dict[str, object],
    monitor: Monitor | None,
) -> tuple[Position | None, bool]:  # fmt: skip
    """Count and keep what is new and no longer written to; the position then, and whether something waits.

    Files are counted by name, so those behind one that waits wait too. What was counted is kept even if what
    comes next is an error.
    """
    waiting, counted, kept_at = False, False, time.monotonic()
    try:
        for portion in log.portions(position):
            _go_on(monitor)
            if portion.state is not None and looked.get(portion.name) != portion.state:
                looked[portion.name] = portion.state
                waiting = True
            if waiting:
                continue
            position, counted = keeper.count(portion), True
            if time.monotonic() - kept_at >= KEPT_EVERY:
                keeper.keep()
                counted, kept_at = False, time.monotonic()
    except OptBudgetError:
        if counted:
            keeper.keep()
        raise
    if counted:
        keeper.keep()
    return position, waiting


def _go_on(monitor: Monitor | None) -> None:
    reason = None if monitor is None else monitor.stop_reason()
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork("interrupted; the model holds every step that was counted to its end")
    if reason is not None:
        raise LimitError("the time limit was reached; the model holds every step that was counted to its end")
