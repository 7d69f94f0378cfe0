"""A kept worker ends every call in one of six ways, and never takes the caller with it."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import solver_probes
from fake_backends import _Unreadable

from optbudget.errors import UsageError
from optbudget.workers.spawned import Ended, SpawnedWorker

TESTS = Path(__file__).parent
ALONE = """
import math
from optbudget.workers.spawned import SpawnedWorker
with SpawnedWorker() as worker:
    print(worker.call(math.sqrt, 16.0).result)
"""


@pytest.fixture(scope="module")
def worker():
    with SpawnedWorker() as kept:
        yield kept


def test_the_process_is_kept(worker):
    first = worker.call(solver_probes.process)
    assert first.ended is Ended.RETURNED
    assert first.result != os.getpid()
    assert worker.call(solver_probes.process).result == first.result
    assert first.seconds >= 0
    assert first.memory > 1e6


def test_printing_does_not_spoil_the_answers(worker):
    assert worker.call(solver_probes.printed).result == "quiet"
    assert worker.call(math.sqrt, 4.0).result == 2.0


def test_an_exception_is_an_outcome(worker):
    reply = worker.call(math.sqrt, -1.0)
    assert (reply.ended, reply.result) == (Ended.RAISED, None)
    assert reply.message.startswith("ValueError: ")


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGBUS"])
def test_a_crash_is_named_and_the_next_call_works(worker, name):
    reply = worker.call(solver_probes.die, getattr(signal, name))
    assert reply.ended is Ended.CRASHED
    assert name in reply.message
    assert worker.call(math.sqrt, 4.0).result == 2.0


def test_a_time_limit_stops_a_loop(worker):
    begun = time.monotonic()
    reply = worker.call(solver_probes.endless, time_limit=0.3)
    assert reply.ended is Ended.TIME_LIMIT
    assert "0.3 s" in reply.message
    assert time.monotonic() - begun < 5
    assert worker.call(math.sqrt, 4.0).result == 2.0


def test_a_call_within_its_limit_is_not_stopped_later(worker):
    assert worker.call(solver_probes.slow, 0.1, time_limit=0.5).result == 0.1
    time.sleep(0.6)
    assert worker.call(solver_probes.slow, 0.0).result == 0.0


def test_a_memory_limit(worker):
    reply = worker.call(solver_probes.allocate, 2**31, memory_limit=2**28)
    assert reply.ended is Ended.MEMORY_LIMIT
    assert "256 MiB" in reply.message
    assert worker.call(solver_probes.allocate, 2**20, memory_limit=2**28).result == 2**17


def test_the_peak_is_that_of_the_call(worker):
    large = worker.call(solver_probes.allocate, 2**27).memory
    small = worker.call(solver_probes.process).memory
    assert large - small > 2**26


@pytest.mark.parametrize("call", [(solver_probes.unsendable,), (_Unreadable,)])
def test_garbage(worker, call):
    assert worker.call(*call).ended is Ended.GARBAGE
    assert worker.call(math.sqrt, 4.0).result == 2.0


def test_what_cannot_be_sent_is_refused(worker):
    with pytest.raises(UsageError, match="cannot be sent"):
        worker.call(math.sqrt, lambda: None)


def test_close_leaves_no_process():
    worker = SpawnedWorker()
    process = worker.call(solver_probes.process).result
    worker.close()
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert worker.call(math.sqrt, 4.0).result == 2.0
    worker.close()


@pytest.mark.parametrize("how", ["-c", "stdin", "script"])
def test_it_works_from_anywhere(how, tmp_path):
    """A script without a main guard is not run a second time in the worker."""
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    command = {"-c": ["-c", ALONE], "stdin": ["-"], "script": [str(script)]}[how]
    given = ALONE if how == "stdin" else None
    done = subprocess.run([sys.executable, *command], input=given, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("4.0\n", "", 0)


def test_a_function_of_the_main_module_is_refused():
    code = ALONE.replace("math.sqrt, 16.0", "own").replace("import math", "def own(): pass")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "UsageError" in done.stderr and "main module" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_parent_leaves_no_worker(how):
    code = (
        # A shell's background jobs ignore interrupts, and so would what they start.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "import solver_probes\n"
        "from optbudget.workers.spawned import SpawnedWorker\n"
        "worker = SpawnedWorker()\n"
        "print(worker.call(solver_probes.process).result, flush=True)\n"
        "worker.call(solver_probes.slow, 60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with parent:
        process = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(how)
        parent.wait(timeout=10)
    assert parent.returncode != 0
    assert _gone(process, within=5.0)


def _gone(process, within):
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True  # Nobody is there to collect it.
        time.sleep(0.05)
    return False
