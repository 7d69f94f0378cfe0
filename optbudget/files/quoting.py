"""Whether the quotation marks of a CSV file are where the format allows them, at the speed of numpy.

Counting marks from the start, the even ones open and the odd ones close. A mark may open at the beginning of
a field or right behind one that closes (a doubled mark is one of the text), and may close at the end of a
field or right before one that opens; between the two no line may end.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 24

_QUOTE, _COMMA, _LINE, _RETURN = 34, 44, 10, 13


def plainly_quoted(path: Path, *, chunk: int = CHUNK) -> bool:
    """Whether every quotation mark of a file stands where it may and no quoted field spans lines.

    False only means that the file needs a closer look.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> def plainly(text):
    ...     with TemporaryDirectory() as place:
    ...         _ = (Path(place) / "t.csv").write_text(text)
    ...         return plainly_quoted(Path(place) / "t.csv")
    >>> plainly('"a","say ""b"" twice"'), plainly('"a"b'), plainly('a,"b')
    (True, False, False)
    """
    data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    if bytes(data[:3]) == b"\xef\xbb\xbf":
        data = data[3:]
    marks = 0
    for begin in range(0, data.size, chunk):
        piece = data[begin : begin + chunk]
        at = np.flatnonzero(piece == _QUOTE)
        ends = np.flatnonzero((piece == _LINE) | (piece == _RETURN))
        if ((np.searchsorted(at, ends) + marks) % 2 == 1).any():
            return False
        opens = (np.arange(at.size) + marks) % 2 == 0
        before = _letters(data, begin + at[opens] - 1)
        after = _letters(data, begin + at[~opens] + 1)
        if not (np.isin(before, (_QUOTE, _COMMA, _LINE, _RETURN)).all()
                and np.isin(after, (_QUOTE, _COMMA, _LINE, _RETURN)).all()):  # fmt: skip
            return False
        marks += at.size
    return marks % 2 == 0


def _letters(data: NDArray[np.uint8], at: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The letters at these places; a line's end where the file begins and ends."""
    inside = (at >= 0) & (at < data.size)
    return np.where(inside, data[np.clip(at, 0, data.size - 1)], np.uint8(_LINE))
