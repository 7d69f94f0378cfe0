"""Commands as processes: interrupted, killed, started again; and the whole demonstration."""

import itertools
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import ROOT, run, run_json

from optbudget import BudgetedMDP, save
from optbudget.errors import MissingExtraError
from optbudget.problems import Check, Verification
from optbudget.status import Termination
from optbudget.workers import Checkpoint, Monitor

OPTBUDGET = [sys.executable, "-m", "optbudget"]


@pytest.fixture(scope="module")
def long_model(tmp_path_factory):
    """A model of 300 states that a sweep to 1e-13 works on for minutes."""
    draw, states, successors = np.random.default_rng(5), 300, 6
    next_state = np.stack([draw.permutation(states)[:successors] for _ in range(states)])
    problem = BudgetedMDP(
        states=tuple(f"s{i}" for i in range(states)), actions=("none", "some", "much"),
        pair_ptr=np.arange(states + 1) * 3, pair_action=np.tile([0, 1, 2], states),
        pair_row=draw.integers(states, size=3 * states),
        cost=np.tile([0.0, 1.0, 3.0], states), utility=np.repeat(draw.lognormal(0, 2, states), 3),
        row_ptr=np.arange(states + 1) * successors, next_state=next_state.ravel(),
        probability=np.full(states * successors, 1 / successors), terminal_utility=np.zeros(states),
        discount=0.97, cost_discount=1.0, horizon=40,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("long") / "long"
    save(problem, folder)
    return folder


def start_long_work(model, out) -> "subprocess.Popen[str]":
    """A solve that has just stored its first checkpoint."""
    arguments = ["solve", str(model), "--out", str(out), "--method", "sweep", "--tolerance", "1e-13"]
    work = subprocess.Popen([*OPTBUDGET, *arguments], stderr=subprocess.PIPE, text=True)
    patience = time.monotonic() + 120
    while not list(out.parent.glob("out.checkpoint/*.piece")):
        assert work.poll() is None and time.monotonic() < patience, work.communicate()
        time.sleep(0.02)
    return work


def test_ctrl_c_keeps_the_checkpoint(long_model, tmp_path):
    out = tmp_path / "out"
    with start_long_work(long_model, out) as work:
        work.send_signal(signal.SIGINT)
        _, log = work.communicate(timeout=120)
    assert work.returncode == 130
    assert "Traceback" not in log and "out.checkpoint is kept" in log
    assert [path.name for path in tmp_path.iterdir()] == ["out.checkpoint"]
    fields = run_json("solve", long_model, "--out", out, "--method", "sweep", "--tolerance", "1e-13",
                      "--time-limit", "0", code=6)  # fmt: skip
    assert fields["termination"] == "TIME_LIMIT"


def test_a_kill_leaves_whole_pieces_and_nothing_half_written(long_model, tmp_path):
    out = tmp_path / "out"
    with start_long_work(long_model, out) as work:
        work.kill()
    assert not out.exists()
    run("solve", long_model, "--out", out, "--method", "sweep", "--tolerance", "1e-13",
        "--time-limit", "0", code=6)  # fmt: skip
    run("verify", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.checkpoint"]


def test_going_on_gives_the_same_bytes(tmp_path, monkeypatch):
    """A sweep that is stopped twice, later each time, and one that never is."""
    monkeypatch.setattr("optbudget.budgeted.remember.EVERY", 0.0)
    model = ROOT / "models" / "synthetic_ad"
    options = ["--method", "sweep", "--tolerance", "1e-4", "--quiet"]
    asked = itertools.count()
    with monkeypatch.context() as patch:
        patch.setattr(Monitor, "stop_reason", lambda _: (next(asked), None)[1])
        run("solve", model, "--out", tmp_path / "straight", *options)
    whole = next(asked)
    assert whole >= 6
    for looks in (whole * 3 // 4, whole * 7 // 8):
        left = itertools.chain([None] * looks, itertools.repeat(Termination.TIME_LIMIT))
        with monkeypatch.context() as patch:
            patch.setattr(Monitor, "stop_reason", lambda _, left=left: next(left))
            run("solve", model, "--out", tmp_path / "out", *options, code=6)
        assert list((tmp_path / "out.checkpoint").glob("*.piece"))
    run("solve", model, "--out", tmp_path / "out", *options)
    assert not (tmp_path / "out.checkpoint").exists()
    for path in (tmp_path / "straight").rglob("*.parquet"):
        same = tmp_path / "out" / path.relative_to(tmp_path / "straight")
        assert path.read_bytes() == same.read_bytes(), path.name


def test_other_options_do_not_see_the_checkpoint(tmp_path, monkeypatch):
    keys = []
    monkeypatch.setattr(Checkpoint, "fetch", lambda self, name: keys.append(self.key))
    model = ROOT / "models" / "two_types"
    for options in ([], ["--tolerance", "1e-3"], ["--keep-stages"], ["--time-limit", "60"], []):
        run("solve", model, "--out", tmp_path / "out", "--method", "sweep", "--quiet", *options)
    assert len(set(keys)) == 3


@pytest.mark.parametrize("words", [("--help",), ("check", "--help"), ("doctor",), ("check", "models/ward")])
@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_has_seen_enough_ends_it_quietly(words, buffered):
    """As `optbudget explain R | head -1`: neither a traceback nor an error of ours."""
    python = [sys.executable, *([] if buffered else ["-u"]), "-m", "optbudget"]
    work = subprocess.Popen(
        [*python, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert work.stdout is not None and work.stderr is not None
    work.stdout.close()
    with work:
        log = work.stderr.read()
    assert "Traceback" not in log and "Broken pipe" not in log and "Exception" not in log, log
    assert work.returncode in (0, 1, 141)


def test_a_table_that_nobody_reads(long_model):
    """The same of a table, which another library prints."""
    assert run("explain", "--help").exit_code == 0
    code = (
        "import os, sys; from optbudget.cli.run import Run; from optbudget.report.tables import Grid\n"
        "from optbudget.cli import unread\n"
        "try: Run().grids(*[Grid('t', ('a',), (('b',) * 1,) * 5000)] * 9)\n"
        "except BrokenPipeError: sys.exit(unread())\n"
    )
    work = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert work.stdout is not None and work.stderr is not None
    work.stdout.readline()
    work.stdout.close()
    with work:
        log = work.stderr.read()
    assert (work.returncode, log) == (141, "")


class TestDemo:
    PAPER = ((8423.3, 11087.3, 15701.3, 18114.2), (39729.0, 44599.0, 52986.0, 57926.0))

    def test_whole(self, tmp_path):
        """In a folder with a blank in its name, with figures and page, twice."""
        out = tmp_path / "my demo"
        done = subprocess.run(
            [*OPTBUDGET, "demo", "--out", out, "--json"], capture_output=True, text=True, check=True
        )
        fields = json.loads(done.stdout)
        assert fields["ok"] and fields["gap"] <= 1e-9 and fields["segments"]["begin"] == 541
        for name, printed, room in (("begin", self.PAPER[0], 0.05), ("spread", self.PAPER[1], 0.5)):
            values = [split["value"] for split in fields[name]]
            assert values == pytest.approx(printed, abs=room) and all(s["gap"] <= 1e-9 for s in fields[name])
        assert all(u["value"] < g["value"] for u, g in zip(fields["uniform"], fields["spread"], strict=True))
        for name in ("result.json", "figure_4.svg", "figure_6.svg", "report.html"):
            assert (out / name).stat().st_size > 1000
        run("verify", out)

    def test_without_the_extra(self, tmp_path, monkeypatch):
        def missing(*_, **__):
            raise MissingExtraError("pip install 'optbudget[report]'")

        monkeypatch.setattr("optbudget.report.figure_4", missing, raising=False)
        good = Verification((Check("all", True, ""),))
        monkeypatch.setattr("optbudget.certify.verify_all", lambda answers: [good] * len(answers))
        done = run("demo", "--out", tmp_path / "demo")
        assert "pip install 'optbudget[report]'" in done.stdout and "18,114.2" in done.stdout
        assert not list((tmp_path / "demo").glob("*.svg"))
        run("demo", "--out", tmp_path / "demo")

    def test_a_failed_proof_fails(self, tmp_path, monkeypatch):
        bad = Verification((Check("bound", False, "is too low"),))
        monkeypatch.setattr("optbudget.report.page", lambda *_, **__: None, raising=False)
        monkeypatch.setattr("optbudget.certify.verify_all", lambda answers: [bad] * len(answers))
        assert "FAILED: bound" in run("demo", "--out", tmp_path / "demo", code=8).stdout
