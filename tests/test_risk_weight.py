"""The trade-off over the risk weight beside grids and declared programs; harm on a budget; the command."""

from dataclasses import replace

import numpy as np
import pytest
from commands import run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st
from model_names import MODELS
from small_risks import causal_folder, harmful, refused

from optbudget import allocate, solve
from optbudget.cli import exits
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.files import load_model, load_population
from optbudget.planning import at_both_ends, risk_trade_off, unintended
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Population, SideEffects, hold_risk
from optbudget.problems.examples import two_action_example
from optbudget.problems.risk_budget import with_risk_budget
from optbudget.report.risk_trade_off import flip_sentences
from optbudget.study import compare

HARMS = SideEffects(
    ("teaching_posts", "research_fund"), (harmful("teaching_posts", 20.0), harmful("research_fund", 30.0))
)


ROUTES = ("walk", "cmdp_primal/mathopt/glop", "cmdp_dual/mathopt/glop", "cmdp_primal/pyomo/highs")


def one_decision(actions):
    """States with options (cost, utility, harm) in one decision, and the harms of the options."""
    rows, harms = {"state": [], "action": [], "cost": [], "utility": []}, []
    for s, options in enumerate(actions):
        for k, (cost, utility, harm) in enumerate(options):
            rows["state"].append(f"s{s}"), rows["action"].append(f"a{s}{k}")
            rows["cost"].append(float(cost)), rows["utility"].append(float(utility))
            harms.append(harmful(f"a{s}{k}", float(harm)))
    moves = {
        "state": rows["state"], "action": rows["action"], "next_state": rows["state"],
        "probability": [1.0] * len(harms),
    }  # fmt: skip
    problem = BudgetedMDP.from_tables(moves, rows, discount=1.0, cost_discount=1.0, horizon=1, reward="gross")
    return problem, SideEffects(tuple(row.action for row in harms), tuple(harms))


options = st.tuples(st.integers(0, 3), st.integers(-2, 4), st.integers(0, 3))
small = st.lists(
    st.lists(options, min_size=1, max_size=3).map(lambda more: [(0, 0, 0), *more]), min_size=1, max_size=2
)


def worth(problem, harms, people, budget, weight):
    return allocate(solve(hold_risk(problem, harms, weight), tolerance=1e-9), people, budget).value


@settings(max_examples=25, deadline=None)
@given(small, st.integers(0, 4))
def test_the_pieces_are_those_of_a_fine_grid(actions, budget):
    problem, harms = one_decision(actions)
    people = Population.at(problem, dict.fromkeys(problem.labels, 1))
    found = risk_trade_off(problem, harms, people, float(budget), weights=(0.0, 3.0))
    assert found.settled
    for weight in np.linspace(0.0, 3.0, 13).tolist() + [flip.weight for flip in found.flips]:
        assert found.worth(weight) == pytest.approx(worth(problem, harms, people, budget, weight), abs=1e-7)
    harm, value = ([getattr(plan, name) for plan in found.plans] for name in ("harm", "value"))
    assert (np.diff(harm) < 1e-9).all() and (np.diff(value) < 1e-9).all()
    assert [flip.weight for flip in found.flips] == sorted(flip.weight for flip in found.flips)


def depot():
    """Units, and harms at whose crossing an action is worth nothing in the last decision."""
    pairs = [(s, a) for s in ("slow", "fast") for a in ("usual", "extra", "big")]
    fast = (0.2, 0.5, 0.7, 0.5, 0.7, 0.9)
    moves = {
        "state": [s for s, _ in pairs for _ in range(2)], "action": [a for _, a in pairs for _ in range(2)],
        "next_state": ["slow", "fast"] * 6, "probability": [p for q in fast for p in (1 - q, q)],
    }  # fmt: skip
    rows = {
        "state": [s for s, _ in pairs], "action": [a for _, a in pairs], "cost": [0.0, 1.0, 2.5] * 2,
        "utility": [0.0, 1.0, 2.0, 10.0, 11.0, 12.0],
    }  # fmt: skip
    problem = BudgetedMDP.from_tables(
        moves, rows, discount=0.95, cost_discount=1.0, horizon=6, reward="gross"
    )
    harms = (harmful("extra", 1.7561380922414633), harmful("big", 8.49379732888058))
    return problem, SideEffects(("extra", "big"), harms), Population.at(problem, {"slow": 20, "fast": 5})


def test_an_action_that_is_just_worthless_at_a_crossing_gets_no_money():
    problem, harms, people = depot()
    found = risk_trade_off(problem, harms, people, 60.0, weights=(0.0, 10.0))
    assert found.settled and len(found.plans) > 2
    for flip in found.flips:
        held = solve(hold_risk(problem, harms, flip.weight), tolerance=1e-9)
        assert min(curve.prices.min(initial=1.0) for curve in held.curves) > 1e-9
        unintended(allocate(held, people, 60.0))


def test_no_curve_ends_with_a_segment_that_rounding_alone_is_worth():
    """At these weights "big" gains some units in the last place of values about 11, for 2.5 of money."""
    problem, _, _ = depot()
    harms = (harmful("extra", 3.32836283846974), harmful("big", 5.519907014552841))
    for units in range(6):
        weight = 1.563588879117726 * (1 - units * 2.0**-52)
        held = solve(hold_risk(problem, SideEffects(("extra", "big"), harms), weight), tolerance=1e-9)
        assert min(curve.prices.min(initial=1.0) for curve in held.curves) > 1e-9


def test_a_crossing_whose_harm_cannot_be_said_stays_open_and_keeps_the_rest(monkeypatch):
    problem, harms, people = depot()

    def at_the_ends(split):
        if split.curves.problem.risk.weight not in (0.0, 10.0):
            raise NoAnswerError("prices that differ by rounding")
        return unintended(split)

    whole = risk_trade_off(problem, harms, people, 60.0, weights=(0.0, 10.0))
    monkeypatch.setattr("optbudget.planning.risk_weight.unintended", at_the_ends)
    part = risk_trade_off(problem, harms, people, 60.0, weights=(0.0, 10.0))
    assert not part.settled and len(whole.plans) > len(part.plans) == 2
    (flip,) = part.flips
    assert whole.worth(flip.weight) <= part.worth(flip.weight) + flip.error + 1e-6
    (_, advice) = flip_sentences(part)
    assert "prices that differ by rounding" in advice and "--risk-weights" in advice
    assert "--most" not in advice


def test_either_side_of_a_flip_helps_where_a_harm_cannot_be_said(monkeypatch):
    problem, harms, people = depot()
    whole = risk_trade_off(problem, harms, people, 60.0, weights=(0.0, 10.0))
    first = whole.plans[0], whole.plans[-1]
    crossing = (first[0].value - first[1].value) / (first[0].harm - first[1].harm)

    def unless_there(split):
        if split.curves.problem.risk.weight == pytest.approx(crossing, rel=1e-9):
            raise NoAnswerError("prices that differ by rounding")
        return unintended(split)

    monkeypatch.setattr("optbudget.planning.risk_weight.unintended", unless_there)
    assert not risk_trade_off(problem, harms, people, 60.0, weights=(0.0, 10.0)).settled
    sides = [(0.0, 0.999 * crossing), (1.001 * crossing, 10.0)]
    found = [risk_trade_off(problem, harms, people, 60.0, weights=side) for side in sides]
    assert all(one.settled for one in found)
    assert {round(plan.harm, 6) for one in found for plan in one.plans} == {
        round(plan.harm, 6) for plan in whole.plans
    }


def test_a_search_that_is_cut_short_says_how_much_may_hide():
    problem = load_model(MODELS / "university")
    people = load_population(MODELS / "university", problem)
    whole = risk_trade_off(problem, HARMS, people, 8000.0, weights=(0.0, 1.0))
    part = risk_trade_off(problem, HARMS, people, 8000.0, weights=(0.0, 1.0), most=4)
    assert whole.settled and not part.settled and len(part.plans) < len(whole.plans)
    for flip in part.flips:
        above = whole.worth(flip.weight) - part.worth(flip.weight)
        assert -1e-6 <= above <= flip.error + 1e-6
    assert part.plans[0].harm == pytest.approx(whole.plans[0].harm)


def test_both_ends_are_solved_again():
    problem, harms = one_decision([[(0, 0, 0), (1, 3, 1)]])
    people = Population.at(problem, {"s0": 2})
    ends = at_both_ends(problem, harms, people, 2.0, 2.0)
    assert {end: split.value for end, split in ends.items()} == {"lower": 6.0, "expected": 2.0, "upper": 0.0}
    assert ends["upper"].spent == 0.0 and ends["expected"].spent == 2.0


def test_what_is_refused():
    problem, harms = one_decision([[(1, 3, 1)]])
    people = Population.at(problem, {"s0": 2})
    with pytest.raises(UsageError, match="weights"):
        risk_trade_off(problem, harms, people, 2.0, weights=(1.0, 0.5))
    with pytest.raises(UsageError, match="2 at least"):
        risk_trade_off(problem, harms, people, 2.0, most=1)
    with pytest.raises(NoAnswerError, match="least"):
        risk_trade_off(problem, harms, people, 1.0)
    with pytest.raises(ProblemError, match="does not vary"):
        risk_trade_off(problem, refused("a00"), people, 2.0)


def harmful_action(horizon):
    return two_action_example(horizon=horizon), SideEffects(("a",), (harmful("a", 3.0),))


@pytest.mark.parametrize("horizon", [3, None])
def test_harm_as_objective_agrees_with_every_declared_program(horizon):
    problem, harms = harmful_action(horizon)
    held = compare(hold_risk(problem, harms, 0.5), 1.2, routes=ROUTES)
    term = compare(ConstrainedMDP(problem, 1.2, risk=harms.risk_term(problem, 0.5)), 1.2, routes=ROUTES)
    assert held.agree and term.agree
    values = {route.value for found in (held, term) for route in found.routes if route.answered}
    assert max(values) - min(values) < 1e-6


@pytest.mark.parametrize("limit", [0.0, 2.0, 5.0, 100.0])
def test_harm_on_a_budget_is_the_dual_of_the_trade_off(limit):
    problem, harms = harmful_action(3)
    people = Population.at(problem, {"s": 1})
    found = risk_trade_off(problem, harms, people, 1.2, weights=(0.0, 10.0))
    kinks = [0.0, *(flip.weight for flip in found.flips), 10.0]
    dual = min(found.worth(weight) + weight * limit for weight in kinks)
    limited = with_risk_budget(ConstrainedMDP(problem, 1.2), harms, limit)
    declared = compare(limited, routes=ROUTES[1:])
    assert declared.agree and len([r for r in declared.routes if r.answered]) >= 2
    assert max(r.value for r in declared.routes if r.answered) == pytest.approx(dual, abs=1e-6)


def test_harm_on_a_budget_counts_at_the_ends_and_once():
    problem, harms = harmful_action(3)
    limited = with_risk_budget(ConstrainedMDP(problem, 1.2), harms, 2.0, end="upper")
    assert limited.resource_cost.tolist() == [[6.0, 0.0]] and limited.resources == ("risk",)
    with pytest.raises(ProblemError, match="already"):
        with_risk_budget(limited, harms, 2.0)
    with pytest.raises(ProblemError, match="does not vary"):
        with_risk_budget(ConstrainedMDP(problem, 1.2), refused("a"), 2.0)


def test_the_command_shows_plans_flips_and_both_ends(tmp_path):
    causal_folder(HARMS, tmp_path / "causal")
    asked = ("tradeoff", MODELS / "university", "--risk", tmp_path / "causal", "--budget", 8000)
    fields = run_json(*asked, "--risk-weights", "0:1", "--most", 9, "--figure", tmp_path / "f.png")
    plans = fields["plans"]
    assert plans[0]["from"] == 0 and plans[-1]["to"] == 1 and plans[0]["given_up"] == 0
    assert [row["harm"] for row in plans] == sorted((row["harm"] for row in plans), reverse=True)
    assert len(fields["flips"]) == len(plans) - 1 and set(fields["ends"]) >= {"lower", "expected", "upper"}
    assert (tmp_path / "f.png").stat().st_size > 10_000
    said = run(*asked, "--risk-weights", "0:1", "--most", 3).stdout
    assert "flips" in said and "Both ends" in said
    assert "LO:HI" in run(*asked, "--risk-weights", "2", code=2).stderr
    assert "--risk DIR" in run("tradeoff", MODELS / "university", "--budget", 1, code=2).stderr
    for wrong in ("--budget=-1", "--budget=nan"):
        assert "--budget is" in run("tradeoff", MODELS / "university", *asked[2:4], wrong, code=2).stderr
    causal_folder(refused("new_chair"), tmp_path / "unknown")
    wrong = ("--risk", tmp_path / "unknown", "--budget", 1)
    assert "does not vary" in run("tradeoff", MODELS / "university", *wrong, code=exits.INVALID).stderr


def test_a_trade_off_begins_without_the_risk_that_a_problem_holds():
    problem, harms = one_decision([[(0, 0, 0), (1, 3, 1)]])
    people = Population.at(problem, {"s0": 1})
    held = replace(hold_risk(problem, harms, 5.0))
    plain, again = (risk_trade_off(p, harms, people, 1.0, weights=(0.0, 9.0)) for p in (problem, held))
    assert [f.weight for f in plain.flips] == [f.weight for f in again.flips] == [pytest.approx(3.0)]
