"""Whether the price and multipliers of an allocation under limits are its own, and prove its bound.

The bound is that of `optbudget.allocation.limit_bound`, made anew: for the stated price and multipliers, all
of which must be >= 0, and lines from the model,

.. math:: \\lambda B + \\sum_G (\\mu_G U_G - \\nu_G L_G)
          + \\sum_i n_i \\max_{\\ell_i \\le b \\le u_i} (V_i(b) - \\lambda_i b).
"""

import math
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.envelope import limited_intercepts
from optbudget.certify.knapsack_bound import exact_sum
from optbudget.certify.limit_rows import Entries, entries_of, kept, limited_population
from optbudget.certify.limited_price import relaxed_price_fault
from optbudget.certify.support import Support
from optbudget.problems import Allocation, Check, LimitedPopulation
from optbudget.problems.rounding import round_down

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SAME = 2.0**-46
"""Relative difference of two quotients, or of two sums of money, that are the same."""

SAME_TO_A_SOLVER = 1e-7
"""The same for prices that a linear program's solution is read from; the bound leaves no such room."""


def limited_price_check(answer: Allocation, level: Integers) -> Check:
    """That price and multipliers are those of the curves: nobody would buy or sell at them.

    A multiplier above 0 belongs to a limit that is met; a unit that may have more has no segment that returns
    more than its price, one that may have less none that returns less.
    """
    units = limited_population(answer)
    found = entries_of(answer, units) if isinstance(units, LimitedPopulation) else units
    if isinstance(found, str) or isinstance(units, str):
        return Check("price", False, str(found))
    if wrong := signs(answer, units):
        return Check("price", False, wrong)
    wrong, total = kept(found)
    if wrong:
        return Check("price", False, wrong)
    if answer.method in ("ip", "uniform"):
        wrong = "" if units.node is None else relaxed_price_fault(answer, units)
        about = "of the relaxation" if units.node is not None else "nothing is proved of them but their signs"
        said = f"stated {answer.price:.17g}, and {len(answer.multipliers)} multipliers; {about}"
        return Check("price", not wrong, wrong or said)
    wrong = _slack(answer, units, total) or _dear_or_cheap(answer, found, level)
    return Check(
        "price", not wrong, wrong or f"stated {answer.price:.17g}, and {len(answer.multipliers)} multipliers"
    )


def signs(answer: Allocation, units: LimitedPopulation) -> str:
    """What is wrong with the price or a multiplier by itself."""
    if not 0 <= answer.price < math.inf:
        return f"the price is {answer.price}"
    seen = set[tuple[str, str]]()
    for one in answer.multipliers:
        if one.group not in units.names or one.side not in ("least", "most") or (one.group, one.side) in seen:
            return f"a multiplier is of no limit, or of one that has another: {one}"
        seen.add((one.group, one.side))
        g = units.names.index(one.group)
        limit = units.group_most[g] if one.side == "most" else units.group_least[g]
        if not (0 <= one.value < math.inf and one.limit == limit and math.isfinite(limit)):
            return f"the multiplier of the {one.side} of group {one.group!r} is {one.value} at {one.limit}"
    code, prices = units.prices(answer.price, answer.multipliers)
    below = np.array([p < 0 for p in prices])[code] & (units.count > 0)
    if answer.method != "ip":
        below &= np.isinf(units.most)
    return "units have a price below 0, and no most" if below.any() else ""


def _slack(answer: Allocation, units: LimitedPopulation, total: list[Fraction]) -> str:
    """A limit with a multiplier that is not met."""
    size = sum(total, Fraction(0)) + Fraction(float(answer.curves.curves.length.max(initial=0.0)))
    room = Fraction(SAME) * size
    if answer.price > 0 and (math.isinf(answer.budget) or total[-1] < Fraction(answer.budget) - room):
        return f"the price is {answer.price:.9g}, and money is left that is assigned to nobody"
    for one in answer.multipliers:
        has = total[units.names.index(one.group)]
        if one.value > 0 and abs(has - Fraction(one.limit)) > room:
            return (
                f"group {one.group!r} is assigned {float(has):.9g}, and its {one.side} {one.limit!r} has a "
                "multiplier"
            )
    return ""


def _dear_or_cheap(answer: Allocation, found: Entries, level: Integers) -> str:
    """Units that would rather have more, or less, at their price."""
    units, curves = found.units, answer.curves.curves
    code, exact = units.prices(answer.price, answer.multipliers)
    price = np.array([float(p) for p in exact])[code][found.block]
    size = answer.price + sum(one.value for one in answer.multipliers)
    slope = np.append(curves.gain / curves.length, 0.0)
    low = np.minimum(level[found.first], level[found.second])
    state = answer.state[found.first]
    drawn = found.first != found.second
    right = np.where(
        low < curves.segments[state],
        slope[curves.indptr[state] + np.minimum(low, curves.segments[state])],
        0.0,
    )
    here = np.maximum(np.where(drawn, low, low - 1), 0)
    left = np.where(drawn | (low > 0), slope[curves.indptr[state] + here], np.inf)
    near = SAME * (found.money + 1e-300) + 1e-12 * np.where(drawn, _step(answer, found), 0.0)
    may_more = found.money < units.most[found.block] - near
    may_less = found.money > units.least[found.block] + near
    same = SAME_TO_A_SOLVER if answer.method == "lp" else SAME
    wants = may_more & (right > price * (1 + same) + same * size)
    sells = may_less & (left < price * (1 - same) - same * size)
    for who, word in ((wants, "more"), (sells, "less")):
        if who.any():
            e = int(np.flatnonzero(who)[0])
            label = answer.curves.problem.labels[state[e]]
            return f"units in {label!r} would have {word} at their price {price[e]:.9g}"
    return ""


def _step(answer: Allocation, found: Entries) -> Floats:
    """Money between the two rows of each entry."""
    return np.asarray(np.abs(answer.unit_budget[found.second] - answer.unit_budget[found.first]))


def limited_bound_check(answer: Allocation, evidence: Iterable[Support]) -> Check:
    """The stated price and multipliers prove that nothing within the limits is worth more than the bound."""
    units = limited_population(answer)
    if isinstance(units, str):
        return Check("bound", False, units)
    if wrong := signs(answer, units):
        return Check("bound", False, wrong)
    if math.isinf(answer.budget) and answer.price > 0:
        return Check("bound", False, "a price above 0 proves nothing without a budget")
    code, exactly = units.prices(answer.price, answer.multipliers)
    at = np.array([round_down(p) for p in exactly])[code]
    served = np.flatnonzero(units.count)
    best: Fraction | float = math.inf
    for lines in evidence:
        height = limited_intercepts(
            lines.price,
            lines.intercept[units.state[served]],
            at[served],
            units.least[served],
            units.most[served],
        )
        if np.isfinite(height).all():
            best = min(best, outside(answer) + exact_sum(units.count[served], height))
    ok = math.isfinite(answer.bound) and best <= answer.bound
    known = isinstance(best, Fraction) and math.isfinite(answer.bound)
    room = float(Fraction(answer.bound) - Fraction(best)) if known else math.nan
    return Check(
        "bound", bool(ok),
        f"stated {answer.bound:.17g}, proved {float(best):.17g} at the price {answer.price:.9g} and "
        f"{len(answer.multipliers)} multipliers, room {room:.2g}",
    )  # fmt: skip


def outside(answer: Allocation) -> Fraction:
    """price * budget plus multipliers times limits, exactly: the part of the bound that no unit is in."""
    total = Fraction(answer.price) * Fraction(answer.budget) if answer.price else Fraction(0)
    for one in answer.multipliers:
        total += Fraction(one.value) * Fraction(one.limit) * (1 if one.side == "most" else -1)
    return total
