"""A writable home for numba's compiled code, and one line for whoever waits while it is filled.

Numba keeps compiled kernels beside their source. Where that folder cannot be written (a system-wide
installation, a read-only disk) they go to the user's cache folder, else to a private temporary one:
compiled code is loaded without question, so nobody else may be able to put it there.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def prepare() -> None:
    """Set NUMBA_CACHE_DIR where numba's own choice may fail; an existing setting is respected."""
    if os.environ.get(VARIABLE) or _writable(Path(__file__).parent):
        return
    home = _home()
    os.environ[VARIABLE] = home
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = home


def where() -> str:
    """The folder that holds compiled kernels, for a person."""
    return os.environ.get(VARIABLE) or f"{Path(__file__).parent} (beside the source)"


@contextmanager
def announcing_compilation(say: Callable[[str], None]) -> Iterator[None]:
    """Call `say` once if a kernel has to be compiled, rather than found in the cache, in the block."""
    from numba.core import event

    class First(event.Listener):  # type: ignore[misc]
        said = False

        def on_start(self, event: object) -> None:
            if not self.said:
                self.said = True
                say("compiling, once (the next run starts at once)")

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", First()):
        yield


def _home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    for folder in (Path(cache) / "optbudget" / "numba", Path(tempfile.gettempdir()) / f"optbudget-{_user()}"):
        if _private(folder):
            return str(folder)
    return tempfile.mkdtemp(prefix="optbudget-")


def _private(folder: Path) -> bool:
    """Whether the folder is, or can be made, ours alone to write."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = folder.lstat()
    except OSError:
        return False
    ours = not hasattr(os, "getuid") or (entry.st_uid == os.getuid() and not entry.st_mode & 0o022)
    return ours and stat.S_ISDIR(entry.st_mode) and _writable(folder)


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "numba"
