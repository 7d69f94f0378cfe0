"""What an answer says about itself: its outcome, and every number of its `result.json`."""

import math
from collections.abc import Iterator, Mapping

from optbudget.problems import Allocation, Check, CurveSet
from optbudget.status import OPTIMAL_GAP, Outcome, Solution, Termination

WITHOUT_GAP = (Termination.INFEASIBLE, Termination.UNBOUNDED, Termination.ILL_POSED)


def outcome_check(outcome: Outcome, gap: float, tolerance: float, name: str = "outcome") -> Check:
    """OPTIMAL needs a gap <= 1e-9 and TOLERANCE one within the tolerance, both CERTIFIED."""
    said = f"{outcome.termination.name}, {outcome.solution.name}, gap {gap:.3g}"
    if outcome.termination is Termination.OPTIMAL:
        ok = outcome.solution is Solution.CERTIFIED and gap <= OPTIMAL_GAP
    elif outcome.termination is Termination.TOLERANCE:
        ok = outcome.solution is Solution.CERTIFIED and gap <= tolerance
    elif outcome.termination in WITHOUT_GAP:
        ok = outcome.solution is Solution.NONE
    else:
        ok = outcome.solution is not Solution.CERTIFIED or not math.isnan(gap)
    return Check(name, ok, said if ok else f"{said}, tolerance {tolerance:.3g}: these do not fit together")


def stated_checks(answer: CurveSet | Allocation) -> Iterator[Check]:
    """Every number and word of `result.json` against the answer's own tables."""
    stated = answer.stated
    if stated is None:
        return
    curves = answer.curves if isinstance(answer, Allocation) else answer
    wrong = list(_differences(stated.get("curves"), _curve_numbers(curves), "curves."))
    wrong += list(_differences(stated, {"method": curves.method, "tolerance": curves.tolerance}, ""))
    wrong += list(_differences(stated, _allocation_numbers(answer), ""))
    wrong += list(_differences(stated, _words(answer.outcome), ""))
    detail = "; ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
    yield Check("result.json", not wrong, detail or "every number and word is the tables' own")


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


def _allocation_numbers(answer: CurveSet | Allocation) -> dict[str, object]:
    names = ("budget", "value", "bound", "gap", "gap_absolute", "price", "spent", "unspent")
    if isinstance(answer, CurveSet):
        return dict.fromkeys(names)
    return {name: getattr(answer, name) for name in names}


def _differences(stated: object, expected: Mapping[str, object], prefix: str) -> Iterator[str]:
    """One sentence per entry that is missing or is another number than expected."""
    if not isinstance(stated, Mapping):
        yield f"{prefix or 'the file'} is not a table"
        return
    for name, number in expected.items():
        found = stated.get(name)
        missing = isinstance(number, float) and not math.isfinite(number)
        if not (found is None if missing else type(found) is not bool and found == number):
            yield f"{prefix}{name} is stated as {found!r}, the tables say {number!r}"
