"""Every back end of the table on small programs with known answers; tolerances are the table's own data."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import solver_probes
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.errors import MissingExtraError, ProblemError, UsageError
from optbudget.problems import LinearProgram
from optbudget.solvers import (
    BackEnds,
    Options,
    cp_sat,
    find,
    highs,
    mathopt,
    missing,
    names,
    pyomo_bridge,
    solve_program,
    solve_programs,
    table,
)
from optbudget.status import Solution, Termination
from optbudget.workers.spawned import SpawnedWorker

INF = np.inf
EVERY = [*names(), "pyomo:highs", "pyomo:appsi_highs"]
LINEAR = [name for name in EVERY if find(name).lp]
WHOLE = [name for name in EVERY if find(name).mip]
PRICED = [name for name in LINEAR if find(name).duals]


@pytest.fixture(scope="module")
def processes():
    with BackEnds() as kept:
        yield kept


@pytest.fixture(scope="module")
def worker():
    with SpawnedWorker() as kept:
        yield kept


def _program(sense, objective, rows, low, high, lower, upper, **more):
    rows = np.atleast_2d(np.array(rows, dtype=float))
    row, column = np.nonzero(rows)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(low)))])
    return LinearProgram(sense, objective, ptr, column, rows[row, column], low, high, lower, upper, **more)


LPS = {
    "by hand": (_program("max", [3, 2], [[1, 1]], [-INF], [5], [0, 0], [4, INF], offset=1.5), 15.5),
    "the same, least": (_program("min", [-3, -2], [[1, 1]], [-INF], [5], [0, 0], [4, INF]), -14.0),
    "fractional knapsack": (
        _program("max", [6, 10, 12], [[1, 2, 3]], [-INF], [5], [0] * 3, [1] * 3),
        24.0,
    ),
    "free columns": (
        _program("min", [1, 1], [[2, -1], [-1, 2]], [1, 1], [INF, INF], [-INF] * 2, [INF] * 2),
        2.0,
    ),
    "an equality": (_program("min", [1, 2], [[1, 1]], [3], [3], [0, 0], [2, INF]), 4.0),
    "two limits": (_program("max", [1, -1], [[1, 1], [1, -1]], [1, -2], [4, 2], [0, 0], [INF, INF]), 2.0),
    "no row": (LinearProgram("max", [1, -1], [0], [], [], [], [], [0, -3], [2, 5]), 5.0),
    "an empty row": (LinearProgram("min", [1], [0, 0, 1], [0], [1], [-1, 2], [1, INF], [0], [9]), 2.0),
    "a column in nothing": (_program("max", [1, 0], [[1, 0]], [-INF], [3], [0, 2], [9, 5]), 3.0),
    "degenerate": (
        _program("max", [1, 1], [[1, 0], [0, 1], [1, 1]], [-INF] * 3, [1, 1, 2], [0, 0], [INF, INF]),
        2.0,
    ),
    "small coefficient": (_program("max", [1], [[1e-10]], [-INF], [1e-3], [0], [1e9]), 1e7),
    "large limit": (_program("max", [1], [[1e10]], [-INF], [1e22], [0], [1e13]), 1e12),
}
IPS = {
    "knapsack": (
        _program("max", [6, 10, 12], [[1, 2, 3]], [-INF], [5], [0] * 3, [1] * 3, integer=[True] * 3),
        22.0,
    ),
    "rounding is wrong": (
        _program("max", [5, 4], [[6, 4], [1, 2]], [-INF] * 2, [24, 6], [0, 0], [9, 9], integer=[True] * 2),
        20.0,
    ),
    "tenths": (
        _program(
            "max", [0.1, 0.25], [[0.1, 0.3]], [-INF], [0.7], [0, 0], [5, 5], integer=[True] * 2, offset=2
        ),
        2.65,
    ),
    "below zero": (
        _program("min", [1, 1], [[2, 3]], [-7.5], [INF], [-3, -3], [3, 3], integer=[True] * 2),
        -3.0,
    ),
    "least": (_program("min", [3, 2], [[2, 3]], [6.5], [INF], [0, 0], [9, 9], integer=[True] * 2), 6.0),
}
MIXED = _program("min", [2, 3], [[1, 1]], [4.5], [INF], [0, 0], [INF, INF], integer=[False, True])


@pytest.mark.parametrize("name", LINEAR)
def test_linear_programs(processes, name):
    backend = find(name)
    for title, (program, value) in LPS.items():
        solution = processes.solve(program, name)
        assert solution.outcome.solution is not Solution.NONE, (title, solution.outcome)
        assert solution.value == pytest.approx(value, rel=backend.value_error, abs=backend.value_error), title
        assert program.violation(solution.x) <= backend.infeasibility
        if backend.duals:
            assert solution.outcome.solution is Solution.CERTIFIED, (title, solution.outcome)
            assert solution.gap <= backend.gap, title
        else:
            assert solution.outcome.termination is Termination.UNKNOWN
            assert np.isnan(solution.bound)


@pytest.mark.parametrize("name", PRICED)
def test_row_prices_are_the_change_of_the_best_objective(processes, name):
    """By differences at programs that are not degenerate, for a maximisation and a minimisation alike."""
    step = 1e-2
    for title in ("by hand", "the same, least", "fractional knapsack", "an equality", "free columns"):
        program, value = LPS[title]
        prices = processes.solve(program, name).row_price
        raw = processes.call(find(name), program, Options()).result  # The audit would mend a wrong sign.
        assert raw.row_price == pytest.approx(prices, abs=1e-5), title
        for i in range(program.n_rows):
            moved = {
                side: np.where(
                    np.arange(program.n_rows) == i, getattr(program, side) + step, getattr(program, side)
                )
                for side in ("row_lower", "row_upper")
            }
            change = (processes.solve(replace(program, **moved), "glop").value - value) / step
            assert prices[i] == pytest.approx(change, abs=1e-4), title


@pytest.mark.parametrize("name", WHOLE)
def test_whole_programs(processes, name):
    for title, (program, value) in IPS.items():
        solution = processes.solve(program, name, options=Options(relative_gap=0.0))
        assert solution.value == pytest.approx(value, abs=1e-9), title
        assert np.array_equal(solution.x, np.round(solution.x))
        assert solution.outcome.solution is Solution.FEASIBLE, "a branch-and-bound answer proves nothing"
        assert solution.outcome.termination is Termination.UNKNOWN
        assert solution.claimed.lower().endswith("optimal")


@pytest.mark.parametrize("name", [name for name in WHOLE if find(name).lp])
def test_mixed_program_of_the_museum(processes, name):
    """HiGHS 1.14.0 returned 15 with gap 0 here."""
    assert processes.solve(MIXED, name).value == pytest.approx(9.0)


INFEASIBLE = {
    "by the rows": _program("max", [3, 2], [[1, -1], [1, -1]], [1, -INF], [INF, 0.5], [0, 0], [INF, INF]),
    "by the bounds": _program("min", [3, 2], [[2, 2]], [-INF], [-5], [0, 0], [4, INF]),
}
UNBOUNDED = {
    "most": _program("max", [3, 2], [[2, -2]], [-INF], [5], [0, 0], [4, INF]),
    "least": _program("min", [0, 1], [[1, 1]], [-INF], [5], [0, -INF], [4, INF]),
}


@pytest.mark.parametrize("name", LINEAR)
def test_infeasible_and_unbounded_come_with_a_proof(processes, name):
    for program in INFEASIBLE.values():
        solution = processes.solve(program, name)
        assert solution.outcome.termination is Termination.INFEASIBLE, solution.outcome
        zero = replace(program, objective=np.zeros(program.n_columns), offset=0.0)
        away = zero.dual_bound(solution.farkas)
        assert away < 0 if program.sense == "max" else away > 0
    for program in UNBOUNDED.values():
        solution = processes.solve(program, name)
        assert solution.outcome.termination is Termination.UNBOUNDED, solution.outcome
        gain = program.objective @ solution.ray
        assert gain > 0 if program.sense == "max" else gain < 0


@pytest.mark.parametrize("name", WHOLE)
def test_no_whole_point_is_a_claim_only(processes, name):
    program = _program("max", [1, 1], [[2, 2]], [3], [3], [0, 0], [4, 7], integer=[True] * 2)
    solution = processes.solve(program, name)
    assert solution.outcome.termination is Termination.UNKNOWN
    assert "neither proved nor refuted" in solution.outcome.message
    assert "infeasible" in solution.claimed.lower()


@pytest.mark.parametrize("name", WHOLE)
def test_contradictions_need_no_solver(processes, name):
    crossed = _program("max", [1], [[1]], [0], [1], [0.25], [0.75], integer=[True], column_names=("staff",))
    solution = processes.solve(crossed, name)
    assert solution.outcome.termination is Termination.INFEASIBLE
    assert "staff" in solution.outcome.message


@pytest.mark.parametrize("name", EVERY)
def test_without_columns_the_empty_point_is_the_answer(processes, name):
    for sense, rows in (("max", 0), ("min", 2)):
        program = LinearProgram(
            sense, [], [0] * (rows + 1), [], [], [-1.0] * rows, [INF] * rows, [], [], offset=2
        )
        solution = processes.solve(program, name)
        assert solution.outcome.termination is Termination.OPTIMAL, solution.outcome
        assert (solution.value, solution.bound, solution.x.size, solution.row_price.size) == (
            2.0,
            2.0,
            0,
            rows,
        )
    wanting = LinearProgram("min", [], [0, 0], [], [], [1.0], [2.0], [], [])
    assert processes.solve(wanting, name).outcome.termination is Termination.INFEASIBLE


small = st.integers(-4, 4)


@settings(max_examples=40)
@given(st.data())
def test_back_ends_agree_on_small_grids(processes, data):
    """Ties, zero rows and infeasible programs are common on a small grid; certified intervals must meet."""
    n, m = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    rows = data.draw(st.lists(st.lists(small, min_size=n, max_size=n), min_size=m, max_size=m))
    high = data.draw(st.lists(st.integers(-2, 4), min_size=m, max_size=m))
    objective = data.draw(st.lists(small, min_size=n, max_size=n))
    upper = data.draw(st.lists(st.sampled_from([1.0, 3.0, INF]), min_size=n, max_size=n))
    program = _program(
        data.draw(st.sampled_from(["max", "min"])), objective, rows, [-INF] * m, high, [0] * n, upper
    )
    first, *others = [processes.solve(program, name) for name in ("highs-simplex", "glop", "highs-ipm")]
    assert first.outcome.termination in (Termination.OPTIMAL, Termination.INFEASIBLE, Termination.UNBOUNDED)
    for other in others:
        assert other.outcome.termination is first.outcome.termination
        if first.outcome.termination is Termination.OPTIMAL:
            assert other.value == pytest.approx(first.value, rel=1e-9, abs=1e-9)


ENUMS = [
    (highs.STATUS, "highspy", ("HighsModelStatus",)),
    (cp_sat.STATUS, "ortools.sat.python.cp_model_helper", ("CpSolverStatus",)),
    (mathopt.STATUS, "ortools.math_opt.python.result", ("TerminationReason",)),
    (mathopt.LIMIT, "ortools.math_opt.python.result", ("Limit",)),
    (pyomo_bridge.STATUS, "pyomo.opt", ("TerminationCondition",)),
]


@pytest.mark.parametrize(("table_", "module", "path"), ENUMS)
def test_status_maps_are_complete(table_, module, path):
    with SpawnedWorker() as worker:
        reply = worker.call(solver_probes.members, module, *path)
    assert reply.result == sorted(table_), reply.message


def test_no_status_but_an_optimum_is_called_optimal():
    for status in (highs.STATUS, cp_sat.STATUS, mathopt.STATUS, pyomo_bridge.STATUS):
        best = {name for name, (termination, _) in status.items() if termination is Termination.OPTIMAL}
        assert best <= {"kModelEmpty", "kOptimal", "OPTIMAL", "optimal", "globallyOptimal"}


def test_the_parent_loads_no_solver():
    """highspy and ortools cannot live in one process; this one has seen neither through solving."""
    code = (
        "import sys; from optbudget.solvers import solve_program;"
        "from optbudget.problems import LinearProgram;"
        "p = LinearProgram('max', [1.], [0, 1], [0], [1.], [0.], [2.], [0.], [3.]);"
        "print([solve_program(p, b).value for b in ('highs', 'glop', 'highs')],"
        " [m for m in ('highspy', 'ortools', 'pyomo') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[2.0, 2.0, 2.0] []", "")


def test_unknown_names_and_kinds(processes):
    with pytest.raises(UsageError, match="nearest: highs"):
        solve_program(MIXED, "hihgs")
    with pytest.raises(UsageError, match="no programs with whole columns"):
        processes.solve(MIXED, "glop")
    with pytest.raises(UsageError, match="whole columns only, and x0 is not"):
        processes.solve(MIXED, "cp-sat")
    with pytest.raises(MissingExtraError, match="Pyomo knows no solver called 'nobody'"):
        processes.solve(MIXED, "pyomo:nobody")


def test_what_is_not_installed_or_refused(monkeypatch):
    monkeypatch.setattr(table, "version", lambda package: "1.14.0")
    assert "highspy 1.14.0: it returns wrong optima" in missing(find("highs"))
    monkeypatch.setattr(table, "find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"glop needs ortools: pip install 'optbudget\[solvers\]'"):
        solve_program(LPS["by hand"][0], "glop")


@pytest.mark.parametrize("backend", ["glop", "scip", "highs"])
def test_what_cannot_be_kept_is_refused_by_name(processes, backend):
    program = _program("max", [1, 1], [[1, 1e-40], [1e-40, 1]], [-INF] * 2, [1, 1], [0, 0], [1, 1])
    with pytest.raises(
        ProblemError, match=f"row r0, column x1: {backend} drops coefficients as small as 1e-40"
    ):
        processes.solve(program, backend)


def test_cp_sat_names_what_is_not_whole(processes):
    third = _program("max", [1, 1], [[1, 1 / 3]], [-INF], [1], [0, 0], [1, 1], integer=[True] * 2)
    with pytest.raises(ProblemError, match=r"row r0, coefficient 0.333\d* of column x1"):
        processes.solve(third, "cp-sat")
    endless = _program("max", [1], [[0]], [-INF], [1], [0], [INF], integer=[True])
    with pytest.raises(ProblemError, match="column x0 has none"):
        processes.solve(endless, "cp-sat")
    large = _program("max", [1, 1], [[2**52, 1]], [-INF], [1], [0, 0], [2**12, 1], integer=[True] * 2)
    with pytest.raises(ProblemError, match=r"row r0 times 1 can reach more"):
        processes.solve(large, "cp-sat")


def test_options():
    for name, value in [("time_limit", 0), ("relative_gap", -1.0), ("threads", 0), ("seed", 2**31),
                        ("memory_limit", 0.5), ("feasibility", 2.0), ("threads", True),
                        ("relative_gap", math.nan)]:  # fmt: skip
        with pytest.raises(UsageError, match=name):
            Options(**{name: value})
    with pytest.raises(UsageError, match="did you mean 'threads'"):
        Options.of({"thread": 2})
    assert Options.of({"threads": 2}) == Options(threads=2)


@pytest.mark.parametrize("name", LINEAR)
def test_every_option_is_understood(processes, name):
    options = Options(
        time_limit=20.0, relative_gap=1e-7, absolute_gap=1e-9, threads=2, seed=3, feasibility=1e-7
    )
    program, value = LPS["fractional knapsack"]
    assert processes.solve(program, name, options=options).value == pytest.approx(value, rel=1e-4)


def test_batches_keep_the_order():
    jobs = [(program, name) for program, _ in LPS.values() for name in ("highs", "glop")]
    answers = list(solve_programs(jobs))
    assert [(answer.program, answer.backend) for answer in answers] == jobs
