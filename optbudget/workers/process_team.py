"""A team of processes on this machine: each holds its parts, packets go through this program."""

import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np

from optbudget.errors import LimitError, OptBudgetError, UsageError, WorkersError
from optbudget.workers._piece import Failed
from optbudget.workers.spawned import Ended, SpawnedWorker
from optbudget.workers.team import Each, Team

_names = count()
_held: dict[int, Any] = {}
"""In a process of the team: what it holds, by number."""


class ProcessTeam(Team):
    """So many processes of this machine, which share its cores; part p lies in process p modulo their number.

    Attributes
    ----------
    peak : most resident bytes that each process has held

    Examples
    --------
    >>> with ProcessTeam(2) as team:
    ...     team.fetch(team.each(abs, team.deal([-1, -4, -9])))
    [1, 4, 9]
    """

    def __init__(self, processes: int, *, threads: int | None = None) -> None:
        if processes < 1:
            raise UsageError(f"processes is {processes}; there must be at least 1")
        own = threads or max(1, (os.cpu_count() or 1) // processes)
        self.where = f"{processes} processes on this machine"
        self.peak = np.zeros(processes)
        self._workers = [SpawnedWorker(environment={"NUMBA_NUM_THREADS": str(own)}) for _ in range(processes)]
        self._forgotten: list[list[int]] = [[] for _ in range(processes)]
        self._pool = ThreadPoolExecutor(processes)

    def deal(self, values: Iterable[Any]) -> Each:
        names = []
        for p, value in enumerate(values):
            names.append(next(_names))
            self._call(p, _keep, names[-1], value)
        return self._handle(names)

    def each(self, function: Callable[..., Any], *given: Each) -> Each:
        names = [next(_names) for _ in given[0].names]
        asked = [(function, [each.names[p] for each in given], name) for p, name in enumerate(names)]
        self._all(_apply, asked)
        return self._handle(names)

    def fetch(self, each: Each) -> list[Any]:
        return self._all(_give, [(name,) for name in each.names])

    def fetch_one(self, each: Each, part: int) -> Any:
        return self._call(part, _give, each.names[part])

    def size(self, each: Each) -> int:
        return len(each.names)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    # -- inside --------------------------------------------------------------------------------

    def _handle(self, names: list[int]) -> "_Handle":
        handle = _Handle(names)
        weakref.finalize(handle, self._forget, names)
        return handle

    def _forget(self, names: Sequence[int]) -> None:
        for p, name in enumerate(names):
            self._forgotten[p % len(self._workers)].append(name)

    def _all(self, function: Callable[..., Any], asked: Sequence[tuple[Any, ...]]) -> list[Any]:
        """One call per part; a process takes its parts one after another."""
        size = len(self._workers)

        def of_process(k: int) -> list[Any]:
            return [self._call(p, function, *asked[p]) for p in range(k, len(asked), size)]

        found = list(self._pool.map(of_process, range(size)))
        return [found[p % size][p // size] for p in range(len(asked))]

    def _call(self, part: int, function: Callable[..., Any], *given: Any) -> Any:
        place = part % len(self._workers)
        forgotten, self._forgotten[place] = self._forgotten[place], []
        reply = self._workers[place].call(_called, forgotten, function, given)
        self.peak[place] = np.fmax(self.peak[place], reply.memory)
        if isinstance(reply.result, Failed):
            raise reply.result.error
        if reply.ended is Ended.MEMORY_LIMIT:
            raise LimitError(f"a process that holds part {part} ran out of memory; cut the model in more")
        if reply.ended is not Ended.RETURNED:
            raise WorkersError(f"the process that holds part {part} was lost: {reply.message}")
        return reply.result


class _Handle:
    """Under which name each part's value is held."""

    def __init__(self, names: list[int]) -> None:
        self.names = names


def _called(forgotten: Sequence[int], function: Callable[..., Any], given: Sequence[Any]) -> Any:
    for name in forgotten:
        _held.pop(name, None)
    try:
        return function(*given)
    except OptBudgetError as error:
        return Failed(error)


def _keep(name: int, value: Any) -> None:
    _held[name] = value


def _apply(function: Callable[..., Any], given: Sequence[int], name: int) -> None:
    _held[name] = function(*[_held[k] for k in given])


def _give(name: int) -> Any:
    return _held[name]
