"""`optbudget new`: a small model to fill in."""

from pathlib import Path
from typing import Annotated

import typer

from optbudget.cli.run import Run
from optbudget.cli.starters import STARTERS
from optbudget.errors import UsageError


def command(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.", show_default=False)],
    kind: Annotated[
        str, typer.Option(metavar="KIND", help=f"One of: {', '.join(STARTERS)}.")
    ] = "budgeted_mdp",
) -> None:
    """Write a small model that runs, with the place of every number marked."""
    if kind not in STARTERS:
        raise UsageError(f"no model kind {kind!r} can be made here; there is {', '.join(STARTERS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty; name another folder")
    title = folder.name.replace("_", " ").replace("-", " ").capitalize()
    tables = {
        name: text.replace(
            "{title}", title.replace("\\", "").replace('"', "") if name == "model.toml" else title
        ).replace("{name}", folder.name)
        for name, text in STARTERS[kind].items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    run.show(f"{folder} holds a model to fill in: {', '.join(tables)}\nNext: optbudget check {folder}")
    run.answer({"folder": folder, "files": list(tables)})
