"""Graphs from histories: tests of independence, skeleton, directions, extension, resamples."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget import ProblemError
from optbudget.causal import _orientation_kernels as orientation_kernels
from optbudget.causal import orientation
from optbudget.causal._independence_kernels import NORMAL, chi_square_tail, p_value
from optbudget.causal.background import Background, violations
from optbudget.causal.extension import colliders, extend
from optbudget.causal.independence import Sample, independence
from optbudget.causal.orientation import orient
from optbudget.causal.skeleton import find_skeleton
from optbudget.causal.structure import learn_graph
from optbudget.errors import InterruptedWork, UsageError
from optbudget.problems import CausalGraph, CausalQuestion, History
from optbudget.workers import Monitor

import reference

ROWS = 10**12
"""So many rows that a test on true correlations tells every dependence from none."""


def anything(a: int, b: int) -> bool:
    return a != b


def names(p: int) -> tuple[str, ...]:
    return tuple(f"v{k}" for k in range(p))


def free(p: int) -> Background:
    """Nothing is known."""
    allowed = ~np.eye(p, dtype=bool)
    return Background(names(p), allowed, np.zeros_like(allowed), np.zeros_like(allowed))


def tiered(p: int, tiers: list[int]) -> Background:
    level = np.array(tiers)
    known = free(p)
    return Background(known.names, known.allowed & (level[:, None] <= level), known.required, known.joined)


def correlations(p: int, edges: set[tuple[int, int]], seed: int) -> np.ndarray:
    """True ones of a linear model with these edges, i -> j only for i < j."""
    draw = np.random.default_rng(seed)
    effect = np.zeros((p, p))
    for i, j in edges:
        effect[i, j] = draw.uniform(0.4, 0.9) * draw.choice([-1, 1])
    total = np.linalg.inv(np.eye(p) - effect)
    covariance = total.T @ total
    deviation = np.sqrt(np.diag(covariance))
    return covariance / np.outer(deviation, deviation)


def true_test(matrix: np.ndarray) -> tuple:
    none = np.zeros(1, dtype=np.int64)
    return (NORMAL, ROWS, matrix, np.arange(len(matrix) + 1), none[None], none, none)


def drawn(rows: int, p: int, seed: int, share: float = 0.3) -> tuple[set[tuple[int, int]], np.ndarray]:
    """A random acyclic graph and rows of a linear model with it."""
    draw = np.random.default_rng(seed)
    edges = {(i, j) for i, j in combinations(range(p), 2) if draw.random() < share}
    values = draw.normal(size=(rows, p))
    for j in range(p):
        for i in range(j):
            if (i, j) in edges:
                values[:, j] += draw.uniform(0.3, 1.0) * draw.choice([-1, 1]) * values[:, i]
    return edges, values


def history_of(values: np.ndarray, sizes: tuple[int, int, int], **more: object) -> History:
    name = names(values.shape[1])
    a, b = sizes[0], sizes[0] + sizes[1]
    return History(CausalQuestion(name[:a], name[a:b], name[b:], **more), values)


def pairs(matrix: np.ndarray) -> set[tuple[int, int]]:
    return {(i, j) for i, j in np.argwhere(matrix).tolist()}


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 40, 300])
def test_the_tail_of_chi_squared_is_scipys(freedom: int) -> None:
    from scipy.stats import chi2

    for share in (1e-6, 0.1, 0.9, 1.0, 1.1, 2.0, 5.0):
        ours, theirs = chi_square_tail(share * freedom, freedom), chi2.sf(share * freedom, freedom)
        assert math.isclose(ours, theirs, rel_tol=1e-10, abs_tol=1e-14)


def test_fisher_z_is_that_of_the_residuals() -> None:
    _, values = drawn(60, 6, 3)
    history = history_of(values, (2, 2, 2))
    for given_ in ((), ("v2",), ("v2", "v5"), ("v2", "v3", "v5")):
        design = np.column_stack([np.ones(60), *[history.column(name) for name in given_]])
        rest = [
            history.column(name) - design @ np.linalg.lstsq(design, history.column(name))[0]
            for name in ("v0", "v4")
        ]
        r = np.corrcoef(rest)[0, 1]
        z = abs(math.atanh(r)) * math.sqrt(60 - len(given_) - 3)
        assert math.isclose(
            independence(history, "v0", "v4", given_), math.erfc(z / math.sqrt(2)), rel_tol=1e-9
        )


def categories(rows: int, sizes: tuple[int, ...], seed: int) -> History:
    draw = np.random.default_rng(seed)
    codes = [draw.integers(sizes[0], size=rows)]
    for size in sizes[1:]:
        codes.append(np.where(draw.random(rows) < 0.5, codes[-1] % size, draw.integers(size, size=rows)))
    levels = {f"v{k}": tuple(map(str, range(size))) for k, size in enumerate(sizes)}
    question = CausalQuestion(names(len(sizes))[:-2], names(len(sizes))[-2:-1], names(len(sizes))[-1:])
    return History(question, np.array(codes, dtype=float).T, levels)


def plain_g_squared(x: list[int], y: list[int], strata: list[tuple[int, ...]]) -> tuple[float, int]:
    statistic, freedom = 0.0, 0
    for stratum in set(strata):
        rows = [(a, b) for a, b, s in zip(x, y, strata, strict=True) if s == stratum]
        of_x, of_y = [a for a, _ in rows], [b for _, b in rows]
        freedom += (len(set(of_x)) - 1) * (len(set(of_y)) - 1)
        statistic += sum(
            2
            * rows.count(cell)
            * math.log(rows.count(cell) * len(rows) / (of_x.count(cell[0]) * of_y.count(cell[1])))
            for cell in set(rows)
        )
    return statistic, freedom


@pytest.mark.parametrize("given_", [(), (1,), (1, 3), (1, 3, 4)])
def test_g_squared_is_that_of_the_tables(given_: tuple[int, ...]) -> None:
    from scipy.stats import chi2

    history = categories(80, (3, 2, 4, 2, 3), 1)
    code = history.values.astype(int)
    strata = [tuple(row) for row in code[:, list(given_)].tolist()]
    statistic, freedom = plain_g_squared(code[:, 0].tolist(), code[:, 2].tolist(), strata)
    ours = independence(history, "v0", "v2", tuple(f"v{k}" for k in given_))
    assert math.isclose(ours, chi2.sf(statistic, freedom), rel_tol=1e-9)


def test_weights_count_as_repeated_rows() -> None:
    counts = np.random.default_rng(0).multinomial(80, np.full(80, 1 / 80))
    mixed = categories(80, (3, 2, 4, 2, 3), 1)
    number = History(mixed.question, mixed.values, {k: v for k, v in mixed.levels.items() if k != "v2"})
    for history in (mixed, number, history_of(drawn(80, 5, 1)[1], (1, 2, 2))):
        again = Sample.of(history.rows(np.repeat(np.arange(80), counts))).test()
        weighted = Sample.of(history).test(counts)
        for places in (np.array([], dtype=np.int64), np.array([1]), np.array([1, 3])):
            ours, theirs = (p_value(test, 0, 2, places, places.size) for test in (weighted, again))
            assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-15)


def test_blocks_are_wilks_ratio() -> None:
    from scipy.stats import chi2

    history = categories(200, (3, 2, 4), 2)
    history = History(
        history.question,
        history.values + np.array([0, 0.3, 0]),
        {"v0": history.levels["v0"], "v2": history.levels["v2"]},
    )

    def spread(target: np.ndarray, design: np.ndarray) -> float:
        rest = target - design @ np.linalg.lstsq(design, target)[0]
        return float(np.linalg.det(rest.T @ rest))

    dummies = [np.eye(size)[history.column(name).astype(int)][:, 1:] for name, size in (("v0", 3), ("v2", 4))]
    base = np.column_stack([np.ones(200), history.column("v1")])
    ratio = spread(dummies[1], np.column_stack([base, dummies[0]])) / spread(dummies[1], base)
    expected = chi2.sf(-(200 - 1 - 1 - 0.5 * (2 + 3 + 1)) * math.log(ratio), 6)
    assert math.isclose(independence(history, "v0", "v2", ("v1",)), expected, rel_tol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_the_skeleton_is_the_plain_one(seed: int) -> None:
    p = 9
    _, values = drawn(150, p, seed)
    known = tiered(p, [0] * 3 + [1] * 3 + [2] * 3) if seed % 2 else free(p)
    test = Sample.of(history_of(values, (3, 3, 3))).test()

    def independent(x: int, y: int, given_: tuple[int, ...]) -> bool:
        return p_value(test, x, y, np.array(given_, dtype=np.int64), len(given_)) > 0.05

    found = find_skeleton(test, known, 0.05)
    plain = reference.pc_stable(p, independent, lambda a, b: bool(known.allowed[a, b]))
    assert pairs(np.triu(found.adjacent)) == plain


@pytest.mark.parametrize("kind", ["normal", "categories"])
def test_the_skeleton_is_causal_learns(kind: str) -> None:
    pytest.importorskip("causallearn")
    from causallearn.search.ConstraintBased.PC import pc

    for seed in range(3):
        history = (
            history_of(drawn(300, 12, seed)[1], (0, 6, 6))
            if kind == "normal"
            else categories(300, (2, 3, 2, 3, 2), seed)
        )
        p = len(history.columns)
        found = find_skeleton(Sample.of(history).test(), free(p), 0.05)
        theirs = pc(
            np.ascontiguousarray(history.values),
            0.05,
            "fisherz" if kind == "normal" else "gsq",
            show_progress=False,
        )
        assert np.array_equal(found.adjacent, theirs.G.graph != 0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]], list[int], int]:
    p = draw(st.integers(3, 5))
    edges = {pair for pair in combinations(range(p), 2) if draw(st.integers(0, 9)) < 5}
    tiers = sorted(draw(st.lists(st.integers(0, 2), min_size=p, max_size=p)))
    return p, edges, tiers, draw(st.integers(0, 10**6))


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from(["majority", "conservative"]), st.booleans())
def test_true_correlations_give_the_essential_graph(drawn_: tuple, rule: str, knows: bool) -> None:
    """Meek's rules are complete: what is left open is open in some graph of the class that may be."""
    p, edges, tiers, seed = drawn_
    known = tiered(p, tiers) if knows else free(p)
    test = true_test(correlations(p, edges, seed))
    directed, open_ = orient(test, find_skeleton(test, known, 1e-6), known, 1e-6, colliders=rule)
    expected = reference.essential_graph(p, edges, lambda a, b: bool(known.allowed[a, b]))
    assert (pairs(directed), pairs(np.triu(open_))) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([20, 60, 200]), st.sampled_from(["majority", "conservative"]))
def test_nothing_known_is_violated_whatever_the_data(seed: int, rows: int, rule: str) -> None:
    """Small samples contradict themselves: still no cycle, no forbidden edge, no test of a forbidden pair."""
    _, values = drawn(rows, 8, seed, 0.5)
    a, b, c, d = (f"v{k}" for k in np.random.default_rng(seed).choice(8, 4, replace=False))
    tiers = CausalQuestion((), names(8)[:4], names(8)[4:])
    required = tuple(edge for edge in ((a, b), (b, c)) if tiers.tier(edge[0]) <= tiers.tier(edge[1]))
    history = history_of(values, (0, 4, 4), required=required, forbidden=((c, d), (d, c), (d, b)))
    known = Background.of(history.question)
    sample = Sample.of(history).test()
    skeleton = find_skeleton(sample, known, 0.2)
    directed, open_ = orient(sample, skeleton, known, 0.2, colliders=rule)
    graph = CausalGraph.certain(history.columns, directed, open_)  # It refuses cycles.
    assert violations(graph, known) == () and set(required) <= set(graph.edges)
    assert not skeleton.tests[~(known.allowed | known.allowed.T)].any()
    assert not skeleton.tests[known.required | known.required.T].any()
    assert extend(graph).is_dag and violations(extend(graph), known) == ()


def test_later_columns_separate_nothing_earlier() -> None:
    """a -> z <- b: given z, a and b depend; in an earlier tier they are never tested given z."""
    edges = {(0, 2), (1, 2), (2, 3)}
    known = tiered(4, [0, 0, 1, 2])
    skeleton = find_skeleton(true_test(correlations(4, edges, 0)), known, 1e-6)
    assert skeleton.tests[0, 1] == 1 and skeleton.tests[1, 0] == 0
    assert pairs(np.triu(skeleton.adjacent)) == edges


def test_forbidden_directions_that_would_close_a_cycle_drop_an_edge() -> None:
    adjacent = ~np.eye(3, dtype=bool)
    allowed = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
    directed = np.zeros((3, 3), dtype=bool)
    orientation_kernels.orient_known(adjacent, allowed, np.zeros_like(allowed), directed)
    assert pairs(directed) == {(0, 1), (1, 2)} and not adjacent[2, 0]


def test_a_collider_that_would_close_a_cycle_is_left_alone() -> None:
    """b -> d -> a is there: a -> b <- c would come round."""
    directed = np.zeros((4, 4), dtype=bool)
    directed[1, 3] = directed[3, 0] = True
    orientation_kernels.orient_colliders(np.array([[0, 1, 2]]), directed)
    assert pairs(directed) == {(1, 3), (3, 0)}


@pytest.mark.parametrize(
    ("known", "triples", "expected"),
    [
        ({(1, 0)}, [(0, 1, 2)], {(1, 0)}),  # b -> a is known: neither it nor c - b is directed anew.
        (set(), [(0, 1, 2), (1, 2, 3)], {(0, 1), (2, 1)}),  # The first says c -> b, the second b -> c.
        (set(), [(1, 2, 3), (0, 1, 2)], {(1, 2), (3, 2)}),
    ],
)
def test_a_collider_turns_no_edge_round_and_takes_all_or_none_of_its_own(known, triples, expected) -> None:
    directed = np.zeros((4, 4), dtype=bool)
    directed[tuple(zip(*known, strict=True)) if known else ([], [])] = True
    orientation_kernels.orient_colliders(np.array(triples), directed)
    assert pairs(directed) == expected


@pytest.mark.parametrize("rule", ["majority", "conservative"])
def test_colliders_that_contradict_each_other_are_taken_in_turn(rule: str, monkeypatch) -> None:
    """Small samples of dense graphs; what Meek's rules would be told is looked at, as they hide who won."""
    told = []
    monkeypatch.setattr(orientation, "ROOM", 2)  # So that room has to be made.
    monkeypatch.setattr(orientation_kernels, "orient_by_rules", lambda _, unclear, __: told.append(unclear))
    for seed in range(60):
        p, known = 7, tiered(7, [0, 0, 1, 1, 1, 1, 1]) if seed % 2 else free(7)
        known.allowed[[3, 5], [5, 3]] = False
        test = Sample.of(history_of(drawn(60, p, seed, 0.5)[1], (0, 3, 4))).test()
        skeleton = find_skeleton(test, known, 0.1)
        before = np.zeros((p, p), dtype=bool)
        orientation_kernels.orient_known(skeleton.adjacent.copy(), known.allowed, known.required, before)
        edges, unclear = reference.colliders_in_turn(
            p, pairs(np.triu(skeleton.adjacent)),
            lambda x, y, s, test=test: p_value(test, x, y, np.array(s, dtype=np.int64), len(s)) > 0.1,
            lambda a, b, known=known: bool(known.allowed[a, b]),
            pairs(before), skeleton.deepest, rule == "conservative",
        )  # fmt: skip
        assert pairs(orient(test, skeleton, known, 0.1, colliders=rule)[0]) == edges
        assert {(x, z, y) for x, z, y in np.argwhere(told[-1]).tolist() if x < y} == unclear


def test_the_fourth_rule_of_meek() -> None:
    """a - c -> d -> b, a - d, a - b, b and c apart: b -> a would make c -> a a collider or a cycle."""
    adjacent, directed = np.zeros((4, 4), dtype=bool), np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 1), (0, 2), (0, 3), (2, 3), (3, 1)):
        adjacent[i, j] = adjacent[j, i] = True
    directed[2, 3] = directed[3, 1] = True
    orientation_kernels.orient_by_rules(adjacent, np.zeros((4, 4, 4), dtype=bool), directed)
    assert pairs(directed) == {(0, 1), (2, 3), (3, 1)}


@settings(max_examples=150, deadline=None)
@given(st.integers(3, 5), st.data())
def test_a_graph_is_extended_where_it_can_be_and_always_ends(p: int, data: st.DataObject) -> None:
    marks = {pair: data.draw(st.integers(0, 3)) for pair in combinations(range(p), 2)}
    order = data.draw(st.permutations(range(p)))
    fixed = {(order[i], order[j]) for (i, j), mark in marks.items() if mark == 1}
    open_ = [tuple(sorted((order[i], order[j]))) for (i, j), mark in marks.items() if mark > 1]
    name = names(p)
    graph = CausalGraph.of(
        name, [(name[a], name[b]) for a, b in fixed], [(name[a], name[b]) for a, b in open_]
    )
    found = extend(graph)
    assert found.is_dag and np.array_equal(found.adjacent, graph.adjacent)
    assert not (graph.directed & ~found.directed).any()
    # A collider whose edges were both directed before is no new one.
    before = {t for t in reference.open_colliders(p, fixed | {e for a, b in open_ for e in ((a, b), (b, a))})
              if {(t[0], t[1]), (t[2], t[1])} <= fixed}  # fmt: skip
    possible = any(True for _ in reference.directions(p, open_, fixed, before, anything))
    same = {tuple(name.index(x) for x in t) for t in colliders(found)} == before
    assert same == possible


def test_a_circle_without_an_extension_ends() -> None:
    """Four in a circle, all open: any direction makes a collider; causal-learn never comes back from it."""
    circle = CausalGraph.of("abcd", [], [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")])
    assert extend(circle).is_dag and len(colliders(extend(circle))) == 1


def test_a_cyclic_result_of_causal_learn_is_mended() -> None:
    pytest.importorskip("causallearn")
    from optbudget.causal.causal_learn import mended

    marks = np.array([[0, -1, 1, 1], [1, 0, -1, 0], [-1, 1, 0, 0], [1, 0, 0, 0]])
    directed, open_ = mended(marks, free(4))
    assert pairs(directed) == {(0, 1), (1, 2)} and pairs(np.triu(open_)) == {(0, 2), (0, 3)}


def test_causal_learn_is_selectable_and_keeps_what_is_known() -> None:
    pytest.importorskip("causallearn")
    history = history_of(drawn(300, 8, 5)[1], (3, 3, 2), required=(("v0", "v7"),), forbidden=(("v1", "v4"),))
    graph = learn_graph(history, method="causal-learn", bootstraps=2)
    assert violations(graph, Background.of(history.question)) == ()
    ours = learn_graph(history, bootstraps=2)
    assert (graph.adjacent == ours.adjacent).mean() > 0.9


def test_resamples_give_frequencies_and_are_repeatable() -> None:
    edges, values = drawn(400, 8, 11)
    history = history_of(values, (3, 3, 2))
    graph = learn_graph(history, bootstraps=30, seed=4)
    again = learn_graph(history, bootstraps=30, seed=4)
    assert np.array_equal(graph.frequency, again.frequency) and np.array_equal(
        graph.orientation, again.orientation
    )
    assert (graph.frequency[graph.adjacent] > 0.3).all()
    assert np.allclose(graph.frequency * 30, np.round(graph.frequency * 30))
    assert (graph.orientation + graph.orientation.T <= 1 + 1e-12).all()
    assert not graph.orientation[:, :3][3:].any()  # Never into an earlier tier.
    assert learn_graph(history, bootstraps=0).frequency.max() == 1.0
    assert {tuple(sorted(pair)) for pair in pairs(graph.adjacent)} <= {tuple(sorted(e)) for e in edges} | set(
        combinations(range(8), 2)
    )


def test_a_given_graph_is_merged_or_stands_alone() -> None:
    _, values = drawn(300, 6, 2)
    history = history_of(values, (2, 2, 2))
    given_ = CausalGraph.of(("v0", "v3", "v5"), [("v0", "v5")], [("v3", "v0")])
    merged = learn_graph(history, given=given_, bootstraps=5)
    assert {("v0", "v5"), ("v0", "v3")} <= set(merged.edges) and merged.frequency[0, 5] == 1
    alone = learn_graph(history, given=given_, merge=False)
    assert alone.edges == (("v0", "v3"), ("v0", "v5")) and alone.names == history.columns


@pytest.mark.parametrize(
    ("edges", "more", "says"),
    [
        ([("v4", "v0")], {}, "'v4' -> 'v0' goes from outcomes back to context"),
        ([("v0", "v4")], {"forbidden": (("v0", "v4"),)}, "'v0' -> 'v4' is forbidden"),
        ([("v3", "v2")], {"required": (("v2", "v3"),)}, "make a cycle: v3 -> v2 -> v3"),
        ([("v0", "w")], {}, "a node 'w', which is no column"),
    ],
)
def test_a_given_graph_that_cannot_be_is_refused(edges: list, more: dict, says: str) -> None:
    history = history_of(drawn(50, 6, 2)[1], (2, 2, 2), **more)
    nodes = tuple(dict.fromkeys(name for edge in edges for name in edge))
    with pytest.raises(ProblemError) as caught:
        learn_graph(history, given=CausalGraph.of(nodes, edges))
    assert says in str(caught.value)


def test_options_out_of_range_and_histories_without_variation_are_refused() -> None:
    values = drawn(50, 6, 2)[1]
    history = history_of(values, (2, 2, 2))
    for options in (
        {"alpha": 1.5},
        {"bootstraps": -1},
        {"method": "pcalg"},
        {"deepest": -1},
        {"merge": False},
    ):
        with pytest.raises(UsageError):
            learn_graph(history, **options)
    flat = values.copy()
    flat[:, 3] = 7.0
    with pytest.raises(ProblemError, match="decision 'v3' has no variation"):
        learn_graph(history_of(flat, (2, 2, 2)))


def test_learning_tells_how_far_it_is_and_stops_when_asked() -> None:
    history = history_of(drawn(100, 6, 2)[1], (2, 2, 2))
    seen: list[float] = []
    learn_graph(history, bootstraps=4, monitor=Monitor(report=lambda share, text: seen.append(share)))
    assert seen == [0.25, 0.5, 0.75, 1.0]
    stopped = Monitor()
    stopped.interrupt()
    with pytest.raises(InterruptedWork, match="after 0 of 4 bootstraps"):
        learn_graph(history, bootstraps=4, monitor=stopped)
