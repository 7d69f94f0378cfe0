"""Is a problem solved alike by every method that fits it, and do its curves obey their laws?

For problems out of somebody's own generator. Two answers *agree* where their certified intervals
[value, value + gap (1 + |value|) + rounding] meet, at every breakpoint of either, for every state. The laws
are theorems about V(s, b): nondecreasing and concave in b; at the least feasible budget it is the most that
the cheapest policies earn, with money without end the optimum of the unconstrained problem; costs times
2^k stretch the budgets and nothing else; names and the order of states and actions do not matter.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import solve
from optbudget.certify import verify
from optbudget.curves import weighted_sum
from optbudget.errors import IllPosedError, LimitError, MissingExtraError, OptBudgetError, UsageError
from optbudget.formulations import declared, read_primal
from optbudget.problems import BudgetedMDP, ConstrainedMDP, CurveSet
from optbudget.solvers import find, solve_program
from optbudget.status import Solution
from optbudget.testing.report import ConformanceReport, Finding, Verdict
from optbudget.testing.unconstrained import cheapest, unlimited

Floats = NDArray[np.float64]

METHODS = ("walk", "sweep", "exact")
MOST_EXACT = 2_000
"""State-stages up to which the exact backup is asked: its curves grow with the horizon."""
MOST_DECLARED = 5_000
"""Frequencies up to which the linear program is asked."""
NOISE = 1e-9


def check_model(
    problem: BudgetedMDP,
    *,
    tolerance: float = 1e-6,
    backends: tuple[str, ...] = ("highs-simplex", "glop"),
) -> ConformanceReport:
    """Hold every method that fits a problem against the others, and its curves against their laws.

    Parameters
    ----------
    tolerance : relative gap that is asked of the methods
    backends : back ends for the declared linear program; what is not installed is left out

    Notes
    -----
    Meant for small problems: each of about six solves takes its time, and the linear program is left out
    beyond `MOST_DECLARED` frequencies.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> report = check_model(two_action_example(horizon=3), backends=())
    >>> report
    ConformanceReport(BudgetedMDP(1 state, ...): 18 passed, 0 failed, 0 unanswered, 0 not applicable)
    >>> print(report["curve_without_a_limit"].why)
    with money without end: the unconstrained optimum
    """
    if not isinstance(problem, BudgetedMDP):
        raise UsageError(f"check_model takes a BudgetedMDP, and this is {problem!r:.40}")
    findings: list[Finding] = []
    answers: dict[str, CurveSet] = {}
    for method in METHODS:
        finding, answer = _solved(problem, method, tolerance)
        findings.append(finding)
        if answer is not None:
            answers[method] = answer
            findings.append(_certificate(method, answer))
    names = list(answers)
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            why = "certified intervals must meet at every breakpoint of either"
            findings.append(_law(f"{first}_and_{second}_agree", why, _agree, answers[first], answers[second]))
    if answers:
        findings.extend(_laws(problem, next(iter(answers.values())), tolerance))
        for backend in backends:
            findings.append(_declared(problem, next(iter(answers.values())), backend))
    return ConformanceReport(repr(problem), tuple(findings))


def _laws(problem: BudgetedMDP, answer: CurveSet, tolerance: float) -> Iterator[Finding]:
    yield _law("monotone", "more money never hurts", _monotone, answer)
    yield _law("concave", "randomising between budgets makes every curve concave", _concave, answer)
    yield _law("curve_at_the_least_budget", "the cheapest policies, the best among them", _least, answer)
    yield _law("nothing_below_the_least_budget", "less than that is infeasible", _below, answer)
    yield _law("curve_without_a_limit", "with money without end: the unconstrained optimum", _most, answer)
    plain = replace(problem, reward="gross", utility=problem.pair_reward, budget_cap=None, folder=None)
    whole = answer if problem.budget_cap is None else None
    for k in (-20, 20):
        scaled = replace(plain, cost=problem.cost * 2.0**k)
        why = "costs in another unit stretch the budgets and leave the values"
        yield _resolved(f"costs_times_2^{k}", why, whole, scaled, tolerance, stretch=2.0**k)
    doubled = replace(plain, utility=2 * plain.utility, terminal_utility=2 * plain.terminal_utility)
    why = "rewards in another unit scale the values and leave the budgets"
    yield _resolved("rewards_times_2", why, whole, doubled, tolerance, lift=2.0)
    order = np.arange(problem.n_states)[::-1]
    why = "states and actions in the reverse order, with other names"
    yield _resolved("relabelled", why, whole, _relabelled(plain, order), tolerance, order=order)


def _law(name: str, why: str, check: Callable[..., str | None], *answers: CurveSet) -> Finding:
    """The finding of a check that returns what is wrong, "" for nothing, None where it does not apply."""
    wrong = check(*answers)
    if wrong is None:
        return Finding(name, why, Verdict.NOT_APPLICABLE)
    return Finding(name, why, Verdict.FAILED if wrong else Verdict.PASSED, wrong)


def _solved(problem: BudgetedMDP, method: str, tolerance: float) -> tuple[Finding, CurveSet | None]:
    name, why = f"solved_by_{method}", "the method fits, and says how good its answer is"
    if method == "exact":
        if problem.horizon is None:
            return Finding(name, why, Verdict.NOT_APPLICABLE, "needs a finite horizon"), None
        if problem.n_states * problem.horizon > MOST_EXACT:
            return Finding(name, why, Verdict.NOT_APPLICABLE, f"more than {MOST_EXACT:,} state-stages"), None
    try:
        answer = solve(problem, method=method, tolerance=tolerance)  # type: ignore[arg-type]
    except (IllPosedError, LimitError, UsageError) as error:
        return Finding(name, why, Verdict.UNANSWERED, f"{type(error).__name__}: {error}"), None
    if answer.outcome.solution is not Solution.CERTIFIED:
        return Finding(name, why, Verdict.UNANSWERED, answer.outcome.message), None
    return Finding(name, why, Verdict.PASSED, f"gap {answer.gap:.1e}"), answer


def _certificate(method: str, answer: CurveSet) -> Finding:
    found = verify(answer)
    wrong = "; ".join(f"{check.name}: {check.detail}" for check in found.checks if not check.ok)
    verdict = Verdict.PASSED if found.ok else Verdict.FAILED
    return Finding(f"certificate_of_{method}", "the checker repeats it without any solver", verdict, wrong)


def _resolved(
    name: str,
    why: str,
    answer: CurveSet | None,
    changed: BudgetedMDP,
    tolerance: float,
    *,
    stretch: float = 1.0,
    lift: float = 1.0,
    order: "NDArray[np.int64] | None" = None,
) -> Finding:
    """Solve a changed problem, and hold its curves against the first answer's, changed alike."""
    if answer is None:
        return Finding(name, why, Verdict.NOT_APPLICABLE, "the problem caps its budgets")
    method = answer.method if answer.method in METHODS else "auto"
    try:
        other = solve(changed, method=method, tolerance=tolerance)  # type: ignore[arg-type]
    except OptBudgetError as error:
        return Finding(name, why, Verdict.FAILED, f"{type(error).__name__}: {error}")
    wrong = _agree(answer, other, stretch=stretch, lift=lift, order=order)
    return Finding(name, why, Verdict.FAILED if wrong else Verdict.PASSED, wrong)


def _room(answer: CurveSet, state: int, value: Floats) -> Floats:
    """By how much the truth may lie above a stated value."""
    gap = float(answer.state_gap[state])
    return np.asarray(gap * (1.0 + np.abs(value)) + answer.rounding + NOISE * (1.0 + np.abs(value)))


def _agree(
    first: CurveSet,
    second: CurveSet,
    *,
    stretch: float = 1.0,
    lift: float = 1.0,
    order: "NDArray[np.int64] | None" = None,
) -> str:
    """Where two answers' intervals do not meet, in words; "" if they do.

    `second` has its budgets times `stretch`, its values times `lift`, and its states in `order`.
    """
    place = np.arange(len(first)) if order is None else np.argsort(order)
    for i in range(len(first)):
        one, two = first.curves[i], second.curves[int(place[i])]
        start = max(one.start_budget, two.start_budget / stretch)
        budgets = np.concatenate([one.budgets, two.budgets / stretch])
        budgets = budgets[budgets >= start * (1 + 1e-9) + 1e-300]
        low, other = one.value(budgets), two.value(budgets * stretch) / lift
        room = np.where(other > low, _room(first, i, low), _room(second, int(place[i]), other * lift) / lift)
        # A budget that was rounded buys a little less: allow the slope of the steepest segment for it.
        steep = max(float(one.gain[0] / one.length[0]) if len(one) else 0.0, 0.0)
        room = room + steep * 1e-12 * (1.0 + budgets)
        wrong = np.flatnonzero(~(np.abs(other - low) <= room))
        if wrong.size:
            k = int(wrong[0])
            return (
                f"{first.problem.labels[i]} at {budgets[k]:.9g}: {low[k]:.12g} and {other[k]:.12g} "
                f"differ by more than {room[k]:.1e}"
            )
    return ""


def _monotone(answer: CurveSet) -> str:
    for label, curve in zip(answer.problem.labels, answer.curves, strict=True):
        if (np.diff(curve.values) < 0).any() or (np.diff(curve.budgets) <= 0).any():
            return f"{label} is not increasing"
    return ""


def _concave(answer: CurveSet) -> str:
    for label, curve in zip(answer.problem.labels, answer.curves, strict=True):
        slope = curve.gain / curve.length
        rise = np.flatnonzero(np.diff(slope) > 1e-9 * (1.0 + np.abs(slope[:-1])))
        if rise.size:
            k = int(rise[0])
            return f"{label}: the slope rises from {slope[k]:.9g} to {slope[k + 1]:.9g}"
    return ""


def _least(answer: CurveSet) -> str | None:
    found = cheapest(answer.problem)
    if found is None:
        return None
    for i, (spend, value) in enumerate(zip(*found, strict=True)):
        curve = answer.curves[i]
        if not abs(curve.start_budget - spend) <= 1e-9 * (1.0 + spend):
            return f"{answer.problem.labels[i]} needs {spend:.12g} and starts at {curve.start_budget:.12g}"
        room = float(_room(answer, i, np.array(value)))
        if not abs(curve.start_value - value) <= room:
            return f"{answer.problem.labels[i]} starts with {curve.start_value:.12g}, not {value:.12g}"
    return ""


def _below(answer: CurveSet) -> str | None:
    for label, curve in zip(answer.problem.labels, answer.curves, strict=True):
        least = curve.start_budget
        if least > 0 and curve.value(least * (1 - 1e-6)) != -np.inf:
            return f"{label} has a value below its least budget {least:.9g}"
    return ""


def _most(answer: CurveSet) -> str | None:
    if answer.problem.budget_cap is not None:
        return None
    best = unlimited(answer.problem)
    if best is None:
        return None
    for i, value in enumerate(best):
        found = float(answer.curves[i].values[-1])
        if not abs(found - value) <= float(_room(answer, i, np.array(value))):
            return f"{answer.problem.labels[i]} ends with {found:.12g}, not {value:.12g}"
    return ""


def _declared(problem: BudgetedMDP, answer: CurveSet, backend: str) -> Finding:
    """The linear program in frequencies at three budgets, by a solver nobody here wrote."""
    name, why = f"linear_program_by_{backend}", "the same problem declared, at three budgets"
    size = problem.cost.size * (problem.horizon or 1)
    if size > MOST_DECLARED:
        return Finding(name, why, Verdict.NOT_APPLICABLE, f"{size:,} frequencies")
    curve = weighted_sum(answer.curves, problem.initial)
    span = curve.largest_useful_budget - curve.start_budget
    gap = float(np.max(answer.state_gap))
    for share in (0.1, 0.5, 0.9):
        budget = curve.start_budget + share * span
        try:
            asked = ConstrainedMDP(problem, budget)
            program, _ = declared("cmdp_primal", "pyomo", asked)
            found = read_primal(asked, solve_program(program, backend))
        except (MissingExtraError, UsageError) as error:
            return Finding(name, why, Verdict.NOT_APPLICABLE, str(error))
        except OptBudgetError as error:
            return Finding(name, why, Verdict.UNANSWERED, f"{type(error).__name__}: {error}")
        low = float(curve.value(budget))
        high = low + gap * (1.0 + abs(low)) + answer.rounding + NOISE * (1.0 + abs(low))
        bound = found.bound if np.isfinite(found.bound) else np.inf
        less = low - found.value > max(1e-6, find(backend).gap) * (1.0 + abs(low))
        if less or found.value > high or bound + NOISE * (1.0 + abs(bound)) < low:
            said = f"curve [{low:.12g}, {high:.12g}], program [{found.value:.12g}, {bound:.12g}]"
            text = f"at {budget:.9g}: {said}"
            return Finding(name, why, Verdict.FAILED, text)
    return Finding(name, why, Verdict.PASSED)


def _relabelled(problem: BudgetedMDP, order: "NDArray[np.int64]") -> BudgetedMDP:
    """The same problem with its states in another order, its actions reversed, and other names."""
    place = np.argsort(order)
    pairs = np.concatenate(
        [np.arange(problem.pair_ptr[i], problem.pair_ptr[i + 1])[::-1] for i in order]
    ).astype(np.int64)
    last = len(problem.actions) - 1
    return replace(
        problem,
        states=tuple(f"state {k}" for k in range(problem.n_states)),
        actions=tuple(f"action {k}" for k in range(last + 1)),
        pair_ptr=np.append(0, np.cumsum(np.diff(problem.pair_ptr)[order])),
        pair_action=last - problem.pair_action[pairs],
        pair_row=problem.pair_row[pairs],
        cost=problem.cost[pairs],
        utility=problem.utility[pairs],
        next_state=place[problem.next_state].astype(np.int32),
        terminal_utility=problem.terminal_utility[order],
        initial_state=place[problem.initial_state],
        state_type=tuple(problem.state_type[i] for i in order) if problem.state_type else (),
    )
