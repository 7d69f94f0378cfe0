"""Progress, limits and cancellation of one piece of long work; knows no mathematics."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from optbudget.errors import InterruptedWork, LimitError
from optbudget.status import Termination

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
"""Bytes of memory of this machine: the limit of what is asked for in numbers, where none is set."""

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def in_units(size: float) -> str:
    """A number of bytes for a person.

    Examples
    --------
    >>> in_units(500), in_units(3 * 2**29), in_units(2**60)
    ('500 bytes', '1.5 GiB', '1.05e+06 TiB')
    """
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.3g} {UNITS[unit]}"


@dataclass(eq=False)
class Monitor:
    """Handed to long work, which reports to it and asks it whether to go on.

    Attributes
    ----------
    report : called with the fraction done (0 to 1) and a short text; None is silent
    time_limit : seconds from the monitor's making, or None
    memory_limit : bytes that one piece of work may allocate, or None

    Examples
    --------
    >>> monitor = Monitor(time_limit=60)
    >>> monitor.stop_reason() is None
    True
    >>> monitor.interrupt()
    >>> monitor.stop_reason()
    <Termination.INTERRUPTED: 'INTERRUPTED'>
    """

    report: Callable[[float, str], None] | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    _interrupted: bool = field(default=False, init=False)
    _start: float = field(default_factory=time.monotonic, init=False)

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell how far the work is."""
        if self.report is not None:
            self.report(min(1.0, max(0.0, fraction)), text)

    def interrupt(self) -> None:
        """Ask the work to stop at its next look; safe to call from a signal handler."""
        self._interrupted = True

    def stop_reason(self) -> Termination | None:
        """INTERRUPTED or TIME_LIMIT if the work should stop now, else None."""
        # A signal that reached a thread of a kernel is handled when the main thread takes the GIL anew.
        time.sleep(0)
        if self._interrupted:
            return Termination.INTERRUPTED
        if self.time_limit is not None and time.monotonic() - self._start >= self.time_limit:
            return Termination.TIME_LIMIT
        return None

    def require_memory(self, size: float, what: str) -> None:
        """Refuse work that would allocate more than the limit.

        Raises
        ------
        LimitError
            Naming what needs how much.
        """
        if self.memory_limit is not None and size > self.memory_limit:
            raise LimitError(
                f"{what} needs about {in_units(size)} and the limit is "
                f"{in_units(self.memory_limit)}; raise --max-memory or ask for less"
            )


def require_room(monitor: Monitor | None, size: float, what: str, less: str) -> None:
    """Refuse what no memory holds before any is reserved: --max-memory's, else this machine's.

    Raises
    ------
    LimitError
        Naming what needs how much, and what to ask less of.
    """
    given = None if monitor is None else monitor.memory_limit
    limit = MACHINE if given is None else given
    if size > limit:
        raise LimitError(f"{what} needs about {in_units(size)} and the limit is {in_units(limit)}: {less}")


def require_going_on(monitor: Monitor | None, where: str) -> None:
    """Leave work that has nothing to show yet, where it is to stop.

    Raises
    ------
    InterruptedWork, LimitError
        Saying where it stopped.
    """
    reason = None if monitor is None else monitor.stop_reason()
    if reason is Termination.INTERRUPTED:
        raise InterruptedWork(f"stopped {where}")
    if reason is not None:
        raise LimitError(f"stopped {where}: the time is over")
