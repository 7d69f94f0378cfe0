"""What a log cannot say about an action, with numbers.

The model compares histories that end in action a with those that end otherwise. This says what a does only
where a was taken now and then after every history, and where what it was taken for is in the history. Of
each action:

* **Support**: at which share of the visits the altered history is not told apart to its length, so that a
  shorter one answers for it; and how often the rarest row that answers was seen.
* **Propensity**: the probability that the event after history w is a, given that there is one. Near 0 or 1
  nothing can be compared (positivity; Rosenbaum & Rubin 1983).
* **Targeting**: let Y be the value to come after an event, w the history before it. Then

.. math:: E[Y \\mid a] - E[Y \\mid \\bar a] = E\\big[Y - \\mu(w) \\mid a\\big]
          + \\big(E[\\mu(w) \\mid a] - E[Y \\mid \\bar a]\\big), \\qquad \\mu(w) = E[Y \\mid \\bar a, w],

  the difference read off the log is the one between like histories and what a owes to being taken after
  better ones. μ(w) is the mean over the longest suffix of w that was seen `min_count` times without a. If the
  second term is large, a is targeted by what is in the log; what is not in the log may do the same, and no
  number of events shows it (selection on observables and on unobservables: Altonji, Elder & Taber 2005).

Y is the expected value of what follows, over up to 20 events by the chain itself and discounted as the
problem is, one event ahead as observed. A warning is no proof, and no warning is none either.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optbudget.learn._context_kernels import altered
from optbudget.learn._identification_kernels import common_symbols, match, value_to_come
from optbudget.learn._mixture_kernels import entries
from optbudget.learn.contexts import START, ContextTree, mean_values, shorter_nodes
from optbudget.learn.cut_off import tables_of
from optbudget.learn.gram_tables import added
from optbudget.learn.mixtures import nodes_of
from optbudget.learn.options import ModelOptions
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import BEFORE, END, FIRST_EVENT, HistoryCounts, Packing, Words

MOST_STEPS = 20
"""Events ahead over which value to come is summed."""

SELDOM, NEARLY_ALWAYS = 0.01, 0.99
"""Propensities beyond which an action is hardly ever, or nearly always, taken."""

TOO_MANY = 0.25
"""Share of the visits with such propensities that is warned of."""

TOO_SHORT = 0.5
"""Share of the visits where a shorter history answers that is warned of."""

TARGETED = 0.25
"""Share of the difference, before or after matching, that is warned of if it goes away or comes up."""

SURE = 5.0
"""Standard errors that this must be. Events of one unit are not independent, and the chain is estimated."""


@dataclass(frozen=True, slots=True)
class Propensity:
    """The probability of the action after the history before the last event, over visits."""

    mean: float
    low: float
    median: float
    high: float
    seldom: float
    nearly_always: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Value to come after the action less that after other events.

    Attributes
    ----------
    naive : as the log has it
    matched : between histories that were alike before
    selection : naive - matched: what the action owes to being taken after better (or worse) histories
    standard_error : of `selection` if there were no targeting
    events : how many events before, on average, the histories compared have in common
    """

    naive: float
    matched: float
    selection: float
    standard_error: float
    events: float

    @property
    def gone(self) -> float | None:
        """The share of the naive difference that goes away by matching; None where there is none."""
        return self.selection / self.naive if self.naive else None


@dataclass(frozen=True, slots=True)
class Identification:
    """What the log has on one action.

    Attributes
    ----------
    action : its name
    taken : how often it occurred
    shorter : share of the visits to states at which a shorter history than the altered one answers
    fewest : how often the rarest row that answers for it was seen
    propensity : where it is taken
    difference : what seems to come of it; None if every event is the action
    """

    action: str
    taken: int
    shorter: float
    fewest: int
    propensity: Propensity
    difference: Difference | None

    def warnings(self) -> list[str]:
        """What the log cannot say, in words."""
        found, p, d = [], self.propensity, self.difference
        name = repr(self.action)
        if self.shorter > TOO_SHORT:
            found.append(
                f"{name}: at {100 * self.shorter:.0f} % of the visits the history with it is too rare, "
                f"and a shorter one answers (the rarest was seen {self.fewest:,} times)"
            )
        if p.seldom + p.nearly_always > TOO_MANY:
            found.append(
                f"{name}: after histories with {100 * p.seldom:.0f} % of the visits it hardly ever follows "
                f"(below 1 % of cases), after those with {100 * p.nearly_always:.0f} % nearly always (above "
                "99 %); there the log cannot compare what comes with it and without it"
            )
        if d is not None and self.targeted:
            found.append(
                f"{name} is targeted: the value to come after it differs by {d.naive:+.4g} from that after "
                f"other events, but by {d.matched:+.4g} between histories that were alike; what is not in "
                "the log may hide as much again"
            )
        return found

    @property
    def targeted(self) -> bool:
        d = self.difference
        if d is None:
            return False
        large = abs(d.selection) >= TARGETED * max(abs(d.naive), abs(d.matched))
        return large and abs(d.selection) > SURE * d.standard_error

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        found = asdict(self)
        if self.difference is not None:
            found["difference"]["gone"] = self.difference.gone
        return {**found, "targeted": self.targeted, "warnings": self.warnings()}


def identify(counts: HistoryCounts, tree: ContextTree, options: ModelOptions) -> list[Identification]:
    """What the log has on each action of a model.

    Parameters
    ----------
    counts, options : what the model was made of
    tree : its contexts, `tree_of(counts, options)`

    Examples
    --------
    >>> from optbudget.learn import EventBatch, count_histories, tree_of
    >>> log = EventBatch.of([1, 1, 2, 2, 3, 3], [1, 2] * 3, ["mail", "buy", "mail"] + ["visit"] * 3,
    ...                     value=[0, 9, 0, 0, 0, 0], cost=[1, 0] * 3)
    >>> options = ModelOptions(actions=["mail"], min_count=1)
    >>> counts = count_histories([log], order=2)
    >>> [mail] = identify(counts, tree_of(counts, options), options)
    >>> mail.taken, round(mail.difference.naive, 3), mail.targeted
    (2, 4.5, False)

    Notes
    -----
    One sort of the grams, then linear in grams, orders and actions.
    """
    table, packing = added(*tables_of(counts, cut_off=options.cut_off)), counts.packing
    node = nodes_of(table.words, tree, packing)
    entry = np.empty(node.size, dtype=np.int64)
    entries(node, packing.symbol(table.words, packing.order), tree.row_ptr, tree.row_symbol, entry)
    visits = np.bincount(node, table.count, minlength=tree.size).astype(np.int64)
    outcome = _outcomes(tree, entry, options)
    recent = packing.symbol(table.words, 0)
    there = np.flatnonzero(recent != BEFORE)
    before = _before(table.words[there], packing)
    order = np.lexsort(before.T[::-1]) if before.shape[1] > 1 else np.argsort(before[:, 0], kind="stable")
    there, before = there[order], before[order]
    common = np.zeros(there.size, dtype=np.int64)
    common_symbols(before, _places(packing), common)
    replaced = _replaced(counts, options)
    visits *= replaced[tree.recent]
    found = []
    for name in options.actions:
        symbol = counts.names.index(name) + FIRST_EVENT
        shorter, fewest = _support(tree, visits, symbol)
        acted = recent[there] == symbol
        difference = _difference(
            common, acted, table.count[there] * (acted | replaced[recent[there]]), outcome[there],
            max(0, tree.order - 1), options.min_count,
        )  # fmt: skip
        taken = int(counts.times[symbol - FIRST_EVENT])
        found.append(
            Identification(name, taken, shorter, fewest, _propensity(tree, visits, symbol), difference)
        )
    return found


def _replaced(counts: HistoryCounts, options: ModelOptions) -> NDArray[np.bool_]:
    """Which symbols an action is taken in place of: all, or those named and the actions themselves."""
    found = np.ones(len(counts.names) + FIRST_EVENT, dtype=np.bool_)
    if options.in_place_of:
        named = {*options.in_place_of, *options.actions}
        found[:FIRST_EVENT] = False
        found[FIRST_EVENT:] = [name in named for name in counts.names]
    return found


def _outcomes(tree: ContextTree, entry: Codes, options: ModelOptions) -> Floats:
    """The value of what followed each gram: of the next event, and to come after that."""
    value = np.append(mean_values(tree), 0.0)
    to_come, other = np.zeros(tree.size + 1), np.zeros(tree.size + 1)
    steps = min(MOST_STEPS, MOST_STEPS if options.horizon is None else options.horizon)
    for _ in range(steps - 1):
        value_to_come(
            tree.row_ptr, tree.times, tree.count, tree.following, value, options.discount, to_come, other
        )
        to_come, other = other, to_come
    after = tree.following[entry]
    return np.asarray(value[after] + options.discount * to_come[after])


def _before(words: Words, packing: Packing) -> Words:
    """Histories without their last event and without what followed."""
    kept = words & packing.history_mask
    last = np.uint64(64 - packing.bits * packing.per_word)
    found = kept << np.uint64(packing.bits)
    for w in range(words.shape[1] - 1):
        found[:, w] |= (kept[:, w + 1] >> np.uint64(64 - packing.bits)) << last
    return np.ascontiguousarray(found)


def _places(packing: Packing) -> tuple[Codes, Words, np.uint64]:
    """Where the symbols of a history without its last event stand."""
    places = [packing.place(position) for position in range(packing.order - 1)]
    return (
        np.array([word for word, _ in places], dtype=np.int64),
        np.array([shift for _, shift in places], dtype=np.uint64),
        np.uint64((1 << packing.bits) - 1),
    )


def _support(tree: ContextTree, visits: Codes, symbol: int) -> tuple[float, int]:
    found = np.empty(tree.size, dtype=np.int64)
    altered(tree.parent, tree.symbol, tree.length, tree.child_ptr, START, symbol, found)
    there = np.flatnonzero(visits[START:]) + START
    short = tree.length[found[there]] < tree.length[there]
    return float(np.average(short, weights=visits[there])), int(tree.count[found[there]].min())


def _propensity(tree: ContextTree, visits: Codes, symbol: int) -> Propensity:
    """Over visits to states that have a last event: the share of the action after the history before it."""
    row = np.repeat(np.arange(tree.size), np.diff(tree.row_ptr))
    events = np.bincount(row, tree.times * (tree.row_symbol != END), minlength=tree.size)
    acted = np.bincount(row, tree.times * (tree.row_symbol == symbol), minlength=tree.size)
    state = np.flatnonzero(visits[START + 1 :]) + START + 1
    before = shorter_nodes(tree)[state]
    p, weight = acted[before] / events[before], visits[state]
    order = np.argsort(p)
    share = np.cumsum(weight[order]) / weight.sum()
    low, median, high = (
        float(p[order[min(int(np.searchsorted(share, q)), p.size - 1)]]) for q in (0.05, 0.5, 0.95)
    )
    return Propensity(
        float(np.average(p, weights=weight)), low, median, high,
        float(np.average(p < SELDOM, weights=weight)), float(np.average(p > NEARLY_ALWAYS, weights=weight)),
    )  # fmt: skip


def _difference(
    common: Codes, acted: NDArray[np.bool_], count: Codes, outcome: Floats, depth: int, least: int
) -> Difference | None:
    with_it, without = count * acted, count * ~acted
    if not with_it.any() or not without.any():
        return None
    mean, shared = np.zeros(acted.size), np.zeros(acted.size, dtype=np.int64)
    match(common, acted, count, outcome, depth, least, (mean, shared))
    other = np.average(outcome, weights=without)
    naive = float(np.average(outcome, weights=with_it) - other)
    matched = float(np.average(outcome - mean, weights=with_it))
    spread = np.average((outcome - other) ** 2, weights=without)
    error = float(np.sqrt(spread * (1.0 / with_it.sum() + 1.0 / without.sum())))
    return Difference(naive, matched, naive - matched, error, float(np.average(shared, weights=with_it)))
