"""Whole decisions made of routes: chances, arrivals, uncertain models, several limits, explanations."""

from optbudget.planning.arrivals import allocate_with_arrivals
from optbudget.planning.auditing import audit
from optbudget.planning.budget_lines import allocate_lines
from optbudget.planning.explaining import difference, explain

__all__ = ["allocate_lines", "allocate_with_arrivals", "audit", "difference", "explain"]
