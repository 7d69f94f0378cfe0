"""What an answer says about itself: its outcome, and every number of its `result.json`."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from optbudget.problems import Allocation, BudgetedMDP, Check, CurveSet
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination

METHODS = ("exact", "walk", "sweep")
"""Ways to curves that have a certificate."""

WITHOUT_GAP = (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)


def outcome_check(outcome: Outcome, gap: float, tolerance: float, name: str = "outcome") -> Check:
    """OPTIMAL needs a gap <= 1e-9 and TOLERANCE one within the tolerance, which is >= 0; both CERTIFIED."""
    said = f"{outcome.termination.name}, {outcome.solution.name}, gap {gap:.3g}"
    if outcome.termination is Termination.OPTIMAL:
        ok = outcome.solution is Solution.CERTIFIED and gap <= OPTIMAL_GAP
    elif outcome.termination is Termination.TOLERANCE:
        ok = outcome.solution is Solution.CERTIFIED and gap <= tolerance
    elif outcome.termination in WITHOUT_GAP:
        ok = outcome.solution is Solution.NONE
    else:
        ok = outcome.solution is not Solution.CERTIFIED or not math.isnan(gap)
    ok = ok and tolerance >= 0
    return Check(name, ok, said if ok else f"{said}, tolerance {tolerance:.3g}: these do not fit together")


def stated_checks(answer: CurveSet | Allocation) -> Iterator[Check]:
    """Every number and word that was read beside the tables, against the tables themselves."""
    curves = answer.curves if isinstance(answer, Allocation) else answer
    wrong: list[str] = []
    if curves.stated is not None:
        wrong += _curve_differences(curves, curves.stated)
    if answer.stated is not None and "curves" in answer.stated:
        wrong += differences(answer.stated, _answer_numbers(answer), "")
        wrong += differences(answer.stated.get("certificate"), _certificate(answer), "certificate.")
    if curves.stated is None and answer.stated is None:
        return
    detail = "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    follows = "every number, and every word that follows from them, is the tables' own"
    yield Check("result.json", not wrong, detail or follows + _unproved_message(answer))


def _unproved_message(answer: CurveSet | Allocation) -> str:
    """That nothing is proved of a sentence that says how the work went."""
    return "; nothing is proved of its message" if answer.outcome.message else ""


def _curve_differences(curves: CurveSet, stated: Mapping[str, object]) -> Iterator[str]:
    """What is said of curves in result.json, or of a kept stage in its certificate.json."""
    if "curves" not in stated:
        yield from differences(stated, _certificate(curves) | _words(curves.outcome), "")
        return
    yield from differences(stated.get("curves"), _curve_numbers(curves), "curves.")
    yield from differences(stated, {"method": curves.method, "tolerance": curves.tolerance}, "")
    if curves.method not in METHODS:
        yield f"method is stated as {curves.method!r}, which is none of {', '.join(METHODS)}"
    yield from differences(stated.get("ranges"), ranges(curves.problem), "ranges.")


def ranges(problem: BudgetedMDP) -> dict[str, object]:
    """The smallest and the largest size of the numbers of a model, by table."""
    return {name: magnitudes(getattr(problem, name)) for name in ("cost", "utility", "probability")}


def magnitudes(numbers: NDArray[np.float64]) -> list[float] | None:
    """The smallest and the largest that is not zero; None if all are zero."""
    size = np.abs(numbers[numbers != 0])
    return [float(size.min()), float(size.max())] if size.size else None


def _certificate(answer: CurveSet | Allocation) -> dict[str, object]:
    """The numbers of certificate.json."""
    curves = answer.curves if isinstance(answer, Allocation) else answer
    witness = curves.witness
    numbers: dict[str, object] = {
        "schema": "optbudget-certificate-1",
        "kind": "prices" if witness is None else "stationary",
        "prices": int(curves.prices.size),
        "gap": curves.gap,
        "rounding": curves.rounding,
        "horizon": None if witness is None else witness.horizon,
        "tails": None if witness is None else list(witness.tails),
    }
    if isinstance(answer, Allocation):
        numbers["allocation_price"] = answer.price
    return numbers


def _curve_numbers(curves: CurveSet) -> dict[str, object]:
    segments = curves.curves.segments
    return {
        "states": len(curves.curves),
        "segments_mean": float(segments.mean()),
        "segments_max": int(segments.max()),
        "gap": curves.gap,
        "rounding": curves.rounding,
        "stage": curves.stage,
        "stages": [kept.stage for kept in curves.stages],
        **_words(curves.outcome),
    }


def _words(outcome: Outcome) -> dict[str, object]:
    return {"termination": outcome.termination.value, "solution": outcome.solution.value}


def _answer_numbers(answer: CurveSet | Allocation) -> dict[str, object]:
    """The top level of result.json; without an allocation its numbers are null."""
    names = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent")
    if isinstance(answer, CurveSet):
        return dict.fromkeys((*names, "why_unspent", "allocation_method")) | _words(answer.outcome)
    numbers = {name: getattr(answer, name) for name in names}
    if answer.limits is not None:
        numbers["multipliers"] = [asdict(one) for one in answer.multipliers]
        numbers["set_aside"] = [[block, str(money)] for block, money in answer.set_aside]
    method = {"allocation_method": answer.method, "why_unspent": answer.why_unspent}
    return numbers | method | _words(answer.outcome)


def differences(stated: object, expected: Mapping[str, object], prefix: str) -> Iterator[str]:
    """One sentence per entry that is missing or is another number than expected."""
    if not expected:
        return
    if not isinstance(stated, Mapping):
        yield f"{prefix or 'the file'} is not a table"
        return
    for name, number in expected.items():
        found = stated.get(name)
        missing = isinstance(number, float) and not math.isfinite(number)
        if not (found is None if missing else type(found) is not bool and found == number):
            yield f"{prefix}{name} is stated as {found!r}, the tables say {number!r}"
