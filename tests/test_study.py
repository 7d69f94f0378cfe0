"""Comparisons as a person runs them: the command, its files and exits; agreement and what breaks it."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from commands import ROOT, run, run_json

from optbudget.cli import compare as compare_command
from optbudget.cli.run import Run
from optbudget.errors import UsageError
from optbudget.files import load
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram, LinearSolution, Population
from optbudget.problems.comparison import Comparison, RouteResult, Verdict
from optbudget.problems.examples import two_action_example
from optbudget.problems.families import knapsack_family
from optbudget.problems.profile import performance_ratios
from optbudget.report import profile_figure, route_grid
from optbudget.solvers import find
from optbudget.status import Outcome, Solution, Termination
from optbudget.study import (
    GENERATORS,
    compare,
    generate,
    route_names,
    shrink,
    taking,
    write_shrunk,
    write_study,
)
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
    assert repr(found) == "Comparison(x: 1 route without an answer, 0 with the best value)"


def test_profiles_count_failures_as_infinitely_slow():
    one = Comparison("1", 1.0, (said("a", 3.0, solve_seconds=1.0), said("b", 3.0, solve_seconds=2.0)))
    two = Comparison("2", 1.0, (said("a", 3.0, solve_seconds=1.0), said("b", 2.0, solve_seconds=0.1)))
    ratios = performance_ratios([one, two], "q")
    assert ratios["a"].tolist() == [1.0, 1.0] and ratios["b"].tolist() == [2.0, np.inf]


# -- what is proved --------------------------------------------------------------------------------

FOUND = Outcome(Termination.UNKNOWN, Solution.FEASIBLE, "called optimal; no bound was proved")


@pytest.mark.parametrize(
    ("value", "others", "verdict"),
    [
        (3.0, [said("a", 3.0, 3.0)], Verdict.EQUALS_PROVED_BOUND),
        (3.0, [said("a", 2.0, 3.0)], Verdict.EQUALS_PROVED_BOUND),  # Nobody else need reach it.
        (3.0, [said("a", 3.0, 3.1)], Verdict.NOT_PROVED),
        (3.0, [said("a", 3.0)], Verdict.NOT_PROVED),
        (2.9, [said("a", 3.0, 3.0)], Verdict.BELOW_BEST),
        (3.0, [said("a", 3.0, 3.0, question="elsewhere")], Verdict.NOT_PROVED),
    ],
)
def test_an_answer_that_proves_nothing_may_equal_a_proved_bound(value, others, verdict):
    route = RouteResult("scip", "q", outcome=FOUND, value=value, called_optimal=True)
    assert Comparison("x", 1.0, (*others, route)).verdict(route) is verdict


def test_verdicts_of_other_routes():
    own, nobody = said("a", 3.0, 3.0), RouteResult("b", "q", outcome=Outcome(Termination.TIME_LIMIT))
    never = RouteResult("c", "q", outcome=Outcome(Termination.INFEASIBLE))
    found = Comparison("x", 1.0, (own, nobody, never))
    assert [found.verdict(r) for r in found.routes] == [Verdict.PROVED, Verdict.NO_ANSWER, Verdict.INFEASIBLE]


def test_a_bound_on_all_policies_is_one_on_those_that_randomise_nothing():
    wide = said("walk", 3.0, 3.0, question="randomised")
    equal = RouteResult("mip", "deterministic-stage", outcome=FOUND, value=3.0)
    above = replace(equal, value=3.1)
    assert Comparison("x", 1.0, (wide, equal)).verdict(equal) is Verdict.EQUALS_PROVED_BOUND
    assert "mip achieves 3.1" in Comparison("x", 1.0, (wide, above)).disagreements[0]


def test_integer_back_ends_are_told_from_those_that_gave_up():
    found = compare(load(ROOT / "models" / "whole_units"), 10.0, routes=("ip", "mckp_ip/mathopt/*"))
    by = {r.backend: r for r in found.routes}
    for name in ("scip", "cp-sat", "ortools-highs"):
        assert by[name].called_optimal and found.verdict(by[name]) is Verdict.EQUALS_PROVED_BOUND, name
    shown = {row[0]: row for row in route_grid(found).rows}
    assert shown["mckp_ip/mathopt/scip"][2] == "called optimal" and shown["ip"][2] == "OPTIMAL"
    row = found.row(by["scip"])
    assert row["termination"] == "UNKNOWN" and row["solution"] == "FEASIBLE" and row["called_optimal"]


def test_an_integer_program_that_met_its_limit_says_so():
    program = LinearProgram("max", [1.0], [0], [], [], [], [], [0.0], [3.0], [True])
    late = Outcome(Termination.TIME_LIMIT, Solution.FEASIBLE, "stopped (kTimeLimit)")
    solution = LinearSolution(program, late, claimed="kTimeLimit", x=np.array([2.0]), backend="highs-mip")
    met = RouteResult("r", "whole", outcome=FOUND, value=2.0)
    assert taking._as_it_stopped(met, solution).outcome.termination is Termination.TIME_LIMIT
    assert not taking._calls_it_optimal(find("highs-mip"), solution)
    assert taking._calls_it_optimal(find("highs-mip"), replace(solution, claimed="kOptimal"))


def test_the_frontier_is_enumerated_and_not_certified():
    found = compare(load(ROOT / "models" / "toll"), 3.5, routes=("walk", "frontier"))
    frontier = found.routes[1]
    assert frontier.outcome.solution is Solution.FEASIBLE and np.isnan(frontier.bound)
    assert frontier.called_optimal and found.verdict(frontier) is Verdict.NOT_PROVED


# -- the function -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("wlk", "nearest: walk"),
        ("*/glob", "nearest back end: glop"),
        ("cmdp_primal/mathopt/glob", "nearest back end: glop"),
        ("cmdp_primle/*/glop", "nearest: cmdp_primal/"),
        ("qqq", "there are backup, walk"),
        ("*/pyomo:nosuch", "Pyomo knows no solver 'nosuch'"),
        ("*/pyomo:gurobbi_direct", "nearest: gurobi_direct"),
        ("mckp_ip/*", "no route here matches 'mckp_ip/*'"),
    ],
)
def test_patterns_that_are_refused(pattern, said):
    with pytest.raises(UsageError) as caught:
        compare(two_action_example(horizon=2), 1.0, routes=("walk", pattern))
    assert said in str(caught.value)


def test_a_model_without_curves_names_its_routes_too():
    problem = load(ROOT / "models" / "two_limits")
    with pytest.raises(UsageError, match=r"no route here matches 'walk'; there are cmdp_primal/\S+, "):
        compare(problem, routes=("walk",))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "say how much money there is"),
        ({"budget": None}, "say how much money there is"),
        ({"budget": float("nan")}, "it must be a number >= 0"),
        ({"budget": -1}, "it must be a number >= 0"),
        ({"budget": "5"}, "the budget is '5'"),
        ({"budget": True}, "the budget is True"),
        ({"problem": load(ROOT / "models" / "whole_units")}, "say how much money there is"),
        ({"problem": "models/ties"}, r"optbudget.load\(\) reads one"),
        ({"problem": 3}, "this is 3"),
        ({"budget": 1.0, "routes": "ip"}, r"routes=\('ip',\)"),
        ({"budget": 1.0, "routes": ()}, "routes is empty"),
        ({"budget": 1.0, "routes": ("walk", 3)}, "routes holds 3"),
        ({"budget": 1.0, "routes": ("",)}, "routes holds ''"),
        ({"budget": 1.0, "population": {"s": 3}}, r"Population.at\("),
        ({"budget": 1.0, "population": Population(("x",), [3])}, "of the states x"),
        ({"budget": 1.0, "tolerance": -1}, "tolerance is -1"),
        ({"budget": 1.0, "tolerance": None}, "tolerance is None"),
        ({"budget": 1.0, "options": {"time_limit": 3}}, "must be of type Options"),
        ({"budget": 1.0, "monitor": 3}, "must be of type Monitor"),
        ({"budget": 1.0, "stand": 3}, "must be of type Stand"),
    ],
)
def test_arguments_that_are_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        compare(**{"problem": two_action_example(), **arguments})


def test_a_population_goes_with_a_budgeted_problem():
    people = Population(("g",), [1])
    with pytest.raises(UsageError, match="other kinds have no states"):
        compare(load(ROOT / "models" / "whole_units"), 1.0, population=people)


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"seed": "x"}, {"states": 2.5}, {"actions": 1}, {"states": True}]
)
def test_sizes_of_drawn_instances_that_are_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is "):
        generate("random", **{"seed": 1, **wrong})


def test_discounts_that_differ_for_ever_are_proved_by_the_lines_of_the_curves():
    problem = load(ROOT / "models" / "uneven_discounts")
    names = route_names(problem, 3.0)
    assert "sweep" in names and "greedy" in names and "walk" not in names
    sweep, greedy = compare(problem, 3.0, routes=("sweep", "greedy")).routes
    assert sweep.gap <= 1e-6 and sweep.outcome.solution is Solution.CERTIFIED
    assert greedy.answered and greedy.value == pytest.approx(sweep.value, abs=1e-5)


def test_names_of_routes_are_listed_without_solving(monkeypatch):
    monkeypatch.setattr(own_routes, "solve", None)
    names = route_names(two_action_example(horizon=2), 1.0)
    assert {"walk", "mckp_lp/mathopt/glop", "cmdp_dual/pyomo/highs-ipm"} <= set(names)
    assert "cmdp_primal/pyomo/pyomo:gurobi" in route_names(
        two_action_example(horizon=2), 1.0, routes=("*/pyomo:gurobi",)
    )


def test_no_comparison_is_written_without_one(tmp_path):
    with pytest.raises(UsageError, match="no comparison"):
        write_study([], tmp_path / "s")


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


def test_a_missing_solver_asked_for_by_pattern_is_exit_9(model):
    """Nothing that the pattern matches could run; another route's answer does not hide that."""
    done = run("compare", model, "--budget", 1, "--routes", "walk,cmdp_*/pyomo/pyomo:gurobi", code=9)
    assert "install it" in done.stderr and done.stderr.count("pyomo:gurobi is not available") == 1


@pytest.fixture
def mixed(tmp_path):
    """A folder of a budgeted problem, a constrained one and a knapsack."""
    for name in ("ties", "two_limits", "whole_units"):
        copytree(ROOT / "models" / name, tmp_path / "models" / name)
    return tmp_path / "models"


def test_a_pattern_is_skipped_where_a_model_has_no_such_route(mixed, tmp_path):
    command = ("compare", mixed, "--budget", 3, "--routes", "walk, ip")
    done = run(*command, "--out", tmp_path / "s")
    assert "ties has no route ip" in done.stdout and "two_limits has no route walk, ip" in done.stdout
    told = json.loads((tmp_path / "s" / "comparison.json").read_text())
    assert {row["model"]: row["routes"] for row in told["skipped"]} == {
        "ties": ["ip"], "two_limits": ["walk", "ip"], "whole_units": ["walk"],
    }  # fmt: skip
    assert [row["route"] for row in told["routes"]] == ["walk", "ip"]
    only = run_json(*command[:-1], "ip")
    assert [row["model"] for row in only["routes"]] == ["whole_units"]


def test_what_no_model_of_a_folder_has_is_refused_before_anything_is_solved(mixed, monkeypatch):
    monkeypatch.setattr("optbudget.study.compare", None)
    done = run("compare", mixed, "--budget", 3, "--routes", "walk,*/glob", code=2)
    assert "nearest back end: glop" in done.stderr
    done = run("compare", mixed, code=2)
    assert "how much money there is for ties" in done.stderr
    (mixed / "ties" / "actions.csv").write_text("state\n")
    run("compare", mixed, "--budget", 3, code=3)


def test_a_limit_before_the_first_route_shows_no_empty_table(model, mixed):
    for where in (model, mixed):
        done = run("compare", where, "--budget", 3, "--time-limit", 0, code=7)
        assert done.stdout == "nothing was compared: the limit came before the first route\n"
    assert "and 2 models" in done.stderr
    run("compare", mixed, "--budget", 3, "--time-limit", 0, "--out", model.parent / "s", code=7)
    assert {path.suffix for path in (model.parent / "s").iterdir()} == {".json", ".csv", ".parquet"}


def test_a_broken_model_of_a_folder_is_named(mixed):
    (mixed / "ties" / "model.toml").write_text('kind = "nope"')
    done = run("compare", mixed, "--budget", 3, code=3)
    assert done.stderr.startswith("ties/model.toml:1: kind is 'nope'")


@pytest.mark.parametrize("name", ["empty", "nested", "study"])
def test_a_folder_without_models_is_told(model, tmp_path, name):
    (tmp_path / "empty").mkdir()
    copytree(model, tmp_path / "nested" / "deep" / "m")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "comparison.json").write_text("{}")
    done = run("compare", tmp_path / name, "--budget", 3, code=3)
    assert f"{name} is no model (it has no model.toml), and no folder in it is one" in done.stderr


class Impatient(Monitor):
    """Lets so many looks pass and then says that the time is over."""

    def __init__(self, looks):
        super().__init__()
        self.left = looks

    def stop_reason(self):
        self.left -= 1
        return None if self.left >= 0 else Termination.TIME_LIMIT


def test_a_limit_ends_our_own_routes_where_they_are():
    unit = generate("random", seed=1, states=5, actions=3, horizon=6)
    found = compare(unit, 3.0, routes=("backup", "walk"), monitor=Impatient(2))
    assert [r.route for r in found.routes] == ["backup"] and found.left_out == ("walk",)
    assert found.routes[0].outcome.termination is Termination.TIME_LIMIT
    assert found.verdict(found.routes[0]) is Verdict.NO_ANSWER


def test_a_limit_of_size_is_no_crash_of_a_back_end():
    unit = generate("random", seed=1, states=5, actions=3, horizon=6)
    found = compare(unit, 3.0, routes=("frontier",), monitor=Monitor(memory_limit=10))
    assert found.routes[0].outcome.termination is Termination.MEMORY_LIMIT


def test_lines_of_a_profile_rise_beside_the_axis_and_not_on_it():
    pair = (said("a", 3.0, solve_seconds=1.0), said("b", 3.0, solve_seconds=2.0))
    axes = profile_figure([Comparison("1", 1.0, pair), Comparison("2", 1.0, pair)]).axes[0]
    assert axes.get_xlim()[0] < 1.0 and axes.lines[0].get_xdata()[1] == 1.0


def test_infeasible_for_all_is_agreement(tmp_path):
    done = run("compare", ROOT / "models" / "toll", "--budget", 0.1, "--routes", FAST, code=4)
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

    def lie(curves, people, budget, *, method, **more):
        answer = true(curves, people, budget, method=method, **more)
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
