"""Finite prices on their way through the stages, so many abreast."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from optbudget.budgeted import _sweep_kernels as kernels
from optbudget.budgeted.lines import PriceLines
from optbudget.workers import Monitor

if TYPE_CHECKING:
    from optbudget.budgeted.backward_pass import Sweep

Floats = NDArray[np.float64]

CACHE_LINE = 64
CHUNKS = 256
"""Pieces into which a stage is cut; fixed, so that nothing depends on the number of threads."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Finite prices on their way through the stages, in blocks of a few lanes; the last is padded.

    Attributes
    ----------
    sweep : whose problem it is
    price : (K,) as asked for
    at_stage : (T, blocks * lanes) what each price is at each stage
    weights : (T, 2, blocks, lanes) factors of value and spend in a comparison, the larger of them 1
    kept, kept_pair : (blocks, stages kept, n, 3, lanes) and (..., n, lanes); filled by a run
    peak : (blocks, T+1, 2, lanes) largest |spend| and |value| of each stage; filled by a run
    """

    sweep: "Sweep"
    price: Floats
    at_stage: Floats
    weights: Floats
    kept: NDArray[np.floating]
    kept_pair: NDArray[np.int32]
    peak: Floats
    width: tuple[int, ...]

    @property
    def count(self) -> int:
        return int(self.kept.shape[0])

    @classmethod
    def of(cls, sweep: "Sweep", price: Floats, monitor: Monitor | None, width: tuple[int, ...]) -> "Batch":
        n, slots, lanes = sweep.problem.n_states, len(sweep.stages), len(width)
        blocks = -(-price.size // lanes)
        if monitor is not None:
            tables = 2 * n + sweep.problem.row_ptr.size + 2 * n * slots * blocks
            monitor.require_memory(lanes * (3 * 8 + 4) * tables, f"a batch of {price.size} prices")
        padded = np.concatenate((price, np.repeat(price[-1], blocks * lanes - price.size)))
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            at_stage = sweep.scale[:, None] * padded
            value = np.where(at_stage > 1, 1 / at_stage, 1.0)
        weights = np.stack([value, np.minimum(at_stage, 1.0)], axis=1)
        return cls(
            sweep,
            price,
            at_stage,
            weights.reshape(sweep.horizon, 2, blocks, lanes),
            np.empty((blocks, slots, n, 3, lanes), dtype=np.float64),
            np.empty((blocks, slots, n, lanes), dtype=np.int32),
            np.zeros((blocks, sweep.horizon + 1, 2, lanes)),
            width,
        )

    @property
    def slot(self) -> NDArray[np.int64]:
        """Where each stage is kept, (T,); -1 where it is not."""
        slot = np.full(self.sweep.horizon, -1, dtype=np.int64)
        slot[self.sweep.stages] = np.arange(len(self.sweep.stages))
        return slot

    def by_blocks(self, *, crossings: bool) -> Floats:
        """Each thread takes whole blocks; returns the crossings below each price, if asked for."""
        sweep = self.sweep
        below = np.zeros((self.count, len(self.width)))
        kernels.sweep_blocks(
            sweep.pairs, sweep.rows, sweep.rates, self.weights, sweep.scale,
            sweep.slack() if crossings else np.empty(0), self.slot,
            self.kept, self.kept_pair, self.peak, below, self.width,
        )  # fmt: skip
        return below.reshape(-1)[: self.price.size]

    def by_stages(self, monitor: Monitor | None) -> bool:
        """Threads share each stage of each block; False if the monitor stopped the work."""
        sweep, slot = self.sweep, self.slot
        problem, chunks = sweep.problem, 1 if sweep.tiny else CHUNKS
        n, dtype, lanes = problem.n_states, self.kept.dtype, len(self.width)
        product = aligned((problem.row_ptr.size - 1, 3, lanes), dtype)
        chosen, nothing = np.empty((n, lanes), dtype=np.int32), np.empty((0, lanes), dtype=np.int32)
        present, future = aligned((n, 3, lanes), dtype), aligned((n, 3, lanes), dtype)
        touched = np.empty(chunks)
        for block in range(self.count):
            future[:] = 0.0
            future[:, kernels.VALUE] = problem.terminal_utility[:, None]
            self.peak[block, -1, 1] = np.abs(problem.terminal_utility).max()
            for stage in reversed(range(sweep.horizon)):
                if monitor is not None and monitor.stop_reason() is not None:
                    return False
                kernels.sweep_rows(chunks, sweep.rows, future, product, touched, self.width)
                kept = slot[stage] >= 0
                kernels.sweep_states(
                    chunks, sweep.pairs, sweep.rates, self.weights[stage, :, block],
                    product, present, chosen if kept else nothing, self.peak[block, stage],
                    touched, self.width,
                )  # fmt: skip
                if kept:
                    self.kept[block, slot[stage]] = present
                    self.kept_pair[block, slot[stage]] = chosen
                future, present = present, future
        return True

    def lines(self) -> dict[int, PriceLines]:
        """Per stage, what was kept as lines: blocks side by side, padding dropped."""
        size = self.price.size
        peak = np.moveaxis(self.peak, 0, 2).reshape(self.sweep.horizon + 1, 2, -1)[..., :size]
        spend_error, value_error = self.sweep.rounding_bounds(peak)
        found = {}
        for slot, stage in enumerate(self.sweep.stages):
            table = self.kept[:, slot].transpose(2, 1, 0, 3)
            table = table.reshape(3, table.shape[1], -1)[..., :size]
            pair = self.kept_pair[:, slot].transpose(1, 0, 2).reshape(table.shape[1], -1)[:, :size]
            price = self.at_stage[stage, :size]
            usable = np.flatnonzero((price > 0) & np.isfinite(price))
            found[stage] = self.sweep.as_lines(
                price[usable], table[..., usable] if usable.size < size else table,
                pair[:, usable] if usable.size < size else pair,
                spend_error[stage, usable], value_error[stage, usable],
            )  # fmt: skip
        return found


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[np.floating]:
    """An array that begins on a cache line, so that no piece of a table lies on more lines than it must."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE, dtype=np.uint8)
    begin = -raw.ctypes.data % CACHE_LINE
    return raw[begin : begin + size].view(dtype).reshape(shape)
