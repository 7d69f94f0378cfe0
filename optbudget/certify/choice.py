"""One stage of a backward pass: the best pair of each state at each price, and its numbers.

See :mod:`optbudget.certify.support` for what the numbers are. Pairs are looked at one position at a time,
all states at once, so there is no loop over states.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import BudgetedMDP

Floats = NDArray[np.float64]
Some = slice | NDArray[np.intp]
Ties = Literal["strict", "least", "most"]
Kind = Literal[
    "value", "spend", "size", "error", "top", "absolute_top", "second_moment", "ambiguity"
]  # fmt: skip

ROUNDOFF = 2.0**-53
TINY = 2.0**-900
"""Above everything that underflow can lose in one stage."""
BAND = 2.0**-41
"""Scores that differ by less than this share of the sums they are made of count as tied."""


@dataclass(frozen=True, eq=False)
class Weights:
    """How prices weigh at one stage, (K,) each.

    Attributes
    ----------
    least_first : whether the price is infinite: least spend, then most value
    price : of one unit of money at this stage; 0 where it is infinite
    alpha, beta : of value and spend in a score
    """

    least_first: NDArray[np.bool_]
    price: Floats
    alpha: Floats
    beta: Floats


def rates(problem: BudgetedMDP, kinds: tuple[Kind, ...]) -> Floats:
    """What each kind of number is discounted by, (kinds,)."""
    own: dict[Kind, float] = {
        "spend": problem.cost_discount, "second_moment": problem.cost_discount**2, "ambiguity": 1.0,
    }  # fmt: skip
    return np.array([own.get(kind, problem.discount) for kind in kinds])


class Choice:
    """The best pair of some states at each price; `expected` holds discounted expected numbers.

    `numbers` (states, kinds, K) begins as what terminal states keep, and ends as the chosen pairs';
    `pair` (states, K) says which these are.
    """

    def __init__(
        self,
        problem: BudgetedMDP,
        expected: Floats,
        states: slice,
        unchanged: Floats,
        kinds: tuple[Kind, ...],
        weights: Weights,
        widest: int,
    ) -> None:
        self.problem, self.expected, self.weights, self.widest = problem, expected, weights, widest
        self.at = {kind: i for i, kind in enumerate(kinds)}
        bounds = problem.pair_ptr[states.start : states.stop + 1]
        self.first, self.count = bounds[:-1], np.diff(bounds)
        self.numbers = unchanged.copy()
        shape = (self.first.size, weights.price.size)
        self.score = np.full(shape, -np.inf)
        self.pair = np.full(shape, -1, dtype=np.int32)

    def take_best(self) -> None:
        """The largest score; of equal ones the least spend (at an infinite price the most value)."""
        top = np.full(self.score.shape, -np.inf if "top" in self.at else 0.0)
        for who, pair, q, score in self._pairs():
            best = self.score[who]
            better, tied = score > best, score == best
            if tied.any():
                first, held = self.weights.least_first, self.numbers[who]
                better |= tied & np.where(first, q[:, 0] > held[:, 0], q[:, 1] < held[:, 1])
            self._keep(who, pair, q, better)
            self.score[who] = np.maximum(score, best)
            if "top" in self.at:
                top[who] = np.maximum(top[who], q[:, self.at["top"]])
        if "top" in self.at:
            acts = self.count > 0
            self.numbers[acts, self.at["top"]] = top[acts]
            self.numbers[acts, self.at["absolute_top"]] = np.abs(top[acts])

    def take_tied(self, *, most: bool) -> None:
        """The least or the most spend among pairs whose score is nearly the best."""
        inner = (self.weights.alpha > 0) & (self.weights.beta > 0)
        sign = np.where(inner & most, 1.0, -1.0)
        near = self.score - self._band()
        leading = np.full(self.score.shape, -np.inf)
        for who, pair, q, score in self._pairs():
            second = np.where(self.weights.least_first, q[:, 0], sign * q[:, 1])
            better = (score >= near[who]) & (second > leading[who])
            self._keep(who, pair, q, better)
            leading[who] = np.where(better, second, leading[who])

    def add_ambiguity(self) -> None:
        """Mark the states where another pair is nearly as good as the best."""
        near = self.score - self._band()
        tied = np.zeros(self.score.shape, dtype=np.int64)
        for who, _, _, score in self._pairs():
            tied[who] += score >= near[who]
        self.numbers[:, self.at["ambiguity"]][tied > 1] = 1.0

    def _band(self) -> Floats:
        """Which scores count as tied with the best, from the sums that the best is made of."""
        size, spend = self.numbers[:, self.at["size"]], self.numbers[:, 1]
        return BAND * (self.weights.alpha * size + self.weights.beta * spend)

    def _pairs(self) -> Iterator[tuple[Some, NDArray[np.int64], Floats, Floats]]:
        """Of each position: which states have it, their pairs, the pairs' numbers and scores."""
        for position in range(int(self.count.max(initial=0))):
            having = self.count > position
            who: Some = slice(None) if having.all() else np.flatnonzero(having)
            pair = self.first[who] + position
            q = np.take(self.expected, self.problem.pair_row[pair], axis=0)
            self._add_one_decision(pair, q)
            score = self.weights.alpha * q[:, 0]
            score -= self.weights.beta * q[:, 1]
            yield who, pair, q, score

    def _add_one_decision(self, pair: NDArray[np.int64], q: Floats) -> None:
        """Turn discounted expected numbers one decision later into the pairs' own, in place."""
        p = self.problem
        cost, reward = p.cost[pair][:, None], p.pair_reward[pair][:, None]
        if "second_moment" in self.at:
            q[:, self.at["second_moment"]] += cost * (cost + 2 * q[:, 1])
        if "top" in self.at:
            self._raise_top(q, cost, reward)
        q[:, 0] += reward
        q[:, 1] += cost
        if "size" in self.at:
            size = q[:, self.at["size"]]
            size += np.abs(reward)
            q[:, self.at["error"]] += (self.widest + 3) * ROUNDOFF * size

    def _raise_top(self, q: Floats, cost: Floats, reward: Floats) -> None:
        """r - price c + discount P t, and above it what its rounding may be."""
        top = q[:, self.at["top"]]
        paid = self.weights.price * cost
        size = np.abs(reward) + paid + q[:, self.at["absolute_top"]]
        top += reward - paid
        top += (self.widest + 8) * ROUNDOFF * size + TINY * (size > 0)

    def _keep(
        self,
        who: Some,
        pair: NDArray[np.int64],
        q: Floats,
        better: NDArray[np.bool_],
    ) -> None:
        pairs = np.broadcast_to(pair[:, None].astype(np.int32), better.shape)
        for kept, new, where in ((self.numbers, q, better[:, None]), (self.pair, pairs, better)):
            if isinstance(who, slice):
                np.copyto(kept, new, where=where)
            else:
                kept[who] = np.where(where, new, kept[who])
