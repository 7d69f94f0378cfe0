"""R6 of the promises for the folder of a front: damaged anywhere, it is refused or says what it said."""

import random
import shutil
from collections import Counter

import pytest
from small_departments import drawn
from test_learned_damage import harm

from optbudget import save
from optbudget.errors import OptBudgetError
from optbudget.files import load_answer
from optbudget.pareto import DepartmentsEnv, exact_front, learn_front
from optbudget.problems.examples import two_departments


@pytest.fixture(scope="module")
def fronts(tmp_path_factory):
    """A front with learned points, and another."""
    place, two = tmp_path_factory.mktemp("fronts"), two_departments()
    found = exact_front(two, weights=3, refine=1)
    learned = learn_front(two, DepartmentsEnv(two, steps=50), found.front.weight, episodes=2)
    save(found.with_plans().joined(learned.with_plans()), place / "one")
    save(exact_front(drawn(), weights=3, refine=0).with_plans(), place / "other")
    return place / "one", place / "other"


def said(folder):
    """All that a front and its plans say; None where that is refused."""
    try:
        answer = load_answer(folder)
        points = [answer.point_of(point) for point in range(len(answer.front))]
    except (OptBudgetError, UserWarning) as error:
        assert str(error)
        return None
    arrays = [getattr(answer.front, name) for name in ("weight", "point", "spend", "bound", "price")]
    arrays += [a for p in points for a in (p.plan.share, p.plan.policy, p.reward, p.spend)]
    return [a.tobytes() for a in arrays], answer.front.kind, repr(answer.stated), repr(answer.departments)


def damage_fronts(fronts, target, seeds):
    folder, other = fronts
    meant, found = said(folder), Counter()
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    for seed in seeds:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        draw = random.Random(seed)
        name = draw.choice(files)
        kind = draw.choice(["bytes", "gone", "other", "content", "content"])
        harm(target / name, (other / name).parent, kind, draw)
        says = said(target)
        assert says is None or says == meant, (seed, name, kind)
        found[says is None] += 1
    return found


def test_damaged_fronts(fronts, tmp_path):
    assert damage_fronts(fronts, tmp_path / "damaged", range(60))[True] > 40


@pytest.mark.nightly
def test_many_damaged_fronts(fronts, tmp_path):
    assert damage_fronts(fronts, tmp_path / "damaged", range(1000, 5000))[True] > 3000
