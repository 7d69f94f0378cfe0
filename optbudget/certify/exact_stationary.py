"""The witness of an infinite horizon in rational arithmetic: its residuals without rounding.

The statements are those of :mod:`optbudget.certify.stationary`, with the durations that were proved there.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.exact import ONE, ExactSupport, exact_support
from optbudget.certify.rows import Rows
from optbudget.certify.stationary import Duration, Step, durations, tails
from optbudget.problems import BudgetedMDP, CurveSet, StationaryWitness

Floats = NDArray[np.float64]
Numbers = list[Fraction]


def stationary_parts(answer: CurveSet, prices: Floats) -> list[ExactSupport]:
    """Exact lines and points at those of the prices of which the witness speaks, and between its ends."""
    problem, witness = answer.problem, answer.witness
    assert witness is not None
    rows = Rows(problem)
    of_value, of_spend = durations(problem, rows, witness)
    known = np.flatnonzero(np.isin(witness.price, prices) | np.isinf(witness.price) | (witness.price == 0))
    ends = _at_prices(problem, witness, known, of_value, of_spend)
    if witness.horizon is None:
        return [ends]
    points = Step(problem, rows, witness, of_value, of_spend).points()
    spend_tail, lost, won = (
        _up(Fraction(x)) for x in tails(problem, rows, points, witness.horizon, of_value, of_spend)
    )
    going = (of_value.going | of_spend.going).astype(int).astype(object)[:, None]
    end_value = np.where(problem.is_terminal, problem.terminal_utility, 0.0)
    finite = replace(problem, horizon=witness.horizon, terminal_utility=end_value)
    inner = [float(p) for p in prices if 0 < p < np.inf]
    parts = [ends]
    for ties in ("least", "most"):
        found = exact_support(finite, inner, ties=ties)
        line, spend = found.line + going * won, found.spend + going * spend_tail
        parts.append(replace(found, line=line, spend=spend, value=found.value - going * lost, least=None))
    return parts


@dataclass(frozen=True, eq=False)
class _Column:
    """One price of a witness: what its equations leave open, and the numbers moved by it."""

    line: Numbers
    spend: Numbers
    value: Numbers
    least: Numbers


def _at_prices(
    problem: BudgetedMDP,
    witness: StationaryWitness,
    known: NDArray[np.int64],
    of_value: Duration,
    of_spend: Duration,
) -> ExactSupport:
    columns = [_column(problem, witness, int(k), of_value, of_spend) for k in known]
    price = tuple(None if np.isinf(p) else Fraction(float(p)) for p in witness.price[known])

    def table(name: str, rounding: int) -> NDArray[np.object_]:
        rounded = [[rounding * _up(rounding * x) for x in getattr(column, name)] for column in columns]
        return np.array(rounded, dtype=object).reshape(len(columns), problem.n_states).T

    least = None
    if None in price:
        least = table("least", -1)[:, price.index(None)]
    return ExactSupport(price, table("line", 1), table("spend", 1), table("value", -1), least)


def _column(
    p: BudgetedMDP, witness: StationaryWitness, k: int, of_value: Duration, of_spend: Duration
) -> _Column:
    n = p.n_states
    cost, utility = [Fraction(c) for c in p.cost.tolist()], [Fraction(u) for u in p.utility.tolist()]
    reward = [u - c for u, c in zip(utility, cost, strict=True)] if p.reward == "net" else utility
    discount, cost_discount = Fraction(p.discount), Fraction(p.cost_discount)
    ended = [Fraction(u) if end else Fraction(0) for u, end in
             zip(p.terminal_utility.tolist(), p.is_terminal.tolist(), strict=True)]  # fmt: skip
    spend, value = _fractions(witness.spend[k]), _fractions(witness.value[k])
    infinite = bool(np.isinf(witness.price[k]))
    price = Fraction(0) if infinite else Fraction(float(witness.price[k]))
    line = [Fraction(0)] * n if infinite else _fractions(witness.intercept[k])
    spend = [b if going else max(b, Fraction(0)) for b, going in zip(spend, of_spend.going, strict=True)]
    value = [v if g else min(v, e) for v, g, e in zip(value, of_value.going, ended, strict=True)]
    line = [w if g else max(w, e) for w, g, e in zip(line, of_value.going, ended, strict=True)]

    weights = _fractions(p.probability)

    def step(pair: int, own: Fraction, rate: Fraction, x: Numbers) -> Fraction:
        row = p.pair_row[pair]
        entries = range(int(p.row_ptr[row]), int(p.row_ptr[row + 1]))
        return own + rate * sum((weights[e] * x[p.next_state[e]] for e in entries), Fraction(0))

    over = under = rho = slack = Fraction(0)
    for s in range(n):
        chosen = int(witness.policy[k, s])
        if of_spend.going[s]:
            over = max(over, step(chosen, cost[chosen], cost_discount, spend) - spend[s])
        if of_value.going[s]:
            under = max(under, value[s] - step(chosen, reward[chosen], discount, value))
        for a in range(int(p.pair_ptr[s]), int(p.pair_ptr[s + 1])):
            if of_spend.going[s] and infinite:
                slack = max(slack, spend[s] - step(a, cost[a], cost_discount, spend))
            if of_value.going[s] and not infinite:
                rho = max(rho, step(a, reward[a] - price * cost[a], discount, line) - line[s])
    m_v, m_b = _fractions(of_value.m), _fractions(of_spend.m)
    return _Column(
        line=[w + rho * m for w, m in zip(line, m_v, strict=True)],
        spend=[b + over * m for b, m in zip(spend, m_b, strict=True)],
        value=[v - under * m for v, m in zip(value, m_v, strict=True)],
        least=[b - slack * m for b, m in zip(spend, m_b, strict=True)],
    )


def _fractions(array: Floats) -> Numbers:
    return [Fraction(x) for x in array.tolist()]


def _up(x: Fraction) -> int:
    """x in units of 2^-100, rounded up."""
    return -((-x.numerator * ONE) // x.denominator)
