"""Every model of models/ by every method that fits it, against the answers recorded in its expected.toml."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from optbudget.allocation import allocate
from optbudget.budgeted import solve
from optbudget.files import check, load_expected, load_model
from optbudget.files.expectations import ARGUMENTS
from optbudget.problems import Population

MODELS = Path(__file__).parent.parent / "models"
NAMES = sorted(path.parent.name for path in MODELS.glob("*/model.toml"))
FINITE = ("exact", "walk", "sweep")
INFINITE = ("auto", "sweep")
VERTICES = ("exact", "walk", "auto")
"""Methods whose curves have every vertex; a sweep has only those it met."""


def methods(name):
    return FINITE if load_model(MODELS / name).horizon is not None else INFINITE


@cache
def solved(name, method):
    return solve(load_model(MODELS / name), method=method, tolerance=1e-4 if method == "sweep" else 1e-9)


def found(answer, quantity, arguments):
    """A quantity of expected.toml, read off an answer."""
    state, budget = arguments.get("state"), arguments.get("budget")
    several = [answer[label] for label in arguments.get("states", ())]
    if quantity == "allocation_value":
        population = Population.at(answer.problem, arguments["population"])
        return allocate(answer, population, budget).value
    if quantity == "spend_variance":
        at = np.abs(answer[state].budgets - budget).argmin()
        assert abs(answer[state].budgets[at] - budget) <= 1e-6 * (1 + budget)
        return float(answer.variance(state)[at])
    return {
        "value": lambda: float(answer[state].value(budget)),
        "price": lambda: float(answer[state].price(budget)),
        "breakpoints": lambda: np.c_[answer[state].budgets, answer[state].values],
        "segments": lambda: int((answer[state].length > 1e-12).sum()),
        "least_budget": lambda: answer[state].least_budget,
        "largest_useful_budget": lambda: answer[state].largest_useful_budget,
        "mean_largest_useful_budget": lambda: np.mean([c.largest_useful_budget for c in several]),
        "mean_largest_value": lambda: np.mean([c.values[-1] for c in several]),
    }[quantity]()


CASES = [
    pytest.param(name, method, number, id=f"{name}-{method}-{expected.quantity}-{number}")
    for name in NAMES
    for method in methods(name)
    for number, expected in enumerate(load_expected(MODELS / name))
]


@pytest.mark.parametrize("name, method, number", CASES)
def test_recorded_answer(name, method, number):
    expected = load_expected(MODELS / name)[number]
    answer = solved(name, method)
    slack = answer.gap
    quantity, arguments, value = expected.quantity, expected.arguments, expected.value
    if method not in VERTICES and quantity in ("breakpoints", "segments", "price"):
        if quantity == "breakpoints":
            budgets, values = np.array(value).T
            got = answer[arguments["state"]].value(budgets)
            assert (np.abs(got - values) <= expected.tolerance + slack * (1 + np.abs(values))).all()
        return
    got = found(answer, quantity, arguments)
    if quantity.endswith("value"):
        size = 1 + abs(value) + sum(arguments.get("population", {}).values())
        assert abs(got - value) <= expected.tolerance + slack * size
    else:
        assert np.shape(got) == np.shape(value)
        np.testing.assert_allclose(got, value, rtol=0, atol=expected.tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_certified(name):
    for method in methods(name):
        answer = solved(name, method)
        assert answer.gap <= (1e-9 if method in FINITE[:2] else 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_folder_is_complete(name):
    assert check(MODELS / name) == ()
    assert (MODELS / name / "README.md").is_file()
    assert load_expected(MODELS / name)


def test_every_quantity_is_used():
    used = {expected.quantity for name in NAMES for expected in load_expected(MODELS / name)}
    assert used == set(ARGUMENTS)
