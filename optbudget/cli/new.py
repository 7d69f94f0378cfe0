"""`optbudget new`: a small model to fill in."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli.run import Run
from optbudget.errors import UsageError

KINDS = ("budgeted_mdp",)

MODEL = """\
# A unit is a customer. Its states and actions are the words used in the tables beside this file.
kind = "budgeted_mdp"
title = "{title}"
source = "made by optbudget new; replace by where the numbers come from"
money_unit = "EUR"

discount = 0.975        # of rewards, per decision
cost_discount = 1.0     # of spend, per decision; 1 counts money at its face
horizon = 12            # number of decisions, or "infinite"
reward = "net"          # "net": utility - cost;  "gross": utility
initial = "visitor"     # or a table: [initial] visitor = 0.7, basket = 0.3
terminal_states = ["gone"]
"""

ACTIONS = """\
state,action,cost,utility
visitor,nothing,0,0
visitor,email,0.5,0
visitor,coupon,2,0
basket,nothing,0,0
basket,coupon,2,0
buyer,nothing,0,60
"""

TRANSITIONS = """\
state,action,next_state,probability
visitor,nothing,visitor,0.80
visitor,nothing,basket,0.05
visitor,nothing,gone,0.15
visitor,email,visitor,0.72
visitor,email,basket,0.13
visitor,email,gone,0.15
visitor,coupon,visitor,0.60
visitor,coupon,basket,0.25
visitor,coupon,gone,0.15
basket,nothing,basket,0.50
basket,nothing,buyer,0.20
basket,nothing,gone,0.30
basket,coupon,basket,0.35
basket,coupon,buyer,0.45
basket,coupon,gone,0.20
buyer,nothing,visitor,0.50
buyer,nothing,gone,0.50
"""

POPULATION = """\
state,count
visitor,900
basket,100
"""

README = """\
# {title}

What the states and actions mean, and where the numbers come from.

    optbudget check {name}
    optbudget solve {name} --out {name}-result
    optbudget allocate {name}-result --budget 1000
"""


def command(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.", show_default=False)],
    kind: Annotated[str, typer.Option(metavar="KIND", help=f"One of: {', '.join(KINDS)}.")] = KINDS[0],
) -> None:
    """Write a small model that runs, with the place of every number marked."""
    if kind not in KINDS:
        raise UsageError(f"no model kind {kind!r} can be made here; there is {', '.join(KINDS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty; name another folder")
    title = folder.name.replace("_", " ").replace("-", " ").capitalize()
    tables = {
        "model.toml": MODEL.format(title=title.replace("\\", "").replace('"', "")),
        "actions.csv": ACTIONS,
        "transitions.csv": TRANSITIONS,
        "population.csv": POPULATION,
        "README.md": README.format(title=title, name=folder.name),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    run.show(f"{folder} holds a model to fill in: {', '.join(tables)}\nNext: optbudget check {folder}")
    run.answer({"folder": folder, "files": list(tables)})
