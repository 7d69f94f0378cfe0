"""Unintended consequences in words and as a table: which, how often, how likely, and along which path."""

import math

from optbudget.problems.unintended import Consequence, Unintended
from optbudget.report.tables import Grid
from optbudget.report.words import chance, number

TITLE = "What it is predicted to do besides"
NAMED = 3
ARROW = " → "


def unintended_grid(found: Unintended, *, limit: int = 30) -> Grid:
    """One row per side effect of an action that is taken, the largest harm first."""
    rows = tuple(
        (
            one.effect.action if one.effect.state is None else f"{one.effect.action} in {one.effect.state}",
            one.effect.outcome,
            "without end" if math.isnan(one.times) else number(one.times, 4),
            number(one.effect.mean, 4),
            chance(one.effect.probability),
            number(one.harm, 4),
            f"{number(one.lower, 4)} to {number(one.upper, 4)}",
            ARROW.join(one.effect.path),
        )
        for one in found.consequences[:limit]
    )
    hidden = len(found.consequences) - len(rows)
    note = "Harm each time: in units of the outcome, positive where it hurts. Harm in all: value, discounted."
    note += f" {hidden:,} more are not shown." if hidden else ""
    columns = (
        "action", "outcome", ">times", ">harm each time", ">chance of harm", ">harm in all", ">interval",
        "path",
    )  # fmt: skip
    return Grid(TITLE, columns, rows, note)


def unintended_sentences(found: Unintended) -> list[str]:
    """What is expected besides in all, how the largest harms come about, and what is proved of it."""
    if not found.consequences:
        return ["No action with a known side effect is taken."]
    said = [
        f"Besides what it is meant to do, this plan is predicted to do harm worth {number(found.harm)} in "
        f"expectation, from {number(found.lower)} to {number(found.upper)} at the ends of the intervals. "
        + _what_is_in_the_value(found)
    ]
    said += [_sentence(one) for one in found.consequences[:NAMED]]
    said.append("The certificate covers the optimisation given these effects, which are estimates.")
    return said


def _what_is_in_the_value(found: Unintended) -> str:
    if found.weight == 0:
        return "None of it is held against the plan's value."
    return (
        f"At the risk weight {number(found.weight)} it is held against the value already: without it the "
        f"plan is worth {number(found.value, 8)}."
    )


def _sentence(one: Consequence) -> str:
    effect = one.effect
    times = "" if math.isnan(one.times) else f", taken {number(one.times, 4)} times in expectation,"
    path = f" The harm comes by {ARROW.join(effect.path)}." if effect.path else ""
    return (
        f"Action {effect.action!r}{times} is predicted to hurt {effect.outcome!r} with probability "
        f"{chance(effect.probability)}, in all by {number(one.harm)}.{path}"
    )
