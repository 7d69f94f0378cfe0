"""A forger of allocations under limits; a forgery counts only if exact arithmetic shows it to be false.

Truth is the plain twin's optimum of the true curves under the limits that are stated, and the exact money of
the rows; see `forgeries` for what counts.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from truth import true_curves

from optbudget.allocation import allocate
from optbudget.budgeted import exact_backup, walk
from optbudget.problems import GroupLimit, Limits, Multiplier, Population, UnitLimit
from optbudget.status import Outcome, Solution, Termination

from forgeries import lie, odds_off, random_problem, restated, summed
from reference import least_limited_budget, limited_value


@dataclass(frozen=True, eq=False)
class HonestUnderLimits:
    """An honest answer with what is true about it."""

    curves: object
    allocation: object
    truth: list


def tree(truth, allocation):
    """The stated limits as plain numbers over the true curves; None where groups overlap."""
    units = allocation.limited()
    if units.node is None:
        return None

    def blocks(g):
        return [
            (
                truth[int(units.state[b])],
                int(units.count[b]),
                Fraction(float(units.least[b])),
                None if math.isinf(units.most[b]) else Fraction(float(units.most[b])),
            )
            for b in np.flatnonzero(units.node == g)
        ]

    def node(g):
        inner = [node(h) for h in range(len(units.names)) if units.parent[h] == g]
        if g < 0:
            return Fraction(0), None, blocks(g), inner
        most = float(units.group_most[g])
        return (
            Fraction(float(units.group_least[g])),
            None if math.isinf(most) else Fraction(most),
            blocks(g),
            inner,
        )

    return node(-1)


def honest_under_limits(count, seed=1):
    """So many answers in which limits bind."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        problem = random_problem(rng, int(rng.integers(1, 4)))
        curves = (exact_backup, walk)[len(found) % 2](problem)
        people = Population(problem.labels, rng.integers(1, 4, problem.n_states))
        useful = sum(
            int(n) * c.largest_useful_budget for n, c in zip(people.count, curves.curves, strict=True)
        )
        if useful == 0:
            continue
        budget = float(rng.uniform(0.2, 0.9)) * useful
        labels, share = problem.labels, rng.uniform(0.2, 0.8, 2)
        half = problem.n_states // 2 + 1
        groups = [GroupLimit("some", states=labels[:half], most=budget * float(share[0]))]
        if half < problem.n_states:
            groups.append(GroupLimit("last", states=labels[half:], least=budget * float(share[1]) / 2))
        limits = Limits((UnitLimit(state=labels[0], most=float(rng.uniform(0.5, 4))),), tuple(groups))
        allocation = allocate(curves, people, budget, limits=limits)
        if allocation.outcome.solution is Solution.CERTIFIED and allocation.multipliers:
            found.append(HonestUnderLimits(curves, allocation, true_curves(problem)))
    return found


def is_false(answer, forged):
    """Whether the rows break a stated limit, or the stated bound is below the true optimum."""
    units = forged.limited()
    for g, members in enumerate(units.members):
        mine = np.isin(forged.state, units.state[members])
        rows = zip(forged.count[mine], forged.probability[mine], forged.unit_budget[mine], strict=True)
        spend = sum(int(n) * Fraction(float(p)) * Fraction(float(b)) for n, p, b in rows)
        if math.isfinite(units.group_most[g]) and spend > Fraction(float(units.group_most[g])):
            return True
    plain = tree(answer.truth, forged)
    best = None if plain is None else limited_value(plain, Fraction(forged.budget))
    if best is None:
        return True
    return Fraction(forged.bound) < best or Fraction(forged.value) > best + Fraction(1, 10**9) * (
        1 + abs(best)
    )


def with_groups(allocation, change):
    """The allocation as an answer to other limits of groups."""
    groups = tuple(change(k, group) for k, group in enumerate(allocation.limits.groups))
    multipliers = tuple(
        replace(m, limit=getattr(next(g for g in groups if g.name == m.group), m.side))
        for m in allocation.multipliers
    )
    return replace(allocation, limits=replace(allocation.limits, groups=groups), multipliers=multipliers)


def broken_by_an_ulp(rng, answer):
    """A most that is an ulp, or a little, below what the rows spend."""
    by = float(rng.choice([0.0, 1e-12, 1e-9, 1e-3]))
    forged = with_groups(
        answer.allocation,
        lambda k, group: (
            replace(group, most=math.nextafter(group.most * (1 - by), 0))
            if math.isfinite(group.most)
            else group
        ),
    )
    return forged if is_false(answer, forged) else None


def drawn_upward(rng, answer):
    """A unit at a limit draws the upper of its budgets a little more often."""
    allocation = answer.allocation
    drawn = np.flatnonzero(allocation.probability < 1)
    if not drawn.size:
        return None
    pair = int(rng.integers(drawn.size // 2))
    low, high = drawn[2 * pair], drawn[2 * pair + 1]
    more = float(rng.choice([2.0**-53, 1e-9, 0.01]))
    more = math.ceil(more * 2**53) / 2**53
    chance = allocation.probability.copy()
    chance[high], chance[low] = chance[high] + more, chance[low] - more
    if not 0 < chance[low] < 1:
        return None
    forged = summed(allocation, probability=chance)
    units, over = forged.limited(), False
    spend = sum(Fraction(float(chance[k])) * Fraction(float(allocation.unit_budget[k])) for k in (low, high))
    most = float(units.most[allocation.state[low]])
    over = math.isfinite(most) and spend > Fraction(most)
    return (
        forged if over or is_false(answer, forged) or forged.exact_spend() > Fraction(forged.budget) else None
    )


def multiplier_negative(rng, answer):
    """A multiplier of the wrong sign, whatever the bound then is."""
    allocation = answer.allocation
    k = int(rng.integers(len(allocation.multipliers)))
    wrong = tuple(
        replace(m, value=-float(rng.choice([m.value, 1e-12, 1e-300]))) if i == k else m
        for i, m in enumerate(allocation.multipliers)
    )
    return replace(allocation, multipliers=wrong)


def multiplier_of_nothing(rng, answer):
    """A multiplier of a group that there is not, of a limit that it has not, or twice."""
    allocation = answer.allocation
    one = allocation.multipliers[0]
    other = (
        Multiplier("nobody", "most", 1.0, 0.5),
        replace(one, side="least" if one.side == "most" else "most", limit=one.limit),
        one,
        replace(one, limit=one.limit * (1 + lie(rng))),
    )[int(rng.integers(4))]
    kept = allocation.multipliers if other is one or other.group == "nobody" else allocation.multipliers[1:]
    return replace(allocation, multipliers=(*kept, other))


def membership_changed(rng, answer):
    """A state in another group than it was allocated in."""
    labels = answer.curves.problem.labels
    moved = str(rng.choice(labels))

    def change(k, group):
        inside = moved in group.states
        states = tuple(s for s in group.states if s != moved) if inside else (*group.states, moved)
        return replace(group, states=states) if states else group

    forged = with_groups(answer.allocation, change)
    return forged if is_false(answer, forged) else None


def limits_swapped(rng, answer):
    """Other limits than those of the answer, with its rows, bound and multipliers."""
    by = 1 + lie(rng) * 10
    forged = with_groups(
        answer.allocation,
        lambda k, group: replace(group, most=group.most * by, least=group.least / by),
    )
    return forged if is_false(answer, forged) else None


def unit_limit_swapped(rng, answer):
    """A most of each unit that is lower, or so much higher that more could be had."""
    limits = answer.allocation.limits
    one = limits.units[0]
    by = float(rng.choice([1 - 2.0**-53, 1 - 1e-9, 0.9, 1.5, 100.0]))
    forged = replace(answer.allocation, limits=replace(limits, units=(replace(one, most=one.most * by),)))
    mine = (forged.state == 0) & (forged.probability == 1)
    over = bool((forged.unit_budget[mine] > one.most * by).any())
    return forged if over or is_false(answer, forged) else None


def limited_bound_lowered(rng, answer):
    """A bound below the optimum under the limits."""
    best = limited_value(tree(answer.truth, answer.allocation), Fraction(answer.allocation.budget))
    at = float(best)
    low = at if Fraction(at) < best else math.nextafter(at, -math.inf)
    bound = min(low, at - float(rng.choice([0.0, 1e-12, 1e-9, 1e-3])) * (1 + abs(at)))
    return restated(replace(answer.allocation, bound=bound)) if Fraction(bound) < best else None


def limits_called_infeasible(rng, answer):
    """A budget with which the limits can be kept, called infeasible."""
    least = least_limited_budget(tree(answer.truth, answer.allocation))
    budget = float(least) * (1 + lie(rng)) + float(rng.choice([1e-9, 1.0]))
    nothing, none = np.empty(0), np.empty(0, dtype=np.int64)
    return replace(
        answer.allocation, budget=budget, state=none, count=none, unit_budget=nothing, unit_value=nothing,
        probability=nothing, action=none.astype(np.int32), value=math.nan, bound=math.nan, price=math.nan,
        spent=math.nan, unspent=math.nan, multipliers=(), unit=none,
        outcome=Outcome(Termination.INFEASIBLE, Solution.NONE, "the limits cannot be kept"),
    )  # fmt: skip


LIMITED = {
    "limit broken by an ulp": broken_by_an_ulp,
    "drawn upward": drawn_upward,
    "odds that do not sum to 1": odds_off,
    "multiplier negative": multiplier_negative,
    "multiplier of nothing": multiplier_of_nothing,
    "group membership changed": membership_changed,
    "limits swapped": limits_swapped,
    "limit of units swapped": unit_limit_swapped,
    "bound lowered": limited_bound_lowered,
    "infeasible claimed": limits_called_infeasible,
}
