"""Logs that a model writes, and the model found in them again."""

from itertools import islice

import numpy as np
import pytest

from optbudget import load, solve
from optbudget.errors import ProblemError
from optbudget.files import open_events, write_events
from optbudget.learn import (
    QUIET,
    EventRules,
    ModelOptions,
    count_histories,
    learn_model,
    logged,
    logged_events,
    propensities,
)
from optbudget.problems.examples import two_action_example

BUDGETS = [1.0, 2.0, 5.0, 10.0]
TRUE = [8.42329016, 11.08725333, 15.70127169, 18.1141663]
"""synthetic_ad in begin: the walked exact curve, tested in test_exact."""


@pytest.fixture(scope="module")
def problem():
    return load("models/synthetic_ad")


def evenly(problem, share=0.1):
    return propensities(problem, dict.fromkeys(problem.actions[1:], share))


def found(problem, log, **options):
    counts = count_histories(log, order=2, rows=EventRules(terminal=("gone",)))
    given = {"in_place_of": [QUIET], "withheld": True, "cut_off": True, **options}
    return learn_model(
        counts,
        ModelOptions(
            actions=problem.actions[1:], order=2, min_count=1, horizon=100, discount=0.975**0.5, **given
        ),
    )


def error(learned):
    """Largest relative distance from the true curve at four budgets."""
    value = solve(learned.problem, tolerance=1e-4).value(f"begin>{QUIET}", BUDGETS)
    return float(np.abs(value / TRUE - 1).max())


def test_events_come_as_often_as_the_model_and_the_rule_say(problem, monkeypatch):
    monkeypatch.setattr(logged, "DRAWS", 1 << 14)  # So that there are several batches.
    rule = propensities(problem, {"low": 0.2, "high": 0.3}, where={"search_1": {"intense": 1.0}})
    batches = list(logged_events(problem, rule, events=200_000, seed=3))
    assert len(batches) > 3 and sum(map(len, batches)) >= 200_000
    acted, moved = {}, {}
    units = set()
    for batch in batches:
        unit, name = batch.unit.to_numpy(), [batch.names[k] for k in batch.event]
        assert not units & set(unit.tolist())
        units |= set(unit.tolist())
        for i in np.flatnonzero((unit[2:] == unit[:-2]) & (batch.time[:-2] % 2 == 0)).tolist():
            state, action, after = name[i : i + 3]
            acted.setdefault(state, []).append(action)
            moved.setdefault((state, "none" if action == QUIET else action), []).append(after)
        ends = np.append(np.flatnonzero(np.diff(unit)), unit.size - 1)
        assert {name[i] for i in ends if batch.time[i] < 100} <= {"gone", QUIET, *problem.actions}
    assert set(acted["search_1"]) == {"intense"}
    first, entry = problem.pair_entries
    for a in range(problem.cost.size):
        state, action = problem.states[problem.pair_state[a]], problem.actions[problem.pair_action[a]]
        if state == "gone":
            assert state not in acted
            continue
        seen = acted[state].count(QUIET if action == "none" else action)
        n, p = len(acted[state]), float(rule[a])
        assert abs(seen - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-9
        for i in entry[first[a] : first[a + 1]].tolist():
            rows, p = moved.get((state, action), []), float(problem.probability[i])
            there = rows.count(problem.states[problem.next_state[i]])
            assert abs(there - len(rows) * p) <= 5 * np.sqrt(len(rows) * p * (1 - p)) + 1e-9


def test_a_longer_log_begins_with_a_shorter_one_and_is_read_back(problem, tmp_path):
    rule = evenly(problem)
    rows = [write_events(logged_events(problem, rule, events=n, seed=1), tmp_path / f"{n}.parquet")
            for n in (2_000, 30_000)]  # fmt: skip
    short, long = (next(islice(open_events(tmp_path / f"{n}.parquet").batches(), 1)) for n in (2_000, 30_000))
    assert rows == [len(short), len(long)] and 2_000 <= rows[0] < 2_101
    for column in ("time", "event", "value", "cost"):
        assert (getattr(short, column) == getattr(long, column)[: len(short)]).all()
    assert short.unit.equals(long.unit.slice(0, len(short)))


def test_curves_are_recovered_as_the_log_grows(problem):
    errors = [error(found(problem, logged_events(problem, evenly(problem), events=n, seed=1)))
              for n in (30_000, 1_000_000)]  # fmt: skip
    assert errors[1] < 0.06 and errors[1] < errors[0]


def test_the_papers_action_model_does_not_recover_them(problem):
    """What takes the place of a state loses it: from `gone` an action leads to the average customer."""
    log = list(logged_events(problem, evenly(problem), events=300_000, seed=1))
    assert error(found(problem, log, in_place_of=())) > 0.5
    assert error(found(problem, log, withheld=False)) > 0.2


@pytest.mark.nightly
def test_ten_million_events_recover_them_closely(problem):
    assert error(found(problem, logged_events(problem, evenly(problem), events=10_000_000, seed=2))) < 0.02


@pytest.mark.parametrize(
    "shares, where, message",
    [
        ({"lwo": 0.1}, {}, "no state or action 'lwo'"),
        ({"low": 0.1}, {"bgin": {}}, "no state or action 'bgin'"),
        ({"low": 0.6, "high": 0.6}, {}, "add up to at most 1"),
        ({"low": -0.1}, {}, "add up to at most 1"),
    ],
)
def test_shares_that_cannot_be_are_refused(problem, shares, where, message):
    with pytest.raises(ProblemError, match=message):
        propensities(problem, shares, where=where)


def test_rules_that_are_no_probabilities_are_refused(problem):
    with pytest.raises(ProblemError, match="propensity must have a probability"):
        logged_events(problem, evenly(problem) * 0.5, events=10)
    with pytest.raises(ProblemError, match="propensity must have a probability"):
        logged_events(problem, evenly(two_action_example()), events=10)
