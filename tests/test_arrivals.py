"""Money for those here and those to come: against plain splits, a linear program, and roll-outs."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from commands import ROOT, run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget import load, solve, verify
from optbudget.allocation import allocate
from optbudget.budgeted import evaluate, policy_at
from optbudget.errors import ProblemError, UsageError
from optbudget.files import load_answer, load_arrivals, save
from optbudget.formulations import declared
from optbudget.planning import allocate_with_arrivals
from optbudget.problems import Arrivals, Knapsack, Population
from optbudget.problems.examples import two_action_example
from optbudget.solvers import find, missing, solve_program
from optbudget.status import Solution, Termination

from reference import best_split, rational_backup

quarters = st.integers(0, 80).map(lambda k: Fraction(k, 4))


def stage_points(plain):
    """Vertices of every state's curve at every stage, exactly."""
    rates = (Fraction(plain["discount"]), Fraction(plain["cost_discount"]))
    return [
        rational_backup(plain["pairs"], plain["terminal"], *rates, plain["horizon"] - k, plain["net"])
        for k in range(plain["horizon"])
    ]


@st.composite
def plans(draw):
    """A small model, units here, expected numbers by stage and state in quarters, and a stage that is now."""
    plain = draw(plain_models(max_horizon=3))
    n, horizon = len(plain["pairs"]), plain["horizon"]
    counts = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    now = draw(st.integers(0, horizon - 1))
    keys = st.tuples(st.integers(now, horizon - 1), st.integers(0, n - 1))
    coming = draw(st.dictionaries(keys, st.integers(0, 11).map(lambda k: Fraction(k, 4)), max_size=4))
    return plain, counts, coming, now


def planned(plain, counts, coming, now, budget):
    problem = problem_of(plain)
    curves = solve(problem, method="exact", keep_stages=True)
    arrivals = Arrivals.at(problem, {(k, f"s{s}"): float(n) for (k, s), n in coming.items()})
    people = Population(problem.labels, np.array(counts))
    return allocate_with_arrivals(curves, people, arrivals, float(budget), stage=now)


class TestAgainstThePlainSplit:
    @settings(max_examples=40)
    @given(plans(), quarters)
    def test_value_is_that_of_the_split_of_scaled_points(self, plan, budget):
        plain, counts, coming, now = plan
        answer = planned(*plan, budget)
        points = stage_points(plain)
        rate, cost_rate = Fraction(plain["discount"]), Fraction(plain["cost_discount"])
        scaled = [
            [(cost_rate ** (k - now) * b, rate ** (k - now) * v) for b, v in points[k][s]] for k, s in coming
        ]
        best = best_split([*points[now], *scaled], [*counts, *coming.values()], budget)
        if best is None:
            assert answer.outcome.termination is Termination.INFEASIBLE
            assert np.isnan(answer.value) and "least" in answer.outcome.message
            return
        assert answer.outcome.termination is Termination.OPTIMAL
        assert answer.value == pytest.approx(float(best), abs=1e-9)
        assert best <= Fraction(answer.bound)
        assert answer.exact_spend() <= budget

    @settings(max_examples=15)
    @given(plans(), quarters)
    def test_the_checker_agrees(self, plan, budget):
        answer = planned(*plan, budget)
        assert verify(answer).ok, str(verify(answer))

    @given(plans(), quarters)
    def test_without_arrivals_it_is_the_allocation(self, plan, budget):
        plain, counts, _, now = plan
        answer = planned(plain, counts, {}, now, budget)
        plainly = allocate(answer.here.curves, answer.here.population, float(budget))
        if answer.outcome.solution is Solution.NONE:
            assert plainly.outcome.termination is Termination.INFEASIBLE
            return
        for name in ("state", "count", "unit_budget", "unit_value", "probability", "action"):
            np.testing.assert_array_equal(getattr(answer.here, name), getattr(plainly, name), err_msg=name)
        assert (answer.value, answer.price, answer.spent) == (plainly.value, plainly.price, plainly.spent)


def test_equals_the_linear_program():
    """Groups of one copy: expected units times discounted points."""
    if missing(find("highs-simplex")):
        pytest.skip(missing(find("highs-simplex")))
    problem = load(ROOT / "models" / "synthetic_ad")
    curves = solve(replace(problem, horizon=8, cost_discount=0.95), keep_stages=True)
    problem, draw = curves.problem, np.random.default_rng(4)
    for _ in range(6):
        keys = {(int(draw.integers(0, 8)), int(draw.integers(0, 15))) for _ in range(9)}
        arrivals = Arrivals.at(problem, {(k, problem.labels[s]): draw.uniform(0, 30) for k, s in keys})
        count = draw.integers(0, 5, size=15)
        budget = float(draw.uniform(0, 200))
        answer = allocate_with_arrivals(curves, Population(problem.labels, count), arrivals, budget)
        groups = [(count[s], 1.0, 1.0, curves.curves[s]) for s in range(15)]
        for k, s, n in zip(arrivals.stage, arrivals.state, arrivals.expected, strict=True):
            groups.append((n, 0.95**k, problem.discount**k, curves.at_stage(int(k)).curves[int(s)]))
        ptr = np.cumsum([0, *(len(curve) + 1 for *_, curve in groups)])
        cost = np.concatenate([n * rate * curve.budgets for n, rate, _, curve in groups])
        value = np.concatenate([n * rate * curve.values for n, _, rate, curve in groups])
        program, _ = declared("mckp_lp", "pyomo", Knapsack.from_arrays(ptr, cost, value), budget)
        found = solve_program(program, "highs-simplex")
        assert answer.value == pytest.approx(found.value, rel=1e-8)
        assert answer.outcome.termination is Termination.OPTIMAL


# Roll-outs: everyone follows the policy of a price just above or just below that of the plan.


def rolled_out(plan, upper, lower, trials, seed):
    """Value and spend of each trial, (trials, 2): Poisson arrivals, then units as counts per state."""
    problem, draw = plan.curves.problem, np.random.default_rng(seed)
    policies = {name: policy_at(problem, [price]) for name, price in (("few", upper), ("many", lower))}
    waiting = {name: np.zeros((problem.horizon, trials, problem.n_states), dtype=int) for name in policies}
    cheap = {}
    for name, price in (("few", upper), ("many", lower)):
        evaluated = {}
        for k in range(problem.horizon):
            part = replace(problem, horizon=problem.horizon - k)
            stage_price = price * (problem.cost_discount / problem.discount) ** k
            evaluated[k] = spend_of(part, policy_at(part, [stage_price]), stage_price)
        cheap[name] = evaluated

    def who(k, s, budget):
        return min(cheap, key=lambda name: abs(cheap[name][k][s] - budget))

    here = plan.here
    for s, n, p, b in zip(here.state, here.count, here.probability, here.unit_budget, strict=True):
        if p == 1:
            waiting[who(0, s, b)][0, :, s] += n
        elif b == here.unit_budget[(here.probability < 1) & (here.state == s)].max():
            raised = draw.random(trials) < p
            waiting["many"][0, :, s] += raised
            waiting["few"][0, :, s] += ~raised
    came = plan.arrivals.draw(draw, trials)
    for j, (k, s) in enumerate(zip(plan.arrivals.stage, plan.arrivals.state, strict=True)):
        rows = np.flatnonzero((plan.stage == k) & (plan.state == s))
        left, chance = came[:, j].copy(), 1.0
        for r in rows:
            p = min(1.0, plan.probability[r] / chance)
            here_now = draw.binomial(left, p) if p < 1 else left
            waiting[who(k, s, plan.unit_budget[r])][k, :, s] += here_now
            left, chance = left - here_now, chance - plan.probability[r]
    total = np.zeros((trials, 2))
    for name, policy in policies.items():
        price = upper if name == "few" else lower
        action = np.full((problem.horizon, problem.n_states), -1)
        held = (policy.price_low <= price) & ((price < policy.price_high) | np.isinf(policy.price_high))
        action[policy.stage[held], policy.state[held]] = policy.action[held]
        units = np.zeros((trials, problem.n_states), dtype=int)
        for k in range(problem.horizon):
            units = units + waiting[name][k]
            after = np.zeros_like(units)
            for s in range(problem.n_states):
                if problem.is_terminal[s]:
                    after[:, s] += units[:, s]
                    continue
                pair = np.flatnonzero((problem.pair_state == s) & (problem.pair_action == action[k, s]))[0]
                total[:, 0] += problem.discount**k * problem.pair_reward[pair] * units[:, s]
                total[:, 1] += problem.cost_discount**k * problem.cost[pair] * units[:, s]
                row = problem.pair_row[pair]
                span = slice(problem.row_ptr[row], problem.row_ptr[row + 1])
                chances = problem.probability[span]
                after[:, problem.next_state[span]] += draw.multinomial(units[:, s], chances / chances.sum())
            units = after
        assert not problem.terminal_utility.any()
    return total


def spend_of(problem, policy, price):
    return evaluate(problem, policy, price=price).spend


@pytest.fixture(scope="module")
def ad_plan():
    """1,000 customers of synthetic_ad now and 20.5 expected at each of the 11 later stages."""
    problem = replace(load(ROOT / "models" / "synthetic_ad"), horizon=12)
    curves = solve(problem, keep_stages=True, tolerance=1e-6)
    coming = {(k, "begin"): 20.5 for k in range(1, 12)} | {(4, "ours_3"): 7.25}
    people = Population.at(problem, {"begin": 1000, "ours_1": 50})
    return allocate_with_arrivals(curves, people, Arrivals.at(problem, coming), 700.0)


def test_mean_value_and_spend_of_roll_outs(ad_plan):
    plan = ad_plan
    assert 0 < plan.set_aside < plan.spent == pytest.approx(700.0)
    trials = 2000
    found = rolled_out(plan, plan.price * (1 + 1e-7), plan.price * (1 - 1e-7), trials, seed=5)
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(trials)
    assert abs(mean[0] - plan.value) < 4 * error[0]
    assert abs(mean[1] - plan.spent) < 4 * error[1]
    assert error[1] < 0.01 * plan.spent and error[0] < 0.01 * plan.value


def test_money_set_aside_by_stage(ad_plan):
    """No stage is starved: each stage's money is what its units spend at the one price."""
    table = ad_plan.to_arrow()
    assert set(table["stage"].to_pylist()) == set(range(1, 12))
    assert sum(table["money"].to_pylist()) == pytest.approx(ad_plan.set_aside, rel=1e-12)


@pytest.fixture(scope="module")
def plan():
    problem = load(ROOT / "models" / "toll")
    curves = solve(problem, keep_stages=True)
    label = problem.labels[0]
    return allocate_with_arrivals(
        curves, Population.at(problem, {label: 3}), Arrivals.at(problem, {(1, label): 2.5}), 13.0
    )


class TestForgeries:
    def test_it_is_proved(self, plan):
        assert verify(plan).ok and plan.stage.size

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("bound with arrivals", lambda p: {"bound": p.bound - 1e-6}),
            ("totals with arrivals", lambda p: {"value": np.nextafter(p.value, np.inf)}),
            ("totals with arrivals", lambda p: {"spent": p.spent - 1e-9}),
            ("spend within the budget, with arrivals", lambda p: {"budget": p.budget - 1.0}),
            ("money set aside", lambda p: {"expected": p.expected * 0.5}),
            ("money set aside", lambda p: {"unit_value": p.unit_value + 0.5}),
            ("money set aside", lambda p: {"probability": p.probability * 0.5}),
            ("money set aside", lambda p: {"action": p.action + 1}),
            ("money set aside", lambda p: {"stage": p.stage - 1}),
            ("bound with arrivals", lambda p: {"price": p.price * 0.5}),
        ],
    )
    def test_a_changed_number_is_found(self, plan, name, change):
        failed = {check.name for check in verify(replace(plan, **change(plan))).checks if not check.ok}
        assert name in failed

    def test_an_invented_infeasibility_is_found(self, plan):
        problem, label = plan.curves.problem, plan.curves.problem.labels[0]
        poor = allocate_with_arrivals(plan.curves, plan.here.population, plan.arrivals, 1.0)
        assert poor.outcome.termination is Termination.INFEASIBLE and verify(poor).ok
        assert not verify(replace(poor, budget=1000.0)).ok
        assert problem.index(label) == 0


class TestWhatIsRefused:
    problem = two_action_example(horizon=3)

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ({(3, "s"): 1.0}, "stage is 3; it must be in 0..2"),
            ({(-1, "s"): 1.0}, "stage is -1"),
            ({(1, "s"): -1.0}, "expected is -1"),
            ({(1, "s"): np.nan}, "expected is nan"),
            ({(1, "t"): 1.0}, "no state is called 't'"),
            ({(1.5, "s"): 1.0}, "must be a whole number"),
            ({"s": 1.0}, "named by"),
        ],
    )
    def test_tables(self, table, says):
        with pytest.raises(ProblemError, match=says):
            Arrivals.at(self.problem, table)

    def test_fixed_numbers_are_whole(self):
        with pytest.raises(ProblemError, match="whole number"):
            Arrivals.at(self.problem, {(1, "s"): 1.5}, distribution="fixed")
        sure = Arrivals.at(self.problem, {(1, "s"): 2}, distribution="fixed")
        assert sure.draw(np.random.default_rng(0), 3).tolist() == [[2], [2], [2]]

    def test_endless_horizons_caps_stages_and_the_past(self):
        with pytest.raises(ProblemError, match="finite horizon"):
            Arrivals.at(two_action_example(), {})
        arrivals = Arrivals.at(self.problem, {(1, "s"): 1.0})
        people = Population.at(self.problem, {"s": 1})
        bare, kept = solve(self.problem), solve(self.problem, keep_stages=True)
        with pytest.raises(UsageError, match="keep_stages"):
            allocate_with_arrivals(bare, people, arrivals, 1.0)
        with pytest.raises(UsageError, match="in the past"):
            allocate_with_arrivals(kept, people, arrivals, 1.0, stage=2)
        capped = solve(replace(self.problem, budget_cap=1.0), keep_stages=True)
        with pytest.raises(UsageError, match="budget_cap"):
            allocate_with_arrivals(capped, people, arrivals, 1.0)


class TestFiles:
    problem = two_action_example(horizon=3)

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("stage,state,expected\n1,s,2\n3,s,2\n", "may.csv:3:1: stage is 3; the last one is 2"),
            ("stage,state,expected\n1,s,2\n1,s,3\n", "may.csv:3:2: stage 1 and state 's' are listed twice"),
            ("stage,state,expected\n1,t,2\n", "may.csv:2:2: no state is called 't'"),
            ("stage,state,expected\n1,s,-2\n", "may.csv:2:3: expected is -2"),
            ("stage,state,expected\n0.5,s,2\n", "may.csv:2:1: stage is 0.5"),
            ("stage,state\n1,s\n", "column 'expected' is missing"),
            ("type,stage,state,expected\na,1,s,1\n", "the model has none"),
        ],
    )
    def test_what_is_wrong_is_located(self, tmp_path, text, says):
        (tmp_path / "may.csv").write_text(text)
        with pytest.raises(ProblemError, match=says):
            load_arrivals(tmp_path / "may.csv", self.problem)

    def test_parquet_is_the_same(self, tmp_path):
        import pyarrow.parquet as pq

        wanted = Arrivals.at(self.problem, {(2, "s"): 4.0, (1, "s"): 2.5})
        pq.write_table(wanted.to_arrow(), tmp_path / "may.parquet")
        assert load_arrivals(tmp_path / "may.parquet", self.problem).to_arrow() == wanted.to_arrow()

    def test_a_plan_comes_back(self, tmp_path):
        curves = solve(self.problem, keep_stages=True)
        arrivals = Arrivals.at(self.problem, {(1, "s"): 2.5, (2, "s"): 4.0})
        plan = allocate_with_arrivals(curves, Population.at(self.problem, {"s": 3}), arrivals, 10.0)
        save(plan, tmp_path / "plan")
        again = load_answer(tmp_path / "plan")
        assert verify(again).ok
        assert again.to_arrow() == plan.to_arrow() and again.arrivals.to_arrow() == arrivals.to_arrow()
        assert (again.value, again.bound, again.outcome) == (plan.value, plan.bound, plan.outcome)


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    place = tmp_path_factory.mktemp("toll")
    run("solve", ROOT / "models" / "toll", "--out", place / "r", "--keep-stages", "--quiet")
    label = load(ROOT / "models" / "toll").states[0]
    (place / "may.csv").write_text(f"stage,state,expected\n1,{label},2.5\n")
    (place / "now.csv").write_text(f"state,count\n{label},3\n")
    return place


class TestCommand:
    def test_it_is_shown_written_and_verified(self, solved, tmp_path):
        asked = ("allocate", solved / "r", "--budget", 13, "--arrivals", solved / "may.csv",
                 "--population", solved / "now.csv")  # fmt: skip
        fields = run_json(*asked, "--out", tmp_path / "plan")
        assert fields["termination"] == "OPTIMAL" and fields["set_aside"] > 0
        spent = sum(row["count"] * row["probability"] * row["budget"] for row in fields["allocation"])
        assert spent + fields["set_aside"] == pytest.approx(fields["spent"])
        assert run_json("verify", tmp_path / "plan")["ok"]
        shown = run(*asked).stdout
        assert "Set aside for those who have not come" in shown and "Not written" in shown

    def test_too_little_money(self, solved):
        fields = run_json("allocate", solved / "r", "--budget", 0.5, "--arrivals", solved / "may.csv", code=4)
        assert fields["value"] is None and fields["arrivals"] == []

    def test_what_does_not_go_together(self, solved):
        asked = ("allocate", solved / "r", "--arrivals", solved / "may.csv")
        assert "--method" in run(*asked, "--budget", 9, "--method", "uniform", code=2).stderr
        assert "one budget" in run(*asked, "--budget", "1:9:3", code=2).stderr
        assert "least-roi" in run(*asked, "--least-roi", 1, code=2).stderr
