"""One JSON object on stdout for a program."""

import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path


def to_json(fields: Mapping[str, object]) -> str:
    """One JSON object; what is not finite becomes null, enums their names.

    Examples
    --------
    >>> to_json({"gap": float("nan"), "price": float("inf"), "at": (1, 2.5)})
    '{"gap": null, "price": null, "at": [1, 2.5]}'
    """
    return json.dumps(_plain(fields), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in JSON")
