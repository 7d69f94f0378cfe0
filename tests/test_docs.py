"""Every Python example of the documentation is run, page by page."""

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from optbudget.budgeted.pruning import PruningSchedule
from tests.commands import run

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples(text):
    """The Python blocks of a page as one text with the page's line numbers; the rest is left blank."""
    inside, lines = False, []
    for line in text.splitlines():
        if re.match(r"```", line):
            inside = line.strip() == "```python"
            lines.append("")
        else:
            lines.append(line if inside else "")
    return "\n".join(lines) + "\n"


def test_blocks_are_found():
    page = "words\n```python\n>>> 1 + 1\n2\n```\n```text\n>>> not this\n```\n"
    assert examples(page) == "\n\n>>> 1 + 1\n2\n\n\n\n\n"


def commands(text):
    """The `optbudget` commands of a page's console blocks, as lists of arguments."""
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ optbudget ")]


def test_every_command_of_the_quickstart_runs(tmp_path, monkeypatch):
    for folder in ("models", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    asked = commands((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"))
    assert {"check", "solve", "allocate", "verify", "report", "new"} <= {name for name, *_ in asked}
    for arguments in asked:
        if arguments[0] != "demo":  # It has tests of its own.
            run(*arguments)
    assert "What is done today" in (tmp_path / "march.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page",
    [
        "explanations",
        "auditing-a-plan",
        "several-budgets",
        "replanning",
        "spend-risk",
        "strict-budgets",
        "cluster",
    ],
)
def test_every_command_of_the_page_runs(page, tmp_path, monkeypatch):
    for folder in ("models", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    asked = commands((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    assert asked
    for arguments in asked:
        run(*arguments)


def blocks(text):
    """The Python and console blocks of a page in order, as (kind, text)."""
    return re.findall(r"```(python|console)\n(.*?)```", text, flags=re.DOTALL)


def test_the_study_of_the_page_runs_and_says_what_it_says(tmp_path, monkeypatch):
    """Python blocks make what commands read, and read what commands make; so in order."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    names, told = {}, []
    for kind, text in blocks((ROOT / "docs" / "comparing.md").read_text(encoding="utf-8")):
        if kind == "python":
            session = doctest.DocTestParser().get_doctest(text, names, "comparing", None, 0)
            result = doctest.DocTestRunner(optionflags=OPTIONS).run(
                session, out=told.append, clear_globs=False
            )
            names = session.globs
            assert result.failed == 0, "".join(told)
            continue
        command, *lines = text.strip().splitlines()
        shown = " ".join(run(*shlex.split(command)[2:]).stdout.split())
        for line in lines:
            assert line in shown, line


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    trees = "\n".join(re.findall(r"```{toctree}\n(.*?)```", index, flags=re.DOTALL))
    listed = [line for line in trees.splitlines() if line and not line.startswith(":")]
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in ROOT.glob("docs/**/*.md")}
    assert sorted([*listed, "index"]) == sorted(pages)


def test_the_pruning_schedule_of_the_page_is_one():
    text = (ROOT / "docs" / "file-formats.md").read_text(encoding="utf-8")
    (schedule,) = re.findall(r"```toml\n(\[\[phase.*?)```", text, flags=re.DOTALL)
    first, rest = PruningSchedule.parse(tomllib.loads(schedule)).phases
    assert (first.stages, first.slope, first.length, rest.stages) == (45, 0.01, 0.01, None)


def anchors(text):
    """What a heading is called in a link: lower case, blanks to hyphens, no other marks."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_the_page(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert "://" not in link
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


ALONE = [page for page in PAGES if page.name != "comparing.md"]
"""Pages whose Python blocks need no command between them."""


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_of_the_page(page, tmp_path, monkeypatch):
    for folder in ("models", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(
        examples(page.read_text(encoding="utf-8")), {}, page.name, str(page), 0
    )
    said = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(session, out=said.append)
    assert result.failed == 0, "".join(said)
