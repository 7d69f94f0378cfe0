"""Why a computation stopped, and what is in hand: two enums, never a bool."""

from dataclasses import dataclass
from enum import Enum


class Termination(Enum):
    """Why a computation stopped."""

    OPTIMAL = "OPTIMAL"
    TOLERANCE = "TOLERANCE"
    TIME_LIMIT = "TIME_LIMIT"
    MEMORY_LIMIT = "MEMORY_LIMIT"
    INTERRUPTED = "INTERRUPTED"
    INFEASIBLE = "INFEASIBLE"
    UNBOUNDED = "UNBOUNDED"
    ILL_POSED = "ILL_POSED"
    NUMERICAL = "NUMERICAL"
    BACKEND_FAILED = "BACKEND_FAILED"
    UNKNOWN = "UNKNOWN"


class Solution(Enum):
    """What is in hand."""

    NONE = "NONE"
    FEASIBLE = "FEASIBLE"
    CERTIFIED = "CERTIFIED"


OPTIMAL_GAP = 1e-9
"""Largest certified relative gap that may be called OPTIMAL."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why it stopped, what is in hand, and a sentence for a person.

    Examples
    --------
    >>> Outcome.certified(gap=1e-12).termination
    <Termination.OPTIMAL: 'OPTIMAL'>
    >>> Outcome()
    Outcome(termination=<Termination.UNKNOWN: 'UNKNOWN'>, solution=<Solution.NONE: 'NONE'>, message='')
    """

    termination: Termination = Termination.UNKNOWN
    solution: Solution = Solution.NONE
    message: str = ""

    @classmethod
    def certified(
        cls,
        *,
        gap: float,
        tolerance: float = OPTIMAL_GAP,
        stopped: Termination = Termination.NUMERICAL,
        message: str = "",
    ) -> "Outcome":
        """The outcome of an answer with a certified relative `gap`.

        OPTIMAL if gap <= 1e-9, TOLERANCE if gap <= tolerance, else `stopped`: the reason the work
        ended with a wider gap than was asked for.
        """
        if gap <= OPTIMAL_GAP:
            reached = Termination.OPTIMAL
        elif gap <= tolerance:
            reached = Termination.TOLERANCE
        else:
            reached = stopped
        return cls(reached, Solution.CERTIFIED, message)
