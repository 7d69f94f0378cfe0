"""R7 of the promises: `kill -9` at any moment, a full disk, a folder that cannot be written.

The same command, started again until it ends, leaves the bytes of a run that nobody disturbed.
"""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from commands import run
from test_workers import problem, require_same_bytes

from optbudget import save

SOON = (
    "import sys; import optbudget.budgeted.remember as r, optbudget.budgeted.past as p; "
    "r.EVERY = p.EVERY = 0.05; from optbudget.cli import main; sys.argv[0] = 'optbudget'; main()"
)
"""The command line, with checkpoints that are kept often enough to be met by a short run."""

UNEQUAL = replace(problem(8, successors=3), horizon=None, cost_discount=0.9)

WORK = {
    "sweep": (problem(60, 30), ("--method", "sweep", "--tolerance", "1e-6")),
    "stages": (problem(40, 8), ("--method", "sweep", "--tolerance", "1e-4", "--keep-stages")),
    "walk": (problem(20, 12), ("--method", "walk", "--keep-policy")),
    "exact": (problem(20, 9), ("--method", "exact")),
    "endless": (replace(problem(150), horizon=None, cost_discount=0.97), ("--method", "sweep")),
    "endless-walk": (replace(problem(100), horizon=None, cost_discount=0.97), ("--method", "walk")),
    "endless-unequal": (UNEQUAL, ("--tolerance", "1e-2")),
    "workers": (problem(60, 30), ("--method", "sweep", "--tolerance", "1e-6", "--workers", "2")),
}  # fmt: skip


def command(folder, name, out, *more):
    return [sys.executable, "-c", SOON, "solve", str(folder / name), "--out", str(out), *WORK[name][1],
            "--quiet", "--json", *more]  # fmt: skip


class Undisturbed:
    """Models, what a run that nobody disturbs makes of each, and how long it takes."""

    def __init__(self, folder):
        self.folder, self._known = folder, {}

    def of(self, name):
        if name not in self._known:
            save(WORK[name][0], self.folder / name)
            out = self.folder / f"{name}-alone" / "out"
            began = time.monotonic()
            subprocess.run(command(self.folder, name, out), check=True, stdout=subprocess.DEVNULL)
            self._known[name] = out, time.monotonic() - began
        return self._known[name]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return Undisturbed(tmp_path_factory.mktemp("killed"))


def killed_until_it_ends(undisturbed, name, folder, draw, kills):
    """A run that is killed so often at random moments, resumed each time, and then left alone."""
    whole, seconds = undisturbed.of(name)
    arguments = command(undisturbed.folder, name, folder / "out")
    for _ in range(kills):
        work = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            work.wait(draw.uniform(0.2, 1.05) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(work.pid, signal.SIGKILL)
            work.wait()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    require_same_bytes(whole, folder / "out")
    assert sorted(path.name for path in folder.iterdir()) == ["out"]


@pytest.mark.parametrize("name", ["sweep"])
def test_a_run_that_was_killed_leaves_the_same_bytes(undisturbed, tmp_path, name):
    killed_until_it_ends(undisturbed, name, tmp_path, random.Random(name), kills=2)


@pytest.mark.nightly
@pytest.mark.parametrize("name", WORK)
@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_kills(undisturbed, tmp_path, name, seed):
    """8 kinds of work x 5 runs x 5 kills."""
    killed_until_it_ends(undisturbed, name, tmp_path, random.Random(f"{name} {seed}"), kills=5)


@pytest.mark.parametrize("name", ["walk"])
def test_a_run_that_ran_out_of_time_goes_on(undisturbed, tmp_path, name):
    whole, _ = undisturbed.of(name)
    out = tmp_path / "out"
    for seconds in ("0.2",):
        done = subprocess.run(
            command(undisturbed.folder, name, out, "--time-limit", seconds), stdout=subprocess.DEVNULL
        )
        assert done.returncode in (0, 6, 7)
    subprocess.run(command(undisturbed.folder, name, out), check=True, stdout=subprocess.DEVNULL)
    require_same_bytes(whole, out)


def full_after(size):
    """As if the disk were full: no file can grow beyond so many bytes."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("size", [20_000, pytest.param(200, marks=pytest.mark.nightly)])
def test_a_full_disk_is_said_and_harms_nothing(undisturbed, tmp_path, size):
    """An earlier result stays as it is; with room the same command goes on."""
    whole, _ = undisturbed.of("sweep")
    out = tmp_path / "out"
    arguments = command(undisturbed.folder, "sweep", out)
    earlier = command(undisturbed.folder, "sweep", out, "--time-limit", "0")
    subprocess.run(earlier, stdout=subprocess.DEVNULL, check=False)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = subprocess.run(arguments, preexec_fn=full_after(size), capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "cannot be written: File too large" in done.stderr and "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".writing")]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    require_same_bytes(whole, out)


@pytest.mark.skipif(os.name != "posix", reason="needs a device that is full")
def test_a_folder_that_cannot_be_written_is_said_before_the_work(model, tmp_path, monkeypatch):
    """Root may write anywhere, so the refusal is made here."""
    closed = tmp_path / "closed"
    closed.mkdir()
    if os.geteuid() == 0:
        refuse(monkeypatch, closed)
    else:
        closed.chmod(0o500)
    done = run("solve", model, "--out", closed / "out", code=2)
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert not list(closed.iterdir())


def refuse(monkeypatch, folder):
    """os.access says what it says to a user who may not write there."""
    access = os.access

    def asked(path, mode, **more):
        return False if os.fspath(path) == str(folder) and mode & os.W_OK else access(path, mode, **more)

    monkeypatch.setattr(os, "access", asked)
