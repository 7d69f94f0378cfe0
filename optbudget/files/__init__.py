"""Problems and answers to and from disk."""

from optbudget.files.answers import load_answer
from optbudget.files.arrivals import load_arrivals
from optbudget.files.aside import require_free
from optbudget.files.baselines import kept_baseline, load_baseline, located_in_baseline
from optbudget.files.caps import cap_issues
from optbudget.files.causal_results import load_causal, save_causal
from optbudget.files.checks import check
from optbudget.files.departments_folder import departments_hash
from optbudget.files.event_writer import write_events
from optbudget.files.events import EventLog, open_events
from optbudget.files.expectations import Expected, load_expected
from optbudget.files.folders import load, save
from optbudget.files.frontiers import load_frontier, save_frontier
from optbudget.files.fronts import holds_front, load_front
from optbudget.files.histories import load_history, read_history
from optbudget.files.knapsack_folder import is_knapsack, read_knapsack
from optbudget.files.limit_files import limits_hash, limits_text, load_limits
from optbudget.files.model_folder import DataWarning, model_hash
from optbudget.files.models import (
    load_departments,
    load_model,
    load_problem,
    load_stated,
    read_model,
    read_problem,
)
from optbudget.files.populations import load_population
from optbudget.files.question_toml import load_question
from optbudget.files.response_curves import load_chosen, load_response_curves
from optbudget.files.result_reader import load_result
from optbudget.files.risk_folder import departments_with_risk, load_side_effects, with_risk
from optbudget.files.stage_budgets import load_stage_budgets
from optbudget.files.uncertainty import load_counts, load_intervals
from optbudget.files.weighing import memory_to_read

__all__ = [
    "DataWarning",
    "EventLog",
    "Expected",
    "cap_issues",
    "check",
    "departments_hash",
    "departments_with_risk",
    "holds_front",
    "is_knapsack",
    "kept_baseline",
    "limits_hash",
    "limits_text",
    "load",
    "load_answer",
    "load_arrivals",
    "load_baseline",
    "load_causal",
    "load_chosen",
    "load_counts",
    "load_expected",
    "load_front",
    "load_frontier",
    "load_limits",
    "load_history",
    "load_intervals",
    "load_departments",
    "load_model",
    "load_population",
    "load_problem",
    "load_question",
    "load_response_curves",
    "load_result",
    "load_side_effects",
    "load_stage_budgets",
    "load_stated",
    "located_in_baseline",
    "memory_to_read",
    "model_hash",
    "read_history",
    "read_knapsack",
    "read_model",
    "read_problem",
    "open_events",
    "require_free",
    "save",
    "save_causal",
    "save_frontier",
    "with_risk",
    "write_events",
]
