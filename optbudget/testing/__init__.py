"""Conformance kits for others: a back end of one's own, a problem out of one's own generator.

`check_backend` holds a back end of linear and mixed-integer programs against named small programs with
known answers; `check_model` holds every method that fits a `BudgetedMDP` against the others and against
the laws that its curves must obey. Both return a report; `report.assert_ok()` raises in a test.
"""

from optbudget.testing.backends import PROGRAMS, check_backend
from optbudget.testing.known import KnownProgram
from optbudget.testing.models import check_model
from optbudget.testing.report import ConformanceError, ConformanceReport, Finding, Verdict
from optbudget.testing.statement import program_of

__all__ = [
    "PROGRAMS",
    "ConformanceError",
    "ConformanceReport",
    "Finding",
    "KnownProgram",
    "Verdict",
    "check_backend",
    "check_model",
    "program_of",
]
