"""Where the units of a log stand at its end: the population that a budget is split over.

A unit's state is the longest stored suffix of its history, as after every event. Units whose history a
terminal event ended are gone.
"""

import numpy as np

from optbudget.learn.contexts import ROOT, START
from optbudget.learn.model import LearnedModel
from optbudget.problems import Population
from optbudget.problems.history_counts import FIRST_EVENT


def standing(learned: LearnedModel) -> Population:
    """The units of the log in their states, those held out too; in the order of a hash of their ids.

    Examples
    --------
    >>> from optbudget.learn import EventBatch, ModelOptions, count_histories, learn_model
    >>> log = EventBatch.of(["u", "u", "w"], [1, 2, 2], ["email", "visit", "visit"], value=[0, 2.5, 0])
    >>> learned = learn_model(
    ...     count_histories([log], order=2), ModelOptions(actions=["email"], costs={"email": 1}, min_count=1)
    ... )
    >>> units = standing(learned)
    >>> sorted((str(u), learned.problem.states[s]) for u, s in zip(units.unit, units.unit_state))
    [('u', 'email>visit'), ('w', 'visit')]

    Notes
    -----
    Linear in the units, times the longest context.
    """
    counts, tree, problem = learned.counts, learned.tree, learned.problem
    packing = counts.packing
    gone = [counts.names.index(name) + FIRST_EVENT for name in counts.rule.rows.terminal]
    there = np.flatnonzero(~np.isin(packing.symbol(counts.units.history, 0), gone))
    history = counts.units.history[there]
    # Children stand by parent, then by symbol, so one search finds those of all units.
    symbols = len(counts.names) + FIRST_EVENT
    key = tree.parent[START + 1 :] * symbols + tree.symbol[START + 1 :]
    node, going = np.full(there.size, ROOT), np.arange(there.size)
    for position in range(min(packing.order, int(tree.length.max()))):
        wanted = node[going] * symbols + packing.symbol(history[going], position)
        at = np.searchsorted(key, wanted)
        found = at < key.size
        found[found] = key[at[found]] == wanted[found]
        going = going[found]
        node[going] = at[found] + START + 1
    state = tree.rank[node] - 1
    import pyarrow as pa

    names = counts.units.id.take(pa.array(there)).to_numpy(zero_copy_only=False)
    unit = names if names.dtype.kind == "i" else names.astype(str)
    return Population(problem.labels, np.bincount(state, minlength=problem.n_states), unit, state)
