"""A policy for a model whose rows are estimates: what it is worth if they are other ones.

The policy is chosen once, for the posterior mean model, by the two prices about the budget
(`optbudget.budgeted.policies`), and evaluated under every draw. Beside it stands what knowing the rows
would be worth. Both are of the same draws, so their differences are not noise between runs.

The worst case is given with its proof: the draw under which the policy is worth least, evaluated
again on its own, and the draw whose price line bounds what any policy can guarantee:

.. math:: \\max_\\pi \\min_d v_d(\\pi) \\le \\min_d \\min_\\lambda \\; w_d(\\lambda) + \\lambda B

over policies that spend at most B under every draw.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.allocation.split import checked_budget
from optbudget.budgeted import evaluate, policy_at, solve
from optbudget.budgeted.policies import neighbouring_prices
from optbudget.certify import support
from optbudget.curves import weighted_sum
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.planning.draws import drawn_rows, evaluate_draws, mean_model
from optbudget.planning.shared_draws import DrawJob, best_of_draws
from optbudget.problems import (
    BudgetedMDP,
    CurveBand,
    CurveSet,
    Population,
    PricePolicy,
    TransitionCounts,
    WorstCase,
)
from optbudget.workers import Crew, Monitor

Floats = NDArray[np.float64]
MOST_DRAWS = 100_000


class Mixture(NamedTuple):
    """Two prices, the dearer first, and the probability of the second, drawn once at the start."""

    dear: float
    cheap: float
    share: float


def curve_band(
    counts: TransitionCounts,
    budgets: ArrayLike,
    *,
    draws: int = 200,
    seed: int = 0,
    prior: float = 0.0,
    population: Population | None = None,
    tolerance: float = 1e-4,
    monitor: Monitor | None = None,
    crew: Crew | None = None,
) -> CurveBand:
    """Value and spend of the policy of each budget under every draw, beside the best under each draw.

    Parameters
    ----------
    counts : what the rows of a problem with a finite horizon and no cap of one unit were estimated from
    budgets : money, >= 0, of one unit from the initial distribution, or of the whole population
    draws : how many models are drawn from the posterior, 1 to 100,000
    seed : of the draws; the same seed gives the same models, and more draws begin with those of fewer
    prior : pseudo-counts for every possible next state; with 0 a pair without counts is refused
    population : units per state; default: one unit, from the problem's initial distribution
    tolerance : gap to which the curves of every draw are solved
    monitor : progress and limits
    crew : workers that draws are shared out to; None works in this process. No number depends on it

    Raises
    ------
    ProblemError
        If a pair was never seen and there is no prior, a budget is no number >= 0, or the population is
        of another problem.
    NoAnswerError
        If a budget is below the least feasible one of the mean model.
    UsageError
        If the problem has no finite horizon or caps the budget of one unit, or an option is out of range.
    LimitError, InterruptedWork
        If the work is stopped before every draw is solved.

    Examples
    --------
    A subscriber is won over by a call in 12 of 20 cases, and by itself in 4 of 20:

    >>> from optbudget.planning.examples import subscriber_counts
    >>> band = curve_band(subscriber_counts(), [1.0], draws=100, seed=1)
    >>> band
    CurveBand(100 draws, 1 budget, seed 1, prior 0)
    >>> bool(band.wait_and_see_bound[0] >= band.wait_and_see[0] >= 0)
    True

    Notes
    -----
    One solve per draw and one evaluation of all draws per price; memory 8 z bytes per draw for z entries.
    """
    problem = _checked(counts, draws, seed)
    weight = _weight(problem, population)
    money = np.unique([checked_budget(b) for b in np.atleast_1d(np.asarray(budgets, dtype=object)).tolist()])
    if money.size == 0 or not np.isfinite(money).all():
        raise ProblemError("budgets must be at least one finite number >= 0")
    monitor = monitor or Monitor()
    monitor.require_memory(
        8.0 * draws * (counts.count.size + 4 * money.size), f"{draws:,} draws of all transition rows"
    )
    model = mean_model(counts, prior=prior)
    curves = solve(model, tolerance=min(tolerance, 1e-6))
    mixtures, planned = _mixtures(curves, weight, money)
    prices = np.unique([price for mixture in mixtures for price in mixture[:2]])
    policy = policy_at(model, prices)
    rows = drawn_rows(counts, draws, seed=seed, prior=prior)
    value, spend = _of_policy(counts, rows, policy, mixtures, weight)
    job = DrawJob(counts, money, weight, tolerance)
    optimal, bound, steepest = best_of_draws(job, rows, monitor, crew)
    worst = tuple(
        _worst_case(counts, rows, policy, mixture, weight, budget=float(b),
                    draw=int(np.argmin(value[:, k])), bound_draw=int(np.argmin(bound[:, k])),
                    price=float(steepest[int(np.argmin(bound[:, k])), k]))
        for k, (b, mixture) in enumerate(zip(money.tolist(), mixtures, strict=True))
    )  # fmt: skip
    return CurveBand(
        counts, model, weight, seed, float(prior), money, planned,
        np.array([mixture[:2] for mixture in mixtures]), np.array([mixture.share for mixture in mixtures]),
        value, spend, optimal, bound, steepest, rows, policy, worst,
    )  # fmt: skip


def _checked(counts: TransitionCounts, draws: int, seed: int) -> BudgetedMDP:
    if not isinstance(counts, TransitionCounts):
        raise UsageError(f"TransitionCounts are needed, as load_counts() reads; got {counts!r:.40}")
    problem = counts.problem
    if problem.horizon is None:
        raise UsageError("uncertain rows need a finite horizon: policies are evaluated stage by stage")
    if problem.budget_cap is not None:
        raise UsageError("a budget_cap of one unit does not go with uncertain rows: take it out of the model")
    if isinstance(draws, bool) or not isinstance(draws, int) or not 1 <= draws <= MOST_DRAWS:
        raise UsageError(f"draws is {draws!r:.40}; it must be a whole number from 1 to {MOST_DRAWS:,}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"seed is {seed!r:.40}; it must be a whole number >= 0")
    return problem


def _weight(problem: BudgetedMDP, population: Population | None) -> Floats:
    if population is None:
        return problem.initial
    if population.labels != problem.labels:
        raise ProblemError("the population is of another problem: its states are not those of the counts")
    return population.count.astype(np.float64)


def _mixtures(curves: CurveSet, weight: Floats, money: Floats) -> tuple[list[Mixture], Floats]:
    """How the policy of each budget mixes two prices, and what the curve says it is worth."""
    total = weighted_sum(curves.curves, weight)
    if money[0] < total.least_budget:
        raise NoAnswerError(
            f"the budget {money[0]:.6g} is below {total.least_budget:.6g}, the least feasible one "
            "of the mean model"
        )
    mixtures = []
    for budget in money.tolist():
        found = neighbouring_prices(total, budget, curves.prices)
        share = 0.0 if len(found) == 1 else found[1][1]
        mixtures.append(Mixture(found[0][0], found[-1][0], share))
    return mixtures, total.value(money)


def _of_policy(
    counts: TransitionCounts, rows: Floats, policy: PricePolicy, mixtures: list[Mixture], weight: Floats
) -> tuple[Floats, Floats]:
    """Value and spend of each budget's policy under every draw, (D, N) each."""
    of_price = {}
    for price in {price for mixture in mixtures for price in mixture[:2]}:
        worth, spent = evaluate_draws(counts, rows, policy, price=price)
        of_price[price] = np.stack([worth @ weight, spent @ weight])
    mixed = [(1 - m.share) * of_price[m.dear] + m.share * of_price[m.cheap] for m in mixtures]
    value, spend = np.stack(mixed, axis=2)
    return value, spend


def _worst_case(
    counts: TransitionCounts,
    rows: Floats,
    policy: PricePolicy,
    mixture: Mixture,
    weight: Floats,
    *,
    budget: float,
    draw: int,
    bound_draw: int,
    price: float,
) -> WorstCase:
    """The policy in its worst draw, by the evaluator, and the checker's bound of what any can guarantee."""
    dear, cheap = (evaluate(counts.with_rows(rows[draw]), policy, price=price) for price in mixture[:2])
    mixed = dear.mixed(cheap, mixture.share)
    line = support(counts.with_rows(rows[bound_draw]), [price])
    total = float(weight @ line.intercept[:, 0]) + price * budget
    total += 2.0**-50 * weight.size * (1.0 + float(weight @ np.abs(line.intercept[:, 0])))
    return WorstCase(
        draw, float(mixed.value @ weight), float(mixed.spend @ weight), total, bound_draw, price
    )  # fmt: skip
