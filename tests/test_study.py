"""Comparisons as a person runs them: the command, its files and exits; agreement and what breaks it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from commands import ROOT, run, run_json

from optbudget.cli import compare as compare_command
from optbudget.cli.run import Run
from optbudget.errors import UsageError
from optbudget.files import load
from optbudget.problems import ConstrainedMDP, Knapsack, Population
from optbudget.problems.comparison import Comparison, RouteResult
from optbudget.problems.examples import two_action_example
from optbudget.problems.families import knapsack_family
from optbudget.problems.profile import performance_ratios
from optbudget.status import Outcome, Solution, Termination
from optbudget.study import GENERATORS, compare, generate, shrink, write_shrunk
from optbudget.study import own as own_routes
from optbudget.study.shrink import quarrel
from optbudget.workers import Monitor

FAST = "walk,greedy,cmdp_primal/mathopt/glop,cmdp_dual/pyomo/highs-simplex"
DONE = Outcome(Termination.OPTIMAL, Solution.CERTIFIED)


def said(route, value, bound=np.nan, question="q", **more):
    return RouteResult(route, question, outcome=DONE, value=value, bound=bound, **more)


# -- the verdict ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routes", "word"),
    [
        ((said("a", 3.0, 3.0), said("b", 2.0, 2.5)), "above what b proves"),
        ((said("a", 3.0), said("b", 2.0, claimed_bound=2.9, backend="x")), "above what x says"),
        ((said("a", 3.0, exact=True), said("b", 3.0 - 1e-7, exact=True)), "both are exact"),
        ((said("a", 3.0), RouteResult("b", "q", outcome=Outcome(Termination.INFEASIBLE))), "no answer"),
    ],
)
def test_routes_that_cannot_both_be_right(routes, word):
    found = Comparison("x", 1.0, routes)
    assert not found.agree and word in found.disagreements[0]


def test_routes_to_different_questions_never_disagree():
    assert Comparison("x", 1.0, (said("a", 3.0, 3.0), said("b", 2.0, 2.5, question="other"))).agree


def test_an_exact_method_that_says_how_far_it_got_is_no_liar():
    short = replace(
        said("b", 3.0 - 1e-7, 3.0, exact=True), outcome=Outcome(Termination.NUMERICAL, Solution.CERTIFIED)
    )
    assert Comparison("x", 1.0, (said("a", 3.0, exact=True), short)).agree


def test_nobody_who_answers_is_no_agreement():
    lost = RouteResult("a", "q", outcome=Outcome(Termination.TIME_LIMIT))
    found = Comparison("x", 1.0, (lost,))
    assert not found.agree and not found.disagreements


def test_profiles_count_failures_as_infinitely_slow():
    one = Comparison("1", 1.0, (said("a", 3.0, solve_seconds=1.0), said("b", 3.0, solve_seconds=2.0)))
    two = Comparison("2", 1.0, (said("a", 3.0, solve_seconds=1.0), said("b", 2.0, solve_seconds=0.1)))
    ratios = performance_ratios([one, two], "q")
    assert ratios["a"].tolist() == [1.0, 1.0] and ratios["b"].tolist() == [2.0, np.inf]


# -- the function -----------------------------------------------------------------------------------


def test_patterns_and_budgets_that_are_refused():
    with pytest.raises(UsageError, match="nearest: walk"):
        compare(two_action_example(), 1.0, routes=("wlk",))
    with pytest.raises(UsageError, match="a number >= 0"):
        compare(two_action_example(), -1.0)


def test_a_limit_between_two_routes_names_those_left_out():
    monitor = Monitor()
    monitor.interrupt()
    found = compare(two_action_example(), 1.0, routes=("walk", "greedy"), monitor=monitor)
    assert found.routes == () and found.left_out == ("walk", "greedy")


def test_a_population_is_split_by_curves_and_by_the_declared_relaxation():
    unit = two_action_example(horizon=3)
    found = compare(
        unit, 4.0, population=Population.at(unit, {"s": 3}),
        routes=("greedy", "price", "mckp_lp/mathopt/glop", "mckp_ip/pyomo/highs-mip"),
    )  # fmt: skip
    assert found.agree, found.disagreements
    values = [r.value for r in found.routes if r.question == "relaxation"]
    assert values == pytest.approx([values[0]] * 3, rel=1e-9)


def test_a_constrained_problem_takes_the_budget_that_is_asked_for():
    unit = two_action_example(horizon=2)
    found = compare(ConstrainedMDP(unit, 9.0), 0.5, routes=("walk", "cmdp_primal/mathopt/glop"))
    assert found.routes[0].value == pytest.approx(compare(unit, 0.5, routes=("walk",)).routes[0].value)


@pytest.mark.parametrize("family", GENERATORS)
def test_drawn_instances_are_the_same_for_the_same_seed(family):
    one, two = (generate(family, seed=7, states=4) for _ in range(2))
    for name in ("cost", "utility", "probability", "next_state", "row_ptr"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    other = generate(family, seed=8, states=4)
    assert not all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("cost", "terminal_utility"))


# -- the command --------------------------------------------------------------------------------------


def test_compare_says_what_design_fixes(model, tmp_path):
    told = run_json("compare", model, "--budget", 5, "--routes", FAST, "--out", tmp_path / "study")
    assert told["agree"] is True and told["tolerance"] == 1e-7 and len(told["routes"]) == 4
    fields = {"route", "formulation", "backend", "termination", "solution", "value", "bound", "gap",
              "build_seconds", "solve_seconds", "memory_mb"}  # fmt: skip
    assert all(fields <= row.keys() for row in told["routes"])
    names = {path.name for path in (tmp_path / "study").iterdir()}
    assert names == {"comparison.json", "routes.csv", "routes.parquet", "routes.png", "routes.svg"}
    table = pq.read_table(tmp_path / "study" / "routes.parquet")
    assert table.column("route").to_pylist() == [row["route"] for row in told["routes"]]
    assert table.column("value").to_pylist() == [row["value"] for row in told["routes"]]
    run("compare", model, "--budget", 6, "--routes", "walk", "--out", tmp_path / "study")  # replaced whole


def test_compare_a_folder_of_models(tmp_path):
    for k, seed in enumerate((1, 2)):
        from optbudget.files import save

        save(generate("random", seed=seed, states=3, horizon=3), tmp_path / "models" / f"m{k}")
    out = tmp_path / "study"
    done = run("compare", tmp_path / "models", "--budget", 3, "--routes", FAST, "--out", out)
    assert "2 models by every route" in done.stdout and "all agree" in done.stdout
    told = json.loads((out / "comparison.json").read_text())
    assert [row["model"] for row in told["routes"]] == ["m0"] * 4 + ["m1"] * 4
    assert (out / "profile.svg").is_file() and (out / "profile.png").is_file()


def test_usage_is_exit_2(model, tmp_path):
    run("compare", model, code=2)
    run("compare", model, "--budget", -1, code=2)
    run("compare", model, "--budget", 1, "--routes", "nobody", code=2)
    run("compare", model, "--budget", 1, "--tolerance", -1, code=2)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    run("compare", model, "--budget", 1, "--out", tmp_path / "taken", code=2)
    assert (tmp_path / "taken" / "file").read_text() == "mine"
    run("compare", tmp_path / "nowhere", "--budget", 1, code=3)


def test_a_missing_solver_asked_for_by_name_is_exit_9(model):
    done = run("compare", model, "--budget", 1, "--routes", "walk,cmdp_primal/pyomo/pyomo:gurobi", code=9)
    assert "gurobi" in done.stderr


def test_infeasible_for_all_is_agreement(tmp_path):
    done = run("compare", ROOT / "models" / "toll", "--budget", 0.1, "--routes", FAST)
    assert "INFEASIBLE" in done.stdout and "all agree" in done.stdout


def test_export_writes_the_declared_program(model, tmp_path):
    told = run_json("export", model, "--formulation", "cmdp_lp", "--budget", 3, "--out", tmp_path / "p.mps")
    assert told["columns"] > 0 and (tmp_path / "p.mps").read_text().startswith("NAME cmdp_primal")
    run("export", model, "--formulation", "cmdp_dual", "--budget", 3, "--out", tmp_path / "p.lp")
    assert (tmp_path / "p.lp").read_text().startswith("minimize")
    run("export", model, "--formulation", "mckp_lp", "--budget", 3, "--out", tmp_path / "q.lp", code=2)
    run("export", model, "--formulation", "cmdp_lp", "--out", tmp_path / "q.lp", code=2)
    run("export", model, "--formulation", "cmdp_lp", "--budget", 3, "--out", tmp_path / "q.txt", code=2)
    run("export", model, "--formulation", "cmdp", "--budget", 3, "--out", tmp_path / "q.lp", code=2)


# -- a disagreement is shrunk ---------------------------------------------------------------------------


@pytest.fixture
def lying_price(monkeypatch):
    """Route "price" adds value wherever an action costs more than 1: a wrong number, not a crash."""
    true = own_routes.allocate

    def lie(curves, people, budget, *, method):
        answer = true(curves, people, budget, method=method)
        dear = curves.problem.cost.max() > 1
        if method == "price" and dear and answer.outcome.solution is not Solution.NONE:
            return replace(answer, value=answer.value + 1.0, bound=answer.bound + 1.0)
        return answer

    monkeypatch.setattr(own_routes, "allocate", lie)


def test_a_lie_is_shrunk_to_one_action(lying_price, tmp_path):
    unit = generate("random", seed=5, states=4, actions=3, horizon=4)
    found = compare(unit, 6.0, routes=("walk", "price"))
    assert not found.agree and quarrel(found) == ("walk", "price")
    small = shrink(unit, 6.0, found)
    assert small.comparison.disagreements
    # The dear action is beyond the budget, so a free one has to stay.
    assert small.problem.cost.size == 2 and small.problem.horizon == 1 and small.problem.n_states == 1
    assert sorted(small.problem.cost > 1) == [False, True]
    write_shrunk([small], tmp_path)
    place = next((tmp_path / "disagreements").iterdir())
    assert load(place).cost.size == 2
    text = (place / "README.md").read_text()
    assert "price achieves" in text and "walk" in text and "optbudget compare" in text


def test_the_command_shrinks_and_exits_8(lying_price, model, tmp_path):
    run("compare", model, "--budget", 20, "--routes", "walk,price", "--out", tmp_path / "study", code=8)
    places = list((tmp_path / "study" / "disagreements").iterdir())
    assert len(places) == 1
    assert {"README.md", "model.toml"} <= {path.name for path in places[0].iterdir()}
    told = json.loads((tmp_path / "study" / "comparison.json").read_text())
    assert told["agree"] is False and told["models"][0]["disagreements"]


def test_a_lie_about_a_knapsack_is_shrunk(tmp_path):
    """A judge that cannot stand an option worth 7 or more."""
    problem, budget = knapsack_family("uncorrelated", 6, 4, seed=3, largest=20, copies=3)

    def judge(instance):
        one, money, _ = instance
        top = float(one.value.max())
        return Comparison("x", money, (said("a", top, top), said("b", 0.0, 0.5 if top >= 7 else top)))

    found = judge((problem, budget, None))
    small = shrink(problem, budget, found, judge=judge)
    assert isinstance(small.problem, Knapsack)
    assert small.problem.cost.size == 1 and small.problem.size == 1 and small.problem.value[0] >= 7
    write_shrunk([small], tmp_path)
    assert (next((tmp_path / "disagreements").iterdir()) / "README.md").is_file()


def test_a_population_is_shrunk_too():
    unit = generate("random", seed=2, states=3, actions=2, horizon=2)
    people = Population(unit.labels, [5, 4, 3])

    def judge(instance):
        _, money, left = instance
        return Comparison("x", money, (said("a", 1.0, 1.0), said("b", 0.0, 0.5 if left.size >= 2 else 1.0)))

    small = shrink(unit, 3.0, judge((unit, 3.0, people)), population=people, judge=judge)
    assert small.population is not None and small.population.size == 2


def test_agreement_is_not_shrunk():
    with pytest.raises(UsageError, match="nothing to shrink"):
        shrink(two_action_example(), 1.0, Comparison("x", 1.0, (said("a", 1.0, 1.0),)))


def test_nothing_of_this_machine_is_in_a_study(model, tmp_path):
    run("compare", model, "--budget", 5, "--routes", "walk,greedy", "--out", tmp_path / "study")
    text = (tmp_path / "study" / "comparison.json").read_text()
    assert str(Path(tmp_path)) not in text


@pytest.mark.parametrize("cap", [0.5, 1.0, 3.0])
def test_a_cap_is_a_limit_for_every_route(cap):
    problem = replace(load(ROOT / "models" / "ties"), budget_cap=cap)
    found = compare(
        problem, 10.0, routes=("walk", "backup", "greedy", "cmdp_*/*/glop", "cmdp_*/*/highs-simplex")
    )
    assert found.agree, found.disagreements
    assert all(found.same_value(route) and route.gap <= 1e-9 for route in found.routes)
    assert len({round(route.value, 9) for route in found.routes}) == 1
    free = compare(replace(problem, budget_cap=None), 10.0, routes=("walk",))
    assert (found.best("randomised") < free.best("randomised")) == (cap < 3)


def test_a_study_replaces_no_result(model, tmp_path):
    run("solve", model, "--out", tmp_path / "r", "--quiet")
    before = (tmp_path / "r" / "result.json").read_bytes()
    done = run("compare", model, "--budget", 6, "--routes", "walk", "--out", tmp_path / "r", code=2)
    assert "r exists and is not a comparison of optbudget" in done.stderr
    assert (tmp_path / "r" / "result.json").read_bytes() == before
    run("compare", model, "--budget", 6, "--routes", "walk", "--out", tmp_path / "s")
    done = run("solve", model, "--out", tmp_path / "s", "--quiet", code=2)
    assert "s exists and is not a result of optbudget" in done.stderr


@pytest.mark.parametrize(("interrupted", "code"), [(True, 130), (False, 6)])
def test_an_interrupted_study_is_not_a_wide_gap(interrupted, code):
    left = Comparison("m", 1.0, (said("a", 3.0, 3.0),), left_out=("b",))
    with pytest.raises(typer.Exit) as ended:
        compare_command._end(Run(), [left], (), 0, interrupted=interrupted)
    assert ended.value.exit_code == code
