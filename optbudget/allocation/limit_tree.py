"""Nested groups as a tree, and what its nodes must and may be assigned, exactly.

With inner groups and blocks for children, bottom-up,

.. math:: m_G = \\max(L_G, \\sum m_{child}), \\qquad M_G = \\min(U_G, \\sum M_{child}),

where a block of n units begins with :math:`m = n \\max(\\ell, \\beta_0)` and :math:`M = n u`. Limits can be
kept if and only if :math:`m \\le M` for every block and group and :math:`m \\le B` for all units together;
then the latter m is the least feasible budget.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.problems import LimitedPopulation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LimitTree:
    """Groups 0 to g-1 and, as node g, all units together.

    Attributes
    ----------
    units : blocks under nested limits
    money : most of all units together; None is unlimited
    """

    units: LimitedPopulation
    money: Fraction | None

    @property
    def root(self) -> int:
        return len(self.units.names)

    @cached_property
    def node(self) -> Integers:
        """(k,) innermost node of each block."""
        assert self.units.node is not None
        return np.where(self.units.node < 0, self.root, self.units.node)

    @cached_property
    def parent(self) -> Integers:
        """(g+1,) node around each; -1 for the root."""
        assert self.units.parent is not None
        return np.append(np.where(self.units.parent < 0, self.root, self.units.parent), -1)

    @cached_property
    def children(self) -> list[list[int]]:
        """Nodes directly inside each."""
        inside: list[list[int]] = [[] for _ in range(self.root + 1)]
        for v, around in enumerate(self.parent[:-1].tolist()):
            inside[around].append(v)
        return inside

    @cached_property
    def inner_first(self) -> Integers:
        """All nodes, each after those inside it."""
        order, todo = list[int](), [self.root]
        while todo:
            v = todo.pop()
            order.append(v)
            todo += self.children[v]
        return np.array(order[::-1], dtype=np.int64)

    @cached_property
    def interval(self) -> tuple[Integers, Integers]:
        """first, last (g+1,): w is v or inside v if first[v] <= first[w] < last[v]."""
        first = np.zeros(self.root + 1, dtype=np.int64)
        outer_first = self.inner_first[::-1]
        first[outer_first] = np.arange(self.root + 1)
        size = np.ones(self.root + 1, dtype=np.int64)
        for v in self.inner_first[:-1].tolist():
            size[self.parent[v]] += size[v]
        return first, first + size

    @cached_property
    def least(self) -> list[Fraction]:
        """L of each node."""
        return [*map(Fraction, self.units.group_least.tolist()), Fraction(0)]

    @cached_property
    def most(self) -> list[Fraction | None]:
        """U of each node, None where there is none."""
        limits = [None if math.isinf(u) else Fraction(u) for u in self.units.group_most.tolist()]
        return [*limits, self.money]

    @cached_property
    def _by_node(self) -> tuple[Integers, Integers]:
        order = np.argsort(self.node.astype(np.int32), kind="stable")
        return order, np.searchsorted(self.node[order], np.arange(self.root + 2))

    def own(self, money: Floats) -> list[Fraction]:
        """Exact sum of count * money over the blocks of each node that are in none inside it."""
        order, bounds = self._by_node
        count, money = self.units.count[order], money[order]
        spans = [slice(bounds[v], bounds[v + 1]) for v in range(self.root + 1)]
        return [exact.dot(count[span], money[span]) for span in spans]

    def needs(self, start: Floats) -> list[Fraction]:
        """m of each node, `start` (k,) being the least feasible budget of a unit of each block."""
        need = self.own(np.maximum(start, self.units.least))
        for v in self.inner_first.tolist():
            need[v] = max(need[v], self.least[v])
            if v != self.root:
                need[int(self.parent[v])] += need[v]
        return need

    def room(self) -> list[Fraction | None]:
        """M of each node, None where it is unlimited."""
        endless = np.isinf(self.units.most) & (self.units.count > 0)
        finite = self.own(np.where(np.isinf(self.units.most), 0.0, self.units.most))
        room: list[Fraction | None] = list(finite)
        for v in np.unique(self.node[endless]).tolist():
            room[v] = None
        for v in self.inner_first.tolist():
            limit, sum_ = self.most[v], room[v]
            room[v] = limit if sum_ is None else sum_ if limit is None else min(limit, sum_)
            if v != self.root:
                up, here = int(self.parent[v]), room[v]
                around = room[up]
                room[up] = None if here is None or around is None else around + here
        return room

    def broken(self, start: Floats) -> bool:
        """Whether no assignment keeps the limits within the money."""
        units = self.units
        if ((np.maximum(start, units.least) > units.most) & (units.count > 0)).any():
            return True
        pairs = zip(self.needs(start), self.room(), strict=True)
        return any(room is not None and need > room for need, room in pairs)
