"""A source that grows is followed: what is new is counted step by step, and each step is kept whole.

After each step the counts and the position in the source are written together, in one step (the caller's
`keep`). So whenever the work is killed, what is on disk is a model and the position up to which it counts:
at most the step in hand is lost, and nothing is counted twice.
"""

import time
from collections.abc import Callable
from typing import Protocol

from optbudget.errors import InterruptedWork, LimitError, UsageError
from optbudget.files import EventLog
from optbudget.files.event_sources import Portion, Position
from optbudget.status import Termination
from optbudget.workers import Monitor


class Keep(Protocol):
    """Counts the rows of a portion and writes the counts with the position after it, as one step."""

    def __call__(self, portion: Portion) -> Position: ...


def follow(
    log: EventLog,
    position: Position | None,
    keep: Keep,
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
    keep : counts a portion and keeps the counts with the position after it
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
        waiting = False
        for portion in log.portions(position):
            _go_on(monitor)
            if portion.state is not None and looked.get(portion.name) != portion.state:
                looked[portion.name] = portion.state
                waiting = True
                break  # Those behind it wait for it: files are counted by name.
            position = keep(portion)
            idle_since = time.monotonic()
        if not waiting and until_idle is not None and time.monotonic() - idle_since >= until_idle:
            return position
        ends = time.monotonic() + every
        while (left := ends - time.monotonic()) > 0:
            _go_on(monitor)
            wait(min(left, 0.2))


def _go_on(monitor: Monitor | None) -> None:
    reason = None if monitor is None else monitor.stop_reason()
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork("interrupted; the model holds every step that was counted to its end")
    if reason is not None:
        raise LimitError("the time limit was reached; the model holds every step that was counted to its end")
