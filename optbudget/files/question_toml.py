"""The question of a history from disk: a TOML file of columns, what hurts, and what is known.

context = ["revenue"]
decisions = ["training", "cuts"]
outcomes = ["output", "delay"]
unit = "department"           # optional: the column of units
time = "month"                # optional: the column of periods

[harm]                        # outcome = +1 or -1, the direction that hurts
delay = 1
[weights]                     # outcome = value per unit of harm; 1 where it is not given
delay = 3.0
[targets]                     # decision = the outcomes it is meant to move
training = ["output"]
[edges]                       # what is known: pairs, the first causes the second
required = [["revenue", "training"]]
forbidden = [["cuts", "output"]]
[actions.train]               # what an action of a model changes
training = 2.0
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from optbudget.errors import Issue, ProblemError
from optbudget.files.model_toml import read_toml
from optbudget.problems import CausalQuestion
from optbudget.problems.causal_question import TIERS, QuestionError, QuestionFinding

NAMES = ("unit", "time")
TABLES = ("harm", "weights", "targets", "edges", "actions")
EDGES = ("required", "forbidden")
KEYS = (*TIERS, *NAMES, *TABLES)

PART = re.compile(r"""["']([^"']*)["']|([\w-]+)""")
HEADER = re.compile(r"\s*\[((?:[^\]\[\"']|\"[^\"]*\"|'[^']*')+)\]\s*(?:#.*)?$")
ENTRY = re.compile(r"\s*((?:[\w.-]|\"[^\"]*\"|'[^']*')+)\s*=")


def load_question(path: str | Path) -> CausalQuestion:
    """Read a question.

    Raises
    ------
    ProblemError
        With everything that is wrong, by file and line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     file = Path(place) / "history.toml"
    ...     _ = file.write_text('decisions = ["spend"]\\noutcomes = ["sales"]\\nharm.sales = -1\\n')
    ...     load_question(file).side_effects("spend")
    ('sales',)
    """
    issues: list[Issue] = []
    question = read_question(Path(path), issues)
    if question is None:
        raise ProblemError(issues)
    return question


def read_question(path: Path, issues: list[Issue]) -> CausalQuestion | None:
    """The question, or None after adding everything that is wrong to `issues`."""
    read = read_toml(path, issues)
    if read is None:
        return None
    try:
        found = tuple(_content_findings(read[0])) or tuple(_weights_without_harm(read[0]))
        if not found:
            return _question(read[0])
    except QuestionError as error:
        found = error.findings
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    for finding in found:
        line, column = _place(lines, finding)
        issues.append(Issue("error", finding.code, finding.message, path.name, line, column))
    return None


def _question(content: Mapping[str, Any]) -> CausalQuestion:
    edges = content.get("edges", {})
    fields: dict[str, Any] = {role: tuple(content.get(role, ())) for role in TIERS}
    fields |= {
        key: content[key] for key in (*NAMES, "harm", "weights", "targets", "actions") if key in content
    }
    fields |= {kind: tuple((a, b) for a, b in edges.get(kind, ())) for kind in EDGES}
    return CausalQuestion(**fields)


def _content_findings(content: Mapping[str, Any]) -> Iterator[QuestionFinding]:
    """Unknown keys, and values of another shape than they must have."""
    for role in TIERS[1:]:
        if role not in content:
            yield QuestionFinding("missing-key", f"key {role!r} is missing; it must be a list of columns", ())
    for key, value in content.items():
        if key not in KEYS:
            message = f"key {key!r} is not known; the nearest known key is {_nearest(key, KEYS)!r}"
            yield QuestionFinding("unknown-key", message, (key,))
        elif key in TIERS and not _is_texts(value):
            yield _refused((key,), value, "a list of columns")
        elif key in NAMES and not isinstance(value, str):
            yield _refused((key,), value, "the name of a column")
        elif key in TABLES and not isinstance(value, dict):
            yield _refused((key,), value, f"a table [{key}]")
        elif key in TABLES:
            yield from _table_findings(key, value)


def _table_findings(table: str, content: Mapping[str, Any]) -> Iterator[QuestionFinding]:
    """What is wrong with the shapes in one table; numbers are looked at by the question."""
    for key, value in content.items():
        if table == "targets" and not _is_texts(value):
            yield _refused((table, key), value, "a list of outcomes")
        elif table == "actions" and not isinstance(value, dict):
            yield _refused((table, key), value, "a table of decision = amount")
        elif table == "edges" and key not in EDGES:
            message = f"key {key!r} is not known; the nearest known key is {_nearest(key, EDGES)!r}"
            yield QuestionFinding("unknown-key", message, (table, key))
        elif table == "edges" and not (isinstance(value, list) and all(map(_is_pair, value))):
            yield _refused((table, key), value, 'a list of pairs of columns, such as [["a", "b"]]')


def _weights_without_harm(content: Mapping[str, Any]) -> Iterator[QuestionFinding]:
    """Weights of outcomes that nothing says the harm of: they would count for nothing."""
    for name in content.get("weights", {}):
        if name in content["outcomes"] and name not in content.get("harm", {}):
            message = f"outcome {name!r} has a weight but no direction of harm; give it one under [harm]"
            yield QuestionFinding("weight", message, ("weights", name))


def _nearest(word: str, known: Sequence[str]) -> str:
    return get_close_matches(word, known, n=1, cutoff=0.0)[0]


def _refused(key: tuple[str, ...], value: object, wanted: str) -> QuestionFinding:
    return QuestionFinding("value", f"{'.'.join(key)} is {value!r:.60}; it must be {wanted}", key)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_texts(value)


def _place(lines: Sequence[str], finding: QuestionFinding) -> tuple[int | None, int | None]:
    """Line and column, from 1, of the word in the value of the key; else of the key, or of its table."""
    table: tuple[str, ...] = ()
    start, depth = 0, 0
    for k, text in enumerate(lines):
        header, entry = HEADER.match(text), ENTRY.match(text)
        if header:
            table = path = _parts(header[1])
        elif entry:
            path = table + _parts(entry[1])
        if (header or entry) and len(path) > depth and path == finding.key[: len(path)]:
            start, depth = k, len(path)
    if depth == 0:
        return None, None
    word = re.compile(rf"(?<![\w-]){re.escape(finding.word or finding.key[-1])}(?![\w-])")
    for k in range(start, len(lines)):
        if k > start and (HEADER.match(lines[k]) or ENTRY.match(lines[k])):
            break
        if found := word.search(lines[k]):
            return k + 1, found.start() + 1
    return start + 1, None


def _parts(path: str) -> tuple[str, ...]:
    """The keys of a dotted path."""
    return tuple(bare or quoted for quoted, bare in PART.findall(path))
