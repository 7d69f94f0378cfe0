"""Which rows of an allocation are one lottery.

Rows of probability 1 are certain. The others come together: rows of one state and one count, whose
probabilities sum to 1; `count` units draw among them, each for itself. A share may be as small as
:math:`2^{-53}`, so a sum near 1 is no sign that a lottery is complete: it is once the probabilities sum to 1
exactly, as those of a split do, or to 1 within rounding and the next row does not fit.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from optbudget.errors import ProblemError

ROUNDING = Fraction(1, 10**12)
"""How far from 1 the probabilities of a lottery may sum, where others than ours made them."""


def lotteries(rows: Sequence[tuple[int, int, float]]) -> Iterator[slice]:
    """The rows (state, count, probability) of an allocation, lottery by lottery; a certain row is one alone.

    Raises
    ------
    ProblemError
        If the probabilities of a lottery do not sum to 1.

    Examples
    --------
    >>> [(s.start, s.stop) for s in lotteries([(0, 5, 1.0), (0, 1, 1 - 1e-14), (0, 1, 1e-14), (1, 2, 1.0)])]
    [(0, 1), (1, 3), (3, 4)]
    """
    begin, total = 0, Fraction(0)
    for r, (_, _, probability) in enumerate(rows):
        total += Fraction(probability)
        following = _of_one(rows, begin, r + 1)
        if abs(total - 1) <= ROUNDING:
            if total == 1 or not following or total + Fraction(rows[r + 1][2]) > 1 + ROUNDING:
                yield slice(begin, r + 1)
                begin, total = r + 1, Fraction(0)
        elif total > 1 or not following:
            raise ProblemError("the probabilities of a randomised unit do not sum to 1")


def _of_one(rows: Sequence[tuple[int, int, float]], one: int, other: int) -> bool:
    """Whether two rows can be of one lottery."""
    return other < len(rows) and rows[one][:2] == rows[other][:2]
