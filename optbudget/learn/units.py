"""Rows of a log brought together by unit.

Units are told apart by a hash of their ids. For integers it is a bijection; for strings a second,
independent hash is held against the first, so that two units are never taken for one.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optbudget.errors import ProblemError
from optbudget.learn._counting_kernels import (
    CHUNKS,
    hash_integers,
    hash_strings,
    scatter_by_top,
    sort_buckets,
    starts_of_runs,
)  # fmt: skip
from optbudget.problems.columns import Codes
from optbudget.problems.history_counts import Words

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_BUCKET = 4096


class UnitRows(NamedTuple):
    """Rows grouped by unit, units by rising hash, the rows of a unit in the order of the log.

    hash (U,); ptr (U+1,): rows of unit u are row[ptr[u]:ptr[u+1]].
    """

    hash: Words
    ptr: Codes
    row: Codes


def unit_hashes(ids: "pa.Array") -> tuple[Words, Words | None]:
    """A hash of every id, and for strings a second one."""
    import pyarrow as pa

    if pa.types.is_dictionary(ids.type):
        code = ids.indices.to_numpy(zero_copy_only=False)
        one, two = unit_hashes(ids.dictionary)
        return one[code], None if two is None else two[code]
    found = np.empty(len(ids), dtype=np.uint64)
    if pa.types.is_integer(ids.type):
        hash_integers(ids.to_numpy(zero_copy_only=False), found)
        return found, None
    _, offsets, data = ids.buffers()
    second = np.empty(len(ids), dtype=np.uint64)
    offset = np.frombuffer(offsets, dtype=np.int32)[ids.offset : ids.offset + len(ids) + 1]
    letters = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    hash_strings(offset, letters, found, second)
    return found, second


def by_unit(ids: "pa.Array") -> UnitRows:
    """Group rows by the ids in them.

    Raises
    ------
    ProblemError
        If two ids cannot be told apart, which happens to one log in millions.
    """
    key, second = unit_hashes(ids)
    m = key.size
    bits = min(12, max(1, int(m // ROWS_PER_BUCKET).bit_length()))
    start = np.zeros((CHUNKS, (1 << bits) + 1), dtype=np.int64)
    ordered, index = np.empty_like(key), np.empty(m, dtype=np.int64)
    scatter_by_top(key, bits, start, ordered, index)
    sort_buckets(start[0], bits, ordered, index)
    ptr = np.empty(m + 1, dtype=np.int64)
    units = starts_of_runs(ordered, ptr)
    ptr = ptr[: units + 1].copy()
    if second is not None:
        other = second[index]
        if (other != np.repeat(other[ptr[:-1]], np.diff(ptr))).any():
            raise ProblemError("two units have ids of the same hash; give one of them another id")
    return UnitRows(ordered[ptr[:-1]], ptr, index)
