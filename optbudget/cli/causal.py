"""`optbudget causal`: a budget history to a graph, effects with intervals, and the risk of actions."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optbudget.cli.crews import Cluster, Workers, crew_of
from optbudget.cli.run import Run
from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.problems import CausalAnswer, CausalGraph, Effect, History


def command(
    run: Run,
    history: Annotated[
        Path,
        typer.Argument(
            metavar="HISTORY",
            show_default=False,
            help="A .csv or .parquet file, one row per period (and unit).",
        ),
    ],
    config: Annotated[
        Path,
        typer.Option(metavar="FILE.toml", show_default=False, help="What the columns are, and what hurts."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="The folder to write; an earlier one of causal is replaced.",
        ),
    ],
    graph: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Table of source, target: the graph to take as it is; nothing is learned.",
        ),
    ] = None,
    bootstraps: Annotated[
        int, typer.Option(metavar="N", min=0, help="Resamples that the frequencies of edges come from.")
    ] = 100,
    refutations: Annotated[
        int, typer.Option(metavar="N", min=0, help="Simulations of each refutation test; 0 makes none.")
    ] = 20,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of resamples and refutations.")] = 0,
    level: Annotated[float, typer.Option(metavar="P", help="Of the intervals.")] = 0.95,
    robust: Annotated[
        bool, typer.Option("--robust", help="Standard errors that allow for unequal variances (HC3).")
    ] = False,
    figures: Annotated[
        bool, typer.Option("--figures/--no-figures", help="Draw the graph and the effects.")
    ] = True,
    workers: Workers = None,
    cluster: Cluster = None,
) -> None:
    """Say what each budget decision does to each outcome, and which actions may do harm unintended."""
    from optbudget import files
    from optbudget.files.aside import written_aside
    from optbudget.files.causal_results import KIND, write_causal

    if not 0 < level < 1 or 0.5 + 0.5 * level == 1.0:
        raise UsageError(f"--level is {level}; it must be between 0 and 1, not next to 1")
    files.require_free(out, KIND)
    run.require_memory_to_read(history, *filter(None, (graph,)))
    known = files.load_history(history, config)
    given = None if graph is None else _given(run, graph, known)
    _require_directions(history, known)
    from optbudget.causal.answer import answer_question

    with crew_of(run, workers, cluster) as crew, run.working("causes and effects") as monitor:
        answer = answer_question(
            known, given, level=level, robust=robust, bootstraps=bootstraps, refutations=refutations,
            seed=seed, crew=crew, monitor=monitor,
        )  # fmt: skip
    with written_aside(out) as folder:
        write_causal(answer, folder, command=run.arguments)
        if figures:
            _draw(run, answer, folder)
    _show(run, answer)


def _given(run: Run, path: Path, history: "History") -> "CausalGraph":
    """The graph of a file; says which of its nodes the history has no column of."""
    from optbudget.files.graphs import load_graph
    from optbudget.problems.columns import did_you_mean

    graph = load_graph(path, history.question)
    hidden = [name for name in graph.names if name not in history.columns]
    if hidden:
        run.log(f"taken as hidden causes, as the history has no such column: {', '.join(hidden)}")
    for name in hidden:
        if meant := did_you_mean(name, history.columns):
            run.log(f"warning: the hidden cause {name!r} is no column{meant}")
    if not graph.adjacent.any():
        run.log(f"warning: {path.name} has no edge, so that no decision has any effect by the graph")
    return graph


def _require_directions(path: Path, history: "History") -> None:
    """ProblemError naming the file where "more" of a column must mean something, and it holds text."""
    from optbudget.causal.answer import require_directions
    from optbudget.errors import ProblemError

    try:
        require_directions(history)
    except ProblemError as error:
        raise ProblemError([replace(issue, file=path.name) for issue in error.issues]) from None


def _draw(run: Run, answer: "CausalAnswer", folder: Path) -> None:
    """The figures, or how to get them; the tables behind them are there either way."""
    from optbudget.errors import MissingExtraError

    try:
        from optbudget.report.causal_graph_figure import graph_figure
        from optbudget.report.effects_figure import effects_figure
        from optbudget.report.figures import write
    except MissingExtraError as error:
        run.log(f"no figures: {error}")
        return
    write(effects_figure(answer), folder / "effects.svg")
    write(graph_figure(answer.graph, answer.question), folder / "graph.svg")


def _show(run: Run, answer: "CausalAnswer") -> None:
    from optbudget.report import causal_tables

    run.answer(_fields(answer))
    if run.json:
        return
    run.grids(causal_tables.effects_grid(answer))
    if not all(row.identified for row in answer.effects.rows):
        run.grids(causal_tables.refusals_grid(answer))
    if any(row.refutations for row in answer.effects.rows):
        run.grids(causal_tables.refutation_grid(answer))
    if answer.question.actions:
        run.grids(causal_tables.harm_grid(answer))


def _fields(answer: "CausalAnswer") -> dict[str, Any]:
    graph = answer.graph
    return {
        "rows": answer.rows,
        "seed": answer.seed,
        "bootstraps": answer.bootstraps,
        "refutations": answer.refutations,
        "level": answer.effects.level,
        "edges": [
            {
                "source": a, "target": b, "frequency": float(graph.frequency[i, j]),
                "orientation_frequency": float(graph.orientation[i, j]),
            }
            for a, b in graph.edges for i, j in [(graph.position(a), graph.position(b))]
        ],
        "open_edges": [list(edge) for edge in graph.open_edges],
        "effects": [_effect_fields(row) for row in answer.effects.rows],
        "disagree": [list(pair) for pair in answer.effects.disagreements()],
        "risk": [
            {
                "action": row.action, "state": row.state, "outcome": row.outcome, "risk": row.risk,
                "lower": row.lower, "upper": row.upper, "probability": row.probability,
                "path": list(row.path),
            }
            for row in answer.side_effects.rows
        ],
        "refused": [
            {"action": one.action, "outcome": one.outcome, "reason": one.reason}
            for one in answer.side_effects.refused
        ],
    }  # fmt: skip


def _effect_fields(row: "Effect") -> dict[str, Any]:
    known = row.estimate
    return {
        "decision": row.decision, "outcome": row.outcome, "adjustment": row.adjustment,
        "effect": None if known is None else known.effect,
        "std_error": None if known is None else known.std_error,
        "lower": None if known is None else known.lower,
        "upper": None if known is None else known.upper,
        "identified": row.identified, "method": row.method, "adjusted_for": list(row.adjusted_for),
        "reason": row.reason, "refutations": dict(row.refutations),
        "range": [one.effect for one in row.members],
        "residual_share": None if row.overlap is None else row.overlap.residual_share,
    }  # fmt: skip
