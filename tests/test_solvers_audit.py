"""What an audit proves and refutes, without any solver: bounds, Farkas, rays, scaling, verdicts."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from optbudget.errors import ProblemError
from optbudget.problems import LinearProgram
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.audit import audit
from optbudget.solvers.bound import implied_box, proven_bound
from optbudget.solvers.diagnose import contradiction, diagnose, elastic, farkas, gains, recession
from optbudget.solvers.options import Options
from optbudget.solvers.scaling import prepare
from optbudget.solvers.table import BackEnd
from optbudget.status import Solution, Termination

INF = np.inf
OURS = BackEnd("ours", "", "none", "none", mip=True)
BOXED = LinearProgram("max", [3.0, 2.0], [0, 2], [0, 1], [1.0, 1.0], [-INF], [5.0], [0.0, 0.0], [4.0, INF])

small = st.integers(-4, 4).map(float)


@st.composite
def boxed_programs(draw):
    """Whole-number programs in a small box, so that every point can be listed."""
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rows = np.array(draw(st.lists(st.lists(small, min_size=n, max_size=n), min_size=m, max_size=m)))
    low = np.array(draw(st.lists(st.sampled_from([-INF, -2.0, 1.0]), min_size=m, max_size=m)))
    return LinearProgram(
        draw(st.sampled_from(["max", "min"])),
        draw(st.lists(small, min_size=n, max_size=n)),
        n * np.arange(m + 1),
        np.tile(np.arange(n), m),
        rows.ravel(),
        low,
        np.array(draw(st.lists(st.sampled_from([1.0, 3.0, INF]), min_size=m, max_size=m))),
        np.zeros(n),
        np.array(draw(st.lists(st.sampled_from([1.0, 2.0, INF]), min_size=n, max_size=n))),
        offset=draw(small),
    )


def _feasible(program):
    axes = [range(int(min(u, 5.0)) + 1) for u in program.upper]
    points = [np.array(point, dtype=float) for point in product(*axes)]
    return [point for point in points if program.violation(point) == 0]


@given(boxed_programs(), st.data())
def test_no_point_beats_a_proven_bound(program, data):
    y = data.draw(st.lists(small, min_size=program.n_rows, max_size=program.n_rows))
    bound, used = proven_bound(program, y)
    sign = 1.0 if program.sense == "max" else -1.0
    for point in _feasible(program):
        assert sign * program.value(point) <= sign * bound + 1e-9
    if np.isfinite(bound):
        assert np.isfinite(used).all()


@given(boxed_programs())
def test_the_implied_box_holds_every_point(program):
    lower, upper = implied_box(program)
    for point in _feasible(program):
        assert (point >= lower - 1e-9).all() and (point <= upper + 1e-9).all()


@given(boxed_programs(), st.data())
def test_farkas_never_calls_a_feasible_program_infeasible(program, data):
    assume(_feasible(program))
    y = data.draw(st.lists(small, min_size=program.n_rows, max_size=program.n_rows))
    assert farkas(program, np.array(y)) is None


@given(boxed_programs())
def test_a_ray_can_be_followed(program):
    sign = 1.0 if program.sense == "max" else -1.0
    for r in product([-1.0, 0.0, 0.5, 1.0], repeat=program.n_columns):
        direction = np.array(r)
        for point in _feasible(program)[:3] if gains(program, direction) else []:
            far = point + 1024.0 * direction
            assert program.violation(far) == 0
            assert sign * program.value(far) > sign * program.value(point)


def test_what_is_no_ray():
    endless = replace(BOXED, row_upper=np.array([INF]))
    assert gains(endless, np.array([0.0, 1.0]))
    assert not gains(endless, np.array([0.0, -1.0])), "a bound forbids it"
    assert not gains(endless, np.array([0.0, 0.0])), "it leads nowhere"
    assert not gains(replace(endless, sense="min"), np.array([0.0, 1.0])), "it loses"
    assert not gains(replace(endless, objective=np.array([3.0, 0.0])), np.array([0.0, 1.0])), (
        "it gains nothing"
    )
    assert not gains(BOXED, np.array([0.0, 1.0])), "a row forbids it"
    assert not gains(endless, np.array([0.0, np.nan]))


def test_rounding_in_a_reduced_cost_does_not_cost_the_bound():
    program = LinearProgram(
        "min", [1.0, 1.0], [0, 2], [0, 1], [1.0, 1.0], [1.0], [INF], [-INF] * 2, [INF] * 2
    )
    assert proven_bound(program, [1.0 - 1e-16])[0] == pytest.approx(1.0)
    tilted = replace(program, objective=np.array([1.0, 2.0]))
    assert proven_bound(tilted, [1.0])[0] == -INF


def test_flow_balances_are_mended_along_all_rows():
    """x0 - 0.9 x1 = 1, x1 - 0.9 x0 = 1: no row bounds a column, and y is wrong by 1e-8."""
    ones, flow = [1.0, 1.0], [1.0, -0.9, -0.9, 1.0]
    program = LinearProgram("max", ones, [0, 2, 4], [0, 1, 0, 1], flow, ones, ones, [0.0, 0.0], [INF, INF])
    assert proven_bound(program, [10.0, 10.0])[0] == pytest.approx(20.0)
    bound, used = proven_bound(program, [10.0 - 1e-8, 10.0])
    assert 20.0 <= bound < 20.0 + 1e-5
    assert program.dual_bound(used * (1 + 1e-12)) == pytest.approx(bound)


def _answer(**changed):
    said = {"x": [4.0, 1.0], "row_price": [2.0], "value": 14.0, "bound": 14.0} | changed
    return RawAnswer("optimal", Termination.OPTIMAL, **said)


@pytest.mark.parametrize(
    ("changed", "termination", "solution"),
    [
        ({}, "OPTIMAL", "CERTIFIED"),
        ({"row_price": [-2.0]}, "OPTIMAL", "CERTIFIED"),
        ({"row_price": [2.0 + 1e-7]}, "TOLERANCE", "CERTIFIED"),
        ({"row_price": [2.5]}, "NUMERICAL", "CERTIFIED"),
        ({"row_price": None}, "UNKNOWN", "FEASIBLE"),
        ({"bound": np.nan}, "OPTIMAL", "CERTIFIED"),
        ({"row_price": [1.0, 1.0]}, "BACKEND_FAILED", "NONE"),
        ({"row_price": [np.nan]}, "BACKEND_FAILED", "NONE"),
        ({"bound": 13.0}, "BACKEND_FAILED", "NONE"),
        ({"bound": 15.0}, "BACKEND_FAILED", "NONE"),
        ({"value": 15.0}, "BACKEND_FAILED", "NONE"),
        ({"x": [4.0, 1.1]}, "BACKEND_FAILED", "NONE"),
        ({"x": [np.inf, 1.0]}, "BACKEND_FAILED", "NONE"),
    ],
)
def test_verdicts(changed, termination, solution):
    outcome = audit(BOXED, _answer(**changed), OURS, Options()).outcome
    assert (outcome.termination.name, outcome.solution.name) == (termination, solution), outcome


def test_a_suboptimal_point_called_optimal_is_not():
    solution = audit(BOXED, _answer(x=[4.0, 0.0], value=12.0, bound=12.0), OURS, Options())
    assert solution.outcome.termination is Termination.NUMERICAL
    assert (solution.value, solution.bound) == (12.0, 14.0)


def test_a_limit_keeps_its_word_and_its_point():
    raw = replace(_answer(row_price=None, bound=20.0), termination=Termination.TIME_LIMIT)
    solution = audit(BOXED, raw, OURS, Options())
    assert solution.outcome.termination is Termination.TIME_LIMIT
    assert solution.outcome.solution is Solution.FEASIBLE
    wrong = replace(raw, x=[9.0, 9.0])
    assert audit(BOXED, wrong, OURS, Options()).outcome.solution is Solution.NONE


def test_nearly_whole_is_rounded():
    program = replace(BOXED, integer=np.ones(2, dtype=bool))
    solution = audit(program, _answer(x=[4.0 - 1e-9, 1.0 + 1e-9], row_price=None), OURS, Options())
    assert solution.x.tolist() == [4.0, 1.0]


@given(boxed_programs(), st.integers(-40, 40), st.integers(-40, 40))
def test_scaling_is_exact_and_undone(program, row_power, column_power):
    """A program scaled badly on purpose; what comes back is the answer to the given numbers."""
    r = np.ldexp(1.0, row_power * (np.arange(program.n_rows) % 2))
    s = np.ldexp(1.0, column_power * (np.arange(program.n_columns) % 2))
    bad = replace(
        program,
        objective=program.objective * s,
        coefficient=program.coefficient * r[program.entry_row] * s[program.column],
        row_lower=program.row_lower * r,
        row_upper=program.row_upper * r,
        lower=(program.lower - 3.0) / s,
        upper=program.upper / s,
    )
    scaled = prepare(bad, smallest=1e-12, infinite=1e20, backend="any")
    x, y = np.arange(1.0, program.n_columns + 1), np.arange(1.0, program.n_rows + 1)
    back = scaled.unscale(RawAnswer("any", x=x, row_price=y))
    assert bad.value(back.x) == scaled.program.value(x)
    assert np.array_equal(bad.activity(back.x) * scaled.row, scaled.program.activity(x))
    assert np.array_equal(bad.reduced_costs(back.row_price) * scaled.column, scaled.program.reduced_costs(y))
    for side in ("lower", "upper"):
        assert np.array_equal(getattr(scaled.program, side) * scaled.column, getattr(bad, side))
    for side in ("row_lower", "row_upper"):
        assert np.array_equal(getattr(scaled.program, side), getattr(bad, side) * scaled.row)
    if not scaled.is_plain:
        size = np.abs(scaled.program.coefficient[scaled.program.coefficient != 0])
        assert size.min() > 1e-9


def test_limits_that_stay_infinite_are_refused():
    program = LinearProgram(
        "max", [1.0], [0, 1], [0], [1.0], [-INF], [1e25], [0.0], [1.0], [True], row_names=("payroll",)
    )
    with pytest.raises(ProblemError, match="row payroll: any takes the limit 1e\\+25 for infinite"):
        prepare(program, smallest=1e-12, infinite=1e20, backend="any")


def test_contradictions_are_named():
    assert contradiction(BOXED) == ""
    assert "x1" in contradiction(replace(BOXED, lower=np.array([0.0, 3.0]), upper=np.array([4.0, 2.0])))
    assert "r0" in contradiction(replace(BOXED, row_lower=np.array([6.0])))
    empty = LinearProgram("max", [1.0], [0, 0], [], [], [1.0], [2.0], [0.0], [1.0])
    assert "no entries" in contradiction(empty)


def test_a_diagnosis_without_help_decides_nothing():
    found = diagnose(BOXED, lambda program: (None, None))
    assert (found.termination, found.point, found.bounded) == (Termination.UNKNOWN, None, False)


def test_the_two_programs_of_a_diagnosis():
    first = elastic(BOXED)
    assert (first.n_columns, first.n_rows, first.sense) == (4, 1, "min")
    assert first.activity([1.0, 1.0, 0.5, 0.25]).tolist() == [2.25]
    cone = recession(BOXED)
    assert (cone.row_upper.tolist(), cone.lower.tolist(), cone.upper.tolist()) == (
        [0.0],
        [0.0, 0.0],
        [0.0, 1.0],
    )
