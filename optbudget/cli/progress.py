"""How far the work is, on stderr: a bar on a terminal, elsewhere a plain line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""


@contextmanager
def progress(what: str, *, quiet: bool, color: bool) -> Iterator[Callable[[float, str], None] | None]:
    """A function (fraction done, text) that shows progress while the block runs; None if quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(what, color=color) as report:
            yield report
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str, *, color: bool) -> Iterator[Callable[[float, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not color or None)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[text]}"), console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0, text="")
        yield lambda fraction, text: bar.update(task, completed=fraction, text=text)


def _lines(what: str) -> Callable[[float, str], None]:
    due = time.monotonic() + PLAIN_EVERY

    def report(fraction: float, text: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + PLAIN_EVERY
            print(f"{what}: {fraction:.0%} {text}".rstrip(), file=sys.stderr, flush=True)

    return report
