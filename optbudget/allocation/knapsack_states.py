"""Parts of the search for the best whole choice: copies, what they can be given, the staircase."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[Any]
"""int64, or Python integers where those do not fit."""

Integers = NDArray[np.int64]

LARGEST_BLOCK = 16
"""Copies that are given options together, as far as 64 blocks are enough for them all."""


@dataclass(frozen=True, eq=False)
class Turn:
    """So many copies of a group, all with the `rest` option unless another choice is made for them."""

    group: int
    copies: int
    rest: int


@dataclass(frozen=True, eq=False)
class Moves:
    """What the copies of a turn can be given: added cost and value, and how many copies take each option."""

    cost: Whole
    value: Whole
    taken: Integers
    option: Integers


def powers_of_two(copies: int) -> list[int]:
    """Powers of two that sum to a number, none far above 16 while 64 of them are enough.

    Examples
    --------
    >>> powers_of_two(37)
    [1, 4, 16, 16]
    """
    largest = max(LARGEST_BLOCK, 1 << max(0, copies.bit_length() - 7))
    rest = copies % largest
    return [1 << j for j in range(rest.bit_length()) if rest >> j & 1] + [largest] * (copies // largest)


def staircase(cost: Whole, value: Whole) -> Integers:
    """Of states, those worth more than every one that costs no more, by rising cost."""
    order = np.argsort(-value, kind="stable")
    order = order[np.argsort(cost[order], kind="stable")]
    ranked = value[order]
    best = np.maximum.accumulate(ranked)
    rises = np.concatenate((np.ones(min(1, ranked.size), dtype=bool), ranked[1:] > best[:-1]))
    steps: Integers = order[rises]
    return steps
