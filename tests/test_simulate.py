"""Roll-outs against enumeration, unit-by-unit trials, exact values and the strict optimum."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import Population, allocate, solve
from optbudget.allocation.greedy import segment_prices
from optbudget.errors import InterruptedWork, LimitError, NoAnswerError, UsageError
from optbudget.formulations.strict import strict_optimum
from optbudget.problems.examples import two_action_example
from optbudget.simulate import POLICIES, simulate
from optbudget.simulate.prices import priced_units
from optbudget.status import Solution, Termination
from optbudget.workers import Monitor

from reference import reallocation, static_worth, unit_by_unit

MANY = 2000
"""Trials of a small problem; its sums are compared to within five standard errors."""


@st.composite
def small_cases(draw, free_action=True, max_horizon=3, rates=(Fraction(1), Fraction(1, 2))):
    """(plain problem, units in each state, budget): up to three units, money on a grid of quarters."""
    plain = draw(plain_models(max_horizon=max_horizon, free_action=free_action))
    plain["cost_discount"] = draw(st.sampled_from(rates))
    count = [draw(st.integers(0, 2)) for _ in plain["pairs"]]
    assume(1 <= sum(count) <= 3)
    return plain, count, draw(st.integers(0, 32)) / 4


def solved(plain):
    return solve(problem_of(plain), method="exact", keep_stages=True)


def population(curves, count):
    return Population(curves.problem.labels, np.array(count))


def plain_stages(curves):
    """The curves of all stages as the reference takes them."""
    problem, stages = curves.problem, []
    for k in range(problem.horizon):
        kept = curves.at_stage(k)
        price, of_stage = segment_prices(kept.curves), []
        for i, curve in enumerate(kept.curves):
            begin, point = int(kept.curves.indptr[i]), int(kept.curves.indptr[i]) + i
            segments = [
                (Fraction(length), float(p))
                for length, p in zip(curve.length.tolist(), price[begin:].tolist(), strict=False)
            ]
            of_stage.append(
                (
                    Fraction(curve.start_budget),
                    segments,
                    kept.first_action[point : point + len(segments) + 1].tolist(),
                )
            )
        stages.append(of_stage)
    return stages


def is_mean_of(sample, mean, size=1.0):
    """Whether a mean is within five standard errors, and what one rare trial can shift, of the sample's."""
    error = 5 * sample.std(ddof=1) / np.sqrt(sample.size) + 40 * size / sample.size
    return abs(sample.mean() - float(mean)) <= error + 1e-9 * abs(float(mean))


@given(small_cases())
def test_reallocation_is_worth_what_enumeration_says_and_no_path_overspends(case):
    plain, count, budget = case
    curves = solved(plain)
    units = [i for i, n in enumerate(count) for _ in range(n)]
    exact, most = reallocation(plain, plain_stages(curves), [i for i in units if plain["pairs"][i]], budget)
    exact += sum(plain["terminal"][i] for i in units if not plain["pairs"][i])
    assert most <= Fraction(budget)
    found = simulate(curves, population(curves, count), budget, policies=["dbra"], trials=MANY, threads=1)
    assert is_mean_of(found.value[0], exact, size=4 * sum(count) * plain["horizon"])
    assert float(exact) <= found.bound + 1e-9
    best = strict_optimum(curves.problem, population(curves, count), budget)
    assert best is not None and exact <= best + Fraction(1, 10**9)


RATES = (Fraction(1), Fraction(3, 4), Fraction(9, 10), Fraction(39, 40))


@given(small_cases(rates=RATES) | small_cases(free_action=False, rates=RATES))
def test_reallocation_and_index_never_overspend(case):
    plain, count, budget = case
    curves = solved(plain)
    try:
        found = simulate(
            curves, population(curves, count), budget, policies=["dbra", "index"], trials=200, threads=1
        )
    except NoAnswerError:
        return
    rate = Fraction(curves.problem.cost_discount)
    for trial in np.unique(found.stage_spend.reshape(-1, plain["horizon"]), axis=0):
        assert sum(rate**k * Fraction(paid) for k, paid in enumerate(trial.tolist())) <= Fraction(budget)
    assert found.summary("dbra").overspend_frequency == found.summary("index").overspend_frequency == 0


@given(small_cases(free_action=False), st.sampled_from(["bmdp", "uba"]), st.sampled_from([None, 1.0, 2.5]))
def test_policies_that_keep_a_price_are_worth_what_the_split_says(case, name, cap):
    plain, count, budget = case
    problem = problem_of(plain, budget_cap=cap)
    curves = solve(problem, method="exact")
    people = population(curves, count)
    answer = allocate(curves, people, budget, method="uniform" if name == "uba" else "greedy")
    assume(answer.outcome.solution is not Solution.NONE)
    try:
        found = simulate(curves, people, budget, policies=[name], trials=MANY, threads=1)
    except NoAnswerError:
        assume(False)
    size = 4 * sum(count) * plain["horizon"]
    assert is_mean_of(found.value[0], answer.value, size)
    assert is_mean_of(found.spend[0], answer.spent, size)


@given(small_cases(), st.booleans())
def test_static_budgets_are_worth_what_enumeration_says(case, strict):
    plain, count, budget = case
    curves = solved(plain)
    people = population(curves, count)
    answer, stages = allocate(curves, people, budget), plain_stages(curves)
    rows = zip(answer.state.tolist(), answer.count, answer.probability, answer.unit_budget, strict=True)
    exact = sum(float(n * p) * float(static_worth(plain, stages, i, float(b), strict)) for i, n, p, b in rows)
    name = "cap" if strict else "sub"
    found = simulate(curves, people, budget, policies=[name], trials=MANY, threads=1)
    assert is_mean_of(found.value[0], exact, size=4 * sum(count) * plain["horizon"])
    if strict and sum(count) == 1:
        assert found.spend[0].max() <= answer.unit_budget.max() + 1e-12


@given(plain_models(max_horizon=4), st.integers(0, 2**31))
def test_counts_have_the_law_of_units(plain, seed):
    """Mean and spread of value and spend agree with trials in which every unit draws for itself."""
    curves = solve(problem_of(plain), method="exact")
    count = [3] * len(plain["pairs"])
    budget = float(np.dot(count, curves.curves.start_budget))
    people = population(curves, count)
    found = simulate(curves, people, budget, policies=["bmdp"], trials=400, threads=1)
    rows = priced_units(found.allocation)
    assume(rows.price.size == 1)
    first = curves.problem.pair_ptr[:-1]
    action = [[int(pair) - int(a) for pair, a in zip(now, first, strict=True)] for now in rows.wanted[0]]
    draw = random.Random(seed)
    units = [i for i, n in enumerate(count) for _ in range(n)]
    sample = np.array([unit_by_unit(plain, action, units, draw) for _ in range(400)])
    for ours, theirs in ((found.value[0], sample[:, 0]), (found.spend[0], sample[:, 1])):
        both = np.hypot(ours.std(ddof=1), theirs.std(ddof=1))
        assert abs(ours.mean() - theirs.mean()) <= 5 * both / 20 + 1e-9
        fourth = max(((x - x.mean()) ** 4).mean() for x in (ours, theirs))
        assert abs(ours.var() - theirs.var()) <= 8 * np.sqrt(2 * fourth / 400) + 1e-9


def two_states(horizon=6):
    """A problem of no symmetry, with a free action in each state and prices that differ."""
    q1, half, q3 = Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)
    plain = {
        "pairs": [
            [(0, 0, [(0, q3), (2, q1)]), (1, 3, [(1, half), (2, half)])],
            [(0, 1, [(0, half), (2, half)]), (2, 7, [(0, q3), (1, q1)])],
            [],
        ],
        "terminal": [1, 2, 3], "discount": Fraction(3, 4), "cost_discount": Fraction(3, 4),
        "horizon": horizon, "net": True,
    }  # fmt: skip
    return solve(problem_of(plain), method="exact", keep_stages=True)


def test_a_trial_does_not_depend_on_how_many_there_are_nor_on_threads():
    curves = two_states()
    people = population(curves, [40, 30, 2])
    one = simulate(curves, people, 90.0, policies=(*POLICIES, "cap"), trials=150, seed=5, threads=1)
    for other in (
        simulate(curves, people, 90.0, policies=(*POLICIES, "cap"), trials=70, seed=5, threads=2),
        simulate(curves, people, 90.0, policies=("cap", *POLICIES), trials=150, seed=5),
    ):
        for name in other.policies:
            a, b = one.index(name), other.index(name)
            for field in ("value", "spend", "stage_spend"):
                assert getattr(other, field)[b].tobytes() == getattr(one, field)[a, : other.trials].tobytes()
    assert simulate(curves, people, 90.0, policies=["bmdp"], trials=9, seed=6).value[0, 0] != one.value[0, 0]


def test_units_that_act_alike_under_two_prices_draw_apart():
    """Spend scatters as that of independent units, whose variances the curves know exactly."""
    curves = two_states(horizon=8)
    budgets = curves["s0"].budgets
    level = budgets.size // 2
    budget = 100 * float(budgets[level] + budgets[level - 1])
    found = simulate(curves, population(curves, [200, 0, 0]), budget, policies=["bmdp"], trials=3000)
    answer = found.allocation
    assert np.unique(answer.unit_budget).size == 2
    variance = np.interp(answer.unit_budget, budgets, curves.variance("s0"))
    exact = float(np.sqrt(answer.count * answer.probability @ variance))
    assert found.summary("bmdp").spend_sd == pytest.approx(exact, rel=0.07)


def test_budget_without_limit_and_none():
    curves = two_states()
    people = population(curves, [4, 3, 2])
    for budget in (np.inf, 0.0):
        found = simulate(curves, people, budget, policies=(*POLICIES, "cap"), trials=50)
        assert len({found.value[k].tobytes() for k in range(2)}) == 1
        assert (budget > 0) == bool(found.spend.any())
    nobody = simulate(curves, population(curves, [0, 0, 7]), 5.0, policies=(*POLICIES, "cap"), trials=3)
    assert (nobody.value == 21.0).all() and not nobody.spend.any()


def test_a_million_units_have_the_moments_of_their_number():
    """Value per unit nears the bound as 1 / sqrt(units), and spread as its inverse."""
    curves = two_states(horizon=10)
    few, many = (
        simulate(curves, population(curves, [n, n, 0]), 3.0 * n, policies=["bmdp", "dbra"], trials=400)
        for n in (100, 10_000)
    )
    for name in ("bmdp", "dbra"):
        small, large = few.summary(name), many.summary(name)
        assert 0.8 < large.value_sd / (10 * small.value_sd) < 1.25
        assert large.value_mean <= many.bound + 3 * large.value_sd / 20
    assert many.bound - many.summary("dbra").value_mean < 0.01 * many.bound


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policies": ["dbra", "sup"]}, "did you mean 'sub'"),
        ({"policies": []}, "at least one"),
        ({"policies": ["dbra", "dbra"]}, "name each policy once"),
        ({"policies": "dbra"}, r"such as \['dbra'\]"),
        ({"trials": 0}, "trials is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"policies": None}, "policies must be a list of names among bmdp"),
        ({"policies": [["dbra"]]}, "no policy is called"),
        ({"trials": True}, "trials is True"),
        ({"seed": False}, "seed is False"),
        ({"own": {"dbra": max}}, "own: the name 'dbra' is taken"),
        ({"own": {"cap": max}}, "own: the name 'cap' is taken"),
        ({"own": {"x": 3}}, "own: policy 'x' is 3; it must be a function"),
        ({"own": {3: max}}, "own: the name of a policy is 3"),
        ({"own": [max]}, "own must be a mapping"),
        ({"population": 2 * 10**9}, "at most 1,000,000,000 units"),
    ],
)
def test_what_is_asked_wrongly(changes, message):
    curves = solve(two_action_example(horizon=2), keep_stages=True)
    people = Population.at(curves.problem, {"s": changes.pop("population", 2)})
    with pytest.raises(UsageError, match=message):
        simulate(curves, people, 1.0, **changes)


def test_what_cannot_be_acted_out():
    endless = solve(two_action_example())
    with pytest.raises(UsageError, match="infinite horizon"):
        simulate(endless, Population.at(endless.problem, {"s": 1}), 1.0)
    curves = solve(two_action_example(horizon=3))
    people = Population.at(curves.problem, {"s": 1})
    assert simulate(curves, people, 1.0, trials=3).trials == 3
    with pytest.raises(UsageError, match="stage 1"):
        simulate(solve(two_action_example(horizon=3), keep_stages=True).at_stage(1), people, 1.0)
    with pytest.raises(LimitError, match="before any trial"):
        simulate(curves, people, 1.0, policies=["bmdp"], monitor=Monitor(time_limit=0.0))
    with pytest.raises(LimitError, match="fewer --trials"):
        simulate(curves, people, 1.0, policies=["bmdp"], trials=10**13)
    with pytest.raises(LimitError, match="the limit is"):
        simulate(curves, people, 1.0, policies=["bmdp"], trials=10**6, monitor=Monitor(memory_limit=10**6))
    forced = {"pairs": [[(2, 1, [(0, Fraction(1, 2)), (1, Fraction(1, 2))])], []], "terminal": [0, 0],
              "discount": 1, "cost_discount": 1, "horizon": 2, "net": False}  # fmt: skip
    curves = solved(forced)
    people = population(curves, [1, 0])
    with pytest.raises(NoAnswerError, match="at least 3"):
        simulate(curves, people, 2.0)
    with pytest.raises(NoAnswerError, match="forced to spend 4 in all"):
        simulate(curves, people, 3.5)
    assert simulate(curves, people, 4.0).summary("dbra").overspend_frequency == 0


def test_a_stopped_simulation_returns_the_trials_it_has():
    curves = solve(two_action_example(horizon=3))
    people = Population.at(curves.problem, {"s": 1})
    monitor = Monitor(lambda done, text: monitor.interrupt() if "trials" in text else None)
    found = simulate(curves, people, 1.0, policies=["bmdp"], trials=10_000, monitor=monitor)
    assert 0 < found.trials < 10_000 and found.stopped is Termination.INTERRUPTED
    whole = simulate(curves, people, 1.0, policies=["bmdp"], trials=found.trials)
    assert found.value.tobytes() == whole.value.tobytes() and whole.stopped is None
    monitor = Monitor()
    monitor.interrupt()
    with pytest.raises(InterruptedWork, match="before any trial"):
        simulate(curves, people, 1.0, policies=["bmdp"], monitor=monitor)


def test_the_chance_of_an_overspend_has_an_interval():
    """Against scipy's exact binomial interval."""
    from scipy.stats import binomtest

    curves = two_states()
    found = simulate(curves, population(curves, [4, 3, 0]), 9.0, policies=(*POLICIES, "cap"), trials=37)
    for name in found.policies:
        s = found.summary(name)
        exact = binomtest(round(37 * s.overspend_frequency), 37).proportion_ci(0.95, "exact")
        assert (s.overspend_low, s.overspend_high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert found.summary("dbra").overspend_low == 0 < found.summary("bmdp").overspend_low


def test_a_unit_with_cap_keeps_what_it_drew_and_the_total_only_in_expectation():
    curves = solve(two_action_example(horizon=1), keep_stages=True)
    people = Population.at(curves.problem, {"s": 1})
    found = simulate(curves, people, 0.5, policies=["cap"], trials=500)
    assert set(found.spend[0].tolist()) == {0.0, 1.0}
    assert found.summary("cap").overspend_frequency > 0.3 and found.summary("cap").spend_low <= 0.5
