"""Infinite horizons without discount: what rests has ended, what need not end is refused, by every route."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from commands import run
from hypothesis import given, settings
from small_problems import plain_models, problem_of

from optbudget.budgeted import solve
from optbudget.certify import curve_bound, price_bound
from optbudget.errors import IllPosedError
from optbudget.files import save
from optbudget.formulations import TOOLS, builder, declared
from optbudget.problems import BudgetedMDP, ConstrainedMDP
from optbudget.solvers import Options
from optbudget.status import Termination
from optbudget.study import Stand, compare

from reference import concave_points, stationary_points

FEW = settings(max_examples=10)
ROUTES = (
    "walk",
    "sweep",
    "cmdp_primal/mathopt/glop",
    "cmdp_primal/pyomo/highs-ipm",
    "cmdp_dual/mathopt/glop",
    "cmdp_dual/pyomo/highs-simplex",
)


@pytest.fixture(scope="module")
def stand():
    with Stand(Options(time_limit=60.0)) as kept:
        yield kept


def unit(pairs, next_state, *, states, discount=1.0, cost_discount=1.0, terminal=0, probability=None):
    """States in the order of their pairs (state, cost, utility); terminal ones come last."""
    owner = [state for state, _, _ in pairs]
    rows = [np.atleast_1d(row) for row in next_state]
    return BudgetedMDP(
        states=tuple("abcdef"[:states]), actions=tuple(f"x{i}" for i in range(len(pairs))),
        pair_ptr=np.searchsorted(owner, np.arange(states + 1)), pair_action=np.arange(len(pairs)),
        pair_row=np.arange(len(pairs)), cost=np.array([c for _, c, _ in pairs], dtype=float),
        utility=np.array([u for _, _, u in pairs], dtype=float),
        row_ptr=np.cumsum([0, *(row.size for row in rows)]), next_state=np.concatenate(rows),
        probability=np.concatenate([np.full(row.size, 1 / row.size) for row in rows]),
        terminal_utility=np.zeros(states), discount=discount, cost_discount=cost_discount, horizon=None,
        reward="gross",
    )  # fmt: skip


IDLE = unit([(0, 1, 5), (1, 0, 0)], [1, 1], states=2)
PATH = unit([(0, 1, 5), (0, 0.5, 1)], [1, [0, 1]], states=2)
ENDLESS = {
    "free wait": unit([(0, 0, 0), (0, 5, 10)], [0, 1], states=2),
    "cycle that earns": unit([(0, 0, 1), (1, 0, 1)], [1, 0], states=2),
    "wait that loses": unit([(0, 0, -1), (0, 5, 0)], [0, 1], states=2),
    "ray": unit([(0, 0, 1), (0, 1, 0)], [0, 1], states=2),
    "one state": unit([(0, 1, 10), (0, 0, 1)], [0, 0], states=1),
}


def test_a_state_at_rest_has_ended_for_every_route(stand):
    found = compare(IDLE, 3.0, routes=ROUTES, stand=stand)
    assert [r.outcome.termination for r in found.routes] == [Termination.OPTIMAL] * len(ROUTES)
    assert [r.value for r in found.routes] == pytest.approx([5.0] * len(ROUTES))
    less = compare(IDLE, 0.5, routes=ROUTES, stand=stand)
    assert all(r.infeasible for r in less.routes) and less.agree


def test_a_path_that_ends_is_proved_without_discount(stand):
    found = compare(PATH, 1.25, routes=ROUTES, stand=stand)
    assert found.agree and all(r.gap <= 1e-9 and r.value == pytest.approx(5.0) for r in found.routes)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_need_not_end_is_ill_posed_for_every_route(name, stand):
    found = compare(ENDLESS[name], 3.0, routes=("*/glop", *ROUTES), stand=stand)
    assert {r.outcome.termination for r in found.routes} == {Termination.ILL_POSED}
    problem = ConstrainedMDP(ENDLESS[name], 3.0)
    for program in ("cmdp_primal", "cmdp_dual"):
        with pytest.raises(IllPosedError, match="'a'"):
            declared(program, "pyomo", problem)
        for tool in TOOLS[1:]:
            with pytest.raises(IllPosedError, match="'a'"):
                builder(program, tool)(problem)
    assert np.isnan(price_bound(problem, [0.0], np.zeros(problem.problem.n_states)))


@pytest.mark.parametrize("rates", [(1.0, 0.5), (0.5, 1.0)])
def test_one_discount_of_1_is_enough_to_be_ill_posed(rates, stand):
    endless = replace(ENDLESS["one state"], discount=rates[0], cost_discount=rates[1])
    found = compare(endless, 3.0, routes=("sweep",), stand=stand)
    assert found.routes[0].outcome.termination is Termination.ILL_POSED
    ends = replace(IDLE, discount=rates[0], cost_discount=rates[1])
    found = compare(ends, 3.0, routes=("sweep",), stand=stand)
    assert found.routes[0].gap <= 1e-6 and found.routes[0].value == pytest.approx(5.0)


def test_the_command_line_says_ill_posed(tmp_path):
    save(ENDLESS["free wait"], tmp_path / "m")
    out = ("--formulation", "cmdp_lp", "--budget", "3", "--out", tmp_path / "a.lp")
    run("export", tmp_path / "m", *out, code=5)
    done = run("compare", tmp_path / "m", "--budget", "3", "--routes", "walk,cmdp_dual/mathopt/glop", code=5)
    assert "ILL_POSED" in done.stdout


def ending(plain):
    """The same without discount, with a new terminal state that every pair reaches with probability 1/4."""
    end, quarter = len(plain["pairs"]), Fraction(1, 4)
    pairs = [
        [(c, u, [(j, p * 3 * quarter) for j, p in row] + [(end, quarter)]) for c, u, row in options]
        for options in plain["pairs"]
    ]
    one = Fraction(1)
    return plain | {
        "pairs": [*pairs, []], "terminal": [*plain["terminal"], 2], "discount": one, "cost_discount": one,
        "horizon": None,
    }  # fmt: skip


@FEW
@given(plain_models())
def test_programs_without_discount_have_the_value_of_the_best_stationary_policies(stand, plain):
    plain = ending(plain)
    problem = problem_of(plain)
    start = int(problem.initial_state[0])
    points = np.array(concave_points(stationary_points(plain)[start]), dtype=float)
    budget = float(points[:, 0].mean()) + 1e-6
    value = float(np.interp(budget, points[:, 0], points[:, 1]))
    found = compare(problem, budget, routes=ROUTES[:1] + ROUTES[2:], stand=stand)
    for route in found.routes:
        assert route.value == pytest.approx(value, abs=1e-5), route
        assert route.gap <= 1e-6, route


def test_a_bound_from_one_price_is_refused_where_spend_is_discounted_more():
    """Staying costs 1 and earns 1 for ever: 10 for 5. The stationary price 1.5 would count that as a loss."""
    stay = unit([(0, 1, 1), (0, 0, 0)], [0, 1], states=2, discount=0.9, cost_discount=0.8)
    problem = ConstrainedMDP(stay, 5.0)
    assert np.isnan(price_bound(problem, [1.5], np.zeros(2)))
    assert 10.0 <= curve_bound(solve(stay, method="sweep"), 5.0) <= 10.0 + 1e-5
