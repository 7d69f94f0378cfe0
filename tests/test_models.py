"""Every model of models/ by every method that fits it, against the answers recorded in its expected.toml."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from model_names import names

from optbudget.allocation import allocate
from optbudget.budgeted import solve
from optbudget.files import check, load_expected, load_model
from optbudget.files.catalogue import catalogue
from optbudget.files.expectations import ARGUMENTS
from optbudget.problems import Population

MODELS = Path(__file__).parent.parent / "models"
NAMES = names("budgeted_mdp")
VERTICES = ("exact", "walk", "auto")
"""Methods whose curves have every vertex worth the name; a sweep has only those it met."""


def methods(name):
    """Exact backups need a finite horizon; walking for ever needs equal discounts."""
    problem = load_model(MODELS / name)
    if problem.horizon is not None:
        return ("exact", "walk", "sweep")
    return ("auto", "walk", "sweep") if problem.discount == problem.cost_discount else ("auto", "sweep")


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
        "segments": lambda: len(answer[state]),
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
    if method != "exact" and expected.quantity == "segments":
        return
    quantity, arguments, value = expected.quantity, expected.arguments, expected.value
    if method not in VERTICES and quantity in ("breakpoints", "price"):
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


@pytest.mark.parametrize("name", [name for name in NAMES if "exact" in methods(name)])
def test_walk_finds_every_segment_of_the_backup(name):
    """But those so short that walking may merge them: 1e-9 of the budgets that matter."""
    exact, walked = solved(name, "exact"), solved(name, "walk")
    for label in exact.problem.labels:
        shortest = 1e-9 * (1 + exact[label].largest_useful_budget)
        longer = [int((answer[label].length > shortest).sum()) for answer in (exact, walked)]
        assert longer[0] == longer[1], label


@pytest.mark.parametrize("name", NAMES)
def test_certified(name):
    for method in methods(name):
        assert solved(name, method).gap <= (1e-9 if method in ("exact", "walk") else 1e-4)


ODD = {"ward": ["budget-cap"]}
"""What `check` warns of in a model that is made to be so."""


@pytest.mark.parametrize("name", names())
def test_folder_is_complete(name):
    assert [issue.code for issue in check(MODELS / name)] == ODD.get(name, [])
    assert (MODELS / name / "README.md").is_file()
    assert load_expected(MODELS / name)


def test_catalogue_is_true():
    """If this fails: python -m optbudget.files.catalogue models"""
    assert (MODELS / "README.md").read_text(encoding="utf-8") == catalogue(MODELS)


def test_every_quantity_is_used():
    used = {expected.quantity for name in names() for expected in load_expected(MODELS / name)}
    assert used == set(ARGUMENTS)
