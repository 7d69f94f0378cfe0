"""What a machine sees of the package before any mathematics: imports, caches, files of the set-up."""

import ast
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from optbudget import _numba_home
from optbudget.cli.doctor import EXTRAS

ROOT = Path(__file__).parent.parent
HEAVY = ["pyomo", "ortools", "highspy", "dowhy", "matplotlib", "pandas", "scipy"]
NOT_YET = ["numpy", "numba", "pyarrow", "pydantic"]


LIST_MODULES = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted({m.split(".")[0] for m in sys.modules})), file=sys.stderr))
"""


def run_python(script: str, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options)


def loaded_after(script: str, *arguments: str) -> set[str]:
    """Top-level modules that are loaded when a Python process ends."""
    return set(json.loads(run_python(LIST_MODULES + script, *arguments).stderr.splitlines()[-1]))


def test_import_is_light():
    assert loaded_after("import optbudget").isdisjoint([*HEAVY, *NOT_YET, "typer", "rich"])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["solve", "--help"], ["allocate", "--help"], ["--version"]]
)
def test_help_is_light(arguments):
    loaded = loaded_after("from optbudget.cli import main; main()", *arguments)
    assert loaded.isdisjoint([*HEAVY, "numpy", "numba", "pyarrow"])


def test_version_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    from optbudget import __version__

    assert __version__ in (ROOT / "CITATION.cff").read_text()


def test_doctor_knows_the_extras():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, parts in EXTRAS.items():
        assert [re.match(r"[\w-]+", line)[0] for line in asked[extra]] == [name for name, _ in parts]


def test_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines)
    assert not [line for line in lines if line.lower().startswith("highspy==1.14.0")]


def test_every_package_is_in_the_layers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    listed = {name.strip() for layer in layers for name in layer.split("|")}
    here = {
        path.stem
        for path in (ROOT / "optbudget").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert listed == here - {"__init__", "__main__"}


def test_every_public_name_can_be_imported():
    import optbudget

    for name in optbudget.__all__:
        assert getattr(optbudget, name).__doc__
    assert dir(optbudget) == sorted(optbudget.__all__)


def test_solver_status_is_never_probed_at_import():
    """Nothing but imports, definitions and constants stands at the top level of a package file."""
    for path in (ROOT / "optbudget").rglob("__init__.py"):
        for node in ast.parse(path.read_text()).body:
            assert not isinstance(node, ast.Try | ast.While | ast.With), f"{path}:{node.lineno}"


class TestNumbaHome:
    @pytest.fixture
    def read_only(self, monkeypatch, tmp_path):
        """As if the package stood in a folder that cannot be written."""
        package = Path(_numba_home.__file__).parent
        writable = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != package and writable(path, mode))
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        return tmp_path

    def test_numba_chooses_where_the_package_can_be_written(self, monkeypatch):
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        _numba_home.prepare()
        assert "NUMBA_CACHE_DIR" not in os.environ and "beside" in _numba_home.where()

    def test_an_existing_setting_is_respected(self, read_only, monkeypatch):
        monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
        _numba_home.prepare()
        assert _numba_home.where() == "elsewhere"

    def test_the_users_cache_is_next(self, read_only):
        _numba_home.prepare()
        assert _numba_home.where() == str(read_only / "cache" / "optbudget" / "numba")

    def test_a_private_temporary_folder_is_last(self, read_only, monkeypatch):
        (read_only / "cache").write_text("not a folder")
        _numba_home.prepare()
        home = Path(_numba_home.where())
        assert home.parent == read_only and stat.S_IMODE(home.stat().st_mode) == 0o700
        monkeypatch.delenv("NUMBA_CACHE_DIR")
        _numba_home.prepare()
        assert Path(_numba_home.where()) == home

    def test_a_folder_that_others_can_write_is_not_used(self, read_only):
        (read_only / "cache").write_text("not a folder")
        trap = read_only / f"optbudget-{os.getuid()}"
        trap.mkdir()
        trap.chmod(0o777)
        _numba_home.prepare()
        assert Path(_numba_home.where()) != trap

    def test_a_link_is_not_used(self, read_only):
        (read_only / "cache").write_text("not a folder")
        (read_only / "elsewhere").mkdir(mode=0o700)
        (read_only / f"optbudget-{os.getuid()}").symlink_to(read_only / "elsewhere")
        _numba_home.prepare()
        assert Path(_numba_home.where()).name != f"optbudget-{os.getuid()}"

    def test_compiling_is_said_once_and_only_when_it_happens(self, tmp_path):
        (tmp_path / "kernels.py").write_text(
            "from numba import njit\n\n\n@njit(cache=True)\ndef first(x):\n    return x + 1\n\n\n"
            "@njit(cache=True)\ndef second(x):\n    return x + 2\n"
        )
        script = (
            "from optbudget import _numba_home\nimport kernels\n"
            "with _numba_home.announcing_compilation(print):\n    kernels.first(1)\n    kernels.second(1)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
        said = [run_python(script, env=environment).stdout for _ in range(2)]
        assert said[0].count("compiling, once") == 1 and said[1] == ""


def test_nothing_committed_names_a_registry_or_a_machine():
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    words = re.compile(rb"python" + rb"hosted|/ro" + rb"ot/|pypi" + rb"\.org")
    for name in filter(None, known.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and path.name != Path(__file__).name:
            assert not words.search(path.read_bytes()), name
