"""R7 of the promises for `learn`, `learn --update` and `learn --follow`, killed at any step of writing.

The folder is the old one or the new one, and what is done afterwards gives the bytes of work that nobody
disturbed.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import ROOT, run
from test_cli_follow import ASKED, SOON, content, filled, rows, write

STRUCK = """
import atexit, os, signal, sys
place, left = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]
seen = 0
def strike(event, given):
    global seen
    here = event.startswith(("open", "os.", "shutil.")) and given and place in str(given[0])
    if here or (seen and event in ("ctypes.dlopen", "os.remove", "os.rmdir", "os.rename")):
        seen += 1
        if seen == left:
            os.kill(os.getpid(), signal.SIGKILL)
atexit.register(lambda: print(seen))
sys.addaudithook(strike)
from optbudget.cli import main
sys.argv[0] = "optbudget"
main()
"""
"""The command line, killed just before the so-many-th time that it touches anything in a place."""

NEVER = 10**9

BEFORE = {"learn": None, "update": "learn", "follow": None}
THEN = {"learn": "update", "update": "again", "follow": "follow"}
"""The folder that a command begins with, and the command that is given afterwards."""


def struck(point, place, *arguments):
    """Run a command that is killed at a point; how many points it came by, None if it was killed."""
    command = [sys.executable, "-c", STRUCK, place, point, *arguments, "--quiet"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == -9:
        return None
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@dataclass(frozen=True)
class Undisturbed:
    """The folder of a model before and after a batch and after another, and of one that was followed."""

    place: Path

    def command(self, name, out):
        """`learn` or `follow`, or an update: `again` adds the third batch."""
        if name == "follow":
            return ["learn", self.place / "inbox", *ASKED, *SOON, "--out", out]
        if name == "learn":
            return ["learn", self.place / "may.csv", *ASKED, "--held-out", "0.2", "--out", out]
        batch = self.place / {"update": "june.csv", "again": "july.csv"}[name]
        return ["learn", batch, "--update", "--out", out]

    def points(self, name, folder):
        """How many points a command comes by."""
        if BEFORE[name]:
            shutil.copytree(self.place / BEFORE[name], folder / "model")
        return struck(NEVER, folder, *self.command(name, folder / "model"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    place = tmp_path_factory.mktemp("undisturbed")
    for k, name in enumerate(("may", "june", "july")):
        write(place / f"{name}.csv", rows(k, 400, 400 * k))
    filled(place / "inbox", files=3, size=100)
    whole = Undisturbed(place)
    for name in ("learn", "update", "again", "follow"):
        if start := {"update": "learn", "again": "update"}.get(name):
            shutil.copytree(place / start, place / name)
        run(*whole.command(name, place / name))
    return whole


def killed_then_done(undisturbed, folder, name, point):
    """A kill leaves one of two folders, and what is done afterwards ends as undisturbed."""
    before, then = BEFORE[name], THEN[name]
    if before:
        shutil.copytree(undisturbed.place / before, folder / "model")
    assert struck(point, folder, *undisturbed.command(name, folder / "model")) is None
    found = content(folder / "model") if (folder / "model").exists() else None
    new = content(undisturbed.place / name)
    if found != new:
        assert found == (content(undisturbed.place / before) if before else None)
        run(*undisturbed.command(name, folder / "model"))
        assert content(folder / "model") == new
    run(*undisturbed.command(then, folder / "model"))
    assert content(folder / "model") == content(undisturbed.place / then)
    assert [path.name for path in folder.iterdir()] == ["model"]


def test_an_update_that_is_killed(undisturbed, tmp_path):
    """In the middle, and when the new folder is in its place and the old one is swept away."""
    points = undisturbed.points("update", fresh(tmp_path, "whole"))
    for point in (points // 2, points):
        killed_then_done(undisturbed, fresh(tmp_path, point), "update", point)


@pytest.mark.nightly
@pytest.mark.parametrize("name", BEFORE)
def test_killed_at_every_point(undisturbed, tmp_path, name):
    for point in range(1, undisturbed.points(name, fresh(tmp_path, "whole")) + 1):
        killed_then_done(undisturbed, fresh(tmp_path, point), name, point)


def fresh(place, name):
    (place / str(name)).mkdir()
    return place / str(name)
