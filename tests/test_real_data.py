"""Real trials from the package causaldata: what was published of them, and what their pages say."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from test_examples import installed

from optbudget import verify
from optbudget.causal import comparable, doubly_robust, estimate_effects
from optbudget.errors import ProblemError
from optbudget.problems import CausalGraph, CausalQuestion, History

ROOT = Path(__file__).parents[1]
needs_data = pytest.mark.skipif(
    not installed("causaldata"), reason="the data are in causaldata, of the extra dev"
)


@pytest.fixture(scope="module")
def incentives():
    return runpy.run_path(str(ROOT / "examples" / "incentives.py"))


@pytest.fixture(scope="module")
def trial(incentives):
    return incentives["trial"]()


@pytest.fixture(scope="module")
def jobs():
    return runpy.run_path(str(ROOT / "examples" / "job_training.py"))


@pytest.fixture(scope="module")
def samples(jobs):
    return jobs["histories"]()


def page(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@needs_data
def test_the_incentive_trial_is_that_of_the_paper(trial):
    """Thornton (2008): 2,812 people (Table 1), 34 % of whom learn without incentive (abstract), 43 percentage
    points more of those with any (Table 4, column 1, with district dummies)."""
    segment, level, values = trial
    assert level.size == 2812
    assert values[level == 0, 5].mean() == pytest.approx(0.34, abs=0.005)
    question = CausalQuestion(("north",), ("any",), ("learned",))
    history = History(question, np.column_stack((segment >= 4, level > 0, values[:, 5])))
    graph = CausalGraph.of(question.columns, [("north", "learned"), ("any", "learned")])
    found = estimate_effects(history, graph, robust=True, refutations=0)["any", "learned"].tiers.known
    assert found.effect == pytest.approx(0.431, abs=0.01)
    assert found.lower < 0.431 < found.upper


@needs_data
def test_the_plans_of_incentives_are_proved_and_their_page_says_what_is_printed(incentives, capsys):
    incentives["main"]()
    printed = [line for line in capsys.readouterr().out.splitlines() if "gap" not in line]
    assert len(printed) == 11
    assert [line for line in printed if line not in page("incentives")] == []


@needs_data
def test_offers_by_segment_are_worth_no_less_in_the_model_and_keep_the_budget(incentives, trial):
    segment, _, values = trial
    people, (effect, _, _, cost) = np.bincount(segment), incentives["estimated"](segment, values)
    for budget in (0.0, 300.0, 1500.0, 1e6):
        split, share = incentives["best"](people, effect, cost, budget)
        assert verify(split).ok
        assert share.sum(axis=1) == pytest.approx(1.0)
        assert people @ (share * cost).sum(axis=1) == pytest.approx(split.spent, abs=1e-6)
        assert people @ (share * effect).sum(axis=1) == pytest.approx(split.value, abs=1e-6)
        assert split.value >= incentives["same"](people, effect, cost, budget)[0].value - 1e-6


@needs_data
def test_the_held_out_table_of_the_page(trial):
    script = runpy.run_path(str(ROOT / "docs" / "incentives.py"))
    judged = script["held_out"](*trial, budgets=(1000.0,), splits=2).mean(axis=0)[0]
    promised, ours, alike, spent, spent_alike, error = judged
    assert promised > ours
    assert abs(ours - alike) < 2 * error
    assert spent == pytest.approx(1000, rel=0.1) and spent_alike == pytest.approx(1000, rel=0.05)


@needs_data
def test_training_by_lot_and_against_the_survey(jobs, samples):
    """Dehejia & Wahba (1999), Table 3: 1,794 (633) by lot; -8,498 (712) against the survey CPS-1."""
    for history, effect, error in zip(samples, (1794.34, -8497.52), (633, 712), strict=True):
        bare = jobs["unadjusted"](history)
        graph = CausalGraph.of(("treat", "re78"), [("treat", "re78")])
        found = estimate_effects(bare, graph, refutations=0)["treat", "re78"].tiers.known
        assert found.effect == pytest.approx(effect, abs=0.01)
        assert found.std_error == pytest.approx(error, abs=1)


@needs_data
def test_adjusting_comes_near_the_experiment_and_the_page_says_how_near(jobs, samples, capsys):
    _, survey = samples
    known = jobs["KNOWN"]
    line = jobs["linear"](survey)
    treated = doubly_robust(survey, "treat", "re78", known)
    alike = survey.rows(comparable(survey, "treat", known))
    rows = [
        ("survey, adjusted by a line", line.known),
        ("survey, doubly robust, on all", doubly_robust(survey, "treat", "re78", known, target="all")),
        ("survey, doubly robust, on treated", treated),
        (f"the {len(alike)} alike, doubly robust, on treated", doubly_robust(alike, "treat", "re78", known)),
    ]
    for row in rows:
        jobs["show"](*row)
    assert [text for text in capsys.readouterr().out.splitlines() if text not in page("job-training")] == []
    assert treated.lower < 1794.34 < treated.upper
    values = survey.values
    design = np.column_stack((np.ones(len(values)), values[:, :-1]))
    assert line.known.effect == pytest.approx(np.linalg.lstsq(design, values[:, -1], rcond=None)[0][-1])
    assert line.overlap.propensity[0] < 1e-5


def stratified(z, d, y):
    """The effects on all and on the treated by strata: what both formulas are where z has two values."""
    apart = np.array([y[(z == k) & d].mean() - y[(z == k) & ~d].mean() for k in (0, 1)])
    return tuple(float(apart @ [np.mean(z[rows] == k) for k in (0, 1)]) for rows in (slice(None), d))


@pytest.mark.parametrize("seed", range(5))
def test_doubly_robust_is_the_mean_over_strata(seed):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, 60)
    d = rng.random(60) < np.where(z == 1, 0.7, 0.3)
    y = rng.integers(-4, 5, 60) + 3 * d * z
    history = History(CausalQuestion(("z",), ("d",), ("y",)), np.column_stack((z, d, y)).astype(float))
    for target, expected in zip(("all", "treated"), stratified(z, d, y), strict=True):
        found = doubly_robust(history, "d", "y", ("z",), target=target)
        assert found.effect == pytest.approx(expected, abs=1e-4)
        assert found.lower < found.effect < found.upper


def test_doubly_robust_without_adjustment_is_the_difference_of_means():
    d, y = np.array([0.0, 0, 0, 1, 1, 1]), np.array([1.0, 2, 4, 5, 6, 9])
    history = History(CausalQuestion((), ("d",), ("y",)), np.column_stack((d, y)))
    for target in ("all", "treated"):
        assert doubly_robust(history, "d", "y", (), target=target).effect == pytest.approx(13 / 3)


def test_doubly_robust_refuses_what_it_cannot_compare():
    table = np.column_stack((np.arange(8.0), np.arange(8) > 3, np.arange(8) % 3, np.arange(8) % 2))
    history = History(CausalQuestion(("z",), ("d", "e"), ("y",)), table)
    with pytest.raises(ProblemError, match="no overlap: z tell exactly"):
        doubly_robust(history, "d", "y", ("z",))
    with pytest.raises(ProblemError, match="e has not two values"):
        doubly_robust(history, "e", "y", ("z",))
    with pytest.raises(ProblemError, match="no column is called 'zz'"):
        comparable(history, "d", ("zz",))
