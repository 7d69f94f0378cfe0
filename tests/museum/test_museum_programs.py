"""Known wrong answers of solvers: right or flagged here, and the wrong answers are seen through."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optbudget.errors import MissingExtraError, OptBudgetError, ProblemError
from optbudget.solvers import BackEnds, find, names
from optbudget.solvers.answer import RawAnswer
from optbudget.solvers.audit import audit
from optbudget.solvers.options import Options
from optbudget.status import Solution, Termination
from optbudget.testing import program_of

sys.path.insert(0, str(Path(__file__).parent))
from exhibits import EXHIBITS, Exhibit

USUAL = Options(time_limit=20.0)
FLAGGED = (Termination.BACKEND_FAILED, Termination.NUMERICAL, Termination.UNKNOWN, Termination.ILL_POSED)


def by_name(exhibit: Exhibit) -> str:
    return exhibit.name


@pytest.fixture(scope="module")
def processes():
    with BackEnds() as kept:
        yield kept


def test_each_has_a_source_and_a_proof():
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS) >= 20
    assert all(exhibit.source and exhibit.said and exhibit.proof for exhibit in EXHIBITS)


@pytest.mark.parametrize("backend", names())
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=by_name)
def test_right_or_flagged(exhibit: Exhibit, backend: str, processes: BackEnds):
    program = program_of(exhibit.text, name=exhibit.name)
    row = find(backend)
    try:
        solution = processes.solve(program, row, options=USUAL)
    except MissingExtraError as error:
        pytest.skip(str(error))
    except OptBudgetError:
        return  # Refused, by name.
    stopped, in_hand = solution.outcome.termination, solution.outcome.solution
    if in_hand is Solution.NONE:
        assert stopped is exhibit.ends or stopped in FLAGGED
        return
    assert exhibit.ends is Termination.OPTIMAL
    assert solution.value == pytest.approx(exhibit.truth, rel=10 * row.value_error, abs=10 * row.value_error)
    if exhibit.price is not None and solution.row_price is not None:
        right = [exhibit.price.get(name, 0.0) for name in program.row_names]
        assert solution.row_price == pytest.approx(right, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("exhibit", [e for e in EXHIBITS if e.wrong is not None], ids=by_name)
def test_the_wrong_answer_is_seen_through(exhibit: Exhibit):
    """A back end that says it again, and calls it optimal, is not believed."""
    program = program_of(exhibit.text)
    x = np.array([exhibit.wrong.get(name, 0.0) for name in program.column_names], dtype=np.float64)
    price = None
    if exhibit.wrong_price:
        price = np.array([exhibit.wrong_price.get(name, 0.0) for name in program.row_names])
    claim = RawAnswer("kOptimal", Termination.OPTIMAL, x, price, program.value(x))
    solution = audit(program, claim, find("highs"), USUAL)
    if solution.outcome.solution is Solution.CERTIFIED and solution.gap <= 1e-3:
        # Only the prices were wrong, and they were mended: what is stated now proves the right value.
        assert exhibit.wrong_price and solution.value == pytest.approx(exhibit.truth)
        assert program.dual_bound(solution.row_price) == pytest.approx(exhibit.truth)
    else:
        assert solution.outcome.termination in FLAGGED


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_cost_that_is_no_number(place: int, number: float):
    """HiGHS answers "optimal" to a cost of NaN (RELIABILITY): it never gets one."""
    program = program_of("max 3 x + 5 y; r: x + y <= 4")
    cost = program.objective.copy()
    cost[place] = number
    with pytest.raises(ProblemError, match=rf"objective\[{place}\] is {number}"):
        replace(program, objective=cost)


def test_a_gap_that_was_called_optimal():
    """ERGO-Code/HiGHS#1864: 1126020 within the solver's own gap of 1e-4 of 1126000 is called optimal."""
    program = program_of("min 1126000 a + 1126020 b; r: a + b = 1; a binary; b binary")
    claim = RawAnswer("kOptimal", Termination.OPTIMAL, np.array([0.0, 1.0]), None, 1126020.0, 1126000.0)
    solution = audit(program, claim, find("highs"), USUAL)
    assert solution.outcome.termination is Termination.BACKEND_FAILED
    assert "1126000" in solution.outcome.message
