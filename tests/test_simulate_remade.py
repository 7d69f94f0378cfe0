"""Trials on curves of later stages that were made again, against those on curves that were kept."""

from dataclasses import replace

import numpy as np
import pytest

from optbudget import Population, load, solve, verify
from optbudget.allocation import population_curve
from optbudget.errors import LimitError, UsageError
from optbudget.simulate import remade, repeated, simulate
from optbudget.workers import Monitor

POLICIES = ["bmdp", "dbra", "sub", "cap"]


@pytest.fixture(scope="module", params=["synthetic_ad", "university"])
def kept(request):
    """Curves of all stages at the same prices."""
    problem = load(f"models/{request.param}")
    return solve(problem, method="sweep", tolerance=1e-2, keep_stages=True)


def crowd(curves):
    """A few units in every state, and half of the money that they can use."""
    count = np.where(curves.problem.is_terminal, 0, 1 + np.arange(len(curves)) % 4)
    people = Population(curves.problem.labels, count)
    curve = population_curve(curves, people)
    return people, (curve.least_budget + curve.largest_useful_budget) / 2


def test_trials_are_those_of_kept_curves(kept):
    people, budget = crowd(kept)
    there = simulate(kept, people, budget, policies=POLICIES, trials=9, seed=4)
    again = simulate(replace(kept, stages=()), people, budget, policies=POLICIES, trials=9, seed=4, threads=1)
    assert (again.value == there.value).all() and (again.stage_spend == there.stage_spend).all()


def worth(lines):
    """Least spends, and value less spend at every other price: where policies tie, either may be found."""
    return np.column_stack((lines.spend[:, :1], lines.value[:, 1:] - lines.price[1:] * lines.spend[:, 1:]))


@pytest.mark.parametrize("stages", [1, 3])
def test_it_does_not_matter_how_many_stages_are_held(kept, stages, monkeypatch):
    whole = list(remade.lines_by_stage(replace(kept, stages=())))
    held = kept.prices.size * len(kept) * remade.POINT * (stages + 0.5)
    monkeypatch.setattr(remade, "ROOM", held)
    monkeypatch.setattr(remade, "FEWEST", kept.prices.size)
    parts = list(remade.lines_by_stage(replace(kept, stages=())))
    assert len(parts) == len(whole) == kept.problem.horizon
    for part, all_at_once in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part.price, all_at_once.price, rtol=1e-14)
        np.testing.assert_allclose(worth(part), worth(all_at_once), rtol=1e-12, atol=1e-12)


def test_with_fewer_prices_reallocation_never_overspends_and_is_worth_almost_as_much(kept, monkeypatch):
    people, budget = crowd(kept)
    bare = replace(kept, stages=())
    best = simulate(bare, people, budget, policies=["dbra"], trials=40)
    monkeypatch.setattr(remade, "ROOM", 1.0)
    monkeypatch.setattr(remade, "FEWEST", 12)
    assert next(remade.lines_by_stage(bare)).price.size == 12 < kept.prices.size
    found = simulate(bare, people, budget, policies=["dbra"], trials=40)
    assert found.summary("dbra").overspend_frequency == 0
    assert found.value.mean() == pytest.approx(best.value.mean(), rel=0.05)


def test_such_trials_are_verified_and_played_again(kept):
    people, budget = crowd(kept)
    found = simulate(replace(kept, stages=()), people, budget, policies=["sub", "dbra"], trials=5)
    assert verify(found).ok and all(check.ok for check in repeated(found))


def test_when_they_are_not_made_again(kept):
    people, budget = crowd(kept)
    bare = replace(kept, stages=())
    with pytest.raises(UsageError, match="keep-stages"):
        simulate(replace(bare, pruning_error=np.zeros(len(kept))), people, budget, policies=["sub"])
    with pytest.raises(LimitError):
        simulate(bare, people, budget, policies=["sub"], monitor=Monitor(time_limit=0.0))
