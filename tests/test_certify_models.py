"""R1 and R3: every model and adversarial instance gets a certificate that passes, or says it has none."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_names import names

from optbudget.allocation import allocate
from optbudget.budgeted import solve
from optbudget.certify import verify
from optbudget.files import load_model
from optbudget.problems import Population
from optbudget.status import OPTIMAL_GAP, Solution, Termination

from forgeries import random_problem

MANY = int(os.environ.get("OPTBUDGET_CASES", "10000"))
MODELS = Path(__file__).parent.parent / "models"
NAMES = names("budgeted_mdp")
CERTIFIED = (Termination.OPTIMAL, Termination.TOLERANCE)


def failures(verification):
    return [str(check) for check in verification.checks if not check.ok]


def certified_or_said(curves, people, budget):
    """Verify curves and an allocation; returns whether the curves are certified."""
    allocation = allocate(curves, people, budget)
    for noun in (curves, allocation):
        if noun.outcome.solution is Solution.CERTIFIED or noun.outcome.termination is Termination.INFEASIBLE:
            assert failures(verify(noun)) == []
        else:
            assert noun.outcome.termination not in CERTIFIED
            assert not verify(noun).ok
    return curves.outcome.solution is Solution.CERTIFIED


@pytest.mark.parametrize("method", ["auto", "sweep"])
@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_a_certificate(name, method):
    problem = load_model(MODELS / name)
    curves = solve(problem, method=method, tolerance=1e-2 if method == "sweep" else 1e-9)
    people = Population(problem.labels, np.arange(problem.n_states) % 3 + 1)
    least = sum(n * c.start_budget for n, c in zip(people.count, curves.curves, strict=True))
    assert certified_or_said(curves, people, float(least) + 1.37)


def badly_scaled(rng):
    """Costs from 1e-6 to 1e9 in one problem, net or gross."""
    problem = random_problem(rng, int(rng.integers(1, 9)))
    size = 10.0 ** rng.uniform(-6, 9, problem.cost.size)
    cost = np.where(problem.cost > 0, size, 0.0)
    return replace(problem, cost=cost, reward=str(rng.choice(["net", "gross"])))


def adversarial(rng):
    """Utilities too from 1e-6 to 1e9, with values that cancel, and probabilities down to 1e-300."""
    problem = badly_scaled(rng)
    utility = problem.utility * 10.0 ** rng.uniform(-6, 9, problem.cost.size)
    p = problem.probability.copy()
    for row in range(problem.row_ptr.size - 1):
        entries = slice(int(problem.row_ptr[row]), int(problem.row_ptr[row + 1]))
        if entries.stop - entries.start == 2 and rng.integers(3) == 0:
            tiny = 10.0 ** float(rng.choice([-12, -30, -300]))
            p[entries] = (tiny, 1.0)
    return replace(problem, utility=utility, probability=p)


def share_certified(instance, count, seed, method="walk"):
    """The share of instances whose curves are certified to 1e-9; each answer passes or says it does not."""
    rng = np.random.default_rng(seed)
    good = 0
    for _ in range(count):
        problem = instance(rng)
        curves = solve(problem, method=method, tolerance=OPTIMAL_GAP)
        people = Population(problem.labels, rng.integers(0, 1000, problem.n_states))
        most = sum(n * c.largest_useful_budget for n, c in zip(people.count, curves.curves, strict=True))
        certified_or_said(curves, people, float(most) * float(rng.uniform(0, 1.1)))
        good += curves.outcome.termination is Termination.OPTIMAL
    return good / count


@pytest.mark.parametrize("method", ["walk", "exact"])
def test_badly_scaled_costs_are_certified(method):
    assert share_certified(badly_scaled, 120, 21, method) == 1.0


def test_adversarial_instances_are_certified_or_say_that_they_are_not():
    # Where values of 1e9 cancel, 1e-9 of what is left is less than their rounding.
    assert share_certified(adversarial, 120, 21) > 0.2


@pytest.mark.nightly
@pytest.mark.parametrize("method", ["walk", "exact"])
def test_badly_scaled_costs_are_certified_many(method):
    assert share_certified(badly_scaled, MANY // 2, 22, method) >= 0.999


@pytest.mark.nightly
def test_adversarial_instances_are_certified_or_say_that_they_are_not_many():
    assert share_certified(adversarial, MANY, 23) > 0.2
