"""The numbers of models/departments_20, all drawn from one seed.

Each of twenty departments has an operational cost level, the status of its project and the level of its
outcome; revenue and environment are the same for all. In a quarter at most one of four things happens, with

* up: the outcome rises, :math:`r_d\\, m_a\\, g`, with :math:`m_a = (1 + \\Delta_a)^{0.7}` for the budget step
  :math:`\\Delta_a` of the action and g by revenue (0.75, 1, 1.2), times 0.8 if the environment is turbulent;
* down: it falls, :math:`f_d / (1.5 + \\Delta_a / 2)`, times 1.4 if turbulent;
* project: it moves on, :math:`q_d\\, m_a\\, g`; a finished one is followed by the next with 0.15;
* cost: a decrease lowers the operational cost level with 0.2; else it rises with 0.05, or 0.12 if turbulent.

`python -m optbudget.simulate.departments_model models/departments_20` writes the folder's tables.
"""

import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from optbudget.files.departments_folder import write_departments
from optbudget.problems import Departments

REVENUE, ENVIRONMENT = ("low", "normal", "high"), ("calm", "turbulent")
COST_LEVEL, PROJECT = ("lean", "usual", "heavy"), ("planned", "building", "rollout", "done")
OUTCOME = ("poor", "fair", "good", "strong", "excellent")
STEPS = {"decrease": -1, "hold": 0, "increase_1": 1, "increase_2": 2, "increase_3": 3}
"""Each action, and the steps by which it changes the department's budget."""
PRICE = {"decrease": 0.0, "hold": 1.0, "increase_1": 2.0, "increase_2": 3.1, "increase_3": 4.3}
"""What each costs, in units of the department's own size."""

REVENUE_MOVES = ((0.7, 0.3, 0.0), (0.15, 0.7, 0.15), (0.0, 0.35, 0.65))
ENVIRONMENT_MOVES = ((0.85, 0.15), (0.4, 0.6))
PACE = (0.75, 1.0, 1.2)
NUMBER = 20


@dataclass(frozen=True, slots=True)
class Department:
    """What is particular to one department."""

    name: str
    rise: float
    fall: float
    pace: float
    size: float
    points: float
    start: str

    @classmethod
    def drawn(cls, number: int, draws: np.random.Generator) -> "Department":
        ends = ((0.06, 0.12), (0.10, 0.20), (0.04, 0.08), (20.0, 80.0), (0.8, 1.6))
        rise, fall, pace, size, points = (round(float(draws.uniform(*pair)), 3) for pair in ends)
        start = state(1, int(draws.integers(2)), int(draws.integers(1, 4)))
        return cls(f"department_{number}", rise, fall, pace, round(size), points, start)


def state(cost: int, project: int, outcome: int) -> str:
    """The name of a state, such as "usual,planned,good" without its commas."""
    return f"{COST_LEVEL[cost]}-{PROJECT[project]}-{OUTCOME[outcome]}"


def departments_20(seed: int = 42) -> Departments:
    """The twenty departments."""
    draws = np.random.default_rng(seed)
    departments = [Department.drawn(d + 1, draws) for d in range(NUMBER)]
    acts: list[tuple[object, ...]] = []
    moves: list[tuple[object, ...]] = []
    everywhere = list(product(range(3), range(2), range(3), range(4), range(5)))
    for own, (revenue, turbulent, *levels) in product(departments, everywhere):
        for action in STEPS:
            key = (own.name, _regime(revenue, turbulent), state(*levels), action)
            acts.append((*key, *_worth(own, turbulent, tuple(levels), action)))
            moves += [(*key, *to) for to in _moves(own, revenue, turbulent, tuple(levels), action)]
    return Departments.from_tables(
        _regimes(),
        _columns("department regime state action next_state probability", moves),
        _columns("department regime state action cost efficiency risk performance", acts),
        {"department": [d.name for d in departments], "state": [d.start for d in departments]},
        objectives=["efficiency", "-risk", "performance"], total_budget=14_000.0,
        initial_regime="normal_calm", title="Twenty departments", money_unit="kEUR",
        discount=0.98, cost_discount=1.0, horizon=12,
        source="made for optbudget by optbudget/simulate/departments_model.py, seed 42; README.md says how",
    )  # fmt: skip


def _regime(revenue: int, turbulent: int) -> str:
    return f"{REVENUE[revenue]}_{ENVIRONMENT[turbulent]}"


def _regimes() -> dict[str, list[object]]:
    """Revenue and environment move independently."""
    rows: list[tuple[object, ...]] = [
        (_regime(r, e), _regime(r2, e2), round(REVENUE_MOVES[r][r2] * ENVIRONMENT_MOVES[e][e2], 6))
        for r, e, r2, e2 in product(range(3), range(2), range(3), range(2))
        if REVENUE_MOVES[r][r2] > 0
    ]
    return _columns("regime next_regime probability", rows)


def _worth(own: Department, turbulent: int, levels: tuple[int, ...], action: str) -> tuple[float, ...]:
    """Cost, efficiency, risk and performance of an action in a state."""
    cost, project, outcome = levels
    paid = own.size * PRICE[action] * (0.85, 1.0, 1.2)[cost]
    under_way = 0 < project < 3
    risk = 0.6 * turbulent + 0.5 * under_way + 0.7 * (action == "decrease") + 0.3 * (cost == 2)
    performance = own.points * outcome + 2.0 * (project == 3)
    return round(paid, 3), 4.0 - 1.5 * cost, round(risk, 3), round(performance, 3)


def _moves(
    own: Department, revenue: int, turbulent: int, levels: tuple[int, ...], action: str
) -> list[tuple[str, float]]:
    """Where a state leads in a quarter, and how likely; at most one thing changes."""
    cost, project, outcome = levels
    step = STEPS[action]
    means = (1.0 + step) ** 0.7 * PACE[revenue]
    up = own.rise * means * (0.8 if turbulent else 1.0)
    down = own.fall / (1.5 + step / 2) * (1.4 if turbulent else 1.0)
    on = 0.15 if project == 3 else own.pace * means
    drift = -1 if step < 0 else 1
    drifting = 0.2 if step < 0 else 0.12 if turbulent else 0.05
    events = [
        (state(cost, project, min(outcome + 1, 4)), up),
        (state(cost, project, max(outcome - 1, 0)), down),
        (state(cost, (project + 1) % 4, outcome), on),
        (state(min(max(cost + drift, 0), 2), project, outcome), drifting),
    ]
    here = state(*levels)
    moves = [(to, round(chance, 3)) for to, chance in events if to != here and round(chance, 3) > 0]
    return [(here, round(1.0 - sum(chance for _, chance in moves), 3)), *moves]


def _columns(names: str, rows: list[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name: list(column) for name, column in zip(names.split(), zip(*rows, strict=True), strict=True)}


if __name__ == "__main__":
    write_departments(departments_20(), Path(sys.argv[1]))
