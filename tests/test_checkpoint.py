"""Checkpoints: a piece is whole or absent, whatever moment the process was killed at."""

import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from optbudget.errors import LimitError
from optbudget.workers import Checkpoint


def test_fetches_what_was_stored(tmp_path):
    here = Checkpoint(tmp_path / "run.checkpoint", "key")
    here.store("stage-3", price=np.array([np.inf, 2.0, 0.0]), action=np.array([[1, -1]], dtype=np.int32))
    piece = Checkpoint(tmp_path / "run.checkpoint", "key").fetch("stage-3")
    assert piece is not None
    np.testing.assert_array_equal(piece["price"], [np.inf, 2.0, 0.0])
    assert piece["action"].dtype == np.int32 and piece["action"].shape == (1, 2)


def test_nothing_is_made_before_the_first_piece(tmp_path):
    here = Checkpoint(tmp_path / "run.checkpoint", "key")
    assert here.fetch("stage-3") is None and here.names() == []
    assert list(tmp_path.iterdir()) == []


def test_another_key_sees_nothing_and_replaces(tmp_path):
    old, new = Checkpoint(tmp_path, "old"), Checkpoint(tmp_path, "new")
    old.store("a", x=[1.0])
    old.store("b", x=[1.0])
    assert new.fetch("a") is None and new.names() == []
    new.store("a", x=[2.0])
    assert new.names() == ["a"] and old.names() == ["b"]


def test_fresh_forgets(tmp_path):
    folder = tmp_path / "run.checkpoint"
    Checkpoint(folder, "key").store("a", x=[1.0])
    assert Checkpoint(folder, "key", fresh=True).fetch("a") is None


def test_discard_leaves_what_is_not_ours(tmp_path):
    here = Checkpoint(tmp_path / "run.checkpoint", "key")
    here.store("a", x=[1.0])
    (here.folder / "notes.txt").write_text("mine")
    here.discard()
    assert [path.name for path in here.folder.iterdir()] == ["notes.txt"]
    (here.folder / "notes.txt").unlink()
    here.discard()
    assert not here.folder.exists()


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -30, -1])
def test_a_file_cut_short_counts_as_absent(tmp_path, cut):
    here = Checkpoint(tmp_path, "key")
    here.store("a", x=np.arange(100.0))
    path = tmp_path / "a.piece"
    path.write_bytes(path.read_bytes()[:cut])
    assert here.fetch("a") is None and here.names() == []


def test_a_changed_byte_counts_as_absent(tmp_path):
    here = Checkpoint(tmp_path, "key")
    here.store("a", x=np.arange(20.0))
    path = tmp_path / "a.piece"
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        assert here.fetch("a") is None
    path.write_bytes(whole)
    assert here.fetch("a") is not None


@pytest.mark.parametrize("name", ["../a", "a/b", "", "a.b", "a\0b"])
def test_names_stay_inside_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="no name"):
        Checkpoint(tmp_path, "key").store(name, x=[1.0])
    with pytest.raises(ValueError, match="no name"):
        Checkpoint(tmp_path, "key").fetch(name)


def test_objects_are_refused(tmp_path):
    here = Checkpoint(tmp_path, "key")
    with pytest.raises(ValueError, match="Python objects"):
        here.store("a", x=np.array([{}], dtype=object))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_piece(tmp_path, monkeypatch):
    here = Checkpoint(tmp_path, "key")
    here.store("a", x=[1.0])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LimitError, match="No space"):
        here.store("a", x=[2.0])
    monkeypatch.undo()
    assert here.fetch("a")["x"] == [1.0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.piece"]


def test_killed_while_writing(tmp_path):
    """A process that replaces pieces without end is killed; each piece is one that it wrote whole."""
    script = """
        import sys, numpy as np
        from optbudget.workers import Checkpoint
        here = Checkpoint(sys.argv[1], "key")
        for number in range(10**9):
            here.store("a", x=np.full(20000, float(number)))
            if number == 0:
                print("going", flush=True)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout.readline() == b"going\n"
        time.sleep(0.15)
        writer.kill()
    piece = Checkpoint(tmp_path, "key").fetch("a")
    assert piece is not None and piece["x"].shape == (20000,) and np.unique(piece["x"]).size == 1
    Checkpoint(tmp_path, "key").discard()
    assert not tmp_path.exists()
