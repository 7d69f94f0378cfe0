"""Workers on this machine: spawned processes, started when first needed and anew when they end."""

import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

from optbudget.errors import UsageError
from optbudget.workers._piece import run_piece
from optbudget.workers.crew import Answer, Call, Crew
from optbudget.workers.spawned import Ended, SpawnedWorker

MOST = 1024


class LocalCrew(Crew):
    """So many processes on this machine, which share its cores.

    Parameters
    ----------
    count : processes, 1 to 1,024
    threads : of each; default: the machine's cores over the processes

    Examples
    --------
    >>> with LocalCrew(2) as crew:
    ...     crew.members()
    ('0', '1')
    """

    def __init__(self, count: int, *, threads: int | None = None) -> None:
        super().__init__()
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
            raise UsageError(f"workers is {count!r}; it must be a whole number from 1 to {MOST:,}")
        each = threads or max(1, (os.cpu_count() or 1) // count)
        self.where = f"{count} processes on this machine"
        self.folder = Path(tempfile.gettempdir())
        self._workers = {
            str(k): SpawnedWorker(environment={"NUMBA_NUM_THREADS": str(each)}) for k in range(count)
        }

    def members(self) -> tuple[str, ...]:
        return tuple(self._workers)

    def make(self, member: str, call: Call) -> Answer:
        worker = self._workers[member]
        reply = worker.call(run_piece, call.function, call.key, call.packed, call.piece)
        if reply.ended is Ended.RETURNED:
            return Answer(call.ticket, member, result=reply.result)
        if reply.ended is Ended.RAISED:
            return Answer(call.ticket, member, error=reply.message)
        return Answer(call.ticket, member, lost=True, error=reply.message)

    def dismiss(self, member: str) -> None:
        process = self._workers[member].process_id
        if process is not None:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        for member, worker in self._workers.items():
            self.dismiss(member)
            worker.close()
