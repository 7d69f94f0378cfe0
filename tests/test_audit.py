"""Plans of other tools held against the optimum: curves by hand, plain searches, and files that are wrong."""

from itertools import product

import numpy as np
import pytest
from commands import run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.certify import verify
from optbudget.errors import ProblemError, UsageError
from optbudget.planning import audit
from optbudget.problems import Knapsack
from optbudget.problems.response_curves import response_curves
from optbudget.report.auditing import audit_grid, audit_sentences

CHANNELS = {
    "group": ["search"] * 4 + ["social"] * 3 + ["radio"] * 3,
    "spend": [0, 10, 20, 40, 0, 20, 40, 0, 10, 30],
    "value": [0, 40, 60, 80, 0, 50, 70, 0, 5, 60],
}
"""models/response_curve: search and social have falling returns, radio is S-shaped."""


@st.composite
def measured(draw, falling=False):
    """Two or three groups measured at 0, 1, 2, ... with small integer values, and a plan on a half grid."""
    rows, plan = {"group": [], "spend": [], "value": []}, []
    for g in range(draw(st.integers(2, 3))):
        steps = draw(st.lists(st.integers(-2, 5), min_size=1, max_size=4))
        steps = sorted(steps, reverse=True) if falling else steps
        rows["group"] += [f"g{g}"] * (len(steps) + 1)
        rows["spend"] += range(len(steps) + 1)
        rows["value"] += [0, *np.cumsum(steps).tolist()]
        plan.append(draw(st.integers(0, 2 * len(steps))) / 2)
    return response_curves(rows), plan


def values_at(curves, spends):
    """Total value at each spend of each group, by numpy's own interpolation."""
    span = [slice(a, b) for a, b in zip(curves.ptr[:-1], curves.ptr[1:], strict=True)]
    return sum(np.interp(x, curves.cost[s], curves.value[s]) for x, s in zip(spends, span, strict=True))


def best_on_a_grid(curves, budget, step):
    """The most value of spends that are multiples of a step, tried one by one."""
    most = np.maximum.reduceat(curves.cost, curves.ptr[:-1])
    grids = [np.arange(0, top + step / 2, step) for top in most]
    return max(values_at(curves, x) for x in product(*grids) if sum(x) <= budget + 1e-12)


@settings(max_examples=120, deadline=None)
@given(measured(falling=True))
def test_falling_returns_are_solved_exactly(case):
    """Budgets and kinks lie on the half grid, and so does an optimum."""
    curves, plan = case
    found = audit(curves, plan)
    assert found.concave.all() and found.whole is None
    assert np.isclose(found.value, values_at(curves, plan))
    best = best_on_a_grid(curves, sum(plan), 0.5)
    assert np.isclose(found.best.value, best) and np.isclose(found.bound, best)
    assert np.isclose(values_at(curves, found.best_spend), best) and found.lost >= -1e-12


@settings(max_examples=120, deadline=None)
@given(measured())
def test_s_shaped_returns(case):
    """The best measured amounts by enumeration; the bound holds for amounts between them too."""
    curves, plan = case
    found = audit(curves, plan)
    if found.whole is not None:
        assert np.isclose(found.best.value, best_on_a_grid(curves, sum(plan), 1.0))
        assert verify(found.whole).ok
    assert found.bound >= best_on_a_grid(curves, sum(plan), 0.5) - 1e-9
    assert found.bound >= found.value - 1e-9 and verify(found.relaxed).ok


def test_three_channels_by_hand():
    found = audit(response_curves(CHANNELS), {"search": 25, "social": 20, "radio": 15})
    assert found.value == 65 + 50 + 18.75 and found.bound == 150
    assert found.concave.tolist() == [True, True, False]
    assert found.best_spend.tolist() == [10, 20, 30] and found.best.value == 150 and found.lost == 16.25
    assert found.next_price.tolist() == [1, 1, 2.75] and found.last_price.tolist() == [1, 2.5, 2.75]
    assert "16.25 on the table" in " ".join(audit_sentences(found))


def test_an_optimal_plan_is_said_to_be():
    found = audit(response_curves(CHANNELS), {"search": 10, "social": 20, "radio": 30})
    assert found.gap <= 1e-9 and found.lost == 0
    assert "optimal, and proved to be" in " ".join(audit_sentences(found))


def test_ends_of_curves_have_one_price():
    found = audit(response_curves(CHANNELS), {"search": 0, "social": 40, "radio": 0})
    assert np.isnan(found.last_price[0]) and found.next_price[0] == 4
    assert np.isnan(found.next_price[1]) and found.last_price[1] == 1


def test_a_plan_above_the_budget():
    found = audit(response_curves(CHANNELS), [25, 20, 15], budget=50)
    assert found.over == 10 and found.budget == 50 and found.relaxed.budget == 60
    assert "10 more than the budget of 50" in audit_sentences(found)[0]
    assert audit(response_curves(CHANNELS), [25, 20, 15], budget=80).bound > 150


def test_a_plan_above_the_budget_is_not_called_optimal():
    curves = response_curves({"group": ["a", "a", "b", "b"], "spend": [5, 10, 5, 10], "value": [1, 2, 1, 2]})
    said = " ".join(audit_sentences(audit(curves, [10, 10], budget=9)))
    assert "11 more than the budget of 9" in said and "optimal" not in said
    assert "not within the budget" in said


def test_unlimited_money():
    found = audit(response_curves(CHANNELS), [25, 20, 15], budget=np.inf)
    assert found.over == 0 and found.bound == found.best.value == 210


def test_copies():
    """Two copies of a group: the plan is for each."""
    curves = Knapsack.from_arrays([0, 2], cost=[0, 3], value=[0, 5], count=[2], interpolate=True)
    found = audit(curves, [1.5])
    assert found.spent == 3 and found.value == 5 and found.best_spend.tolist() == [1.5]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"search": 1, "social": 1}, "no spend is given"),
        (
            {"search": 1, "social": 1, "radio": 1, "raido": 1},
            "no group is called 'raido'; did you mean 'radio'",
        ),
        ({"search": 1, "social": 1, "radio": 31}, "outside of what was measured, 0 to 30"),
        ({"search": 1, "social": 1, "radio": -1}, "outside"),
        ({"search": 1, "social": 1, "radio": float("nan")}, "outside"),
        ({"search": 1, "social": 1, "radio": "much"}, "it must be a number"),
        ([1, 2], "must have shape"),
    ],
)
def test_plans_that_are_refused(chosen, message):
    with pytest.raises(ProblemError, match=message):
        audit(response_curves(CHANNELS), chosen)


def test_other_refusals():
    with pytest.raises(UsageError, match="response curves are needed"):
        audit(CHANNELS, [1, 2, 3])
    for budget in (-1.0, float("nan")):
        with pytest.raises(UsageError, match="must be a number >= 0"):
            audit(response_curves(CHANNELS), [1, 2, 3], budget=budget)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"group": ["a"], "spend": [0]}, "column 'value' is missing"),
        ({"group": ["a"], "spent": [0], "value": [0]}, "column 'spend' is missing; did you mean 'spent'"),
        ({"group": [], "spend": [], "value": []}, "no rows"),
        ({"group": ["a", "a"], "spend": [1, 1], "value": [0, 1]}, "spend 1 of group 'a' is listed twice"),
        ({"group": ["a"], "spend": [-1], "value": [0]}, "spend is -1.0; it must be >= 0"),
        ({"group": ["a"], "spend": [0], "value": [float("inf")]}, "value is inf"),
        ({"group": ["a"], "spend": ["x"], "value": [1]}, "must hold numbers"),
    ],
)
def test_curves_that_are_refused(rows, message):
    with pytest.raises(ProblemError, match=message):
        response_curves(rows)


@pytest.fixture
def tables(tmp_path):
    rows = zip(*CHANNELS.values(), strict=True)
    text = "group,spend,value\n" + "".join(f"{g},{x},{v}\n" for g, x, v in rows)
    (tmp_path / "curves.csv").write_text(text)
    (tmp_path / "plan.csv").write_text("group,spend\nsearch,25\nsocial,20\nradio,15\n")
    return tmp_path


def test_the_command(tables):
    fields = run_json(
        "audit", tables / "curves.csv", "--chosen", tables / "plan.csv", "--out", tables / "best"
    )
    assert fields["lost"] == 16.25 and fields["bound"] == 150 and fields["termination"] == "OPTIMAL"
    assert [row["best_spend"] for row in fields["groups"]] == [10, 20, 30]
    run("verify", tables / "best")
    assert "16.25 on the table" in run("audit", tables / "curves.csv", "--chosen", tables / "plan.csv").stdout


@pytest.mark.parametrize(
    ("curves", "plan", "code", "message"),
    [
        ("group,spend,value\na,0,0\na,0,1\n", "group,spend\na,0\n", 3, "curves.csv:3"),
        ("group,spend,value\na,0,0\na,x,1\n", "group,spend\na,0\n", 3, "curves.csv:3"),
        ("group,spend,value\na,0,0\na,1,1\n", "group,spend\nb,0\n", 3, "plan.csv:2"),
        ("group,spend,value\na,0,0\na,1,1\n", "group,spend\na,0\na,1\n", 3, "plan.csv:3"),
        ("group,spend,value\na,0,0\na,1,1\n", "group,spend\na,2\n", 3, "outside"),
        ("group,spend,value\n", "group,spend\na,2\n", 3, "no rows"),
    ],
)
def test_files_that_are_wrong_are_located(tmp_path, curves, plan, code, message):
    (tmp_path / "curves.csv").write_text(curves)
    (tmp_path / "plan.csv").write_text(plan)
    done = run("audit", tmp_path / "curves.csv", "--chosen", tmp_path / "plan.csv", code=code)
    assert message in done.stderr


class TestWordsOfMeasuredAmounts:
    """Channel b returns 0.2 and then 1 per unit of money, so whole measured amounts are compared."""

    curves = response_curves({"group": ["a"] * 3 + ["b"] * 3, "spend": [0, 10, 20, 0, 5, 9],
                              "value": [0, 5, 7, 1, 2, 6]})  # fmt: skip

    def test_a_plan_as_good_as_the_best_choice_is_not_called_better(self):
        said = " ".join(audit_sentences(audit(self.curves, {"a": 10.0, "b": 5.0})))
        assert "as good as the best choice of measured amounts" in said and "better than" not in said
        assert "at most 2:" in said

    def test_a_plan_between_measured_amounts_may_beat_them(self):
        found = audit(self.curves, {"a": 12.5, "b": 0.0})
        assert found.value > found.best.value
        said = " ".join(audit_sentences(found))
        assert "better than the best choice of measured amounts" in said and "best spend" not in said
        assert "best measured" in audit_grid(found).headings
