"""Contexts to a budgeted Markov decision process, by the paper's action model (section 4.7).

States are the stored contexts, "start" and "end". Action `none` leaves the history; action a replaces its
last event by a. Let c be the longest stored suffix of the history so altered. The next event e has the
probability of c's row, and the next state is the longest stored suffix of the altered history and e,
which is that of c·e. So the row of a state and action is the row of a context, whatever the state: rows
are shared, one for each context, and owned by the context itself with `none`.

The utility of a state is the mean value of its last event in the histories that it ends, the cost of an
action what it costs in the log on average, or what is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optbudget.errors import ProblemError
from optbudget.learn import weighing
from optbudget.learn._context_kernels import altered, smooth
from optbudget.learn.contexts import ROOT, START, ContextTree, context_tree, mean_values
from optbudget.learn.cut_off import tables_of
from optbudget.learn.gram_tables import added
from optbudget.learn.options import NOTHING, ModelOptions
from optbudget.learn.withheld import ContextRows, without_actions
from optbudget.problems import BudgetedMDP, TransitionCounts
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import FIRST_EVENT, LEARNED, MICRO, HistoryCounts
from optbudget.problems.sharing import spans

if TYPE_CHECKING:
    from optbudget.workers import Monitor

TERMINAL = "end"

BYTES_PER_STATE, BYTES_PER_PAIR, BYTES_PER_ENTRY = 900, 60, 80
"""Memory of a state with its name, of a pair and of an entry of a row: measured, and rounded up."""


@dataclass(frozen=True, eq=False, repr=False)
class LearnedModel:
    """A problem and what its rows were estimated from.

    Attributes
    ----------
    problem : states are histories; row k is that of state k
    times : (z,) int64, how often each entry of the rows was seen; 0 where only smoothing put it there
    counts, options, tree : what it was made from
    """

    problem: BudgetedMDP
    times: Codes
    counts: HistoryCounts
    options: ModelOptions
    tree: ContextTree

    @property
    def owner(self) -> Codes:
        """For each state-action pair the pair whose row it uses, (m,): that state with `none`."""
        found: Codes = self.problem.pair_ptr[self.problem.pair_row]
        return found

    def transition_counts(self) -> TransitionCounts:
        """Counts of every pair; pairs that use one row have one row of counts, to be drawn together."""
        p = self.problem
        first, entry = p.pair_entries
        return TransitionCounts(p, first, p.next_state[entry], self.times[entry], self.owner)

    def __repr__(self) -> str:
        return f"LearnedModel({self.problem!r} from {self.counts!r})"


def learn_model(
    counts: HistoryCounts, options: ModelOptions, *, monitor: "Monitor | None" = None
) -> LearnedModel:
    """The budgeted MDP of counted histories.

    Raises
    ------
    ProblemError
        If an action never occurs in the log, has no cost, or nothing in the log has a value.
    LimitError
        If the model would need more memory than the monitor allows.

    Examples
    --------
    >>> from optbudget.learn import EventBatch, ModelOptions, count_histories
    >>> log = EventBatch.of(["u", "u", "w", "w"], [1, 2, 2, 5], ["email", "visit", "visit", "visit"],
    ...                     value=[0, 2.5, 0, 0], cost=[0.25, 0, 0, 0])
    >>> learned = learn_model(count_histories([log], order=2), ModelOptions(actions=["email"], min_count=1))
    >>> learned.problem
    BudgetedMDP(6 states, 2 actions, 5 transition rows, horizon 50)
    >>> learned.problem.states
    ('start', 'email', 'visit', 'email>visit', 'visit>visit', 'end')
    """
    options.require_known(counts.names)
    cost = action_costs(counts, options)
    tree = tree_of(counts, options, monitor)
    require_worth(tree)
    if monitor is not None:
        written = weighing.of_table(counts.kept) + weighing.of_table(counts.held)
        monitor.require_memory(_bytes(tree, options) + written, f"a model of {tree.size:,} states")
    return LearnedModel(*assembled(counts, options, tree, cost), counts, options, tree)


def _bytes(tree: ContextTree, options: ModelOptions) -> float:
    """About what the model of a tree takes while it is made and written."""
    width = tree.row_symbol.size / tree.size
    if options.smoothing:
        width = float(tree.row_ptr[1])  # at most
    return tree.size * (
        BYTES_PER_STATE + BYTES_PER_PAIR * (1 + len(options.actions)) + BYTES_PER_ENTRY * width
    )


def tree_of(counts: HistoryCounts, options: ModelOptions, monitor: "Monitor | None" = None) -> ContextTree:
    """The contexts of all units, those held out too."""
    kept, held = tables_of(counts, cut_off=options.cut_off)
    if monitor is not None:
        monitor.require_memory(
            weighing.of_merge(kept, held), f"a tree of {len(kept) + len(held):,} histories"
        )
    return context_tree(
        added(kept, held), counts.names, counts.packing,
        order=options.order, min_count=options.min_count, prune_ratio=options.prune_ratio, monitor=monitor,
    )  # fmt: skip


def action_costs(counts: HistoryCounts, options: ModelOptions) -> Floats:
    """Cost of `none` (0) and of every action, (1 + actions,).

    Raises
    ------
    ProblemError
        If an action has no cost, neither in the log nor given, or a negative one.
    """
    found = [0.0]
    for name in options.actions:
        if name in options.costs:
            found.append(float(options.costs[name]))
            continue
        if not counts.costed:
            raise ProblemError(
                f"what {name!r} costs is not known: the log has no column 'cost'; give it (--cost {name}=C)"
            )
        k = counts.names.index(name)
        mean = int(counts.cost[k]) / (int(counts.times[k]) * MICRO)
        if mean < 0:
            raise ProblemError(f"{name!r} costs {mean:g} on average in the log; a cost must be >= 0")
        found.append(mean)
    return np.array(found)


def require_worth(tree: ContextTree) -> None:
    """Refuse a log in which nothing is worth anything."""
    if not mean_values(tree).any():
        raise ProblemError(
            "no event has a value, so there is nothing to gain; give values in a column 'value' of the log, "
            "or per event (--conversion event=V)"
        )


def assembled(
    counts: HistoryCounts, options: ModelOptions, tree: ContextTree, cost: Floats,
    named: Sequence[str] | None = None,
) -> tuple[BudgetedMDP, Codes]:  # fmt: skip
    """The problem of a tree of contexts, and how often each entry was seen.

    `named` are its actions, if not all of the options; cost (1 + actions,).
    """
    named = options.actions if named is None else tuple(named)
    acting = tree.size - 1
    node = np.argsort(tree.rank)[1:]
    value = mean_values(tree)[node]
    state_of = np.append(tree.rank - 1, acting)  # the last one is where -1, the end, leads
    rows = _rows(tree, options.smoothing)
    coming = slice(int(rows.ptr[START]), int(rows.ptr[START + 1]))
    initial = state_of[rows.following[coming]], rows.probability[coming]
    if options.withheld:
        rows = without_actions(
            rows, tree, [counts.names.index(name) + FIRST_EVENT for name in options.actions]
        )
    width = np.diff(rows.ptr)[node]
    begin = np.append(0, np.cumsum(width))
    entry = spans(rows.ptr[node], width)
    next_state: NDArray[np.int32] = state_of[rows.following[entry]].astype(np.int32)
    actions = 1 + len(named)
    row = np.empty((acting, actions), dtype=np.int32)
    row[:, 0] = np.arange(acting)
    found = np.empty(tree.size, dtype=np.int64)
    for k, name in enumerate(named):
        symbol = counts.names.index(name) + FIRST_EVENT
        altered(tree.parent, tree.symbol, tree.length, tree.child_ptr, START, symbol, found)
        row[:, 1 + k] = tree.rank[found[node]] - 1
    there = np.ones(row.shape, dtype=np.bool_)
    if options.in_place_of:
        replaced = [counts.names.index(name) + FIRST_EVENT for name in options.in_place_of]
        there[:, 1:] = np.isin(tree.recent[node], replaced)[:, None]
    pair_ptr = np.append(0, np.cumsum(there.sum(axis=1)))
    pair_action = np.nonzero(there)[1].astype(np.int32)
    labels = tree.labels
    problem = BudgetedMDP(
        states=(*[labels[i] for i in node.tolist()], TERMINAL),
        actions=(NOTHING, *named),
        pair_ptr=np.append(pair_ptr, pair_ptr[-1]),
        pair_action=pair_action,
        pair_row=row[there],
        cost=cost[pair_action],
        utility=np.repeat(value, np.diff(pair_ptr)),
        row_ptr=begin,
        next_state=next_state,
        probability=rows.probability[entry],
        terminal_utility=np.zeros(acting + 1),
        discount=options.discount, cost_discount=options.cost_discount,
        horizon=options.horizon, reward=options.reward,
        initial_state=initial[0], initial_probability=initial[1],
        title=options.title, source=LEARNED, money_unit=options.money_unit,
    )  # fmt: skip
    return problem, rows.times[entry]


def _rows(tree: ContextTree, smoothing: float) -> ContextRows:
    """Every node's row, smoothed."""
    if smoothing == 0 or tree.order == 0:
        # At order 0 what follows does not depend on the last event: every row but the start's is the root's.
        width = np.diff(tree.row_ptr)
        of = np.arange(tree.size)
        if tree.order == 0:
            of[START + 1 :] = ROOT
        ptr = np.append(0, np.cumsum(width[of]))
        entry = spans(tree.row_ptr[of], width[of])
        total = np.repeat(tree.count[of], width[of])
        times = tree.times[entry]
        probability: Floats = np.asarray(times / total, dtype=np.float64)
        return ContextRows(ptr, tree.row_symbol[entry], tree.following[entry], probability, times)
    width = np.diff(tree.row_ptr)
    single = np.flatnonzero(tree.length == 1)
    of_event = np.zeros(len(tree.names) + FIRST_EVENT, dtype=np.int64)
    of_event[tree.recent[single]] = width[single]
    width = np.where(tree.length > 1, of_event[tree.recent], width)
    ptr = np.append(0, np.cumsum(width))
    symbol, after, times = (np.empty(ptr[-1], dtype=np.int64) for _ in range(3))
    probability = np.empty(ptr[-1])
    smooth(
        tree.parent, tree.length,
        (tree.row_ptr, tree.row_symbol, tree.times, tree.count, tree.following),
        ptr, smoothing, (symbol, after, probability, times),
    )  # fmt: skip
    return ContextRows(ptr, symbol, after, probability, times)
