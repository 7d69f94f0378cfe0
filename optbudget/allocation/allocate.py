"""From curves and a population to who gets how much, what to do now, and how good that can be.

The split is that of `optbudget.allocation.split`; the bound beside it holds for every policy that
keeps the budget in expectation (`optbudget.allocation.bound`).
"""

import math
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np

from optbudget.allocation import exact
from optbudget.allocation.bound import Ceiling
from optbudget.allocation.split import Split, checked_budget, infeasible, split
from optbudget.allocation.uniform import equal_shares
from optbudget.allocation.whole_units import whole_split
from optbudget.allocation.within_limits import allocate_within
from optbudget.errors import ProblemError, UsageError
from optbudget.problems import Allocation, CurveSet, Limits, Population
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

Method = Literal["greedy", "price", "uniform", "ip"]


def allocate(
    curves: CurveSet,
    population: Population,
    budget: float,
    *,
    method: Method = "greedy",
    limits: Limits | None = None,
    monitor: Monitor | None = None,
) -> Allocation:
    """Split one budget over a population.

    Parameters
    ----------
    curves : value curves of every state of a unit population : units per state of the same problem budget :
    money, >= 0, for all units together; infinity buys everything useful method : "greedy" or "price", the
    optimum, equal to the bit and of different speed (see `split`); "uniform", an equal share for every unit
    (see `equal_shares`), with its gap to the bound; "ip", the optimum with nobody randomised, every unit at a
    useful budget; its bound is over such splits limits : what units, one by one, and groups of units may
    have; groups must be nested. The optimum under them, by "greedy" or "price" alike (see
    `optbudget.allocation.limited`), or by "ip" that of whole units (`optbudget.allocation.limited_whole`)
    monitor : may end "ip" by time, by memory or by Ctrl-C; the others are short

    Returns
    -------
    Allocation
        `value` is the exact sum over its rows rounded down, `bound` is rounded up, `spent` is at most the
        budget in exact arithmetic. Outcome OPTIMAL or TOLERANCE if the gap between them says so;
        otherwise why the curves stopped short, or UNKNOWN for equal shares, which promise nothing.
        Where the budget does not cover the least feasible budgets, the outcome is INFEASIBLE, there are no
        rows, every number is NaN, and the message names the least total and the units that force it.

    Raises
    ------
    ProblemError
        If the population is of another problem or the budget is not a number >= 0.
    UsageError
        If the method is not known, groups overlap, or limits of groups go with equal shares.

    Examples
    --------
    Ten warm customers are served first, at 3 per unit of money, then five cold ones at 2:

    >>> from optbudget.allocation.examples import two_state_curves
    >>> curves = two_state_curves()
    >>> people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    >>> answer = allocate(curves, people, 15.0)
    >>> answer
    Allocation(15 units, budget 15: value 40, gap 0.0e+00, price 2, unspent 0)
    >>> answer.to_arrow().to_pylist()[1]
    {'state': 'cold', 'count': 2, 'budget': 2.0, 'probability': 1.0, 'action': 'email'}
    >>> allocate(curves, people, 100.0).why_unspent
    'every unit has its largest useful budget, so more money is worth nothing'

    No more than 4 for the warm ones together; one more would be worth 3 there, where 2 is what it is worth
    elsewhere:

    >>> from optbudget.problems import GroupLimit, Limits
    >>> few = Limits(groups=(GroupLimit("warm ones", states=("warm",), most=4.0),))
    >>> limited = allocate(curves, people, 13.0, limits=few)
    >>> limited.value, limited.multipliers
    (30.0, (Multiplier(group='warm ones', side='most', limit=4.0, value=1.0),))
    """
    require_one_problem(curves, population)
    money = checked_budget(budget)
    if method not in ("greedy", "price", "uniform", "ip"):
        raise UsageError(f"method is {method!r}; known are 'greedy', 'price', 'uniform' and 'ip'")
    if limits is not None:
        if method == "uniform" and isinstance(limits, Limits) and limits.groups:
            raise UsageError(
                "equal shares ('uniform') are cut to limits of units; a total of a group, such as "
                f"{limits.groups[0].name!r}, does not say how its units share it"
            )
        return allocate_within(curves, population, money, limits, method=method, monitor=monitor)
    dear = above_the_cap(curves, population)
    if dear is not None:
        answer = infeasible(exact.dot(population.count, curves.curves.start_budget), dear)
    elif method == "ip" and exact.dot(population.count, curves.curves.start_budget) <= money:
        return whole_split(curves, population, money, monitor=monitor)
    elif method == "uniform":
        answer = equal_shares(curves.curves, population.count, money, labels=population.labels)
    else:
        answer = split(curves.curves, population.count, money, labels=population.labels,
                       method="price" if method == "price" else "greedy")  # fmt: skip
    return with_bound(_as_allocation(curves, population, money, method, answer))


def require_one_problem(curves: object, population: object) -> None:
    """Refuse what is no curves and no population, and a population of other states than the curves'.

    Raises
    ------
    UsageError
        If one of them is of another type; the message says how to get it.
    ProblemError
        If the population is of another problem.
    """
    if not isinstance(curves, CurveSet):
        raise UsageError(f"a CurveSet is needed, as solve() returns; got {curves!r:.40}")
    if not isinstance(population, Population):
        raise UsageError(f"a Population is needed, as Population.at() makes; got {population!r:.40}")
    if population.labels != curves.problem.labels:
        raise ProblemError("the population is of another problem: its states are not those of the curves")


def _as_allocation(
    curves: CurveSet, population: Population, budget: float, method: Method, answer: Split
) -> Allocation:
    place = curves.curves.indptr[answer.state] + answer.state + answer.level
    found = Allocation(
        curves, population, budget, answer.state, answer.count, answer.unit_budget, answer.unit_value,
        answer.probability, curves.first_action[place], method=method, outcome=answer.outcome,
    )  # fmt: skip
    if answer.outcome.solution is Solution.NONE:
        return found
    unspent = float(Fraction(budget) - answer.spent) if math.isfinite(budget) else math.inf
    return replace(
        found,
        value=exact.round_down(answer.value),
        price=answer.price,
        spent=float(answer.spent),
        unspent=unspent,
        why_unspent=_why_unspent(curves, answer, budget, method),
    )


def above_the_cap(curves: CurveSet, population: Population) -> str | None:
    """A sentence naming units whose least feasible budget the cap of one unit does not cover, or None."""
    cap, least = curves.problem.budget_cap, curves.curves.start_budget
    if cap is None:
        return None
    dear = np.flatnonzero((population.count > 0) & (least > cap))
    if dear.size == 0:
        return None
    named = ", ".join(f"{population.labels[s]!r} (at least {float(least[s])!r})" for s in dear[:5])
    more = f" and {dear.size - 5:,} more states" if dear.size > 5 else ""
    return f"the cap of {cap!r} per unit is below what a unit must be given in {named}{more}"


def _why_unspent(curves: CurveSet, answer: Split, budget: float, method: Method) -> str | None:
    if float(answer.spent) == budget:
        return None
    if answer.count.size == 0:
        return "there are no units"
    full = np.unique(answer.state[answer.level == curves.curves.segments[answer.state]])
    if method == "uniform" and full.size:
        others = {0: "", 1: " and one more state"}.get(full.size - 1, f" and {full.size - 1:,} more states")
        return f"units in {curves.problem.labels[full[0]]!r}{others} cannot use their whole share"
    if answer.price > 0:
        return "the probability of a randomised unit is a multiple of 2^-53, rounded down"
    cap = curves.problem.budget_cap
    reason = "every unit has its largest useful budget, so more money is worth nothing"
    return reason if cap is None else f"{reason} within the cap of {cap:g} per unit"


def with_bound(answer: Allocation) -> Allocation:
    """The bound beside the value, and what the gap between them allows to be said."""
    curves, count, was = answer.curves, answer.population.count, answer.outcome
    if was.solution is Solution.NONE or curves.outcome.solution is not Solution.CERTIFIED:
        return answer
    near = answer.price
    if answer.method == "uniform":
        near = split(curves.curves, count, answer.budget).price
    bounded = replace(answer, bound=Ceiling(curves, count, near=near).at(answer.budget))
    if not math.isfinite(bounded.bound):
        return bounded
    stopped = curves.outcome.termination
    if stopped in (Termination.OPTIMAL, Termination.TOLERANCE):
        stopped = Termination.UNKNOWN if answer.method == "uniform" else Termination.NUMERICAL
    return replace(
        bounded,
        outcome=Outcome.certified(
            gap=bounded.gap, tolerance=curves.tolerance, stopped=stopped, message=was.message
        ),
    )
