"""Of so many forgeries of each kind under limits that count, none passes; nor does another file of limits."""

import json

import pytest
from test_forgeries import rejected

from optbudget import load, save
from optbudget.certify import verify
from optbudget.errors import ResultError
from optbudget.files import limits_hash, limits_text

from limit_forgeries import LIMITED, honest_under_limits, limits_swapped


@pytest.fixture(scope="module")
def answers():
    found = honest_under_limits(30)
    for answer in found:
        assert verify(answer.allocation).ok, str(verify(answer.allocation))
    return found


@pytest.mark.parametrize("kind", LIMITED)
def test_no_forgery_under_limits_passes(kind, answers):
    rejected(LIMITED[kind], answers, 40, seed=3)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", LIMITED)
def test_no_forgery_under_limits_passes_many(kind):
    rejected(LIMITED[kind], honest_under_limits(80, seed=9), 500, seed=4)


def test_another_file_of_limits_is_refused(answers, tmp_path):
    """With the hash as it was it is another file; with the hash made anew it is checked, and refused."""
    import numpy as np

    rng = np.random.default_rng(2)
    tried = ((answer, limits_swapped(rng, answer)) for _ in range(5) for answer in answers)
    false = [(answer, forged) for answer, forged in tried if forged is not None]
    assert len(false) >= 4, "limits that do not bind may be moved without a false word"
    for answer, forged in false[:4]:
        folder = tmp_path / f"result{id(answer)}"
        save(answer.allocation, folder)
        assert verify(load(folder)).ok
        (folder / "limits.toml").write_text(limits_text(forged.limits), encoding="utf-8")
        with pytest.raises(ResultError, match=r"limits.toml is not the file"):
            load(folder)
        stated = json.loads((folder / "result.json").read_text())
        stated["limits"] = limits_hash(forged.limits)
        (folder / "result.json").write_text(json.dumps(stated))
        assert not verify(load(folder)).ok
        (folder / "limits.toml").unlink()
        with pytest.raises(ResultError, match="do not both speak of limits"):
            load(folder)
