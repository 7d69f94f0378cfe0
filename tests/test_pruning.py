from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of

from optbudget.budgeted.exact import exact_backup
from optbudget.budgeted.pruning import PruningPhase, PruningSchedule
from optbudget.errors import ProblemError
from optbudget.files import load_model
from optbudget.status import Termination

SYNTHETIC_AD = Path(__file__).parents[1] / "models" / "synthetic_ad"

limits = st.sampled_from([None, 0.0, 0.25, 1.0, 3.0])
rules = st.builds(PruningPhase, slope=limits, length=limits, product=limits)


@pytest.fixture(scope="module")
def synthetic_ad():
    return load_model(SYNTHETIC_AD)


@pytest.fixture(scope="module")
def exact(synthetic_ad):
    return exact_backup(synthetic_ad)


def losses(exact, pruned):
    """Per state the largest loss of value over all budgets, and the largest loss relative to the value."""
    absolute, relative = [], []
    for whole, left in zip(exact.curves, pruned.curves, strict=True):
        at = np.union1d(whole.budgets, left.budgets)
        value = whole.value(at)
        lost = value - left.value(at)
        assert lost.min() >= -1e-9, "a pruned curve must stay achievable"
        absolute.append(lost.max())
        relative.append(np.max(lost[value > 1e-9] / value[value > 1e-9], initial=0.0))
    return np.array(absolute), np.array(relative)


@given(plain_models(), rules, st.integers(1, 4))
def test_losses_stay_within_what_is_reported(plain, rule, stages):
    problem = problem_of(plain)
    schedule = PruningSchedule((replace(rule, stages=stages), PruningPhase()))
    exact, pruned = exact_backup(problem), exact_backup(problem, pruning=schedule)
    absolute, _ = losses(exact, pruned)
    assert (absolute <= pruned.pruning_error + 1e-12).all()
    assert pruned.pruning_error.max() <= schedule.bound(problem.horizon, problem.discount) + 1e-12
    # The ends of a curve are never pruned.
    np.testing.assert_allclose(pruned.curves.start_value, exact.curves.start_value, atol=1e-12)
    # The lines see the loss.
    largest = np.array([max(abs(curve.start_value), abs(curve.values[-1])) for curve in pruned.curves])
    assert (pruned.state_gap * (1 + largest) >= absolute - 1e-12).all()


@given(plain_models())
def test_the_reported_error_of_one_backup_is_exact(plain):
    """With one decision all that is lost is lost now, and what is reported is the largest loss itself."""
    plain["horizon"] = 1
    problem = problem_of(plain)
    exact = exact_backup(problem)
    pruned = exact_backup(problem, pruning=PruningSchedule((PruningPhase(slope=2.0),)))
    np.testing.assert_allclose(losses(exact, pruned)[0], pruned.pruning_error, atol=1e-12)


@given(plain_models())
def test_no_limit_prunes_nothing(plain):
    problem = problem_of(plain)
    exact, same = exact_backup(problem), exact_backup(problem, pruning=PruningSchedule((PruningPhase(),)))
    np.testing.assert_array_equal(exact.curves.length, same.curves.length)
    assert not same.pruning_error.any() and exact.pruning_error is None


# Section 4.7's schedules: slope and length 0.01; 0.05; 0.01 for 45 stages, then none. The paper prints 18.3,
# 10.4, 480.8 segments, errors of 4.84, 4.84, 0.21 and relative errors of 40.9, 48.7, 2.3 %. Here "slope, or
# length of the segment before the vertex" leaves more segments and loses far less.
MILD, AGGRESSIVE = PruningPhase(slope=0.01, length=0.01), PruningPhase(slope=0.05, length=0.05)
TABLE = [
    # schedule                                               segments  error   relative error
    (PruningSchedule((MILD,)),                               74.3,     0.0081, 0.009),
    (PruningSchedule((AGGRESSIVE,)),                         25.5,     0.20,   0.049),
    (PruningSchedule((replace(MILD, stages=45), PruningPhase())), 523.1, 0.0011, 0.0014),
    (PruningSchedule((PruningPhase(product=0.05),)),         16.7,     0.045,  0.043),
]  # fmt: skip


@pytest.mark.parametrize("schedule, segments, error, relative_error", TABLE)
def test_schedules_of_the_paper(synthetic_ad, exact, schedule, segments, error, relative_error):
    pruned = exact_backup(synthetic_ad, pruning=schedule, tolerance=1.0)
    absolute, relative = losses(exact, pruned)
    assert pruned.curves.segments.mean() == pytest.approx(segments, abs=0.05)
    assert absolute.max() == pytest.approx(error, rel=0.2)
    assert relative.max() == pytest.approx(relative_error, rel=0.2)
    assert (absolute <= pruned.pruning_error + 1e-12).all()
    assert pruned.outcome.termination is Termination.TOLERANCE


def test_a_gap_above_the_tolerance_says_that_pruning_made_it(synthetic_ad):
    answer = exact_backup(synthetic_ad, pruning=PruningSchedule((AGGRESSIVE,)))
    assert answer.outcome.termination is Termination.NUMERICAL and "pruning" in answer.outcome.message


def test_bounds_of_section_4_4():
    discount, t, k, high, low = 0.975, 50, 45, 0.01, 0.001
    one = PruningSchedule((PruningPhase(product=high),))
    assert one.bound(t, discount) == pytest.approx(high * (1 - discount**t) / (1 - discount))
    two = PruningSchedule((PruningPhase(stages=k, product=high), PruningPhase(product=low)))
    corrected = (discount ** (t - k) * high * (1 - discount**k) + low * (1 - discount ** (t - k))) / (
        1 - discount
    )
    paper = ((high - low) * (1 - discount**k) + low * (1 - discount**t)) / (1 - discount)
    assert two.bound(t, discount) == pytest.approx(corrected)
    assert corrected < paper
    assert PruningSchedule((MILD,)).bound(t, discount) == np.inf
    assert two.bound(3, 1.0) == pytest.approx(3 * high)


def test_parsed_from_toml():
    import tomllib

    text = "[[phase]]\nstages = 45\nslope = 0.01\nlength = 0.01\n\n[[phase]]\nproduct = 0\n"
    assert PruningSchedule.parse(tomllib.loads(text)) == PruningSchedule(
        (PruningPhase(stages=45, slope=0.01, length=0.01), PruningPhase(product=0))
    )


@pytest.mark.parametrize(
    "table, message",
    [
        ({}, "at least one phase"),
        ({"phases": []}, "'phases' is not a key"),
        ({"phase": 3}, r"\[\[phase\]\]"),
        ({"phase": [3]}, "phase 1 must be a table"),
        ({"phase": [{"slop": 1}]}, "unknown key 'slop'"),
        ({"phase": [{"slope": "x"}]}, "phase 1: slope"),
        ({"phase": [{"slope": True}]}, "phase 1: slope"),
        ({"phase": [{"slope": -1}]}, "slope has limit -1"),
        ({"phase": [{"slope": float("nan")}]}, "slope has limit nan"),
        ({"phase": [{"product": float("inf")}]}, "product has limit inf"),
        ({"phase": [{"stages": 0}]}, "stages is 0"),
        ({"phase": [{"stages": 1.5}]}, "stages is 1.5"),
        ({"phase": [{}, {}]}, "only the last phase"),
    ],
)
def test_wrong_files_are_refused(table, message):
    with pytest.raises(ProblemError, match=message):
        PruningSchedule.parse(table)
