"""How often actions are taken, what they do besides, and who says it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import run, run_json
from model_names import MODELS
from small_risks import causal_folder, harmful

from optbudget import allocate, solve
from optbudget.budgeted.pruning import PruningPhase, PruningSchedule
from optbudget.errors import NoAnswerError, UsageError
from optbudget.files import load_model, load_population
from optbudget.planning import unintended
from optbudget.planning.spenders import spenders
from optbudget.planning.uses import expected_uses
from optbudget.problems import Population, SideEffects, hold_risk
from optbudget.problems.examples import two_action_example
from optbudget.simulate.prices import priced_units

from reference import expected_uses_of_paths

HARMS = SideEffects(
    ("teaching_posts", "research_fund"), (harmful("teaching_posts", 2.0), harmful("research_fund", 1.0))
)


def university(budget, weight=None):
    problem = load_model(MODELS / "university")
    people = load_population(MODELS / "university", problem)
    if weight is not None:
        problem = hold_risk(problem, HARMS, weight)
    return allocate(solve(problem), people, budget)


def plain_uses(split):
    """Uses of every pair as the twin counts them, path by path, and the expected terminal utility."""
    problem, units = split.curves.problem, spenders(split)
    moves = {
        (int(s), a): {
            int(problem.next_state[e]): float(problem.probability[e])
            for e in range(problem.row_ptr[problem.pair_row[a]], problem.row_ptr[problem.pair_row[a] + 1])
        }
        for a, s in enumerate(problem.pair_state)
    }
    use = np.zeros(problem.cost.size)
    for count, ways in zip(units.count, units.ways, strict=True):
        for way in ways:
            pairs = units.policies[way.policy].pairs
            policy = [lambda s, k, pairs=pairs: int(pairs[k, s])] * problem.horizon
            start = {way.state: float(count * way.probability)}
            for (_, a), number in expected_uses_of_paths(moves, start, policy, problem.discount).items():
                use[a] += number
    return use


def test_uses_are_those_of_every_path_written_out():
    split = university(8000.0)
    assert expected_uses(split).discounted == pytest.approx(plain_uses(split), rel=1e-12)


def test_uses_make_up_the_units_and_the_spend():
    split = university(8000.0)
    problem, uses = split.curves.problem, expected_uses(split)
    assert uses.times.sum() == pytest.approx(split.population.size * problem.horizon)
    assert (uses.discounted <= uses.times).all()


def test_uses_over_an_infinite_horizon_are_discounted_only():
    problem = two_action_example()
    split = allocate(solve(problem), Population.at(problem, {"s": 2}), 5.0)
    uses = expected_uses(split)
    assert np.isnan(uses.times).all()
    assert uses.discounted @ problem.cost == pytest.approx(5.0)
    assert uses.discounted.sum() == pytest.approx(20.0)
    uneven = load_model(MODELS / "uneven_discounts")
    start = {uneven.labels[0]: 1}
    with pytest.raises(NoAnswerError, match="same discount"):
        expected_uses(allocate(solve(uneven), Population.at(uneven, start), 1.0))


def test_harm_and_value_add_up_to_the_value_before():
    split = university(8000.0, weight=2.0)
    found = unintended(split)
    assert found.weight == 2.0 and found.harm > 0
    less = split.curves.problem.risk.utility - split.curves.problem.utility
    assert found.value - split.value == pytest.approx(plain_uses(split) @ less)
    assert found.lower <= found.harm <= found.upper == pytest.approx(2 * found.harm)
    harms = [one.harm for one in found.consequences]
    assert harms == sorted(harms, reverse=True)


def test_without_a_held_risk_the_side_effects_are_named_and_nothing_is_in_the_value():
    split = university(8000.0)
    with pytest.raises(UsageError, match="--risk"):
        unintended(split)
    found = unintended(split, HARMS)
    assert found.weight == 0.0 and found.value == split.value
    assert found.to_arrow().column_names[:4] == ["action", "state", "outcome", "times"]


def test_explain_and_the_page_name_the_consequences_and_their_path(tmp_path):
    causal_folder(HARMS, tmp_path / "causal")
    held = ("--risk", tmp_path / "causal", "--risk-weight", "0.5")
    run("solve", MODELS / "university", *held, "--out", tmp_path / "held", "--quiet")
    run("allocate", tmp_path / "held", "--budget", 8000, "--quiet")
    fields = run_json("explain", tmp_path / "held")["unintended"]
    rows = fields["consequences"]
    assert rows and rows[0]["path"] == "spend -> wait" and rows[0]["probability"] == 0.9
    assert fields["harm"] == pytest.approx(sum(row["harm"] for row in rows)) and fields["weight"] == 0.5
    stated = json.loads((tmp_path / "held" / "result.json").read_text())
    assert fields["value_before"] == pytest.approx(stated["value"] + 0.5 * fields["harm"])
    said = run("explain", tmp_path / "held").stdout
    assert "spend → wait" in said and "given" in said
    run("report", tmp_path / "held", "--out", tmp_path / "page.html", "--quiet")
    page = (tmp_path / "page.html").read_text()
    assert "What it is predicted to do besides" in page and "spend → wait" in page


def test_explain_names_the_consequences_of_a_plan_made_without_them(tmp_path):
    causal_folder(HARMS, tmp_path / "causal")
    run("solve", MODELS / "university", "--out", tmp_path / "plain", "--quiet")
    run("allocate", tmp_path / "plain", "--budget", 8000, "--quiet")
    assert "unintended" not in run_json("explain", tmp_path / "plain")
    beside = run_json("explain", tmp_path / "plain", "--risk", tmp_path / "causal")["unintended"]
    assert beside["weight"] == 0 and beside["harm"] > 0
    run("report", tmp_path / "plain", "--out", tmp_path / "plain.html", "--quiet")
    assert "predicted to do besides" not in (tmp_path / "plain.html").read_text()


def test_an_explanation_is_kept_where_the_harm_cannot_be_said(tmp_path):
    problem = load_model(MODELS / "uneven_discounts")
    first = problem.actions[0]
    causal_folder(SideEffects((first,), (harmful(first, 1.0),)), tmp_path / "causal")
    run("solve", MODELS / "uneven_discounts", "--out", tmp_path / "plan", "--quiet")
    run("allocate", tmp_path / "plan", "--budget", 1, "--quiet")
    plain = run_json("explain", tmp_path / "plan")
    beside = run_json("explain", tmp_path / "plan", "--risk", tmp_path / "causal")
    assert "unintended" not in beside and beside["states"] == plain["states"]
    (unsaid,) = [one for one in beside["sentences"] if one not in plain["sentences"]]
    assert "cannot be said" in unsaid and "same discount" in unsaid


def test_why_no_policy_spends_a_budget_is_that_of_the_curves():
    problem = university(8000.0).curves.problem
    people = load_population(MODELS / "university", problem)
    schedule = PruningSchedule((PruningPhase(slope=2.0),))
    pruned = allocate(solve(problem, method="exact", pruning=schedule, tolerance=1.0), people, 1e9)
    whole = allocate(solve(problem), people, 1e9)
    for split, why in ((pruned, "solve without --prune"), (whole, "no more than rounding")):
        beyond = replace(split, unit_budget=1.01 * split.unit_budget)
        with pytest.raises(NoAnswerError, match=why):
            expected_uses(beyond)
        with pytest.raises(UsageError, match=why):
            priced_units(beyond)
