"""Programs out of other people's models, and into files that read back to the same numbers."""

import time

import numpy as np
import pyomo.environ as pyo
import pytest
import solver_probes
from hypothesis import given
from hypothesis import strategies as st
from ortools.math_opt.python import mathopt

from optbudget.errors import ProblemError, UsageError
from optbudget.problems import LinearProgram
from optbudget.solvers import from_mathopt, from_pyomo, write_program
from optbudget.solvers.file_names import LP, MPS, allowed_names
from optbudget.workers.spawned import SpawnedWorker

INF = np.inf


@pytest.fixture(scope="module")
def worker():
    with SpawnedWorker() as kept:
        yield kept


def _same(program, **wanted):
    for name, value in wanted.items():
        found = getattr(program, name)
        assert np.array_equal(found, value), (name, found)


def test_from_mathopt():
    model = mathopt.Model(name="small")
    gone = model.add_variable(lb=0, ub=1, name="gone")
    x = model.add_variable(lb=-1, ub=4, name="x")
    model.add_variable(lb=0, name="unused")
    y = model.add_integer_variable(lb=0, ub=7, name="y")
    model.add_linear_constraint(2 * y - x <= 5, name="c")
    dropped = model.add_linear_constraint(x >= 0)
    model.add_linear_constraint(mathopt.BoundedLinearExpression(1, x + y, 3))
    model.delete_variable(gone)
    model.delete_linear_constraint(dropped)
    model.maximize(3 * y + 0.5)
    _same(
        from_mathopt(model),
        sense="max",
        name="small",
        objective=[0.0, 0.0, 3.0],
        offset=0.5,
        row_ptr=[0, 2, 4],
        column=[0, 2, 0, 2],
        coefficient=[-1.0, 2.0, 1.0, 1.0],
        row_lower=[-INF, 1.0],
        row_upper=[5.0, 3.0],
        lower=[-1.0, 0.0, 0.0],
        upper=[4.0, INF, 7.0],
        integer=[False, False, True],
        column_names=("x", "unused", "y"),
        row_names=("c", "r2"),
    )


def test_from_mathopt_refuses_what_is_not_linear():
    model = mathopt.Model()
    x = model.add_variable(lb=0, ub=1)
    model.minimize_quadratic_objective(x * x)
    with pytest.raises(ProblemError, match="quadratic objective"):
        from_mathopt(model)


def test_from_pyomo():
    model = pyo.ConcreteModel(name="small")
    model.x = pyo.Var(["a", "b"], bounds=(0, None))
    model.unused = pyo.Var(domain=pyo.NonPositiveReals)
    model.part = pyo.Block()
    model.part.y = pyo.Var(domain=pyo.Binary)
    model.fixed = pyo.Var(initialize=2.0)
    model.fixed.fix()
    model.price = pyo.Param(initialize=3.0, mutable=True)
    model.c = pyo.Constraint(expr=-(model.x["a"] - model.price * model.part.y) + model.fixed <= 5)
    model.off = pyo.Constraint(expr=model.x["a"] <= 1)
    model.off.deactivate()
    model.r = pyo.Constraint(["k"], rule=lambda m, k: (1, m.x["b"] + m.x["b"] + 4, 9))
    model.e = pyo.Constraint(expr=model.x["b"] == 2 * model.part.y + 1)
    model.aim = pyo.Objective(expr=-2 * (model.x["b"] + 1) + model.fixed, sense=pyo.maximize)
    _same(
        from_pyomo(model),
        sense="max",
        name="small",
        objective=[0.0, -2.0, 0.0, 0.0],
        offset=0.0,
        row_ptr=[0, 2, 3, 5],
        column=[0, 3, 1, 1, 3],
        coefficient=[-1.0, 3.0, 2.0, 1.0, -2.0],
        row_lower=[-INF, -3.0, 1.0],
        row_upper=[3.0, 5.0, 1.0],
        lower=[0.0, 0.0, -INF, 0.0],
        upper=[INF, INF, 0.0, 1.0],
        integer=[False, False, False, True],
        column_names=("x[a]", "x[b]", "unused", "part.y"),
        row_names=("c", "r[k]", "e"),
    )


def test_from_pyomo_refuses_what_is_not_linear():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 1))
    with pytest.raises(ProblemError, match="0 active objectives"):
        from_pyomo(model)
    model.aim = pyo.Objective(expr=model.x)
    model.c = pyo.Constraint(expr=model.x**2 <= 1)
    with pytest.raises(ProblemError, match="constraint c is not linear"):
        from_pyomo(model)


def test_a_hundred_thousand_entries_are_quick():
    n = 20_000
    model = mathopt.Model()
    columns = [model.add_variable(lb=0, ub=1) for _ in range(5 * n)]
    for i in range(n):
        model.add_linear_constraint(mathopt.fast_sum(columns[5 * i : 5 * i + 5]) == 1)
    begun = time.process_time()
    assert from_mathopt(model).coefficient.size == 5 * n
    assert time.process_time() - begun < 2.0


CASES = {
    "thirds": LinearProgram(
        "max", [1 / 3, 0.1, -1e-7 / 3, 0.0], [0, 2, 4, 5, 7], [0, 1, 0, 2, 1, 0, 3],
        [0.1 + 0.2, 1e-7 / 3, 1.0, 1.0, 1.0, 2.0, -1e9 / 7], [-INF, -1.0, 1 / 3, 2 / 7],
        [1e9 / 7, 0.1, INF, 2 / 7], [0.0, -1 / 7, -INF, -INF], [4.0, INF, INF, 1 / 3],
        [True, False, True, False], offset=1 / 9, column_names=("a", "b_1", "c", "d"),
    ),
    "names": LinearProgram(
        "min", [1.0, 1.0], [0, 2], [0, 1], [1.0, 1.0], [1.0], [2.0], [0.0, 0.0], [1.0, 1.0],
        column_names=("free", "a b"), row_names=("st",),
    ),
    "hostile names": LinearProgram(
        "max", [1.0, 2.0, 3.0, 4.0, 5.0], [0, 2, 4, 5], [0, 1, 2, 3, 4], [1.0] * 5, [-1 / 7, 0.0, -INF],
        [0.1, INF, 1.0], [0.0] * 5, [1.0] * 5,
        column_names=("x[0,new lead,3% off]", "x[0,new_lead,3__off]", "e1", "-2", ""),
        row_names=("inf", "st", "inf_low"),
    ),
    "a row that is two": LinearProgram(
        "min", [1.0], [0, 1, 2], [0, 0], [1.0, 2.0], [-1 / 7, -5.0], [0.1, INF], [-9.0], [9.0],
        column_names=("x",), row_names=("r", "r_low"),
    ),
    "long lines": LinearProgram(
        "min", np.arange(1.0, 200.0), [0, 199], np.arange(199), np.arange(1.0, 200.0), [1.0], [INF],
        np.zeros(199), np.ones(199), column_names=tuple(f"x[{'a' * 150},{j}]" for j in range(199)),
        row_names=("r",),
    ),
    "bounds": LinearProgram(
        "min", [1.0, -1.0, 0.0], [0, 3], [0, 1, 2], [1.0, 1.0, 1.0], [-5.0], [-5.0],
        [-3.0, -INF, 2.5], [-1.0, -2.0, 2.5], [True, True, False],
    ),
    "no objective": LinearProgram("min", [0.0], [0, 1], [0], [1.0], [0.0], [INF], [0.0], [1.0]),
}  # fmt: skip


def _denoted(program):
    """Rows as a set of (limits, terms), since a file may state a row with two limits as two."""
    rows = {}
    for i in range(len(program["row_lower"])):
        span = slice(program["row_ptr"][i], program["row_ptr"][i + 1])
        terms = zip(program["column"][span].tolist(), program["coefficient"][span].tolist(), strict=True)
        key = tuple(sorted(terms))
        low, high = rows.get(key, (-INF, INF))
        rows[key] = (max(low, program["row_lower"][i]), min(high, program["row_upper"][i]))
    return rows


@pytest.mark.parametrize("ending", ["mps", "lp"])
@pytest.mark.parametrize("name", CASES)
def test_files_read_back_to_the_same_numbers(worker, tmp_path, name, ending):
    _round_trip(worker, CASES[name], tmp_path / f"{name}.{ending}")


def _round_trip(worker, program, path):
    write_program(program, path)
    read = worker.call(solver_probes.read_by_highs, path)
    assert read.result is not None, read.message
    given = {name: getattr(program, name) for name in read.result}
    for name in ("sense", "offset", "objective", "lower", "upper"):
        assert np.array_equal(read.result[name], given[name]), name
    whole = read.result["integer"]
    assert np.array_equal(whole if whole.size else np.zeros(program.n_columns, bool), given["integer"])
    assert _denoted(read.result) == _denoted(given)


@given(st.lists(st.floats(-1e9, 1e9).filter(lambda a: abs(a) > 1e-9), min_size=6, max_size=6), st.booleans())
def test_any_numbers_survive(worker, tmp_path_factory, numbers, lp):
    low, high = sorted(numbers[2:4])
    program = LinearProgram(
        "max", numbers[:2], [0, 2], [0, 1], numbers[4:], [low], [high], [-1.0, -INF], [1.0, INF],
        offset=numbers[0],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("files") / ("a.lp" if lp else "a.mps")
    _round_trip(worker, program, path)


def test_names_in_files_are_the_given_ones_as_near_as_can_be():
    given = [
        "x[0,new lead,call]",
        "x[0,new_lead,call]",
        "x_0_new_lead_call_2",
        "Zoë",
        "東京",
        "2.5",
        "end",
        "",
        "Nancy",
    ]
    assert allowed_names(given, 9, "x", LP) == [
        "x_0_new_lead_call", "x_0_new_lead_call_2", "x_0_new_lead_call_2_2", "Zoe", "u6771u4eac",
        "_2.5", "_end", "_",
        "_Nancy",
    ]  # fmt: skip
    assert allowed_names(given, 9, "x", MPS)[:3] == ["x[0,new_lead,call]", "x[0,new_lead,call]_2", given[2]]
    assert allowed_names(["a", "b"], 2, "x", LP) == ["a", "b"]
    assert allowed_names([], 2, "x", LP) == ["x0", "x1"]
    long = allowed_names(["a" * 300 + "b", "a" * 300 + "c"], 2, "x", LP)
    assert len(set(long)) == 2 and max(map(len, long)) <= 255


@given(st.lists(st.text(max_size=5), max_size=6), st.sampled_from([LP, MPS]))
def test_names_in_files_are_allowed_and_differ(given, format):
    found = allowed_names(given, len(given), "x", format)
    assert len(set(found)) == len(given)
    assert all(format.whole.fullmatch(name) and name.lower() not in format.words for name in found)


def test_of_many_columns_all_names_are_short():
    given = ["x[0,a]", *(f"x{k}" for k in range(100_000))]
    assert allowed_names(given, len(given), "x", LP)[:2] == ["x0", "x1"]
    assert allowed_names(given, len(given), "x", MPS) == given


def test_lines_of_an_lp_file_are_short(tmp_path):
    write_program(CASES["long lines"], tmp_path / "a.lp")
    assert max(map(len, (tmp_path / "a.lp").read_text().splitlines())) < 500


def test_another_ending_is_refused_and_a_failure_leaves_the_old_file(tmp_path):
    with pytest.raises(UsageError, match=r"\.mps or \.lp"):
        write_program(CASES["names"], tmp_path / "a.txt")
    path = tmp_path / "a.mps"
    write_program(CASES["names"], path)
    before = path.read_bytes()
    odd = CASES["bounds"]
    object.__setattr__(odd, "objective", None)
    with pytest.raises(AttributeError):
        write_program(odd, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mps"]
