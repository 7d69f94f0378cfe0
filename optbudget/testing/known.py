"""A program whose answer is known, with the proof of it where it has a short one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from optbudget.problems.linear_program import Floats, LinearProgram
from optbudget.solvers import Options
from optbudget.status import Termination
from optbudget.testing.statement import program_of


@dataclass(frozen=True, kw_only=True)
class KnownProgram:
    """A named program of the kit.

    Attributes
    ----------
    name, why : what it is called, and in one line why it is in the kit
    text : the program (`optbudget.testing.statement`), or a function that makes it
    ends : OPTIMAL, INFEASIBLE or UNBOUNDED: what is true of it. "Infeasible or unbounded" (ILL_POSED) is
        an accepted answer to the last two
    value : the best objective
    point : a best point; columns that are not named are 0
    price : change of the best objective per unit of a row's limit; rows that are not named have 0.
        Together with `point` it proves `value` (weak duality), which the tests of the kit check
    ray : row multipliers that prove that no feasible point exists (Farkas), where ends is INFEASIBLE
    direction : where ends is UNBOUNDED, a direction to improve in for ever, from `point`
    many_points, many_prices : others are as good, so a back end's are not compared with these
    options : what is asked of the back end, if not the kit's own
    guarded : beyond what back ends can represent. It goes through the rescaling and auditing front
        door, `solve_program`, and must come back right or flagged
    """

    name: str
    why: str
    text: str | Callable[[], LinearProgram]
    ends: Termination = Termination.OPTIMAL
    value: float = np.nan
    point: Mapping[str, float] = field(default_factory=dict)
    price: Mapping[str, float] = field(default_factory=dict)
    ray: Mapping[str, float] = field(default_factory=dict)
    direction: Mapping[str, float] = field(default_factory=dict)
    many_points: bool = False
    many_prices: bool = False
    options: Options | None = None
    guarded: bool = False

    def program(self) -> LinearProgram:
        """The program."""
        return program_of(self.text, name=self.name) if isinstance(self.text, str) else self.text()

    def on_columns(self, program: LinearProgram, numbers: Mapping[str, float]) -> Floats:
        """Numbers by column name as a vector, (n,)."""
        return _vector(numbers, program.column_names)

    def on_rows(self, program: LinearProgram, numbers: Mapping[str, float]) -> Floats:
        """Numbers by row name as a vector, (m,)."""
        return _vector(numbers, program.row_names)


def _vector(numbers: Mapping[str, float], names: tuple[str, ...]) -> Floats:
    unknown = set(numbers) - set(names)
    assert not unknown, f"{unknown} is not among {names}"
    return np.array([numbers.get(name, 0.0) for name in names], dtype=np.float64)


def known(name: str, why: str, text: str, value: float, **more: object) -> KnownProgram:
    """A program with an optimum."""
    return KnownProgram(name=name, why=why, text=text, value=value, **more)  # type: ignore[arg-type]


def infeasible(name: str, why: str, text: str, **more: object) -> KnownProgram:
    """A program without a feasible point."""
    ends = Termination.INFEASIBLE
    return KnownProgram(name=name, why=why, text=text, ends=ends, **more)  # type: ignore[arg-type]


def unbounded(name: str, why: str, text: str, **more: object) -> KnownProgram:
    """A program whose objective improves without end."""
    ends = Termination.UNBOUNDED
    return KnownProgram(name=name, why=why, text=text, ends=ends, **more)  # type: ignore[arg-type]
