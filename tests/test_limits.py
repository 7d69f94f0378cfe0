"""Splits under limits: against the plain twin, exactly within every limit, and what cannot be kept."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_curves import curves_of
from small_limits import limited

from optbudget import allocate, load, solve, verify
from optbudget.allocation import limit_worths, stable_range
from optbudget.allocation.examples import two_state_curves
from optbudget.allocation.limit_conflict import (
    Feasibility,
    bounds_of,
    minimal_conflict,
    only,
    why_infeasible,
)
from optbudget.allocation.limit_tree import LimitTree
from optbudget.allocation.limited import limited_split
from optbudget.certify.envelope import limited_intercepts
from optbudget.curves import Curves
from optbudget.errors import ProblemError, UsageError
from optbudget.planning import difference, explain, spend_moments
from optbudget.problems import (
    GroupLimit,
    LimitedPopulation,
    Limits,
    Population,
    UnitLimit,
)
from optbudget.problems.assignment import assignment
from optbudget.status import Solution, Termination

from forgeries import random_problem
from reference import least_limited_budget, limited_value

MODELS = Path(__file__).parents[1] / "models"


@cache
def warm_and_cold():
    """Warm customers return 3 for up to 1 each, cold ones 2 for up to 2 each."""
    return solve(two_state_curves().problem, method="exact")


def spends(rows, units):
    """Exact expected spend of the units of each block."""
    total = [Fraction(0)] * units.count.size
    for b, n, p, x in zip(rows.block, rows.count, rows.probability, rows.unit_budget, strict=True):
        total[b] += int(n) * Fraction(float(p)) * Fraction(float(x))
    return total


def assigned_within(rows, units, budget):
    """That the least assignment of what rows spend keeps every limit; plain loops over exact numbers."""
    block = []
    for b, spend in enumerate(spends(rows, units)):
        n, least, most = int(units.count[b]), float(units.least[b]), float(units.most[b])
        for k in np.flatnonzero(rows.block == b):
            pair = (rows.block == b) & (rows.probability < 1) & (rows.count == rows.count[k])
            if rows.probability[k] == 1:
                assert rows.unit_budget[k] <= most
            assert pair.sum() % 2 == 0
        block.append(max(spend, n * Fraction(least)))
    total = {}
    for g in sorted(range(len(units.names)), key=lambda g: (units.members[g].size, -g)):
        inner = [h for h in range(len(units.names)) if units.parent[h] == g]
        own = [b for b in range(units.count.size) if units.node[b] == g]
        total[g] = max(
            Fraction(float(units.group_least[g])), sum(total[h] for h in inner) + sum(block[b] for b in own)
        )
        assert total[g] <= units.group_most[g]
    outer = [total[g] for g in total if units.parent[g] < 0]
    assert sum(outer) + sum(block[b] for b in range(units.count.size) if units.node[b] < 0) <= budget


@settings(max_examples=150, deadline=None)
@given(limited())
def test_nested_limits_equal_the_plain_twin(case):
    states, units, tree, budget = case
    curves = curves_of(states)
    start = curves.start_budget[units.state]
    least = least_limited_budget(tree)
    assert LimitTree(units, None).broken(start) == (least is None)
    if least is None:
        return
    assert LimitTree(units, None).needs(start)[-1] == least
    assert LimitTree(units, budget).broken(start) == (least > budget)
    budget = max(budget, least)
    answer = limited_split(curves, units, budget)
    best = limited_value(tree, budget)
    assert best - Fraction(1, 10**12) * (1 + abs(best)) <= answer.rows.value <= best
    assigned_within(answer.rows, units, budget)


@settings(max_examples=60, deadline=None)
@given(limited(), st.sampled_from([0.1, 1 / 3, 1e-3]))
def test_prices_explain_the_split_when_money_is_no_binary_fraction(case, money):
    states, units, tree, budget = case
    least = least_limited_budget(tree)
    if least is None:
        return
    units = replace(
        units, least=units.least * money, most=units.most * money, group_least=units.group_least * money,
        group_most=units.group_most * money,
    )  # fmt: skip
    curves = curves_of(states, money=money)
    start = curves.start_budget[units.state]
    budget = Fraction(float(max(budget, least)) * money)
    tight = LimitTree(units, budget)
    if tight.broken(start):  # by a rounding
        return
    answer = limited_split(curves, units, budget)
    best = limited_value(tree, budget / Fraction(money))
    if best is not None:
        assert abs(float(answer.rows.value - best)) <= 1e-9 * (1 + abs(float(best)))
    assigned_within(answer.rows, units, budget)


def test_many_segments_go_through_windows_of_prices():
    """A problem too large to be sorted whole gives what a small limit on sorting gives."""
    import optbudget.allocation.limited as module

    rng = np.random.default_rng(5)
    n, segments = 400, 6
    length = rng.integers(1, 9, (n, segments)) / 8
    slope = -np.sort(-rng.integers(1, 30, (n, segments)), axis=1) + np.arange(segments)[::-1] / 8
    curves = Curves(
        np.zeros(n), np.zeros(n), np.arange(n + 1) * segments, length.ravel(), (length * slope).ravel()
    )
    for seed in range(6):
        budget = Fraction(float(length.sum()) * 1.2)
        units = drawn_chain(np.random.default_rng(seed), n, float(budget))
        assert not LimitTree(units, budget).broken(np.zeros(n))
        whole = limited_split(curves, units, budget)
        few, module.FEW = module.FEW, 100
        try:
            windowed = limited_split(curves, units, budget)
        finally:
            module.FEW = few
        assert whole.rows.value == windowed.rows.value
        assert (whole.price, whole.side.tolist()) == (windowed.price, windowed.side.tolist())


def drawn_chain(rng, n, money):
    """Ten groups, each inside the next, with limits about what they would get."""
    ends = np.sort(rng.choice(np.arange(20, n), 10, replace=False))
    share = money * ends / n
    return LimitedPopulation(
        np.arange(n), rng.integers(0, 6, n), np.full(n, -1), rng.integers(0, 3, n) / 8,
        np.where(rng.random(n) < 0.5, rng.integers(3, 30, n) / 8, np.inf), tuple(f"g{k}" for k in range(10)),
        np.floor(share * rng.uniform(0.5, 0.99, 10)), np.ceil(share * rng.uniform(1.0, 1.2, 10)),
        tuple(np.arange(end) for end in ends),
    )  # fmt: skip


def test_multipliers_and_price_of_each_group():
    """Warm customers would return 3, cold ones 2; limits keep money where it returns less."""
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    limits = Limits(
        groups=(
            GroupLimit("warm ones", states=("warm",), most=4.0),
            GroupLimit("cold ones", states=("cold",), least=3.0),
        )
    )
    answer = allocate(curves, people, 8.0, limits=limits)
    assert (answer.value, answer.price, answer.spent) == (20.0, 2.0, 8.0)
    assert [(m.group, m.side, m.value) for m in answer.multipliers] == [("warm ones", "most", 1.0)]
    assert answer.state_price().tolist() == [3.0, 2.0]
    poorer = allocate(curves, people, 6.0, limits=limits)
    assert (poorer.value, poorer.price) == (15.0, 3.0)
    assert [(m.group, m.side, m.value) for m in poorer.multipliers] == [("cold ones", "least", 1.0)]
    assert verify(answer, exact=True).ok
    assert verify(poorer, exact=True).ok


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_fairness_is_a_share_of_the_equal_share(share):
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    answer = allocate(curves, people, 7.5, limits=Limits(least_share=share))
    floor = share * 0.5
    cold = answer.state == 1
    assert (answer.count * answer.probability * answer.unit_budget)[cold].sum() == pytest.approx(5 * floor)
    assert verify(answer).ok
    if share == 1.0:
        assert answer.value == pytest.approx(allocate(curves, people, 7.5, method="uniform").value)


def test_money_that_nobody_can_use_stays_with_whom_it_is_for():
    """A least above the largest useful budget is set aside, and stays unspent."""
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 2, "cold": 2})
    answer = allocate(curves, people, 8.0, limits=Limits((UnitLimit(state="warm", least=3.0),)))
    assert (answer.spent, answer.unspent, answer.price) == (4.0, 4.0, 2.0)
    assert answer.why_unspent == "4 is set aside for units whose least is above their largest useful budget"
    group = Limits(groups=(GroupLimit("warm ones", states=("warm",), least=6.0),))
    answer = allocate(curves, people, 8.0, limits=group)
    assert (answer.spent, answer.unspent) == (4.0, 4.0)
    assert answer.multipliers[0].value == 2.0
    assert answer.why_unspent == "the least of group warm ones is more than its units can use"
    assert verify(answer).ok


def test_named_units_have_limits_of_their_own():
    curves = warm_and_cold()
    people = Population.of_units(
        curves.problem, ["Ann", "Bob", "Cat", "Dan"], ["cold", "warm", "cold", "warm"]
    )
    limits = Limits(
        (UnitLimit(unit="Cat", least=1.5, most=1.5), UnitLimit(unit="Bob", most=0.25)),
        (GroupLimit("friends", units=("Ann", "Cat"), most=2.0),),
    )
    answer = allocate(curves, people, 10.0, limits=limits)
    table = assignment(answer).to_pylist()
    mean = dict.fromkeys(("Ann", "Bob", "Cat", "Dan"), 0.0)
    for row in table:
        mean[row["unit"]] += row["probability"] * row["budget"]
    assert mean == {"Ann": 0.5, "Bob": 0.25, "Cat": 1.5, "Dan": 1.0}
    assert verify(answer, exact=True).ok
    sentences = [one.sentence for one in limit_worths(answer)]
    assert "raising the most of group friends by one is worth 2" in sentences
    assert "raising the most of unit Bob by one is worth 3" in sentences


@pytest.mark.parametrize("seed", range(30))
def test_a_conflict_is_minimal(seed):
    """What is named cannot be kept; without any one of it, it can."""
    rng = np.random.default_rng(seed)
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 3, "cold": 2})
    amount = lambda top: float(rng.integers(0, 4 * top)) / 4  # noqa: E731
    groups = []
    for k, members in enumerate([("warm",), ("cold",), ("warm", "cold")]):
        least = amount(6)
        groups.append(GroupLimit(f"g{k}", states=members, least=least, most=least + amount(4)))
    units = []
    for state in ("warm", "cold"):
        least = amount(2)
        units.append(UnitLimit(state=state, least=least, most=least + amount(2)))
    limits, budget = Limits(tuple(units), tuple(groups), float(rng.choice([0, 0.5]))), amount(8)
    ask = Feasibility(curves, people, limits, budget)
    if not ask.broken(bounds_of(limits, None, budget)):
        assert allocate(curves, people, budget, limits=limits).outcome.termination is Termination.OPTIMAL
        return
    message, conflict = why_infeasible(ask)
    assert ask.broken(conflict)
    for part in itertools.combinations(conflict, len(conflict) - 1):
        assert not ask.broken(list(part))
    answer = allocate(curves, people, budget, limits=limits)
    assert answer.outcome.termination is Termination.INFEASIBLE
    assert answer.outcome.message == message
    assert verify(answer).ok
    least = ask.least_budget()
    if least is not None:
        enough = float(least) if Fraction(float(least)) >= least else math.nextafter(float(least), math.inf)
        assert allocate(curves, people, enough, limits=limits).outcome.termination is Termination.OPTIMAL
        assert budget < enough


def test_least_budget_is_exact():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 3, "cold": 2})
    limits = Limits((UnitLimit(state="warm", least=0.1),), (GroupLimit("g", states=("cold",), least=0.7),))
    ask = Feasibility(curves, people, limits, 0.5)
    assert ask.least_budget() == 3 * Fraction(0.1) + Fraction(0.7)
    assert "group g: at least 0.7 in total" in allocate(curves, people, 0.5, limits=limits).outcome.message


def test_dropping_sides():
    limits = Limits((UnitLimit(state="s", least=1.0, most=2.0),), (GroupLimit("g", states=("s",), most=3.0),))
    kept = bounds_of(limits, None, math.inf)
    assert only(limits, kept) == limits
    assert only(limits, kept[1:]).units[0].least == 0.0
    assert minimal_conflict(kept, lambda some: kept[2] in some) == [kept[2]]


def test_overlapping_groups_are_refused_by_the_nested_split():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 1, "cold": 1})
    both = Limits(
        groups=(
            GroupLimit("a", states=("warm",)), GroupLimit("b", states=("cold", "warm")),
        )
    )  # fmt: skip
    assert allocate(curves, people, 1.0, limits=both).value == 3.0
    apart = Limits(
        groups=(GroupLimit("a", states=("warm",), units=("u",), most=1.0),
                GroupLimit("b", states=("warm",), units=("v",), most=1.0))
    )  # fmt: skip
    with_warm = Population.of_units(curves.problem, ["u", "v", "w"], ["cold", "cold", "warm"])
    with pytest.raises(UsageError, match="groups 'a' and 'b' overlap"):
        allocate(curves, with_warm, 1.0, limits=apart)
    with pytest.raises(UsageError, match="does not say how its units share it"):
        allocate(curves, people, 1.0, limits=both, method="uniform")


def test_a_share_of_an_unlimited_budget_is_refused():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 1})
    with pytest.raises(UsageError, match="unlimited"):
        allocate(curves, people, math.inf, limits=Limits(least_share=0.5))
    everything = allocate(curves, people, math.inf, limits=Limits((UnitLimit(state="warm", most=0.5),)))
    assert (everything.value, everything.bound) == (1.5, pytest.approx(1.5))
    assert verify(everything).ok


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Limits((UnitLimit(state="s", least=2.0, most=1.0),)), "least 2.0 is above most 1.0"),
        (lambda: Limits((UnitLimit(least=2.0),)), "names a type, a state or a unit"),
        (lambda: Limits((UnitLimit(state="s", least=-1.0),)), "least is -1.0"),
        (lambda: Limits((UnitLimit(state="s", most=math.nan),)), "most is nan"),
        (lambda: Limits(groups=(GroupLimit("g", most=1.0),)), "has no members"),
        (lambda: Limits(groups=(GroupLimit("g", groups=("g",)),)), "contains itself"),
        (lambda: Limits(groups=(GroupLimit("g", groups=("h",)),)), "no group is called 'h'"),
        (lambda: Limits(groups=(GroupLimit("g", states=("s",)),) * 2), "listed twice"),
        (lambda: Limits(least_share=1.5), "least_share is 1.5"),
    ],
)
def test_limits_that_are_none_are_named(make, message):
    with pytest.raises(ProblemError, match=message):
        make()


def test_names_that_there_are_not():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 1})
    for limits, message in (
        (Limits((UnitLimit(state="wram", most=1.0),)), "no state is called 'wram'; did you mean 'warm'"),
        (Limits((UnitLimit(type="new", most=1.0),)), "the model has no types"),
        (Limits((UnitLimit(unit="Ann", most=1.0),)), "given by counts"),
        (Limits(groups=(GroupLimit("g", states=("x",)),)), "no state is called 'x'"),
    ):
        with pytest.raises(ProblemError, match=message):
            allocate(curves, people, 1.0, limits=limits)


def test_the_cap_of_the_model_is_a_most_of_every_unit():
    problem = load(MODELS / "ward")
    curves = solve(problem, tolerance=1e-9)
    people = Population.at(problem, {"home": 2})
    answer = allocate(curves, people, 20.0, limits=Limits((UnitLimit(state="home", least=7.0),)))
    assert (answer.value, answer.spent) == (12.0, 13.0)
    assert verify(answer, exact=True).ok
    above = allocate(curves, people, 20.0, limits=Limits((UnitLimit(state="home", least=9.0),)))
    assert above.outcome.termination is Termination.INFEASIBLE
    assert "the model's cap of 8.0 per unit" in above.outcome.message
    assert verify(above).ok


@pytest.mark.parametrize("seed", range(24))
def test_answers_on_drawn_models_are_proved(seed):
    """Units, states and groups of drawn models, by every method for curves; each answer is verified."""
    rng = np.random.default_rng(seed)
    problem = random_problem(rng, int(rng.integers(1, 4)))
    method = ("exact", "walk", "sweep")[seed % 3]
    curves = solve(problem, method=method, tolerance=1e-9 if method != "sweep" else 0.05)
    people, budget, limits = drawn_limits(rng, problem, curves)
    answer = allocate(curves, people, budget, limits=limits, method="greedy" if seed % 2 else "price")
    checked = verify(answer, exact=seed % 4 == 0)
    assert checked.ok, str(checked)


def drawn_limits(rng, problem, curves):
    """A listed population, a budget and nested limits that often bind."""
    size = int(rng.integers(2, 12))
    state = rng.integers(0, problem.n_states, size)
    people = Population.of_units(problem, [f"u{k}" for k in range(size)], np.array(problem.labels)[state])
    most = sum(int(n) * c.largest_useful_budget for n, c in zip(people.count, curves.curves, strict=True))
    budget = float(rng.uniform(0.05, 1.1)) * most
    units = []
    for _ in range(int(rng.integers(0, 3))):
        whom = (
            {"state": str(rng.choice(problem.labels))}
            if rng.random() < 0.5
            else {"unit": f"u{rng.integers(size)}"}
        )
        least = float(rng.uniform(0, 0.5))
        units.append(UnitLimit(**whom, least=least, most=least + float(rng.uniform(0, 4))))
    half = tuple(problem.labels[: problem.n_states // 2])
    groups = [
        GroupLimit("inner", states=half[:1], least=budget * float(rng.uniform(0, 0.4))),
        GroupLimit("outer", states=half, groups=("inner",), most=budget * float(rng.uniform(0.4, 0.9))),
        GroupLimit("others", states=problem.labels[problem.n_states // 2 :], least=budget * 0.2),
    ]
    return people, budget, Limits(tuple(units), tuple(groups), float(rng.choice([0.0, 0.2])))


def test_lines_between_limits_hold_for_every_budget_between_them():
    """The intercept is above value - price * budget at budgets from least to most, and tight for a point."""
    price = np.array([4.0, 2.0, 1.0, 0.0])
    points = [(0.0, 0.0), (1.0, 4.0), (3.0, 8.0), (6.0, 11.0)]
    lines = np.array([[max(v - p * b for b, v in points) for p in price]])
    for at, low, high in itertools.product(
        [0.0, 0.5, 1.5, 3.0, 4.0, 9.0], [0.0, 1.0, 2.0], [2.0, 5.0, np.inf]
    ):
        found = limited_intercepts(price, lines, np.array([at]), np.array([low]), np.array([high]))[0]
        for b in np.linspace(low, min(high, 8.0), 25):
            value = np.interp(b, *np.array(points).T)
            assert value - at * b <= found + 1e-12
        if low == high:
            assert found == pytest.approx(np.interp(low, *np.array(points).T) - at * low)


def test_what_no_price_explains_under_limits():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    answer = allocate(curves, people, 8.0, limits=Limits((UnitLimit(state="cold", least=0.5),)))
    shares = allocate(curves, people, 8.0, limits=Limits(least_share=0.1))
    with pytest.raises(UsageError, match="a least share grows"):
        stable_range(shares)
    whole = allocate(curves, people, 8.0, limits=answer.limits, method="ip")
    with pytest.raises(UsageError, match="whole units under limits"):
        stable_range(whole)
    assert (stable_range(answer).low, stable_range(answer).high) == (2.5, 12.5)
    assert explain(answer).price.tolist() == [3.0, 3.0]
    assert difference(allocate(curves, people, 8.0), answer).of_money.sum() < 0


def test_every_unit_that_draws_adds_to_the_spread_of_spend():
    """Five units draw 0 or 2, 2 with a quarter: variance 5 * 4 * 3/16."""
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"cold": 5})
    answer = allocate(curves, people, 8.0, limits=Limits((UnitLimit(state="cold", least=0.5, most=0.5),)))
    assert answer.count.tolist() == [5, 5]
    assert spend_moments(answer) == (2.5, 3.75)


def raised(limits, one, by):
    """The limits with one side of one of them moved by `by` in favour of the value."""
    kind, k, side = one
    some = list(getattr(limits, kind))
    amount = getattr(some[k], side)
    some[k] = replace(some[k], **{side: amount + by if side == "most" else amount - by})
    return replace(limits, **{kind: tuple(some)})


@pytest.mark.parametrize("seed", range(40))
def test_what_a_limit_is_worth_is_the_slope_or_at_most_that(seed):
    """On a grid with ties, against the value with the limit moved by 2^-10."""
    rng = np.random.default_rng(seed)
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 3, "cold": 2})
    draw = lambda top: float(rng.integers(0, 4 * top + 1)) / 4  # noqa: E731
    groups = [
        GroupLimit("warm ones", states=("warm",), least=draw(1), most=1 + draw(2)),
        GroupLimit("all", states=("warm", "cold"), most=3 + draw(2)),
    ]
    units = [UnitLimit(state=state, least=draw(1) / 4, most=0.5 + draw(1)) for state in ("warm", "cold")]
    limits, budget = Limits(tuple(units), tuple(groups)), 2 + draw(3)
    answer = allocate(curves, people, budget, limits=limits)
    if answer.outcome.solution is Solution.NONE:
        return
    step, sides = 2.0**-10, []
    for kind, some in (("groups", groups), ("units", units)):
        for k, one in enumerate(some):
            both = ("least", "most") if kind == "groups" else ("most", "least")
            sides += [(kind, k, side) for side in both if getattr(one, side) > 0]
    worths = limit_worths(answer)
    assert [one.side for one in worths] == [side for _, _, side in sides]
    for found, place in zip(worths, sides, strict=True):
        more = allocate(curves, people, budget, limits=raised(limits, place, step))
        slope = (more.value - answer.value) / step
        assert slope <= found.worth + 1e-9
        assert ("at most" in found.sentence) == (not found.exact)
        if found.exact:
            assert slope == pytest.approx(found.worth, abs=1e-9)


def test_what_no_money_is_there_for_is_not_said_to_be_worth_anything():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 3, "cold": 2})
    limits = Limits((UnitLimit(state="cold", most=0.0),))
    (one,) = limit_worths(allocate(curves, people, 0.0, limits=limits))
    assert one.worth == 0 or "at most" in one.sentence
    limits = Limits((UnitLimit(state="cold", most=0.25),), (GroupLimit("few", states=("cold",), most=0.5),))
    for one in limit_worths(allocate(curves, people, 4.0, limits=limits)):
        assert one.worth == 0 or "at most" in one.sentence


@pytest.mark.parametrize(
    "bad",
    [
        lambda: Limits((UnitLimit(type="loyal", most="3"),)),
        lambda: Limits((UnitLimit(type="loyal", most=10**400),)),
        lambda: Limits((GroupLimit("g", types=("loyal",), most=1.0),)),
        lambda: Limits("x"),
        lambda: Limits(groups=(GroupLimit("g", types="loyal"),)),
        lambda: Limits(groups=(GroupLimit("", types=("loyal",)),)),
        lambda: Limits(groups=(GroupLimit("g", types=("loyal",), most=True),)),
    ],
)
def test_limits_of_another_kind_are_said(bad):
    with pytest.raises(ProblemError):
        bad()


def test_limits_that_are_none_are_said():
    curves = warm_and_cold()
    people = Population.at(curves.problem, {"warm": 3, "cold": 2})
    with pytest.raises(UsageError, match="it must be an optbudget"):
        allocate(curves, people, 1.0, limits="x")
