"""A study of many instances, shared out among workers: one comparison is one piece of work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optbudget.problems import BudgetedMDP, ConstrainedMDP, Knapsack, Population
from optbudget.problems.comparison import Comparison
from optbudget.solvers import Options
from optbudget.study.compare import compare
from optbudget.workers import Crew, Monitor, Shared, map_pieces


@dataclass(frozen=True, eq=False)
class Instance:
    """One instance of a study.

    Attributes
    ----------
    problem, budget, population : as for `compare`
    routes : patterns, or None for the usual ones
    """

    problem: BudgetedMDP | ConstrainedMDP | Knapsack
    budget: float
    population: Population | None = None
    routes: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class StudyJob:
    """What is the same for all instances: tolerance, limits of the back ends, seconds for one instance."""

    tolerance: float
    options: Options | None
    time_limit: float | None


def compare_all(
    instances: Sequence[Instance],
    crew: Crew,
    *,
    tolerance: float = 1e-7,
    options: Options | None = None,
    monitor: Monitor | None = None,
    done: Callable[[int, Comparison], None] | None = None,
) -> list[Comparison]:
    """`compare` for each instance, by a crew; of the first instances only, if the monitor stops the work.

    Answers are those of one process; times are those of the workers, where several share a machine.
    """
    limit = None if monitor is None else monitor.time_limit
    with Shared(StudyJob(tolerance, options, limit), crew.folder) as shared:
        return map_pieces(compare_one, instances, shared, crew, monitor=monitor, done=done)


def compare_one(job: StudyJob, instance: Instance) -> Comparison:
    """One instance, in a worker."""
    return compare(
        instance.problem, instance.budget, population=instance.population, routes=instance.routes,
        tolerance=job.tolerance, options=job.options, monitor=Monitor(time_limit=job.time_limit),
    )  # fmt: skip
