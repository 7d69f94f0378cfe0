"""States split over workers: the lines of one machine, to the bit."""

import threading
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_problems import plain_models, problem_of
from test_workers import Cluster, problem

from optbudget.budgeted import partitioned_pass
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.partition import partition, read_part, write_parts
from optbudget.budgeted.partitioned_pass import partitioned_lines
from optbudget.errors import LimitError, UsageError
from optbudget.workers.cluster import DaskCrew

PRICES = np.array([9.0, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05])


def require_equal(one: PriceLines, other: PriceLines):
    """The same bits in every field."""
    for field in fields(PriceLines):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, field.name
        np.testing.assert_array_equal(mine.view(np.uint8), theirs.view(np.uint8), err_msg=field.name)


@pytest.mark.parametrize("count", [pytest.param(1, marks=pytest.mark.nightly), 2, 3, 7])
def test_parts_give_the_lines_of_one_machine(count):
    whole = problem(states=90, horizon=12)
    require_equal(partitioned_lines(partition(whole, count), PRICES), Sweep(whole).lines(PRICES)[0])


@given(plain_models(max_states=4, max_horizon=3), st.integers(1, 4))
def test_small_problems_with_ties(plain, count):
    whole = problem_of(plain)
    count = min(count, whole.n_states)
    require_equal(partitioned_lines(partition(whole, count), PRICES), Sweep(whole).lines(PRICES)[0])


def test_parts_may_be_read_from_files(tmp_path):
    whole = problem(states=50, horizon=6)
    places = write_parts(partition(whole, 3), tmp_path)
    require_equal(partitioned_lines(places, PRICES), Sweep(whole).lines(PRICES)[0])
    (tmp_path / "part-0001" / "give.npy").unlink()
    with pytest.raises(LimitError, match="part-0001"):
        read_part(places[1])


def test_every_state_and_entry_is_somewhere_once():
    whole = problem(states=40, horizon=3)
    parts = partition(whole, 4)
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
    killer = threading.Timer(0.0, made.workers[1].kill)
    step = partitioned_pass._stages

    def stages(part, prices):
        killer.interval = 0.7
        if not killer.is_alive() and not killer.finished.is_set():
            killer.start()
        return step(part, prices)

    try:
        with DaskCrew(made.address) as crew, pytest.MonkeyPatch.context() as patch:
            while len(crew.members()) < 3:
                pass
            patch.setattr(partitioned_pass, "_stages", stages)
            found = partitioned_lines(partition(whole, 3), PRICES, crew)
        assert made.workers[1].poll() is not None
    finally:
        killer.cancel()
        made.close()
    require_equal(found, Sweep(whole).lines(PRICES)[0])


@pytest.mark.parametrize("count", [2, 3])
def test_workers_that_exchange_give_the_lines_of_one_machine(three, count, tmp_path):
    whole = replace(problem(states=120, horizon=9), cost_discount=0.95)
    expected = Sweep(whole).lines(PRICES)[0]
    require_equal(partitioned_lines(partition(whole, count), PRICES, three), expected)
    require_equal(partitioned_lines(write_parts(partition(whole, count), tmp_path), PRICES, three), expected)
