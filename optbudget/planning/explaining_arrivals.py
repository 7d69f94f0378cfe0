"""Why not more for those who will come: the price of money at their stage against their own segments.

One price explains the whole plan (`optbudget.planning.arrivals`): seen from stage k a unit of money has to
return :math:`\\lambda (\\gamma_c/\\gamma)^k`, and every stage and state has bought what returns more.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import NoAnswerError, UsageError
from optbudget.planning.explaining import explain
from optbudget.problems import ArrivalAllocation
from optbudget.problems.arrival_explanation import ArrivalExplanation
from optbudget.problems.explanation import Binding, Explanation, Step
from optbudget.status import Solution

SAME_PRICE = 1e-9
"""Relative difference of a slope and a price of another stage that are one price but for rounding."""


def explain_arrivals(plan: ArrivalAllocation) -> ArrivalExplanation:
    """What binds for those here and for those to come, and what their last and next money are worth.

    Raises
    ------
    NoAnswerError
        If there is no plan; the message is why.
    UsageError
        If it is not an ArrivalAllocation.

    Examples
    --------
    >>> from optbudget import Population, solve
    >>> from optbudget.planning import allocate_with_arrivals
    >>> from optbudget.problems import Arrivals
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> curves = solve(problem, keep_stages=True)
    >>> why = explain_arrivals(allocate_with_arrivals(
    ...     curves, Population.at(problem, {"s": 10}), Arrivals.at(problem, {(1, "s"): 2.5}), 20.0))
    >>> [str(reason) for reason in (*why.here.binding, *why.binding)], why.next_price
    (['no use for more', 'money ends here'], array([9.]))
    """
    if not isinstance(plan, ArrivalAllocation):
        raise UsageError(f"an ArrivalAllocation is needed; got {plan!r:.40}")
    if plan.outcome.solution is Solution.NONE:
        raise NoAnswerError(f"there is no plan to explain: {plan.outcome.message}")
    problem, now = plan.curves.problem, plan.here.curves.stage
    kinds, of = np.unique(np.stack([plan.stage, plan.state]), axis=1, return_inverse=True)
    of = of.reshape(-1)
    drift = (problem.cost_discount / problem.discount) ** (kinds[0] - now).astype(np.float64)
    price = plan.price * drift
    found = [_prices(plan, np.flatnonzero(of == k), float(price[k])) for k in range(kinds.shape[1])]
    last, coming, budget, binding = zip(*found, strict=True) if found else ((), (), (), ())
    expected = np.array([plan.expected[of == k][0] for k in range(kinds.shape[1])])
    return ArrivalExplanation(
        plan, _of_those_here(plan), kinds[0], kinds[1], expected, np.array(budget), price, np.array(last),
        np.array(coming), binding,
    )  # fmt: skip


def _of_those_here(plan: ArrivalAllocation) -> Explanation:
    """Those here at the price of all, not at that of their own part of the money alone.

    What a change of their part would do says nothing of the plan's budget, and is left out.
    """
    why = explain(replace(plan.here, price=plan.price))

    def without(step: Step) -> Step:
        return replace(step, total=np.full(step.total.size, np.nan))

    return replace(why, last=without(why.last), next=without(why.next))


def _prices(
    plan: ArrivalAllocation, rows: NDArray[np.int64], price: float
) -> tuple[float, float, float, Binding]:
    """Of one stage and state: the last and the next price, money for each, and why no more."""
    of_stage = plan.curves.at_stage(int(plan.stage[rows[0]]))
    curve = of_stage.curves[int(plan.state[rows[0]])]
    level = np.searchsorted(curve.budgets, plan.unit_budget[rows], side="right") - 1
    low, high = int(level.min()), int(level.max())
    last = float(curve.prices[high - 1]) if high > 0 else math.nan
    coming = float(curve.prices[low]) if low < len(curve) else math.nan
    budget = float(plan.probability[rows] @ plan.unit_budget[rows])
    if math.isnan(coming):
        return last, coming, budget, Binding.USEFUL
    ends = low < high or coming >= price * (1 - SAME_PRICE)
    return last, coming, budget, Binding.MONEY if ends else Binding.PRICE
