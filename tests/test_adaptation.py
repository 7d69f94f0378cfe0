"""Planning again: likelihoods and alarms by hand, the promise on false alarms, and what is saved."""

from dataclasses import replace

import numpy as np
import pytest
from metrics_twin import draws_of, picked, plain_model
from small_departments import drawn

from optbudget.errors import ProblemError, UsageError
from optbudget.pareto.adaptation import Happening, Watch, adaptation, follow, watched, weakened
from optbudget.pareto.belief import Belief, Move
from optbudget.pareto.trials import World
from optbudget.problems import Departments
from optbudget.problems.examples import two_departments

WEIGHTS = (1.0, 1.0)


def turned(model: Departments, factor: float = 3.0) -> Departments:
    """The first regime is so many times as likely to come."""
    chain = model.regime_probability * np.array([factor, 1.0])
    return replace(model, regime_probability=chain / chain.sum(axis=1, keepdims=True))


def many(count: int = 6, improved: float = 0.6) -> Departments:
    """So many roads, and the chance that an improved poor one is good: of more departments more is seen."""
    base = two_departments(horizon=6)
    regimes = [(r, to, 0.5) for r in base.regimes for to in base.regimes]
    acts, moves, start = [], [], []
    for d in range(count):
        for r in base.regimes:
            for s in ("poor", "good"):
                for a, paid, good in (("hold", 0.0, 0.1), ("improve", 1.0, improved)):
                    up = good if s == "poor" else min(1.0, good + 0.35)
                    acts.append((f"road_{d}", r, s, a, paid, 4.0 * (s == "good"), 0.5 * paid))
                    moves += [(f"road_{d}", r, s, a, "good", up), (f"road_{d}", r, s, a, "poor", 1.0 - up)]
        start.append("poor")
    return Departments.from_tables(
        _columns("regime next_regime probability", regimes),
        _columns("department regime state action next_state probability", moves),
        _columns("department regime state action cost service risk", acts),
        {"department": [f"road_{d}" for d in range(count)], "state": start},
        objectives=["service", "-risk"], total_budget=2.0, discount=0.9, cost_discount=1.0, horizon=6,
    )  # fmt: skip


def _columns(names: str, rows: list[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(names.split(), zip(*rows, strict=True), strict=True)}


@pytest.mark.parametrize("model", [two_departments(horizon=6), many(2)], ids=["ragged", "even"])
def test_likelihoods_are_those_of_the_tables(model: Departments) -> None:
    models = [model, weakened(model, 0.5), turned(model)]
    watch = Watch(models, WEIGHTS, 1.0, periods=10)
    world, draws = World(models[0]), np.random.default_rng(1)
    states = world.start(30)
    regime = world.regime_of_state[states[:, 0]]
    pairs = watch.policy[0][states]
    after, coming = world.after(pairs, regime, draws.random((30, 3)))
    found = watch.likelihood(pairs, world.elsewhere[after, regime[:, None]], regime, coming)
    held = models[0].held
    for m, model in enumerate(models):
        names, chain, moves, _, _ = plain_model(model)
        for run in range(30):
            old, new = model.regimes[regime[run]], model.regimes[coming[run]]
            chance = chain[old][new]
            for d, name in enumerate(names):
                state, action = held.states[states[run, d]], held.actions[held.pair_action[pairs[run, d]]]
                chance *= moves[name, old, state.split("|")[1], action].get(
                    held.states[after[run, d]].split("|")[1], 0.0
                )
            assert np.exp(found[run, m]) == pytest.approx(chance)


@pytest.mark.parametrize("model", [two_departments(horizon=6), many(2)], ids=["ragged", "even"])
def test_runs_and_alarms_are_the_plain_ones(model: Departments) -> None:
    """Period by period: who moves where, what the model then believes, whose plan comes next."""
    models = [model, weakened(model, 0.3), turned(model)]
    into, periods, runs, change = turned(weakened(model, 0.4)), 14, 12, 5
    watch = Watch(models, WEIGHTS, 0.7, periods=3, false_alarm=0.6)
    found = follow(watch, Happening(change, into, periods, runs, 6))
    plain, new = [plain_model(one) for one in models], plain_model(into)
    draws, held = draws_of(6, periods, runs, len(model.departments)), model.held
    for run in range(runs):
        names, _, _, _, (regime, states) = plain[0]
        states, base, sums, belief = list(states), 0, [0.0] * 3, Belief(watch)
        for k in range(periods):
            _, chain, moves, acts, _ = plain[0] if k < change else new
            keys = []
            for name, s in zip(names, states, strict=True):
                pair = watch.policy[base][held.index(f"{name}/{regime}|{s}")]
                keys.append((name, regime, s, held.actions[held.pair_action[pair]]))
            net = sum(sum(acts[key][1]) - 0.7 * acts[key][0] for key in keys)
            assert found.worth[run, k] == pytest.approx(net) and found.plan[run, k] == base
            after = [picked(moves[key], draws[k][run][d]) for d, key in enumerate(keys)]
            coming = picked(chain[regime], draws[k][run][len(names)])
            chance = [
                own[1][regime][coming]
                * np.prod([own[2][key].get(s, 0.0) for key, s in zip(keys, after, strict=True)])
                for own in plain
            ]
            ratio = [c / chance[0] if chance[0] > 0 else 1e250 * (c > 0) for c in chance]
            sums = [0.0] + [(1 + s) * x for s, x in zip(sums[1:], ratio[1:], strict=True)]
            sums = [s * min(1.0, 1e6 * watch.threshold / max(sum(sums), 1.0)) for s in sums]
            base = int(np.argmax(sums)) if sum(sums) >= watch.threshold else 0
            told = {
                name: Move(s, key[3], to) for name, s, key, to in zip(names, states, keys, after, strict=True)
            }
            assert belief.see(regime, told, coming) == base
            states, regime = after, coming
    assert len(np.unique(found.plan)) > 1


def test_what_is_seen_must_be_of_the_model() -> None:
    two = two_departments()
    belief = Belief(Watch([two, weakened(two, 0.5)], WEIGHTS, 1.0, periods=10))
    good = {"roads": Move("poor", "hold", "poor"), "parks": Move("good", "hold", "poor")}
    wrong = {
        "nothing is said of department 'parks'": ("rich", {"roads": good["roads"]}, "rich"),
        "'poor' is no regime": ("rich", good, "poor"),
        "'improv' is no action of roads": ("rich", {**good, "roads": Move("poor", "improv", "poor")}, "rich"),
        "no state is called": ("rich", {**good, "roads": Move("poorly", "hold", "poor")}, "rich"),
    }
    for message, told in wrong.items():
        with pytest.raises(ProblemError, match=message):
            belief.see(*told)
    assert belief.see("rich", good, "lean") == 0


def test_alarms_are_those_of_the_chances() -> None:
    models = [many(2), weakened(many(2), 0.5), turned(many(2))]
    watch = Watch(models, WEIGHTS, 1.0, periods=2, false_alarm=0.5)
    assert watch.threshold == 8.0
    chances = np.random.default_rng(2).uniform(0.05, 1.0, size=(12, 4, 3))
    score, plain, followed = np.zeros((4, 3)), [[0.0] * 3 for _ in range(4)], set()
    for period in chances:
        now, score = watched(watch, score, np.log(period))
        for run in range(4):
            ratio = period[run] / period[run][0]
            plain[run] = [0.0] + [(1 + s) * x for s, x in zip(plain[run][1:], ratio[1:], strict=True)]
            base = int(np.argmax(plain[run])) if sum(plain[run]) >= 8.0 else 0
            assert now[run] == base
            followed.add(base)
        assert score == pytest.approx(np.array(plain))
    assert followed == {0, 1, 2}
    certain = np.log(np.array([[1e-9, 1.0, 0.5]] * 2))
    for _ in range(60):
        now, score = watched(watch, score[:2], certain)
    assert score.sum(axis=1) == pytest.approx(np.full(2, 8e6)) and now.tolist() == [1, 1]


def test_moves_that_a_model_excludes_prove_it_wrong() -> None:
    watch = Watch([many(2), weakened(many(2), 0.5)], WEIGHTS, 1.0, periods=10)
    nothing = -np.inf
    likelihood = np.array([[nothing, -1.0], [-1.0, nothing], [nothing, nothing]])
    now, _ = watched(watch, np.zeros((3, 2)), likelihood)
    assert now.tolist() == [1, 0, 0]


@pytest.mark.parametrize("allowed", [0.05, 0.3])
def test_false_alarms_are_at_most_as_promised(allowed: float) -> None:
    """And without alarms the statistic, less the periods, keeps its mean: a martingale."""
    model = many()
    watch = Watch([model, weakened(model, 0.6), turned(model)], WEIGHTS, 1.0, periods=30, false_alarm=allowed)
    runs = follow(watch, Happening(None, model, 30, 2_000, 3))
    share = (runs.plan != 0).any(axis=1).mean()
    assert share <= allowed + 3 * (allowed / 2_000) ** 0.5
    assert share > 0 or allowed < 0.1, "the promise is not kept by never giving an alarm"


def test_planning_again_saves_most_of_what_a_change_costs() -> None:
    """Improvements work hardly more often than waiting: going on buys them in vain."""
    model, dead = many(), many(improved=0.15)
    watch = Watch([model, dead, turned(model)], WEIGHTS, 1.0, periods=40)
    found = adaptation(watch, Happening(10, dead, 40, 400, 4))
    assert found.staying > 5 * found.staying_error
    assert found.adapting < 0.4 * found.staying
    assert 1 <= found.recovery < 10 and found.false_alarms <= found.allowed == pytest.approx(0.05)
    near = adaptation(watch, Happening(10, many(improved=0.2), 40, 400, 4))
    assert near.adapting < 0.6 * near.staying, "the world need not be one of the models"
    nothing = adaptation(watch, Happening(10, model, 40, 100, 4))
    assert nothing.staying == 0.0 and nothing.recovery > 28


def test_runs_are_alike_whatever_is_followed() -> None:
    model = many(3)
    watch = Watch([model, weakened(model, 0.5)], WEIGHTS, 1.0, periods=10)
    happening = Happening(4, weakened(model, 0.5), 12, 20, 5)
    one = follow(watch, happening, plan=watch.policy[0])
    assert (one.worth == follow(watch, happening, plan=watch.policy[0]).worth).all()
    quiet = follow(watch, replace(happening, change=None), plan=watch.policy[0])
    assert (one.worth[:, :5] == quiet.worth[:, :5]).all() and (one.worth[:, 6:] != quiet.worth[:, 6:]).any()
    knowing = follow(watch, happening, plan=watch.policy[1])
    assert (knowing.plan == (np.arange(12) >= 4)).all()


@pytest.mark.parametrize("model", [two_departments(), drawn()], ids=["ragged", "drawn"])
def test_weaker_actions_are_nearer_to_their_mean(model: Departments) -> None:
    moves = plain_model(model)[2]
    for factor in (0.0, 0.25, 1.0):
        changed = plain_model(weakened(model, factor))[2]
        for key, row in changed.items():
            alike = [other for at, other in moves.items() if at[:3] == key[:3]]
            for to in {to for other in alike for to in other}:
                mean = sum(other.get(to, 0.0) for other in alike) / len(alike)
                expected = factor * moves[key].get(to, 0.0) + (1 - factor) * mean
                assert row.get(to, 0.0) == pytest.approx(expected)
            assert sum(row.values()) == pytest.approx(1.0)


def test_what_cannot_be_watched_is_refused() -> None:
    model = many(2)
    with pytest.raises(UsageError, match="two models"):
        Watch([model], WEIGHTS, 1.0, periods=10)
    with pytest.raises(ProblemError, match="same departments"):
        Watch([model, many(3)], WEIGHTS, 1.0, periods=10)
    watch = Watch([model, weakened(model, 0.5)], WEIGHTS, 1.0, periods=10)
    with pytest.raises(UsageError, match="a change before"):
        adaptation(watch, Happening(10, model, 10, 20, 1))
