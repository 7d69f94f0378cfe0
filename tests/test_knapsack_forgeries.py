"""R2 for knapsacks: of so many forgeries of each kind that count, none passes.

A forgery counts if exact arithmetic, which knows nothing of the checker, shows a stated value, spend, bound
or price to be false. Everything that follows from the lie is made consistent.
"""

import json
import math
import os
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from commands import run

from optbudget import save
from optbudget.allocation import allocate_knapsack
from optbudget.allocation.knapsack_crossover import Solved, crossed_knapsack
from optbudget.certify import verify
from optbudget.files import load_answer
from optbudget.problems import Knapsack
from optbudget.status import Outcome, Solution, Termination

from reference import best_choice, best_split

MANY = int(os.environ.get("OPTBUDGET_CASES", "1000"))
METHODS = ("greedy", "price", "ip")


def random_knapsack(rng):
    """Up to four groups; costs 0, 0.1, ..., 4, values on a coarse grid, ties and free improvements."""
    sizes = rng.integers(1, 5, size=rng.integers(1, 5))
    cost = rng.integers(0, 41, size=sizes.sum()) / 10
    value = rng.integers(-4, 9, size=sizes.sum()) / 2
    return Knapsack.from_arrays(
        np.append(0, np.cumsum(sizes)), cost, value, count=rng.integers(0, 4, sizes.size)
    )


def plain(problem):
    points = [
        [
            (Fraction(c), Fraction(v))
            for c, v in zip(problem.cost[a:b].tolist(), problem.value[a:b].tolist(), strict=True)
        ]
        for a, b in zip(problem.ptr[:-1], problem.ptr[1:], strict=True)
    ]
    return list(zip(problem.count.tolist(), points, strict=True))


def truth(answer):
    """The largest value that the answer's method can reach, exactly; None if nothing fits."""
    groups, budget = plain(answer.knapsack), Fraction(answer.budget)
    if answer.method == "ip":
        return best_choice(groups, budget)
    return best_split([points for _, points in groups], [n for n, _ in groups], budget)


@pytest.fixture(scope="module")
def honest():
    """Honest answers, each of which passes, with the exact optimum of each."""
    rng = np.random.default_rng(1)
    found = []
    while len(found) < 90:
        problem = random_knapsack(rng)
        most = float(problem.count @ np.maximum.reduceat(problem.cost, problem.ptr[:-1]))
        answer = allocate_knapsack(problem, float(rng.uniform(0.1, 1)) * most, method=METHODS[len(found) % 3])
        assert verify(answer).ok, str(verify(answer))
        if answer.outcome.solution is Solution.CERTIFIED and problem.size > 1:
            found.append((answer, truth(answer)))
    return found


def restated(answer):
    """Everything that follows from the rows, stated as it is."""
    spent, value = answer.exact_spend(), answer.exact_value()
    down = float(value) if Fraction(float(value)) <= value else math.nextafter(float(value), -math.inf)
    left = float(Fraction(answer.budget) - spent)
    bound = max(answer.bound, down)
    changed = replace(answer, value=down, spent=float(spent), unspent=left, bound=bound)
    return replace(changed, outcome=Outcome.certified(gap=changed.gap))


def option_swapped(rng, answer, best):
    """A row takes another option, so that too much is spent."""
    row = int(rng.integers(answer.option.size))
    problem, option = answer.knapsack, answer.option.copy()
    g = problem.group_of[option[row]]
    option[row] = rng.integers(problem.ptr[g], problem.ptr[g + 1])
    forged = restated(replace(answer, option=option))
    return forged if forged.exact_spend() > Fraction(answer.budget) else None


def spend_over(share):
    """The budget is a little below what is spent: by one unit in the last place, or by a share."""

    def forge(rng, answer, best):
        spent = answer.exact_spend()
        down = float(spent) if Fraction(float(spent)) < spent else math.nextafter(float(spent), 0.0)
        budget = down * (1 - share)
        forged = replace(answer, budget=budget, unspent=float(Fraction(budget) - spent))
        return forged if spent > Fraction(budget) >= 0 else None

    return forge


def value_raised(rng, answer, best):
    value = answer.value + abs(answer.value) * 10.0 ** rng.integers(-15, 0) + 1e-15
    if Fraction(value) <= answer.exact_value():
        return None
    forged = replace(answer, value=value, bound=max(answer.bound, value))
    return replace(forged, outcome=Outcome.certified(gap=forged.gap))


def bound_lowered(rng, answer, best):
    """Below the optimum: by one unit in the last place, or to a poorer choice called the best."""
    bound = float(best) if Fraction(float(best)) < best else math.nextafter(float(best), -math.inf)
    bound -= abs(bound) * float(rng.choice([0.0, 1e-12, 1e-3]))
    forged = replace(answer, bound=bound)
    return replace(forged, outcome=Outcome.certified(gap=forged.gap))


def poorer_choice(rng, answer, best):
    """Cheaper options in some rows, called optimal: what dropping part of the search would give."""
    problem, option = answer.knapsack, answer.option.copy()
    for row in range(option.size):
        g = problem.group_of[option[row]]
        cheap = problem.ptr[g] + int(np.argmin(problem.cost[problem.ptr[g] : problem.ptr[g + 1]]))
        if rng.integers(2) and answer.probability[row] == 1:
            option[row] = cheap
    forged = replace(answer, option=option)
    value, spent = forged.exact_value(), forged.exact_spend()
    if value >= best or spent > Fraction(answer.budget):
        return None
    forged = restated(replace(forged, bound=-math.inf))
    bound = math.nextafter(forged.value, math.inf)
    return (
        replace(forged, bound=bound, outcome=Outcome.certified(gap=0.0)) if Fraction(bound) < best else None
    )


def price_higher(rng, answer, best):
    return replace(answer, price=answer.price * 1.01) if answer.price else None


def price_lower(rng, answer, best):
    return replace(answer, price=answer.price * 0.99) if answer.price else None


def count_moved(rng, answer, best):
    """One copy of a group is served by another group's row."""
    whole = np.flatnonzero(answer.probability == 1)
    if whole.size < 2:
        return None
    one, other = rng.choice(whole, 2, replace=False)
    group = answer.knapsack.group_of[answer.option]
    if group[one] == group[other] or answer.count[one] < 2:
        return None
    count = answer.count.copy()
    count[one], count[other] = count[one] - 1, count[other] + 1
    return restated(replace(answer, count=count))


def odds_off(rng, answer, best):
    drawn = np.flatnonzero(answer.probability < 1)
    if drawn.size == 0:
        return None
    chance = answer.probability.copy()
    chance[drawn[1]] = math.nextafter(chance[drawn[1]], 0.0)
    return restated(replace(answer, probability=chance))


def randomised_though_whole(rng, answer, best):
    """The relaxation's answer, called a choice of whole options."""
    if answer.method == "ip" or (answer.probability == 1).all():
        return None
    return replace(answer, method="ip")


def infeasible_claimed(rng, answer, best):
    empty = np.empty(0)
    return replace(
        answer, option=empty, count=empty, probability=empty, value=math.nan, bound=math.nan, price=math.nan,
        spent=math.nan, unspent=math.nan, outcome=Outcome(Termination.INFEASIBLE, Solution.NONE),
    )  # fmt: skip


FORGERIES = {
    "option swapped": option_swapped,
    "spend over by an ulp": spend_over(0.0),
    "spend over by 1e-9": spend_over(1e-9),
    "spend over by 1 %": spend_over(0.01),
    "value raised": value_raised,
    "bound lowered": bound_lowered,
    "poorer choice called optimal": poorer_choice,
    "price times 1.01": price_higher,
    "price times 0.99": price_lower,
    "count moved": count_moved,
    "odds that do not sum to 1": odds_off,
    "randomised though whole": randomised_though_whole,
    "infeasible claimed": infeasible_claimed,
}


def rejected(kind, answers, count, seed):
    rng = np.random.default_rng(seed)
    counted = 0
    for attempt in range(400 * count):
        forged = FORGERIES[kind](rng, *answers[attempt % len(answers)])
        if forged is None:
            continue
        assert not verify(forged).ok, f"attempt {attempt} passed: {forged}\n{verify(forged)}"
        counted += 1
        if counted == count:
            return
    raise AssertionError(f"only {counted} forgeries counted")


@pytest.mark.parametrize("kind", FORGERIES)
def test_no_forgery_passes(kind, honest):
    rejected(kind, honest, 200, seed=3)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", FORGERIES)
def test_no_forgery_passes_many(kind, honest):
    rejected(kind, honest, MANY, seed=5)


TOO_MUCH = "99.0 is proved to be the most that whole options are worth; randomising could reach at most 99.0"
FIELDS = {
    "schema": "optbudget-result-2",
    "message": TOO_MUCH,
    "ranges": {"cost": [0, 1], "value": [0, 1]},
    "tolerance": -1,
    "why_unspent": "99 is spent",
    "curves": {"gap": 0.0},
    "allocation_method": "greedy",
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_result_on_disk_can_be_forged(tmp_path, field, method):
    problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    folder = tmp_path / "result"
    save(allocate_knapsack(problem, 8.0, method=method), folder)
    assert verify(load_answer(folder)).ok, str(verify(load_answer(folder)))
    said = json.loads((folder / "result.json").read_text("utf-8"))
    forged = "price" if FIELDS[field] == said[field] else FIELDS[field]
    (folder / "result.json").write_text(json.dumps(said | {field: forged}), encoding="utf-8")
    run("verify", folder, code=3 if field == "schema" else 8)


def test_what_a_back_end_is_said_to_have_found_must_be_true_of_the_answer(tmp_path):
    problem = Knapsack.from_arrays([0, 2, 4], [0, 3, 0, 4], [0, 5, 0, 6], count=[2, 1])
    taken = np.array([0.0, 2.0, 0.5, 0.5])
    for k, solved in enumerate(
        (Solved(taken, 0.5, 13.0), Solved(taken, 1.5, 12.0), Solved(taken, 1.5, math.nan))
    ):
        answer = crossed_knapsack(problem, 8.0, solved)
        assert answer.outcome.message
        save(answer, tmp_path / str(k))
        back = load_answer(tmp_path / str(k))
        assert verify(back).ok, str(verify(back))
        for old, new in (("13.0", "14.0"), ("12.0", "11.0"), ("16.0", "15.0"), ("back", "front")):
            text = back.outcome.message.replace(old, new)
            lie = replace(back, outcome=replace(back.outcome, message=text))
            stated = {**back.stated, "message": text}
            changed = old in back.outcome.message and not (
                old == "12.0" and "worth 12.0" in back.outcome.message
            )
            assert verify(replace(lie, stated=stated)).ok is not changed
