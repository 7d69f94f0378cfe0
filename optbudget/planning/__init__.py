"""Whole decisions made of routes: chances, arrivals, uncertain models, several limits, explanations."""

from optbudget.planning.arrivals import allocate_with_arrivals
from optbudget.planning.auditing import audit
from optbudget.planning.budget_lines import allocate_lines
from optbudget.planning.chance import chance_constrained
from optbudget.planning.explaining import difference, explain
from optbudget.planning.explaining_arrivals import explain_arrivals
from optbudget.planning.intervals import interval_curves
from optbudget.planning.line_changes import LineChange, change_line
from optbudget.planning.overlapping_limits import allocate_overlapping, overlap
from optbudget.planning.overlapping_whole import allocate_overlapping_whole
from optbudget.planning.risk_averse import MeanVariance, mean_variance
from optbudget.planning.risk_weight import at_both_ends, risk_trade_off
from optbudget.planning.spend_risk import spend_moments, spend_risk, unit_spend, worst_cases
from optbudget.planning.spend_trials import spend_trials
from optbudget.planning.spenders import Spenders, spenders
from optbudget.planning.uncertain import curve_band
from optbudget.planning.unintended import unintended

__all__ = [
    "LineChange",
    "MeanVariance",
    "Spenders",
    "allocate_lines",
    "allocate_overlapping",
    "allocate_overlapping_whole",
    "allocate_with_arrivals",
    "at_both_ends",
    "audit",
    "change_line",
    "chance_constrained",
    "curve_band",
    "difference",
    "explain",
    "explain_arrivals",
    "interval_curves",
    "mean_variance",
    "overlap",
    "risk_trade_off",
    "spend_moments",
    "spend_risk",
    "spend_trials",
    "spenders",
    "unintended",
    "unit_spend",
    "worst_cases",
]
