"""Where declared programs are stated and solved: kept processes, one per tool and family of back ends.

A crash there is an outcome here, and highspy never meets OR-Tools. What must be loaded before a program can
be stated or solved is loaded before the clock starts.
"""

from dataclasses import replace

from optbudget.formulations import TOOLS, declared
from optbudget.problems import ConstrainedMDP, Knapsack, LinearProgram, LinearSolution
from optbudget.problems.examples import two_action_example
from optbudget.solvers import BackEnd, BackEnds, Options
from optbudget.status import Outcome, Solution, Termination
from optbudget.workers.spawned import Ended, SpawnedWorker

FIRST_ORDER = ("pdlp", "highs-pdlp")
HASTY = (6.0, 1e-6)
"""Seconds and feasibility of a first-order method when nobody says: it creeps to the last digits."""


ENDED = {Ended.TIME_LIMIT: Termination.TIME_LIMIT, Ended.MEMORY_LIMIT: Termination.MEMORY_LIMIT}
"""How stating a program ended by a limit; all else that goes wrong there is a failure."""


class Stand:
    """Where declared programs are stated and solved: the kept processes; end them by `close` or `with`."""

    def __init__(self, options: Options, *, hasty: bool = False) -> None:
        self.options = options
        self.hasty = replace(options, time_limit=HASTY[0], feasibility=HASTY[1]) if hasty else options
        self.backends = BackEnds()
        self._builders = {tool: SpawnedWorker() for tool in TOOLS}
        self._stated: tuple[object, float | None] = (None, None)
        self._warm: set[str] = set()
        self._programs: dict[tuple[str, str], tuple[LinearProgram, float] | Outcome] = {}

    def program(
        self, name: str, tool: str, problem: ConstrainedMDP | Knapsack, budget: float | None
    ) -> tuple[LinearProgram, float] | Outcome:
        """The arrays of a statement and the seconds that took, or how stating it ended; stated once.

        Programs of the last instance are kept.
        """
        if self._stated[0] is not problem or self._stated[1] != budget:
            self._programs.clear()
            self._stated = problem, budget
        key = (name, tool)
        if key not in self._programs:
            limit = self.options.time_limit
            self._warm_up(tool)
            reply = self._builders[tool].call(  # type: ignore[index]
                declared,
                name,
                tool,
                problem,
                budget,
                time_limit=limit,
                memory_limit=self.options.memory_limit,
            )
            if reply.ended is Ended.RETURNED:
                self._programs[key] = reply.result
            else:
                why = ENDED.get(reply.ended, Termination.BACKEND_FAILED)
                self._programs[key] = Outcome(why, Solution.NONE, f"stating the program: {reply.message}")
        return self._programs[key]

    def _warm_up(self, tool: str) -> None:
        """State a program of one state first, so that importing a tool is in nobody's time."""
        if tool not in self._warm:
            self._warm.add(tool)
            tiny = ConstrainedMDP(two_action_example(horizon=1), 1.0)
            self._builders[tool].call(declared, "cmdp_primal", tool, tiny)  # type: ignore[index]

    def pyomo_solvers(self) -> list[str]:
        """Names of the solvers that Pyomo knows, installed or not; none if Pyomo itself is missing."""
        reply = self._builders["pyomo"].call(known_to_pyomo)
        return reply.result if reply.ended is Ended.RETURNED else []

    def solve(self, program: LinearProgram, backend: BackEnd) -> LinearSolution:
        """A program by a back end."""
        options = self.hasty if backend.name in FIRST_ORDER else self.options
        return self.backends.solve(program, backend, options=options)

    def close(self) -> None:
        """End the processes."""
        self.backends.close()
        for worker in self._builders.values():
            worker.close()

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def known_to_pyomo() -> list[str]:
    """Names of the solvers that Pyomo knows, to be asked in a process of its own."""
    import pyomo.environ as pyo

    return sorted(name for name in pyo.SolverFactory if not name.startswith("_"))
