"""An infinite horizon whose spend is discounted at another rate than its rewards.

The price of money at the k-th decision is :math:`\\lambda (\\gamma_c/\\gamma)^k`: it changes for ever, and
no stationary policy is best. So the first T decisions are solved as a finite horizon, with terminal
utility 0 in the states that go on, and what comes after is bounded. Let :math:`\\pi` be the stationary
policy of price inf (least spend, then most value), with spend :math:`b_\\pi` and value :math:`v_\\pi`, and
let :math:`w_0 \\ge` the best value at price 0. From any state that has not ended after T decisions,

* below: going on with :math:`\\pi` spends at most :math:`\\gamma_c^T \\max b_\\pi` more, and loses at most
  :math:`\\gamma^T \\max(-v_\\pi)^+`. So a point (b, v) of the finite problem, moved by these two, is
  achieved over the infinite horizon.
* above: any policy, cut off after T decisions, keeps its budget in the finite problem (spend is
  never negative), and loses at most what it could still win, :math:`\\gamma^T \\max(w_0)^+`. So the finite
  problem's lines, raised by this, hold over the infinite horizon.

Both use :math:`\\sigma\\gamma` for :math:`\\gamma`, with the largest row sum :math:`\\sigma`. If one of the
discounts is 1, every policy ends, after m decisions on average at most; by Markov's inequality it has
ended after 2m with probability 1/2, wherever it started, and each tail is multiplied by
:math:`2^{-\\lfloor T / \\lceil 2m \\rceil \\rfloor}`.

The two ends need no horizon. Each is an ordinary problem in one criterion, and then another among the
pairs that tie in the first, so some stationary policy is best for it, whatever the discounts. Where
nothing need be spent, budget 0 is therefore feasible exactly, and not only after the tail.

If spend is discounted faster than rewards and nothing need be spent, late decisions are ever cheaper
to pay for now: a curve may rise with infinite slope from budget 0. Prices then matter that are beyond
double precision's reach, and the answer says what gap it could certify.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.policy_iteration import UNIT, Floats, largest_row_sum
from optbudget.budgeted.price_sweep import passes
from optbudget.budgeted.stationary import stationary_lines
from optbudget.budgeted.termination import chain_of
from optbudget.errors import IllPosedError
from optbudget.problems import BudgetedMDP
from optbudget.problems.curve_set import StationaryWitness
from optbudget.workers import Monitor

LONGEST_HORIZON = 200_000


@dataclass(frozen=True, eq=False)
class Truncation:
    """A problem cut off after `horizon` decisions, and what bounds the rest.

    Attributes
    ----------
    finite : the problem over `horizon` decisions, terminal utility 0 in states that go on
    ends : the lines of prices inf and 0 of the problem itself
    witness : their proof, with the horizon and the tails
    """

    finite: BudgetedMDP
    ends: PriceLines
    witness: StationaryWitness

    def lines(self, prices: Floats, *, monitor: Monitor | None = None) -> PriceLines:
        """Lines of the infinite horizon at any prices, strictly decreasing, as `stationary_lines`."""
        price = np.atleast_1d(np.asarray(prices, dtype=np.float64))
        parts = [self.ends.take(np.flatnonzero(np.isin(self.ends.price, price)))]
        inner = price[np.isfinite(price) & (price > 0)]
        if inner.size:
            parts.append(self._moved(passes(self.finite, inner, monitor=monitor)[0]))
        return PriceLines.gather(parts)

    def _moved(self, lines: PriceLines) -> PriceLines:
        """The finite problem's lines with the tails: nothing is added in terminal states."""
        goes_on = ~self.finite.is_terminal[:, None]
        spend, lost, won = (np.where(goes_on, tail, 0.0) for tail in self.witness.tails)
        up, down = 1 + 2 * UNIT, 2 * UNIT
        value = lines.value - lost
        intercept = lines.intercept + won
        return replace(
            lines,
            spend=np.where(spend > 0, (lines.spend + spend) * up, lines.spend),
            value=np.where(lost > 0, value - down * np.abs(value), value),
            intercept=np.where(won > 0, intercept + down * np.abs(intercept), intercept),
        )


def truncate(problem: BudgetedMDP, tolerance: float, *, shortest: int = 1) -> Truncation:
    """Cut a problem off where its tails are below a hundredth of the tolerance.

    Parameters
    ----------
    tolerance : > 0, relative to the largest least spend for the tail of spend, else absolute
    shortest : least number of decisions

    Raises
    ------
    IllPosedError
        If value or spend need not be finite, or would need more than 200,000 decisions.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from optbudget.problems.examples import two_action_example
    >>> cut = truncate(replace(two_action_example(), cost_discount=0.5), 1e-4)
    >>> cut.finite.horizon, cut.witness.tails[0]
    (175, 0.0)
    """
    ends, witness = stationary_lines(problem, [np.inf, 0.0])
    largest = float(witness.spend[0].max())
    small = tolerance / 100

    def fits(horizon: int) -> bool:
        spend, lost, won = _tails(problem, witness, horizon)
        return spend <= small * largest and lost <= small and won <= small

    high = max(1, shortest)
    while not fits(high):
        high *= 2
        if high > LONGEST_HORIZON:
            raise IllPosedError(
                f"with discount {problem.discount:g} and cost_discount {problem.cost_discount:g} more than "
                f"{LONGEST_HORIZON:,} decisions count; give equal or smaller discounts, or a finite horizon"
            )
    low = max(shortest, 1) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    end_value = np.where(problem.is_terminal, problem.terminal_utility, 0.0)
    finite = replace(problem, horizon=high, terminal_utility=end_value)
    return Truncation(finite, ends, replace(witness, horizon=high, tails=_tails(problem, witness, high)))


def _tails(problem: BudgetedMDP, witness: StationaryWitness, horizon: int) -> tuple[float, float, float]:
    """(spend, lost, won) after so many decisions, rounded up; see `StationaryWitness`."""
    most = largest_row_sum(chain_of(problem))
    alive = 1.0
    for rate, duration in (
        (problem.discount, witness.duration),
        (problem.cost_discount, witness.spend_duration),
    ):
        if rate == 1 and duration is not None:
            mean = float(duration.max())
            alive = 2.0 ** -(horizon // max(1, math.ceil(2 * mean)))
    up = 1 + 4 * (horizon + 8) * UNIT
    of_spend = (problem.cost_discount * most) ** horizon * alive * up
    of_value = (problem.discount * most) ** horizon * alive * up
    return (
        of_spend * float(witness.spend[0].max()),
        of_value * max(0.0, -float(witness.value[0].min())),
        of_value * max(0.0, float(witness.intercept[-1].max())),
    )
