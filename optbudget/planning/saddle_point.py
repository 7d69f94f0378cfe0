"""How likely a total spend is above a budget, from its cumulant generating function.

With :math:`K(\\theta) = \\log E e^{\\theta S}` of the total spend S of independent units (a sum over units),
and :math:`\\hat\\theta` the saddle-point :math:`K'(\\hat\\theta) = B`,

.. math:: P(S > B) \\approx 1 - \\Phi(w) + \\phi(w) \\Big(\\frac1u - \\frac1w\\Big), \\qquad
          w = \\operatorname{sgn}(\\hat\\theta) \\sqrt{2 (\\hat\\theta B - K(\\hat\\theta))}, \\quad
          u = \\hat\\theta \\sqrt{K''(\\hat\\theta)}

(Lugannani & Rice 1980). On a grid of step h, B is moved to the middle of the two amounts next to it and
:math:`u = (2/h) \\sinh(\\hat\\theta h/2) \\sqrt{K''}` (Daniels 1987, the second continuity correction). The
error falls with the number of units and is small in the tails too, where the normal approximation fails; it
is an approximation, and nothing here bounds it.

What is proved is Chernoff's bound, for any :math:`\\theta \\ge 0`, and with it the entropic value at risk
(Ahmadi-Javid 2012):

.. math:: P(S > B) \\le e^{K(\\theta) - \\theta B}, \\qquad
          \\mathrm{CVaR}_\\varepsilon \\le \\inf_{\\theta > 0} (K(\\theta) - \\log\\varepsilon) / \\theta .
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbudget.planning.spenders import Spenders
from optbudget.problems.spend_law import as_written

Floats = NDArray[np.float64]
Cumulants = Callable[[float], Floats]

NEAR = 1e-3
"""Distance from the mean, in standard deviations, below which 1/u - 1/w is taken from its limit."""

ROUNDING = 1e-9
"""Relative to the terms of K(theta) - theta B: what is added to a bound for the rounding of its exponent."""


class Tail(NamedTuple):
    """What the cumulants say about P(S > budget).

    Attributes
    ----------
    estimate : Lugannani and Rice's
    bound : Chernoff's; P(S > budget) <= bound is proved
    """

    estimate: float
    bound: float


def normal_tail(mean: float, variance: float, budget: float) -> float:
    """P(S > budget) as if S were normal."""
    if variance <= 0:
        return float(mean > budget)
    return 0.5 * math.erfc((budget - mean) / math.sqrt(2 * variance))


def between_steps(budget: float, step: Fraction | None) -> float:
    """The middle of the two amounts of a grid that a budget separates; the budget itself without a grid.

    Examples
    --------
    >>> between_steps(3.2, Fraction(1, 2)), between_steps(3.0, Fraction(1, 2)), between_steps(3.2, None)
    (3.25, 3.25, 3.2)
    """
    if step is None:
        return budget
    return float((as_written(budget) // step + Fraction(1, 2)) * step)


def tail(units: Spenders, budget: float, *, step: Fraction | None = None) -> Tail:
    """P(total spend > budget) by the saddle-point, and a bound that is proved.

    Parameters
    ----------
    units : independent units
    budget : money; spending it exactly is not overspending
    step : the grid that every spend lies on, or None

    Examples
    --------
    Spends of 1,000 customers who are each asked once or twice, with probability 1/2; exactly 0.00883

    >>> from optbudget import Population, solve, allocate
    >>> from optbudget.planning.spenders import spenders
    >>> from optbudget.problems.examples import retry_example
    >>> curves = solve(retry_example(horizon=2))
    >>> split = allocate(curves, Population.at(curves.problem, {"open": 1000}), 1500.0)
    >>> found = tail(spenders(split), 1537, step=Fraction(1))
    >>> round(found.estimate, 5), round(found.bound, 3)
    (0.00883, 0.065)
    """
    low, high = units.reach()
    slack = 1e-12 * max(abs(high), abs(budget))
    if budget >= high - slack:
        return Tail(float(budget < high), 1.0 if budget < high else 0.0)
    if budget < low - slack:
        return Tail(1.0, 1.0)
    at = between_steps(budget, step)
    scale = _scale(units)
    if scale == 0:
        certain = float(units.cumulants(0.0)[1] > budget)
        return Tail(certain, 1.0)
    bound = chernoff(units.cumulants, budget, scale)
    if not low < at < high:
        return Tail(1.0 if at <= low else 0.0, bound)
    theta, k = saddle_point(units.cumulants, at, scale)
    exponent = theta * at - k[0]
    w = math.copysign(math.sqrt(max(0.0, 2 * exponent)), theta)
    if abs(w) < NEAR:
        skew = k[3] / k[2] ** 1.5
        estimate = 0.5 - (skew / 6 + w) / math.sqrt(2 * math.pi)
    else:
        h = 0.0 if step is None else float(step)
        width = theta if h == 0 else 2 / h * math.sinh(min(300.0, max(-300.0, theta * h / 2)))
        u = width * math.sqrt(k[2])
        estimate = 0.5 * math.erfc(w / math.sqrt(2)) + _density(w) * (1 / u - 1 / w)
    return Tail(min(1.0, max(0.0, estimate)), bound)


def saddle_point(cumulants: Cumulants, target: float, scale: float) -> tuple[float, Floats]:
    """theta with K'(theta) = target and the cumulants there; target must lie inside of the support.

    Newton's method kept inside a bracket: K' rises.
    """
    theta, found = 0.0, cumulants(0.0)
    low, high = -math.inf, math.inf
    for _ in range(200):
        excess = found[1] - target
        if abs(excess) <= 1e-11 * scale:
            break
        low, high = (theta, high) if excess < 0 else (low, theta)
        if math.isfinite(high - low) and high - low <= 1e-14 * max(abs(low), abs(high)):
            break
        step = -excess / found[2] if found[2] > 0 else math.copysign(1 / scale, -excess)
        step = math.copysign(min(abs(step), 2 / scale + abs(theta)), step)
        theta = theta + step if low < theta + step < high else (low + high) / 2
        found = cumulants(theta)
    return theta, found


def chernoff(cumulants: Cumulants, budget: float, scale: float) -> float:
    """A number that P(S > budget) does not exceed: min over theta >= 0 of exp(K(theta) - theta budget)."""
    if cumulants(0.0)[1] >= budget:
        return 1.0
    theta, found = saddle_point(cumulants, budget, scale)
    if theta <= 0:
        return 1.0
    exponent = found[0] - theta * budget
    return min(1.0, math.exp(min(0.0, exponent + ROUNDING * (abs(found[0]) + theta * abs(budget)))))


def density(units: Spenders, amounts: Floats) -> Floats:
    """The saddle-point density of the total spend, exp(K - theta s) / sqrt(2 pi K''), at each amount.

    0 at amounts that cannot be spent. A picture of the law, not a law: it need not sum to 1.
    """
    low, high = units.reach()
    scale = _scale(units)
    found = np.zeros(amounts.size)
    for i, at in enumerate(amounts.tolist()):
        if scale > 0 and low < at < high:
            theta, k = saddle_point(units.cumulants, at, scale)
            found[i] = math.exp(min(0.0, k[0] - theta * at)) / math.sqrt(2 * math.pi * k[2])
    return found


def entropic_risk(units: Spenders, share: float) -> float:
    """A number that CVaR, the mean spend of the worst `share` of cases, does not exceed.

    The least over theta of (K(theta) - log share) / theta; golden section on log theta, where any theta is a
    proof and the best one is only sharper.
    """
    scale = _scale(units)
    mean = float(units.cumulants(0.0)[1])
    if scale == 0:
        return mean
    if share >= 1:
        return mean

    def at(log_theta: float) -> float:
        theta = math.exp(log_theta)
        k = float(units.cumulants(theta)[0])
        return (k - math.log(share) + ROUNDING * abs(k)) / theta

    low, high = math.log(1e-4 / scale), math.log(1e4 / scale)
    ratio = (math.sqrt(5) - 1) / 2
    one, two = high - ratio * (high - low), low + ratio * (high - low)
    worth_one, worth_two = at(one), at(two)
    while high - low > 1e-4:
        if worth_one <= worth_two:
            high, two, worth_two = two, one, worth_one
            one = high - ratio * (high - low)
            worth_one = at(one)
        else:
            low, one, worth_one = one, two, worth_two
            two = low + ratio * (high - low)
            worth_two = at(two)
    return min(worth_one, worth_two, units.reach()[1])


def _scale(units: Spenders) -> float:
    """Standard deviation of the total spend."""
    return math.sqrt(max(0.0, float(units.cumulants(0.0)[2])))


def _density(w: float) -> float:
    return math.exp(-w * w / 2) / math.sqrt(2 * math.pi)
