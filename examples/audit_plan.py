"""A marketing-mix tool's plan, audited on the tool's own response curves.

Run: python examples/audit_plan.py
"""

from pathlib import Path

from optbudget import verify
from optbudget.files import load_chosen, load_response_curves
from optbudget.planning import audit
from optbudget.report.auditing import audit_grid, audit_sentences
from optbudget.report.tables import print_grids

HERE = Path(__file__).parent


def main() -> None:
    curves = load_response_curves(HERE / "channels.csv")
    plan = load_chosen(HERE / "plan.csv", curves)
    found = audit(curves, plan)
    print_grids([audit_grid(found)])
    print(*audit_sentences(found), sep="\n")
    print("proved without a solver:", verify(found.best).ok and verify(found.relaxed).ok)

    # The bound on paper: the price times the money, and one maximum per channel.
    price, total = found.relaxed.price, float(found.spent)
    most = [
        max(v - price * c for c, v in zip(curves.cost[a:b], curves.value[a:b], strict=True))
        for a, b in zip(curves.ptr[:-1], curves.ptr[1:], strict=True)
    ]
    print(f"by hand: {price:.5f} x {total:g} + {sum(most):.3f} = {price * total + sum(most):.3f}")


if __name__ == "__main__":
    main()
