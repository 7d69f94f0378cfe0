"""What prices prove about several budget lines, and whether a mixture of policies keeps them.

For prices :math:`\\lambda_j \\ge 0` of the lines let :math:`\\lambda^r_k` be the sum over the lines that pay
for resource r at stage k, and w the optimal value of the ordinary problem with the reward
:math:`r - \\sum_r \\lambda^r_k (\\gamma_c/\\gamma)^k c^r`. By Lagrangian duality no policy that keeps the
lines in expectation, joint or not, is worth more than

.. math:: \\sum_j \\lambda_j B_j + \\sum_s n_s w_0(s) .

With the rewards left out, the same number bounds 0: if it is below 0, the lines contradict each other
(Farkas 1902). The pass here is the checker's own, every number of it raised by its rounding as in
`optbudget.certify.support`, with priced costs rounded down; the last sum is exact and rounded up.

A policy is evaluated backwards. Its spends are sums of terms >= 0, exact to the relative error
:math:`T (d + 3) u`; its value is exact to that share of its expected sum of absolute rewards.
"""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.certify.choice import ROUNDOFF, TINY
from optbudget.certify.outcome_checks import differences, outcome_check, ranges
from optbudget.certify.rows import Rows
from optbudget.certify.support import LARGEST_PRICE, price_drift
from optbudget.problems import BudgetLines, Check, PolicyMixture, Population
from optbudget.status import Solution, Termination

Floats = NDArray[np.float64]

UNUSED = (
    "curves", "budget", "price", "spent", "unspent", "why_unspent", "allocation_method", "limits",
    "multipliers", "set_aside",
)  # fmt: skip
"""Fields of result.json that say nothing where there are several lines."""


def lines_bound(
    lines: BudgetLines, population: Population, price: ArrayLike, *, rewarded: bool = True
) -> float:
    """What no policy that keeps the lines is worth more than, by prices of the lines; rounded up.

    Parameters
    ----------
    price : (J,) value of one more unit of each line, discounted to now; negative ones count as 0
    rewarded : False leaves all rewards and terminal utilities out; a result below 0 then proves that no
        policy keeps the lines

    Returns
    -------
    float
        NaN where nothing is proved: a price is missing, or that of a line without limit is positive.

    Examples
    --------
    >>> from optbudget.problems import StageBudgets
    >>> from optbudget.problems.examples import two_action_example
    >>> problem = two_action_example(horizon=2)
    >>> lines = BudgetLines.of_stages(problem, StageBudgets(("now", "then"), (1, 1), (3.0, 0.0)))
    >>> round(lines_bound(lines, Population.at(problem, {"s": 6}), [9.0, 9.0]), 9)
    38.4
    """
    prices = np.maximum(np.asarray(price, dtype=np.float64), 0.0)
    if not np.isfinite(prices).all() or (prices[np.isinf(lines.amount)] > 0).any():
        return math.nan
    top = _top(lines, prices, 1.0 if rewarded else 0.0)
    count = population.count
    met = np.flatnonzero(count)
    if not np.isfinite(top[met]).all():
        return math.nan
    exact = sum(
        (n * Fraction(w) for n, w in zip(count[met].tolist(), top[met].tolist(), strict=True)), Fraction(0)
    )
    pairs = zip(prices.tolist(), lines.amount.tolist(), strict=True)
    exact += sum((Fraction(p) * Fraction(b) for p, b in pairs if p > 0), Fraction(0))
    nearest = float(exact)
    return nearest if nearest >= exact else math.nextafter(nearest, math.inf)


def _top(lines: BudgetLines, prices: Floats, weight: float) -> Floats:
    """A number above the value of each state at these prices, (n,), in exact arithmetic."""
    problem, cost, rows = lines.problem, lines.cost, Rows(lines.problem)
    stage_price = lines.stage_price(prices) * (1.0 - (prices.size + 4) * 2 * ROUNDOFF)
    acting = np.flatnonzero(~problem.is_terminal)
    reward, unit = weight * problem.pair_reward, (rows.widest + 8) * ROUNDOFF
    top = weight * problem.terminal_utility
    for stage in range(lines.horizon - 1, -1, -1):
        now = np.minimum(
            stage_price[stage] * price_drift(problem.discount, problem.cost_discount, stage), LARGEST_PRICE
        )
        paid = (now @ cost) * (1.0 - (cost.shape[0] + 3) * 2 * ROUNDOFF)
        ahead = rows.expect(np.column_stack([top, np.abs(top)]), problem.discount)[problem.pair_row]
        size = np.abs(reward) + paid + ahead[:, 1]
        score = reward - paid + ahead[:, 0] + unit * size + TINY * (size > 0)
        top = weight * problem.terminal_utility
        if acting.size:
            top[acting] = np.maximum.reduceat(score, problem.pair_ptr[acting])
    return np.asarray(top)


def mixture_checks(answer: PolicyMixture) -> Iterator[Check]:
    """Every statement of a mixture: its outcome, what its policies use and are worth, its bound."""
    if answer.stated is not None:
        wrong = [*_differences(answer)]
        follows = "every number is that of the policies"
        yield Check("result.json", not wrong, "; ".join(wrong[:5]) or follows)
    yield outcome_check(answer.outcome, answer.gap if answer.share.size else math.nan, answer.tolerance)
    if answer.outcome.termination is Termination.INFEASIBLE:
        yield conflict_check(answer)
        return
    if answer.outcome.solution is Solution.NONE or answer.share.size == 0:
        yield Check("certificate", False, "the answer says that it has none")
        return
    numbers = [evaluated(answer, q) for q in range(answer.share.size)]
    yield from _spend_checks(answer, numbers)
    value = _weighed(answer, [(value, error) for value, error, _ in numbers])
    ok = Fraction(answer.value) <= value[0] + value[1]
    yield Check("value", bool(ok), f"stated {answer.value:.17g}, found {float(value[0]):.17g}")
    if answer.outcome.solution is Solution.CERTIFIED:
        proved = lines_bound(answer.lines, answer.population, answer.price)
        detail = f"stated {answer.bound:.17g}, proved {proved:.17g} at the stated prices"
        yield Check("bound", bool(proved <= answer.bound), detail)


def _differences(answer: PolicyMixture) -> Iterator[str]:
    """What result.json and lines.parquet state, against the answer's own numbers."""
    assert answer.stated is not None
    there = answer.share.size > 0
    names = ("value", "bound", "gap", "gap_absolute")
    said = {name: getattr(answer, name) if there else math.nan for name in names}
    yield from differences(answer.stated, dict.fromkeys(UNUSED, math.nan) | said, "")
    yield from differences(answer.stated.get("ranges"), ranges(answer.lines.problem), "ranges.")
    table = answer.stated.get("lines.parquet")
    found = table.get("spent") if isinstance(table, Mapping) else None
    if there and found != answer.spend.tolist():
        yield f"lines.parquet: spent is {found}, the policies use {answer.spend.tolist()}"


def conflict_check(answer: PolicyMixture) -> Check:
    """That the weights of the conflict prove it."""
    if answer.conflict is None:
        return Check("infeasible", False, "no conflict is named")
    proved = lines_bound(answer.lines, answer.population, answer.conflict.weight, rewarded=False)
    named = ", ".join(answer.lines.names[j] for j in answer.conflict.lines)
    others = np.ones(len(answer.lines.names), dtype=np.bool_)
    others[list(answer.conflict.lines)] = False
    ok = proved < 0 and not answer.conflict.weight[others].any() and answer.share.size == 0
    return Check(
        "infeasible", bool(ok), f"{named}: weighted, every policy lacks at least {-proved:.6g} of them"
    )


def evaluated(answer: PolicyMixture, which: int) -> tuple[float, float, Floats]:
    """Value of one policy over the population, how far it may be off, and its use of each line (J,)."""
    lines, problem = answer.lines, answer.lines.problem
    rows, cost, size = Rows(problem), lines.cost, len(lines.names)
    acting = np.flatnonzero(~problem.is_terminal)
    x = np.zeros((problem.n_states, 2 + size))
    x[:, 0], x[:, 1] = problem.terminal_utility, np.abs(problem.terminal_utility)
    for stage in range(lines.horizon - 1, -1, -1):
        pair = answer.policy[which, stage, acting]
        ahead = rows.expect(x)[problem.pair_row[pair]]
        ahead[:, :2] *= problem.discount
        ahead[:, 2:] *= problem.cost_discount
        ahead[:, 0] += problem.pair_reward[pair]
        ahead[:, 1] += np.abs(problem.pair_reward[pair])
        for j in np.flatnonzero((lines.first <= stage) & (stage < lines.end)).tolist():
            ahead[:, 2 + j] += cost[lines.resource[j], pair]
        x[acting] = ahead
    total = answer.population.count.astype(np.float64) @ x
    relative = lines_room(lines) + (problem.n_states + 2) * ROUNDOFF
    return float(total[0]), float(total[1]) * relative * (1 + 4 * relative), total[2:]


def lines_room(lines: BudgetLines) -> float:
    """Relative rounding of what a policy is computed to use."""
    widest = int(np.diff(lines.problem.row_ptr).max(initial=0))
    relative = lines.horizon * (widest + 3) * ROUNDOFF
    return relative * (1.0 + 4 * relative)


def _spend_checks(answer: PolicyMixture, numbers: list[tuple[float, float, Floats]]) -> Iterator[Check]:
    """Of each line: that the mixture uses no more than it holds, with the room of its own rounding."""
    relative = lines_room(answer.lines) + (answer.lines.problem.n_states + 2) * ROUNDOFF
    stated = answer.exact_spend()
    for j, (name, amount) in enumerate(zip(answer.lines.names, answer.lines.amount.tolist(), strict=True)):
        spent, _ = _weighed(answer, [(float(use[j]), 0.0) for _, _, use in numbers])
        room = Fraction(2 * relative) * spent
        within = math.isinf(amount) or stated[j] <= Fraction(amount) * (1 + Fraction(relative))
        ok = within and abs(spent - stated[j]) <= room
        yield Check(
            f"line {name}", bool(ok),
            f"holds {amount:.17g}, stated to use {float(stated[j]):.17g}, found {float(spent):.17g}, "
            f"rounding {float(room):.2g}",
        )  # fmt: skip


def _weighed(answer: PolicyMixture, numbers: list[tuple[float, float]]) -> tuple[Fraction, Fraction]:
    """Shares times numbers, and times their errors, exactly."""
    total, error = Fraction(0), Fraction(0)
    for share, (number, off) in zip(answer.share.tolist(), numbers, strict=True):
        total += Fraction(share) * Fraction(number)
        error += Fraction(share) * Fraction(off)
    return total, error
