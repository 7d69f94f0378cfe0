"""A team of Dask workers: values are futures, and packets go from worker to worker.

A part is wanted on one worker, and allowed on others where that one is lost. Dask remembers how every value
was made: what is lost with a worker is made again, from the parts on.
"""

import warnings
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from optbudget.errors import OptBudgetError, WorkersError
from optbudget.workers.cluster import DaskCrew
from optbudget.workers.team import Each, Team

_names = count()


class ClusterTeam(Team):
    """The workers of a cluster; part p is wanted on worker p modulo their number.

    Raises
    ------
    WorkersError
        If there are none; from `fetch`, if the cluster cannot finish.
    """

    def __init__(self, crew: DaskCrew) -> None:
        self.crew, self.where = crew, crew.where
        self._members = crew.members()
        if not self._members:
            raise WorkersError(f"no worker is left on {crew.where}")

    def deal(self, values: Iterable[Any]) -> Each:
        return [self._submit(p, _same, value) for p, value in enumerate(values)]

    def each(self, function: Callable[..., Any], *given: Each) -> Each:
        return [self._submit(p, function, *values) for p, values in enumerate(zip(*given, strict=True))]

    def exchange(self, cut: Callable[..., Any], *given: Each) -> Each:
        there = list(zip(*given, strict=True))
        k = len(there)
        cuts = [[self._submit(q, cut, *there[q], p) for q in range(k)] for p in range(k)]
        return [self._submit(p, _same, cuts[p]) for p in range(k)]

    def fetch(self, each: Each) -> list[Any]:
        try:
            return list(self.crew.client.gather(each))
        except OptBudgetError:
            raise
        except Exception as error:
            raise WorkersError(f"the parts on {self.where} were not finished: {error}") from None

    def fetch_one(self, each: Each, part: int) -> Any:
        return self.fetch([each[part]])[0]

    def size(self, each: Each) -> int:
        return len(each)

    def close(self) -> None:
        """The crew belongs to whoever made it."""

    def _submit(self, p: int, function: Callable[..., Any], *given: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.crew.client.submit(
                function, *given, workers=[self._members[p % len(self._members)]], allow_other_workers=True,
                pure=False, key=f"optbudget-part-{id(self)}-{next(_names)}-{p}", retries=3,
            )  # fmt: skip


def _same(value: Any) -> Any:
    return value
