"""An allocation with arrivals on disk: the result folder of those here, and a folder `arrivals/` in it.

    arrivals/expected.parquet   stage, state, expected: who is expected
    arrivals/set_aside.parquet  stage, state, expected, budget, probability, action, money, value
    arrivals/plan.json          budget, value, bound, price, spent, unspent of all, and how it ended

The result folder itself is a whole one: `load_result` and `report` read of it what those here are given.
"""

import math
from pathlib import Path

import pyarrow as pa

from optbudget.errors import ProblemError, ResultError
from optbudget.files.parquet_tables import write_parquet
from optbudget.files.result_tables import ResultTable
from optbudget.files.stated_fields import number, outcome, read_json, word
from optbudget.files.statements import write_json
from optbudget.problems import Allocation, ArrivalAllocation, Arrivals

FOLDER = "arrivals"
NUMBERS = ("budget", "value", "bound", "price", "spent", "unspent")


def write_arrivals(answer: ArrivalAllocation, folder: Path) -> None:
    """Write what the result folder of those here does not hold."""
    place = folder / FOLDER
    place.mkdir()
    write_parquet(answer.arrivals.to_arrow(), place / "expected.parquet")
    table = answer.to_arrow().append_column("value", pa.array(answer.unit_value))
    write_parquet(table, place / "set_aside.parquet")
    numbers = {name: getattr(answer, name) for name in NUMBERS}
    write_json(
        {
            "distribution": answer.arrivals.distribution,
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "why_unspent": answer.why_unspent,
            "termination": answer.outcome.termination.value,
            "solution": answer.outcome.solution.value,
            "message": answer.outcome.message,
        },
        place / "plan.json",
    )


def holds_arrivals(folder: Path) -> bool:
    """Whether a result folder is of an allocation with arrivals."""
    return (folder / FOLDER / "plan.json").is_file()


def read_arrivals(folder: Path, here: Allocation) -> ArrivalAllocation:
    """The allocation with arrivals, from the one of those here and the folder beside it.

    Raises
    ------
    ResultError
        If the folder cannot be read, or does not say what it must.
    """
    place, problem = folder / FOLDER, here.curves.problem
    file = f"{FOLDER}/plan.json"
    stated = read_json(place / "plan.json", file)
    numbers = {name: number(stated, name, file) for name in NUMBERS}
    if math.isnan(numbers["budget"]):
        # JSON has no infinity, and only a budget without limit is written as null.
        numbers |= {"budget": math.inf, "unspent": math.inf}
    why = stated.get("why_unspent")
    if why is not None and not isinstance(why, str):
        raise ResultError(f"{file}: why_unspent must be a text or null")
    expected = ResultTable.read(place / "expected.parquet", ("type", "state"), folder)
    law = word(stated, "distribution", file)
    try:
        arrivals = Arrivals(
            problem, expected.wholes("stage"), expected.states(problem), expected.numbers("expected"),
            law,  # type: ignore[arg-type] # refused below if it is no such word
        )  # fmt: skip
    except ProblemError as error:
        raise ResultError(f"{expected.file}: {error}") from None
    rows = ResultTable.read(place / "set_aside.parquet", ("type", "state", "action"), folder)
    return ArrivalAllocation(
        here.curves, arrivals, here, stage=rows.wholes("stage"), state=rows.states(problem),
        expected=rows.numbers("expected", low=0.0), unit_budget=rows.numbers("budget"),
        unit_value=rows.numbers("value"), probability=rows.numbers("probability", low=0.0, open_low=True),
        action=rows.actions(problem), why_unspent=why, outcome=outcome(stated, file), **numbers,
    )  # fmt: skip
