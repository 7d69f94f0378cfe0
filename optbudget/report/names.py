"""Names of any length in drawings: what fits stays whole, what does not keeps its beginning and its end."""

from collections.abc import Iterable
from unicodedata import east_asian_width

NARROW, WIDE = 24, 70
"""Columns of text that a name has beside a chart, and on a line of its own across it."""


def columns(text: str) -> int:
    """How many columns a text takes; the letters of some scripts take two.

    Examples
    --------
    >>> columns("basket"), columns("籠")
    (6, 2)
    """
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def shortened(name: str, most: int) -> str:
    """A name in at most so many columns: beginning and end, for both tell names apart, around an ellipsis.

    Examples
    --------
    >>> shortened("returning customer with an open basket", 20)
    'returning …en basket'
    >>> shortened("basket", 20)
    'basket'
    """
    if columns(name) <= most:
        return name
    begin, end = name, ""
    while columns(begin) > most // 2:
        begin = begin[:-1]
    for letter in reversed(name):
        if columns(letter + end) > most - 1 - columns(begin):
            break
        end = letter + end
    return f"{begin}…{end}"


def short_names(names: Iterable[str], most: int) -> dict[str, str]:
    """Each name with its short form; different names keep different forms.

    Examples
    --------
    >>> list(short_names(["basket with shoes", "basket with books", "basket for books"], 11).values())
    ['baske…shoes', 'baske…books', 'bas…oks (2)']
    """
    whole = list(dict.fromkeys(names))
    short: dict[str, str] = {}
    taken = {name for name in whole if columns(name) <= most}
    for name in whole:
        form, k = shortened(name, most), 1
        while form != name and form in taken:
            k += 1
            mark = f" ({k})"
            form = shortened(name, most - len(mark)) + mark
        taken.add(form)
        short[name] = form
    return short


def in_full(names: Iterable[str], most: int) -> str:
    """A sentence that gives every shortened name in full; empty if none was shortened.

    Examples
    --------
    >>> in_full(["a", "basket full of shoes"], 11)
    'In full: “baske…shoes” is “basket full of shoes”.'
    """
    told = [f"“{form}” is “{name}”" for name, form in short_names(names, most).items() if form != name]
    return f"In full: {'; '.join(told)}." if told else ""
