"""The contexts worth telling apart: a variable-order Markov chain, or prediction suffix tree.

A context is a suffix of histories. Stored are those that ended a history at least `min_count` times, and
every single event. The next event after a history follows the row of its longest stored suffix; after it,
the longest stored suffix of the history and that event is the next context. For this to be determined by
the context alone, the set must be closed under dropping the most recent event:

    if w·e is stored, so is w: then the longest suffix of h·e is that of (longest suffix of h)·e.

Contexts stored by count are: w came before e at least as often as w·e ended a history. They are closed
under dropping the oldest event likewise, so the contexts are a tree. What a likelihood ratio prunes is put
back where either is lost (DESIGN §5.8; Ron, Singer & Tishby 1996; Begleiter, El-Yaniv & Yona 2004).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.learn import weighing
from optbudget.learn._context_kernels import (
    children,
    close,
    fill_rows,
    gains,
    link,
    row_widths,
    without_recent,
)
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import BEFORE, FIRST_EVENT, GramTable, Packing
from optbudget.workers import Monitor

ROOT, START = 0, 1
"""Nodes: the empty context, which is no state, and the history before any event."""


@dataclass(frozen=True, eq=False, repr=False)
class ContextTree:
    """Stored contexts with what followed them, n nodes and z entries of rows.

    Nodes go by length, then by the most recent event, the one before it and so on; parents come first.

    Attributes
    ----------
    names : events; symbol s is names[s - 2], symbol 1 is "end"
    order : longest context, in events
    parent : (n,) int64, the context without its oldest event; 0 for the root
    symbol : (n,) its oldest event
    recent : (n,) its most recent event; 0 for the root and the start
    length : (n,) events; 1 for the start, which stands beside the single events
    child_ptr : (n+1,) children of node i are nodes child_ptr[i]:child_ptr[i+1]
    count : (n,) how many histories it ended
    value : (n,) the value of its last event in those histories, summed, in millionths
    row_ptr, row_symbol, times : entries of row i are row_ptr[i]:row_ptr[i+1]: what followed, and how often
    following : (z,) int64, the node after that; -1 after "end"
    rank : (n,) where the node stands when nodes go by suffix: each right before what it is a suffix of

    Count, value and times are whole numbers, unless the units of the log have weights.
    """

    names: tuple[str, ...]
    order: int
    parent: Codes
    symbol: Codes
    recent: Codes
    length: Codes
    child_ptr: Codes
    count: Codes | Floats
    value: Codes | Floats
    row_ptr: Codes
    row_symbol: NDArray[np.int32]
    times: Codes | Floats
    following: Codes
    rank: Codes

    @property
    def size(self) -> int:
        return self.parent.size

    @cached_property
    def labels(self) -> list[str]:
        """Names of the nodes: events joined by ">", oldest first; "start"; the root has an empty one."""
        symbols = ["", "", *self.names]
        labels = ["", "start"]
        for parent, symbol in zip(self.parent[2:].tolist(), self.symbol[2:].tolist(), strict=True):
            labels.append(f"{symbols[symbol]}>{labels[parent]}" if parent else symbols[symbol])
        return labels

    def kept(self, chosen: NDArray[np.bool_]) -> "ContextTree":
        """The tree of some of its nodes, which must be closed under dropping either end."""
        place = np.cumsum(chosen) - 1
        node = np.flatnonzero(chosen)
        width = np.diff(self.row_ptr)
        entries = np.repeat(chosen, width)
        parts = _Nodes(
            place[self.parent[node]], self.symbol[node], self.recent[node], self.length[node],
            self.count[node], self.value[node], self.rank[node],
        )  # fmt: skip
        rows = (np.append(0, np.cumsum(width[node])), self.row_symbol[entries], self.times[entries])
        return _linked(self.names, self.order, parts, rows)

    def weighted(self, times: Floats, value: Floats, least: float) -> "ContextTree":
        """The tree of a weighted log: how often entries came true, (z,), and values of nodes, (n,).

        Of the contexts those are left that ended `least` histories or more, by weight; of single events
        those with any weight.
        """
        count = np.add.reduceat(times, self.row_ptr[:-1])
        chosen = np.where(self.length > 1, count >= least, count > 0)
        chosen[[ROOT, START]] = True
        close(self.parent, shorter_nodes(self), self.length, chosen)
        there = times > 0
        width = np.add.reduceat(there.astype(np.int64), self.row_ptr[:-1])
        some = replace(
            self, count=count, value=value, row_ptr=np.append(0, np.cumsum(width)),
            row_symbol=self.row_symbol[there], times=times[there], following=self.following[there],
        )  # fmt: skip
        return some.kept(chosen)

    def up_to(self, order: int) -> "ContextTree":
        """Contexts of up to `order` events; single events are always there."""
        chosen = self.length <= max(1, order)
        return self if order >= self.order else _replaced(self.kept(chosen), order)

    def __repr__(self) -> str:
        return f"ContextTree({self.size - 1:,} contexts of {len(self.names)} events, order {self.order})"


@dataclass(frozen=True, slots=True)
class _Nodes:
    parent: Codes
    symbol: Codes
    recent: Codes
    length: Codes
    count: Codes | Floats
    value: Codes | Floats
    rank: Codes


def context_tree(
    table: GramTable,
    names: Sequence[str],
    packing: Packing,
    *,
    order: int | None = None,
    min_count: int = 10,
    prune_ratio: float = 0.0,
    monitor: Monitor | None = None,
) -> ContextTree:
    """The contexts of a table of grams.

    Parameters
    ----------
    table, names, packing : as `HistoryCounts` has them
    order : longest context; at most, and by default, that of the packing. With 0, too, single events are
        stored: the state is the last event, but what follows does not depend on it
    min_count : how many histories a context must have ended; single events are always stored
    prune_ratio : drop a context if its row explains what followed it less than so many nats better than
        the row of the context without the oldest event (times its log-likelihood ratio); 0 drops none
    monitor : its memory limit is kept

    Raises
    ------
    ProblemError
        If the table is empty or an option is out of range.
    LimitError
        If the tree would take more memory than the monitor allows.
    """
    order = packing.order if order is None else order
    if not 0 <= order <= packing.order:
        raise ProblemError(f"order is {order}; histories of up to {packing.order} events were counted")
    if min_count < 1:
        raise ProblemError(f"min_count is {min_count}; it must be at least 1")
    if not prune_ratio >= 0:
        raise ProblemError(f"prune_ratio is {prune_ratio}; it must be >= 0")
    if not len(table):
        raise ProblemError("no unit is left to make a model from: all are held out; hold out a smaller share")
    tree = _grown(table, tuple(names), packing, order, min_count, monitor or Monitor())
    return pruned(tree, prune_ratio) if prune_ratio > 0 else tree


def pruned(tree: ContextTree, ratio: float) -> ContextTree:
    """Without the contexts that gain less than `ratio` nats over their parent, if the set stays closed."""
    gain = np.zeros(tree.size)
    gains(tree.parent, tree.row_ptr, tree.row_symbol, tree.times, tree.count, gain)
    chosen = (gain >= ratio) | (tree.length <= 1)
    close(tree.parent, shorter_nodes(tree), tree.length, chosen)
    return tree.kept(chosen)


def shorter_nodes(tree: ContextTree) -> Codes:
    """For each node the one without its most recent event, (n,); -1 where it is not stored."""
    found = np.empty(tree.size, dtype=np.int64)
    without_recent(tree.parent, tree.symbol, tree.length, tree.child_ptr, found)
    return found


def _grown(
    table: GramTable,
    names: tuple[str, ...],
    packing: Packing,
    order: int,
    min_count: int,
    monitor: Monitor,
) -> ContextTree:
    """All contexts that were seen often enough, level by level."""
    what = f"a tree of the contexts of {len(table):,} histories"
    monitor.require_memory(weighing.of_levels(table, min_count), what)
    total = np.append(0, np.cumsum(table.count))
    worth = np.append(0, np.cumsum(table.value))
    n = len(table)
    levels = [_level([0], [0], [0], [n])]
    mask = np.uint64((1 << packing.bits) - 1)
    for position in range(max(1, order)):
        before, first = levels[-1], sum(level[0].size for level in levels[:-1])
        least = 1 if position == 0 else min_count
        room = min(int(total[-1]) // least, n)
        found = tuple(np.empty(room, dtype=np.int64) for _ in range(4))
        word, shift = packing.place(position)
        k = children(table.words, total, before[2], before[3], (word, np.uint64(shift), mask), least, found)
        parent, symbol, low, high = (array[:k].copy() for array in found)
        if position == 0:
            # The start stands first; as no other history, it is one whose most recent symbol is 0.
            begun = int(low[0]) if k else n
            parent, symbol = np.append(-first, parent), np.append(BEFORE, symbol)
            low, high = np.append(0, low), np.append(begun, high)
        elif k == 0:
            break
        levels.append((parent + first, symbol, low, high))
    parent, symbol, low, high = (np.concatenate(arrays) for arrays in zip(*levels, strict=True))
    length = np.repeat(np.arange(len(levels)), [level[0].size for level in levels])
    recent = symbol.copy()
    for begin, end in _spans(levels)[2:]:
        recent[begin:end] = recent[parent[begin:end]]
    following = packing.symbol(table.words, packing.order).astype(np.int32)
    width = np.zeros(low.size, dtype=np.int64)
    row_widths(following, low, high, len(names) + FIRST_EVENT, width)
    row_ptr = np.append(0, np.cumsum(width))
    monitor.require_memory(
        weighing.of_levels(table, min_count) + weighing.of_tree(low.size, int(row_ptr[-1])), what
    )
    row_symbol, times = np.empty(row_ptr[-1], dtype=np.int32), np.empty(row_ptr[-1], dtype=np.int64)
    fill_rows(following, table.count, low, high, len(names) + FIRST_EVENT, row_ptr, row_symbol, times)
    rank = np.empty(low.size, dtype=np.int64)
    rank[np.lexsort((length, low))] = np.arange(low.size)
    parts = _Nodes(parent, symbol, recent, length, total[high] - total[low], worth[high] - worth[low], rank)
    return _linked(names, order, parts, (row_ptr, row_symbol, times))


def _level(*columns: list[int]) -> tuple[Codes, ...]:
    return tuple(np.array(column, dtype=np.int64) for column in columns)


def _spans(levels: list[tuple[Codes, ...]]) -> list[tuple[int, int]]:
    ends = np.cumsum([level[0].size for level in levels]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _linked(
    names: tuple[str, ...], order: int, nodes: _Nodes, rows: tuple[Codes, NDArray[np.int32], Codes | Floats]
) -> ContextTree:
    """The tree of nodes and rows: children pointed at, and the node that follows each entry."""
    row_ptr, row_symbol, times = rows
    families = np.bincount(nodes.parent[START + 1 :], minlength=nodes.parent.size)
    child_ptr = np.append(START + 1, START + 1 + np.cumsum(families))
    rank = np.empty_like(nodes.rank)
    rank[np.argsort(nodes.rank)] = np.arange(rank.size)
    shorter = np.empty(nodes.parent.size, dtype=np.int64)
    without_recent(nodes.parent, nodes.symbol, nodes.length, child_ptr, shorter)
    if (shorter < 0).any():
        raise ProblemError("the contexts are not closed under dropping the most recent event")
    following = np.full(row_symbol.size, -1, dtype=np.int64)
    link(nodes.parent, nodes.recent, shorter, row_ptr, row_symbol, following)
    return ContextTree(
        names, order, nodes.parent, nodes.symbol, nodes.recent, nodes.length, child_ptr, nodes.count,
        nodes.value, row_ptr, row_symbol, times, following, rank,
    )  # fmt: skip


def _replaced(tree: ContextTree, order: int) -> ContextTree:
    return replace(tree, order=order)


def mean_values(tree: ContextTree) -> Floats:
    """The mean value of each context's last event in its histories, (n,); 0 at the start."""
    from optbudget.problems.history_counts import MICRO

    found = tree.value / (np.where(tree.count > 0, tree.count, 1) * float(MICRO))
    found[[ROOT, START]] = 0.0
    return found
