"""Pareto Q-learning with sets: the framework's rule, known fronts, and the truth of small problems."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.errors import LimitError, NoAnswerError, ProblemError, UsageError
from optbudget.pareto.policy_enumeration import enumerate_policies
from optbudget.pareto.schedules import FadingExploration, Rate
from optbudget.pareto.set_learning import SetLearner
from optbudget.pareto.small_problems import Simulator, garnet, inspection, warehouse
from optbudget.pareto.support_ratio import fixed_weights
from optbudget.workers import Checkpoint

from reference import counted_value, plain_non_dominated, plain_q_learning

RATE = Rate(first=0.7, power=0.6, shift=1.0)


class Bare:
    """An environment that has reset and step, and nothing else."""

    __slots__ = ("reset", "step")

    def __init__(self, world):
        self.reset, self.step = world.reset, world.step


class Recorder:
    """Writes down what a learner sees."""

    def __init__(self, world):
        self.world, self.moments = world, []

    def reset(self, *, seed=None):
        self.now, info = self.world.reset(seed=seed)
        return self.now, info

    def step(self, action):
        answer = self.world.step(action)
        self.moments.append((self.now, action, answer[1].tolist(), None if answer[2] else answer[0]))
        self.now = answer[0]
        return answer


class Corridor:
    """Three steps to the right end it; each action pays another objective, and treasure waits at the end."""

    def reset(self, *, seed=None):
        self.at = 0
        return self.at, {}

    def step(self, action):
        self.at += 1
        reward = np.array([1.0, 0.0]) if action else np.array([0.0, float(self.at)])
        return self.at, reward, self.at == 3, False, {}


def treasure(name):
    import mo_gymnasium

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mo_gymnasium.make(name)


def supports(tables, place, action, weights):
    """The largest weighted sum of the vectors stored for a state and action."""
    arrays = tables.arrays
    return (arrays.q[place, action, : arrays.q_size[place, action]] @ weights).max()


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_the_sampled_rule_is_the_frameworks_for_every_weighting(objectives):
    world = Recorder(Simulator(garnet(states=3, actions=2, branching=2, objectives=objectives), noise=0.1))
    learner = SetLearner(
        actions=2, objectives=objectives, discount=0.9, rule="sampled", tolerance=0.0, rate=RATE, stretch=7
    )
    learner.learn(world, 60)
    for weights in np.vstack([np.eye(objectives), np.full((1, objectives), 1 / objectives)]):
        twin = plain_q_learning(world.moments, weights, 2, 0.9, lambda n: float(RATE.of(n)))
        for (state, action), value in twin.items():
            place = learner.tables.known(state)
            assert supports(learner.tables, place, action, weights) == pytest.approx(value, abs=1e-9)


def test_a_thinned_sampled_set_loses_no_more_than_it_says():
    problem, tolerance = garnet(states=3, actions=2, branching=2), 0.02
    found = []
    for allowed in (0.0, tolerance):
        learner = SetLearner(
            actions=2, objectives=2, discount=0.9, rule="sampled", tolerance=allowed, rate=RATE
        )
        learner.learn(Simulator(problem), 120)
        found.append(learner.learned().points)
    weights = fixed_weights(2)
    loss = (weights @ found[0].T).max(axis=1) - (weights @ found[1].T).max(axis=1)
    assert len(found[1]) < len(found[0])
    assert loss.min() >= -1e-9
    assert loss.max() <= tolerance / (1 - 0.9)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=8)
def test_settled_hulls_are_the_values_of_what_was_counted(seed):
    problem = garnet(states=3, actions=2, branching=2, seed=seed)
    world = Recorder(Simulator(problem))
    learner = SetLearner(actions=2, objectives=2, discount=0.9, tolerance=1e-3, seed=seed, stretch=50)
    learner.learn(world, 100)
    learner.settle()
    for weights in ([1.0, 0.0], [0.0, 1.0], [0.4, 0.6]):
        for state, value in counted_value(world.moments, weights, 2, 0.9, sweeps=150).items():
            vectors = learner.tables.vectors(learner.tables.known(state))
            assert -1e-3 / (1 - 0.9) - 1e-3 <= (vectors @ weights).max() - value <= 1e-5


def test_a_learner_needs_step_and_reset_alone():
    learner = SetLearner(actions=3, objectives=3, discount=0.9, tolerance=0.1)
    learner.learn(Bare(Simulator(inspection())), 400)
    assert learner.tables.arrays.visits.sum() == 400 + 8  # Steps, and the first step of each stretch.
    assert len(learner.learned().points) > 1


@pytest.mark.parametrize(
    ("name", "steps"), [("deep-sea-treasure-v0", 3_000), ("deep-sea-treasure-concave-v0", 3_000)]
)
def test_the_known_front_of_deep_sea_treasure_is_recovered(name, steps):
    """mo-gymnasium's `pareto_front`; its treasures are numbers of single precision, hence 1e-6."""
    env = treasure(name)
    learner = SetLearner(actions=4, objectives=2, discount=0.99, rule="deterministic", seed=1)
    learner.learn(env, steps)
    assert learner.settle() <= 1e-9
    learned = learner.learned()
    front = np.array(env.unwrapped.pareto_front(gamma=0.99))
    front = front[np.argsort(front[:, 0])]
    assert learned.points.shape == (10, 2)
    assert np.abs(learned.points - front).max() < 1e-6
    for point, value in enumerate(learned.points):
        policy = learned.follow(point)
        policy.begin()
        state, total, weight, over = env.reset()[0], np.zeros(2), 1.0, False
        assert policy.value(state) == pytest.approx(value, abs=1e-12)
        while not over:
            state, reward, over, *_ = env.step(policy.act(state))
            total, weight = total + weight * np.float64(reward), weight * 0.99
        assert total == pytest.approx(value, abs=1e-9)


def test_sets_of_deterministic_outcomes_are_those_of_all_sequences():
    learner = SetLearner(actions=2, objectives=2, discount=0.5, rule="deterministic", stretch=3)
    learner.learn(Corridor(), 120)
    learner.settle()
    returns = []
    for code in range(8):
        env, total = Corridor(), np.zeros(2)
        env.reset()
        for k in range(3):
            total += 0.5**k * env.step(code >> k & 1)[1]
        returns.append(tuple(total))
    expected = sorted(returns[i] for i in plain_non_dominated(returns))
    assert [tuple(x) for x in learner.learned().points] == expected


@pytest.mark.parametrize(
    ("problem", "steps", "tolerance", "least"),
    [(garnet(), 20_000, 1e-3, 0.999), (warehouse(), 4_000, 0.05, 0.999), (inspection(), 6_000, 0.05, 0.995)],
)
def test_learned_policies_reach_the_listed_front_and_never_pass_it(problem, steps, tolerance, least):
    front = enumerate_policies(problem)
    actions, objectives = problem.reward.shape[1:]
    learner = SetLearner(actions=actions, objectives=objectives, discount=0.9, tolerance=0.3)
    learner.learn(Simulator(problem), steps)
    learner.settle(tolerance=tolerance, change=1e-3)
    learned = learner.learned()
    values = problem.evaluate(learned.actions(range(len(problem.states))))
    assert front.beyond(values).max() <= 1e-9
    weights = fixed_weights(objectives)
    floor = weights @ front.vertices.min(axis=0)
    assert np.mean(((weights @ values.T).max(axis=1) - floor) / (front.best(weights) - floor)) >= least


def test_a_learner_goes_on_from_a_checkpoint_to_the_last_bit(tmp_path):
    def made():
        return SetLearner(actions=3, objectives=2, discount=0.9, tolerance=0.05, stretch=50, seed=3)

    whole, first, second = made(), made(), made()
    assert not second.restore(Checkpoint(tmp_path / "run", "key"), "sets")
    whole.learn(Simulator(garnet()), 400)
    first.learn(Simulator(garnet()), 200)
    first.store(Checkpoint(tmp_path / "run", "key"), "sets")
    assert second.restore(Checkpoint(tmp_path / "run", "key"), "sets")
    second.learn(Simulator(garnet()), 200)
    assert (second.learned().points == whole.learned().points).all()
    for one, other in zip(second.tables.arrays, whole.tables.arrays, strict=True):
        assert one.tobytes() == other.tobytes()
    third = SetLearner(actions=3, objectives=2, discount=0.9, tolerance=0.05, stretch=50, seed=4)
    third.learn(Simulator(garnet()), 400)
    assert (third.tables.arrays.visits != whole.tables.arrays.count).any()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 4}, {"tolerance": 0.1}, {"discount": 0.8}, {"stretch": 20}, {"rule": "sampled"},
        {"actions": 2}, {"objectives": 3}, {"rate": Rate(power=0.7)},
        {"exploration": FadingExploration(last=0.5)},
    ],
)  # fmt: skip
def test_what_other_settings_learned_is_not_gone_on_from(other, tmp_path):
    settings = {"actions": 3, "objectives": 2, "discount": 0.9, "tolerance": 0.05, "seed": 3}
    kept = Checkpoint(tmp_path / "run", "key")
    learner = SetLearner(**settings)
    learner.learn(Simulator(garnet()), 50)
    learner.store(kept, "sets")
    assert SetLearner(**settings).restore(kept, "sets")
    assert not SetLearner(**{**settings, **other}).restore(kept, "sets")


def test_a_learner_that_was_settled_goes_on_with_its_tolerance(tmp_path):
    first, second = (SetLearner(actions=3, objectives=2, discount=0.9, tolerance=0.05) for _ in range(2))
    first.learn(Simulator(garnet()), 100)
    first.settle(tolerance=0.5)
    first.store(Checkpoint(tmp_path / "run", "key"), "sets")
    assert second.restore(Checkpoint(tmp_path / "run", "key"), "sets")
    for learner in (first, second):
        learner.learn(Simulator(garnet()), 100)
    assert first.learned().points.tobytes() == second.learned().points.tobytes()


def test_a_stochastic_environment_is_refused_by_the_deterministic_rule():
    learner = SetLearner(actions=3, objectives=2, discount=0.9, rule="deterministic")
    with pytest.raises(ProblemError, match=r"action \d in state \d.0 was followed by .* learn hulls instead"):
        learner.learn(Simulator(garnet()), 500)


def test_sets_that_outgrow_reason_ask_for_a_tolerance(monkeypatch):
    monkeypatch.setattr("optbudget.pareto.set_tables.MOST_VECTORS", 32)
    learner = SetLearner(actions=3, objectives=2, discount=0.9, rule="sampled", tolerance=0.0, rate=RATE)
    with pytest.raises(LimitError, match="more than 32 vectors: give a larger tolerance"):
        learner.learn(Simulator(garnet(), noise=0.1), 2_000)


def test_the_bounds_of_learned_values_cover_the_exact_ones():
    """95 % each by itself: 40 intervals that are widened by the error of the rest miss at most a few."""
    problem = garnet()
    learner = SetLearner(actions=3, objectives=2, discount=0.9, tolerance=0.05)
    learner.learn(Simulator(problem), 5_000)
    learner.settle()
    learned = learner.learned()
    exact = problem.evaluate(learned.actions(range(8)))
    hits = []
    for seed in range(4):
        bounds = learned.bounds(Simulator(problem), steps=40, episodes=60, seed=100 * seed)
        assert len(bounds) == len(exact)
        hits += [one.covers(value) for one, value in zip(bounds, exact, strict=True)]
    assert bounds[0].contraction.max() <= 0.9**40 * 1.0 / (1 - 0.9)
    assert np.mean(hits) >= 0.9


@pytest.mark.nightly
def test_the_bounds_of_learned_values_cover_over_many_runs():
    problem = warehouse()
    learner = SetLearner(actions=4, objectives=3, discount=0.9, tolerance=0.3)
    learner.learn(Simulator(problem), 4_000)
    learned = learner.learned()
    exact = problem.evaluate(learned.actions(range(8)))
    hits = [
        [one.covers(value) for one, value in zip(bounds, exact, strict=True)]
        for seed in range(60)
        for bounds in [learned.bounds(Simulator(problem), steps=60, episodes=80, seed=1000 * seed)]
    ]
    assert np.mean(hits) >= 0.94


def test_what_is_not_there_is_said():
    learner = SetLearner(actions=2, objectives=2, discount=0.5, rule="deterministic", stretch=3)
    with pytest.raises(UsageError, match="nothing was watched yet"):
        learner.learned()
    learner.learn(Corridor(), 30)
    with pytest.raises(NoAnswerError, match="no function of the observation"):
        learner.learned().actions([0])
    with pytest.raises(NoAnswerError, match="the state 9 was never seen"):
        learner.learned().follow(0).act(9)
    with pytest.raises(UsageError, match="there is nothing to settle"):
        SetLearner(actions=2, objectives=2, discount=0.5, rule="sampled").settle()
    with pytest.raises(UsageError, match="rewards must be 3 finite numbers"):
        SetLearner(actions=2, objectives=3, discount=0.5).learn(Corridor(), 5)
    with pytest.raises(UsageError, match="rule is 'pareto'"):
        SetLearner(actions=2, objectives=3, discount=0.5, rule="pareto")
    with pytest.raises(UsageError, match=r"discount is 1\.0"):
        SetLearner(actions=2, objectives=3, discount=1.0)
    with pytest.raises(UsageError, match=r"last is 0.5; .* \[0, 0.1\]"):
        FadingExploration(first=0.1, last=0.5)
    with pytest.raises(UsageError, match=r"power is 2\.0"):
        Rate(power=2.0)
