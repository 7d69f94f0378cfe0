"""Names of columns and rows that a file format allows, as near to the given ones as it can be.

LP files allow letters, digits and a few marks, no word of their own, and nothing that could be read as a
number; MPS files allow what has no blank. A name that breaks the rules is mended by itself: accents are taken
off, letters of other scripts become their code points, other signs "_", and what then meets another name gets
a number.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MOST_NAMED = 100_000
"""Columns, or rows, beyond which names are not mended one by one: if one is not allowed, all become short."""

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Format:
    """What a file format allows in a name.

    Attributes
    ----------
    whole : a name that is kept as it is
    wrong : what becomes "_" in another
    words : what no name may be, in lower case
    """

    whole: re.Pattern[str]
    wrong: re.Pattern[str]
    words: frozenset[str] = frozenset()


LP_WORDS = frozenset([
    "max", "maximize", "maximum", "min", "minimize", "minimum", "subject", "such", "st", "bound",
    "bounds", "free", "bin", "binary", "binaries", "gen", "general", "generals", "int", "integer",
    "integers", "semi", "sec", "sin", "sos", "end", "obj", "to", "that",
])  # fmt: skip
_NO_NUMBER = r"(?!(?i:inf|nan))[A-DF-Za-df-z_]"  # HiGHS takes "infant" and "nancy" for numbers.
LP = Format(re.compile(_NO_NUMBER + r"[A-Za-z0-9_.]*"), re.compile(r"[^A-Za-z0-9_.]+"), LP_WORDS)
MPS = Format(re.compile(r"[!-#%-)+-~][!-~]*"), re.compile(r"[^!-~]+"))


def allowed_names(given: Sequence[str], count: int, letter: str, format: Format) -> list[str]:
    """A name for each of `count` columns or rows: its own where the format allows it, all of them different.

    Without names, or where one is not allowed among more than `MOST_NAMED`, all are letter0, letter1, ...

    Examples
    --------
    >>> allowed_names(["x[0,new lead,call]", "x[0,new_lead,call]", "cost", "end"], 4, "x", LP)
    ['x_0_new_lead_call', 'x_0_new_lead_call_2', 'cost', '_end']
    >>> allowed_names(["x[0,new lead,call]", "Zoë"], 2, "x", MPS)
    ['x[0,new_lead,call]', 'Zoe']
    """
    if not given:
        return [f"{letter}{k}" for k in range(count)]
    if all(_is_allowed(name, format) for name in given) and _are_distinct(given):
        return list(given)
    if count > MOST_NAMED:
        return [f"{letter}{k}" for k in range(count)]
    taken: set[str] = set()
    return [_distinct(_mended(name, format), taken) for name in given]


def _is_allowed(name: str, format: Format) -> bool:
    fits = len(name) <= LONGEST and name.lower() not in format.words
    return fits and format.whole.fullmatch(name) is not None


def _are_distinct(names: Sequence[str]) -> bool:
    """Whether no two are equal, also where a row is written as two, name_low and name_high."""
    known = set(names)
    split = (name.removesuffix("_low").removesuffix("_high") for name in names)
    return len(known) == len(names) and not any(
        a != b and a in known for a, b in zip(split, names, strict=True)
    )


def _mended(name: str, format: Format) -> str:
    plain = unicodedata.normalize("NFKD", name)
    kept = (sign for sign in plain if not unicodedata.combining(sign))
    plain = "".join(sign if sign.isascii() else f"u{ord(sign):x}" for sign in kept)
    plain = format.wrong.sub("_", plain).rstrip("_")[: LONGEST - 20]
    return plain if _is_allowed(plain, format) else f"_{plain}"


def _distinct(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it new."""
    candidate, k = name, 1
    while not taken.isdisjoint(parts := (candidate, f"{candidate}_low", f"{candidate}_high")):
        k += 1
        candidate = f"{name}_{k}"
    taken.update(parts)
    return candidate
