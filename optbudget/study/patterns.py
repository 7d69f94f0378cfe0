"""Patterns of route names such as "cmdp_primal/*": what they match, and what is said where they do not."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from optbudget.errors import UsageError
from optbudget.solvers.pyomo_bridge import LIKELY
from optbudget.study.stand import Stand

PYOMO = "pyomo:"
SHOWN = 12
"""Names that a message lists where none is near."""


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a route is asked for; no patterns ask for all.

    Examples
    --------
    >>> matches("cmdp_primal/pyomo/highs-ipm", ("walk", "*/highs-*")), matches("sweep", ())
    (True, True)
    """
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def fitting(patterns: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """The patterns that match some name.

    Examples
    --------
    >>> fitting(("walk", "ip"), ["walk", "greedy"])
    ('walk',)
    """
    listed = list(names)
    return tuple(p for p in patterns if any(fnmatchcase(name, p) for name in listed))


def require_known(patterns: Sequence[str], names: Iterable[str]) -> None:
    """Refuse a pattern that matches no name.

    Raises
    ------
    UsageError
        With the nearest names, of back ends where the pattern ends in one that there is not.

    Examples
    --------
    >>> require_known(("*/glob",), ["walk", "cmdp_primal/mathopt/glop"])
    Traceback (most recent call last):
    ...
    optbudget.errors.UsageError: no route here matches '*/glob'; nearest back end: glop
    """
    listed = list(dict.fromkeys(names))
    known = fitting(patterns, listed)
    for pattern in patterns:
        if pattern not in known:
            raise UsageError(f"no route here matches {pattern!r}; {_nearest(pattern, listed)}")


def require_solvers_of_pyomo(patterns: Sequence[str], stand: Stand) -> None:
    """Refuse a pattern that names a solver of which Pyomo has never heard.

    Raises
    ------
    UsageError
        With the nearest names that it knows.
    """
    for pattern in patterns:
        solver = solver_of_pyomo(pattern)
        known = [] if solver is None or solver in LIKELY else stand.pyomo_solvers()
        if known and solver not in known:
            near = get_close_matches(str(solver), known, n=3)
            hint = f"nearest: {', '.join(near)}" if near else f"among those it knows: {', '.join(LIKELY)}"
            raise UsageError(f"no route is {pattern!r}: Pyomo knows no solver {solver!r}; {hint}")


def solver_of_pyomo(pattern: str) -> str | None:
    """The solver that a pattern asks of Pyomo by its whole name, or None.

    Examples
    --------
    >>> solver_of_pyomo("*/pyomo:gurobi"), solver_of_pyomo("*/pyomo:g*"), solver_of_pyomo("*/glop")
    ('gurobi', None, None)
    """
    last = pattern.rsplit("/", 1)[-1]
    solver = last.removeprefix(PYOMO)
    return solver if last.startswith(PYOMO) and solver and not set(solver) & set("*?[") else None


def _nearest(pattern: str, names: list[str]) -> str:
    first, _, last = pattern.rpartition("/")
    backends = list(dict.fromkeys(name.rsplit("/", 1)[-1] for name in names if "/" in name))
    if first and not any(fnmatchcase(backend, last) for backend in backends):
        near = get_close_matches(last, backends, n=3)
        if len(near) == 1:
            return f"nearest back end: {near[0]}"
        return f"nearest back ends: {', '.join(near)}" if near else f"back ends here: {', '.join(backends)}"
    near = get_close_matches(pattern, names, n=3, cutoff=0.5)
    if near:
        return f"nearest: {', '.join(near)}"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"there are {', '.join(names[:SHOWN])}{more}"
