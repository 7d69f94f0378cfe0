"""States split over a team: the answer of one machine, to the bit."""

import threading
from dataclasses import fields, replace

import numpy as np
import pytest
from commands import run
from hypothesis import given, settings
from hypothesis import strategies as st
from small_problems import plain_models, problem_of
from test_workers import Cluster, problem, require_same_bytes

from optbudget import BudgetedMDP, CurveSet, load, save
from optbudget.budgeted import price_sweep
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.lines import STATE_AXIS_FIRST, PriceLines
from optbudget.budgeted.partition import partition, read_part, write_parts
from optbudget.budgeted.partitioned_pass import Block, PartitionedPasses
from optbudget.budgeted.partitioned_sweep import partitioned_sweep
from optbudget.errors import LimitError, UsageError, WorkersError
from optbudget.files.statements import recorded
from optbudget.status import Termination
from optbudget.workers import Monitor
from optbudget.workers.cluster import DaskCrew
from optbudget.workers.cluster_team import ClusterTeam
from optbudget.workers.process_team import ProcessTeam
from optbudget.workers.team import Team, TeamHere

PRICES = np.array([9.0, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05])


def whole_lines(team: Team, block: Block) -> PriceLines:
    """Of all states, from the parts."""
    parts = team.fetch(block.lines)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in STATE_AXIS_FIRST}
    return replace(parts[0], **joined)


def split(whole: BudgetedMDP, count: int, team: Team | None = None) -> PartitionedPasses:
    team = team or TeamHere()
    return PartitionedPasses(Sweep(whole), team, team.deal(partition(whole, count)), Monitor())


def lines_of(passes: PartitionedPasses) -> PriceLines:
    return whole_lines(passes.team, passes.lines(PRICES, 2))


def require_equal(one: PriceLines, other: PriceLines):
    """The same bits in every field."""
    for field in fields(PriceLines):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, field.name
        np.testing.assert_array_equal(mine.view(np.uint8), theirs.view(np.uint8), err_msg=field.name)


def require_same_answer(one: CurveSet, other: CurveSet):
    """The same bits in every number of two answers."""
    for name in ("start_budget", "start_value", "indptr", "length", "gain"):
        np.testing.assert_array_equal(getattr(one.curves, name), getattr(other.curves, name), err_msg=name)
    for name in ("spend_variance", "first_action", "prices", "state_gap"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.gap, one.rounding, one.outcome) == (other.gap, other.rounding, other.outcome)


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.nightly), 2, 7])
def test_parts_give_the_lines_of_one_machine(count, monkeypatch):
    monkeypatch.setattr("optbudget.budgeted.backward_pass.TINY", 0)
    monkeypatch.setattr("optbudget.budgeted.backward_pass.IN_CACHE", 0)
    whole = problem(states=90, horizon=12)
    require_equal(lines_of(split(whole, count)), Sweep(whole).lines(PRICES)[0])


@settings(max_examples=40)
@given(plain_models(max_states=4, max_horizon=3), st.integers(1, 4))
def test_small_problems_with_ties(plain, count):
    whole = problem_of(plain)
    passes = split(whole, min(count, whole.n_states))
    require_equal(lines_of(passes), Sweep(whole).lines(PRICES)[0])
    ends, (low, high) = passes.ends()
    expected = Sweep(whole).ends()
    require_equal(whole_lines(passes.team, ends), expected.lines[0])
    assert (low, high) == (expected.lowest, expected.highest)


@settings(max_examples=25)
@given(
    plain_models(max_states=4, max_horizon=3), st.integers(1, 4), st.sampled_from([None, 0.7, 3.0]),
    st.sampled_from([0.1, 1e-4]),
)  # fmt: skip
def test_small_answers_with_ties_and_caps(plain, count, cap, tolerance):
    whole = problem_of(plain, budget_cap=cap)
    found = partitioned_sweep(whole, min(count, whole.n_states), TeamHere(), tolerance=tolerance)
    require_same_answer(found, price_sweep(whole, tolerance=tolerance))


@pytest.mark.parametrize("cap", [None, 5.0])
@pytest.mark.parametrize("count", [1, 3])
def test_the_answer_of_more_states_than_are_looked_at_together(count, cap, monkeypatch, tmp_path):
    whole = replace(problem(states=400, horizon=9), budget_cap=cap, cost_discount=0.95)
    monkeypatch.setattr("optbudget.budgeted.partitioned_sweep.STATES_AT_ONCE", 50)
    found = partitioned_sweep(whole, count, TeamHere(), tolerance=1e-3, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert found.outcome.termination is Termination.TOLERANCE and found.prices.size > 20
    require_same_answer(found, price_sweep(whole, tolerance=1e-3))


def test_processes_give_the_folder_of_one(tmp_path):
    save(problem(states=80, horizon=9), tmp_path / "model")
    options = ("--method", "sweep", "--tolerance", "1e-3", "--quiet")
    run("solve", tmp_path / "model", "--out", tmp_path / "one" / "out", *options)
    run("solve", tmp_path / "model", "--out", tmp_path / "three" / "out", *options,
        "--parts", "3", "--workers", "2")  # fmt: skip
    require_same_bytes(tmp_path / "one" / "out", tmp_path / "three" / "out")
    assert load(tmp_path / "three" / "out").gap <= 1e-3
    assert recorded(["solve", "model", "--parts", "3", "--parts=4"]) == ["solve", "model"]


def test_what_does_not_go_with_parts_is_refused(tmp_path):
    save(problem(states=20, horizon=3), tmp_path / "model")
    for more, said in ((("--method", "walk"), "--method walk"), (("--keep-stages",), "--keep-stages")):
        failed = run("solve", tmp_path / "model", "--out", tmp_path / "out", "--parts", "2", *more, code=2)
        assert said in failed.stderr


def test_a_process_that_is_lost_is_said():
    with ProcessTeam(1) as team:
        parts = team.deal([1, 2])
        team._workers[0].close()
        with pytest.raises(WorkersError, match="lost"):
            team.fetch(parts)


def test_limits_stop_with_what_is_certified():
    whole, here = problem(states=300, horizon=9), TeamHere()
    with pytest.raises(LimitError, match="a part with 2 prices"):
        partitioned_sweep(whole, 2, here, monitor=Monitor(memory_limit=10_000))
    some = partitioned_sweep(whole, 2, here, tolerance=1e-5, monitor=Monitor(memory_limit=900_000))
    assert some.outcome.termination is Termination.MEMORY_LIMIT and 1e-5 < some.gap < 1


def test_parts_may_be_read_from_files(tmp_path):
    whole = problem(states=50, horizon=6)
    places = write_parts(partition(whole, 3), tmp_path)
    found = partitioned_sweep(whole, 3, TeamHere(), tolerance=1e-2, places=places)
    require_same_answer(found, price_sweep(whole, tolerance=1e-2))
    (tmp_path / "part-0001" / "give.npy").unlink()
    with pytest.raises(LimitError, match="part-0001"):
        read_part(places[1])


def test_every_state_and_entry_is_somewhere_once():
    whole = problem(states=40, horizon=3)
    parts = list(partition(whole, 4))
    assert [part.low for part in parts] + [40] == [0] + [part.high for part in parts]
    assert sum(part.cost.size for part in parts) == whole.cost.size
    for part in parts:
        assert part.next_state.max() < part.n_states + part.halo_ptr[-1]
        for other in parts:
            sent = other.give_ptr[part.number + 1] - other.give_ptr[part.number]
            assert sent == part.halo_ptr[other.number + 1] - part.halo_ptr[other.number]
            assert sent == 0 or other is not part


def test_more_parts_than_states_are_refused():
    with pytest.raises(UsageError, match="cannot be cut"):
        partition(problem(states=3, horizon=2, successors=2), 4)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"), workers=3)
    with DaskCrew(made.address) as crew:
        while len(crew.members()) < 3:
            pass
        yield crew
    made.close()


def test_a_worker_lost_between_stages_is_made_up_for(tmp_path):
    made, whole = Cluster(tmp_path, workers=3), problem(states=60, horizon=60)
    killer = threading.Timer(0.7, made.workers[1].kill)
    try:
        with DaskCrew(made.address) as crew:
            while len(crew.members()) < 3:
                pass
            passes = split(whole, 3, ClusterTeam(crew))
            killer.start()
            found = lines_of(passes)
            killer.join()
            again = lines_of(passes)
        assert made.workers[1].poll() is not None
    finally:
        killer.cancel()
        made.close()
    expected = Sweep(whole).lines(PRICES)[0]
    require_equal(found, expected)
    require_equal(again, expected)


@pytest.mark.parametrize("count", [2, 3])
def test_workers_that_exchange_give_the_answer_of_one_machine(three, count, tmp_path):
    whole = replace(problem(states=120, horizon=9), cost_discount=0.95)
    expected = price_sweep(whole, tolerance=1e-2)
    team = ClusterTeam(three)
    require_same_answer(partitioned_sweep(whole, count, team, tolerance=1e-2), expected)
    places = write_parts(partition(whole, count), tmp_path)
    require_same_answer(partitioned_sweep(whole, count, team, tolerance=1e-2, places=places), expected)
