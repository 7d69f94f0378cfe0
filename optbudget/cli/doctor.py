"""`optbudget doctor`: what this installation can do, and the command for what it cannot."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from optbudget.cli.run import Run
from optbudget.errors import MissingExtraError, UsageError

BASE = ("numpy", "numba", "pyarrow", "typer", "rich", "pydantic")
EXTRAS = {
    # extra: its distributions, each with the module that it brings
    "report": (("matplotlib",) * 2, ("altair",) * 2, ("vl-convert-python", "vl_convert"), ("jinja2",) * 2),
    "solvers": (("pyomo",) * 2, ("highspy",) * 2, ("ortools",) * 2),
    "cluster": (("distributed",) * 2,),
}


def command(
    run: Run,
    need: Annotated[
        list[str] | None, typer.Option(metavar="EXTRA", help="Fail (exit 9) if this extra is missing.")
    ] = None,
) -> None:
    """Show versions, extras, back ends, cores, memory and where compiled code is kept."""
    from optbudget.report.tables import Grid

    unknown = sorted(set(need or ()) - set(EXTRAS))
    if unknown:
        raise UsageError(f"no extra is called {unknown[0]!r}; there are {', '.join(EXTRAS)}")
    report = survey()
    extras = tuple(
        (name, ", ".join(" ".join(part) for part in extra["installed"].items()), extra["install"] or "")
        for name, extra in report["extras"].items()
    )
    machine = tuple((name, str(value)) for name, value in report["machine"].items())
    solvers = tuple(
        (row["name"], row["version"], row["cure"] or f"works: {row['note']}") for row in report["back_ends"]
    )
    run.grids(
        Grid("", ("", "this machine"), machine),
        Grid("", ("extra", "installed", "to complete it"), extras),
        Grid("", ("back end", "version", "state"), solvers),
    )
    run.answer(report)
    for extra in need or ():
        if report["extras"][extra]["missing"]:
            raise MissingExtraError(report["extras"][extra]["install"])


def survey() -> dict[str, Any]:
    """Everything that `doctor` tells: "machine" by name, "extras" with what is installed of each, and
    "back_ends": each has solved a small program, or says why it cannot."""
    from dataclasses import asdict

    from optbudget import __version__, _numba_home, solvers

    machine = {
        "optbudget": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        **{name: _version(name) or "missing" for name in BASE},
        "cores": os.cpu_count(),
        "memory": _memory(),
        "threading layer": _threading_layer(),
        "compiled code": _numba_home.where(),
    }
    return {
        "machine": machine,
        "extras": {extra: _extra(extra) for extra in EXTRAS},
        "back_ends": [asdict(finding) for finding in solvers.survey()],
    }


def _extra(name: str) -> dict[str, object]:
    installed, missing = {}, []
    for part, module in EXTRAS[name]:
        if find_spec(module) is None:
            missing.append(part)
        else:
            installed[part] = _version(part) or "?"
    cure = f"pip install 'optbudget[{name}]'" if missing else None
    return {"installed": installed, "missing": missing, "install": cure}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return "unknown"
    return f"{size / 2**30:.1f} GiB"


def _threading_layer() -> str:
    """The layer that numba starts for parallel loops, and how many threads it may use."""
    try:
        import numba
        from numba.np.ufunc.parallel import _launch_threads
    except ImportError as error:
        return f"numba cannot be imported: {error}"
    _launch_threads()
    return f"{numba.threading_layer()}, {numba.get_num_threads()} threads"
