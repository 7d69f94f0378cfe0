"""`optbudget explain`: why an answer is what it is, and what changed since another."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optbudget.cli.folders import require_result
from optbudget.cli.held_risk import Risk
from optbudget.cli.run import Run
from optbudget.errors import NoAnswerError, UsageError

if TYPE_CHECKING:
    from optbudget.problems import Allocation, ArrivalAllocation, PolicyMixture
    from optbudget.problems.arrival_explanation import ArrivalExplanation
    from optbudget.problems.explanation import Explanation
    from optbudget.problems.unintended import Unintended


def command(
    run: Run,
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="A result folder with an allocation.", show_default=False)
    ],
    state: Annotated[
        str | None, typer.Option(metavar="S", help="Everything about one state.", show_default=False)
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="RESULT2", help="What changed since this other result.", show_default=False),
    ] = None,
    risk: Risk = None,
) -> None:
    """Say what binds in every state, what the next money would buy, and what would change the decision."""
    from optbudget.planning import explain, explain_arrivals
    from optbudget.problems import ArrivalAllocation, PolicyMixture

    if state is not None and against is not None:
        raise UsageError("--state is about one result and --against about two: leave out one of them")
    if risk is not None and (state is not None or against is not None):
        raise UsageError("--risk is about a whole result: leave out --state and --against")
    answer = _answer(run, result)
    if against is not None:
        before, after = _one_split(_answer(run, against), against), _one_split(answer, result)
        _show_difference(run, before=before, after=after)
    elif isinstance(answer, PolicyMixture):
        if state is not None:
            raise UsageError(
                f"{result} is of budget lines, which have a price each and states none: no --state"
            )
        _show_lines(run, answer, *_unintended(answer, risk))
    elif isinstance(answer, ArrivalAllocation):
        if risk is not None:
            raise UsageError(
                f"{result} counts units that are still to come, whose harm is not known: leave out --risk"
            )
        _show_arrivals(run, explain_arrivals(answer), state)
    elif state is None:
        _show(run, explain(answer), *_unintended(answer, risk))
    else:
        _show_state(run, explain(answer), state)


def _answer(run: Run, folder: Path) -> "Allocation | ArrivalAllocation | PolicyMixture":
    from optbudget import files
    from optbudget.problems import Allocation, ArrivalAllocation, KnapsackAllocation, PolicyMixture

    require_result(folder, "explain")
    run.require_memory_to_read(folder)
    answer = files.load_answer(folder)
    if isinstance(answer, Allocation | ArrivalAllocation | PolicyMixture):
        return answer
    if isinstance(answer, KnapsackAllocation):
        raise UsageError(
            f"{folder} answers a knapsack, which has no states to explain: optbudget verify checks it"
        )
    raise UsageError(
        f"{folder} holds curves and no allocation yet: first optbudget allocate {folder} --budget B"
    )


def _one_split(answer: "Allocation | ArrivalAllocation | PolicyMixture", folder: Path) -> "Allocation":
    from optbudget.problems import Allocation

    if not isinstance(answer, Allocation):
        raise UsageError(
            f"--against compares two splits of one budget; {folder} is of several lines, or of units to come"
        )
    return answer


def _show_lines(run: Run, answer: "PolicyMixture", besides: "Unintended | None", in_words: list[str]) -> None:
    from optbudget.report.budget_lines import line_grid
    from optbudget.report.explaining_plans import line_sentences
    from optbudget.report.unintended import unintended_grid

    sentences = line_sentences(answer)
    there = answer.share.size > 0
    run.answer({
        "value": answer.value if there else None, "bound": answer.bound if there else None,
        "lines": answer.to_arrow().to_pylist(), "sentences": sentences + in_words,
        **({} if besides is None else {"unintended": _fields(besides)}),
    })  # fmt: skip
    run.grids(line_grid(answer), *([] if besides is None else [unintended_grid(besides)]))
    shown = sentences[answer.price.size if there else 0 :]  # The table has said what the others say.
    for sentence in shown + in_words:
        run.show(sentence)


def _show_arrivals(run: Run, why: "ArrivalExplanation", state: str | None) -> None:
    from optbudget.report.explaining import explanation_grid, state_sentences
    from optbudget.report.explaining_plans import arrivals_explanation_grid, arrivals_explanation_sentences

    plan = why.plan
    sentences = arrivals_explanation_sentences(why)
    rows, coming = why.here.to_arrow().to_pylist(), why.to_arrow().to_pylist()
    if state is not None:
        sentences = state_sentences(why.here, state)
        index = plan.curves.problem.index(state)
        rows = [rows[k] for k in why.here.places(state)]
        chosen = (why.state == index).nonzero()[0].tolist()
        coming = [coming[k] for k in chosen]
        for k in chosen:
            sentences.append(
                f"{why.expected[k]:g} expected at stage {why.stage[k]}: {why.binding[k].sentence}."
            )
    names = ("budget", "value", "bound", "price", "spent", "unspent", "set_aside", "why_unspent")
    run.answer(
        {**{name: getattr(plan, name) for name in names}, "sentences": sentences, "states": rows,
         "arrivals": coming}
    )  # fmt: skip
    if state is None:
        run.grids(explanation_grid(why.here), arrivals_explanation_grid(why))
    for sentence in sentences:
        run.show(sentence)


def _unintended(
    answer: "Allocation | PolicyMixture", risk: Path | None
) -> "tuple[Unintended | None, list[str]]":
    """The unintended consequences, of the side effects named or held, and in words; or why they are not."""
    from optbudget import files
    from optbudget.planning import unintended
    from optbudget.planning.uses import problem_of
    from optbudget.report.unintended import TITLE, unintended_sentences

    problem = problem_of(answer)
    if risk is None and problem.risk is None:
        return None, []
    try:
        found = unintended(answer, None if risk is None else files.load_side_effects(risk, problem))
    except NoAnswerError as error:
        return None, [f"{TITLE} cannot be said: {error}."]
    return found, unintended_sentences(found)


def _fields(found: "Unintended") -> dict[str, object]:
    totals = {name: getattr(found, name) for name in ("harm", "lower", "upper", "weight")}
    return {**totals, "value_before": found.value, "consequences": found.to_arrow().to_pylist()}


def _show(run: Run, why: "Explanation", besides: "Unintended | None", in_words: list[str]) -> None:
    from optbudget.report.explaining import explanation_grid, explanation_sentences
    from optbudget.report.unintended import unintended_grid

    answer = why.allocation
    sentences = explanation_sentences(why) + in_words
    totals = {
        name: getattr(answer, name) for name in ("budget", "value", "bound", "price", "spent", "unspent")
    }
    marginal = why.name(why.marginal) if why.marginal >= 0 else None
    run.answer({
        **totals, "why_unspent": answer.why_unspent, "next_goes_to": marginal, "stable": _stable(why),
        "sentences": sentences, "states": why.to_arrow().to_pylist(),
        **({} if besides is None else {"unintended": _fields(besides)}),
    })  # fmt: skip
    run.grids(explanation_grid(why), *([] if besides is None else [unintended_grid(besides)]))
    for sentence in sentences:
        run.show(sentence)
    if (stable := _stable(why)) is not None:
        from optbudget.report.words import number

        low, high = (number(end, 8) for end in stable.values())
        run.show(f"The same policies stay optimal for total budgets from {low} to {high}.")


def _stable(why: "Explanation") -> dict[str, float] | None:
    """The budgets in which the same policies stay optimal; None where no price explains the split."""
    from optbudget.allocation import stable_range

    if not why.by_price or why.allocation.limits is not None:
        return None
    found = stable_range(why.allocation)
    return {"low": found.low, "high": found.high}


def _show_state(run: Run, why: "Explanation", state: str) -> None:
    from optbudget.report.explaining import state_sentences

    sentences = state_sentences(why, state)
    table = why.to_arrow().to_pylist()
    rows: list[Mapping[str, object]] = [table[k] for k in why.places(state)]
    run.answer({"state": state, "price": why.allocation.price, "sentences": sentences, "rows": rows})
    for sentence in sentences:
        run.show(sentence)


def _show_difference(run: Run, *, before: "Allocation", after: "Allocation") -> None:
    from optbudget.planning import difference
    from optbudget.report.explaining import difference_grid, difference_sentences

    change = difference(before, after)
    sentences = difference_sentences(change)
    parts = {name: float(getattr(change, name).sum()) for name in ("of_units", "of_model", "of_money")}
    run.answer(
        {"change": change.change, **parts, "sentences": sentences, "states": change.to_arrow().to_pylist()}
    )
    run.grids(difference_grid(change))
    for sentence in sentences:
        run.show(sentence)
