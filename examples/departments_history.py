"""A budget history of twenty departments whose causal effects are known, harm planted in half of them.

Run: python examples/departments_history.py [DIR]
It writes history.parquet and history.toml, which `optbudget causal` reads.
"""

import sys
from pathlib import Path

from optbudget.files.history_writer import write_history
from optbudget.simulate.departments_equations import departments_equations
from optbudget.simulate.structural import departments_question, draw_history
from optbudget.study.causal_truth import correlational, true_effects


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "departments_history")
    folder.mkdir(exist_ok=True)
    model, question = departments_equations(seed=42), departments_question()
    history = draw_history(model, question, rows=1_000, seed=42)
    write_history(history, folder)

    true, naive = true_effects(model, question), correlational(history)
    print(f"{history} of {model}")
    for d, decision in enumerate(question.decisions):
        for outcome in question.side_effects(decision):
            k = question.outcomes.index(outcome)
            if true[d, k] * question.harm[outcome] > 0.4:
                moved = f"{decision} truly moves {outcome} by {true[d, k]:+.2f}"
                print(f"{moved}; plain regression says {naive[d, k]:+.2f}")
    print(f"Next: optbudget causal {folder}/history.parquet --config {folder}/history.toml --out effects")


if __name__ == "__main__":
    main()
