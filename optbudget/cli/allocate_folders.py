"""Which folders `optbudget allocate` splits a budget of, and what is said of the others."""

from pathlib import Path

from optbudget.cli.folders import require_result
from optbudget.errors import ResultError, UsageError


def require_what_is_split(folder: Path) -> None:
    """Refuse what is no result, and say which command fits; a knapsack has been taken out before."""
    from optbudget.files.constrained_folder import KIND
    from optbudget.files.model_toml import read_toml

    if folder.is_file():
        raise UsageError(f"{folder} is a file; name its folder, a result or a knapsack model")
    if not folder.is_dir():
        raise ResultError(f"there is no folder {folder}; optbudget solve MODEL --out DIR makes a result")
    read = read_toml(folder / "model.toml", [])
    if read is not None and read[0].get("kind") == KIND:
        raise UsageError(
            f"{folder} is a constrained problem: its budgets are part of the model, so there is nothing to "
            f"split. optbudget compare {folder} solves it; optbudget export {folder} states it"
        )
    require_result(folder, "allocate")
    if not (folder / "result.json").is_file():
        raise ResultError(
            f"{folder} is neither a result, which has result.json, nor a knapsack, which has model.toml"
        )
