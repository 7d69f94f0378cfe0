"""A year of a real organisation: every month it splits anew what is left, among units that have moved.

Each month it runs `optbudget allocate RESULT --stage K --population NEW --budget LEFT`, does what the rows
say, pays, and counts who is where a month later. Here the model itself plays the world.
"""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from optbudget import load
from optbudget.cli import app

MODEL = Path(__file__).parents[1] / "models" / "health_network"
BUDGET = 9000.0  # kEUR for 73 services in twelve months


def optbudget(*words: object) -> dict:
    """Run a command and read its --json."""
    said = StringIO()
    with redirect_stdout(said):
        code = app([*map(str, words), "--json", "--quiet"], standalone_mode=False)
    if code:
        raise SystemExit(f"exit {code}: {said.getvalue()}")
    return json.loads(said.getvalue())


def done(rows: list[dict], cost: dict, left: float, draw: np.random.Generator) -> list[dict]:
    """What is done: all rows, but of the one unit that has two, the one drawn, or the cheaper if need be."""
    sure = [row for row in rows if row["probability"] == 1]
    either = sorted((row for row in rows if row["probability"] < 1), key=lambda row: cost[name(row)])
    spent = sum(row["count"] * cost[name(row)] for row in sure)
    if either and draw.random() < either[1]["probability"] and spent + cost[name(either[1])] <= left:
        return [*sure, either[1]]
    return sure + either[:1]


def name(row: dict) -> tuple[str, str]:
    """State and action of a row."""
    return f"{row['type']}/{row['state']}", row["action"]


def main() -> None:
    problem, draw = load(MODEL), np.random.default_rng(0)
    pairs = zip(problem.pair_state.tolist(), problem.pair_action.tolist(), strict=True)
    pair = {(problem.labels[s], problem.actions[a]): k for k, (s, a) in enumerate(pairs)}
    cost = {key: float(problem.cost[k]) for key, k in pair.items()}
    left, earned = BUDGET, 0.0
    with TemporaryDirectory() as place:
        result, people = Path(place) / "year", Path(place) / "people.csv"
        people.write_text((MODEL / "population.csv").read_text())
        optbudget("solve", MODEL, "--keep-stages", "--out", result)
        print("month   money left   one more kEUR is worth   spent   the year, as now expected")
        for month in range(problem.horizon):
            asked = ("--stage", month, "--population", people, "--budget", left, "--out", Path(place) / "now")
            plan = optbudget("allocate", result, *asked)
            rows = done(plan["allocation"], cost, left, draw)
            spent = sum(row["count"] * cost[name(row)] for row in rows)
            year = earned + plan["value"]
            print(f"{month + 1:5} {left:12,.0f} {plan['price']:24.3f} {spent:7,.0f} {year:27,.0f}")
            count = np.zeros(problem.n_states, dtype=int)
            for row in rows:
                chances = problem.pair_row[pair[name(row)]]
                to = slice(*problem.row_ptr[chances : chances + 2])
                moved = draw.multinomial(row["count"], problem.probability[to])
                np.add.at(count, problem.next_state[to], moved)
                earned += row["count"] * problem.pair_reward[pair[name(row)]]
            left -= spent
            named = [f"{s.replace('/', ',')},{n}" for s, n in zip(problem.labels, count, strict=True)]
            people.write_text("\n".join(["type,state,count", *named, ""]))
    print(f"the year became {earned + count @ problem.terminal_utility:,.0f}, and {left:,.0f} kEUR are left")


if __name__ == "__main__":
    main()
