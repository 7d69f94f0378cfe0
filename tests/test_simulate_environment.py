"""The population as a Gymnasium environment: Gymnasium's own check, and the same trials as `simulate`."""

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from test_simulate import population, small_cases, solved, two_states

from optbudget import Population
from optbudget.errors import NoAnswerError, UsageError
from optbudget.problems.examples import two_action_example
from optbudget.simulate import PopulationEnv, simulate


@pytest.mark.parametrize("strict", [True, False])
def test_gymnasium_finds_nothing_wrong(strict):
    curves = two_states()
    made = {"problem": curves.problem, "population": population(curves, [30, 20, 5]), "budget": 25.0}
    spec = EnvSpec("Population-v0", entry_point=PopulationEnv, kwargs={**made, "strict": strict})
    check_env(gymnasium.make(spec).unwrapped)


def played(env, agent, trials, seed):
    """Sums of rewards, and spends by stage, of the first episodes of a seed."""
    value, spend = [], []
    for k in range(trials):
        seen, info = env.reset(seed=seed) if k == 0 else env.reset()
        total, paid, over = 0.0, [], False
        while not over:
            assert env.observation_space.contains(seen)
            seen, reward, over, cut, info = env.step(agent(seen))
            assert not cut
            total += reward
            paid.append(info["spend"])
        value.append(total)
        spend.append(paid)
    return np.array(value), np.array(spend)


@given(small_cases(), st.integers(0, 99), st.booleans())
def test_episodes_are_the_trials_of_the_same_policy(case, seed, strict):
    plain, count, budget = case
    curves = solved(plain)
    people = population(curves, count)
    env = PopulationEnv(curves.problem, people, budget + 1, strict=strict)
    weight = np.random.default_rng(seed).random((4, curves.problem.cost.size))

    def agent(seen):
        return weight[round(4 * float(seen[-1])) % 4]

    value, spend = played(env, agent, 5, seed)
    found = simulate(
        curves, people, budget + 1, policies=["dbra"], own={"mine": env.policy(agent)}, trials=5, seed=seed
    )
    mine = found.index("mine")
    np.testing.assert_allclose(value, found.value[mine], rtol=1e-12, atol=1e-12)
    assert (spend == found.stage_spend[mine]).all()
    assert not strict or found.summary("mine").overspend_frequency == 0


def test_a_policy_of_ones_own_stands_beside_the_others():
    curves = two_states()
    problem = curves.problem

    def everyone_pays(stage, units, money):
        taken = np.zeros(problem.cost.size, dtype=np.int64)
        taken[problem.pair_ptr[1:3] - 1] = units[:2]
        return taken

    found = simulate(curves, population(curves, [20, 20, 0]), 60.0, own={"all": everyone_pays}, trials=60)
    assert found.policies[-1] == "all"
    mine, bmdp = found.summary("all"), found.summary("bmdp")
    assert mine.overspend_frequency > 0.5 and mine.value_mean != bmdp.value_mean


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda units: units, r"units by pair must have shape \(4,\)"),
        (
            lambda units: [units[0] - 1, 0, units[1], 0],
            "policy 'mine', stage 0: 1 units act in 's0', and 2 can",
        ),
        (lambda units: [-1, 3, units[1], 0], "-1 units of 's0' take 'a0'; a whole number"),
        (lambda units: [0.5, 1.5, units[1], 0], "0.5 units of 's0' take 'a0'"),
    ],
)
def test_policies_that_do_what_cannot_be(answer, message):
    curves = two_states()
    with pytest.raises(UsageError, match=message):
        simulate(
            curves, population(curves, [2, 1, 0]), 5.0, policies=["bmdp"], trials=2,
            own={"mine": lambda stage, units, money: answer(units)},
        )  # fmt: skip


def test_what_no_environment_is_made_of():
    problem = two_action_example(horizon=3)
    people = Population.at(problem, {"s": 2})
    with pytest.raises(UsageError, match="infinite horizon"):
        PopulationEnv(two_action_example(), people, 1.0)
    for budget in (0.0, np.inf, np.nan, -1.0, "a", True):
        with pytest.raises(UsageError, match="finite number above 0"):
            PopulationEnv(problem, people, budget)
    forced = two_states().problem
    paying = type(forced)(**{**vars_of(forced), "cost": forced.cost + 1.0})
    with pytest.raises(NoAnswerError, match="forced to spend"):
        PopulationEnv(paying, Population.at(paying, {"s0": 3}), 1.0)


def vars_of(problem):
    """The fields of a problem, to change one of them."""
    return {name: getattr(problem, name) for name in type(problem).__dataclass_fields__}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, np.nan, 0.0, 0.0], "the weight is nan"),
        ([1.0, 0.0, -1.0, 0.0], "state 's1', action 'a0': the weight is -1"),
        ([np.inf, 0.0, 0.0, 0.0], "state 's0', action 'a0': the weight is inf"),
        ([1.0, 0.0], r"shape \(4,\), a weight per pair; got \(2,\)"),
        (None, "shape"),
        ("dear", "one weight for each pair"),
    ],
)
def test_weights_that_are_none(weights, message, strict):
    curves = two_states()
    env = PopulationEnv(curves.problem, population(curves, [3, 2, 0]), 25.0, strict=strict)
    env.reset(seed=0)
    with pytest.raises(UsageError, match=message):
        env.step(weights)


def test_steps_only_within_an_episode():
    """Past its end an episode went on spending, below no money."""
    problem = two_action_example(horizon=1)
    env = PopulationEnv(problem, Population.at(problem, {"s": 2}), 1.5)
    act = np.ones(2)
    with pytest.raises(UsageError, match="has not begun"):
        env.step(act)
    env.reset(seed=0)
    assert env.step(act)[2]
    with pytest.raises(UsageError, match="has ended"):
        env.step(act)
    env.reset()
    assert env.step(act)[2]
    for wrong in ({"seed": -3}, {"options": {"trial": "a"}}, {"options": {"trial": -1}}):
        with pytest.raises(UsageError, match="whole number"):
            env.reset(**wrong)
