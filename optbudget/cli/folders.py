"""Folders named on the command line: of the kind that is wanted, and none within another."""

from pathlib import Path

from optbudget.errors import UsageError


def require_model(folder: Path) -> None:
    """Refuse a result or a front where a model is wanted; what else is wrong is for the reader to say."""
    if (folder / "front.json").is_file() and not (folder / "model.toml").is_file():
        raise UsageError(
            f"{folder} is a front, not a model: optbudget verify wants it, and optbudget pareto MODEL --out "
            f"{folder} --point K; its model is {folder / 'model'}"
        )
    if (folder / "result.json").is_file() and not (folder / "model.toml").is_file():
        raise UsageError(
            f"{folder} is a result, not a model: optbudget allocate, verify and report want it; "
            "a model is a folder with model.toml"
        )


def require_result(folder: Path, command: str) -> None:
    """Refuse a model where a result is wanted; what else is wrong is for the reader to say."""
    if (folder / "model.toml").is_file():
        raise UsageError(
            f"{folder} is a model, not a result: first optbudget solve {folder} --out DIR, "
            f"then optbudget {command} DIR"
        )
    if command != "verify" and not (folder / "result.json").is_file() and (folder / "front.json").is_file():
        raise UsageError(f"{folder} is a front: optbudget {command} takes a point, {folder / 'points/0'}")


def require_apart(out: Path, given: Path) -> None:
    """Refuse to write into a folder that is read, or over one that holds it."""
    from optbudget.files.aside import resolved

    place, read = resolved(out), given.resolve()
    if place.is_relative_to(read) or read.is_relative_to(place):
        raise UsageError(f"--out {out} lies in {given}, or holds it: name a folder beside it")
