"""What a page says of an answer: the question, the answer, the proof; here of plans beyond one split.

The words of a bound are those of what it holds for: policies within the budget, within the limits too, with
those who come counted by their means, or within every budget line. A bound is never said of more.
"""

from dataclasses import dataclass

from optbudget.allocation import worth_of_more
from optbudget.problems import Allocation, ArrivalAllocation, PolicyMixture
from optbudget.report.budget_lines import line_grid, mixture_grid, plan_grid
from optbudget.report.planning_tables import arrivals_grid, arrivals_summary_grid
from optbudget.report.tables import Grid, allocation_grid
from optbudget.report.words import number, plural
from optbudget.status import Solution


@dataclass(frozen=True, slots=True)
class PlanWords:
    """What was asked, the answer in a sentence, what is proved of it, its tables, and how it was found."""

    asked: str
    answered: str
    proof: list[str]
    tables: tuple[Grid, ...]
    method: str


def more_money_words(answer: Allocation) -> str:
    """What one more unit of the whole budget would add, as the end of a sentence."""
    worth = worth_of_more(answer)
    if worth > 0:
        return f"; one more unit of money would add {number(worth, 4)}."
    if worth < 0:
        return f"; one more unit of money would cost {number(-worth, 4)}, since it raises the least shares."
    return "; more money would add nothing."


def words_of_arrivals(answer: ArrivalAllocation, sound: bool) -> PlanWords:
    """A budget for those here and those to come."""
    here, coming = plural(answer.here.population.size, "unit"), number(answer.arrivals.total)
    asked = (
        f"How should a budget of {number(answer.budget, 10)} be split between the {here} here and the "
        f"{coming} expected to come, so that together they are worth most?"
    )
    value, most = number(answer.value, 7), number(answer.bound, 7)
    if not sound:
        answered = f"The result states a value of {value}. The check did not confirm it."
    else:
        answered = (
            f"The best plan gives {number(answer.here.spent)} to those here, sets {number(answer.set_aside)} "
            f"aside for those to come, and is worth {value}"
        )
        if answer.outcome.solution is Solution.CERTIFIED:
            answered += f". It is proved that nothing within the budget is worth more than {most}"
        more = f"would add {number(answer.price, 4)}" if answer.price > 0 else "would add nothing"
        answered += f"; one more unit of money {more}."
    proof = [
        f"The plan achieves {number(answer.value, 12)} and spends {number(answer.spent, 12)}, both in "
        "expectation, over who comes too.",
        f"No policy whose expected spend keeps the budget is worth more than {number(answer.bound, 12)}, "
        "whatever the law of the numbers that come, if these are their means and no decision changes them: "
        "at one price of money all units separate, those here and those to come.",
        f"The difference is {answer.gap_absolute:.2g}, a relative gap of {answer.gap:.2g}.",
    ]
    if answer.outcome.solution is not Solution.CERTIFIED:
        proof[1:] = ["No upper bound was proved for it."]
    tables = (arrivals_summary_grid(answer), allocation_grid(answer.here), arrivals_grid(answer))
    return PlanWords(asked, answered, proof, tables, f"curves by {answer.curves.method}")


def words_of_lines(answer: PolicyMixture, sound: bool) -> PlanWords:
    """Several budget lines."""
    lines = plural(answer.price.size, "budget line")
    units = plural(answer.population.size, "unit")
    asked = f"How should {lines} be used for {units}, so that together they are worth most?"
    value, most = number(answer.value, 7), number(answer.bound, 7)
    answered = f"The result states a value of {value}. The check did not confirm it."
    certified = answer.outcome.solution is Solution.CERTIFIED
    if sound:
        answered = f"The plan is worth {value}"
        answered += (
            f", and it is proved that nothing within the lines is worth more than {most}."
            if certified
            else "; no upper bound was proved for it."
        )
    proof = [
        f"The plan mixes {plural(answer.share.size, 'policy', 'policies')} and achieves "
        f"{number(answer.value, 12)} in expectation; every line is kept in expectation.",
        f"No policy that keeps every line in expectation is worth more than {number(answer.bound, 12)}: at "
        "one price for each line the units separate, and the lines at their prices and the units at theirs "
        "sum to the bound.",
        f"The difference is {answer.gap_absolute:.2g}, a relative gap of {answer.gap:.2g}.",
    ]
    if not certified:
        proof[1:] = ["No upper bound was proved for it."]
    tables = (plan_grid(answer), line_grid(answer), mixture_grid(answer))
    return PlanWords(asked, answered, proof, tables, "policies by column generation")
