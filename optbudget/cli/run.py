"""One run of a command: where it prints, what limits it, how it ends.

Every command is a function `command(run, ...)`. `as_command` gives it the options that all commands
have, and turns what it raises into one message on stderr and an exit code: results go to stdout,
progress and log to stderr, and with --json stdout holds exactly one object.
"""

import inspect
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optbudget.cli import exits
from optbudget.cli.arguments import size_in_bytes
from optbudget.errors import OptBudgetError, ProblemError
from optbudget.status import Outcome

if TYPE_CHECKING:
    from optbudget.report.tables import Grid
    from optbudget.workers import Monitor

DEBUG = "OPTBUDGET_DEBUG"
"""Environment variable; when set, a bug of ours shows its traceback."""

PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe."""


def _option(metavar: str, text: str, **limits: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False, **limits)


EVERYWHERE = {
    "json": Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no log.")],
    "threads": Annotated[int | None, _option("N", "Processor cores to use; all, if not given.", min=1)],
    "max_memory": Annotated[
        str | None,
        _option(
            "SIZE",
            "Refuse work that needs more than this beside the program itself, e.g. 4GiB; the process of a "
            "back end counts whole, from about 100 MiB on.",
        ),
    ],
    "time_limit": Annotated[float | None, _option("S", "Stop after so many seconds.", min=0.0)],
    "no_color": Annotated[bool, typer.Option("--no-color", help="Plain text.")],
}


@dataclass(eq=False)
class Run:
    """What a command needs to know about the way it was called.

    Attributes
    ----------
    json, quiet, no_color : the options of the same names
    threads : cores to use, or None for all
    max_memory : bytes, or None
    time_limit : seconds, or None
    arguments : the arguments as given, for the record
    """

    json: bool = False
    quiet: bool = False
    threads: int | None = None
    max_memory: int | None = None
    time_limit: float | None = None
    no_color: bool = False
    arguments: tuple[str, ...] = ()

    def show(self, text: str) -> None:
        """A result for a person, on stdout; silent with --json."""
        if not self.json:
            print(text)

    def grids(self, *grids: "Grid") -> None:
        """Tables, on stdout; as wide as they need where no terminal sets a width; silent with --json."""
        if self.json:
            return
        from rich.console import Console

        console = Console(no_color=self.no_color or None, highlight=False)
        if not console.is_terminal:
            console = Console(no_color=True, highlight=False, width=PIPE_WIDTH)
        try:
            for grid in grids:
                console.print(grid.to_rich())
        except SystemExit:  # So rich ends a program whose reader is gone.
            raise BrokenPipeError from None

    def answer(self, fields: Mapping[str, object]) -> None:
        """The JSON object, on stdout; silent without --json."""
        if self.json:
            from optbudget.cli.plain import to_json

            print(to_json(fields))

    def log(self, text: str) -> None:
        """One line on stderr, unless --quiet."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def require_memory_to_read(self, *paths: Path) -> None:
        """Refuse files that would take more than --max-memory, before any of them is read."""
        if self.max_memory is None:
            return
        from optbudget import files
        from optbudget.workers import Monitor

        limit = Monitor(memory_limit=self.max_memory)
        for path in paths:
            limit.require_memory(files.memory_to_read(path), f"reading {path}")

    @contextmanager
    def logging_warnings(self) -> Iterator[None]:
        """What is odd but not wrong is a line of the log, not a Python warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, *place: self.log(f"warning: {message}")
            yield

    @contextmanager
    def working(self, what: str) -> Iterator["Monitor"]:
        """A monitor for long work: it shows progress, and Ctrl-C asks it to stop (twice: stops at once)."""
        from optbudget._numba_home import announcing_compilation
        from optbudget.cli.progress import progress
        from optbudget.workers import Monitor

        with progress(what, quiet=self.quiet, color=not self.no_color) as report:
            monitor = Monitor(report, self.time_limit, self.max_memory)
            with announcing_compilation(self.log), _interrupting(monitor, self.log):
                yield monitor


@contextmanager
def _interrupting(monitor: "Monitor", log: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C asks the monitored work to stop; the second time it raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        monitor.interrupt()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log("stopping at the next safe place; Ctrl-C again stops at once")

    signal.signal(signal.SIGINT, ask)
    if _pressed.is_set():
        ask(signal.SIGINT, None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_pressed = threading.Event()
"""Whether Ctrl-C was pressed since the command began.

Native code that is being loaded or compiled may swallow the KeyboardInterrupt that Python raises in it; the
work that follows must not begin as if nothing had been asked.
"""


@contextmanager
def _remembering_interrupts() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, as ever, and is remembered for the work that may come after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def remember(number: int, frame: FrameType | None) -> None:
        _pressed.set()
        raise KeyboardInterrupt

    _pressed.clear()
    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def finish(outcome: Outcome) -> None:
    """End the command with the exit code of an outcome."""
    raise typer.Exit(exits.of_outcome(outcome))


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """A function `command(run, ...)` with the options of every command in place of `run`."""
    own = list(inspect.signature(function).parameters.values())[1:]
    defaults = {"json": False, "quiet": False, "no_color": False}
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=defaults.get(name))
        for name, kind in EVERYWHERE.items()
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]

    @wraps(function)
    def command(**given: Any) -> None:
        options = {name: given.pop(name) for name in EVERYWHERE}
        run = Run(json=options["json"], quiet=options["quiet"])
        try:
            options["max_memory"] = size_in_bytes(options["max_memory"])
            run = Run(**options, arguments=tuple(sys.argv[1:]))
            with _remembering_interrupts(), run.logging_warnings():
                function(run, **given)
        except typer.Exit:
            raise
        except BrokenPipeError:
            raise typer.Exit(unread()) from None
        except (Exception, KeyboardInterrupt) as error:
            raise typer.Exit(_report(error, run)) from None

    command.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    return command


def unread() -> int:
    """Write no more to a stdout whose reader is gone, as `head` is when it has seen enough; the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return exits.UNREAD


def _report(error: BaseException, run: Run) -> int:
    """Say what went wrong: on stderr for a person, and on stdout as JSON where that was asked for."""
    code = exits.of_error(error)
    message = _message(error, code)
    print(f"optbudget: {message}" if code != exits.INVALID else message, file=sys.stderr)
    if code == exits.BUG and os.environ.get(DEBUG):
        traceback.print_exception(error)
    fields: dict[str, object] = {"error": message, "exit": code}
    if isinstance(error, ProblemError):
        fields["issues"] = [issue.as_dict() for issue in error.issues]
    run.answer(fields)
    return code


def _message(error: BaseException, code: int) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, MemoryError):
        return (
            f"out of memory: {str(error).rstrip('.') or 'the machine has no more'}. A larger --tolerance, a "
            "shorter horizon or fewer states need less; --max-memory stops in time, with what is certified"
        )
    if isinstance(error, OSError) and not isinstance(error, OptBudgetError):
        place = f"{Path(os.fsdecode(error.filename))}: " if error.filename is not None else ""
        return f"{place}{error.strerror or error}"
    if code == exits.BUG:
        return f"a bug of ours, please report it: {type(error).__name__}: {error} (set {DEBUG}=1 for details)"
    return str(error)
