"""Folders written aside and put in place whole: a reader sees the old one or the new one.

Where the system can exchange two folders in one step (Linux), it does. Elsewhere the old folder is
renamed away just before the new one is renamed in, and `recover` puts it back if a kill came between.
"""

import ctypes
import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optbudget.errors import LimitError, UsageError
from optbudget.workers.checkpoint import FULL


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to write into; on leaving without an error it becomes `target`.

    Raises
    ------
    LimitError
        If the disk is full; `target` is as it was.
    UsageError
        If the folder cannot be written for another reason; `target` is as it was.
    """
    target = resolved(target)
    aside = target.with_name(f".{target.name}.{os.getpid()}.writing")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        recover(target)
        _sweep(target)
        aside.mkdir()
        yield aside
        _flush(aside)
        _put_in_place(aside, target)
    except OSError as error:
        kind = LimitError if error.errno in FULL else UsageError
        raise kind(f"{target} cannot be written: {os.strerror(error.errno or errno.EIO)}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def require_free(target: Path, kind: str = "result") -> None:
    """Refuse a path that holds something that may not be replaced; before long work, too.

    A "result" is replaced by a result only, and a "comparison" by a comparison.

    Raises
    ------
    UsageError
        If `target` is a file, a folder that is neither empty nor of that kind, an empty one that the process
        works in, or no path at all, or if nothing can be written beside it.
    """
    whole = resolved(target)
    try:
        place = next(folder for folder in whole.parents if folder.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            raise UsageError(f"{target} cannot be written: {os.strerror(_refusal(place))} in {place}")
        if whole.is_dir():
            if any(whole.iterdir()) and not _says(whole, kind):
                what = _CALLED.get(kind, f"{kind} of optbudget")
                raise UsageError(f"{target} exists and is not a {what}; name another folder")
            if whole == Path.cwd() and not _says(whole, kind):
                raise UsageError(f"{target} is the folder you are in; name another")
        elif whole.exists():
            raise UsageError(f"{target} exists and is not a folder; name another")
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None


_CALLED = {
    "learned": "learned model of optbudget, or its learned.json is damaged",
    "causal": "folder that optbudget causal wrote",
}
"""What a folder is not that must not be replaced, where the name of its kind alone does not say it."""


def resolved(target: Path) -> Path:
    """The whole path of a folder that is to be written.

    Raises
    ------
    UsageError
        If there is none, as links lead round in a circle or a name is too long; or if nothing is above it.
    """
    try:
        whole = target.resolve()
        with suppress(FileNotFoundError):
            whole.stat()
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None) or errno.ELOOP
        raise UsageError(f"{target} cannot be written: {os.strerror(number)}") from None
    if whole == whole.parent:
        raise UsageError(f"{target} is the root of all folders; name another")
    return whole


def _refusal(place: Path) -> int:
    """Why nothing can be written in a folder, as the number of a system error."""
    return errno.EROFS if os.statvfs(place).f_flag & os.ST_RDONLY else errno.EACCES


def _says(folder: Path, kind: str) -> bool:
    try:
        content = json.loads((folder / f"{kind}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and str(content.get("schema", "")).startswith(f"optbudget-{kind}-")


def recover(target: Path) -> None:
    """Put back a folder that a kill left renamed away; nothing where there is none."""
    gone = _replaced(target)
    if not target.exists() and gone.is_dir():
        with suppress(OSError):
            gone.rename(target)


def _replaced(target: Path) -> Path:
    return target.with_name(f".{target.name}.replaced")


def _sweep(target: Path) -> None:
    """Remove what killed processes left beside `target`."""
    left = re.compile(re.escape(f".{target.name}.") + r"(\d+)\.writing")
    for path in target.parent.iterdir():
        made_by = left.fullmatch(path.name)
        if made_by and not _alive(int(made_by[1])):
            shutil.rmtree(path, ignore_errors=True)
    if target.exists():
        shutil.rmtree(_replaced(target), ignore_errors=True)


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _flush(folder: Path) -> None:
    """Ask the system to put every file on the disk before the folder gets its name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _put_in_place(aside: Path, target: Path) -> None:
    if not target.exists():
        aside.rename(target)
    elif target.is_dir() and not any(target.iterdir()):
        target.rmdir()
        aside.rename(target)
    elif not _exchange(aside, target):
        gone = _replaced(target)
        target.rename(gone)
        aside.rename(target)
        shutil.rmtree(gone, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)
