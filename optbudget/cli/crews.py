"""--workers and --cluster: who does the work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.run import Run
from optbudget.errors import UsageError

if TYPE_CHECKING:
    from optbudget.workers import Crew

Workers = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Share the work out to N processes.", show_default=False),
]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Share the work out on a Dask cluster.", show_default=False),
]
SharedPath = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="With --cluster: a folder that all workers see, to map the model from.",
        show_default=False,
    ),
]  # fmt: skip


@contextmanager
def crew_of(
    run: Run, workers: int | None, cluster: str | None, shared_path: Path | None = None
) -> "Iterator[Crew | None]":
    """The crew that the options ask for, ended with the block; None for this process alone.

    Raises
    ------
    UsageError
        If both are given, or a path to share without a cluster.
    MissingExtraError, WorkersError
        If there is no such cluster.
    """
    if workers is not None and cluster is not None:
        raise UsageError("--workers and --cluster both say who does the work: leave out one of them")
    if shared_path is not None and cluster is None:
        raise UsageError("--shared-path goes with --cluster: processes of this machine share files anyway")
    if shared_path is not None and not shared_path.is_dir():
        raise UsageError(f"--shared-path {shared_path}: there is no such folder")
    if workers is not None:
        from optbudget.workers.local import LocalCrew

        with LocalCrew(workers, threads=run.threads) as crew:
            yield crew
    elif cluster is not None:
        from optbudget.workers.cluster import DaskCrew

        with DaskCrew(cluster, folder=shared_path) as crew:
            run.log(f"{crew.where}: {len(crew.members())} at work")
            yield crew
    else:
        yield None
