"""Concave piecewise-linear curves: value as a function of budget."""

from optbudget.curves.merge import merge_by_price, weighted_sum
from optbudget.curves.segments import Curve, Curves

__all__ = ["Curve", "Curves", "merge_by_price", "weighted_sum"]
