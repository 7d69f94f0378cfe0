"""Money dealt out to equal units: whole raises first, and one randomised unit for what is left."""

from fractions import Fraction
from typing import NamedTuple

from optbudget.allocation import exact


class Point(NamedTuple):
    """A useful budget of a state: which one, its money and its value for one unit."""

    level: int
    budget: float
    value: float


class Row(NamedTuple):
    """So many units at a useful budget, with a probability."""

    units: int
    level: int
    budget: float
    value: float
    probability: float


def deal(units: int, low: Point, high: Point, money: Fraction) -> list[Row]:
    """Rows of units that share `money`, which is >= 0 and does not raise all of them from `low` to `high`.

    With x = money / (high - low), floor(x) units are raised whole and one is raised with the fraction
    of x, rounded down to a multiple of 2^-53; that unit is left whole at `low` where nothing remains.

    Examples
    --------
    >>> for row in deal(3, Point(0, 0.0, 0.0), Point(1, 2.0, 4.0), Fraction(3)):
    ...     print(row)
    Row(units=1, level=1, budget=2.0, value=4.0, probability=1.0)
    Row(units=1, level=0, budget=0.0, value=0.0, probability=1.0)
    Row(units=1, level=0, budget=0.0, value=0.0, probability=0.5)
    Row(units=1, level=1, budget=2.0, value=4.0, probability=0.5)
    """
    raised, rest = divmod(money, Fraction(high.budget) - Fraction(low.budget))
    chance = exact.probability_below(rest / (Fraction(high.budget) - Fraction(low.budget)))
    drawn = 1 if chance > 0 else 0
    rows = [
        Row(raised, *high, 1.0),
        Row(units - raised - drawn, *low, 1.0),
        Row(drawn, *low, 1.0 - chance),
        Row(drawn, *high, chance),
    ]
    return [row for row in rows if row.units > 0]


def totals(rows: list[Row]) -> tuple[Fraction, Fraction]:
    """Exact expected money and value of the rows."""
    share = [row.units * Fraction(row.probability) for row in rows]
    return (
        sum((s * Fraction(row.budget) for s, row in zip(share, rows, strict=True)), Fraction(0)),
        sum((s * Fraction(row.value) for s, row in zip(share, rows, strict=True)), Fraction(0)),
    )
