"""The environment of departments: its interface, its chances beside a plain twin, models from histories."""

import warnings

import mo_gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from test_departments import columns, drawn

from optbudget.errors import ProblemError, UsageError
from optbudget.files.departments_folder import departments_tables
from optbudget.learn import learn_departments
from optbudget.pareto import DepartmentsEnv
from optbudget.problems import Departments
from optbudget.problems.examples import two_departments
from optbudget.simulate.departments_model import departments_20

from reference import counted_departments, department_run


def lopsided():
    """Two departments of unlike sizes, whose states have unlike actions."""
    acts = [
        ("x", "r", "a", "no", 1.0, 1.0), ("x", "r", "a", "yes", 0.5, 2.0), ("x", "r", "b", "yes", 3.0, 0.0),
        ("x", "q", "a", "no", 1.0, 0.0), ("x", "q", "b", "maybe", 1.0, 5.0),
        ("y", "r", "c", "maybe", 0.0, 1.0), ("y", "q", "c", "no", 2.0, 1.0),
        ("y", "q", "c", "yes", 2.0, -1.0),
    ]  # fmt: skip
    moves = [
        (d, r, s, a, to, p) for d, r, s, a, *_ in acts
        for to, p in ((("a", 0.25), ("b", 0.75)) if d == "x" else (("c", 1.0),))
    ]  # fmt: skip
    return Departments.from_tables(
        columns("regime next_regime probability", [("r", "r", 0.5), ("r", "q", 0.5), ("q", "r", 1.0)]),
        columns("department regime state action next_state probability", moves),
        columns("department regime state action cost harm", acts),
        {"department": ["x", "y"], "state": ["b", "c"]},
        objectives=["-harm"], total_budget=3.0, discount=0.75, cost_discount=1.0, horizon=3,
    )  # fmt: skip


def told(env, taken, seed):
    """What an environment says of a run, in the words of the twin."""
    env.reset(seed=seed)
    found = []
    for action in taken:
        seen, reward, over, _, info = env.step(action)
        assert not over and env.observation_space.contains(seen) and env.reward_space.contains(reward)
        np.testing.assert_allclose(reward, info["reward"].sum(axis=0), atol=1e-12)
        states = tuple(names[s] for names, s in zip(env.states, seen[1:], strict=True))
        found.append((env.regimes[seen[0]], states, info["spend"].tolist(), info["reward"].tolist()))
    return found


def plain_run(d, taken, seed):
    tables = {name: table.to_pylist() for name, table in departments_tables(d).items()}
    signs = dict(zip(d.objectives, d.direction.tolist(), strict=True))
    actions, moves, chain = {}, {}, {}
    for row in tables["actions"]:
        place = (row["department"], row["regime"], row["state"])
        worth = [signs[name] * row[name] for name in d.objectives]
        actions.setdefault(place, {})[row["action"]] = (row["cost"], worth)
    for row in tables["transitions"]:
        place = (row["department"], row["regime"], row["state"], row["action"])
        moves.setdefault(place, {})[row["next_state"]] = row["probability"]
    for row in tables["regimes"]:
        chain.setdefault(row["regime"], {})[row["next_regime"]] = row["probability"]
    named = [dict(zip(d.departments, (d.held.actions[a] for a in action), strict=True)) for action in taken]
    generator = np.random.default_rng(seed)
    draws = [generator.random(len(d.departments) + 1).tolist() for _ in taken]
    start = (d.initial_regime, dict(zip(d.departments, d.start, strict=True)))
    return department_run(actions, moves, chain, start, named, draws)


class OneWeighting(mo_gymnasium.wrappers.LinearReward):
    """MO-Gymnasium's wrapper; `info` holds a copy of its weights, for Gymnasium wants nothing shared."""

    def step(self, action):
        *told, info = super().step(action)
        return *told, {**info, "reward_weights": self.w.copy()}


class TestInterface:
    @pytest.mark.parametrize("make", [two_departments, lopsided, departments_20])
    def test_mo_gymnasium_finds_nothing_wrong(self, make):
        given = {"departments": make(), "steps": 50}
        env = mo_gymnasium.make(EnvSpec("Departments-v0", entry_point=DepartmentsEnv, kwargs=given))
        with warnings.catch_warnings():
            # The checker advises against wrapped environments, and rewards of several parts need a wrapper.
            warnings.simplefilter("ignore", UserWarning)
            check_env(OneWeighting(env), skip_render_check=True)
        env.reset(seed=1)
        reward = env.step(env.action_space.sample())[1]
        assert reward.shape == env.unwrapped.reward_space.shape == (env.unwrapped.reward_dim,)
        assert env.unwrapped.reward_space.contains(reward)

    def test_a_run_is_cut_off_after_1000_steps_and_never_ends(self):
        env = DepartmentsEnv(two_departments())
        env.reset(seed=42)
        ends = [env.step([0, 1])[2:4] for _ in range(1000)]
        assert not any(over for over, _ in ends)
        assert [cut for _, cut in ends].index(True) == 999
        with pytest.raises(UsageError, match="has ended"):
            env.step([0, 1])

    def test_a_run_goes_on_in_the_draws_of_its_seed(self):
        d, taken = drawn(1), [[1, 0]] * 40
        one, two = DepartmentsEnv(d), DepartmentsEnv(d)
        assert told(one, taken, 7) == told(two, taken, 7)
        again = [told(env, taken, None) for env in (one, two)]
        assert again[0] == again[1] != told(two, taken, 7)

    def test_steps_only_within_a_run(self):
        with pytest.raises(UsageError, match="has not begun"):
            DepartmentsEnv(two_departments()).step([0, 0])

    @pytest.mark.parametrize("steps", [0, -1, 1.5, True, "many"])
    def test_lengths_refused(self, steps):
        with pytest.raises(UsageError, match="whole number >= 1"):
            DepartmentsEnv(two_departments(), steps=steps)

    @pytest.mark.parametrize(
        ("action", "message"),
        [([0], "shape"), ([0.0, 1.0], "whole number"), ([0, 2], "'parks': the action is 2"),
         ([-1, 0], "'roads': the action is -1"), (None, "whole number"), ("ab", "whole number")],
    )  # fmt: skip
    def test_actions_refused(self, action, message):
        env = DepartmentsEnv(two_departments())
        env.reset(seed=0)
        with pytest.raises(UsageError, match=message):
            env.step(action)

    def test_what_is_handed_out_is_not_written_again(self):
        env = DepartmentsEnv(two_departments())
        env.reset(seed=0)
        first = env.step([0, 1])
        kept = [np.copy(x) for x in (first[0], first[1], *first[4].values())]
        for _ in range(20):
            env.step([1, 1])
        for x, y in zip(kept, (first[0], first[1], *first[4].values()), strict=True):
            assert np.array_equal(x, y)


class TestChances:
    @pytest.mark.parametrize("seed", range(6))
    def test_as_the_plain_twin(self, seed):
        d = drawn(seed) if seed < 4 else lopsided()
        taken = np.random.default_rng(seed).integers(0, len(d.held.actions), size=(60, 2)).tolist()
        assert told(DepartmentsEnv(d), taken, seed) == plain_run(d, taken, seed)

    def test_what_a_state_lacks_becomes_its_cheapest(self):
        env = DepartmentsEnv(lopsided())
        env.reset(seed=0)
        *_, info = env.step([env.actions.index("no"), env.actions.index("yes")])
        assert [env.actions[a] for a in info["action"]] == ["yes", "maybe"]
        assert info["spend"].tolist() == [3.0, 0.0]


def watched(env, periods, seed):
    """A history of an environment under random actions, as a table's columns."""
    names = env.departments.departments
    draws = np.random.default_rng(seed)
    seen, _ = env.reset(seed=seed)
    rows = []
    for period in range(periods):
        after, _, _, _, info = env.step(draws.integers(0, len(env.actions), size=len(names)))
        for d, name in enumerate(names):
            measured = info["reward"][d] * env.departments.direction
            before, behind = env.states[d][seen[1 + d]], env.states[d][after[1 + d]]
            regimes, action = (env.regimes[seen[0]], env.regimes[after[0]]), env.actions[info["action"][d]]
            paid = info["spend"][d]
            rows.append((period, name, regimes[0], before, action, behind, regimes[1], paid, *measured))
        seen = after
    heads = "period department regime state action next_state next_regime cost"
    return columns(" ".join((heads, *env.departments.objectives)), rows), rows


SETTINGS = {
    "objectives": ["gain", "-harm"], "total_budget": 3.0, "discount": 0.75, "cost_discount": 1.0, "horizon": 3
}  # fmt: skip


class TestHistory:
    @pytest.mark.parametrize("min_count", [1, 4, 1000])
    def test_as_counted_plainly(self, min_count):
        history, rows = watched(DepartmentsEnv(drawn(2)), 60, 2)
        learned = learn_departments(history, min_count=min_count, **SETTINGS)
        plain = counted_departments([(*row[1:6], row[7:]) for row in rows], min_count)
        tables = departments_tables(learned)
        shares = {}
        for row in tables["transitions"].to_pylist():
            place = (row["department"], row["regime"], row["state"], row["action"])
            shares.setdefault(place, {})[row["next_state"]] = row["probability"]
        assert len(tables["actions"]) == len(plain)
        for row in tables["actions"].to_pylist():
            place = (row["department"], row["regime"], row["state"], row["action"])
            means, expected = plain[place]
            assert [row["cost"], row["gain"], row["harm"]] == pytest.approx(means)
            assert shares[place] == pytest.approx(expected)

    def test_much_history_tells_the_model(self):
        d = drawn(2)
        env = DepartmentsEnv.from_history(watched(DepartmentsEnv(d, steps=20_000), 20_000, 5)[0], **SETTINGS)
        learned = departments_tables(env.departments)["transitions"].to_pylist()
        rows = departments_tables(d)["transitions"].to_pylist()
        true = {tuple(row.values())[:-1]: row["probability"] for row in rows}
        assert len(learned) == len(true)
        for row in learned:
            *place, share = row.values()
            assert share == pytest.approx(true[tuple(place)], abs=0.06)
        order = [env.departments.regimes.index(r) for r in d.regimes]
        chain = env.departments.regime_probability[np.ix_(order, order)]
        np.testing.assert_allclose(chain, d.regime_probability, atol=0.02)

    def test_it_goes_on_where_the_history_ends(self):
        history, rows = watched(DepartmentsEnv(drawn(2)), 60, 2)
        learned = learn_departments(history, **SETTINGS)
        assert learned.start == tuple(row[5] for row in rows[-2:])
        assert learned.initial_regime == rows[-1][6]
        moved = learn_departments(history, initial={"x": "b"}, initial_regime="up", **SETTINGS)
        assert (moved.start[0], moved.initial_regime) == ("b", "up")

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda h: {k: v for k, v in h.items() if k != "cost"}, "no column 'cost'"),
            (lambda h: {**h, "next_state": ["c", *h["next_state"][1:]]}, "reaches state 'c', and no row"),
            (lambda h: {**h, "next_regime": ["no", *h["next_regime"][1:]]}, "regime 'no' is reached"),
            (lambda h: {**h, "regime": ["up", *h["regime"][1:]]}, "not that of the period's other"),
            (lambda h: {k: v[:0] for k, v in h.items()}, "no rows"),
            (lambda h: {**h, "gain": [float("nan"), *h["gain"][1:]]}, "gain is nan"),
            (lambda h: [1, 2], "must be a table"),
        ],
    )
    def test_histories_refused(self, spoil, message):
        history, _ = watched(DepartmentsEnv(drawn(2)), 60, 2)
        assert history["regime"][0] == "down"
        with pytest.raises(ProblemError, match=message):
            learn_departments(spoil(history), **SETTINGS)

    @pytest.mark.parametrize("count", [0, 1.5, True])
    def test_counts_refused(self, count):
        with pytest.raises(ProblemError, match="min_count"):
            learn_departments({}, min_count=count, **SETTINGS)
