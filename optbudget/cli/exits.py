"""Exit codes: one table from outcomes, one from errors."""

from optbudget.errors import (
    IllPosedError,
    InterruptedWork,
    LimitError,
    MissingExtraError,
    NoAnswerError,
    ProblemError,
    ResultError,
    UsageError,
    WorkersError,
)
from optbudget.status import Outcome, Solution, Termination

USAGE, INVALID, INFEASIBLE, ILL_POSED, GAP, NOTHING, FAILED, MISSING = 2, 3, 4, 5, 6, 7, 8, 9
BUG, INTERRUPTED, UNREAD = 70, 130, 141

OF_OUTCOME = {
    # why it stopped: (exit code with a certified answer, and without one)
    Termination.OPTIMAL: (0, NOTHING),
    Termination.TOLERANCE: (0, NOTHING),
    Termination.TIME_LIMIT: (GAP, NOTHING),
    Termination.MEMORY_LIMIT: (GAP, NOTHING),
    Termination.NUMERICAL: (GAP, NOTHING),
    Termination.UNKNOWN: (GAP, NOTHING),
    Termination.INTERRUPTED: (INTERRUPTED, INTERRUPTED),
    Termination.INFEASIBLE: (INFEASIBLE, INFEASIBLE),
    Termination.UNBOUNDED: (ILL_POSED, ILL_POSED),
    Termination.ILL_POSED: (ILL_POSED, ILL_POSED),
    Termination.BACKEND_FAILED: (MISSING, MISSING),
}

OF_ERROR: dict[type[BaseException], int] = {
    UsageError: USAGE,
    ProblemError: INVALID,
    ResultError: INVALID,
    IllPosedError: ILL_POSED,
    NoAnswerError: NOTHING,
    LimitError: NOTHING,
    MemoryError: NOTHING,
    MissingExtraError: MISSING,
    WorkersError: MISSING,
    InterruptedWork: INTERRUPTED,
    KeyboardInterrupt: INTERRUPTED,
    OSError: INVALID,
}


def of_outcome(outcome: Outcome) -> int:
    """The exit code of a computation that ended.

    Examples
    --------
    >>> of_outcome(Outcome.certified(gap=0.0)), of_outcome(Outcome(Termination.TIME_LIMIT))
    (0, 7)
    """
    certified, otherwise = OF_OUTCOME[outcome.termination]
    return certified if outcome.solution is Solution.CERTIFIED else otherwise


def of_error(error: BaseException) -> int:
    """The exit code of an error: that of the first of its classes in the table, else 70, a bug of ours."""
    for cls in type(error).__mro__:
        if cls in OF_ERROR:
            return OF_ERROR[cls]
    return BUG
