"""The command line: one file per command. It composes verbs and prints; it computes nothing itself."""

import sys
from typing import Annotated

import typer

from optbudget.cli import (
    allocate,
    audit,
    budgets,
    causal,
    check,
    compare,
    demo,
    doctor,
    explain,
    export,
    learn,
    new,
    pareto,
    report,
    risk,
    simulate,
    solve,
    strict,
    tradeoff,
    uncertain,
    verify,
)
from optbudget.cli.run import as_command, unread

__all__ = ["app", "main"]

COMMANDS = {
    "new": new,
    "demo": demo,
    "check": check,
    "solve": solve,
    "allocate": allocate,
    "budgets": budgets,
    "simulate": simulate,
    "risk": risk,
    "strict": strict,
    "verify": verify,
    "explain": explain,
    "tradeoff": tradeoff,
    "audit": audit,
    "uncertain": uncertain,
    "learn": learn,
    "causal": causal,
    "pareto": pareto,
    "compare": compare,
    "export": export,
    "report": report,
    "doctor": doctor,
}

app = typer.Typer(
    name="optbudget",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _module in COMMANDS.items():
    app.command(_name)(as_command(_module.command))


def _show_version(wanted: bool) -> None:
    if wanted:
        from optbudget import __version__

        print(f"optbudget {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Split one budget over many units, and prove how good the split is."""


def main() -> None:
    """The console script; what it printed is all written when it ends, or nobody reads it any more."""
    try:
        app(prog_name="optbudget")
    except SystemExit:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            sys.exit(unread())
        raise
