"""Names of the model folders of models/, by kind."""

import tomllib
from pathlib import Path

MODELS = Path(__file__).parent.parent / "models"


def kind_of(name):
    return tomllib.loads((MODELS / name / "model.toml").read_text(encoding="utf-8"))["kind"]


def names(*kinds):
    """All of the given kinds, or all."""
    found = sorted(path.parent.name for path in MODELS.glob("*/model.toml"))
    return [name for name in found if not kinds or kind_of(name) in kinds]
