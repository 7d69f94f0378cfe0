"""`--workers` and `--cluster`: the same bytes as one process, whoever is lost; and if nobody is there."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import count

import numba
import numpy as np
import pytest
from commands import run, run_json

from optbudget import BudgetedMDP, save
from optbudget.errors import WorkersError
from optbudget.workers import Crew
from optbudget.workers.local import LocalCrew

pytest.importorskip("distributed")


def problem(states=60, horizon=30, seed=5, successors=6) -> BudgetedMDP:
    """A random problem, large enough for a few dozen batches."""
    draw = np.random.default_rng(seed)
    next_state = np.stack([draw.permutation(states)[:successors] for _ in range(states)])
    return BudgetedMDP(
        states=tuple(f"s{i}" for i in range(states)), actions=("none", "some", "much"),
        pair_ptr=np.arange(states + 1) * 3, pair_action=np.tile([0, 1, 2], states),
        pair_row=draw.integers(states, size=3 * states),
        cost=np.tile([0.0, 1.0, 3.0], states),
        utility=np.repeat(draw.lognormal(0, 2, states), 3) * draw.uniform(0.5, 1.5, 3 * states),
        row_ptr=np.arange(states + 1) * successors, next_state=next_state.ravel(),
        probability=np.full(states * successors, 1 / successors), terminal_utility=np.zeros(states),
        discount=0.97, cost_discount=1.0, horizon=horizon,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "model"
    save(problem(), folder)
    return folder


OPTIONS = ("--method", "sweep", "--tolerance", "1e-5", "--quiet")


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory):
    """The result of one process."""
    out = tmp_path_factory.mktemp("alone") / "out"
    run("solve", model, "--out", out, *OPTIONS)
    return out


def require_same_bytes(one, other):
    """Every file of two result folders, but for timings.json."""
    names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file() and p.name != "timings.json")
    assert names == sorted(
        p.relative_to(other) for p in other.rglob("*") if p.is_file() and p.name != "timings.json"
    )
    assert not [str(name) for name in names if (one / name).read_bytes() != (other / name).read_bytes()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A scheduler and workers as real processes on loopback, as docs/cluster.md starts them by hand."""

    def __init__(self, folder, workers=2):
        self.folder, self.names = folder, count()
        self.address = f"tcp://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port)
        self.workers = [self.worker() for _ in range(workers)]
        self.wait()

    def wait(self):
        """Until the scheduler listens."""
        host, port = self.address.rpartition("/")[2].split(":")
        patience = time.monotonic() + 60
        while time.monotonic() < patience:
            with suppress(OSError):
                return socket.create_connection((host, int(port)), timeout=1).close()
            time.sleep(0.1)
        raise TimeoutError("no scheduler")

    def _start(self, kind, *arguments):
        environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + kind, *arguments, "--no-dashboard"],
            env=environment, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    def worker(self):
        own = self.folder / f"worker-{next(self.names)}"
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(own))
        return self._start("worker", self.address, *options)

    def close(self):
        for process in (*self.workers, self.scheduler):
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


def test_processes_give_the_same_bytes(model, alone, tmp_path):
    out = tmp_path / "out"
    run("solve", model, "--out", out, *OPTIONS, "--workers", "2")
    require_same_bytes(alone, out)
    assert not (tmp_path / "out.checkpoint").exists()


def test_a_cluster_gives_the_same_bytes(model, alone, cluster, tmp_path):
    run("solve", model, "--out", tmp_path / "out", *OPTIONS, "--cluster", cluster.address)
    require_same_bytes(alone, tmp_path / "out")
    shared = tmp_path / "shared"
    shared.mkdir()
    run(
        "solve",
        model,
        "--out",
        tmp_path / "out",
        *OPTIONS,
        "--cluster",
        cluster.address,
        "--shared-path",
        shared,
    )
    require_same_bytes(alone, tmp_path / "out")
    assert not list(shared.iterdir())


def lose_workers(cluster, draw, losses, stop):
    """Kill, or stop, a worker now and then, and start another for each."""
    for _ in range(losses):
        if stop.wait(draw.uniform(0.1, 2.0)):
            return
        victim = draw.randrange(len(cluster.workers))
        with suppress(OSError):
            os.killpg(cluster.workers[victim].pid, draw.choice([signal.SIGKILL, signal.SIGSTOP]))
        cluster.workers.append(cluster.worker())


def solve_while_workers_are_lost(model, out, seed, monkeypatch, losses=2):
    """On a cluster of its own: one lost worker after the other."""
    monkeypatch.setattr(Crew, "patience", 0.5)
    made, stop = Cluster(out.parent), threading.Event()
    enemy = threading.Thread(target=lose_workers, args=(made, random.Random(seed), losses, stop))
    enemy.start()
    try:
        run("solve", model, "--out", out, *OPTIONS, "--cluster", made.address)
    finally:
        stop.set()
        enemy.join()
        made.close()


def solve_while_processes_are_lost(model, out, seed, monkeypatch):
    """In two processes, one of which is killed or stopped after some of the answers."""
    monkeypatch.setattr(Crew, "patience", 0.5)
    draw, send = random.Random(seed), LocalCrew.send

    def hit(self, member, call):
        send(self, member, call)
        process = self._workers[draw.choice(self.members())].process_id
        if process is not None and draw.random() < 0.15:
            with suppress(OSError):
                os.kill(process, draw.choice([signal.SIGKILL, signal.SIGSTOP]))

    with monkeypatch.context() as patch:
        patch.setattr(LocalCrew, "send", hit)
        run("solve", model, "--out", out, *OPTIONS, "--workers", "2")


def test_a_cluster_that_loses_workers_gives_the_same_bytes(model, alone, tmp_path, monkeypatch):
    solve_while_workers_are_lost(model, tmp_path / "out", 1, monkeypatch)
    require_same_bytes(alone, tmp_path / "out")


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.nightly), 2])
def test_processes_that_are_lost_give_the_same_bytes(model, alone, tmp_path, monkeypatch, seed):
    solve_while_processes_are_lost(model, tmp_path / "out", seed, monkeypatch)
    require_same_bytes(alone, tmp_path / "out")


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100))
def test_losing_workers_does_not_change_the_answer(model, alone, tmp_path, monkeypatch, seed):
    """R8 of the promises: 100 runs, half of them on a cluster."""
    how = solve_while_workers_are_lost if seed % 2 else solve_while_processes_are_lost
    how(model, tmp_path / "out", seed, monkeypatch)
    require_same_bytes(alone, tmp_path / "out")


def by(how):
    """The options of a crew of two processes, or of a cluster."""
    return ("--workers", "2") if how == "processes" else ("--cluster", how.address)


@pytest.fixture(scope="module", params=["cluster", pytest.param("processes", marks=pytest.mark.nightly)])
def crew(request):
    """How the work is shared out."""
    return by("processes" if request.param == "processes" else request.getfixturevalue("cluster"))


def test_draws_are_the_same(crew, tmp_path):
    small = problem(states=6, horizon=4, successors=3)
    save(small, tmp_path / "small")
    entry = small.pair_entries
    pair = np.repeat(np.arange(small.cost.size), np.diff(entry[0]))
    rows = zip(small.pair_state[pair], small.pair_action[pair], small.next_state[entry[1]], strict=True)
    lines = [f"s{i},{small.actions[a]},s{j},{1 + (i + a + j) % 5}" for i, a, j in rows]
    (tmp_path / "counts.csv").write_text("\n".join(["state,action,next_state,count", *lines]) + "\n")
    arguments = ("uncertain", tmp_path / "small", "--budget", "0:4:3", "--draws", "9", "--quiet",
                 "--counts", tmp_path / "counts.csv")  # fmt: skip
    assert run(*arguments, *crew).stdout == run(*arguments).stdout
    run(*arguments, "--intervals", "x", *crew, code=2)


def test_trials_are_the_same(crew, tmp_path):
    save(problem(states=6, horizon=4, successors=3), tmp_path / "small")
    run("solve", tmp_path / "small", "--out", tmp_path / "out", "--keep-stages", "--quiet")
    arguments = (
        "simulate",
        tmp_path / "out",
        "--budget",
        "9",
        "--customers",
        "20",
        "--trials",
        "150",
        "--quiet",
    )
    run(*arguments, "--out", tmp_path / "alone.parquet")
    run(*arguments, "--out", tmp_path / "shared.parquet", *crew)
    assert (tmp_path / "alone.parquet").read_bytes() == (tmp_path / "shared.parquet").read_bytes()


@pytest.mark.nightly
def test_studies_are_the_same(crew, tmp_path):
    for seed in range(3):
        save(problem(states=4, horizon=3, successors=2, seed=seed), tmp_path / "models" / f"m{seed}")
    arguments = ("compare", tmp_path / "models", "--budget", "2", "--quiet",
                 "--routes", "walk,sweep,greedy,cmdp_primal/mathopt/glop")  # fmt: skip
    alone, shared = run_json(*arguments), run_json(*arguments, *crew)
    assert without_times(alone) == without_times(shared)


def without_times(fields):
    """The same fields without seconds and memory, at any depth."""
    if isinstance(fields, dict):
        return {k: without_times(v) for k, v in fields.items() if "seconds" not in k and "memory" not in k}
    return [without_times(v) for v in fields] if isinstance(fields, list) else fields


def test_nobody_at_the_address(model, tmp_path):
    began = time.monotonic()
    address = f"tcp://127.0.0.1:{free_port()}"
    done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", address, code=9)
    assert f"no Dask scheduler answers at {address}" in done["error"]
    assert time.monotonic() - began < 15 and not (tmp_path / "out").exists()


def test_something_else_at_the_address(model, tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.workers.cluster.REACHED", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", address, code=9)
    assert f"no Dask scheduler answers at {address}" in done["error"]


def test_no_address(model, tmp_path):
    done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", "nowhere", code=2)
    assert "is no address" in done["error"]


def test_a_scheduler_without_workers(model, tmp_path, monkeypatch):
    monkeypatch.setattr(Crew, "waits", 0.5)
    made = Cluster(tmp_path, workers=0)
    try:
        time.sleep(3)
        done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", made.address, code=9)
    finally:
        made.close()
    assert "no worker" in done["error"]


def test_other_versions_are_refused(model, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(numba, "__version__", "99.0")
    done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", cluster.address, code=9)
    assert "other versions: numba" in done["error"] and "(here 99.0)" in done["error"]


def test_without_distributed_the_command_that_installs_it_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = run_json("solve", model, "--out", tmp_path / "out", "--cluster", "tcp://127.0.0.1:1", code=9)
    assert "pip install 'optbudget[cluster]'" in done["error"]


def test_options_that_do_not_fit(model, tmp_path):
    out = tmp_path / "out"
    address = ("--cluster", "tcp://127.0.0.1:1")
    assert "both say" in run("solve", model, "--out", out, "--workers", "2", *address, code=2).stderr
    assert "goes with --cluster" in run("solve", model, "--out", out, "--shared-path", ".", code=2).stderr


def test_all_workers_lost_keeps_the_checkpoint(model, alone, tmp_path, monkeypatch):
    monkeypatch.setattr("optbudget.budgeted.remember.EVERY", 0.0)
    out = tmp_path / "out"
    calls = count()
    make = LocalCrew.make

    def lost_later(self, member, call):
        if next(calls) > 6:
            raise OSError("gone")
        return make(self, member, call)

    with monkeypatch.context() as patch:
        patch.setattr(LocalCrew, "make", lost_later)
        done = run_json("solve", model, "--out", out, *OPTIONS, "--workers", "2", code=9)
    assert "ended over the same piece" in done["error"]
    assert list((tmp_path / "out.checkpoint").glob("*.piece"))
    run("solve", model, "--out", out, *OPTIONS)
    require_same_bytes(alone, out)


def test_a_walk_says_that_it_is_not_shared_out(tmp_path):
    small = tmp_path / "small"
    save(problem(states=8, horizon=3), small)
    done = run("solve", small, "--out", tmp_path / "out", "--workers", "2")
    assert "had nothing to do" in done.stderr
    assert json.loads((tmp_path / "out" / "result.json").read_text())["method"] == "walk"
    assert issubclass(WorkersError, RuntimeError)
