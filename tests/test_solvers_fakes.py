"""R9: ten back ends that crash, hang or lie, on ten programs each: caught, each with its own words."""

import fake_backends
import numpy as np
import pytest

from optbudget.errors import NoAnswerError
from optbudget.problems import LinearProgram
from optbudget.solvers import BackEnds, Options
from optbudget.status import Solution, Termination

FAILED = Termination.BACKEND_FAILED
OPTIONS = Options(time_limit=20.0, memory_limit=2**28)
SHORT = Options(time_limit=0.05)
TEN = {
    "segfault": (FAILED, "crashed: the process ended with SIGSEGV"),
    "abort": (FAILED, "crashed: the process ended with SIGABRT"),
    "endless_loop": (Termination.TIME_LIMIT, "did not return within"),
    "nan_objective": (FAILED, "claims the objective nan"),
    "infeasible_point": (FAILED, "its point is infeasible: "),
    "wrong_bound": (FAILED, "and its own point is worth"),
    "wrong_length": (FAILED, "returned a point of shape"),
    "fractional": (FAILED, "must be whole"),
    "claims_infeasible": (FAILED, "but a point breaks no row or bound"),
    "huge_memory": (Termination.MEMORY_LIMIT, "MiB"),
}
MORE = {
    "killed_by_signal": (FAILED, "SIGSEGV"),
    "wrong_value": (FAILED, "claims the objective"),
    "nan_point": (FAILED, "nan at position 0"),
    "text_point": (FAILED, "not made of numbers"),
    "no_point": (FAILED, "returns no point"),
    "not_an_answer": (FAILED, "answered with 'dict'"),
    "claims_unbounded": (FAILED, "no ray that gains"),
    "raises": (FAILED, "raised ZeroDivisionError: in the solver"),
    "leaves": (FAILED, "exit code 3"),
    "unreadable": (FAILED, "returned garbage: its answer cannot be read"),
    "unsendable": (FAILED, "returned garbage: its answer cannot be sent"),
}


def _case(sense, n, rows, seed):
    """Whole columns from 0, positive weights below a limit that keeps 0 inside: feasible and bounded."""
    draw = np.random.default_rng(seed)
    weight = draw.integers(1, 5, size=(rows, n)).astype(float)
    return LinearProgram(
        sense,
        draw.integers(1, 9, size=n).astype(float),
        n * np.arange(rows + 1),
        np.tile(np.arange(n), rows),
        weight.ravel(),
        np.full(rows, -np.inf),
        weight.sum(axis=1) + 3.0,
        np.zeros(n),
        draw.integers(1, 4, size=n).astype(float),
        np.ones(n, dtype=bool),
        offset=float(seed),
    )


CASES = [_case("max" if k % 2 else "min", 1 + k, 1 + k % 4, k) for k in range(10)]


@pytest.fixture(scope="module")
def processes():
    with BackEnds() as kept:
        yield kept


@pytest.mark.parametrize("name", TEN)
def test_ten_fakes_on_ten_programs(processes, name):
    termination, words = TEN[name]
    options = SHORT if termination is Termination.TIME_LIMIT else OPTIONS
    for program in CASES:
        _check(processes.solve(program, fake_backends.backend(name), options=options), termination, words)


@pytest.mark.parametrize("name", MORE)
def test_more_fakes(processes, name):
    termination, words = MORE[name]
    solution = processes.solve(CASES[5], fake_backends.backend(name), options=OPTIONS)
    _check(solution, termination, words)


def _check(solution, termination, words):
    assert solution.outcome.termination is termination, solution.outcome
    assert solution.outcome.solution is Solution.NONE
    assert words in solution.outcome.message
    assert solution.backend in solution.outcome.message
    assert np.isnan(solution.bound)
    with pytest.raises(NoAnswerError):
        print(solution.value)


def test_every_fake_has_its_own_words():
    words = [text for _, text in TEN.values()]
    assert len(set(words)) == len(words)


def test_a_claimed_optimum_without_proof_is_only_feasible(processes):
    program = CASES[5]
    solution = processes.solve(program, fake_backends.backend("weak_prices"), options=OPTIONS)
    assert solution.outcome.termination is Termination.NUMERICAL
    assert solution.outcome.solution is Solution.CERTIFIED
    best = program.value(np.where(program.objective > 0, program.upper, 0.0))
    assert solution.bound >= best > solution.value
    assert "gap" in solution.outcome.message
