"""Concave piecewise-linear curves: value as a function of budget.

The envelopes are compiled and are imported when they are first used, so that whoever only reads or
merges curves (the checker among them) loads no compiler.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from optbudget.curves.merge import merge_by_price, weighted_sum
from optbudget.curves.segments import Curve, Curves

if TYPE_CHECKING:
    from optbudget.curves.envelope import concave_envelope, envelope_of_curves

__all__ = ["Curve", "Curves", "concave_envelope", "envelope_of_curves", "merge_by_price", "weighted_sum"]


def __getattr__(name: str) -> object:
    if name in ("concave_envelope", "envelope_of_curves"):
        return getattr(import_module("optbudget.curves.envelope"), name)
    raise AttributeError(f"module 'optbudget.curves' has no attribute {name!r}")
