"""Workers that take one piece of work at a time, wherever they are."""

import itertools
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from optbudget.workers.shared import Packed


@dataclass(frozen=True, eq=False)
class Call:
    """One piece on its way to one worker.

    Attributes
    ----------
    ticket : number of this call; a piece may be called for more than once
    function : importable; called with what is shared and the piece
    key : of what is shared
    packed : what is shared, or None if the worker is to have it already
    piece : any value that can be pickled
    """

    ticket: int
    function: Callable[[Any, Any], Any]
    key: str
    packed: Packed | None
    piece: Any


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a call.

    Attributes
    ----------
    lost : whether the worker ended, or cannot be reached, before it answered
    result : what the function returned, or `Absent`, or `Failed`
    error : what the function raised that is not an error of ours, else None
    """

    ticket: int
    member: str
    lost: bool = False
    result: Any = None
    error: str | None = None


class Seat(NamedTuple):
    """What a worker is at: the ticket of its call, the number of its piece or `LATE`, and since when."""

    ticket: int
    piece: int
    since: float


LATE = -1
"""In place of a piece that nobody waits for any more."""


class Crew(ABC):
    """Some workers, which may come and go; end it by `close` or `with`.

    Attributes
    ----------
    where : how the crew is called in messages
    folder : a path that all workers see, or None
    busy : who is at what, for the one that hands out pieces
    held : the keys of what each worker has been sent
    """

    where: str
    folder: Path | None
    patience = 30.0
    """Seconds after which a piece is asked of an idle worker too, and more where pieces take long."""
    waits = 30.0
    """Seconds for which a crew without workers is waited for."""

    def __init__(self) -> None:
        self.busy: dict[str, Seat] = {}
        self.held: dict[str, set[str]] = {}
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._tickets = itertools.count()

    @abstractmethod
    def members(self) -> tuple[str, ...]:
        """Names of the workers there are now."""

    @abstractmethod
    def make(self, member: str, call: Call) -> Answer:
        """Make a call and wait for its answer; in a thread of its own."""

    @abstractmethod
    def dismiss(self, member: str) -> None:
        """Do not wait any longer for a worker that does not answer."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all workers and of what they are at."""

    def next_ticket(self) -> int:
        """A number that no call of this crew had before."""
        return next(self._tickets)

    def send(self, member: str, call: Call) -> None:
        """Make a call; its answer will be among those that are collected."""
        threading.Thread(target=self._sent, args=(member, call), daemon=True).start()

    def _sent(self, member: str, call: Call) -> None:
        try:
            answer = self.make(member, call)
        except Exception as error:  # A worker may end at any moment, also while it starts.
            answer = Answer(call.ticket, member, lost=True, error=f"{type(error).__name__}: {error}")
        self._answers.put(answer)

    def collect(self, timeout: float) -> list[Answer]:
        """The answers that have come, after waiting for one at most so many seconds."""
        found = []
        try:
            found.append(self._answers.get(timeout=timeout))
            while True:
                found.append(self._answers.get_nowait())
        except queue.Empty:
            return found

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
