"""What is said of the answer to a knapsack: sentences that follow from its numbers, and from nothing else.

A solver writes them and the checker writes them again.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.problems.knapsack import Knapsack
from optbudget.status import OPTIMAL_GAP, Termination

WHOLE_SPENT = "no whole choice of options spends more and is worth more"
RANDOMISED = "the probability of a randomised copy is a multiple of 2^-53, rounded down"
NO_BETTER = "no whole choice that is worth more was found"
NOTHING_MORE = "every copy has the most valuable option, so more money is worth nothing"

ENDED = {
    Termination.TIME_LIMIT: "the time limit",
    Termination.MEMORY_LIMIT: "the memory limit",
    Termination.INTERRUPTED: "an interruption",
    Termination.NUMERICAL: "numbers too far apart",
}
"""How a search ended that was not complete."""


def rounded_up(number: Fraction) -> float:
    """The least double that is not below."""
    near = float(number)
    return 0.0 + (near if Fraction(near) >= number else math.nextafter(near, math.inf))


def why_left_over(unspent: float, price: float, *, whole: bool, stopped: Termination | None) -> str | None:
    """Why money is left, None where none is; `stopped` is why a search for the best whole choice broke off.

    Examples
    --------
    >>> why_left_over(1.0, 0.0, whole=False, stopped=None)
    'every copy has the most valuable option, so more money is worth nothing'
    """
    if not unspent:
        return None
    if price == 0:
        return NOTHING_MORE
    if not whole:
        return RANDOMISED
    return WHOLE_SPENT if stopped is None else NO_BETTER


def about_whole(value: float, relaxed: float, gap: float, stopped: Termination | None) -> str:
    """What is proved of a whole choice, and what a choice that randomises could have."""
    if stopped is None:
        if relaxed == value:
            return "no choice of options is worth more, not even one that randomises"
        return (
            f"{value!r} is proved to be the most that whole options are worth; "
            f"randomising one copy could reach at most {relaxed!r}"
        )
    ended = f"the search for the best whole choice ended by {ENDED[stopped]}"
    if gap <= OPTIMAL_GAP:
        return f"{ended}, but the relaxation's bound proves that at most {relaxed - value:.3g} is missing"
    return f"{ended}; by the relaxation's bound at most {relaxed - value:.6g} is missing"


def too_little(knapsack: Knapsack, money: float, least: Fraction) -> str:
    """The least feasible total, and a smallest set of copies whose cheapest options exceed the money."""
    cheapest: NDArray[np.float64] = np.minimum.reduceat(knapsack.cost, knapsack.ptr[:-1])
    named, total = [], Fraction(0)
    for g in np.lexsort((np.arange(cheapest.size), -cheapest)):
        if total > money or cheapest[g] <= 0:
            break
        if knapsack.count[g] == 0:
            continue
        each = Fraction(float(cheapest[g]))
        copies = min(int(knapsack.count[g]), math.floor((Fraction(money) - total) / each) + 1)
        total += copies * each
        named.append(f"{copies:,} of {knapsack.groups[g]!r} (at least {float(cheapest[g])!r} each)")
    shown = ", ".join(named[:5]) + (f" and {len(named) - 5:,} more groups" if len(named) > 5 else "")
    return (
        f"the budget {money!r} is below {rounded_up(least)!r}, the least that one option of every group "
        f"costs; already these need more: {shown}"
    )
