"""Nested limits at all budgets: ranges, the least budget of a value, and over which budgets a price holds."""

import math

import numpy as np
import pytest
from commands import ROOT, run, run_json
from test_limits_files import GOOD
from test_limits_whole import drawn

from optbudget import allocate, verify
from optbudget.allocation import least_budget_for, stable_range, sweet_spot
from optbudget.allocation.examples import two_state_curves
from optbudget.errors import UsageError
from optbudget.problems import GroupLimit, Limits, Population
from optbudget.status import Solution, Termination

OVERLAPPING = """
[[group]]
name = "a"
types = ["new"]
most = 2.0
[[group]]
name = "b"
states = ["new/active", "loyal/active"]
most = 3.0
"""


def kept(rng, *, shares):
    """Curves, people, a budget and limits that can be kept, and the split."""
    while True:
        curves, people, budget, limits = drawn(rng, nested=True)
        limits = Limits(limits.units, limits.groups, limits.least_share if shares else 0.0)
        answer = allocate(curves, people, budget, limits=limits)
        if answer.outcome.solution is not Solution.NONE and bool(limits.least_share) == shares:
            return curves, people, budget, limits, answer


def test_a_price_holds_over_its_range_and_no_further():
    rng, inner = np.random.default_rng(1), 0
    for _ in range(60):
        curves, people, budget, limits, answer = kept(rng, shares=False)
        found = stable_range(answer)
        assert found.low <= budget * (1 + 1e-12)
        assert budget <= found.high * (1 + 1e-12)
        low, high = found.low, min(found.high, 2 * budget + 1)

        def value(money, curves=curves, people=people, limits=limits):
            return allocate(curves, people, money, limits=limits).value

        if high > low:
            middle = (low + high) / 2
            here = found.price * (high - middle)
            assert value(high) - value(middle) == pytest.approx(here, rel=1e-7, abs=1e-7)
            assert value(middle) - value(low) == pytest.approx(here, rel=1e-7, abs=1e-7)
            inner += 1
        if not math.isinf(found.high):
            more = found.high * 1.01 + 0.01
            assert value(more) - value(found.high) < found.price * (more - found.high) * (1 - 1e-9)
        if found.price and not math.isnan(value(less := found.low * 0.99)):
            assert value(found.low) - value(less) > found.price * (found.low - less) * (1 + 1e-9)
    assert inner > 40


def test_the_least_budget_of_a_value():
    """It is worth the value, a little less money is not, and the answer is proved."""
    rng = np.random.default_rng(2)
    for _ in range(40):
        curves, people, budget, limits, answer = kept(rng, shares=False)
        found = least_budget_for(curves, people, answer.value, limits=limits)
        assert found.value >= answer.value - 1e-13 * abs(answer.value)
        assert found.budget <= budget * (1 + 1e-12)
        assert verify(found).ok
        less = allocate(curves, people, found.budget * (1 - 1e-9), limits=limits)
        assert less.outcome.solution is Solution.NONE or less.value < answer.value
        part = least_budget_for(curves, people, answer.value - 0.3, limits=limits)
        assert part.value >= answer.value - 0.3
        assert part.budget <= found.budget


def test_a_value_that_limits_do_not_allow():
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    few = Limits(groups=(GroupLimit("few", states=("warm",), most=4.0),))
    assert least_budget_for(curves, people, 32.0, limits=few).budget == pytest.approx(14.0, rel=1e-15)
    answer = least_budget_for(curves, people, 33.0, limits=few)
    assert answer.outcome.termination is Termination.INFEASIBLE
    said = "no budget is worth 33.0 under these limits; the most that they allow is worth 32.0"
    assert answer.outcome.message == said
    with pytest.raises(UsageError, match="more money may be worth less"):
        least_budget_for(curves, people, 20.0, limits=Limits(least_share=0.5))
    apart = (GroupLimit("a", states=("warm",), least=5.0), GroupLimit("b", groups=("a",), most=1.0))
    never = least_budget_for(curves, people, 1.0, limits=Limits(groups=apart))
    assert never.outcome.termination is Termination.INFEASIBLE


def test_a_range_is_each_budget_by_itself():
    rng = np.random.default_rng(3)
    for shares in (False, True, False):
        curves, people, budget, limits, _ = kept(rng, shares=shares)
        points = sweet_spot(curves, people, np.linspace(0.0, 2 * budget, 9), limits=limits)
        for k, money in enumerate(points.budget.tolist()):
            one = allocate(curves, people, money, limits=limits)
            for name in ("value", "price", "bound", "spent", "unspent"):
                np.testing.assert_equal(getattr(points, name)[k], getattr(one, name))
            assert math.isnan(one.value) == (money < points.least_budget) or shares
        least = allocate(curves, people, points.least_budget, limits=limits)
        assert least.outcome.termination is Termination.OPTIMAL
        assert verify(least).ok


def test_groups_that_overlap_are_refused_where_no_program_is_solved():
    curves = two_state_curves()
    people = Population.of_units(curves.problem, ["u", "v"], ["cold", "cold"])
    both = Limits(groups=(GroupLimit("a", states=("warm",), units=("u",), most=1.0),
                          GroupLimit("b", states=("warm",), units=("v",), most=1.0)))  # fmt: skip
    for ask in (lambda: sweet_spot(curves, people, [1.0], limits=both),
                lambda: least_budget_for(curves, people, 1.0, limits=both)):  # fmt: skip
        with pytest.raises(UsageError, match="overlap"):
            ask()


def test_ranges_and_targets_at_the_command_line(tmp_path):
    run("solve", ROOT / "models" / "two_types", "--out", tmp_path / "r")
    (tmp_path / "l.toml").write_text(GOOD)
    (tmp_path / "o.toml").write_text(OVERLAPPING)
    ask = ("allocate", tmp_path / "r", "--limits", tmp_path / "l.toml")
    found = run_json(*ask, "--budget", "0:6:4")
    assert [point["value"] is None for point in found["points"]] == [True, False, False, False]
    assert found["least_budget"] > 0
    one = run_json(*ask, "--budget", "6", "--out", tmp_path / "one")
    assert found["points"][-1]["value"] == one["value"]
    assert "a least share" in run(*ask, "--target-value", "3", code=2).stderr
    (tmp_path / "l.toml").write_text(GOOD.replace("least_share = 0.1", ""))
    one = run_json(*ask, "--budget", "6", "--out", tmp_path / "one")
    back = run_json(*ask, "--target-value", one["value"], "--out", tmp_path / "back")
    assert back["target_value"]["budget"] <= 6
    assert back["value"] >= one["value"]
    run("verify", tmp_path / "back")
    assert "no budget is worth" in run(*ask, "--target-value", "1e6", code=4).stderr
    over = ("allocate", tmp_path / "r", "--limits", tmp_path / "o.toml")
    points = run_json(*over, "--budget", "2:6:3")["points"]
    assert [p["value"] for p in points] == sorted(p["value"] for p in points)
    whole = run(*ask, "--budget", "6", "--method", "ip", "--out", tmp_path / "w")
    assert "whole units are worth" in whole.stderr or "no split is worth more" in whole.stderr
    run("verify", tmp_path / "w")
    run(*over, "--budget", "5", "--method", "ip", "--out", tmp_path / "v")
    run("verify", tmp_path / "v")
