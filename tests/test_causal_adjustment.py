"""Adjustment sets against the definition, path by path, in every member of the class."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget.causal.adjustment import Adjustments, tiers_set
from optbudget.causal.walks import MixedGraph
from optbudget.problems import CausalGraph, CausalQuestion

from reference import adjusts, below, equivalent_graphs

NODES = tuple("abcde")
PAIRS = tuple(itertools.combinations(NODES, 2))


@st.composite
def dags(draw):
    """Edges of a small directed acyclic graph whose order of nodes is not that of their names."""
    order = draw(st.permutations(NODES))
    kept = draw(st.lists(st.booleans(), min_size=len(PAIRS), max_size=len(PAIRS)))
    return tuple(
        (a, b) if order.index(a) < order.index(b) else (b, a)
        for (a, b), keep in zip(PAIRS, kept, strict=True) if keep
    )  # fmt: skip


def class_of(edges):
    """The members of the class of a graph, and their common graph."""
    members = list(equivalent_graphs(NODES, edges))
    always = set.intersection(*members) if members else set()
    open_edges = [edge for edge in edges if edge not in always]
    return members, CausalGraph.of(NODES, sorted(always), open_edges)


@given(dags(), st.sampled_from(list(itertools.permutations(NODES, 2))), st.sets(st.sampled_from(NODES)))
@settings(max_examples=150, deadline=None)
def test_validity_in_a_dag_is_the_definition(edges, pair, chosen):
    adjusted = chosen - set(pair)
    found = Adjustments(CausalGraph.of(NODES, edges)).is_valid(*pair, adjusted)
    assert found == adjusts(set(edges), NODES, *pair, adjusted)


@given(dags(), st.sampled_from(list(itertools.permutations(NODES, 2))))
@settings(max_examples=150, deadline=None)
def test_the_optimal_set_is_valid_and_a_zero_is_one(edges, pair):
    found = Adjustments(CausalGraph.of(NODES, edges)).of(*pair)
    if pair[1] not in below(set(edges), pair[0]):
        assert found.method == "no path"
    else:
        assert found.method == "backdoor"
        assert adjusts(set(edges), NODES, *pair, found.variables)


@given(dags(), st.sampled_from(list(itertools.permutations(NODES, 2))), st.sets(st.sampled_from(NODES)))
@settings(max_examples=60, deadline=None)
def test_validity_in_a_class_is_validity_in_every_member(edges, pair, chosen):
    members, graph = class_of(edges)
    adjusted = chosen - set(pair)
    expected = all(adjusts(member, NODES, *pair, adjusted) for member in members)
    assert Adjustments(graph).is_valid(*pair, adjusted) == expected


@given(dags(), st.sampled_from(list(itertools.permutations(NODES, 2))))
@settings(max_examples=60, deadline=None)
def test_in_a_class_the_set_serves_every_member_or_none_does(edges, pair):
    members, graph = class_of(edges)
    adjustments = Adjustments(graph)
    found, others = adjustments.of(*pair), sorted(set(NODES) - set(pair))
    causes = {pair[1] in below(member, pair[0]) for member in members}
    if found.method == "no path":
        assert causes == {False}
    elif found.method == "backdoor":
        assert all(adjusts(member, NODES, *pair, found.variables) for member in members)
    else:
        subsets = itertools.chain.from_iterable(itertools.combinations(others, k) for k in range(4))
        common = [z for z in subsets if all(adjusts(member, NODES, *pair, z) for member in members)]
        assert found.method == "class"
        assert pair[1] not in found.variables
        assert not common or causes == {True, False}


def test_tiers_are_all_context_and_all_other_decisions():
    assert tiers_set(CausalQuestion(("u", "v"), ("d", "e"), ("y",)), "d") == ("u", "v", "e")


def test_known_optimal_set():
    """By hand: other causes of the outcome and of the mediator; not a, which moves the treatment only."""
    edges = [("a", "x"), ("b", "x"), ("b", "y"), ("x", "m"), ("c", "m"), ("m", "y"), ("d", "y")]
    graph = CausalGraph.of(tuple("abcdmxy"), edges)
    assert Adjustments(graph).optimal("x", "y") == ("b", "c", "d")


@pytest.mark.parametrize(
    ("edges", "hidden", "method", "variables"),
    [
        ([("h", "d"), ("h", "y"), ("d", "m"), ("m", "y")], {"h"}, "front-door", ("m",)),
        ([("h", "d"), ("h", "y"), ("z", "d"), ("d", "y")], {"h"}, "instrument", ("z",)),
        ([("h", "x"), ("x", "d"), ("h", "y"), ("d", "y")], {"h"}, "backdoor", ("x",)),
        ([("h", "d"), ("h", "y"), ("d", "y")], {"h"}, "none", ()),
        ([("h", "d"), ("h", "y"), ("d", "m"), ("m", "y"), ("d", "y")], {"h"}, "none", ()),
        ([("h", "d"), ("h", "y"), ("d", "y"), ("w", "z")], {"h"}, "none", ()),
    ],
)
def test_hidden_causes(edges, hidden, method, variables):
    """The textbook graphs of the front door, of an instrument, and of a common cause behind a window."""
    names = tuple(sorted({name for edge in edges for name in edge}))
    found = Adjustments(CausalGraph.of(names, edges), set(names) - hidden).of("d", "y")
    assert (found.method, found.variables) == (method, variables)
    if method == "none":
        assert "measuring h would identify" in found.reason


def test_an_instrument_that_also_moves_the_outcome_is_none():
    edges = [("h", "d"), ("h", "y"), ("z", "d"), ("z", "y"), ("d", "y")]
    found = Adjustments(CausalGraph.of(tuple("dhyz"), edges), {"d", "y", "z"}).of("d", "y")
    assert found.method == "none"


def test_known_edges_bound_what_may_be_caused():
    """An open triangle of which c -> a is known: no member has c below a, though a - b - c is open."""
    directed = np.zeros((3, 3), dtype=bool)
    directed[2, 0] = True
    undirected = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    graph = MixedGraph(directed, undirected)
    assert graph.possible_descendants(0).tolist() == [True, True, False]
    assert graph.possible_ancestors(1).tolist() == [True, True, True]


def test_fifty_nodes_take_no_time():
    rng = np.random.default_rng(0)
    names = tuple(f"v{k}" for k in range(50))
    directed = np.triu(rng.random((50, 50)) < 0.1, 1)
    adjustments = Adjustments(CausalGraph.certain(names, directed, np.zeros((50, 50))))
    methods = {adjustments.of(names[i], names[j]).method for i in range(20) for j in range(30, 50)}
    assert methods == {"backdoor", "no path"}
