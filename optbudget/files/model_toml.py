"""model.toml: which keys there are, what they may hold, and where each stands in the file."""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from optbudget.errors import Issue
from optbudget.problems.applying import formulation_findings
from optbudget.problems.assembly import Settings
from optbudget.problems.columns import did_you_mean
from optbudget.problems.mdp_issues import LONGEST_HORIZON

KINDS = ("budgeted_mdp", "constrained_mdp", "knapsack", "departments")
READ = ("budgeted_mdp", "constrained_mdp", "departments")
"""The kinds of which this file knows the keys."""
LARGEST = 64 << 20


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "a text in quotes"


def _share(value: object) -> str | None:
    return None if _is_number(value) and 0 < value <= 1 else "a number in (0, 1]"  # type: ignore[operator]


def _horizon(value: object) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_HORIZON
    wanted = f'a whole number from 1 to {LONGEST_HORIZON:,}, or "infinite"'
    return None if whole or value == "infinite" else wanted


def _reward(value: object) -> str | None:
    return None if value in ("net", "gross") else '"net" (utility - cost) or "gross" (utility)'


def _initial(value: object) -> str | None:
    if isinstance(value, str):
        return None
    if isinstance(value, dict) and value and all(_is_number(share) for share in value.values()):
        return None
    return "a state, or a table of state = probability"


def _texts(value: object) -> str | None:
    fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if fits else "a list of texts"


def _amount(value: object) -> str | None:
    return None if _is_number(value) and value >= 0 else "a number >= 0"  # type: ignore[operator]


def _table(value: object) -> str | None:
    return None if isinstance(value, dict) else "a table of cost column = limit, such as cost = 10.0"


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 2**1023 if isinstance(value, int) else math.isfinite(value)


CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "kind": _text,
    "title": _text,
    "source": _text,
    "money_unit": _text,
    "discount": _share,
    "cost_discount": _share,
    "horizon": _horizon,
    "reward": _reward,
    "initial": _initial,
    "terminal_states": _texts,
    "budget_cap": _amount,
    "formulations": _texts,
    "budgets": _table,
    "objectives": _texts,
    "total_budget": _amount,
}
"""For each key, a function that says what it must be where a value is not that."""

REQUIRED = ("kind", "discount", "cost_discount", "horizon")
ALSO_REQUIRED = {
    "budgeted_mdp": ("reward",),
    "constrained_mdp": ("reward", "budgets"),
    "departments": ("objectives", "total_budget"),
}
"""What a kind needs beside; departments are worth points, so their reward is "gross" unless it is said."""
ONLY_OF = {
    "budget_cap": ("budgeted_mdp",),
    "terminal_states": ("budgeted_mdp", "constrained_mdp"),
    "budgets": ("constrained_mdp",),
    "objectives": ("departments",),
    "total_budget": ("departments",),
}
"""Keys that not every kind has."""


@dataclass(frozen=True, slots=True)
class ModelToml:
    """What model.toml says, with the line of each key.

    `limits` are those of a constrained MDP, as they stand; `objectives` and `total_budget` of departments.
    """

    settings: Settings
    lines: Mapping[str, int]
    kind: str = "budgeted_mdp"
    limits: Mapping[str, object] = field(default_factory=dict)
    objectives: tuple[str, ...] = ()
    total_budget: float = 0.0


def read_model_toml(path: Path, issues: list[Issue]) -> ModelToml | None:
    """The settings of a model with states; None after adding every problem found to `issues`."""
    read = read_toml(path, issues)
    if read is None:
        return None
    content, lines = read
    before = len(issues)

    def refuse(code: str, key: str, message: str) -> None:
        issues.append(Issue("error", code, message, path.name, lines.get(key)))

    kind = content.get("kind")
    if isinstance(kind, str) and kind not in KINDS:
        must = f"it must be one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
        refuse("kind", "kind", f"kind is {kind!r}; {must}")
    for key in (*REQUIRED, *ALSO_REQUIRED.get(kind if isinstance(kind, str) else "", ())):
        if key not in content:
            refuse("missing-key", key, f"key {key!r} is missing; it must be {_wanted(key)}")
    for key, value in content.items():
        if key not in CHECKS:
            near = get_close_matches(key, CHECKS, n=1, cutoff=0.0)
            refuse("unknown-key", key, f"key {key!r} is not known; the nearest known key is {near[0]!r}")
        elif kind in READ and kind not in ONLY_OF.get(key, (kind,)):
            kinds = " and ".join(map(repr, ONLY_OF[key]))
            refuse("unknown-key", key, f"key {key!r} is of kind {kinds} only; this is {kind!r}")
        elif wanted := CHECKS[key](value):
            refuse("value", key, f"{key} is {value!r:.80}; it must be {wanted}")
        elif key == "formulations" and kind in READ:
            for finding in formulation_findings(kind, value):
                refuse(finding.code, key, finding.message)
    if len(issues) > before:
        return None
    initial = content.get("initial")
    if isinstance(initial, dict):
        initial = {state: float(share) for state, share in initial.items()}
    cap = content.get("budget_cap")
    return ModelToml(
        Settings(
            discount=float(content["discount"]), cost_discount=float(content["cost_discount"]),
            horizon=None if content["horizon"] == "infinite" else content["horizon"],
            reward=content.get("reward", "gross"), initial=initial,
            terminal_states=tuple(content.get("terminal_states", ())),
            budget_cap=None if cap is None else float(cap),
            title=content.get("title", ""), source=content.get("source", ""),
            money_unit=content.get("money_unit", "money"),
            formulations=tuple(content.get("formulations", ())),
        ),
        lines,
        content["kind"],
        content.get("budgets", {}),
        tuple(content.get("objectives", ())),
        float(content.get("total_budget", 0.0)),
    )  # fmt: skip


def stated_kind(path: Path) -> str | None:
    """The kind that a model.toml states; None if it cannot be read or states none that is known."""
    read = read_toml(path, [])
    kind = None if read is None else read[0].get("kind")
    return kind if isinstance(kind, str) and kind in KINDS else None


def _wanted(key: str) -> str:
    return f"one of {', '.join(KINDS)}" if key == "kind" else str(CHECKS[key](None))


def read_toml(path: Path, issues: list[Issue]) -> tuple[dict[str, Any], dict[str, int]] | None:
    """A TOML file and the line of each top-level key; None after adding an issue."""
    try:
        if path.stat().st_size > LARGEST:
            issues.append(Issue("error", "too-large", f"the file exceeds {LARGEST} bytes", path.name))
            return None
        data = path.read_bytes()
    except OSError as error:
        where = path.name or str(path)
        issues.append(Issue("error", "unreadable", f"the file cannot be read: {error.strerror}", where))
        return None
    try:
        text = data.decode("utf-8-sig")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        issues.append(Issue("error", "encoding", "the file is not UTF-8", path.name, line))
        return None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, None)
        reason = str(error).split(" (at ")[0]
        issues.append(Issue("error", "toml", f"not TOML: {reason}", path.name, line, column))
        return None
    except (RecursionError, ValueError) as error:
        issues.append(Issue("error", "toml", f"not TOML: {type(error).__name__}", path.name))
        return None
    lines: dict[str, int] = {}
    for number, line_text in enumerate(text.splitlines(), start=1):
        key = re.match(r"\s*\[*\s*[\"']?([\w.-]+)[\"']?\s*[\]=.]", line_text)
        if key:
            lines.setdefault(key[1], number)
    return content, lines
