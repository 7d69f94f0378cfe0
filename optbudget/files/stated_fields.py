"""Fields of a result's JSON files, each of the kind it must be; `ResultError` for anything else."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optbudget.errors import ResultError
from optbudget.files.statements import SCHEMA
from optbudget.status import Outcome, Solution, Termination

LARGEST_JSON = 64 << 20


def read_json(path: Path, name: str | None = None) -> dict[str, Any]:
    """A JSON object; ResultError, calling the file `name`, for anything else."""
    name = name or path.name

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no number of JSON")

    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ResultError(f"{name} is larger than {LARGEST_JSON} bytes")
        content = json.loads(path.read_bytes().decode("utf-8"), parse_constant=refuse)
    except OSError as error:
        raise ResultError(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{name} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ResultError(f"{name} must hold a JSON object")
    return content


def require_schema(content: Mapping[str, Any]) -> None:
    """ResultError if a result.json is not of the kind that this version reads."""
    if content.get("schema") != SCHEMA:
        raise ResultError(f"result.json: schema is {content.get('schema')!r}, not {SCHEMA!r}")


def number(content: Mapping[str, Any], key: str, file: str = "result.json") -> float:
    """A finite number, or NaN for null."""
    value = content.get(key, ...)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ResultError(f"{file}: {key} must be a number or null")
    try:
        converted = float(value)
    except OverflowError:
        converted = math.inf
    if not math.isfinite(converted):
        raise ResultError(f"{file}: {key} is too large")
    return converted


def whole(content: Mapping[str, Any], key: str, file: str = "result.json") -> int:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise ResultError(f"{file}: {key} must be a whole number >= 0")
    return value


def word(content: Mapping[str, Any], key: str, file: str = "result.json") -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise ResultError(f"{file}: {key} must be a text")
    return value


def mapping(content: Mapping[str, Any], key: str, file: str = "result.json") -> dict[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict):
        raise ResultError(f"{file}: {key} must be an object")
    return value


def outcome(content: Mapping[str, Any], file: str = "result.json") -> Outcome:
    termination, solution = word(content, "termination", file), word(content, "solution", file)
    if termination not in Termination.__members__ or solution not in Solution.__members__:
        raise ResultError(f"{file}: {termination!r}, {solution!r} are no termination and solution")
    return Outcome(Termination[termination], Solution[solution], word(content, "message", file))
