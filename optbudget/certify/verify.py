"""Checking an answer: what is stated against what this package below every solver finds itself.

**What "proved" means.** A stored curve is achievable up to its stated rounding and the checker's own,
and its gap, with what it falls short included, holds at every budget. Budgets are compared with the
room of their own proven rounding (about 1e-13 of what can be spent), because a floating-point number
need not be a feasible budget exactly. Sums over an allocation's rows are exact.

A check fails whenever the statement could not be proved; that is not yet a proof of the contrary.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from optbudget.certify import allocation_checks as rows
from optbudget.certify.arrival_checks import arrival_checks
from optbudget.certify.band_checks import band_checks
from optbudget.certify.budget_lines import mixture_checks
from optbudget.certify.curve_checks import curve_checks, structure_ok
from optbudget.certify.evidence import Evidence, gather
from optbudget.certify.exact_checks import (
    exact_allocation_check,
    exact_curve_checks,
    exact_parts,
    sample,
)
from optbudget.certify.front_checks import front_checks
from optbudget.certify.harm_checks import harm_check
from optbudget.certify.interval_checks import interval_checks
from optbudget.certify.knapsack_checks import knapsack_checks, whole_split_checks
from optbudget.certify.limited_whole_checks import limited_whole_checks
from optbudget.certify.outcome_checks import outcome_check, stated_checks
from optbudget.certify.policy_checks import Used, policy_check
from optbudget.certify.risk_checks import risk_check
from optbudget.certify.rollout_checks import rollout_checks
from optbudget.certify.stationary import stationary_evidence
from optbudget.certify.support import Support, support
from optbudget.errors import UsageError
from optbudget.problems import (
    Allocation,
    ArrivalAllocation,
    BudgetedMDP,
    Check,
    CurveBand,
    CurveBracket,
    CurveSet,
    DepartmentFront,
    KnapsackAllocation,
    PolicyMixture,
    Rollouts,
    Verification,
)
from optbudget.status import Solution

SAME_SLOPE = 1e-12
"""Slopes so close to the price of an allocation, relatively, are that price."""

Known = dict[int, tuple[list[Check], Evidence | None]]
"""What was found about curves, by their identity."""


Answer = (
    CurveSet
    | Allocation
    | ArrivalAllocation
    | CurveBand
    | CurveBracket
    | DepartmentFront
    | KnapsackAllocation
    | PolicyMixture
    | Rollouts
)


def verify(answer: Answer, *, exact: bool = False, all_prices: bool = False) -> Verification:
    """Check every number of an answer against the problem, without any solver.

    Parameters
    ----------
    answer : curves, an allocation (with arrivals or without), roll-outs of one, a mixture of policies or the
        answer to a knapsack, from a solver or from disk; where it was read from disk, every number of its
        `result.json` is checked too
    exact : besides, in integers rounded outward at every stage: at the prices of the allocation and a
        spread sample of the others
    all_prices : with `exact`, at all prices: then the gap itself is recomputed without rounding

    Returns
    -------
    Verification
        One entry per statement, each with its numbers; `ok` if all are proved. An answer that says it
        has no certificate is not ok.

    Raises
    ------
    UsageError
        If the answer is of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import replace
    >>> from optbudget.curves import Curve, Curves
    >>> from optbudget.problems.examples import two_action_example
    >>> from optbudget.status import Outcome
    >>> answer = CurveSet(
    ...     two_action_example(horizon=1), Curves.from_curves([Curve(0.0, 1.0, [1.0], [9.0])]),
    ...     spend_variance=np.zeros(2), first_action=np.array([1, 0], dtype=np.int32),
    ...     prices=np.array([np.inf, 9.0, 0.0]), gap=1e-12, state_gap=np.array([1e-12]), rounding=1e-14,
    ...     method="exact", tolerance=0.0, outcome=Outcome.certified(gap=1e-12))
    >>> verify(answer).ok
    True
    >>> better = replace(answer, curves=Curves.from_curves([Curve(0.0, 1.0, [1.0], [9.1])]))
    >>> print([check.name for check in verify(better).checks if not check.ok])
    ['curves achievable', 'gap of every state']
    """
    return verify_all([answer], exact=exact, all_prices=all_prices)[0]


def verify_all(
    answers: Sequence[Answer], *, exact: bool = False, all_prices: bool = False
) -> tuple[Verification, ...]:
    """`verify` each of the answers; curves that several of them rest on are gone through once."""
    known: Known = {}
    found = []
    for answer in answers:
        checks: Iterable[Check]
        if isinstance(answer, CurveSet):
            checks = _of_curves(answer, known, exact=exact, all_prices=all_prices)
        elif isinstance(answer, Allocation):
            checks = _of_allocation(answer, known, exact=exact, all_prices=all_prices)
        elif isinstance(answer, ArrivalAllocation):
            checks = _of_arrivals(answer, known, exact=exact, all_prices=all_prices)
        elif isinstance(answer, Rollouts):
            proof = _of_allocation(answer.allocation, known, exact=exact, all_prices=all_prices)
            checks = (*proof, *rollout_checks(answer))
        elif isinstance(answer, CurveBand):
            checks = band_checks(answer)
        elif isinstance(answer, CurveBracket):
            checks = interval_checks(answer)
        elif isinstance(answer, KnapsackAllocation):
            checks = knapsack_checks(answer)
        elif isinstance(answer, DepartmentFront):
            if exact:
                raise UsageError("a front is checked in floating point only: leave out --exact")
            checks = front_checks(answer)
        elif isinstance(answer, PolicyMixture):
            if exact:
                raise UsageError("several budget lines are checked in floating point only: leave out --exact")
            checks = mixture_checks(answer)
        else:
            raise UsageError(f"verify takes curves or an allocation, not {type(answer).__name__}")
        found.append(Verification((*_of_risk(answer), *checks)))
    return tuple(found)


def _of_risk(answer: Answer) -> Iterator[Check]:
    """The reward of a problem that has a risk held against it."""
    problem: BudgetedMDP | None = None
    if isinstance(answer, CurveSet):
        problem = answer.problem
    elif isinstance(answer, Allocation | ArrivalAllocation):
        problem = answer.curves.problem
    elif isinstance(answer, Rollouts):
        problem = answer.allocation.curves.problem
    elif isinstance(answer, PolicyMixture):
        problem = answer.lines.problem
    elif isinstance(answer, DepartmentFront):
        problem = answer.departments.held
    if problem is not None and problem.risk is not None:
        yield risk_check(problem, problem.risk)
        yield harm_check(problem.risk.side_effects)


def _of_curves(answer: CurveSet, known: Known, *, exact: bool, all_prices: bool) -> Iterator[Check]:
    yield from stated_checks(answer)
    yield from _policy(answer)
    for kept in (answer, *answer.stages):
        prefix = f"stage {kept.stage}: " if kept is not answer else ""
        checks, evidence = _one_stage(kept, prefix, known)
        yield from checks
        if exact and evidence is not None and structure_ok(kept):
            prices = kept.prices if all_prices else sample(kept.prices)
            parts = exact_parts(kept, prices)
            yield from exact_curve_checks(kept, evidence.points, parts, everything=all_prices, prefix=prefix)


def _of_allocation(answer: Allocation, known: Known, *, exact: bool, all_prices: bool) -> Iterator[Check]:
    yield from stated_checks(answer)
    yield from _policy(answer.curves, used=_in_use(answer))
    name = "allocation outcome"
    yield outcome_check(answer.outcome, answer.gap, answer.curves.tolerance, name)
    checks, evidence = _one_stage(answer.curves, "", known)
    yield from checks
    for kept in answer.curves.stages:
        yield from _one_stage(kept, f"stage {kept.stage}: ", known)[0]
    if evidence is None:
        return
    if rows.claims_infeasible(answer):
        yield rows.infeasible_check(answer, evidence.least)
        return
    if answer.outcome.solution is not Solution.CERTIFIED:
        yield Check("certificate", False, "the allocation says that it has none")
        return
    added = list(rows.rows_add_up(answer))
    yield from added
    if not added[0].ok:
        return
    yield from rows.on_the_curves(answer)
    whole = answer.method == "ip"
    if whole:
        yield from whole_split_checks(answer) if answer.limits is None else limited_whole_checks(answer)
    else:
        yield rows.bound_check(answer, _lines(answer, evidence))
    if exact:
        capped = answer.curves.problem.budget_cap is not None or answer.limits is not None
        every = all_prices or capped  # the slopes at a cap or limit are anywhere among the prices
        prices = answer.curves.prices if every else sample(answer.curves.prices, answer.price)
        parts = exact_parts(answer.curves, prices)
        yield from exact_curve_checks(answer.curves, evidence.points, parts, everything=all_prices)
        if not whole:
            yield from exact_allocation_check(answer, evidence.points, parts)


def _of_arrivals(
    answer: ArrivalAllocation, known: Known, *, exact: bool, all_prices: bool
) -> Iterator[Check]:
    """The allocation of those here, the curves of every stage that money is set aside for, and the rest."""
    if answer.outcome.solution is not Solution.NONE:
        yield from _of_allocation(answer.here, known, exact=exact, all_prices=all_prices)
        for k in sorted({*answer.stage.tolist()} - {answer.here.curves.stage}):
            try:
                yield from _one_stage(answer.curves.at_stage(k), f"stage {k}: ", known)[0]
            except KeyError:
                yield Check(f"stage {k}: curves", False, "they are missing")
    yield from arrival_checks(answer)


def _in_use(answer: Allocation) -> Used | None:
    """The price of an allocation, and the nearest slopes below and above it."""
    curves, price = answer.curves.curves, answer.price
    if not (price >= 0 and structure_ok(answer.curves)):
        return None
    slopes = curves.gain / curves.length
    below = float(slopes[slopes < price * (1 - SAME_SLOPE)].max(initial=0.0))
    return Used(price, below, float(slopes[slopes > price * (1 + SAME_SLOPE)].min(initial=np.inf)))


def _policy(curves: CurveSet, used: Used | None = None) -> Iterator[Check]:
    if curves.policy is not None:
        horizon = curves.problem.horizon
        yield policy_check(
            curves.problem, curves.policy, curves.prices, witness=curves.witness, used=used,
            decisions=None if horizon is None else horizon - curves.stage,
        )  # fmt: skip


def _one_stage(kept: CurveSet, prefix: str, known: Known) -> tuple[list[Check], Evidence | None]:
    """The checks of the curves of one stage, and the passes they rest on."""
    if id(kept) not in known:
        known[id(kept)] = _gone_through(kept, prefix)
    return known[id(kept)]


def _gone_through(kept: CurveSet, prefix: str) -> tuple[list[Check], Evidence | None]:
    checks = [outcome_check(kept.outcome, kept.gap, kept.tolerance, prefix + "outcome")]
    if kept.outcome.solution is not Solution.CERTIFIED:
        checks.append(Check(prefix + "certificate", False, "the curves say that they have none"))
        return checks, None
    problem = kept.problem
    prices = kept.prices
    if prices.ndim != 1 or prices.size == 0 or not (prices >= 0).all():
        detail = "prices must be a vector of numbers >= 0"
        checks.append(Check(prefix + "certificate readable", False, detail))
        return checks, None
    decisions = None if problem.horizon is None else problem.horizon - kept.stage
    if decisions is not None and (decisions < 1 or kept.stage < 0):
        checks.append(Check(prefix + "stage", False, f"stage {kept.stage} of {problem.horizon} decisions"))
        return checks, None
    if decisions is not None and kept.witness is not None:
        checks.append(Check(prefix + "witness", False, "only an infinite horizon has a witness"))
        return checks, None
    if decisions is None:
        found, proved = stationary_evidence(kept)
        checks.extend(found)
        if proved is None:
            return checks, None
        evidence = proved
    else:
        evidence = gather(problem, prices, decisions=decisions, moments=True)
    checks.extend(curve_checks(kept, evidence, decisions=decisions, prefix=prefix))
    return checks, evidence


def _lines(answer: Allocation, evidence: Evidence) -> Iterator[Support]:
    """The lines of the certificate, and those of the allocation's own price where it is another."""
    yield evidence.lines
    price, problem = answer.price, answer.curves.problem
    if 0 <= price < np.inf and problem.horizon is not None and not (evidence.lines.price == price).any():
        yield support(problem, [price], decisions=problem.horizon - answer.curves.stage)
