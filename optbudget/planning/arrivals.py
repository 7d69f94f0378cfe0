"""One budget for those who are here and those who are still to come.

With :math:`C_s` units here and :math:`E[N_{ks}]` expected at stage k in state s, wanted is

.. math:: \\max \\sum_s C_s V_0(s, b_{0s}) + \\sum_{k,s} \\gamma^k E[N_{ks}] V_k(s, b_{ks})
          \\quad\\text{s.t.}\\quad \\sum_s C_s b_{0s} + \\sum_{k,s} \\gamma_c^k E[N_{ks}] b_{ks} \\le B,

where :math:`V_k` is the curve of the stages that are left (Boutilier & Lu 2016, section 5.2, last
paragraph, which leaves the details out). A segment of :math:`V_k` counts with its gain times
:math:`\\gamma^k E[N]` and its length times :math:`\\gamma_c^k E[N]`, so with its price times
:math:`(\\gamma / \\gamma_c)^k`; segments are bought by falling price until the money ends, as without
arrivals. The last of them is bought in part: here by whole units and one randomised unit, and of
those to come by letting each draw.

**It is optimal**, not only within plans that fix amounts now: for a price :math:`\\lambda \\ge 0` the problem
of all units with recourse separates, and each unit that comes is worth at most its line, so

.. math:: \\lambda B + \\sum_s C_s w_0(s) + \\sum_{k,s} \\gamma^k E[N_{ks}] w_k(s)

bounds every policy that keeps the budget in expectation, whatever the law of the numbers, provided that
decisions change neither who comes nor how other units move. Linear duality closes the gap.

Counts, rates and money are rational numbers throughout: a fraction of an expected unit is exact.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import exact
from optbudget.allocation.allocate import require_one_problem, with_bound
from optbudget.allocation.dealing import Point, deal
from optbudget.allocation.split import checked_budget
from optbudget.certify import arrivals_bound
from optbudget.errors import ProblemError, UsageError
from optbudget.problems import Allocation, ArrivalAllocation, Arrivals, CurveSet, Population
from optbudget.problems.arrival_allocation import discounted_sum
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def allocate_with_arrivals(
    curves: CurveSet, population: Population, arrivals: Arrivals, budget: float, *, stage: int = 0
) -> ArrivalAllocation:
    """Split one budget over those who are here and those who are expected, at one price for all.

    Parameters
    ----------
    curves : of a finite horizon, solved with `keep_stages=True`
    population : units per state that are here, with the decisions from `stage` on before them
    arrivals : units expected, by stage and state; those of a stage before `stage` are over and refused
    budget : money of now, >= 0, for all of them together; infinity buys everything useful
    stage : the stage that now is: re-planning later in the horizon counts and discounts from there

    Returns
    -------
    ArrivalAllocation
        `value` is rounded down, `bound` up, `spent` is at most the budget in exact arithmetic. Outcome as
        of `allocate`; INFEASIBLE, with no rows and every number NaN, where the money does not cover the
        least feasible budgets of all who are here and expected.

    Raises
    ------
    ProblemError
        If the population or the arrivals are of another problem, or the budget is not a number >= 0.
    UsageError
        If curves of a stage were not kept, a unit's budget is capped, or an arrival is in the past.

    Examples
    --------
    Ten units are here, and on average 2.5 come with one decision left; nine tenths of their spend count:

    >>> from optbudget import solve
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> curves = solve(problem, keep_stages=True)
    >>> plan = allocate_with_arrivals(
    ...     curves, Population.at(problem, {"s": 10}), Arrivals.at(problem, {(1, "s"): 2.5}), 20.0)
    >>> plan
    ArrivalAllocation(10 units here, 2.5 expected, budget 20: value 201.25, gap ..., price 9, set aside 1, unspent ...)
    >>> plan.to_arrow().select(["stage", "state", "expected", "budget", "action"]).to_pylist()[1]
    {'stage': 1, 'state': 's', 'expected': 2.5, 'budget': 1.0, 'action': 'a'}
    >>> plan.probability.round(9).tolist()
    [0.555555556, 0.444444444]

    Notes
    -----
    O(N log N) for the N segments of all (stage, state), and one pass of the checker for the bound.
    """  # noqa: E501 - a line of output
    money = checked_budget(budget)
    now = _checked(curves, population, arrivals, stage)
    groups = _Groups.of(curves, now, population, arrivals)
    level, marginal = groups.purchase(money)
    if level is None:
        return _infeasible(curves, now, population, arrivals, money, groups)
    return _assembled(curves, now, population, arrivals, money, groups, level, marginal)


def _checked(curves: CurveSet, population: Population, arrivals: Arrivals, stage: int) -> CurveSet:
    """The curves of now, after refusing what does not fit."""
    require_one_problem(curves, population)
    if not isinstance(arrivals, Arrivals):
        raise UsageError(f"Arrivals are needed, as Arrivals.at() makes; got {arrivals!r:.40}")
    problem = curves.problem
    if arrivals.problem.labels != problem.labels or arrivals.problem.horizon != problem.horizon:
        raise ProblemError("the arrivals are of another problem: other states, or another horizon")
    if problem.budget_cap is not None:
        raise UsageError("a budget_cap of one unit does not go with arrivals: solve the model without it")
    past = arrivals.stage[arrivals.stage < stage]
    if past.size:
        raise UsageError(f"arrivals at stage {past[0]} are in the past of stage {stage}: leave them out")
    try:
        for k in (stage, *np.unique(arrivals.stage).tolist()):
            curves.at_stage(k)
    except KeyError:
        raise UsageError(
            f"the curves of stage {k} are not kept: solve with keep_stages=True (solve --keep-stages)"
        ) from None
    return curves.at_stage(stage)


@dataclass(frozen=True, eq=False)
class _Groups:
    """Units alike: those here in one state, or those expected at one stage in one state.

    `budget` and `value` hold the useful budgets of all groups, those of group g at ptr[g]:ptr[g+1]; the
    segment after point p of group g has slope[p - g].
    """

    now: int
    here: int
    stage: Integers
    state: Integers
    units: NDArray[np.object_]
    ptr: Integers
    budget: Floats
    value: Floats
    action: NDArray[np.int32]
    slope: Floats
    cost_rate: float
    rate: float

    @classmethod
    def of(cls, curves: CurveSet, now: CurveSet, population: Population, arrivals: Arrivals) -> "_Groups":
        present, coming = np.flatnonzero(population.count), np.flatnonzero(arrivals.expected)
        stage = np.concatenate((np.full(present.size, now.stage), arrivals.stage[coming]))
        state = np.concatenate((present, arrivals.state[coming]))
        units = np.array(
            [*population.count[present].tolist(), *arrivals.expected[coming].tolist()], dtype=object
        )
        parts = []
        for k, s in zip(stage.tolist(), state.tolist(), strict=True):
            of_stage = curves.at_stage(k)
            curve, first = of_stage.curves[s], int(of_stage.curves.indptr[s]) + s
            actions = of_stage.first_action[first : first + len(curve) + 1]
            parts.append((curve.budgets, curve.values, actions, curve.prices))
        budget, value, action, slope = (
            np.concatenate([part[i] for part in parts] or [np.empty(0)]) for i in range(4)
        )
        ptr = np.concatenate(([0], np.cumsum([part[0].size for part in parts]))).astype(np.int64)
        problem = curves.problem
        return cls(now.stage, present.size, stage, state, units, ptr, budget, value, action.astype(np.int32),
                   slope, problem.cost_discount, problem.discount)  # fmt: skip

    def spend(self, level: Integers) -> Fraction:
        """Exact spend of all if every unit of group g has its useful budget number level[g]."""
        after = self.stage - self.now
        return discounted_sum(after, self.cost_rate, self.units, self.budget[self.ptr[:-1] + level])

    def order(self) -> tuple[Integers, Floats]:
        """Groups of the segments in order of purchase, dearest first, and their prices of now, falling."""
        points = np.diff(self.ptr)
        group = np.repeat(np.arange(points.size), points - 1)
        drift = (self.rate / self.cost_rate) ** (self.stage - self.now).astype(np.float64)
        price = self.slope.copy()
        # Rounded slopes must not rise along a curve, or a segment came before the one it rests on.
        for g in range(points.size):
            span = slice(int(self.ptr[g]) - g, int(self.ptr[g + 1]) - g - 1)
            price[span] = np.minimum.accumulate(price[span]) * drift[g]
        place = np.lexsort((np.arange(price.size), group, -price))
        return group[place], price[place]

    def purchase(self, money: float) -> "tuple[Integers | None, tuple[int, float]]":
        """Useful budgets that all units of each group have, and (group, price) of the first segment too many.

        The largest number of segments that the money pays in whole, by bisection on exact spends;
        None where it does not pay the least feasible budgets; group -1 where it pays everything.
        """
        group, price = self.order()
        nobody = np.zeros(self.ptr.size - 1, dtype=np.int64)

        def level(t: int) -> Integers:
            return np.bincount(group[:t], minlength=nobody.size)

        low, high = 0, group.size
        if not math.isinf(money):
            if self.spend(nobody) > Fraction(money):
                return None, (-1, math.nan)
            while low < high:
                middle = (low + high + 1) // 2
                if self.spend(level(middle)) <= Fraction(money):
                    low = middle
                else:
                    high = middle - 1
            high = low
        if high == group.size:
            return level(high), (-1, 0.0)
        return level(high), (int(group[high]), float(price[high]))


def _rows(groups: _Groups, level: Integers, marginal: int, rest: Fraction) -> list[tuple[float, ...]]:
    """(group, units, point, probability) of every row; the marginal group spends at most `rest` besides."""
    rows: list[tuple[float, ...]] = []
    for g, (n, at) in enumerate(zip(groups.units.tolist(), level.tolist(), strict=True)):
        low = int(groups.ptr[g]) + at
        if g != marginal:
            rows.append((g, n, low, 1.0))
        elif g < groups.here:
            ends = [Point(k, float(groups.budget[k]), float(groups.value[k])) for k in (low, low + 1)]
            rows += [(g, row.units, row.level, row.probability) for row in deal(n, ends[0], ends[1], rest)]
        else:
            wide = Fraction(float(groups.budget[low + 1])) - Fraction(float(groups.budget[low]))
            weight = Fraction(n) * Fraction(groups.cost_rate) ** int(groups.stage[g] - groups.now)
            chance = exact.probability_below(rest / (weight * wide))
            drawn = [(g, n, low, 1.0 - chance), (g, n, low + 1, chance)]
            rows += drawn if chance > 0 else [(g, n, low, 1.0)]
    return rows


def _assembled(
    curves: CurveSet,
    now: CurveSet,
    population: Population,
    arrivals: Arrivals,
    money: float,
    groups: _Groups,
    level: Integers,
    marginal: tuple[int, float],
) -> ArrivalAllocation:
    """The answer, with its exact totals and its bound."""
    rest = Fraction(0) if marginal[0] < 0 else Fraction(money) - groups.spend(level)
    rows = _rows(groups, level, marginal[0], rest)
    here = _of_those_here(now, population, groups, [row for row in rows if row[0] < groups.here])
    later = [row for row in rows if row[0] >= groups.here]
    group, point = (np.array([row[i] for row in later], dtype=np.int64) for i in (0, 2))
    answer = ArrivalAllocation(
        curves, arrivals, here, money, groups.stage[group], groups.state[group],
        np.array([row[1] for row in later], dtype=np.float64), groups.budget[point], groups.value[point],
        np.array([row[3] for row in later], dtype=np.float64), groups.action[point],
        price=marginal[1],
    )  # fmt: skip
    spent = answer.exact_spend()
    answer = replace(
        answer, value=exact.round_down(answer.exact_value()), spent=float(spent),
        unspent=math.inf if math.isinf(money) else float(Fraction(money) - spent),
        why_unspent=_why_unspent(float(spent), money, marginal[0], groups.ptr.size - 1),
    )  # fmt: skip
    return _with_bound(answer)


def _of_those_here(
    now: CurveSet, population: Population, groups: _Groups, rows: list[tuple[float, ...]]
) -> Allocation:
    """The allocation of those here, with as much money as its rows spend: the best split of that money."""
    group, count, point = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    chance = np.array([row[3] for row in rows], dtype=np.float64)
    found = Allocation(
        now, population, 0.0, groups.state[group], count, groups.budget[point], groups.value[point],
        chance, groups.action[point], outcome=Outcome(Termination.OPTIMAL, Solution.FEASIBLE),
    )  # fmt: skip
    spent = found.exact_spend()
    budget = exact.round_up(spent)
    # The next segment of whoever has no more: of a randomised unit that is the one it draws.
    last = groups.ptr[group + 1] - 1
    ahead = np.flatnonzero((point < last) & ~_upper(chance, group, point))
    slope = groups.slope[point[ahead] - group[ahead]]
    why = None if float(spent) == budget else "what is left is the rounding of this sum of money"
    return with_bound(
        replace(
            found, budget=budget, value=exact.round_down(found.exact_value()), spent=float(spent),
            unspent=float(Fraction(budget) - spent), why_unspent=why, price=float(slope.max(initial=0.0)),
        )
    )  # fmt: skip


def _upper(chance: Floats, group: Integers, point: Integers) -> NDArray[np.bool_]:
    """Which rows are the upper one of a randomised unit."""
    drawn = np.flatnonzero(chance < 1)
    upper = np.zeros(chance.size, dtype=np.bool_)
    if drawn.size:
        upper[drawn[np.argmax(point[drawn])]] = True
    return upper


def _why_unspent(spent: float, money: float, marginal: int, groups: int) -> str | None:
    if spent == money:
        return None
    if groups == 0:
        return "there are no units, and none are expected"
    if marginal < 0:
        return "everyone here and expected has the largest useful budget, so more money is worth nothing"
    return "the probability of a randomised unit is a multiple of 2^-53, rounded down"


def _with_bound(answer: ArrivalAllocation) -> ArrivalAllocation:
    """The bound at the answer's own price, from the model, and what the gap allows to be said."""
    bound = exact.round_up(arrivals_bound(answer))
    stopped = answer.curves.outcome.termination
    if stopped in (Termination.OPTIMAL, Termination.TOLERANCE):
        stopped = Termination.NUMERICAL
    bounded = replace(answer, bound=bound)
    outcome = Outcome.certified(gap=bounded.gap, tolerance=answer.curves.tolerance, stopped=stopped)
    return replace(bounded, outcome=outcome)


def _infeasible(
    curves: CurveSet,
    now: CurveSet,
    population: Population,
    arrivals: Arrivals,
    money: float,
    groups: _Groups,
) -> ArrivalAllocation:
    """No rows and no numbers; the message says what is needed, and by whom."""
    nobody = np.zeros(groups.ptr.size - 1, dtype=np.int64)
    needed = groups.spend(nobody)
    those = discounted_sum(np.zeros(groups.here, dtype=np.int64), 1.0, groups.units[: groups.here],
                           groups.budget[groups.ptr[: groups.here]])  # fmt: skip
    message = (
        f"the budget {money!r} is below {exact.round_up(needed)!r}, the least that all units together can be "
        f"given: {float(those):.9g} for those who are here and {float(needed - those):.9g} for those expected"
    )
    outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, message)
    whole, real, act = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int32)
    here = Allocation(now, population, math.nan, whole, whole, real, real, real, act, outcome=outcome)
    return ArrivalAllocation(curves, arrivals, here, money, whole, whole, real, real, real, real, act,
                             outcome=outcome)  # fmt: skip
