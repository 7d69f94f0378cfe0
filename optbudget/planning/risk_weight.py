"""Which risk weight? The best plans over a range of weights, each flip found and not gridded.

:math:`f(\\kappa)`, the best value less κ times harm at a budget, is convex and piecewise linear
(`problems.risk_trade_off`). Where the lines of the plans at two weights cross, f is solved again: if it is on
the lines, nothing lies between the plans and the crossing is a flip; if not, there is a plan between them,
and both sides are looked at again (Eisner & Severance 1976). So n pieces take 2n - 1 solves, whichever
their lengths, where a grid finds those longer than its step, and none exactly. The crossing with the
largest error comes first, so stopping early leaves the smallest ones open.

What is proved: every plan is achieved, and none within the budget is worth more than its certificate's bound
at the weight where it was solved, *given* the effects. By convexity f is nowhere above the chords of these.
A flip is exact for values and harms as they are computed, and to the gap of the curves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optbudget.allocation import allocate
from optbudget.budgeted import solve
from optbudget.errors import NoAnswerError, UsageError
from optbudget.planning.unintended import unintended
from optbudget.problems import Allocation, BudgetedMDP, Population, SideEffects, hold_risk, without_risk
from optbudget.problems.risk_trade_off import Flip, RiskTradeOff, WeighedPlan
from optbudget.problems.side_effects import End
from optbudget.status import Solution
from optbudget.workers import Monitor

SAME = 1e-9
"""Relative gap of the curves unless asked for otherwise, and relative rounding of a plan's line."""

MOST = 101
"""Solves, unless another number is asked for."""

Solved = Callable[[float], Allocation]


def risk_trade_off(
    problem: BudgetedMDP,
    side_effects: SideEffects,
    population: Population,
    budget: float,
    *,
    weights: tuple[float, float] = (0.0, 2.0),
    tolerance: float = SAME,
    most: int = MOST,
    monitor: Monitor | None = None,
) -> RiskTradeOff:
    """The best plans at a budget for every risk weight in a range, and the weights at which they flip.

    Parameters
    ----------
    problem : without a risk, or with one, which is taken off first
    side_effects : of its actions
    population, budget : who is split among, and money
    weights : (low, high), 0 <= low <= high
    tolerance : relative gap to certify at every weight; flips are exact to it
    most : solves at most, >= 2; flips that are still open then say so

    Raises
    ------
    ProblemError
        If the side effects do not fit the problem, or a needed one is not identified.
    UsageError
        If the range or the number of solves is none.
    NoAnswerError
        If the budget is not feasible, or the harm at an end of the range cannot be said (`unintended`).

    Examples
    --------
    An e-mail is worth 3 to a warm customer for 1 and 4 to a cold one for 2, and annoys by 0.5 either way: the
    cold ones are left alone from a weight of 8 on, and the warm ones from 6:

    >>> from optbudget.allocation.examples import two_state_curves
    >>> from optbudget.problems import SideEffect
    >>> problem = two_state_curves().problem
    >>> people = Population.at(problem, {"warm": 10, "cold": 5})
    >>> annoyed = SideEffects(("email",), (SideEffect("email", None, "trust", 0.5, 0.0, 1.0, 0.9, 0.5),))
    >>> found = risk_trade_off(problem, annoyed, people, 20.0, weights=(0.0, 10.0))
    >>> [round(flip.weight, 9) for flip in found.flips], [plan.harm for plan in found.plans]
    ([6.0, 8.0], [7.5, 2.5, 0.0])
    """
    low, high = weights
    if not (0 <= low <= high < float("inf")):
        raise UsageError(f"the risk weights go from {low} to {high}; they must be numbers, 0 <= low <= high")
    if most < 2:
        raise UsageError(f"at most {most} solves were asked for; it takes 2 at least")
    plain = without_risk(problem)

    def solved(weight: float) -> Allocation:
        return _split(hold_risk(plain, side_effects, weight), population, budget, tolerance, monitor)

    plans, flips = _pieces(solved, low, high, most)
    return RiskTradeOff(budget, low, high, tuple(plans), tuple(flips))


def at_both_ends(
    problem: BudgetedMDP,
    side_effects: SideEffects,
    population: Population,
    budget: float,
    weight: float,
    *,
    tolerance: float = SAME,
    monitor: Monitor | None = None,
) -> dict[End, Allocation]:
    """The allocations if every effect is as expected, and at the less and the more harmful ends.

    Raises
    ------
    ProblemError, NoAnswerError
        As `risk_trade_off`.
    """
    plain = without_risk(problem)
    ends: tuple[End, ...] = ("lower", "expected", "upper")
    terms = {end: side_effects.risk_term(plain, weight, end=end) for end in ends}
    return {
        end: _split(term.applied(plain), population, budget, tolerance, monitor)
        for end, term in terms.items()
    }


def _split(
    problem: BudgetedMDP, population: Population, budget: float, tolerance: float, monitor: Monitor | None
) -> Allocation:
    split = allocate(solve(problem, tolerance=tolerance, monitor=monitor), population, budget)
    if split.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no plan to weigh: {split.outcome.message}")
    return split


def _weighed(weight: float, split: Allocation) -> WeighedPlan:
    found = unintended(split)
    return WeighedPlan(weight, split, found.value, found.harm)


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two plans next to each other as far as is known, and how far f may be above their lines between.

    `settled` says that nothing lies between them, `unsaid` why the harm of what does cannot be said.
    """

    left: WeighedPlan
    right: WeighedPlan
    settled: bool = False
    unsaid: str = ""

    @property
    def crossing(self) -> float:
        """The weight at which their lines cross; between the weights at which they are best."""
        gone = self.left.harm - self.right.harm
        if not gone > 0:
            return self.right.weight
        where = (self.left.value - self.right.value) / gone
        return min(max(where, self.left.weight), self.right.weight)

    @property
    def error(self) -> float:
        """The chord of f less the lines, at their crossing: the most that another plan can add."""
        a, b = self.left, self.right
        if not b.weight > a.weight:
            return 0.0
        share = (self.crossing - a.weight) / (b.weight - a.weight)
        chord = (1 - share) * a.worth(a.weight) + share * b.worth(b.weight)
        return max(0.0, chord - a.worth(self.crossing))

    @property
    def same(self) -> bool:
        """Whether one line lies on the other, to rounding."""
        room = _room(self.left.allocation)
        return (
            abs(self.left.worth(self.right.weight) - self.right.worth(self.right.weight)) <= room
            and abs(self.right.worth(self.left.weight) - self.left.worth(self.left.weight)) <= room
        )


def _room(split: Allocation) -> float:
    """How far a plan's value may be from the best one's."""
    return SAME * (1 + abs(split.value)) + split.gap_absolute


def _looked_between(pair: _Pair, split: Allocation) -> list[_Pair]:
    """What takes a pair's place, given the best split where its lines cross, worth f there as it is.

    Only a plan above both lines needs its harm; where that cannot be said the pair stays, unsettled.
    """
    if split.value <= pair.left.worth(pair.crossing) + _room(split):
        return [replace(pair, settled=True)]
    try:
        between = _weighed(pair.crossing, split)
    except NoAnswerError as error:
        return [replace(pair, unsaid=str(error))]
    return [_Pair(pair.left, between), _Pair(between, pair.right)]


def _pieces(solved: Solved, low: float, high: float, most: int) -> tuple[list[WeighedPlan], list[Flip]]:
    """Plans and flips from low to high, after at most so many solves."""
    pairs = [_Pair(_weighed(low, solved(low)), _weighed(high, solved(high)))]
    solves = 2
    while solves < most:
        open_ones = [k for k, pair in enumerate(pairs) if not (pair.settled or pair.unsaid or pair.same)]
        if not open_ones:
            break
        k = max(open_ones, key=lambda k: pairs[k].error)
        pairs[k : k + 1] = _looked_between(pairs[k], solved(pairs[k].crossing))
        solves += 1
    plans, flips = [pairs[0].left], []
    for pair in pairs:
        if not pair.same:
            error = _room(pair.left.allocation) if pair.settled else pair.error
            flips.append(Flip(pair.crossing, error, pair.settled, pair.unsaid))
            plans.append(pair.right)
    return plans, flips
