"""Checking an answer: what is stated against what this package below every solver finds itself."""

from collections.abc import Iterator

from optbudget.certify.curve_checks import curve_checks, gather
from optbudget.certify.outcome_checks import outcome_check, stated_checks
from optbudget.errors import UsageError
from optbudget.problems import Allocation, Check, CurveSet, Verification
from optbudget.status import Solution


def verify(
    answer: CurveSet | Allocation, *, exact: bool = False, all_prices: bool = False
) -> Verification:
    """Check every number of an answer against the problem, without any solver.
    """
    if not isinstance(answer, (CurveSet, Allocation)):
        raise UsageError(f"verify takes curves or an allocation, not {type(answer).__name__}")
    checks = list(_all_checks(answer, exact=exact, all_prices=all_prices))
    return Verification(tuple(checks))


def _all_checks(answer: CurveSet | Allocation, *, exact: bool, all_prices: bool) -> Iterator[Check]:
    curves = answer.curves if isinstance(answer, Allocation) else answer
    yield from stated_checks(answer)
    yield from _curve_set(curves, exact=exact, all_prices=all_prices)


def _curve_set(answer: CurveSet, *, exact: bool, all_prices: bool) -> Iterator[Check]:
    for kept in (answer, *answer.stages):
        prefix = f"stage {kept.stage}: " if kept is not answer else ""
        yield outcome_check(kept.outcome, kept.gap, kept.tolerance, prefix + "outcome")
        if kept.outcome.solution is not Solution.CERTIFIED:
            yield Check(prefix + "certificate", False, "the answer says that it has none")
            continue
        problem = kept.problem
        decisions = None if problem.horizon is None else problem.horizon - kept.stage
        evidence = gather(problem, kept.prices, decisions=decisions)
        yield from curve_checks(kept, evidence, decisions=decisions, prefix=prefix)
