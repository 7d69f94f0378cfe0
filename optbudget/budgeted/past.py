"""Stages of a backup that outlive the process: a backup that was stopped goes on from its last stage."""

import time
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted import _exact_kernels as kernels
from optbudget.budgeted.stage_curves import StageCurves
from optbudget.workers import Checkpoint

EVERY = 10.0
"""Seconds of work that may be lost."""


class Past:
    """The stages done so far, the last decision first; all of them, or the latest only.

    Used as a context: whatever ends the block, what is done is kept in the checkpoint if there is one.

    Attributes
    ----------
    stages : what `add` was given, copied where all are wanted; the latest alone is a view
    """

    def __init__(self, checkpoint: Checkpoint | None, *, every: bool) -> None:
        self.stages: list[StageCurves] = []
        self._checkpoint, self._every = checkpoint, every
        self._saved = 0
        self._when = time.monotonic()
        if checkpoint is not None:
            self.stages = _recalled(checkpoint, every)
            self._saved = len(self.stages)

    @property
    def latest(self) -> StageCurves | None:
        """The last stage done, or None."""
        return self.stages[-1] if self.stages else None

    def add(self, found: StageCurves) -> None:
        """One more stage."""
        if self._every:
            self.stages.append(found.copy())
        else:
            self.stages = [found]
        if time.monotonic() - self._when >= EVERY:
            self._save()

    def __enter__(self) -> "Past":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None or time.monotonic() - self._when >= EVERY:
            self._save()

    def _save(self) -> None:
        self._when = time.monotonic()
        if self._checkpoint is None or not self.stages:
            return
        if self._every:
            for number in range(self._saved, len(self.stages)):
                self._checkpoint.store(f"stage-{number:06d}", **_packed(self.stages[number]))
            self._saved = len(self.stages)
        else:
            self._checkpoint.store("stage", **_packed(self.stages[-1]))


def _recalled(checkpoint: Checkpoint, every: bool) -> list[StageCurves]:
    if not every:
        known = checkpoint.fetch("stage")
        return [] if known is None else [_unpacked(known)]
    stages: list[StageCurves] = []
    while (known := checkpoint.fetch(f"stage-{len(stages):06d}")) is not None:
        stages.append(_unpacked(known))
    return stages


def _packed(found: StageCurves) -> dict[str, NDArray[Any]]:
    parts = {f"heads:{name}": array for name, array in found.heads._asdict().items()}
    parts |= {f"segments:{name}": array[: found.size] for name, array in found.segments._asdict().items()}
    return parts | {"stage": np.array(found.stage)}


def _unpacked(arrays: dict[str, NDArray[Any]]) -> StageCurves:
    heads = kernels.Heads(*(arrays[f"heads:{name}"] for name in kernels.Heads._fields))
    segments = kernels.Segments(*(arrays[f"segments:{name}"] for name in kernels.Segments._fields))
    return StageCurves(int(arrays["stage"]), heads, segments, int(segments.length.size))
