"""Mixtures of chains to a budgeted MDP with a unit type per component, and how well each predicts.

The model of a component is what `learn_model` makes of the log with each unit's events counted as often as
the unit belongs to it. So one component has the rows that are learned without a mixture, to the bit, and a
context is told apart in a component only if it was seen often enough there. An action that a component had
less than once, by weight, is no action of its type: nothing is known of it.

Units held out are scored by :math:`\\log \\sum_k \\pi_k \\prod \\tilde p_k(e \\mid h)`, rows smoothed as in
`optbudget.learn.scoring`, of whose score one component's is again the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from optbudget.errors import ProblemError
from optbudget.learn._mixture_kernels import expect, hand_up, smoothed_logs, weigh
from optbudget.learn.contexts import ContextTree, context_tree
from optbudget.learn.mixtures import Followed, Mixture, chosen_units, fit_mixture, nodes_of
from optbudget.learn.model import action_costs, assembled, require_worth, tree_of
from optbudget.learn.options import ModelOptions
from optbudget.problems import BudgetedMDP, Population
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import FIRST_EVENT, HistoryCounts, Words
from optbudget.problems.unit_histories import UnitHistories
from optbudget.problems.unit_types import join_types

if TYPE_CHECKING:
    import pyarrow as pa

    from optbudget.workers import Monitor

NEGLIGIBLE = 1e-6
"""Memberships below this count as none when a component's model is made."""

ENOUGH = 1.0
"""How often, by weight, a component must have had an action."""


@dataclass(frozen=True, eq=False, repr=False)
class LearnedMixture:
    """A problem with a unit type per component, and what it was estimated from.

    Attributes
    ----------
    problem : types are "type1", "type2", ...; row k is that of state k
    mixture : components and memberships; units in the order of `counts.units`
    tree : the contexts of all components together
    trees : those of each component
    counts, options : what it was made from; counts are those of all components together
    missing : (type, action) of actions that a type does not have, for it never had them in the log
    """

    problem: BudgetedMDP
    mixture: Mixture
    tree: ContextTree
    trees: tuple[ContextTree, ...]
    counts: HistoryCounts
    options: ModelOptions
    missing: tuple[tuple[str, str], ...] = ()

    times = None
    """Rows are estimated from weighted counts, which are no whole numbers: there are none to draw from."""

    @property
    def owner(self) -> Codes:
        """For each state-action pair the pair whose row it uses, (m,): that state with `none`."""
        found: Codes = self.problem.pair_ptr[self.problem.pair_row]
        return found

    @property
    def types(self) -> tuple[str, ...]:
        return type_names(self.mixture.components)

    @cached_property
    def standing(self) -> Codes:
        """The state in which each unit's last history stands if it is of each component, (U, K)."""
        first, found = 0, np.empty(self.mixture.member.shape, dtype=np.int64)
        for k, tree in enumerate(self.trees):
            node = nodes_of(self.counts.units.history, tree, self.counts.packing)
            found[:, k] = first + tree.rank[node] - 1
            first += tree.size - 1
        return found

    @property
    def population(self) -> Population:
        """Every unit where its last history stands, as of its likeliest type."""
        likeliest = self.mixture.member.argmax(axis=1)
        state = self.standing[np.arange(likeliest.size), likeliest]
        return Population(self.problem.labels, np.bincount(state, minlength=self.problem.n_states))

    def memberships(self) -> "pa.Table":
        """Columns unit, type, state, probability: K rows per unit; state is where its last history stands."""
        import pyarrow as pa

        member, kinds = self.mixture.member, self.mixture.components
        unit = self.counts.units.id.take(pa.array(np.repeat(np.arange(member.shape[0]), kinds)))

        # A dictionary holds each name once, though types share names of states.
        names = pa.array(self.problem.states).dictionary_encode()
        code = names.indices.to_numpy()[self.standing.ravel()]
        state = pa.DictionaryArray.from_arrays(pa.array(code), names.dictionary)
        which = np.tile(np.arange(kinds, dtype=np.int32), member.shape[0])
        kind = pa.DictionaryArray.from_arrays(pa.array(which), pa.array(self.types))
        return pa.table({"unit": unit, "type": kind, "state": state, "probability": member.ravel()})

    def population_table(self) -> "pa.Table":
        """Columns type, state, count of the states that any unit is in."""
        import pyarrow as pa

        count = self.population.count
        there = np.flatnonzero(count).tolist()
        p = self.problem
        kinds, states = [p.state_type[i] for i in there], [p.states[i] for i in there]
        return pa.table({"type": kinds, "state": states, "count": count[there]})

    def __repr__(self) -> str:
        return f"LearnedMixture({self.problem!r}, {self.mixture!r})"


def type_names(components: int) -> tuple[str, ...]:
    """Names of unit types, the largest first."""
    return tuple(f"type{k + 1}" for k in range(components))


def learn_mixture(
    histories: UnitHistories,
    options: ModelOptions,
    components: int,
    *,
    seed: int = 0,
    monitor: "Monitor | None" = None,
) -> LearnedMixture:
    """The budgeted MDP of a mixture of chains, one unit type per component.

    Parameters
    ----------
    histories : by `unit_histories`
    options : as for `learn_model`; min_count holds for the contexts of EM and again for each component's
    components, seed : as for `fit_mixture`

    Raises
    ------
    ProblemError
        As `learn_model` and `fit_mixture`; or if the order is 0.

    Examples
    --------
    >>> from optbudget.learn import EventBatch, unit_histories
    >>> log = EventBatch.of([1, 1, 2, 2, 3, 3], [1, 2] * 3, ["mail", "buy"] * 2 + ["mail", "mail"],
    ...                     value=[0, 9] * 2 + [0] * 2, cost=[1, 0] * 3)
    >>> options = ModelOptions(actions=["mail"], min_count=1)
    >>> learned = learn_mixture(unit_histories([log], order=1), options, 2)
    >>> learned.problem.labels
    ('type1/start', 'type1/mail', 'type1/buy', 'type2/start', 'type2/mail', 'type1/end', 'type2/end')
    >>> learned.mixture
    Mixture(3 units: 66.7 %, 33.3 %; 7 steps, converged)
    """
    counts = histories.counts
    _require_order(options)
    options.require_known(counts.names)
    cost = action_costs(counts, options)
    tree = tree_of(counts, options)
    require_worth(tree)
    followed = Followed.of(histories, tree)
    mixture = fit_mixture(followed, components, seed=seed, smoothing=options.smoothing, monitor=monitor)
    trees = component_trees(tree, followed, mixture.member, options.min_count, histories)
    names, parts, missing = type_names(mixture.components), [], []
    for name, part in zip(names, trees, strict=True):
        known = [_times(part, counts, action) >= ENOUGH for action in options.actions]
        missing += [(name, a) for a, k in zip(options.actions, known, strict=True) if not k]
        actions = [a for a, k in zip(options.actions, known, strict=True) if k]
        parts.append(assembled(counts, options, part, cost[[True, *known]], actions)[0])
    problem = join_types(parts, names, mixture.weight)
    return LearnedMixture(problem, mixture, tree, tuple(trees), counts, options, tuple(missing))


def _require_order(options: ModelOptions) -> None:
    if options.order == 0:
        raise ProblemError("order is 0; the components of a mixture need histories of one event or more")
    if options.cut_off:
        raise ProblemError("a mixture takes the end of a log for that of its units; leave cut_off out")


def _times(tree: ContextTree, counts: HistoryCounts, action: str) -> float:
    """How often an event ended a history of a component."""
    symbol = counts.names.index(action) + FIRST_EVENT
    return float(tree.count[(tree.length == 1) & (tree.recent == symbol)].sum())


def component_trees(
    tree: ContextTree, followed: Followed, member: Floats, least: float,
    histories: UnitHistories | None = None,
) -> list[ContextTree]:  # fmt: skip
    """The contexts of each component: those of a tree, with units counted by membership.

    Values are those of `histories`, whose units `followed` then has all; without it there are none.
    """
    member = np.where(member < NEGLIGIBLE, 0.0, member)
    member /= member.sum(axis=1, keepdims=True)
    times = np.zeros((member.shape[1], tree.row_symbol.size))
    weigh(followed.ptr, followed.entry, member, times)
    worth = np.zeros((member.shape[1], tree.size))
    if histories is not None:
        node = np.searchsorted(tree.row_ptr, followed.entry[histories.valued], side="right") - 1
        unit = np.searchsorted(followed.ptr, histories.valued, side="right") - 1
        for k in range(member.shape[1]):
            worth[k] = np.bincount(node, histories.value * member[unit, k], minlength=tree.size)
    found = []
    for k in range(member.shape[1]):
        hand_up(tree.parent, tree.row_ptr, tree.row_symbol, times[k], worth[k])
        found.append(tree.weighted(times[k], worth[k], least))
    return found


@dataclass(frozen=True, slots=True)
class MixtureScore:
    """How well a mixture predicts the units held out.

    Attributes
    ----------
    components : K
    log_likelihood : per event or end of a history of the units held out, in nats
    contexts : of all components together
    steps, stop : of EM on the other units
    """

    components: int
    log_likelihood: float
    contexts: int
    steps: int
    stop: str


def mixture_scores(
    histories: UnitHistories,
    options: ModelOptions,
    components: int,
    *,
    seed: int = 0,
    monitor: "Monitor | None" = None,
) -> list[MixtureScore]:
    """The scores of 1 to `components` components on the units held out, fitted to the others.

    Raises
    ------
    ProblemError
        If no unit is held out, or all are.
    """
    counts, kept = histories.counts, ~histories.held
    if kept.all() or not kept.any():
        raise ProblemError("no unit is held out, or all are: there are too few units for the share")
    _require_order(options)
    tree = context_tree(
        counts.kept, counts.names, counts.packing,
        order=options.order, min_count=options.min_count, prune_ratio=options.prune_ratio,
    )  # fmt: skip
    followed = Followed.of(histories, tree, kept)
    ptr, words = chosen_units(histories, histories.held)
    found = []
    for k in range(1, components + 1):
        fitted = fit_mixture(followed, k, seed=seed, smoothing=options.smoothing, monitor=monitor)
        trees = component_trees(tree, followed, fitted.member, options.min_count)
        total = _log_likelihood(words, ptr, trees, fitted.weight, counts, tree, options)
        contexts = sum(part.size - 1 for part in trees)
        found.append(MixtureScore(k, total / words.shape[0], contexts, len(fitted.trace), fitted.stop))
    return found


def best_score(scores: list[MixtureScore]) -> MixtureScore:
    """The one of greatest log-likelihood; of equal ones that of fewer components."""
    return max(scores, key=lambda score: (score.log_likelihood, -score.components))


def _log_likelihood(
    words: Words, ptr: Codes, trees: Sequence[ContextTree], weight: Floats, counts: HistoryCounts,
    whole: ContextTree, options: ModelOptions,
) -> float:  # fmt: skip
    """Log-likelihood of units by a mixture, its rows smoothed."""
    packing = counts.packing
    following = packing.symbol(words, packing.order)
    kinds = float(whole.row_ptr[1] + 1)
    strength = options.smoothing if options.smoothing > 0 else 1.0
    logs = np.empty((words.shape[0], len(trees)))
    for k, tree in enumerate(trees):
        one = np.empty(words.shape[0])
        rows = (tree.row_ptr, tree.row_symbol, tree.times, tree.count)
        smoothed_logs((nodes_of(words, tree, packing), following), rows, tree.parent, kinds, strength, one)
        logs[:, k] = one
    units = ptr.size - 1
    found, member = np.empty(units), np.empty((units, len(trees)))
    expect(ptr, np.arange(words.shape[0]), logs, np.log(weight), member, found)
    return float(found.sum())
