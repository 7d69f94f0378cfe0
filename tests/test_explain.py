"""Explanations: what they say of the next and the last money is what happens when the budget moves."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from commands import ROOT, run, run_json
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.allocation import allocate, limit_worths, worth_of_more
from optbudget.allocation.examples import two_state_curves
from optbudget.budgeted import solve
from optbudget.curves import Curve, Curves
from optbudget.errors import NoAnswerError, ProblemError, UsageError
from optbudget.files import save
from optbudget.planning import (
    allocate_lines,
    allocate_with_arrivals,
    difference,
    explain,
    explain_arrivals,
)
from optbudget.planning.explaining import levels
from optbudget.problems import (
    Arrivals,
    BudgetedMDP,
    BudgetLines,
    CurveSet,
    GroupLimit,
    Limits,
    Population,
    StageBudgets,
    UnitLimit,
)
from optbudget.problems.examples import two_action_example
from optbudget.problems.explanation import Binding
from optbudget.report.explaining import difference_sentences, explanation_sentences, state_sentences
from optbudget.report.explaining_plans import arrivals_explanation_sentences, line_sentences
from optbudget.status import Outcome


def curve_set(*parts):
    """Curves given as (least budget, worth there, lengths, gains), of states s0, s1, ...; not certified."""
    n = len(parts)
    problem = BudgetedMDP(
        states=tuple(f"s{i}" for i in range(n)), actions=("wait", "act"), pair_ptr=np.arange(n + 1),
        pair_action=np.zeros(n, dtype=int), pair_row=np.arange(n), cost=np.zeros(n), utility=np.zeros(n),
        row_ptr=np.arange(n + 1), next_state=np.arange(n), probability=np.ones(n),
        terminal_utility=np.zeros(n), discount=1.0, cost_discount=1.0, horizon=1, reward="gross",
    )  # fmt: skip
    curves = Curves.from_curves([Curve(float(b), float(v), np.array(long, float), np.array(gain, float))
                                 for b, v, long, gain in parts])  # fmt: skip
    size = curves.length.size + n
    return CurveSet(
        problem, curves, np.zeros(size), np.resize([0, 1], size).astype(np.int32), np.empty(0), np.nan,
        np.full(n, np.nan), 0.0, "exact", 1e-9, Outcome(),
    )  # fmt: skip


@st.composite
def small_markets(draw):
    """Two to four states with integer curves whose prices tie often, and one to three units in each."""
    parts = []
    for _ in range(draw(st.integers(2, 4))):
        prices = sorted(draw(st.sets(st.integers(1, 5), max_size=3)), reverse=True)
        lengths = [draw(st.integers(1, 3)) for _ in prices]
        parts.append(
            (draw(st.integers(0, 1)), 0, lengths, [p * n for p, n in zip(prices, lengths, strict=True)])
        )
    curves = curve_set(*parts)
    count = [draw(st.integers(0, 3)) for _ in parts]
    people = Population(curves.problem.labels, np.array(count))
    least = float(people.count @ curves.curves.start_budget)
    most = least + sum(n * sum(part[2]) for n, part in zip(count, parts, strict=True))
    return curves, people, draw(st.integers(2 * int(least), 2 * int(most))) / 2, least


def money_of(answer):
    """Money of all units of each state."""
    weight = answer.count * answer.probability * answer.unit_budget
    return np.bincount(answer.state, weight, minlength=len(answer.curves))


class TestExplanation:
    @settings(max_examples=150, deadline=None)
    @given(small_markets())
    def test_totals_are_where_the_optimum_changes(self, market):
        curves, people, budget, least = market
        answer = allocate(curves, people, budget)
        why, here = explain(answer), money_of(answer)
        for k, s in enumerate(why.state):
            for total, sign in ((why.last.total[k], -1), (why.next.total[k], 1)):
                if np.isnan(total):
                    continue
                assert sign * (total - answer.spent) >= -1e-9
                beyond = allocate(curves, people, max(total + sign / 8, least))
                at = allocate(curves, people, total)
                if total + sign / 8 >= least:
                    assert sign * (money_of(beyond)[s] - here[s]) > 1e-9, "it changes beyond the total"
                assert np.isclose(money_of(at)[s], here[s]), "and not before"

    @settings(max_examples=100, deadline=None)
    @given(small_markets())
    def test_prices_are_on_both_sides_of_the_price(self, market):
        curves, people, budget, _ = market
        answer = allocate(curves, people, budget)
        why = explain(answer)
        assert (why.last.price[np.isfinite(why.last.price)] >= answer.price).all()
        assert (why.next.price[np.isfinite(why.next.price)] <= answer.price).all()
        ended = [reason is Binding.MONEY for reason in why.binding]
        assert any(ended) == (answer.price > 0)
        for k in range(why.state.size):
            if why.binding[k] is Binding.USEFUL:
                assert np.isnan(why.next.price[k])

    @settings(max_examples=60, deadline=None)
    @given(small_markets())
    def test_a_step_against_the_order_loses_at_least_what_is_said(self, market):
        """One unit forced one step up, the others split the rest: found by splitting without that unit."""
        curves, people, budget, _ = market
        answer = allocate(curves, people, budget)
        why = explain(answer)
        for k, s in enumerate(why.state.tolist()):
            if not np.isfinite(why.next.length[k]):
                continue
            others = people.count.copy()
            others[s] -= 1
            rows = answer.state == s
            level = int(levels(curves.curves, answer.state[rows], answer.unit_budget[rows]).min())
            forced = curves.curves[s].budgets[level + 1], curves.curves[s].values[level + 1]
            rest = allocate(curves, Population(people.labels, others), max(budget - forced[0], 0.0))
            if budget >= forced[0] and rest.state.size:
                assert answer.value - (rest.value + forced[1]) >= why.loss_of_more[k] - 1e-9

    def test_what_one_gives_up_and_what_most_do_now(self):
        """The money ends in s0 at the price 2; s1, bought at 3, would lose 1 by giving its money up."""
        curves = curve_set((0, 0, [1, 1], [4, 2]), (0, 0, [1], [3]))
        why = explain(allocate(curves, Population(curves.problem.labels, np.array([3, 1])), 5.75))
        assert why.allocation.price == 2 and why.loss_of_less.tolist() == [0, 1]
        assert why.action.tolist() == [0, 0], (
            "the first action of the curve's middle point is 'act', of its end 'wait'"
        )
        assert (
            explain(allocate(curves, Population(curves.problem.labels, np.array([3, 1])), 4.25)).action[0]
            == 1
        )

    def test_levels_are_those_of_a_plain_search(self):
        rng = np.random.default_rng(5)
        curves = curve_set(
            *[(i % 2, 0, rng.integers(1, 4, size=i), rng.integers(1, 4, size=i)) for i in range(6)]
        )
        for s in range(6):
            points = curves.curves[s].budgets
            asked = np.concatenate([points, points + 0.5])
            plain = [max(j for j, b in enumerate(points) if b <= x) for x in asked]
            assert levels(curves.curves, np.full(asked.size, s), asked).tolist() == plain

    def test_equal_shares_are_told_apart(self):
        curves = two_state_curves()
        people = Population.at(curves.problem, {"warm": 10, "cold": 5})
        why = explain(allocate(curves, people, 6.0, method="uniform"))
        assert set(why.binding) == {Binding.SHARE} and not why.by_price
        assert np.isnan(why.next.total).all()
        assert "does not follow the price" in explanation_sentences(why)[0]

    def test_no_allocation(self):
        curves = curve_set((2, 1, [1], [1]))
        people = Population.at(curves.problem, {"s0": 3})
        with pytest.raises(NoAnswerError, match="no allocation to explain: the budget"):
            explain(allocate(curves, people, 1.0))
        with pytest.raises(UsageError, match="an Allocation is needed"):
            explain(curves)

    def test_words_of_a_state(self):
        curves = two_state_curves()
        why = explain(allocate(curves, Population.at(curves.problem, {"warm": 10}), 4.0))
        said = " ".join(state_sentences(why, "warm"))
        assert "10 units in 'warm' have 0.4 each on average" in said and "The next would be worth 3." in said
        assert "No units are in 'cold'" in state_sentences(why, "cold")[0]
        with pytest.raises(ProblemError, match="did you mean 'cold'"):
            state_sentences(why, "colt")

    def test_what_it_takes(self):
        """Cold ones pay 2 per unit of money against a price of 3: half as much more makes them even."""
        curves = two_state_curves()
        people = Population.at(curves.problem, {"warm": 10, "cold": 5})
        said = " ".join(state_sentences(explain(allocate(curves, people, 4.0)), "cold"))
        assert "2 per unit adds 4" in said and "worth 6 elsewhere" in said
        assert "lose 2" in said and "50 % more, or costs 33.3 % less" in said
        assert "More is given above a total budget of 10" in said


class TestLimits:
    """Two states at prices 4 and 2, three units each, and money for half of it."""

    curves = curve_set((0, 0, [2], [8]), (0, 0, [2], [4]))

    def why(self, limits, budget=6.0):
        people = Population(self.curves.problem.labels, np.array([3, 3]))
        return explain(allocate(self.curves, people, budget, limits=limits))

    def test_a_most_of_a_group(self):
        why = self.why(Limits(groups=(GroupLimit("first", states=("s0",), most=4.0),)))
        assert why.price.tolist() == [4, 2] and why.limit == ("most of first", "")
        assert why.binding == (Binding.LIMIT, Binding.MONEY)
        assert "binds: raising it by one unit of money is worth at most 2" in " ".join(
            explanation_sentences(why)
        )
        assert "a limit allows no more (most of first)" in " ".join(state_sentences(why, "s0"))
        assert np.isnan(why.next.total).all()

    def test_a_least_of_a_group(self):
        why = self.why(Limits(groups=(GroupLimit("second", states=("s1",), least=3.0),)))
        assert why.limit == ("", "least of second") and why.binding == (Binding.MONEY, Binding.MONEY)
        assert "because of the least of second" in " ".join(state_sentences(why, "s1"))

    def test_limits_of_one_unit(self):
        why = self.why(
            Limits((UnitLimit(state="s0", most=1.0), UnitLimit(state="s1", least=0.5))), budget=5.0
        )
        assert why.limit == ("most of one unit", "") and why.binding[0] is Binding.LIMIT
        why = self.why(Limits((UnitLimit(state="s1", least=0.5),)), budget=4.0)
        assert why.limit == ("", "least of one unit")

    def test_a_unit_that_is_named_stands_by_itself(self):
        people = Population.of_units(self.curves.problem, ["ann", "bob", "eve"], ["s0", "s0", "s1"])
        limits = Limits((UnitLimit(unit="ann", most=0.5),))
        why = explain(allocate(self.curves, people, 3.0, limits=limits))
        assert [why.name(k) for k in range(3)] == ["s0", "s1", "s0, unit ann"]
        assert why.budget.tolist() == [2.0, 0.5, 0.5] and why.limit == ("", "", "most of unit ann")
        assert why.binding == (Binding.USEFUL, Binding.MONEY, Binding.LIMIT)
        assert "The unit of 's0, unit ann' has 0.5" in " ".join(state_sentences(why, "s0"))
        assert why.to_arrow()["unit"].to_pylist() == [None, None, "ann"]

    @pytest.mark.parametrize("share", [0.5, 1.0])
    def test_more_money_raises_the_least_shares_too(self, share):
        """One more of the budget is not worth the price where each unit's least share grows with it."""
        people, limits = Population(self.curves.problem.labels, np.array([3, 3])), Limits(least_share=share)
        answer, more = (allocate(self.curves, people, budget, limits=limits) for budget in (3.0, 3.5))
        gained = (more.value - answer.value) / 0.5
        assert worth_of_more(answer) == pytest.approx(gained) and gained < answer.price
        why = explain(answer)
        said = " ".join(explanation_sentences(why))
        assert f"is worth {gained:g}: it raises the least share" in said
        assert f"One more unit of money is worth {answer.price:g}" not in said
        assert why.limit[1] == "least share" and why.binding[1] is Binding.PRICE
        worth = {one.name: one.worth for one in limit_worths(answer)}["least share"]
        floor, less = float(answer.limited().least[0]), 0.25
        lower = Limits(least_share=share * (1 - less / floor))
        assert worth * less == pytest.approx(
            allocate(self.curves, people, 3.0, limits=lower).value - answer.value
        )

    def test_a_least_is_named_where_it_gives_more_and_not_beside(self):
        """Of the two states of a group the first would have its money at the price of all as well."""
        curves = curve_set((0, 0, [1], [9]), (0, 0, [2], [4]), (0, 0, [4], [24]))
        people = Population(curves.problem.labels, np.array([1, 1, 1]))
        group = GroupLimit("both", states=("s0", "s1"), least=2.0)
        why = explain(allocate(curves, people, 4.0, limits=Limits(groups=(group,))))
        assert why.limit == ("", "least of both", "")

    def test_of_nested_groups_the_innermost_that_binds_is_named(self):
        groups = (
            GroupLimit("all", states=("s0", "s1"), most=2.5),
            GroupLimit("one", states=("s0",), most=1.0),
        )
        people = Population(self.curves.problem.labels, np.array([1, 1]))
        answer = allocate(self.curves, people, 6.0, limits=Limits(groups=groups))
        assert explain(answer).limit == ("most of one", "most of all")

    def test_a_limit_that_does_not_bind_is_not_named(self):
        why = self.why(
            Limits((UnitLimit(state="s0", most=2.0),), (GroupLimit("all", states=("s0", "s1"), most=9.0),))
        )
        assert why.limit == ("", "")


class TestDifference:
    @settings(max_examples=100, deadline=None)
    @given(small_markets(), small_markets())
    def test_the_parts_sum_to_the_change(self, one, other):
        before, after = (allocate(curves, people, budget) for curves, people, budget, _ in (one, other))
        change = difference(before, after)
        parts = change.of_units + change.of_model + change.of_money
        assert np.allclose(parts, change.value_after - change.value_before, rtol=0, atol=1e-9)
        assert np.isclose(parts.sum(), after.value - before.value, rtol=0, atol=1e-9)
        back = difference(after, before)
        assert set(back.label) == set(change.label) and np.isclose(back.change, -change.change)

    @settings(max_examples=60, deadline=None)
    @given(small_markets(), st.integers(0, 8))
    def test_more_money_alone_is_money_alone(self, market, more):
        curves, people, budget, _ = market
        change = difference(allocate(curves, people, budget), allocate(curves, people, budget + more))
        assert not change.of_units.any() and not change.of_model.any()
        assert (change.of_money >= -1e-9).all()

    def test_a_better_model_is_the_models(self):
        """Same money, same units, twice the value: all of the change is the model's."""
        plain, double = curve_set((0, 0, [2], [4])), curve_set((0, 0, [2], [8]))
        people = Population.at(plain.problem, {"s0": 3})
        change = difference(allocate(plain, people, 3.0), allocate(double, people, 3.0))
        assert change.of_model.tolist() == [6.0] and not change.of_money.any() and not change.of_units.any()
        assert "+6 from the change of the model" in " ".join(difference_sentences(change))

    def test_a_later_stage_is_no_other_model(self):
        curves = solve(two_action_example(horizon=3), keep_stages=True)
        people = Population.at(curves.problem, {"s": 4})
        change = difference(allocate(curves, people, 6.0), allocate(curves.at_stage(1), people, 4.0))
        said = " ".join(difference_sentences(change))
        assert "from stage 0 having become stage 1" in said and "change of the model" not in said
        assert "The first is of stage 0, the second of stage 1" in said

    def test_other_questions_are_refused(self):
        curves, other = two_state_curves(), curve_set((0, 0, [2], [4]))
        one = allocate(curves, Population.at(curves.problem, {"warm": 1}), 1.0)
        two = allocate(other, Population(other.problem.labels, np.array([1])), 1.0)
        with pytest.raises(UsageError, match="no state in common"):
            difference(one, two)
        pounds = replace(curves, problem=replace(curves.problem, money_unit="GBP"))
        with pytest.raises(UsageError, match="different money"):
            difference(one, allocate(pounds, Population.at(pounds.problem, {"warm": 1}), 1.0))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    place = tmp_path_factory.mktemp("explain")
    run("solve", ROOT / "models" / "two_types", "--out", place / "curves", "--quiet")
    for budget in (2, 5):
        run("allocate", place / "curves", "--budget", budget, "--out", place / f"at{budget}", "--quiet")
    return place


class TestCommand:
    def test_one_object(self, results):
        fields = run_json("explain", results / "at2")
        assert fields["budget"] == 2 and fields["states"] and fields["sentences"]
        assert fields["stable"]["low"] <= fields["spent"] <= fields["stable"]["high"]
        assert {"type", "state", "binding", "next_price", "last_total_budget"} <= fields["states"][0].keys()

    def test_one_state_and_what_changed(self, results):
        label = run_json("explain", results / "at2")["next_goes_to"]
        assert run_json("explain", results / "at2", "--state", label)["rows"][0]["count"] > 0
        fields = run_json("explain", results / "at5", "--against", results / "at2")
        assert np.isclose(fields["change"], fields["of_units"] + fields["of_model"] + fields["of_money"])
        assert "What changed" in run("explain", results / "at5", "--against", results / "at2").stdout

    def test_refusals(self, results, tmp_path):
        assert "no allocation yet" in run("explain", results / "curves", code=2).stderr
        assert "is a model, not a result" in run("explain", ROOT / "models" / "toll", code=2).stderr
        assert (
            "leave out one"
            in run("explain", results / "at2", "--state", "x", "--against", results / "at5", code=2).stderr
        )
        assert "no state is called 'x'" in run("explain", results / "at2", "--state", "x", code=3).stderr
        broken = tmp_path / "broken"
        shutil.copytree(results / "at2", broken)
        text = json.loads((broken / "result.json").read_text())
        text["price"] = "high"
        (broken / "result.json").write_text(json.dumps(text))
        run("explain", broken, code=3)


class TestPlans:
    """Plans with arrivals, and budget lines."""

    def plan(self, budget, discount=0.9):
        problem = replace(two_action_example(horizon=2), discount=discount)
        curves = solve(problem, keep_stages=True)
        people, coming = Population.at(problem, {"s": 10}), Arrivals.at(problem, {(1, "s"): 2.5})
        return allocate_with_arrivals(curves, people, coming, budget)

    def test_one_more_unit_is_worth_its_price_to_those_here_and_to_come(self):
        why, more = explain_arrivals(self.plan(20.0)), self.plan(20.25)
        assert more.value - why.plan.value == pytest.approx(0.25 * why.plan.price)
        assert np.isnan(why.here.next.total).all() and why.price.tolist() == [why.plan.price]
        said = " ".join(arrivals_explanation_sentences(why))
        assert "One more unit of money is worth 9 now" in said and "waits for those who come" in said

    def test_the_next_money_goes_to_those_to_come_where_they_make_more_of_it(self):
        """Five are here whose money is worth 5, and for ten to come it is worth 20."""
        state, action = ["weak", "weak", "strong", "strong"], ["no", "yes"] * 2
        cost, utility = [0.0, 1.0] * 2, [0.0, 5.0, 0.0, 20.0]
        problem = BudgetedMDP.from_tables(
            {"state": state, "action": action, "next_state": state, "probability": [1.0] * 4},
            {"state": state, "action": action, "cost": cost, "utility": utility},
            discount=1.0, cost_discount=1.0, horizon=2, reward="gross",
        )  # fmt: skip
        curves = solve(problem, keep_stages=True)
        people, coming = Population.at(problem, {"weak": 5}), Arrivals.at(problem, {(1, "strong"): 10.0})
        why = explain_arrivals(allocate_with_arrivals(curves, people, coming, 5.0))
        assert why.here.binding == (Binding.PRICE,) and why.binding == (Binding.MONEY,)
        said = " ".join(arrivals_explanation_sentences(why))
        assert "set aside for 'strong' coming at stage 1" in said and "'weak' here" not in said

    def test_money_of_another_stage_has_another_price(self):
        why = explain_arrivals(self.plan(20.0, discount=0.6))
        assert why.price == pytest.approx([why.plan.price * 0.9 / 0.6])
        for k in range(why.stage.size):
            assert not why.last_price[k] < why.price[k] * (1 - 1e-9)
            assert not why.next_price[k] > why.price[k] * (1 + 1e-9)
        assert "discounted apart" in " ".join(arrivals_explanation_sentences(why))

    def test_enough_for_all(self):
        why = explain_arrivals(self.plan(1000.0))
        assert set(why.binding) == set(why.here.binding) == {Binding.USEFUL}
        assert "is worth nothing" in arrivals_explanation_sentences(why)[0]
        with pytest.raises(UsageError, match="an ArrivalAllocation is needed"):
            explain_arrivals(why.plan.here)

    def test_the_command_explains_a_plan_and_lines_and_refuses_what_it_cannot(self, tmp_path, results):
        save(two_action_example(horizon=2), tmp_path / "model")
        (tmp_path / "come.csv").write_text("stage,state,expected\n1,s,2.5\n")
        run("solve", tmp_path / "model", "--out", tmp_path / "all", "--keep-stages", "--quiet")
        given = ("--arrivals", tmp_path / "come.csv", "--out", tmp_path / "plan")
        run("allocate", tmp_path / "all", "--budget", 2, *given)
        fields = run_json("explain", tmp_path / "plan")
        assert fields["budget"] == 2 and len(fields["arrivals"]) == 1
        assert "same policies" not in run("explain", tmp_path / "plan").stdout
        one = run_json("explain", tmp_path / "plan", "--state", "s")
        assert len(one["arrivals"]) == 1 and "expected at stage 1" in " ".join(one["sentences"])
        (tmp_path / "blocks.csv").write_text("block,decisions,budget\na,1,2\nb,1,2\n")
        blocks = ("--stage-budgets", tmp_path / "blocks.csv", "--out", tmp_path / "lines")
        run("budgets", tmp_path / "model", *blocks)
        assert [row["line"] for row in run_json("explain", tmp_path / "lines")["lines"]] == ["a", "b"]
        run("explain", tmp_path / "lines", "--state", "s", code=2)
        run("explain", results / "at5", "--against", tmp_path / "plan", code=2)

    def test_money_moved_between_lines(self):
        problem = two_action_example(horizon=2)
        lines = BudgetLines.of_stages(problem, StageBudgets(("now", "then"), (1, 1), (3.0, 100.0)))
        said = line_sentences(allocate_lines(lines, Population.at(problem, {"s": 6})))
        assert "One unit of money moved from then to now would add up to 9." in said
