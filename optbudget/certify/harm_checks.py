"""What a plan says about its harm, held against the risk that the reward was lowered by.

The harm to an outcome of weight :math:`\\omega` is :math:`X \\sim N(\\mu, \\tau^2)`. Its mean :math:`\\mu`
and its chance :math:`p = P(X > 0)` give :math:`\\mu = z \\tau`, :math:`z = \\Phi^{-1}(p)`, and so the risk

.. math:: \\omega E[X^+] = \\omega \\tau g(z), \\quad g(z) = z \\Phi(z) + \\varphi(z),

which lies between the ends of the interval, as :math:`\\omega \\mu` does where it hurts. Neither mean nor
chance is in the reward, so no other check would miss them. Of two normal laws with the same risk, both with
their means in the interval, this check cannot tell which one was estimated.
"""

import math
from statistics import NormalDist

from optbudget.problems import Check
from optbudget.problems.side_effects import SideEffect, SideEffects

SLACK = 1e-6
"""Of the mean and the expected harm, relative: far above rounding, far below what anybody would act on."""


def harm_check(side_effects: SideEffects) -> Check:
    """Whether mean, chance and interval of every row are those of a normal law with its risk."""
    if not side_effects.weights:
        return Check("predicted harm", True, "no weights are stated: means and chances are taken as they are")
    for row in side_effects.rows:
        if wrong := _wrong(row, side_effects.weights.get(row.outcome, 1.0)):
            of = f"action {row.action!r}, outcome {row.outcome!r}"
            return Check("predicted harm", False, f"{of}: {wrong}")
    said = f"mean, chance and interval of {len(side_effects.rows):,} side effects fit their risk"
    return Check("predicted harm", True, said)


def _wrong(row: SideEffect, weight: float) -> str:
    """What does not fit; "" where all does."""
    if weight == 0.0:
        return "" if row.risk == 0.0 else f"the weight is 0, and the risk is {row.risk!r}"
    excess, ends = row.risk / weight, (row.lower / weight, row.upper / weight)
    slack = SLACK * max(abs(row.mean), excess)
    if not ends[0] - slack <= max(row.mean, 0.0) or not row.mean <= ends[1] + slack:
        return f"the mean {row.mean!r} is not between the ends {ends[0]!r} and {ends[1]!r} of the interval"
    if not _fits(row.mean, row.probability, excess, slack):
        return f"no normal harm of mean {row.mean!r} and chance {row.probability!r} is worth {row.risk!r}"
    return ""


def _fits(mean: float, chance: float, excess: float, slack: float) -> bool:
    """Whether E[X+] of the normal law with this mean and P(X > 0) is so much."""
    if chance in (0.0, 1.0):
        return (mean > 0) == (chance == 1.0) and abs(max(mean, 0.0) - excess) <= slack
    z = NormalDist().inv_cdf(chance)
    gain = max(z * chance + math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), 0.0)
    if abs(z) < 0.1:  # The mean is small against the deviation, which is better read off the risk.
        return abs(mean - z * excess / gain) <= slack
    return mean / z > 0 and abs(mean / z * gain - excess) <= slack
