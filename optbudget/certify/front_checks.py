"""A front of departments against the model alone: its points, its bounds, and that none is beyond a plane.

Of a point's plan every policy is evaluated backwards, K rewards and the spend together. What is stated of it
by department, and of the lottery's mean, is compared with that, up to the rounding of two evaluations,
:math:`2 (T (d + R + 4) + Q D + 4) u` times the expected sum of absolute rewards, for T decisions, D
departments and Q policies. Where the front is certified, a point that was computed has a bound, and no other.

Of weights ω and their price λ the checker makes its own backward pass,

.. math:: t_k = \\max_a \\; \\gamma^k \\omega \\cdot R - \\lambda \\gamma_c^k c +
          \\sum_{r'} q \\sum_{s'} p\\, t_{k+1} + e_a,

:math:`e_a = (d + R + K + 12 + k) u` times the same sum of absolute values, so that
:math:`\\lambda B + \\sum_d t_0` is above the value of every plan within the budget in exact arithmetic; d is
the widest row, R the number of regimes and :math:`u = 2^{-53}`. A point of any kind must be below all planes.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from optbudget.certify.choice import ROUNDOFF
from optbudget.certify.outcome_checks import differences, outcome_check
from optbudget.certify.rows import Rows
from optbudget.errors import ProblemError, ResultError
from optbudget.problems import Check, DepartmentFront, Departments, FrontPoint
from optbudget.status import Solution

Floats = NDArray[np.float64]

SAME = 1e-9
"""Relative distance up to which a point is not beyond a plane."""


def front_checks(answer: DepartmentFront) -> Iterator[Check]:
    """Every statement of a front and its plans."""
    front = answer.front
    if answer.stated is not None:
        said = {"points": len(front), "budget": front.budget, "objectives": [*front.objectives]}
        wrong = [*differences(answer.stated, said, "")]
        numbers = {"value": front.value.tolist(), "gap": front.gap.tolist()}
        wrong += differences(answer.stated.get("weights.parquet"), numbers, "weights.parquet: ")
        yield Check("front.json", not wrong, "; ".join(wrong) or "every number is that of the tables")
    proved = np.isfinite(front.bound)
    gap = float(front.gap[proved].max()) if proved.any() else np.nan
    yield outcome_check(front.outcome, gap, front.tolerance)
    if front.outcome.solution is Solution.NONE:
        yield Check("certificate", False, "the answer says that it has none")
        return
    yield _points(answer)
    yield _bounds(answer)
    worst = float(front.violations().max(initial=0.0))
    detail = (
        f"{int(proved.sum())} planes, {len(front)} points; the farthest beyond one by {worst:.2g}, relatively"
    )
    yield Check("planes", worst <= SAME, detail)


def _points(answer: DepartmentFront) -> Check:
    """That every point is what its plan yields, and its plan keeps the budget."""
    front, backward = answer.front, _Backward(answer.departments)
    names = (*front.objectives, "spend")
    for p in range(len(front)):
        try:
            found = answer.point_of(p)
            totals, sizes = map(np.array, zip(*map(backward.policy, found.plan.policy), strict=True))
        except (ProblemError, ResultError) as error:
            return Check("points", False, f"point {p}: {error}")
        share, room = found.plan.share, backward.room(found)
        parts = np.concatenate([found.reward, found.spend[:, :, None]], axis=2)
        stated = np.append(front.point[p], front.spend[p])
        mean, size = share @ totals.sum(axis=1), share @ sizes.sum(axis=1)
        for said, true, around in ((parts, totals, sizes), (stated, mean, size)):
            off = np.argwhere(~(np.abs(said - true) <= room * around))
            if off.size:
                place = tuple(off[0].tolist())
                text = f"stated {said[place]:.17g}, its plan yields {true[place]:.17g}"
                return Check("points", False, f"point {p}, {names[place[-1]]}: {text}")
        if mean[-1] > front.budget * (1.0 + room):
            return Check("points", False, f"point {p} spends {mean[-1]:.17g} of {front.budget:.17g}")
    return Check("points", True, f"{len(front)} plans evaluated, each yields and spends what is stated")


def _bounds(answer: DepartmentFront) -> Check:
    """That every finite bound is one, at its price; and that there are bounds where they must be."""
    front, backward = answer.front, _Backward(answer.departments)
    certified = front.outcome.solution is Solution.CERTIFIED
    for p, kind in enumerate(front.kind):
        proves = bool(np.isfinite(front.bound[p]))
        if proves == np.isnan(front.price[p]):
            return Check("bounds", False, f"point {p} states a bound and no price, or a price and no bound")
        if certified and proves != (kind == "exact"):
            said = "a bound" if proves else "no bound"
            return Check("bounds", False, f"point {p} states {said}, and is {kind}")
        if not proves:
            continue
        proved = backward.bound(front.weight[p], float(front.price[p]), front.budget)
        if not proved <= front.bound[p]:
            text = f"stated {front.bound[p]:.17g}, proved {proved:.17g} at its price"
            return Check("bounds", False, f"point {p}: {text}")
    return Check("bounds", True, f"{int(np.isfinite(front.bound).sum())} bounds proved at their prices")


class _Backward:
    """Departments made ready for the checker's own passes."""

    def __init__(self, departments: Departments) -> None:
        held = departments.held
        self.departments, self.held, self.rows = departments, held, Rows(held)
        self.horizon = held.horizon or 0
        self.chance = departments.regime_probability[departments.regime_of_state]
        self.reward = departments.signed_reward
        self.acting = np.flatnonzero(~held.is_terminal)

    def expected(self, after: Floats) -> Floats:
        """(rows, C) expectation of columns (n, C) of the next regime and state."""
        moved = np.zeros_like(after)
        for r in range(self.chance.shape[1]):
            moved += self.chance[:, [r]] * after[self.departments.elsewhere[:, r]]
        return self.rows.expect(moved)

    def policy(self, pairs: NDArray[np.integer]) -> tuple[Floats, Floats]:
        """Rewards and spend of each department under a policy (T, n), and of their sizes, (D, K + 1)."""
        held, chosen = self.held, pairs[:, self.acting]
        low, high = held.pair_ptr[self.acting], held.pair_ptr[self.acting + 1]
        if ((chosen < low) | (chosen >= high)).any():
            raise ProblemError("a policy takes what is no action of its state")
        measured = np.column_stack([self.reward, held.cost])
        rate = np.append(np.full(self.reward.shape[1], held.discount), held.cost_discount)
        gain, rate = np.hstack([measured, np.abs(measured)]), np.tile(rate, 2)
        found = np.zeros((held.n_states, rate.size))
        for stage in range(self.horizon - 1, -1, -1):
            ahead = self.expected(found)[held.pair_row[chosen[stage]]]
            found = np.zeros_like(found)
            found[self.acting] = gain[chosen[stage]] + rate * ahead
        value, size = np.hsplit(found[self.departments.start_state], 2)
        return value, size

    def room(self, point: FrontPoint) -> float:
        """By what share of the absolute rewards two evaluations of a plan may differ."""
        stage = self.rows.widest + self.chance.shape[1] + 4
        return float(2 * (self.horizon * stage + point.spend.size + 4) * ROUNDOFF)

    def bound(self, weight: Floats, price: float, budget: float) -> float:
        """What no plan within the budget is worth more than at the weights; rounded up."""
        held = self.held
        size = np.abs(self.reward) @ weight
        unit = (self.rows.widest + self.chance.shape[1] + len(weight) + 12) * ROUNDOFF
        top = np.zeros((held.n_states, 2))
        for stage in range(self.horizon - 1, -1, -1):
            now, paid = held.discount**stage, price * held.cost_discount**stage * held.cost
            ahead = self.expected(top)[held.pair_row]
            whole = now * size + paid + ahead[:, 1]
            score = now * (self.reward @ weight) - paid + ahead[:, 0] + (unit + stage * ROUNDOFF) * whole
            top = np.zeros_like(top)
            best = np.maximum.reduceat(score, held.pair_ptr[self.acting])
            top[self.acting] = np.column_stack([best, np.maximum.reduceat(whole, held.pair_ptr[self.acting])])
        total = sum(map(Fraction, top[self.departments.start_state, 0].tolist()), Fraction(0))
        total += Fraction(price) * Fraction(budget)
        nearest = float(total)
        return nearest if nearest >= total else float(np.nextafter(nearest, np.inf))
