"""What declared programs, their back ends and `export` refuse: by the model's words, and located."""

from dataclasses import replace

import numpy as np
import pytest
from commands import ROOT, run

from optbudget import load
from optbudget.certify import price_bound
from optbudget.cli import allocate_lp
from optbudget.cli.run import Run
from optbudget.errors import ProblemError, UsageError
from optbudget.formulations import builder, declared, read_dual, read_primal, read_whole
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram, LinearSolution
from optbudget.problems.examples import two_action_example
from optbudget.solvers import find, from_mathopt, from_pyomo, mathopt, solve_program
from optbudget.solvers.cp_sat import check
from optbudget.solvers.scaling import prepare
from optbudget.status import Outcome, Solution, Termination
from optbudget.study import compare

INF = float("inf")
UNIT = two_action_example(horizon=2)
PROBLEM = ConstrainedMDP(UNIT, 1.9)


def answer(program, x):
    return LinearSolution(program, Outcome(Termination.OPTIMAL, Solution.FEASIBLE), x=np.array(x, float))


def test_a_number_no_back_end_keeps_is_named_in_the_models_words():
    small = ConstrainedMDP(replace(UNIT, cost=np.array([1e-300, 0.0])), 1.0)
    found = compare(small, routes=("cmdp_primal/pyomo/highs-simplex",)).routes[0]
    assert found.outcome.termination is Termination.NUMERICAL
    lines = found.outcome.message.splitlines()
    assert len(lines) == 2 and lines[1].startswith("row budget[money], column x[0,s,a]: ")
    assert lines[1].endswith("as small as 1e-300")
    assert "limit 1 " not in found.outcome.message


def test_only_the_guilty_are_named_and_three_at_most():
    row = np.array([1e-300, 1.0, 1e-10])
    one = LinearProgram("max", np.ones(3), [0, 3], [0, 1, 2], row, [-INF], [1.0], [0.0] * 3, [1.0] * 3)
    with pytest.raises(ProblemError, match="1e-300") as refused:
        prepare(one, smallest=1e-12, infinite=1e20, backend="any")
    assert len(refused.value.issues) == 1
    row = np.append(np.full(7, 1e-300), 1.0)
    many = LinearProgram(
        "max", np.ones(8), [0, 8], np.arange(8), row, [-INF], [1.0], [0.0] * 8, [1.0] * 8, [True] * 8
    )
    with pytest.raises(ProblemError, match="and so for 4 more") as refused:
        prepare(many, smallest=1e-12, infinite=1e20, backend="any")
    assert len(refused.value.issues) == 3


def test_a_program_refused_for_its_numbers_is_no_crash():
    huge = LinearProgram("max", [1.0], [0, 1], [0], [1e300], [-INF], [1.0], [0.0], [1.0], row_names=("pay",))
    for backend in ("highs-simplex", "glop"):
        found = solve_program(huge, backend).outcome
        assert found.termination is Termination.NUMERICAL
        assert "row pay, column x0: coefficient 1e+300" in found.message
        assert "canonical_code" not in found.message


def test_what_ortools_trips_over_is_left_out():
    try:
        try:
            raise ValueError("1e+300 is not in SCIP's finite range")
        except ValueError:
            _ = object().canonical_code
    except AttributeError as error:
        found = mathopt._refused("GSCIP", error)
    assert found.claimed == "ValueError" and found.message == "1e+300 is not in SCIP's finite range"


def test_cp_sat_names_the_number_that_is_too_large():
    big = LinearProgram("max", [1, 1], [0, 2], [0, 1], [0.0, 1e18], [-INF], [1.0], [0, 0], [1, 1], [True] * 2)
    with pytest.raises(ProblemError, match=r"coefficient 1e\+18 of column x1 times 1 is above 2\^53"):
        check(big)


def test_allocate_by_lp_is_numerical_where_the_back_end_refuses_a_number():
    tiny = Knapsack.from_arrays([0, 3], cost=[0.0, 1e-300, 1.0], value=[0.0, 1e-300, 1.0])
    found = allocate_lp.lp_knapsack(Run(), tiny, 0.5).outcome
    assert found.termination is Termination.NUMERICAL and "1e-300" in found.message


@pytest.mark.parametrize("count", [(0, 2), (0, 1), (2, 0), (1, 3)])
def test_units_one_by_one_are_read_with_groups_of_nobody(count):
    problem = Knapsack.from_arrays([0, 2, 4], [0, 6, 0, 5], [0, 12, 0, 9], count=list(count))
    program, _ = declared("mckp_unit", "pyomo", problem, 100.0)
    best = read_whole(problem, 100.0, answer(program, [0.0, 1.0] * sum(count)))
    assert best.why == "" and best.value == 12 * count[0] + 9 * count[1]


@pytest.mark.parametrize("budget", ["3", None, True, [1.0, 2.0]])
def test_a_budget_that_is_no_number(budget):
    with pytest.raises(ProblemError, match=r"the budget is .*; a limit is a number >= 0"):
        ConstrainedMDP(UNIT, budget)


def test_wrong_kinds_are_said():
    knapsack = Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8])
    with pytest.raises(ProblemError, match="problem is a Knapsack"):
        ConstrainedMDP(knapsack, 3.0)
    with pytest.raises(UsageError, match="a str is no LinearProgram"):
        solve_program("x", "glop")
    program, _ = declared("cmdp_primal", "pyomo", PROBLEM)
    for other in (None, 3):
        with pytest.raises(UsageError, match="a back end is named by a text"):
            solve_program(program, other)
    with pytest.raises(UsageError, match="a model of Pyomo's, not a str"):
        from_pyomo("x")
    with pytest.raises(UsageError, match="a model of MathOpt's, not a pyomo"):
        from_mathopt(builder("cmdp_primal", "pyomo")(PROBLEM))
    assert find("glop").name == "glop"


def test_a_solution_of_another_program_is_not_read():
    primal, dual = (declared(name, "pyomo", PROBLEM)[0] for name in ("cmdp_primal", "cmdp_dual"))
    with pytest.raises(ProblemError, match="one of cmdp_primal, not of cmdp_dual"):
        read_dual(PROBLEM, answer(primal, [0.0] * 4))
    with pytest.raises(ProblemError, match="one of cmdp_dual, not of cmdp_primal"):
        read_primal(PROBLEM, answer(dual, [0.0] * 3))
    longer = ConstrainedMDP(two_action_example(horizon=3), 1.9)
    richer = ConstrainedMDP(replace(UNIT, utility=UNIT.utility + 1), 1.9)
    for other in (longer, richer):
        with pytest.raises(ProblemError, match="not this problem's"):
            read_primal(other, answer(primal, [0.0] * 4))
        with pytest.raises(ProblemError, match="not this problem's"):
            read_dual(other, answer(dual, [0.0] * 3))


@pytest.mark.parametrize(
    ("price", "said"),
    [([1.0], "2 numbers, for money, cost_hours"), ([np.nan, 0], "the price of money is nan"),
     ([0, -1], "the price of cost_hours is -1"), (["a", 1], "must be numbers")],
)  # fmt: skip
def test_prices_that_are_none(price, said):
    problem = load(ROOT / "models" / "two_limits")
    names = said.replace("cost_hours", problem.resources[0])
    with pytest.raises(ProblemError, match=names):
        price_bound(problem, price)


def test_export_keeps_to_its_options(tmp_path):
    two, out = ROOT / "models" / "two_limits", tmp_path / "a.lp"
    ask = ("export", two, "--formulation", "cmdp_lp", "--out", out)
    assert "time" in run(*ask, "--time-limit", "0", code=7).stderr.lower() and not out.exists()
    assert "--budget 5 takes the place of the model's own" in run(*ask, "--budget", "5").stderr
    split = ("export", ROOT / "models" / "toll", "--formulation", "mckp_lp", "--budget", "3", "--out", out)
    assert "--population" in run(*split, code=2).stderr


def test_export_to_a_name_that_cannot_be_written(tmp_path):
    two, out = ROOT / "models" / "two_limits", tmp_path / f"{'a' * 250}.lp"
    said = run("export", two, "--formulation", "cmdp_lp", "--out", out, code=2).stderr
    assert "cannot be written: File name too long" in said and ".part" not in said
