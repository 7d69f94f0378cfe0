"""Pieces of work: the same results whoever does them, however many are lost, stopped, late or done twice."""

import operator
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbudget.errors import LimitError, ProblemError, WorkersError
from optbudget.workers import Crew, Monitor, Shared, map_pieces
from optbudget.workers._piece import Absent, _held, run_piece
from optbudget.workers.crew import Answer
from optbudget.workers.local import LocalCrew


class ScriptedCrew(Crew):
    """Workers that do at each call what a script says: answer, end, forget, answer late or never."""

    where, folder = "the script", None
    patience, waits = 0.02, 0.3

    def __init__(self, members, script):
        super().__init__()
        self.present, self.script = list(members), list(script)
        self.calls = []
        self.stopped = {}

    def members(self):
        return tuple(self.present)

    def make(self, member, call):
        word = self.script.pop(0) if self.script else "answer"
        self.calls.append((member, call.piece))
        if word == "end":
            return Answer(call.ticket, member, lost=True, error="killed")
        if word == "forget":
            return Answer(call.ticket, member, result=Absent())
        if word == "leave" and len(self.present) > 1:
            self.present.remove(member)
            self.present.append(f"{member}'")
        if word == "stop":
            gone = self.stopped.setdefault(member, threading.Event())
            if gone.wait(5):
                return Answer(call.ticket, member, lost=True, error="dismissed")
        if word == "late":
            time.sleep(0.06)
        return Answer(call.ticket, member, result=call.function(10, call.piece))

    def dismiss(self, member):
        if member in self.stopped:
            self.stopped.pop(member).set()

    def close(self):
        for gone in self.stopped.values():
            gone.set()


WORDS = st.sampled_from(["answer", "answer", "answer", "late", "forget", "leave", "stop"])


@given(
    st.integers(0, 9), st.integers(1, 4), st.lists(WORDS, max_size=8), st.lists(st.just("end"), max_size=4)
)
def test_any_order_of_losses_gives_the_same_results(pieces, members, script, ends):
    script = [*script, *ends]
    random.Random(len(script)).shuffle(script)
    taken = []
    with ScriptedCrew("abcd"[:members], script) as crew, Shared(10) as ten:
        found = map_pieces(operator.add, range(pieces), ten, crew, done=lambda k, _: taken.append(k))
    assert found == [10 + k for k in range(pieces)]
    assert sorted(taken) == list(range(pieces))


def test_a_stopped_worker_is_not_asked_again_and_its_late_answer_is_dropped():
    with ScriptedCrew("ab", ["stop"]) as crew, Shared(10) as ten:
        assert map_pieces(operator.add, range(6), ten, crew) == [10, 11, 12, 13, 14, 15]
        first = crew.calls[0][0]
        before = len(crew.calls)
        assert map_pieces(operator.mul, range(4), ten, crew) == [0, 10, 20, 30]
        assert all(member != first for member, _ in crew.calls[before:])


def test_nobody_left_is_said():
    with ScriptedCrew("", []) as crew, Shared(10) as ten, pytest.raises(WorkersError, match="no worker"):
        map_pieces(operator.add, range(3), ten, crew)


def test_a_piece_that_ends_every_worker_is_given_up():
    with (
        ScriptedCrew("ab", ["end"] * 99) as crew,
        Shared(10) as ten,
        pytest.raises(WorkersError, match="5 workers of the script ended over the same piece"),
    ):
        map_pieces(operator.add, [1], ten, crew)


def test_the_monitor_stops_it_with_the_first_results():
    monitor = Monitor()

    def done(number, _):
        if number == 1:
            monitor.interrupt()

    with Shared(10) as ten:
        assert map_pieces(operator.add, range(9), ten, monitor=monitor, done=done) == [10, 11]
        with ScriptedCrew("a", []) as crew:
            found = map_pieces(operator.add, range(9), ten, crew, monitor=monitor)
    assert found == []


def test_a_worker_holds_what_is_shared_and_says_when_it_does_not():
    with Shared({"x": np.arange(3.0)}) as shared:
        packed = shared.packed
        _held.clear()
        assert run_piece(operator.getitem, packed.key, None, "x") == Absent()
        np.testing.assert_array_equal(run_piece(operator.getitem, packed.key, packed, "x"), [0, 1, 2])
        np.testing.assert_array_equal(run_piece(operator.getitem, packed.key, None, "x"), [0, 1, 2])
        for other in range(2):
            run_piece(operator.add, Shared(other).packed.key, Shared(other).packed, 1)
        assert run_piece(operator.getitem, packed.key, None, "x") == Absent()


def test_what_is_mapped_is_read_only_and_held_against_its_hash(tmp_path):
    value = {"a": np.arange(5, dtype=np.int32), "b": np.linspace(0, 1, 7)}
    with Shared(value, tmp_path) as shared:
        (file,) = tmp_path.iterdir()
        found = shared.packed.open()
        for name in value:
            np.testing.assert_array_equal(found[name], value[name])
            assert not found[name].flags.writeable and found[name].flags.aligned
        del found
        whole = file.read_bytes()
        file.write_bytes(whole[:3] + bytes([whole[3] ^ 1]) + whole[4:])
        with pytest.raises(LimitError, match="changed"):
            shared.packed.open()
        file.write_bytes(b"")
        with pytest.raises(LimitError, match="cannot map"):
            shared.packed.open()
    assert not list(tmp_path.iterdir())


def slow_square(shared, piece):
    time.sleep(0.05)
    return shared["x"] * piece**2


def bad_input(shared, piece):
    raise ProblemError("state 'a': no")


@pytest.fixture(scope="module")
def two():
    with LocalCrew(2, threads=1) as crew:
        yield crew


def test_processes_give_what_this_process_gives(two):
    with Shared({"x": np.arange(4.0)}, two.folder) as shared:
        here = map_pieces(slow_square, range(7), shared)
        there = map_pieces(slow_square, range(7), shared, two)
    np.testing.assert_array_equal(here, there)


def test_an_error_of_ours_comes_back_as_itself(two):
    with Shared({}) as shared, pytest.raises(ProblemError, match="state 'a': no"):
        map_pieces(bad_input, range(3), shared, two)
    with Shared([1]) as shared, pytest.raises(RuntimeError, match="IndexError"):
        map_pieces(operator.getitem, [5], shared, two)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_processes_that_are_killed_or_stopped(two, sign, monkeypatch):
    monkeypatch.setattr(LocalCrew, "patience", 0.4)
    draw = random.Random(3)

    def hit(number, _):
        if number % 4 == 1:
            worker = two._workers[draw.choice(two.members())]
            if worker.process_id is not None:
                os.kill(worker.process_id, sign)

    with Shared({"x": np.arange(4.0)}, two.folder) as shared:
        found = map_pieces(slow_square, range(12), shared, two, done=hit)
        np.testing.assert_array_equal(found, map_pieces(slow_square, range(12), shared))
