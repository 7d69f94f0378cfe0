"""What binds, and who gets how much of it, without rounding.

A binding limit hands an exact amount of money to the units that no inner binding limit holds. They buy
steps in the order given for as long as whole blocks can be served; what then is left raises units of one
block, and one of them in part. Where sums of doubles have named the wrong limits, by a rounding, an exact sum
shows it, and the limit is named anew.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.limited_rows import Marginal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sides = NDArray[np.int8]

LEAST, FREE, MOST = -1, 0, 1
"""What binds at a node."""

NEAR = 1e-9
"""Share of all money within which sums of doubles do not tell whether a limit is kept."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of purchase by falling price: parts of segments, each for all units of a block.

    Attributes
    ----------
    block : (t,) int64
    price, money : (t,) value per money; rounded money for all units
    low, high : (t,) what one unit is assigned before and after
    at : (k,) what one unit of each block is assigned before all steps
    """

    block: Integers
    price: Floats
    money: Floats
    low: Floats
    high: Floats
    at: Floats

    def cost(self, t: int, count: Integers) -> Fraction:
        """Exact money of a step."""
        return int(count[self.block[t]]) * (Fraction(float(self.high[t])) - Fraction(float(self.low[t])))


@dataclass(frozen=True, slots=True)
class Part:
    """How the units under one binding limit share its money.

    Attributes
    ----------
    before, after : prices of the last step that is bought, perhaps for some units only, and of the first
        that is not bought for all; inf and 0 where there is none
    idle : money that none of them can use
    """

    before: float
    after: float
    idle: Fraction


@dataclass(frozen=True, eq=False)
class Shared:
    """What one whole unit of each block is assigned, and the blocks that are served in part.

    Attributes
    ----------
    at : (k,)
    marginal : at most one for each binding limit
    parts : by node
    """

    at: Floats
    marginal: list[Marginal]
    parts: dict[int, Part]

    def ends(self, tree: LimitTree, side: Sides) -> tuple[dict[int, float], dict[int, float]]:
        """By binding node, what one more unit of money there would earn, and what one less would cost.

        Besides the units it holds itself, a node may give more to an inner group that is held at its least,
        and take from one that is held at its most.
        """
        head = _heads(tree, side)
        more = {v: part.after for v, part in self.parts.items()}
        less = {v: 0.0 if part.idle else part.before for v, part in self.parts.items()}
        for v in tree.inner_first[:-1].tolist():
            outer = int(head[tree.parent[v]])
            if side[v] == LEAST:
                more[outer] = max(more[outer], more[v])
            elif side[v] == MOST:
                less[outer] = min(less[outer], less[v])
        return more, less

    def prices(self, tree: LimitTree, side: Sides) -> Floats:
        """Price of each node, (g+1,)."""
        more, less = self.ends(tree, side)
        price = np.zeros(tree.root + 1)
        price[tree.root] = more[tree.root]
        for v in tree.inner_first[::-1].tolist()[1:]:
            price[v] = price[tree.parent[v]]
            if side[v] == MOST:
                price[v] = max(more[v], price[v])
            elif side[v] == LEAST:
                price[v] = min(less[v], price[v])
        return price


def settled(tree: LimitTree, steps: Steps, side: Sides) -> tuple[Shared, Sides]:
    """The exact sharing out, `side` being what binds according to rounded sums; and what does."""
    side = side.copy()
    for _ in range(8 * tree.root + 8):
        shared = _shared(tree, steps, side)
        if isinstance(shared, int):
            side[shared] = FREE
            continue
        again = _misjudged(tree, shared, side) or _held_in_vain(tree, shared, side)
        if again is None:
            return shared, side
        side[again[0]] = again[1]
    raise AssertionError("limits that can be kept were not met")


def _heads(tree: LimitTree, side: Sides) -> Integers:
    """(g+1,) the innermost binding node around each node, itself included; else the root."""
    head = np.arange(tree.root + 1)
    for v in tree.inner_first[::-1].tolist():
        if v != tree.root and side[v] == FREE:
            head[v] = head[tree.parent[v]]
    return head


def _target(tree: LimitTree, side: Sides, v: int) -> Fraction | None:
    """What a binding node is assigned; None for the root where money is left."""
    if side[v] == LEAST:
        return tree.least[v]
    return tree.most[v] if side[v] == MOST else None


def _shared(tree: LimitTree, steps: Steps, side: Sides) -> Shared | int:
    """Each binding node's money shared out; or the node that does not bind, as its limit is too small."""
    head = _heads(tree, side)
    heads = np.unique(head)
    block_head = head[tree.node]
    step_head = block_head[steps.block]
    by_block = np.argsort(block_head.astype(np.int32), kind="stable")
    by_step = np.argsort(step_head.astype(np.int32), kind="stable")
    block_ends = np.searchsorted(block_head[by_block], np.append(heads, tree.root + 1))
    step_ends = np.searchsorted(step_head[by_step], np.append(heads, tree.root + 1))
    found = Shared(steps.at.copy(), [], {})
    for i, v in enumerate(heads.tolist()):
        inner = [w for w in heads.tolist() if w not in (v, tree.root) and head[tree.parent[w]] == v]
        target = _target(tree, side, v)
        if target is not None:
            target -= sum((_target(tree, side, w) or Fraction(0) for w in inner), Fraction(0))
        blocks = by_block[block_ends[i] : block_ends[i + 1]]
        mine = by_step[step_ends[i] : step_ends[i + 1]]
        if not _share(tree.units.count, steps, blocks, mine, target, v, found):
            return next((int(w) for w in inner if side[w] == MOST), int(v))
    return found


def _share(
    count: Integers,
    steps: Steps,
    blocks: Integers,
    mine: Integers,
    target: Fraction | None,
    v: int,
    found: Shared,
) -> bool:
    """Share `target` out among some blocks, by their steps in order; False if it is less than they have."""
    at = found.at
    if target is None:
        at[steps.block[mine]] = steps.high[mine]
        found.parts[v] = Part(np.inf, 0.0, Fraction(0))
        return True
    size, units = mine.size, count[blocks]
    rest = target - exact.dot(units, at[blocks])
    if rest < 0:
        return False
    t = int(np.searchsorted(np.cumsum(steps.money[mine]), float(rest), side="right"))
    at[steps.block[mine[:t]]] = steps.high[mine[:t]]
    rest = target - exact.dot(units, at[blocks])
    while rest < 0:
        t -= 1
        at[steps.block[mine[t]]] = steps.low[mine[t]]
        rest += steps.cost(int(mine[t]), count)
    while t < size and rest >= (cost := steps.cost(int(mine[t]), count)):
        at[steps.block[mine[t]]] = steps.high[mine[t]]
        rest -= cost
        t += 1
    after = float(steps.price[mine[t]]) if t < size else 0.0
    before = float(steps.price[mine[t - 1]]) if t else np.inf
    if t < size and rest > 0:
        k = int(mine[t])
        before = after
        found.marginal.append(Marginal(int(steps.block[k]), float(steps.low[k]), float(steps.high[k]), rest))
    found.parts[v] = Part(before, after, rest if t == size else Fraction(0))
    return True


def _misjudged(tree: LimitTree, shared: Shared, side: Sides) -> tuple[int, int] | None:
    """A node that binds though it was taken not to, and on which side; None if every limit is kept."""
    if not _near_a_limit(tree, shared, side):
        return None
    total = tree.own(shared.at)
    for part in shared.marginal:
        total[int(tree.node[part.block])] += part.money
    short, over = list[int](), False
    for v in tree.inner_first.tolist():
        most = tree.most[v]
        if most is not None and total[v] > most:
            if side[v] == FREE and not short:
                return v, MOST
            over = True
        if total[v] < tree.least[v]:
            if side[v] == FREE:
                short.append(v)
            total[v] = tree.least[v]
        if v != tree.root:
            total[int(tree.parent[v])] += total[v]
    return (short[0], LEAST) if over and short else None


def _held_in_vain(tree: LimitTree, shared: Shared, side: Sides) -> tuple[int, int] | None:
    """A node that binds though money would rather move away from its limit, and FREE; None if there is none.

    Among what one node holds, what is taken from a group at its most is given to who earns more by it, and
    what a group at its least would earn by more is taken from who loses less.
    """
    more, less = shared.ends(tree, side)
    head = _heads(tree, side)
    for v in tree.inner_first[:-1].tolist():
        outer = int(head[tree.parent[v]])
        if (side[v] == MOST and less[v] < more[outer]) or (side[v] == LEAST and more[v] > less[outer]):
            return v, FREE
    return None


def _near_a_limit(tree: LimitTree, shared: Shared, side: Sides) -> bool:
    """Whether some node that is taken to be free has, in rounded sums, about what it must or may have."""
    total = np.bincount(tree.node, tree.units.count * shared.at, minlength=tree.root + 1)
    for part in shared.marginal:
        total[tree.node[part.block]] += float(part.money)
    near = NEAR * float(total.sum())
    for v in tree.inner_first[:-1].tolist():
        most = tree.most[v]
        if side[v] == FREE and (
            total[v] < tree.least[v] + near or (most is not None and total[v] > most - near)
        ):
            return True
        total[tree.parent[v]] += max(total[v], float(tree.least[v]))
    money = tree.most[tree.root]
    return side[tree.root] == FREE and money is not None and total[tree.root] > money - near
