"""Many independent pieces of work: here, in processes of this machine, or on a cluster.

The function of a piece is to be pure: its result depends on the piece and on what all pieces share, and on
nothing else. Then it does not matter who does a piece, nor how often: results are held by piece, the
first that comes counts, and any other is equal. So a lost worker costs the time of its piece, a stopped one
is overtaken by an idle one, and late answers are dropped.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from optbudget.errors import WorkersError
from optbudget.workers._piece import Absent, Failed
from optbudget.workers.crew import LATE, Answer, Call, Crew, Seat
from optbudget.workers.monitor import Monitor
from optbudget.workers.shared import Shared

Piece = TypeVar("Piece")
Result = TypeVar("Result")

LOOK = 0.05
"""Seconds between two looks at the monitor."""

LOSSES = 5
"""Workers that may end over one piece before it is taken for the cause."""

SLOWER = 4.0
"""A piece that takes so many times as long as the longest so far is taken to be stuck."""


def map_pieces(
    function: Callable[[Any, Piece], Result],
    pieces: Sequence[Piece],
    shared: Shared,
    crew: Crew | None = None,
    *,
    monitor: Monitor | None = None,
    done: Callable[[int, Result], None] | None = None,
) -> list[Result]:
    """``[function(shared.value, piece) for piece in pieces]``, wherever the crew is.

    Parameters
    ----------
    function : importable and pure
    pieces : independent of one another
    shared : what every piece needs, sent to each worker once
    crew : None works in this process
    monitor : asked whether to go on
    done : called here with the number of a piece and its result, each once, as they come

    Returns
    -------
    list
        In the order of the pieces. Of the first pieces only, if the monitor stopped the work.

    Raises
    ------
    WorkersError
        If all workers are lost and none comes for `crew.waits` seconds, or one piece ends all that try it.
    OptBudgetError
        What the function raises of our own errors.

    Examples
    --------
    >>> import operator
    >>> with Shared(10) as ten:
    ...     map_pieces(operator.add, [1, 2, 3], ten)
    [11, 12, 13]
    """
    work = _Work(function, pieces, shared, monitor or Monitor(), done)
    if crew is None:
        work.here()
    else:
        work.by(crew)
    return work.first_results()


class _Work:
    """The state of one `map_pieces`."""

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        pieces: Sequence[Any],
        shared: Shared,
        monitor: Monitor,
        done: Callable[[int, Any], None] | None,
    ) -> None:
        self.function, self.pieces, self.shared = function, pieces, shared
        self.monitor, self.done = monitor, done
        self.results: dict[int, Any] = {}

    def first_results(self) -> list[Any]:
        found: list[Any] = []
        while len(found) in self.results:
            found.append(self.results[len(found)])
        return found

    def keep(self, number: int, result: Any) -> None:
        if number not in self.results:
            self.results[number] = result
            if self.done is not None:
                self.done(number, result)

    def here(self) -> None:
        for number, piece in enumerate(self.pieces):
            if self.monitor.stop_reason() is not None:
                return
            self.keep(number, self.function(self.shared.value, piece))

    def by(self, crew: Crew) -> None:
        desk = _Desk(self, crew)
        while len(self.results) < len(self.pieces):
            if self.monitor.stop_reason() is not None:
                return
            desk.hand_out()
            for answer in crew.collect(LOOK):
                desk.take(answer)


class _Desk:
    """Who is at which piece: hands pieces out and takes answers in."""

    def __init__(self, work: _Work, crew: Crew) -> None:
        self.work, self.crew, self.busy = work, crew, crew.busy
        self.waiting = deque(range(len(work.pieces)))
        self.losses = dict.fromkeys([LATE, *self.waiting], 0)
        self.longest = 0.0
        self.seen = time.monotonic()
        for member, seat in self.busy.items():
            self.busy[member] = seat._replace(piece=LATE)

    def hand_out(self) -> None:
        """A piece for every idle worker: one that nobody has, else one that is stuck."""
        members = self.crew.members()
        now = time.monotonic()
        for member in [member for member in self.busy if member not in members]:
            self._lost(member, "it left")
        self.seen = now if members else self.seen
        if now - self.seen > self.crew.waits:
            raise WorkersError(f"no worker is left on {self.crew.where}")
        idle = [member for member in members if member not in self.busy]
        for member in idle:
            number = self._next(now)
            if number is None:
                return
            self._send(member, number, now)
        if not idle:
            self._free_stuck(now)

    def _next(self, now: float) -> int | None:
        while self.waiting:
            number = self.waiting.popleft()
            if number not in self.work.results:
                return number
        stuck = [seat for seat in self.busy.values() if self._awaited(seat) and self._over(seat, now) > 1]
        return min(stuck, key=lambda seat: seat.since).piece if stuck else None

    def _awaited(self, seat: Seat) -> bool:
        return seat.piece != LATE and seat.piece not in self.work.results

    def _over(self, seat: Seat, now: float) -> float:
        """How long a worker has been at its piece, over how long it may take."""
        again = sum(other.piece == seat.piece for other in self.busy.values()) - 1 + self.losses[seat.piece]
        patience = max(self.crew.patience, SLOWER * self.longest)
        return (now - seat.since) / (patience * 2.0**again)

    def _free_stuck(self, now: float) -> None:
        """Where everybody is busy, those that have been far too long are given up."""
        for member, seat in self.busy.items():
            if self._over(seat, now) > 2:
                self.crew.dismiss(member)

    def _send(self, member: str, number: int, now: float) -> None:
        crew, packed = self.crew, self.work.shared.packed
        held = packed.key in crew.held.setdefault(member, set())
        call = Call(
            crew.next_ticket(), self.work.function, packed.key, None if held else packed,
            self.work.pieces[number],
        )  # fmt: skip
        self.busy[member] = Seat(call.ticket, number, now)
        crew.send(member, call)

    def take(self, answer: Answer) -> None:
        """Keep a result, or put the piece back; what nobody waits for any more is dropped."""
        seat = self.busy.get(answer.member)
        if seat is None or seat.ticket != answer.ticket:
            return
        if answer.lost:
            self._lost(answer.member, answer.error or "")
            return
        del self.busy[answer.member]
        held = self.crew.held.setdefault(answer.member, set())
        if isinstance(answer.result, Absent):
            held.clear()
            self._put_back(seat.piece)
            return
        if seat.piece == LATE:
            return
        if isinstance(answer.result, Failed):
            raise answer.result.error
        if answer.error is not None:
            raise RuntimeError(f"a worker of {self.crew.where} raised {answer.error}")
        held.add(self.work.shared.packed.key)
        self.longest = max(self.longest, time.monotonic() - seat.since)
        self.work.keep(seat.piece, answer.result)

    def _lost(self, member: str, why: str) -> None:
        seat = self.busy.pop(member)
        self.crew.held.pop(member, None)
        if not self._awaited(seat):
            return
        self.losses[seat.piece] += 1
        if self.losses[seat.piece] >= LOSSES:
            raise WorkersError(
                f"{LOSSES} workers of {self.crew.where} ended over the same piece of work; "
                f"of the last one: {why}"
            )
        self._put_back(seat.piece)

    def _put_back(self, number: int) -> None:
        if number != LATE and all(seat.piece != number for seat in self.busy.values()):
            self.waiting.appendleft(number)
