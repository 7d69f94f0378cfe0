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
FOLLOWING: tuple[Kind, ...] = ("size", "error", "second_moment", "ambiguity")
"""Numbers that no choice is made by; an error needs its size first."""


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

    `numbers` (kinds, states, K) begins as what terminal states keep, and ends as the chosen pairs';
    `pair` (states, K) says which these are. Only what a choice rests on is computed for every pair, the
    other numbers for the chosen pairs alone.
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
        self.second_score = np.full(shape, -np.inf)
        self.pair = np.full(shape, -1, dtype=np.int32)

    def take_best(self) -> None:
        """The largest score; of equal ones the least spend (at an infinite price the most value)."""
        top = np.full(self.score.shape, -np.inf) if "top" in self.at else None
        for who, pair, value, spend, score in self._pairs():
            best = self.score[who]
            better, tied = score > best, score == best
            if tied.any():
                first, held = self.weights.least_first, self.numbers[:2, who]
                better |= tied & np.where(first, value > held[0], spend < held[1])
            self._keep(who, pair, value, spend, better)
            if "ambiguity" in self.at:
                self.second_score[who] = np.maximum(self.second_score[who], np.minimum(score, best))
            self.score[who] = np.maximum(score, best)
            if top is not None:
                top[who] = np.maximum(top[who], self._raised(pair))
        if top is not None:
            acts = self.count > 0
            self.numbers[self.at["top"], acts] = top[acts]
            self.numbers[self.at["absolute_top"], acts] = np.abs(top[acts])
        self._follow()

    def take_tied(self, *, most: bool) -> None:
        """The least or the most spend among pairs whose score is nearly the best."""
        inner = (self.weights.alpha > 0) & (self.weights.beta > 0)
        sign = np.where(inner & most, 1.0, -1.0)
        near = self.score - self._band()
        leading = np.full(self.score.shape, -np.inf)
        for who, pair, value, spend, score in self._pairs():
            second = np.where(self.weights.least_first, value, sign * spend)
            better = (score >= near[who]) & (second > leading[who])
            self._keep(who, pair, value, spend, better)
            leading[who] = np.where(better, second, leading[who])
        self._follow()

    def add_ambiguity(self) -> None:
        """Mark the states where another pair is nearly as good as the best."""
        tied = self.second_score >= self.score - self._band()
        self.numbers[self.at["ambiguity"]][tied & (self.count > 1)[:, None]] = 1.0

    def _band(self) -> Floats:
        """Which scores count as tied with the best, from the sums that the best is made of."""
        size, spend = self.numbers[self.at["size"]], self.numbers[1]
        return np.asarray(BAND * (self.weights.alpha * size + self.weights.beta * spend))

    def _pairs(self) -> Iterator[tuple[Some, NDArray[np.int64], Floats, Floats, Floats]]:
        """Of each position: which states have it, their pairs, and the pairs' values, spends and scores."""
        p = self.problem
        for position in range(int(self.count.max(initial=0))):
            having = self.count > position
            who: Some = slice(None) if having.all() else np.flatnonzero(having)
            pair = self.first[who] + position
            value = self._ahead(0, pair)
            value += p.pair_reward[pair][:, None]
            spend = self._ahead(1, pair)
            spend += p.cost[pair][:, None]
            score = self.weights.alpha * value
            score -= self.weights.beta * spend
            yield who, pair, value, spend, score

    def _ahead(self, kind: int, pair: NDArray[np.int64]) -> Floats:
        """The discounted expected numbers of one kind, of some pairs at all prices."""
        return np.asarray(np.take(self.expected[kind], self.problem.pair_row[pair], axis=0, mode="clip"))

    def _raised(self, pair: NDArray[np.int64]) -> Floats:
        """r - price c + discount P t, and above it what its rounding may be."""
        cost, reward = self.problem.cost[pair][:, None], self.problem.pair_reward[pair][:, None]
        top = self._ahead(self.at["top"], pair)
        paid = self.weights.price * cost
        size = self._ahead(self.at["absolute_top"], pair)
        size += paid + np.abs(reward)
        top += reward - paid
        top += (self.widest + 8) * ROUNDOFF * size + TINY * (size > 0)
        return top

    def _follow(self) -> None:
        """The other numbers of the pairs that were chosen."""
        others = [kind for kind in FOLLOWING if kind in self.at]
        if not others or not self.count.any():
            return
        p, acts = self.problem, np.flatnonzero(self.count > 0)
        pair = self.pair[acts]
        place = p.pair_row[pair] * pair.shape[1] + np.arange(pair.shape[1])
        size = np.zeros(pair.shape)
        for kind in others:
            x = np.take(self.expected[self.at[kind]], place, mode="clip")
            if kind == "size":
                x += np.abs(p.pair_reward)[pair]
                size = x
            elif kind == "error":
                x += (self.widest + 3) * ROUNDOFF * size
            elif kind == "second_moment":
                cost = p.cost[pair]
                x += cost * (2 * self.numbers[1, acts] - cost)
            self.numbers[self.at[kind], acts] = x

    def _keep(
        self,
        who: Some,
        pair: NDArray[np.int64],
        value: Floats,
        spend: Floats,
        better: NDArray[np.bool_],
    ) -> None:
        pairs = np.broadcast_to(pair[:, None].astype(np.int32), better.shape)
        for kept, new in ((self.numbers[0], value), (self.numbers[1], spend), (self.pair, pairs)):
            if isinstance(who, slice):
                np.copyto(kept, new, where=better)
            else:
                kept[who] = np.where(better, new, kept[who])
