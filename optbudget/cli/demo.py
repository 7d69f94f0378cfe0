"""`optbudget demo`: the whole chain on the paper's 15-state advertising problem.

Curves of every state, 1,000 customers at the paper's four budgets under both of its populations, every
proof checked again, and our numbers beside the paper's with the reason they differ.
"""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli import exits
from optbudget.cli.outputs import say_how_it_ended
from optbudget.cli.run import Run, finish
from optbudget.errors import MissingExtraError, ResultError
from optbudget.status import Termination

if TYPE_CHECKING:
    from optbudget.problems import Allocation, CurveSet, Population, Verification
    from optbudget.report.tables import Grid

MODEL = "synthetic_ad"


def command(
    run: Run,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the result and its page go.")] = Path(
        "optbudget-demo"
    ),
) -> None:
    """Solve the paper's example, split four budgets, check the proofs, and write a page about it."""
    from optbudget import allocation, budgeted, certify, files
    from optbudget.report import demo_grids, paper_populations
    from optbudget.report.published import BUDGETS

    files.require_free(out)
    problem = files.load_model(folder_of_models() / MODEL)
    start = perf_counter()
    with run.working("demo") as monitor:
        answer = budgeted.solve(problem, method="exact", monitor=monitor, threads=run.threads)
    if answer.outcome.termination is not Termination.OPTIMAL:
        say_how_it_ended(run, answer.outcome)
        finish(answer.outcome)
    solved = perf_counter() - start
    begin, spread = paper_populations(problem)
    copies = spread.size // begin.size
    at_begin = [allocation.allocate(answer, begin, budget) for budget in BUDGETS]
    greedy = [allocation.allocate(answer, spread, budget * copies) for budget in BUDGETS]
    uniform = [allocation.allocate(answer, spread, budget * copies, method="uniform") for budget in BUDGETS]
    found = certify.verify_all([answer, *at_begin, *greedy, *uniform])
    grids = demo_grids(answer, at_begin, greedy, uniform)
    written, missing = _write(out, answer, begin, at_begin[-1], found[len(at_begin)], grids, run.arguments)
    failed = [check.name for verification in found for check in verification.checks if not check.ok]
    run.show(f"Exact curves of {len(answer)} states in {solved:.2f} s, compiling included.")
    run.grids(*grids)
    proofs = sum(len(verification.checks) for verification in found)
    run.show(f"{proofs} statements about {len(found)} answers checked again: " + _verdict(failed))
    run.show("\n".join(f"wrote {path}" for path in written))
    if missing:
        run.show(f"For figures and a page: {missing}, then the same command again.")
    run.answer(
        {
            "ok": not failed,
            "gap": answer.gap,
            "segments": {label: len(answer[label]) for label in problem.labels},
            "begin": [_numbers(split) for split in at_begin],
            "spread": [_numbers(split, copies) for split in greedy],
            "uniform": [_numbers(split, copies) for split in uniform],
            "files": written,
        }
    )
    if failed:
        raise typer.Exit(exits.FAILED)


def folder_of_models() -> Path:
    """The models that came with the package: in the wheel, or beside a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "models", package.parent / "models"):
        if (folder / MODEL / "model.toml").is_file():
            return folder
    raise ResultError("the models did not come with this installation; install optbudget again")


def _write(
    out: Path,
    answer: "CurveSet",
    population: "Population",
    split: "Allocation",
    found: "Verification",
    grids: "Sequence[Grid]",
    command: Sequence[str],
) -> tuple[list[Path], str | None]:
    """The result folder of the largest split, with figures and page where they can be drawn."""
    from optbudget import files, report
    from optbudget.budgeted.in_use import policy_in_use
    from optbudget.files.aside import written_aside

    pictures = ["figure_4.svg", "figure_6.svg", "report.html"]
    missing = None
    with written_aside(out) as aside:
        files.save(split, aside, command=command, policy=policy_in_use(split))
        try:
            report.write(report.figure_4(answer), aside / pictures[0])
            report.write(report.figure_6(answer, population), aside / pictures[1])
            report.page(split, aside / pictures[2], verification=found, folder=out.name, comparison=grids)
        except MissingExtraError as error:
            missing = str(error)
    return [out / "result.json", *(out / name for name in pictures if (out / name).is_file())], missing


def _numbers(split: "Allocation", copies: int = 1) -> dict[str, float]:
    """Totals of one split, of one of `copies` equal populations."""
    money = {"budget": split.budget / copies, "spent": split.spent / copies}
    return {**money, "value": split.value / copies, "bound": split.bound / copies, "gap": split.gap}


def _verdict(failed: Sequence[str]) -> str:
    return "all proved." if not failed else f"{len(failed)} FAILED: {', '.join(sorted(set(failed)))}."
