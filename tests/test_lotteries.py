"""Rows of an allocation that are one lottery, and what follows for risk and roll-outs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optbudget import Population, allocate, chance_constrained, load, solve, spend_risk
from optbudget.errors import ProblemError, UsageError
from optbudget.files import load_population
from optbudget.planning import spend_moments, worst_cases
from optbudget.planning.spenders import spenders
from optbudget.problems.lotteries import lotteries
from tests.commands import ROOT

shares = st.sampled_from([2.0**-53, 2.3292479056635784e-13, 1e-9, 0.25, 0.5, 1 - 1e-9, 1 - 2.0**-40])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), shares | st.none()), max_size=8))
def test_rows_come_apart_as_they_were_put_together(drawn):
    rows, spans = [], []
    for state, count, share in drawn:
        begin = len(rows)
        rows += [(state, count, p) for p in ([1.0] if share is None else [1 - share, share])]
        spans.append(slice(begin, len(rows)))
    assert list(lotteries(rows)) == spans


@pytest.mark.parametrize("rows", [[(0, 1, 0.5)], [(0, 1, 0.5), (1, 1, 0.5)], [(0, 1, 0.7), (0, 1, 0.7)]])
def test_a_torn_lottery_is_refused(rows):
    with pytest.raises(ProblemError, match="do not sum to 1"):
        list(lotteries(rows))


def test_a_lottery_of_almost_no_share_has_both_its_rows():
    """The health network at a hair above its least spend: shares 1 - 2.3e-13 and 2.3e-13."""
    curves = solve(load(ROOT / "models" / "health_network"))
    people = load_population(ROOT / "models" / "health_network", curves.problem)
    least = float(people.count @ curves.curves.start_budget)
    answer = allocate(curves, people, least * (1 + 1e-15))
    if (answer.probability < 1).any():
        assert spenders(answer).size == people.size
    assert spend_moments(answer)[1] == pytest.approx(spend_risk(answer, law=False).variance, rel=1e-6)


def test_a_level_is_planned_for_where_units_must_spend():
    curves = solve(load(ROOT / "models" / "health_network"))
    few = Population.at(curves.problem, {"emergency/short": 2, "surgery/long": 3})
    plan = chance_constrained(curves, few, 900.0, level=0.1)
    assert plan.proved and 0.08 < plan.risk.overspend <= 0.1
    assert np.isfinite(plan.budget)


def test_a_split_under_limits_is_acted_out_as_it_stands(tmp_path):
    """300 units draw between two useful budgets each for itself: mean and variance are those of the split."""
    from optbudget.problems import Limits, UnitLimit
    from optbudget.simulate import simulate

    curves = solve(load(ROOT / "models" / "synthetic_ad"))
    people = Population.at(curves.problem, {"begin": 300, "search_3": 300})
    limits = Limits(units=(UnitLimit(state="search_3", least=3.001),))
    split = allocate(curves, people, 1200.0, limits=limits)
    assert (split.count[split.probability < 1] > 1).any()
    found = simulate(curves, people, 1200.0, policies=["bmdp", "split"], split=split, trials=2000)
    mean, variance = spend_moments(split)
    s = found.summary("split")
    assert abs(s.value_mean - split.value) < 4 * s.value_sd / 2000**0.5
    assert abs(s.spend_mean - mean) < 4 * s.spend_sd / 2000**0.5
    assert s.spend_sd == pytest.approx(variance**0.5, rel=0.08)
    assert split.bound < found.bound
    with pytest.raises(UsageError, match="give it as split="):
        simulate(curves, people, 1200.0, policies=["split"])
    with pytest.raises(UsageError, match="another population"):
        simulate(curves, Population.at(curves.problem, {"begin": 3}), 1200.0, policies=["split"], split=split)
    with pytest.raises(UsageError, match="more than"):
        simulate(curves, people, 1100.0, policies=["split"], split=split)


def test_what_is_no_number_is_refused():
    curves = solve(load(ROOT / "models" / "ward"))
    people = Population.at(curves.problem, {"home": 2})
    risk = spend_risk(allocate(curves, people, 5.0))
    wrong = [
        lambda: risk.cvar("a"), lambda: risk.law.exceeds(float("nan")), lambda: risk.law.quantile(2),
        lambda: worst_cases(allocate(curves, people, 5.0), 0),
        lambda: chance_constrained(curves, people, 5.0, level="a"),
        lambda: chance_constrained(curves, people, 5.0, trials=-5),
        lambda: chance_constrained(curves, people, 5.0, seed=1.5),
    ]  # fmt: skip
    for call in wrong:
        with pytest.raises(UsageError):
            call()


def test_worst_cases_rarer_than_the_error_of_the_law_are_not_called_exact():
    curves = solve(load(ROOT / "models" / "synthetic_ad"))
    risk = spend_risk(allocate(curves, Population.at(curves.problem, {"begin": 1}), 10.0))
    assert risk.cvar(0.05)[1] == "exact" and risk.cvar(1e-300)[1] == "normal approximation"
