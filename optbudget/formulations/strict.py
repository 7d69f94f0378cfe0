"""The most that a small population can be worth if its budget is never exceeded, on any path.

Dynamic programming over the counts of units and the money left, in rational arithmetic:

.. math:: W_k(n, m) = \\max_{a:\\, c_a \\le m} \\; r_a + \\gamma \\sum_{n'} p_a(n')
          W_{k+1}\\big(n', (m - c_a) / \\gamma_c\\big)

(the paper's footnote 8; Meuleau et al. 1998). It lies below the optimum of a budget in expectation; the
difference is the cost of never overspending.
"""

from collections.abc import Iterator
from fractions import Fraction

from optbudget.errors import LimitError, UsageError
from optbudget.formulations.joint_units import Counts, Units
from optbudget.problems import BudgetedMDP, Population

MOST_VISITED = 500_000
"""Joint states with money left beyond which the strict problem is refused."""


def strict_optimum(unit: BudgetedMDP, population: Population, budget: float) -> Fraction | None:
    """Largest expected value of all units together if no path may spend more than the budget; exact.

    None if some path must. With a cost discount below 1, money that is kept grows by its inverse: what is
    never exceeded is the discounted spend.

    Raises
    ------
    UsageError
        If the horizon is infinite.
    LimitError
        If more than `MOST_VISITED` joint states with money left are met.

    Examples
    --------
    Two units, money for one; each would gain 10 with certainty:

    >>> from optbudget.problems.examples import two_action_example
    >>> unit = two_action_example(horizon=1)
    >>> strict_optimum(unit, Population.at(unit, {"s": 2}), 1.5)
    Fraction(11, 1)
    """
    if unit.horizon is None:
        raise UsageError("a strict budget is solved over a finite horizon; give one")
    units = Units(unit)
    known: dict[tuple[int, Counts, Fraction], Fraction | None] = {}

    def best(k: int, counts: Counts, left: Fraction) -> Fraction | None:
        if k == unit.horizon or not any(counts):
            return units.final(counts)
        key = (k, counts, left)
        if key not in known:
            if len(known) >= MOST_VISITED:
                raise LimitError(
                    f"more than {MOST_VISITED:,} joint states with money left; ask for fewer units"
                )
            known[key] = max(outcomes(k, counts, left), default=None)
        return known[key]

    def outcomes(k: int, counts: Counts, left: Fraction) -> Iterator[Fraction]:
        for _, step in units.together(counts):
            if step.cost > left:
                continue
            rest = (left - step.cost) / units.cost_rate
            ahead = {after: best(k + 1, after, rest) for after in step.law}
            worth = [None if (w := ahead[after]) is None else p * w for after, p in step.law.items()]
            if None not in worth:
                yield step.reward + units.rate * sum((w for w in worth if w is not None), Fraction(0))

    start, ended = units.start(population)
    found = best(0, start, Fraction(budget))
    return None if found is None else found + ended
