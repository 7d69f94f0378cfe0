"""What runs inside a spawned worker: read a call, make it, write the answer, until the pipe closes.

A message is eight bytes of length and a pickle; both ends are this program, no message comes from a file.
Standard output is moved away first: a native library may print there and must not spoil the answers.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

READY = "ready"
RETURNED, RAISED, NO_MEMORY, UNSENDABLE = "returned", "raised", "no memory", "unsendable"
GRACE = 2.0
"""Seconds after which the kernel ends a call that its parent should have ended: the parent may be gone."""


def main() -> None:
    """Serve calls until standard input ends."""
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    _leave_no_core()
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    write_message(answers, pickle.dumps(READY))
    while (payload := read_message(requests)) is not None:
        write_message(answers, _answer(payload))


def read_message(pipe: IO[bytes]) -> bytes | None:
    """The next message, or None at the end of the pipe."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "little")
    payload = pipe.read(size)
    return payload if len(payload) == size else None


def write_message(pipe: IO[bytes], payload: bytes) -> None:
    """Write one message and flush it."""
    pipe.write(len(payload).to_bytes(8, "little"))
    pipe.write(payload)
    pipe.flush()


def resident_bytes(pid: int | str = "self") -> float:
    """Resident memory of a process now; NaN where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return float("nan")
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def _answer(payload: bytes) -> bytes:
    begun = time.perf_counter()
    seconds = 0.0
    try:
        function, arguments, time_limit, memory_limit = pickle.loads(payload)
        _forget_peak()
        begun = time.perf_counter()
        with _limits(time_limit, memory_limit):
            result = function(*arguments)
        seconds = time.perf_counter() - begun
    except MemoryError as error:
        return _pack(NO_MEMORY, str(error), time.perf_counter() - begun)
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        return _pack(RAISED, text, time.perf_counter() - begun)
    try:
        return _pack(RETURNED, result, seconds)
    except BaseException as error:
        return _pack(UNSENDABLE, f"{type(result).__name__} ({type(error).__name__}: {error})", seconds)


def _pack(word: str, content: object, seconds: float) -> bytes:
    # The content is packed apart, so that an answer that cannot be read back still has its frame.
    return pickle.dumps((word, pickle.dumps(content, protocol=5), seconds, _peak()), protocol=5)


@contextlib.contextmanager
def _limits(time_limit: float | None, memory_limit: int | None) -> Iterator[None]:
    """Let the kernel stop what the parent should have stopped: an alarm, and a limit of address space."""
    undo: list[Any] = []
    if time_limit is not None and hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, time_limit + GRACE)
        undo.append(lambda: signal.setitimer(signal.ITIMER_REAL, 0.0))
    mapped = _mapped_bytes()
    if memory_limit is not None and mapped is not None:
        import resource

        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (mapped + memory_limit, before[1]))
        undo.append(lambda: resource.setrlimit(resource.RLIMIT_AS, before))
    try:
        yield
    finally:
        for step in undo:
            step()


def _leave_no_core() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _mapped_bytes() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024.0 * int(line.split()[1])
    return float("nan")


def _leave_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
