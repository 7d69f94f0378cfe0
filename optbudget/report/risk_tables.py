"""Tables of spend risk, of a chance-constrained plan, and of strict budgets."""

import math
from collections.abc import Sequence

from optbudget.problems import ChanceAllocation, CurveSet, SpendRisk, StrictCurve
from optbudget.report.tables import Grid
from optbudget.report.words import budget_label, chance, number, plural


def risk_grid(risk: SpendRisk, worst: float) -> Grid:
    """The spend beside the budget: moments, the chance of exceeding it by every way, the worst cases."""
    low, high = risk.proved
    mean_of_worst, kind = risk.cvar(worst)
    rows = [
        ("expected spend", number(risk.mean, 8), ""),
        ("standard deviation", number(math.sqrt(risk.variance)), ""),
        (f"P(spend > {number(risk.budget, 10)})", chance(risk.overspend), risk.method),
        ("proved to lie between", f"{chance(low)} and {chance(high)}", _proof(risk, low, high)),
        ("as if normal", chance(risk.normal), "approximation"),
    ]
    if not math.isnan(risk.saddle_point):
        rows.append(("by the saddle-point", chance(risk.saddle_point), "approximation"))
    rows.append((f"mean spend of the worst {worst:.3g} of cases", number(mean_of_worst, 8), kind))
    note = "" if risk.exact or not risk.why else f"No exact law of the spend: {risk.why}."
    spend = "spends" if risk.units == 1 else "spend"
    return Grid(f"What {plural(risk.units, 'unit')} {spend}", ("", ">", "by"), tuple(rows), note)


def chance_grid(plan: ChanceAllocation) -> Grid:
    """The plan whose spend rarely exceeds the limit, beside the one for which that is proved."""
    columns = ("", ">expected spend", ">value", f">P(spend > {number(plan.limit, 10)})", "by")
    answer, proof = plan.allocation, plan.proof_allocation
    rows = [
        ("largest plan found", number(answer.spent, 8), number(answer.value, 8),
         chance(plan.risk.overspend), plan.held_by),
    ]  # fmt: skip
    if not plan.proved and proof is not None:
        rows.append(
            ("largest plan proved", number(proof.spent, 8), number(proof.value, 8),
             f"≤ {chance(plan.proof_chance)}", "proved by Chernoff's bound")
        )  # fmt: skip
    note = ""
    if plan.trials:
        note = (
            f"Of {plan.trials:,} simulated totals {plan.exceeded:,} were above the limit: with confidence "
            f"99 % the probability is at most {chance(plan.simulated_at_most)}."
        )
    return Grid(f"Exceed the limit with probability {plan.level:g} at most", columns, tuple(rows), note)


def strict_grid(
    strict: StrictCurve, curves: CurveSet, budgets: Sequence[float], labels: Sequence[str]
) -> Grid:
    """Value of a budget that is kept in expectation, of one that is never exceeded, and the difference."""
    rows = []
    for label in labels:
        for budget in budgets:
            soft, hard = float(curves.value(label, budget)), float(strict.value(label, budget))
            bound = float(strict.bound(label, budget))
            most = [] if strict.exact else [_value(bound)]
            cost = _value(soft - hard) if math.isfinite(hard) else ""
            rows.append((label, number(budget), _value(soft), _value(hard), *most, cost))
    money = f">{budget_label(strict.problem.money_unit)}"
    columns = ["state", money, ">kept in expectation", ">never exceeded"]
    if not strict.exact:
        columns.append(">at most")
    steps = number(float(strict.step), 3)
    note = "" if strict.exact else f"Money is counted in steps of {steps}: {strict.why}."
    return Grid("What never overspending costs one unit", (*columns, ">cost of it"), tuple(rows), note)


def _proof(risk: SpendRisk, low: float, high: float) -> str:
    if (low, high) == (0.0, 1.0):
        return "as any: nothing is proved"
    if risk.exact:
        return "exact law"
    return "two laws about it" if risk.below is not None else "Chernoff's bound"


def _value(value: float) -> str:
    return number(value) if math.isfinite(value) else "infeasible"
