"""Bayesian networks: laws, do-queries, held-out likelihood, intervals, against known models."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbudget import ProblemError
from optbudget.causal.extension import extend
from optbudget.causal.laws import LogitLaw, Parents, TableLaw
from optbudget.causal.network import BayesianNetwork, fit_network
from optbudget.errors import UsageError
from optbudget.problems import CausalGraph, CausalQuestion, History

import reference

NAMES = ("r", "d", "m", "y")
GRAPH = CausalGraph.of(NAMES, [("r", "d"), ("r", "y"), ("d", "m"), ("m", "y")])
QUESTION = CausalQuestion(("r",), ("d",), ("m", "y"))


def drawn(rows: int, seed: int) -> History:
    """r -> d -> m -> y and r -> y: the effect of d on y is 2 * 1.5 = 3; y = 3 d + 4 in the mean."""
    noise = np.random.default_rng(seed).normal(size=(rows, 4))
    r = noise[:, 0]
    d = 0.8 * r + noise[:, 1]
    m = 1.0 + 2.0 * d + 0.5 * noise[:, 2]
    y = 2.5 + 1.5 * m - 3.0 * r + noise[:, 3]
    return History(QUESTION, np.column_stack([r, d, m, y]))


def test_do_is_the_exact_answer_of_the_estimated_model() -> None:
    history = drawn(300, 0)
    network = fit_network(GRAPH, history)

    def fitted(target: str, *sources: str) -> np.ndarray:
        design = np.column_stack([np.ones(300), *[history.column(name) for name in sources]])
        return np.linalg.lstsq(design, history.column(target))[0]

    (m0, md), (y0, yr, ym) = fitted("m", "d"), fitted("y", "r", "m")
    found = network.do({"d": 2.0})
    expected = y0 + ym * (m0 + 2.0 * md) + yr * history.column("r").mean()
    assert math.isclose(found["y"].mean, expected, rel_tol=1e-12)
    assert found["d"].mean == 2.0 and found["d"].deviation == 0.0 == found["d"].upper - found["d"].lower
    # Seeing d = 2 says something about r; setting it does not.
    assert math.isclose(found["r"].mean, network.do({})["r"].mean)


def test_do_of_the_true_model_is_its_closed_form() -> None:
    found = fit_network(GRAPH, drawn(200_000, 1)).do({"d": 2.0})["y"]
    assert abs(found.mean - (4.0 + 3.0 * 2.0)) < 0.03
    assert abs(found.deviation - math.sqrt(9 + (1.5 * 0.5) ** 2 + 1)) < 0.02
    draw = fit_network(GRAPH, drawn(200_000, 1)).draw(200_000, seed=3, do={"d": 2.0})
    assert abs(draw[:, 3].mean() - found.mean) < 0.03 and (draw[:, 1] == 2.0).all()


def test_intervals_cover_as_often_as_they_say() -> None:
    means = values = 0
    for seed in range(200):
        found = fit_network(GRAPH, drawn(60, 1000 + seed)).do({"d": 1.0}, level=0.9, redraws=200, seed=seed)[
            "y"
        ]
        true = np.random.default_rng(seed).normal(7.0, math.sqrt(9 + (1.5 * 0.5) ** 2 + 1))
        means += found.mean_lower <= 7.0 <= found.mean_upper
        values += found.lower <= true <= found.upper
    assert 168 <= means <= 192 and 168 <= values <= 192  # 180 expected; three deviations are 12.7.


def test_held_out_likelihood_is_the_normal_density_and_prefers_the_true_graph() -> None:
    network = fit_network(GRAPH, drawn(300, 0))
    fresh = drawn(500, 9)
    by_node = network.log_likelihood(fresh)
    seen = drawn(300, 0)

    def density(*sources: str) -> np.ndarray:
        design, other = (
            np.column_stack([np.ones(len(rows)), *[rows.column(name) for name in sources]])
            for rows in (seen, fresh)
        )
        line, squares, *_ = np.linalg.lstsq(design, seen.column("m"))
        deviation = math.sqrt(squares[0] / (300 - design.shape[1]))
        rest = fresh.column("m") - other @ line
        return -0.5 * (rest / deviation) ** 2 - math.log(deviation * math.sqrt(2 * math.pi))

    alone = CausalGraph.of(NAMES, [("r", "d"), ("r", "y"), ("m", "y")])
    gone = fit_network(alone, seen)
    assert np.allclose(by_node - gone.log_likelihood(fresh), density("d") - density())
    assert by_node.sum() > gone.log_likelihood(fresh).sum()


def discrete(rows: int, sizes: tuple[int, ...], seed: int) -> History:
    draw = np.random.default_rng(seed)
    codes = [draw.integers(sizes[0], size=rows)]
    for size in sizes[1:]:
        codes.append(np.where(draw.random(rows) < 0.6, codes[-1] % size, draw.integers(size, size=rows)))
    levels = {name: tuple(f"l{k}" for k in range(size)) for name, size in zip(NAMES, sizes, strict=True)}
    return History(QUESTION, np.array(codes, dtype=float).T, levels)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.integers(2, 3)] * 4),
    st.integers(0, 99),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.booleans(),
)
def test_discrete_do_is_the_enumerated_one(sizes: tuple, seed: int, there: list, sets: bool) -> None:
    history = discrete(40, sizes, seed)
    pairs = [(a, b) for k, b in enumerate(NAMES) for a in NAMES[:k]]
    graph = CausalGraph.of(NAMES, [pair for pair, it_is in zip(pairs, there, strict=True) if it_is])
    network = fit_network(graph, history, prior=0.5)
    tables = []
    for law in network.laws:
        shares = law.table.reshape(*law.parents.sizes, -1)
        tables.append((law.parents.columns, {key: shares[key] for key in np.ndindex(shares.shape[:-1])}))
    fixed, do = ({1: 1}, {"d": "l1"}) if sets else ({}, {})
    for target, name in enumerate(NAMES):
        expected = reference.enumerated_shares(tables, sizes, fixed, target)
        assert np.allclose(network.exact_shares(name, do), expected, atol=1e-12)


def test_tables_are_counted_and_draws_agree_with_the_sum() -> None:
    history = discrete(300, (2, 3, 2, 3), 5)
    network = fit_network(GRAPH, history, prior=0.0)
    law = network.laws[1]
    r, d = history.column("r"), history.column("d")
    assert np.allclose(law.table[1], [((r == 1) & (d == k)).sum() / (r == 1).sum() for k in range(3)])
    found = network.do({"d": "l2"}, rows=4000, redraws=20)
    assert math.isclose(sum(found["y"].shares.values()), 1.0)
    assert found["d"].shares == {"l0": 0.0, "l1": 0.0, "l2": 1.0}
    draw = network.draw(20_000, seed=2, do={"d": "l2"})
    for code, label in enumerate(history.levels["y"]):
        assert abs((draw[:, 3] == code).mean() - found["y"].shares[label]) < 0.02


def test_a_level_never_seen_is_impossible_without_a_prior_and_rare_with_one() -> None:
    history = discrete(30, (2, 2, 2, 2), 1)
    wide = History(QUESTION, history.values, {**history.levels, "y": ("l0", "l1", "never")})
    other = History(QUESTION, np.array([[0.0, 0.0, 0.0, 2.0]]), wide.levels)
    assert fit_network(GRAPH, wide, prior=0.0).log_likelihood(other)[0] == -math.inf
    assert np.isfinite(fit_network(GRAPH, wide, prior=1.0).log_likelihood(other)[0])


def test_a_logit_is_the_likeliest_and_its_spread_is_the_textbooks() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(3.0, 2.0, size=(4000, 1))
    score = np.column_stack([np.zeros(4000), 0.5 * x[:, 0] - 1.0, -0.3 * x[:, 0]])
    share = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    y = (share.cumsum(axis=1) < draw.random((4000, 1))).sum(axis=1).astype(float)
    law = LogitLaw.fit(Parents((0,), (0,)), x, y, 3)
    best = law.log_density(x, y).sum()
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-3
        moved = replace(law, coefficients=law.coefficients + step.reshape(2, 2))
        assert moved.log_density(x, y).sum() < best
    redrawn = [law.redrawn(draw).coefficients.ravel() for _ in range(2000)]
    middle = law.centre[1]
    true = [-1.0 + 0.5 * middle, -0.3 * middle, 0.5, -0.3]
    error = np.abs(law.coefficients.ravel() - true) / np.std(redrawn, axis=0)
    assert (error < 3.5).all() and (np.std(redrawn, axis=0) < 0.2).all()


def mixed(rows: int, seed: int) -> History:
    """A discrete r decides, with m, whether d is high; y follows both."""
    draw = np.random.default_rng(seed)
    r = draw.integers(3, size=rows)
    m = r + draw.normal(size=rows)
    d = (draw.random(rows) < 1 / (1 + np.exp(-m))).astype(float)
    y = 2.0 * d + np.array([0.0, 1.0, 5.0])[r] + draw.normal(size=rows)
    question = CausalQuestion(("r", "m"), ("d",), ("y",))
    return History(question, np.column_stack([r, m, d, y]), {"r": ("a", "b", "c"), "d": ("low", "high")})


def test_both_kinds_of_nodes_together() -> None:
    graph = CausalGraph.of(("r", "m", "d", "y"), [("r", "m"), ("m", "d"), ("r", "y"), ("d", "y")])
    network = fit_network(graph, mixed(4000, 1))
    high, low = (network.do({"d": label}, redraws=40)["y"] for label in ("high", "low"))
    assert abs(high.mean - low.mean - 2.0) < 0.1 and abs(high.mean - 4.0) < 0.2
    assert high.mean_lower < high.mean < high.mean_upper and high.lower < high.mean_lower
    assert network.exact_shares("d") is None  # It follows from a continuous column.
    assert network.log_likelihood(mixed(100, 2)).shape == (100,)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "factor, offset", [(1e-200, 0.0), (1e200, 0.0), (1e-150, 0.0), (1e300, 0.0), (1.0, 1e9), (1.0, 1e12)]
)
def test_the_units_of_a_column_change_nothing_but_units(name: str, factor: float, offset: float) -> None:
    plain, at = drawn(300, 0), NAMES.index(name)
    scale, shift = np.where(np.arange(4) == at, factor, 1.0), np.where(np.arange(4) == at, offset, 0.0)
    history = History(QUESTION, plain.values * scale + shift)
    network, same = fit_network(GRAPH, history), fit_network(GRAPH, plain)
    close = 1e-9 if offset == 0.0 else 1e-14 * offset + 1e-6
    asked, found = same.do({"d": 2.0}), network.do({"d": 2.0 * scale[1] + shift[1]})
    for k, other in enumerate(NAMES):
        for end in ("mean", "lower", "upper", "mean_lower", "mean_upper"):
            told = (getattr(found[other], end) - shift[k]) / scale[k]
            assert told == pytest.approx(getattr(asked[other], end), rel=close, abs=close)
        assert found[other].deviation / scale[k] == pytest.approx(asked[other].deviation, rel=1e-3)
    mean = network.log_likelihood(history).mean() + math.log(factor)
    assert mean == pytest.approx(same.log_likelihood(plain).mean(), abs=1e-3)
    rows = (network.draw(50, seed=1) - shift) / scale
    assert rows == pytest.approx(same.draw(50, seed=1), rel=close, abs=close)


@pytest.mark.parametrize("factor, offset", [(1e-200, 0.0), (1e200, 0.0), (1.0, 1e12)])
def test_the_chances_of_levels_do_not_depend_on_units(factor: float, offset: float) -> None:
    graph = CausalGraph.of(("r", "m", "d", "y"), [("r", "m"), ("m", "d"), ("r", "y"), ("d", "y")])
    plain = mixed(500, 1)
    values = plain.values * [1.0, factor, 1.0, 1.0] + [0.0, offset, 0.0, 0.0]
    network = fit_network(graph, History(plain.question, values, plain.levels))
    found = network.do({"m": 1.5 * factor + offset}, redraws=10)
    asked = fit_network(graph, plain).do({"m": 1.5}, redraws=10)
    assert found["d"].shares["high"] == pytest.approx(asked["d"].shares["high"], abs=2e-3)
    for end in ("mean", "lower", "upper", "mean_lower", "mean_upper"):
        assert getattr(found["y"], end) == pytest.approx(getattr(asked["y"], end), abs=5e-3)


def test_what_no_number_holds_is_refused_by_name() -> None:
    plain = drawn(50, 0)
    network = fit_network(GRAPH, plain)
    with pytest.raises(ProblemError, match="what m would be is too large"):
        network.do({"d": 1.7e308})
    small = fit_network(GRAPH, History(QUESTION, plain.values * [1.0, 1e-200, 1.0, 1.0]))
    with pytest.raises(ProblemError, match=r"column 'd' is set to 1e\+200, far from all"):
        small.do({"d": 1e200})
    tiny = fit_network(GRAPH, History(QUESTION, plain.values * [1.0, 1.0, 1.0, 1e-320]))
    for ask in (lambda: tiny.do({}), lambda: tiny.draw(5, seed=0)):
        with pytest.raises(ProblemError, match="what y would be is too large or too small"):
            ask()
    values = plain.values.copy()
    values[:, 2] = 1.0 + 2.0 * values[:, 1]
    exact = fit_network(GRAPH, History(QUESTION, values))
    assert exact.do({"d": 2.0})["m"].mean == pytest.approx(5.0)
    with pytest.raises(ProblemError, match="'m' follows from its causes without noise"):
        exact.log_likelihood(plain)
    values[:, 1] = 1e16 + 2.0 * (values[:, 0] > 0)
    with pytest.raises(ProblemError, match="node 'm' given d: 50 rows do not tell"):
        fit_network(GRAPH, History(QUESTION, values))


def test_what_does_not_fit_is_refused() -> None:
    history = drawn(50, 0)
    open_ = CausalGraph.of(NAMES, [("d", "m")], [("r", "d")])
    with pytest.raises(ProblemError, match=r"the direction of 'r' - 'd' is open"):
        fit_network(open_, history)
    assert isinstance(fit_network(extend(open_), history), BayesianNetwork)
    with pytest.raises(ProblemError, match="not the columns"):
        fit_network(CausalGraph.of("ab", []), history)
    with pytest.raises(ProblemError, match=r"node 'y' given r, m: 3 rows do not tell 3 coefficients apart"):
        fit_network(GRAPH, history.rows(np.arange(3)))
    with pytest.raises(UsageError, match="prior"):
        fit_network(GRAPH, history, prior=-1.0)
    network = fit_network(GRAPH, history)
    with pytest.raises(ProblemError, match="no column is called 'z'"):
        network.do({"z": 1.0})
    with pytest.raises(ProblemError, match="must be a finite number"):
        network.do({"d": math.nan})
    with pytest.raises(ProblemError, match="has no level 'l11'; did you mean"):
        fit_network(GRAPH, discrete(30, (2, 2, 2, 2), 1)).do({"d": "l11"})
    with pytest.raises(ProblemError, match="other columns"):
        network.log_likelihood(discrete(30, (2, 2, 2, 2), 1))
    with pytest.raises(ProblemError, match="too large"):
        TableLaw.fit(Parents((0,) * 20, (9,) * 20), np.zeros((2, 1)), np.zeros(2), 2, 1.0)
