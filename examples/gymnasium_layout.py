"""FrozenLake with a purse: how much is surer footing worth?

Gymnasium's toy-text environments give their transitions as `P[state][action]`, a list of (probability,
next state, reward, terminated). Nothing else is needed of Gymnasium here. On this ice a step goes where
it should with probability 1/3 and sideways otherwise; crampons cost 1 for one step and make it sure.
"""

from optbudget import BudgetedMDP, solve

LAKE = ("SFFF", "FHFH", "FFFH", "HFFG")
SIZE = 4
MOVES = {"left": (0, -1), "down": (1, 0), "right": (0, 1), "up": (-1, 0)}
DIRECTIONS = list(MOVES.values())


def step(row: int, column: int, direction: int) -> tuple[int, float, bool]:
    down, right = DIRECTIONS[direction]
    row, column = min(max(row + down, 0), SIZE - 1), min(max(column + right, 0), SIZE - 1)
    field = LAKE[row][column]
    return row * SIZE + column, float(field == "G"), field in "GH"


def transitions() -> dict[int, dict[int, list[tuple[float, int, float, bool]]]]:
    """Actions 0-3 are Gymnasium's slippery steps; 4-7 are the same with crampons."""
    P = {}
    for state in range(SIZE * SIZE):
        row, column = divmod(state, SIZE)
        if LAKE[row][column] in "GH":
            P[state] = {action: [(1.0, state, 0.0, True)] for action in range(8)}
            continue
        slippery = {a: [(1 / 3, *step(row, column, b % 4)) for b in (a - 1, a, a + 1)] for a in range(4)}
        P[state] = slippery | {4 + a: [(1.0, *step(row, column, a))] for a in range(4)}
    return P


def main() -> None:
    problem = BudgetedMDP.from_gymnasium(
        transitions(), cost={4: 1.0, 5: 1.0, 6: 1.0, 7: 1.0}, discount=1.0, cost_discount=1.0, horizon=100,
        reward="gross", actions=[*MOVES, *(f"{move} with crampons" for move in MOVES)],
    )  # fmt: skip
    curves = solve(problem, tolerance=1e-6)
    start = curves.curves[0]
    print(f"{curves}\n\nchance to reach the goal within 100 steps, by crampons used in expectation:")
    for budget in (0.0, 0.25, 0.5, 0.75, 1.0, 1.25):
        print(f"  {budget:4.2f}  {start.value(budget):.4f}   one more adds {start.price(budget):.4f}")


if __name__ == "__main__":
    main()
