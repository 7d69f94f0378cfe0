"""`optbudget solve --parts N`: states split over processes or over a cluster."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optbudget.cli.crews import crew_of
from optbudget.cli.run import Run
from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.problems import BudgetedMDP, CurveSet
    from optbudget.workers import Monitor

Parts = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, show_default=False,
        help="Split the states over N processes, or over the cluster: no process holds all lines.",
    ),
]  # fmt: skip


def require_sweep(parts: int | None, method: str, given: dict[str, object]) -> None:
    """Refuse what states in parts do not go with.

    Raises
    ------
    UsageError
        Naming the option.
    """
    if parts is None:
        return
    if method not in ("auto", "sweep"):
        raise UsageError(f"--parts splits a sweep over a finite horizon; --method {method} cannot be split")
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} does not go with --parts: the curves of stage 0 are all that is made")


def solve_in_parts(
    run: Run,
    problem: "BudgetedMDP",
    parts: int,
    monitor: "Monitor",
    *,
    workers: int | None,
    cluster: str | None,
    shared_path: Path | None,
    folder: Path,
    **asked: Any,
) -> "CurveSet":
    """The answer of a sweep, its curves mapped from a folder; `asked` goes to `partitioned_sweep`."""
    from optbudget.budgeted.partition import partition, write_parts
    from optbudget.budgeted.partitioned_sweep import partitioned_sweep
    from optbudget.workers.monitor import in_units
    from optbudget.workers.process_team import ProcessTeam

    folder.mkdir(parents=True, exist_ok=True)
    if cluster is None:
        with ProcessTeam(min(parts, workers or parts), threads=run.threads) as processes:
            answer = partitioned_sweep(problem, parts, processes, monitor=monitor, folder=folder, **asked)
            run.log(f"{processes.where}: none held more than {in_units(float(processes.peak.max()))}")
            return answer
    from optbudget.workers.cluster_team import ClusterTeam

    place = tempfile.TemporaryDirectory(dir=shared_path, prefix="optbudget-") if shared_path else None
    with crew_of(run, workers, cluster, shared_path) as crew, place or nullcontext() as shared:
        places = None if shared is None else write_parts(partition(problem, parts), Path(shared))
        team = ClusterTeam(crew)  # type: ignore[arg-type]
        return partitioned_sweep(problem, parts, team, monitor=monitor, places=places, folder=folder, **asked)
