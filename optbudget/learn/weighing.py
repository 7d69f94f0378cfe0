"""How many bytes the steps of learning take, said before they are taken.

A gram of W words takes 8 W bytes, and 16 with its count and value. A batch of N grams is there as it was
rolled, sorted, and run together, with an order where W > 1; two tables are merged into one that has room for
both, and is then cut to its size; a tree has four columns of candidates per level, at most one per gram, and
per entry of a row its symbol, its times and what follows it.
"""

from optbudget.problems.history_counts import GramTable

COLUMN = 8
"""Bytes of a number."""

PER_NODE = 15 * COLUMN
"""Columns of a tree while it is linked, and of the levels that it is made of."""

PER_ENTRY = 3 * COLUMN
"""Symbol, times and what follows, and what they are gathered from."""


def of_batch(grams: int, words: int) -> float:
    """Of rolling, sorting and running together the grams of a batch.

    Examples
    --------
    >>> of_batch(1_000, 1)
    56000.0
    """
    return float(grams * COLUMN * (3 * words + 4))


def of_merge(one: GramTable, other: GramTable) -> float:
    """Of adding two tables up, besides themselves."""
    return 2.0 * (of_table(one) + of_table(other))


def of_table(table: GramTable) -> float:
    """Of a table itself."""
    return float(len(table) * COLUMN * (table.words.shape[1] + 2))


def of_levels(table: GramTable, min_count: int) -> float:
    """Of growing the contexts of a table level by level: sums, last symbols and the widest level."""
    room = min(int(table.count.sum()) // min_count, len(table))
    return float(COLUMN * (4 * len(table) + 8 * room))


def of_tree(nodes: int, entries: int) -> float:
    """Of a tree with its rows."""
    return float(PER_NODE * nodes + PER_ENTRY * entries)
