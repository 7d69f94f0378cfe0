"""Row 12 of the yardsticks: what a newcomer waits for."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def _process(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "optbudget", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def row_12() -> dict[str, object]:
    """Seconds until `--help`, and until `demo` has written its report."""
    _process("--help")
    help_ = min(_process("--help") for _ in range(5))
    with tempfile.TemporaryDirectory() as folder:
        demo = _process("demo", "--out", str(Path(folder) / "demo"))
    return {
        "row": 12,
        "work": "optbudget --help; optbudget demo to its report",
        "seconds": demo,
        "target": 30.0,
        "help": help_,
        "target of help": 0.3,
    }
