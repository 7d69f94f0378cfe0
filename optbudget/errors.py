"""Errors raised by optbudget; everything a library or solver throws is re-raised as one of these."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

FIRST_ISSUES = 20


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing found in a problem's data, located as closely as its source allows.

    Attributes
    ----------
    severity : "error" or "warning"
    code : short fixed word, e.g. "row-sum"; what a program may test for
    message : one sentence for a person: what was found, and what to do
    file, line, column : where in a file (line and column count from 1), if it came from one
    state, action : which entry of the problem, if it is about one
    """

    severity: Literal["error", "warning"]
    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    state: str | None = None
    action: str | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if self.file and self.line is not None:
            place += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        elif self.state is not None:
            place += f" state {self.state!r}" + (f", action {self.action!r}" if self.action else "")
        return f"{place.strip()}: {self.message}" if place else self.message

    def as_dict(self) -> dict[str, object]:
        """All fields, for JSON."""
        return asdict(self)


class OptBudgetError(Exception):
    """Base class of every error that optbudget raises on purpose."""


class ProblemError(OptBudgetError, ValueError):
    """The data given do not describe a valid problem.

    `issues` holds everything that was found, in order; the message shows the first twenty.
    """

    issues: tuple[Issue, ...]

    def __init__(self, issues: str | Sequence[Issue]) -> None:
        if isinstance(issues, str):
            issues = (Issue("error", "invalid", issues),)
        self.issues = tuple(issues)
        lines = [str(issue) for issue in self.issues[:FIRST_ISSUES]]
        if len(self.issues) > FIRST_ISSUES:
            lines.append(f"... and {len(self.issues) - FIRST_ISSUES} more")
        super().__init__("\n".join(lines))


class ResultError(OptBudgetError, ValueError):
    """A result folder cannot be read, or does not say what it must."""


class IllPosedError(OptBudgetError, ValueError):
    """Value or spend is unbounded or undefined, so there is no number to give."""


class NoAnswerError(OptBudgetError, ValueError):
    """A number was asked of an outcome that has none; the message says why it stopped."""


class LimitError(OptBudgetError, RuntimeError):
    """A time, memory or size limit was reached before anything could be certified."""


class InterruptedWork(OptBudgetError):  # noqa: N818 - it reports an event, not a fault
    """The user stopped the work; the message names the checkpoint that was kept."""


class MissingExtraError(OptBudgetError, ImportError):
    """An optional part is not installed; the message is the command that installs it."""


class WorkersError(OptBudgetError, RuntimeError):
    """The workers asked for cannot be reached, do not fit, or are all lost; what was kept stays."""


class UsageError(OptBudgetError, ValueError):
    """The arguments of a call or command do not fit together."""
