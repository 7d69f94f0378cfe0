"""A finance director's questions about a split: why no more here, what would change it, what did change.

Run: python examples/why_not_more.py
"""

from pathlib import Path

from optbudget import Population, allocate, explain, load, solve
from optbudget.planning import difference
from optbudget.report.explaining import (
    difference_grid,
    difference_sentences,
    explanation_grid,
    explanation_sentences,
    state_sentences,
)
from optbudget.report.tables import print_grids

MODELS = Path(__file__).parents[1] / "models"


def main() -> None:
    curves = solve(load(MODELS / "synthetic_ad"), tolerance=1e-9)
    march = Population.at(curves.problem, {"begin": 1000, "search_1": 200, "search_3": 50, "ours_1": 30})
    april = Population.at(curves.problem, {"begin": 900, "search_1": 260, "search_3": 70, "ours_2": 20})

    before = allocate(curves, march, 2000.0)
    why = explain(before)
    print_grids([explanation_grid(why)])
    print(*explanation_sentences(why), sep="\n")

    print("\nWhy does search_1 get so little?")
    print(*state_sentences(why, "search_1"), sep="\n")

    print("\nAnd what changed in April?")
    change = difference(before, allocate(curves, april, 2400.0))
    print_grids([difference_grid(change)])
    print(*difference_sentences(change), sep="\n")


if __name__ == "__main__":
    main()
