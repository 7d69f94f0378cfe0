"""Value against the variance of spend: which useful budgets to hand out when fluctuation is a cost itself.

Over all ways to give each unit a useful budget, or a lottery over several, within an expected budget B,

.. math:: \\max \\sum_i \\Big( v_i - \\kappa\\, \\mathrm{Var}(S_i) \\Big)
          \\quad\\text{s.t.}\\quad \\sum_i E S_i \\le B .

Units are independent, so variances add and the problem separates for a price. A lottery with shares q over
levels has variance :math:`\\sum_l q_l \\sigma_l^2 + \\mathrm{Var}_q(b_l)`, more than its levels in the mean;
so with :math:`u_l = v_l - \\kappa \\sigma_l^2`

.. math:: \\text{optimum} \\le \\lambda B + \\sum_s n_s \\max_l (u_{sl} - \\lambda b_{sl})
          \\qquad (\\lambda \\ge 0),

which is the split of B over the concave envelopes of the points :math:`(b_l, u_l)`. That split is achieved
but for its one randomised unit, whose lottery costs :math:`\\kappa q (1-q) (b_2 - b_1)^2`: the gap.

The bound is over the policies at the useful budgets, one per breakpoint. A policy of no breakpoint may vary
less; the best trade of mean against variance over *all* policies is NP-hard (Mannor & Tsitsiklis 2011), and
nothing here bounds it. Likewise for CVaR: it is evaluated, and bounded by `worst_cases`, but not optimised.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.allocation import Split, allocate, split
from optbudget.allocation.allocate import require_one_problem
from optbudget.curves import Curves, concave_envelope
from optbudget.errors import UsageError
from optbudget.planning.spend_risk import spend_moments
from optbudget.problems import Allocation, CurveSet, Population
from optbudget.status import Outcome, Solution, Termination

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class MeanVariance:
    """An allocation that weighs the variance of its spend.

    Attributes
    ----------
    allocation : who gets how much; its own `bound` is of value alone
    aversion : kappa, value per money^2, >= 0
    value, variance : total value, and variance of the total spend
    objective : value - kappa variance
    bound : no allocation of useful budgets, lotteries among them, has a larger objective
    """

    allocation: Allocation
    aversion: float
    value: float
    variance: float
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """(bound - objective) / (1 + |objective|)."""
        return (self.bound - self.objective) / (1 + abs(self.objective))

    def __repr__(self) -> str:
        return (
            f"MeanVariance(value {self.value:.6g}, sd of spend {math.sqrt(self.variance):.6g}, "
            f"objective {self.objective:.6g}, gap {self.gap:.1e})"
        )


def mean_variance(
    curves: CurveSet, population: Population, budget: float, *, aversion: float
) -> MeanVariance:
    """Split an expected budget for the most value less `aversion` times the variance of the total spend.

    Parameters
    ----------
    curves : value curves with their variances
    population : units per state
    budget : money, in expectation, for all units together
    aversion : kappa >= 0, value per money^2; 0 is the plain split

    Raises
    ------
    UsageError
        If the aversion is negative or not finite.

    Examples
    --------
    Two tries are worth 3 and cost 1.5 in the mean with a variance of 1/4, which kappa = 4 makes a cost of 1:

    >>> from optbudget import Population, solve
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> people = Population.at(curves.problem, {"open": 10})
    >>> mean_variance(curves, people, 15.0, aversion=0.0)
    MeanVariance(value 30, sd of spend 1.58114, objective 30, gap ...)
    >>> mean_variance(curves, people, 7.5, aversion=4.0)
    MeanVariance(value 15, sd of spend 1.11803, objective 10, gap ...)

    Asking each just once is worth 20 without any variance, but 1 is no useful budget of this curve (the
    segment runs from 0 to 1.5), so neither the answer nor the bound knows of it.
    """
    require_one_problem(curves, population)
    if not 0 <= aversion < math.inf:
        raise UsageError(f"the aversion is {aversion}; it must be a number >= 0")
    plain = allocate(curves, population, budget)
    if plain.outcome.solution is Solution.NONE:
        nothing = math.nan
        return MeanVariance(plain, aversion, nothing, nothing, nothing, nothing)
    levels = [_weighed(curves, s, aversion) for s in range(len(curves))]
    envelopes = Curves.from_curves([concave_envelope(b, u) for b, u in levels])
    found = split(envelopes, population.count, budget, labels=population.labels)
    answer = _on_curves(plain, found)
    variance = spend_moments(answer)[1]
    objective = answer.value - aversion * variance
    bound = _bound(levels, population.count, budget, found.price)
    return MeanVariance(answer, aversion, answer.value, variance, objective, bound)


def _weighed(curves: CurveSet, state: int, aversion: float) -> tuple[Floats, Floats]:
    """Useful budgets of a state, and value less aversion times variance at each."""
    curve, begin = curves.curves[state], int(curves.curves.indptr[state]) + state
    variance = curves.spend_variance[begin : begin + len(curve) + 1]
    return curve.budgets, curve.values - aversion * variance


def _on_curves(plain: Allocation, found: Split) -> Allocation:
    """The rows of a split over envelopes, as useful budgets of the curves themselves."""
    curves = plain.curves.curves
    level = np.array(
        [
            int(np.argmin(np.abs(curves[s].budgets - b)))
            for s, b in zip(found.state.tolist(), found.unit_budget.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    rows = list(zip(found.state.tolist(), level.tolist(), strict=True))
    budget = np.array([curves[s].budgets[k] for s, k in rows])
    value = np.array([curves[s].values[k] for s, k in rows])
    weight = found.count * found.probability
    spent = float(weight @ budget)
    place = curves.indptr[found.state] + found.state + level
    return replace(
        plain, state=found.state, count=found.count, unit_budget=budget, unit_value=value,
        probability=found.probability, action=plain.curves.first_action[place],
        value=float(weight @ value), price=found.price, spent=spent,
        unspent=max(0.0, plain.budget - spent), method="mean-variance",
        why_unspent=None if spent >= plain.budget * (1 - 1e-12) else "more money adds variance, not value",
        outcome=Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "value is weighed against variance"),
    )  # fmt: skip


def _bound(
    levels: list[tuple[Floats, Floats]], count: NDArray[np.int64], budget: float, price: float
) -> float:
    """price * budget + sum of n max(u - price b), and room for its rounding."""
    terms, sizes = [price * budget if price > 0 else 0.0], [price * budget if price > 0 else 0.0]
    for n, (b, u) in zip(count.tolist(), levels, strict=True):
        terms.append(n * float((u - price * b).max()))
        sizes.append(n * float((np.abs(u) + price * b).max()))
    return math.fsum(terms) + 16 * 2.0**-53 * math.fsum(sizes)
