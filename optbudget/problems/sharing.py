"""Equal transition rows stored once.

Rows are equal if they have the same entries in the same order. They are hashed, grouped by hash, and
every member of a group is then compared with its first, so that a collision costs time and never
correctness.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.columns import Codes, Floats


@dataclass(frozen=True, slots=True)
class SharedRows:
    """Distinct rows, in order of first use, and which of them each pair uses."""

    of_pair: NDArray[np.int32]
    ptr: Codes
    next_state: NDArray[np.int32]
    probability: Floats


def share_rows(ptr: Codes, next_state: NDArray[np.integer], probability: Floats) -> SharedRows:
    """Store equal rows once: equal length, next states and probabilities, in the same order.

    Parameters
    ----------
    ptr : (m+1,) entries of pair k are ptr[k]:ptr[k+1]; no row is empty
    next_state, probability : (z,)

    Examples
    --------
    >>> rows = share_rows(np.array([0, 1, 2, 3]), np.array([0, 1, 0]), np.ones(3))
    >>> rows.of_pair, rows.next_state
    (array([0, 1, 0], dtype=int32), array([0, 1], dtype=int32))
    """
    m = ptr.size - 1
    width = np.diff(ptr)
    if m == 0:
        empty = np.empty(0, dtype=np.int32)
        return SharedRows(empty, np.zeros(1, dtype=np.int64), empty, np.empty(0))
    chosen = _representatives(ptr, width, next_state, probability)
    distinct, of_pair = np.unique(chosen, return_inverse=True)
    entry = spans(ptr[distinct], width[distinct])
    return SharedRows(
        of_pair.astype(np.int32),
        np.concatenate(([0], np.cumsum(width[distinct]))),
        next_state[entry].astype(np.int32),
        probability[entry],
    )


def _representatives(ptr: Codes, width: Codes, next_state: NDArray[np.integer], probability: Floats) -> Codes:
    """For each row the first row that equals it, (m,)."""
    bits = np.ascontiguousarray(probability).view(np.uint64)
    place = (np.arange(bits.size) - np.repeat(ptr[:-1], width)).astype(np.uint64)
    mixed = mix(bits ^ mix(next_state.astype(np.uint64) + mix(place)))
    digest = np.add.reduceat(mixed, ptr[:-1]) ^ mix(width.astype(np.uint64))
    _, first, group = np.unique(digest, return_index=True, return_inverse=True)
    chosen: Codes = first[group]
    follower = np.flatnonzero(chosen != np.arange(width.size))
    leader = chosen[follower]
    alike = width[follower] == width[leader]
    if alike.all():
        mine, theirs = spans(ptr[follower], width[follower]), spans(ptr[leader], width[leader])
        alike = (next_state[mine] == next_state[theirs]) & (bits[mine] == bits[theirs])
    if alike.all():
        return chosen
    seen: dict[tuple[bytes, bytes], int] = {}
    for k in range(width.size):
        span = slice(int(ptr[k]), int(ptr[k + 1]))
        chosen[k] = seen.setdefault((next_state[span].tobytes(), bits[span].tobytes()), k)
    return chosen


def mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit words that spreads every bit (the finaliser of splitmix64)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def spans(start: Codes, width: Codes) -> Codes:
    """The indices start[0], ..., start[0]+width[0]-1, start[1], ... one after another."""
    offset = np.cumsum(width) - width
    return np.arange(int(width.sum())) - np.repeat(offset, width) + np.repeat(start, width)
