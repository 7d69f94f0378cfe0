"""Structural models and the departments' history: exact effects, the planted rule, what is learned."""

import numpy as np
import pytest

from optbudget import allocate, load, solve
from optbudget.causal.effects import estimate_effects
from optbudget.causal.risk import side_effects
from optbudget.causal.structure import learn_graph
from optbudget.errors import ProblemError
from optbudget.files.histories import load_history
from optbudget.files.history_writer import write_history
from optbudget.problems import CausalQuestion, History, StructuralModel
from optbudget.problems.examples import two_departments
from optbudget.simulate.departments_equations import (
    DECISIONS,
    FIRST_DECISION,
    FIRST_OUTCOME,
    HARM,
    OUTCOMES,
    departments_equations,
    targets,
)
from optbudget.simulate.structural import departments_question, draw_history, true_harm
from optbudget.study.causal_truth import (
    correlational,
    estimates,
    impact_accuracy,
    network_effects,
    spend_alike,
    true_edges,
    true_effects,
)

from reference import path_sum

QUESTION = departments_question()


def small(**changes):
    given = {
        "names": ("r", "d", "m", "y"), "tiers": [0, 1, 2, 2],
        "coefficients": [[0, 0, 0, 0], [2.0, 0, 0, 0], [0, 3.0, 0, 0], [1.0, 0.5, -1.0, 0]],
        "intercepts": [1.0, 0, 0, 2.0], "noise": [1.0, 0.5, 0, 2.0], "persistence": [0.8, 0, 0, 0],
    }  # fmt: skip
    return StructuralModel(**{**given, **changes})


class TestStructuralModel:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_total_effects_are_sums_over_paths(self, seed):
        model = departments_equations(seed)
        edges = {i: np.flatnonzero(row).tolist() for i, row in enumerate(model.coefficients)}
        for source, target in (
            ("budget_3", "satisfaction"),
            ("revenue", "complaints"),
            ("budget_12", "budget_4"),
        ):
            i, j = model.index(target), model.index(source)
            assert model.total_effect(source, target) == pytest.approx(
                path_sum(edges, model.coefficients.tolist(), j, i), abs=1e-12
            )

    def test_what_is_set_stays_and_moves_what_follows(self):
        model = small()
        assert model.mean_after({"d": 4.0}).tolist() == [1.0, 4.0, 12.0, 2.0 + 1.0 + 2.0 - 12.0]
        drawn = model.draw(200_000, 7, interventions={"d": 4.0})
        assert (drawn[:, 1] == 4.0).all()
        np.testing.assert_allclose(drawn.mean(axis=0), model.mean_after({"d": 4.0}), atol=0.05)

    def test_an_error_that_persists_keeps_its_variance(self):
        revenue = small().draw(200_000, 3)[:, 0]
        assert revenue.std() == pytest.approx(1.0, abs=0.02)
        assert np.corrcoef(revenue[1:], revenue[:-1])[0, 1] == pytest.approx(0.8, abs=0.01)

    @pytest.mark.parametrize(
        "changes, message",
        [
            ({"names": ("r", "d", "m", "m")}, "listed twice"),
            ({"noise": [1, 1, 1, -1]}, "noise must be >= 0"),
            ({"persistence": [1, 0, 0, 0]}, "between -1 and 1"),
            ({"coefficients": np.eye(4)}, "does not stand before it"),
            ({"tiers": [0, 2, 1, 2]}, "of an earlier tier"),
            ({"intercepts": [0, 0, 0]}, r"shape \(4,\)"),
            ({"intercepts": [0, 0, 0, np.nan]}, "must be finite"),
        ],
    )
    def test_refused(self, changes, message):
        with pytest.raises(ProblemError, match=message):
            small(**changes)

    def test_an_unknown_variable(self):
        with pytest.raises(ProblemError, match="no variable is called 'revenu'; did you mean 'revenue'"):
            departments_equations().total_effect("revenu", "overtime")


class TestRule:
    @pytest.mark.parametrize("seed", [42, 43, 44])
    def test_the_planted_harm_is_as_the_rule_says(self, seed):
        planted = (
            departments_equations(seed).coefficients - departments_equations(seed, harm=False).coefficients
        )
        rows, columns = np.nonzero(planted)
        assert (rows >= FIRST_OUTCOME).all()
        assert ((columns >= FIRST_DECISION) & (columns < FIRST_OUTCOME)).all()
        decisions, times = np.unique(columns - FIRST_DECISION, return_counts=True)
        assert decisions.size == 10 and (times == 2).all()
        for i, j in zip(rows, columns, strict=True):
            outcome = int(i) - FIRST_OUTCOME
            assert outcome not in targets(int(j) - FIRST_DECISION)
            assert 0.15 <= planted[i, j] * HARM[OUTCOMES[outcome]] <= 0.45

    def test_without_it_nothing_is_a_side_effect(self):
        model = departments_equations(42, harm=False)
        for decision in DECISIONS:
            for outcome in QUESTION.side_effects(decision):
                assert model.total_effect(decision, outcome) == 0.0

    def test_fifty_variables_of_which_96_pairs_and_more_are_placebos(self):
        model = departments_equations()
        assert [len(model.of_tier(tier)) for tier in (0, 1, 2)] == [20, 20, 10]
        assert (true_effects(model, QUESTION) == 0).sum() >= 96
        assert true_edges(model, model.names).sum() == np.count_nonzero(model.coefficients)


class TestHistory:
    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_written_and_read(self, tmp_path, form):
        history = draw_history(departments_equations(), QUESTION, rows=60, seed=1)
        write_history(history, tmp_path, format=form)
        back = load_history(tmp_path / f"history.{form}", tmp_path / "history.toml")
        assert np.array_equal(back.values, history.values)
        assert back.question == history.question
        assert dict(back.question.actions["department_3/increase_1"]) == {"budget_3": 1.0}
        assert back.time.tolist() == list(range(60))

    def test_edges_and_units_are_written(self, tmp_path):
        question = CausalQuestion(("c",), ("d",), ("y",), required=(("d", "y"),), forbidden=(("c", "y"),))
        write_history(History(question, np.random.default_rng(0).normal(size=(9, 3))), tmp_path)
        assert load_history(tmp_path / "history.parquet", tmp_path / "history.toml").question == question

    def test_the_true_harm_of_actions(self):
        model, problem = departments_equations(), load("models/departments_20").budgeted()
        harm = true_harm(model, QUESTION, problem)
        named = {}
        for k, state in enumerate(problem.pair_state.tolist()):
            named[problem.state_type[state], problem.actions[problem.pair_action[k]]] = harm[k]
        moved = sum(
            max(0.0, HARM[y] * model.total_effect("budget_10", y))
            for y in OUTCOMES
            if y not in ("incidents",)
        )
        assert named["department_10", "increase_2"] == pytest.approx(2 * moved)
        assert all(named[f"department_{d}", "hold"] == 0 for d in range(1, 21))


class TestSpendAlike:
    @pytest.mark.parametrize("budget", [0.7, 1.5, 3.0])
    def test_it_is_worth_what_the_allocation_is(self, budget):
        departments = two_departments()
        problem = departments.budgeted()
        split = allocate(solve(problem), departments.population(problem), budget)
        harm = problem.cost[:, None] * 2.0
        (found,) = spend_alike(departments, problem.utility, 0 * problem.cost, harm, budget)
        assert found.value == pytest.approx(split.value, rel=1e-6)
        assert found.spent == pytest.approx(min(budget, split.spent), rel=1e-9)

    def test_a_penalty_is_not_in_the_value(self):
        departments = two_departments()
        problem = departments.budgeted()
        improve = (problem.pair_action == problem.actions.index("improve")).astype(float)
        free, held = (
            spend_alike(departments, problem.utility, weight * improve, improve[:, None], 2.0)[0]
            for weight in (0.0, 100.0)
        )
        assert held.harm == 0.0 < free.harm
        assert held.value < free.value


def learned(seed, *, harm=True, draw=None):
    history = draw_history(departments_equations(seed, harm=harm), QUESTION, rows=1_000, seed=draw or seed)
    graph = learn_graph(history, bootstraps=0)
    return history, graph, estimate_effects(history, graph, refutations=0)


class TestLearned:
    def test_impact_accuracy_and_coverage_of_two_seeds(self):
        covered = []
        for seed in (42, 43):
            history, graph, effects = learned(seed)
            true = true_effects(departments_equations(seed), QUESTION)
            effect, lower, upper = estimates(effects, QUESTION, "tiers")
            covered.append((lower <= true) & (true <= upper))
            naive = impact_accuracy(correlational(history), true)
            assert impact_accuracy(effect, true) > 0.9 > 0 > naive
            assert impact_accuracy(network_effects(history, graph), true) > naive
        assert 0.92 <= np.mean(covered) <= 0.98

    @pytest.mark.nightly
    @pytest.mark.parametrize("seed", range(42, 62))
    def test_the_risk_term_lowers_the_true_harm(self, seed):
        departments = load("models/departments_20")
        problem, budget = departments.budgeted(), departments.total_budget
        harm = true_harm(departments_equations(seed), QUESTION, problem)[:, None]
        (plain,) = spend_alike(departments, problem.utility, 0 * problem.cost, harm, budget)
        for planted in (True, False):
            risk = side_effects(QUESTION, learned(seed, harm=planted)[2]).amounts(problem)
            (careful,) = spend_alike(departments, problem.utility, risk, harm, budget)
            if planted:
                assert careful.harm < plain.harm
            else:
                assert careful.value >= 0.99 * plain.value

    @pytest.mark.nightly
    def test_intervals_by_tiers_cover_in_500_histories(self):
        true = true_effects(departments_equations(42), QUESTION)
        covered = []
        for k in range(500):
            effects = learned(42, draw=10_000 + k)[2]
            _, lower, upper = estimates(effects, QUESTION, "tiers")
            covered.append(np.mean((lower <= true) & (true <= upper)))
        assert 0.93 <= np.mean(covered) <= 0.97
