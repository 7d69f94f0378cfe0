"""`allocate --method lp`: the declared relaxation by a back end, against greedy, and what stops it."""

from dataclasses import replace

import numpy as np
import pytest
from commands import ROOT, run, run_json

from optbudget import load
from optbudget.allocation import allocate, allocate_knapsack
from optbudget.allocation.examples import two_state_curves
from optbudget.allocation.knapsack_crossover import Solved, crossed_knapsack, crossed_split
from optbudget.certify import verify
from optbudget.cli import allocate_lp
from optbudget.cli.run import Run
from optbudget.errors import LimitError, MissingExtraError
from optbudget.problems import Knapsack, Population
from optbudget.problems.families import FAMILIES, knapsack_family
from optbudget.status import Outcome, Solution, Termination


def same(found, best):
    """Proved by its own certificate, and worth what greedy is worth."""
    report = verify(found)
    assert report.ok, str(report)
    assert found.method == "lp" and found.outcome.message == ""
    assert found.value == pytest.approx(best.value, rel=1e-9) and found.bound == best.bound
    assert found.price == best.price and (found.probability < 1).sum() in (0, 2)


@pytest.mark.parametrize("seed", range(30))
def test_random_knapsacks_equal_greedy(seed):
    rng = np.random.default_rng(seed)
    problem, budget = knapsack_family(
        list(FAMILIES)[seed % 5], int(rng.integers(1, 12)), int(rng.integers(1, 6)), seed=seed,
        largest=int(rng.choice([4, 30, 1000])), copies=int(rng.integers(1, 4)),
    )  # fmt: skip
    budget *= rng.choice([0.7, 1.0, 1.0, 1.3, 5.0])
    found, best = allocate_lp.lp_knapsack(Run(), problem, budget), allocate_knapsack(problem, budget)
    if best.outcome.solution is Solution.NONE:
        assert found.outcome == best.outcome and found.method == "lp"
    else:
        same(found, best)


def test_no_limit_on_the_money_and_nobody():
    problem = Knapsack.from_arrays([0, 3], [1, 2, 2], [4, 4, 9], count=[3])
    same(allocate_lp.lp_knapsack(Run(), problem, np.inf), allocate_knapsack(problem, np.inf))
    nobody = Knapsack.from_arrays([0, 2], [0, 1], [0, 4], count=[0])
    same(allocate_lp.lp_knapsack(Run(), nobody, 1.0), allocate_knapsack(nobody, 1.0))


@pytest.mark.parametrize("budget", [0.0, 7.0, 15.0, 16.25, 30.0])
def test_curves_equal_greedy(budget):
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    found, best = allocate_lp.lp_allocation(Run(), curves, people, budget), allocate(curves, people, budget)
    assert (found.value, found.bound, found.price) == (best.value, best.bound, best.price)
    assert found.method == "lp" and found.outcome == best.outcome


def test_the_solution_decides_among_equal_prices_and_nothing_else():
    twins = Knapsack.from_arrays([0, 2, 4, 6], [0, 2, 0, 2, 0, 2], [0, 3, 0, 3, 0, 1])
    second = Solved(np.array([1.0, 0, 0, 1.0, 1.0, 0]), 1.5, 3.0)
    assert crossed_knapsack(twins, 2.0, second).option.tolist() == [0, 3, 4]
    blurred = replace(second, taken=np.array([1.0, 0, 1e-9, 1 - 1e-9, 1 - 1e-9, 1e-9]))
    assert crossed_knapsack(twins, 2.0, blurred).option.tolist() == [0, 3, 4]
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    size = Knapsack.from_curves(curves, people).cost.size
    split = crossed_split(curves, people, 15.0, Solved(np.zeros(size), 2.0, 40.0))
    assert split.value == 40


@pytest.mark.parametrize(
    ("solved", "said"),
    [
        (Solved(np.array([0.0, 2, 0.5, 0.5]), 1.5, 12.0), "is worth 12.0, and the exact optimum 13.0"),
        (Solved(np.array([0.0, 2, 0.5, 0.5]), 0.0, 13.0), "multiplier 0.0 proves no more than 16.0"),
        (Solved(np.array([0.0, 2, 0.5, 0.5]), 2.0, 13.0), "multiplier 2.0 proves no more than 16.0"),
    ],
)
def test_a_back_end_that_is_not_borne_out(solved, said):
    problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    found = crossed_knapsack(problem, 8.0, solved)
    assert said in found.outcome.message and found.value == 13 and verify(found).ok


def test_what_stops_it(monkeypatch):
    problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    failed = Outcome(Termination.INFEASIBLE, Solution.NONE, "nothing is feasible")
    assert allocate_lp._failed(failed).termination is Termination.NUMERICAL
    with monkeypatch.context() as patch, pytest.raises(LimitError, match=r"4 columns.*--method greedy"):
        patch.setattr(allocate_lp, "MOST_OPTIONS", 3)
        allocate_lp.lp_knapsack(Run(), problem, 8.0)
    found = allocate_lp.lp_knapsack(Run(time_limit=0.0), problem, 8.0)
    assert found.outcome.termination is Termination.TIME_LIMIT and found.option.size == 0
    assert np.isnan(found.value) and "linear program" in found.outcome.message
    curves = two_state_curves()
    people = Population.at(curves.problem, {"warm": 10, "cold": 5})
    nothing = allocate_lp.lp_allocation(Run(time_limit=0.0), curves, people, 15.0)
    assert nothing.outcome.solution is Solution.NONE and np.isnan(nothing.value) and nothing.state.size == 0
    monkeypatch.setattr(
        "optbudget.solvers.missing", lambda row: "it needs x: pip install 'optbudget[solvers]'"
    )
    with pytest.raises(MissingExtraError, match=r"--method lp: .*pip install 'optbudget\[solvers\]'"):
        allocate_lp.lp_knapsack(Run(), problem, 8.0)


def test_at_the_command_line(tmp_path):
    model = ROOT / "models" / "whole_units"
    fields = run_json("allocate", model, "--budget", 10, "--method", "lp", "--out", tmp_path / "k")
    assert fields["value"] == run_json("allocate", model, "--budget", 10)["value"]
    assert load(tmp_path / "k").method == "lp" and run("verify", tmp_path / "k", "--quiet")
    points = run_json("allocate", model, "--budget", "8:10:2", "--method", "lp")["points"]
    assert points[1]["value"] == fields["value"]
    run("solve", ROOT / "models" / "toll", "--out", tmp_path / "r", "--quiet")
    fields = run_json("allocate", tmp_path / "r", "--budget", 2.5, "--method", "lp")
    assert fields["value"] == 0.5 and fields["price"] == 1 and fields["termination"] == "OPTIMAL"
    assert load(tmp_path / "r").method == "lp" and run("verify", tmp_path / "r", "--exact", "--quiet")
    run("allocate", tmp_path / "r", "--budget", 1, "--method", "lp", code=4)
    done = run("allocate", tmp_path / "r", "--budget", "2:4:3", "--method", "lp", code=2)
    assert "leave out --method lp" in done.stderr
