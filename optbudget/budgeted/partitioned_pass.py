"""Backward passes over states that are split over a team, with an exchange before every stage.

Each part holds the table of its own states at stage k + 1; the others send the rows of its halo, and it makes
the table of its own states at stage k by the kernels of `optbudget.budgeted.backward_pass`. A row's sum
has the same terms in the same order as on one machine, a state's choice looks at its own pairs only, and the
largest spends and values, from which rounding is bounded, are the largest of the parts': the lines are
those of `Sweep`, at finite prices and at the two ends, to the bit.

A stage moves 24 bytes per halo state and price, and 64 at the ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _end_kernels as end_kernels
from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.backward_pass import Sweep, bounds_of_rounding, lines_of_table
from optbudget.budgeted.batch import CHUNKS, aligned
from optbudget.budgeted.lines import PriceLines
from optbudget.budgeted.partition import Part
from optbudget.workers import Monitor
from optbudget.workers.team import Each, Team

Floats = NDArray[np.float64]
Table = NDArray[np.floating]

ENDS = np.array([np.inf, 0.0])


@dataclass(frozen=True, eq=False)
class Tables:
    """A part's states at one stage.

    Attributes
    ----------
    table : (n_own, 3, lanes) spend, value, variance; at the ends 4, with the size of what was added up
    chosen : (n_own, lanes) pairs, numbered as in the part
    peak : (T+1, 2, lanes) largest |spend| and |value| of the stages done, 0 elsewhere; at the ends 3, with
        what deciding ties gave up
    turn : (2,) at the ends, the prices beyond which nothing changes
    """

    table: Table
    chosen: NDArray[np.int32]
    peak: Floats
    turn: Floats


@dataclass(frozen=True, eq=False)
class Block:
    """The lines of a few prices: what all parts share, and where each part's own are.

    Attributes
    ----------
    price, spend_error, value_error : (K,) as in `PriceLines`
    lines : each part's `PriceLines`
    """

    price: Floats
    spend_error: Floats
    value_error: Floats
    lines: Each


class Stage(Protocol):
    """What every part is told of a stage."""

    @property
    def number(self) -> int:
        """0 is now."""
        ...

    def back(self, part: Part, future: Table, product: Table, present: Table, made: Tables) -> None:
        """Fill `present` and the rest of `made` from the table of the next stage, halo included."""
        ...


@dataclass(frozen=True, eq=False)
class FiniteStage:
    """Finite prices: the factors of value and spend, (2, lanes)."""

    number: int
    weights: Floats

    def back(self, part: Part, future: Table, product: Table, present: Table, made: Tables) -> None:
        width, touched = (0,) * self.weights.shape[1], np.empty(CHUNKS)
        kernels.sweep_rows(CHUNKS, part.rows, future, product, touched, width)
        kernels.sweep_states(
            CHUNKS, part.pairs, part.rates, self.weights, product, present, made.chosen,
            made.peak[self.number], touched, width,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class EndStage:
    """The two ends: how far apart equal spends may be, and a price then over the price now."""

    number: int
    slack: float
    scale: float

    def back(self, part: Part, future: Table, product: Table, present: Table, made: Tables) -> None:
        end_kernels.sweep_rows_at_ends(CHUNKS, part.rows, future, product, np.empty(CHUNKS))
        end_kernels.sweep_ends(
            CHUNKS, part.pairs, part.rates, self.slack, product, present, made.chosen,
            made.peak[self.number], made.turn, self.scale,
        )  # fmt: skip


class PartitionedPasses:
    """A problem with a finite horizon whose parts lie with a team.

    Parameters
    ----------
    sweep : of the whole problem, for its scalars
    team, parts : who holds the parts of `optbudget.budgeted.partition`
    monitor : limits and cancellation; the memory limit is that of each who holds a part
    """

    def __init__(self, sweep: Sweep, team: Team, parts: Each, monitor: Monitor) -> None:
        self.sweep, self.team, self.parts, self.monitor = sweep, team, parts, monitor
        self._sizes = np.array(team.fetch(team.each(_sizes, parts)), dtype=np.float64)

    def ends(self) -> tuple[Block, tuple[float, float]]:
        """The lines at prices inf and 0, and the prices below and above which nothing changes."""
        sweep = self.sweep
        slack = sweep.slack()
        stages = [EndStage(k, slack[k], sweep.scale[k]) for k in reversed(range(sweep.horizon))]
        self._require_memory(8 * 4, 2, 2)
        tables, peak, turn = self._through(partial(_start, 4, 2), stages)
        lost = np.zeros((sweep.horizon, 2, 2))
        lost[:, 0, end_kernels.LEAST] = peak[:-1, 2, end_kernels.LEAST]
        lost[:, 1, end_kernels.MOST] = peak[:-1, 2, end_kernels.MOST]
        errors = sweep.rounding_bounds(peak[:, :2], lost)
        limits = (float(turn[:, end_kernels.MOST].min()), float(turn[:, end_kernels.LEAST].max()))
        return self._block(ENDS, tables, *errors), limits

    def lines(self, prices: Floats, known: int) -> Block | None:
        """Lines at finite positive prices, decreasing, at most `WIDE`; None if the monitor stopped the work.

        `known` prices are held already.
        """
        width = kernels.NARROW if prices.size <= len(kernels.NARROW) else kernels.WIDE
        self._require_memory(3 * 8, len(width), known + prices.size)
        padded = np.concatenate((prices, np.repeat(prices[-1], len(width) - prices.size)))
        at_stage = self.sweep.scale[:, None] * padded
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            value = np.where(at_stage > 1, 1 / at_stage, 1.0)
        weights = np.stack([value, np.minimum(at_stage, 1.0)], axis=1)
        stages = [FiniteStage(k, weights[k]) for k in reversed(range(self.sweep.horizon))]
        if self.monitor.stop_reason() is not None:
            return None
        tables, peak, _ = self._through(partial(_start, 3, len(width)), stages)
        errors = bounds_of_rounding(self.sweep.rates, peak[..., : prices.size])
        return self._block(prices, tables, *errors)

    def _through(self, start: partial[Tables], stages: Sequence[Stage]) -> tuple[Each, Floats, Floats]:
        """Each part's tables of stage 0, the peaks of all, and each part's turns, (parts, 2)."""
        team, parts = self.team, self.parts
        tables = team.each(start, parts)
        for stage in stages:
            packets = team.exchange(_cut, parts, tables)
            tables = team.each(partial(_step, stage), parts, tables, packets)
        found = team.fetch(team.each(_peaks, tables))
        return tables, np.max([peak for peak, _ in found], axis=0), np.array([turn for _, turn in found])

    def _block(self, prices: Floats, tables: Each, spend_error: Floats, value_error: Floats) -> Block:
        now = spend_error[0], value_error[0]
        return Block(prices, *now, self.team.each(partial(_lines, prices, *now), self.parts, tables))

    def _require_memory(self, entry: int, lanes: int, prices: int) -> None:
        own, halo, rows = self._sizes.T
        tables = lanes * (entry * (3 * own + 2 * halo + rows) + 8 * own)
        self.monitor.require_memory(
            float((tables + LINE_BYTES * prices * own).max()), f"a part with {prices:,} prices"
        )


LINE_BYTES = 36
"""Of a state and a price: spend, value, variance and intercept, and an action."""


def _sizes(part: Part) -> tuple[int, int, int]:
    return part.n_states, int(part.halo_ptr[-1]), part.row_ptr.size - 1


def _start(fields: int, lanes: int, part: Part) -> Tables:
    """After the last decision: no spend, and the terminal utility."""
    table = aligned((part.n_states, fields, lanes), np.float64)
    table[:] = 0.0
    table[:, kernels.VALUE] = part.terminal[:, None]
    if fields > kernels.SIZE:
        table[:, kernels.SIZE] = np.abs(part.terminal)[:, None]
    peak = np.zeros((part.horizon + 1, fields - 1, lanes))
    peak[-1, 1] = np.abs(part.terminal).max(initial=0.0)
    return Tables(table, np.empty((0, lanes), dtype=np.int32), peak, np.array([0.0, np.inf]))


def _cut(part: Part, tables: Tables, other: int) -> Table:
    """What another part needs of these states."""
    return tables.table[part.give[part.give_ptr[other] : part.give_ptr[other + 1]]]


def _step(stage: Stage, part: Part, later: Tables, packets: Sequence[Table]) -> Tables:
    """A part's tables at a stage, from those of the next and what all sent."""
    own, fields, lanes = later.table.shape
    dtype = later.table.dtype
    future = aligned((own + int(part.halo_ptr[-1]), fields, lanes), dtype)
    future[:own] = later.table
    for q, packet in enumerate(packets):
        future[own + part.halo_ptr[q] : own + part.halo_ptr[q + 1]] = packet
    product = aligned((part.row_ptr.size - 1, fields, lanes), dtype)
    present = aligned((own, fields, lanes), dtype)
    made = Tables(present, np.empty((own, lanes), dtype=np.int32), later.peak.copy(), later.turn.copy())
    stage.back(part, future, product, present, made)
    return made


def _peaks(tables: Tables) -> tuple[Floats, Floats]:
    return tables.peak, tables.turn


def _lines(price: Floats, spend_error: Floats, value_error: Floats, part: Part, tables: Tables) -> PriceLines:
    """A part's lines of what stage 0 holds, padding dropped."""
    chosen = tables.chosen[:, : price.size]
    action = np.full(chosen.shape, -1, dtype=np.int32)
    taken = chosen >= 0
    action[taken] = part.pair_action[chosen[taken]]
    table = tables.table[:, :3, : price.size].transpose(1, 0, 2)
    return lines_of_table(price, table, action, spend_error, value_error)
