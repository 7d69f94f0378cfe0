"""Whole units under limits: against the declared integer program, proved, and forged ones refused."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from optbudget import allocate, solve, verify
from optbudget.allocation import limited_whole
from optbudget.allocation.examples import two_state_curves
from optbudget.formulations import declared
from optbudget.planning.overlapping_whole import allocate_overlapping_whole
from optbudget.problems import (
    BudgetedMDP,
    GroupLimit,
    Knapsack,
    Limits,
    Multiplier,
    Population,
    Totals,
    UnitLimit,
)
from optbudget.solvers import solve_programs
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

INSTANCES, BINDING = 300, 200


def one_decision(states, money=1.0):
    """A model of one decision whose curves have these points (cost, worth), costs in units of `money`."""
    n = len(states)
    actions = max(len(points) for points in states)
    pairs = [(s, a) for s, points in enumerate(states) for a in range(len(points))]
    return BudgetedMDP(
        states=tuple(f"s{s}" for s in range(n)), actions=tuple(f"a{a}" for a in range(actions)),
        pair_ptr=np.concatenate(([0], np.cumsum([len(points) for points in states]))),
        pair_action=np.array([a for _, a in pairs]), pair_row=np.array([s for s, _ in pairs]),
        cost=np.array([states[s][a][0] * money for s, a in pairs]),
        utility=np.array([float(states[s][a][1]) for s, a in pairs]), row_ptr=np.arange(n + 1),
        next_state=np.arange(n), probability=np.ones(n), terminal_utility=np.zeros(n), discount=1.0,
        cost_discount=1.0, horizon=1, reward="gross",
    )  # fmt: skip


def drawn(rng, *, nested):
    """Curves, a population, a budget and limits, on a coarse grid; some cannot be kept."""
    states = []
    for _ in range(int(rng.integers(2, 6))):
        points = [(int(rng.integers(0, 2)), int(rng.integers(-4, 5)))]
        slopes = sorted(rng.choice(np.arange(1, 8), int(rng.integers(1, 4)), replace=False).tolist())
        for slope in slopes[::-1]:
            step = int(rng.integers(1, 4))
            points.append((points[-1][0] + step, points[-1][1] + slope * step))
        states.append(points)
    money = float(rng.choice([1.0, 0.1, 1 / 3]))
    curves, n = solve(one_decision(states, money), method="exact"), len(states)
    people = Population(curves.problem.labels, rng.integers(1, 5, n))
    useful = sum(int(k) * c.largest_useful_budget for k, c in zip(people.count, curves.curves, strict=True))
    budget = float(rng.uniform(0.3, 1.0)) * useful
    labels = curves.problem.labels
    units, groups = [], []
    for k in range(n):
        low = float(rng.integers(0, 4)) / 2 * money if rng.random() < 0.3 else 0.0
        if low or rng.random() < 0.2:
            high = low + float(rng.choice([0.0, 1.0, 2.5, 4.0])) * money  # 0: fixed
            units.append(UnitLimit(state=labels[k], least=low, most=max(high, money)))
    cut = int(rng.integers(1, n))
    parts = [labels[:cut], labels[cut:]] if nested else [labels[: cut + 1], labels[cut:], labels[::2]]
    if nested and len(parts[1]) > 1:
        parts[1] = parts[1][1:]  # One state is in no group.
    for k, part in enumerate(parts):
        share = budget * len(part) / n
        least = share * float(rng.choice([0.0, 0.5, 0.9]))
        most = max(least, share * float(rng.choice([0.6, 0.9, 1.1])))
        groups.append(GroupLimit(f"g{k}", states=tuple(part), least=least, most=most))
    if nested and cut > 1:
        groups.append(GroupLimit("inner", states=labels[:1], most=budget / n * float(rng.uniform(0.4, 1.2))))
    least_share = float(rng.choice([0.0, 0.0, 0.25]))
    return curves, people, budget, Limits(tuple(units), tuple(groups), least_share)


def integer_program(curves, people, budget, limits):
    """The declared program, over what one unit of each state may be assigned."""
    units = allocate(curves, people, budget).limited() if limits is None else None
    units = replace(allocate(curves, people, budget), limits=limits).limited() if units is None else units
    ptr, cost, value = [0], [], []
    for s, least, most in zip(units.state.tolist(), units.least.tolist(), units.most.tolist(), strict=True):
        curve = curves.curves[s]
        options = [(max(c, least), v) for c, v in zip(curve.budgets, curve.values, strict=True) if c <= most]
        cost += [c for c, _ in options]
        value += [v for _, v in options]
        ptr.append(len(cost))
    if min(np.diff(ptr)) == 0:
        return None
    knapsack = Knapsack.from_arrays(ptr, cost, value, count=units.count)
    totals = Totals(units.members, units.group_least, units.group_most, each=units.most)
    return declared("mckp_ip", "pyomo", knapsack, budget, totals)[0]


def against_the_program(rng, number, split, *, nested):
    """So many instances by `split` and by the program; in how many a limit changes what is best."""
    cases = list[tuple[object, ...]]()
    programs = []
    while len(cases) < number:
        case = drawn(rng, nested=nested)
        program = integer_program(*case)
        if program is not None:
            cases.append(case)
            programs.append(program)
    binding = solved = 0
    solutions = solve_programs((program, "highs") for program in programs)
    for (curves, people, budget, limits), solution in zip(cases, solutions, strict=True):
        answer = split(curves, people, budget, limits)
        if answer.outcome.termination is Termination.INFEASIBLE:
            assert solution.outcome.termination is Termination.INFEASIBLE
            assert nested is False or verify(answer).ok
            continue
        optimal = solution.outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE)
        assert optimal or "called optimal" in solution.outcome.message
        assert answer.value == pytest.approx(solution.value, rel=1e-7, abs=1e-7)
        assert (answer.probability == 1).all()
        checked = verify(answer)
        assert checked.ok, str(checked)
        solved += 1
        free = allocate(curves, people, budget, method="ip").value
        binding += free > answer.value + 1e-9
    return solved, binding


def test_nested_limits_equal_the_integer_program():
    """On 300 drawn instances, each proved; in at least 200 a limit other than the budget binds."""

    def split(curves, people, budget, limits):
        answer = allocate(curves, people, budget, limits=limits, method="ip")
        assert answer.outcome.termination in (Termination.OPTIMAL, Termination.INFEASIBLE)
        return answer

    solved = binding = 0
    rng = np.random.default_rng(11)
    while solved < INSTANCES:
        more, bound = against_the_program(rng, 50, split, nested=True)
        solved, binding = solved + more, binding + bound
    assert binding >= BINDING


def counted_by_hand():
    """Two units at 0, 2 or 3 (worth 0, 6, 8.75), two at 0 or 2 (worth 0, 5); the first two may have 4."""
    curves = solve(one_decision([[(0, 0), (2, 6), (3, 8.75)], [(0, 0), (2, 5)]]), method="exact")
    people = Population(curves.problem.labels, [2, 2])
    limits = Limits(
        groups=(
            GroupLimit("first", states=("s0",), most=4.0),
            GroupLimit("all", states=("s0", "s1"), least=1.0),
        )
    )
    return curves, people, 6.5, limits


def test_a_split_counted_by_hand():
    """6 + 6 for the first two and 5 for one more; the relaxation has half a unit more of the others."""
    curves, people, budget, limits = counted_by_hand()
    answer = allocate(curves, people, budget, limits=limits, method="ip")
    assert (answer.value, answer.bound, answer.spent, answer.price) == (17.0, 17.0, 6.0, 2.5)
    assert answer.multipliers == (Multiplier("first", "most", 4.0, 0.25),)
    assert answer.why_unspent == "no whole choice of options spends more and is worth more"
    assert "randomising some could reach 18.25" in answer.outcome.message
    assert verify(answer, exact=True).ok


def test_a_least_keeps_what_its_unit_cannot_use():
    """A fixed 1.5 between useful budgets 0 and 2: the unit has 0, 1.5 is set aside, others get the rest."""
    curves, people, _, _ = counted_by_hand()
    limits = Limits((UnitLimit(state="s0", least=1.5, most=1.5),))
    answer = allocate(curves, people, 5.0, limits=limits, method="ip")
    assert (answer.value, answer.spent) == (5.0, 2.0)
    assert verify(answer).ok
    assert allocate(curves, people, 7.0, limits=limits, method="ip").value == 10.0


def test_units_that_are_named_have_options_of_their_own():
    curves = two_state_curves()
    people = Population.of_units(curves.problem, ["ann", "bob", "eve"], ["cold", "cold", "warm"])
    limits = Limits((UnitLimit(unit="ann", most=1.0),), (GroupLimit("two", units=("ann", "bob"), most=3.0),))
    answer = allocate(solve(curves.problem, method="exact"), people, 9.0, limits=limits, method="ip")
    assert (answer.value, answer.spent) == (7.0, 3.0)
    assert answer.unit[answer.unit_budget == 2.0].tolist() == [1]
    assert verify(answer).ok


def test_a_search_that_ends_early_says_what_is_proved():
    """With few steps at a time the value keeps all limits, and price and multipliers bound it."""
    rng = np.random.default_rng(3)
    short = wide = 0
    for _ in range(25):
        curves, people, budget, limits = drawn(rng, nested=True)
        people = Population(people.labels, people.count * 7)
        limits = replace(
            limits,
            groups=tuple(replace(g, least=7 * g.least, most=7 * g.most) for g in limits.groups),
        )
        best = allocate(curves, people, 7.1 * budget, limits=limits, method="ip")
        if best.outcome.solution is Solution.NONE:
            continue
        one = Monitor(memory_limit=limited_whole.BYTES_PER_STEP * 2)
        answer = allocate(curves, people, 7.1 * budget, limits=limits, method="ip", monitor=one)
        assert verify(answer).ok, str(verify(answer))
        assert answer.value <= best.value <= best.bound <= answer.bound + 1e-9 * abs(answer.bound)
        wide += 1
        if answer.outcome.termination is Termination.MEMORY_LIMIT:
            assert "ended by the memory limit" in answer.outcome.message
            short += 1
    assert wide > 10
    assert short > 3


def test_numbers_that_64_bits_do_not_hold_are_rounded_to_the_safe_side():
    """Costs and values in odd units: sums of whole numbers are far beyond 2^61, and answers stay proved."""
    rng, rounded = np.random.default_rng(8), 0
    for _ in range(12):
        states = [
            [(0.0, 0.0), *itertools.accumulate(
                zip(step := rng.uniform(0.1, 9, 3), step * (3.1, 2.2, 1.3), strict=True),
                lambda a, b: (a[0] + b[0], a[1] + b[1]),
            )]
            for _ in range(3)
        ]  # fmt: skip
        curves = solve(one_decision(states, 1e-7), method="exact")
        people = Population(curves.problem.labels, [5, 3, 1])
        limits = Limits(groups=(GroupLimit("two", states=("s0", "s1"), most=31e-7),))
        answer = allocate(curves, people, 43.21e-7, limits=limits, method="ip")
        assert answer.outcome.termination is Termination.OPTIMAL
        assert verify(answer).ok, str(verify(answer))
        rounded += answer.bound > math.nextafter(answer.value, math.inf)
        plain = brute_force(states, people, 43.21e-7, 31e-7)
        assert answer.value == pytest.approx(plain, rel=1e-12)


def brute_force(states, people, budget, most):
    """The best value over all multisets of options, the first two states together within `most`."""
    tables = []
    for points, n in zip(states, people.count.tolist(), strict=True):
        rows = itertools.combinations_with_replacement(points, n)
        tables.append([(1e-7 * sum(c for c, _ in row), sum(v for _, v in row)) for row in rows])
    best = -math.inf
    last = sorted(tables[2])
    for (c0, v0), (c1, v1) in itertools.product(tables[0], tables[1]):
        if c0 + c1 <= most:
            best = max([best, *(v0 + v1 + v for c, v in last if c0 + c1 + c <= budget)])
    return best


def worse(rng, answer):
    """One unit less well served, called the best."""
    curves = answer.curves.curves
    rows = np.flatnonzero(answer.unit_budget > curves.start_budget[answer.state])
    if not rows.size:
        return None
    k = int(rng.choice(rows))
    low = curves[int(answer.state[k])]
    place = int(np.searchsorted(low.budgets, answer.unit_budget[k])) - 1
    money, value = answer.unit_budget.copy(), answer.unit_value.copy()
    money[k], value[k] = low.budgets[place], low.values[place]
    action = answer.action.copy()
    s = int(answer.state[k])
    action[k] = answer.curves.first_action[curves.indptr[s] + s + place]
    return restated(replace(answer, unit_budget=money, unit_value=value, action=action))


def restated(answer):
    """Totals that follow from the rows, the bound put down to them."""
    value, spent = answer.exact_value(), answer.exact_spend()
    down = float(value) if Fraction(float(value)) <= value else math.nextafter(float(value), -math.inf)
    left = Fraction(answer.budget) - spent
    return replace(
        answer, value=down, bound=math.nextafter(down, math.inf), spent=float(spent), unspent=float(left),
        why_unspent="so", outcome=Outcome.certified(gap=1e-16),
    )  # fmt: skip


def another_price(rng, answer):
    """A price at which the relaxation's money does not end, with a bound that it does prove."""
    by = float(rng.choice([1 + 1e-9, 1.5, 0.5, 0.0]))
    if answer.price == 0 or (by == 0 and any(m.side == "least" for m in answer.multipliers)):
        return None
    return replace(answer, price=answer.price * by, bound=1e6, outcome=Outcome(
        Termination.NUMERICAL, Solution.CERTIFIED, ""))  # fmt: skip


def another_multiplier(rng, answer):
    """One multiplier left out, or larger."""
    if not answer.multipliers:
        return None
    k = int(rng.integers(len(answer.multipliers)))
    kept = [m for i, m in enumerate(answer.multipliers) if i != k]
    one = answer.multipliers[k]
    if one.side == "most" and rng.random() < 0.5:
        kept.append(replace(one, value=one.value * (1 + float(rng.choice([1e-8, 3.0])))))
    return replace(answer, multipliers=tuple(kept), bound=1e6, outcome=Outcome(
        Termination.NUMERICAL, Solution.CERTIFIED, ""))  # fmt: skip


def proves_the_relaxation(forged):
    """Whether its multipliers are as good as any: a group whose most is its least has many."""
    split = allocate(forged.curves, forged.population, forged.budget, limits=forged.limits)
    return verify(replace(split, price=forged.price, multipliers=forged.multipliers)).ok


def a_limit_lowered(rng, answer):
    """A group's most just below what it is assigned."""
    units, groups = answer.limited(), list(answer.limits.groups)
    k = int(rng.integers(len(groups)))
    inside = np.isin(answer.state, units.state[units.members[k]])
    spent = float((answer.count * answer.unit_budget)[inside].sum())
    most = spent * (1 - 1e-9)
    if most <= groups[k].least:
        return None
    multipliers = tuple(
        replace(m, limit=most) if (m.group, m.side) == (groups[k].name, "most") else m
        for m in answer.multipliers
    )
    groups[k] = replace(groups[k], most=most)
    return replace(answer, limits=replace(answer.limits, groups=tuple(groups)), multipliers=multipliers)


def a_unit_that_draws(rng, answer):
    """A unit that is randomised between two useful budgets, with the same money."""
    rows = np.flatnonzero(answer.count == 1)
    if not rows.size:
        return None
    k = int(rng.choice(rows))
    chance = answer.probability.copy()
    chance[k] = 0.5
    again = {name: np.insert(getattr(answer, name), k, getattr(answer, name)[k])
             for name in ("state", "count", "unit_budget", "unit_value", "action", "unit")}  # fmt: skip
    return replace(answer, probability=np.insert(chance, k, 0.5), **again)


@pytest.mark.parametrize(
    "forge", [worse, another_price, another_multiplier, a_limit_lowered, a_unit_that_draws]
)
def test_no_forged_answer_passes(forge):
    rng, tried = np.random.default_rng(4), 0
    while tried < 25:
        curves, people, budget, limits = drawn(rng, nested=True)
        answer = allocate(curves, people, budget, limits=limits, method="ip")
        if answer.outcome.solution is Solution.NONE:
            continue
        forged = forge(rng, answer)
        if forged is None or (forge is worse and forged.exact_value() >= answer.exact_value()):
            continue
        if forge is another_multiplier and proves_the_relaxation(forged):
            continue
        assert not verify(forged).ok, f"{limits.units}, {limits.groups}, {budget}"
        tried += 1


def test_overlapping_limits_equal_the_integer_program():
    """By a back end, with a bound of our own that `verify` proves; some are proved to the last bit."""
    closed = 0

    def split(curves, people, budget, limits):
        nonlocal closed
        answer = allocate_overlapping_whole(curves, people, budget, limits)
        closed += answer.outcome.termination is Termination.OPTIMAL
        if answer.outcome.solution is not Solution.NONE:
            assert answer.bound >= answer.value
            assert answer.outcome.solution is Solution.CERTIFIED
        return answer

    solved, binding = against_the_program(np.random.default_rng(21), 60, split, nested=False)
    assert solved > 25
    assert binding > 20
    assert closed > 1
