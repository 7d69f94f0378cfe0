"""What a conformance kit found: one named verdict per problem, with the numbers."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from optbudget.errors import OptBudgetError


class Verdict(Enum):
    """What came of one check.

    UNANSWERED is honest and of no use: it stopped without claiming anything. It is no lie and no pass.
    """

    PASSED = "passed"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    NOT_APPLICABLE = "not applicable"


class ConformanceError(OptBudgetError, AssertionError):
    """Something under test does not do what its kit asks; the message names every check that failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, the reason why it is in the kit, the verdict, and numbers."""

    name: str
    why: str
    verdict: Verdict
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.verdict.value:>14}  {self.name}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, repr=False)
class ConformanceReport:
    """The findings of one kit about one subject.

    Examples
    --------
    >>> wrong = Finding("wyndor", "a textbook program", Verdict.FAILED, "35 for 36")
    >>> report = ConformanceReport("mine", (wrong,))
    >>> report.ok, report
    (False, ConformanceReport(mine: 0 passed, 1 failed, 0 unanswered, 0 not applicable))
    >>> report.assert_ok()
    Traceback (most recent call last):
    ...
    optbudget.testing.report.ConformanceError: mine: 0 passed, 1 failed, 0 unanswered, 0 not applicable
            failed  wyndor: 35 for 36
    """

    subject: str
    findings: tuple[Finding, ...]

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings of one verdict, in order."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)

    def names(self, verdict: Verdict) -> set[str]:
        """The names of the checks of one verdict."""
        return {finding.name for finding in self.of(verdict)}

    def __getitem__(self, name: str) -> Finding:
        """The finding of a name."""
        return next(finding for finding in self.findings if finding.name == name)

    @property
    def ok(self) -> bool:
        """Whether everything that applies passed."""
        return not self.of(Verdict.FAILED) and not self.of(Verdict.UNANSWERED)

    def assert_ok(self, *, failed: Collection[str] = (), unanswered: Collection[str] = ()) -> None:
        """Raise unless all that applies passed, but for the names that are known to fail or be unanswered.

        Raises
        ------
        ConformanceError
            Naming what failed; and what was said to fail and does not any more, so that a list of
            exceptions cannot outlive its reasons.
        """
        wrong: list[object] = [f for f in self.of(Verdict.FAILED) if f.name not in failed]
        wrong += [f for f in self.of(Verdict.UNANSWERED) if f.name not in unanswered]
        wrong += _mended(failed, self, Verdict.FAILED)
        wrong += _mended(unanswered, self, Verdict.UNANSWERED)
        if wrong:
            raise ConformanceError("\n".join([self._counts(), *map(str, wrong)]))

    def _counts(self) -> str:
        counts = ", ".join(f"{len(self.of(verdict))} {verdict.value}" for verdict in Verdict)
        return f"{self.subject}: {counts}"

    def __str__(self) -> str:
        return "\n".join([self._counts(), *map(str, self.findings)])

    def __repr__(self) -> str:
        return f"ConformanceReport({self._counts()})"


def _mended(names: Iterable[str], report: ConformanceReport, verdict: Verdict) -> list[str]:
    there = {finding.name for finding in report.findings}
    return [
        f"{name} is listed as {verdict.value} and is not"
        for name in names
        if name in there and name not in report.names(verdict)
    ]
