"""Departments learned from step and reset alone: beside plain twins, to the exact values, and interrupted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_names import MODELS
from test_departments import columns, drawn

from optbudget import load
from optbudget.errors import InterruptedWork, UsageError
from optbudget.pareto import DepartmentsEnv, evaluate, evaluate_lottery, exact_front
from optbudget.pareto.coupling import couple, price_of_budget, prices_around
from optbudget.pareto.department_learning import DepartmentLearner
from optbudget.pareto.front_learning import learn_front, learn_fronts, wide_prices
from optbudget.pareto.learned import Learned
from optbudget.pareto.learned_front import Layout, front_of, policy_of
from optbudget.pareto.phased_learning import learn_by_phases
from optbudget.pareto.scalarisations import LearningTask, Scalarisations, same_prices
from optbudget.pareto.schedules import FadingExploration, Rate
from optbudget.pareto.watching import watch
from optbudget.problems import Departments
from optbudget.problems.examples import two_departments
from optbudget.workers import Checkpoint, Monitor

from reference import best_known, joint_value, learned_by_phases, learned_in_one_pass, watkins

WEIGHTS = [[0.61, 0.39], [0.23, 0.77], [0.9, 0.1]]
PRICES = [0.0, 0.37, 1.9]


class Bare:
    """An environment that has `reset` and `step` and nothing else; runs may end after some steps."""

    __slots__ = ("reset", "step")

    def __init__(self, env, *, ends=None):
        count = [0]

        def step(action):
            seen, reward, over, cut, info = env.step(action)
            count[0] += 1
            return seen, reward, over or (ends is not None and count[0] % ends == 0), cut, info

        def reset(*, seed=None):
            return env.reset(seed=seed)

        self.reset, self.step = reset, step


def bare(d, steps=60, **ends):
    return Bare(DepartmentsEnv(d, steps=steps), **ends)


def plain(seen, d):
    """The transitions of a department for the twins."""
    state, action, after, measured = seen.of(d)
    rows = (x.tolist() for x in (state, action, measured.astype(float), after))
    return list(zip(*rows, strict=True))


def aims_of(task, scalarisations, which):
    return scalarisations.aims(task)[:, :, which].tolist()


def discounts_of(task):
    return [*[task.discount] * task.objectives, task.cost_discount]


def endless(d):
    held = replace(d.held, horizon=None, discount=0.75, cost_discount=0.75)
    return replace(d, held=held)


def agree(learned, d, w, table, known, aims, start):
    """What was learned of a department for one scalarisation is what the twin says."""
    stages = len(aims)
    for state in known:
        for k in range(stages):
            expected = best_known(table, known, aims, k, state)[0]
            assert learned.policy[d][w, stages - 1 - k, state] == expected
    expected = best_known(table, known, aims, stages - 1, start)[1]
    np.testing.assert_allclose(learned.estimate[d, w], expected, rtol=2e-5, atol=2e-5)


class TestTwins:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("make", [lambda d: d, endless])
    @pytest.mark.parametrize("ends", [None, 7])
    def test_one_pass(self, seed, make, ends):
        d = make(drawn(seed))
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        rate = Rate(first=0.9, power=0.7, shift=1.0)
        learner = DepartmentLearner(task, grid, rate=rate, seed=seed)
        learner.learn(bare(d, ends=ends), 13)
        learned = learner.learned()
        seen = watch(bare(d, ends=ends), task, range(13), seed=seed)
        for who, w in ((0, 0), (1, 4), (1, 8)):
            aims = aims_of(task, grid, w)
            table, known = learned_in_one_pass(
                plain(seen, who), aims, discounts_of(task), lambda n: 0.9 * (2.0 / (n + 1.0)) ** 0.7,
                endless=task.horizon is None,
            )  # fmt: skip
            agree(learned, who, w, table, known, aims, int(seen.start[who]))

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("make", [lambda d: d, endless])
    @pytest.mark.parametrize("ends", [None, 7])
    def test_phases(self, seed, make, ends):
        d = make(drawn(seed))
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        seen = watch(bare(d, ends=ends), task, range(4), seed=seed)
        learned = learn_by_phases(seen, task, grid)
        for who, w in ((0, 0), (1, 4), (1, 8)):
            aims = aims_of(task, grid, w)
            phases = 3 if task.horizon else 25
            table, known = learned_by_phases(plain(seen, who), aims, discounts_of(task), phases)
            agree(learned, who, w, table, known, aims, int(seen.start[who]))

    def test_more_scalarisations_than_a_block_holds(self):
        d = drawn(2)
        task = LearningTask.of(d)
        many = same_prices(np.random.default_rng(1).dirichlet([1.0, 1.0], 90), PRICES)
        seen = watch(bare(d), task, range(5))
        whole = learn_by_phases(seen, task, many)
        for point in (0, 40, 89):
            alone = learn_by_phases(seen, task, Scalarisations(many.weight[[point]], many.price[[point]]))
            rows = slice(3 * point, 3 * point + 3)
            assert np.array_equal(whole.estimate[:, rows], alone.estimate)
            for one, other in zip(whole.policy, alone.policy, strict=True):
                assert np.array_equal(one[rows], other)

    @pytest.mark.parametrize("seed", range(3))
    def test_the_rule_of_one_objective_is_watkins(self, seed):
        """The framework's Q(s,a) <- Q(s,a) + rate * (R + discount * max Q(s',a') - Q(s,a))."""
        d = endless(drawn(seed))
        one = Departments(
            d.held, d.regimes, d.regime_probability, d.initial_regime, d.start, d.objectives[:1],
            d.direction[:1], d.reward[:, :1], d.total_budget,
        )  # fmt: skip
        task, grid = LearningTask.of(one), same_prices([[1.0]], [0.0])
        learner = DepartmentLearner(task, grid, rate=Rate(first=0.25, power=0.0), seed=seed)
        learner.learn(bare(one), 10)
        seen = watch(bare(one), task, range(10), seed=seed)
        told = [(s, a, measured[0], after) for s, a, measured, after in plain(seen, 0)]
        table = watkins(told, 0.25, 0.75)
        start = int(seen.start[0])
        best = max(value for (state, _), value in table.items() if state == start)
        assert learner.learned().estimate[0, 0, 0] == pytest.approx(best, rel=1e-5)
        for state in {key[0] for key in table}:
            action = int(learner.learned().policy[0][0, 0, state])
            values = [value for key, value in table.items() if key[0] == state]
            assert table[state, action] == pytest.approx(max(values), rel=1e-5)


class TestWatching:
    def test_it_sees_what_the_environment_says(self):
        d = drawn(3)
        seen = watch(bare(d, steps=9), LearningTask.of(d), range(2, 4), seed=5)
        env = DepartmentsEnv(d, steps=9)
        row = 0
        for run in (2, 3):
            now, _ = env.reset(seed=int(np.random.SeedSequence((5, run)).generate_state(1)[0]))
            for _ in range(9):
                after, _, _, _, info = env.step(seen.action[row])
                assert seen.state[row].tolist() == (2 * now[0] + now[1:]).tolist()
                assert seen.after[row].tolist() == (2 * after[0] + after[1:]).tolist()
                assert seen.measured[row, :, 2].tolist() == info["spend"].tolist()
                assert seen.measured[row, :, :2].tolist() == info["reward"].tolist()
                now, row = after, row + 1
        assert row == len(seen)

    def test_where_runs_end(self):
        d, task = drawn(3), LearningTask.of(drawn(3))
        ended = watch(bare(d, ends=7), task, range(3)).after
        assert (ended == -1).all(axis=1).tolist() == ([False] * 6 + [True]) * 3 and len(ended) == 21
        assert (watch(bare(d), task, range(3)).after >= 0).all()

    def test_what_is_explored(self):
        d, task = drawn(1), LearningTask.of(drawn(1))
        always = [np.ones((1, 3, 4), dtype=np.int8)] * 2
        counts = {
            uniform: watch(
                bare(d, 4000), task, range(1), chance=uniform, policies=always
            ).action.mean()
            for uniform in (1.0, 0.5, 0.1)
        }  # fmt: skip
        assert counts[1.0] == pytest.approx(0.5, abs=0.03)
        assert counts[0.5] == pytest.approx(0.75, abs=0.03)
        assert counts[0.1] == pytest.approx(0.95, abs=0.03)

    def test_greedy_learning_is_seeded(self):
        d = drawn(2)
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        found = []
        seldom = FadingExploration(first=0.2, last=0.2)
        for seed in (4, 4, 5):
            learner = DepartmentLearner(task, grid, exploration=seldom, seed=seed)
            learner.learn(bare(d), 25)
            found.append(learner.learned().estimate)
        assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])

    def test_exploring_fades_with_the_steps_that_were_watched(self):
        """Of two lots of ten runs the first is all exploring here, and the second none."""
        d = drawn(2)
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        fading = DepartmentLearner(task, grid, exploration=FadingExploration(first=1.0, last=0.0, steps=1))
        by_hand, always = DepartmentLearner(task, grid), DepartmentLearner(task, grid)
        fading.learn(bare(d), 20)
        always.learn(bare(d), 20)
        by_hand.learn(bare(d), 10)
        by_hand.exploration = FadingExploration(first=0.0, last=0.0)
        by_hand.learn(bare(d), 10)
        assert np.array_equal(fading.learned().estimate, by_hand.learned().estimate)
        assert not np.array_equal(fading.learned().estimate, always.learned().estimate)


class TestConvergence:
    @pytest.mark.parametrize("method", ["phases", "pass"])
    def test_to_the_exact_values(self, method):
        d = two_departments()
        task, grid = LearningTask.of(d), same_prices([[0.9, 0.1], [0.5, 0.5]], [0.0, 0.4, 0.8, 1.6])
        env = bare(d, steps=1000)
        if method == "phases":
            learned = learn_by_phases(watch(env, task, range(60)), task, grid)
        else:
            learner = DepartmentLearner(task, grid, rate=Rate(power=0.8))
            learner.learn(env, 60)
            learned = learner.learned()
        found = front_of(learned, d)
        exact = exact_front(d, weights=grid.weight, refine=0, tolerance=1e-9).front
        assert (found.front.value <= exact.bound + 1e-9).all()
        # Between two prices the departments' plans are drawn; what is lost is the money that beliefs leave.
        assert (found.front.value >= 0.97 * exact.value).all()
        np.testing.assert_allclose(found.believed[:, 2], found.front.budget, atol=0.02)
        np.testing.assert_allclose(found.overspent, 0.0, atol=0.03)

    def test_whole_fronts(self):
        d = drawn(4)
        weights = [[0.8, 0.2], [0.5, 0.5], [0.2, 0.8]]
        exact = exact_front(d, weights=weights, refine=0, tolerance=1e-9).front
        learned = learn_front(d, bare(d, steps=1000), weights, episodes=60, seed=7)
        loss = exact.bound - learned.front.value
        assert (loss >= -1e-9).all() and (loss <= 0.03 * (1.0 + np.abs(exact.bound))).all()
        assert (exact.joined(learned.front).violations() <= 1e-9).all()


class Stopping(Monitor):
    """Interrupts itself at its n-th look."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def stop_reason(self):
        self.looks -= 1
        if self.looks <= 0:
            self.interrupt()
        return super().stop_reason()


class TestGoingOn:
    @pytest.mark.parametrize("last", [1.0, 0.3])
    def test_one_pass_to_the_last_bit(self, tmp_path, last):
        d = drawn(1)
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        made = {"exploration": FadingExploration(first=1.0, last=last, steps=100), "seed": 3}
        straight = DepartmentLearner(task, grid, **made)
        straight.learn(bare(d, steps=4), 40)
        place = Checkpoint(tmp_path / "kept", "key")
        for stops in (10, 20):
            one = DepartmentLearner(task, grid, **made)
            one.restore(place, "tables")
            one.learn(bare(d, steps=4), stops - one.runs)
            one.store(place, "tables")
        again = DepartmentLearner(task, grid, **made)
        assert again.restore(place, "tables") and again.runs == 20
        again.learn(bare(d, steps=4), 20)
        first, second = straight.learned(), again.learned()
        assert first.estimate.tobytes() == second.estimate.tobytes()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first.policy, second.policy, strict=True))
        assert all(a.tobytes() == b.tobytes() for a, b in zip(straight._table, again._table, strict=True))

    def test_a_store_that_was_killed_leaves_the_one_before(self, tmp_path, monkeypatch):
        d = drawn(1)
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        place = Checkpoint(tmp_path / "kept", "key")
        learner = DepartmentLearner(task, grid)
        assert not learner.restore(place, "tables")
        learner.learn(bare(d), 10)
        learner.store(place, "tables")
        whole = learner.learned().estimate
        learner.learn(bare(d), 10)
        real, calls = place.store, []

        def killed(name, **arrays):
            calls.append(name)
            if len(calls) == 2:
                raise KeyboardInterrupt
            real(name, **arrays)

        monkeypatch.setattr(place, "store", killed)
        with pytest.raises(KeyboardInterrupt):
            learner.store(place, "tables")
        monkeypatch.undo()
        back = DepartmentLearner(task, grid)
        assert back.restore(place, "tables") and back.runs == 10
        assert np.array_equal(back.learned().estimate, whole)

    def test_not_from_what_other_settings_learned(self, tmp_path):
        d, place = drawn(1), Checkpoint(tmp_path / "kept", "key")
        task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
        learner = DepartmentLearner(task, grid)
        learner.learn(bare(d), 2)
        learner.store(place, "tables")
        assert DepartmentLearner(task, grid).restore(place, "tables")
        others = (
            DepartmentLearner(task, grid, seed=1), DepartmentLearner(task, grid, group=[1]),
            DepartmentLearner(task, grid, rate=Rate(power=0.7)),
            DepartmentLearner(task, same_prices(WEIGHTS[::-1], PRICES)),
            DepartmentLearner(replace(task, horizon=2), grid),
        )  # fmt: skip
        assert not any(other.restore(place, "tables") for other in others)

    @pytest.mark.parametrize("other", [{"seed": 2}, {"together": 1}, {"together": 2}])
    def test_a_front_from_runs_of_another_seed_or_lot(self, tmp_path, other):
        """The runs of fewer departments once ended in an IndexError, those of another seed were mixed in."""
        d, place = drawn(4), Checkpoint(tmp_path / "kept", "key")
        for first in ({"seed": 1, "together": 1}, {"seed": 1, "together": 3}):
            learn_front(d, bare(d), WEIGHTS, episodes=3, checkpoint=place, **first)
        asked = {"seed": 1, **other}
        alone = learn_front(d, bare(d), WEIGHTS, episodes=3, **asked)
        again = learn_front(d, bare(d), WEIGHTS, episodes=3, checkpoint=place, **asked)
        assert alone.front.point.tobytes() == again.front.point.tobytes()

    @pytest.mark.parametrize("looks", [1, 3, 5, 8, 10])
    def test_a_front_to_the_last_bit(self, tmp_path, looks):
        d = drawn(4)
        straight = learn_front(d, bare(d), WEIGHTS, episodes=35, seed=1)
        place = Checkpoint(tmp_path / "kept", "key")
        with pytest.raises(InterruptedWork):
            learn_front(d, bare(d), WEIGHTS, episodes=35, seed=1, monitor=Stopping(looks), checkpoint=place)
        assert len(place.names()) == min(looks - 1, 4)
        again = learn_front(d, bare(d), WEIGHTS, episodes=35, seed=1, checkpoint=place)
        assert straight.front.point.tobytes() == again.front.point.tobytes()
        assert straight.learned.estimate.tobytes() == again.learned.estimate.tobytes()

    def test_a_curve_is_of_the_same_fronts(self):
        d = drawn(4)
        curve = learn_fronts(d, bare(d), WEIGHTS, episodes=[1, 12, 30], seed=1)
        for episodes, found in zip((1, 12, 30), curve, strict=True):
            alone = learn_front(d, bare(d), WEIGHTS, episodes=episodes, seed=1)
            assert found.learned.runs == episodes
            assert found.front.point.tobytes() == alone.front.point.tobytes()

    def test_few_at_a_time_is_the_same(self):
        d = drawn(4)
        one, other = (
            learn_front(d, bare(d), WEIGHTS, episodes=12, seed=1, together=together) for together in (None, 1)
        )
        assert one.learned.estimate.tobytes() == other.learned.estimate.tobytes()
        assert one.front.point.tobytes() == other.front.point.tobytes()


def believing(d, estimate, seed):
    """Policies drawn at random, and beliefs as given, (2, P * L, 3)."""
    task, grid = LearningTask.of(d), same_prices(WEIGHTS, PRICES)
    draws = np.random.default_rng(seed)
    policy = tuple(draws.integers(0, 2, size=(9, 3, 4)).astype(np.int8) for _ in range(2))
    tried = (np.ones((4, 2), dtype=np.int64),) * 2
    return Learned(task, grid, policy, np.asarray(estimate, dtype=float), tried, 1, 1)


class TestCoupling:
    @given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 4)),
                    min_size=18, max_size=18), st.integers(0, 12))  # fmt: skip
    def test_the_best_if_beliefs_are_true(self, beliefs, budget):
        learned = believing(two_departments(), np.array(beliefs).reshape(2, 9, 3), 0)
        for point, weight in enumerate(WEIGHTS):
            own = learned.estimate[:, 3 * point : 3 * point + 3]
            curves = [[(row[2], float(np.dot(weight, row[:2]))) for row in rows.tolist()] for rows in own]
            least = sum(min(spend for spend, _ in curve) for curve in curves)
            coupled = couple(learned, point, float(budget))
            if budget < least:
                assert (coupled.lower == 2).all() and coupled.share == 0.0
                continue
            best = joint_value(curves, [1, 1], budget)
            assert float(np.dot(weight, coupled.believed[:2])) == pytest.approx(float(best), abs=1e-9)
            assert coupled.believed[2] <= budget + 1e-9
            assert (coupled.lower != coupled.upper).sum() <= 1

    @given(st.integers(0, 10**6), st.floats(0.05, 4.0))
    def test_no_point_spends_more_than_the_budget(self, seed, budget):
        """Whatever is believed, and however the plans are."""
        d = two_departments()
        estimate = np.random.default_rng(seed).random((2, 9, 3)) * 2.0
        learned = believing(d, estimate, seed)
        found = front_of(learned, d, budget)
        thrifty = [
            evaluate(d, policy_of(learned, Layout.of(d), np.full(2, 3 * p + 2))).spent for p in range(3)
        ]
        assert set(found.number) >= {p for p in range(3) if thrifty[p] <= budget}
        assert (found.front.spend <= budget * (1 + 1e-9)).all()
        assert ((found.thrift >= 0) & (found.thrift <= 1)).all()
        assert ((found.thrift > 0) == (found.overspent > 0)).all()
        for k, plan in enumerate(found.plans):
            worth = evaluate_lottery(d, plan.policy, plan.share)
            np.testing.assert_allclose(worth.point, found.front.point[k], atol=1e-9)
            assert worth.spent == pytest.approx(found.front.spend[k], abs=1e-9)
            if found.thrift[k] > 0 and found.thrift[k] < 1:
                assert worth.spent == pytest.approx(budget, rel=1e-9)

    @given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.integers(-1, 10), st.booleans())
    def test_the_price_of_a_budget_lies_where_spends_cross_it(self, spend, budget, free):
        price = np.array([0.0 if free else 0.5, 1.0, 2.0, 8.0])
        found = price_of_budget(price, np.array(spend, dtype=float), float(budget))
        falling = np.minimum.accumulate(spend)
        above = int((falling > budget).sum())
        assert (price[above - 1] if above else price[0]) <= found <= price[min(above, 3)]

    def test_prices_around(self):
        d = two_departments()
        estimate = np.zeros((2, 9, 3))
        estimate[:, :, 2] = np.tile([3.0, 2.0, 0.5], 3)
        around = prices_around(believing(d, estimate, 0), 2.5, 4)
        middle = np.sqrt(around.price[:, 0] * around.price[:, -1])
        assert ((middle > 0.37) & (middle < 1.9)).all()
        np.testing.assert_allclose(around.price[:, 1:] / around.price[:, :-1], 2.0)
        slack = prices_around(believing(d, estimate, 0), 7.0, 4)
        assert (slack.price[:, 0] == 0).all() and (slack.price[:, -1] < 0.37).all()

    def test_first_prices_hold_for_any_money_unit(self):
        d = two_departments()
        dear = replace(d, held=replace(d.held, cost=d.held.cost * 1e6))
        prices = [
            wide_prices(watch(bare(x), LearningTask.of(x), range(1)), LearningTask.of(x), WEIGHTS).price
            for x in (d, dear)
        ]
        np.testing.assert_allclose(prices[0], prices[1] * 1e6, rtol=1e-6)


def learner_of(d):
    return DepartmentLearner(LearningTask.of(d), same_prices(WEIGHTS, PRICES))


class TestRefused:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda d: learn_front(d, bare(d), WEIGHTS, episodes=0), "episodes is 0"),
            (lambda d: learn_front(d, bare(d), WEIGHTS, episodes=2.5), "episodes is 2.5"),
            (lambda d: learn_front(d, bare(d), [[1.0]], episodes=1), r"weights must have shape \(P, 2\)"),
            (lambda d: learn_front(d, bare(d), [[1.0, 0.0]], episodes=1), r"weights .* \(0, inf\)"),
            (lambda d: learn_front(d, bare(d), WEIGHTS, episodes=1, together=0), "together is 0"),
            (lambda d: same_prices(WEIGHTS, [1.0, 0.5]), "must rise"),
            (lambda d: Scalarisations([[0.5, 0.5]], [[1.0], [2.0]]), "1 rows of weights and 2 of prices"),
            (lambda d: Scalarisations([[0.5, np.nan]], [[1.0]]), "one is nan"),
            (lambda d: Rate(power=2.0), "power is 2.0"),
            (lambda d: learner_of(d).learned(), "nothing"),
        ],
    )  # fmt: skip
    def test_what_cannot_be(self, call, message):
        with pytest.raises(UsageError, match=message):
            call(two_departments())

    def test_endless_plans_with_money_of_another_discount(self):
        d = two_departments()
        with pytest.raises(UsageError, match="same number below 1"):
            LearningTask.of(replace(d, held=replace(d.held, horizon=None, cost_discount=0.95)))


def test_states_that_were_never_seen():
    """Of them nothing is known: what follows counts 0, and the first action is taken."""
    tables = [("a", "stay", "a", 1.0), ("a", "go", "b", 1.0), ("b", "stay", "b", 1.0), ("b", "go", "a", 1.0)]
    moves = [("x", "r", *row) for row in tables]
    d = Departments.from_tables(
        columns("regime next_regime probability", [("r", "r", 1.0)]),
        columns("department regime state action next_state probability", moves),
        columns("department regime state action cost gain",
                [("x", "r", s, a, 0.0, 1.0) for s, a, *_ in tables]),
        {"department": ["x"], "state": ["a"]}, objectives=["gain"], total_budget=1.0,
        discount=0.5, cost_discount=1.0, horizon=2,
    )  # fmt: skip
    task = LearningTask.of(d)
    seen = watch(bare(d, steps=1), task, range(1), seed=0)
    assert seen.action.tolist() == [[1]] and seen.after.tolist() == [[1]]
    learned = learn_by_phases(seen, task, same_prices([[1.0]], [0.0]))
    assert learned.estimate[0, 0].tolist() == [1.0, 0.0]
    assert learned.policy[0][0].tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("method", ["phases", "pass"])
def test_of_equals_the_first(method):
    """In two_departments without rewards every plan is as good as any other."""
    d = replace(two_departments(), reward=np.zeros((16, 2)))
    task, grid = LearningTask.of(d), same_prices(WEIGHTS, [0.0])
    learner = learner_of(d)
    learner.learn(bare(d), 10)
    by_phases = learn_by_phases(watch(bare(d), task, range(10)), task, grid)
    learned = by_phases if method == "phases" else learner.learned()
    assert all((policy[:1] == 0).all() for policy in learned.policy)


class _Shown(DepartmentsEnv):
    """Shows something else than what is."""

    def __init__(self, departments, change):
        super().__init__(departments, steps=5)
        self.change = change

    def step(self, action):
        seen, reward, over, cut, info = super().step(action)
        seen, info = self.change(seen, info)
        return seen, reward, over, cut, info


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda seen, info: (seen + 10**6, info), "within the model"),
        (lambda seen, info: (seen - 1, info), "within the model"),
        (lambda seen, info: (seen * 1.0, info), "within the model"),
        (lambda seen, info: (seen, {**info, "action": info["action"] + 50}), "info.'action'"),
        (lambda seen, info: (seen, {**info, "reward": info["reward"] * np.nan}), "finite"),
        (lambda seen, info: (seen, {**info, "spend": -1.0 - info["spend"]}), "below 0"),
        (lambda seen, info: (seen, {**info, "reward": info["reward"][:, :1]}), "2 objectives"),
    ],
)  # fmt: skip
def test_an_environment_that_shows_what_cannot_be_is_refused(change, message):
    """Compiled tables are indexed by it: it once ended the process."""
    two = two_departments()
    with pytest.raises(UsageError, match=message):
        learn_front(two, _Shown(two, change), [[0.5, 0.5]], episodes=1)


def test_an_environment_of_other_departments_is_refused():
    two = two_departments()
    other = DepartmentsEnv(load(MODELS / "departments_20"), steps=5)
    with pytest.raises(UsageError, match="of these departments"):
        learn_front(two, other, [[0.5, 0.5]], episodes=1)
