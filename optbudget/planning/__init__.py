"""Whole decisions made of routes: chances, arrivals, uncertain models, several limits, explanations."""

from optbudget.planning.explaining import difference, explain

__all__ = ["difference", "explain"]
