"""Shared settings of the tests: hypothesis draws the same examples in every run, and more at night."""

import os

import pytest
from commands import run
from hypothesis import HealthCheck, settings

os.environ.pop("OPTBUDGET_DEBUG", None)
# Threads that wait by spinning slow each other down where several test processes share the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
slow_machine = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=slow_machine,
)
settings.register_profile(
    "nightly", max_examples=2000, deadline=None, database=None, suppress_health_check=slow_machine
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def model(tmp_path):
    """The small model that `optbudget new` writes."""
    run("new", tmp_path / "shop", "--quiet")
    return tmp_path / "shop"
