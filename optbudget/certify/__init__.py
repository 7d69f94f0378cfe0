"""Checks of answers against the problem alone; numpy and the standard library, no solver."""

from optbudget.certify.arrival_checks import arrivals_bound
from optbudget.certify.budget_lines import lines_bound, lines_room
from optbudget.certify.curve_bound import curve_bound
from optbudget.certify.envelope import capped_intercepts, limited_intercepts
from optbudget.certify.farkas import excess
from optbudget.certify.knapsack_bound import dual_value, least_spend
from optbudget.certify.knapsack_units import WholeKnapsack, whole_knapsack
from optbudget.certify.limited_sweep import dual_within
from optbudget.certify.limited_units import Options, WholeLimits, keeps, options_of, whole_limits
from optbudget.certify.potentials import price_bound
from optbudget.certify.stage_lines import stage_lines
from optbudget.certify.support import Support, support
from optbudget.certify.verify import verify, verify_all

__all__ = [
    "Options",
    "Support",
    "WholeKnapsack",
    "WholeLimits",
    "arrivals_bound",
    "capped_intercepts",
    "limited_intercepts",
    "dual_value",
    "keeps",
    "least_spend",
    "lines_bound",
    "lines_room",
    "curve_bound",
    "dual_within",
    "excess",
    "options_of",
    "price_bound",
    "stage_lines",
    "support",
    "verify",
    "verify_all",
    "whole_knapsack",
    "whole_limits",
]
