"""The answer to several budget lines: a few policies, and which share of the units follows each.

A basic optimal solution mixes at most one more policy than lines that bind (Altman 1999, theorem 3.8;
Dantzig & Wolfe 1960). Every unit draws its policy once, at the start, with the shares as probabilities, and
keeps it; no money is counted afterwards. The policies are Markov and deterministic, so value and spend
follow from the problem's own numbers, and are worked out here from them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError, ProblemError
from optbudget.problems.budget_lines import BudgetLines
from optbudget.problems.population import Population
from optbudget.problems.rounding import round_down
from optbudget.status import Outcome, Solution, Termination

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

USED = 1e-9
"""Share from which on a policy is in use."""
KINK = 1e-7
"""Share of a line that counts as nothing where the policies spend all of it."""


@dataclass(frozen=True, eq=False)
class Conflict:
    """Lines that no policy keeps together, though it could if any one of them were left out.

    Attributes
    ----------
    lines : indices of the lines
    weight : (J,) >= 0, 0 elsewhere; every policy spends more of the lines, so weighted, than they hold
    least : what each of `lines` would have to hold, the other lines as they are
    """

    lines: tuple[int, ...]
    weight: Floats
    least: tuple[float, ...]


@dataclass(frozen=True, eq=False, repr=False)
class PolicyMixture:
    """Shares of policies, their value and spend per line, one price per line, and a bound.

    Attributes
    ----------
    lines, population : what it answers
    share : (Q,) in (0, 1], exact sum 1; the share of the units, or the chance of each, to follow a policy
    policy : (Q, T, n) int32; the state-action pair that is taken, -1 in terminal states
    price : (J,) value of one more unit of each line, >= 0, discounted to now; NaN without an answer; of some
        lines the value is perhaps less, see `price_is_bound`
    bound : no policy, joint or not, that keeps every line in expectation is worth more
    tolerance : relative gap that was asked for
    conflict : why there is no answer, if the lines contradict each other
    outcome : why the computation stopped, and what is in hand
    stated : what `result.json` says, where the answer was read from disk

    Raises
    ------
    ProblemError
        If shares, policies or prices do not fit the problem.

    Examples
    --------
    Half of the units do what costs 1 and is worth 10, the others what is free and worth 1:

    >>> from optbudget.problems import StageBudgets
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=1)
    >>> lines = BudgetLines.of_stages(problem, StageBudgets(("now",), (1,), (3.0,)))
    >>> answer = PolicyMixture(lines, Population.at(problem, {"s": 6}), [0.5, 0.5], [[[0]], [[1]]])
    >>> answer.value, answer.spend
    (33.0, array([3.]))
    """

    lines: BudgetLines
    population: Population
    share: Floats = field(default_factory=lambda: np.zeros(0))
    policy: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0, 0), dtype=np.int32))
    price: Floats = field(default_factory=lambda: np.zeros(0))
    bound: float = math.nan
    tolerance: float = 1e-6
    conflict: Conflict | None = None
    outcome: Outcome = field(default_factory=Outcome)
    stated: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        lines, count = self.lines, np.size(self.share)
        if self.population.labels != lines.problem.labels:
            raise ProblemError("the population is of another problem: its states are not those of the lines")
        share, price = (np.array(x, dtype=np.float64) for x in (self.share, self.price))
        policy = np.array(self.policy, dtype=np.int32)
        if policy.size == 0:
            policy = policy.reshape(0, lines.horizon, lines.problem.n_states)
        if price.size == 0:
            price = np.full(len(lines.names), np.nan)
        if policy.shape != (count, lines.horizon, lines.problem.n_states):
            wanted = (count, lines.horizon, lines.problem.n_states)
            raise ProblemError(f"policies must have shape {wanted}; got {policy.shape}")
        if price.shape != lines.amount.shape:
            raise ProblemError(f"there are {price.size} prices for {lines.amount.size} lines")
        if count and not ((share > 0).all() and sum(map(Fraction, share.tolist())) == 1):
            raise ProblemError("shares must be above 0 and sum to exactly 1")
        _require_pairs(lines, policy)
        for name, array in (("share", share), ("policy", policy), ("price", price)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @cached_property
    def _evaluated(self) -> list[tuple[float, Floats]]:
        return [self.lines.evaluate(self.population, pair) for pair in self.policy]

    @property
    def policy_value(self) -> Floats:
        """Value of each policy if all units follow it, (Q,)."""
        return np.array([value for value, _ in self._evaluated])

    @property
    def policy_spend(self) -> Floats:
        """What each policy uses of each line if all units follow it, (Q, J)."""
        rows = [self.lines.by_line(use) for _, use in self._evaluated]
        return np.array(rows).reshape(len(rows), len(self.lines.names))

    @property
    def stage_use(self) -> Floats:
        """Expected use of money and each resource by stage, discounted to now, (T, 1 + R)."""
        self._require_answer()
        return np.asarray(np.tensordot(self.share, np.array([use for _, use in self._evaluated]), axes=1))

    @cached_property
    def value(self) -> float:
        """Expected value of all units: the exact sum over the policies, rounded down.

        Raises
        ------
        NoAnswerError
            If there is no answer.
        """
        self._require_answer()
        return round_down(_sum(self.share, self.policy_value))

    def exact_spend(self) -> list[Fraction]:
        """What the mixture uses of each line, the exact sum over the policies."""
        self._require_answer()
        return [_sum(self.share, spend) for spend in self.policy_spend.T]

    @property
    def spend(self) -> Floats:
        """What the mixture uses of each line, (J,), rounded to nearest."""
        return np.array([float(spend) for spend in self.exact_spend()])

    @property
    def gap_absolute(self) -> float:
        """bound - value, in value."""
        return self.bound - self.value

    @property
    def gap(self) -> float:
        """(bound - value) / (1 + |value|)."""
        return self.gap_absolute / (1.0 + abs(self.value))

    @property
    def binding(self) -> NDArray[np.bool_]:
        """Lines whose money has a price, (J,)."""
        return np.asarray(self.price > 0)

    @property
    def price_is_bound(self) -> NDArray[np.bool_]:
        """Lines of which one more unit is worth the price at most, (J,), and alone perhaps less.

        They are those of which every policy spends all, if there are several: money of one may be worth
        less without money of the others. The same holds of one alone, if the search ended early.
        """
        if self.share.size == 0:
            return np.zeros(self.price.size, dtype=np.bool_)
        least = self.policy_spend[self.share > USED].min(axis=0, initial=np.inf)
        fixed = (self.price > 0) & (least >= self.lines.amount * (1.0 - KINK))
        early = self.outcome.termination not in (Termination.OPTIMAL, Termination.TOLERANCE)
        return np.asarray(fixed & (int(fixed.sum()) > 1 or early))

    def _require_answer(self) -> None:
        if self.share.size == 0 or (self.outcome.solution is Solution.NONE and self.outcome.message):
            raise NoAnswerError(self.outcome.message or "there is no mixture")

    def to_arrow(self) -> "pa.Table":
        """One row per line: line, budget, spent, price, first_stage, last_stage, resource."""
        import pyarrow as pa

        lines, none = self.lines, self.share.size == 0
        words = ("money", *lines.resources)
        spent = np.full(lines.amount.size, np.nan) if none else self.spend
        return pa.table(
            {
                "line": pa.array(lines.names, type=pa.string()),
                "budget": lines.amount,
                "spent": spent,
                "price": self.price,
                "first_stage": lines.first,
                "last_stage": lines.end - 1,
                "resource": pa.array([words[r] for r in lines.resource], type=pa.string()),
            }
        )

    def __repr__(self) -> str:
        if self.share.size == 0:
            return f"PolicyMixture({self.outcome.termination.name}: {self.outcome.message})"
        return (
            f"PolicyMixture({self.population.size:,} units, {len(self.lines.names)} lines, "
            f"{self.share.size} policies: value {self.value:.6g}, gap {self.gap:.1e})"
        )


def _sum(share: Floats, number: Floats) -> Fraction:
    pairs = zip(share.tolist(), number.tolist(), strict=True)
    return sum((Fraction(p) * Fraction(x) for p, x in pairs), Fraction(0))


def _require_pairs(lines: BudgetLines, policy: NDArray[np.int32]) -> None:
    problem = lines.problem
    low, high = problem.pair_ptr[:-1], problem.pair_ptr[1:]
    wrong = ~problem.is_terminal & ((policy < low) | (policy >= high))
    if wrong.any():
        which, stage, state = np.argwhere(wrong)[0]
        raise ProblemError(
            f"policy {which} takes pair {policy[which, stage, state]} in {problem.labels[state]!r} at stage "
            f"{stage}; its pairs are {low[state]} to {high[state] - 1}"
        )
