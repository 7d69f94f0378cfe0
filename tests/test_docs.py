"""Every Python example of the documentation is run, page by page."""

import doctest
import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_of_the_page(page, tmp_path, monkeypatch):
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    session = doctest.DocTestParser().get_doctest(
        examples(page.read_text(encoding="utf-8")), {}, page.name, str(page), 0
    )
    said = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(session, out=said.append)
    assert result.failed == 0, "".join(said)
