"""The one table of back ends: a row per name, data only. Nothing is looked for at import.

A back end is one row here and one function ``solve(program, method, options) -> RawAnswer`` in a module that
imports the solver inside that function. Back ends of one family share a kept process; highspy and ortools
are two families because both carry a library "libhighs" and cannot be loaded together
(google/or-tools issue 5246). Pyomo's own interfaces may import highspy, so they are a third.

Any solver that Pyomo knows is a back end called "pyomo:<its name>", for example "pyomo:gurobi".
"""

from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from math import inf
from typing import Any

from optbudget.errors import MissingExtraError, UsageError

INSTALL = "pip install 'optbudget[solvers]'"
REFUSED = {
    ("highspy", "1.14.0"): "it returns wrong optima of small integer programs "
    "(15 with gap 0 where the optimum is 9)"
}
"""Versions that are not used, with the reason."""


@dataclass(frozen=True, slots=True)
class BackEnd:
    """One row of the table.

    Attributes
    ----------
    name : what a user calls it
    method : what the adapter passes on: the solver within the family
    family : back ends of one family share a process
    module, function : where its adapter is
    check : name of a function in that module that refuses programs before anything is started, or ""
    packages : modules that must be there, which are also the names of their distributions
    lp, mip, duals : whether it solves programs without, with whole columns; whether it returns row prices
    infeasibility : by how much its point may break a row or bound, relative to 1 + the row's own terms
    value_error : by how much its own objective may differ from the recomputed one, relative to the terms
    gap : certified relative gap that it reaches on small well-scaled programs, if it returns row prices
    smallest : coefficients smaller than this may be dropped by it; they are rescaled or refused
    infinite : limits of at least this size are infinite to it; they are rescaled or refused
    note : for people
    """

    name: str
    method: str
    family: str
    module: str
    packages: tuple[str, ...] = ()
    function: str = "solve"
    check: str = ""
    lp: bool = True
    mip: bool = False
    duals: bool = True
    infeasibility: float = 1e-6
    value_error: float = 1e-6
    gap: float = 1e-9
    smallest: float = 1e-9
    infinite: float = 1e20
    note: str = ""


_PYOMO = "pyomo:"

_FIRST_ORDER: dict[str, Any] = {"infeasibility": 1e-5, "value_error": 1e-5, "gap": 1e-5}
_HIGHS: dict[str, Any] = {
    "family": "highspy",
    "module": "optbudget.solvers.highs",
    "packages": ("highspy",),
    "smallest": 1e-12,
}
_HIPO: dict[str, Any] = {**_HIGHS, "packages": ("highspy", "highspy_extras")}
_ORTOOLS: dict[str, Any] = {
    "family": "ortools",
    "module": "optbudget.solvers.mathopt",
    "packages": ("ortools",),
}
_CP_SAT: dict[str, Any] = {
    **_ORTOOLS,
    "module": "optbudget.solvers.cp_sat",
    "check": "check",
    "smallest": 0.0,
    "infinite": inf,
}

TABLE: tuple[BackEnd, ...] = (
    BackEnd("highs", "choose", **_HIGHS, mip=True, note="HiGHS, its own choice of method"),
    BackEnd("highs-simplex", "simplex", **_HIGHS, note="HiGHS, dual simplex"),
    BackEnd("highs-ipm", "ipx", **_HIGHS, note="HiGHS, interior point IPX with crossover"),
    BackEnd("highs-hipo", "hipo", **_HIPO, note="HiGHS, interior point HiPO"),
    BackEnd("highs-pdlp", "pdlp", **_HIGHS, **_FIRST_ORDER, note="HiGHS, first-order method"),
    BackEnd("highs-mip", "choose", **_HIGHS, mip=True, note="HiGHS, branch and cut"),
    BackEnd("glop", "GLOP", **_ORTOOLS, note="Google's simplex"),
    BackEnd("pdlp", "PDLP", **_ORTOOLS, **_FIRST_ORDER, note="Google's first-order method"),
    BackEnd("cp-sat", "", **_CP_SAT, lp=False, mip=True, duals=False, note="CP-SAT, whole numbers only"),
    BackEnd("scip", "GSCIP", **_ORTOOLS, mip=True, duals=False, note="SCIP, as OR-Tools has it"),
    BackEnd("ortools-highs", "HIGHS", **_ORTOOLS, mip=True, note="HiGHS, as OR-Tools has it"),
)


def names() -> list[str]:
    """Names of the table, in its order; "pyomo:<solver>" comes on top."""
    return [row.name for row in TABLE]


def find(name: str) -> BackEnd:
    """The row of a name.

    Raises
    ------
    UsageError
        For a name that there is not, with the nearest ones.

    Examples
    --------
    >>> find("glop").duals
    True
    >>> find("highs-simplx")
    Traceback (most recent call last):
    ...
    optbudget.errors.UsageError: no back end is called 'highs-simplx'; nearest: highs-simplex, ...
    """
    if not isinstance(name, str):
        raise UsageError(f"a back end is named by a text, not a {type(name).__name__}: {', '.join(names())}")
    for row in TABLE:
        if row.name == name:
            return row
    if name.startswith(_PYOMO) and len(name) > len(_PYOMO):
        return _through_pyomo(name.removeprefix(_PYOMO))
    near = get_close_matches(name, names(), n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(near)}" if near else f"there are {', '.join(names())} and pyomo:<solver>"
    raise UsageError(f"no back end is called {name!r}; {hint}")


def missing(row: BackEnd) -> str:
    """Why a back end cannot run as far as the installed packages tell, ending in the cure; "" if it can."""
    for package in row.packages:
        if find_spec(package) is None:
            return f"{row.name} needs {package}: {INSTALL}"
        try:
            found = version(package)
        except PackageNotFoundError:
            continue
        if (package, found) in REFUSED:
            return f"{row.name} refuses {package} {found}: {REFUSED[package, found]}: {INSTALL} --upgrade"
    return ""


def require(row: BackEnd) -> None:
    """Raise MissingExtraError with the install command if a back end's packages are missing or refused."""
    if why := missing(row):
        raise MissingExtraError(why)


def _through_pyomo(solver: str) -> BackEnd:
    return BackEnd(
        _PYOMO + solver,
        solver,
        "pyomo",
        "optbudget.solvers.pyomo_bridge",
        ("pyomo", "highspy") if solver in ("highs", "appsi_highs") else ("pyomo",),
        mip=True,
        note=f"{solver}, as Pyomo calls it",
    )
