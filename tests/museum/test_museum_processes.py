"""Known wrong answers about decision processes: stopping rules, signs, ends. One test each, with a source."""

from pathlib import Path

import numpy as np
import pytest

from optbudget import allocate, load, solve, verify
from optbudget.certify import verify_all
from optbudget.curves import concave_envelope
from optbudget.errors import IllPosedError
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.examples import two_action_example


def process(P, utility, *, cost=None, discount=1.0, horizon=None, **more):
    """From pymdptoolbox's layout; free actions unless told otherwise, gross."""
    utility = np.asarray(utility, dtype=np.float64)
    cost = np.zeros_like(utility) if cost is None else cost
    return BudgetedMDP.from_arrays(
        np.asarray(P, dtype=np.float64), cost, utility, discount=discount, cost_discount=discount,
        horizon=horizon, reward="gross", **more,
    )  # fmt: skip


def certified_values(problem, money=np.inf):
    """(low, high) of every state, checked by the checker."""
    answer = solve(problem)
    assert verify(answer).ok
    low = np.array([float(curve.value(min(money, curve.largest_useful_budget))) for curve in answer.curves])
    return low, low + answer.state_gap * (1 + np.abs(low))


def within(problem, truth):
    low, high = certified_values(problem)
    room = 1e-9 * (1 + np.abs(truth))
    assert (low <= np.asarray(truth) + room).all() and (np.asarray(truth) <= high + room).all()
    assert high - low == pytest.approx(0, abs=1e-2)


def test_stopping_when_iterates_hardly_change():
    """Haddad & Monmege (2018), "Interval iteration algorithm for MDPs"; RELIABILITY: 2e-6 for 1.

    From s one is done with probability 1e-6 and stays otherwise; being done is worth 1, and sooner or later
    one is: 1. The first two iterates differ by 1e-6 already.
    """
    naive, before = 0.0, -1.0
    while abs(naive - before) > 1e-6:
        before, naive = naive, 1e-6 + (1 - 1e-6) * naive
    assert naive < 1e-5
    problem = process(
        [[[1 - 1e-6, 1e-6], [0, 1]]], [[1e-6], [0]], states=["s", "done"], terminal_states=["done"]
    )
    low, high = certified_values(problem)
    assert low[0] == pytest.approx(1.0, abs=1e-6) and high[0] >= 1 - 1e-12


def test_values_of_value_iteration():
    """sawcordwell/pymdptoolbox#39: value iteration says (150.9, 144.7), policy iteration (392.3, 386.2).

    The best actions are 1 and 0: v = 10 + 0.99 w and w = -1 + 0.99 (0.8 v + 0.2 w).
    """
    P = [[[0.5, 0.5], [0.8, 0.2]], [[0, 1], [0.1, 0.9]]]
    v, w = np.linalg.solve([[1, -0.99], [-0.99 * 0.8, 1 - 0.99 * 0.2]], [10, -1])
    assert (round(v, 2), round(w, 2)) == (392.30, 386.16)
    within(process(P, [[5, 10], [-1, 2]], discount=0.99), [v, w])


def test_bound_on_the_number_of_iterations():
    """sawcordwell/pymdptoolbox#14: the Gauss-Seidel variant stops before its values are near (forest, 0.96).

    Waiting everywhere is best: x = .96 (.1 x + .9 y), y = .96 (.1 x + .9 z), z = 4 + y.
    """
    wait = np.array([[0.1, 0.9, 0], [0.1, 0, 0.9], [0.1, 0, 0.9]])
    cut = np.array([[1.0, 0, 0]] * 3)
    truth = np.linalg.solve(np.eye(3) - 0.96 * wait, [0, 0, 4])
    within(process([wait, cut], [[0, 0], [0, 1], [4, 2]], discount=0.96), truth)


def test_rewards_that_are_all_zero():
    """sawcordwell/pymdptoolbox#32: a division by zero in the bound on iterations. Nothing is worth 0."""
    within(process([[[0.5, 0.5], [0.8, 0.2]]], [[0], [0]], discount=0.9), [0, 0])


def test_reward_at_the_end_only():
    """jsboige/CoursIA#14836: stops after one iteration, the end being no change: (0, 0, 1).

    y = 0.9 (0.8 + 0.2 y) = 0.72/0.82, x = 0.9 (0.8 y + 0.2 x) = 0.72/0.82 y.
    """
    east = [[0.2, 0.8, 0], [0, 0.2, 0.8], [0, 0, 1]]
    stay = np.eye(3)
    problem = process(
        [east, stay], np.zeros((3, 2)), discount=0.9, states=["a", "b", "goal"], terminal_states=["goal"],
        terminal_utility=[0, 0, 1],
    )  # fmt: skip
    y = 0.72 / 0.82
    within(problem, [y * y, y, 1])


def test_negative_rewards_without_discount():
    """stormchecker/storm#1061: 0 (and -59.5 in the sound mode) for -100: values were held to be >= 0.

    Each step costs 10 and is the last with probability 0.1: 10 steps on average.
    """
    P = [[[0, 0.9, 0.1], [0.9, 0, 0.1], [0, 0, 1]]]
    problem = process(P, [[-10], [-10], [0]], states=["x", "y", "end"], terminal_states=["end"])
    within(problem, [-100, -100, 0])


def test_a_policy_that_never_ends():
    """jlm429/bettermdptools#19: policy evaluation does not return, since a policy that turns in circles loses
    1 at every step. Going at once is worth -1."""
    P = [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]
    problem = process(
        P, [[-1, -1], [0, 0]], states=["s", "end"], actions=["turn", "go"], terminal_states=["end"]
    )
    try:
        within(problem, [-1, 0])
    except IllPosedError as flagged:
        assert "turn" in str(flagged) or "s" in str(flagged)


def test_a_reward_that_never_ends():
    """The same with a gain of 1 at every turn has no value at all: refused, never a large number."""
    P = [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]
    problem = process(
        P, [[1, 1], [0, 0]], states=["s", "end"], actions=["turn", "go"], terminal_states=["end"]
    )
    with pytest.raises(IllPosedError):
        solve(problem)


def test_one_straight_line_of_many_points():
    """Slopes by differencing 1e5 points of a line rise 47,899 times (RELIABILITY); here none does."""
    budget = np.linspace(0, 1, 100_001)
    value = 0.3 * budget + 0.1
    slope = np.diff(value) / np.diff(budget)
    assert (np.diff(slope) > 0).sum() > 10_000
    curve = concave_envelope(budget, value)
    slope = curve.gain / curve.length
    assert len(curve) < 10 and (np.diff(slope) <= 0).all() and slope == pytest.approx(0.3, rel=1e-9)


def test_money_left_below_the_least_budget():
    """A solver of unconstrained processes answers at any budget; below the cheapest spend there is none.

    The only action costs 1 at every one of two steps, undiscounted: 2 is the least budget.
    """
    answer = solve(process([[[1.0]]], [[5]], cost=[[1.0]], horizon=2))
    assert answer.value("0", [1.999, 2.0]).tolist() == [-np.inf, 10.0]


@pytest.fixture(scope="module")
def advertising():
    """The paper's synthetic model, solved exactly."""
    return solve(load(Path(__file__).parents[2] / "models" / "synthetic_ad"), method="exact")


class TestThePaper:
    """C. Boutilier and T. Lu (2016). The page "Where the paper errs" computes more of it."""

    def test_definition_1(self):
        """Useful budgets leave out the action's own cost: 1, then 0.9. Twice a costs 1.9: 10 + 9."""
        curve = solve(two_action_example(horizon=2), method="exact")["s"]
        assert (curve.largest_useful_budget, float(curve.value(1.9))) == (1.9, 19.0)

    def test_section_2_2_3(self):
        """27.1 for 1.9 by repeating a, which costs 10: b is repeated. 10 + 9 + 0.81 * 10 = 27.1."""
        assert float(solve(two_action_example())["s"].value(1.9)) == pytest.approx(27.1, rel=1e-12)

    def test_observation_7(self):
        """V* - V^t <= error / (1 - discount) with a signed error: -8.1 <= -9 is false. 0.9^2 * 10 = 8.1."""
        value = [
            solve(process([[[1.0]]], [[0.0]], discount=0.9, horizon=t, terminal_utility=[10.0]))[
                "0"
            ].start_value
            for t in (1, 2)
        ]
        signed = (value[1] - value[0]) / (1 - 0.9)
        assert value == pytest.approx([9.0, 8.1]) and not 0.0 - value[1] <= signed
        assert 0.0 - value[1] <= abs(signed)

    def test_section_4_6(self):
        """The variance of spend leaves out the square of the discount: 4 for 1. Half of 4 or 0, by a coin."""
        toss, done = [0, 0.5, 0.5, 0], [0, 0, 0, 1]
        P = [[toss, done, done, done], [toss, done, done, done]]
        buy = np.array([[0, 0], [0, 1], [0, 0], [0, 0]])
        problem = BudgetedMDP.from_arrays(
            np.array(P), 4 * buy, 9 * buy, discount=1.0, cost_discount=0.5, horizon=2, reward="gross",
            states=["start", "heads", "tails", "done"],
        )  # fmt: skip
        answer = solve(problem, method="exact")
        assert answer.variance("start").tolist() == [0.0, 1.0]

    def test_recourse(self):
        """Moving money between units is said to gain. In expectation it gains nothing: two units as one
        joint process have twice the curve of one."""
        one = two_action_example(horizon=3)
        pay, reward = one.cost, one.utility
        joint = BudgetedMDP.from_arrays(
            np.ones((4, 1, 1)), np.add.outer(pay, pay).reshape(1, 4),
            np.add.outer(reward, reward).reshape(1, 4),
            discount=one.discount, cost_discount=one.cost_discount, horizon=3, reward="gross",
        )  # fmt: skip
        single, both = solve(one), solve(joint)
        assert all(found.ok for found in verify_all([single, both]))
        budgets = np.linspace(0, 2 * single["s"].largest_useful_budget, 20)
        assert both.value("0", budgets) == pytest.approx(2 * single.value("s", budgets / 2), rel=1e-12)

    def test_segment_counts(self, advertising):
        """3,066 segments on average and 5,075 at most are rounding noise: cumulative points split segments
        of equal slope. Kept by slope there are 541 at most, and the checker proves the curves."""
        assert int(advertising.curves.segments.max()) == 541
        assert verify(advertising).ok

    def test_value_of_dynamic_reallocation(self, advertising):
        """8578.8 (100 trials, deviation 830.5) at 1,000 is above every policy, by 1.9 standard errors.

        The bound is a price and one backward pass: sum of the supporting lines, plus price times budget.
        """
        split = allocate(advertising, Population.at(advertising.problem, {"begin": 1000}), 1000.0)
        assert split.bound == pytest.approx(8423.3, abs=0.05)
        assert (8578.8 - split.bound) / (830.5 / 100**0.5) == pytest.approx(1.9, abs=0.05)
        assert split.bound - split.value <= 1e-9 * split.bound and verify(split).ok
