"""Event logs to budgeted Markov decision processes, by variable-order Markov chains."""

from optbudget.learn.contexts import ContextTree, context_tree, pruned
from optbudget.learn.counting import count_histories, update
from optbudget.learn.cut_off import tables_of
from optbudget.learn.departments import learn_departments
from optbudget.learn.identification import Identification, identify
from optbudget.learn.logged import QUIET, logged_events, propensities
from optbudget.learn.mixture_models import (
    LearnedMixture,
    MixtureScore,
    best_score,
    learn_mixture,
    mixture_scores,
)
from optbudget.learn.mixtures import Followed, Mixture, fit_mixture
from optbudget.learn.model import LearnedModel, learn_model, tree_of
from optbudget.learn.options import ModelOptions
from optbudget.learn.scoring import Score, held_out_score
from optbudget.learn.standing import standing
from optbudget.learn.trails import unit_histories
from optbudget.problems.event_rules import EventRules, Gap
from optbudget.problems.events import EventBatch
from optbudget.problems.history_counts import CountingRule, GramTable, HistoryCounts
from optbudget.problems.unit_histories import UnitHistories

__all__ = [
    "QUIET",
    "ContextTree",
    "CountingRule",
    "EventBatch",
    "EventRules",
    "Followed",
    "Gap",
    "GramTable",
    "HistoryCounts",
    "Identification",
    "LearnedMixture",
    "LearnedModel",
    "Mixture",
    "MixtureScore",
    "ModelOptions",
    "Score",
    "UnitHistories",
    "best_score",
    "context_tree",
    "count_histories",
    "fit_mixture",
    "held_out_score",
    "identify",
    "learn_departments",
    "learn_mixture",
    "learn_model",
    "logged_events",
    "mixture_scores",
    "propensities",
    "pruned",
    "standing",
    "tables_of",
    "tree_of",
    "unit_histories",
    "update",
]
