"""Why not more here: every state's last and next money held against the price.

An optimal split at the price :math:`\\lambda` has bought every segment whose own price is above it and
none below. So two numbers per state say it all: the price of its last segment bought,
:math:`\\ge \\lambda`, and of its next one, :math:`\\le \\lambda`; the place of either in the order of
purchase says at which total budget the decision would change (Boutilier & Lu 2016, section 5.2). One
step against the order loses :math:`|\\Delta v - \\lambda \\Delta b|` per unit, because the money is
worth :math:`\\lambda` elsewhere; of many units the loss is at least that, since the price moves too.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import greedy
from optbudget.curves import Curves
from optbudget.errors import NoAnswerError, UsageError
from optbudget.problems import Allocation
from optbudget.problems.explanation import Binding, Difference, Explanation, Step
from optbudget.status import Solution

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME_PRICE = 1e-12
"""Relative difference of two slopes that are one price, as in the certificate of a backup."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """Units that are explained together: those of one state, or one unit that a limit singles out.

    Attributes
    ----------
    state, unit, block, units : (k,) int64; state, unit of the population or -1, block under limits, how many
    row : (r,) int64; which part a row of the allocation is of
    price : (k,) what money is worth elsewhere to them
    """

    state: Integers
    unit: Integers
    block: Integers
    units: Integers
    row: Integers
    price: Floats

    @classmethod
    def of(cls, allocation: Allocation) -> "_Parts":
        """One part per state with units, and one per unit that a limit singles out."""
        count, n = allocation.population.count, allocation.curves.problem.n_states
        state, unit, row = np.arange(n), np.full(n, -1), allocation.state
        price = np.full(n, allocation.price)
        if allocation.limits is not None:
            blocks = allocation.limited()
            state, unit, count = blocks.state, blocks.unit, blocks.count
            code, prices = blocks.prices(allocation.price, allocation.multipliers)
            price = np.array([float(p) for p in prices])[code]
            if allocation.unit is not None:
                row = np.where(allocation.unit < 0, row, n + np.searchsorted(unit[n:], allocation.unit))
        there = np.flatnonzero(count)
        place = np.zeros(count.size, dtype=np.int64)
        place[there] = np.arange(there.size)
        return cls(state[there], unit[there], there, count[there], place[row], price[there])

    def means(self, allocation: Allocation) -> tuple[Floats, Floats]:
        """Expected money and value of one unit of each part."""
        weight = allocation.count * allocation.probability
        budget, value = (
            np.bincount(self.row, weight * column, minlength=self.state.size) / self.units
            for column in (allocation.unit_budget, allocation.unit_value)
        )
        return budget, value

    def extremes(self, allocation: Allocation, level: Integers) -> tuple[Integers, Integers, Integers]:
        """Of each part the lowest and the highest level of its rows, and that of most of its units."""
        size = self.state.size
        lowest, highest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, dtype=np.int64)
        np.minimum.at(lowest, self.row, level)
        np.maximum.at(highest, self.row, level)
        segments = allocation.curves.curves.segments[self.state] + 1
        place = (np.cumsum(segments) - segments)[self.row] + level
        units = np.bincount(place, allocation.count * allocation.probability)
        most = np.zeros(size, dtype=np.int64)
        order = np.argsort(units[place], kind="stable")
        most[self.row[order]] = level[order]
        return lowest, highest, most


def explain(allocation: Allocation) -> Explanation:
    """What binds in every state with units, and what its last and its next money are worth.

    Raises
    ------
    NoAnswerError
        If there is no allocation; the message is why.
    UsageError
        If it is not an Allocation.

    Examples
    --------
    Ten warm customers are served; the money ends among the cold ones, where 2 more are needed for one more:

    >>> from optbudget import Population, allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> why = explain(allocate(curves, people, 14.0))
    >>> [str(reason) for reason in why.binding]
    ['no use for more', 'money ends here']
    >>> why.last.price, why.last.total      # below a total of 10, the warm ones would have less
    (array([3., 2.]), array([10., 14.]))
    """
    _require_answer(allocation)
    curves = allocation.curves.curves
    parts = _Parts.of(allocation)
    state, (budget, value) = parts.state, parts.means(allocation)
    level = levels(curves, allocation.state, allocation.unit_budget)
    lowest, highest, most = parts.extremes(allocation, level)
    by_price = allocation.method not in ("uniform", "ip")
    has_next, has_last = lowest < curves.segments[state], highest > 0
    in_order = by_price and allocation.limits is None
    after, before = _totals(allocation) if in_order else (None, None)
    first = curves.indptr[state]
    coming = _step(allocation, state, first + lowest, lowest + 1, has_next, before)
    last = _step(allocation, state, first + highest - 1, highest - 1, has_last, after)
    bought = np.flatnonzero((lowest < highest) & in_order)
    coming.total[bought] = last.total[bought] = allocation.spent
    found = Explanation(
        allocation, state, parts.unit, parts.units, budget, value,
        allocation.curves.first_action[first + state + most], parts.price, (), (), last, coming, by_price,
    )  # fmt: skip
    return _with_reasons(found, parts.block, lowest < highest)


def difference(before: Allocation, after: Allocation) -> Difference:
    """Two allocations beside each other: who has more, who less, and what the change of value is made of.

    They may be of different populations and of different models; states are matched by their labels.

    Raises
    ------
    NoAnswerError
        If one of them holds no allocation.
    UsageError
        If one of them is not an Allocation, or they have no state or no money in common.

    Examples
    --------
    >>> from optbudget import Population, allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> moved = difference(allocate(curves, people, 10.0), allocate(curves, people, 16.0))
    >>> moved.label, moved.spend_after - moved.spend_before, moved.of_money
    (('warm', 'cold'), array([0., 6.]), array([ 0., 12.]))
    """
    _require_answer(before)
    _require_answer(after)
    old, new = _by_label(before), _by_label(after)
    labels = tuple(dict.fromkeys([*new, *old]))
    known = set(before.curves.problem.labels), set(after.curves.problem.labels)
    _require_one_question(before, after)
    units, budget, value = (
        np.array([[side[label][i] if label in side else none for label in labels] for side in (old, new)])
        for i, none in ((0, 0), (1, np.nan), (2, np.nan))
    )
    was, now, kept = (np.zeros(len(labels)) for _ in range(3))
    same = _same_curves(before, after)
    for k, label in enumerate(labels):
        now[k] = value[1, k] if units[1, k] else 0.0
        if label not in known[0]:  # Nobody could be there: all that it is worth came with its units.
            was[k] = kept[k] = now[k]
            continue
        money, was[k] = (budget[0, k], value[0, k]) if units[0, k] else _at_price(before, label)
        stays = same or label not in known[1]
        kept[k] = was[k] if stays else _worth_of(after, label, money, otherwise=now[k])
    stayed = units[1].astype(np.float64)
    total = [
        np.where(u > 0, u * np.nan_to_num(x), 0.0) for u, x in ((units[0], value[0]), (units[1], value[1]))
    ]
    spend = [np.where(u > 0, u * np.nan_to_num(x), 0.0) for u, x in zip(units, budget, strict=True)]
    return Difference(
        before, after, labels, units[0].astype(np.int64), units[1].astype(np.int64), budget[0], budget[1],
        spend[0], spend[1], total[0], total[1],
        tuple(old[label][3] if label in old else None for label in labels),
        tuple(new[label][3] if label in new else None for label in labels),
        of_units=(units[1] - units[0]) * was, of_model=stayed * (kept - was), of_money=stayed * (now - kept),
    )  # fmt: skip


def levels(curves: Curves, state: Integers, budget: Floats) -> Integers:
    """Which useful budget of its curve each budget is, 0 the least: the last one that is not above it."""
    points, _ = curves.breakpoints()
    first = curves.indptr[state] + state
    low, high = np.zeros(state.size, dtype=np.int64), curves.segments[state] + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        fits = points[first + np.minimum(middle, curves.segments[state])] <= budget
        move = high - low > 1
        low = np.where(move & fits, middle, low)
        high = np.where(move & ~fits, middle, high)
    return low


def _require_answer(allocation: object) -> None:
    if not isinstance(allocation, Allocation):
        raise UsageError(f"an Allocation is needed, as allocate() returns; got {allocation!r:.40}")
    if allocation.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no allocation to explain: {allocation.outcome.message}")


def _require_one_question(before: Allocation, after: Allocation) -> None:
    """Refuse two answers whose numbers cannot be held against each other."""
    old, new = before.curves.problem, after.curves.problem
    if not set(old.labels) & set(new.labels):
        raise UsageError("the two are of different models, which have no state in common")
    if old.money_unit != new.money_unit:
        raise UsageError(f"the two are in different money: {old.money_unit} and {new.money_unit}")


def _totals(allocation: Allocation) -> tuple[Floats, Floats]:
    """For each segment: the total budget once it is bought for all units, and just before; NaN if never."""
    curves, count = allocation.curves.curves, allocation.population.count
    order = greedy.order_of_purchase(curves, count)
    running = float(count @ curves.start_budget) + np.cumsum(order.cost)
    after, before = np.full(curves.length.size, np.nan), np.full(curves.length.size, np.nan)
    after[order.segment] = running
    before[order.segment] = running - order.cost
    return after, before


def _step(
    allocation: Allocation,
    state: Integers,
    segment: Integers,
    level: Integers,
    there: NDArray[np.bool_],
    totals: Floats | None,
) -> Step:
    """One segment per state, and the action at the level it leads to."""
    curves = allocation.curves.curves

    def where(values: Floats) -> Floats:
        found = np.full(state.size, np.nan)
        found[there] = values[segment[there]]
        return found

    length, gain = where(curves.length), where(curves.gain)
    action = np.full(state.size, -1, dtype=np.int32)
    place = curves.indptr[state] + state + level
    action[there] = allocation.curves.first_action[place[there]]
    total = np.full(state.size, np.nan) if totals is None else where(totals)
    return Step(length, gain, gain / length, action, total)


def _with_reasons(why: Explanation, block: Integers, divided: NDArray[np.bool_]) -> Explanation:
    """Why the units of each part do not have more; `divided` where some have more than others."""
    limits = _Limits(why.allocation)
    reasons = []
    for k, s in enumerate(why.state.tolist()):
        ahead, price = float(why.next.price[k]), float(why.price[k])
        curve, cap = why.allocation.curves.curves[s], why.allocation.curves.problem.budget_cap
        b, behind = int(block[k]), float(why.last.price[k])
        wants, has = ahead > price * (1 + SAME_PRICE), behind < price * (1 - SAME_PRICE)
        held = limits.of_units(b, float(why.budget[k]), wants, has)
        named = held or limits.of_group(b, behind)
        if not ahead > 0:
            at_cap = cap is not None and curve.largest_useful_budget >= cap * (1 - 2.0**-50)
            reason = Binding.CAP if at_cap else Binding.USEFUL
        elif not why.by_price:
            reason = Binding.SHARE
        elif named.startswith("most"):
            reason = Binding.LIMIT
        else:
            # A unit at its own least has a part of a segment because of that, not because money ends.
            ends_here = (bool(divided[k]) and not held) or ahead >= price * (1 - SAME_PRICE)
            reason = Binding.MONEY if ends_here else Binding.PRICE
        reasons.append((reason, named))
    binding, limit = zip(*reasons, strict=True) if reasons else ((), ())
    return replace(why, binding=tuple(binding), limit=tuple(limit))


class _Limits:
    """Names of the limits that decide about a block: of groups by multipliers, of units by what they have.

    Of several groups that bind about a block the innermost is named where one contains the other, and all of
    them where they overlap; a least only where it gives the block money that it would not have without.
    """

    def __init__(self, allocation: Allocation) -> None:
        self._groups: dict[int, list[tuple[str, str]]] = {}
        self._units = None if allocation.limits is None else allocation.limited()
        if self._units is None:
            return
        self._names = allocation.population.unit
        held = dict(zip(self._units.names, self._units.members, strict=True))
        nested = self._units.overlap is None
        binding = [one for one in allocation.multipliers if one.value > 0]
        code, prices = self._units.prices(
            allocation.price, [one for one in allocation.multipliers if one.side == "most"]
        )
        self._without_leasts = np.array([float(p) for p in prices])[code]
        for one in sorted(binding, key=lambda one: held[one.group].size):
            for b in held[one.group].tolist():
                names = self._groups.setdefault(b, [])
                if not names or (not nested and names[0][0] == one.side):
                    names.append((one.side, one.group))

    def of_group(self, block: int, last: float) -> str:
        """The limits of groups behind what a block has, whose last money is worth `last`; or ""."""
        names = self._groups.get(block, [])
        if not names:
            return ""
        side = names[0][0]
        if side == "least" and not last < self._without_leasts[block] * (1 - SAME_PRICE):
            return ""
        return f"{side} of {' and '.join(name for _, name in names)}"

    def of_units(self, block: int, budget: float, wants_more: bool, has_more: bool) -> str:
        """The limit of one unit that its budget stands at, where the price would have it otherwise; or ""."""
        if self._units is None:
            return ""
        least, most = float(self._units.least[block]), float(self._units.most[block])
        single = int(self._units.unit[block])
        whose = "one unit" if single < 0 or self._names is None else f"unit {self._names[single]}"
        if wants_more and budget >= most * (1 - SAME_PRICE):
            return f"most of {whose}"
        if has_more and budget <= least * (1 + SAME_PRICE):
            return "least share" if self._units.fair[block] else f"least of {whose}"
        return ""


def _by_label(allocation: Allocation) -> dict[str, tuple[int, float, float, str | None]]:
    """Of each state with units: how many, money and value of one, and what most of them do now."""
    problem, size = allocation.curves.problem, allocation.curves.problem.n_states
    weight = allocation.count * allocation.probability
    spend, value = (
        np.bincount(allocation.state, weight * column, minlength=size)
        for column in (allocation.unit_budget, allocation.unit_value)
    )
    action = np.full(size, -1)
    key = allocation.state * (len(problem.actions) + 1) + allocation.action + 1
    row = np.unique(key, return_inverse=True)[1]
    units = np.bincount(row, weight)
    order = np.argsort(units[row], kind="stable")
    action[allocation.state[order]] = allocation.action[order]
    found: dict[str, tuple[int, float, float, str | None]] = {}
    for s in np.flatnonzero(allocation.population.count).tolist():
        n = int(allocation.population.count[s])
        does = problem.actions[action[s]] if action[s] >= 0 else None
        found[problem.labels[s]] = (n, float(spend[s]) / n, float(value[s]) / n, does)
    return found


def _same_curves(one: Allocation, other: Allocation) -> bool:
    """Whether both were made from the same curves of the same states."""
    names = ("start_budget", "start_value", "indptr", "length", "gain")
    return one.curves.problem.labels == other.curves.problem.labels and all(
        np.array_equal(getattr(one.curves.curves, name), getattr(other.curves.curves, name)) for name in names
    )


def _at_price(allocation: Allocation, label: str) -> tuple[float, float]:
    """Money and value of one unit of a state that would buy every segment above the allocation's price."""
    curve = allocation.curves[label]
    bought = curve.prices > allocation.price
    return (
        float(curve.start_budget + curve.length[bought].sum()),
        float(curve.start_value + curve.gain[bought].sum()),
    )


def _worth_of(allocation: Allocation, label: str, budget: float, *, otherwise: float) -> float:
    """Value of one unit of a state with a budget; what it has instead where that is no feasible budget."""
    value = float(allocation.curves[label].value(budget))
    return value if np.isfinite(value) else otherwise
