"""Commands run in this process, held to their exit code and to the promise of --json."""

import json
from pathlib import Path

from typer.testing import CliRunner

from optbudget.cli import app

ROOT = Path(__file__).parent.parent


def run(*arguments: object, code: int = 0):
    """Run a command and hold it to its exit code."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, f"exit {done.exit_code}\n{done.stdout}\n{done.stderr}\n{done.exception!r}"
    return done


def run_json(*arguments: object, code: int = 0) -> dict:
    """Run a command with --json: stdout holds one object and nothing else, and no NaN."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    done = run(*arguments, "--json", code=code)
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout, parse_constant=refuse)
