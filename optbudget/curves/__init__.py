"""Concave piecewise-linear curves: value as a function of budget."""

from optbudget.curves.segments import Curve, Curves

__all__ = ["Curve", "Curves"]
