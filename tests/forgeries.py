"""A forger: honest answers with one kind of lie in them.

A forgery counts only if exact arithmetic, which knows nothing of the checker, shows a stated value,
spend, bound, gap, price or action to be false. Everything else that follows from the lie is made
consistent: sums are redone, outcomes are restated, and on disk every file and hash is written anew.
Lies below what an answer states as its own rounding are not lies and are not counted.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from truth import (
    after_action,
    plain_of,
    scale_of,
    stated_points,
    supremum,
    true_curves,
    true_gap,
    value_at,
)

from optbudget.allocation import allocate
from optbudget.budgeted import exact_backup, price_sweep, stationary_solve, walk
from optbudget.curves import Curves
from optbudget.problems import BudgetedMDP, Population
from optbudget.status import Outcome, Solution, Termination

from reference import concave_points, stationary_spread

ROWS = [(1.0,), (0.5, 0.5), (0.25, 0.75), (0.25, 0.25, 0.5), (0.3, 0.7)]


def random_problem(rng, horizon=3):
    """A few states, actions that cost 0, 0.1, ..., 4 and a free one first; dyadic and other probabilities."""
    n = int(rng.integers(2, 5))
    pairs = []
    for _ in range(n):
        for action in range(int(rng.integers(2, 4))):
            row = ROWS[int(rng.integers(len([r for r in ROWS if len(r) <= n])))]
            row = row if len(row) <= n else (1.0,)
            to = rng.permutation(n)[: len(row)]
            cost = 0.0 if action == 0 else float(rng.integers(1, 41)) / 10
            pairs.append((action, cost, float(rng.integers(-4, 9)) + 2 * cost, to, row))
    first = np.flatnonzero([action == 0 for action, *_ in pairs])
    return BudgetedMDP(
        states=tuple(f"s{i}" for i in range(n)), actions=("a", "b", "c"),
        pair_ptr=np.append(first, len(pairs)),
        pair_action=np.array([p[0] for p in pairs]), pair_row=np.arange(len(pairs)),
        cost=np.array([p[1] for p in pairs]), utility=np.array([p[2] for p in pairs]),
        row_ptr=np.cumsum([0] + [len(p[4]) for p in pairs]),
        next_state=np.concatenate([p[3] for p in pairs]), probability=np.concatenate([p[4] for p in pairs]),
        terminal_utility=rng.integers(-2, 3, n).astype(float), discount=float(rng.choice([1.0, 0.9, 0.5])),
        cost_discount=float(rng.choice([1.0, 0.9])), horizon=horizon, reward="gross",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Honest:
    """An honest answer with what is true about it."""

    curves: object
    allocation: object
    truth: list
    optimum: Fraction

    @property
    def problem(self):
        return self.curves.problem


def honest_answers(count, seed=1):
    """So many answers, by each of the finite-horizon methods in turn."""
    rng = np.random.default_rng(seed)
    methods = (exact_backup, lambda p: price_sweep(p, tolerance=0.05), walk)
    found = []
    while len(found) < count:
        problem = random_problem(rng, int(rng.integers(1, 4)))
        curves = methods[len(found) % 3](problem)
        people = Population(problem.labels, rng.integers(0, 4, problem.n_states))
        most = sum(int(n) * c.largest_useful_budget for n, c in zip(people.count, curves.curves, strict=True))
        if most == 0 or people.size < 2:
            continue
        budget = float(rng.uniform(0.05, 0.95)) * most
        if rng.integers(3) == 0:
            budget = ends_with_a_segment(rng, curves.curves, people.count)
        allocation = allocate(curves, people, budget)
        truth = true_curves(problem)
        found.append(Honest(curves, allocation, truth, optimum(truth, people.count, budget)))
    return found


def ends_with_a_segment(rng, curves, count):
    """A budget, rounded up, that serves every segment above some price and nothing else."""
    slopes = curves.gain / curves.length
    price = float(rng.choice(slopes))
    exact = sum(
        int(n) * Fraction(float(c.budgets[int((c.prices >= price).sum())]))
        for n, c in zip(count, curves, strict=True)
    )
    return float(exact) if Fraction(float(exact)) >= exact else math.nextafter(float(exact), math.inf)


def optimum(truth, count, budget):
    """The best total value of a population, exactly, by duality over all slopes."""
    prices = {Fraction(0)}
    for points in truth:
        for (b1, v1), (b2, v2) in pairwise(points):
            prices.add((v2 - v1) / (b2 - b1))
    people = [(int(n), points) for n, points in zip(count, truth, strict=True) if n]
    return min(p * Fraction(budget) + sum(n * supremum(points, p) for n, points in people) for p in prices)


def lie(rng):
    """How much a number is changed by, relative to its scale."""
    return 10.0 ** float(rng.uniform(-9, 0))


def slack_of(answer):
    """What a stated value may be off by, for the truth to count it a lie."""
    return Fraction(answer.curves.rounding) * 2 + scale_of(answer.truth) / 10**11


# -- rows and totals of an allocation ---------------------------------------------------------------


def summed(allocation, **changes):
    """The allocation with changed rows and every total that follows from them made anew."""
    changed = replace(allocation, **changes)
    value, spent = changed.exact_value(), changed.exact_spend()
    down = float(value) if Fraction(float(value)) <= value else math.nextafter(float(value), -math.inf)
    changed = replace(
        changed, value=down, spent=float(spent), unspent=float(Fraction(changed.budget) - spent)
    )
    return restated(replace(changed, bound=max(changed.bound, changed.value)))


def restated(allocation):
    """With the outcome that its numbers claim."""
    return replace(allocation, outcome=Outcome.certified(gap=max(0.0, allocation.gap), tolerance=1.0))


def changed_row(rng, array, by):
    """A copy with one entry raised by `by`."""
    copy = array.copy()
    copy[int(rng.integers(copy.size))] += by
    return copy


def option_swapped(rng, answer):
    """A row gets the budget and value of another useful budget, of its own or of another state."""
    allocation, curves = answer.allocation, answer.curves.curves
    row = int(rng.integers(allocation.state.size))
    other = int(rng.integers(len(curves)))
    j = int(rng.integers(len(curves[other]) + 1))
    b, v = float(curves[other].budgets[j]), float(curves[other].values[j])
    budget, value = allocation.unit_budget.copy(), allocation.unit_value.copy()
    budget[row], value[row] = b, v
    kept = bool(rng.integers(2))
    forged = (
        replace(allocation, unit_budget=budget, unit_value=value)
        if kept
        else summed(allocation, unit_budget=budget, unit_value=value)
    )
    return forged if allocation_is_false(answer, forged) else None


def spend_over(size):
    """Rows whose exact spend is over the budget by `size` of it, or stated totals that hide it."""

    def forge(rng, answer):
        allocation = answer.allocation
        extra = math.ulp(allocation.budget) if size == 0 else size * allocation.budget
        how = int(rng.integers(4))
        drawn = np.flatnonzero(allocation.probability < 1)
        if how == 3 and drawn.size:
            low, high = drawn[np.argsort(allocation.unit_budget[drawn])]
            chance = allocation.probability.copy()
            more = min(max(size, 1 / 2**53), float(chance[low]) / 2)
            more = math.ceil(more * 2**53) / 2**53
            chance[high], chance[low] = chance[high] + more, chance[low] - more
            if not 0 < chance[low] < 1:
                return None
            forged = summed(allocation, probability=chance)
        elif how == 0:
            budget = allocation.unit_budget.copy()
            row = int(np.argmax(allocation.probability * allocation.count))
            budget[row] += 2 * (extra + allocation.unspent) / allocation.count[row]
            forged = replace(summed(allocation, unit_budget=budget), spent=allocation.spent)
        elif how == 1:
            forged = replace(allocation, spent=allocation.spent + extra)
        else:
            forged = replace(allocation, budget=allocation.spent - extra, unspent=-extra)
        return forged if allocation_is_false(answer, forged) else None

    return forge


def price_higher(rng, answer):
    """The price of money times 1.01."""
    price = answer.allocation.price
    if price <= 0:
        return None
    forged = replace(answer.allocation, price=price * 1.01)
    right = right_slope(answer)
    return forged if abs(Fraction(forged.price) - right) > right / 1000 else None


def right_slope(answer):
    """The value of one more unit of money to the whole population, from the stated curves, exactly."""
    stated = [stated_points(curve) for curve in answer.curves.curves]
    count, budget = answer.allocation.population.count, Fraction(answer.allocation.budget)
    steps = sorted(
        ((v2 - v1) / (b2 - b1), int(n) * (b2 - b1))
        for n, points in zip(count, stated, strict=True)
        for (b1, v1), (b2, v2) in pairwise(points)
        if n
    )[::-1]
    money = budget - sum(int(n) * points[0][0] for n, points in zip(count, stated, strict=True))
    for slope, length in steps:
        money -= length
        if money < 0:
            return slope
    return Fraction(0)


def unit_dropped(rng, answer):
    """A unit fewer or more than the population has, with sums to match."""
    count = answer.allocation.count.copy()
    rows = np.flatnonzero(answer.allocation.probability == 1)
    if not rows.size:
        return None
    row = int(rng.choice(rows))
    count[row] += -1 if count[row] > 1 else 1
    return summed(answer.allocation, count=count)


def odds_off(rng, answer):
    """The two probabilities of the randomised unit do not sum to 1, by their last bit or by 1 %."""
    drawn = np.flatnonzero(answer.allocation.probability < 1)
    if not drawn.size:
        return None
    chance = answer.allocation.probability.copy()
    row = int(rng.choice(drawn))
    off = float(rng.choice([2.0**-53, 1e-9, 0.01]))
    chance[row] = chance[row] - off if chance[row] > 2 * off else chance[row] + off
    forged = summed(answer.allocation, probability=chance)
    return forged if sum(Fraction(float(chance[r])) for r in drawn) != 1 else None


def infeasible_claimed(rng, answer):
    """A budget that can be kept, called infeasible."""
    allocation = answer.allocation
    least = sum(
        int(n) * points[0][0] for n, points in zip(allocation.population.count, answer.truth, strict=True)
    )
    budget = float(least) * (1 + lie(rng)) + float(rng.choice([0.0, 1e-9, 1.0]))
    if least > Fraction(budget):
        return None
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    return replace(
        allocation, budget=budget, state=none, count=none, unit_budget=nothing, unit_value=nothing,
        probability=nothing, action=none.astype(np.int32), value=math.nan, bound=math.nan, price=math.nan,
        spent=math.nan, unspent=math.nan,
        outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, "the budget is too small"),
    )  # fmt: skip


def value_raised(rng, answer):
    """A higher total, alone or with a row's value."""
    allocation = answer.allocation
    by = float(rng.choice([0.0, 1e-12, 1e-9, 1e-4, 0.01])) * (1 + abs(allocation.value))
    if rng.integers(2):
        higher = max(allocation.value + by, math.nextafter(allocation.value, math.inf))
        forged = restated(replace(allocation, value=higher, bound=max(allocation.bound, higher)))
    else:
        forged = summed(allocation, unit_value=changed_row(rng, allocation.unit_value, by))
    return forged if allocation_is_false(answer, forged) else None


def bound_lowered(rng, answer):
    """A bound below the optimum, by an ulp or more."""
    at = float(answer.optimum)
    low = at if Fraction(at) < answer.optimum else math.nextafter(at, -math.inf)
    bound = min(low, at - float(rng.choice([0.0, 1e-12, 1e-9, 1e-3])) * (1 + abs(at)))
    if Fraction(bound) >= answer.optimum:
        return None
    return restated(replace(answer.allocation, bound=bound))


def allocation_is_false(answer, forged):
    """Whether exact arithmetic shows a stated number of an allocation to be false."""
    value, spent = forged.exact_value(), forged.exact_spend()
    if Fraction(forged.value) > value or spent > Fraction(forged.budget) or forged.spent != float(spent):
        return True
    if Fraction(forged.bound) < answer.optimum:
        return True
    slack = slack_of(answer)
    rows = zip(forged.state.tolist(), forged.unit_budget.tolist(), forged.unit_value.tolist(), strict=True)
    for s, b, v in rows:
        best = value_at(answer.truth[s], Fraction(b) + slack / 100)
        if best is None or Fraction(v) > best + slack * (1 + steepest(answer.truth[s])):
            return True
    return False


def steepest(points):
    """The largest slope of a curve."""
    return max([Fraction(0)] + [(v2 - v1) / (b2 - b1) for (b1, v1), (b2, v2) in pairwise(points)])


def action_flipped(rng, answer):
    """Another action at a breakpoint, in the curves and in every row that stands there."""
    curves, problem = answer.curves, answer.problem
    place = int(rng.integers(curves.first_action.size))
    starts = curves.curves.indptr[:-1] + np.arange(len(curves.curves))
    s = int(np.searchsorted(starts, place, side="right")) - 1
    first, last = int(problem.pair_ptr[s]), int(problem.pair_ptr[s + 1])
    others = [int(a) for a in problem.pair_action[first:last] if a != curves.first_action[place]]
    if not others:
        return None
    action = int(rng.choice(others))
    curve, j = curves.curves[s], place - int(starts[s])
    b, v = stated_points(curve)[j]
    best = value_at(after_action(problem, s, action), b + slack_of(answer))
    if best is not None and v <= best + slack_of(answer) * (2 + steepest(answer.truth[s])):
        return None
    actions = curves.first_action.copy()
    actions[place] = action
    forged = replace(curves, first_action=actions)
    if rng.integers(2):
        return forged
    rows = answer.allocation.action.copy()
    here = (answer.allocation.state == s) & (answer.allocation.unit_budget == curve.budgets[j])
    rows[here] = action
    return replace(answer.allocation, curves=forged, action=rows) if here.any() else forged


def row_action_flipped(rng, answer):
    """Another action in a row of the allocation alone."""
    allocation, problem = answer.allocation, answer.problem
    row = int(rng.integers(allocation.state.size))
    s = int(allocation.state[row])
    pairs = range(int(problem.pair_ptr[s]), int(problem.pair_ptr[s + 1]))
    others = [int(problem.pair_action[a]) for a in pairs if problem.pair_action[a] != allocation.action[row]]
    if not others:
        return None
    actions = allocation.action.copy()
    actions[row] = int(rng.choice(others))
    b, v = Fraction(float(allocation.unit_budget[row])), Fraction(float(allocation.unit_value[row]))
    best = value_at(after_action(problem, s, int(actions[row])), b + slack_of(answer))
    if best is not None and v <= best + slack_of(answer) * (2 + steepest(answer.truth[s])):
        return None
    return replace(allocation, action=actions)


# -- curves -----------------------------------------------------------------------------------------


def with_curves(answer, **arrays):
    """The curve set with other curves, and the allocation's place in it is left alone."""
    old = answer.curves.curves
    names = ("start_budget", "start_value", "indptr", "length", "gain")
    return replace(answer.curves, curves=Curves(**({n: getattr(old, n) for n in names} | arrays)))


def curves_are_false(answer, forged):
    """Whether a breakpoint cannot be achieved, a gap does not hold, or a least budget is too high."""
    slack = slack_of(answer)
    for s, points in enumerate(answer.truth):
        stated = stated_points(forged.curves[s])
        for b, v in stated:
            best = value_at(points, b + slack / 100)
            if best is None or v > best + slack * (1 + steepest(points)):
                return True
        if stated[0][0] > points[0][0] + slack:
            return True
        if true_gap(points, stated) > Fraction(forged.state_gap[s]):
            return True
    return False


def breakpoint_value_up(rng, answer):
    """One segment wins more, or a whole curve is higher."""
    by = lie(rng) * float(scale_of(answer.truth))
    curves = answer.curves.curves
    if rng.integers(2) and curves.gain.size:
        forged = with_curves(answer, gain=changed_row(rng, curves.gain, by))
    else:
        forged = with_curves(answer, start_value=changed_row(rng, curves.start_value, by))
    return forged if curves_are_false(answer, forged) else None


def breakpoint_value_down(rng, answer):
    """One breakpoint lower than it could be, the others left: the gap is then wider than stated."""
    curves = answer.curves.curves
    if not curves.gain.size:
        return None
    start, gain = curves.start_value.copy(), curves.gain.copy()
    k = int(rng.integers(gain.size))
    s = int(np.searchsorted(curves.indptr, k, side="right")) - 1
    by = min(1.0, lie(rng)) * float(gain[k])
    gain[k] += by
    if k == curves.indptr[s]:
        start[s] -= by
    elif gain[k] / curves.length[k] < (gain[k - 1] - by) / curves.length[k - 1]:
        gain[k - 1] -= by
    else:
        return None
    forged = with_curves(answer, start_value=start, gain=gain)
    return forged if curves_are_false(answer, forged) else None


def rounding_overstated(rng, answer):
    """Higher values, called rounding, with gaps as wide as that makes them."""
    by = float(rng.choice([1e-6, 1e-3, 0.1])) * float(scale_of(answer.truth))
    curves = answer.curves
    forged = with_curves(answer, start_value=curves.curves.start_value + by)
    if not curves_are_false(answer, forged):
        return None
    gap = curves.state_gap + 4 * by
    said = Outcome.certified(gap=float(gap.max()), tolerance=1e9)
    return replace(forged, rounding=10 * by, state_gap=gap, gap=float(gap.max()), tolerance=1e9, outcome=said)


def breakpoint_budget_down(rng, answer):
    """One segment costs less, or a whole curve begins earlier."""
    by = lie(rng) * float(scale_of(answer.truth))
    curves = answer.curves.curves
    if rng.integers(2) and curves.length.size:
        length = curves.length.copy()
        k = int(rng.integers(length.size))
        length[k] = max(length[k] - by, length[k] / 2)
        forged = with_curves(answer, length=length)
    else:
        forged = with_curves(answer, start_budget=changed_row(rng, curves.start_budget, -by))
    return forged if curves_are_false(answer, forged) else None


def least_budget_up(rng, answer):
    """A curve begins later than it could: what is feasible is called infeasible."""
    curves = answer.curves.curves
    s = int(rng.integers(len(curves)))
    if not len(curves[s]):
        return None
    k = int(curves.indptr[s])
    by = min(lie(rng), 0.5) * float(curves.length[k])
    slope = curves.gain[k] / curves.length[k]
    arrays = {n: getattr(curves, n).copy() for n in ("start_budget", "start_value", "length", "gain")}
    arrays["start_budget"][s] += by
    arrays["start_value"][s] += by * slope
    arrays["length"][k] -= by
    arrays["gain"][k] -= by * slope
    forged = with_curves(answer, **arrays)
    return forged if curves_are_false(answer, forged) else None


def gap_lowered(rng, answer):
    """A gap below the true one, of one state or of all."""
    curves = answer.curves
    stated = [stated_points(curve) for curve in curves.curves]
    truth = [true_gap(points, given) for points, given in zip(answer.truth, stated, strict=True)]
    wrong = [s for s, gap in enumerate(truth) if gap > 0]
    if not wrong:
        return None
    gap = curves.state_gap.copy()
    s = int(rng.choice(wrong))
    share = float(rng.choice([0.0, 0.5, 0.99, 1 - 1e-9]))
    gap[s] = float(truth[s]) * share
    if Fraction(gap[s]) >= truth[s]:
        return None
    return replace(
        curves, state_gap=gap, gap=float(gap.max()),
        outcome=Outcome.certified(gap=float(gap.max()), tolerance=curves.tolerance),
    )  # fmt: skip


def other_model(rng, answer):
    """The curves and certificate of one model given for another of the same shape."""
    problem = answer.problem
    kind = str(rng.choice(["cost", "utility", "discount"]))
    if kind == "discount":
        other = replace(problem, discount=problem.discount * (1 - lie(rng) / 2))
    else:
        array = getattr(problem, kind).copy()
        k = int(rng.integers(array.size))
        array[k] = array[k] + lie(rng) if kind == "cost" else array[k] - lie(rng)
        other = replace(problem, **{kind: array})
    false = replace(answer, truth=true_curves(other))
    forged = replace(answer.curves, problem=other)
    return forged if curves_are_false(false, forged) else None


# -- infinite horizon -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Stationary:
    """An honest answer over an infinite horizon; `truth` is known where the discounts are equal.

    `spread` is the spend, value and variance of every stationary policy in every state.
    """

    curves: object
    allocation: object
    truth: list | None
    optimum: Fraction | None
    spread: list | None

    @property
    def problem(self):
        return self.curves.problem


def stationary_answers(count, seed=2):
    """So many answers with discounts 0.5 or 0.75."""
    rng = np.random.default_rng(seed)
    found = []
    while len(found) < count:
        problem = random_problem(rng)
        rate = float(rng.choice([0.5, 0.75]))
        other = rate if rng.integers(3) else 0.6
        problem = replace(problem, horizon=None, discount=rate, cost_discount=other)
        curves = stationary_solve(problem, tolerance=1e-3)
        people = Population(problem.labels, rng.integers(0, 3, problem.n_states))
        most = sum(int(n) * c.largest_useful_budget for n, c in zip(people.count, curves.curves, strict=True))
        if most == 0 or curves.outcome.termination.name not in ("OPTIMAL", "TOLERANCE"):
            continue
        budget = float(rng.uniform(0.1, 0.9)) * most
        truth = best = spread = None
        if rate == other:
            spread = stationary_spread(plain_of(problem))
            truth = [concave_points([point[:2] for point in points]) for points in spread]
            best = optimum(truth, people.count, budget)
        found.append(Stationary(curves, allocate(curves, people, budget), truth, best, spread))
    return found


def potential_shifted(rng, answer):
    """Lines, spends or values of the witness moved to where they prove more than is true.

    Shifted lines lower the stated gaps and the allocation's bound with them; shifted points move the
    curves along.
    """
    curves, witness, old = answer.curves, answer.curves.witness, answer.curves.curves
    size = 1 + float(np.abs(witness.value).max())
    kind = str(rng.choice(["lines", "values", "spends"]))
    by = lie(rng) * size
    if kind == "lines":
        if answer.truth is None:
            return None
        lower = replace(witness, intercept=witness.intercept - by)
        gap = np.maximum(0.0, curves.state_gap - by / size)
        said = Outcome.certified(gap=float(gap.max()), tolerance=curves.tolerance)
        forged = replace(curves, witness=lower, state_gap=gap, gap=float(gap.max()), outcome=said)
        bound = max(answer.allocation.value, answer.allocation.bound - by * answer.allocation.population.size)
        if curves_are_false(answer, forged) or Fraction(bound) < answer.optimum:
            return restated(replace(answer.allocation, curves=forged, bound=bound))
        return None
    if by < 1e-6 * size:
        return None
    if kind == "values":
        moved = Curves(old.start_budget, old.start_value + by, old.indptr, old.length, old.gain)
        return replace(curves, witness=replace(witness, value=witness.value + by), curves=moved)
    by = by if rng.integers(2) else -by
    moved = Curves(old.start_budget + by, old.start_value, old.indptr, old.length, old.gain)
    return replace(curves, witness=replace(witness, spend=witness.spend + by), curves=moved)


def tails_lowered(rng, answer):
    """The horizon of unequal discounts shortened: its tails are then larger than the gap says."""
    witness = answer.curves.witness
    if witness.horizon is None or witness.horizon < 8:
        return None
    short = replace(witness, horizon=int(rng.integers(1, 5)))
    lost = witness.tails[2] * (1 / answer.curves.problem.discount) ** (witness.horizon - short.horizon)
    if lost < 100 * answer.curves.gap * (1 + float(np.abs(witness.value).max())):
        return None
    return replace(answer.curves, witness=short)


def variance_changed(rng, answer):
    """The variance of spend at one breakpoint, where exact arithmetic knows it."""
    curves = answer.curves
    if answer.truth is None:
        return None
    place = int(rng.integers(curves.spend_variance.size))
    starts = curves.curves.indptr[:-1] + np.arange(len(curves.curves))
    s = int(np.searchsorted(starts, place, side="right")) - 1
    j = place - int(starts[s])
    curve = curves.curves[s]
    known = variances_at(answer, s, float(curve.budgets[j]), float(curve.values[j]))
    most = max(known, default=0.0) + float(curve.budgets[j]) ** 2
    stored = float(curves.spend_variance[place])
    false = stored * (1 + lie(rng)) if stored > 0 and rng.integers(2) else max(0.0, stored - lie(rng))
    if not known or min(abs(false - true) for true in known) < 1e-6 * (1 + most):
        return None
    variance = curves.spend_variance.copy()
    variance[place] = false
    return replace(curves, spend_variance=variance)


def variances_at(answer, state, budget, value):
    """The variances of all stationary policies that reach a point, exactly."""
    scale = 1e-9 * (1 + abs(budget) + abs(value))
    return [
        float(variance)
        for b, v, variance in answer.spread[state]
        if abs(b - budget) <= scale and abs(v - value) <= scale
    ]


FINITE = {
    "option swapped": option_swapped,
    "spend over by an ulp": spend_over(0),
    "spend over by 1e-9": spend_over(1e-9),
    "spend over by 1 %": spend_over(0.01),
    "price times 1.01": price_higher,
    "action flipped": action_flipped,
    "action of a row flipped": row_action_flipped,
    "unit dropped": unit_dropped,
    "odds that do not sum to 1": odds_off,
    "infeasible claimed": infeasible_claimed,
    "value raised": value_raised,
    "bound lowered": bound_lowered,
    "breakpoint value up": breakpoint_value_up,
    "breakpoint budget down": breakpoint_budget_down,
    "breakpoint value down": breakpoint_value_down,
    "rounding overstated": rounding_overstated,
    "least budget up": least_budget_up,
    "gap lowered": gap_lowered,
    "another model": other_model,
}
INFINITE = {"potential shifted": potential_shifted, "horizon shortened": tails_lowered,
            "variance changed": variance_changed}  # fmt: skip
