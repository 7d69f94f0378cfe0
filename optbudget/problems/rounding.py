"""A rational number as the double on the side that is wanted."""

import math
from fractions import Fraction


def round_down(number: Fraction) -> float:
    """The largest double that is not above `number`.

    Examples
    --------
    >>> round_down(Fraction(1, 10)) <= Fraction(1, 10) < round_up(Fraction(1, 10))
    True
    """
    nearest = float(number)
    return nearest if nearest <= number else math.nextafter(nearest, -math.inf)


def round_up(number: Fraction) -> float:
    """The smallest double that is not below `number`; of zero it is 0.0, never -0.0."""
    return 0.0 - round_down(-number)
