"""Model folders of kind "constrained_mdp", the programs that a model lists, and models/two_limits solved."""

import math
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from commands import run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st
from model_names import MODELS, kind_of, names
from small_problems import plain_models, problem_of

from optbudget.cli import exits
from optbudget.cli.starters import STARTERS
from optbudget.errors import FIRST_ISSUES, ProblemError
from optbudget.files import check, load, load_expected, load_model, load_problem, model_hash, save
from optbudget.formulations import STATEMENTS, declared, read_primal
from optbudget.problems import ConstrainedMDP, RiskTerm
from optbudget.problems.applying import A_SPLIT, APPLYING, ONE_UNIT
from optbudget.solvers import solve_program
from optbudget.status import Termination
from optbudget.study import compare
from optbudget.study.routes import applies

TWO_LIMITS = MODELS / "two_limits"


def same(one, other):
    """Whether two constrained problems are the same numbers."""
    arrays = (
        "pair_ptr", "pair_action", "pair_row", "cost", "utility", "row_ptr", "next_state", "probability",
        "terminal_utility", "initial_state", "initial_probability",
    )  # fmt: skip
    words = (
        "states",
        "actions",
        "state_type",
        "discount",
        "cost_discount",
        "horizon",
        "reward",
        "formulations",
    )
    return (
        all(np.array_equal(getattr(one.problem, name), getattr(other.problem, name)) for name in arrays)
        and all(getattr(one.problem, name) == getattr(other.problem, name) for name in words)
        and one.resources == other.resources
        and np.array_equal(one.cost, other.cost)
        and np.array_equal(one.limit, other.limit)
    )


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    """A copy of models/two_limits to spoil."""
    shutil.copytree(TWO_LIMITS, tmp_path / "m")
    return tmp_path / "m"


def edit(folder, name, old, new):
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


class TestReading:
    def test_two_limits(self):
        problem = load(TWO_LIMITS)
        assert isinstance(problem, ConstrainedMDP)
        assert problem.resources == ("hours",)
        assert problem.limit.tolist() == [1.125, 0.625]
        used = {problem.pair_name(k): problem.cost[:, k].tolist() for k in range(5)}
        assert used["lead", "call"] == [0.0, 1.0]
        assert used["interested", "offer"] == [2.0, 0.0]
        assert used["interested", "visit"] == [0.0, 2.0]
        assert problem.problem.folder.sha256 == model_hash(TWO_LIMITS)
        assert check(TWO_LIMITS) == ()

    def test_rows_in_any_order_keep_their_costs(self, folder):
        lines = (folder / "actions.csv").read_text().splitlines()
        (folder / "actions.csv").write_text(
            "\n".join([lines[0], *(lines[k] for k in (4, 1, 5, 2, 3))]) + "\n"
        )
        problem = load(folder)
        used = {problem.pair_name(k): problem.cost[:, k].tolist() for k in range(5)}
        was = load(TWO_LIMITS)
        assert used == {was.pair_name(k): was.cost[:, k].tolist() for k in range(5)}

    def test_no_limit_is_inf(self, folder):
        edit(folder, "model.toml", "cost_hours = 0.625", "cost_hours = inf")
        assert load(folder).limit.tolist() == [1.125, math.inf]

    def test_money_alone(self, folder):
        edit(folder, "model.toml", "cost_hours = 0.625\n", "")
        edit(folder, "actions.csv", "cost_hours", "hours_used")
        issues = check(folder)
        assert [issue.severity for issue in issues] == ["warning"]  # An unknown column.
        assert load_problem.__name__ and issues[0].file == "actions.csv"

    def test_the_hash_follows_the_limits(self, folder):
        before = model_hash(folder)
        edit(folder, "model.toml", "1.125", "1.25")
        assert model_hash(folder) != before

    def test_a_mended_model_has_no_hash(self, folder):
        edit(folder, "transitions.csv", "lead,wait,gone,0.5", "lead,wait,gone,0.4")
        with pytest.raises(ProblemError, match=r"sum to 0\.9"):
            load_problem(folder)
        with pytest.warns(UserWarning, match="divided by their sum"):
            assert load_problem(folder, normalize=True).problem.folder is None

    def test_a_curve_is_not_for_it(self):
        with pytest.raises(ProblemError, match="optbudget compare") as caught:
            load_model(TWO_LIMITS)
        assert (caught.value.issues[0].file, caught.value.issues[0].line) == ("model.toml", 1)


WRONG = [
    ("model.toml", "cost = 1.125", "cost = -1.0", "model.toml", 14, "limit of cost is -1.0"),
    ("model.toml", "cost = 1.125", "cost = nan", "model.toml", 14, "limit of cost is nan"),
    ("model.toml", "cost = 1.125", 'cost = "much"', "model.toml", 14, "limit of cost is 'much'"),
    ("model.toml", "cost = 1.125", "cost = true", "model.toml", 14, "limit of cost is True"),
    ("model.toml", "cost = 1.125", "cost = 1" + "0" * 400, "model.toml", 14, "limit of cost is 1000"),
    ("model.toml", "discount = 1.0\nc", "discount = 1" + "0" * 400 + "\nc", "model.toml", 5, "in (0, 1]"),
    ("model.toml", "cost = 1.125\n", "", "model.toml", 13, "no limit for 'cost'"),
    ("model.toml", "cost_hours = 0.625\n", "", "model.toml", 13, "no limit for 'cost_hours'"),
    ("model.toml", "cost_hours =", "cost_houres =", "model.toml", 15, "did you mean 'cost_hours'"),
    ("model.toml", "cost_hours =", "cost_staff = 1\ncost_hours =", "model.toml", 15, "no cost column"),
    ("actions.csv", "lead,call,0,1,0", "lead,call,0,-1,0", "actions.csv", 3, "cost_hours is -1"),
    ("actions.csv", "lead,call,0,1,0", "lead,call,0,nan,0", "actions.csv", 3, "cost_hours is nan"),
    ("actions.csv", "lead,call,0,1,0", "lead,call,0,,0", "actions.csv", 3, "a number is needed"),
    ("model.toml", "horizon = 2", "horizon = 2\nbudget_cap = 1", "model.toml", 8, "is of kind 'budgeted"),
    ("model.toml", '"cmdp_dual"', '"cmdp_duel"', "model.toml", 11, "did you mean 'cmdp_dual'"),
    ("model.toml", '"cmdp_dual"', '"mckp_lp"', "model.toml", 11, "is not for kind 'constrained_mdp'"),
    ("model.toml", '"constrained_mdp"', '"budgeted_mdp"', "model.toml", 13, "of kind 'constrained_mdp' only"),
    ("model.toml", '"constrained_mdp"', '"constrained_mpd"', "model.toml", 1, "mean 'constrained_mdp'"),
    ("model.toml", "[budgets]", "[budget]", "model.toml", 13, "the nearest known key is 'budgets'"),
]  # fmt: skip


@pytest.mark.parametrize("file, old, new, where, line, said", WRONG, ids=[case[-1] for case in WRONG])
def test_located(folder, file, old, new, where, line, said):
    edit(folder, file, old, new)
    issue = next(issue for issue in check(folder) if said in issue.message)
    assert (issue.severity, issue.file, issue.line) == ("error", where, line)
    with pytest.raises(ProblemError):
        load(folder)


class TestCommands:
    def test_everything_wrong_at_once(self, folder):
        """Limits, costs of resources, costs of money and rows of the tables; twenty are shown."""
        edit(folder, "model.toml", "cost_hours = 0.625", "cost_days = -1")
        edit(folder, "actions.csv", "lead,call,0,1,0", "lead,call,-1,-1,0")
        edit(folder, "transitions.csv", "interested,leave,gone,1", "interested,leave,nowhere,0.5")
        said = run_json("check", folder, code=exits.INVALID)["issues"]
        assert {issue["code"] for issue in said} >= {"unknown-limit", "missing-limit", "negative-cost"}
        assert {issue["file"] for issue in said} == {"model.toml", "actions.csv", "transitions.csv"}

    def test_the_first_twenty(self, folder):
        rows = "".join(f"lead,a{k},0,-1,0\n" for k in range(50))
        with (folder / "actions.csv").open("a") as file:
            file.write(rows)
        shown = run("check", folder, code=exits.INVALID).stdout
        assert shown.count("cost_hours is -1") == FIRST_ISSUES
        assert "more" in shown.splitlines()[-1]

    def test_solve_says_what_solves_it(self, tmp_path):
        shown = run("solve", TWO_LIMITS, "--out", tmp_path / "r", code=exits.INVALID).stderr
        assert "optbudget compare" in shown and "optbudget export" in shown
        assert not (tmp_path / "r").exists()

    @pytest.mark.parametrize("kind", STARTERS)
    def test_new(self, tmp_path, kind):
        """What its README says to do next works, and nothing is odd about it."""
        place = tmp_path / "fresh-start"
        run("new", place, "--kind", kind)
        assert check(place) == ()
        assert "Fresh start" in (place / "model.toml").read_text(encoding="utf-8")
        assert "{" not in (place / "README.md").read_text(encoding="utf-8")
        if kind == "constrained_mdp":
            assert load(place).resources == ("hours",)
            run("compare", place, "--routes", "cmdp_primal/pyomo/highs-simplex")
        if kind == "knapsack":
            run("allocate", place, "--budget", "20", "--method", "ip")


class TestWriting:
    @pytest.mark.parametrize("format", ["csv", "parquet"])
    def test_two_limits_comes_back(self, tmp_path, format):
        problem = load(TWO_LIMITS)
        save(problem, tmp_path / "m", format=format)
        back = load(tmp_path / "m")
        assert same(back, problem)
        save(back, tmp_path / "again", format=format)
        assert texts(tmp_path / "m") == texts(tmp_path / "again")

    @settings(max_examples=40, deadline=None)
    @given(plain=plain_models(), data=st.data())
    def test_any(self, tmp_path_factory, plain, data):
        unit = problem_of(plain)
        numbers = st.integers(0, 4).map(float)
        resources = data.draw(st.integers(0, 2))
        used = {
            f"r {k}": (
                np.array(data.draw(st.lists(numbers, min_size=unit.cost.size, max_size=unit.cost.size))),
                data.draw(st.sampled_from([0.0, 2.5, math.inf])),
            )
            for k in range(resources)
        }
        problem = ConstrainedMDP.of(unit, data.draw(st.sampled_from([0.0, 1.0, math.inf])), used)
        place = tmp_path_factory.mktemp("m")
        save(problem, place / "one")
        once = load(place / "one")
        save(once, place / "two")
        again = load(place / "two")
        assert same(once, again) and texts(place / "one").keys() == texts(place / "two").keys()
        pairs = {problem.pair_name(k): problem.cost[:, k].tolist() for k in range(unit.cost.size)}
        assert pairs == {once.pair_name(k): once.cost[:, k].tolist() for k in range(unit.cost.size)}
        assert once.limit.tolist() == problem.limit.tolist()

    def test_types(self, tmp_path):
        unit = load_model(MODELS / "two_types")
        hours = np.arange(unit.cost.size, dtype=float)
        problem = ConstrainedMDP.of(replace(unit, formulations=()), 2.0, {"hours": (hours, 3.0)})
        save(problem, tmp_path / "m")
        assert same(load(tmp_path / "m"), problem)

    def test_risk_is_taken_off(self, tmp_path):
        problem = load(TWO_LIMITS)
        risky = replace(problem, risk=RiskTerm(np.arange(5.0), weight=0.5))
        save(risky, tmp_path / "m")
        assert np.array_equal(load(tmp_path / "m").reward, risky.reward)


class TestPrograms:
    def test_the_names_are_those_of_the_programs(self):
        assert {row.name for row in STATEMENTS if row.of is ConstrainedMDP} == set(ONE_UNIT)
        assert {row.name for row in STATEMENTS if row.of is not ConstrainedMDP} == set(A_SPLIT)

    @pytest.mark.parametrize("name", names("budgeted_mdp", "constrained_mdp"))
    def test_every_model_lists_the_programs_that_apply(self, name):
        problem = load(MODELS / name)
        alone = problem if isinstance(problem, ConstrainedMDP) else ConstrainedMDP(problem, 1.0)
        fitting = {row.name for row in STATEMENTS if row.name in ONE_UNIT and applies(row, alone)}
        fitting |= set(A_SPLIT) & set(APPLYING[kind_of(name)])
        assert set(alone.problem.formulations) == fitting


ASKED = {
    "randomised": "optimum",
    "deterministic-stage": "deterministic_optimum",
    "deterministic-budget": "deterministic_optimum",
}
"""The quantity of expected.toml that answers each question."""


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_two_limits_by_every_program(tmp_path, format):
    save(load(TWO_LIMITS), tmp_path / "m", format=format)
    problem = load(tmp_path / "m")
    expected = {row.quantity: row for row in load_expected(TWO_LIMITS) if not row.arguments}
    done = compare(problem, problem.budget)
    assert done.agree, done.disagreements
    assert {route.formulation for route in done.routes} == set(ONE_UNIT)
    optimal = Counter()
    for route in done.routes:
        answer = expected[ASKED[route.question]]
        assert route.answered, (route.route, route.outcome)
        slack = answer.tolerance * (1 + answer.value)
        assert route.value <= answer.value + slack, route.route
        assert not route.bound < answer.value - slack, route.route
        near = abs(route.value - answer.value) <= slack
        assert near or route.outcome.termination is not Termination.OPTIMAL, route.route
        optimal[route.formulation] += near
    assert min(optimal[name] for name in ONE_UNIT) >= 3, optimal


def test_prices_of_two_limits():
    problem = load(TWO_LIMITS)
    program, _ = declared("cmdp_primal", "pyomo", problem)
    found = read_primal(problem, solve_program(program, "highs-simplex"))
    prices = dict(zip(("cost", "cost_hours"), found.price, strict=True))
    for row in load_expected(TWO_LIMITS):
        if row.quantity == "limit_price":
            assert abs(prices[row.arguments["limit"]] - row.value) <= row.tolerance
