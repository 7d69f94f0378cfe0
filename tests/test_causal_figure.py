"""The figure of a causal graph."""

from pathlib import Path

import numpy as np
import pytest

from optbudget.problems import CausalGraph, CausalQuestion

pytest.importorskip("matplotlib")


def drawn(frequency: float) -> list:
    from optbudget.report import graph_figure

    names = ("c", "a decision with a very long name", "e", "y", "z")
    graph = CausalGraph.of(names, [("c", names[1]), (names[1], "y"), ("e", "y"), ("y", "z")], [("c", "e")])
    graph = CausalGraph(
        names, graph.directed, graph.undirected, np.where(graph.adjacent, frequency, 0.0), graph.orientation
    )
    figure = graph_figure(graph, CausalQuestion(names[:1], names[1:3], names[3:]))
    return [figure, figure.axes[0].patches]


def test_edges_are_as_wide_as_they_are_frequent_and_dashed_where_open(tmp_path: Path) -> None:
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    from optbudget.report import write

    figure, patches = drawn(1.0)
    arrows = [patch for patch in patches if isinstance(patch, FancyArrowPatch)]
    boxes = [patch for patch in patches if isinstance(patch, FancyBboxPatch)]
    assert len(arrows) == 5 and len(boxes) == 5
    assert sorted(arrow.get_linestyle() for arrow in arrows) == ["-"] * 4 + ["--"]
    _, rare = drawn(0.2)
    assert rare[0].get_linewidth() < arrows[0].get_linewidth()
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert "a decision with a ver…" in labels and "decisions" in labels
    for suffix in (".png", ".svg"):
        assert write(figure, tmp_path / f"graph{suffix}").stat().st_size > 1000


def test_no_edge_goes_behind_a_box() -> None:
    """Context to outcome past one, two and three decisions: an edge that is hidden looks like two others."""
    from matplotlib.patches import FancyArrowPatch

    from optbudget.report import graph_figure

    for decisions in (("d",), ("d", "e"), ("d", "e", "f")):
        question = CausalQuestion(("a", "b", "c"), decisions, ("x", "y", "z"))
        edges = [(cause, effect) for cause in question.context for effect in question.outcomes]
        graph = CausalGraph.of(question.columns, edges)
        axes = graph_figure(graph, question).axes[0]
        arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
        ends = [arrow.get_path().to_polygons(closed_only=False)[0] for arrow in arrows]
        height = {text.get_text(): text.get_position()[1] for text in axes.texts}
        for line in ends:
            x, y = np.linspace(line[:-1], line[1:], 50).reshape(-1, 2).T
            beside = np.abs(x - 1) < 0.23
            assert beside.any()
            assert all((np.abs(y[beside] - height[name]) > 0.3).all() for name in decisions)


def test_the_tiers_stand_from_left_to_right_and_no_two_nodes_together() -> None:
    figure, _ = drawn(0.7)
    place = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert place["c"][0] < place["e"][0] < place["y"][0] == place["z"][0]
    assert abs(place["y"][1] - place["z"][1]) >= 1.0
