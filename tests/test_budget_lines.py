"""Several budget lines: against declared programs, plain enumeration, known answers and forged answers."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from small_problems import plain_models, problem_of

from optbudget import allocate, load, solve, verify
from optbudget.certify import lines_bound
from optbudget.errors import LimitError, NoAnswerError, ProblemError, UsageError
from optbudget.files import load_expected, load_population, load_problem
from optbudget.formulations import declared
from optbudget.planning import allocate_lines
from optbudget.problems import (
    BudgetedMDP,
    BudgetLines,
    Conflict,
    ConstrainedMDP,
    PolicyMixture,
    Population,
    StageBudgets,
)
from optbudget.problems.examples import two_action_example
from optbudget.report.budget_lines import price_in_words
from optbudget.solvers import solve_programs
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers import Monitor

from reference import markov_policies

CLOSE = 1e-6
DRAWN = 300


# -- instances, and the declared program of each ------------------------------------------------


def drawn(rng):
    """A small problem with ties, its population, and lines by stage, of several resources, or of both."""
    n, horizon = int(rng.integers(2, 6)), int(rng.integers(2, 7))
    pair_ptr = np.cumsum([0, *np.where(np.arange(n) == n - 1, rng.integers(0, 2), rng.integers(2, 4, n))])
    m = int(pair_ptr[-1])
    width = rng.integers(1, min(n, 3) + 1, m)
    cost = rng.integers(0, 5, m).astype(float)
    cost[pair_ptr[:-1][np.diff(pair_ptr) > 0]] *= (
        rng.random() < 0.2
    )  # Mostly there is an action that is free.
    problem = BudgetedMDP(
        states=tuple(f"s{i}" for i in range(n)),
        actions=("a", "b", "c"),
        pair_ptr=pair_ptr,
        pair_action=np.concatenate([np.arange(k) for k in np.diff(pair_ptr)]),
        pair_row=np.arange(m),
        cost=cost,
        utility=rng.integers(-4, 5, m) + 3 * cost,
        row_ptr=np.append(0, np.cumsum(width)),
        next_state=np.concatenate([rng.permutation(n)[:d] for d in width]),
        probability=np.concatenate([rng.multinomial(8 - d, np.ones(d) / d) / 8 + 1 / 8 for d in width]),
        terminal_utility=rng.integers(-4, 5, n).astype(float),
        discount=float(rng.choice([1.0, 0.75])),
        cost_discount=float(rng.choice([1.0, 0.75])),
        horizon=horizon,
    )
    population = Population(problem.labels, np.append(rng.integers(1, 9), rng.integers(0, 9, n - 1)))
    blocks = None
    if rng.random() < 0.75:
        cuts = np.sort(rng.choice(np.arange(1, horizon), size=rng.integers(1, horizon), replace=False))
        sizes = np.diff([0, *cuts, horizon])
        money = rng.integers(0, 5, sizes.size) * population.size * sizes / 8
        total = float(money.sum() * 0.75) if rng.random() < 0.3 else np.inf
        names = tuple(f"q{k}" for k in range(sizes.size))
        blocks = StageBudgets(names, sizes.tolist(), money, bool(rng.random() < 0.4), total)
    if blocks is not None and rng.random() < 0.6:
        return BudgetLines.of_stages(problem, blocks), population
    free = cost > 0 if rng.random() < 0.8 else 1.0  # Mostly what is free needs nothing else.
    others = {
        name: (rng.integers(0, 4, m) * free, float(rng.integers(1, 7) * population.size * horizon / 16))
        for name in ("staff", "beds")[: rng.integers(1, 3)]
    }
    money = float(rng.integers(1, 7) * population.size * horizon / 12)
    return BudgetLines.of_resources(ConstrainedMDP.of(problem, money, others), blocks), population


def expanded(lines, population):
    """The same as a constrained problem of one unit, drawn from the population: states carry their stage."""
    problem, n, horizon = lines.problem, lines.problem.n_states, lines.horizon
    begins = np.diff(problem.pair_ptr)
    m, stage_of = problem.cost.size, np.repeat(np.arange(horizon), problem.cost.size)
    ended = horizon * n  # States of the last stage are terminal.
    active = (lines.first[:, None] <= stage_of) & (stage_of < lines.end[:, None])
    use = np.array([np.tile(lines.cost[r], horizon) for r in lines.resource]) * active
    one = BudgetedMDP(
        states=tuple(f"{s}@{k}" for k in range(horizon + 1) for s in problem.states),
        actions=problem.actions,
        pair_ptr=np.cumsum([0, *np.tile(begins, horizon), *np.zeros(n, dtype=int)]),
        pair_action=np.tile(problem.pair_action, horizon),
        pair_row=np.arange(horizon * m),
        cost=np.zeros(horizon * m),
        utility=np.tile(problem.pair_reward, horizon),
        row_ptr=np.append(0, np.cumsum(np.tile(np.diff(problem.row_ptr), horizon))),
        next_state=np.concatenate([problem.next_state + n * (k + 1) for k in range(horizon)]),
        probability=np.tile(problem.probability, horizon),
        terminal_utility=np.tile(problem.terminal_utility, horizon + 1),
        discount=problem.discount,
        cost_discount=problem.cost_discount,
        horizon=horizon,
        reward="gross",
        initial_state=np.arange(n),
        initial_probability=population.count / population.size,
    )
    assert one.n_states == ended + n
    return ConstrainedMDP(one, np.inf, lines.names, use, lines.amount / population.size)


@pytest.fixture(scope="module")
def compared():
    """Drawn instances, our answers, and what HiGHS says of the declared program of each."""
    rng = np.random.default_rng(20)
    instances = [drawn(rng) for _ in range(DRAWN)]
    programs = [declared("cmdp_primal", "mathopt", expanded(*found))[0] for found in instances]
    theirs = list(solve_programs((program, "highs-simplex") for program in programs))
    ours = [allocate_lines(*found, tolerance=1e-7) for found in instances]
    return list(zip(instances, ours, theirs, strict=True))


def test_every_drawn_answer_is_that_of_the_declared_program(compared):
    for (lines, population), ours, theirs in compared:
        if ours.share.size == 0:
            assert theirs.outcome.termination is Termination.INFEASIBLE, (lines, ours)
            assert ours.outcome.termination is Termination.INFEASIBLE
            continue
        value = theirs.value * population.size
        room = CLOSE * (1 + abs(value))
        assert ours.outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE)
        assert ours.value == pytest.approx(value, abs=room), lines
        assert ours.bound >= value - room
        assert ours.gap <= 1e-7


def test_most_drawn_instances_have_a_line_that_binds(compared):
    answered = [ours for _, ours, _ in compared if ours.share.size]
    assert len(answered) >= 200
    assert sum(ours.binding.any() for ours in answered) >= 200
    assert sum(ours.binding.sum() > 1 for ours in answered) >= 40


def test_a_mixture_has_at_most_one_policy_more_than_lines_and_keeps_each_exactly(compared):
    exact = answered = 0
    for (lines, _), ours, _ in compared:
        if ours.share.size == 0:
            continue
        full = [s >= b * (1 - 1e-9) for s, b in zip(ours.spend, lines.amount, strict=True)]
        assert ours.share.size <= 1 + sum(full)
        limits = list(zip(ours.exact_spend(), lines.amount.tolist(), strict=True))
        assert all(spent <= limit + 1e-13 * (1 + limit) for spent, limit in limits)
        exact += all(limit == np.inf or spent <= Fraction(limit) for spent, limit in limits)
        answered += 1
    assert exact >= 0.99 * answered  # A line may hold just what must be spent: then it is kept to rounding.


def test_every_drawn_answer_verifies(compared):
    for _, ours, _ in compared:
        found = verify(ours)
        assert found.ok, str(found)


# -- plain enumeration --------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.booleans().flatmap(lambda free: plain_models(2, max_horizon=3, free_action=free)), st.data())
def test_two_blocks_against_all_policies(plain, data):
    """The optimum is that of the linear program over all deterministic Markov policies."""
    if plain["horizon"] < 2:
        return
    problem = problem_of(plain)
    count = [data.draw(st.integers(1, 3)) for _ in problem.states]
    cut = data.draw(st.integers(1, plain["horizon"] - 1))
    amounts = [data.draw(st.integers(0, 12)) / 2 for _ in range(2)]
    carry = data.draw(st.booleans())
    budgets = StageBudgets(("one", "two"), (cut, plain["horizon"] - cut), amounts, carry)
    points = []
    for value, spend in markov_policies(plain):
        by_stage = [sum(n * b for n, b in zip(count, row, strict=True)) for row in spend]
        first, second = sum(by_stage[:cut]), sum(by_stage[cut:])
        total = sum(n * v for n, v in zip(count, value, strict=True))
        points.append((float(total), float(first), float(first + second if carry else second)))
    v, *b = np.array(points).T
    limit = np.cumsum(amounts) if carry else amounts
    there = linprog(-v, A_ub=np.array(b), b_ub=limit, A_eq=np.ones((1, v.size)), b_eq=[1.0])
    lines = BudgetLines.of_stages(problem, budgets)
    ours = allocate_lines(lines, Population(problem.labels, np.array(count)), tolerance=1e-8)
    assert (there.status == 2) == (ours.outcome.termination is Termination.INFEASIBLE)
    if there.status == 0:
        assert ours.value == pytest.approx(-there.fun, abs=1e-6)
    assert verify(ours).ok


# -- known answers ------------------------------------------------------------------------------


def test_one_line_over_all_stages_is_the_split_of_one_budget():
    problem = load("models/synthetic_ad")
    people = Population.at(problem, {"begin": 700, "ours_1": 300})
    lines = BudgetLines.of_stages(problem, StageBudgets(("year",), (50,), (2000.0,)))
    ours = allocate_lines(lines, people)
    split = allocate(solve(problem, method="walk"), people, 2000.0)
    assert ours.value == pytest.approx(split.value, rel=1e-9)
    assert ours.price[0] == pytest.approx(split.price, rel=1e-6)


def test_a_year_in_quarters_is_worth_less_than_one_pot_and_carrying_over_lies_between():
    problem = load("models/synthetic_ad")
    people = Population.at(problem, {"begin": 1000})
    worth = [
        allocate_lines(
            BudgetLines.of_stages(problem, StageBudgets.even(2000.0, 50, k, carry_over=c)), people
        ).value
        for k, c in ((4, False), (4, True), (1, False))
    ]
    assert worth[0] <= worth[1] * (1 + 1e-9) <= worth[2] * (1 + 2e-9)
    assert worth[2] == pytest.approx(11087.25, abs=0.01)  # docs/where-the-paper-errs.md
    assert worth[0] == pytest.approx(7441.43, abs=0.01)  # the declared program says 7441.4328


def test_two_limits_is_as_solved_by_hand():
    problem = load_problem("models/two_limits")
    ours = allocate_lines(BudgetLines.of_resources(problem), Population.at(problem.problem, {"lead": 1}))
    expected = {e.quantity: e for e in load_expected("models/two_limits") if e.quantity != "limit_price"}
    assert ours.value == pytest.approx(expected["optimum"].value, abs=1e-9)
    assert ours.price == pytest.approx([1.0, 1.5], abs=1e-6)  # README.md of the model
    assert verify(ours).ok


def test_what_is_carried_over_and_what_lapses():
    """Six units may each spend 1 now and 0.9 then, every unit of money worth 9 more than doing without."""
    problem = two_action_example(horizon=2)
    people = Population.at(problem, {"s": 6})
    worth = {}
    for carry, total in ((False, np.inf), (True, np.inf), (True, 8.0), (False, 6.5)):
        budgets = StageBudgets(("now", "then"), (1, 1), (8.0, 1.0), carry, total)
        worth[carry, total] = allocate_lines(BudgetLines.of_stages(problem, budgets), people).value
    without = 6 * 1.9
    assert worth[False, np.inf] == pytest.approx(without + 9 * (6 + 1), abs=1e-9)
    assert worth[True, np.inf] == pytest.approx(without + 9 * (8 + 1), abs=1e-9)
    assert worth[True, 8.0] == pytest.approx(without + 9 * 8, abs=1e-9)
    assert worth[False, 6.5] == pytest.approx(without + 9 * 6.5, abs=1e-9)


def test_prices_are_what_one_more_unit_of_a_line_adds():
    problem = load("models/synthetic_ad")
    people = Population.at(problem, {"begin": 1000})
    first = StageBudgets.even(2000.0, 50, 4)
    answers = []
    for more in (0.0, 1e-3):
        amounts = (first.amounts[0], first.amounts[1] + more, *first.amounts[2:])
        lines = BudgetLines.of_stages(problem, replace(first, amounts=amounts))
        answers.append(allocate_lines(lines, people, tolerance=1e-10))
    assert (answers[1].value - answers[0].value) / 1e-3 == pytest.approx(answers[0].price[1], rel=1e-4)
    assert answers[0].price[1] > 0


# -- lines that contradict each other -----------------------------------------------------------


def must_pay(horizon=2):
    """One state, two ways: 2 of money and nobody's time, or 1 of money and 3 hours."""
    one = BudgetedMDP(
        states=("s",), actions=("buy", "make"), pair_ptr=[0, 2], pair_action=[0, 1], pair_row=[0, 0],
        cost=[2.0, 1.0], utility=[5.0, 4.0], row_ptr=[0, 1], next_state=[0], probability=[1.0],
        terminal_utility=[0.0], discount=1.0, cost_discount=1.0, horizon=horizon,
    )  # fmt: skip
    return one, {"hours": np.array([0.0, 3.0])}


def test_a_conflict_names_a_minimal_set_and_what_each_line_must_hold():
    one, cost = must_pay()
    limits = ConstrainedMDP.of(one, 3.0, {"hours": (cost["hours"], 2.0), "idle": (np.zeros(2), 5.0)})
    answer = allocate_lines(BudgetLines.of_resources(limits), Population.at(one, {"s": 1}))
    assert answer.outcome.termination is Termination.INFEASIBLE
    assert [answer.lines.names[j] for j in answer.conflict.lines] == ["money", "hours"]
    # 4 of money makes nothing; with 3, one of the two is made: 3 hours; with 2 hours, a third of 4 - 1 ...
    assert answer.conflict.least == pytest.approx((4 - 2 / 3, 3.0), rel=1e-6)
    assert verify(answer).ok
    assert "'money' and 'hours'" in answer.outcome.message
    with pytest.raises(NoAnswerError, match="money"):
        _ = answer.value
    kept = replace(answer.lines, amount=[answer.conflict.least[0], 2.0, 5.0])
    assert allocate_lines(kept, answer.population).outcome.termination is Termination.OPTIMAL


def test_a_line_below_what_must_be_spent_says_the_least():
    one, _ = must_pay(horizon=3)
    budgets = StageBudgets(("now", "soon", "late"), (1, 1, 1), (9.0, 4.0, 9.0))
    answer = allocate_lines(BudgetLines.of_stages(one, budgets), Population.at(one, {"s": 5}))
    assert answer.conflict.lines == (1,)
    assert answer.conflict.least[0] == pytest.approx(5.0)
    assert "'soon' holds 4, and at least 5" in answer.outcome.message


def test_a_conflict_of_many_lines_is_said_in_short():
    problem = load("models/health_network")
    people = load_population("models/health_network", problem)
    answer = allocate_lines(BudgetLines.of_stages(problem, StageBudgets.even(1500.0, 12, 12)), people)
    assert [answer.lines.names[j] for j in answer.conflict.lines] == [f"block {k}" for k in range(2, 12)]
    assert "'block 2', 'block 3', 'block 4' and 7 more together: give 'block 2' at least" in str(answer)
    assert verify(answer).ok


def test_drawn_conflicts_are_minimal(compared):
    """Without any one of its lines the rest of a conflict can be kept, and what it says suffices."""
    jobs, wanted = [], []
    for (lines, population), ours, _ in compared:
        if ours.conflict is None:
            continue
        for j, least in zip(ours.conflict.lines, ours.conflict.least, strict=True):
            for amount, feasible in ((least * (1 + 1e-7), True), (least * (1 - 1e-4), least == 0)):
                limits = np.full(lines.amount.size, np.inf)
                limits[list(ours.conflict.lines)] = lines.amount[list(ours.conflict.lines)]
                limits[j] = amount
                changed = expanded(replace(lines, amount=limits), population)
                jobs.append((declared("cmdp_primal", "mathopt", changed)[0], "highs-simplex"))
                wanted.append(feasible)
    assert len(wanted) > 10
    for feasible, found in zip(wanted, solve_programs(jobs), strict=True):
        assert (found.x is not None) == feasible


def test_exactly_what_must_be_spent_is_enough():
    one, _ = must_pay(horizon=3)
    budgets = StageBudgets(("now", "soon", "late"), (1, 1, 1), (5.0, 5.0, 5.0))
    answer = allocate_lines(BudgetLines.of_stages(one, budgets), Population.at(one, {"s": 5}))
    assert answer.outcome.termination is Termination.OPTIMAL
    assert answer.value == 45.0


def test_no_money_in_a_block_is_no_error():
    problem = load("models/synthetic_ad")
    budgets = StageBudgets(("now", "then"), (10, 40), (500.0, 0.0))
    answer = allocate_lines(BudgetLines.of_stages(problem, budgets), Population.at(problem, {"begin": 100}))
    assert answer.spend[1] == 0.0
    assert answer.outcome.termination in (Termination.OPTIMAL, Termination.TOLERANCE)
    assert verify(answer).ok


@pytest.mark.parametrize(
    ("model", "decisions", "amounts"),
    [
        ("university", (5,), (0.0,)),
        ("synthetic_ad", (13, 13, 12, 12), (1840.0, 158.0, 2.0, 0.0)),
        ("synthetic_ad", (13, 37), (500.0, 0.0)),
    ],
)
def test_the_price_of_a_line_that_holds_nothing_is_what_a_first_unit_adds(model, decisions, amounts):
    problem = load(f"models/{model}")
    people = Population.at(problem, {problem.labels[0] if model == "university" else "begin": 1000})
    budgets = StageBudgets(tuple("abcd"[: len(decisions)]), decisions, amounts)
    answer = allocate_lines(BudgetLines.of_stages(problem, budgets), people)
    exact, more = (
        allocate_lines(
            BudgetLines.of_stages(problem, replace(budgets, amounts=(*amounts[:-1], last))), people,
            tolerance=1e-12,
        ).value
        for last in (0.0, 1e-3)
    )  # fmt: skip
    assert answer.price[-1] == pytest.approx((more - exact) / 1e-3, rel=1e-3)
    assert answer.price[-1] > 0
    assert not answer.price_is_bound.any()
    assert verify(answer).ok


def test_prices_of_several_lines_that_hold_nothing_are_what_they_are_worth_together():
    problem = load("models/synthetic_ad")
    people = Population.at(problem, {"begin": 1000})
    found, step = [], 1e-3
    for amounts in (4 * (0.0,), 4 * (step,), (0.0, 0.0, 0.0, step)):
        budgets = StageBudgets(("Q1", "Q2", "Q3", "Q4"), (13, 13, 12, 12), amounts)
        found.append(allocate_lines(BudgetLines.of_stages(problem, budgets), people, tolerance=1e-12))
    together, alone = ((more.value - found[0].value) / step for more in found[1:])
    assert found[0].price.sum() == pytest.approx(together, rel=1e-3)
    assert found[0].price[3] == pytest.approx(alone, rel=1e-3)
    assert found[0].price_is_bound.all()
    assert "at most" in price_in_words(found[0], 3)
    assert verify(found[0]).ok


def test_prices_of_very_many_lines_that_hold_nothing_are_lowered_one_by_one(monkeypatch):
    """No column generation, which took most of a minute; and none of the prices could be lower by itself."""
    monkeypatch.setattr("optbudget.planning.least_prices.rounds", None)
    problem = load("models/synthetic_ad")
    people = Population.at(problem, {"begin": 1, "ours_1": 2})
    weeks = StageBudgets(tuple(f"w{k}" for k in range(50)), (1,) * 50, (0.0,) * 50)
    answer = allocate_lines(BudgetLines.of_stages(problem, weeks), people)
    assert verify(answer).ok and answer.gap < 1e-9
    for j in (0, 1, 7, 20, 49):  # Later on few are where money helps, and the bound hardly feels a price.
        lower = answer.price.copy()
        lower[j] *= 0.99
        loose = lines_bound(answer.lines, people, lower) > answer.value * (1 + 1e-9)
        assert loose == (answer.price[j] > 0)


def test_a_price_lowered_is_the_worth_of_the_first_unit():
    """Twelve choices that cost 1 and are worth 10, or are free and worth 1: the first unit is worth 9."""
    problem = two_action_example(horizon=12)
    lines = BudgetLines.of_stages(problem, StageBudgets(tuple("abcdefghijkl"), (1,) * 12, (0.0,) * 12))
    answer = allocate_lines(lines, Population.at(problem, {"s": 6}))
    assert answer.price == pytest.approx(np.full(12, 9.0), rel=1e-6)


@pytest.mark.parametrize("huge", [1e300, 1e308])
def test_more_than_can_be_spent_is_no_limit(huge):
    problem = load("models/university")
    people = Population.at(problem, {problem.labels[0]: 3})
    found = []
    for carry, amounts in ((False, (huge, huge)), (True, (huge, huge)), (False, (np.inf, np.inf))):
        budgets = StageBudgets(("a", "b"), (2, 3), amounts, carry)
        found.append(allocate_lines(BudgetLines.of_stages(problem, budgets), people))
    assert len({answer.value for answer in found}) == 1
    assert all(answer.outcome.termination is Termination.OPTIMAL for answer in found)
    assert all(answer.price.tolist() == [0.0, 0.0] and verify(answer).ok for answer in found)


# -- what the checker refuses -------------------------------------------------------------------


@pytest.fixture(scope="module")
def good():
    problem = load("models/synthetic_ad")
    lines = BudgetLines.of_stages(problem, StageBudgets.even(2000.0, 50, 4))
    return allocate_lines(lines, Population.at(problem, {"begin": 1000}))


def failing(answer):
    return {check.name for check in verify(answer).checks if not check.ok}


def test_forged_answers_fail(good):
    assert not failing(good)
    assert failing(replace(good, bound=good.bound * (1 - 1e-9))) == {"bound"}
    assert failing(replace(good, price=good.price * 1.01)) == {"bound"}
    assert "line block 1" in failing(replace(good, share=good.share[::-1]))
    poorer = replace(good.lines, amount=good.lines.amount * (1 - 1e-9))
    assert "line block 1" in failing(replace(good, lines=poorer))
    claimed = Outcome(Termination.OPTIMAL, Solution.CERTIFIED)
    assert "outcome" in failing(replace(good, bound=good.bound * 1.1, outcome=claimed))
    nothing = PolicyMixture(good.lines, good.population)
    assert failing(nothing) == {"certificate"}


def test_forged_conflicts_fail(good):
    outcome = Outcome(Termination.INFEASIBLE, Solution.NONE, "none")
    weight = np.array([1.0, 0.0, 0.0, 0.0])
    assert failing(PolicyMixture(good.lines, good.population, outcome=outcome)) == {"infeasible"}
    forged = Conflict((0,), weight, (1e6,))
    assert failing(PolicyMixture(good.lines, good.population, conflict=forged, outcome=outcome)) == {
        "infeasible"
    }


def test_the_bound_needs_a_price_of_every_line_and_none_of_what_is_unlimited():
    one = two_action_example(horizon=2)
    people = Population.at(one, {"s": 3})
    lines = BudgetLines.of_stages(one, StageBudgets(("now", "then"), (1, 1), (2.0, np.inf)))
    assert np.isnan(lines_bound(lines, people, [np.nan, 0.0]))
    assert np.isnan(lines_bound(lines, people, [0.0, 1.0]))
    assert lines_bound(lines, people, [9.0, 0.0]) == pytest.approx(3 * 1 + 2 * 9 + 3 * 9)


# -- edges --------------------------------------------------------------------------------------


def test_no_lines_unlimited_lines_and_units_that_have_ended():
    problem = problem_of(
        {"pairs": [[(1, 5, [(1, 1)]), (0, 2, [(0, 1)])], []], "terminal": [3, 4], "discount": 0.5,
         "cost_discount": 1, "horizon": 2, "net": False}
    )  # fmt: skip
    people = Population(problem.labels, np.array([2, 3]))
    free = 3 * 4 + 2 * (5 + 0.5 * 4)
    none = BudgetLines(problem, (), [], [], [], [])
    assert allocate_lines(none, people).value == pytest.approx(free, abs=1e-9)
    endless = BudgetLines.of_stages(problem, StageBudgets(("a", "b"), (1, 1), (np.inf, np.inf)))
    answer = allocate_lines(endless, people)
    assert answer.value == pytest.approx(free, abs=1e-9)
    assert answer.price.tolist() == [0.0, 0.0]
    assert verify(answer).ok
    ended = allocate_lines(endless, Population(problem.labels, np.array([0, 3])))
    assert ended.value == 12.0
    with pytest.raises(UsageError, match="floating point only"):
        verify(answer, exact=True)


def test_a_limit_on_memory_refuses_before_the_work():
    problem = load("models/synthetic_ad")
    lines = BudgetLines.of_stages(problem, StageBudgets.even(2000.0, 50, 4))
    with pytest.raises(LimitError, match="8 policies for 50 stages"):
        allocate_lines(lines, Population.at(problem, {"begin": 1}), monitor=Monitor(memory_limit=1000))


# -- what is refused, and limits ----------------------------------------------------------------


def test_what_does_not_fit_is_refused():
    one = two_action_example(horizon=2)
    people = Population.at(one, {"s": 3})
    lines = BudgetLines.of_stages(one, StageBudgets(("now", "then"), (1, 1), (2.0, 1.0)))
    with pytest.raises(ProblemError, match="blocks have 3 decisions together, the problem 2"):
        BudgetLines.of_stages(one, StageBudgets(("now", "then"), (1, 2), (2.0, 1.0)))
    with pytest.raises(ProblemError, match="finite horizon"):
        BudgetLines.of_stages(two_action_example(), StageBudgets(("now",), (1,), (2.0,)))
    with pytest.raises(ProblemError, match="caps the budget"):
        BudgetLines.of_stages(replace(one, budget_cap=3.0), StageBudgets(("now",), (2,), (2.0,)))
    with pytest.raises(ProblemError, match="'now' is listed twice"):
        StageBudgets(("now", "now"), (1, 1), (2.0, 1.0))
    with pytest.raises(ProblemError, match="line 'now' holds -1"):
        replace(lines, amount=[-1.0, 1.0])
    with pytest.raises(ProblemError, match="stages 0 to 2"):
        replace(lines, end=[3, 2])
    with pytest.raises(ProblemError, match="another problem"):
        allocate_lines(lines, Population(("t",), np.array([1])))
    with pytest.raises(ProblemError, match="no units"):
        allocate_lines(lines, Population(("s",), np.array([0])))
    with pytest.raises(UsageError, match="tolerance"):
        allocate_lines(lines, people, tolerance=-1.0)
    with pytest.raises(UsageError, match="BudgetLines"):
        allocate_lines(one, people)
    with pytest.raises(ProblemError, match="sum to exactly 1"):
        PolicyMixture(lines, people, [0.5], [[[0], [0]]])
    with pytest.raises(ProblemError, match="takes pair 7"):
        PolicyMixture(lines, people, [1.0], [[[0], [7]]])


def test_a_search_that_is_interrupted_keeps_what_is_certified():
    problem = load("models/synthetic_ad")
    lines = BudgetLines.of_stages(problem, StageBudgets.even(2000.0, 50, 25))
    monitor = Monitor()
    monitor.interrupt()
    answer = allocate_lines(lines, Population.at(problem, {"begin": 1000}), monitor=monitor)
    assert answer.outcome.termination is Termination.INTERRUPTED
    assert answer.outcome.solution is Solution.CERTIFIED
    assert verify(answer).ok
    assert answer.gap > 1e-6
