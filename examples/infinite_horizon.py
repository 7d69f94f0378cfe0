"""Machines that run for ever: what is a maintenance budget worth, and which machines get it?

Two kinds of pump wear out in three steps. Overhauling costs more than greasing and does more. Money
and output are both discounted by 0.97 a month, so a budget is the present value of what may be spent.
"""

from optbudget import BudgetedMDP, Population, allocate, solve

OUTPUT = {"good": 10.0, "worn": 7.0, "failing": 2.0}
WEAR = {"small": 0.10, "large": 0.25}
COST = {"small": {"grease": 1.0, "overhaul": 6.0}, "large": {"grease": 2.0, "overhaul": 9.0}}
NEXT = {"good": "worn", "worn": "failing", "failing": "failing"}
BACK = {"failing": "worn", "worn": "good", "good": "good"}


def rows() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    actions: list[dict[str, object]] = []
    transitions: list[dict[str, object]] = []
    for kind, wear in WEAR.items():
        for state, output in OUTPUT.items():
            here = {"type": kind, "state": state}
            after = {
                "nothing": {state: 1 - wear, NEXT[state]: wear},
                "grease": {state: 1 - wear / 3, NEXT[state]: wear / 3},
                "overhaul": {BACK[state]: 0.9, state: 0.1},
            }
            for action, chances in after.items():
                cost = COST[kind].get(action, 0.0)
                scale = 1.0 if kind == "small" else 2.0
                actions.append({**here, "action": action, "cost": cost, "utility": scale * output})
                if len(chances) == 1 or state == "failing":
                    chances = {j: p for j, p in chances.items() if j != state}
                    chances[state] = 1 - sum(chances.values())
                transitions += [
                    {**here, "action": action, "next_state": j, "probability": p} for j, p in chances.items()
                ]
    return transitions, actions


def columns(table: list[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in table] for name in table[0]}


def main() -> None:
    transitions, actions = (columns(table) for table in rows())
    problem = BudgetedMDP.from_tables(
        transitions,
        actions,
        discount=0.97,
        cost_discount=0.97,
        horizon=None,
        reward="gross",
        money_unit="kEUR",
    )
    curves = solve(problem, tolerance=1e-6)
    for label in problem.labels:
        print(f"{label:14s} {curves[label]}")
    fleet = Population.at(problem, {"small/good": 30, "small/failing": 10, "large/worn": 20})
    split = allocate(curves, fleet, 1500.0)
    print(f"\n{split}")
    for row in split.to_arrow().to_pylist():
        print(
            "  {count:3d} {type}/{state}: {budget:8.3f} each, now {action} ({probability:.3f})".format(**row)
        )


if __name__ == "__main__":
    main()
