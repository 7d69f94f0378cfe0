"""What a back end must do besides answering: keep limits, forget the last program, repeat itself.

Numbers that are not finite never reach it: `LinearProgram` refuses them, which the kit shows for each
array, because there are solvers that answer "optimal" to a cost of NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optbudget.errors import ProblemError
from optbudget.problems.linear_program import LinearProgram
from optbudget.solvers import BackEnd, BackEnds, Options
from optbudget.solvers.answer import RawAnswer
from optbudget.status import Termination
from optbudget.testing.statement import program_of
from optbudget.workers.spawned import Ended, Reply

_WYNDOR = "max 3 x + 5 y; a: x <= 4; b: 2 y <= 12; c: 3 x + 2 y <= 18"
_TRAP = "max 60 a + 100 b + 120 c; w: 10 a + 20 b + 30 c <= 50; a binary; b binary; c binary"
_USUAL = Options(time_limit=20.0)
LATE = 1.5
"""Seconds by which a time limit may be exceeded."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour: `check` returns what is wrong, or "". `lp`, `mip`: what it needs to be able to solve."""

    name: str
    why: str
    check: Callable[[BackEnd, BackEnds], str]
    lp: bool = False
    mip: bool = False


def market_split(rows: int, columns: int, seed: int = 1) -> LinearProgram:
    """Split markets in two as evenly as possible (Cornuejols & Dawande 1998): small and hard.

    Binary columns, then two whole slacks per row whose sum is minimised.

    Examples
    --------
    >>> market_split(4, 30)
    LinearProgram(min, 38 columns (38 integer), 4 rows, 128 entries)
    """
    # A fixed sequence that is the same under every version of numpy.
    state, weights = seed, np.zeros((rows, columns))
    for k in range(rows * columns):
        state = (1103515245 * state + 12345) % 2**31
        weights.flat[k] = (state >> 16) % 100
    slack = np.kron(np.eye(rows), [1.0, -1.0])
    matrix = np.hstack([weights, slack])
    row, column = np.nonzero(np.hstack([np.ones_like(weights), slack]))
    half = np.floor(weights.sum(axis=1) / 2)
    total = columns + 2 * rows
    binary = np.arange(total) < columns
    return LinearProgram(
        "min", np.where(binary, 0.0, 1.0), np.append(0, np.cumsum(np.bincount(row, minlength=rows))),
        column, matrix[row, column], half, half, np.zeros(total), np.where(binary, 1.0, 1e5),
        np.ones(total, dtype=np.bool_), name="market_split",
    )  # fmt: skip


def _answer(reply: Reply) -> RawAnswer | None:
    return reply.result if isinstance(reply.result, RawAnswer) else None


def _optimum(row: BackEnd, processes: BackEnds, text: str, right: float, options: Options = _USUAL) -> str:
    """What is wrong with the optimum of a program, in value."""
    reply = processes.call(row, program_of(text), options)
    raw = _answer(reply)
    if raw is None:
        return f"{reply.ended.value}: {reply.message}"
    if raw.termination is not Termination.OPTIMAL:
        return f"{raw.termination.name} ({raw.claimed}) {raw.message}".strip()
    if not abs(float(raw.value) - right) <= row.value_error * (1.0 + abs(right)):
        return f"objective {float(raw.value):.9g}, not {right:.9g}"
    return ""


def _plain(row: BackEnd) -> tuple[str, float]:
    """A program that the back end can solve, and its optimum."""
    return (_WYNDOR, 36.0) if row.lp else (_TRAP, 220.0)


def _time_limit(row: BackEnd, processes: BackEnds) -> str:
    limit = 1.0
    reply = processes.call(row, market_split(5, 40), Options(time_limit=limit, relative_gap=0.0))
    raw = _answer(reply)
    if reply.ended is Ended.TIME_LIMIT or reply.seconds > limit + LATE:
        return f"did not stop itself within {limit + LATE:g} s of a limit of {limit:g} s"
    if raw is None:
        return f"{reply.ended.value}: {reply.message}"
    if raw.termination in (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED):
        return f"claims {raw.termination.name} of a program with an optimum"
    return ""


def _twice(row: BackEnd, processes: BackEnds) -> str:
    text, _ = _plain(row)
    first, second = (_answer(processes.call(row, program_of(text), _USUAL)) for _ in range(2))
    if first is None or second is None or first.x is None or second.x is None:
        return "no point"
    same = np.array_equal(first.x, second.x) and first.value == second.value
    return "" if same else f"{first.x}, then {second.x}"


def _after(before: str) -> Callable[[BackEnd, BackEnds], str]:
    def check(row: BackEnd, processes: BackEnds) -> str:
        extra = "" if row.lp else "; x whole"
        processes.call(row, program_of(before + extra), _USUAL)
        return _optimum(row, processes, *_plain(row))

    return check


def _with(**changes: object) -> Callable[[BackEnd, BackEnds], str]:
    options = replace(_USUAL, **changes)  # type: ignore[arg-type]

    def check(row: BackEnd, processes: BackEnds) -> str:
        return _optimum(row, processes, *_plain(row), options)

    return check


def _feasibility(row: BackEnd, processes: BackEnds) -> str:
    asked = 1e-8
    text, _ = _plain(row)
    program = program_of(text)
    raw = _answer(processes.call(row, program, replace(_USUAL, feasibility=asked)))
    if raw is None or raw.x is None:
        return "no point"
    broken = program.violation(raw.x)
    return "" if broken <= asked else f"a point that breaks a row by {broken:.3g}, where {asked:g} was asked"


def _wide_gap(row: BackEnd, processes: BackEnds) -> str:
    program = program_of(_TRAP)
    raw = _answer(processes.call(row, program, replace(_USUAL, relative_gap=0.5)))
    if raw is None or raw.x is None:
        return "no point"
    value = program.value(raw.x)
    if program.violation(raw.x) > row.infeasibility or value > 220 * (1 + row.value_error):
        return f"an impossible value of {value:.9g}"
    return "" if value >= 110 else f"{value:.9g}, further from 220 than the gap of 0.5 allows"


def _refused(**changes: object) -> Callable[[BackEnd, BackEnds], str]:
    def check(row: BackEnd, processes: BackEnds) -> str:
        program = program_of(_WYNDOR)
        try:
            spoiled = replace(program, **changes)  # type: ignore[arg-type]
        except ProblemError:
            return ""
        processes.call(row, spoiled, _USUAL)
        return "it reached the back end"

    return check


BEHAVIOURS: tuple[Behaviour, ...] = (
    Behaviour("time_limit_is_kept", "a small program that takes hours", _time_limit, mip=True),
    Behaviour("same_answer_twice", "the same program and seed give the same bytes", _twice),
    Behaviour("fresh_after_an_infeasible_program", "nothing of the last program is left",
              _after("max x; a: x >= 2; b: x <= 1")),
    Behaviour("fresh_after_an_unbounded_program", "nor of a ray", _after("max x; r: x - y <= 1")),
    Behaviour("two_threads", "the number of threads is no error", _with(threads=2)),
    Behaviour("another_seed", "the seed does not change the value", _with(seed=12345)),
    Behaviour("a_gap_of_zero", "a relative gap of 0 is no error", _with(relative_gap=0.0)),
    Behaviour("no_time_limit", "None means none", _with(time_limit=None)),
    Behaviour("tight_feasibility", "rows hold as closely as was asked", _feasibility),
    Behaviour("wide_gap", "a gap of one half may stop early, within one half", _wide_gap, mip=True),
    Behaviour("nan_cost_is_refused", "HiGHS calls it optimal", _refused(objective=[np.nan, 1.0])),
    Behaviour("infinite_cost_is_refused", "infinity is no cost", _refused(objective=[np.inf, 1.0])),
    Behaviour("nan_coefficient_is_refused", "before the back end sees it",
              _refused(coefficient=[1.0, 2.0, np.nan, 2.0])),
    Behaviour("nan_row_limit_is_refused", "NaN is not `no limit`", _refused(row_upper=[4.0, np.nan, 18.0])),
    Behaviour("nan_bound_is_refused", "NaN is not `no bound`", _refused(lower=[np.nan, 0.0])),
    Behaviour("lower_bound_of_infinity_is_refused", "no number is at least infinity",
              _refused(lower=[np.inf, 0.0])),
    Behaviour("nan_offset_is_refused", "it would make every value NaN", _refused(offset=np.nan)),
)  # fmt: skip
