"""How names and numbers are written, the same in every table, figure and page."""

import math
from textwrap import wrap

MINUS = "\u2212"


def number(value: float, digits: int = 6) -> str:
    """A number for a person: `digits` significant digits, thousands separated, a true minus sign.

    Examples
    --------
    >>> number(18114.2345), number(0.000123456789), number(-3), number(12.0)
    ('18,114.2', '0.000123457', '−3', '12')
    >>> number(float("nan"))
    'none'
    >>> number(-0.0)
    '0'
    """
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "unlimited" if value > 0 else f"{MINUS}unlimited"
    text = f"{value + 0.0:,.{digits}g}"  # Adding 0.0 takes the sign off -0.0.
    if "e" in text and 1e-5 <= abs(value) < 1e15:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


RARE = 1e-9
"""Probability below which a table says so, in place of its digits: it carries rounding, not meaning."""


def chance(probability: float) -> str:
    """A probability for a person; what is that close to 0 or 1 is said to be, and not rounded to it.

    Examples
    --------
    >>> chance(0.25), chance(5e-13), chance(1 - 5e-13), chance(0.0)
    ('0.25', '<1e-9', '>1−1e-9', '0')
    """
    if 0 < probability < RARE:
        return "<1e-9"
    if 0 < 1 - probability < RARE:
        return f">1{MINUS}1e-9"
    return number(probability, 4)


def percent(level: float) -> str:
    """The level of an interval; never rounded to 100%.

    Examples
    --------
    >>> percent(0.95), percent(0.9999999)
    ('95%', '99.99999%')
    """
    return f"{100 * level:.15g}%"


def unit_of_money(money_unit: str) -> str:
    """One of it: the model's `money_unit`, or "unit of money" where it names none."""
    return "unit of money" if money_unit == "money" else money_unit


def budget_label(money_unit: str) -> str:
    """Axis label of money: "budget" or "budget (EUR)"."""
    return "budget" if money_unit == "money" else f"budget ({money_unit})"


def price_label(money_unit: str) -> str:
    """The one wording of a price in print.

    Examples
    --------
    >>> price_label("EUR")
    'shadow price (value of one more EUR)'
    """
    return f"shadow price (value of one more {unit_of_money(money_unit)})"


def price_lines(money_unit: str) -> list[str]:
    """`price_label` in short lines, for the side of a low panel.

    Examples
    --------
    >>> price_lines("EUR")
    ['shadow price', '(value of one', 'more EUR)']
    """
    name, meaning = price_label(money_unit).split(" (", 1)
    return [name, *wrap("(" + meaning, 17)]


def plural(count: int, noun: str, several: str = "") -> str:
    """ "1 state", "1,469 states"; the word for several where it is not the one with an s."""
    return f"{count:,} " + (noun if count == 1 else several or f"{noun}s")
