"""The declared programs: two statements of one program, and answers that are read back and evaluated."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of
from truth import true_curves, value_at

from optbudget.curves import Curve, Curves
from optbudget.errors import LimitError, UsageError
from optbudget.formulations import (
    STATEMENTS,
    builder,
    declared,
    purified,
    read_dual,
    read_primal,
    read_relaxed,
    read_whole,
    statement,
)
from optbudget.formulations.purify import envelope
from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, LinearSolution, RiskTerm
from optbudget.problems.examples import two_action_example
from optbudget.solvers import Options, find
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.audit import audit
from optbudget.status import Outcome, Solution, Termination
from optbudget.study import Stand, compare
from optbudget.study.routes import applies

FEW = settings(max_examples=12)
SOME = settings(max_examples=25)
ROUTES = ("walk", "cmdp_primal/mathopt/glop", "cmdp_dual/pyomo/highs-simplex")
BOTH = ("cmdp_primal/mathopt/glop", "cmdp_dual/pyomo/highs-simplex", "cmdp_primal/pyomo/highs-ipm")
SPLITS = (
    "greedy",
    "price",
    "ip",
    "mckp_lp/mathopt/glop",
    "mckp_ip/mathopt/cp-sat",
    "mckp_unit/pyomo/highs-mip",
)
DETERMINISTIC = (
    "walk",
    "vertex",
    "frontier",
    "deterministic_stage/pyomo/highs-mip",
    "deterministic_budget/mathopt/scip",
)


@pytest.fixture(scope="module")
def stand():
    with Stand(Options(time_limit=60.0, relative_gap=1e-9)) as kept:
        yield kept


def acting(**sizes):
    """Problems in which something can be done."""
    return plain_models(**sizes).filter(lambda plain: any(plain["pairs"]))


budgets = st.integers(0, 40).map(lambda eighths: eighths / 8)


@st.composite
def knapsacks(draw):
    """Groups on a small grid, so that ties, dominated and collinear options are common; and a budget."""
    groups = draw(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.lists(st.tuples(st.integers(0, 4), st.integers(-4, 4)), min_size=1, max_size=4),
            ),
            min_size=1,
            max_size=4,
        )
    )
    options = [option for _, group in groups for option in group]
    problem = Knapsack.from_arrays(
        np.cumsum([0, *(len(group) for _, group in groups)]),
        [float(c) for c, _ in options],
        [float(v) for _, v in options],
        count=[n for n, _ in groups],
    )
    return problem, draw(st.integers(0, 60)) / 4


@st.composite
def useful_budgets(draw):
    """A knapsack of useful budgets: strictly concave curves with counts; and a budget."""
    curves, count = [], []
    for _ in range(draw(st.integers(1, 4))):
        slopes = sorted(draw(st.lists(st.integers(1, 6), max_size=3, unique=True)), reverse=True)
        lengths = [draw(st.integers(1, 4)) for _ in slopes]
        gains = [s * b for s, b in zip(slopes, lengths, strict=True)]
        curves.append(Curve(draw(st.integers(0, 2)), 0, lengths, gains))
        count.append(draw(st.integers(1, 4)))
    problem = Knapsack.from_curves(Curves.from_curves(curves), count)
    least = float(sum(n * c.start_budget for n, c in zip(count, curves, strict=True)))
    return problem, least + draw(st.integers(0, 60)) / 4


def rows_of(program):
    """Rows by name, each with its coefficients by column name; rows and entries that say nothing left out."""
    found = {}
    for i, name in enumerate(program.row_names):
        span = slice(program.row_ptr[i], program.row_ptr[i + 1])
        pairs = zip(program.column[span].tolist(), program.coefficient[span].tolist(), strict=True)
        entries = {program.column_names[j]: a for j, a in pairs if a}
        if entries:
            found[name] = (entries, (program.row_lower[i], program.row_upper[i]))
    return found


def assert_same_program(one, other):
    """Equal but for the order of columns and rows, and the last digit of a sum."""
    assert one.name == other.name
    assert one.sense == other.sense
    assert one.offset == pytest.approx(other.offset, abs=1e-12)
    columns = []
    for program in (one, other):
        numbers = zip(program.objective, program.lower, program.upper, program.integer, strict=True)
        columns.append(
            {name: tuple(map(float, x)) for name, x in zip(program.column_names, numbers, strict=True)}
        )
    assert columns[0].keys() == columns[1].keys()
    for name, numbers in columns[0].items():
        assert numbers == pytest.approx(columns[1][name], rel=1e-14, abs=1e-15), name
    rows = [rows_of(program) for program in (one, other)]
    assert rows[0].keys() == rows[1].keys()
    for name, (entries, limits) in rows[0].items():
        there, limits_there = rows[1][name]
        assert entries == pytest.approx(there, rel=1e-14, abs=1e-15), name
        assert limits == pytest.approx(limits_there, rel=1e-14), name


def stated_twice(stand, row, problem, budget):
    both = []
    for tool in ("pyomo", "mathopt"):
        found = stand.program(row.name, tool, problem, budget)
        assert not isinstance(found, str), found
        assert found[0].name == row.name
        both.append(found[0])
    return both


# -- two statements, one program --------------------------------------------------------------


@FEW
@given(acting(), budgets, st.booleans(), st.booleans())
def test_pyomo_and_mathopt_state_the_same_process_programs(stand, plain, budget, infinite, second):
    changes = {"horizon": None, "discount": 0.75, "cost_discount": 0.75} if infinite else {}
    unit = problem_of(plain, **changes)
    others = (
        {"staff": (np.arange(unit.cost.size) % 3.0, 1.5), "free": (unit.cost, np.inf)} if second else None
    )
    problem = ConstrainedMDP.of(unit, budget, others)
    for row in STATEMENTS:
        if applies(row, problem):
            assert_same_program(*stated_twice(stand, row, problem, None))


@FEW
@given(knapsacks())
def test_pyomo_and_mathopt_state_the_same_knapsacks(stand, drawn):
    problem, budget = drawn
    for row in STATEMENTS:
        if applies(row, problem):
            assert_same_program(*stated_twice(stand, row, problem, budget))


# -- policies in expectation --------------------------------------------------------------------


@given(acting(free_action=True), budgets)
def test_primal_dual_and_curve_have_the_exact_value(stand, plain, budget):
    unit = problem_of(plain)
    truth = value_at(true_curves(unit)[0], budget)
    found = compare(unit, budget, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    for route in found.routes:
        assert route.value == pytest.approx(float(truth), rel=1e-9, abs=1e-9), route.route
        assert route.value <= float(truth) + 1e-12 * (1 + abs(float(truth)))
        assert route.bound >= float(truth) - 1e-12 * (1 + abs(float(truth)))
        assert route.gap <= 1e-9
    assert_stated(stand, ConstrainedMDP(unit, budget), float(truth))


def assert_stated(stand, problem, truth):
    """The optimum of both linear programs themselves: an answer that is evaluated again hides a wrong one."""
    for name in ("cmdp_primal", "cmdp_dual"):
        program, _ = stand.program(name, "pyomo", problem, None)
        assert stand.solve(program, find("highs-simplex")).value == pytest.approx(truth, rel=1e-9, abs=1e-9)


@FEW
@given(acting(), budgets)
def test_a_budget_below_the_least_is_infeasible_by_every_route(stand, plain, budget):
    unit = problem_of(plain)
    truth = value_at(true_curves(unit)[0], budget)
    found = compare(unit, budget, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    assert [r.infeasible for r in found.routes] == [truth is None] * len(ROUTES)


@FEW
@given(acting(free_action=True), budgets, st.integers(1, 3))
def test_several_initial_states(stand, plain, budget, weight):
    n = len(plain["pairs"])
    share = np.arange(1, n + 1, dtype=float) ** weight
    start = {"initial_state": np.arange(n), "initial_probability": share / share.sum()}
    found = compare(problem_of(plain, **start), budget, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    values = [route.value for route in found.routes]
    assert values == pytest.approx([values[0]] * 3, rel=1e-9, abs=1e-9)


@FEW
@given(acting(free_action=True), budgets, st.sampled_from([0.5, 0.75, 0.9]))
def test_infinite_horizon(stand, plain, budget, rate):
    unit = problem_of(plain, horizon=None, discount=rate, cost_discount=rate)
    found = compare(unit, budget, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    values = [route.value for route in found.routes]
    assert values == pytest.approx([values[0]] * 3, rel=1e-9, abs=1e-9)


def test_what_ends_is_worth_its_utility_when_it_ends(stand):
    """A terminal state that is reached early, late, or at the start; discounts apart."""
    half, quarter = [(0, 0.5), (1, 0.5)], [(0, 0.75), (1, 0.25)]
    plain = {
        "pairs": [[(0, 1, quarter), (2, 1, half)], []], "terminal": [-1, 4], "discount": 0.75,
        "cost_discount": 0.5, "horizon": 3, "net": False,
    }  # fmt: skip
    start = {"initial_state": np.array([0, 1]), "initial_probability": np.array([0.75, 0.25])}
    unit = problem_of(plain, **start)
    found = compare(unit, 0.75, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    truth = 0.75 * float(value_at(true_curves(unit)[0], 1.0)) + 0.25 * 4
    for route in found.routes:
        assert route.value == pytest.approx(truth, rel=1e-12), route.route
    assert_stated(stand, ConstrainedMDP(unit, 0.75), truth)


@pytest.mark.parametrize(("horizon", "rate"), [(400, 1.0), (None, 0.9999)])
def test_probabilities_that_sum_to_a_little_more_than_one(stand, horizon, rate):
    """Within what a model may have: the flow then grows, and a largest frequency of 1 would be wrong."""
    more = 1 + 9e-10
    unit = BudgetedMDP.from_tables(
        {"state": ["s"], "action": ["wait"], "next_state": ["s"], "probability": [more]},
        {"state": ["s"], "action": ["wait"], "cost": [0.0], "utility": [1.0]},
        discount=rate, cost_discount=rate, horizon=horizon, reward="gross",
    )  # fmt: skip
    truth = 1 / (1 - rate * more) if horizon is None else sum(more**k for k in range(horizon))
    for tool in ("pyomo", "mathopt"):
        program, _ = stand.program("cmdp_primal", tool, ConstrainedMDP(unit, 1.0), None)
        assert stand.solve(program, find("glop")).value == pytest.approx(truth, rel=1e-11)


# -- several resources, and harm ----------------------------------------------------------------


@FEW
@given(acting(free_action=True), budgets, budgets)
def test_a_second_limit_on_the_same_cost_is_the_tighter_limit(stand, plain, budget, other):
    unit = problem_of(plain)
    truth = float(value_at(true_curves(unit)[0], min(budget, other)))
    problem = ConstrainedMDP.of(unit, budget, {"again": (unit.cost, other), "free": (unit.cost, np.inf)})
    found = compare(problem, budget, routes=BOTH, stand=stand)
    assert found.agree, found.disagreements
    for route in found.routes[:2]:
        assert route.value == pytest.approx(truth, rel=1e-9, abs=1e-9)


@FEW
@given(acting(free_action=True), budgets, budgets, st.data())
def test_two_resources_of_their_own(stand, plain, budget, other, data):
    unit = problem_of(plain)
    size = unit.cost.size
    use = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), dtype=float)
    use[unit.cost == 0] = 0.0
    problem = ConstrainedMDP.of(unit, budget, {"staff": (use, other)})
    found = compare(problem, budget, routes=BOTH, stand=stand)
    assert found.agree, found.disagreements
    values = [route.value for route in found.routes]
    assert values[0] == pytest.approx(values[1], rel=1e-9, abs=1e-9)
    assert [route.gap <= 1e-9 for route in found.routes[:2]] == [True, True]
    assert values[0] <= float(value_at(true_curves(unit)[0], budget)) + 1e-9


@FEW
@given(acting(free_action=True), budgets, st.sampled_from([0.5, 1.0, 2.0]), st.data())
def test_harm_in_the_objective_is_a_smaller_utility(stand, plain, budget, weight, data):
    unit = problem_of(plain)
    size = unit.cost.size
    harm = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), dtype=float)
    pairs = iter(harm.tolist())
    less = [[(c, u - weight * next(pairs), row) for c, u, row in options] for options in plain["pairs"]]
    truth = float(value_at(true_curves(problem_of(plain | {"pairs": less}))[0], budget))
    problem = ConstrainedMDP(unit, budget, risk=RiskTerm(harm, weight))
    found = compare(problem, budget, routes=ROUTES, stand=stand)
    assert found.agree, found.disagreements
    for route in found.routes:
        assert route.value == pytest.approx(truth, rel=1e-9, abs=1e-9), route.route


@FEW
@given(acting(free_action=True), budgets, st.data())
def test_no_harm_allowed_leaves_the_harmless_actions(stand, plain, budget, data):
    """Harm as a second resource, at limit 0 in one stage-free case: harmful pairs are not taken."""
    unit = problem_of(plain)
    first = set(unit.pair_ptr[:-1].tolist())
    harm = np.array(
        [0.0 if a in first else float(data.draw(st.integers(0, 2))) for a in range(unit.cost.size)]
    )
    flags = iter((harm == 0).tolist())
    harmless = [[pair for pair in options if next(flags)] for options in plain["pairs"]]
    truth = float(value_at(true_curves(problem_of(plain | {"pairs": harmless}))[0], budget))
    problem = ConstrainedMDP.of(unit, budget, {"harm": (harm, 0.0)})
    found = compare(problem, budget, routes=BOTH[:2], stand=stand)
    assert found.agree, found.disagreements
    for route in found.routes:
        assert route.value == pytest.approx(truth, rel=1e-9, abs=1e-9), route.route


# -- deterministic policies -----------------------------------------------------------------------


@SOME
@given(acting(max_states=2, max_horizon=3), budgets)
def test_one_action_per_stage_is_no_better_than_per_budget_which_is_the_frontier(stand, plain, budget):
    found = compare(problem_of(plain), budget, routes=DETERMINISTIC, stand=stand)
    assert found.agree, found.disagreements
    walk, vertex, frontier, stage, by_budget = found.routes
    if walk.infeasible:
        assert all(route.infeasible for route in found.routes)
        return
    assert vertex.value <= stage.value + 1e-9 <= by_budget.value + 2e-9
    assert by_budget.value == pytest.approx(frontier.value, rel=1e-9, abs=1e-9)
    assert by_budget.value <= walk.value + 1e-9


def test_one_action_per_stage_can_be_strictly_worse():
    """Two ways lead to one state with different money left: there the histories act differently."""
    half = [(1, 0.5), (2, 0.5)]
    plain = {
        "pairs": [
            [(0, 0, half)], [(0, 0, [(3, 1)]), (2, 3, [(3, 1)])], [(0, 0, [(3, 1)])],
            [(0, 0, [(3, 1)]), (2, 4, [(3, 1)])],
        ],
        "terminal": [0, 0, 0, 0], "discount": 1, "cost_discount": 1, "horizon": 3, "net": False,
    }  # fmt: skip
    found = compare(problem_of(plain), 1.0, routes=DETERMINISTIC)
    walk, vertex, frontier, stage, by_budget = found.routes
    assert found.agree
    assert vertex.value <= stage.value < by_budget.value == frontier.value <= walk.value


# -- splits -----------------------------------------------------------------------------------------


@FEW
@given(useful_budgets(), st.sampled_from(["glop", "highs-simplex"]))
def test_a_basic_relaxation_splits_one_group_between_neighbours(stand, drawn, backend):
    """Boutilier & Lu 2016, proposition 10 and corollary 11."""
    problem, budget = drawn
    program, _ = stand.program("mckp_lp", "mathopt", problem, budget)
    solution = stand.solve(program, find(backend))
    assert_basic(problem, solution.x)


@FEW
@given(useful_budgets(), st.randoms(use_true_random=False))
def test_an_interior_optimum_is_purified_to_a_basic_one(stand, drawn, random):
    """Several optima are mixed, as an interior point does, and the mixture is purified."""
    problem, budget = drawn
    program, _ = stand.program("mckp_lp", "mathopt", problem, budget)
    best = stand.solve(program, find("glop"))
    inner = stand.solve(program, find("highs-ipm")).x
    mixed = 0.5 * np.asarray(best.x) + 0.5 * np.asarray(inner)
    pure = purified(problem, mixed)
    assert_basic(problem, pure)
    assert problem.value @ pure == pytest.approx(best.value, rel=1e-6, abs=1e-6)
    assert problem.cost @ pure <= budget + 1e-6


@given(useful_budgets(), st.data())
def test_purified_points_are_basic_whatever_was_split(drawn, data):
    """Any point, optimal or not: basic afterwards, no dearer, worth no less."""
    problem, _ = drawn
    x = np.zeros(problem.cost.size)
    for g, copies in enumerate(problem.count.tolist()):
        span = slice(int(problem.ptr[g]), int(problem.ptr[g + 1]))
        width = span.stop - span.start
        weight = np.array(data.draw(st.lists(st.integers(0, 3), min_size=width, max_size=width)), dtype=float)
        x[span] = copies * (weight / weight.sum() if weight.sum() else np.eye(width)[0])
    pure = purified(problem, x)
    assert_basic(problem, pure)
    assert np.add.reduceat(pure, problem.ptr[:-1]) == pytest.approx(problem.count)
    assert problem.cost @ pure <= problem.cost @ x + 1e-7
    assert problem.value @ pure >= problem.value @ x - 1e-7


def assert_basic(problem, x):
    """At most one group is split, and that between two neighbours on its envelope."""
    split = []
    for g, copies in enumerate(problem.count.tolist()):
        span = range(int(problem.ptr[g]), int(problem.ptr[g + 1]))
        used = [k for k in span if x[k] > 1e-7 * (1 + copies)]
        if len(used) > 1:
            split.append(g)
            kept = envelope(problem, g)
            assert len(used) == 2, "between more than two options"
            low, high = sorted(used, key=lambda k: problem.cost[k])
            assert kept.index(high) == kept.index(low) + 1, "not neighbours"
    assert len(split) <= 1, f"groups {split} are split"


@FEW
@given(knapsacks())
def test_every_route_to_a_knapsack_agrees(stand, drawn):
    problem, budget = drawn
    found = compare(problem, budget, routes=SPLITS, stand=stand)
    assert found.agree, found.disagreements
    if not found.routes[0].infeasible:
        relaxed, whole = found.best("relaxation"), found.best("whole")
        assert whole <= relaxed + 1e-9
        assert all(found.same_value(route) for route in found.routes)


# -- what a back end's tolerance adds is taken away again ---------------------------------------


def answered(program, x):
    return LinearSolution(
        program, Outcome(Termination.UNKNOWN, Solution.FEASIBLE), x=np.asarray(x, dtype=float)
    )


def test_a_policy_a_little_over_its_limit_is_mixed_until_it_is_not():
    problem = ConstrainedMDP(two_action_example(horizon=1), 0.5)
    program, _ = declared("cmdp_primal", "pyomo", problem)
    found = read_primal(problem, answered(program, [0.5 + 1e-7, 0.5 - 1e-7]))
    assert found.is_feasible and found.spend[0] <= 0.5
    assert found.value == pytest.approx(5.5, abs=1e-6) and found.value <= 5.5
    refused = read_primal(problem, answered(program, [0.9, 0.1]))
    assert refused.outcome.solution is Solution.NONE and "exceeds a limit" in refused.outcome.message


def test_a_policy_over_its_limit_by_the_rounding_of_a_long_horizon_is_mended(stand):
    """A sum of 10,000 discounted decisions is off by more than a few steps of 2^-52 mend."""
    more = 1 + 9e-10
    unit = BudgetedMDP.from_tables(
        {"state": ["s"] * 2, "action": ["wait", "buy"], "next_state": ["s"] * 2, "probability": [more] * 2},
        {"state": ["s"] * 2, "action": ["wait", "buy"], "cost": [0.0, 1.0], "utility": [0.0, 2.0]},
        discount=0.9999, cost_discount=0.9999, horizon=None, reward="gross",
    )  # fmt: skip
    problem = ConstrainedMDP(unit, 1.0)
    program, _ = stand.program("cmdp_primal", "pyomo", problem, None)
    found = read_primal(problem, stand.solve(program, find("glop")))
    assert found.is_feasible and found.outcome.termination is Termination.OPTIMAL
    assert found.value == pytest.approx(2.0, rel=1e-9)


def test_a_first_order_answer_says_how_far_it_is_proved(stand):
    """PDLP's multipliers of the dual prove nothing of the program; policy and prices prove a gap."""
    problem = ConstrainedMDP(two_action_example(horizon=2), 1.5)
    program, _ = stand.program("cmdp_dual", "pyomo", problem, None)
    x, multipliers = np.array([1.9, 0.9, 9.0 + 1e-5]), np.array([1 + 1e-7, 0.0, 5 / 9, 4 / 9 - 1e-6])
    claim = RawAnswer("OPTIMAL", Termination.OPTIMAL, x, multipliers, program.value(x))
    loose = replace(find("pdlp"), infeasibility=1e-3, value_error=1e-3)
    solution = audit(program, claim, loose, Options())
    assert solution.outcome.solution is Solution.FEASIBLE and np.isnan(solution.bound)
    assert "no bound was proved: the reduced cost of y[0,0] is -1e-07" in solution.outcome.message
    found = read_dual(problem, solution)
    assert found.outcome.solution is Solution.CERTIFIED and 1e-9 < found.gap < 1e-3
    assert found.outcome.termination is Termination.NUMERICAL
    assert f"a gap of {found.gap:.3g} only" in found.outcome.message


def test_whole_options_over_the_budget_are_no_answer():
    problem = Knapsack.from_arrays([0, 2, 4], cost=[0, 3, 0, 4], value=[0, 5, 0, 6], count=[2, 1])
    program, _ = declared("mckp_ip", "pyomo", problem, 7.0)
    assert read_whole(problem, 7.0, answered(program, [1, 1, 0, 1])).value == 11.0
    assert "0.5 above the budget" in read_whole(problem, 6.5, answered(program, [1, 1, 0, 1])).why
    assert "one option" in read_whole(problem, 7.0, answered(program, [1, 0, 0, 1])).why


def test_parts_of_options_over_the_budget_are_mixed_with_the_cheapest():
    problem = Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8])
    program, _ = declared("mckp_lp", "pyomo", problem, 2.0)
    found = read_relaxed(problem, 2.0, answered(program, [0.5 - 1e-5, 0.5 + 1e-5]))
    assert found.spend == 2.0 and found.value == pytest.approx(4.0) and found.value <= 4.0 + 1e-12
    assert "above the budget" in read_relaxed(problem, 2.0, answered(program, [0.0, 1.0])).why


# -- what is refused --------------------------------------------------------------------------------


def test_names_and_sizes_that_are_refused():
    with pytest.raises(UsageError, match="did you mean 'mckp_lp'"):
        statement("mckp_pl")
    plain = {"pairs": [[(0, 0, [(0, 1)]), (1, 1, [(0, 1)])]], "terminal": [0], "discount": 1,
             "cost_discount": 1, "horizon": 30, "net": False}  # fmt: skip
    with pytest.raises(LimitError, match="shorten the horizon"):
        declared("deterministic_budget", "pyomo", ConstrainedMDP(problem_of(plain), 1.0))
    endless = problem_of(plain, horizon=None, discount=0.5, cost_discount=0.75)
    with pytest.raises(UsageError, match="finite horizon"):
        declared("cmdp_primal", "pyomo", ConstrainedMDP(endless, 1.0))


UNIT = two_action_example(horizon=2)
MONEY = ConstrainedMDP(UNIT, 1.9)
OPTIONS = Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8])
STRETCH = Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8], interpolate=True)
MANY = Knapsack.from_arrays([0, 2], cost=[0, 4], value=[0, 8], groups=["town"], count=[2**53 + 1])
REFUSED = [
    (("cmdp_primal", "gurobi", MONEY), "no modelling tool is called 'gurobi'; there are mathopt, pyomo"),
    (("cmdp_primal", "Pyomo", MONEY), "did you mean 'pyomo'"),
    (("cmdp_primal", None, MONEY), "no modelling tool is called None"),
    (("cmdp_lp", "pyomo", MONEY), "called 'cmdp_lp'; there are cmdp_primal, .*, mckp_lp"),
    ((None, "pyomo", MONEY), "no formulation is called None"),
    (("cmdp_primal", "pyomo", OPTIONS, 3.0), "states a ConstrainedMDP, not a Knapsack"),
    (("mckp_lp", "pyomo", MONEY), "states a Knapsack, not a ConstrainedMDP"),
    (("cmdp_dual", "pyomo", UNIT, 3.0), r"ConstrainedMDP\(problem, budget\)"),
    (("mckp_lp", "pyomo", UNIT, 3.0), r"Knapsack\.from_curves"),
    (("cmdp_primal", "pyomo", "models/toll"), r"read it first: optbudget\.load\('models/toll'\)"),
    (("mckp_lp", "pyomo", None, 3.0), "not a NoneType"),
    (("cmdp_primal", "pyomo", MONEY, 3.0), "carries its limits, here .*budget 1.9"),
    (("mckp_lp", "mathopt", OPTIONS), "needs a budget"),
    (("mckp_lp", "mathopt", OPTIONS, -1.0), "the budget is -1.0; it must be a number >= 0"),
    (("mckp_lp", "mathopt", OPTIONS, np.nan), "the budget is nan"),
    (("mckp_lp", "mathopt", OPTIONS, -np.inf), "the budget is -inf"),
    (("mckp_lp", "pyomo", OPTIONS, "3"), "the budget is '3'"),
    (("mckp_lp", "pyomo", OPTIONS, True), "the budget is True"),
    (("mckp_lp", "pyomo", OPTIONS, [1.0, 2.0]), r"the budget is \[1.0, 2.0\]"),
    (("mckp_lp", "pyomo", OPTIONS, 10**400), "the budget is 1000"),
    (("mckp_ip", "pyomo", STRETCH, 3.0), "mckp_lp states it"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_declared_is_refused_by_name(given, words):
    with pytest.raises(UsageError, match=words):
        declared(*given)
    with pytest.raises(UsageError, match=words):
        builder(*given[:2])(*given[2:])


def test_more_copies_than_a_double_counts_are_refused():
    with pytest.raises(LimitError, match=r"group 'town' has more than 2\^53"):
        declared("mckp_ip", "pyomo", MANY, 3.0)


@pytest.mark.parametrize("tool", ["pyomo", "mathopt"])
def test_no_limit_is_no_row(tool):
    program, _ = declared("mckp_lp", tool, OPTIONS, np.inf)
    assert program.row_names == ("one_option[0]",)
