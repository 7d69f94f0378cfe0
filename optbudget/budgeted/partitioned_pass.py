"""Backward passes over states that are split over workers, with an exchange before every stage.

For eight prices abreast each part holds the table of its own states at stage k + 1; the others send the rows
of its halo, and it makes the table of its own states at stage k by the kernels of
`optbudget.budgeted.backward_pass`. A row's sum has the same terms in the same order as on one machine, a
state's choice looks at its own pairs only, and the largest spends and values, from which rounding is
bounded, are the largest of the parts': the lines are those of `Sweep.lines` to the bit.

A stage moves 192 bytes per halo state (three doubles for eight prices).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.backward_pass import bounds_of_rounding, lines_of_table, price_scale
from optbudget.budgeted.batch import CHUNKS, aligned
from optbudget.budgeted.lines import STATE_AXIS_FIRST, PriceLines
from optbudget.budgeted.partition import Part, read_part
from optbudget.workers.cluster import DaskCrew
from optbudget.workers.rounds import Rounds, run_rounds

Floats = NDArray[np.float64]

WIDTH = kernels.NARROW


@dataclass(frozen=True, eq=False)
class Tables:
    """A part's states at one stage.

    Attributes
    ----------
    table : (n_own, 3, lanes) spend, value, variance
    chosen : (n_own, lanes) pairs, numbered as in the part
    peak : (T+1, 2, lanes) largest |spend| and |value| of the stages done, 0 elsewhere
    """

    table: NDArray[np.floating]
    chosen: NDArray[np.int32]
    peak: Floats


@dataclass(frozen=True, eq=False)
class Stage:
    """What every part is told of a stage: its number, and the factors of value and spend, (2, lanes)."""

    number: int
    weights: Floats


def partitioned_lines(
    sources: Sequence[Part] | Sequence[str], prices: Floats, crew: DaskCrew | None = None
) -> PriceLines:
    """Lines of every state at finite positive prices, strictly decreasing, as `Sweep.lines` gives them.

    Parameters
    ----------
    sources : all parts of `partition`, or the paths that `write_parts` returned
    prices : (K,)
    crew : a cluster; None works in this process, part after part

    Raises
    ------
    LimitError, WorkersError
        If a worker cannot read its part, or the cluster cannot finish.
    """
    rounds = Rounds(_opened, _start, _cut, _step, _finish)
    blocks = []
    for begin in range(0, prices.size, len(WIDTH)):
        some = prices[begin : begin + len(WIDTH)]
        first = _opened(sources[0])
        found = run_rounds(rounds, list(sources), _stages(first, some), crew)
        blocks.append(_lines(first, some, found))
    return PriceLines.gather(blocks)


def _stages(part: Part, prices: Floats) -> list[Stage]:
    """The stages, the last decision first, with the weights of all lanes; the last price pads."""
    padded = np.concatenate((prices, np.repeat(prices[-1], len(WIDTH) - prices.size)))
    at_stage = price_scale(part.rates.discount, part.rates.cost_discount, part.horizon)[:, None] * padded
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        value = np.where(at_stage > 1, 1 / at_stage, 1.0)
    weights = np.stack([value, np.minimum(at_stage, 1.0)], axis=1)
    return [Stage(k, weights[k]) for k in reversed(range(part.horizon))]


def _opened(source: "Part | str") -> Part:
    return source if isinstance(source, Part) else read_part(source)


def _start(part: Part) -> Tables:
    """After the last decision: no spend, and the terminal utility."""
    lanes = len(WIDTH)
    table = aligned((part.n_states, 3, lanes), np.float64)
    table[:] = 0.0
    table[:, kernels.VALUE] = part.terminal[:, None]
    peak = np.zeros((part.horizon + 1, 2, lanes))
    peak[-1, 1] = np.abs(part.terminal).max(initial=0.0)
    return Tables(table, np.full((part.n_states, lanes), -1, dtype=np.int32), peak)


def _cut(part: Part, tables: Tables, other: int) -> NDArray[np.floating]:
    """What another part needs of these states."""
    give = part.give[part.give_ptr[other] : part.give_ptr[other + 1]]
    return tables.table[give]


def _step(part: Part, stage: Stage, later: Tables, packets: Sequence[NDArray[np.floating] | None]) -> Tables:
    """A part's tables at a stage, from those of the next and what the others sent."""
    lanes, own = len(WIDTH), part.n_states
    future = aligned((own + int(part.halo_ptr[-1]), 3, lanes), np.float64)
    future[:own] = later.table
    for q, packet in enumerate(packets):
        if packet is not None:
            future[own + part.halo_ptr[q] : own + part.halo_ptr[q + 1]] = packet
    product = aligned((part.row_ptr.size - 1, 3, lanes), np.float64)
    present = aligned((own, 3, lanes), np.float64)
    chosen = np.empty((own, lanes), dtype=np.int32)
    peak, touched = later.peak.copy(), np.empty(CHUNKS)
    kernels.sweep_rows(CHUNKS, part.rows, future, product, touched, WIDTH)
    kernels.sweep_states(
        CHUNKS, part.pairs, part.rates, stage.weights, product, present, chosen, peak[stage.number],
        touched, WIDTH,
    )  # fmt: skip
    return Tables(present, chosen, peak)


def _finish(part: Part, tables: Tables) -> tuple[NDArray[np.floating], NDArray[np.int32], Floats]:
    """Tables (3, n_own, lanes), actions (n_own, lanes) and peaks of stage 0."""
    action = np.full(tables.chosen.shape, -1, dtype=np.int32)
    taken = tables.chosen >= 0
    action[taken] = part.pair_action[tables.chosen[taken]]
    return np.ascontiguousarray(tables.table.transpose(1, 0, 2)), action, tables.peak


def _lines(part: Part, prices: Floats, found: Sequence[Any]) -> PriceLines:
    """The lines of all states from what the parts found."""
    size = prices.size
    peak = np.max([one[2] for one in found], axis=0)[..., :size]
    spend_error, value_error = bounds_of_rounding(part.rates, peak)
    make = partial(lines_of_table, prices, spend_error=spend_error[0], value_error=value_error[0])
    each = [make(table[..., :size], action[:, :size]) for table, action, _ in found]
    joined = {name: np.concatenate([getattr(one, name) for one in each]) for name in STATE_AXIS_FIRST}
    return PriceLines(price=prices, spend_error=spend_error[0], value_error=value_error[0], **joined)
