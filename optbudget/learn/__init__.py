"""Event logs to budgeted Markov decision processes, by variable-order Markov chains."""

from optbudget.learn.contexts import ContextTree, context_tree, pruned
from optbudget.learn.counting import count_histories, update
from optbudget.learn.model import LearnedModel, learn_model, tree_of
from optbudget.learn.options import ModelOptions
from optbudget.learn.scoring import Score, held_out_score
from optbudget.problems.event_rules import EventRules, Gap
from optbudget.problems.events import EventBatch
from optbudget.problems.history_counts import CountingRule, GramTable, HistoryCounts

__all__ = [
    "ContextTree",
    "CountingRule",
    "EventBatch",
    "EventRules",
    "Gap",
    "GramTable",
    "HistoryCounts",
    "LearnedModel",
    "ModelOptions",
    "Score",
    "context_tree",
    "count_histories",
    "held_out_score",
    "learn_model",
    "pruned",
    "tree_of",
    "update",
]
