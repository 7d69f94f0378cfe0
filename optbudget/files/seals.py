"""Files written together are read together: a JSON object that holds the hashes of itself and of others.

A seal finds damage and mix-ups, however plausible what is left may be. It is no proof of who wrote: a reader
checks what it reads all the same.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_folder import file_hash


def sealed(content: Mapping[str, Any], folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """The content with `files`, the SHA-256 of those of the files that are there, and its own as `sha256`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     _ = (Path(place) / "a.txt").write_text("a")
    ...     content = sealed({"size": 1}, Path(place), ["a.txt", "b.txt"])
    ...     _ = require_sealed(content, "all.json"), require_as_written(content, Path(place), "a.txt")
    >>> sorted(content), sorted(content["files"])
    (['files', 'sha256', 'size'], ['a.txt'])
    """
    hashes = {name: file_hash(folder / name) for name in names if (folder / name).is_file()}
    whole = {**content, "files": hashes}
    return {**whole, "sha256": _digest(whole)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether an object is what was sealed."""
    try:
        return content.get("sha256") == _digest({key: content[key] for key in content if key != "sha256"})
    except RecursionError:
        return False


def is_as_written(content: Mapping[str, Any], folder: Path, name: str) -> bool:
    """Whether a file is the one that was sealed with the object."""
    files = content.get("files")
    return isinstance(files, dict) and files.get(name) == file_hash(folder / name)


def require_sealed(content: Mapping[str, Any], file: str) -> None:
    """ProblemError if an object of a learned model's folder is not what was sealed."""
    if not is_sealed(content):
        raise damaged(file, "it is not as it was written")


def require_as_written(content: Mapping[str, Any], folder: Path, name: str) -> None:
    """ProblemError if a file of a learned model's folder is not the one that was sealed."""
    if not is_as_written(content, folder, name):
        raise damaged(name, "it is not as it was written with learned.json")


def damaged(file: str, why: str) -> ProblemError:
    """Of a learned model's folder; what to do is the same whatever it is."""
    return ProblemError([Issue("error", "learned", f"{why}; learn the model again from the log", file)])


def _digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of an object, whatever the order of its keys and the space between them."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
