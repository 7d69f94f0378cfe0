"""Checks of whole units under limits: nobody is randomised, and no other choice is worth more than the bound.

Rows and limits are checked as for every allocation (`optbudget.certify.limit_rows`). The bound is proved by
the stated price and multipliers alone (`dual_within`), or by a sweep (`limited_sweep`), over choices in which
every unit has one useful budget of its curve.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from optbudget.certify.knapsack_sweep import Unproved
from optbudget.certify.limit_checks import signs
from optbudget.certify.limit_rows import limited_population
from optbudget.certify.limited_sweep import dual_within, prove_limited_bound
from optbudget.problems import Allocation, Check


def limited_whole_checks(answer: Allocation) -> Iterator[Check]:
    """That nobody draws, and the bound; rows have been found to keep the limits."""
    drawn = int((answer.probability < 1).sum())
    yield Check("randomised units", drawn == 0, "none" if drawn == 0 else f"{drawn} rows of units that draw")
    yield _bound(answer)


def _bound(answer: Allocation) -> Check:
    units = limited_population(answer)
    wrong = units if isinstance(units, str) else signs(answer, units)
    if isinstance(units, str) or wrong:
        return Check("bound", False, wrong)
    if not math.isfinite(answer.bound) or (math.isinf(answer.budget) and answer.price > 0):
        return Check("bound", False, f"bound {answer.bound}, price {answer.price}: these prove nothing")
    numbers = answer.curves.curves, units, answer.budget, answer.price, answer.multipliers
    proved = dual_within(*numbers)
    stated = f"stated {answer.bound:.17g}"
    if proved <= Fraction(answer.bound):
        room = float(Fraction(answer.bound) - proved)
        return Check("bound", True, f"{stated}, proved by price and multipliers, room {room:.2g}")
    if units.node is None:
        return Check("bound", False, f"{stated}, price and multipliers prove {float(proved):.17g}")
    try:
        steps = prove_limited_bound(*numbers, answer.bound)
    except Unproved as error:
        return Check("bound", False, f"{stated}; {error}")
    work = f"{steps:,} step{'' if steps == 1 else 's'} of the value function"
    return Check("bound", True, f"{stated}, proved by {work}")
