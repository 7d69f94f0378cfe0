"""How well contexts predict units that they were not made from.

For an order K the next event after a held-out history h has the probability

.. math:: \\tilde p_k(e) = \\frac{n_k(e) + s\\, \\tilde p_{k-1}(e)}{n_k + s}, \\qquad k = 1, 2, \\dots

of its longest stored suffix of up to K events, n its counts and k going through its own suffixes, the
empty one first. s is the smoothing of the model; a model without scores with s = 1, for its rows give
events that they never saw probability 0, and one of these would make every log-likelihood -∞. How many
there are is counted. The best order is that of the greatest log-likelihood; of equal ones the lower.
"""

from dataclasses import dataclass

import numpy as np

from optbudget.errors import ProblemError
from optbudget.learn._context_kernels import score
from optbudget.learn.contexts import START, ContextTree
from optbudget.problems.columns import Codes, Floats
from optbudget.problems.history_counts import GramTable, Packing

BINS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Score:
    """Held-out scores of the orders 0 to K of a tree of contexts.

    Attributes
    ----------
    events : events and ends of histories that were predicted
    log_likelihood : (K+1,) per event, in nats
    never : (K+1,) how many of the events had probability 0 before they were smoothed
    contexts : (K+1,) contexts of up to so many events
    predicted, happened, weight : (BINS,) calibration of the unsmoothed rows at order K: of all events with a
        probability in a tenth of [0, 1], their mean probability, the share that came true, and how many;
        NaN where there are none
    """

    events: int
    log_likelihood: Floats
    never: Codes
    contexts: Codes
    predicted: Floats
    happened: Floats
    weight: Codes

    @property
    def best(self) -> int:
        """The order of the greatest log-likelihood."""
        return int(np.argmax(self.log_likelihood))

    @property
    def miscalibration(self) -> float:
        """Mean distance of the predicted from the observed share, over all that was predicted."""
        there = self.weight > 0
        return float(np.average(np.abs(self.predicted - self.happened)[there], weights=self.weight[there]))

    def table(self) -> list[dict[str, object]]:
        """One row per order."""
        return [
            {"order": k, "contexts": int(n), "log_likelihood": float(x), "zero_probability": int(z)}
            for k, (n, x, z) in enumerate(zip(self.contexts, self.log_likelihood, self.never, strict=True))
        ]

    def calibration(self) -> list[dict[str, object]]:
        """One row per tenth that anything was predicted in."""
        return [
            {"predicted": float(p), "happened": float(h), "predictions": int(w)}
            for p, h, w in zip(self.predicted, self.happened, self.weight, strict=True)
            if w
        ]

    def __repr__(self) -> str:
        return (
            f"Score({self.events:,} events, best order {self.best}: "
            f"{self.log_likelihood[self.best]:.4f} nats per event)"
        )


def held_out_score(tree: ContextTree, held: GramTable, packing: Packing, *, smoothing: float = 0.0) -> Score:
    """The scores of a tree's orders on the grams of other units.

    Raises
    ------
    ProblemError
        If there are no such grams.
    """
    if not len(held):
        raise ProblemError(
            "no unit is held out: there are too few units for the share; hold out a larger one"
        )
    orders = tree.order + 1
    likelihood, never = np.zeros(orders), np.zeros(orders, dtype=np.int64)
    visits, seen = np.zeros(tree.size, dtype=np.int64), np.zeros(tree.row_symbol.size, dtype=np.int64)
    places = [packing.place(position) for position in range(packing.order)]
    score(
        (held.words, packing.symbol(held.words, packing.order), held.count),
        (tree.child_ptr, tree.symbol, START, tree.row_ptr, tree.row_symbol, tree.times, tree.count),
        (
            np.array([word for word, _ in places]),
            np.array([shift for _, shift in places], dtype=np.uint64),
            np.uint64((1 << packing.bits) - 1),
        ),
        smoothing if smoothing > 0 else 1.0,
        (likelihood, never, visits, seen),
    )
    events = int(held.count.sum())
    contexts = np.cumsum(np.bincount(tree.length, minlength=orders))[:orders]
    return Score(events, likelihood / events, never, contexts, *_calibration(tree, visits, seen))


def _calibration(tree: ContextTree, visits: Codes, seen: Codes) -> tuple[Floats, Floats, Codes]:
    """Predicted and observed shares by tenths of the predicted one."""
    width = np.diff(tree.row_ptr)
    predicted = tree.times / np.repeat(tree.count, width)
    weight = np.repeat(visits, width)
    tenth = np.minimum((predicted * BINS).astype(np.int64), BINS - 1)
    total = np.bincount(tenth, weight, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return (
            np.bincount(tenth, weight * predicted, minlength=BINS) / total,
            np.bincount(tenth, seen, minlength=BINS) / total,
            total.astype(np.int64),
        )
