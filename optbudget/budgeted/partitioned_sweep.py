"""The price sweep over states that are split over a team: the answer of `price_sweep`, to the bit.

Lines stay with the parts that they belong to. Which prices are asked for next depends on the worst chord of
any state between two prices and on the least and greatest slope of those that are not good enough: each
part says what these are among its own states, and the largest and least of all parts are those of the whole.
In the end every part makes the curves of its own states and their gaps.

Of n states, K prices and N parts a part holds 36 n K / N bytes of lines, and this process none. The curves,
up to 28 bytes a state and price, are brought here part by part, into files that are mapped into memory.
"""

import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from optbudget.budgeted import _bracket_kernels as kernels
from optbudget.budgeted._sweep_kernels import WIDE
from optbudget.budgeted.backward_pass import Sweep
from optbudget.budgeted.bracket import OUTWARD, lift_of
from optbudget.budgeted.certified import Proved, answer_of, proved, tightened, without_proof
from optbudget.budgeted.intervals import Intervals
from optbudget.budgeted.lines import STATES_AT_ONCE, PriceLines, falling
from optbudget.budgeted.partition import partition, read_part
from optbudget.budgeted.partitioned_pass import Block, PartitionedPasses
from optbudget.budgeted.refine import BATCH, until_good
from optbudget.budgeted.threads import at_most, worth
from optbudget.errors import ProblemError
from optbudget.problems import BudgetedMDP, CurveSet
from optbudget.status import Termination
from optbudget.workers import Monitor
from optbudget.workers.team import Each, Team

Floats = NDArray[np.float64]


def partitioned_sweep(
    problem: BudgetedMDP,
    parts: int,
    team: Team,
    *,
    tolerance: float = 1e-4,
    monitor: Monitor | None = None,
    batch: int = BATCH,
    places: Iterable[str] | None = None,
    folder: Path | None = None,
) -> CurveSet:
    """Curves of every state, certified to a relative gap at every budget, from states in several parts.

    Parameters
    ----------
    problem : with a finite horizon
    parts : how many; no number depends on it
    team : who holds them
    tolerance, batch : as in `price_sweep`
    monitor : progress, limits and cancellation; its memory limit is that of each who holds a part
    places : where `write_parts` has put the parts; None sends them
    folder : where the curves are put, in files without a name, and mapped; None holds them in memory

    Returns
    -------
    CurveSet
        That of `price_sweep`, but for `intercept`, which is None: nobody holds all lines.

    Raises
    ------
    UsageError, LimitError, WorkersError
        If there are fewer states than parts; if not even the ends fit; if the team is lost.

    Examples
    --------
    >>> from optbudget.problems.examples import two_action_example
    >>> from optbudget.workers.team import TeamHere
    >>> partitioned_sweep(two_action_example(horizon=50), 1, TeamHere(), tolerance=1e-3)
    CurveSet(1 state, 1 segments, sweep, gap ..., OPTIMAL)
    """
    began = time.perf_counter()
    monitor = monitor or Monitor()
    if problem.horizon is None:
        raise ProblemError("states are split for a finite horizon only")
    with at_most(worth(problem)):
        dealt = team.deal(partition(problem, parts) if places is None else places)
        if places is not None:
            dealt = team.each(read_part, dealt)
        passes = PartitionedPasses(Sweep(problem), team, dealt, monitor)
        held, stopped = _refined(passes, tolerance, batch)
        found = time.perf_counter()
        answer = answer_of(
            problem, _brought(team, held.proved(), folder), held.price, held.rounding,
            method="sweep", tolerance=tolerance, stopped=stopped,
        )  # fmt: skip
    if stopped in (None, Termination.NUMERICAL):
        answer = tightened(answer)
    return without_proof(answer).with_seconds(sweep=found - began, certificate=time.perf_counter() - found)


def _refined(
    passes: PartitionedPasses, tolerance: float, batch: int
) -> "tuple[_HeldInParts, Termination | None]":
    """Lines at enough prices, and why there are no more."""
    ends, limits = passes.ends()
    held = _HeldInParts(passes, ends)
    return held, until_good(held, tolerance, limits=limits, batch=batch, monitor=passes.monitor)


class _HeldInParts:
    """Lines that lie with the parts, in blocks of a few prices."""

    def __init__(self, passes: PartitionedPasses, ends: Block) -> None:
        self.passes, self.blocks = passes, [ends]

    @property
    def price(self) -> Floats:
        price = self._vector("price")
        return price[falling(price)]

    @property
    def rounding(self) -> float:
        """Largest rounding bound of a point's value and of its spend at its price."""
        return float(self._lift().max()) / OUTWARD

    def intervals(self, tolerance: float) -> Intervals:
        """The worst of all parts."""
        order = falling(self._vector("price"))
        asked = partial(
            _intervals, self.price, order, self._lift(), tolerance, self.passes.sweep.problem.budget_cap
        )
        found = self.passes.team.fetch(self._each(asked))
        gap = np.max([one[0] for one in found], axis=0)
        low, high = np.min([one[1] for one in found], axis=0), np.max([one[2] for one in found], axis=0)
        return Intervals(float(gap.max(initial=0.0)), gap, low, high)

    def ask(self, prices: Floats) -> bool:
        fresh = prices[~np.isin(prices, self._vector("price"))]
        more: list[Block] = []
        for begin in range(0, fresh.size, len(WIDE)):
            some, known = fresh[begin : begin + len(WIDE)], self._vector("price").size + begin
            block = self.passes.lines(some, known)
            if block is None:
                return False
            more.append(block)
        self.blocks += more
        return True

    def proved(self) -> Each:
        """The curves of each part's states, where they are."""
        return self._each(partial(_proved, self.passes.sweep.problem.budget_cap))

    def _each(self, function: Callable[..., object]) -> Each:
        return self.passes.team.each(function, *(block.lines for block in self.blocks))

    def _vector(self, name: str) -> Floats:
        return np.concatenate([getattr(block, name) for block in self.blocks])

    def _lift(self) -> Floats:
        return lift_of(*(self._vector(name) for name in ("price", "spend_error", "value_error")))


def _intervals(
    price: Floats,
    order: NDArray[np.intp],
    lift: Floats,
    tolerance: float,
    cap: float | None,
    *held: PriceLines,
) -> tuple[Floats, Floats, Floats]:
    """The worst gap of a part's states between neighbouring prices, and where to look next."""
    limit = np.inf if cap is None else cap
    gap, low, high = np.zeros(price.size - 1), np.full(price.size - 1, np.inf), np.zeros(price.size - 1)
    shape = (kernels.CHUNKS, price.size - 1)
    for first in range(0, held[0].n_states, STATES_AT_ONCE):
        last = first + STATES_AT_ONCE
        spend, value, intercept = (
            np.concatenate([getattr(lines, name)[first:last] for lines in held], axis=1)
            for name in ("spend", "value", "intercept")
        )
        found = np.empty(shape), np.empty(shape), np.empty(shape)
        kernels.interval_gaps(price, order, spend, value, intercept, lift, tolerance, limit, *found)
        gap = np.maximum(gap, found[0].max(axis=0))
        low, high = np.minimum(low, found[1].min(axis=0)), np.maximum(high, found[2].max(axis=0))
    return gap, low, high


def _proved(cap: float | None, *held: PriceLines) -> Proved:
    """The curves of a part's states, and their gaps."""
    states, prices = held[0].n_states, sum(len(lines) for lines in held)
    parts = (
        proved(PriceLines.gather([lines.of_states(first, first + STATES_AT_ONCE) for lines in held]), cap)
        for first in range(0, states, STATES_AT_ONCE)
    )
    return Proved.gathered(parts, states, states * prices)


def _shape(found: Proved) -> tuple[int, int]:
    return len(found.curves), found.curves.length.size


def _brought(team: Team, each: Each, folder: Path | None) -> Proved:
    """The curves of all parts, brought one after another."""
    shapes = np.array(team.fetch(team.each(_shape, each)))
    states, segments = shapes.sum(axis=0).tolist()
    parts = (team.fetch_one(each, part) for part in range(len(shapes)))
    return Proved.gathered(parts, states, segments, partial(_room, folder))


def _room(folder: Path | None, size: int, dtype: DTypeLike) -> NDArray[Any]:
    """An array to be filled, in memory or in a file that goes with it."""
    if folder is None or size == 0:
        return np.empty(size, dtype=dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.asarray(np.memmap(file, dtype=dtype, mode="w+", shape=(size,)))
