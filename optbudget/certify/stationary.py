"""Checking the witness of an infinite horizon by one step of each equation.

Let m satisfy :math:`m \\ge 1 + \\gamma P_a m` for every pair of the states D that go on. Then
:math:`\\sum_k (\\gamma P)^k 1 \\le m` on D whatever is done, so nothing that is bounded survives there, and

* if :math:`b \\ge c_\\pi + \\gamma_c P_\\pi b - \\epsilon` on D, the policy :math:`\\pi` spends at most
  :math:`b + \\epsilon m`; if :math:`v \\le r_\\pi + \\gamma P_\\pi v + \\epsilon`, it earns at least
  :math:`v - \\epsilon m`;
* if :math:`w \\ge r_a - \\lambda c_a + \\gamma P_a w - \\rho` for every pair, then
  :math:`V(s, b) \\le w(s) + \\rho m(s) + \\lambda b` (equal discounts);
* if :math:`b \\le c_a + \\gamma_c P_a b + \\rho` for every pair, nobody spends less than :math:`b - \\rho m`.

The residuals are computed with an upper bound on their own rounding, :math:`(d + 5) u` times the sum of
the absolute terms. With :math:`\\gamma\\sigma < 1`, :math:`\\sigma` the largest row sum,
:math:`m = 1 / (1 - \\gamma\\sigma)`. Otherwise m is the witness's `duration`, held against its inequality.
States outside of D are terminal, or at rest: their pairs earn and spend nothing and lead only to
states at rest or worth nothing.

**Unequal discounts.** The witness proves the prices inf and 0 only. The others are proved by backward
passes over `horizon` decisions, after which the policy of price inf goes on and spends or loses at
most a tail; lines rise by what can still be won. With a discount of 1 a policy has ended after 2m
decisions with probability 1/2 wherever it starts (Markov's inequality), and again.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.evidence import MOMENTS, Evidence, columns, lines_of
from optbudget.certify.rows import Rows
from optbudget.certify.stationary_variances import stationary_variances
from optbudget.certify.support import Support, support
from optbudget.problems import BudgetedMDP, Check, CurveSet, StationaryWitness

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

EVALUATED = 1e-10
"""Share of the largest spend to which least budgets are known: they come from an iteration."""

SAME_TAIL = 1e-9
"""Share of a tail that the residuals of the witness's ends may be worth."""

BATCH = 32
"""Prices whose equations are looked at together."""


@dataclass(frozen=True, eq=False)
class Duration:
    """m for one discount, (n,), and the states that go on; `proof` says why, `ok` whether it holds."""

    m: Floats
    going: Mask
    ok: bool
    proof: str


def stationary_evidence(answer: CurveSet) -> tuple[list[Check], Evidence | None]:
    """Points and lines that the witness of an answer proves, or what is wrong with it."""
    problem, witness = answer.problem, answer.witness
    if witness is None:
        return [Check("witness", False, "an infinite horizon needs a witness, and there is none")], None
    wrong = _misfit(problem, witness)
    if wrong:
        return [Check("witness", False, wrong)], None
    rows = Rows(problem)
    of_value, of_spend = durations(problem, rows, witness)
    checks = [Check(f"policies end ({name})", d.ok, d.proof)
              for name, d in (("rewards", of_value), ("spend", of_spend))]  # fmt: skip
    if not (of_value.ok and of_spend.ok):
        return checks, None
    step = Step(problem, rows, witness, of_value, of_spend)
    points = step.points()
    told = _tails_stated(problem, rows, witness, points, of_value, of_spend)
    if told:
        checks.append(Check("witness", False, told))
        return checks, None
    if witness.horizon is not None:
        points = _truncated(problem, rows, answer.prices, witness, points, of_value, of_spend)
    elif not np.array_equal(points.price, answer.prices):
        checks.append(Check("witness", False, "its prices are not those of the answer"))
        return checks, None
    if not np.isinf(points.price[0]):
        checks.append(Check("witness", False, "the price inf is missing: nothing proves the least budgets"))
        return checks, None
    checks.append(
        Check("witness", True, f"{points.price.size:,} prices, residuals at most {step.largest:.2g}")
    )
    least = columns(points, slice(0, 1))
    points, room = _with_moments(problem, rows, witness, points, of_spend)
    return checks, Evidence(lines_of(points), points, least, room)


def _with_moments(
    problem: BudgetedMDP, rows: Rows, witness: StationaryWitness, points: Support, of_spend: Duration
) -> tuple[Support, Floats]:
    """The second moments of the witness's own policies too, and how far these may be off.

    A moment goes with the spend as it was moved: their difference is the variance, which is not moved.
    """
    variance, known = stationary_variances(problem, rows, witness, of_spend.m)
    own = np.flatnonzero(np.isin(points.price, witness.price))
    second, ambiguity = np.zeros_like(points.spend), np.ones_like(points.spend)
    if points.second_moment is not None and points.ambiguity is not None:
        second, ambiguity = points.second_moment.copy(), points.ambiguity.copy()
    room = np.zeros(points.price.size)
    second[:, own] = variance + points.spend[:, own] ** 2
    ambiguity[:, own] = np.where(np.isfinite(known), 0.0, 1.0)
    room[own] = np.where(np.isfinite(known), known, 0.0)
    return replace(points, second_moment=second, ambiguity=ambiguity), room


def _misfit(problem: BudgetedMDP, witness: StationaryWitness) -> str | None:
    """What is wrong with the shapes and indices of a witness, or None."""
    n, size = problem.n_states, witness.price.size
    tables = (witness.policy, witness.spend, witness.value, witness.intercept)
    if any(table.shape != (size, n) for table in tables) or size == 0:
        return "its tables do not have one row per price and one column per state"
    if not (witness.price >= 0).all() or not (np.diff(witness.price) < 0).all():
        return "its prices must fall and be >= 0"
    terminal = problem.is_terminal
    inside = (witness.policy >= problem.pair_ptr[:-1]) & (witness.policy < problem.pair_ptr[1:])
    if not np.where(terminal, witness.policy == -1, inside).all():
        return "its policy takes a pair of another state"
    finite = np.isfinite(witness.price)
    if not (np.isfinite(witness.spend).all() and np.isfinite(witness.value).all()
            and np.isfinite(witness.intercept[finite]).all()):  # fmt: skip
        return "it holds numbers that are not finite"
    unequal = problem.discount != problem.cost_discount
    if unequal != (witness.horizon is not None):
        return "a horizon goes with unequal discounts, and only with them"
    if witness.horizon is not None and witness.horizon < 1:
        return f"its horizon is {witness.horizon}"
    return None


def durations(problem: BudgetedMDP, rows: Rows, witness: StationaryWitness) -> tuple[Duration, Duration]:
    """m for the discount of rewards, and for that of spend."""
    equal = problem.discount == problem.cost_discount
    return (
        _duration(problem, rows, problem.discount, witness.duration),
        _duration(
            problem, rows, problem.cost_discount, witness.duration if equal else witness.spend_duration
        ),
    )


def _duration(problem: BudgetedMDP, rows: Rows, discount: float, given: Floats | None) -> Duration:
    """1 / (1 - discount * sigma), or the given m if it satisfies its inequality with rounding."""
    going = ~problem.is_terminal
    rate = discount * rows.largest_sum * (1.0 + 4 * ROUNDOFF)
    if rate < 1:
        m = np.where(going, 1.0 / (1.0 - rate) * (1.0 + 8 * ROUNDOFF), 0.0)
        return Duration(m, going, True, f"discounted: at most {m.max(initial=0.0):.6g} decisions count")
    if given is None or given.shape != (problem.n_states,) or not (np.isfinite(given) & (given >= 0)).all():
        missing = "no duration is given where the discount does not contract"
        return Duration(np.zeros(0), going, False, missing)
    going = given > 0
    if (going & problem.is_terminal).any():
        return Duration(given, going, False, "a terminal state has a duration")
    expected = rows.expect(given[:, None])[problem.pair_row, 0]
    needed = 1.0 + discount * expected
    needed += (rows.widest + 5) * ROUNDOFF * needed
    short = going[problem.pair_state] & (given[problem.pair_state] < needed)
    if short.any():
        pair = int(np.flatnonzero(short)[0])
        return Duration(
            given, going, False,
            f"{given[problem.pair_state[pair]]:.9g} decisions in "
            f"{problem.labels[problem.pair_state[pair]]!r} do not cover {needed[pair]:.9g}",
        )  # fmt: skip
    if not _at_rest(problem, ~going & ~problem.is_terminal, given):
        return Duration(given, going, False, "a state without duration still earns, spends or leads on")
    return Duration(given, going, True, f"at most {given.max(initial=0.0):.6g} decisions are expected")


def _at_rest(problem: BudgetedMDP, resting: Mask, duration: Floats) -> bool:
    """Whether these states earn and spend nothing and lead to states that do neither."""
    pairs = resting[problem.pair_state]
    if (problem.pair_reward[pairs] != 0).any() or (problem.cost[pairs] != 0).any():
        return False
    busy = (duration > 0) | (problem.is_terminal & (problem.terminal_utility != 0))
    entry_row = np.repeat(np.arange(problem.row_ptr.size - 1), np.diff(problem.row_ptr))
    leads = np.bincount(entry_row, busy[problem.next_state], minlength=problem.row_ptr.size - 1) > 0
    return not leads[problem.pair_row[pairs]].any()


class Step:
    """One step of every equation of a witness."""

    def __init__(
        self,
        problem: BudgetedMDP,
        rows: Rows,
        witness: StationaryWitness,
        of_value: Duration,
        of_spend: Duration,
    ) -> None:
        self.problem, self.rows, self.witness = problem, rows, witness
        self.of_value, self.of_spend = of_value, of_spend
        self.unit = (rows.widest + 5) * ROUNDOFF * (1.0 + (rows.widest + 8) * 2.0**-50)
        self.largest = 0.0

    def points(self) -> Support:
        """The witness's points and lines, moved by what its equations leave open."""
        size, n = self.witness.price.size, self.problem.n_states
        spend, value, top = (np.empty((n, size)) for _ in range(3))
        slack = np.zeros(n)
        for begin in range(0, size, BATCH):
            span = slice(begin, min(size, begin + BATCH))
            part = self._moved(span)
            spend[:, span], value[:, span], top[:, span] = part[:3]
            if np.isinf(self.witness.price[span]).any():
                slack = part[3]
        room = 2 * self.unit * (self.problem.cost.max(initial=0.0) + 2 * np.abs(spend).max(initial=0.0))
        error = room * self.of_spend.m
        evaluated = EVALUATED * float(np.abs(spend[:, :1]).max(initial=0.0))
        return Support(
            price=self.witness.price, intercept=top, spend=spend, value=value,
            value_error=np.zeros((n, size)), spend_rounding=0.0, spend_error=error, spend_slack=slack,
            least_room=error * (3.0 + 2.0 * self._steepest_fall()) + evaluated,
            pair=np.ascontiguousarray(self.witness.policy.T), following_spend=spend, following_value=value,
        )  # fmt: skip

    def _steepest_fall(self) -> float:
        """Largest m - discount P m of a pair: what moving a spend by m leaves in its equation, >= 1."""
        m, p = self.of_spend.m, self.problem
        ahead = p.cost_discount * self.rows.expect(m[:, None])[p.pair_row, 0]
        fall = (m[p.pair_state] - ahead)[self.of_spend.going[p.pair_state]]
        return float(fall.max(initial=1.0))

    def _moved(self, span: slice) -> tuple[Floats, Floats, Floats, Floats]:
        p, witness = self.problem, self.witness
        price = witness.price[span]
        ended_value = np.where(p.is_terminal, p.terminal_utility, 0.0)[:, None]
        going_v, going_b = self.of_value.going[:, None], self.of_spend.going[:, None]
        spend = np.where(going_b, witness.spend[span].T, np.maximum(witness.spend[span].T, 0.0))
        value = np.where(going_v, witness.value[span].T, np.minimum(witness.value[span].T, ended_value))
        w = np.where(going_v, witness.intercept[span].T, np.maximum(witness.intercept[span].T, ended_value))
        policy = witness.policy[span].T

        cost = np.broadcast_to(p.cost[:, None], (p.cost.size, price.size))
        reward = np.broadcast_to(p.pair_reward[:, None], cost.shape)
        spent, spent_room = self._one_step(cost, p.cost_discount, spend)
        over = self._missed(spent, spent_room, spend, policy, self.of_spend.going)
        earned, earned_room = self._one_step(reward, p.discount, value)
        under = self._missed(-earned, earned_room, -value, policy, self.of_value.going)

        slack = np.zeros(p.n_states)
        infinite = np.isinf(price)
        if infinite.any():
            k = int(np.flatnonzero(infinite)[0])
            going = self.of_spend.going[p.pair_state]
            below = spend[p.pair_state, k] - spent[:, k] + spent_room[:, k]
            below += self.unit * np.abs(spend[p.pair_state, k])
            slack = max(0.0, float(below[going].max(initial=0.0))) * self.of_spend.m * (1 + 8 * ROUNDOFF)

        at = np.where(infinite, 0.0, price)
        finite_w = np.where(infinite, 0.0, w)
        priced = reward - at * cost
        next_w, w_room = self._one_step(priced, p.discount, finite_w)
        w_room = w_room + self.unit * at * cost
        going = self.of_value.going[p.pair_state]
        rise = next_w - finite_w[p.pair_state] + w_room + self.unit * np.abs(finite_w[p.pair_state])
        rho = np.where(infinite, 0.0, np.maximum(rise[going].max(axis=0, initial=0.0), 0.0))
        self.largest = max(self.largest, *(float(np.max(x, initial=0.0)) for x in (over, under, rho)))

        m_v, m_b = self.of_value.m[:, None], self.of_spend.m[:, None]
        moved_b = np.where(over * m_b > 0, (spend + over * m_b) * (1 + 4 * ROUNDOFF), spend)
        moved_v = value - under * m_v
        moved_v = np.where(under * m_v > 0, moved_v - 4 * ROUNDOFF * np.abs(moved_v), value)
        top = finite_w + rho * m_v
        top = np.where(rho * m_v > 0, top + 4 * ROUNDOFF * np.abs(top), finite_w)
        return moved_b, moved_v, np.where(infinite, np.inf, top), slack

    def _one_step(self, own: Floats, discount: float, x: Floats) -> tuple[Floats, Floats]:
        """own + discount * P x of every pair (m, K), and a bound on its rounding."""
        both = self.rows.expect(np.hstack([x, np.abs(x)]))[self.problem.pair_row]
        size = x.shape[1]
        result = own + discount * both[:, :size]
        return result, self.unit * (np.abs(own) + discount * both[:, size:])

    def _missed(
        self, stepped: Floats, room: Floats, x: Floats, policy: NDArray[np.int32], going: Mask
    ) -> Floats:
        """Largest amount by which the policy's own step is above x, rounding included, (K,)."""
        at = np.maximum(policy, 0)
        column = np.arange(x.shape[1])
        if stepped.shape[0] == 0:
            return np.zeros(x.shape[1])
        over = stepped[at, column] - x + room[at, column] + self.unit * np.abs(x)
        return np.asarray(np.maximum(over[going].max(axis=0, initial=0.0), 0.0))


def _truncated(
    problem: BudgetedMDP,
    rows: Rows,
    prices: Floats,
    witness: StationaryWitness,
    ends: Support,
    of_value: Duration,
    of_spend: Duration,
) -> Support:
    """The two ends of the witness, and between them passes over its horizon, moved by the tails."""
    assert witness.horizon is not None
    horizon = witness.horizon
    spend_tail, lost, won = tails(problem, rows, ends, horizon, of_value, of_spend)
    inner = prices[np.isfinite(prices) & (prices > 0)]
    finite = replace(
        problem,
        horizon=horizon,
        terminal_utility=np.where(problem.is_terminal, problem.terminal_utility, 0.0),
    )
    moments = problem.n_states * inner.size <= MOMENTS
    lines = support(finite, inner, following=True, moments=moments)
    going = (of_value.going | of_spend.going)[:, None]
    more, less, rise = (np.where(going, tail, 0.0) for tail in (spend_tail, lost, won))
    more = more + lines.spend * lines.spend_rounding + lines.spend_error[:, None]
    less = less + lines.value_error
    spend = np.where(more > 0, (lines.spend + more) * (1 + 2 * ROUNDOFF), lines.spend)
    value = lines.value - less
    value = np.where(less > 0, value - 2 * ROUNDOFF * np.abs(value), lines.value)
    top = lines.intercept + rise
    top = np.where(rise > 0, top + 2 * ROUNDOFF * np.abs(top), lines.intercept)
    assert lines.following_spend is not None and lines.following_value is not None
    order = np.argsort(-np.concatenate([ends.price, inner]), kind="stable")

    second = None
    if lines.second_moment is not None:
        second = lines.second_moment - lines.spend**2 + spend**2

    def joined(name: str, part: Floats) -> Floats:
        of_ends = getattr(ends, name)
        of_ends = np.ones_like(ends.spend) if of_ends is None else of_ends
        return np.asarray(np.hstack([of_ends, part])[:, order])

    return Support(
        price=np.concatenate([ends.price, inner])[order], intercept=joined("intercept", top),
        spend=joined("spend", spend), value=joined("value", value),
        value_error=joined("value_error", np.zeros_like(value)), spend_rounding=lines.spend_rounding,
        spend_error=np.maximum(ends.spend_error, lines.spend_error),
        spend_slack=ends.spend_slack, least_room=ends.least_room,
        pair=np.hstack([ends.pair, lines.pair])[:, order],
        following_spend=joined("following_spend", lines.following_spend + more),
        following_value=joined("following_value", lines.following_value - less),
        second_moment=None if second is None else joined("second_moment", second),
        ambiguity=None if lines.ambiguity is None else joined("ambiguity", lines.ambiguity),
    )  # fmt: skip


def _tails_stated(
    problem: BudgetedMDP,
    rows: Rows,
    witness: StationaryWitness,
    ends: Support,
    of_value: Duration,
    of_spend: Duration,
) -> str | None:
    """What is wrong with the tails that a witness states, or None: they must be what is proved, or more."""
    mine = (0.0, 0.0, 0.0)
    if witness.horizon is not None:
        mine = tails(problem, rows, ends, witness.horizon, of_value, of_spend)
    for name, stated, found in zip(("spend", "lost", "won"), witness.tails, mine, strict=True):
        enough = stated >= found * (1.0 - SAME_TAIL) if witness.horizon is not None else stated == 0
        if not enough:
            return f"its tail of what may be {name} is stated as {stated:.9g}, found {found:.9g}"
    return None


def tails(
    problem: BudgetedMDP, rows: Rows, ends: Support, horizon: int, of_value: Duration, of_spend: Duration
) -> tuple[float, float, float]:
    """What may be spent, lost and won after so many decisions: rounded up."""
    alive = 1.0
    for discount, duration in ((problem.discount, of_value), (problem.cost_discount, of_spend)):
        if discount * rows.largest_sum >= 1:
            half = max(1, math.ceil(2 * float(duration.m.max(initial=0.0))))
            alive = min(alive, 2.0 ** -min(1000, horizon // half))
    up = 1.0 + 4 * (horizon + 8) * ROUNDOFF
    of_b = (problem.cost_discount * rows.largest_sum) ** horizon * alive * up
    of_v = (problem.discount * rows.largest_sum) ** horizon * alive * up
    first, last = int(np.argmax(ends.price)), int(np.argmin(ends.price))
    return (
        of_b * float(ends.spend[:, first].max()),
        of_v * max(0.0, -float(ends.value[:, first].min())),
        of_v * max(0.0, float(ends.intercept[:, last].max())),
    )
