"""Answers that outlive the process: a computation stopped anywhere goes on where it was.

What is asked depends on earlier answers only, never on timing, so a computation that starts again asks
the same questions in the same order. Questions and answers are kept in bundles of a few seconds' work:
a bundle is named after the number of its first question, so the one that follows n answers is found under
n. Where a question kept agrees with the one asked, the answer is taken from there; from the first that does
not, everything is computed anew.

In a bundle every array is the concatenation of its parts along the last axis, the prices, so that a
thousand small answers cost no more than one large one.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from optbudget.budgeted.lines import PriceLines
from optbudget.problems.curve_set import StationaryWitness
from optbudget.workers import Checkpoint

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]
Answer = TypeVar("Answer")

EVERY = 2.0
"""Seconds of work that may be lost."""

ASKED, WIDTHS = "asked", "widths"


class Packing(Protocol[Answer]):
    """How an answer becomes arrays whose last axis is that of the prices, and back."""

    def pack(self, found: Answer) -> Arrays: ...

    def unpack(self, arrays: Arrays) -> Answer: ...


def remembered(
    oracle: Callable[[Floats], Answer | None],
    checkpoint: Checkpoint | None,
    name: str,
    packing: Packing[Answer],
) -> Callable[[Floats], Answer | None]:
    """An oracle that first looks into the checkpoint, and keeps there what it had to compute."""
    return oracle if checkpoint is None else _Remembered(oracle, checkpoint, name, packing)


class _Remembered(Generic[Answer]):
    """See `remembered`; one question after another."""

    def __init__(
        self,
        oracle: Callable[[Floats], Answer | None],
        checkpoint: Checkpoint,
        name: str,
        packing: Packing[Answer],
    ) -> None:
        self._oracle, self._checkpoint, self._name, self._packing = oracle, checkpoint, name, packing
        self._asked = 0
        self._known: list[Arrays] = []
        self._unsaved: list[Arrays] = []
        self._saved = time.monotonic()

    def __call__(self, prices: Floats) -> Answer | None:
        known = self._recalled(prices)
        if known is not None:
            self._asked += 1
            return self._packing.unpack(known)
        found = self._oracle(prices)
        if found is not None:
            self._unsaved.append({ASKED: prices, **self._packing.pack(found)})
            self._asked += 1
        if found is None or time.monotonic() - self._saved >= EVERY:
            self._save()
        return found

    def _recalled(self, prices: Floats) -> Arrays | None:
        if self._unsaved:
            return None
        if not self._known:
            bundle = self._checkpoint.fetch(self._place(self._asked))
            self._known = [] if bundle is None else _apart(bundle)
        if not self._known:
            return None
        known = self._known.pop(0)
        if np.array_equal(known.pop(ASKED), prices):
            return known
        self._known = []
        return None

    def _save(self) -> None:
        if self._unsaved:
            self._checkpoint.store(self._place(self._asked - len(self._unsaved)), **_together(self._unsaved))
        self._unsaved = []
        self._saved = time.monotonic()

    def _place(self, number: int) -> str:
        return f"{self._name}-{number:06d}"


def _together(parts: list[Arrays]) -> Arrays:
    """One bundle of several pieces that have the same fields."""
    bundle: Arrays = {}
    for field in parts[0]:
        bundle[field] = np.concatenate([part[field] for part in parts], axis=-1)
        bundle[f"{field}:{WIDTHS}"] = np.array([part[field].shape[-1] for part in parts])
    return bundle


def _apart(bundle: Arrays) -> list[Arrays]:
    """The pieces of a bundle."""
    cut: dict[str, list[NDArray[Any]]] = {}
    for field, array in bundle.items():
        if not field.endswith(f":{WIDTHS}"):
            ends = np.cumsum(bundle[f"{field}:{WIDTHS}"])[:-1]
            cut[field] = [np.ascontiguousarray(part) for part in np.split(array, ends, axis=-1)]
    return [dict(zip(cut, parts, strict=True)) for parts in zip(*cut.values(), strict=True)]


class Lines(Packing[Mapping[int, PriceLines]]):
    """Lines of the kept stages."""

    def pack(self, found: Mapping[int, PriceLines]) -> Arrays:
        return {
            f"{stage}:{f.name}": getattr(found[stage], f.name) for stage in found for f in fields(PriceLines)
        }

    def unpack(self, arrays: Arrays) -> dict[int, PriceLines]:
        stages: dict[int, Arrays] = {}
        for name, array in arrays.items():
            stage, field = name.split(":")
            stages.setdefault(int(stage), {})[field] = array
        return {stage: PriceLines(**parts) for stage, parts in stages.items()}


def remembered_lines(
    oracle: Callable[[Floats], Mapping[int, PriceLines] | None], checkpoint: Checkpoint | None, name: str
) -> Callable[[Floats], Mapping[int, PriceLines] | None]:
    """`remembered` for lines of the kept stages."""
    if checkpoint is None:
        return oracle
    return _Remembered[Mapping[int, PriceLines]](oracle, checkpoint, name, Lines())


class Steps(Packing[tuple[dict[int, PriceLines], Floats]]):
    """Lines of the kept stages, and the price of each walker's next pass."""

    def pack(self, found: tuple[dict[int, PriceLines], Floats]) -> Arrays:
        return {"below": found[1], **Lines().pack(found[0])}

    def unpack(self, arrays: Arrays) -> tuple[dict[int, PriceLines], Floats]:
        below = arrays.pop("below")
        return Lines().unpack(arrays), below


class Witnessed(Packing[tuple[PriceLines, StationaryWitness]]):
    """Lines and witness of stationary policies; what all witnesses of a problem share comes from `start`."""

    def __init__(self, start: StationaryWitness) -> None:
        self.start = start

    def pack(self, found: tuple[PriceLines, StationaryWitness]) -> Arrays:
        lines, witness = found
        rows = {f"witness:{name}": getattr(witness, name).T for name in BY_PRICE}
        return {"price": witness.price, **rows, **Lines().pack({0: lines})}

    def unpack(self, arrays: Arrays) -> tuple[PriceLines, StationaryWitness]:
        rows: dict[str, Any] = {
            name: np.ascontiguousarray(arrays.pop(f"witness:{name}").T) for name in BY_PRICE
        }
        witness = replace(self.start, price=arrays.pop("price"), **rows)
        return Lines().unpack(arrays)[0], witness


BY_PRICE = ("policy", "spend", "value", "intercept")
"""Fields of a witness with a row per price."""
