"""Batches of events: what one holds, and what it refuses."""

import numpy as np
import pyarrow as pa
import pytest

from optbudget.errors import ProblemError
from optbudget.problems import EventBatch
from optbudget.problems.events import RowPlace


def test_units_of_every_kind_of_column_are_coded_alike():
    for units in (pa.array([7, 9, 7]), pa.array(["7", "9", "7"]),
                  pa.array(["7", "9", "7"]).dictionary_encode()):  # fmt: skip
        batch = EventBatch(units, np.arange(3), np.zeros(3), ("a",))
        code, distinct = batch.unit_codes()
        assert [str(distinct[k]) for k in code.tolist()] == ["7", "9", "7"]


def test_taken_rows_keep_their_places():
    batch = EventBatch(pa.array([1, 2, 3]), np.arange(3), np.array([0, 1, 0]), ("a", "b"), np.arange(3.0),
                       place=lambda row: RowPlace("may.csv", row + 12))  # fmt: skip
    few = batch.take(np.array([False, True, True])).take(np.array([1]))
    assert (few.unit.to_pylist(), few.event.tolist(), few.value.tolist()) == ([3], [0], [2.0])
    assert str(few.issue("order", "late", 0)) == "may.csv:14: unit 3: late"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"names": ("a", "a")}, "twice"),
        ({"names": ("start", "b")}, "reserved"),
        ({"names": ("end", "b")}, "reserved"),
        ({"names": ("none", "b")}, "reserved"),
        ({"names": ("a>b", "b")}, "'>'"),
        ({"names": ("", "b")}, "empty"),
        ({"names": (" a", "b")}, "blank"),
        ({"names": ("a",)}, "codes"),
        ({"event": np.array([0, -1])}, "codes"),
        ({"time": np.arange(3)}, "time must be a vector of 2"),
        ({"value": np.array([1.0, np.nan])}, "value is nan"),
        ({"cost": np.array([1.0, np.inf])}, "cost is inf"),
        ({"unit": pa.array([1, None])}, "missing"),
        ({"unit": pa.array(["u", ""])}, "empty"),
        ({"unit": pa.array([1.0, 2.0])}, "int64 or strings"),
        ({"type": np.array([0, 1]), "type_names": ("x/y", "z")}, "'/'"),
    ],
)
def test_what_is_no_batch_is_refused(change, word):
    fields = {"unit": pa.array([1, 2]), "time": np.arange(2), "event": np.array([0, 1]), "names": ("a", "b")}
    EventBatch(**fields)
    with pytest.raises(ProblemError, match=word):
        EventBatch(**fields | change)
