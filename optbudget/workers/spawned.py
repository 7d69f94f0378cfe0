"""A kept process for work that may crash, hang or eat memory: native solvers above all.

A worker is a fresh interpreter (never a fork: a forked child hangs after a parallel solve), started with
this process's import path and kept between calls, because importing a solver costs up to a second. Every
call ends in exactly one of six ways (`Ended`); none of them is an exception of the called function.
A worker that did not answer is killed with everything that it started, and the next call starts another.

The caller's main module is not run again in the worker, so the call works alike from a test, a console
script, ``python -c``, a notebook and a script without a main guard; the function and its arguments must
therefore come from modules that can be imported.
"""

import atexit
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Any

import numpy as np

from optbudget.errors import UsageError
from optbudget.workers import _spawned_child as child

_BOOTSTRAP = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from optbudget.workers._spawned_child import main; main()"
)
_START_LIMIT = 120.0
_LOOK = 0.02


class Ended(Enum):
    """How a call in a worker ended."""

    RETURNED = "returned"
    RAISED = "raised"
    CRASHED = "crashed"
    TIME_LIMIT = "time limit"
    MEMORY_LIMIT = "memory limit"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call.

    Attributes
    ----------
    ended : how
    result : what the function returned; None unless `ended` is RETURNED
    message : what happened otherwise, for a person
    seconds : inside the call, without starting the worker
    memory : largest resident bytes of the worker during the call; NaN where the system does not tell
    """

    ended: Ended
    result: Any = None
    message: str = ""
    seconds: float = np.nan
    memory: float = np.nan


class SpawnedWorker:
    """One kept process that makes one call at a time; start it by calling, end it by `close` or `with`.

    `environment` is added to that of this process.

    Examples
    --------
    >>> import math
    >>> with SpawnedWorker() as worker:
    ...     print(worker.call(math.sqrt, 9.0).result)
    ...     print(worker.call(math.sqrt, -1.0).message)
    3.0
    ValueError: ...
    """

    def __init__(self, *, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        self._reader: threading.Thread | None = None
        self._owner = os.getpid()
        self._lock = threading.Lock()
        _ALIVE.add(self)

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> Reply:
        """Make ``function(*arguments)`` in the worker.

        Parameters
        ----------
        time_limit : seconds, without the start of the worker; None for no limit
        memory_limit : resident bytes of the worker; looked at fifty times a second, and backed by a limit of
            the address space that the call may add (Linux)

        Raises
        ------
        UsageError
            For a function of the main module, or arguments that cannot be sent.
        """
        request = _packed(function, arguments, time_limit, memory_limit)
        with self._lock:
            try:
                if not self._running():
                    self._start()
                return self._exchange(request, time_limit, memory_limit)
            except BaseException:
                # Interrupted half-way: the next answer in the pipe would belong to this call.
                self._end()
                raise

    @property
    def process_id(self) -> int | None:
        """Of the running process, None if the next call will start one."""
        return self._process.pid if self._process is not None and self._running() else None

    def close(self) -> None:
        """End the process; harmless if there is none, and a later call starts a new one."""
        self._end()

    def __enter__(self) -> "SpawnedWorker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> bool:
        return self._owner == os.getpid() and self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self._end()
        self._owner = os.getpid()
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **self._environment},
        )
        self._process, self._answers = process, queue.Queue()
        self._reader = threading.Thread(target=_listen, args=(process, self._answers), daemon=True)
        self._reader.start()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(pickle.dumps([entry or os.getcwd() for entry in sys.path]))
            process.stdin.flush()
        with suppress(queue.Empty):
            if self._answers.get(timeout=_START_LIMIT) is not None:
                return
        raise UsageError(f"no worker process could be started with {sys.executable}")

    def _exchange(self, request: bytes, time_limit: float | None, memory_limit: int | None) -> Reply:
        process = self._process
        assert process is not None and process.stdin is not None
        begun = time.monotonic()
        with suppress(BrokenPipeError):
            child.write_message(process.stdin, request)
        peak = np.nan
        while True:
            elapsed = time.monotonic() - begun
            if time_limit is not None and elapsed >= time_limit:
                self._end()
                text = f"did not return within {time_limit:g} s and was stopped"
                return Reply(Ended.TIME_LIMIT, None, text, elapsed, peak)
            wait = None if time_limit is None else time_limit - elapsed
            if memory_limit is not None:
                wait = _LOOK if wait is None else min(wait, _LOOK)
            try:
                answer = self._answers.get(timeout=wait)
            except queue.Empty:
                peak = np.fmax(peak, child.resident_bytes(process.pid))
                if memory_limit is not None and peak > memory_limit:
                    self._end()
                    text = f"held {peak / 2**20:.0f} MiB and the limit is {memory_limit / 2**20:.0f} MiB"
                    return Reply(Ended.MEMORY_LIMIT, None, text, elapsed, peak)
                continue
            if answer is None:
                return self._crash(time.monotonic() - begun, peak)
            return _reply(answer, memory_limit)

    def _crash(self, seconds: float, peak: float) -> Reply:
        process = self._process
        assert process is not None
        try:
            code = process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            code = 0  # It closed its pipe and lives on.
        self._end()
        if code == -getattr(signal, "SIGALRM", 0) and code:
            return Reply(Ended.TIME_LIMIT, None, "did not return in time and was stopped", seconds, peak)
        return Reply(Ended.CRASHED, None, f"the process ended with {_exit_name(code)}", seconds, peak)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        if self._reader is not None:
            self._reader.join(timeout=5.0)
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


_ALIVE: "weakref.WeakSet[SpawnedWorker]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for worker in list(_ALIVE):
        worker.close()


def _packed(function: object, arguments: object, time_limit: float | None, memory_limit: int | None) -> bytes:
    if getattr(function, "__module__", None) == "__main__":
        raise UsageError(
            f"{function!r} is of the main module; a worker needs a function that can be imported"
        )
    try:
        return pickle.dumps((function, arguments, time_limit, memory_limit), protocol=5)
    except Exception as error:
        raise UsageError(f"{function!r} and its arguments cannot be sent to a worker: {error}") from error


def _listen(process: "subprocess.Popen[bytes]", answers: "queue.Queue[bytes | None]") -> None:
    assert process.stdout is not None
    try:
        while (message := child.read_message(process.stdout)) is not None:
            answers.put(message)
    except (OSError, ValueError, MemoryError, OverflowError):
        pass
    answers.put(None)


def _reply(message: bytes, memory_limit: int | None) -> Reply:
    try:
        word, payload, seconds, peak = pickle.loads(message)
        content = pickle.loads(payload)
    except Exception as error:
        text = f"its answer cannot be read ({type(error).__name__}: {error})"
        return Reply(Ended.GARBAGE, None, text)
    if word == child.RETURNED:
        return Reply(Ended.RETURNED, content, "", seconds, peak)
    if word == child.NO_MEMORY:
        limit = "" if memory_limit is None else f"; the limit is {memory_limit / 2**20:.0f} MiB"
        return Reply(Ended.MEMORY_LIMIT, None, f"ran out of memory{limit}", seconds, peak)
    if word == child.UNSENDABLE:
        return Reply(Ended.GARBAGE, None, f"its answer cannot be sent: {content}", seconds, peak)
    return Reply(Ended.RAISED, None, str(content), seconds, peak)


def _exit_name(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
