"""Named arrays on disk from which an interrupted computation goes on.

Every piece is one file, written aside and renamed, so a kill at any moment leaves each piece whole:
the old one or the new one. Every file carries the key of the computation it belongs to (a hash of
the problem and of the options that change its numbers); a piece with another key, or one that cannot
be read, counts as absent, because a computation can always do a piece again.
"""

import os
import re
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

_KEY = "checkpoint key"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Checkpoint:
    """Pieces of one computation in a folder, which is made when the first one is stored.

    Parameters
    ----------
    folder : where the pieces are
    key : what the computation depends on; pieces stored under another key are not seen
    fresh : forget what is there

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = Path(place) / "run.checkpoint"
    ...     Checkpoint(folder, "key 1").store("stage-3", price=[2.0, 1.0])
    ...     print(Checkpoint(folder, "key 1").fetch("stage-3"))
    ...     print(Checkpoint(folder, "key 2").fetch("stage-3"))
    {'price': array([2., 1.])}
    None
    """

    def __init__(self, folder: str | Path, key: str, *, fresh: bool = False) -> None:
        self.folder = Path(folder)
        self.key = key
        if fresh:
            self.discard()

    def store(self, name: str, **arrays: ArrayLike) -> None:
        """Keep arrays under a name of letters, digits, "-" and "_"; replaces an earlier piece whole.

        Raises
        ------
        ValueError
            For another name, or an array of Python objects.
        OSError
            If the folder cannot be written.
        """
        owned = {field: np.asarray(array) for field, array in arrays.items()}
        for field, array in owned.items():
            if array.dtype.hasobject:
                raise ValueError(f"{field} holds Python objects; a checkpoint keeps numbers and text only")
        target = self._path(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(f".{os.getpid()}.part")
        try:
            with aside.open("wb") as file:
                np.savez(file, **{_KEY: np.array(self.key)}, **owned)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def fetch(self, name: str) -> dict[str, NDArray[np.generic]] | None:
        """The arrays stored under a name, or None if there are none, or none that can be used."""
        path = self._path(name)
        try:
            with np.load(path, allow_pickle=False) as pieces:
                if str(pieces[_KEY]) != self.key:
                    return None
                return {field: pieces[field] for field in pieces.files if field != _KEY}
        except _UNREADABLE:
            return None

    def names(self) -> list[str]:
        """Names of the pieces that can be fetched, sorted."""
        stems = sorted(path.stem for path in self.folder.glob("*.npz") if _NAME.fullmatch(path.stem))
        return [name for name in stems if self._belongs(name)]

    def discard(self) -> None:
        """Remove every piece, and the folder if nothing else is in it."""
        for pattern in ("*.npz", "*.part"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a checkpoint: use letters, digits, - and _")
        return self.folder / f"{name}.npz"

    def _belongs(self, name: str) -> bool:
        try:
            with np.load(self._path(name), allow_pickle=False) as pieces:
                return str(pieces[_KEY]) == self.key
        except _UNREADABLE:
            return False
