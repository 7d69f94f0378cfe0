"""Named arrays on disk from which an interrupted computation goes on.

Every piece is one file, written aside and renamed, so a kill at any moment leaves each piece whole:
the old one or the new one. A file begins with the SHA-256 of the computation's key (the problem and
every option that changes its numbers) followed by the arrays. A piece made under another key, or
damaged since, does not match and counts as absent: a computation can always do a piece again.
"""

import errno
import os
import re
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optbudget.errors import LimitError, UsageError

_SUFFIX = ".piece"
_DIGEST = sha256().digest_size

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of the system that say that no more can be written."""


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
        LimitError, UsageError
            If the disk is full, or the folder cannot be written for another reason; an earlier piece of that
            name is as it was.
        """
        target = self._path(name)
        payload = BytesIO()
        for field, array in arrays.items():
            if np.asarray(array).dtype.hasobject:
                raise ValueError(f"{field} holds Python objects; a checkpoint keeps numbers and text only")
        np.savez(payload, **{field: np.asarray(array) for field, array in arrays.items()})  # type: ignore[arg-type]
        aside = target.with_suffix(f".{os.getpid()}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                file.write(self._digest(payload.getbuffer()))
                file.write(payload.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        except OSError as error:
            raise self._unwritable(error) from None
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)

    def fetch(self, name: str) -> dict[str, NDArray[Any]] | None:
        """The arrays stored under a name, or None if there are none that belong to this computation."""
        payload = self._payload(self._path(name))
        if payload is None:
            return None
        with np.load(BytesIO(payload), allow_pickle=False) as arrays:
            return dict(arrays)

    def names(self) -> list[str]:
        """Names of the pieces that can be fetched, sorted."""
        paths = sorted(self.folder.glob(f"*{_SUFFIX}"))
        return [path.stem for path in paths if self._payload(path) is not None]

    def discard(self) -> None:
        """Remove every piece, and the folder if nothing else is in it."""
        for pattern in (f"*{_SUFFIX}", "*.part"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _unwritable(self, error: OSError) -> LimitError | UsageError:
        said = os.strerror(error.errno or errno.EIO)
        if error.errno not in FULL:
            return UsageError(f"the checkpoint {self.folder} cannot be written: {said}")
        kept = "make room, and the same command goes on from there" if self.folder.is_dir() else "make room"
        return LimitError(f"the checkpoint {self.folder} cannot be written: {said}; {kept}")

    def _payload(self, path: Path) -> memoryview | None:
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return None
        return content[_DIGEST:] if content[:_DIGEST] == self._digest(content[_DIGEST:]) else None

    def _digest(self, payload: memoryview) -> bytes:
        state = sha256(f"{len(self.key)}:{self.key}".encode())
        state.update(payload)
        return state.digest()

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError(f"{name!r} is no name for a checkpoint: use letters, digits, - and _")
        return self.folder / f"{name}{_SUFFIX}"
