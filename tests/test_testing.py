"""The conformance kits: their answers are proved, liars are caught, installed back ends are held to them."""

import itertools
from dataclasses import replace
from pathlib import Path

import lying_backends
import numpy as np
import pytest
from hypothesis import given, settings
from small_problems import plain_models, problem_of

from optbudget import load
from optbudget.curves import Curve, Curves
from optbudget.errors import MissingExtraError, ProblemError
from optbudget.problems import BudgetedMDP
from optbudget.problems.examples import two_action_example
from optbudget.solvers import BackEnds, find, names
from optbudget.solvers.bound import proven_bound
from optbudget.status import Termination
from optbudget.testing import (
    PROGRAMS,
    ConformanceError,
    Finding,
    KnownProgram,
    Verdict,
    check_backend,
    check_model,
    models,
    program_of,
)
from optbudget.testing.backends import reasons
from optbudget.testing.behaviours import BEHAVIOURS
from optbudget.testing.unconstrained import cheapest, unlimited

BY_NAME = {known.name: known for known in PROGRAMS}
UNIQUE = [
    known
    for known in PROGRAMS
    if known.ends is Termination.OPTIMAL
    and not (known.many_points or known.guarded or known.program().is_integer)
]
MOST_POINTS = 200_000


class TestStatement:
    def test_all_of_the_grammar(self):
        program = program_of(
            "min x - 2 y + 5; a: 1 <= x + y - 3 <= 4; b: 2 x >= -6; c: y = 1e2; e: 0 <= 3; x free; "
            "-1.5 <= y <= 7; z binary; w whole; w <= 3"
        )
        assert program.column_names == ("x", "y", "z", "w") and program.offset == 5.0
        assert program.row_lower.tolist() == [4.0, -6.0, 100.0, -np.inf]
        assert program.row_upper.tolist() == [7.0, np.inf, 100.0, 3.0]
        assert program.lower.tolist() == [-np.inf, -1.5, 0.0, 0.0]
        assert program.upper.tolist() == [np.inf, 7.0, 1.0, 3.0]
        assert program.integer.tolist() == [False, False, True, True]

    @pytest.mark.parametrize(
        "text",
        ["3 x", "max x; r: x", "max x; x + y <= 3", "max x; 2 x <= 3", "max x; r: 1 <= x >= 2",
         "max x; r: x <= y", "max 3x; r: 3x <= 2", "", "max x; x <= 1 <= 2"],
    )  # fmt: skip
    def test_what_cannot_be_read_is_refused(self, text):
        with pytest.raises(ProblemError):
            program_of(text)


class TestTheKitItself:
    def test_about_a_hundred_named_problems_each_with_a_reason(self):
        assert len(BY_NAME) == len(PROGRAMS) >= 100
        lines = list(reasons())
        assert len(set(lines)) == len(PROGRAMS) and all(len(line) < 110 for line in lines)
        assert len({known.why for known in PROGRAMS}) == len(PROGRAMS)
        both = {behaviour.name for behaviour in BEHAVIOURS}
        assert len(both) == len(BEHAVIOURS) and not both & set(BY_NAME)

    @pytest.mark.parametrize("known", PROGRAMS, ids=lambda known: known.name)
    def test_the_answer_is_proved_without_a_solver(self, known: KnownProgram):
        program = known.program()
        point = known.on_columns(program, known.point)
        if known.ends is Termination.OPTIMAL:
            assert program.violation(point) <= 1e-12
            assert program.value(point) == pytest.approx(known.value, rel=1e-12, abs=1e-12)
            if program.is_integer:
                assert _best(program) == pytest.approx(known.value, rel=1e-12)
            else:  # Weak duality: nothing is better than what these prices prove.
                bound, _ = proven_bound(program, known.on_rows(program, known.price))
                assert bound == pytest.approx(known.value, rel=1e-12, abs=1e-12)
        elif known.ends is Termination.INFEASIBLE:
            if known.ray:  # Farkas: the bound that the ray proves on 0 misses 0.
                nothing = replace(program, objective=np.zeros(program.n_columns), offset=0.0)
                bound = nothing.dual_bound(known.on_rows(program, known.ray))
                assert bound < 0 if program.sense == "max" else bound > 0
            elif program.is_integer:
                assert _best(program) is None
            else:
                assert (program.lower > program.upper).any()
        else:
            direction = known.on_columns(program, known.direction)
            for step in (0.0, 1.0, 1e6):
                assert program.violation(point + step * direction) == 0.0
            gain = program.objective @ direction
            assert gain > 0 if program.sense == "max" else gain < 0

    @pytest.mark.parametrize("known", UNIQUE, ids=lambda known: known.name)
    def test_unique_points_are_unique(self, known: KnownProgram):
        """At the best value no column can be larger or smaller, as another solver finds."""
        from scipy.optimize import linprog

        program = known.program()
        matrix = np.zeros((program.n_rows, program.n_columns))
        matrix[program.entry_row, program.column] = program.coefficient
        size = np.abs(program.objective).max() or 1.0
        rows = np.vstack([matrix, -matrix])
        limits = np.concatenate([program.row_upper, -program.row_lower])
        kept = np.isfinite(limits)
        for j in range(program.n_columns):
            for sign in (1.0, -1.0):
                cost = np.zeros(program.n_columns)
                cost[j] = sign
                found = linprog(
                    cost, A_ub=rows[kept], b_ub=limits[kept], A_eq=[program.objective / size],
                    b_eq=[(known.value - program.offset) / size],
                    bounds=np.column_stack([program.lower, program.upper]),
                )  # fmt: skip
                assert found.x is not None
                assert found.x[j] == pytest.approx(
                    known.point.get(program.column_names[j], 0.0), abs=1e-5, rel=1e-6
                )


def _best(program):
    """The best objective of a program with whole columns by enumeration; None if there is no feasible point.

    Continuous columns stand at one of their bounds or where one row binds, other columns given: enough for
    the kit's programs, which have at most one of them.
    """
    low, high = np.ceil(program.lower), np.floor(program.upper)
    for i in range(program.n_rows):  # A row of entries >= 0 bounds its columns.
        at = program.entry_row == i
        if (program.coefficient[at] > 0).all() and (low[program.column[at]] >= 0).all():
            most = np.floor(program.row_upper[i] / program.coefficient[at])
            high[program.column[at]] = np.minimum(high[program.column[at]], most)
    implied = np.where(np.isinf(high), 40.0, high), np.where(np.isinf(low), -40.0, low)
    choices = []
    for j in range(program.n_columns):
        if program.integer[j]:
            choices.append(np.arange(implied[1][j], implied[0][j] + 1))
        else:
            choices.append([program.lower[j], program.upper[j]])
    assert np.prod([len(c) for c in choices]) <= MOST_POINTS
    continuous = np.flatnonzero(~program.integer)
    sign = 1.0 if program.sense == "max" else -1.0
    best = None
    for numbers in itertools.product(*choices):
        x = np.array(numbers, dtype=np.float64)
        points = [x]
        for j in continuous:
            for i in np.unique(program.entry_row[(program.column == j) & (program.coefficient != 0)]):
                a = program.coefficient[(program.entry_row == i) & (program.column == j)][0]
                rest = np.where(np.arange(x.size) == j, 0.0, x)
                if not np.isfinite(rest).all():
                    continue
                for limit in (program.row_lower[i], program.row_upper[i]):
                    if np.isfinite(limit):
                        moved = rest.copy()
                        moved[j] = (limit - program.activity(rest)[i]) / a
                        points.append(moved)
        for point in points:
            if np.isfinite(point).all() and program.violation(point) <= 1e-12:
                value = sign * program.value(point)
                best = value if best is None else max(best, value)
    return None if best is None else sign * best


@pytest.fixture(scope="module")
def kept():
    with BackEnds() as processes:
        yield processes


class TestLiars:
    """Each kind of lie is caught, and by the programs that are there for it."""

    @pytest.mark.parametrize("kind", [kind for kind in lying_backends.LIES if kind != "honest"])
    def test_caught(self, kept, kind):
        part = [known for known in PROGRAMS if not known.guarded][::3]
        report = check_backend(lying_backends.row(kind), programs=part, behaviours=(), processes=kept)
        assert not report.ok
        with pytest.raises(ConformanceError, match="liar"):
            report.assert_ok()
        assert isinstance(report.findings[0], Finding)

    def test_the_honest_one_passes(self, kept):
        names = ["wyndor", "free_columns", "parity", "mckp", "two_rows_disagree", "cmdp"]
        report = check_backend(
            lying_backends.row("honest"),
            programs=[BY_NAME[name] for name in names],
            behaviours=(),
            processes=kept,
        )
        report.assert_ok()
        assert report.names(Verdict.PASSED) == set(names)

    @pytest.mark.parametrize(
        ("kind", "name", "says"),
        [
            ("off-by-1e-4", "wyndor", "objective is 36.0001, not 36"),
            ("point-off-by-1e-4", "wyndor", "objective is 36.0008, not 36"),
            ("flipped-prices", "wyndor", "price of row b is -1.5, not 1.5"),
            ("flipped-prices", "wyndor_minimised", "price of row b is 1.5, not -1.5"),
            ("flipped-prices", "same_row_twice", "missing limit"),
            ("never-infeasible", "cycle_of_rows", "is INFEASIBLE and was called OPTIMAL"),
            ("never-feasible", "wyndor", "has the optimum 36 and was called INFEASIBLE"),
            ("never-feasible", "unbounded_ray", "is UNBOUNDED and was called INFEASIBLE"),
            ("wrong-bound", "mckp", "claims the bound 6, which the optimum 7 refutes"),
            ("relaxes", "mckp", "objective is 9, not 7"),
            ("garbage", "wyndor", "returned a dict"),
            ("raises", "wyndor", "RuntimeError: no licence"),
        ],
    )
    def test_with_its_numbers(self, kept, kind, name, says):
        report = check_backend(
            lying_backends.row(kind), programs=[BY_NAME[name]], behaviours=(), processes=kept
        )
        assert report[name].verdict is Verdict.FAILED and says in report[name].detail

    def test_silence_is_no_pass(self, kept):
        report = check_backend(
            lying_backends.row("says-nothing"), programs=[BY_NAME["wyndor"]], behaviours=(), processes=kept
        )
        assert report.names(Verdict.UNANSWERED) == {"wyndor"} and not report.ok
        report.assert_ok(unanswered=["wyndor"])
        with pytest.raises(ConformanceError, match="listed as failed and is not"):
            report.assert_ok(unanswered=["wyndor"], failed=["wyndor"])

    def test_what_is_remembered_is_seen(self):
        behaviours = [b for b in BEHAVIOURS if b.name == "fresh_after_an_infeasible_program"]
        report = check_backend(lying_backends.row("remembers"), programs=(), behaviours=behaviours)
        assert "INFEASIBLE" in report[behaviours[0].name].detail

    def test_capabilities_decide_what_applies(self, kept):
        row = lying_backends.row("flipped-prices", mip=False, duals=False)
        report = check_backend(
            row, programs=[BY_NAME["wyndor"], BY_NAME["mckp"]], behaviours=(), processes=kept
        )
        report.assert_ok()
        assert report.names(Verdict.NOT_APPLICABLE) == {"mckp"}

    def test_a_missing_one_is_told(self):
        row = replace(lying_backends.row("honest"), packages=("no-such-solver",))
        with pytest.raises(MissingExtraError, match="no-such-solver"):
            check_backend(row)


FAILED: dict[str, set[str]] = {}
"""What an installed back end is known to get wrong, by its name: data, so that a mended one is noticed."""
UNANSWERED: dict[str, set[str]] = {}
"""What one is known not to answer."""


@pytest.mark.parametrize("name", names())
def test_installed_back_ends_conform(name):
    try:
        report = check_backend(find(name))
    except MissingExtraError as error:
        pytest.skip(str(error))
    report.assert_ok(failed=FAILED.get(name, ()), unanswered=UNANSWERED.get(name, ()))


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name", ["pyomo:highs", "pyomo:appsi_highs", "pyomo:glpk", "pyomo:cbc", "pyomo:scip"]
)
def test_back_ends_through_pyomo_conform(name):
    try:
        report = check_backend(name)
    except MissingExtraError as error:
        pytest.skip(str(error))
    report.assert_ok(failed=FAILED.get(name, ()), unanswered=UNANSWERED.get(name, ()))


class TestModels:
    @settings(max_examples=15)
    @given(plain_models())
    def test_random_problems_pass(self, plain):
        if all(not options for options in plain["pairs"]):
            return
        check_model(problem_of(plain), backends=()).assert_ok()

    def test_with_the_linear_program(self):
        report = check_model(two_action_example(horizon=4))
        report.assert_ok()
        assert {"linear_program_by_glop", "walk_and_exact_agree", "relabelled"} <= report.names(
            Verdict.PASSED
        )

    def test_over_an_infinite_horizon(self):
        report = check_model(two_action_example(), backends=("glop",))
        report.assert_ok()
        assert report.names(Verdict.NOT_APPLICABLE) == {"solved_by_exact", "curve_at_the_least_budget"}

    @pytest.mark.nightly
    def test_the_advertising_model(self):
        check_model(load(Path(__file__).parents[1] / "models" / "synthetic_ad")).assert_ok()

    def test_a_capped_problem(self):
        report = check_model(replace(two_action_example(horizon=3), budget_cap=1.0), backends=())
        report.assert_ok()
        assert "relabelled" in report.names(Verdict.NOT_APPLICABLE)

    @pytest.mark.parametrize(
        ("lift", "stretch", "caught"),
        [(1e-3, 1.0, {"walk_and_sweep_agree", "certificate_of_sweep"}),
         (0.0, 0.99, {"walk_and_sweep_agree", "sweep_and_exact_agree", "certificate_of_sweep"})],
        ids=["values too high", "budgets too low"],
    )  # fmt: skip
    def test_a_wrong_method_is_named(self, monkeypatch, lift, stretch, caught):
        honest = models.solve

        def solve(problem: BudgetedMDP, **options):
            answer = honest(problem, **options)
            if options["method"] != "sweep":
                return answer
            wrong = [
                Curve(c.start_budget, c.start_value + lift, c.length * stretch, c.gain) for c in answer.curves
            ]
            return replace(answer, curves=Curves.from_curves(wrong))

        monkeypatch.setattr(models, "solve", solve)
        report = check_model(two_action_example(horizon=3), backends=())
        assert caught <= report.names(Verdict.FAILED)
        assert "solved_by_walk" in report.names(Verdict.PASSED)

    @pytest.mark.parametrize(
        ("when", "caught"),
        [
            (lambda problem: problem.cost.max() > 1e3, "costs_times_2^20"),
            (lambda problem: problem.cost.max() < 1e-3, "costs_times_2^-20"),
            (lambda problem: problem.utility.max() > 15, "rewards_times_2"),
            (lambda problem: problem.states[0].startswith("state "), "relabelled"),
        ],
    )
    def test_a_broken_law_is_named(self, monkeypatch, when, caught):
        honest = models.solve

        def solve(problem: BudgetedMDP, **options):
            answer = honest(problem, **options)
            if not when(problem):
                return answer
            wrong = [Curve(c.start_budget, c.start_value, c.length, c.gain * 1.001) for c in answer.curves]
            return replace(answer, curves=Curves.from_curves(wrong))

        monkeypatch.setattr(models, "solve", solve)
        report = check_model(two_action_example(horizon=3), backends=())
        assert report.names(Verdict.FAILED) == {caught}

    def test_a_wrong_program_is_named(self, monkeypatch):
        def halved(name, tool, asked):
            return declared(name, tool, replace(asked, budget=asked.budget / 2))

        declared = models.declared
        monkeypatch.setattr(models, "declared", halved)
        report = check_model(two_action_example(horizon=3), backends=("glop",))
        assert not report.ok and report["linear_program_by_glop"].verdict is not Verdict.PASSED

    def test_the_ends_of_a_curve_by_hand(self):
        """One state: pay 1 for 3, or 2 for 3 and less later; the cheapest earns what it earns."""
        problem = problem_of(
            {
                "pairs": [[(1, 3, [(0, 1)]), (2, 5, [(0, 1)])]], "terminal": [4], "discount": 0.5,
                "cost_discount": 0.5, "horizon": 2, "net": False,
            }
        )  # fmt: skip
        spend, value = cheapest(problem)
        assert (spend.tolist(), value.tolist()) == ([1.5], [3 + 0.5 * 3 + 0.25 * 4])
        assert unlimited(problem).tolist() == [5 + 0.5 * 5 + 0.25 * 4]


def test_the_page_shows_the_example():
    root = Path(__file__).parents[1]
    example = (root / "examples" / "scipy_backend.py").read_text(encoding="utf-8")
    page = (root / "docs" / "adding-a-back-end.md").read_text(encoding="utf-8")
    assert example.partition("\n\nif __name__")[0].strip() in page
