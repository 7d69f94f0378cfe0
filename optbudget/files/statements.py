"""What a result states about itself in JSON, as it is written; `stated_fields` reads it.

Nothing written names a user, a machine or an absolute path.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from optbudget import __version__

SCHEMA = "optbudget-result-1"

NO_NUMBER = ("--threads", "--workers", "--cluster", "--shared-path", "--parts")
"""Options that say where the work is done: they change no answer, and equal answers give equal bytes."""


def head(
    method: str, tolerance: float, model: Mapping[str, object], command: Sequence[str], seed: int | None
) -> dict[str, object]:
    """The first fields of result.json."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "command": recorded(command),
        "method": method,
        "seed": seed,
        "tolerance": tolerance,
        "model": model,
    }


def no_allocation() -> dict[str, object]:
    """The fields of result.json that are null before an allocation."""
    return dict.fromkeys(
        ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent",
         "why_unspent", "allocation_method", "limits", "multipliers", "set_aside")
    )  # fmt: skip


def recorded(command: Sequence[str]) -> list[str]:
    """Arguments as given, but of an absolute path only its last part, and without those of `NO_NUMBER`."""
    kept: list[str] = []
    skip = False
    for word in map(str, command):
        if skip:
            skip = False
        elif word in NO_NUMBER:
            skip = True
        elif word.partition("=")[0] not in NO_NUMBER:
            option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
            kept.append(option + equals + _relative(value))
    return kept


def _relative(word: str) -> str:
    if PurePosixPath(word).is_absolute():
        return PurePosixPath(word).name
    windows = PureWindowsPath(word)
    return windows.name if windows.is_absolute() else word


def number_or_null(number: float) -> float | None:
    """A finite number as it is; NaN and infinities as null, since JSON has no word for them."""
    return float(number) if math.isfinite(number) else None


def write_json(content: Mapping[str, object], path: Path) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
