"""A line of a split is given more: whoever is not of it keeps what it has, or the price says why not."""

import numpy as np
import pytest
from model_names import MODELS
from test_departments import drawn

from optbudget import allocate, load, solve
from optbudget.errors import UsageError
from optbudget.planning import change_line
from optbudget.problems import GroupLimit, Limits
from optbudget.problems.examples import two_departments


def split(seed, caps, budget=3.0):
    """Departments x and y of small numbers, under lines (least, most)."""
    d = drawn(seed)
    problem = d.budgeted({"gain": 1.0, "harm": 0.5})
    groups = tuple(GroupLimit(k, types=(k,), least=a, most=b) for k, (a, b) in caps.items())
    return allocate(solve(problem), d.population(problem), budget, limits=Limits(groups=groups))


def of(answer, name):
    kinds = np.array(answer.curves.problem.state_type)[answer.state] == name
    return float((answer.count * answer.probability * answer.unit_budget)[kinds].sum())


@pytest.mark.parametrize("seed", range(8))
def test_a_cap_that_does_not_bind(seed):
    free = split(seed, {"x": (0.0, 3.0), "y": (0.0, 3.0)})
    caps = {"x": (0.0, of(free, "x") + 0.25), "y": (0.0, 3.0)}
    before = split(seed, caps)
    change = change_line(before, "x", caps["x"][1] + 1.0)
    assert change.unchanged
    assert change.after.value == pytest.approx(before.value, abs=1e-12)
    assert change.after.price == pytest.approx(before.price, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("more", [0.125, 0.5])
def test_a_locked_line_and_the_total_together(seed, more):
    """The others have what they had, whatever the line is worth."""
    before = split(seed, {"x": (1.0, 1.0)})
    change = change_line(before, "x", 1.0 + more, total=3.0 + more)
    assert change.unchanged and change.inside
    assert of(change.after, "y") == pytest.approx(of(before, "y"), abs=1e-9)


def test_a_line_that_wants_more_and_the_total_together():
    d = two_departments(horizon=6)
    problem = d.budgeted()
    caps = Limits(groups=(GroupLimit("roads", types=("roads",), most=1.0),))
    before = allocate(solve(problem), d.population(problem), 2.0, limits=caps)
    grown = change_line(before, "roads", 1.25, total=2.25)
    assert grown.unchanged and grown.inside and "no other changes" in grown.sentence
    assert before.price <= grown.after.state_price()[0]
    # With 2.5 of 3 roads have more than they want at the price of the parks, which get what is left.
    caps = Limits(groups=(GroupLimit("roads", types=("roads",), most=1.5),))
    before = allocate(before.curves, before.population, 2.0, limits=caps)
    past = change_line(before, "roads", 2.5, total=3.0)
    assert not past.unchanged and past.moved[0] > 0 and past.after.price < before.price


def test_a_locked_line_at_a_fixed_total():
    """Roads take half a unit from the parks, which buy less of what is worth most to them first."""
    d = two_departments(horizon=6)
    problem = d.budgeted()
    locked = Limits(groups=(GroupLimit("roads", types=("roads",), least=1.0, most=1.0),))
    before = allocate(solve(problem), d.population(problem), 2.0, limits=locked)
    change = change_line(before, "roads", 1.5)
    assert not change.unchanged and not change.inside
    assert change.others == ("parks",) and change.moved[0] == pytest.approx(-0.5)
    assert change.after.price > change.before.price
    assert "moves from 0.0833" in change.sentence and "parks -0.5" in change.sentence


def test_the_interval_is_of_those_that_no_limit_holds():
    """Parks are held by a cap of their own: whatever their slopes, no price of the total moves them."""
    d = two_departments(horizon=6)
    problem = d.budgeted()
    caps = tuple(GroupLimit(k, types=(k,), most=m) for k, m in (("roads", 1.0), ("parks", 0.25)))
    held = allocate(solve(problem), d.population(problem), 2.0, limits=Limits(groups=caps))
    assert change_line(held, "roads", 1.25).interval == (0.0, np.inf)
    loose = allocate(held.curves, held.population, 2.0, limits=Limits(groups=caps[:1]))
    low, high = change_line(loose, "roads", 1.25).interval
    assert 0.0 < low <= loose.price <= high < np.inf


def test_lines_refused():
    d = two_departments()
    problem = d.budgeted()
    people, curves = d.population(problem), solve(problem)
    answer = allocate(curves, people, 2.0)
    with pytest.raises(UsageError, match="no line is called 'roads'"):
        change_line(answer, "roads", 1.0)
    both = Limits(
        groups=(GroupLimit("roads", types=("roads",)), GroupLimit("all", groups=("roads",), most=2.0))
    )
    answer = allocate(curves, people, 2.0, limits=both)
    with pytest.raises(UsageError, match="made of groups or units"):
        change_line(answer, "all", 1.0)


@pytest.mark.nightly
def test_twenty_departments():
    """The framework's check, half a million more for one line, and what must and must not follow."""
    d = load(MODELS / "departments_20")
    problem = d.budgeted({"efficiency": 0.3, "risk": 0.3, "performance": 0.4})
    curves, people = solve(problem, tolerance=1e-3), d.population(problem)
    free = allocate(curves, people, 14_000.0)
    caps = {name: max(600.0, 1.1 * of(free, name)) for name in d.departments}
    caps["department_17"] *= 0.5
    lines = [
        GroupLimit(name, types=(name,), most=most, least=0.0 if name != "department_5" else 500.0)
        for name, most in (caps | {"department_5": 500.0}).items()
    ]
    before = allocate(curves, people, 14_000.0, limits=Limits(groups=tuple(lines)))
    assert change_line(before, "department_1", 2 * caps["department_1"]).unchanged
    both = change_line(before, "department_17", caps["department_17"] + 50, total=14_050.0)
    assert both.unchanged and both.inside
    locked = change_line(before, "department_5", 625.0, total=14_125.0)
    assert locked.unchanged and locked.inside
    fixed = change_line(before, "department_5", 625.0)
    assert sum(fixed.moved) == pytest.approx(-125.0) and fixed.after.price > before.price
    assert not fixed.inside
