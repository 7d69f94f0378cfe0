"""What every piece of work needs, packed once: sent to each worker once, or mapped from a path all see.

A value is pickled (protocol 5) into a short head and the raw bytes of its arrays. The head travels between
this program and its workers and never lies in a file; the bytes travel with it, or lie in one file that
the workers map into memory and hold against their SHA-256 before use. Arrays come out read-only.
"""

import mmap
import os
import pickle
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from optbudget.errors import LimitError, UsageError

ALIGNED = 64
ALIGNED_FOR_CODE = 16


@dataclass(frozen=True, eq=False)
class Packed:
    """A value on its way to a worker.

    Attributes
    ----------
    key : SHA-256 of head and bytes
    head : pickle without the bytes of arrays
    parts : the bytes of the arrays; () where they lie in a file
    path : the file that holds them, or None
    spans : where each part begins in the file, and its length
    """

    key: str
    head: bytes
    parts: tuple[bytes | memoryview, ...]
    path: str | None
    spans: tuple[tuple[int, int], ...]

    def __reduce__(self) -> tuple[Any, ...]:
        parts = tuple(pickle.PickleBuffer(part) for part in self.parts)
        return Packed, (self.key, self.head, parts, self.path, self.spans)

    def open(self) -> Any:
        """The value.

        Raises
        ------
        LimitError
            If the file is not there, or is not the one that was written.
        """
        if self.path is None:
            return pickle.loads(self.head, buffers=[_aligned(part) for part in self.parts])
        try:
            with open(self.path, "rb") as file:
                whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise LimitError(f"a worker cannot map {Path(self.path).name}: {error}") from None
        parts = [whole[begin : begin + size] for begin, size in self.spans]
        if _key(self.head, parts) != self.key:
            raise LimitError(
                f"a worker found {Path(self.path).name} changed; is the path one that all share?"
            )
        return pickle.loads(self.head, buffers=parts)


class Shared:
    """A value that is handed to many pieces of work; used as a context, it takes its file away at the end.

    Parameters
    ----------
    value : anything that can be pickled by what can be imported
    folder : where all workers see the same files; None sends the bytes

    Examples
    --------
    >>> import numpy as np
    >>> with Shared({"price": np.array([2.0, 1.0])}) as shared:
    ...     shared.packed.open()["price"]
    array([2., 1.])
    """

    def __init__(self, value: Any, folder: Path | None = None) -> None:
        buffers: list[pickle.PickleBuffer] = []
        try:
            head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        except Exception as error:
            raise UsageError(f"{type(value).__name__} cannot be sent to workers: {error}") from error
        parts = tuple(buffer.raw() for buffer in buffers)
        key = _key(head, parts)
        begin, spans = 0, []
        for part in parts:
            spans.append((begin, part.nbytes))
            begin += -(-part.nbytes // ALIGNED) * ALIGNED
        self.value = value
        self.packed = Packed(key, head, parts, None, tuple(spans))
        self._path: Path | None = None
        if folder is not None and begin > 0:
            self._path = _written(parts, folder, key)
            self.packed = Packed(key, head, (), str(self._path), tuple(spans))

    def __enter__(self) -> "Shared":
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _written(parts: tuple[memoryview, ...], folder: Path, key: str) -> Path:
    path = None
    try:
        handle, name = tempfile.mkstemp(prefix=f"optbudget-{key[:16]}-", suffix=".shared", dir=folder)
        path = Path(name)
        with os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
                file.write(bytes(-part.nbytes % ALIGNED))
            file.truncate(max(1, file.tell()))
        path.chmod(0o644)  # Workers may run as somebody else.
    except OSError as error:
        if path is not None:
            with suppress(OSError):
                path.unlink()
        raise LimitError(f"what workers share cannot be written to {folder}: {error.strerror}") from None
    return path


def _aligned(part: bytes | memoryview) -> memoryview:
    """The same bytes where compiled code takes them, read-only: arrays that travelled may begin anywhere."""
    view = np.frombuffer(part, dtype=np.uint8)
    if view.ctypes.data % ALIGNED_FOR_CODE:
        view = view.copy()
    return memoryview(view.data).toreadonly()


def _key(head: bytes, parts: "tuple[memoryview, ...] | list[memoryview]") -> str:
    state = sha256(head)
    for part in parts:
        state.update(part)
    return state.hexdigest()
