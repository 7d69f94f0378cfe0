"""What learning would take is said before it is taken, and is about what it takes."""

import tracemalloc

import numpy as np
import pytest

from optbudget.errors import LimitError
from optbudget.learn import EventBatch, context_tree, count_histories, counting, gram_tables, weighing
from optbudget.problems.history_counts import GramTable
from optbudget.workers import Monitor


def log(rows=3_000, units=300, kinds=6, begin=0):
    draw = np.random.default_rng(3)
    unit = np.sort(draw.integers(units, size=rows))
    event = [f"e{k}" for k in draw.integers(kinds, size=rows)]
    return EventBatch.of(unit, np.arange(begin, begin + rows), event, value=draw.integers(3, size=rows))


def random_grams(size, words=2, seed=1):
    draw = np.random.default_rng(seed)
    return draw.integers(2**40, size=(size, words), dtype=np.uint64), draw.integers(2, size=size)


def peak_of(work):
    """Bytes that numpy holds at most while it works, besides what it is given and compiled code."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("words", [1, 2])
def test_estimates_are_about_what_is_taken(words):
    one, other = (gram_tables.tabulate(*random_grams(40_000, words, seed)) for seed in (1, 2))
    merged = peak_of(lambda: gram_tables.added(one, other))
    assert 0.7 * merged <= weighing.of_merge(one, other) <= 1.5 * merged
    grams, value = random_grams(40_000, words)
    taken = peak_of(lambda: gram_tables.tabulate(grams, value)) + grams.nbytes + value.nbytes
    assert 0.7 * taken <= weighing.of_batch(40_000, words) <= 1.5 * taken


def test_the_estimate_of_a_tree_is_no_less_than_what_it_takes():
    counts = count_histories([log(30_000)], order=6)
    grown = []

    def grow():
        grown.append(context_tree(counts.kept, counts.names, counts.packing, min_count=2))

    taken = peak_of(grow)
    tree = grown[-1]
    said = weighing.of_levels(counts.kept, 2) + weighing.of_tree(tree.size, tree.row_symbol.size)
    assert taken <= said <= 4 * taken


def test_a_batch_is_refused_before_its_grams_are_rolled(monkeypatch):
    monkeypatch.setattr(counting, "roll", None)
    with pytest.raises(LimitError, match=r"counting 3,[0-9]* histories of events needs about"):
        count_histories([log()], order=6, monitor=Monitor(memory_limit=100_000))


def test_counts_are_refused_before_they_are_merged(monkeypatch):
    known = count_histories([log()], order=6)
    held = weighing.of_table(known.kept)
    limit = int(held + weighing.of_merge(known.kept, GramTable.empty(known.packing.words)))
    monkeypatch.setattr(counting, "added", None)
    with pytest.raises(LimitError, match=r"counting .* needs about"):
        counting.update(known, [log(60, begin=3_000)], monitor=Monitor(memory_limit=limit))


def test_trees_are_refused_before_they_are_grown(monkeypatch):
    counts = count_histories([log()], order=6)
    monkeypatch.setattr("optbudget.learn.contexts.children", None)
    with pytest.raises(LimitError, match=r"a tree of the contexts of [0-9,]* histories needs about"):
        context_tree(counts.kept, counts.names, counts.packing, monitor=Monitor(memory_limit=100_000))
