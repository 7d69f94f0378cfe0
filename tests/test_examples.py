"""Every script of examples/ runs by itself, without a warning, and says something."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NEEDS = {"cdnow": "lifetimes", "incentives": "causaldata", "job_training": "causaldata"}
"""Packages with the data of an example, which only the extra dev has."""

SLOW = {"job_training"}
"""Importing DoWhy alone takes seconds; `test_real_data` asks for the same numbers without it."""


def installed(package):
    """Whether a package is there, without importing it."""
    try:
        return bool(distribution(package))
    except PackageNotFoundError:
        return False


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(script, id=script.stem, marks=[pytest.mark.nightly] * (script.stem in SLOW))
        for script in SCRIPTS
    ],
)
def test_example_runs(script, tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    if script.stem in NEEDS and not installed(NEEDS[script.stem]):
        assert run.returncode == 9 and f"pip install --no-deps {NEEDS[script.stem]}" in run.stderr
        return
    if script.stem in SLOW and not installed("dowhy"):
        assert "pip install 'optbudget[causal]'" in run.stderr
        return
    assert run.returncode == 0, run.stderr
    assert len(run.stdout.splitlines()) >= 3


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_is_short(script):
    assert len(script.read_text().splitlines()) < 80
