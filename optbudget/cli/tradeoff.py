"""`optbudget tradeoff`: value given up against harm avoided, and where a decision flips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.allocate import population_of
from optbudget.cli.arguments import PopulationFile
from optbudget.cli.folders import require_model
from optbudget.cli.held_risk import Risk, RiskWeight, weight_of
from optbudget.cli.run import Run
from optbudget.cli.simulate import FIGURES, require_writable
from optbudget.cli.weighted import Weights, to_solve
from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.problems import Allocation
    from optbudget.problems.risk_trade_off import RiskTradeOff


def command(
    run: Run,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model folder.", show_default=False)],
    budget: Annotated[float, typer.Option(metavar="B", help="Money for all units.", show_default=False)],
    risk: Risk = None,
    risk_weights: Annotated[
        str, typer.Option(metavar="LO:HI", help="From which to which risk weight.")
    ] = "0:2",
    risk_weight: RiskWeight = None,
    weights: Weights = None,
    population: PopulationFile = None,
    tolerance: Annotated[
        float, typer.Option(metavar="GAP", min=0.0, help="Relative gap to certify at every weight.")
    ] = 1e-9,
    most: Annotated[int, typer.Option(metavar="N", min=2, help="Solve at most so often.")] = 101,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png|.svg|.pdf", help="Draw the trade-off.")
    ] = None,
) -> None:
    """Find the best plan for every risk weight, the weights at which it flips, and the plans at both ends.

    At --risk-weight K (1 if not given) the budget is split again for both ends of the effects' intervals.
    """
    from optbudget import files, planning

    if risk is None:
        raise UsageError("name the side effects: --risk DIR, what optbudget causal wrote")
    if not budget >= 0:
        raise UsageError(f"--budget is {budget}; it must be a number >= 0")
    low, high = _range(risk_weights)
    at = weight_of(risk_weight)
    require_model(model)
    require_writable("--figure", figure, FIGURES)
    run.require_memory_to_read(model, *filter(None, (population,)))
    given = to_solve(model, weights, normalize=False, sum_duplicates=False)
    units = given.population if population is None else None
    units = population_of(population, given.problem) if units is None else units
    side_effects = files.load_side_effects(risk, given.problem)
    asked = given.problem, side_effects, units, budget
    with run.working("trade-off") as monitor:
        found = planning.risk_trade_off(
            *asked, weights=(low, high), tolerance=tolerance, most=most, monitor=monitor
        )
        ends = planning.at_both_ends(*asked, at, tolerance=tolerance, monitor=monitor)
    if figure is not None:
        from optbudget import report
        from optbudget.report.trade_off_figure import trade_off_figure

        report.write(trade_off_figure(found), figure)
        run.log(f"wrote {figure}")
    _show(run, found, {str(end): split for end, split in ends.items()}, at)


def _range(text: str) -> tuple[float, float]:
    """The ends of a range such as 0:2."""
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError:
        raise UsageError(f"--risk-weights {text!r} is no range LO:HI such as 0:2") from None
    if not 0 <= low <= high < float("inf"):
        raise UsageError(f"--risk-weights {text!r}: they must be numbers, 0 <= LO <= HI")
    return low, high


def _show(run: Run, found: "RiskTradeOff", ends: "dict[str, Allocation]", at: float) -> None:
    from optbudget.report.risk_trade_off import ends_grid, flip_sentences, trade_off_grid

    sentences = flip_sentences(found)
    run.answer({
        "budget": found.budget, "settled": found.settled, "plans": found.to_arrow().to_pylist(),
        "flips": [
            {"weight": flip.weight, "error": flip.error, "settled": flip.settled, "unsaid": flip.unsaid}
            for flip in found.flips
        ],
        "sentences": sentences,
        "ends": {
            "weight": at,
            **{end: {"value": split.value, "price": split.price, "spent": split.spent,
                     "allocation": split.to_arrow().to_pylist()} for end, split in ends.items()},
        },
    })  # fmt: skip
    run.grids(trade_off_grid(found), ends_grid(ends, at))
    for sentence in sentences:
        run.show(sentence)
