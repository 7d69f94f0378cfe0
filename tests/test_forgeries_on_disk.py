"""R2 on disk: result folders with a lie in them, every hash made anew, are refused or do not pass."""

import json
import math
import os
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pytest
from truth import true_curves

from optbudget.certify import verify
from optbudget.errors import OptBudgetError, ResultError
from optbudget.files import DataWarning, load_model, load_result, model_hash, save

from forgeries import FINITE, curves_are_false, honest_answers, lie, stationary_answers

MANY = int(os.environ.get("OPTBUDGET_CASES", "1000"))
TOTALS = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent")
OF_CURVES = ("states", "segments_mean", "segments_max", "gap")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Honest answers and the folders they were saved to, each of which passes."""
    place = tmp_path_factory.mktemp("honest")
    pairs = []
    for k, answer in enumerate([*honest_answers(12, seed=11), *stationary_answers(6, seed=12)]):
        folder = place / str(k)
        save(answer.allocation, folder)
        found = verify(load_result(folder))
        assert found.ok, str(found)
        pairs.append((answer, folder))
    return pairs


def refused(folder):
    """Whether a folder cannot be read, or is read and does not pass."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            answer = load_result(folder)
    except OptBudgetError:
        return True
    return not verify(answer).ok


def rehash(folder):
    """Write the hash of the model that is now in the folder into result.json; False if it has none."""
    said = json.loads((folder / "result.json").read_text())
    try:
        said["model"]["sha256"] = model_hash(folder / "model")
    except OptBudgetError:
        return False
    (folder / "result.json").write_text(json.dumps(said))
    return True


def truncated(rng, answer, folder):
    """One file of the result cut short; where the model still loads, it must be another one."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "timings.json")
    file = files[int(rng.integers(len(files)))]
    content = file.read_bytes()
    # A file without its last line end says what it said before.
    size = len(content.rstrip(b"\n"))
    if not size:
        return False
    file.write_bytes(content[: int(rng.integers(size))])
    if file.parent.name != "model":
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            other = load_model(folder / "model")
    except OptBudgetError:
        return True
    if answer.truth is None or other.states != answer.problem.states or other.horizon is None:
        return False
    return rehash(folder) and curves_are_false(_of(answer, true_curves(other)), answer.curves)


def _of(answer, truth):
    return replace(answer, truth=truth)


def field_altered(rng, answer, folder):
    """One number or word of result.json changed to another."""
    said = json.loads((folder / "result.json").read_text())
    kind = int(rng.integers(4))
    if kind == 0:
        place, key = said["curves"], str(rng.choice(OF_CURVES))
    elif kind == 1:
        place, key = said["ranges"]["probability"], int(rng.integers(2))
    else:
        place, key = said, str(rng.choice(TOTALS))
    if kind == 3 and rng.integers(4) == 0:
        if said["termination"] == "OPTIMAL":
            return False
        said["termination"] = "OPTIMAL"
    else:
        old = place[key]
        by = float(rng.choice([0.0, 1e-9, 0.01, 1.0])) * (1 + abs(old))
        sign = 1 if rng.integers(2) else -1
        new = old + sign if isinstance(old, int) else old + sign * by
        place[key] = new if new != old else math.nextafter(old, math.copysign(math.inf, sign))
    (folder / "result.json").write_text(json.dumps(said))
    return True


def model_exchanged(rng, answer, folder):
    """The model's numbers changed under the answer, and its hash with them."""
    if answer.truth is None or answer.problem.horizon is None:
        return False
    problem = answer.problem
    cost = problem.cost.copy()
    cost[int(rng.integers(cost.size))] += lie(rng)
    other = replace(problem, cost=cost)
    shutil.rmtree(folder / "model")
    save(other, folder / "model")
    return rehash(folder) and curves_are_false(_of(answer, true_curves(other)), answer.curves)


KINDS = {
    "file truncated": truncated,
    "result.json altered": field_altered,
    "model exchanged": model_exchanged,
}


def rejected(forge, folders, tmp_path, count, seed):
    rng = np.random.default_rng(seed)
    counted = 0
    for attempt in range(60 * count):
        answer, folder = folders[attempt % len(folders)]
        forged = tmp_path / "forged"
        if forged.exists():
            shutil.rmtree(forged)
        shutil.copytree(folder, forged)
        if not forge(rng, answer, forged):
            continue
        assert refused(forged), f"attempt {attempt} passed; see {forged}"
        counted += 1
        if counted == count:
            return
    raise AssertionError(f"only {counted} forgeries counted")


@pytest.mark.parametrize("kind", KINDS)
def test_no_forged_folder_passes(kind, folders, tmp_path):
    rejected(KINDS[kind], folders, tmp_path, 200, seed=13)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", KINDS)
def test_no_forged_folder_passes_many(kind, folders, tmp_path):
    rejected(KINDS[kind], folders, tmp_path, MANY, seed=14)


@pytest.mark.parametrize("kind", FINITE)
def test_forgeries_do_not_pass_by_way_of_the_disk(kind, tmp_path):
    """Forged nouns, saved with everything that belongs to them, and read back."""
    rng = np.random.default_rng(15)
    answers = honest_answers(9, seed=16)
    counted = 0
    for attempt in range(400):
        forged = FINITE[kind](rng, answers[attempt % len(answers)])
        if forged is None:
            continue
        folder = tmp_path / str(attempt)
        try:
            save(forged, folder)
        except (OptBudgetError, ValueError):
            continue
        assert refused(folder), f"attempt {attempt}"
        counted += 1
        if counted == 8:
            return
    raise AssertionError(f"only {counted} forgeries counted")


def test_a_wrong_hash_is_refused(folders, tmp_path):
    folder = tmp_path / "r"
    shutil.copytree(folders[0][1], folder)
    said = json.loads((folder / "result.json").read_text())
    said["model"]["sha256"] = "0" * 64
    (folder / "result.json").write_text(json.dumps(said))
    with pytest.raises(ResultError):
        load_result(folder)
