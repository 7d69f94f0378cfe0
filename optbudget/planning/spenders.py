"""Who spends money under an allocation: independent units, counted by what they do.

A unit at a useful budget follows the policy of a price between the slopes next to it; a randomised unit draws
one of two such policies at the start. Units are independent of one another (the split is decided now, and
money does not move between units afterwards), so the cumulants of their spends add.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.cumulants import cumulants, mixed_cumulants
from optbudget.budgeted.fixed_policy import FixedPolicy, pairs_of
from optbudget.budgeted.policies import policy_at, price_between
from optbudget.errors import NoAnswerError
from optbudget.problems import Allocation, BudgetedMDP, CurveSet
from optbudget.problems.lotteries import lotteries

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME = 1e-6
"""Relative difference of a policy's own spend from a useful budget up to which they are the same."""


@dataclass(frozen=True, slots=True)
class Way:
    """One course that a unit may draw at the start: where it is, which policy, and how likely."""

    state: int
    policy: int
    probability: float


@dataclass(frozen=True, eq=False)
class Spenders:
    """Independent units: `count[g]` of them draw from the ways of group g.

    Attributes
    ----------
    policies : the policies in use
    count : (g,) int64
    ways : per group what a unit of it may draw; probabilities sum to 1
    """

    policies: tuple[FixedPolicy, ...]
    count: Integers
    ways: tuple[tuple[Way, ...], ...]

    @property
    def problem(self) -> BudgetedMDP:
        """The unit problem, with as many decisions as are left."""
        return self.policies[0].problem

    @property
    def size(self) -> int:
        """Number of units."""
        return int(self.count.sum())

    def starts(self, policy: int) -> list[int]:
        """States in which units begin that may follow a policy."""
        return sorted({way.state for ways in self.ways for way in ways if way.policy == policy})

    def cumulants(self, theta: float) -> Floats:
        """(5,): log E exp(theta S) of the total spend S, and its first four cumulants when tilted."""
        known = [cumulants(policy, theta) for policy in self.policies]
        total = np.zeros(5)
        for count, ways in zip(self.count.tolist(), self.ways, strict=True):
            parts = np.stack([known[way.policy][:, way.state] for way in ways], axis=1)
            weights = np.array([way.probability for way in ways])
            total += count * (parts[:, 0] if len(ways) == 1 else mixed_cumulants(parts, weights))
        return total

    def reach(self) -> tuple[float, float]:
        """Least and most that all units together can spend, on any path."""
        ends = [(_extreme(policy, least=True), _extreme(policy, least=False)) for policy in self.policies]
        low = high = 0.0
        for count, ways in zip(self.count.tolist(), self.ways, strict=True):
            low += count * min(ends[way.policy][0][way.state] for way in ways)
            high += count * max(ends[way.policy][1][way.state] for way in ways)
        return low, high


def _extreme(policy: FixedPolicy, *, least: bool) -> Floats:
    """Least or most that one unit can spend from each state."""
    p, pick = policy.problem, np.minimum if least else np.maximum
    acting = np.flatnonzero(~p.is_terminal)
    spend = np.zeros(p.n_states)
    if acting.size == 0:
        return spend
    for k in reversed(range(policy.horizon)):
        ahead = pick.reduceat(spend[p.next_state], p.row_ptr[:-1])
        pair = policy.pairs[k, acting]
        now = spend.copy()
        now[acting] = p.cost_discount**k * p.cost[pair] + ahead[p.pair_row[pair]]
        spend = now
    return spend


def spenders(answer: Allocation) -> Spenders:
    """The units of an allocation with their policies; its problem needs a finite horizon.

    Raises
    ------
    NoAnswerError
        If the horizon is infinite, or a row's budget is no policy's own spend (curves that were pruned, or
        prices that differ by rounding).

    Examples
    --------
    >>> from optbudget.allocation import allocate
    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import Population
    >>> curves = two_state_curves()
    >>> split = allocate(curves, Population.at(curves.problem, {"warm": 10, "cold": 5}), 15.0)
    >>> units = spenders(split)
    >>> units.size, units.cumulants(0.0)[1:3]
    (15, array([15.,  1.]))
    """
    rows = zip(
        answer.state.tolist(), answer.count.tolist(), answer.unit_budget.tolist(),
        answer.probability.tolist(), strict=True,
    )  # fmt: skip
    return spending(answer.curves, [(s, n, b, p) for s, n, b, p in rows if p > 0 and n > 0])


def spending(curves: CurveSet, rows: list[tuple[int, int, float, float]]) -> Spenders:
    """The same of rows (state, units, useful budget of each, probability); lotteries are consecutive rows."""
    problem = curves.problem
    if problem.horizon is None:
        raise NoAnswerError(
            "over an infinite horizon there are only mean and variance of the spend, and the normal "
            "approximation made of them"
        )
    if curves.stage:
        problem = replace(problem, horizon=problem.horizon - curves.stage)
    policies = _Policies(curves, problem, [(s, b) for s, _, b, _ in rows])
    count, ways = [], []
    for lottery in (rows[span] for span in lotteries([(s, n, p) for s, n, _, p in rows])):
        drawn = [Way(s, policy, p * share) for s, _, b, p in lottery for policy, share in policies.of(s, b)]
        count.append(lottery[0][1])
        ways.append(tuple(drawn))
    return Spenders(tuple(policies.found), np.array(count, dtype=np.int64), tuple(ways))


class _Policies:
    """As few policies as the useful budgets need: a price serves all whose slopes it lies between."""

    def __init__(self, curves: CurveSet, problem: BudgetedMDP, wanted: list[tuple[int, float]]) -> None:
        self.curves, self.problem = curves, problem
        self.found: list[FixedPolicy] = []
        self._spend: list[Floats] = []
        self._place: dict[float, int] = {}
        self._known: dict[tuple[int, float], list[tuple[int, float]]] = {}
        between = {key: self._slopes(*key) for key in dict.fromkeys(wanted)}
        self._add([p for group in _stabbed(between) for p in self._prices(*group)])
        own = [key for key, (high, low) in between.items() if not self._served(key)]
        self._add([price_between(between[key][0], between[key][1], curves.prices) for key in own])

    def of(self, state: int, budget: float) -> list[tuple[int, float]]:
        """Policies that spend a useful budget, with their probabilities: one, or two at a unit's cap."""
        key = (state, budget)
        if not self._served(key):
            self._known[key] = self._at_cap(state, budget)
        return self._known[key]

    def _served(self, key: tuple[int, float]) -> bool:
        state, budget = key
        if key not in self._known:
            for k, spend in enumerate(self._spend):
                if abs(spend[state] - budget) <= SAME * abs(budget) + 1e-300:
                    self._known[key] = [(k, 1.0)]
                    break
        return key in self._known

    def _add(self, prices: list[float]) -> None:
        new = sorted({price for price in prices if price not in self._place}, reverse=True)
        if not new:
            return
        policy = policy_at(self.problem, new)
        for price in new:
            self._place[price] = len(self.found)
            self.found.append(FixedPolicy(self.problem, pairs_of(self.problem, policy, price)))
            self._spend.append(cumulants(self.found[-1], 0.0)[1])

    def _slopes(self, state: int, budget: float) -> tuple[float, float]:
        """The slopes of a curve to the left and to the right of a useful budget."""
        curve = self.curves.curves[state]
        level = int(np.argmin(np.abs(curve.budgets - budget)))
        slopes = np.concatenate(([np.inf], curve.prices, [0.0]))
        return float(slopes[level]), float(slopes[level + 1])

    def _prices(self, high: float, low: float) -> list[float]:
        return [price_between(high, low, self.curves.prices)]

    def _at_cap(self, state: int, budget: float) -> list[tuple[int, float]]:
        """A cap cuts an edge of the curve: the last useful budget is a lottery of its two ends."""
        spends = np.array([spend[state] for spend in self._spend])
        curve = self.curves.curves[state]
        cap = self.problem.budget_cap
        if cap is not None and len(curve) and abs(budget - cap) <= SAME * cap:
            self._add(
                [
                    price_between(float(s), float(t), self.curves.prices)
                    for s, t in (
                        (np.inf if len(curve) == 1 else curve.prices[-2], curve.prices[-1]),
                        (curve.prices[-1], 0.0),
                    )
                ]
            )
            spends = np.array([spend[state] for spend in self._spend])
            below, above = np.flatnonzero(spends < budget), np.flatnonzero(spends > budget)
            if below.size and above.size:
                low, high = below[np.argmax(spends[below])], above[np.argmin(spends[above])]
                share = float((budget - spends[low]) / (spends[high] - spends[low]))
                return [(int(low), 1 - share), (int(high), share)]
        raise NoAnswerError(
            f"no policy of {self.problem.labels[state]!r} spends {budget:.9g} by itself: "
            + why_unspent(self.curves)
        )


def why_unspent(curves: CurveSet) -> str:
    """Why no policy of a price spends a useful budget of these curves."""
    if curves.pruning_error is None:
        return "prices that differ by no more than rounding lead to it"
    return (
        "curves that were pruned do not say which policy stands behind a useful budget; solve without --prune"
    )


def _stabbed(between: dict[tuple[int, float], tuple[float, float]]) -> list[tuple[float, float]]:
    """As few open intervals of prices as possible such that each given one contains one of them."""
    groups: list[tuple[float, float]] = []
    for high, low in sorted(between.values()):
        if groups and low < groups[-1][0]:
            groups[-1] = groups[-1][0], max(low, groups[-1][1])
        else:
            groups.append((high, low))
    return groups
