"""`optbudget pareto`: the front of all trade-offs of departments at one budget, and one point of it."""

from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optbudget.cli.folders import require_apart, require_model
from optbudget.cli.front_learning import fields, learned, require_room, sentence
from optbudget.cli.held_risk import WEIGHT_ALONE, Risk, RiskWeight, weight_of
from optbudget.cli.outputs import SHOWN, say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import UsageError
from optbudget.status import Solution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optbudget.pareto import LearnedFront
    from optbudget.pareto.front import ExactFront
    from optbudget.pareto.learning_curve import LearningCurve
    from optbudget.pareto.rule_comparison import RuleComparison
    from optbudget.problems import DepartmentFront, Departments, Front

    Taught = tuple[LearnedFront, LearningCurve]


def command(
    run: Run,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder of kind departments.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder of the front to make, or to read with --point."),
    ],
    budget: Annotated[
        float | None,
        typer.Option(metavar="B", help="Money for all departments; the model's total budget, if not given."),
    ] = None,
    weights: Annotated[
        int, typer.Option(metavar="N", min=1, help="Fixed weights at which the front is sought.")
    ] = 50,
    refine: Annotated[
        int, typer.Option(metavar="N", min=0, help="Weights added where inner and outer front differ most.")
    ] = 10,
    tolerance: Annotated[
        float, typer.Option(metavar="GAP", min=0.0, help="Largest relative gap at every weight.")
    ] = 1e-6,
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="Of whatever is learned.")] = 42,
    episodes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            show_default="100",
            help="Runs of 1,000 steps from which points are learned, without the model; 0 learns none.",
        ),
    ] = None,
    point: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=0,
            show_default=False,
            help="Show one point, of the front in DIR if it is there already, and export it as text.",
        ),
    ] = None,
    risk: Risk = None,
    risk_weight: RiskWeight = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the front.")] = True,
    rules: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Hold budgeting rules against the front by every metric, over N seeds."
        ),
    ] = 0,
) -> None:
    """Compute what one budget can achieve in every objective, each point with its plan and a certificate."""
    from optbudget import files
    from optbudget.files.fronts import KIND

    require_model(model)
    require_apart(out, model)
    files.require_free(out, KIND)
    run.require_memory_to_read(model)
    if point is not None and files.holds_front(out):
        asked = {"weights": weights, "refine": refine, "tolerance": tolerance, "seed": seed}
        _say_what_is_not_used(run, asked | {"episodes": episodes, "figures": figures, "rules": rules})
        _show_point(run, _known(run, out, model, budget, (risk, risk_weight)), out, point)
        return
    departments = _departments(run, model, risk, risk_weight)
    if episodes:
        require_room(run, departments, episodes)
    from optbudget.pareto import exact_front

    with run.working("front") as monitor:
        found = exact_front(
            departments, budget=budget, weights=weights, refine=refine, tolerance=tolerance,
            threads=run.threads, monitor=monitor,
        )  # fmt: skip
    compared = _compared(run, found, range(seed, seed + rules)) if len(found.front) else None
    answer = found.with_plans()
    if answer.front.outcome.solution is not Solution.NONE:
        taught = None if episodes == 0 else learned(run, answer, out, episodes=episodes, seed=seed)
        if taught is not None:
            answer = answer.joined(taught[0].with_plans())
        _require_point(answer.front, point)
        _write(run, answer, out, seed=seed, point=point, figures=figures, taught=taught)
        _show(run, answer, out, point, compared, taught)
    else:
        run.answer(_fields(answer))
    say_how_it_ended(run, answer.front.outcome)
    finish(answer.front.outcome)


def _departments(run: Run, model: Path, risk: Path | None, risk_weight: float | None) -> "Departments":
    """The model, with the risk held against its rewards where one is named."""
    from optbudget import files

    read = files.load_departments(model)
    if risk is None:
        if risk_weight is not None:
            raise UsageError(WEIGHT_ALONE)
        return read
    weight = weight_of(risk_weight)
    run.log(f"R - {weight:g} x risk: what is proved is the optimisation given these effects, not the effects")
    return files.departments_with_risk(read, risk, weight)


def _known(
    run: Run, out: Path, model: Path, budget: float | None, harm: tuple[Path | None, float | None]
) -> "DepartmentFront":
    """The front that is there already, if it is of this model, and of the budget and risk that are given."""
    from optbudget import files
    from optbudget.errors import ResultError

    run.require_memory_to_read(out)
    answer = files.load_front(out)
    stated: Any = (answer.stated or {}).get("model")
    if files.departments_hash(model) != stated["sha256"]:
        raise ResultError(f"{out} is the front of another model than {model}; name another folder")
    if budget is not None and budget != answer.front.budget:
        raise UsageError(f"{out} is the front at a budget of {answer.front.budget:.10g}; name another folder")
    _require_risk(out, stated.get("risk") or {}, *harm)
    return answer


def _say_what_is_not_used(run: Run, asked: dict[str, object]) -> None:
    """Options of a new front that are not as by default, where one is there already and shown as it is."""
    default = signature(command).parameters
    given = [f"--{name}" for name, value in asked.items() if value != default[name].default]
    if given:
        run.log(f"the front is there already and shown as it is: {', '.join(given)} not used")


def _require_risk(out: Path, held: dict[str, Any], risk: Path | None, weight: float | None) -> None:
    """UsageError if another risk than the one that is held, or another weight of it, is named."""
    if risk is None and weight is not None:
        raise UsageError(WEIGHT_ALONE)
    if risk is None or (held.get("name"), held.get("weight")) == (risk.resolve().name, weight_of(weight)):
        return
    said = f"with {held['weight']:g} x risk of {held['name']!r}" if held else "without a risk"
    raise UsageError(f"{out} is a front {said}; name another folder")


def _require_point(front: "Front", point: int | None) -> None:
    if point is not None and point >= len(front):
        raise UsageError(f"--point {point}: the front has points 0 to {len(front) - 1}")


def _write(
    run: Run,
    answer: "DepartmentFront",
    out: Path,
    *,
    seed: int,
    point: int | None,
    figures: bool,
    taught: "Taught | None",
) -> None:
    """The folder, whole or not at all."""
    from optbudget.files.aside import written_aside
    from optbudget.files.fronts import export_point, write_front
    from optbudget.files.parquet_tables import write_parquet
    from optbudget.report.words import plural

    run.log(f"writing {plural(len(answer.front), 'plan')}")
    with written_aside(out) as folder:
        if taught is not None:
            write_parquet(taught[1].to_arrow(), folder / "learning.parquet")
        write_front(answer, folder, command=run.arguments, seed=seed)
        if point is not None:
            export_point(answer, point, folder)
        if figures:
            _draw(run, answer, folder, point, taught)


def _draw(
    run: Run, answer: "DepartmentFront", folder: Path, point: int | None, taught: "Taught | None"
) -> None:
    """The figures, or how to get them; the tables behind them are there either way."""
    from optbudget.errors import MissingExtraError

    try:
        from optbudget.report.figures import write
        from optbudget.report.front_figures import front_figure, parallel_figure, point_figure
        from optbudget.report.learning_curve_figure import learning_curve_figure
    except MissingExtraError as error:
        run.log(f"no figures: {error}")
        return
    write(front_figure(answer, chosen=point), folder / "front.svg")
    write(parallel_figure(answer, chosen=point), folder / "objectives.svg")
    if taught is not None:
        write(learning_curve_figure(taught[1]), folder / "learning.svg")
    if point is not None:
        write(point_figure(answer.point_of(point), point), folder / f"point-{point}.svg")


def _compared(run: Run, found: "ExactFront", seeds: range) -> "RuleComparison | None":
    """Budgeting rules beside the plan in which all objectives count alike, if any seeds are asked for."""
    if not seeds:
        return None
    import numpy as np

    from optbudget.pareto import compare_rules

    model = replace(found.departments, total_budget=found.front.budget)
    with run.working("budgeting rules") as monitor:
        compared = compare_rules(model, found, np.ones(len(model.objectives)), seeds=seeds, monitor=monitor)
    if len(compared.seeds) < len(seeds):
        run.log(f"budgeting rules were stopped after {len(compared.seeds)} of {len(seeds):,} seeds")
    return compared


def _show(
    run: Run,
    answer: "DepartmentFront",
    out: Path,
    point: int | None,
    compared: "RuleComparison | None",
    taught: "Taught | None",
) -> None:
    from optbudget.report.front_tables import front_grid, point_grid
    from optbudget.report.words import plural

    chosen = {} if point is None else {"chosen": _point_fields(answer, out, point)}
    rules = {} if compared is None else {"rules": compared.means()}
    said = {} if taught is None else {"learned": fields(taught)}
    run.answer({**_fields(answer), **said, **chosen, **rules})
    if run.json:
        return
    run.grids(front_grid(answer, limit=SHOWN))
    if compared is not None:
        from optbudget.report.rule_tables import adaptation_grid, criteria_grid, reached_grid

        run.grids(reached_grid(compared), criteria_grid(compared), adaptation_grid(compared))
    if point is not None:
        run.grids(point_grid(answer.point_of(point), point))
    exact = answer.front.of_kind("exact")
    run.show(f"{plural(len(exact), 'point')} computed, largest gap {exact.gap.max():.1e}. Written to {out}")
    if taught is not None:
        run.show(sentence(taught))


def _show_point(run: Run, answer: "DepartmentFront", out: Path, point: int) -> None:
    """One point of a front that is there already."""
    from optbudget.files.fronts import export_point
    from optbudget.report.front_tables import point_grid

    _require_point(answer.front, point)
    export_point(answer, point, out)
    run.answer(_point_fields(answer, out, point))
    if not run.json:
        run.grids(point_grid(answer.point_of(point), point))
        run.show(f"Policy and allocation are in {out / 'points' / str(point)}")


def _point_fields(answer: "DepartmentFront", out: Path, point: int) -> dict[str, object]:
    front, found = answer.front, answer.point_of(point)

    def named(names: tuple[str, ...], numbers: "NDArray[np.float64]") -> dict[str, float]:
        return dict(zip(names, numbers.tolist(), strict=True))

    return {
        "point": point,
        "kind": front.kind[point],
        "weights": named(front.objectives, front.weight[point]),
        "values": named(front.objectives, front.point[point]),
        **{name: getattr(front, name)[point] for name in ("spend", "bound", "gap", "price")},
        "budgets": named(answer.departments.departments, found.mean_spend),
        "allocation": found.to_arrow().to_pylist(),
        "folder": out / "points" / str(point),
    }


def _fields(answer: "DepartmentFront") -> dict[str, object]:
    front = answer.front
    weights = [dict(zip(front.objectives, row.tolist(), strict=True)) for row in front.weight]
    rows = zip(front.to_arrow().to_pylist(), weights, front.bound, front.gap, front.price, strict=True)
    return {
        "budget": front.budget, "objectives": front.objectives, "tolerance": front.tolerance,
        "termination": front.outcome.termination, "solution": front.outcome.solution,
        "message": front.outcome.message,
        "gap": front.of_kind("exact").gap.max(initial=0.0) if len(front) else None,
        "points": [
            {**row, "weights": weight, "bound": bound, "gap": gap, "price": price}
            for row, weight, bound, gap, price in rows
        ],
    }  # fmt: skip
